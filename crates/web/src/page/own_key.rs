//! A person's own keys, and what is sealed to them.

use alliance::OwnKeyAct;
use askama::Template;
use custody::{
    MAX_RSA_BITS, MIN_RSA_BITS, OwnFile, OwnFileId, OwnFormat, OwnKey, OwnKeyError, OwnKeyKind,
    OwnKeyState, OwnKeyView, OwnKeysError, OwnKeysView, OwnTotal,
};
use model::{DeploymentId, Retention, ThingId, Timestamp};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::texts::Texts;

const DAY_MILLIS: i64 = 86_400_000;

/// What a form led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnKeyNews {
    /// A key was taken; its word is asked for.
    Added,
    /// The word was right.
    Proved,
    /// Nothing is sealed to a key any more.
    Retired,
    /// History is sealed from now on.
    Begun,
    /// History is sealed no further.
    Stopped,
    /// Who asks has not proved who they are.
    NotProved,
    /// The word was wrong.
    WrongWord,
    /// The key is not there any more.
    Gone,
    /// There is no proved key.
    NoKey,
    /// There is one key only.
    OneKey,
    /// There are too many keys.
    TooMany,
    /// The text is no key.
    Key(OwnKeyError),
    /// The key cannot stand beside the others.
    Keys(OwnKeysError),
}

impl OwnKeyNews {
    /// Whether nothing was changed.
    pub(crate) const fn is_problem(&self) -> bool {
        !matches!(
            self,
            Self::Added | Self::Proved | Self::Retired | Self::Begun | Self::Stopped
        )
    }

    /// What the account did, where it did something.
    pub(crate) const fn act(&self) -> Option<OwnKeyAct> {
        Some(match self {
            Self::Added => OwnKeyAct::Added,
            Self::Proved => OwnKeyAct::Proved,
            Self::Retired => OwnKeyAct::Removed,
            Self::Begun => OwnKeyAct::Begun,
            Self::Stopped => OwnKeyAct::Stopped,
            _ => return None,
        })
    }

    fn words(&self, shell: &Texts) -> String {
        let key = match self {
            Self::Added => "seal-added",
            Self::Proved => "seal-proved",
            Self::Retired => "seal-retired-now",
            Self::Begun => "seal-begun",
            Self::Stopped => "seal-stopped",
            Self::NotProved => "seal-not-proved",
            Self::WrongWord => "seal-wrong-word",
            Self::Gone => "seal-gone",
            Self::NoKey => "seal-no-key",
            Self::OneKey => "seal-one-key",
            Self::TooMany | Self::Keys(OwnKeysError::Count) => "seal-too-many",
            Self::Keys(OwnKeysError::Twice) => "seal-twice",
            Self::Keys(OwnKeysError::Mixed) => "seal-mixed",
            Self::Keys(OwnKeysError::Formats) => "seal-formats",
            Self::Key(error) => return wrong(shell, error),
        };
        shell.say(key)
    }
}

fn wrong(shell: &Texts, error: &OwnKeyError) -> String {
    let key = match error {
        OwnKeyError::Empty => "seal-bad-empty",
        OwnKeyError::Several => "seal-bad-several",
        OwnKeyError::Secret => "seal-bad-secret",
        OwnKeyError::TooLong => "seal-bad-long",
        OwnKeyError::Expired => "seal-bad-expired",
        OwnKeyError::Revoked => "seal-bad-revoked",
        OwnKeyError::SignOnly => "seal-bad-signs",
        OwnKeyError::OpenPgpVersion | OwnKeyError::OpenPgpKind => "seal-bad-openpgp",
        OwnKeyError::OldHash => "seal-bad-hash",
        OwnKeyError::Plugin => "seal-bad-plugin",
        OwnKeyError::SshKind => "seal-bad-ssh",
        OwnKeyError::Weak => "seal-bad-weak",
        OwnKeyError::RsaBits { .. } => {
            let message = shell.with("seal-bad-rsa");
            let message = message.set("least", MIN_RSA_BITS).set("most", MAX_RSA_BITS);
            return message.to_string();
        }
        OwnKeyError::Damaged => "seal-bad-damaged",
        _ => "seal-bad-unknown",
    };
    shell.say(key)
}

/// Where a person brings their keys.
#[derive(Template)]
#[template(path = "own_key.html")]
pub(crate) struct OwnKeyPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// The keys and what is sealed.
    pub(crate) view: OwnKeysView,
    /// What a form led to.
    pub(crate) news: Option<OwnKeyNews>,
}

impl OwnKeyPage {
    fn failed(&self) -> bool {
        self.news.as_ref().is_some_and(OwnKeyNews::is_problem)
    }

    fn kind(&self, key: &OwnKeyView) -> String {
        self.shell.say(match key.key.kind() {
            OwnKeyKind::Age => "seal-kind-age",
            OwnKeyKind::AgeQuantum => "seal-kind-quantum",
            OwnKeyKind::SshEd25519 => "seal-kind-ed25519",
            OwnKeyKind::SshRsa => "seal-kind-rsa",
            OwnKeyKind::OpenPgp => "seal-kind-openpgp",
        })
    }

    fn state(&self, key: &OwnKeyView) -> String {
        let (name, at) = match &key.state {
            OwnKeyState::Asked { .. } => ("seal-state-asked", key.added_at),
            OwnKeyState::Proved(at) => ("seal-state-proved", *at),
            OwnKeyState::Retired(at) => ("seal-state-retired", *at),
        };
        let message = self.shell.with(name);
        message.set("date", self.shell.day(&at)).to_string()
    }

    fn asked<'a>(&self, key: &'a OwnKeyView) -> Option<&'a str> {
        match &key.state {
            OwnKeyState::Asked { challenge } => Some(challenge),
            _ => None,
        }
    }

    /// What opens the file of a key's word.
    fn opens_word(&self, key: &OwnKeyView) -> &'static str {
        match key.key.kind().format() {
            OwnFormat::Age => "age -d -i key.txt word.txt",
            OwnFormat::OpenPgp => "gpg -d word.txt",
        }
    }

    fn is_retired(&self, key: &OwnKeyView) -> bool {
        matches!(key.state, OwnKeyState::Retired(_))
    }

    /// The first day that is sealed; `None` where everything is.
    fn since(&self) -> Option<Timestamp> {
        let day = self.view.since_day.filter(|it| *it > 0)?;
        Some(Timestamp::from_millis(day.saturating_mul(DAY_MILLIS)))
    }

    fn has_recovery(&self) -> bool {
        let mut keys = self.view.keys.iter();
        keys.any(|it| it.is_recovery && !self.is_retired(it))
    }
}

/// The sealed files of a day.
#[derive(Debug, Clone)]
pub(crate) struct SealedDay {
    /// Its first instant (UTC).
    pub(crate) start: Timestamp,
    /// Its files.
    pub(crate) files: Vec<OwnFile>,
}

impl SealedDay {
    /// Files by day, in their order.
    pub(crate) fn group(files: Vec<OwnFile>) -> Vec<Self> {
        let mut days: Vec<Self> = Vec::new();
        for file in files {
            let start = Timestamp::from_millis(file.day.saturating_mul(DAY_MILLIS));
            match days.last_mut().filter(|it| it.start == start) {
                Some(day) => day.files.push(file),
                None => days.push(Self {
                    start,
                    files: vec![file],
                }),
            }
        }
        days
    }
}

/// What is sealed to a person's keys: nobody but they can open it.
#[derive(Template)]
#[template(path = "sealed.html")]
pub(crate) struct SealedPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// All of it.
    pub(crate) total: OwnTotal,
    /// The files of this page.
    pub(crate) days: Vec<SealedDay>,
    /// The next page.
    pub(crate) older: Option<Route>,
}

impl SealedPage {
    /// Whether a file of this page is of a format.
    fn has(&self, format: OwnFormat) -> bool {
        let mut files = self.days.iter().flat_map(|it| &it.files);
        files.any(|it| it.format == format)
    }

    fn bytes(&self, bytes: &u64) -> String {
        super::export::size(&self.shell, bytes)
    }
}

const SAMPLE_KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const SAMPLE_RECOVERY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJVw8GmtgUqboFy0Awrj3Z+HapQAQ3hJ0A6KC42AjxyV";
const SAMPLE_FILE: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n\
    YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBPNkRMeC93RElhd3BVQzk3\n\
    -----END AGE ENCRYPTED FILE-----\n";

fn sample_key(text: &str, is_recovery: bool, state: OwnKeyState) -> Option<OwnKeyView> {
    Some(OwnKeyView {
        id: text.get(..8)?.to_ascii_lowercase(),
        key: OwnKey::from_kept(text).ok()?,
        is_recovery,
        added_at: sample::NOW,
        state,
    })
}

fn sample_file(number: u64) -> Option<OwnFile> {
    let home = sample::home();
    Some(OwnFile {
        id: format!("{number:016x}").parse::<OwnFileId>().ok()?,
        day: sample::NOW.day() - i64::try_from(number / 2).ok()?,
        deployment: DeploymentId::clone(&home.deployment),
        thing: ThingId::parse(if number.is_multiple_of(2) {
            "meter-12"
        } else {
            "meter-7"
        })
        .ok()?,
        retention: Retention::from_days(30),
        first_at: sample::NOW,
        last_at: sample::NOW,
        vanishes_at: sample::NOW.plus_millis(30 * DAY_MILLIS),
        readings: 1_440 + number,
        bytes: 215_000,
        format: OwnFormat::Age,
    })
}

const SAMPLE_TOTAL: OwnTotal = OwnTotal {
    files: 24,
    days: 12,
    readings: 34_560,
    bytes: 5_160_000,
};

impl Page for OwnKeyPage {
    const NAME: &'static str = "own-key";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let challenge = SAMPLE_FILE.to_owned();
        let asked = sample_key(SAMPLE_KEY, false, OwnKeyState::Asked { challenge });
        let proved = sample_key(SAMPLE_KEY, false, OwnKeyState::Proved(sample::NOW));
        let challenge = SAMPLE_FILE.to_owned();
        let recovery = sample_key(SAMPLE_RECOVERY, true, OwnKeyState::Asked { challenge });
        let retired = sample_key(SAMPLE_RECOVERY, false, OwnKeyState::Retired(sample::NOW));
        let page = |keys: Vec<Option<OwnKeyView>>, since_day, sealed, news| Self {
            shell: sample::signed_in(shell, Route::OwnKey),
            form: FormToken::sample(),
            view: OwnKeysView {
                keys: keys.into_iter().flatten().collect(),
                since_day,
                sealed,
            },
            news,
        };
        let none = OwnTotal::default();
        let today = Some(sample::NOW.day());
        vec![
            ("new", page(Vec::new(), None, none, None)),
            (
                "asked",
                page(vec![asked.clone()], None, none, Some(OwnKeyNews::Added)),
            ),
            ("proved", page(vec![proved.clone()], None, none, None)),
            (
                "sealing",
                page(
                    vec![proved.clone(), recovery, retired],
                    today,
                    SAMPLE_TOTAL,
                    None,
                ),
            ),
            (
                "everything",
                page(vec![proved.clone()], Some(0), SAMPLE_TOTAL, None),
            ),
            (
                "refused",
                page(
                    vec![proved.clone()],
                    None,
                    none,
                    Some(OwnKeyNews::Key(OwnKeyError::RsaBits { bits: 2_048 })),
                ),
            ),
            (
                "denied",
                page(vec![proved], None, none, Some(OwnKeyNews::NotProved)),
            ),
        ]
    }
}

impl Page for SealedPage {
    const NAME: &'static str = "sealed";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let files: Vec<_> = (0..6).filter_map(sample_file).collect();
        let older = files.last().map(|it| Route::Sealed {
            before: Some((it.day, it.id)),
        });
        let shell = || sample::signed_in(shell, Route::Sealed { before: None });
        let empty = Self {
            shell: shell(),
            total: OwnTotal::default(),
            days: Vec::new(),
            older: None,
        };
        let full = Self {
            shell: shell(),
            total: SAMPLE_TOTAL,
            days: SealedDay::group(files),
            older,
        };
        vec![("empty", empty), ("full", full)]
    }
}

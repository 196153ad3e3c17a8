//! The safety of an account: how its owner signs in, where they are signed in, what happened to it.

use alliance::{
    Browser, Device, EVENT_LIFETIME_MILLIS, EventKind, MAX_EVENTS, MAX_PASSKEYS,
    MAX_PASSWORD_CHARS, MAX_SESSIONS, MIN_PASSWORD_CHARS, OperatorAccess, PasskeyLine,
    PasswordLine, SecurityEvent, Session, SignInWay, System, WaysIn,
};
use askama::Template;
use data_encoding::BASE64URL_NOPAD;
use model::Timestamp;

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// What a passkey form asks the browser for.
#[derive(Debug, Clone)]
pub(crate) struct PasskeyAsk {
    /// What the device signs.
    pub(crate) challenge: String,
    /// The host for which it does.
    pub(crate) site: String,
}

impl PasskeyAsk {
    /// One for pages that are only looked at.
    pub(crate) fn sample() -> Self {
        Self {
            challenge: "AAAA".to_owned(),
            site: "amanat.example".to_owned(),
        }
    }
}

/// What was done, or why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SafetyNews {
    Proved,
    PasswordSet,
    PasswordRemoved,
    PasskeyAdded,
    PasskeyRemoved,
    SessionEnded,
    OthersEnded,
    AccessRefused,
    NotProved,
    Wrong,
    Wait,
    Name,
    NameTaken,
    PasswordShort,
    PasswordLong,
    PasswordCommon,
    PasskeyName,
    PasskeyTooMany,
    PasskeyKnown,
    PasskeyFailed,
}

impl SafetyNews {
    /// Every one.
    const ALL: [Self; 20] = [
        Self::Proved,
        Self::PasswordSet,
        Self::PasswordRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::SessionEnded,
        Self::OthersEnded,
        Self::AccessRefused,
        Self::NotProved,
        Self::Wrong,
        Self::Wait,
        Self::Name,
        Self::NameTaken,
        Self::PasswordShort,
        Self::PasswordLong,
        Self::PasswordCommon,
        Self::PasskeyName,
        Self::PasskeyTooMany,
        Self::PasskeyKnown,
        Self::PasskeyFailed,
    ];

    /// Whether nothing was done.
    pub(crate) const fn is_problem(self) -> bool {
        !matches!(
            self,
            Self::Proved
                | Self::PasswordSet
                | Self::PasswordRemoved
                | Self::PasskeyAdded
                | Self::PasskeyRemoved
                | Self::SessionEnded
                | Self::OthersEnded
                | Self::AccessRefused
        )
    }

    /// In words.
    pub(crate) fn words(self, shell: &Shell) -> String {
        let key = match self {
            Self::Proved => "safety-done-proved",
            Self::PasswordSet => "safety-done-password",
            Self::PasswordRemoved => "safety-done-password-removed",
            Self::PasskeyAdded => "safety-done-passkey",
            Self::PasskeyRemoved => "safety-done-passkey-removed",
            Self::SessionEnded => "safety-done-session",
            Self::OthersEnded => "safety-done-others",
            Self::AccessRefused => "safety-done-refused",
            Self::NotProved => "safety-not-proved",
            Self::Wrong => "safety-wrong",
            Self::Wait => "sign-in-wait",
            Self::Name => "safety-bad-name",
            Self::NameTaken => "safety-name-taken",
            Self::PasswordShort => "safety-password-short",
            Self::PasswordLong => "safety-password-long",
            Self::PasswordCommon => "safety-password-common",
            Self::PasskeyName => "safety-bad-passkey-name",
            Self::PasskeyTooMany => "safety-passkey-many",
            Self::PasskeyKnown => "safety-passkey-known",
            Self::PasskeyFailed => "passkey-not-made",
        };
        shell
            .with(key)
            .set("least", MIN_PASSWORD_CHARS)
            .set("most", MAX_PASSWORD_CHARS)
            .to_string()
    }
}

/// A browser and a device in words.
pub(crate) fn device(shell: &Shell, device: &Device) -> String {
    let browser = shell.say(match device.browser {
        Browser::Firefox => "browser-firefox",
        Browser::Chrome => "browser-chrome",
        Browser::Edge => "browser-edge",
        Browser::Opera => "browser-opera",
        Browser::Samsung => "browser-samsung",
        Browser::Safari => "browser-safari",
        Browser::Other => "browser-other",
    });
    let system = shell.say(match device.system {
        System::Android => "system-android",
        System::Iphone => "system-iphone",
        System::Ipad => "system-ipad",
        System::Windows => "system-windows",
        System::Mac => "system-mac",
        System::Linux => "system-linux",
        System::Other => "system-other",
    });
    let both = shell.with("safety-device").set("browser", browser);
    both.set("system", system).to_string()
}

/// What happened, in words.
fn event(shell: &Shell, event: &SecurityEvent) -> String {
    let key = match event.kind {
        EventKind::SignedInByLink => "event-signed-in-link",
        EventKind::SignedInByPassword => "event-signed-in-password",
        EventKind::SignedInByPasskey => "event-signed-in-passkey",
        EventKind::SignedInByRecoveryCode => "event-signed-in-code",
        EventKind::WrongPassword => "event-wrong-password",
        EventKind::PasskeyCopied => "event-passkey-copied",
        EventKind::PasswordSet => "event-password-set",
        EventKind::PasswordRemoved => "event-password-removed",
        EventKind::PasskeyAdded => "event-passkey-added",
        EventKind::PasskeyRemoved => "event-passkey-removed",
        EventKind::CodesMade => "event-codes-made",
        EventKind::SessionEnded => "event-session-ended",
        EventKind::OthersEnded => "event-others-ended",
        EventKind::AccessAsked => "event-access-asked",
        EventKind::AccessApproved => "event-access-approved",
        EventKind::AccessRefused => "event-access-refused",
        EventKind::AccessUsed => "event-access-used",
        EventKind::CredentialRenewed => "event-credential-renewed",
        EventKind::CredentialRevoked => "event-credential-revoked",
        EventKind::ExportBroughtBack => "event-export-brought-back",
        EventKind::OwnKeyAdded => "event-own-key-added",
        EventKind::OwnKeyProved => "event-own-key-proved",
        EventKind::OwnKeyRemoved => "event-own-key-removed",
        EventKind::SealingBegun => "event-sealing-begun",
        EventKind::SealingStopped => "event-sealing-stopped",
    };
    shell.with(key).set("count", event.times).to_string()
}

/// Whether an event came from a browser at all: what the operator does, does not.
const fn is_from_browser(event: &SecurityEvent) -> bool {
    !matches!(
        event.kind,
        EventKind::AccessAsked
            | EventKind::AccessApproved
            | EventKind::AccessUsed
            | EventKind::ExportBroughtBack
    )
}

/// What the page of an account's safety shows.
#[derive(Template)]
#[template(path = "safety.html")]
pub(crate) struct SafetyPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// The account: what devices call it.
    pub(crate) account: String,
    /// Whether its owner proved a short time ago who they are.
    pub(crate) proved: bool,
    /// How they sign in.
    pub(crate) ways: WaysIn,
    /// Where they are signed in.
    pub(crate) sessions: Vec<Session>,
    /// What the operator asks for.
    pub(crate) accesses: Vec<OperatorAccess>,
    /// What a passkey form asks for.
    pub(crate) passkey: Option<PasskeyAsk>,
    /// The name that stands in the form.
    pub(crate) name: String,
    /// What was done or not.
    pub(crate) news: Option<SafetyNews>,
    /// What would remove the last way in, and of what.
    pub(crate) confirm: Option<(&'static str, String)>,
}

impl SafetyPage {
    fn failed(&self) -> bool {
        self.news.is_some_and(SafetyNews::is_problem)
    }

    fn used(&self, since: &Timestamp, used: &Option<Timestamp>) -> String {
        let day = self.shell.day(since);
        match used {
            None => self.shell.with("safety-added").set("day", day).to_string(),
            Some(used) => {
                let text = self.shell.with("safety-added-used").set("day", day);
                text.set("used", self.shell.moment(used)).to_string()
            }
        }
    }

    fn seen(&self, session: &Session) -> String {
        let key = match session.way {
            SignInWay::Link => "safety-session-link",
            SignInWay::Password => "safety-session-password",
            SignInWay::Passkey => "safety-session-passkey",
            SignInWay::RecoveryCode => "safety-session-code",
        };
        let text = self.shell.with(key);
        text.set("since", self.shell.moment(&session.started_at))
            .set("seen", self.shell.moment(&session.seen_at))
            .to_string()
    }

    /// The passkeys that a device must not make again.
    fn known(&self) -> String {
        let known = self.ways.passkeys.iter();
        let known = known.map(|it| BASE64URL_NOPAD.encode(&it.credential));
        known.collect::<Vec<_>>().join(" ")
    }
}

fn sample_ways() -> WaysIn {
    WaysIn {
        password: Some(PasswordLine {
            name: "sana.khan".to_owned(),
            set_at: sample::NOW,
            used_at: Some(sample::NOW),
        }),
        passkeys: vec![PasskeyLine {
            id: "abcdefghijklmnop".to_owned(),
            credential: vec![1, 2, 3],
            name: "My telephone".to_owned(),
            added_at: sample::NOW,
            used_at: None,
        }],
        codes: 7,
    }
}

fn sample_sessions() -> Vec<Session> {
    let one = |browser, system, way, is_this| Session {
        id: "abcdefghijklmnop".to_owned(),
        way,
        device: Device { browser, system },
        started_at: sample::NOW.plus_millis(-86_400_000),
        seen_at: sample::NOW,
        is_this,
    };
    let mut all = vec![one(
        Browser::Samsung,
        System::Android,
        SignInWay::Passkey,
        true,
    )];
    let ways = [
        SignInWay::Password,
        SignInWay::Link,
        SignInWay::RecoveryCode,
    ];
    for (number, browser) in Browser::ALL.iter().enumerate() {
        let system = System::ALL.get(number).copied().unwrap_or(System::Other);
        let way = ways.get(number % 3).copied().unwrap_or(SignInWay::Link);
        all.push(one(*browser, system, way, false));
    }
    all
}

impl Page for SafetyPage {
    const NAME: &'static str = "safety";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |proved, ways: WaysIn| Self {
            shell: sample::signed_in(shell, Route::Safety),
            form: FormToken::sample(),
            account: "p-abcdefghijklmnop".to_owned(),
            proved,
            ways,
            sessions: sample_sessions().into_iter().take(1).collect(),
            accesses: Vec::new(),
            passkey: Some(PasskeyAsk::sample()),
            name: String::new(),
            news: None,
            confirm: None,
        };
        let mut full = page(true, sample_ways());
        full.sessions = sample_sessions();
        let mut most = page(true, sample_ways());
        let last_one = sample_sessions().pop();
        most.sessions = last_one.into_iter().cycle().take(MAX_SESSIONS).collect();
        let one = most.ways.passkeys.pop();
        most.ways.passkeys = one.into_iter().cycle().take(MAX_PASSKEYS).collect();
        let mut last = page(true, sample_ways());
        last.confirm = Some(("password-remove", String::new()));
        let mut asked = page(false, sample_ways());
        asked.accesses = vec![OperatorAccess {
            id: "abcdefghijklmnop".to_owned(),
            asked_at: sample::NOW,
            approved_at: None,
            ended_at: None,
            used_at: None,
        }];
        let mut plain = page(true, WaysIn::default());
        plain.passkey = None;
        let mut all = vec![
            ("full", full),
            ("most", most),
            ("empty", plain),
            ("last", last),
            ("asked", asked),
        ];
        for news in SafetyNews::ALL {
            let mut told = page(!matches!(news, SafetyNews::NotProved), WaysIn::default());
            told.news = Some(news);
            let name = match news {
                SafetyNews::PasswordSet => "done",
                SafetyNews::NotProved => "error-not-proved",
                SafetyNews::PasswordCommon => "error-common",
                _ => continue,
            };
            all.push((name, told));
        }
        all
    }
}

/// Recovery codes, this once.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
pub(crate) struct RecoveryCodesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The codes, as people type them.
    pub(crate) codes: Vec<String>,
}

impl Page for RecoveryCodesPage {
    const NAME: &'static str = "recovery-codes";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::signed_in(shell, Route::Safety);
        let codes = vec!["abcd-efgh-2345-wxyz".to_owned(); alliance::RECOVERY_CODES];
        vec![("full", Self { shell, codes })]
    }
}

/// What happened to an account.
#[derive(Template)]
#[template(path = "safety_events.html")]
pub(crate) struct SafetyEventsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Newest first.
    pub(crate) events: Vec<SecurityEvent>,
}

impl SafetyEventsPage {
    #[expect(clippy::unused_self, reason = "templates call methods")]
    const fn days(&self) -> i64 {
        EVENT_LIFETIME_MILLIS / 86_400_000
    }
}

impl Page for SafetyEventsPage {
    const NAME: &'static str = "safety-events";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |events| Self {
            shell: sample::signed_in(shell, Route::SafetyEvents),
            events,
        };
        let event = |(kind, times): (&EventKind, i64)| SecurityEvent {
            at: sample::NOW,
            kind: *kind,
            device: Device {
                browser: Browser::Firefox,
                system: System::Linux,
            },
            times,
        };
        let all = EventKind::ALL.iter().cycle().zip(1..).map(event);
        let all = all.take(MAX_EVENTS.into()).collect();
        vec![("full", page(all)), ("empty", page(Vec::new()))]
    }
}

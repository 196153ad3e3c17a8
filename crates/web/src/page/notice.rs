//! The public notice of a deployment (the page behind its QR code), and the sign that carries the code.

use std::collections::BTreeSet;
use std::sync::Arc;

use alliance::cases::SanctionKind;
use askama::Template;
use custody::{CommandCounts, SourceCounts};
use model::{
    CapTarget, Declaration, Field, LegalBasis, Level, LicenceState, Model, Notice, Purpose,
    Retention, Sensitivity, Timestamp,
};

use super::limits::limits_of_samples;
use super::{DriftLine, DriftName, DriftReason, EntryLine, LimitLine, MemberLink, Page, sample};
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::view::commands;

/// How many fields the sign names before it says "and more".
const SIGN_FIELDS: usize = 6;

/// Whether a deployment may run, since when, and why.
#[derive(Debug, Clone)]
pub(crate) struct Licence {
    /// The state.
    pub(crate) state: LicenceState,
    /// Since when; `None` where it was never licensed.
    pub(crate) since: Option<Timestamp>,
    /// The reason of the last act; empty where none was given.
    pub(crate) reason: String,
    /// The entry of the last act.
    pub(crate) entry: Option<u64>,
}

/// What is known about whoever reads a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Nobody is signed in.
    Stranger,
    /// Signed in, and the devices sense them.
    Concerned,
    /// Signed in, and the devices do not sense them.
    Unconcerned,
}

/// How exact some fields pass.
struct Precision<'a> {
    is_exact: bool,
    words: String,
    titles: Vec<&'a str>,
}

/// Whether two declarations differ in their fields and precision only.
fn is_alike(a: &Declaration, b: &Declaration) -> bool {
    let terms = |it: &Declaration| (it.basis, it.retention);
    terms(a) == terms(b) && a.recipients == b.recipients && a.source == b.source
}

/// Whether the devices may know who somebody is, as far as a notice tells: it names a field that says so, asks people
/// for their word, or measures what shows habits.
fn names_people(notice: &Notice) -> bool {
    let asks = |it: &Declaration| matches!(it.basis, LegalBasis::Consent | LegalBasis::Contract);
    notice.subject_field.is_some()
        || notice.declarations.iter().any(asks)
        || notice
            .fields
            .iter()
            .any(|it| it.sensitivity >= Sensitivity::Medium)
}

/// What the notice page shows.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct NoticePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The notice in force.
    pub(crate) notice: Arc<Notice>,
    /// Who answers for the deployment.
    pub(crate) controller: MemberLink,
    /// Whether it may run.
    pub(crate) licence: Licence,
    /// The undeclared values that were seen last.
    pub(crate) drift: Vec<DriftLine>,
    /// Whether there are undeclared values that are not in `drift`.
    pub(crate) more_drift: bool,
    /// Who reads.
    pub(crate) reader: Reader,
    /// Whether somebody is linked to one of the devices.
    pub(crate) senses_people: bool,
    /// Limits of the rulebook on something that the notice declares.
    pub(crate) limits: Vec<LimitLine>,
    /// What panels decided against the deployment: kind, what it is about, and the case.
    pub(crate) sanctions: Vec<(SanctionKind, String, u64)>,
    /// Acts about the deployment, newest first.
    pub(crate) record: Vec<EntryLine>,
    /// How the devices do as they are told; `None` where they are told nothing.
    pub(crate) sources: Option<SourceCounts>,
    /// How often others had the devices do something; `None` where they can do nothing.
    pub(crate) commands: Option<CommandCounts>,
    /// How many devices last sent over a network without encryption.
    pub(crate) plain: usize,
}

impl NoticePage {
    /// Version and date of a model, what it is fed with and what it works out.
    fn model_facts(&self, model: &Model) -> Vec<String> {
        let shell = &self.shell;
        let mut facts = Vec::new();
        if let Some(version) = &model.version {
            facts.push(match &model.in_force {
                Some(at) => {
                    let words = shell.with("model-version-from").set("version", version);
                    words.set("at", shell.moment(at)).to_string()
                }
                None => shell
                    .with("model-version")
                    .set("version", version)
                    .to_string(),
            });
        }
        if let Some(before) = model.version_before.as_ref() {
            facts.push(
                shell
                    .with("model-before")
                    .set("version", before)
                    .to_string(),
            );
        }
        let feeding = self.notice.declarations.iter();
        let feeding = feeding.filter(|it| it.models.contains(&model.id));
        let fed: BTreeSet<_> = feeding.flat_map(|it| it.fields.iter()).collect();
        let fed = fed.into_iter().filter_map(|it| self.notice.field(it));
        let made = self.notice.fields.iter();
        let made = made.filter(|it| it.made_by.as_ref() == Some(&model.id));
        let fed: Vec<_> = fed.map(|it| shell.of(&it.title)).collect();
        let made: Vec<_> = made.map(|it| shell.of(&it.title)).collect();
        for (key, titles) in [("model-fed", fed), ("model-makes", made)] {
            if !titles.is_empty() {
                let titles = shell.list(titles);
                facts.push(shell.with(key).set("fields", titles).to_string());
            }
        }
        facts
    }

    /// The longest retention of all declarations.
    fn longest_days(&self) -> u16 {
        let days = self
            .notice
            .declarations
            .iter()
            .map(|it| it.retention.as_days());
        days.max().unwrap_or(Retention::LIVE_ONLY.as_days())
    }

    /// Whether the devices may know who somebody is, so that there is something to choose.
    fn knows_people(&self) -> bool {
        self.reader == Reader::Concerned || self.senses_people || names_people(&self.notice)
    }

    /// Whether a choice of the reader may count: the devices sense them, or may do so if they sign in.
    fn may_choose(&self) -> bool {
        self.reader != Reader::Unconcerned && self.knows_people()
    }

    fn subject_title(&self) -> Option<&str> {
        let field = self.notice.field(self.notice.subject_field.as_ref()?)?;
        Some(self.shell.of(&field.title))
    }

    /// The fields by how much they tell about a person, the most telling first.
    fn by_sensitivity(&self) -> Vec<(Sensitivity, Vec<&Field>)> {
        let groups = Sensitivity::ALL.iter().rev().map(|sensitivity| {
            let fields = self.notice.fields.iter();
            (
                *sensitivity,
                fields.filter(|it| it.sensitivity == *sensitivity).collect(),
            )
        });
        groups
            .filter(|(_, fields): &(_, Vec<_>)| !fields.is_empty())
            .collect()
    }

    /// The declarations by purpose, in the order of the notice; those that differ in their fields only stand together.
    fn uses(&self) -> Vec<(&Purpose, Vec<Vec<&Declaration>>)> {
        let purposes = self.notice.purposes.iter().map(|purpose| {
            let all = self.notice.declarations.iter();
            let mut groups: Vec<Vec<&Declaration>> = Vec::new();
            for it in all.filter(|it| it.purpose == purpose.id) {
                let is_like = |group: &&mut Vec<&Declaration>| {
                    group.first().is_some_and(|first| is_alike(first, it))
                };
                match groups.iter_mut().find(is_like) {
                    Some(group) => group.push(it),
                    None => groups.push(vec![it]),
                }
            }
            (purpose, groups)
        });
        purposes.filter(|(_, uses)| !uses.is_empty()).collect()
    }

    fn fields_of<'a>(
        &'a self,
        declarations: &'a [&Declaration],
    ) -> impl Iterator<Item = (&'a Declaration, &'a Field)> {
        declarations.iter().flat_map(|declaration| {
            let fields = declaration.fields.iter();
            let fields = fields.filter_map(|it| self.notice.field(it));
            fields.map(|it| (*declaration, it))
        })
    }

    fn titles<'a>(&'a self, declarations: &'a [&Declaration]) -> Vec<&'a str> {
        let fields = self.fields_of(declarations);
        fields.map(|it| self.shell.of(&it.1.title)).collect()
    }

    /// How exact the fields pass: each level once with its fields, what passes as it was measured first. The field that says who
    /// a message is about never does: recipients get a cover name in its place.
    fn precisions<'a>(&'a self, declarations: &'a [&Declaration]) -> Vec<Precision<'a>> {
        let mut found: Vec<Precision<'a>> = Vec::new();
        for (declaration, field) in self.fields_of(declarations) {
            let is_name = self.notice.subject_field.as_ref() == Some(&field.pointer);
            let words = if is_name {
                self.shell.say("notice-cover-name")
            } else {
                self.shell.level(field, &declaration.precision)
            };
            let title = self.shell.of(&field.title);
            match found.iter_mut().find(|it| it.words == words) {
                Some(known) => known.titles.push(title),
                None => found.push(Precision {
                    is_exact: !is_name && declaration.precision == Level::ON,
                    words,
                    titles: vec![title],
                }),
            }
        }
        found.sort_by_key(|it| !it.is_exact);
        found
    }

    /// A limit with the names that this notice gives to what it limits.
    fn limit_words(&self, limit: &LimitLine) -> String {
        let is_limited = |field: &&Field| match &limit.cap.target {
            CapTarget::Field(pointer) => field.pointer == *pointer,
            CapTarget::Sensitivity(from) => field.sensitivity >= *from,
        };
        let fields: Vec<&Field> = self.notice.fields.iter().filter(is_limited).collect();
        let what = self
            .shell
            .list(fields.iter().map(|it| self.shell.of(&it.title)));
        let purpose = limit.cap.purpose.as_ref();
        let purpose = purpose.map(|id| match self.notice.purpose(id) {
            Some(purpose) => self.shell.of(&purpose.title),
            None => id.as_str(),
        });
        let most = match (limit.cap.most.coarse_number(), fields.as_slice()) {
            (Some(number), [field]) => self.shell.level(field, &next_lower(field, number)),
            _ => self.shell.limit_most(limit.cap.most),
        };
        self.shell.limited(&what, purpose, &most)
    }

    fn recipients(&self, declaration: &Declaration) -> Vec<&str> {
        let known = declaration
            .recipients
            .iter()
            .filter_map(|it| self.notice.recipient(it));
        known.map(|it| self.shell.of(&it.title)).collect()
    }

    fn coarse_levels(&self, field: &Field) -> String {
        let levels = (1..=Level::MAX_COARSE).filter_map(Level::coarse);
        let words: Vec<String> = levels
            .take(field.coarse.len())
            .map(|it| self.shell.level(field, &it))
            .collect();
        self.shell.list(words.iter().map(String::as_str))
    }

    /// The telephone number as `tel:` takes it.
    fn telephone(&self) -> String {
        let kept = |it: &char| it.is_ascii_digit() || *it == '+';
        self.notice.contact.phone.chars().filter(kept).collect()
    }
}

/// The level of this number, or the next lower one that the field has.
fn next_lower(field: &Field, number: u8) -> Level {
    let has = u8::try_from(field.coarse.len()).unwrap_or(Level::MAX_COARSE);
    Level::coarse(number.min(has)).unwrap_or(Level::OFF)
}

impl Page for NoticePage {
    const NAME: &'static str = "notice";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |notice: Arc<Notice>, licence: Licence| Self {
            shell: sample::at(shell, Route::notice(&notice.deployment)),
            controller: sample::controller(&notice),
            notice,
            licence,
            drift: Vec::new(),
            more_drift: false,
            reader: Reader::Stranger,
            senses_people: false,
            limits: Vec::new(),
            sanctions: Vec::new(),
            record: Vec::new(),
            sources: None,
            commands: None,
            plain: 0,
        };
        let mut drifting = page(sample::home(), sample::licence(LicenceState::Active));
        drifting.drift = sample::drift();
        drifting.more_drift = true;
        drifting.record = sample::entries();
        drifting.sources = sample::source_counts();
        let mut limited = page(sample::home(), sample::licence(LicenceState::Active));
        let purposes = limited.notice.purposes.iter();
        let purposes: Vec<_> = purposes
            .map(|it| (it.id.clone(), it.title.clone()))
            .collect();
        limited.limits = limits_of_samples(&purposes);
        limited.limits.truncate(1);
        limited.sanctions = sanctions_of_samples();
        let mut fed = Notice::clone(&sample::home());
        fed.models = sample::model().into_iter().collect();
        let fed = page(Arc::new(fed), sample::licence(LicenceState::Active));
        let mut commanded = page(sample::home(), sample::licence(LicenceState::Active));
        if let Some(notice) = commands::sample_notice(&commanded.notice) {
            commanded.notice = Arc::new(notice);
            commanded.commands = Some(CommandCounts {
                sent: custody::PublicCount::Exactly(12),
                refused: custody::PublicCount::FewerThan(5),
            });
        }
        let mut plain = page(sample::air(), sample::licence(LicenceState::Active));
        plain.plain = 3;
        let mut samples = vec![
            ("commanded", commanded),
            ("drifting", drifting),
            ("fed", fed),
            ("limited", limited),
            ("plain", plain),
            (
                "suspended",
                page(sample::bus(), sample::licence(LicenceState::Suspended)),
            ),
        ];
        let states = [
            ("without-people", LicenceState::Active),
            ("never-licensed", LicenceState::None),
            ("revoked", LicenceState::Revoked),
            ("expired", LicenceState::Expired),
        ];
        samples.extend(states.map(|(name, it)| (name, page(sample::air(), sample::licence(it)))));
        samples
    }
}

/// What the printable sign shows, in both languages at once.
#[derive(Template)]
#[template(path = "sign.html")]
pub(crate) struct SignPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The frame's texts in every language: the sign is for whoever passes.
    pub(crate) both: Vec<Shell>,
    /// The notice in force.
    pub(crate) notice: Arc<Notice>,
    /// Who answers for the deployment.
    pub(crate) controller: MemberLink,
    /// The address in the code.
    pub(crate) url: String,
    /// The address of the picture of the code.
    pub(crate) code: String,
}

impl SignPage {
    fn names_people(&self) -> bool {
        names_people(&self.notice)
    }

    fn more(&self) -> usize {
        self.notice.fields.len().saturating_sub(SIGN_FIELDS)
    }

    fn measures<'a>(&'a self, shell: &'a Shell) -> impl Iterator<Item = &'a str> {
        let fields = self.notice.fields.iter().take(SIGN_FIELDS);
        fields.map(|it| shell.of(&it.title))
    }
}

impl Page for SignPage {
    const NAME: &'static str = "sign";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |notice: Arc<Notice>| Self {
            shell: sample::at(shell, Route::sign(&notice.deployment)),
            both: shell.in_every_language(),
            controller: sample::controller(&notice),
            url: format!(
                "https://amanat.example{}",
                Route::notice(&notice.deployment)
            ),
            notice,
            code: sample::CODE_FILE.to_owned(),
        };
        vec![
            ("full", page(sample::home())),
            ("without-people", page(sample::air())),
        ]
    }
}

/// Two sanctions: one about something, one about all.
fn sanctions_of_samples() -> Vec<(SanctionKind, String, u64)> {
    vec![
        (SanctionKind::SuspendFields, "/power".to_owned(), 5),
        (SanctionKind::Warning, String::new(), 4),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Files;
    use model::Language;

    #[test]
    fn choices_are_offered_only_where_somebody_is_known() {
        let check = |notice: Arc<Notice>, reader: Reader, knows: bool, may: bool| {
            let shell = sample::shell(Language::En, Files::Served);
            let (_, mut page) = NoticePage::samples(&shell).remove(0);
            page.notice = notice;
            page.reader = reader;
            let found = (page.knows_people(), page.may_choose());
            assert_eq!(found, (knows, may), "{} {reader:?}", page.notice.deployment);
            let html = page.render().unwrap();
            assert_eq!(html.contains("Choose what you share"), may);
            assert_eq!(html.contains("You can turn it off"), knows);
            assert_eq!(html.contains("do not know who you are"), !knows);
        };
        for notice in [sample::home(), sample::bus()] {
            check(Arc::clone(&notice), Reader::Stranger, true, true);
            check(Arc::clone(&notice), Reader::Concerned, true, true);
            check(notice, Reader::Unconcerned, true, false);
        }
        check(sample::air(), Reader::Stranger, false, false);
        check(sample::air(), Reader::Unconcerned, false, false);
        check(sample::air(), Reader::Concerned, true, true);
        let shell = sample::shell(Language::En, Files::Served);
        let (_, mut linked) = NoticePage::samples(&shell).remove(0);
        (linked.notice, linked.senses_people) = (sample::air(), true);
        assert!(
            linked.knows_people(),
            "somebody is linked to a device, whatever the notice says"
        );
    }

    #[test]
    fn a_field_that_passes_as_a_cover_name_is_not_called_exact() {
        let shell = sample::shell(Language::En, Files::Served);
        let (_, mut page) = NoticePage::samples(&shell).remove(0);
        page.notice = sample::bus();
        let subject = page.notice.subject_field.clone().unwrap();
        let title = page.notice.field(&subject).unwrap().title.en.clone();
        let html: String = page.render().unwrap();
        let plain = |it: &char| !('\u{2066}'..='\u{2069}').contains(it);
        let html: String = html.chars().filter(plain).collect();
        let levels = html.split("<dt>How exact</dt>").skip(1);
        let levels: Vec<&str> = levels.filter_map(|it| it.split("</dd>").next()).collect();
        let cover = format!("<br>{title}: As a cover name only");
        assert!(levels.iter().any(|it| it.contains(&cover)), "{levels:?}");
        for level in levels {
            let exact = level.split("<br>").find(|it| it.ends_with("Exact"));
            assert!(exact.is_none_or(|it| !it.contains(&title)), "{level}");
        }
    }

    #[test]
    fn a_value_that_tells_little_is_about_nobody_and_a_question_is_about_somebody() {
        let check = |sensitivity: Sensitivity, basis: LegalBasis, expected: bool| {
            let mut notice = Notice::clone(&sample::air());
            for field in &mut notice.fields {
                field.sensitivity = sensitivity;
            }
            for declaration in &mut notice.declarations {
                declaration.basis = basis;
            }
            assert_eq!(names_people(&notice), expected, "{sensitivity} {basis}");
        };
        check(Sensitivity::Low, LegalBasis::PublicTask, false);
        check(Sensitivity::Low, LegalBasis::LegitimateInterest, false);
        check(Sensitivity::Medium, LegalBasis::PublicTask, true);
        check(Sensitivity::None, LegalBasis::Consent, true);
        check(Sensitivity::None, LegalBasis::Contract, true);
    }
}

//! Incidents: for everybody, in the office, and for whom they may have reached.

use alliance::incidents::{Incident, IncidentLine, IncidentView, MAX_INCIDENT_CHARS};
use askama::Template;
use custody::{Affected, AffectedPerson, Exposure};
use model::{PersonId, Text, Timestamp};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// How the clock of an incident stands.
fn clock(shell: &Shell, incident: &Incident, now: Timestamp) -> String {
    match incident.was_in_time(now) {
        Some(true) => shell.say("incidents-in-time"),
        Some(false) => shell.say("incidents-late"),
        None => {
            let at = shell.moment(&incident.due_at());
            shell.with("incidents-due").set("at", at).to_string()
        }
    }
}

fn opened(shell: &Shell, incident: &Incident) -> String {
    let at = shell.moment(&incident.opened_at);
    shell.with("incidents-opened").set("at", at).to_string()
}

fn place(shell: &Shell, incident: &Incident, party: Option<&Text>) -> String {
    let key = match incident.exposure {
        Exposure::Server => return shell.say("incidents-at-server"),
        Exposure::Recipient(_) => "incidents-at-recipient",
        Exposure::Deployment(_) => "incidents-at-deployment",
    };
    let name = party.map(|it| shell.of(it).to_owned()).unwrap_or_default();
    shell.with(key).set("party", name).to_string()
}

fn range(shell: &Shell, incident: &Incident) -> String {
    let last = incident.until.plus_millis(-1);
    let words = shell
        .with("incidents-range")
        .set("from", shell.day(&incident.from));
    words.set("until", shell.day(&last)).to_string()
}

fn sample_incident() -> Incident {
    let both = |en: &str, ur: &str| Text {
        en: en.to_owned(),
        ur: ur.to_owned(),
    };
    Incident {
        number: 3,
        exposure: Exposure::Deployment(sample::bus().deployment.clone()),
        from: sample::NOW.plus_millis(-7 * 86_400_000),
        until: sample::NOW,
        aware_at: sample::NOW.plus_millis(-3_600_000),
        what: both(
            "A copy of a disk was lost on the way to the workshop.",
            "ورکشاپ جاتے ہوئے ڈسک کی ایک نقل گم ہو گئی۔",
        ),
        done: both(
            "The keys were changed. You need not do anything.",
            "کلیدیں بدل دی گئیں۔ آپ کو کچھ کرنے کی ضرورت نہیں۔",
        ),
        opened_at: sample::NOW,
        reported_at: None,
        told_at: None,
    }
}

/// What everybody may know.
#[derive(Template)]
#[template(path = "incidents.html")]
pub(crate) struct IncidentsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Every incident, newest first.
    pub(crate) lines: Vec<IncidentLine>,
    /// The moment of the page.
    pub(crate) now: Timestamp,
}

impl IncidentsPage {
    fn clock(&self, incident: &Incident) -> String {
        clock(&self.shell, incident, self.now)
    }

    fn opened(&self, incident: &Incident) -> String {
        opened(&self.shell, incident)
    }
}

impl Page for IncidentsPage {
    const NAME: &'static str = "incidents";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |lines| Self {
            shell: sample::at(shell, Route::Incidents),
            lines,
            now: sample::NOW,
        };
        let line = |people: Option<u64>, reported: Option<i64>| {
            let at = |it| sample::NOW.plus_millis(it);
            IncidentLine {
                people,
                incident: Incident {
                    reported_at: reported.map(at),
                    told_at: people.map(|_| sample::NOW),
                    ..sample_incident()
                },
            }
        };
        let all = vec![
            line(None, None),
            line(Some(12), Some(0)),
            line(Some(3), Some(100 * 3_600_000)),
        ];
        vec![("full", page(all)), ("empty", page(Vec::new()))]
    }
}

/// What was written into the form.
#[derive(Debug, Clone, Default)]
pub(crate) struct IncidentInput {
    /// Where it got out.
    pub(crate) exposure: String,
    /// At whom.
    pub(crate) party: String,
    /// First day.
    pub(crate) from: String,
    /// Last day.
    pub(crate) until: String,
    /// When it was noticed.
    pub(crate) aware: String,
    /// What happened and what was done, each in English and Urdu.
    pub(crate) words: [String; 4],
}

/// What became of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IncidentNews {
    /// Opened.
    Opened,
    /// The words are saved.
    Saved,
    /// The authority was told.
    Reported,
    /// The people were told.
    Told,
    /// Where it got out is wrong.
    Where,
    /// The days are wrong.
    Days,
    /// The words are wrong.
    Words,
    /// It was done before.
    Already,
    /// Too many.
    Full,
}

impl IncidentNews {
    const fn is_good(self) -> bool {
        matches!(
            self,
            Self::Opened | Self::Saved | Self::Reported | Self::Told
        )
    }

    /// The part of the form that is wrong.
    const fn place(self) -> Option<&'static str> {
        match self {
            Self::Where => Some("where"),
            Self::Days => Some("from"),
            Self::Words => Some("what-en"),
            _ => None,
        }
    }

    fn words(self, shell: &Shell) -> String {
        let key = match self {
            Self::Opened => "incidents-news-opened",
            Self::Saved => "incidents-news-saved",
            Self::Reported => "incidents-news-reported",
            Self::Told => "incidents-news-told",
            Self::Where => "incidents-wrong-where",
            Self::Days => "incidents-wrong-days",
            Self::Already => "incidents-wrong-done",
            Self::Full => "incidents-full",
            Self::Words => {
                let words = shell.with("incidents-wrong-words");
                return words.set("limit", MAX_INCIDENT_CHARS).to_string();
            }
        };
        shell.say(key)
    }
}

/// One of four texts: where it stands in the form, and how it is called.
const WORDS: [(&str, &str, &str, &str); 4] = [
    ("what-en", "incidents-what-en", "ltr", "en"),
    ("what-ur", "incidents-what-ur", "rtl", "ur"),
    ("done-en", "incidents-done-en", "ltr", "en"),
    ("done-ur", "incidents-done-ur", "rtl", "ur"),
];

/// The register of incidents.
#[derive(Template)]
#[template(path = "office_incidents.html")]
pub(crate) struct OfficeIncidentsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// Every incident, newest first.
    pub(crate) incidents: Vec<Incident>,
    /// What was written.
    pub(crate) input: IncidentInput,
    /// What the form did.
    pub(crate) news: Option<IncidentNews>,
    /// The moment of the page.
    pub(crate) now: Timestamp,
}

impl OfficeIncidentsPage {
    fn failed(&self) -> bool {
        self.news.is_some_and(|it| !it.is_good())
    }

    fn bad(&self, place: &str) -> bool {
        self.news.and_then(IncidentNews::place) == Some(place)
    }

    fn marks(&self, place: &str) -> &'static str {
        match self.bad(place) {
            true => " aria-invalid=\"true\"",
            false => "",
        }
    }

    fn clock(&self, incident: &Incident) -> String {
        clock(&self.shell, incident, self.now)
    }

    fn places(&self) -> [(&'static str, String); 3] {
        [
            ("recipient", self.shell.say("incidents-where-recipient")),
            ("deployment", self.shell.say("incidents-where-deployment")),
            ("server", self.shell.say("incidents-where-server")),
        ]
    }

    fn words(
        &self,
    ) -> impl Iterator<Item = (&'static str, String, &'static str, &'static str, &String)> {
        let each = WORDS.iter().zip(&self.input.words);
        each.map(|((id, label, direction, language), text)| {
            (*id, self.shell.say(label), *direction, *language, text)
        })
    }
}

impl Page for OfficeIncidentsPage {
    const NAME: &'static str = "office-incidents";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |incidents, news| Self {
            shell: sample::in_office(shell, Route::OfficeIncidents),
            form: FormToken::sample(),
            incidents,
            input: IncidentInput::default(),
            news,
            now: sample::NOW,
        };
        vec![
            ("full", page(vec![sample_incident()], None)),
            ("empty", page(Vec::new(), None)),
            ("error-where", page(Vec::new(), Some(IncidentNews::Where))),
            ("error-days", page(Vec::new(), Some(IncidentNews::Days))),
            ("error-words", page(Vec::new(), Some(IncidentNews::Words))),
        ]
    }
}

/// One incident.
#[derive(Template)]
#[template(path = "office_incident.html")]
pub(crate) struct IncidentPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// What people call where it got out.
    pub(crate) party: Option<Text>,
    /// It, and whom it may have reached.
    pub(crate) view: IncidentView,
    /// What a form did.
    pub(crate) news: Option<IncidentNews>,
    /// The moment of the page.
    pub(crate) now: Timestamp,
}

impl IncidentPage {
    fn failed(&self) -> bool {
        self.news.is_some_and(|it| !it.is_good())
    }

    fn marks(&self, place: &str) -> &'static str {
        match self.news.and_then(IncidentNews::place) == Some(place) {
            true => " aria-invalid=\"true\"",
            false => "",
        }
    }

    fn title(&self) -> String {
        let words = self.shell.with("incidents-number");
        words.set("number", self.view.incident.number).to_string()
    }

    fn clock(&self) -> String {
        clock(&self.shell, &self.view.incident, self.now)
    }

    fn place(&self) -> String {
        place(&self.shell, &self.view.incident, self.party.as_ref())
    }

    fn range(&self) -> String {
        range(&self.shell, &self.view.incident)
    }

    fn count(&self) -> String {
        let key = match self.view.incident.told_at {
            Some(_) => "incidents-affected-kept",
            None => "incidents-affected-count",
        };
        let words = self.shell.with(key);
        words
            .set("count", self.view.affected.people.len())
            .to_string()
    }

    fn fields(&self) -> Option<String> {
        let people = self.view.affected.people.iter();
        let fields: std::collections::BTreeSet<&str> = people
            .flat_map(|it| it.fields.iter().map(String::as_str))
            .collect();
        let list = fields.into_iter().collect::<Vec<_>>().join(", ");
        (!list.is_empty()).then(|| {
            let words = self.shell.with("incidents-affected-fields");
            words.set("fields", list).to_string()
        })
    }

    fn words(&self) -> [(&'static str, String, &'static str, &'static str, &String); 4] {
        let Incident { what, done, .. } = &self.view.incident;
        let texts = [&what.en, &what.ur, &done.en, &done.ur];
        let mut texts = texts.into_iter();
        WORDS.map(|(id, label, direction, language)| {
            let text = texts.next().unwrap_or(&what.en);
            (id, self.shell.say(label), direction, language, text)
        })
    }

    /// The notice for the authority, in each language.
    fn to_authority(&self) -> Vec<(Shell, String)> {
        let incident = &self.view.incident;
        let draft = |shell: Shell| {
            let head = shell
                .with("incidents-draft-a")
                .set("number", incident.number);
            let head = head.set("at", shell.moment(&incident.aware_at)).to_string();
            let at = shell.with("incidents-draft-where");
            let at = at.set("where", place(&shell, incident, self.party.as_ref()));
            let at = at.set("range", range(&shell, incident)).to_string();
            let count = shell.with("incidents-draft-count");
            let count = count
                .set("count", self.view.affected.people.len())
                .to_string();
            let lines = [
                head,
                at,
                count,
                shell.of(&incident.what).to_owned(),
                shell.of(&incident.done).to_owned(),
            ];
            (shell, lines.join("\n"))
        };
        self.shell
            .in_every_language()
            .into_iter()
            .map(draft)
            .collect()
    }

    /// The notice for the people, in each language.
    fn to_people(&self) -> Vec<(Shell, String)> {
        let incident = &self.view.incident;
        let draft = |shell: Shell| {
            let lines = [
                shell.say("incidents-draft-p"),
                range(&shell, incident),
                shell.of(&incident.what).to_owned(),
                shell.of(&incident.done).to_owned(),
            ];
            (shell, lines.join("\n"))
        };
        self.shell
            .in_every_language()
            .into_iter()
            .map(draft)
            .collect()
    }
}

impl Page for IncidentPage {
    const NAME: &'static str = "office-incident";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let person = PersonId::parse("p-sample").ok();
        let people = person.map(|person| AffectedPerson {
            person,
            fields: vec!["/boarding/stop".to_owned()],
            count: 9,
        });
        let page = |told: bool, news| Self {
            shell: sample::in_office(shell, Route::OfficeIncident(3)),
            form: FormToken::sample(),
            party: Some(sample::bus().title.clone()),
            view: IncidentView {
                incident: Incident {
                    reported_at: told.then_some(sample::NOW),
                    told_at: told.then_some(sample::NOW),
                    ..sample_incident()
                },
                affected: Affected {
                    people: people.clone().into_iter().collect(),
                    sealed: 2,
                },
            },
            news,
            now: sample::NOW,
        };
        vec![
            ("open", page(false, Some(IncidentNews::Opened))),
            ("told", page(true, Some(IncidentNews::Told))),
            ("error-words", page(false, Some(IncidentNews::Words))),
            ("error-done", page(true, Some(IncidentNews::Already))),
        ]
    }
}

/// The incidents that may have reached who looks.
#[derive(Template)]
#[template(path = "my_incidents.html")]
pub(crate) struct MyIncidentsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// They, with what people call where it got out, and the fields.
    pub(crate) incidents: Vec<(Incident, Option<Text>, Vec<String>)>,
}

impl MyIncidentsPage {
    fn place(&self, incident: &Incident, party: &Option<Text>) -> String {
        place(&self.shell, incident, party.as_ref())
    }

    fn range(&self, incident: &Incident) -> String {
        range(&self.shell, incident)
    }

    fn fields(&self, fields: &[String]) -> String {
        let words = self.shell.with("incidents-affected-fields");
        words.set("fields", fields.join(", ")).to_string()
    }
}

impl Page for MyIncidentsPage {
    const NAME: &'static str = "my-incidents";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |incidents| Self {
            shell: sample::signed_in(shell, Route::MyIncidents),
            incidents,
        };
        let title = Some(sample::bus().title.clone());
        let fields = vec!["/boarding/stop".to_owned()];
        let server = Incident {
            exposure: Exposure::Server,
            ..sample_incident()
        };
        let all = vec![
            (sample_incident(), title, fields),
            (server, None, Vec::new()),
        ];
        vec![("full", page(all)), ("empty", page(Vec::new()))]
    }
}

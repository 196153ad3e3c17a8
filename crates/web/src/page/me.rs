//! A person's own timeline: by day, what was recorded about them and who received it.

use std::collections::BTreeSet;

use alliance::OperatorAccess;
use askama::Template;
use custody::{ModelAhead, OwnTotal, Place};
use model::{DeploymentId, LicenceState, Text, ThingId, Timestamp};

use super::stay::Stay;
use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};
use crate::texts::{UNIX_SECONDS, instant};

/// A deployment that senses the person.
#[derive(Debug, Clone)]
pub(crate) struct LinkedDeployment {
    /// Its identifier.
    pub(crate) id: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// Whether it may run.
    pub(crate) licence: LicenceState,
    /// The field of its messages by which the person is known, if they are.
    pub(crate) known_by: Option<Text>,
    /// How its devices sense the person, did and will; what began last stands first.
    pub(crate) stays: Vec<Stay>,
}

impl LinkedDeployment {
    /// The devices that sense the person now or will.
    fn current(&self) -> BTreeSet<&ThingId> {
        let current = self.stays.iter().filter(|it| !it.is_over);
        current.map(|it| &it.thing).collect()
    }
}

/// One value of a reading.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    /// What people call the field; its pointer where the notice no longer has it.
    pub(crate) title: Text,
    /// Whether the notice in force still declares the field.
    pub(crate) declared: bool,
    /// The value, shortened where nobody reads so many digits.
    pub(crate) text: String,
    /// The value as it was recorded.
    pub(crate) exact: String,
    /// Its unit; empty where it has none.
    pub(crate) unit: String,
    /// How much less precise than measured it is, in words; `None` where it is as measured.
    pub(crate) coarse: Option<String>,
    /// Which model worked it out, in words; `None` where it was measured.
    pub(crate) made_by: Option<String>,
}

impl Value {
    /// The moment, where the value is one.
    fn instant(&self) -> Option<Timestamp> {
        let is_instant = self.unit == UNIX_SECONDS;
        is_instant.then(|| instant(&self.exact)).flatten()
    }

    /// Whether its unit stands behind it: only numbers have one, "yes" stands alone.
    fn has_unit(&self) -> bool {
        let known = !self.unit.is_empty() && self.unit != UNIX_SECONDS;
        known && self.exact.parse::<f64>().is_ok()
    }
}

/// One reading about the person.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// When it came in.
    pub(crate) at: Timestamp,
    /// The deployment.
    pub(crate) deployment: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// The thing.
    pub(crate) thing: ThingId,
    /// What is left of the message after the rules, by how long it is kept.
    pub(crate) parts: Vec<Part>,
}

/// The values of a reading that are kept for the same time.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// When they vanish.
    pub(crate) vanishes_at: Timestamp,
    /// The values.
    pub(crate) values: Vec<Value>,
}

/// What one recipient received about the person on one day, for one purpose.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Who received.
    pub(crate) recipient: Text,
    /// For what.
    pub(crate) purpose: Text,
    /// From which deployment.
    pub(crate) deployment: Text,
    /// Which fields.
    pub(crate) fields: Vec<Text>,
    /// How many messages.
    pub(crate) times: i64,
    /// The last of them.
    pub(crate) last_at: Timestamp,
}

/// One day in the reader's time zone.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    /// Its first instant.
    pub(crate) start: Timestamp,
    /// What was recorded, newest first.
    pub(crate) readings: Vec<Reading>,
    /// Who received what.
    pub(crate) received: Vec<Received>,
}

/// What the timeline shows.
#[derive(Template)]
#[template(path = "me.html")]
pub(crate) struct MePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// What the operator asks for.
    pub(crate) accesses: Vec<OperatorAccess>,
    /// The deployments that sense the person.
    pub(crate) linked: Vec<LinkedDeployment>,
    /// Days, newest first.
    pub(crate) days: Vec<Day>,
    /// Whether this is the newest page.
    pub(crate) newest: bool,
    /// What is sealed to the person's own keys: nobody else can read it, so it is not here.
    pub(crate) sealed: OwnTotal,
    /// Whether data about the person may have got out.
    pub(crate) warned: bool,
    /// Models that will be at work where the person is sensed.
    pub(crate) ahead: Vec<ModelAhead>,
    /// Whether authorities had orders about the person.
    pub(crate) ordered: bool,
    /// The page of earlier readings, if there may be any.
    pub(crate) older: Option<Route>,
}

impl MePage {
    fn ahead(&self, it: &ModelAhead) -> String {
        let shell = &self.shell;
        let words = shell
            .with("model-ahead")
            .set("model", shell.of(&it.model.title));
        let words = words.set("at", shell.moment(&it.at));
        let words = words.set("deployment", shell.of(&it.title));
        words
            .set("decides", shell.of(&it.model.decides))
            .to_string()
    }
}

impl Page for MePage {
    const NAME: &'static str = "me";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::signed_in(shell, Route::me());
        let waiting = |linked: Vec<LinkedDeployment>| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            accesses: Vec::new(),
            ordered: false,
            warned: false,
            ahead: Vec::new(),
            linked,
            days: Vec::new(),
            newest: true,
            older: None,
            sealed: OwnTotal::default(),
        };
        let older = Some(Route::Me {
            before: Some(Place::before(sample::NOW)),
        });
        let full = Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            accesses: Vec::new(),
            ordered: false,
            warned: false,
            ahead: Vec::new(),
            linked: sample::linked(),
            days: sample::days(),
            newest: false,
            older,
            sealed: OwnTotal::default(),
        };
        let sealed = Self {
            sealed: OwnTotal {
                files: 24,
                days: 12,
                readings: 34_560,
                bytes: 5_160_000,
            },
            ..waiting(sample::linked())
        };
        let ordered = Self {
            ordered: true,
            warned: true,
            ahead: sample::models_ahead(),
            ..waiting(sample::linked())
        };
        vec![
            ("full", full),
            ("ordered", ordered),
            ("waiting", waiting(sample::linked())),
            ("sealed", sealed),
            ("empty", waiting(Vec::new())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::sample::NOW;

    #[test]
    fn only_numbers_carry_a_unit_and_only_unix_seconds_are_a_moment() {
        let check = |exact: &str, unit: &str, instant: Option<Timestamp>, has_unit: bool| {
            let value = Value {
                title: crate::view::word("x"),
                declared: true,
                text: exact.to_owned(),
                exact: exact.to_owned(),
                unit: unit.to_owned(),
                coarse: None,
                made_by: None,
            };
            let found = (value.instant(), value.has_unit());
            assert_eq!(found, (instant, has_unit), "{exact} {unit}");
        };
        check("1795341600", "unix-s", Some(NOW), false);
        check("1795341600", "s", None, true);
        check("922.282", "Wh", None, true);
        check("yes", "Wh", None, false);
        check("yes", "unix-s", None, false);
        check("3", "", None, false);
    }
}

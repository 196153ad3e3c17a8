//! Cases of the policy corpus: rules, facts and a message, with what must come out.
//!
//! A case is two texts: a notice (TOML) and a case (JSON). `corpus/policy/README.md` describes the format. Reading files is
//! up to the caller; [`run`] is pure. Everything that a case does not expect must not happen: a lane, a stored class, an
//! undeclared place or an error that is not named in `expect` is a [`Difference`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{
    Cap, CapTarget, Choice, DeploymentId, Grant, Level, LicenceState, Notice, NoticeError,
    PersonId, Pointer, PurposeId, RecipientId, Roles, Sensitivity, Timestamp,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::compile::{Inputs, Sensed, compile};
use crate::decide::{Decision, Effect, EvaluationError, Facts, Refusal, decide};
use crate::decode::DecodeError;
use crate::payload::Payload;
use crate::program::{Keeping, Program};
use crate::render::{render, render_stored};
use crate::schema::{CompileError, Schema};

/// The file of a case that holds the notice.
pub const NOTICE_FILE: &str = "notice.toml";
/// The file of a case that holds everything else.
pub const CASE_FILE: &str = "case.json";

/// Why a case cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The notice has problems.
    #[error("the notice cannot be read")]
    Notice(#[source] NoticeError),
    /// The notice has no schema.
    #[error("the notice cannot be compiled")]
    Schema(#[source] CompileError),
    /// The case is not in the format.
    #[error("the case cannot be read")]
    Format(#[source] serde_json::Error),
    /// A word in the case means nothing.
    #[error("`{word}` is not {wanted}")]
    Word {
        /// What stands there.
        word: String,
        /// What should.
        wanted: &'static str,
    },
}

/// Something that came out otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: `lane r/p`, `stored 30`, `undeclared /x`.
    pub place: String,
    /// What the case expects there; `None` for nothing.
    pub expected: Option<String>,
    /// What came; `None` for nothing.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [expected, found] =
            [&self.expected, &self.found].map(|it| it.as_deref().unwrap_or("nothing"));
        write!(f, "{}: expected {expected}, found {found}", self.place)
    }
}

/// A case that can be run.
#[derive(Debug)]
pub struct Case {
    about: String,
    notice: Notice,
    schema: Arc<Schema>,
    people: Vec<Vec<Choice>>,
    grants: Vec<Grant>,
    caps: Vec<Cap>,
    facts: Facts,
    payload: String,
    expected: BTreeMap<String, String>,
    /// Lane and field whose explanation is compared.
    asked: Vec<(String, Pointer)>,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// See [`CaseError`].
    pub fn parse(notice: &str, case: &str) -> Result<Self, CaseError> {
        let notice = Notice::parse(notice).map_err(CaseError::Notice)?;
        let schema = Schema::compile(&notice).map_err(CaseError::Schema)?;
        let raw: RawCase<'_> = serde_json::from_str(case).map_err(CaseError::Format)?;
        let deployment = &notice.deployment;
        Ok(Self {
            people: people(&raw, deployment)?,
            grants: grants(&raw, deployment)?,
            caps: raw.caps.iter().map(cap).collect::<Result<_, _>>()?,
            facts: Facts {
                now: time(raw.now)?,
                licence: word(raw.licence, "a licence state", LicenceState::parse)?,
                quarantined: raw.quarantined,
            },
            payload: match raw.payload {
                RawPayload::Json(json) => json.get().to_owned(),
                RawPayload::Text(text) => text,
            },
            expected: expected(&raw.expect),
            asked: asked(&raw.expect)?,
            about: raw.about,
            notice,
            schema,
        })
    }

    /// The rule that the case shows, in a sentence.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }
}

/// Runs a case and gives what came out otherwise than expected.
#[must_use]
pub fn run(case: &Case) -> Vec<Difference> {
    let sensed = |choices| Sensed {
        roles: Roles::ALL,
        choices,
    };
    let people: Vec<_> = case.people.iter().map(|it| sensed(it.as_slice())).collect();
    let program = compile(&Inputs {
        notice: &case.notice,
        schema: &case.schema,
        people: &people,
        grants: &case.grants,
        caps: &case.caps,
        generation: 1,
    });
    let mut found = explained(case, &program);
    match case.schema.decode(case.payload.as_bytes()) {
        Err(err) => {
            found.insert("decode-error".to_owned(), decode_error(&err));
        }
        Ok(payload) => {
            for it in payload.undeclared() {
                let place = format!("undeclared {}", it.pointer);
                found.insert(place, it.reason.as_str().to_owned());
            }
            let decision = decide(&program, &payload, &case.facts);
            found.extend(came_out(&program, &payload, &decision));
        }
    }
    differences(&case.expected, &found)
}

fn explained(case: &Case, program: &Program) -> BTreeMap<String, String> {
    let explain = |(lane, field): &(String, Pointer)| {
        let (recipient, purpose) = lane.split_once('/')?;
        let recipient = RecipientId::parse(recipient).ok()?;
        let purpose = PurposeId::parse(purpose).ok()?;
        let lane = program.lane(&recipient, &purpose)?;
        let field = case.schema.index_of(field)?;
        let why = program.why(lane, field, case.facts.now);
        Some(format!("{} by {}", why.level, why.factor.as_str()))
    };
    let asked = case.asked.iter();
    asked
        .filter_map(|it| Some((format!("why {} {}", it.0, it.1), explain(it)?)))
        .collect()
}

fn came_out(program: &Program, payload: &Payload, decision: &Decision) -> BTreeMap<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut found = BTreeMap::new();
    if let Effect::Refuse(refusal) = decision.effect() {
        let refusal = match refusal {
            Refusal::Licence(state) => format!("licence-{state}"),
            Refusal::Quarantined => "quarantined".to_owned(),
            Refusal::Schema => "schema".to_owned(),
        };
        found.insert("refused".to_owned(), refusal);
    }
    for (index, lane) in program.lane_indexes() {
        if let Some(outcome) = decision.outcome(index) {
            let mut out = Vec::new();
            let pseudonym = |it: &str| format!("pseudonym of {it} for {}", lane.recipient);
            render(payload, outcome, &pseudonym, &mut out);
            let place = format!("lane {}/{}", lane.recipient, lane.purpose);
            found.insert(place, text(out));
        }
    }
    for kept in decision.stored() {
        let mut out = Vec::new();
        render_stored(payload, &kept.outcome, &mut out);
        let days = kept.retention.as_days();
        let place = match kept.keeping {
            Keeping::AsChosen => format!("stored {days}"),
            Keeping::ByLaw => format!("stored {days} by law"),
        };
        found.insert(place, text(out));
    }
    for EvaluationError::NotCoarsenable(field) in decision.errors() {
        let pointer = program.schema().pointer(*field);
        let pointer = pointer.map_or_else(String::new, ToString::to_string);
        found.insert(format!("error {pointer}"), "not-coarsenable".to_owned());
    }
    found
}

fn decode_error(err: &DecodeError) -> String {
    match err {
        DecodeError::TooLarge(_) => "too-large".to_owned(),
        DecodeError::NotUtf8(_) => "not-utf8".to_owned(),
        DecodeError::Malformed { .. } => "malformed".to_owned(),
        DecodeError::TooDeep => "too-deep".to_owned(),
        DecodeError::Duplicate(pointer) => format!("duplicate {pointer}"),
        DecodeError::TooManyValues => "too-many-values".to_owned(),
        DecodeError::NotCbor(_) => "not-cbor".to_owned(),
        DecodeError::Senml(_) => "not-senml".to_owned(),
        DecodeError::Several(_) => "several-messages".to_owned(),
    }
}

fn differences(
    expected: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let unexpected = found.keys().filter(|it| !expected.contains_key(*it));
    let places = expected.keys().chain(unexpected);
    places
        .filter(|it| expected.get(*it) != found.get(*it))
        .map(|it| Difference {
            place: it.clone(),
            expected: expected.get(it).cloned(),
            found: found.get(it).cloned(),
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawCase<'a> {
    about: String,
    /// One list of choices for each person whom the thing senses.
    #[serde(default)]
    people: Vec<Vec<RawChoice<'a>>>,
    #[serde(default)]
    grants: Vec<RawGrant<'a>>,
    #[serde(default)]
    caps: Vec<RawCap<'a>>,
    licence: &'a str,
    #[serde(default)]
    quarantined: bool,
    now: &'a str,
    #[serde(borrow)]
    payload: RawPayload<'a>,
    #[serde(borrow)]
    expect: RawExpect<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawPayload<'a> {
    /// The message as it stands in the file.
    #[serde(borrow)]
    Json(&'a RawValue),
    /// The message as text, for what is no JSON.
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChoice<'a> {
    field: &'a str,
    purpose: &'a str,
    recipient: &'a str,
    level: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant<'a> {
    recipient: &'a str,
    purpose: &'a str,
    /// The deployment of the notice when absent.
    deployment: Option<&'a str>,
    from: &'a str,
    until: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCap<'a> {
    sensitivity: Option<&'a str>,
    field: Option<&'a str>,
    purpose: Option<&'a str>,
    most: &'a str,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawExpect<'a> {
    decode_error: Option<String>,
    refused: Option<String>,
    undeclared: BTreeMap<String, String>,
    errors: Vec<String>,
    #[serde(borrow)]
    lanes: BTreeMap<String, &'a RawValue>,
    #[serde(borrow)]
    stored: BTreeMap<String, &'a RawValue>,
    why: BTreeMap<String, BTreeMap<String, String>>,
}

fn people(raw: &RawCase<'_>, deployment: &DeploymentId) -> Result<Vec<Vec<Choice>>, CaseError> {
    let person = |number: usize| {
        let name = format!("person-{number}");
        word(&name, "a person", |it| PersonId::parse(it).ok())
    };
    let choice = |person: &PersonId, raw: &RawChoice<'_>| {
        Ok(Choice {
            person: person.clone(),
            deployment: deployment.clone(),
            field: pointer(raw.field)?,
            purpose: purpose(raw.purpose)?,
            recipient: recipient(raw.recipient)?,
            level: level(raw.level)?,
        })
    };
    let people = raw.people.iter().zip(1..);
    people
        .map(|(choices, number)| {
            let person = person(number)?;
            choices.iter().map(|it| choice(&person, it)).collect()
        })
        .collect()
}

fn grants(raw: &RawCase<'_>, deployment: &DeploymentId) -> Result<Vec<Grant>, CaseError> {
    let grant = |raw: &RawGrant<'_>| {
        Ok(Grant {
            recipient: recipient(raw.recipient)?,
            purpose: purpose(raw.purpose)?,
            deployment: match raw.deployment {
                Some(it) => word(it, "a deployment", |it| DeploymentId::parse(it).ok())?,
                None => deployment.clone(),
            },
            valid_from: time(raw.from)?,
            valid_until: raw.until.map(time).transpose()?,
        })
    };
    raw.grants.iter().map(grant).collect()
}

fn cap(raw: &RawCap<'_>) -> Result<Cap, CaseError> {
    let target = match (raw.sensitivity, raw.field) {
        (Some(it), None) => CapTarget::Sensitivity(word(it, "a sensitivity", Sensitivity::parse)?),
        (None, Some(it)) => CapTarget::Field(pointer(it)?),
        _ => {
            return Err(CaseError::Word {
                word: raw.most.to_owned(),
                wanted: "the level of a cap on either a sensitivity or a field",
            });
        }
    };
    Ok(Cap {
        target,
        purpose: raw.purpose.map(purpose).transpose()?,
        most: level(raw.most)?,
    })
}

fn expected(raw: &RawExpect<'_>) -> BTreeMap<String, String> {
    let mut expected = BTreeMap::new();
    let mut expect = |place: String, what: String| drop(expected.insert(place, what));
    for (place, what) in [
        ("decode-error", &raw.decode_error),
        ("refused", &raw.refused),
    ] {
        if let Some(what) = what {
            expect(place.to_owned(), what.clone());
        }
    }
    for (pointer, reason) in &raw.undeclared {
        expect(format!("undeclared {pointer}"), reason.clone());
    }
    for pointer in &raw.errors {
        expect(format!("error {pointer}"), "not-coarsenable".to_owned());
    }
    for (lane, json) in &raw.lanes {
        expect(format!("lane {lane}"), compact(json.get()));
    }
    for (days, json) in &raw.stored {
        expect(format!("stored {days}"), compact(json.get()));
    }
    for (lane, fields) in &raw.why {
        for (field, why) in fields {
            expect(format!("why {lane} {field}"), why.clone());
        }
    }
    expected
}

fn asked(raw: &RawExpect<'_>) -> Result<Vec<(String, Pointer)>, CaseError> {
    let lanes = raw.why.iter();
    lanes
        .flat_map(|(lane, fields)| fields.keys().map(move |it| (lane, it)))
        .map(|(lane, field)| Ok((lane.clone(), pointer(field)?)))
        .collect()
}

/// Well-formed JSON without the white space between tokens; numbers and escapes stay as written.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |it: &char| {
        let was_escaped = std::mem::take(&mut escaped);
        match it {
            '"' if !was_escaped => in_string = !in_string,
            '\\' if in_string && !was_escaped => escaped = true,
            _ => {}
        }
        in_string || !it.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

fn word<T>(
    word: &str,
    wanted: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, CaseError> {
    parse(word).ok_or_else(|| CaseError::Word {
        word: word.to_owned(),
        wanted,
    })
}

fn pointer(text: &str) -> Result<Pointer, CaseError> {
    word(text, "a JSON Pointer", |it| Pointer::parse(it).ok())
}

fn purpose(text: &str) -> Result<PurposeId, CaseError> {
    word(text, "a purpose", |it| PurposeId::parse(it).ok())
}

fn recipient(text: &str) -> Result<RecipientId, CaseError> {
    word(text, "a recipient", |it| RecipientId::parse(it).ok())
}

fn level(text: &str) -> Result<Level, CaseError> {
    word(text, "a level", Level::parse)
}

fn time(text: &str) -> Result<Timestamp, CaseError> {
    word(text, "a time", |it| Timestamp::parse(it).ok())
}

#[cfg(test)]
mod tests;

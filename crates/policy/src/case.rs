//! Cases of the policy corpus: rules, facts and messages, with what must come out.
//!
//! A case is two texts: a notice and a case (JSON). `corpus/policy/README.md` describes the format. Reading files is
//! up to the caller ([`shared_notice`] says which notice a case refers to); [`run`] is pure. Everything that a case does not
//! expect must not happen: a lane, a stored class, a window, an undeclared place or an error that is not named in `expect`
//! is a [`Difference`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{
    Because, Cap, Choice, Explanation, Grant, LicenceState, Notice, NoticeError, Pointer, Roles,
    Timestamp, Voices,
};

use crate::compile::{Inputs, Sensed, compile};
use crate::decide::{Decision, Effect, EvaluationError, Facts, Refusal, decide};
use crate::decode::DecodeError;
use crate::explain::{Question, explain, explain_message};
use crate::payload::Payload;
use crate::program::{Keeping, Lane, Program};
use crate::render::{render, render_stored};
use crate::schema::{CompileError, Schema};

mod format;
mod windows;

pub use format::{Shared, shared_notice};

use windows::Open;

/// The file of a case that holds its own notice.
pub const NOTICE_FILE: &str = "notice.toml";
/// The file of a case that holds everything else.
pub const CASE_FILE: &str = "case.json";
/// The directory beside the cases that holds notices which cases share.
pub const NOTICES_DIRECTORY: &str = "_notices";

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
    /// Neither one message with its time nor messages.
    #[error("a case has either `payload` and `now`, or `messages`")]
    Messages,
}

/// Something that came out otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: `lane r/p`, `stored 30`, `undeclared /x`; of several messages `message 2 lane r/p`; `window r/p 1`.
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
    people: Vec<Person>,
    /// The position of the person whose question `why` answers.
    asker: Option<usize>,
    grants: Vec<Grant>,
    caps: Vec<Cap>,
    licence: LicenceState,
    quarantined: bool,
    messages: Vec<Message>,
    /// When what windows hold is looked at for the last time.
    until: Option<Timestamp>,
    /// By place.
    expected: BTreeMap<String, String>,
}

/// Somebody whom the thing senses.
#[derive(Debug)]
struct Person {
    roles: Roles,
    choices: Vec<Choice>,
}

/// A message of a case.
#[derive(Debug)]
struct Message {
    /// What its places begin with: empty for the only one.
    prefix: String,
    at: Timestamp,
    payload: Vec<u8>,
    /// Lane and field whose explanation is compared.
    asked: Vec<(String, Pointer)>,
}

impl Case {
    /// Reads a case; the notice is TOML or JSON.
    ///
    /// # Errors
    /// See [`CaseError`].
    pub fn parse(notice: &str, case: &str) -> Result<Self, CaseError> {
        format::parse(Notice::parse(notice).map_err(CaseError::Notice)?, case)
    }

    /// The rule that the case shows, in a sentence.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The notice.
    #[must_use]
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// Turns the expectation at one place into another text: what tests use to show that a case can fail.
    pub fn expect_at(&mut self, place: &str, change: impl FnOnce(&str) -> String) {
        if let Some(expected) = self.expected.get_mut(place) {
            *expected = change(expected);
        }
    }

    /// What is expected, by place.
    pub fn expected(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.expected.iter();
        all.map(|(place, what)| (place.as_str(), what.as_str()))
    }

    /// Answers for each message of the case, one after the other.
    pub fn answers<T>(&self, mut answer: impl FnMut(&Answer<'_>) -> T) -> Vec<T> {
        self.compiled(|inputs, program| {
            let messages = self.messages.iter();
            messages
                .map(|it| answer(&self.answer(inputs, program, it)))
                .collect()
        })
    }

    fn compiled<T>(&self, then: impl FnOnce(&Inputs<'_>, &Program) -> T) -> T {
        let people = self.people.iter().map(|it| Sensed {
            roles: it.roles,
            choices: &it.choices,
        });
        let people: Vec<_> = people.collect();
        let inputs = Inputs {
            notice: &self.notice,
            schema: &self.schema,
            people: &people,
            grants: &self.grants,
            caps: &self.caps,
            generation: 1,
        };
        then(&inputs, &compile(&inputs))
    }

    fn question<'a>(
        &self,
        inputs: &'a Inputs<'a>,
        program: &'a Program,
        now: Timestamp,
    ) -> Question<'a> {
        Question {
            inputs,
            program,
            asker: self.asker,
            facts: Facts {
                now,
                licence: self.licence,
                quarantined: self.quarantined,
            },
        }
    }

    fn answer<'a>(
        &self,
        inputs: &'a Inputs<'a>,
        program: &'a Program,
        message: &Message,
    ) -> Answer<'a> {
        let question = self.question(inputs, program, message.at);
        let payload = self.schema.decode(&message.payload);
        Answer {
            question,
            decided: payload.map(|payload| {
                let decision = decide(program, &payload, &question.facts);
                (payload, decision)
            }),
        }
    }
}

/// What comes of one message of a case.
#[derive(Debug)]
pub struct Answer<'a> {
    /// What is in force.
    pub question: Question<'a>,
    /// The message and what was decided, or why it cannot be read.
    pub decided: Result<(Payload, Decision), DecodeError>,
}

impl Answer<'_> {
    /// Why a field passes in a lane as it does: of the message, or in general where it could not be read.
    #[must_use]
    pub fn why(&self, lane: &Lane, field: &Pointer) -> Option<Explanation> {
        let field = self.question.program.schema().index_of(field)?;
        match &self.decided {
            Ok((payload, decision)) => explain_message(
                &self.question,
                payload,
                decision,
                &lane.recipient,
                &lane.purpose,
                field,
            ),
            Err(_) => explain(&self.question, &lane.recipient, &lane.purpose, field),
        }
    }
}

/// Runs a case and gives what came out otherwise than expected.
#[must_use]
pub fn run(case: &Case) -> Vec<Difference> {
    let found = case.compiled(|inputs, program| {
        let mut found = BTreeMap::new();
        let mut open = Open::default();
        for message in &case.messages {
            let answer = case.answer(inputs, program, message);
            found.extend(open.close(&answer.question, message.at));
            open.add(&answer);
            let places = explained(message, &answer).into_iter();
            let places = places.chain(came_out(&answer));
            found.extend(places.map(|(place, what)| (format!("{}{place}", message.prefix), what)));
        }
        if let Some(until) = case.until {
            found.extend(open.close(&case.question(inputs, program, until), until));
        }
        found
    });
    differences(&case.expected, &found)
}

/// The explanation of every lane and field that the case asks about.
fn explained(message: &Message, answer: &Answer<'_>) -> BTreeMap<String, String> {
    let asked = message.asked.iter().filter_map(|(lane, field)| {
        let why = answer.why(&format::lane(lane)?, field)?;
        let why = format!("{} by {}", why.level, reason(&why.because));
        Some((format!("why {lane} {field}"), why))
    });
    asked.collect()
}

/// A reason in the words of the corpus.
#[must_use]
pub fn reason(because: &Because) -> String {
    let word = because.as_str();
    let voices = |it: &Voices| {
        let you = if it.you { ", you" } else { "" };
        format!("{word} {} of {}{you}", it.count, it.of)
    };
    match because {
        Because::Declared { basis, .. } | Because::Fixed { basis, .. } => format!("{word} {basis}"),
        Because::Chosen(it) | Because::NotConsented(it) => voices(it),
        Because::Capped {
            target,
            purpose: None,
        } => format!("{word} {target}"),
        Because::Capped {
            target,
            purpose: Some(purpose),
        } => format!("{word} {target} for {purpose}"),
        Because::AccessFrom(at) | Because::AccessEnded(at) => format!("{word} {at}"),
        Because::Licence(state) => format!("{word} {state}"),
        _ => word.to_owned(),
    }
}

fn came_out(answer: &Answer<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (payload, decision) = match &answer.decided {
        Err(err) => {
            found.insert("decode-error".to_owned(), decode_error(err));
            return found;
        }
        Ok(decided) => decided,
    };
    for it in payload.undeclared() {
        let place = format!("undeclared {}", it.pointer);
        found.insert(place, it.reason.as_str().to_owned());
    }
    if payload.unlisted() > 0 {
        found.insert("unlisted".to_owned(), payload.unlisted().to_string());
    }
    if let Effect::Refuse(refusal) = decision.effect() {
        let refusal = match refusal {
            Refusal::Licence(state) => format!("licence-{state}"),
            Refusal::Quarantined => "quarantined".to_owned(),
            Refusal::Schema => "schema".to_owned(),
        };
        found.insert("refused".to_owned(), refusal);
    }
    views(answer, payload, decision, &mut found);
    for EvaluationError::NotCoarsenable(field) in decision.errors() {
        let pointer = payload.schema().pointer(*field);
        let pointer = pointer.map_or_else(String::new, ToString::to_string);
        found.insert(format!("error {pointer}"), "not-coarsenable".to_owned());
    }
    found
}

/// What each lane gets, and what is kept.
fn views(
    answer: &Answer<'_>,
    payload: &Payload,
    decision: &Decision,
    found: &mut BTreeMap<String, String>,
) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    for (index, lane) in answer.question.program.lane_indexes() {
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

#[cfg(test)]
mod tests;

//! The format of `case.json`: see `corpus/policy/README.md`.

use std::collections::BTreeMap;
use std::fmt;

use model::{
    Cap, CapTarget, Choice, DeploymentId, Grant, Level, LicenceState, Notice, PersonId, Pointer,
    PurposeId, RecipientId, Role, Roles, Sensitivity, Timestamp,
};
use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Case, CaseError, Message, Person};
use crate::program::Lane;
use crate::schema::Schema;

/// The longest name of a shared notice, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Which notice a case refers to: a file of [`NOTICES_DIRECTORY`](super::NOTICES_DIRECTORY).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared(String);

impl Shared {
    /// The name of the file: letters, digits and hyphens, then `.toml` (or `.json`, where the case says so).
    #[must_use]
    pub fn file(&self) -> &str {
        &self.0
    }

    fn parse(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "toml"));
        let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
        let fits = (1..=MAX_NAME_BYTES).contains(&stem.len()) && stem.bytes().all(plain);
        let known = extension == "toml" || extension == "json";
        (fits && known).then(|| Self(format!("{stem}.{extension}")))
    }
}

/// The shared notice that a case names with `notice`; `None` where the case has a notice of its own.
///
/// # Errors
/// See [`CaseError`].
pub fn shared_notice(case: &str) -> Result<Option<Shared>, CaseError> {
    let raw: RawCase<'_> = serde_json::from_str(case).map_err(CaseError::Format)?;
    let name = raw.notice.as_deref();
    name.map(|it| word(it, "the name of a shared notice", Shared::parse))
        .transpose()
}

/// Reads a case.
pub(super) fn parse(notice: Notice, case: &str) -> Result<Case, CaseError> {
    let schema = Schema::compile(&notice).map_err(CaseError::Schema)?;
    let raw: RawCase<'_> = serde_json::from_str(case).map_err(CaseError::Format)?;
    let deployment = &notice.deployment;
    let (messages, expected) = messages(&raw)?;
    Ok(Case {
        people: people(&raw, deployment)?,
        asker: raw.asker.map(|it| it.saturating_sub(1)),
        grants: grants(&raw, deployment)?,
        caps: raw.caps.iter().map(cap).collect::<Result<_, _>>()?,
        licence: word(raw.licence, "a licence state", LicenceState::parse)?,
        quarantined: raw.quarantined,
        messages,
        until: raw.until.map(time).transpose()?,
        expected,
        about: raw.about,
        notice,
        schema,
    })
}

/// A lane as the corpus writes it: `recipient/purpose`.
pub(super) fn lane(text: &str) -> Option<Lane> {
    let (recipient, purpose) = text.split_once('/')?;
    Some(Lane {
        recipient: RecipientId::parse(recipient).ok()?,
        purpose: PurposeId::parse(purpose).ok()?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawCase<'a> {
    about: String,
    /// A shared notice.
    notice: Option<String>,
    /// Each person whom the thing senses.
    #[serde(default, borrow)]
    people: Vec<RawPerson<'a>>,
    /// The number of the person who asks why, from 1.
    asker: Option<usize>,
    #[serde(default)]
    grants: Vec<RawGrant<'a>>,
    #[serde(default)]
    caps: Vec<RawCap<'a>>,
    licence: &'a str,
    #[serde(default)]
    quarantined: bool,
    now: Option<&'a str>,
    #[serde(borrow)]
    payload: Option<RawPayload<'a>>,
    #[serde(default, borrow)]
    messages: Vec<RawMessage<'a>>,
    /// When what windows hold is looked at for the last time.
    until: Option<&'a str>,
    #[serde(default, borrow)]
    expect: RawExpect<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMessage<'a> {
    at: &'a str,
    #[serde(borrow)]
    payload: RawPayload<'a>,
    #[serde(default, borrow)]
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
    /// The message as hexadecimal digits, for what is no text; white space between them is left out.
    Hex(String),
}

/// Choices alone, of somebody in every role; or roles and choices.
struct RawPerson<'a> {
    roles: Option<Vec<&'a str>>,
    choices: Vec<RawChoice<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoles<'a> {
    #[serde(borrow)]
    roles: Vec<&'a str>,
    #[serde(default, borrow)]
    choices: Vec<RawChoice<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for RawPerson<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherWay;
        impl<'de> Visitor<'de> for EitherWay {
            type Value = RawPerson<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices, or an object with roles and choices")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut choices = Vec::new();
                while let Some(choice) = seq.next_element()? {
                    choices.push(choice);
                }
                Ok(RawPerson {
                    roles: None,
                    choices,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let raw = RawRoles::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawPerson {
                    roles: Some(raw.roles),
                    choices: raw.choices,
                })
            }
        }
        deserializer.deserialize_any(EitherWay)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChoice<'a> {
    field: &'a str,
    purpose: &'a str,
    recipient: &'a str,
    level: &'a str,
    /// The deployment of the notice when absent.
    deployment: Option<&'a str>,
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
    unlisted: Option<usize>,
    errors: Vec<String>,
    #[serde(borrow)]
    lanes: BTreeMap<String, &'a RawValue>,
    #[serde(borrow)]
    stored: BTreeMap<String, &'a RawValue>,
    /// Of the case as a whole: what comes of time windows, one after the other.
    #[serde(borrow)]
    windows: BTreeMap<String, Vec<&'a RawValue>>,
    why: BTreeMap<String, BTreeMap<String, String>>,
}

type Places = BTreeMap<String, String>;

fn messages(raw: &RawCase<'_>) -> Result<(Vec<Message>, Places), CaseError> {
    let mut expected = Places::new();
    let mut read = |prefix: String, at: &str, payload: &RawPayload<'_>, expect: &RawExpect<'_>| {
        let places = expect.places();
        expected.extend(places.map(|(place, what)| (format!("{prefix}{place}"), what)));
        Ok(Message {
            prefix,
            at: time(at)?,
            payload: payload.bytes()?,
            asked: expect.asked()?,
        })
    };
    let messages = match (&raw.payload, raw.now, raw.messages.as_slice()) {
        (Some(payload), Some(now), []) => {
            vec![read(String::new(), now, payload, &raw.expect)?]
        }
        (None, None, [first, rest @ ..]) => {
            let numbered = (1..).zip(std::iter::once(first).chain(rest));
            let read = numbered.map(|(number, it): (usize, &RawMessage<'_>)| {
                read(format!("message {number} "), it.at, &it.payload, &it.expect)
            });
            read.collect::<Result<_, CaseError>>()?
        }
        _ => return Err(CaseError::Messages),
    };
    expected.extend(raw.expect.windows());
    Ok((messages, expected))
}

impl RawPayload<'_> {
    fn bytes(&self) -> Result<Vec<u8>, CaseError> {
        match self {
            Self::Json(json) => Ok(json.get().as_bytes().to_owned()),
            Self::Text(text) => Ok(text.as_bytes().to_owned()),
            Self::Hex(digits) => word(digits, "a row of pairs of hexadecimal digits", bytes),
        }
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.chars().filter(|it| !it.is_ascii_whitespace());
    let digits: Option<Vec<u32>> = digits.map(|it| it.to_digit(16)).collect();
    let pairs = digits?;
    let pairs = pairs.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect()
}

impl RawExpect<'_> {
    /// What is expected, by place.
    fn places(&self) -> impl Iterator<Item = (String, String)> {
        let single = |place: &str, what: &Option<String>| {
            let place = place.to_owned();
            what.clone().map(|it| (place, it))
        };
        let unlisted = self.unlisted.map(|it| it.to_string());
        let singles = [
            single("decode-error", &self.decode_error),
            single("refused", &self.refused),
            single("unlisted", &unlisted),
        ];
        let undeclared = self.undeclared.iter();
        let errors = self.errors.iter();
        let lanes = self.lanes.iter();
        let stored = self.stored.iter();
        let why = self.why.iter().flat_map(|(lane, fields)| {
            let fields = fields.iter();
            fields.map(move |(field, why)| (format!("why {lane} {field}"), why.clone()))
        });
        singles
            .into_iter()
            .flatten()
            .chain(undeclared.map(|(at, why)| (format!("undeclared {at}"), why.clone())))
            .chain(errors.map(|it| (format!("error {it}"), "not-coarsenable".to_owned())))
            .chain(lanes.map(|(lane, json)| (format!("lane {lane}"), compact(json.get()))))
            .chain(stored.map(|(days, json)| (format!("stored {days}"), compact(json.get()))))
            .chain(why)
    }

    /// What is expected of time windows, by place and number.
    fn windows(&self) -> impl Iterator<Item = (String, String)> {
        self.windows.iter().flat_map(|(place, all)| {
            let numbered = (1..).zip(all);
            numbered.map(move |(number, json): (usize, _)| {
                (format!("window {place} {number}"), compact(json.get()))
            })
        })
    }

    fn asked(&self) -> Result<Vec<(String, Pointer)>, CaseError> {
        let lanes = self.why.iter();
        lanes
            .flat_map(|(lane, fields)| fields.keys().map(move |it| (lane, it)))
            .map(|(lane, field)| {
                word(lane, "a recipient and a purpose", self::lane)?;
                Ok((lane.clone(), pointer(field)?))
            })
            .collect()
    }
}

fn people(raw: &RawCase<'_>, deployment: &DeploymentId) -> Result<Vec<Person>, CaseError> {
    let choice = |person: &PersonId, raw: &RawChoice<'_>| {
        Ok(Choice {
            person: person.clone(),
            deployment: deployment_of(raw.deployment, deployment)?,
            field: pointer(raw.field)?,
            purpose: purpose(raw.purpose)?,
            recipient: recipient(raw.recipient)?,
            level: level(raw.level)?,
        })
    };
    let people = raw.people.iter().zip(1..);
    people
        .map(|(raw, number)| {
            let name = format!("person-{number}");
            let person = word(&name, "a person", |it| PersonId::parse(it).ok())?;
            let roles = |roles: &Vec<&str>| {
                let roles = roles.iter().map(|it| word(it, "a role", Role::parse));
                roles.collect::<Result<Roles, _>>()
            };
            Ok(Person {
                roles: raw.roles.as_ref().map_or(Ok(Roles::ALL), roles)?,
                choices: raw
                    .choices
                    .iter()
                    .map(|it| choice(&person, it))
                    .collect::<Result<_, CaseError>>()?,
            })
        })
        .collect()
}

fn grants(raw: &RawCase<'_>, deployment: &DeploymentId) -> Result<Vec<Grant>, CaseError> {
    let grant = |raw: &RawGrant<'_>| {
        Ok(Grant {
            recipient: recipient(raw.recipient)?,
            purpose: purpose(raw.purpose)?,
            deployment: deployment_of(raw.deployment, deployment)?,
            valid_from: time(raw.from)?,
            valid_until: raw.until.map(time).transpose()?,
        })
    };
    raw.grants.iter().map(grant).collect()
}

fn deployment_of(named: Option<&str>, own: &DeploymentId) -> Result<DeploymentId, CaseError> {
    named.map_or_else(
        || Ok(own.clone()),
        |it| word(it, "a deployment", |it| DeploymentId::parse(it).ok()),
    )
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

//! Drafts of notices: the fields that a message or a description of a device shows, for a person to declare.
//!
//! A draft lists fields and declares none of them, so nothing of it passes, and `amanat notice check` names everything that a
//! person has to fill in: who answers for the deployment, what each field is called in both languages, and for which purpose
//! it may be used. Titles, units, ranges, sensitivities and coarse levels are guesses from the names of fields; no value of a
//! message is in a draft.
//!
//! Start reading at [`Draft`]. `observed` reads messages, `thing_description` W3C WoT Thing Descriptions,
//! `home_assistant` the discovery documents of Home Assistant, `facts` holds what names of fields tell, `write` makes the file.

mod facts;
mod home_assistant;
mod observed;
mod thing_description;
mod write;

use std::collections::BTreeMap;

use model::{FieldKind, Format, MAX_FIELDS, Pointer, Range};

use facts::Guess;

/// The largest document from which a draft is made, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// How deep a document is looked into.
const MAX_DEPTH: usize = model::MAX_POINTER_DEPTH;
/// The most remarks of a draft.
const MAX_REMARKS: usize = 64;

/// What is known of a deployment's fields before anybody has declared them.
#[derive(Debug)]
pub struct Draft {
    fields: BTreeMap<Pointer, Found>,
    format: Format,
    /// What the device calls itself.
    title: Option<String>,
    /// What a person should look at, in sentences.
    remarks: Vec<String>,
}

/// A field that was found.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    /// Its name in SenML, where that is how it is found.
    senml: Option<String>,
    kind: Option<FieldKind>,
    unit: Option<String>,
    range: Option<Range>,
    /// What the source calls it, in English.
    english: Option<String>,
    /// What the source calls it, in Urdu.
    urdu: Option<String>,
    /// What the source says about it.
    description: Option<String>,
    /// What its name says.
    guess: Option<Guess>,
}

/// What a source says of a field.
#[derive(Debug, Clone, Default)]
struct Says {
    kind: Option<FieldKind>,
    unit: Option<String>,
    range: Option<Range>,
    english: Option<String>,
    urdu: Option<String>,
    description: Option<String>,
    /// A word that says what it measures better than its name does.
    class: Option<String>,
}

/// Why no draft can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// More than [`MAX_DOCUMENT_BYTES`].
    #[error(
        "the document has more than {MAX_DOCUMENT_BYTES} bytes: give the part that describes one device"
    )]
    TooLarge,
    /// Not JSON.
    #[error(
        "the document is not JSON at line {0}, column {1}: give it as the device or its maker publishes it"
    )]
    NotJson(usize, usize),
    /// Not a Thing Description.
    #[error(
        "this is no Thing Description: it has neither `properties` nor `events` (W3C WoT Thing Description 1.1, section 5.3.1.1)"
    )]
    NotAThing,
    /// Not a discovery document.
    #[error(
        "this is no discovery document of Home Assistant: it names neither a state topic nor components"
    )]
    NotADiscovery,
    /// The message says that a device is gone.
    #[error(
        "the discovery document is empty, which takes a device away: give the one that was published before"
    )]
    Deletes,
    /// No field came out of it.
    #[error("no field was found: give a message that carries a reading, or another description")]
    NoField,
}

impl Draft {
    /// A draft for messages of this format.
    #[must_use]
    pub const fn new(format: Format) -> Self {
        Self {
            fields: BTreeMap::new(),
            format,
            title: None,
            remarks: Vec::new(),
        }
    }

    /// Looks at one message, as it came out of its adapter: JSON, or, where the format says so, a SenML pack in JSON.
    ///
    /// # Errors
    /// See [`DraftError`].
    pub fn observe(&mut self, message: &[u8]) -> Result<(), DraftError> {
        observed::observe(self, &parse(message)?);
        Ok(())
    }

    /// Reads a Thing Description (W3C WoT Thing Description 1.1).
    ///
    /// # Errors
    /// See [`DraftError`].
    pub fn describe(&mut self, description: &[u8]) -> Result<(), DraftError> {
        thing_description::describe(self, &parse(description)?)
    }

    /// Reads a discovery document of Home Assistant; `topic` is where it was published, if that is known.
    ///
    /// # Errors
    /// See [`DraftError`].
    pub fn discover(&mut self, document: &[u8], topic: Option<&str>) -> Result<(), DraftError> {
        if document.iter().all(u8::is_ascii_whitespace) {
            return Err(DraftError::Deletes);
        }
        home_assistant::discover(self, &parse(document)?, topic)
    }

    /// The draft as a notice file in TOML.
    ///
    /// # Errors
    /// [`DraftError::NoField`].
    pub fn to_toml(&self) -> Result<String, DraftError> {
        if self.fields.is_empty() {
            return Err(DraftError::NoField);
        }
        Ok(write::to_toml(self))
    }

    /// The pointers that were found.
    pub fn pointers(&self) -> impl Iterator<Item = &Pointer> {
        self.fields.keys()
    }

    /// Notes a field. What the source said first stays.
    fn add(&mut self, place: &[String], senml: Option<String>, says: Says) {
        let pointer: String = place.iter().map(|it| format!("/{}", escaped(it))).collect();
        let Ok(pointer) = Pointer::parse(&pointer) else {
            return self.remark(
                "a place was left out, because its name is too long, too deep or begins with `@`",
            );
        };
        if !self.fields.contains_key(&pointer) && self.fields.len() >= MAX_FIELDS {
            return self
                .remark("more fields were found than a notice can have; the rest was left out");
        }
        let name = place.iter().rev().find(|it| is_name(it));
        let name = name.map_or("value", String::as_str);
        let class = says
            .class
            .as_deref()
            .and_then(|it| facts::guess(it, says.kind));
        let guess = class.or_else(|| facts::guess(name, says.kind));
        let found = Found {
            senml,
            kind: says.kind,
            unit: says.unit,
            range: says.range,
            english: says.english,
            urdu: says.urdu,
            description: says.description,
            guess,
        };
        let known = self.fields.entry(pointer).or_insert_with(|| found.clone());
        if known.kind.is_none() {
            *known = found;
        } else if found.kind.is_some() && known.kind != found.kind {
            self.remark("a field came with values of two types; the first one is written below");
        }
    }

    /// Notes a sentence, once.
    fn remark(&mut self, sentence: &str) {
        if self.remarks.len() < MAX_REMARKS && !self.remarks.iter().any(|it| it == sentence) {
            self.remarks.push(sentence.to_owned());
        }
    }
}

/// Whether a part of a pointer says something to people.
fn is_name(part: &str) -> bool {
    part != Pointer::WILDCARD && !part.bytes().all(|it| it.is_ascii_digit())
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

fn parse(document: &[u8]) -> Result<serde_json::Value, DraftError> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(DraftError::TooLarge);
    }
    serde_json::from_slice(document).map_err(|err| DraftError::NotJson(err.line(), err.column()))
}

#[cfg(test)]
mod tests;

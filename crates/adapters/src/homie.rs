//! The Homie convention, versions 3, 4 and 5.
//!
//! | topic | |
//! |---|---|
//! | `homie/DEVICE/NODE/PROPERTY` (3, 4), `homie/5/DEVICE/NODE/PROPERTY` (5) | a reading: the value at `/NODE/PROPERTY` |
//! | `…/$datatype` (3, 4), `…/$description` (5) | no reading; the types of the properties are remembered |
//! | every other topic with a level that begins with `$`, `…/set`, `homie/5/$broadcast/…` | no reading |
//!
//! A device is called by its id. The first level, `homie`, may be another word.
//! The type of a property decides how its text is read: `integer` and `float` are numbers, `boolean` is `true` or `false`,
//! `json` is the JSON that it is, every other type is a text. A value that is not of its type is passed on as a text, which
//! a notice that declares a number does not take. Where the type is not known it is read as [`crate::Adapter::Scalar`] reads it.
//!
//! Documentation: <https://homieiot.github.io/specification/>.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::take::{AllTaken, nothing, one};
use crate::{TakeError, json};

/// The most properties whose type is remembered of a connection; further ones are read without it.
pub(crate) const MAX_KNOWN_PROPERTIES: usize = 2_048;
/// The longest `DEVICE/NODE/PROPERTY` whose type is remembered, in bytes.
pub(crate) const MAX_PROPERTY_BYTES: usize = 192;

/// The types that properties of this connection have.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    types: BTreeMap<Box<str>, DataType>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataType {
    Number,
    Boolean,
    Json,
    Text,
}

impl DataType {
    fn parse(word: &str) -> Self {
        match word {
            "integer" | "float" => Self::Number,
            "boolean" => Self::Boolean,
            "json" => Self::Json,
            _ => Self::Text,
        }
    }

    /// The value as JSON text.
    fn read(self, payload: &[u8]) -> Result<Option<Cow<'_, str>>, TakeError> {
        // An empty text is a single byte 0, because an empty payload deletes (version 5, "Payload").
        if payload == [0] && self == Self::Text {
            return Ok(Some(Cow::Borrowed("\"\"")));
        }
        let text = json::text(payload)?;
        let value = json::value(payload)?;
        let is_it = |it: &Cow<'_, str>| match self {
            Self::Number => it.starts_with(|first: char| first == '-' || first.is_ascii_digit()),
            Self::Boolean => matches!(&**it, "true" | "false"),
            Self::Json => true,
            Self::Text => false,
        };
        Ok(value.map(|it| {
            if is_it(&it) {
                it
            } else {
                Cow::Owned(json::quoted(text))
            }
        }))
    }
}

impl Memory {
    fn learn(&mut self, property: &str, word: &str) {
        let is_room = self.types.len() < MAX_KNOWN_PROPERTIES;
        let is_short = property.len() <= MAX_PROPERTY_BYTES;
        if let Some(known) = self.types.get_mut(property) {
            *known = DataType::parse(word);
        } else if is_room && is_short {
            self.types.insert(property.into(), DataType::parse(word));
        }
    }

    /// Learns the types of a device's description, which is JSON (version 5).
    fn describe(&mut self, device: &str, payload: &[u8]) -> Result<(), TakeError> {
        let [nodes] = json::find(json::text(payload)?, ["nodes"])?;
        let Some(nodes) = nodes else { return Ok(()) };
        json::members(nodes, |node, about| {
            let [properties] = json::find(about, ["properties"])?;
            let Some(properties) = properties else {
                return Ok(());
            };
            json::members(properties, |property, about| {
                let [datatype] = json::find(about, ["datatype"])?;
                if let Some(word) = datatype.and_then(json::string) {
                    self.learn(&format!("{device}/{node}/{property}"), &word);
                }
                Ok(())
            })
        })
    }
}

/// Takes a message apart.
pub(crate) fn take<'a>(
    memory: &mut Memory,
    topic: &'a str,
    payload: &'a [u8],
) -> Result<AllTaken<'a>, TakeError> {
    let (_, mut rest) = topic.split_once('/').ok_or(TakeError::OtherTopic)?;
    // Five levels with a 5: version 5. A device of version 4 may be called 5, and then has four.
    if let Some(below) = rest.strip_prefix("5/")
        && (below.contains('$') || below.matches('/').count() >= 2)
    {
        rest = below;
    }
    if let Some(at) = rest.find('$') {
        let (before, attribute) = rest.split_at(at);
        let of = before.trim_end_matches('/');
        match attribute {
            "$datatype" if of.matches('/').count() == 2 => memory.learn(of, json::text(payload)?),
            "$description" if !payload.is_empty() => memory.describe(of, payload)?,
            _ => {}
        }
        return nothing();
    }
    let mut levels = rest.split('/');
    let (device, node, property) = (levels.next(), levels.next(), levels.next());
    let (Some(device), Some(node), Some(property)) = (device, node, property) else {
        return Err(TakeError::OtherTopic);
    };
    match (levels.next(), levels.next()) {
        (None, _) => {}
        (Some("set"), None) => return nothing(),
        _ => return Err(TakeError::OtherTopic),
    }
    let value = match memory.types.get(rest) {
        Some(known) => known.read(payload)?,
        None => json::value(payload)?,
    };
    match value {
        Some(value) => one(device, json::nested([node, property], &value)),
        None => nothing(),
    }
}

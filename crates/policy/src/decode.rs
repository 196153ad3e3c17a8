//! From bytes to declared values, in one pass over the message.
//!
//! Rules: `null` is absence. A value of another type than declared, or a container where a value is declared, is undeclared
//! ([`Reason::WrongType`]). A key that leads to a declared field may stand once; twice would leave open which one counts,
//! so it denies the message. What is undeclared is skipped without being kept.
//! A number that no 64-bit float can hold, in place of a declared object, makes the message malformed.
//!
//! A stored message ([`Schema::decode_stored`]) may carry `@coarse`, an object from pointer to accuracy (a number, or null
//! where no bound can be given), and, where the message itself is no object, the message as `@value`: what [`crate::render()`] writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{FieldKind, MAX_POINTER_DEPTH};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::decimal::Decimal;
use crate::field_set::{FieldIndex, FieldSet};
use crate::payload::{
    MAX_UNDECLARED, MAX_UNDECLARED_BYTES, Mark, Payload, Reason, Span, Undeclared,
};
use crate::schema::{Node, NodeIndex, Schema};

/// The largest message, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;
/// How deep objects and arrays may nest in a message, undeclared ones included.
pub const MAX_DEPTH: usize = MAX_POINTER_DEPTH;

/// The member that marks coarse values.
pub(crate) const COARSE_KEY: &str = "@coarse";
/// The member that holds a marked message that is no object.
pub(crate) const VALUE_KEY: &str = "@value";

/// Why bytes are no message. Carries nothing of the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More than [`MAX_PAYLOAD_BYTES`].
    #[error("the message has {0} bytes, at most {MAX_PAYLOAD_BYTES} are allowed")]
    TooLarge(usize),
    /// Not UTF-8.
    #[error("the message is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// Not JSON (RFC 8259).
    #[error("the message is not JSON at line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the message nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A key that leads to a declared field stands twice; it is named as in the notice.
    #[error("the message has `{0}` twice")]
    Duplicate(String),
}

impl Schema {
    /// Reads a message. Keeps what is declared and nothing else.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(self: &Arc<Self>, payload: &[u8]) -> Result<Payload, DecodeError> {
        decode(self, checked(payload)?, Vec::new(), Origin::Thing)
    }

    /// Reads a message that [`crate::render_stored`] wrote: values that were coarse then stay marked, with their accuracy.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode_stored(self: &Arc<Self>, payload: &[u8]) -> Result<Payload, DecodeError> {
        let text = checked(payload)?;
        if !text.trim_start().starts_with('{') {
            return decode(self, text, Vec::new(), Origin::Store);
        }
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|err| malformed(&err))?;
        let marks = envelope.coarse.into_iter().flatten();
        let marks = marks.filter_map(|(pointer, accuracy)| self.mark(&pointer, accuracy));
        let marks = marks.collect();
        let message = envelope.value.map_or(text, RawValue::get);
        decode(self, message, marks, Origin::Store)
    }

    fn mark(&self, pointer: &str, accuracy: Option<&RawValue>) -> Option<Mark> {
        let pointer = model::Pointer::parse(pointer).ok()?;
        Some(Mark {
            field: self.index_of(&pointer)?,
            // An accuracy that cannot be read promises nothing.
            accuracy: accuracy
                .and_then(|it| Decimal::parse(it.get()))
                .filter(|it| !it.is_negative()),
        })
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "@coarse", borrow)]
    coarse: Option<BTreeMap<String, Option<&'a RawValue>>>,
    #[serde(rename = "@value", borrow)]
    value: Option<&'a RawValue>,
}

/// Where a message comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Thing,
    Store,
}

fn checked(payload: &[u8]) -> Result<&str, DecodeError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(DecodeError::TooLarge(payload.len()));
    }
    std::str::from_utf8(payload).map_err(|err| DecodeError::NotUtf8(err.valid_up_to()))
}

fn malformed(err: &serde_json::Error) -> DecodeError {
    DecodeError::Malformed {
        line: err.line(),
        column: err.column(),
    }
}

fn decode(
    schema: &Arc<Schema>,
    text: &str,
    marks: Vec<Mark>,
    origin: Origin,
) -> Result<Payload, DecodeError> {
    let mut decoder = Decoder {
        schema,
        origin,
        failure: None,
        payload: Payload {
            schema: Arc::clone(schema),
            present: FieldSet::EMPTY,
            text: String::with_capacity(text.len()),
            spans: SmallVec::from_elem(Span::default(), schema.len()),
            arrays: SmallVec::new(),
            undeclared: Vec::new(),
            unlisted: 0,
            marks,
        },
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = NodeSeed {
        decoder: &mut decoder,
        node: NodeIndex::ROOT,
    }
    .deserialize(&mut json)
    .and_then(|()| json.end());
    match (read, decoder.failure) {
        (_, Some(failure)) => Err(failure),
        (Err(err), None) => Err(malformed(&err)),
        (Ok(()), None) => {
            let mut payload = decoder.payload;
            let present = payload.present;
            payload.marks.retain(|it| present.contains(it.field));
            Ok(payload)
        }
    }
}

struct Decoder<'s> {
    schema: &'s Schema,
    origin: Origin,
    payload: Payload,
    /// Why reading stopped, where it was not the JSON itself.
    failure: Option<DecodeError>,
}

impl Decoder<'_> {
    fn fail<E: serde::de::Error>(&mut self, failure: DecodeError) -> E {
        self.failure = Some(failure);
        E::custom("stopped")
    }

    /// Keeps a declared value, or notes its wrong type.
    fn leaf<E: serde::de::Error>(
        &mut self,
        node: &Node,
        field: FieldIndex,
        raw: &str,
    ) -> Result<(), E> {
        let first = raw.as_bytes().first().copied().unwrap_or(b'n');
        let declared = self.schema.field(field).map(|it| it.kind);
        let kind = match first {
            b'n' => return Ok(()),
            b'"' => Some(FieldKind::Text),
            b't' | b'f' => Some(FieldKind::Boolean),
            b'{' | b'[' => None,
            _ => Some(FieldKind::Number),
        };
        let was_presence = raw == "true"
            && self
                .payload
                .mark(field)
                .is_some_and(|it| it.accuracy.is_none());
        let fits = kind.is_some() && (kind == declared || was_presence);
        if !fits {
            self.note(Reason::WrongType, || node.pointer.clone());
            return self.skip(node.depth, raw);
        }
        if kind == Some(FieldKind::Text) && raw.contains('\\') {
            // Skimming the message accepted any escape; this refuses lone surrogates.
            serde_json::from_str::<String>(raw).map_err(E::custom)?;
        }
        self.keep(field, raw);
        Ok(())
    }

    fn keep(&mut self, field: FieldIndex, raw: &str) {
        let payload = &mut self.payload;
        let start = u32::try_from(payload.text.len());
        payload.text.push_str(raw);
        let end = u32::try_from(payload.text.len());
        if let (Some(span), Ok(start), Ok(end)) =
            (payload.spans.get_mut(field.as_usize()), start, end)
        {
            *span = Span { start, end };
            payload.present.insert(field);
        }
    }

    /// Checks the depth of something that is not kept. `depth` containers enclose it.
    fn skip<E: serde::de::Error>(&mut self, depth: usize, raw: &str) -> Result<(), E> {
        if raw.starts_with(['{', '[']) && depth + nesting(raw) > MAX_DEPTH {
            return Err(self.fail(DecodeError::TooDeep));
        }
        Ok(())
    }

    /// Lists an undeclared place, or counts it when the list is full.
    fn note(&mut self, reason: Reason, pointer: impl FnOnce() -> String) {
        let payload = &mut self.payload;
        if payload.undeclared.len() >= MAX_UNDECLARED {
            payload.unlisted += 1;
            return;
        }
        let pointer = cut(pointer());
        let noted = Undeclared { pointer, reason };
        if !payload.undeclared.contains(&noted) {
            payload.undeclared.push(noted);
        }
    }
}

/// Reads what stands at a node.
struct NodeSeed<'d, 's> {
    decoder: &'d mut Decoder<'s>,
    node: NodeIndex,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let schema = self.decoder.schema;
        let node = schema
            .node(self.node)
            .ok_or_else(|| D::Error::custom("no such node"))?;
        match node.leaf {
            Some(field) => {
                let raw = <&RawValue>::deserialize(deserializer)?;
                self.decoder.leaf(node, field, raw.get())
            }
            None => deserializer.deserialize_any(Container {
                decoder: self.decoder,
                index: self.node,
                node,
            }),
        }
    }
}

/// Reads an object or array with declared fields in it.
struct Container<'d, 's> {
    decoder: &'d mut Decoder<'s>,
    index: NodeIndex,
    node: &'s Node,
}

impl Container<'_, '_> {
    fn wrong_type(self) {
        let node = self.node;
        let note = || node.pointer.clone();
        self.decoder.note(Reason::WrongType, note);
    }
}

impl<'de> Visitor<'de> for Container<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { decoder, node, .. } = self;
        let mut seen = FieldSet::EMPTY;
        while let Some(key) = map.next_key_seed(Key { node })? {
            match key {
                Found::Child(number, child) => {
                    if !seen.insert(number) {
                        let pointer = decoder.schema.node(child).map(|it| it.pointer.clone());
                        let pointer = pointer.unwrap_or_default();
                        return Err(decoder.fail(DecodeError::Duplicate(pointer)));
                    }
                    map.next_value_seed(NodeSeed {
                        decoder,
                        node: child,
                    })?;
                }
                Found::Unknown(token) => {
                    let raw = map.next_value::<&RawValue>()?.get();
                    let ours =
                        node.depth == 0 && decoder.origin == Origin::Store && token == COARSE_KEY;
                    if raw != "null" && !ours {
                        let pointer = || format!("{}/{}", node.pointer, escape(&token));
                        decoder.note(Reason::Unknown, pointer);
                        decoder.skip(node.depth + 1, raw)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { decoder, node, .. } = self;
        let declared = !node.positions.is_empty();
        if declared {
            decoder.payload.arrays.push(self.index);
        } else {
            decoder.note(Reason::WrongType, || node.pointer.clone());
        }
        for position in 0_usize.. {
            if let Some(child) = node.position(position) {
                let seed = NodeSeed {
                    decoder,
                    node: child,
                };
                if seq.next_element_seed(seed)?.is_none() {
                    break;
                }
                continue;
            }
            let Some(raw) = seq.next_element::<&RawValue>()? else {
                break;
            };
            if declared && raw.get() != "null" {
                let pointer = || format!("{}/{position}", node.pointer);
                decoder.note(Reason::Unknown, pointer);
            }
            decoder.skip(node.depth + 1, raw.get())?;
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }
}

/// Looks an object key up.
#[derive(Clone, Copy)]
struct Key<'s> {
    node: &'s Node,
}

enum Found {
    /// Number among the children, and where it leads.
    Child(FieldIndex, NodeIndex),
    /// The start of an undeclared key; long enough to fill a listed pointer.
    Unknown(String),
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Found;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Found, E> {
        Ok(match self.node.child(key) {
            Some((number, child)) => Found::Child(number, child.node),
            None => Found::Unknown(key.chars().take(MAX_UNDECLARED_BYTES + 1).collect()),
        })
    }
}

/// How deep well-formed JSON nests.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A key as a reference token.
fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Keeps a pointer within its bound, whole characters only.
fn cut(mut pointer: String) -> String {
    const END: char = '…';
    if pointer.len() > MAX_UNDECLARED_BYTES {
        let mut end = MAX_UNDECLARED_BYTES - END.len_utf8();
        while !pointer.is_char_boundary(end) {
            end -= 1;
        }
        pointer.truncate(end);
        pointer.push(END);
    }
    pointer
}

#[cfg(test)]
mod tests;

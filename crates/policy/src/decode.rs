//! From bytes to declared values, in one pass over the message.
//!
//! Rules: `null` is absence. A value of another type than declared, or a container where a value is declared, is undeclared
//! ([`Reason::WrongType`]). A key that leads to a declared field may stand once; twice would leave open which one counts,
//! so it denies the message. What is undeclared is skipped without being kept.
//! A number outside of the declared range is undeclared as well ([`Reason::OutOfRange`]).
//! A number that no 64-bit float can hold, in place of a declared object, makes the message malformed.
//!
//! Where a field has `*` in its pointer, every element of the list may hold a value of it; together a message has at most
//! [`MAX_LISTED_VALUES`] of these. What is undeclared in an element is listed with `*` and not with its position.
//!
//! The notice names the format: JSON here, [CBOR](crate::cbor), or [SenML](crate::senml) in either. Whatever it is,
//! a value is kept as JSON text, and recipients get JSON.
//!
//! The most usual shape of JSON is read by [`quick`], with the same result.
//!
//! A stored message ([`Schema::decode_stored`]) may carry `@coarse`, an object from pointer to accuracy (a number, or null
//! where no bound can be given), `@threshold`, `@window` and `@model` beside it, and, where the message itself is no object, the message as `@value`: what [`crate::render()`] writes.

use std::sync::Arc;

use model::{FieldKind, Format, MAX_POINTER_DEPTH};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::field_set::{FieldIndex, FieldSet};
use crate::payload::lists::{ElementIndex, Lists, Opened};
use crate::payload::{
    MAX_UNDECLARED, MAX_UNDECLARED_BYTES, Mark, Payload, Reason, Span, Undeclared,
};
use crate::schema::{Node, NodeIndex, Schema};
use crate::senml::SenmlError;
use crate::{cbor, senml};

pub(crate) mod json;
pub(crate) mod notes;
mod quick;

/// The largest message, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;
/// How deep objects and arrays may nest in a message, undeclared ones included.
pub const MAX_DEPTH: usize = MAX_POINTER_DEPTH;
/// The most values in lists that a message may have, all fields together.
pub const MAX_LISTED_VALUES: usize = 4096;

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
    /// More than [`MAX_LISTED_VALUES`].
    #[error("the message has more than {MAX_LISTED_VALUES} values in lists: send it in parts")]
    TooManyValues,
    /// Not CBOR (RFC 8949).
    #[error("the message is not CBOR at byte {0}")]
    NotCbor(usize),
    /// Not SenML (RFC 8428).
    #[error("the message is not a SenML pack: {0}")]
    Senml(#[source] SenmlError),
    /// A pack with several times, where one message was expected.
    #[error("the pack holds {0} messages where one was expected")]
    Several(usize),
}

impl Schema {
    /// Reads a message. Keeps what is declared and nothing else.
    ///
    /// # Errors
    /// See [`DecodeError`]. A SenML pack with more than one time is several messages, see [`Schema::decode_all`].
    pub fn decode(self: &Arc<Self>, payload: &[u8]) -> Result<Payload, DecodeError> {
        match self.format() {
            Format::Json | Format::Cbor => self.decode_one(payload).map(|it| *it),
            Format::SenmlJson | Format::SenmlCbor => {
                let mut all = self.decode_all(payload)?;
                match (all.pop(), all.len()) {
                    (Some(only), 0) => Ok(*only),
                    (_, others) => Err(DecodeError::Several(others + 1)),
                }
            }
        }
    }

    /// Reads JSON or CBOR.
    fn decode_one(self: &Arc<Self>, payload: &[u8]) -> Result<Box<Payload>, DecodeError> {
        if self.format() == Format::Cbor {
            return cbor::decode(self, sized(payload)?);
        }
        let text = checked(payload)?;
        match quick::decode(self, text) {
            Some(payload) => Ok(payload),
            None => json::decode(self, text, Vec::new(), Origin::Thing),
        }
    }

    /// Reads everything that came at once: one message, or, of a SenML pack, one for each time.
    ///
    /// # Errors
    /// See [`DecodeError`]: nothing comes in when a part of it cannot be read.
    pub fn decode_all(
        self: &Arc<Self>,
        payload: &[u8],
    ) -> Result<SmallVec<[Box<Payload>; 1]>, DecodeError> {
        match self.format() {
            Format::Json | Format::Cbor => {
                let one = self.decode_one(payload)?;
                Ok(SmallVec::from_buf([one]))
            }
            Format::SenmlJson => senml::decode_json(self, checked(payload)?),
            Format::SenmlCbor => senml::decode_cbor(self, sized(payload)?),
        }
    }

    /// Reads a message that [`crate::render_stored`] wrote, which is JSON whatever the format of the notice: values that were
    /// coarse then stay marked, with their accuracy. Ranges do not count: what lay in the range of its day stays.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode_stored(self: &Arc<Self>, payload: &[u8]) -> Result<Payload, DecodeError> {
        let text = checked(payload)?;
        if !text.trim_start().starts_with('{') {
            return json::decode(self, text, Vec::new(), Origin::Store).map(|it| *it);
        }
        let envelope: notes::Envelope<'_> =
            serde_json::from_str(text).map_err(|err| json::malformed(&err))?;
        let marks = notes::marks(self, &envelope);
        let message = envelope.value.map_or(text, RawValue::get);
        let mut payload = json::decode(self, message, marks, Origin::Store)?;
        payload.made = notes::made(self, &envelope, payload.present);
        Ok(*payload)
    }
}

/// Where a message comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Thing,
    Store,
}

fn sized(payload: &[u8]) -> Result<&[u8], DecodeError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(DecodeError::TooLarge(payload.len()));
    }
    Ok(payload)
}

fn checked(payload: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(sized(payload)?).map_err(|err| DecodeError::NotUtf8(err.valid_up_to()))
}

/// A single value of a message, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// Nothing.
    Null,
    /// A number, a string or a boolean.
    Json(String),
    /// What JSON has no word for, or no single value.
    Other,
}

/// What is kept of one message.
pub(crate) struct Decoder<'s> {
    pub(crate) schema: &'s Schema,
    origin: Origin,
    payload: Box<Payload>,
    /// The element of a list that is being read.
    element: ElementIndex,
}

impl<'s> Decoder<'s> {
    pub(crate) fn new(
        schema: &'s Arc<Schema>,
        size_bytes: usize,
        marks: Vec<Mark>,
        origin: Origin,
    ) -> Self {
        Self {
            schema,
            origin,
            element: ElementIndex::MESSAGE,
            payload: Box::new(Payload {
                schema: Arc::clone(schema),
                present: FieldSet::EMPTY,
                text: String::with_capacity(size_bytes),
                spans: SmallVec::from_elem(Span::default(), schema.len()),
                arrays: SmallVec::new(),
                lists: None,
                undeclared: Vec::new(),
                unlisted: 0,
                marks,
                made: Vec::new(),
            }),
        }
    }

    /// The message, once all of it was read.
    pub(crate) fn finish(self) -> Box<Payload> {
        let mut payload = self.payload;
        let present = payload.present;
        if !payload.marks.is_empty() {
            payload.marks.retain(|it| present.contains(it.field));
        }
        if let Some(lists) = &mut payload.lists {
            lists.settle();
        }
        payload
    }

    /// Keeps a declared value, or notes what is wrong with it. Tells whether it was kept.
    pub(crate) fn leaf(
        &mut self,
        node: &Node,
        field: FieldIndex,
        raw: &str,
    ) -> Result<bool, DecodeError> {
        let first = raw.as_bytes().first().copied().unwrap_or(b'n');
        let Some(declared) = self.schema.field(field) else {
            return Ok(false);
        };
        let kind = match first {
            b'n' => return Ok(false),
            b'"' => Some(FieldKind::Text),
            b't' | b'f' => Some(FieldKind::Boolean),
            b'{' | b'[' => None,
            _ => Some(FieldKind::Number),
        };
        let mark = self.payload.mark(field);
        let was_coarse = mark.is_some_and(|it| notes::is_flag(&it, raw, declared.kind));
        if kind != Some(declared.kind) && !was_coarse {
            self.note(Reason::WrongType, || node.pointer.clone());
            return self.skip(node.depth, raw).map(|()| false);
        }
        if self.origin == Origin::Thing && !declared.holds(raw) {
            self.note(Reason::OutOfRange, || node.pointer.clone());
            return Ok(false);
        }
        self.keep(field, raw)
    }

    fn keep(&mut self, field: FieldIndex, raw: &str) -> Result<bool, DecodeError> {
        let payload = &mut self.payload;
        let start = u32::try_from(payload.text.len());
        payload.text.push_str(raw);
        let end = u32::try_from(payload.text.len());
        let (Ok(start), Ok(end)) = (start, end) else {
            return Err(DecodeError::TooLarge(payload.text.len()));
        };
        let span = Span { start, end };
        if self.element != ElementIndex::MESSAGE {
            let lists = payload.lists.get_or_insert_default();
            if lists.keep(field, self.element, span) > MAX_LISTED_VALUES {
                return Err(DecodeError::TooManyValues);
            }
        } else if let Some(place) = payload.spans.get_mut(field.as_usize()) {
            *place = span;
        }
        payload.present.insert(field);
        Ok(true)
    }

    /// Begins an element of a list.
    pub(crate) fn open(&mut self, list: NodeIndex) -> Opened {
        let lists: &mut Lists = self.payload.lists.get_or_insert_default();
        let (element, opened) = lists.open(self.element, list);
        self.element = element;
        opened
    }

    /// Ends an element of a list.
    pub(crate) fn close(&mut self, opened: Opened) {
        self.element = opened.around;
        if let Some(lists) = &mut self.payload.lists {
            lists.close(opened);
        }
    }

    /// Remembers that a container came as an array.
    pub(crate) fn came_as_array(&mut self, node: NodeIndex) {
        match &mut self.payload.lists {
            Some(lists) if self.element != ElementIndex::MESSAGE => {
                lists.came_as_array(self.element, node);
            }
            _ => self.payload.arrays.push(node),
        }
    }

    /// Whether a member of a stored message is the platform's own.
    pub(crate) fn is_ours(&self, node: &Node, token: &str) -> bool {
        node.depth == 0 && self.origin == Origin::Store && notes::KEYS.contains(&token)
    }

    /// Checks the depth of JSON that is not kept. `depth` containers enclose it.
    pub(crate) fn skip(&self, depth: usize, raw: &str) -> Result<(), DecodeError> {
        if raw.starts_with(['{', '[']) && depth + nesting(raw) > MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        Ok(())
    }

    /// Notes a place whose type is not the declared one.
    pub(crate) fn wrong_type(&mut self, node: &Node) {
        self.note(Reason::WrongType, || node.pointer.clone());
    }

    /// Notes a member that the notice does not name.
    pub(crate) fn unknown(&mut self, node: &Node, token: &str) {
        let pointer = || {
            let mut pointer = String::with_capacity(node.pointer.len() + 1 + token.len());
            pointer.push_str(&node.pointer);
            pointer.push('/');
            match token.contains(['~', '/']) {
                true => pointer.push_str(&escape(token)),
                false => pointer.push_str(token),
            }
            pointer
        };
        self.note(Reason::Unknown, pointer);
    }

    /// The error for a name that stands twice.
    pub(crate) fn twice(&self, node: NodeIndex) -> DecodeError {
        let pointer = self.schema.node(node).map(|it| it.pointer.clone());
        DecodeError::Duplicate(pointer.unwrap_or_default())
    }

    /// Lists an undeclared place, or counts it when the list is full. How many elements of a list have it is not told.
    pub(crate) fn note(&mut self, reason: Reason, pointer: impl FnOnce() -> String) {
        let in_list = self.element != ElementIndex::MESSAGE;
        let payload = &mut self.payload;
        if payload.undeclared.len() >= MAX_UNDECLARED {
            if !in_list || payload.unlisted == 0 {
                payload.unlisted += 1;
            }
            return;
        }
        let pointer = cut(pointer());
        let noted = Undeclared { pointer, reason };
        if !payload.undeclared.contains(&noted) {
            payload.undeclared.push(noted);
        }
    }
}

/// How deep well-formed JSON nests.
pub(crate) fn nesting(json: &str) -> usize {
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
pub(crate) fn escape(token: &str) -> String {
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

//! A message after decoding: the declared values as exact JSON text, and where something undeclared was. Never an undeclared value.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::decimal::Decimal;
use crate::field_set::{FieldIndex, FieldSet};
use crate::payload::lists::{ElementIndex, Lists};
use crate::schema::{NodeIndex, Schema};
use crate::window::WindowMark;

pub(crate) mod lists;

/// The most undeclared pointers that are listed; more are counted.
pub const MAX_UNDECLARED: usize = 16;
/// The longest undeclared pointer that is listed, in bytes; a longer one is cut and ends with `…`.
pub const MAX_UNDECLARED_BYTES: usize = 256;

/// How many unused bytes are not worth copying the others.
const MAX_UNUSED_BYTES: usize = 256;

/// Declared values of one message, as exact JSON text.
#[derive(Clone)]
pub struct Payload {
    pub(crate) schema: Arc<Schema>,
    pub(crate) present: FieldSet,
    /// The texts of all values, one after the other.
    pub(crate) text: String,
    /// Where in `text` the value of each field is, by field number; only meaningful for fields that are present,
    /// and empty for those that stand in lists.
    pub(crate) spans: SmallVec<[Span; 24]>,
    /// Containers that came as an array, those in lists left out.
    pub(crate) arrays: SmallVec<[NodeIndex; 4]>,
    /// What stands in lists; `None` where nothing does.
    pub(crate) lists: Option<Box<Lists>>,
    pub(crate) undeclared: Vec<Undeclared>,
    pub(crate) unlisted: usize,
    /// Values that were coarse already when they were stored.
    pub(crate) marks: Vec<Mark>,
    /// Values that a model worked out.
    pub(crate) made: Vec<Made>,
}

/// A value that a model worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) field: FieldIndex,
    /// Which model, as JSON text.
    pub(crate) label: Arc<str>,
}

/// A range of bytes in the text of a payload.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A stored value that was coarse when it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) field: FieldIndex,
    /// `None` where no bound can be given.
    pub(crate) accuracy: Option<Decimal>,
    pub(crate) note: Note,
}

/// What else must be said of a coarse value for it to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// Nothing.
    None,
    /// It says on which side of this the measured value was.
    Threshold(Decimal),
    /// It was made of the values of a time window.
    Window(WindowMark),
}

/// Something in a message that the notice does not declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    /// The topmost undeclared place, escaped as RFC 6901 asks, at most [`MAX_UNDECLARED_BYTES`] long.
    pub pointer: String,
    /// What is wrong there.
    pub reason: Reason,
}

/// Why something in a message is undeclared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The notice does not name the place.
    Unknown,
    /// The notice names the place, with another type or unit.
    WrongType,
    /// The notice names the place, and a range that the number does not lie in.
    OutOfRange,
    /// The notice names the place, and a model that works it out and is not in force yet.
    NotYet,
}

impl Reason {
    /// The word that rows and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::WrongType => "wrong-type",
            Self::OutOfRange => "out-of-range",
            Self::NotYet => "not-yet",
        }
    }
}

impl Payload {
    /// The schema that the message was read under.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The fields that came with a value of the declared type.
    #[must_use]
    pub fn present(&self) -> FieldSet {
        self.present
    }

    /// The JSON text of a value, exactly as it came; `None` for a field with `*` in its pointer, see [`Payload::values`].
    #[must_use]
    pub fn raw(&self, field: FieldIndex) -> Option<&str> {
        if !self.present.contains(field) {
            return None;
        }
        let span = self.spans.get(field.as_usize())?;
        self.at(*span).filter(|it| !it.is_empty())
    }

    /// Every value of a field, each exactly as it came, in the order of the message: at most one for a plain field,
    /// any number for one with `*` in its pointer.
    pub fn values(&self, field: FieldIndex) -> impl Iterator<Item = &str> {
        let lists = self
            .lists
            .iter()
            .filter(move |_| self.present.contains(field));
        let listed = lists.flat_map(move |it| it.values(field));
        let listed = listed.filter_map(|it| self.at(it));
        self.raw(field).into_iter().chain(listed)
    }

    /// The value without quotes and escapes: the token that names a person where the field is the subject field.
    #[must_use]
    pub fn text(&self, field: FieldIndex) -> Option<Cow<'_, str>> {
        let raw = self.raw(field)?;
        match raw.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
            None => Some(Cow::Borrowed(raw)),
            Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
            Some(_) => serde_json::from_str(raw).ok().map(Cow::Owned),
        }
    }

    /// Lets go of what is not needed to decide and to render: place that was made for values that did not come, and what was
    /// undeclared. For a message that waits.
    pub fn slim(&mut self) {
        self.undeclared = Vec::new();
        let unused = self.text.capacity() - self.text.len();
        if unused > MAX_UNUSED_BYTES {
            self.text.shrink_to_fit();
        }
    }

    /// How many bytes it holds outside of itself, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let spans = self.spans.spilled().then(|| self.spans.capacity());
        let arrays = self.arrays.spilled().then(|| self.arrays.capacity());
        let pointers = self.undeclared.iter().map(|it| it.pointer.capacity());
        self.text.capacity()
            + spans.unwrap_or(0) * size_of::<Span>()
            + arrays.unwrap_or(0) * size_of::<NodeIndex>()
            + self.lists.as_ref().map_or(0, |it| it.heap_bytes())
            + self.undeclared.capacity() * size_of::<Undeclared>()
            + pointers.sum::<usize>()
            + self.marks.capacity() * size_of::<Mark>()
            + self.made.capacity() * size_of::<Made>()
    }

    /// What came without being declared; at most [`MAX_UNDECLARED`] places.
    #[must_use]
    pub fn undeclared(&self) -> &[Undeclared] {
        &self.undeclared
    }

    /// How many more undeclared places there were than are listed. Places beyond the list are counted each time they come.
    #[must_use]
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// The same message under another schema, such as the one of a newer notice: fields keep their values where both
    /// schemas have them with the same type and unit, and the newer range holds them; nothing that the old schema did not
    /// declare comes back.
    #[must_use]
    pub fn under(&self, schema: &Arc<Schema>) -> Self {
        let mut moved = Self {
            schema: Arc::clone(schema),
            present: FieldSet::EMPTY,
            text: self.text.clone(),
            spans: SmallVec::from_elem(Span::default(), schema.len()),
            arrays: SmallVec::new(),
            lists: None,
            undeclared: self.undeclared.clone(),
            unlisted: self.unlisted,
            marks: Vec::new(),
            made: Vec::new(),
        };
        for old in self.present.iter() {
            if let Some(new) = self.same_field(old, schema)
                && let Some(raw) = self.raw(old)
                && self.holds(schema, new, old, raw)
                && let Some(span) = self.spans.get(old.as_usize())
                && let Some(place) = moved.spans.get_mut(new.as_usize())
            {
                *place = *span;
                moved.present.insert(new);
            }
        }
        moved.lists = self.lists_under(schema);
        let listed = moved.lists.iter().flat_map(|it| it.fields());
        moved.present = listed.collect::<FieldSet>().or(moved.present);
        for mark in &self.marks {
            let new = self.same_field(mark.field, schema);
            let new = new.filter(|it| moved.present.contains(*it));
            moved.marks.extend(new.map(|field| Mark { field, ..*mark }));
        }
        for made in &self.made {
            let new = self.same_field(made.field, schema);
            let new = new.filter(|it| moved.present.contains(*it));
            let label = &made.label;
            moved.made.extend(new.map(|field| Made {
                field,
                label: Arc::clone(label),
            }));
        }
        let arrays = self
            .arrays
            .iter()
            .filter_map(|it| self.node_in(*it, schema));
        moved.arrays.extend(arrays);
        moved
    }

    fn lists_under(&self, schema: &Schema) -> Option<Box<Lists>> {
        let lists = self.lists.as_ref()?;
        let moved = lists.under(
            |old| self.same_field(old, schema),
            |old| self.node_in(old, schema),
            |new, span| {
                let pointer = schema.field(new).map(|it| &it.pointer);
                let old = pointer.and_then(|it| self.schema.index_of(it));
                let raw = self.at(span);
                old.zip(raw)
                    .is_some_and(|(old, raw)| self.holds(schema, new, old, raw))
            },
        );
        Some(Box::new(moved))
    }

    /// Whether the range of the new field holds a value; one that was coarse when it was stored is not measured by it.
    fn holds(&self, schema: &Schema, new: FieldIndex, old: FieldIndex, raw: &str) -> bool {
        self.mark(old).is_some() || schema.field(new).is_some_and(|it| it.holds(raw))
    }

    fn node_in(&self, old: NodeIndex, schema: &Schema) -> Option<NodeIndex> {
        schema.node_at(&self.schema.node(old)?.pointer)
    }

    /// The value of a field in an element of a list, or in the message itself.
    pub(crate) fn raw_in(&self, element: ElementIndex, field: FieldIndex) -> Option<&str> {
        if element == ElementIndex::MESSAGE {
            return self.raw(field);
        }
        self.at(self.lists.as_ref()?.value(field, element)?)
    }

    /// Whether a container came as an array.
    pub(crate) fn is_array(&self, element: ElementIndex, node: NodeIndex) -> bool {
        if element == ElementIndex::MESSAGE {
            return self.arrays.contains(&node);
        }
        let lists = self.lists.as_ref();
        lists.is_some_and(|it| it.is_array(element, node))
    }

    fn at(&self, span: Span) -> Option<&str> {
        let range = usize::try_from(span.start).ok()?..usize::try_from(span.end).ok()?;
        self.text.get(range)
    }

    /// A message that the platform makes itself. Places that are named by a position stand in lists.
    pub(crate) fn made<'a>(
        schema: &Arc<Schema>,
        values: impl Iterator<Item = (FieldIndex, &'a str)>,
        marks: Vec<Mark>,
    ) -> Option<Self> {
        let mut made = Self {
            schema: Arc::clone(schema),
            present: FieldSet::EMPTY,
            text: String::new(),
            spans: SmallVec::from_elem(Span::default(), schema.len()),
            arrays: schema.named_positions().collect(),
            lists: None,
            undeclared: Vec::new(),
            unlisted: 0,
            marks,
            made: Vec::new(),
        };
        for (field, raw) in values {
            let start = u32::try_from(made.text.len()).ok()?;
            made.text.push_str(raw);
            let end = u32::try_from(made.text.len()).ok()?;
            *made.spans.get_mut(field.as_usize())? = Span { start, end };
            made.present.insert(field);
        }
        (!made.present.is_empty()).then_some(made)
    }

    /// Whether its values were made of time windows.
    #[must_use]
    pub fn is_aggregate(&self) -> bool {
        let mut notes = self.marks.iter().map(|it| it.note);
        notes.any(|it| matches!(it, Note::Window(_)))
    }

    /// The mark of a value that was coarse when it was stored.
    pub(crate) fn mark(&self, field: FieldIndex) -> Option<Mark> {
        self.marks.iter().copied().find(|it| it.field == field)
    }

    fn same_field(&self, old: FieldIndex, schema: &Schema) -> Option<FieldIndex> {
        let field = self.schema.field(old)?;
        let new = schema.index_of(&field.pointer)?;
        let other = schema.field(new)?;
        let same = other.kind == field.kind && other.unit == field.unit;
        same.then_some(new)
    }
}

/// Shows no value.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("present", &self.present.len())
            .field("undeclared", &(self.undeclared.len() + self.unlisted))
            .finish_non_exhaustive()
    }
}

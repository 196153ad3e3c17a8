//! The shape of a deployment's messages: a trie over the reference tokens of its fields.
//!
//! A leaf is a field. A node with numeric tokens below it matches an object (the token is a key) or an array (the token is a
//! position, written without leading zeros as RFC 6901 section 4 asks). A field below another field is refused.
//!
//! A node with `*` below it matches an array only, and every element of it is read by the node of the `*`. Beside `*` no other
//! token can stand: a list has either elements of one shape or named positions. `*` never matches a key of an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Coarsening, Field, FieldKind, Format, Level, MAX_FIELDS, Notice, Pointer, Range, Roles,
    Sensitivity,
};

use crate::coarsen::{self, Ladder, Operator};
use crate::field_set::{FieldIndex, FieldSet};
use crate::maker::Maker;

/// The highest array position that a field can name.
pub const MAX_POSITION: usize = 1023;

/// Why a notice has no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// More fields than a notice may have.
    #[error("the notice has {0} fields, at most {MAX_FIELDS} are allowed")]
    TooManyFields(usize),
    /// Two fields at one place.
    #[error("field `{0}` stands twice")]
    Duplicate(Pointer),
    /// One field lies inside the other.
    #[error("field `{0}` and another field lie one inside the other: declare single values only")]
    Overlap(Pointer),
    /// An array position beyond [`MAX_POSITION`].
    #[error("field `{0}` names an array position above {MAX_POSITION}")]
    Position(Pointer),
    /// A coarse level that the field's type or numbers do not allow.
    #[error("level coarse-{number} of field `{pointer}` cannot be applied")]
    Coarsening {
        /// The field.
        pointer: Pointer,
        /// The level, counted from 1.
        number: usize,
    },
    /// Coarse levels must be written coarsest first: choices rely on it.
    #[error("level coarse-{number} of field `{pointer}` must be more precise than the one before")]
    CoarseOrder {
        /// The field.
        pointer: Pointer,
        /// The level, counted from 1.
        number: usize,
    },
    /// `*` beside other tokens in one place.
    #[error(
        "field `{0}`: beside `*` no position and no name can stand, a list has elements of one shape"
    )]
    Wildcard(Pointer),
    /// The field that identifies people stands in a list.
    #[error(
        "the subject field `{0}` cannot have `*` in its pointer: a message is about one person"
    )]
    WildcardSubject(Pointer),
    /// A field in a list with a coarse level over time windows.
    #[error(
        "field `{0}` cannot have both `*` in its pointer and a window: a window is over one value of each message"
    )]
    WildcardWindow(Pointer),
    /// Categories that do not have one answer.
    #[error(
        "level coarse-{number} of field `{pointer}`: a text stands in two groups, or one label stands for other texts at \
         another level; let every text stand once and give every meaning a label of its own"
    )]
    Categories {
        /// The field.
        pointer: Pointer,
        /// The level, counted from 1.
        number: usize,
    },
    /// The field that identifies people is not declared.
    #[error("the subject field `{0}` is not among the fields")]
    UnknownSubject(Pointer),
}

/// The compiled shape of a deployment's messages.
#[derive(Debug)]
pub struct Schema {
    fields: Vec<SchemaField>,
    by_pointer: BTreeMap<Pointer, FieldIndex>,
    nodes: Vec<Node>,
    subject: Option<FieldIndex>,
    /// What messages are written in.
    format: Format,
    /// Fields with coarse levels that read the value: it may be one that they cannot show.
    numeric: FieldSet,
    /// Fields that a model works out.
    made: FieldSet,
}

/// What the schema knows of one field.
#[derive(Debug, PartialEq)]
pub(crate) struct SchemaField {
    pub(crate) pointer: Pointer,
    /// The pointer as a JSON string.
    pub(crate) pointer_json: String,
    pub(crate) kind: FieldKind,
    pub(crate) unit: Option<String>,
    range: Option<Range>,
    pub(crate) sensitivity: Sensitivity,
    /// The roles of the people whom it tells about.
    pub(crate) about: Roles,
    /// Coarsest first.
    pub(crate) operators: Vec<Operator>,
    is_subject: bool,
    /// The model that works it out.
    pub(crate) made_by: Option<Maker>,
}

/// The number of a node in its schema; 0 is the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeIndex(u16);

impl NodeIndex {
    pub(crate) const ROOT: Self = Self(0);
}

/// A place in a message.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Its pointer, escaped.
    pub(crate) pointer: String,
    /// How many containers enclose it.
    pub(crate) depth: usize,
    /// The field, at a leaf.
    pub(crate) leaf: Option<FieldIndex>,
    /// The fields here and below.
    pub(crate) below: FieldSet,
    /// In the order of the notice.
    pub(crate) children: Vec<Child>,
    /// Where every element of a list leads; then there are no `children`.
    pub(crate) each: Option<NodeIndex>,
    /// Indexes of `children`, by token.
    by_token: Vec<u8>,
    /// Children that are array positions, ascending.
    pub(crate) positions: Vec<(usize, NodeIndex)>,
}

/// A way down.
#[derive(Debug)]
pub(crate) struct Child {
    token: String,
    /// The token as a JSON string, with its colon.
    pub(crate) key_json: String,
    pub(crate) node: NodeIndex,
}

impl Schema {
    /// Compiles the fields of a notice.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(notice: &Notice) -> Result<Arc<Self>, CompileError> {
        if notice.fields.len() > MAX_FIELDS {
            return Err(CompileError::TooManyFields(notice.fields.len()));
        }
        let subject = notice.subject_field.as_ref();
        let mut schema = Self {
            fields: Vec::with_capacity(notice.fields.len()),
            by_pointer: BTreeMap::new(),
            nodes: vec![Node::default()],
            subject: None,
            format: notice.format,
            numeric: FieldSet::EMPTY,
            made: FieldSet::EMPTY,
        };
        for (index, field) in (0..=u8::MAX).map(FieldIndex).zip(&notice.fields) {
            let pointer = &field.pointer;
            if schema.by_pointer.insert(pointer.clone(), index).is_some() {
                return Err(CompileError::Duplicate(pointer.clone()));
            }
            let made_by = field.made_by.clone();
            schema.plant(index, pointer)?;
            let mut field = SchemaField::compile(field, subject == Some(pointer))?;
            field.made_by = made_by.as_ref().and_then(|it| Maker::of(notice, it));
            if field.made_by.is_some() {
                schema.made.insert(index);
            }
            if !field.operators.iter().all(Operator::is_presence) {
                schema.numeric.insert(index);
            }
            schema.fields.push(field);
        }
        if let Some(pointer) = subject {
            if pointer.has_wildcard() {
                return Err(CompileError::WildcardSubject(pointer.clone()));
            }
            let found = schema.index_of(pointer);
            schema.subject =
                Some(found.ok_or_else(|| CompileError::UnknownSubject(pointer.clone()))?);
        }
        Ok(Arc::new(schema))
    }

    /// The number of the field at `pointer`.
    #[must_use]
    pub fn index_of(&self, pointer: &Pointer) -> Option<FieldIndex> {
        self.by_pointer.get(pointer).copied()
    }

    /// The pointer of a field; `None` when the number is of another schema.
    #[must_use]
    pub fn pointer(&self, field: FieldIndex) -> Option<&Pointer> {
        self.field(field).map(|it| &it.pointer)
    }

    /// The field that identifies people, where there is one.
    #[must_use]
    pub fn subject_field(&self) -> Option<FieldIndex> {
        self.subject
    }

    /// Every field, in the order of the notice.
    pub fn fields(&self) -> impl Iterator<Item = (FieldIndex, &Pointer)> {
        let numbers = (0..=u8::MAX).map(FieldIndex);
        numbers.zip(self.fields.iter().map(|it| &it.pointer))
    }

    /// The fields that tell about people in one of these roles.
    #[must_use]
    pub fn about(&self, roles: Roles) -> FieldSet {
        let numbered = (0..=u8::MAX).map(FieldIndex).zip(&self.fields);
        let about = numbered.filter(|(_, it)| it.about.meets(roles));
        about.map(|it| it.0).collect()
    }

    /// Whether a message read under one schema can be decided under the other.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.fields == other.fields
    }

    /// What messages are written in.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The places that have others below them that are named by a position.
    pub(crate) fn named_positions(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        let numbered = (0..=u16::MAX).map(NodeIndex).zip(&self.nodes);
        let listed = numbered.filter(|it| !it.1.positions.is_empty());
        listed.map(|it| it.0)
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The fields that a model works out.
    pub(crate) fn made(&self) -> FieldSet {
        self.made
    }

    pub(crate) fn numeric(&self) -> FieldSet {
        self.numeric
    }

    pub(crate) fn field(&self, field: FieldIndex) -> Option<&SchemaField> {
        self.fields.get(field.as_usize())
    }

    pub(crate) fn node(&self, node: NodeIndex) -> Option<&Node> {
        self.nodes.get(usize::from(node.0))
    }

    /// The node with this escaped pointer.
    pub(crate) fn node_at(&self, pointer: &str) -> Option<NodeIndex> {
        let found = self.nodes.iter().position(|it| it.pointer == pointer)?;
        u16::try_from(found).ok().map(NodeIndex)
    }

    fn plant(&mut self, field: FieldIndex, pointer: &Pointer) -> Result<(), CompileError> {
        let overlap = || CompileError::Overlap(pointer.clone());
        let mut at = NodeIndex::ROOT;
        let escaped = pointer.as_str().split('/').skip(1);
        for (token, escaped) in pointer.tokens().zip(escaped) {
            let node = self.node_mut(at).ok_or_else(overlap)?;
            if node.leaf.is_some() {
                return Err(overlap());
            }
            let is_each = token == Pointer::WILDCARD;
            if node.is_inner() && is_each != node.each.is_some() {
                return Err(CompileError::Wildcard(pointer.clone()));
            }
            node.below.insert(field);
            let known = node.child(&token).map(|it| it.1.node);
            at = match known.or(node.each) {
                Some(child) => child,
                None => {
                    let position = position(&token);
                    if position.is_some_and(|it| it > MAX_POSITION) {
                        return Err(CompileError::Position(pointer.clone()));
                    }
                    self.sprout(at, token, escaped, position)
                        .ok_or_else(overlap)?
                }
            };
        }
        let node = self.node_mut(at).ok_or_else(overlap)?;
        if node.is_inner() || node.leaf.is_some() {
            return Err(overlap());
        }
        node.below.insert(field);
        node.leaf = Some(field);
        Ok(())
    }

    fn sprout(
        &mut self,
        parent: NodeIndex,
        token: String,
        escaped: &str,
        position: Option<usize>,
    ) -> Option<NodeIndex> {
        // At most 256 fields of at most 16 tokens: the number fits.
        let fresh = NodeIndex(u16::try_from(self.nodes.len()).ok()?);
        let node = self.node_mut(parent)?;
        let sprout = Node {
            pointer: format!("{}/{escaped}", node.pointer),
            depth: node.depth + 1,
            ..Node::default()
        };
        if token == Pointer::WILDCARD {
            node.each = Some(fresh);
        } else {
            node.insert(token, position, fresh)?;
        }
        self.nodes.push(sprout);
        Some(fresh)
    }

    fn node_mut(&mut self, node: NodeIndex) -> Option<&mut Node> {
        self.nodes.get_mut(usize::from(node.0))
    }
}

impl SchemaField {
    fn compile(field: &Field, is_subject: bool) -> Result<Self, CompileError> {
        let pointer = &field.pointer;
        let is_window = |it: &Coarsening| matches!(it, Coarsening::Window(_));
        if pointer.has_wildcard() && field.coarse.iter().any(is_window) {
            return Err(CompileError::WildcardWindow(pointer.clone()));
        }
        Ok(Self {
            pointer: pointer.clone(),
            pointer_json: json_string(pointer.as_str()),
            kind: field.kind,
            unit: field.unit.clone(),
            range: field.range,
            sensitivity: field.sensitivity,
            about: field.about,
            operators: coarsen::ladder(field)?,
            is_subject,
            made_by: None,
        })
    }

    /// Whether the range of the field holds a value, given as JSON text of the declared type.
    pub(crate) fn holds(&self, raw: &str) -> bool {
        match self.range {
            Some(range) if self.kind == FieldKind::Number => {
                raw.parse().is_ok_and(|it| range.holds(it))
            }
            _ => true,
        }
    }

    /// The operator of a coarse level. A field that identifies people has none but presence:
    /// a rounded card number would still be a part of it.
    pub(crate) fn operator(&self, level: Level) -> Option<&Operator> {
        let number = level.coarse_number()?;
        self.operators
            .get(usize::from(number.checked_sub(1)?))
            .filter(|it| !self.is_subject || it.is_presence())
    }

    /// The greatest level that the field has and that reveals no more than `level`.
    pub(crate) fn floor(&self, level: Level) -> Level {
        match level.coarse_number() {
            None => level,
            Some(number) => (1..=number)
                .rev()
                .filter_map(Level::coarse)
                .find(|it| self.operator(*it).is_some())
                .unwrap_or(Level::OFF),
        }
    }

    /// The coarse levels.
    pub(crate) fn ladder(&self) -> Ladder<'_> {
        Ladder(&self.operators)
    }
}

impl Node {
    /// Whether there are places below.
    fn is_inner(&self) -> bool {
        self.each.is_some() || !self.children.is_empty()
    }

    /// The child for an object key, with its number among the children.
    pub(crate) fn child(&self, token: &str) -> Option<(FieldIndex, &Child)> {
        let token_of = |it: &u8| self.children.get(usize::from(*it)).map(|it| &*it.token);
        let found = self
            .by_token
            .binary_search_by(|it| token_of(it).cmp(&Some(token)))
            .ok()?;
        let number = *self.by_token.get(found)?;
        let child = self.children.get(usize::from(number))?;
        Some((FieldIndex(number), child))
    }

    /// The same; looks first at the child with this number.
    pub(crate) fn child_near(&self, number: u8, token: &str) -> Option<(FieldIndex, &Child)> {
        match self.children.get(usize::from(number)) {
            Some(child) if child.token == token => Some((FieldIndex(number), child)),
            _ => self.child(token),
        }
    }

    /// The child for an array position.
    pub(crate) fn position(&self, position: usize) -> Option<NodeIndex> {
        let found = self.positions.binary_search_by_key(&position, |it| it.0);
        self.positions.get(found.ok()?).map(|it| it.1)
    }

    fn insert(&mut self, token: String, position: Option<usize>, node: NodeIndex) -> Option<()> {
        // Every child leads to a field of its own, so there are at most 256.
        let number = u8::try_from(self.children.len()).ok()?;
        let children = &self.children;
        let before = |it: &u8| {
            let other = children.get(usize::from(*it));
            other.is_some_and(|it| it.token < token)
        };
        let place = self.by_token.partition_point(before);
        self.by_token.insert(place, number);
        if let Some(position) = position {
            let place = self.positions.partition_point(|it| it.0 < position);
            self.positions.insert(place, (position, node));
        }
        self.children.push(Child {
            key_json: format!("{}:", json_string(&token)),
            token,
            node,
        });
        Some(())
    }
}

/// RFC 6901 section 4: digits without leading zeros.
fn position(token: &str) -> Option<usize> {
    let digits = !token.is_empty() && token.bytes().all(|it| it.is_ascii_digit());
    if digits && (token == "0" || !token.starts_with('0')) {
        Some(token.parse().unwrap_or(usize::MAX))
    } else {
        None
    }
}

/// A JSON string with its quotes.
pub(crate) fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;

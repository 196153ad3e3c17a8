//! From a decision back to bytes: JSON of the shape that came, with what passes and nothing else.
//!
//! | level | written |
//! |---|---|
//! | on | the exact text that came |
//! | coarse | the coarse value, and under `@coarse` its pointer with the accuracy (null where no bound can be given) |
//!
//! Objects list their members in the order of the notice; arrays keep positions, with null where nothing passes, up to the
//! last value; nothing stays of a container without values. A list whose elements are declared by `*` holds only those elements
//! of which something passes: it does not show that there were others, nor where. Of such a field that passes as presence one
//! `true` is written in the whole message, where its first value stood: how many there were would be more than presence. `@coarse` names the pattern once, with the
//! worst accuracy of its values. A value that a model worked out has that model under `@model`. Where the message is no object and
//! something is to be said beside it, it is written as `{"@value": …, "@coarse": {…}}`. Where nothing remains, `{}` is written.
//! The field that identifies people is replaced by a pseudonym, or dropped where the reading lies under the person's own key.

use std::io::Write as _;

use model::Level;

use crate::decide::Outcome;
use crate::decimal::Decimal;
use crate::decode::VALUE_KEY;
use crate::decode::notes::{COARSE_KEY, MODEL_KEY};
use crate::field_set::FieldSet;
use crate::payload::lists::ElementIndex;
use crate::payload::{Mark, Payload};
use crate::schema::{Node, NodeIndex, Schema};

mod leaf;

/// About how many bytes of names stand beside a value.
const NAME_BYTES: usize = 16;

/// Appends the JSON that a recipient gets. `pseudonym` turns the token that names a person into one for this recipient alone.
pub fn render(
    payload: &Payload,
    outcome: &Outcome,
    pseudonym: &dyn Fn(&str) -> String,
    out: &mut Vec<u8>,
) {
    write(payload, outcome, Some(pseudonym), out);
}

/// Appends the JSON that is sealed for storage, without the field that identifies people: the reading lies under their own key.
pub fn render_stored(payload: &Payload, outcome: &Outcome, out: &mut Vec<u8>) {
    write(payload, outcome, None, out);
}

fn write(
    payload: &Payload,
    outcome: &Outcome,
    pseudonym: Option<&dyn Fn(&str) -> String>,
    out: &mut Vec<u8>,
) {
    let schema = payload.schema();
    let mut kept = outcome.fields().and(payload.present());
    if let (None, Some(subject)) = (pseudonym, schema.subject_field()) {
        kept = kept.without([subject].into_iter().collect());
    }
    let coarse = if outcome.is_coarse() { kept.len() } else { 0 };
    out.reserve(payload.text.len() + kept.len() * NAME_BYTES);
    let mut writer = Writer {
        schema,
        payload,
        outcome,
        pseudonym,
        kept,
        plain: plain(payload, outcome),
        element: ElementIndex::MESSAGE,
        coarse: Vec::with_capacity(coarse),
        out,
    };
    writer.message();
}

/// The fields that are written exactly as they came: they pass as they are, were not coarse before, and say nobody's name.
fn plain(payload: &Payload, outcome: &Outcome) -> FieldSet {
    let levels = outcome.levels.iter();
    let on = levels.filter(|it| it.0 == Level::ON);
    let on = on.fold(FieldSet::EMPTY, |all, it| all.or(it.1));
    let marked = payload.marks.iter().map(|it| it.field);
    let names = payload.schema().subject_field();
    on.without(marked.chain(names).collect())
}

struct Writer<'a> {
    schema: &'a Schema,
    payload: &'a Payload,
    outcome: &'a Outcome,
    pseudonym: Option<&'a dyn Fn(&str) -> String>,
    kept: FieldSet,
    /// Those that are written exactly as they came.
    plain: FieldSet,
    /// The element of a list that is being written.
    element: ElementIndex,
    /// What was written coarse so far.
    coarse: Vec<Mark>,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    fn message(&mut self) {
        let root = match self.schema.node(NodeIndex::ROOT) {
            Some(root) if !self.kept.is_empty() => root,
            _ => return self.push("{}"),
        };
        let is_object =
            root.leaf.is_none() && root.each.is_none() && !self.is_array(NodeIndex::ROOT);
        let start = self.out.len();
        if !self.node(NodeIndex::ROOT, root) {
            return self.push("{}");
        }
        let made = self.payload.made.iter();
        let is_made = made.clone().any(|it| self.kept.contains(it.field));
        if self.coarse.is_empty() && !is_made {
            return;
        }
        if is_object {
            // The object has a value in it, so it ends with `}` and a comma may follow.
            self.out.pop();
        } else {
            let value = self.out.split_off(start);
            self.push(&format!("{{\"{VALUE_KEY}\":"));
            self.out.extend_from_slice(&value);
        }
        if !self.coarse.is_empty() {
            self.push(&format!(",\"{COARSE_KEY}\":{{"));
            self.marks();
            self.push("}");
            self.notes();
        }
        if is_made {
            self.makers();
        }
        self.push("}");
    }

    /// Which model worked values out that are written.
    fn makers(&mut self) {
        self.push(&format!(",\"{MODEL_KEY}\""));
        let mut before = ":{";
        for made in &self.payload.made {
            let field = self.schema.field(made.field);
            if let Some(field) = field.filter(|_| self.kept.contains(made.field)) {
                self.push(before);
                self.push(&field.pointer_json);
                self.push(":");
                self.push(&made.label);
                before = ",";
            }
        }
        self.push("}");
    }

    fn marks(&mut self) {
        let marks = std::mem::take(&mut self.coarse);
        let mut before = "";
        for mark in &marks {
            if let Some(field) = self.schema.field(mark.field) {
                self.push(before);
                self.push(&field.pointer_json);
                self.push(":");
                self.decimal(mark.accuracy, "null");
                before = ",";
            }
        }
        self.coarse = marks;
    }

    /// Writes what passes at a node; `false` when that is nothing, and nothing was written.
    fn node(&mut self, index: NodeIndex, node: &Node) -> bool {
        match (node.leaf, node.each) {
            (Some(field), _) => match self.payload.raw_in(self.element, field) {
                Some(raw) => self.leaf(field, raw),
                None => false,
            },
            (None, Some(child)) => self.list(index, child),
            (None, None) if self.is_array(index) => self.array(node),
            (None, None) => self.object(node),
        }
    }

    fn object(&mut self, node: &Node) -> bool {
        let mut before = "{";
        for child in &node.children {
            if let Some(below) = self.kept_node(child.node) {
                let start = self.out.len();
                self.push(before);
                self.push(&child.key_json);
                if self.node(child.node, below) {
                    before = ",";
                } else {
                    self.out.truncate(start);
                }
            }
        }
        if before == "{" {
            return false;
        }
        self.push("}");
        true
    }

    fn array(&mut self, node: &Node) -> bool {
        let mut next = 0;
        let start = self.out.len();
        self.push("[");
        for (position, child) in &node.positions {
            if let Some(below) = self.kept_node(*child) {
                let before = self.out.len();
                for _ in next..*position {
                    self.push("null,");
                }
                if self.node(*child, below) {
                    self.push(",");
                    next = position + 1;
                } else {
                    self.out.truncate(before);
                }
            }
        }
        self.close_array(start)
    }

    /// Writes the elements of which something passes, and no trace of the others.
    fn list(&mut self, index: NodeIndex, child: NodeIndex) -> bool {
        let (Some(lists), Some(below)) = (&self.payload.lists, self.schema.node(child)) else {
            return false;
        };
        let around = self.element;
        let start = self.out.len();
        self.push("[");
        for number in lists.first(around, index).. {
            let Some(element) = lists.nth(number, around, index) else {
                break;
            };
            self.element = element;
            if self.node(child, below) {
                self.push(",");
            }
        }
        self.element = around;
        self.close_array(start)
    }

    /// Ends an array that began at `start`, or takes it back where it holds nothing.
    fn close_array(&mut self, start: usize) -> bool {
        if self.out.len() == start + 1 {
            self.out.truncate(start);
            return false;
        }
        // The array has a value in it, so it ends with a comma here.
        self.out.pop();
        self.push("]");
        true
    }

    /// Whether what is being written lies in a list whose elements are declared by `*`.
    fn is_in_list(&self) -> bool {
        self.element != ElementIndex::MESSAGE
    }

    /// Remembers that a value was written coarse.
    fn mark(&mut self, mark: Mark) {
        if self.is_in_list() {
            let known = self.coarse.iter_mut().find(|it| it.field == mark.field);
            if let Some(known) = known {
                known.accuracy = worse(known.accuracy, mark.accuracy);
                return;
            }
        }
        self.coarse.push(mark);
    }

    fn kept_node(&self, index: NodeIndex) -> Option<&'a Node> {
        let node = self.schema.node(index)?;
        let kept = !node.below.and(self.kept).is_empty();
        kept.then_some(node)
    }

    fn is_array(&self, index: NodeIndex) -> bool {
        self.payload.is_array(self.element, index)
    }

    fn decimal(&mut self, value: Option<Decimal>, otherwise: &str) {
        match value {
            // Writing to a vector does not fail.
            Some(value) => drop(write!(self.out, "{value}")),
            None => self.push(otherwise),
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// The accuracy that holds for both of two values.
fn worse(one: Option<Decimal>, other: Option<Decimal>) -> Option<Decimal> {
    let (one, other) = one.zip(other)?;
    let is_less = one.minus(other)?.is_negative();
    Some(if is_less { other } else { one })
}

#[cfg(test)]
mod tests;

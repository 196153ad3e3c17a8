//! Where fields lie in a message: none inside another, positions of arrays within limits.

use std::collections::BTreeMap;

use super::fields::place;
use super::reader::Reader;
use super::tree::Node;
use crate::notice::Field;
use crate::{Pointer, notice::MAX_ARRAY_POSITION};

/// A place in a message that leads to fields.
#[derive(Default)]
struct Place {
    below: BTreeMap<String, Place>,
    is_field: bool,
}

/// Notes fields that lie inside another, and positions that no message can have.
pub(super) fn check(reader: &mut Reader<'_>, fields: &[(&Node, Field)]) {
    let mut root = Place::default();
    for (node, field) in fields {
        let node = place(node).map_or(*node, |it| it.0);
        if let Err((reason, remedy)) = plant(&mut root, &field.pointer) {
            reader.wrong(node, reason, remedy);
        }
    }
}

fn plant(root: &mut Place, pointer: &Pointer) -> Result<(), (String, &'static str)> {
    let inside = || {
        let reason = format!("field `{pointer}` and another field lie one inside the other");
        Err((reason, "declare single values only"))
    };
    let mut at = root;
    for token in pointer.tokens() {
        if at.is_field {
            return inside();
        }
        if position(&token).is_some_and(|it| it.is_none_or(|it| it > MAX_ARRAY_POSITION)) {
            let reason =
                format!("field `{pointer}` names an array position above {MAX_ARRAY_POSITION}");
            return Err((reason, "use `*` for every position of the array"));
        }
        let is_many = token == Pointer::WILDCARD;
        let mixed = at
            .below
            .keys()
            .any(|it| is_many != (it == Pointer::WILDCARD));
        if mixed {
            let reason = format!(
                "field `{pointer}` and another field name the same place once by `*` and once by position or name"
            );
            return Err((
                reason,
                "use `*` for a list, and names or positions otherwise",
            ));
        }
        at = at.below.entry(token).or_default();
    }
    if at.is_field {
        // Standing twice is reported by name.
        return Ok(());
    }
    if !at.below.is_empty() {
        return inside();
    }
    at.is_field = true;
    Ok(())
}

/// The array position that a part names (RFC 6901 section 4); `Some(None)` where it is too large to count.
fn position(token: &str) -> Option<Option<usize>> {
    let digits = !token.is_empty() && token.bytes().all(|it| it.is_ascii_digit());
    (digits && (token == "0" || !token.starts_with('0'))).then(|| token.parse().ok())
}

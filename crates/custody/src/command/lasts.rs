//! What a thing said last, of the fields that decide about its commands. In memory only, and only where its notice has
//! commands that name fields.
//!
//! INVARIANT: a value is known only as long as nothing came after it that might have been a later value and could not be
//! read, in a message that was taken or in one that was not. An interlock that needs a value which is not known, or too old,
//! refuses.

use std::sync::{Arc, Mutex, PoisonError};

use model::{Interlock, Notice, Pointer, Timestamp};
use policy::{FieldIndex, Payload};
use serde_json::Value;

use super::CLOCK_SLACK_MS;
use crate::catalogue::DeploymentState;

/// The most values of one field that are remembered; of more, none is.
const MAX_VALUES: usize = 64;
/// The longest value that is remembered, in bytes.
const MAX_VALUE_BYTES: usize = 256;

/// What one thing said last. It has its own lock, held for a few comparisons.
#[derive(Default)]
pub(crate) struct Lasts(Mutex<Option<Box<Known>>>);

struct Known {
    /// Under which notice it was said: what was said under another one is not known.
    notice: Arc<Notice>,
    fields: Vec<Last>,
}

struct Last {
    index: FieldIndex,
    pointer: Pointer,
    values: Vec<Value>,
    /// `None`: not known.
    at: Option<Timestamp>,
}

impl Lasts {
    /// Notes an admitted message.
    pub(crate) fn saw(&self, state: &DeploymentState, payload: &Payload, now: Timestamp) {
        if state.notice.commands.is_empty() || !state.schema.matches(payload.schema()) {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |it: &Known| Arc::ptr_eq(&it.notice, &state.notice);
        if !known.as_deref().is_some_and(is_current) {
            *known = Some(Box::new(Known::new(state)));
        }
        for last in known.iter_mut().flat_map(|it| &mut it.fields) {
            last.saw(payload, now);
        }
    }

    /// Something came that was not taken, whole as it was: it may have been a later value of each.
    pub(crate) fn lose(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for last in known.iter_mut().flat_map(|it| &mut it.fields) {
            last.at = None;
            last.values = Vec::new();
        }
    }

    /// The place in the list of the first interlock that refuses now.
    pub(crate) fn refusing(
        &self,
        state: &DeploymentState,
        interlocks: &[Interlock],
        now: Timestamp,
    ) -> Option<usize> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known
            .as_ref()
            .filter(|it| Arc::ptr_eq(&it.notice, &state.notice));
        let fields = known.map_or(&[][..], |it| &it.fields);
        let last = |pointer: &Pointer| fields.iter().find(|it| it.pointer == *pointer);
        interlocks.iter().position(|interlock| {
            let max_age_ms = i64::from(interlock.max_age_seconds) * 1_000;
            let mut places = interlock.when.places();
            let is_known =
                places.all(|(it, _)| last(it).is_some_and(|it| it.is_fresh(max_age_ms, now)));
            let values = |it: &Pointer| last(it).map_or(&[][..], |it| &it.values);
            !is_known || interlock.when.holds_of(values)
        })
    }

    /// Since when a field has said what is expected, where that is the last that it said and it was said after `from`.
    pub(crate) fn says(
        &self,
        field: &Pointer,
        expected: &Value,
        from: Timestamp,
    ) -> Option<Timestamp> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = known
            .as_ref()?
            .fields
            .iter()
            .find(|it| it.pointer == *field)?;
        let at = last.at.filter(|it| *it >= from)?;
        let is_same = |it: &Value| match (it.as_f64(), expected.as_f64()) {
            (Some(a), Some(b)) => a == b,
            _ => it == expected,
        };
        last.values.last().is_some_and(is_same).then_some(at)
    }
}

impl Known {
    fn new(state: &DeploymentState) -> Self {
        let mut fields: Vec<Last> = Vec::new();
        for command in &state.notice.commands {
            let interlocks = command.interlocks.iter();
            let places = interlocks.flat_map(|it| it.when.places().map(|it| it.0));
            for pointer in places.chain(command.confirm.as_ref().map(|it| &it.field)) {
                let is_new = fields.iter().all(|it| it.pointer != *pointer);
                if let Some(index) = state.schema.index_of(pointer).filter(|_| is_new) {
                    fields.push(Last {
                        index,
                        pointer: pointer.clone(),
                        values: Vec::new(),
                        at: None,
                    });
                }
            }
        }
        Self {
            notice: Arc::clone(&state.notice),
            fields,
        }
    }
}

impl Last {
    fn saw(&mut self, payload: &Payload, now: Timestamp) {
        let is_present = payload.present().contains(self.index);
        let undeclared = payload.undeclared().iter();
        let is_unreadable = payload.unlisted() > 0 && !is_present
            || undeclared
                .into_iter()
                .any(|it| may_be(&self.pointer, &it.pointer));
        if !is_present && !is_unreadable {
            return;
        }
        let values: Option<Vec<Value>> = payload
            .values(self.index)
            .take(MAX_VALUES + 1)
            .map(|it| {
                let text = Some(it).filter(|it| it.len() <= MAX_VALUE_BYTES)?;
                serde_json::from_str(text).ok()
            })
            .collect();
        let values = values.filter(|it| !is_unreadable && !it.is_empty() && it.len() <= MAX_VALUES);
        self.at = values.as_ref().map(|_| now);
        self.values = values.unwrap_or_default();
    }

    fn is_fresh(&self, max_age_ms: i64, now: Timestamp) -> bool {
        let age = self
            .at
            .map(|it| now.as_millis().saturating_sub(it.as_millis()));
        age.is_some_and(|it| (-CLOCK_SLACK_MS..=max_age_ms).contains(&it))
    }
}

/// Whether what could not be read at a place may have been a value of the field, or held it.
fn may_be(field: &Pointer, place: &str) -> bool {
    let mut tokens = field.tokens();
    let mut parts = place.split('/').skip(1);
    loop {
        let (Some(token), Some(part)) = (tokens.next(), parts.next()) else {
            return true;
        };
        let part = part.replace("~1", "/").replace("~0", "~");
        if token != Pointer::WILDCARD && token != part {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_may_have_been_the_field_or_have_held_it() {
        let check = |field: &str, place: &str, expected: bool| {
            let field = Pointer::parse(field).unwrap();
            assert_eq!(may_be(&field, place), expected, "{field} {place}");
        };
        check("/level", "/level", true);
        check("/level", "/levels", false);
        check("/gate/open", "/gate", true);
        check("/gate", "/gate/open", true);
        check("/gate/open", "/gate/shut", false);
        check("/rooms/*/t", "/rooms/3/t", true);
        check("/rooms/*/t", "/rooms/3/u", false);
        check("/a~1b", "/a~1b", true);
        check("/level", "", true);
    }
}

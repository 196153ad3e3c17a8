//! One value of a message: as it came, coarse with its accuracy, or under a pseudonym; and what is said about it beside.

use std::io::Write as _;

use model::Level;

use super::Writer;
use crate::coarsen::{Coarse, Shown, as_stored};
use crate::decode::notes::{THRESHOLD_KEY, WINDOW_KEY};
use crate::field_set::FieldIndex;
use crate::payload::{Mark, Note};
use crate::schema::json_string;
use crate::window::WindowMark;

impl Writer<'_> {
    /// Writes what stands at a leaf; `raw` is one of its values. `false` when nothing was written.
    pub(super) fn leaf(&mut self, index: FieldIndex, raw: &str) -> bool {
        if self.plain.contains(index) {
            self.push(raw);
            return true;
        }
        let level = self.outcome.level(index);
        let mark = self.payload.mark(index);
        if level == Level::ON && mark.is_none() {
            self.subject(index);
            return true;
        }
        match self.coarse(index, level, raw, mark.as_ref()) {
            Some(coarse) if self.tells_count(index, &coarse.shown) => return false,
            Some(coarse) => {
                self.shown(&coarse.shown);
                self.mark(Mark {
                    field: index,
                    accuracy: coarse.accuracy,
                    note: coarse.note,
                });
            }
            // `decide` lets pass only what can be coarsened; should that ever be wrong, nothing passes.
            None => self.push("null"),
        }
        true
    }

    /// Whether it would be the second `true` of a field that passes as presence.
    fn tells_count(&self, index: FieldIndex, shown: &Shown) -> bool {
        matches!(shown, Shown::Present)
            && self.is_in_list()
            && self.coarse.iter().any(|it| it.field == index)
    }

    fn subject(&mut self, index: FieldIndex) {
        let token = self.payload.text(index);
        match (self.pseudonym, token) {
            (Some(pseudonym), Some(token)) => self.push(&json_string(&pseudonym(&token))),
            _ => self.push("null"),
        }
    }

    fn coarse(
        &self,
        index: FieldIndex,
        level: Level,
        raw: &str,
        mark: Option<&Mark>,
    ) -> Option<Coarse> {
        let Some(number) = level.coarse_number() else {
            // Not coarsened now, but it was before it was stored.
            return as_stored(raw, mark?);
        };
        let field = self.schema.field(index)?;
        field.operator(level)?;
        match mark {
            None => field.ladder().first(usize::from(number), raw),
            Some(mark) => field.ladder().again(usize::from(number), raw, mark),
        }
    }

    fn shown(&mut self, shown: &Shown) {
        match shown {
            Shown::Present => self.push("true"),
            Shown::Flag(is_so) => self.push(if *is_so { "true" } else { "false" }),
            Shown::Number(value) => self.decimal(Some(*value), "null"),
            Shown::Text(json) => self.push(json),
        }
    }

    /// Writes what else must be said of the coarse values: further members, each after a comma.
    pub(super) fn notes(&mut self) {
        let is_threshold = |it: &Note| matches!(it, Note::Threshold(_));
        let is_window = |it: &Note| matches!(it, Note::Window(_));
        self.noted(THRESHOLD_KEY, is_threshold);
        self.noted(WINDOW_KEY, is_window);
    }

    fn noted(&mut self, key: &str, wanted: impl Fn(&Note) -> bool) {
        let marks = std::mem::take(&mut self.coarse);
        let mut is_first = true;
        for mark in marks.iter().filter(|it| wanted(&it.note)) {
            let Some(field) = self.schema.field(mark.field) else {
                continue;
            };
            if is_first {
                self.push(&format!(",\"{key}\":{{"));
            } else {
                self.push(",");
            }
            is_first = false;
            self.push(&field.pointer_json);
            self.push(":");
            match mark.note {
                Note::None => self.push("null"),
                Note::Threshold(bound) => self.decimal(Some(bound), "null"),
                Note::Window(window) => self.window(&window),
            }
        }
        if !is_first {
            self.push("}");
        }
        self.coarse = marks;
    }

    fn window(&mut self, mark: &WindowMark) {
        let incomplete = if mark.incomplete {
            ",\"incomplete\":true"
        } else {
            ""
        };
        // Writing to a vector does not fail.
        drop(write!(
            self.out,
            "{{\"from\":\"{}\",\"until\":\"{}\",\"of\":\"{}\",\"count\":{}{incomplete}}}",
            mark.from, mark.until, mark.of, mark.count
        ));
    }
}

//! A connection takes over what a thing that asks does not come back for.
//!
//! A thing that asks over HTTP says when it comes again that it has a command. It may never come: it was moved to a connection, or it
//! is off. What lies with it untouched goes to a connection of the thing at once; what was given to it, once it has been silent for
//! [`ASKER_SILENCE_MS`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{ThingId, Timestamp};
use rustc_hash::FxHashMap;

use super::super::listen::{Ears, SwitchCommand};
use super::Book;

/// So long a thing that asks may be silent about a command that it was given, where a connection could take the command.
pub const ASKER_SILENCE_MS: i64 = 30_000;

impl Book {
    /// Takes commands back from things that ask, where a connection of the same thing takes their topic: they are due at once.
    pub(super) fn take_over(&mut self, ears: &FxHashMap<ThingId, Ears>, now: Timestamp) {
        let has_connection = |command: &SwitchCommand| {
            let mut ears = ears.get(&command.thing).into_iter().flatten();
            ears.any(|it| !it.asks() && it.takes(&command.topic))
        };
        let asked = self.outstanding.values().filter(|it| it.asks);
        let taken: Vec<_> = asked
            .filter(|it| has_connection(&it.command))
            .map(|it| Arc::clone(&it.command))
            .collect();
        for command in taken {
            let mut is_taken = false;
            self.change(&command, now, |state| {
                is_taken = state.taken_over(command.id, ASKER_SILENCE_MS, now);
                None
            });
            if is_taken {
                command.is_void.store(true, Ordering::Release);
            }
        }
    }
}

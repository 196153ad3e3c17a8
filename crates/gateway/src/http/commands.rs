//! Commands to things that speak HTTP and so have no line on which they could be told.
//!
//! ```text
//! POST /ingest/v1                         with a message, or
//! GET  /ingest/v1/commands                without one: a thing that was told to stop has nothing to send
//! Amanat-Commands: none                   or the ids of commands that came before: `1a2b, 1a2c`
//!
//! 202 or 200, application/json
//! {"commands":[{"id":"1a2d","topic":"…","payload":"…"}]}
//! ```
//!
//! A thing that sends the header listens; one that does not gets the empty answer that it always got. Commands come with
//! the next answers after they are due, at most [`MAX_COMMANDS`] in each; a command whose id the thing does not repeat
//! counts as not received, and is given again later. Ids beyond [`MAX_COMMANDS`], and what is no id, are passed over.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use custody::{CommandAck, Custody, SourceListener, ThingPeer};
use model::{ThingId, Timestamp};
use rustc_hash::FxHashMap;
use serde::Serialize;

/// The header by which a thing says that it listens, and what it has received.
pub(super) const HEADER: &str = "amanat-commands";
/// How many commands an answer carries, and how many ids a request.
const MAX_COMMANDS: usize = 16;
/// How long a thing may take until it repeats the id of a command.
const ACK_MS: i64 = 900_000;
/// A thing that has not asked for so long does not listen any more.
const LISTENING_MS: i64 = 86_400_000;
/// How often those that do not listen any more are looked for.
const SWEEP_MS: i64 = 60_000;

/// The commands of things that ask over HTTP.
#[derive(Default)]
pub(super) struct Mailboxes {
    boxes: Mutex<Boxes>,
}

#[derive(Default)]
struct Boxes {
    /// By thing: only who has shown its token gets in here, so there are no more than things.
    by_thing: FxHashMap<ThingId, Mailbox>,
    swept_at: Option<Timestamp>,
}

struct Mailbox {
    listener: SourceListener,
    asked_at: Timestamp,
}

#[derive(Serialize)]
struct Answer {
    commands: Vec<CommandBody>,
}

#[derive(Serialize)]
struct CommandBody {
    id: String,
    topic: String,
    payload: String,
}

impl Mailboxes {
    /// Takes what the thing says it has received and gives what it is to be told, as JSON.
    pub(super) fn exchange(
        &self,
        custody: &Custody,
        thing: &Arc<ThingPeer>,
        said: &HeaderValue,
        now: Timestamp,
    ) -> Vec<u8> {
        if custody.command_topics(thing).is_empty() {
            return answer(Vec::new());
        }
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        boxes.sweep(now);
        let mailbox = boxes
            .by_thing
            .entry(thing.id().clone())
            .or_insert_with(|| Mailbox {
                listener: custody.listen_by_asking(thing),
                asked_at: now,
            });
        mailbox.asked_at = now;
        for id in received(said.to_str().unwrap_or_default()) {
            mailbox.listener.received(id, now);
        }
        answer(mailbox.take(now))
    }
}

fn answer(commands: Vec<CommandBody>) -> Vec<u8> {
    // Texts always have a JSON form.
    serde_json::to_vec(&Answer { commands }).unwrap_or_default()
}

impl Boxes {
    fn sweep(&mut self, now: Timestamp) {
        if self
            .swept_at
            .is_none_or(|it| now >= it.plus_millis(SWEEP_MS))
        {
            self.by_thing
                .retain(|_, it| now < it.asked_at.plus_millis(LISTENING_MS));
            self.swept_at = Some(now);
        }
    }
}

impl Mailbox {
    fn take(&mut self, now: Timestamp) -> Vec<CommandBody> {
        let mut commands = Vec::new();
        while commands.len() < MAX_COMMANDS
            && let Some(command) = self.listener.take_command()
        {
            if command.is_current(now) {
                self.listener
                    .sent(&command, CommandAck::Within(ACK_MS), now);
                commands.push(CommandBody {
                    id: format!("{:x}", command.id()),
                    topic: command.topic().to_owned(),
                    payload: command.payload().to_owned(),
                });
            }
        }
        commands
    }
}

fn received(said: &str) -> impl Iterator<Item = u64> + '_ {
    let ids = said.split(',').take(MAX_COMMANDS);
    ids.filter_map(|it| u64::from_str_radix(it.trim(), 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_what_is_none_is_passed_over() {
        let check = |said: &str, expected: &[u64]| {
            assert_eq!(received(said).collect::<Vec<_>>(), expected, "{said}");
        };
        check("none", &[]);
        check("", &[]);
        check("1a2b, ff ,x,-1,", &[0x1a2b, 0xff]);
        check(&"1,".repeat(100), &[1; MAX_COMMANDS]);
    }
}

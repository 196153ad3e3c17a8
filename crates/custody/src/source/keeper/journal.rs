//! What happened at switches, for the people concerned: a bounded number of lines an hour for each, the rest counted.

use std::sync::Arc;

use model::{DeploymentId, Subject, ThingId, Timestamp};
use smallvec::SmallVec;

use super::super::machine::{Happening, Setting};
use super::{Entry, HOUR_MS};

/// How many events of what a thing showed are written for one thing and switch in an hour. A thing that changes its mind each
/// second must not fill the database; what is more is counted.
pub const MAX_EVENTS_PER_HOUR: u16 = 12;
/// The same for commands that were sent or received.
pub const MAX_COMMAND_EVENTS_PER_HOUR: u16 = 60;
/// Something that happened at a switch, for the people concerned.
#[derive(Debug, Clone)]
pub(crate) struct SourceEventRow {
    pub(crate) id: i64,
    pub(crate) subjects: SmallVec<[Subject; 1]>,
    pub(crate) deployment: DeploymentId,
    pub(crate) thing: ThingId,
    pub(crate) switch: Arc<str>,
    pub(crate) at: Timestamp,
    pub(crate) what: Happening,
    pub(crate) setting: Setting,
}

/// What is to be noted.
pub(super) struct Event<'a> {
    pub(super) deployment: &'a DeploymentId,
    pub(super) thing: &'a ThingId,
    /// Its place among the switches of the notice, and its key.
    pub(super) switch: (usize, &'a Arc<str>),
    pub(super) what: Happening,
    pub(super) setting: Setting,
    pub(super) at: Timestamp,
}

/// Events that rows do not have yet.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) events: Vec<SourceEventRow>,
    last: i64,
    /// Events that are not written: beyond the limit, not counted outside yet.
    unwritten: u64,
}

impl Journal {
    /// An empty one, behind the last event that rows have.
    pub(super) fn behind(last: i64) -> Self {
        Self {
            last,
            ..Self::default()
        }
    }

    /// Keeps an event of a thing, or counts it where the hour has enough of them.
    pub(super) fn note(&mut self, entry: &mut Entry, event: &Event<'_>) {
        let (index, key) = event.switch;
        if !entry.hours.takes(index, event.what, event.at) {
            self.unwritten += 1;
            return;
        }
        self.last += 1;
        self.events.push(SourceEventRow {
            id: self.last,
            subjects: subjects(entry, event.thing),
            deployment: event.deployment.clone(),
            thing: event.thing.clone(),
            switch: Arc::clone(key),
            at: event.at,
            what: event.what,
            setting: event.setting,
        });
    }

    /// How many were only counted since this was asked last.
    pub(super) fn take_unwritten(&mut self) -> u64 {
        std::mem::take(&mut self.unwritten)
    }
}

/// By switch: events that were written of commands, and of what the thing showed.
#[derive(Default)]
pub(super) struct Hours(SmallVec<[[Hour; 2]; 1]>);

impl Hours {
    /// Whether an event of a switch is written, or only counted.
    fn takes(&mut self, switch: usize, what: Happening, now: Timestamp) -> bool {
        if self.0.len() <= switch {
            self.0.resize(switch + 1, [Hour::NEW; 2]);
        }
        self.0.get_mut(switch).is_some_and(|[commands, shown]| {
            if matches!(what, Happening::Told | Happening::Received) {
                commands.takes(now, MAX_COMMAND_EVENTS_PER_HOUR)
            } else {
                shown.takes(now, MAX_EVENTS_PER_HOUR)
            }
        })
    }
}

/// The events of a switch within an hour.
#[derive(Clone, Copy)]
struct Hour {
    from: Timestamp,
    events: u16,
}

impl Hour {
    const NEW: Self = Self {
        from: Timestamp::EPOCH,
        events: 0,
    };

    /// Whether one event more may be written.
    fn takes(&mut self, now: Timestamp, most: u16) -> bool {
        // A clock that was set back begins a new hour.
        if now < self.from || now >= self.from.plus_millis(HOUR_MS) {
            *self = Self {
                from: now,
                events: 0,
            };
        }
        let takes = self.events < most;
        self.events += u16::from(takes);
        takes
    }
}

/// Whom an event is shown to.
fn subjects(entry: &Entry, thing: &ThingId) -> SmallVec<[Subject; 1]> {
    if entry.bound.people.is_empty() {
        return SmallVec::from_iter([Subject::Thing(thing.clone())]);
    }
    let people = entry.bound.people.iter();
    people.map(|it| it.subject.clone()).collect()
}

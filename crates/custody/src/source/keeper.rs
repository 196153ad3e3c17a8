//! All states of all things, tended by housekeeping.
//!
//! One lock holds the book of states; only housekeeping and pages take it. Sessions post what happened into a letter box
//! of its own, and messages are noted without a lock, so neither ever waits here.

mod journal;
mod shelf;
mod taking_over;

use std::collections::hash_map::Entry as Place;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{DeploymentId, ThingId, Timestamp};
use rustc_hash::FxHashMap;
use store::Db;

use super::listen::{self, Ears, Mail, SwitchCommand};
use super::machine::{COMMAND_AGE_MS, Happening, Setting, State, Step};
use super::wanted::Wanted;
use super::watch::Watch;
use crate::Custody;
use crate::catalogue::{Catalogue, Deployment, DeploymentState, Named, ThingPeer};
use crate::rows::{self, RowError};

pub(crate) use journal::SourceEventRow;
use journal::{Event, Journal};
pub use journal::{MAX_COMMAND_EVENTS_PER_HOUR, MAX_EVENTS_PER_HOUR};
use shelf::switches_of;
pub(super) use shelf::{Entry, Shelf, Switch};
pub use taking_over::ASKER_SILENCE_MS;

/// How many commands are offered to things in a second, all together.
pub const COMMANDS_PER_SECOND: u32 = 200;
/// How many states are written at once: a tick must not hold the database for long.
const ROWS_PER_TICK: usize = 1_000;
/// How long an event is kept.
const EVENT_DAYS: i64 = 90;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// How many numbers a start may give for each event of all starts before it. An hour with commands has at least one event, and
/// [`COMMANDS_PER_SECOND`] give fewer numbers in an hour.
const _: () = assert!(COMMANDS_PER_SECOND as i64 * HOUR_MS / 1_000 < 1 << NUMBER_BITS);
/// See above.
const NUMBER_BITS: u32 = 20;

/// Keeps the switches of all things.
pub(crate) struct Keeper {
    pub(super) book: Mutex<Book>,
    pub(super) ears: Mutex<FxHashMap<ThingId, Ears>>,
    mail: Mutex<Vec<Mail>>,
    numbers: AtomicU64,
    /// Events beyond [`MAX_EVENTS_PER_HOUR`], since the start.
    pub(super) unwritten: AtomicU64,
}

/// A state as rows keep it.
pub(crate) struct SavedState {
    pub(crate) thing: ThingId,
    /// Which switch: a hash of its fields.
    pub(crate) switch: String,
    pub(crate) state: State,
}

#[derive(Default)]
pub(super) struct Book {
    pub(super) shelves: FxHashMap<DeploymentId, Shelf>,
    /// What rows said at the start, until its thing is first met.
    saved: FxHashMap<ThingId, Vec<(String, State)>>,
    /// Commands that were offered, by number.
    outstanding: FxHashMap<u64, Outstanding>,
    journal: Journal,
    budget: i64,
    tended_at: Option<Timestamp>,
    pruned_at: Option<Timestamp>,
}

struct Outstanding {
    command: Arc<SwitchCommand>,
    listener: u64,
    /// Whether the listener comes and asks.
    asks: bool,
}

impl Keeper {
    /// With what the rows say.
    pub(crate) fn open(db: &Db) -> Result<Self, RowError> {
        let (saved, last_event) = db.read(|tx| {
            Ok::<_, RowError>((rows::source::all(tx)?, rows::source::last_event(tx)?))
        })?;
        // Each command that was sent is an event, so these numbers are beyond those of every start before.
        let first = u64::try_from(last_event).unwrap_or(0).saturating_add(1) << NUMBER_BITS;
        Ok(Self::new(saved, last_event, first))
    }

    fn new(saved: Vec<SavedState>, last_event: i64, first: u64) -> Self {
        let mut by_thing: FxHashMap<ThingId, Vec<(String, State)>> = FxHashMap::default();
        for it in saved {
            by_thing
                .entry(it.thing)
                .or_default()
                .push((it.switch, it.state));
        }
        Self {
            book: Mutex::new(Book {
                saved: by_thing,
                journal: Journal::behind(last_event),
                budget: i64::from(COMMANDS_PER_SECOND),
                ..Book::default()
            }),
            ears: Mutex::default(),
            mail: Mutex::default(),
            numbers: AtomicU64::new(first),
            unwritten: AtomicU64::new(0),
        }
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn post(&self, mail: Mail) {
        let mut letters = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(mail);
    }
}

impl Custody {
    /// Looks at what is wanted of every source and what each did, offers commands that are due, and writes what changed.
    pub(crate) fn tend_sources(&self, now: Timestamp) -> Result<(), RowError> {
        let keeper = &self.inner.source;
        let mut book = keeper.book.lock().unwrap_or_else(PoisonError::into_inner);
        let mail = {
            let mut letters = keeper.mail.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *letters)
        };
        for letter in mail {
            book.read(letter, now);
        }
        book.review(&self.inner.catalogue.load(), now);
        book.look(now);
        book.offer(keeper, now);
        book.tended_at = Some(now);
        book.forget(now);
        let unwritten = book.journal.take_unwritten();
        keeper.unwritten.fetch_add(unwritten, Ordering::Relaxed);
        self.write_sources(&mut book, now)
    }

    /// Writes what is not written yet, at the end.
    pub(crate) fn save_sources(&self) -> Result<(), RowError> {
        let mut book = self
            .inner
            .source
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(now) = book.tended_at else {
            return Ok(());
        };
        while book.has_unwritten() {
            self.write_sources(&mut book, now)?;
        }
        Ok(())
    }

    fn write_sources(&self, book: &mut Book, now: Timestamp) -> Result<(), RowError> {
        let prunes = book
            .pruned_at
            .is_none_or(|it| now >= it.plus_millis(HOUR_MS));
        let dirty = book.dirty();
        if dirty.is_empty() && book.journal.events.is_empty() && !prunes {
            return Ok(());
        }
        let events = std::mem::take(&mut book.journal.events);
        let written = self.inner.db.write(|tx| {
            for saved in &dirty {
                rows::source::put(tx, saved)?;
            }
            for event in &events {
                rows::source::add_event(tx, event)?;
            }
            if prunes {
                let until = now.plus_millis(-EVENT_DAYS * DAY_MS);
                rows::source::prune_events(tx, until)?;
            }
            Ok::<_, RowError>(())
        });
        match written {
            Ok(()) => {
                book.clean(&dirty);
                if prunes {
                    book.pruned_at = Some(now);
                }
                Ok(())
            }
            Err(err) => {
                book.journal.events = events;
                Err(err)
            }
        }
    }
}

impl Book {
    /// What a session has posted.
    fn read(&mut self, letter: Mail, now: Timestamp) {
        match letter {
            Mail::Sent { command, until, at } => {
                self.change(&command, at, |state| {
                    state.sent(command.id, command.setting, until, at);
                    Some((Happening::Told, command.setting))
                });
            }
            Mail::Received { command, at } => {
                let Some(outstanding) = self.outstanding.get(&command) else {
                    return;
                };
                let command = Arc::clone(&outstanding.command);
                self.change(&command, at, |state| {
                    let is_new = state.received(command.id, at);
                    is_new.then_some((Happening::Received, command.setting))
                });
            }
            Mail::Gone { listener } => {
                let lost = self
                    .outstanding
                    .iter()
                    .filter(|it| it.1.listener == listener);
                let lost: Vec<_> = lost.map(|it| Arc::clone(&it.1.command)).collect();
                for command in lost {
                    command.is_void.store(true, Ordering::Release);
                    self.change(&command, now, |state| {
                        state.lost(command.id, now);
                        None
                    });
                }
            }
        }
    }

    /// Changes the state that a command is about, and keeps what happened.
    fn change(
        &mut self,
        command: &SwitchCommand,
        at: Timestamp,
        change: impl FnOnce(&mut State) -> Option<(Happening, Setting)>,
    ) {
        let Some(shelf) = self.shelves.get_mut(&command.deployment) else {
            return;
        };
        let (thing, switches) = (&command.thing, &shelf.switches);
        // After a new notice the switch may have another place, or none.
        let Some(index) = switches.iter().position(|it| it.key == command.switch) else {
            return;
        };
        let Some(entry) = shelf.things.get_mut(thing) else {
            return;
        };
        let Some(state) = entry.states.get_mut(index) else {
            return;
        };
        let before = *state;
        let happened = change(state);
        entry.is_dirty |= *state != before;
        if let Some((what, setting)) = happened {
            let event = Event {
                deployment: &command.deployment,
                thing,
                switch: (index, &command.switch),
                what,
                setting,
                at,
            };
            self.journal.note(entry, &event);
        }
    }

    /// Works out anew what is wanted where something in force has changed, or time has come.
    fn review(&mut self, catalogue: &Catalogue, now: Timestamp) {
        let mut reviews: FxHashMap<*const Deployment, (Arc<DeploymentState>, Arc<[Switch]>)> =
            FxHashMap::default();
        for deployment in catalogue.deployments.values() {
            let state = deployment.state.load_full();
            if state.notice.source_switches.is_empty() {
                if let Some(shelf) = self.shelves.remove(&deployment.id) {
                    shelf
                        .things
                        .values()
                        .for_each(|it| it.peer.watching.clear());
                }
                continue;
            }
            let shelf = self.shelves.get(&deployment.id);
            if shelf.is_some_and(|it| it.is_current(&state, now)) {
                continue;
            }
            let switches = match shelf {
                Some(shelf) if Arc::ptr_eq(&shelf.state.notice, &state.notice) => {
                    Arc::clone(&shelf.switches)
                }
                _ => switches_of(&state),
            };
            reviews.insert(Arc::as_ptr(deployment), (state, switches));
        }
        if reviews.is_empty() {
            return;
        }
        let mut by_deployment: FxHashMap<*const Deployment, Vec<&Arc<ThingPeer>>> =
            FxHashMap::default();
        for peer in catalogue.things.values() {
            let deployment = Arc::as_ptr(&peer.deployment);
            if reviews.contains_key(&deployment) {
                by_deployment.entry(deployment).or_default().push(peer);
            }
        }
        for (deployment, (state, switches)) in reviews {
            let things = by_deployment.remove(&deployment).unwrap_or_default();
            self.review_things(state, switches, &things, now);
        }
    }

    fn review_things(
        &mut self,
        state: Arc<DeploymentState>,
        switches: Arc<[Switch]>,
        things: &[&Arc<ThingPeer>],
        now: Timestamp,
    ) {
        let former = self.shelves.remove(&state.notice.deployment);
        let mut shelf = Shelf {
            reviewed_at: now,
            review_at: state.changes_after(now),
            things: FxHashMap::default(),
            switches,
            state: Arc::clone(&state),
        };
        let renewed = former.is_some_and(|it| shelf.take_over(it, now));
        let wanted = Wanted::new(&state, now);
        let mut known: FxHashMap<(usize, bool), Vec<Setting>> = FxHashMap::default();
        for peer in things {
            let Some(bound) = state.bound(peer.number, &Named::Nobody, now) else {
                continue;
            };
            let program = (Arc::as_ptr(&bound.program).addr(), bound.people.is_empty());
            let settings = known.entry(program).or_insert_with(|| wanted.of(&bound));
            let entry = match shelf.things.entry(peer.id.clone()) {
                Place::Occupied(it) => it.into_mut(),
                Place::Vacant(it) => {
                    let saved = self.saved.remove(&peer.id).unwrap_or_default();
                    it.insert(Entry::new(
                        peer,
                        &bound,
                        &state,
                        &shelf.switches,
                        &saved,
                        now,
                    ))
                }
            };
            entry.bound = bound;
            if renewed {
                entry.watch = Arc::new(Watch::new(&state.notice, &state.schema));
            }
            entry.peer.watching.set(&entry.watch);
            for (state, setting) in entry.states.iter_mut().zip(settings.iter()) {
                let offered = state.step;
                if state.want(*setting, now) {
                    entry.is_dirty = true;
                    void(&self.outstanding, offered);
                }
            }
        }
        self.shelves.insert(state.notice.deployment.clone(), shelf);
    }

    /// Looks at what messages have shown and at the time.
    fn look(&mut self, now: Timestamp) {
        for (deployment, shelf) in &mut self.shelves {
            for (thing, entry) in &mut shelf.things {
                for (index, switch) in shelf.switches.iter().enumerate() {
                    let Some(state) = entry.states.get_mut(index).filter(|it| !it.is_fresh())
                    else {
                        continue;
                    };
                    let before = *state;
                    let happened = state.look(&entry.watch.seen(index), switch.terms, now);
                    if state.step != before.step {
                        void(&self.outstanding, before.step);
                    }
                    entry.is_dirty |= *state != before;
                    if let Some(what) = happened {
                        let event = Event {
                            deployment,
                            thing,
                            switch: (index, &switch.key),
                            what,
                            setting: state.wanted,
                            at: now,
                        };
                        self.journal.note(entry, &event);
                    }
                }
            }
        }
    }

    /// Offers commands that are due to things that listen, as many as the second allows.
    fn offer(&mut self, keeper: &Keeper, now: Timestamp) {
        let limit = i64::from(COMMANDS_PER_SECOND);
        let passed = self
            .tended_at
            .map_or(0, |it| now.as_millis() - it.as_millis());
        let earned = passed.clamp(0, 1_000) * limit / 1_000;
        self.budget = (self.budget + earned).min(limit);
        let ears = keeper.ears.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_over(&ears, now);
        for (deployment, shelf) in &mut self.shelves {
            for (thing, entry) in &mut shelf.things {
                let is_due = entry.states.iter().any(|it| it.is_due(now));
                let Some(ears) = ears.get(thing).filter(|_| is_due) else {
                    continue;
                };
                for (index, switch) in shelf.switches.iter().enumerate() {
                    if self.budget <= 0 {
                        return;
                    }
                    let Some(state) = entry.states.get_mut(index).filter(|it| it.is_due(now))
                    else {
                        continue;
                    };
                    let command = command(keeper, (deployment, thing), switch, state.wanted, now);
                    let Some(command) = command else { continue };
                    let ear = listen::nearest(ears, &command.topic);
                    if let Some(ear) = ear
                        && ear.offer(Arc::clone(&command))
                    {
                        state.offered(command.id, now);
                        self.budget -= 1;
                        self.outstanding.insert(
                            command.id,
                            Outstanding {
                                command,
                                listener: ear.number,
                                asks: ear.asks(),
                            },
                        );
                    }
                }
            }
        }
    }

    /// Forgets commands that nothing can be said about any more. A void one may still turn out to have been sent.
    fn forget(&mut self, now: Timestamp) {
        let shelves = &self.shelves;
        self.outstanding.retain(|id, it| {
            let command = &it.command;
            if now < command.made_at.plus_millis(2 * COMMAND_AGE_MS) {
                return true;
            }
            let shelf = shelves.get(&command.deployment);
            let entry = shelf.and_then(|shelf| shelf.things.get(&command.thing));
            let mut states = entry.into_iter().flat_map(|entry| &entry.states);
            states.any(|state| state.last_command == Some(*id) && state.received_at.is_none())
        });
    }

    fn has_unwritten(&self) -> bool {
        let mut entries = self.shelves.values().flat_map(|it| it.things.values());
        !self.journal.events.is_empty() || entries.any(|it| it.is_dirty)
    }

    fn dirty(&self) -> Vec<SavedState> {
        let mut dirty = Vec::new();
        for shelf in self.shelves.values() {
            for (thing, entry) in shelf.things.iter().filter(|it| it.1.is_dirty) {
                if dirty.len() >= ROWS_PER_TICK {
                    return dirty;
                }
                let states = shelf.switches.iter().zip(&entry.states);
                dirty.extend(states.map(|(switch, state)| SavedState {
                    thing: thing.clone(),
                    switch: switch.key.to_string(),
                    state: *state,
                }));
            }
        }
        dirty
    }

    fn clean(&mut self, written: &[SavedState]) {
        for shelf in self.shelves.values_mut() {
            for saved in written {
                if let Some(entry) = shelf.things.get_mut(&saved.thing) {
                    entry.is_dirty = false;
                }
            }
        }
    }
}

/// Takes back the command that a step was about, if a connection has not sent it yet.
fn void(outstanding: &FxHashMap<u64, Outstanding>, step: Step) {
    if let Step::Offered { command, .. } = step
        && let Some(it) = outstanding.get(&command)
    {
        it.command.is_void.store(true, Ordering::Release);
    }
}

fn command(
    keeper: &Keeper,
    (deployment, thing): (&DeploymentId, &ThingId),
    switch: &Switch,
    setting: Setting,
    now: Timestamp,
) -> Option<Arc<SwitchCommand>> {
    Some(Arc::new(SwitchCommand {
        payload: listen::payload_of(&switch.words, setting, thing)?,
        topic: listen::topic_of(&switch.words, thing),
        id: keeper.next_number(),
        deployment: deployment.clone(),
        thing: thing.clone(),
        switch: Arc::clone(&switch.key),
        setting,
        made_at: now,
        is_void: AtomicBool::new(false),
    }))
}

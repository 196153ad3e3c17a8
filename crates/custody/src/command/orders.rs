//! All commands that were asked for and of which something may still become: waiting for their thing, or watched.

use std::sync::{Arc, Mutex, PoisonError};

use model::{CommandName, DeploymentId, RecipientId, ThingId, Timestamp};
use rustc_hash::FxHashMap;
use store::Db;

use super::hub::Hubs;
use super::order::Order;
use super::report::Reports;
use super::{
    COMMAND_LOG_DAYS, CommandId, CommandOutcome, CommandRefusal, MAX_COMMANDS_PER_MINUTE,
    MAX_FOLLOWED_COMMANDS, MAX_WAITING_PER_THING,
};
use crate::Custody;
use crate::catalogue::ThingPeer;
use crate::rows::{self, RowError};
use crate::source::{Command, Keeper};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// The commands that are under way.
#[derive(Default)]
pub(crate) struct Orders {
    book: Mutex<Book>,
    /// Bridges that take commands to their things.
    hubs: Hubs,
    /// Recipients that are told what becomes of theirs.
    reports: Arc<Reports>,
}

#[derive(Default)]
struct Book {
    followed: FxHashMap<CommandId, Followed>,
    /// When a command was last taken for a thing; of the last day.
    taken: FxHashMap<(ThingId, CommandName), Timestamp>,
    /// How often each recipient has asked in the minute that began then.
    asked: FxHashMap<RecipientId, (Timestamp, u32)>,
    pruned_at: Option<Timestamp>,
}

struct Followed {
    order: Arc<Order>,
    /// On its way to a listener, and to which.
    on_its_way: Option<(u64, Arc<Command>)>,
}

impl Followed {
    fn waits(&self) -> bool {
        self.order.progress().outcome == CommandOutcome::Queued
    }
}

impl Orders {
    /// With what the log says. What was under way at a crash is nobody's to know.
    pub(crate) fn open(db: &Db) -> Result<Self, RowError> {
        let taken = db.write(|tx| {
            rows::command::forget_queued(tx)?;
            rows::command::taken(tx)
        })?;
        let orders = Self::default();
        orders.lock().taken = taken.into_iter().collect();
        Ok(orders)
    }

    pub(super) fn hubs(&self) -> &Hubs {
        &self.hubs
    }

    pub(super) fn reports(&self) -> &Arc<Reports> {
        &self.reports
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A recipient asks for a command, whatever becomes of it.
    pub(super) fn asks(
        &self,
        recipient: &RecipientId,
        now: Timestamp,
    ) -> Result<(), CommandRefusal> {
        let mut book = self.lock();
        let (since, count) = book.asked.entry(recipient.clone()).or_insert((now, 0));
        if !(0..MINUTE_MS).contains(&(now.as_millis() - since.as_millis())) {
            (*since, *count) = (now, 0);
        }
        if *count >= MAX_COMMANDS_PER_MINUTE {
            return Err(CommandRefusal::TooMany);
        }
        *count += 1;
        Ok(())
    }

    /// Takes the place of a command of a thing; gives what was known before, for [`Orders::give_back`].
    pub(super) fn reserve(
        &self,
        thing: &ThingId,
        command: &CommandName,
        seconds_between: u32,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, CommandRefusal> {
        let mut book = self.lock();
        let waiting = book.followed.values();
        let waiting = waiting.filter(|it| it.order.thing.id == *thing && it.waits());
        if book.followed.len() >= MAX_FOLLOWED_COMMANDS || waiting.count() >= MAX_WAITING_PER_THING
        {
            return Err(CommandRefusal::TooManyWaiting);
        }
        let key = (thing.clone(), command.clone());
        let before = book.taken.get(&key).copied();
        let peace_ms = i64::from(seconds_between) * 1_000;
        if let Some(before) = before {
            let left_ms = before.as_millis() + peace_ms - now.as_millis();
            // A clock that went back must not keep a thing closed for longer than it was to be.
            if left_ms > 0 {
                let left_ms = left_ms.min(peace_ms);
                let seconds = u32::try_from(left_ms.saturating_add(999) / 1_000);
                return Err(CommandRefusal::TooSoon(seconds.unwrap_or(u32::MAX)));
            }
        }
        book.taken.insert(key, now);
        Ok(before)
    }

    /// A command that took its place could not be kept.
    pub(super) fn give_back(
        &self,
        thing: &ThingId,
        command: &CommandName,
        before: Option<Timestamp>,
    ) {
        let mut book = self.lock();
        let key = (thing.clone(), command.clone());
        match before {
            Some(before) => book.taken.insert(key, before),
            None => book.taken.remove(&key),
        };
    }

    /// Follows a command that is in the log, and offers it to its thing.
    pub(super) fn follow(&self, keeper: &Keeper, order: Order) {
        let mut book = self.lock();
        let id = order.id;
        let followed = Followed {
            order: Arc::new(order),
            on_its_way: None,
        };
        book.followed.insert(id, followed);
        if let Some(it) = book.followed.get_mut(&id) {
            it.offer(keeper, &self.hubs);
        }
    }

    /// A thing listens anew: what waits for it is offered.
    pub(crate) fn offer_to(&self, keeper: &Keeper, thing: &ThingPeer) {
        for it in self.lock().followed.values_mut() {
            if it.order.thing.id == thing.id {
                it.offer(keeper, &self.hubs);
            }
        }
    }

    /// A bridge listens anew: what waits at its deployment is offered.
    pub(super) fn offer_all(&self, keeper: &Keeper, deployment: &DeploymentId) {
        for it in self.lock().followed.values_mut() {
            if it.order.thing.deployment.id == *deployment {
                it.offer(keeper, &self.hubs);
            }
        }
    }

    /// A bridge is gone: what it had and did not hand over waits again.
    pub(super) fn hub_gone(&self, keeper: &Keeper, listener: u64) {
        for it in self.lock().followed.values_mut() {
            if let Some((_, command)) = it.on_its_way.take_if(|it| it.0 == listener) {
                command.make_void();
                it.offer(keeper, &self.hubs);
            }
        }
    }

    /// A bridge says that it has a command.
    pub(super) fn received_by(&self, listener: u64, number: u64, now: Timestamp) {
        let book = self.lock();
        let mut all = book.followed.values();
        let is_with_it = |it: &Followed| it.on_its_way.as_ref().is_some_and(|it| it.0 == listener);
        if let Some(it) = all.find(|it| it.order.id.number() == number && is_with_it(it)) {
            it.order.received(now);
        }
    }

    /// A listener is gone: what it had and did not hand over waits again.
    pub(crate) fn listener_gone(&self, keeper: &Keeper, thing: &ThingPeer, listener: u64) {
        for it in self.lock().followed.values_mut() {
            let had = it.on_its_way.take_if(|it| it.0 == listener);
            if let Some((_, command)) = had {
                command.make_void();
            }
            if it.order.thing.id == thing.id {
                it.offer(keeper, &self.hubs);
            }
        }
    }

    /// The thing says that it has a command; false where that is none of a recipient.
    pub(crate) fn received(&self, thing: &ThingPeer, number: u64, now: Timestamp) -> bool {
        let book = self.lock();
        let mut all = book.followed.values();
        let found = all.find(|it| it.order.id.number() == number && it.order.thing.id == thing.id);
        if let Some(it) = found {
            it.order.received(now);
        }
        found.is_some()
    }

    /// How a command stands that is under way.
    pub(super) fn get(&self, id: CommandId) -> Option<Arc<Order>> {
        self.lock()
            .followed
            .get(&id)
            .map(|it| Arc::clone(&it.order))
    }

    /// All that is under way.
    pub(super) fn all(&self) -> FxHashMap<CommandId, Arc<Order>> {
        let book = self.lock();
        let all = book.followed.iter();
        all.map(|(id, it)| (*id, Arc::clone(&it.order))).collect()
    }
}

impl Followed {
    /// Gives it to the nearest listener, where nobody has it yet.
    fn offer(&mut self, keeper: &Keeper, hubs: &Hubs) {
        if self.on_its_way.is_some() || !self.waits() {
            return;
        }
        let own = keeper.offer_order(&self.order);
        self.on_its_way = own.or_else(|| hubs.offer(&self.order));
    }
}

impl Custody {
    /// A thing answered the command of a number, in the dialect that it speaks; `is_done` unless it says that it failed. What
    /// else it says is not looked at. An unknown number is passed over.
    pub fn command_answered(&self, thing: &ThingPeer, number: u32, is_done: bool, now: Timestamp) {
        let book = self.inner.orders.lock();
        let mut all = book.followed.values();
        let is_it = |it: &&Followed| {
            it.order.id.short() == number && it.order.thing.id == thing.id && !it.waits()
        };
        if let Some(it) = all.find(is_it) {
            it.order.answered(is_done, now);
        }
    }

    /// Looks at what became of commands, offers those that wait, and writes what changed.
    pub(crate) fn tend_commands(&self, now: Timestamp) -> Result<(), RowError> {
        let orders = &self.inner.orders;
        let mut book = orders.lock();
        for it in book.followed.values_mut() {
            it.order.look(now);
            it.offer(&self.inner.source, &orders.hubs);
        }
        let is_recent =
            |at: &Timestamp| now.as_millis().abs_diff(at.as_millis()) < DAY_MS.unsigned_abs();
        let prunes = book
            .pruned_at
            .is_none_or(|it| now >= it.plus_millis(HOUR_MS));
        if prunes {
            book.taken.retain(|_, at| is_recent(at));
            book.asked.retain(|_, it| is_recent(&it.0));
        }
        drop(book);
        self.write_commands(prunes.then_some(now))?;
        let mut book = orders.lock();
        if prunes {
            book.pruned_at = Some(now);
        }
        book.followed
            .retain(|_, it| !it.order.is_over(now) || it.order.progress().is_dirty);
        Ok(())
    }

    /// Writes what became of commands; before the end, too, so that nothing is `unknown` after an orderly stop.
    pub(crate) fn write_commands(&self, prune_at: Option<Timestamp>) -> Result<(), RowError> {
        let orders = self.inner.orders.all();
        let dirty: Vec<_> = orders.values().filter_map(|it| it.take_dirty()).collect();
        if dirty.is_empty() && prune_at.is_none() {
            return Ok(());
        }
        let written = self.inner.db.write(|tx| {
            for row in &dirty {
                rows::command::put_progress(tx, row.id, &row.progress)?;
            }
            if let Some(now) = prune_at {
                rows::command::prune(tx, now.plus_millis(-COMMAND_LOG_DAYS * DAY_MS))?;
            }
            Ok::<_, RowError>(())
        });
        written.inspect_err(|_| {
            for it in dirty.iter().filter_map(|it| orders.get(&it.id)) {
                it.put_back();
            }
        })
    }

    /// At the end: what still waits for its thing never goes.
    pub(crate) fn end_commands(&self) -> Result<(), RowError> {
        for order in self.inner.orders.all().values() {
            order.end();
        }
        self.write_commands(None)
    }
}

//! What is due, and how it went, for whoever owns the network.
//!
//! [`Custody::pushes_due`] gives the webhooks that have their turn; [`Custody::push`] makes what is to be sent, and
//! [`Custody::push_taken`], [`Custody::push_passed_over`] or [`Custody::push_failed`] says how it went. One batch of a webhook is under
//! way at a time. One that is dropped without a word is made anew.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use data_encoding::BASE32_NOPAD;
use model::{DeploymentId, RecipientId, Timestamp};
use ring::hmac;

use super::hook::{Hook, HookState, Place, WRITE_MILLIS};
use super::horizon::Settled;
use super::sealed::Target;
use super::{
    LastFailure, MAX_PUSH_BYTES, MAX_PUSH_ERASURES, MAX_PUSH_READINGS, MAX_PUSHES_PER_RECIPIENT,
    PushFailure, WebhookId, WebhookState,
};
use crate::Custody;
use crate::catalogue::RecipientPeer;
use crate::deliver::Delivery;
use crate::destination::{FailureClass, Secret, WebAddress, pause_millis};
use crate::erase::ErasureNotice;
use crate::history::{HistoryError, HistoryQuery};
use crate::rows::webhook as table;
use crate::rows::{self, RowError};

const LABEL: &[u8] = b"amanat/webhook-message/1\0";
const MESSAGE_ID_BYTES: usize = 20;
/// How many pages of the history are read before the others have their turn.
const MAX_PAGES: usize = 8;
/// Where the same again would fail the same way, the pause is at least this.
const LASTING_PAUSE_MILLIS: i64 = 300_000;
/// What does not open is tried again after this.
const UNOPENED_PAUSE_MILLIS: i64 = 60_000;
/// A receiver may ask for a pause of this at most.
const LONGEST_ASKED_PAUSE_SECONDS: u32 = 3_600;
/// A receiver that takes longer is slow.
const SLOW_MILLIS: u64 = 2_000;

/// How many batches may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushRoom {
    /// In all.
    pub all: usize,
    /// To receivers that failed or were slow the last time: they wait for each other, and for nobody else.
    pub slow: usize,
}

/// Why nothing could be made, or not be written down.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The vault or the rows of the history.
    #[error("the readings could not be opened")]
    History(#[source] HistoryError),
    /// The rows.
    #[error("the webhooks could not be read or written")]
    Rows(#[from] RowError),
    /// The database.
    #[error("the webhooks could not be read or written")]
    Db(#[from] store::DbError),
    /// The address.
    #[error("the address of the webhook `{0}` does not open: is this the right root key?")]
    Sealed(WebhookId),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
}

/// The turn of a webhook. While it lives, the webhook has no other.
pub struct PushTurn {
    way: Way,
    is_test: bool,
}

/// The only place on the way to a webhook; given back when it is dropped.
struct Way(Arc<Hook>);

impl Drop for Way {
    fn drop(&mut self) {
        self.0.lock().is_under_way = false;
    }
}

impl PushTurn {
    /// The webhook.
    #[must_use]
    pub fn webhook(&self) -> &WebhookId {
        &self.way.0.id
    }
}

impl std::fmt::Debug for PushTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PushTurn({})", self.webhook())
    }
}

/// Something to send.
#[derive(Debug)]
pub struct Push {
    address: WebAddress,
    keys: Vec<Secret>,
    recipient: Arc<RecipientPeer>,
    webhook: WebhookId,
    contents: PushContents,
}

/// What is to be sent.
#[derive(Debug)]
pub enum PushContents {
    /// A test, without a reading.
    Test,
    /// What people had erased and the recipient has to erase too, oldest first.
    Erasures(Vec<ErasureNotice>),
    /// Readings.
    Page(Box<PushPage>),
}

/// A page of the history.
#[derive(Debug)]
pub struct PushPage {
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// What may be given. Each says nothing until [`Custody::permit`] agrees.
    pub deliveries: Vec<Delivery>,
    /// What was left out before it, from when to when.
    pub missed: Option<(Timestamp, Timestamp)>,
    before: Place,
    behind: Place,
}

impl Push {
    /// Where to.
    #[must_use]
    pub fn address(&self) -> &WebAddress {
        &self.address
    }

    /// The signing keys that hold now, the present one first.
    #[must_use]
    pub fn keys(&self) -> &[Secret] {
        &self.keys
    }

    /// What to send.
    #[must_use]
    pub fn contents(&self) -> &PushContents {
        &self.contents
    }

    /// The identifier of a message: the same when the same is sent again, and of what it says nothing.
    #[must_use]
    pub fn message_id(&self, message: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.recipient.pseudonym_key);
        context.update(LABEL);
        context.update(self.webhook.as_str().as_bytes());
        context.update(message);
        let tag = context.sign();
        let short = tag.as_ref().get(..MESSAGE_ID_BYTES).unwrap_or_default();
        format!("msg_{}", BASE32_NOPAD.encode(short).to_ascii_lowercase())
    }
}

impl Custody {
    /// The webhooks that have their turn now, those first that waited longest. Call it several times a second: it also notes up to
    /// when readings can be read. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When places could not be written down; they are kept, and written the next time.
    pub fn pushes_due(&self, room: PushRoom, now: Timestamp) -> Result<Vec<PushTurn>, PushError> {
        let settled = self.note_settled(now);
        let told = self.inner.pushes.told();
        let hooks = self.inner.pushes.all();
        self.write_places(&hooks, now)?;
        // At once, so that what comes in from now on is not missed.
        let rules = Some(self.rules_in_force());
        for hook in hooks.iter().filter(|it| it.lock().rules != rules) {
            self.follow_grants(hook, now)?;
            hook.lock().rules = rules;
        }
        let mut under_way: BTreeMap<RecipientId, usize> = BTreeMap::new();
        let (mut all, mut slow) = (0, 0);
        let mut due = Vec::new();
        for hook in hooks {
            let mut running = hook.lock();
            if running.is_under_way {
                all += 1;
                slow += usize::from(running.is_slow);
                *under_way.entry(hook.recipient.clone()).or_default() += 1;
            } else if running.is_due(settled, told, now) {
                let turn_at = running.turn_at;
                drop(running);
                due.push((turn_at, hook));
            }
        }
        due.sort_by_key(|it| it.0);
        let catalogue = self.inner.catalogue.load();
        let mut turns = Vec::new();
        for (_, hook) in due {
            let peer = catalogue.recipients.get(&hook.recipient);
            let theirs = under_way.entry(hook.recipient.clone()).or_default();
            let mut running = hook.lock();
            let has_room =
                *theirs < MAX_PUSHES_PER_RECIPIENT && (!running.is_slow || slow < room.slow);
            if peer.is_none_or(|it| it.is_barred()) || !has_room {
                continue;
            }
            if all >= room.all {
                break;
            }
            all += 1;
            slow += usize::from(running.is_slow);
            *theirs += 1;
            running.is_under_way = true;
            running.turn_at = now;
            let is_test = running.wants_test;
            drop(running);
            let way = Way(hook);
            turns.push(PushTurn { way, is_test });
        }
        Ok(turns)
    }

    fn note_settled(&self, now: Timestamp) -> Option<Settled> {
        let vault = &self.inner.vault;
        // In this order: what is appended after the first is not before what it settles.
        let appended = vault.appended().as_u64();
        let durable = vault.durable().as_u64();
        let horizon = &self.inner.pushes.horizon;
        let mut horizon = horizon.lock().unwrap_or_else(PoisonError::into_inner);
        horizon.note(now, appended, durable)
    }

    fn last_settled(&self) -> Option<Settled> {
        let horizon = &self.inner.pushes.horizon;
        let horizon = horizon.lock().unwrap_or_else(PoisonError::into_inner);
        horizon.settled()
    }

    /// Whether somebody asks what is due.
    pub(super) fn is_sending(&self) -> bool {
        let horizon = &self.inner.pushes.horizon;
        let horizon = horizon.lock().unwrap_or_else(PoisonError::into_inner);
        horizon.is_begun()
    }

    /// Writes down places that moved without a batch, now and then.
    fn write_places(&self, hooks: &[Arc<Hook>], now: Timestamp) -> Result<(), PushError> {
        for hook in hooks {
            let places = {
                let mut running = hook.lock();
                let since = now
                    .as_millis()
                    .saturating_sub(running.written_at.as_millis());
                if !running.is_unwritten || (0..WRITE_MILLIS).contains(&since) {
                    continue;
                }
                running.written_at = now;
                running.places.clone()
            };
            self.inner.db.write(|tx| {
                places
                    .iter()
                    .try_for_each(|(it, place)| table::put_place(tx, &hook.id, it, place))
            })?;
            hook.lock().is_unwritten = false;
        }
        Ok(())
    }

    /// What a webhook gets now, if anything. Blocks on the vault and the database: not for an async worker.
    ///
    /// # Errors
    /// See [`PushError`]. What is wrong with one webhook is noted with it, and tried again after a pause.
    pub fn push(&self, turn: &PushTurn, now: Timestamp) -> Result<Option<Push>, PushError> {
        let hook = &*turn.way.0;
        let made = self.made(turn, now);
        if let Err(PushError::Sealed(_) | PushError::History(_)) = &made {
            let failure = PushFailure::before_answer(FailureClass::Unopened);
            self.fail(hook, turn.is_test, failure, UNOPENED_PAUSE_MILLIS, now)?;
        }
        made
    }

    fn made(&self, turn: &PushTurn, now: Timestamp) -> Result<Option<Push>, PushError> {
        let hook = &*turn.way.0;
        let catalogue = self.inner.catalogue.load();
        let row = self.inner.db.read(|tx| table::one(tx, &hook.id))?;
        let (Some(row), Some(recipient)) = (row, catalogue.recipients.get(&hook.recipient)) else {
            return Ok(None);
        };
        let safe = &self.inner.pushes.safe;
        let target = Target::open(safe, &hook.id, &hook.recipient, &row.sealed);
        let target = target.map_err(|_| PushError::Sealed(hook.id.clone()))?;
        let contents = match turn.is_test {
            true => Some(PushContents::Test),
            false => self.next(hook, recipient, now)?,
        };
        Ok(contents.map(|contents| Push {
            keys: target.keys_at(now),
            address: target.address,
            recipient: Arc::clone(recipient),
            webhook: hook.id.clone(),
            contents,
        }))
    }

    /// What there is, without a test: erasures before readings.
    fn next(
        &self,
        hook: &Hook,
        recipient: &Arc<RecipientPeer>,
        now: Timestamp,
    ) -> Result<Option<PushContents>, PushError> {
        let pushes = &self.inner.pushes;
        // Before the rows: who is told after this is looked for again.
        let told = pushes.told();
        if hook.lock().told != told {
            let limit = i64::from(MAX_PUSH_ERASURES);
            let notices = self.inner.db.read(|tx| {
                rows::erasure::notices_for_webhook(tx, &hook.recipient, &hook.id, limit)
            })?;
            if !notices.is_empty() {
                return Ok(Some(PushContents::Erasures(notices)));
            }
            hook.lock().told = told;
        }
        let page = self.page(hook, recipient, now)?;
        Ok(page.map(|it| PushContents::Page(Box::new(it))))
    }

    /// The next page that holds something.
    fn page(
        &self,
        hook: &Hook,
        recipient: &Arc<RecipientPeer>,
        now: Timestamp,
    ) -> Result<Option<PushPage>, PushError> {
        self.follow_grants(hook, now)?;
        let Some(settled) = self.last_settled() else {
            return Ok(None);
        };
        for _ in 0..MAX_PAGES {
            let next = hook.lock().next_place(settled, now);
            let Some((deployment, place)) = next else {
                hook.lock().all_sent(settled, now);
                return Ok(None);
            };
            let query = HistoryQuery {
                purpose: hook.purpose.clone(),
                deployment: deployment.clone(),
                thing: hook.thing.clone(),
                condition: hook.condition.clone(),
                from: Some(place.from),
                until: place.until,
                limit: MAX_PUSH_READINGS,
                after: place.after.clone(),
            };
            let page = match self.history_within(recipient, &query, MAX_PUSH_BYTES, now) {
                Ok(page) => page,
                // The root key is another one: this part begins anew.
                Err(HistoryError::Cursor) => {
                    hook.lock().put(&deployment, |it| it.after = None);
                    continue;
                }
                // Its end is noted the next time; until then there is nothing.
                Err(HistoryError::NotGranted { .. } | HistoryError::NamesPeople(_)) => {
                    hook.lock().put(&deployment, |it| *it = it.behind(None));
                    continue;
                }
                Err(HistoryError::Rows(err)) => return Err(PushError::Rows(err)),
                Err(err) => return Err(PushError::History(err)),
            };
            let behind = place.behind(page.next);
            if page.deliveries.is_empty() {
                hook.lock().put(&deployment, |it| *it = behind);
                continue;
            }
            hook.lock().looks = 0;
            return Ok(Some(PushPage {
                deployment,
                deliveries: page.deliveries,
                missed: place.missed,
                before: place,
                behind,
            }));
        }
        Ok(None)
    }

    /// Where a grant has come, a place begins; where it is over, the place ends.
    fn follow_grants(&self, hook: &Hook, now: Timestamp) -> Result<(), PushError> {
        let mut granted = self.granted(&hook.recipient, &hook.purpose, now);
        granted.retain(|(it, _)| hook.deployment.as_ref().is_none_or(|wanted| wanted == it));
        let (new, over) = {
            let running = hook.lock();
            let places = &running.places;
            let is_new = |it: &&(DeploymentId, bool)| !places.contains_key(&it.0);
            let is_over = |it: &&DeploymentId| !granted.iter().any(|(granted, _)| granted == *it);
            let new: Vec<_> = granted
                .iter()
                .filter(is_new)
                .map(|it| it.0.clone())
                .collect();
            let over: Vec<_> = places.keys().filter(is_over).cloned().collect();
            (new, over)
        };
        if new.is_empty() && over.is_empty() {
            return Ok(());
        }
        let place = Place::at(now);
        self.inner.db.write(|tx| {
            new.iter()
                .try_for_each(|it| table::put_place(tx, &hook.id, it, &place))?;
            over.iter()
                .try_for_each(|it| table::delete_place(tx, &hook.id, it))
        })?;
        let mut running = hook.lock();
        over.iter().for_each(|it| {
            running.places.remove(it);
        });
        running
            .places
            .extend(new.into_iter().map(|it| (it, place.clone())));
        Ok(())
    }

    /// The receiver has taken it, after so many milliseconds. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails; a page is then sent again.
    pub fn push_taken(
        &self,
        turn: &PushTurn,
        push: &Push,
        took_ms: u64,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let hook = &*turn.way.0;
        let stands = HookState {
            state: WebhookState::Working,
            attempts: 0,
            next_attempt_at: Timestamp::EPOCH,
            last_success_at: Some(now),
            ..hook.lock().stands
        };
        let moved = match &push.contents {
            PushContents::Test | PushContents::Erasures(_) => None,
            // Where the grant ended meanwhile, there is another place or none.
            PushContents::Page(page) => {
                let stands = hook.lock().places.get(&page.deployment) == Some(&page.before);
                stands.then(|| (page, page.told()))
            }
        };
        self.inner.db.write(|tx| {
            table::put_state(tx, &hook.id, &stands)?;
            if let PushContents::Erasures(notices) = &push.contents {
                for notice in notices {
                    table::told(tx, &hook.id, &notice.id)?;
                    rows::erasure::fetched(tx, &notice.id, now)?;
                }
            }
            match &moved {
                Some((page, place)) => table::put_place(tx, &hook.id, &page.deployment, place),
                None => Ok(()),
            }
        })?;
        let mut running = hook.lock();
        running.stands = stands;
        running.is_slow = took_ms > SLOW_MILLIS;
        match moved {
            Some((page, place)) => running.put(&page.deployment, |it| *it = place),
            None if turn.is_test => {
                running.wants_test = false;
                running.tested = Some((now, Ok(())));
                running.next_look_at = now;
            }
            None => {}
        }
        Ok(())
    }

    /// Nothing of a page may leave: the next one comes.
    pub fn push_passed_over(&self, turn: &PushTurn, push: &Push) {
        if let PushContents::Page(page) = &push.contents {
            let mut running = turn.way.0.lock();
            if running.places.get(&page.deployment) == Some(&page.before) {
                running.put(&page.deployment, |it| *it = page.behind.clone());
            }
        }
    }

    /// The receiver has not taken it, or nobody knows. It is tried again after a pause of which `jitter` (0 to 1,000) lengthens the
    /// second half. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// When the database fails; the pause holds all the same.
    pub fn push_failed(
        &self,
        turn: &PushTurn,
        failure: PushFailure,
        jitter: u16,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let hook = &*turn.way.0;
        let attempts = hook.lock().stands.attempts.saturating_add(1);
        let asked = failure.retry_after_seconds.unwrap_or_default();
        let asked = i64::from(asked.min(LONGEST_ASKED_PAUSE_SECONDS)) * 1_000;
        let least = match failure.is_lasting() {
            true => LASTING_PAUSE_MILLIS,
            false => 0,
        };
        let pause = pause_millis(attempts, jitter).max(asked).max(least);
        self.fail(hook, turn.is_test, failure, pause, now)
    }

    fn fail(
        &self,
        hook: &Hook,
        is_test: bool,
        failure: PushFailure,
        pause: i64,
        now: Timestamp,
    ) -> Result<(), PushError> {
        let last = LastFailure {
            class: failure.class,
            status: failure.status,
            at: now,
        };
        let stands = {
            let mut running = hook.lock();
            running.is_slow = true;
            if is_test {
                running.wants_test = false;
                running.tested = Some((now, Err(last)));
                return Ok(());
            }
            let stands = &mut running.stands;
            stands.attempts = stands.attempts.saturating_add(1);
            stands.state = match failure.is_gone() {
                true => WebhookState::Disabled,
                false => WebhookState::Failing,
            };
            stands.next_attempt_at = now.plus_millis(pause);
            stands.last_failure = Some(last);
            *stands
        };
        tracing::info!(
            webhook.id = %hook.id,
            failure = failure.class.as_str(),
            status = failure.status,
            attempts = stands.attempts,
            state = stands.state.as_str(),
            "a webhook of a recipient did not take a batch"
        );
        let written = self
            .inner
            .db
            .write(|tx| table::put_state(tx, &hook.id, &stands));
        Ok(written?)
    }
}

impl PushPage {
    /// The place behind it once the receiver has it, and so knows what it missed.
    fn told(&self) -> Place {
        Place {
            missed: None,
            ..self.behind.clone()
        }
    }
}

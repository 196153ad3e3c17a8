//! A message may leave: offered when it comes in, decided again at the moment it goes.
//!
//! A queue between the two may hold a message for a while. What leaves is therefore the meet of what was allowed when the
//! message came in and what is allowed now: a choice, a suspension or the end of a grant reaches queued messages too,
//! and nothing that was off when it was measured is revealed by a later choice.
//!
//! When a recipient's outbox is full the delivery is dropped and counted; the message stays in the vault. That happens to
//! recipients that are slow. For one that takes what comes, or would, publishers wait: see [`outbox`](mod@crate::outbox).

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLockReadGuard};

use bytes::Bytes;
use model::{DeploymentId, PurposeId, ThingId, Timestamp};
use policy::{KeptDecision, Lane, LaneIndex, Outcome, Payload, Program};

use crate::Custody;
use crate::catalogue::{Concerned, Deployment, DeploymentState, Named, RecipientPeer, ThingPeer};
use crate::condition::Condition;
use crate::erase::guard::by_law;
use crate::outbox::Outbox;
use crate::secret;
use crate::topic::{NativeFilter, NativeTopic, ShareName};

pub(crate) mod budget;
pub(crate) mod hub;
mod receipt;

pub use budget::MAX_HELD_BYTES;
use budget::Pressure;
use hub::Subscriber;
pub(crate) use hub::{Hub, Route, Topics};
pub use receipt::Receipt;

/// What a recipient asks for. Without a purpose there is no data.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Why it receives.
    pub purpose: PurposeId,
    /// From one deployment, or from every one where it has a grant.
    pub deployment: Option<DeploymentId>,
    /// From one thing, or from all.
    pub thing: Option<ThingId>,
    /// What must hold of the payload as the recipient would get it.
    pub condition: Option<Condition>,
    /// From things whose native topic matches; then `thing` does not count.
    pub native: Option<NativeFilter>,
}

impl Filter {
    /// Whether it asks for something of a deployment.
    fn reaches(&self, deployment: &Deployment) -> bool {
        let wanted = self.deployment.as_ref();
        wanted.is_none_or(|it| *it == deployment.id)
    }

    /// Whether there is what it names: one native topic, without wildcards, that no thing of the deployment has is nothing.
    fn names_something(&self, deployment: &Deployment) -> bool {
        let named = self.native.as_ref().filter(|it| !it.has_wildcard());
        named.is_none_or(|it| deployment.topics().has(it.as_str()))
    }
}

/// Why a subscription was refused.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// No grant of this recipient names this purpose there.
    #[error(
        "`{recipient}` has no grant for the purpose `{purpose}` there: ask the deployment for access"
    )]
    NotGranted {
        /// Who asked.
        recipient: model::RecipientId,
        /// For what.
        purpose: PurposeId,
    },
}

/// A live subscription; dropping it ends it.
pub struct Subscription {
    custody: Custody,
    subscriber: Arc<Subscriber>,
}

/// A decoded message on its way out: declared values only, seen by nobody but [`Custody::permit`].
pub(crate) struct Message {
    pub(crate) thing: Arc<ThingPeer>,
    pub(crate) payload: Box<Payload>,
    pub(crate) named: Named,
    pub(crate) concerned: Concerned,
    pub(crate) at: Timestamp,
    pub(crate) sent: Sent,
    /// See [`Arrival::order`](crate::Arrival::order).
    order: Option<Arc<[Box<str>]>>,
    /// How many bytes it holds, once it was counted in.
    held: usize,
    pressure: Pressure,
}

/// How a message was sent; see [`Arrival`](crate::Arrival).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) origin: u64,
    pub(crate) retain: bool,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Message {
    pub(crate) fn new(
        thing: &Arc<ThingPeer>,
        payload: impl Into<Box<Payload>>,
        named: Named,
        concerned: Concerned,
        at: Timestamp,
        sent: Sent,
    ) -> Self {
        Self {
            thing: Arc::clone(thing),
            payload: payload.into(),
            named,
            concerned,
            at,
            sent,
            order: None,
            held: 0,
            pressure: Pressure::Low,
        }
    }

    pub(crate) fn in_order(mut self, order: Option<&Arc<[Box<str>]>>) -> Self {
        self.order = order.cloned();
        self
    }

    /// Counts it in, and shares it.
    pub(crate) fn shared(mut self) -> Arc<Self> {
        self.payload.slim();
        self.held = size_of::<Self>() + size_of::<Payload>() + self.payload.heap_bytes();
        if let Some(order) = &self.order {
            let bytes = order.iter().map(|it| size_of::<Box<str>>() + it.len());
            self.held += bytes.sum::<usize>();
        }
        self.pressure = self.thing.deployment.budget.take(self.held);
        Arc::new(self)
    }

    /// Whether there was place for it in memory, for a recipient who keeps up or for one who is slow.
    pub(crate) fn is_left_out(&self, is_slow: bool) -> bool {
        self.pressure == Pressure::Full || (is_slow && self.pressure == Pressure::High)
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if self.held > 0 {
            self.thing.deployment.budget.give_back(self.held);
        }
    }
}

/// A message offered to one subscriber. It says nothing until [`Custody::permit`] agrees.
pub struct Delivery(Arc<Offered>);

/// What a delivery is of. In a place of its own, because deliveries are moved from queue to queue.
#[derive(Clone)]
struct Offered {
    message: Arc<Message>,
    subscriber: Arc<Subscriber>,
    outcome: Outcome,
    /// The lane of the subscriber in programs of the payload's schema.
    lane: LaneIndex,
    is_retained: bool,
}

impl Delivery {
    fn new(
        message: &Arc<Message>,
        subscriber: &Arc<Subscriber>,
        outcome: &Outcome,
        lane: LaneIndex,
        is_retained: bool,
    ) -> Self {
        Self(Arc::new(Offered {
            message: Arc::clone(message),
            subscriber: Arc::clone(subscriber),
            outcome: outcome.clone(),
            lane,
            is_retained,
        }))
    }

    /// Gives it to another subscriber of the same lane.
    fn turn_to(&mut self, subscriber: &Arc<Subscriber>) {
        Arc::make_mut(&mut self.0).subscriber = Arc::clone(subscriber);
    }

    /// The tag that was given to [`Custody::subscribe`].
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.0.subscriber.tag
    }

    /// Whether it was sent because of the subscription, not because the message came just now.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        self.0.is_retained
    }

    /// What [`Arrival::origin`](crate::Arrival::origin) was: which connection sent the message.
    #[must_use]
    pub fn origin(&self) -> u64 {
        self.0.message.sent.origin
    }

    /// What [`Arrival::retain`](crate::Arrival::retain) was.
    #[must_use]
    pub fn was_sent_to_retain(&self) -> bool {
        self.0.message.sent.retain
    }

    /// From when on it is not to be delivered any more; see [`Arrival::expires_at`](crate::Arrival::expires_at).
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.message.sent.expires_at
    }

    /// When the message came in.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.0.message.at
    }

    pub(crate) fn retained(
        message: &Arc<Message>,
        subscriber: &Arc<Subscriber>,
        outcome: &Outcome,
        lane: LaneIndex,
    ) -> Self {
        Self::new(message, subscriber, outcome, lane, true)
    }

    /// How many bytes of memory it holds while it waits.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_of::<Offered>() + self.0.message.held
    }

    /// Whether it belongs to a shared subscription; see [`Delivery::hand_over`].
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.subscriber.share.is_some()
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Delivery(tag {})", self.tag())
    }
}

/// Held while bytes go from [`Custody::permit`] to the socket. A change of the rules is acknowledged only after every
/// guard taken before it was released. Not `Send`: it cannot be held across an await.
pub struct DeliveryGuard<'a> {
    _guard: RwLockReadGuard<'a, ()>,
}

/// The right to hand one payload to one recipient: minted by [`Custody::permit`], used up by [`Permit::into_payload`].
pub struct Permit {
    offered: Arc<Offered>,
    outcome: Outcome,
    /// When it was decided: the time of the delivery.
    decided_at: Timestamp,
}

/// Offers a message to everyone who subscribed and may have some of it. It is made only where somebody wants it.
pub(crate) fn offer(
    hub: &Hub,
    thing: &ThingPeer,
    make: impl FnOnce() -> Message,
    program: &Program,
    decision: &KeptDecision,
) {
    let routes = thing.deployment.routes.load();
    if routes.is_empty() {
        return;
    }
    let (mut make, mut shared) = (Some(make), None);
    let mut passing = decision.passing(program);
    for route in routes.iter().filter(|it| it.wants(thing)) {
        let lane = route.lane(program);
        let Some((lane, outcome)) = lane.and_then(|it| Some((it, passing.outcome(it)?))) else {
            continue;
        };
        let made = make.take().map(|it| it().shared());
        shared = made.or(shared);
        if let Some(message) = &shared {
            hub.count_dropped(route.offer(message, lane, outcome));
        }
    }
}

/// Offers a message to everyone who subscribed to one lane.
pub(crate) fn offer_to(
    hub: &Hub,
    message: Message,
    program: &Program,
    lane: &Lane,
    outcome: &Outcome,
) {
    let thing = Arc::clone(&message.thing);
    let routes = thing.deployment.routes.load();
    let mut routes = routes.iter().filter(|it| it.is_lane(lane));
    if let Some(route) = routes.next()
        && let Some(lane) = route.lane(program)
    {
        hub.count_dropped(route.offer(&message.shared(), lane, outcome));
    }
}

impl Custody {
    /// Starts to offer messages to `outbox`. `tag` comes back on each delivery.
    ///
    /// # Errors
    /// When no grant of the recipient names the purpose for what the filter asks.
    pub fn subscribe(
        &self,
        recipient: &Arc<RecipientPeer>,
        filter: Filter,
        outbox: impl Into<Outbox>,
        tag: u32,
        now: Timestamp,
    ) -> Result<Subscription, SubscribeError> {
        self.subscribe_shared(recipient, filter, None, outbox, tag, now)
    }

    /// The same; under the name of a shared subscription, each message goes to one of those who gave the same name for the
    /// same filter as the same recipient (MQTT 5.0 section 4.8.2).
    ///
    /// # Errors
    /// When no grant of the recipient names the purpose for what the filter asks.
    pub fn subscribe_shared(
        &self,
        recipient: &Arc<RecipientPeer>,
        filter: Filter,
        share: Option<ShareName>,
        outbox: impl Into<Outbox>,
        tag: u32,
        now: Timestamp,
    ) -> Result<Subscription, SubscribeError> {
        let catalogue = self.inner.catalogue.load();
        let granted = catalogue
            .deployments
            .values()
            .filter(|it| filter.reaches(it) && filter.names_something(it))
            .any(|it| {
                it.state
                    .load()
                    .has_grant(&recipient.id, &filter.purpose, now)
            });
        if !granted {
            return Err(SubscribeError::NotGranted {
                recipient: recipient.id.clone(),
                purpose: filter.purpose,
            });
        }
        let subscriber = Subscriber {
            recipient: Arc::clone(recipient),
            filter,
            share: None,
            outbox: outbox.into(),
            tag,
        };
        subscriber.outbox.is_of(recipient);
        let hub = &self.inner.hub;
        let subscriber = hub.add(&self.inner.catalogue, subscriber, share);
        Ok(Subscription {
            custody: self.clone(),
            subscriber,
        })
    }

    /// Take it before [`Custody::permit`], release it when the bytes are with the socket.
    #[must_use]
    pub fn delivery_gate(&self) -> DeliveryGuard<'_> {
        DeliveryGuard {
            _guard: self
                .inner
                .gate
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The number of the rules in force; it grows with every act that asks for something that did not stand, after its rules were
    /// swapped in. Read it under the
    /// [`Custody::delivery_gate`], and before [`Custody::permit`]: what is decided then is of these rules or of later ones.
    #[must_use]
    pub fn rules_in_force(&self) -> u64 {
        self.inner.rules.load(Ordering::Acquire)
    }

    /// Decides, now, whether and how much of an offered message may leave. `None`: nothing may.
    #[must_use]
    pub fn permit(&self, delivery: &Delivery, now: Timestamp) -> Option<Permit> {
        let offered = &delivery.0;
        let (message, subscriber) = (&offered.message, &offered.subscriber);
        let is_over = message.sent.expires_at.is_some_and(|it| it <= now);
        if is_over || subscriber.recipient.is_barred() {
            return None;
        }
        let state = message.thing.deployment.state.load();
        if !state.schema.matches(message.payload.schema()) {
            return None; // The notice changed: what was measured under the old one does not leave under the new one.
        }
        let bound = state.holding(message.thing.number, &message.named, message.at)?;
        let program = &bound.program;
        // Lanes are numbered by the notice, and a schema is of one notice.
        let lane = match Arc::ptr_eq(program.schema(), message.payload.schema()) {
            true => offered.lane,
            false => program.lane(&subscriber.recipient.id, &subscriber.filter.purpose)?,
        };
        let facts = state.facts(now);
        let outcome = policy::decide_for(program, &message.payload, &facts, lane)?;
        let outcome = outcome.meet(&offered.outcome)?;
        let outcome = self.not_erased(&state, offered, outcome)?;
        let waited = now.as_millis().saturating_sub(message.at.as_millis());
        let is_short = waited < policy::MAX_LIVE_WAIT_MILLIS;
        // An order reaches what lies in the vault, and nothing waits for it elsewhere.
        let is_order = || {
            let purpose = &subscriber.filter.purpose;
            offered.is_retained && state.rules.order(purpose).is_some()
        };
        let outcome = match is_short || is_order() {
            true => outcome,
            false => program.may_wait(lane, &outcome, waited)?,
        };
        let permit = Permit {
            offered: Arc::clone(offered),
            outcome,
            decided_at: now,
        };
        permit.is_asked_for().then_some(permit)
    }

    /// What of it nobody whom it is about has had erased; what the recipient has by a law stays.
    fn not_erased(
        &self,
        state: &DeploymentState,
        offered: &Offered,
        outcome: Outcome,
    ) -> Option<Outcome> {
        let message = &offered.message;
        let schema = message.payload.schema();
        let guard = &self.inner.erasing.guard;
        let erased = guard.fields(&message.concerned, &message.thing, message.at, schema);
        if erased.is_empty() {
            return Some(outcome);
        }
        let (recipient, purpose) = offered.subscriber.lane();
        let erased = erased.without(by_law(state, recipient, purpose));
        outcome.only(outcome.fields().without(erased))
    }

    /// How many deliveries were dropped because a recipient's outbox was full, or all of them together held too much, since
    /// the start.
    #[must_use]
    pub fn dropped_deliveries(&self) -> u64 {
        self.inner.hub.dropped()
    }

    /// How many bytes messages hold now that wait for recipients.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.inner.hub.budget.held()
    }

    /// Sets how many bytes of messages may wait for recipients, all of them together; at the start it is [`MAX_HELD_BYTES`].
    /// From three quarters of it slow recipients get nothing new, beyond it nobody does.
    pub fn limit_held_bytes(&self, most: usize) {
        self.inner.hub.budget.set_most(most);
    }
}

impl Permit {
    /// For which purpose the recipient receives.
    #[must_use]
    pub fn purpose(&self) -> &PurposeId {
        &self.offered.subscriber.filter.purpose
    }

    /// From which deployment.
    #[must_use]
    pub fn deployment(&self) -> &DeploymentId {
        &self.offered.message.thing.deployment.id
    }

    /// From which thing.
    #[must_use]
    pub fn thing(&self) -> &ThingId {
        &self.offered.message.thing.id
    }

    /// The topic on which the thing publishes by nature, where one is registered.
    #[must_use]
    pub fn native_topic(&self) -> Option<NativeTopic> {
        self.offered.message.thing.topic()
    }

    /// The dialect of the thing, where it does not speak plainly: how it wants to be heard by who subscribes to its native
    /// topic.
    #[must_use]
    pub fn dialect(&self) -> Option<Arc<str>> {
        self.offered.message.thing.adapter()
    }

    /// When the message came in.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.offered.message.at
    }

    /// The order of names with which it was sent; see [`Arrival::order`](crate::Arrival::order).
    #[must_use]
    pub fn order(&self) -> Option<&[Box<str>]> {
        self.offered.message.order.as_deref()
    }

    /// When the right may end although nobody acts: a grant or the licence runs out. For who keeps the payload for a while.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.offered.ends_after(self.decided_at)
    }

    /// Whether some value is less precise than it was measured.
    #[must_use]
    pub fn is_coarse(&self) -> bool {
        self.outcome.is_coarse()
    }

    /// Whether the recipient's condition holds of what it would get.
    fn is_asked_for(&self) -> bool {
        let Some(condition) = &self.offered.subscriber.filter.condition else {
            return true;
        };
        let mut shown = Vec::with_capacity(192);
        self.render(&mut shown);
        condition.holds(&shown)
    }

    fn render(&self, out: &mut Vec<u8>) {
        let deployment = &self.offered.message.thing.deployment.id;
        let recipient = &self.offered.subscriber.recipient;
        policy::render(
            &self.offered.message.payload,
            &self.outcome,
            &|text| secret::pseudonym(&recipient.pseudonym_key, deployment.as_str(), text),
            out,
        );
    }

    /// The payload for the recipient, as JSON, and the receipt for it.
    pub fn into_payload(self) -> (Bytes, Receipt) {
        let mut body = Vec::with_capacity(192);
        let receipt = self.write_payload(&mut body);
        (Bytes::from(body), receipt)
    }

    /// Appends the payload for the recipient, as JSON, and gives the receipt for it.
    pub fn write_payload(self, out: &mut Vec<u8>) -> Receipt {
        self.render(out);
        Receipt::of(self)
    }
}

impl Offered {
    /// When the right to receive it may end after a moment although nobody acts.
    fn ends_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let state = self.message.thing.deployment.state.load();
        let (recipient, purpose) = self.subscriber.lane();
        state.access_ends_after(recipient, purpose, moment)
    }
}

impl Subscription {
    pub(crate) fn custody(&self) -> &Custody {
        &self.custody
    }

    pub(crate) fn subscriber(&self) -> &Arc<Subscriber> {
        &self.subscriber
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let inner = &self.custody.inner;
        inner.hub.remove(&inner.catalogue, &self.subscriber);
    }
}

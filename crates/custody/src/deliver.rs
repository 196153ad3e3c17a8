//! A message may leave: offered when it comes in, decided again at the moment it goes.
//!
//! A queue between the two may hold a message for a while. What leaves is therefore the meet of what was allowed when the
//! message came in and what is allowed now: a choice, a suspension or the end of a grant reaches queued messages too,
//! and nothing that was off when it was measured is revealed by a later choice.
//!
//! When a recipient's outbox is full the delivery is dropped and counted; the message stays in the vault. That happens to
//! recipients that are slow. For one that is only starved of the processor, publishers wait: see [`outbox`](mod@crate::outbox).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLockReadGuard};

use arc_swap::ArcSwap;
use bytes::Bytes;
use model::{DeploymentId, PurposeId, ThingId, Timestamp};
use policy::{Decision, Lane, Outcome, Payload, Program};

use crate::Custody;
use crate::catalogue::{Catalogue, Concerned, Deployment, Named, RecipientPeer, ThingPeer};
use crate::condition::Condition;
use crate::outbox::Outbox;
use crate::receipts::Delivered;
use crate::secret;

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

/// All subscribers of one deployment under one recipient and purpose.
#[derive(Clone)]
pub(crate) struct Route {
    recipient: Arc<RecipientPeer>,
    purpose: PurposeId,
    subscribers: Vec<Arc<Subscriber>>,
}

pub(crate) struct Subscriber {
    recipient: Arc<RecipientPeer>,
    filter: Filter,
    outbox: Outbox,
    tag: u32,
}

/// Every live subscription.
#[derive(Default)]
pub(crate) struct Hub {
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
    dropped: AtomicU64,
}

/// A live subscription; dropping it ends it.
pub struct Subscription {
    custody: Custody,
    subscriber: Arc<Subscriber>,
}

/// A decoded message on its way out: declared values only, seen by nobody but [`Custody::permit`].
pub(crate) struct Message {
    pub(crate) thing: Arc<ThingPeer>,
    pub(crate) payload: Payload,
    pub(crate) named: Named,
    pub(crate) concerned: Concerned,
    pub(crate) at: Timestamp,
}

/// A message offered to one subscriber. It says nothing until [`Custody::permit`] agrees.
pub struct Delivery {
    message: Arc<Message>,
    subscriber: Arc<Subscriber>,
    outcome: Outcome,
}

impl Delivery {
    /// The tag that was given to [`Custody::subscribe`].
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.subscriber.tag
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
    custody: Custody,
    message: Arc<Message>,
    subscriber: Arc<Subscriber>,
    outcome: Outcome,
    /// When it was decided: the time of the delivery.
    decided_at: Timestamp,
}

/// Offers a message to everyone who subscribed and may have some of it.
pub(crate) fn offer(hub: &Hub, message: Message, program: &Program, decision: &Decision) {
    let thing = Arc::clone(&message.thing);
    let routes = thing.deployment.routes.load();
    if routes.is_empty() {
        return;
    }
    let message = Arc::new(message);
    for route in routes.iter() {
        let lane = program.lane(&route.recipient.id, &route.purpose);
        let Some(outcome) = lane.and_then(|it| decision.outcome(it)) else {
            continue;
        };
        route.offer(hub, &message, outcome);
    }
}

/// Offers a message to everyone who subscribed to one lane.
pub(crate) fn offer_to(hub: &Hub, message: Message, lane: &Lane, outcome: &Outcome) {
    let thing = Arc::clone(&message.thing);
    let message = Arc::new(message);
    for route in thing.deployment.routes.load().iter() {
        if route.recipient.id == lane.recipient && route.purpose == lane.purpose {
            route.offer(hub, &message, outcome);
        }
    }
}

impl Route {
    /// Offers a message to everyone here who wants those of its thing.
    fn offer(&self, hub: &Hub, message: &Arc<Message>, outcome: &Outcome) {
        for subscriber in self
            .subscribers
            .iter()
            .filter(|it| it.wants(&message.thing.id))
        {
            let delivery = Delivery {
                message: Arc::clone(message),
                subscriber: Arc::clone(subscriber),
                outcome: outcome.clone(),
            };
            if !subscriber.outbox.offer(delivery) {
                hub.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Where messages of a thing would go.
    pub(crate) fn outboxes_for(&self, thing: &ThingId) -> impl Iterator<Item = &Outbox> {
        let subscribers = self.subscribers.iter().filter(|it| it.wants(thing));
        subscribers.map(|it| &it.outbox)
    }
}

impl Subscriber {
    fn wants(&self, thing: &ThingId) -> bool {
        self.filter.thing.as_ref().is_none_or(|it| it == thing)
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
        let catalogue = self.inner.catalogue.load();
        let granted = catalogue
            .deployments
            .values()
            .filter(|it| matches(&filter, it))
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
        let subscriber = Arc::new(Subscriber {
            recipient: Arc::clone(recipient),
            filter,
            outbox: outbox.into(),
            tag,
        });
        self.inner.hub.change(
            &self.inner.catalogue,
            |all| all.push(Arc::clone(&subscriber)),
            &subscriber.filter,
        );
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

    /// The number of the rules in force; it grows with every act, after its rules were swapped in. Read it under the
    /// [`Custody::delivery_gate`], and before [`Custody::permit`]: what is decided then is of these rules or of later ones.
    #[must_use]
    pub fn rules_in_force(&self) -> u64 {
        self.inner.rules.load(Ordering::Acquire)
    }

    /// Decides, now, whether and how much of an offered message may leave. `None`: nothing may.
    #[must_use]
    pub fn permit(&self, delivery: &Delivery, now: Timestamp) -> Option<Permit> {
        let message = &delivery.message;
        let state = message.thing.deployment.state.load();
        if !state.schema.matches(message.payload.schema()) {
            return None; // The notice changed: what was measured under the old one does not leave under the new one.
        }
        let program = &state
            .bound(message.thing.number, &message.named, message.at)?
            .program;
        let subscriber = &delivery.subscriber;
        let lane = program.lane(&subscriber.recipient.id, &subscriber.filter.purpose)?;
        let decision = policy::decide(program, &message.payload, &state.facts(now));
        let outcome = decision.outcome(lane)?.meet(&delivery.outcome)?;
        let permit = Permit {
            custody: self.clone(),
            message: Arc::clone(message),
            subscriber: Arc::clone(subscriber),
            outcome,
            decided_at: now,
        };
        permit.is_asked_for().then_some(permit)
    }

    /// How many deliveries were dropped because a recipient's outbox was full, since the start.
    #[must_use]
    pub fn dropped_deliveries(&self) -> u64 {
        self.inner.hub.dropped.load(Ordering::Relaxed)
    }
}

impl Permit {
    /// For which purpose the recipient receives.
    #[must_use]
    pub fn purpose(&self) -> &PurposeId {
        &self.subscriber.filter.purpose
    }

    /// From which deployment.
    #[must_use]
    pub fn deployment(&self) -> &DeploymentId {
        &self.message.thing.deployment.id
    }

    /// From which thing.
    #[must_use]
    pub fn thing(&self) -> &ThingId {
        &self.message.thing.id
    }

    /// When the message came in.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.message.at
    }

    /// When the right may end although nobody acts: a grant or the licence runs out. For who keeps the payload for a while.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let state = self.message.thing.deployment.state.load();
        let (recipient, purpose) = (&self.subscriber.recipient.id, self.purpose());
        state.access_ends_after(recipient, purpose, self.decided_at)
    }

    /// Whether some value is less precise than it was measured.
    #[must_use]
    pub fn is_coarse(&self) -> bool {
        self.outcome.is_coarse()
    }

    /// Whether the recipient's condition holds of what it would get.
    fn is_asked_for(&self) -> bool {
        let Some(condition) = &self.subscriber.filter.condition else {
            return true;
        };
        let mut shown = Vec::with_capacity(192);
        self.render(&mut shown);
        condition.holds(&shown)
    }

    fn render(&self, out: &mut Vec<u8>) {
        let deployment = &self.message.thing.deployment.id;
        let recipient = &self.subscriber.recipient;
        policy::render(
            &self.message.payload,
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
        Receipt { permit: Some(self) }
    }
}

/// A delivery that is being made. It is counted when this is dropped, unless the payload was not sent after all:
/// forgetting about it counts one delivery too many, never one too few.
#[must_use = "dropping it at once counts a delivery that may not have been made"]
pub struct Receipt {
    permit: Option<Permit>,
}

impl Receipt {
    /// No byte of the payload was handed to the recipient.
    pub fn void(mut self) {
        self.permit = None;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some(permit) = &self.permit else { return };
        let message = &permit.message;
        permit.custody.inner.receipts.count(&Delivered {
            concerned: &message.concerned,
            recipient: &permit.subscriber.recipient.id,
            purpose: &permit.subscriber.filter.purpose,
            deployment: &message.thing.deployment.id,
            thing: &message.thing.id,
            schema: message.payload.schema(),
            fields: permit.outcome.fields(),
            at: permit.decided_at,
        });
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt(…)")
    }
}

fn matches(filter: &Filter, deployment: &Deployment) -> bool {
    filter
        .deployment
        .as_ref()
        .is_none_or(|it| *it == deployment.id)
}

impl Hub {
    /// Changes the list of subscribers and the routes of every deployment that `filter` reaches.
    fn change(
        &self,
        catalogue: &ArcSwap<Catalogue>,
        change: impl FnOnce(&mut Vec<Arc<Subscriber>>),
        filter: &Filter,
    ) {
        let mut subscribers = self
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut subscribers);
        // Looked up under the lock: a deployment is in it, or it asks for its routes after this.
        for deployment in catalogue
            .load()
            .deployments
            .values()
            .filter(|it| matches(filter, it))
        {
            route(deployment, &subscribers);
        }
    }

    /// Builds the routes of a deployment that has just appeared.
    pub(crate) fn route_new(&self, deployment: &Deployment) {
        let subscribers = self
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        route(deployment, &subscribers);
    }
}

fn route(deployment: &Deployment, subscribers: &[Arc<Subscriber>]) {
    let mut routes: Vec<Route> = Vec::new();
    for subscriber in subscribers
        .iter()
        .filter(|it| matches(&it.filter, deployment))
    {
        let known = routes.iter_mut().find(|it| {
            it.recipient.id == subscriber.recipient.id && it.purpose == subscriber.filter.purpose
        });
        match known {
            Some(route) => route.subscribers.push(Arc::clone(subscriber)),
            None => routes.push(Route {
                recipient: Arc::clone(&subscriber.recipient),
                purpose: subscriber.filter.purpose.clone(),
                subscribers: vec![Arc::clone(subscriber)],
            }),
        }
    }
    deployment.routes.store(Arc::new(routes));
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let inner = &self.custody.inner;
        inner.hub.change(
            &inner.catalogue,
            |all| all.retain(|it| !Arc::ptr_eq(it, &self.subscriber)),
            &self.subscriber.filter,
        );
    }
}

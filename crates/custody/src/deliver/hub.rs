//! Who subscribed to what, laid out for the messages of each deployment.
//!
//! A deployment has one [`Route`] for each recipient and purpose. Which things a subscriber wants is worked out when it
//! subscribes and when things appear, so a message only looks its thing up. Of a shared subscription one member gets each
//! message: in turn, those first who keep up, then whoever has a place.
//!
//! A group is everybody who gave the same share name for the same filter, purpose and condition as the same recipient
//! (MQTT 5.0 section 4.8.2; recipient and purpose decide what a payload holds, so nobody can share across them). Members
//! therefore get the same decision: what may not leave to one of them may not leave to any.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use model::{PurposeId, RecipientId, ThingId};
use policy::{LaneIndex, Outcome, Program, Schema};
use rustc_hash::FxHashMap;

use super::budget::Budget;
use super::{Delivery, Filter, Message};
use crate::catalogue::{Catalogue, Deployment, RecipientPeer, ThingNumber, ThingPeer};
use crate::outbox::Outbox;
use crate::receipts::ReceiptCounter;
use crate::topic::{NativeTopic, ShareName};

/// Every live subscription.
#[derive(Default)]
pub(crate) struct Hub {
    /// By address.
    subscribers: Mutex<FxHashMap<usize, Arc<Subscriber>>>,
    dropped: AtomicU64,
    /// What messages hold that wait for recipients.
    pub(crate) budget: Arc<Budget>,
    /// What has left.
    pub(crate) receipts: Arc<ReceiptCounter>,
}

/// One subscription of one connection.
pub(crate) struct Subscriber {
    pub(super) recipient: Arc<RecipientPeer>,
    pub(super) filter: Filter,
    pub(super) share: Option<Arc<Share>>,
    pub(super) outbox: Outbox,
    pub(super) tag: u32,
}

/// What the members of a group have in common.
pub(crate) struct Share {
    pub(super) name: ShareName,
    /// Whose turn it is.
    turn: AtomicUsize,
}

/// All subscribers of one deployment under one recipient and purpose.
#[derive(Clone)]
pub(crate) struct Route {
    recipient: Arc<RecipientPeer>,
    purpose: PurposeId,
    /// The lane in programs of this schema, looked up once: lanes are numbered by the notice.
    lane: Option<(Arc<Schema>, LaneIndex)>,
    single: Vec<Place>,
    groups: Vec<Group>,
}

/// A subscriber who gets each message of its things.
#[derive(Clone)]
struct Place {
    wanted: Wanted,
    subscriber: Arc<Subscriber>,
}

/// Subscribers of whom one gets each message.
#[derive(Clone)]
struct Group {
    wanted: Wanted,
    share: Arc<Share>,
    members: Vec<Arc<Subscriber>>,
}

/// Whose messages a subscriber wants.
#[derive(Clone)]
enum Wanted {
    All,
    One(ThingId),
    /// Those whose native topic matches.
    Some(Arc<ThingSet>),
}

/// The native topics of the things of a deployment, in the order in which they appeared.
#[derive(Default)]
pub(crate) struct Topics {
    /// Grows when a topic was changed or taken away.
    epoch: u64,
    entries: Vec<(ThingNumber, NativeTopic)>,
}

/// Things of a deployment whose native topics match a filter, as far as topics were looked at.
#[derive(Clone, Default)]
struct ThingSet {
    epoch: u64,
    seen: usize,
    bits: Vec<u64>,
}

impl Topics {
    /// Gives a thing its topic, or takes it away.
    pub(crate) fn set(&mut self, thing: ThingNumber, topic: Option<NativeTopic>) {
        let before = self.entries.len();
        self.entries.retain(|it| it.0 != thing);
        if self.entries.len() != before {
            self.epoch += 1;
        }
        self.entries.extend(topic.map(|it| (thing, it)));
    }

    /// Whether some thing has it.
    pub(super) fn has(&self, topic: &str) -> bool {
        self.entries.iter().any(|it| it.1.as_str() == topic)
    }

    /// Gives a thing that has just appeared its topic.
    pub(crate) fn appear(&mut self, thing: ThingNumber, topic: NativeTopic) {
        self.entries.push((thing, topic));
    }
}

impl ThingSet {
    /// Whether it has looked at all topics.
    fn is_settled(&self, topics: &Topics) -> bool {
        self.epoch == topics.epoch && self.seen == topics.entries.len()
    }

    fn contains(&self, thing: ThingNumber) -> bool {
        let word = usize::try_from(thing / 64).ok();
        let word = word.and_then(|it| self.bits.get(it));
        word.is_some_and(|it| it >> (thing % 64) & 1 == 1)
    }

    fn insert(&mut self, thing: ThingNumber) {
        let Ok(word) = usize::try_from(thing / 64) else {
            return;
        };
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= 1 << (thing % 64);
        }
    }
}

impl Wanted {
    fn of(filter: &Filter, topics: &Topics) -> Self {
        match (&filter.native, &filter.thing) {
            (Some(_), _) => {
                let mut none = Self::Some(Arc::default());
                none.look_again(filter, topics);
                none
            }
            (None, Some(thing)) => Self::One(thing.clone()),
            (None, None) => Self::All,
        }
    }

    /// Looks at topics that are new; at all of them when some have changed.
    fn look_again(&mut self, filter: &Filter, topics: &Topics) {
        let (Self::Some(set), Some(native)) = (self, &filter.native) else {
            return;
        };
        if set.is_settled(topics) {
            return;
        }
        let set = Arc::make_mut(set);
        if set.epoch != topics.epoch {
            *set = ThingSet {
                epoch: topics.epoch,
                ..ThingSet::default()
            };
        }
        for (thing, topic) in topics.entries.iter().skip(set.seen) {
            if native.matches(topic) {
                set.insert(*thing);
            }
        }
        set.seen = topics.entries.len();
    }

    fn is_settled(&self, topics: &Topics) -> bool {
        match self {
            Self::All | Self::One(_) => true,
            Self::Some(set) => set.is_settled(topics),
        }
    }

    fn holds(&self, thing: &ThingPeer) -> bool {
        match self {
            Self::All => true,
            Self::One(id) => *id == thing.id,
            Self::Some(set) => set.contains(thing.number),
        }
    }
}

impl Subscriber {
    /// Who asks for what was, once: nothing is ever offered to it.
    pub(crate) fn asking(recipient: &Arc<RecipientPeer>, filter: Filter) -> Arc<Self> {
        let (nowhere, _) = tokio::sync::mpsc::channel(1);
        Arc::new(Self {
            recipient: Arc::clone(recipient),
            filter,
            share: None,
            outbox: nowhere.into(),
            tag: 0,
        })
    }

    pub(crate) fn recipient(&self) -> &RecipientPeer {
        &self.recipient
    }

    /// Whether others take turns with it.
    pub(crate) fn is_shared(&self) -> bool {
        self.share.is_some()
    }

    /// Who receives, and why.
    pub(crate) fn lane(&self) -> (&RecipientId, &PurposeId) {
        (&self.recipient.id, &self.filter.purpose)
    }

    /// The deployments of which it asks for something.
    pub(crate) fn reached<'a>(
        &'a self,
        catalogue: &'a Catalogue,
    ) -> impl Iterator<Item = &'a Arc<Deployment>> {
        reached(catalogue, &self.filter)
    }

    /// Whether it asks for messages of a thing, as its topic is now.
    pub(crate) fn wants(&self, thing: &ThingPeer) -> bool {
        match (&self.filter.native, &self.filter.thing) {
            (Some(native), _) => thing.topic().is_some_and(|it| native.matches(&it)),
            (None, Some(id)) => *id == thing.id,
            (None, None) => true,
        }
    }
}

impl Route {
    fn new(deployment: &Deployment, subscriber: &Subscriber) -> Self {
        let mut route = Self {
            recipient: Arc::clone(&subscriber.recipient),
            purpose: subscriber.filter.purpose.clone(),
            lane: None,
            single: Vec::new(),
            groups: Vec::new(),
        };
        route.find_lane(deployment);
        route
    }

    fn find_lane(&mut self, deployment: &Deployment) {
        let state = deployment.state.load();
        let program = &state.rules.nobody().program;
        let lane = program.lane(&self.recipient.id, &self.purpose);
        self.lane = lane.map(|it| (Arc::clone(program.schema()), it));
    }

    fn is_of(&self, subscriber: &Subscriber) -> bool {
        self.recipient.id == subscriber.recipient.id && self.purpose == subscriber.filter.purpose
    }

    fn add(&mut self, subscriber: &Arc<Subscriber>, topics: &Topics) {
        let Some(share) = &subscriber.share else {
            self.single.push(Place {
                wanted: Wanted::of(&subscriber.filter, topics),
                subscriber: Arc::clone(subscriber),
            });
            return;
        };
        let mut groups = self.groups.iter_mut();
        match groups.find(|it| Arc::ptr_eq(&it.share, share)) {
            Some(group) => group.members.push(Arc::clone(subscriber)),
            None => self.groups.push(Group {
                wanted: Wanted::of(&subscriber.filter, topics),
                share: Arc::clone(share),
                members: vec![Arc::clone(subscriber)],
            }),
        }
    }

    /// Tells whether somebody is left.
    fn remove(&mut self, subscriber: &Arc<Subscriber>) -> bool {
        self.single
            .retain(|it| !Arc::ptr_eq(&it.subscriber, subscriber));
        for group in &mut self.groups {
            group.members.retain(|it| !Arc::ptr_eq(it, subscriber));
        }
        self.groups.retain(|it| !it.members.is_empty());
        !self.single.is_empty() || !self.groups.is_empty()
    }

    /// Whether nothing has changed since it was laid out.
    fn is_settled(&self, deployment: &Deployment, topics: &Topics) -> bool {
        let schema = &deployment.state.load().schema;
        let lane = self.lane.as_ref();
        lane.is_some_and(|it| Arc::ptr_eq(&it.0, schema))
            && self.single.iter().all(|it| it.wanted.is_settled(topics))
            && self.groups.iter().all(|it| it.wanted.is_settled(topics))
    }

    fn look_again(&mut self, deployment: &Deployment, topics: &Topics) {
        self.find_lane(deployment);
        for place in &mut self.single {
            place.wanted.look_again(&place.subscriber.filter, topics);
        }
        for group in &mut self.groups {
            if let Some(member) = group.members.first() {
                group.wanted.look_again(&member.filter, topics);
            }
        }
    }

    /// The lane of this route in a program.
    pub(super) fn lane(&self, program: &Program) -> Option<LaneIndex> {
        match &self.lane {
            Some((schema, lane)) if Arc::ptr_eq(schema, program.schema()) => Some(*lane),
            _ => program.lane(&self.recipient.id, &self.purpose),
        }
    }

    pub(super) fn is_lane(&self, lane: &policy::Lane) -> bool {
        self.recipient.id == lane.recipient && self.purpose == lane.purpose
    }

    /// Whether somebody here wants messages of a thing.
    pub(super) fn wants(&self, thing: &ThingPeer) -> bool {
        self.single.iter().any(|it| it.wanted.holds(thing))
            || self.groups.iter().any(|it| it.wanted.holds(thing))
    }

    /// Offers a message to everyone here who wants those of its thing. Gives how many deliveries were dropped.
    pub(super) fn offer(&self, message: &Arc<Message>, lane: LaneIndex, outcome: &Outcome) -> u64 {
        let mut dropped = 0;
        let thing = &*message.thing;
        let delivery =
            |subscriber: &Arc<Subscriber>| Delivery::new(message, subscriber, outcome, lane, false);
        for place in self.single.iter().filter(|it| it.wanted.holds(thing)) {
            let subscriber = &place.subscriber;
            if subscriber.outbox.is_left_out(message)
                || !subscriber.outbox.offer(delivery(subscriber))
            {
                dropped += 1;
            }
        }
        for group in self.groups.iter().filter(|it| it.wanted.holds(thing)) {
            let first = group.members.first().map(delivery);
            if first.is_some_and(|it| !group.offer(it, None)) {
                dropped += 1;
            }
        }
        dropped
    }

    /// Whether `crowded` says so of an outbox for which publishers of a thing may have to wait.
    pub(crate) fn any_crowded(
        &self,
        thing: &ThingPeer,
        mut crowded: impl FnMut(&Outbox) -> bool,
    ) -> bool {
        let mut single = self.single.iter().filter(|it| it.wanted.holds(thing));
        if single.any(|it| crowded(&it.subscriber.outbox)) {
            return true;
        }
        // A group takes messages as long as one of its members does; those that nobody waits for do not count.
        let mut groups = self.groups.iter().filter(|it| it.wanted.holds(thing));
        groups.any(|it| {
            let mut waited_for = it.members.iter().filter(|it| it.outbox.is_crowded());
            !it.members.iter().any(|it| it.outbox.is_ready())
                && waited_for.next().is_some_and(|it| crowded(&it.outbox))
        })
    }
}

impl Group {
    /// Gives a delivery to one member, other than the one that is named. False: nobody has a place.
    fn offer(&self, mut delivery: Delivery, but: Option<&Arc<Subscriber>>) -> bool {
        let turn = self.share.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || {
            let start = turn % self.members.len().max(1);
            let (before, after) = self.members.split_at_checked(start).unwrap_or_default();
            let members = after.iter().chain(before);
            members.filter(|it| but.is_none_or(|but| !Arc::ptr_eq(but, it)))
        };
        for only_ready in [true, false] {
            for member in in_turn() {
                let outbox = &member.outbox;
                if outbox.is_ready() != only_ready || outbox.is_left_out(&delivery.0.message) {
                    continue;
                }
                delivery.turn_to(member);
                match outbox.hand(delivery) {
                    None => return true,
                    Some(back) => delivery = back,
                }
            }
        }
        false
    }
}

impl Delivery {
    /// Gives a delivery of a shared subscription to another member of its group; false when it is of none, or nobody has a
    /// place. For what a session has not sent when it ends, and for QoS 1 also for what nobody has acknowledged; MQTT 5.0
    /// section 4.8.2 forbids it for QoS 2 once it was sent.
    pub fn hand_over(self) -> bool {
        let Some(share) = self.0.subscriber.share.clone() else {
            return false;
        };
        let thing = Arc::clone(&self.0.message.thing);
        let from = Arc::clone(&self.0.subscriber);
        let routes = thing.deployment.routes.load();
        let mut groups = routes.iter().flat_map(|it| &it.groups);
        let group = groups.find(|it| Arc::ptr_eq(&it.share, &share));
        group.is_some_and(|it| it.offer(self, Some(&from)))
    }
}

impl Hub {
    /// Adds a subscriber; `name` is that of a shared subscription, whose group it joins or begins.
    pub(super) fn add(
        &self,
        catalogue: &ArcSwap<Catalogue>,
        mut subscriber: Subscriber,
        name: Option<ShareName>,
    ) -> Arc<Subscriber> {
        let mut subscribers = self.lock();
        let catalogue = catalogue.load();
        subscriber.share = name.map(|it| share(&catalogue, &subscriber, it));
        let subscriber = Arc::new(subscriber);
        subscribers.insert(Arc::as_ptr(&subscriber).addr(), Arc::clone(&subscriber));
        // Looked up under the lock: a deployment is in it, or it asks for its routes after this.
        for deployment in reached(&catalogue, &subscriber.filter) {
            add(deployment, &subscriber);
        }
        subscriber
    }

    pub(super) fn remove(&self, catalogue: &ArcSwap<Catalogue>, subscriber: &Arc<Subscriber>) {
        let mut subscribers = self.lock();
        subscribers.remove(&Arc::as_ptr(subscriber).addr());
        for deployment in reached(&catalogue.load(), &subscriber.filter) {
            remove(deployment, subscriber);
        }
    }

    /// Builds the routes of a deployment that has just appeared.
    pub(crate) fn route_new(&self, deployment: &Deployment) {
        let subscribers = self.lock();
        let all = subscribers.values();
        for subscriber in all.filter(|it| it.filter.reaches(deployment)) {
            add(deployment, subscriber);
        }
    }

    /// Looks at the topics of a deployment's things again, and at the numbers of its lanes: some are new or have changed.
    pub(crate) fn route_again(&self, deployment: &Deployment) {
        let _one_at_a_time = self.lock();
        let routes = deployment.routes.load();
        let topics = deployment.topics();
        if routes.iter().all(|it| it.is_settled(deployment, &topics)) {
            return;
        }
        let again = routes.iter().map(|it| {
            let mut route = Route::clone(it);
            route.look_again(deployment, &topics);
            Arc::new(route)
        });
        deployment.routes.store(Arc::new(again.collect()));
    }

    pub(crate) fn count_dropped(&self, count: u64) {
        if count > 0 {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<usize, Arc<Subscriber>>> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn reached<'a>(
    catalogue: &'a Catalogue,
    filter: &'a Filter,
) -> impl Iterator<Item = &'a Arc<Deployment>> {
    let named = filter.deployment.as_ref();
    let one = named.and_then(|it| catalogue.deployments.get(it));
    let all = catalogue.deployments.values();
    one.into_iter().chain(all.filter(move |_| named.is_none()))
}

/// What the members of the group have in common that a new subscriber joins. All of them reach the same deployments.
fn share(catalogue: &Catalogue, subscriber: &Subscriber, name: ShareName) -> Arc<Share> {
    let filter = &subscriber.filter;
    let routes = reached(catalogue, filter)
        .next()
        .map(|it| it.routes.load_full());
    let route = routes
        .iter()
        .flat_map(|it| it.iter())
        .find(|it| it.is_of(subscriber));
    let known = route.and_then(|it| {
        it.groups.iter().find(|it| {
            let same = |it: &Arc<Subscriber>| it.filter == *filter;
            it.share.name == name && it.members.first().is_some_and(same)
        })
    });
    known.map_or_else(
        || {
            Arc::new(Share {
                name,
                turn: AtomicUsize::new(0),
            })
        },
        |it| Arc::clone(&it.share),
    )
}

fn add(deployment: &Deployment, subscriber: &Arc<Subscriber>) {
    let mut routes = Vec::clone(&deployment.routes.load());
    let topics = deployment.topics();
    match routes.iter_mut().find(|it| it.is_of(subscriber)) {
        Some(route) => Arc::make_mut(route).add(subscriber, &topics),
        None => {
            let mut route = Route::new(deployment, subscriber);
            route.add(subscriber, &topics);
            routes.push(Arc::new(route));
        }
    }
    deployment.routes.store(Arc::new(routes));
}

fn remove(deployment: &Deployment, subscriber: &Arc<Subscriber>) {
    let mut routes = Vec::clone(&deployment.routes.load());
    routes.retain_mut(|it| !it.is_of(subscriber) || Arc::make_mut(it).remove(subscriber));
    deployment.routes.store(Arc::new(routes));
}

//! The real [`Backend`]: custody, for one session and its peer.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use adapters::{Adapter, Answer};
use custody::{
    Command, CommandEvent, CommandId, CommandRefusal, CommandRequest, Custody, Delivery,
    DeliveryGuard, DurableWait, Filter, Hold, Inbox, Lsn, NativeFilter, NativeTopic, Peer, Permit,
    Publisher, Receipt, RetainedCursor, ShareName, Subscription,
};
use model::Timestamp;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::backend::{Admitted, Backend, CommandText, Label, Role, Start, Stopped};
use super::ears::Ears;
use super::newcomer::{self, Newcomer};
use super::orders::Orders;
use super::registry::{PeerFull, Ticket};
use super::session::Kept;
use super::stamp::Stamp;
use super::topic::{self, Wanted};
use crate::codecs::Codecs;
use crate::decoding::{Asking, Decoded};
use crate::guard::Allowance;
use crate::identity::{Arrival, NotAdmitted, Pass};
use crate::provisioning::Provisioner;
use crate::refusal::{Refusal, RefusalKind};
use crate::ways::{self, Arriving, Ways};
use crate::{Counters, Limits, said};

/// Custody for one session.
pub(crate) struct Desk {
    custody: Custody,
    ticket: Ticket<Box<Kept<Self>>>,
    limits: Arc<Limits>,
    /// Where the session of the client will come from.
    claimed: Option<oneshot::Receiver<Box<Kept<Self>>>>,
    /// How the connection came in, and with which certificate.
    arrival: Arrival,
    /// Who was let in, and by what.
    pass: Option<Arc<Pass>>,
    /// As whom it publishes, if it does.
    publisher: Option<Publisher>,
    /// What it may still send.
    allowance: Option<Box<Allowance>>,
    not_admitted: Option<NotAdmitted>,
    ways: Ways,
    codecs: Option<Arc<Codecs>>,
    /// The codec that is asked about the message which waits; at most one.
    asking: JoinSet<Decoded>,
    wait: DurableWait,
    hold: Hold,
    /// Made with the first subscription, so that a thing never has one.
    outbox: Option<Box<Outbox>>,
    /// Of a thing or bridge that listens for commands.
    listener: Option<Box<Ears>>,
    /// Of a recipient that asks for commands.
    orders: Option<Box<Orders>>,
    provisioner: Arc<Provisioner>,
    /// Who has no token yet and asks for one.
    newcomer: Option<Box<Newcomer>>,
}

/// The dialect that recipients get back as it was sent, where they subscribe to native topics.
const VALUE: &str = Adapter::Value.as_str();

/// The subscriptions of a session and what waits for them: it outlives the connection.
pub(crate) struct Outbox {
    outbox: custody::Outbox,
    inbox: Inbox,
    subscriptions: FxHashMap<u32, Subscription>,
}

/// The right to send one delivery, and the topic that its thing has in its own dialect.
pub(crate) struct Permitted {
    permit: Permit,
    native: Option<NativeTopic>,
    /// The recipient gets it back as it was sent.
    as_sent: bool,
}

impl Desk {
    pub(crate) fn new(
        custody: Custody,
        ticket: Ticket<Box<Kept<Self>>>,
        arrival: Arrival,
        limits: Arc<Limits>,
        counters: Arc<Counters>,
        codecs: Option<Arc<Codecs>>,
        provisioner: Arc<Provisioner>,
    ) -> Self {
        Self {
            custody,
            ticket,
            limits,
            claimed: None,
            arrival,
            pass: None,
            publisher: None,
            allowance: None,
            not_admitted: None,
            ways: Ways::new(counters),
            codecs,
            asking: JoinSet::new(),
            wait: DurableWait::default(),
            hold: Hold::default(),
            outbox: None,
            listener: None,
            orders: None,
            provisioner,
            newcomer: None,
        }
    }

    /// The credential with which the connection began still counts. If not, nothing more goes over it, either way.
    fn stands(&self, now: Timestamp) -> bool {
        self.pass.as_ref().is_some_and(|it| it.stands(now))
    }

    fn peer(&self) -> Option<&Peer> {
        self.pass.as_ref().map(|it| it.peer())
    }

    /// What was named at the door.
    fn has_purpose(&self) -> bool {
        self.peer().and_then(Peer::purpose).is_some()
    }
}

impl Backend for Desk {
    type Position = Lsn;
    type Delivery = Delivery;
    type Permit = Permitted;
    type Command = Arc<Command>;
    type Receipt = Receipt;
    type Gate<'a> = DeliveryGuard<'a>;
    type Retained = RetainedCursor;
    type Resting = Option<Box<Outbox>>;

    fn authenticate(
        &mut self,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<Admitted> {
        if newcomer::is_one(user_name, password, &self.arrival) {
            let provisioner = Arc::clone(&self.provisioner);
            let newcomer = Newcomer::new(provisioner, self.arrival.clone());
            self.newcomer = Some(Box::new(newcomer));
            return Some(Admitted {
                role: Role {
                    publishes: true,
                    receives: false,
                },
                purpose: None,
            });
        }
        let admitted = self.arrival.admit(&self.custody, user_name, password, now);
        let admitted = admitted.map_err(|it| self.not_admitted = Some(it)).ok()?;
        let pass = Pass::new(admitted, now);
        let peer = pass.peer();
        self.publisher = peer.publisher();
        let publisher = self.publisher.as_ref().zip(self.arrival.guard());
        self.allowance = publisher.map(|(it, guard)| Box::new(guard.allowance(it)));
        let admitted = Admitted {
            role: Role {
                publishes: self.publisher.is_some(),
                receives: peer.recipient().is_some(),
            },
            purpose: peer.purpose().cloned(),
        };
        self.pass = Some(Arc::new(pass));
        Some(admitted)
    }

    fn claim(&mut self, client_id: &str, start: Start) -> bool {
        let Some(pass) = &self.pass else {
            return false;
        };
        self.ticket.opened(pass);
        let peer = pass.peer();
        // What a client subscribed to as one recipient, or for one purpose, is not there for another.
        let mut name = peer.id().to_owned();
        if let Some(recipient) = peer.publisher().and(peer.recipient()) {
            name.push_str(&format!("~{}", recipient.id()));
        }
        if let Some(purpose) = peer.purpose() {
            name.push_str(&format!("?{purpose}"));
        }
        match self.ticket.claim(&name, client_id, start, &self.limits) {
            Ok(claimed) => self.claimed = claimed,
            Err(PeerFull) => self.not_admitted = Some(NotAdmitted::PeerFull),
        }
        self.claimed.is_some()
    }

    fn is_newcomer(&self) -> bool {
        self.newcomer.is_some()
    }

    fn not_admitted(&self) -> Option<NotAdmitted> {
        self.not_admitted
    }

    fn poll_claim(&mut self, cx: &mut Context<'_>) -> Poll<Option<Box<Kept<Self>>>> {
        let Some(claimed) = &mut self.claimed else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(claimed).poll(cx);
        if polled.is_ready() {
            self.claimed = None;
        }
        polled.map(Result::ok)
    }

    fn step_aside(&mut self) -> bool {
        self.ticket.step_aside(&self.limits)
    }

    fn rest(&mut self) -> Option<Box<Outbox>> {
        self.outbox.take()
    }

    fn wake(&mut self, resting: Option<Box<Outbox>>) {
        self.outbox = resting;
    }

    fn prepare(&mut self, message: &Arriving<'_>) -> bool {
        if let Some(newcomer) = &mut self.newcomer {
            return newcomer.prepare(message.topic, message.payload);
        }
        let Some(publisher) = self.publisher.as_ref().filter(|_| !self.ways.has_heard()) else {
            return true;
        };
        let Some(asking) = Asking::about(&self.custody, publisher, message) else {
            return true;
        };
        let codecs = self.codecs.clone();
        self.asking
            .spawn(async move { asking.asked(codecs.as_deref()).await });
        false
    }

    fn ingest(&mut self, message: &Arriving<'_>, now: Timestamp) -> Result<Lsn, Refusal> {
        if let Some(newcomer) = &mut self.newcomer {
            return newcomer
                .take(message.topic)
                .map(|()| self.custody.durable());
        }
        if let Some(allowance) = &mut self.allowance
            && !allowance.take(now)
        {
            if let Some(publisher) = &self.publisher {
                ways::missed(&self.custody, publisher, message.topic);
            }
            return Err(Refusal {
                kind: RefusalKind::TooFast,
                text: "more publishes a second than this thing or its deployment may send"
                    .to_owned(),
            });
        }
        match &self.publisher {
            Some(_) if !self.stands(now) => Err(Refusal {
                kind: RefusalKind::Unregistered,
                text: "the credential of this connection was revoked or renewed: connect with the new one"
                    .to_owned(),
            }),
            Some(publisher) => self.ways.take(&self.custody, publisher, message, now),
            None => Err(Refusal {
                kind: RefusalKind::Unregistered,
                text: "only a registered thing publishes".to_owned(),
            }),
        }
    }

    fn durable(&self) -> Lsn {
        self.custody.durable()
    }

    fn poll_durable(&mut self, position: Lsn, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        let polled = self.custody.poll_durable(position, &mut self.wait, cx);
        polled.map(|it| it.map(|_| ()).map_err(|_| Stopped))
    }

    fn has_room(&self) -> bool {
        let is_asking = !self.asking.is_empty()
            || self.orders.as_ref().is_some_and(|it| it.is_asking())
            || self.newcomer.as_ref().is_some_and(|it| it.is_asking());
        if is_asking {
            return false;
        }
        match self.ways.paced_by(self.publisher.as_ref()) {
            Some(thing) => self.custody.has_room(thing),
            None => true,
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.asking.is_empty() {
            let Poll::Ready(asked) = self.asking.poll_join_next(cx) else {
                return Poll::Pending;
            };
            let said = asked.and_then(Result::ok);
            self.ways.hear(said.unwrap_or_else(Decoded::unheard));
        }
        if let Some(newcomer) = &mut self.newcomer {
            return newcomer.poll_answered(cx);
        }
        if let Some(orders) = &mut self.orders
            && orders.poll_answered(cx).is_pending()
        {
            return Poll::Pending;
        }
        match self.ways.paced_by(self.publisher.as_ref()) {
            Some(thing) => self.custody.poll_room(thing, &mut self.hold, cx),
            None => Poll::Ready(()),
        }
    }

    fn subscribe(&mut self, wanted: &Wanted, tag: u32, now: Timestamp) -> Result<(), ()> {
        let Some(recipient) = self.pass.as_ref().and_then(|it| it.peer().recipient()) else {
            return Err(());
        };
        let native = wanted.native.as_deref().map(NativeFilter::parse);
        let share = wanted.group.as_deref().map(ShareName::parse);
        let filter = Filter {
            purpose: wanted.purpose.clone(),
            deployment: wanted.deployment.clone(),
            thing: wanted.thing.clone(),
            condition: wanted.condition.clone(),
            native: native.transpose().map_err(|_| ())?,
        };
        let share = share.transpose().map_err(|_| ())?;
        let outbox = self.outbox.get_or_insert_with(|| {
            let (outbox, inbox) = custody::outbox(self.limits.outbox_deliveries);
            Box::new(Outbox {
                outbox,
                inbox,
                subscriptions: FxHashMap::default(),
            })
        });
        let subscription = self
            .custody
            .subscribe_shared(recipient, filter, share, outbox.outbox.clone(), tag, now)
            .map_err(|_| ())?;
        outbox.subscriptions.insert(tag, subscription);
        Ok(())
    }

    fn retained(&self, tag: u32) -> Option<RetainedCursor> {
        let subscription = self.outbox.as_ref()?.subscriptions.get(&tag)?;
        Some(subscription.retained())
    }

    fn next_retained(retained: &mut RetainedCursor, now: Timestamp) -> Option<Delivery> {
        retained.next(now)
    }

    fn hand_over(delivery: Delivery) {
        // Where it is nobody else's, it was for this session alone and ends with it.
        let _ = delivery.hand_over();
    }

    fn unsubscribe(&mut self, tag: u32) {
        if let Some(outbox) = &mut self.outbox {
            outbox.subscriptions.remove(&tag);
        }
    }

    fn has_own_topics(&self) -> bool {
        if self.newcomer.is_some() {
            return true;
        }
        // Who also receives is told where it may not.
        let is_told = self.peer().is_none_or(|it| it.recipient().is_some());
        let publisher = self.publisher.as_ref().filter(|_| !is_told);
        publisher.is_some_and(ways::has_own_topics)
    }

    fn subscribed(&mut self, filter: &str) {
        if let Some(publisher) = &self.publisher {
            self.ways.subscribed(publisher, filter);
        }
    }

    fn answers(&mut self, now: Timestamp) -> Vec<Answer> {
        match &mut self.newcomer {
            Some(newcomer) => newcomer.answers(),
            None => self.ways.answers(now),
        }
    }

    fn command_topics(&self) -> Vec<String> {
        let peer = self.peer();
        peer.map_or_else(Vec::new, |it| Ears::topics(&self.custody, it))
    }

    fn listen(&mut self, filters: Vec<Box<str>>) {
        if filters.is_empty() {
            self.listener = None;
            return;
        }
        let adapter = self.publisher.as_ref().and_then(ways::adapter);
        let adapter = adapter.unwrap_or_default();
        let takes = move |name: &str| {
            let name = adapters::spoken_topic(adapter, name);
            filters.iter().any(|it| topic::matches(it, &name))
        };
        match &self.listener {
            Some(listener) => listener.change(takes),
            None => {
                let ears = self
                    .peer()
                    .and_then(|it| Ears::of(&self.custody, it, takes));
                self.listener = ears.map(Box::new);
            }
        }
    }

    fn poll_command(&mut self, cx: &mut Context<'_>, now: Timestamp) -> Poll<Arc<Command>> {
        if self.listener.is_some() && !self.stands(now) {
            self.listener = None;
        }
        match &mut self.listener {
            Some(listener) => listener.poll_command(cx),
            None => Poll::Pending,
        }
    }

    fn command_text<'a>(
        &mut self,
        command: &'a Arc<Command>,
        now: Timestamp,
    ) -> Option<CommandText<'a>> {
        if !command.is_current(now) {
            return None;
        }
        let publisher = self.publisher.as_ref()?;
        let said = self.ways.speak(publisher, command, now)?;
        Some(CommandText {
            id: command.id(),
            topic: said.topic,
            payload: said.payload,
            is_plain: said.is_plain,
        })
    }

    fn command_sent(&mut self, command: &Arc<Command>, with_ack: bool, now: Timestamp) {
        if let Some(listener) = &self.listener {
            listener.sent(command, with_ack, now);
        }
    }

    fn command_received(&mut self, command: u64, now: Timestamp) {
        if let Some(listener) = &self.listener {
            listener.received(command, now);
        }
    }

    fn ask(
        &mut self,
        request: &CommandRequest,
        now: Timestamp,
    ) -> Option<Result<CommandId, CommandRefusal>> {
        let pass = self.pass.as_ref().filter(|it| it.receives(now));
        let Some(recipient) = pass.and_then(|it| it.peer().recipient()) else {
            return Some(Err(CommandRefusal::NotAllowed));
        };
        let orders = self.orders.get_or_insert_default();
        orders.ask(&self.custody, recipient, request, now)
    }

    fn hear_outcomes(&mut self, wanted: bool) {
        if !wanted && self.orders.is_none() {
            return;
        }
        let recipient = self.pass.as_ref().and_then(|it| it.peer().recipient());
        let orders = self.orders.get_or_insert_default();
        orders.hear(&self.custody, recipient.map(Arc::as_ref).filter(|_| wanted));
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>, now: Timestamp) -> Poll<CommandEvent> {
        let receives = self.pass.as_ref().is_some_and(|it| it.receives(now));
        match &mut self.orders {
            Some(orders) if receives => orders.poll_outcome(cx),
            _ => Poll::Pending,
        }
    }

    fn poll_deliveries(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        into: &mut VecDeque<Delivery>,
    ) -> Poll<()> {
        match &mut self.outbox {
            Some(outbox) => outbox.inbox.poll_take(cx, limit, into),
            None => Poll::Pending,
        }
    }

    fn settle(&mut self, takes_nothing: bool, now_ms: u64, cx: &Context<'_>) -> Option<u64> {
        let outbox = self.outbox.as_mut()?;
        outbox.inbox.settle(takes_nothing, now_ms, cx)
    }

    fn park(&mut self, now_ms: u64) {
        if let Some(outbox) = &mut self.outbox {
            outbox.inbox.park(now_ms);
        }
    }

    fn tag(delivery: &Delivery) -> u32 {
        delivery.tag()
    }

    fn stamp(delivery: &Delivery) -> Stamp {
        Stamp::from_word(delivery.origin())
    }

    fn is_retained(delivery: &Delivery) -> bool {
        delivery.is_retained()
    }

    fn size_bytes(delivery: &Delivery) -> usize {
        delivery.size_bytes()
    }

    fn gate(&self) -> DeliveryGuard<'_> {
        self.custody.delivery_gate()
    }

    fn rules(&self) -> u64 {
        self.custody.rules_in_force()
    }

    fn permit(&self, delivery: &Delivery, now: Timestamp) -> Option<Permitted> {
        if !self.pass.as_ref().is_some_and(|it| it.receives(now)) {
            return None;
        }
        let permit = self.custody.permit(delivery, now)?;
        let native = match self.has_purpose() {
            true => permit.native_topic(),
            false => None,
        };
        let as_sent = native.is_some() && permit.dialect().is_some_and(|it| *it == *VALUE);
        Some(Permitted {
            permit,
            native,
            as_sent,
        })
    }

    fn label(permitted: &Permitted) -> Label<'_> {
        let permit = &permitted.permit;
        Label {
            purpose: permit.purpose(),
            deployment: permit.deployment(),
            thing: permit.thing(),
            native_topic: permitted.native.as_ref().map(NativeTopic::as_str),
            coarse: permit.is_coarse(),
            at: permit.at(),
        }
    }

    fn write_payload(permitted: Permitted, out: &mut Vec<u8>, properties: &mut Vec<u8>) -> Receipt {
        if !permitted.as_sent {
            return permitted.permit.write_payload(out);
        }
        let mut left = Vec::new();
        let order = permitted.permit.order().map(<[_]>::to_vec);
        let receipt = permitted.permit.write_payload(&mut left);
        let mut given = adapters::value::give(&left);
        if let Some(order) = order {
            given.arrange(&order);
        }
        out.extend_from_slice(&given.payload);
        said::write(&given, properties);
        receipt
    }

    fn ends_at(receipt: &Receipt) -> Option<Timestamp> {
        receipt.ends_at()
    }

    fn void(receipt: Receipt) {
        receipt.void();
    }
}

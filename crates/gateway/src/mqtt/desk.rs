//! The real [`Backend`]: custody, for one session and its peer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use custody::{
    Command, CommandAck, Custody, Delivery, DeliveryGuard, DurableWait, Filter, Hold, Inbox, Lsn,
    Peer, Permit, Receipt, SourceListener, Subscription,
};
use model::Timestamp;
use rustc_hash::FxHashMap;

use super::backend::{Backend, CommandText, Label, Role, Stopped};
use super::registry::Ticket;
use super::topic::{self, Wanted};
use crate::refusal::{Refusal, RefusalKind};

/// Custody for one session.
pub(crate) struct Desk {
    custody: Custody,
    ticket: Ticket,
    outbox_deliveries: usize,
    peer: Option<Peer>,
    wait: DurableWait,
    hold: Hold,
    /// Made with the first subscription, so that a thing never has one.
    outbox: Option<Box<Outbox>>,
    /// Of a thing that listens for commands.
    listener: Option<Box<SourceListener>>,
}

/// How long a thing may take to acknowledge a command, in milliseconds.
const COMMAND_ACK_MS: i64 = 30_000;

struct Outbox {
    outbox: custody::Outbox,
    inbox: Inbox,
    subscriptions: FxHashMap<u32, Subscription>,
}

impl Desk {
    pub(crate) fn new(custody: Custody, ticket: Ticket, outbox_deliveries: usize) -> Self {
        Self {
            custody,
            ticket,
            outbox_deliveries,
            peer: None,
            wait: DurableWait::default(),
            hold: Hold::default(),
            outbox: None,
            listener: None,
        }
    }
}

impl Backend for Desk {
    type Position = Lsn;
    type Delivery = Delivery;
    type Permit = Permit;
    type Command = Arc<Command>;
    type Receipt = Receipt;
    type Gate<'a> = DeliveryGuard<'a>;

    fn authenticate(&mut self, user_name: &str, password: &[u8]) -> Option<Role> {
        self.peer = self.custody.authenticate(user_name, password);
        self.peer.as_ref().map(|it| match it {
            Peer::Thing(_) => Role::Thing,
            Peer::Recipient(_) => Role::Recipient,
        })
    }

    fn register(&mut self, client_id: &str) {
        let peer = match &self.peer {
            Some(Peer::Thing(it)) => format!("thing/{}", it.id()),
            Some(Peer::Recipient(it)) => format!("recipient/{}", it.id()),
            None => return,
        };
        self.ticket.claim(&peer, client_id);
    }

    fn ingest(&mut self, payload: &[u8], now: Timestamp) -> Result<Lsn, Refusal> {
        match &self.peer {
            Some(Peer::Thing(thing)) => self
                .custody
                .ingest(thing, payload, now)
                .map_err(|it| Refusal::from(&it)),
            _ => Err(Refusal {
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
        match &self.peer {
            Some(Peer::Thing(thing)) => self.custody.has_room(thing),
            _ => true,
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.peer {
            Some(Peer::Thing(thing)) => self.custody.poll_room(thing, &mut self.hold, cx),
            _ => Poll::Ready(()),
        }
    }

    fn subscribe(&mut self, wanted: Wanted, tag: u32, now: Timestamp) -> Result<(), ()> {
        let Some(Peer::Recipient(recipient)) = &self.peer else {
            return Err(());
        };
        let outbox = self.outbox.get_or_insert_with(|| {
            let (outbox, inbox) = custody::outbox(self.outbox_deliveries);
            Box::new(Outbox {
                outbox,
                inbox,
                subscriptions: FxHashMap::default(),
            })
        });
        let filter = Filter {
            purpose: wanted.purpose,
            deployment: wanted.deployment,
            thing: wanted.thing,
            condition: wanted.condition,
        };
        let subscription = self
            .custody
            .subscribe(recipient, filter, outbox.outbox.clone(), tag, now)
            .map_err(|_| ())?;
        outbox.subscriptions.insert(tag, subscription);
        Ok(())
    }

    fn unsubscribe(&mut self, tag: u32) {
        if let Some(outbox) = &mut self.outbox {
            outbox.subscriptions.remove(&tag);
        }
    }

    fn command_topics(&self) -> Vec<String> {
        match &self.peer {
            Some(Peer::Thing(thing)) => self.custody.command_topics(thing),
            _ => Vec::new(),
        }
    }

    fn listen(&mut self, filters: Vec<Box<str>>) {
        let Some(Peer::Thing(thing)) = &self.peer else {
            return;
        };
        if filters.is_empty() {
            self.listener = None;
            return;
        }
        let takes = move |name: &str| filters.iter().any(|it| topic::matches(it, name));
        match &self.listener {
            Some(listener) => listener.change(takes),
            None => self.listener = Some(Box::new(self.custody.listen(thing, takes))),
        }
    }

    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Arc<Command>> {
        match &mut self.listener {
            Some(listener) => listener.poll_command(cx),
            None => Poll::Pending,
        }
    }

    fn command_text(command: &Arc<Command>, now: Timestamp) -> Option<CommandText<'_>> {
        command.is_current(now).then(|| CommandText {
            id: command.id(),
            topic: command.topic(),
            payload: command.payload(),
        })
    }

    fn command_sent(&mut self, command: &Arc<Command>, with_ack: bool, now: Timestamp) {
        let ack = match with_ack {
            true => CommandAck::Within(COMMAND_ACK_MS),
            false => CommandAck::Never,
        };
        if let Some(listener) = &self.listener {
            listener.sent(command, ack, now);
        }
    }

    fn command_received(&mut self, command: u64, now: Timestamp) {
        if let Some(listener) = &self.listener {
            listener.received(command, now);
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

    fn settle(&mut self, is_slow: bool) {
        if let Some(outbox) = &self.outbox {
            outbox.inbox.settle(is_slow);
        }
    }

    fn tag(delivery: &Delivery) -> u32 {
        delivery.tag()
    }

    fn gate(&self) -> DeliveryGuard<'_> {
        self.custody.delivery_gate()
    }

    fn permit(&self, delivery: &Delivery, now: Timestamp) -> Option<Permit> {
        self.custody.permit(delivery, now)
    }

    fn label(permit: &Permit) -> Label<'_> {
        Label {
            purpose: permit.purpose(),
            deployment: permit.deployment(),
            thing: permit.thing(),
            coarse: permit.is_coarse(),
        }
    }

    fn write_payload(permit: Permit, out: &mut Vec<u8>) -> Receipt {
        permit.write_payload(out)
    }

    fn void(receipt: Receipt) {
        receipt.void();
    }
}

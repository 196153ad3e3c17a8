//! The demo's devices and recipients: clients that use the same sockets and credentials as everybody else.
//!
//! Each thing sends the next of its messages every [`PACE`], QoS 1, in a circle. Each recipient subscribes to what it
//! was granted and throws away what it receives; the receipts stay. A refusal is counted and said once, not repeated.
//! Some things listen for commands: one does as it is told and leaves fields out of what it sends, another does not.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use model::Notice;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::material::{DEPLOYMENTS, DemoThing, Obeys};
use super::prepare::{Tokens, lanes};
use crate::lifecycle::{Lifecycle, Stopping};
use crate::mqtt::link::{Link, LinkError, LinkOptions};
use crate::mqtt::wire::{self, Connect, Incoming};
use crate::mqtt::{Protocol, Qos};

/// How often a thing sends.
const PACE: Duration = Duration::from_secs(2);
/// How long a client waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(2);
/// How often the counts are told.
const TELL: Duration = Duration::from_secs(10);

/// What happened so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    kept: AtomicU64,
    refused: AtomicU64,
    delivered: AtomicU64,
}

impl Counts {
    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let count = |it: &AtomicU64| it.load(Ordering::Relaxed);
        format!(
            "replay: {} messages sent, {} kept, {} refused; {} delivered to recipients",
            count(&self.sent),
            count(&self.kept),
            count(&self.refused),
            count(&self.delivered)
        )
    }

    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts a client for each thing and each recipient of the demo.
pub(crate) fn start(
    server: SocketAddr,
    tokens: &Tokens,
    lifecycle: &mut Lifecycle,
    tell: fn(&str),
) -> anyhow::Result<()> {
    let counts = Arc::new(Counts::default());
    let client = |name: &str| -> anyhow::Result<Client> {
        Ok(Client {
            server,
            name: name.to_owned(),
            token: tokens.read(name)?,
            counts: counts.clone(),
            tell,
        })
    };
    for recipient in recipients()? {
        let (client, stopping) = (client(&recipient.name)?, lifecycle.stopping());
        let work = Work::Receive(recipient.subscriptions);
        lifecycle.spawn("demo recipient", client.keep(work, stopping));
    }
    let things = DEPLOYMENTS.iter().flat_map(|it| it.things);
    for (thing, number) in things.zip(0_u32..) {
        let (client, stopping) = (client(thing.id)?, lifecycle.stopping());
        let work = Work::Send(Lines::new(thing, number));
        lifecycle.spawn("demo thing", client.keep(work, stopping));
    }
    let mut stopping = lifecycle.stopping();
    lifecycle.spawn("demo counts", async move {
        let mut period = tokio::time::interval(TELL);
        period.tick().await;
        loop {
            tokio::select! {
                () = stopping.wait() => return,
                _ = period.tick() => tell(&counts.line()),
            }
        }
    });
    Ok(())
}

/// A recipient of the demo and what it subscribes to.
struct Receiver {
    name: String,
    subscriptions: Vec<Wanted>,
}

struct Wanted {
    purpose: String,
    filter: String,
}

fn recipients() -> anyhow::Result<Vec<Receiver>> {
    let mut receivers: Vec<Receiver> = Vec::new();
    for deployment in &DEPLOYMENTS {
        let notice = Notice::parse(deployment.notice)
            .with_context(|| format!("the notice of `{}` has problems", deployment.id))?;
        for (recipient, purpose) in lanes(&notice) {
            let wanted = Wanted {
                purpose: purpose.to_string(),
                filter: format!("{}/+", notice.deployment),
            };
            match receivers
                .iter_mut()
                .find(|it| it.name == recipient.as_str())
            {
                Some(receiver) => receiver.subscriptions.push(wanted),
                None => receivers.push(Receiver {
                    name: recipient.to_string(),
                    subscriptions: vec![wanted],
                }),
            }
        }
    }
    Ok(receivers)
}

/// The messages of a thing and how far it is, kept over a reconnect.
struct Lines {
    topic: &'static str,
    lines: Vec<&'static str>,
    next: AtomicU64,
    /// So that not all things send at the same moment.
    first_after: Duration,
    obeys: Obeys,
    /// Fields that are left out, because a command says so.
    stopped: Mutex<BTreeSet<String>>,
}

impl Lines {
    fn new(thing: &DemoThing, number: u32) -> Self {
        Self {
            topic: thing.topic,
            lines: thing.messages.lines().collect(),
            next: AtomicU64::new(0),
            first_after: PACE / 10 * (number % 10),
            obeys: thing.obeys,
            stopped: Mutex::default(),
        }
    }

    /// The topic on which it listens for commands.
    fn listens_on(&self) -> Option<&'static str> {
        match self.obeys {
            Obeys::Deaf => None,
            Obeys::Stops(topic) | Obeys::Never(topic) => Some(topic),
        }
    }

    /// Does what a command says: `{"field": false}` stops a field, `true` starts it again.
    fn obey(&self, command: &[u8]) {
        let Ok(command) = serde_json::from_slice::<Map<String, Value>>(command) else {
            return;
        };
        if !matches!(self.obeys, Obeys::Stops(_)) {
            return;
        }
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        for (field, value) in command {
            match value {
                Value::Bool(false) => stopped.insert(field),
                Value::Bool(true) => stopped.remove(&field),
                _ => false,
            };
        }
    }

    /// The next message, without what is stopped.
    fn message(&self) -> Cow<'static, str> {
        let line = self.next();
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if stopped.is_empty() {
            return Cow::Borrowed(line);
        }
        match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(mut message) => {
                message.retain(|field, _| !stopped.contains(field));
                Cow::Owned(Value::Object(message).to_string())
            }
            Err(_) => Cow::Borrowed(line),
        }
    }

    fn next(&self) -> &'static str {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.lines.len().max(1);
        let idx = usize::try_from(next).unwrap_or(0) % count;
        self.lines.get(idx).copied().unwrap_or("{}")
    }
}

/// What a client does.
enum Work {
    Send(Lines),
    Receive(Vec<Wanted>),
}

/// One client of the demo.
struct Client {
    server: SocketAddr,
    name: String,
    token: Zeroizing<String>,
    counts: Arc<Counts>,
    tell: fn(&str),
}

impl Client {
    /// Does its work, and begins again when the connection ends, until it is time to stop.
    async fn keep(self, work: Work, mut stopping: Stopping) {
        let mut said = String::new();
        loop {
            let ended = tokio::select! {
                () = stopping.wait() => return,
                ended = self.work(&work) => ended,
            };
            let reason = ended.err().map(|it| it.to_string()).unwrap_or_default();
            if reason != said {
                (self.tell)(&format!("`{}`: {reason}", self.name));
                said = reason;
            }
            tokio::select! {
                () = stopping.wait() => return,
                () = tokio::time::sleep(RECONNECT) => (),
            }
        }
    }

    async fn work(&self, work: &Work) -> Result<(), LinkError> {
        match work {
            Work::Send(lines) => self.send(lines).await,
            Work::Receive(subscriptions) => self.receive(subscriptions).await,
        }
    }

    async fn connect(&self) -> Result<Link, LinkError> {
        let options = LinkOptions {
            server: self.server,
            local: None,
            input_bytes: 4096,
        };
        let hello = Connect {
            protocol: Protocol::V5,
            client_id: &format!("demo-{}", self.name),
            credentials: Some((&self.name, self.token.as_bytes())),
        };
        Ok(Link::open(&options, &hello).await?.0)
    }

    async fn send(&self, lines: &Lines) -> Result<(), LinkError> {
        let mut link = self.connect().await?;
        if let Some(topic) = lines.listens_on() {
            let packet_id = 1;
            let qos = Qos::AtLeastOnce;
            wire::subscribe(&mut link.output, Protocol::V5, packet_id, topic, qos, None)?;
        }
        let begin = tokio::time::Instant::now() + lines.first_after;
        let mut pace = tokio::time::interval_at(begin, PACE);
        let mut refusal = None;
        let mut packet_id = 0_u16;
        loop {
            tokio::select! {
                _ = pace.tick() => {
                    packet_id = packet_id.checked_add(1).unwrap_or(1);
                    let message = lines.message();
                    wire::publish(&mut link.output, Protocol::V5, lines.topic, Some(packet_id), message.as_bytes())?;
                    Counts::add(&self.counts.sent);
                }
                turn = link.turn() => {
                    turn?;
                    let answer = self.answers(&mut link, lines)?;
                    self.tell_change(&mut refusal, answer);
                }
            }
        }
    }

    /// Counts acknowledgements and takes commands; the last code that came, if any did.
    fn answers(&self, link: &mut Link, lines: &Lines) -> Result<Option<u8>, LinkError> {
        let mut last = None;
        let mut closed = None;
        link.take(|incoming, output| match incoming {
            Incoming::Publish {
                packet_id, payload, ..
            } => {
                lines.obey(payload);
                if let Some(packet_id) = packet_id {
                    wire::puback(output, packet_id);
                }
            }
            Incoming::Puback { code, .. } => {
                last = Some(code);
                Counts::add(if code < 0x80 {
                    &self.counts.kept
                } else {
                    &self.counts.refused
                });
            }
            Incoming::Disconnect { code, reason } => closed = Some((code, reason)),
            _ => (),
        })?;
        match closed {
            Some((code, reason)) => {
                Err(LinkError::refused(Protocol::V5, "DISCONNECT", code, reason))
            }
            None => Ok(last),
        }
    }

    fn tell_change(&self, refusal: &mut Option<u8>, answer: Option<u8>) {
        let Some(code) = answer else { return };
        let now = (code >= 0x80).then_some(code);
        if now != *refusal {
            *refusal = now;
            let words = match now {
                Some(code) => format!("refused, {}", wire::code_name(Protocol::V5, code)),
                None => "taken again".to_owned(),
            };
            (self.tell)(&format!("`{}`: {words}", self.name));
        }
    }

    async fn receive(&self, subscriptions: &[Wanted]) -> Result<(), LinkError> {
        let mut link = self.connect().await?;
        for (wanted, packet_id) in subscriptions.iter().zip(1_u16..) {
            wire::subscribe(
                &mut link.output,
                Protocol::V5,
                packet_id,
                &wanted.filter,
                Qos::AtLeastOnce,
                Some(&wanted.purpose),
            )?;
        }
        let mut ping = tokio::time::interval(Duration::from_secs(30));
        ping.tick().await;
        loop {
            tokio::select! {
                _ = ping.tick() => wire::pingreq(&mut link.output),
                turn = link.turn() => {
                    turn?;
                    self.deliveries(&mut link)?;
                }
            }
        }
    }

    fn deliveries(&self, link: &mut Link) -> Result<(), LinkError> {
        let mut refused = None;
        link.take(|incoming, output| match incoming {
            Incoming::Publish { packet_id, .. } => {
                Counts::add(&self.counts.delivered);
                if let Some(packet_id) = packet_id {
                    wire::puback(output, packet_id);
                }
            }
            Incoming::Suback { code, reason } if code >= 0x80 => {
                refused = Some(("SUBACK", code, reason));
            }
            Incoming::Disconnect { code, reason } => refused = Some(("DISCONNECT", code, reason)),
            _ => (),
        })?;
        match refused {
            Some((packet, code, reason)) => {
                Err(LinkError::refused(Protocol::V5, packet, code, reason))
            }
            None => Ok(()),
        }
    }
}

//! A load generator for MQTT servers: throughput, latency, connect rate, idle connections.
//!
//! Connections are opened first and timed; then all publishers start together. QoS 1 latency is the time from the
//! (intended) sending to the PUBACK. A QoS 0 run ends when the server has answered a PINGREQ behind the last message
//! of each connection, so that messages in socket buffers do not count as done. Nothing is retried: what the server
//! refuses is counted by reason.
//!
//! Start reading at [`run`]; [`publisher`] is the hot path.

mod histogram;
pub(crate) mod payload;
mod publisher;
mod report;
mod schedule;
mod subscriber;
mod tally;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::clock::Stopwatch;
use crate::mqtt::link::{Link, LinkError, LinkOptions};
use crate::mqtt::wire::{Connack, Connect};
use crate::mqtt::{Protocol, Qos};

use publisher::Publisher;
pub(crate) use report::{Report, Verdict};
use schedule::{End, Pace};
use tally::Tally;

/// How many connections may be opening at the same moment: less than the backlog of common servers.
const OPENING_AT_ONCE: usize = 64;
/// One loopback address has about 28 000 free ports; the next 20 000 connections take the next address.
const CONNECTIONS_PER_LOCAL_ADDRESS: u32 = 20_000;
/// About how long the answer to a message is. The read buffers of thousands of connections that each wait for one answer
/// are small, so that they stay in the processor's cache.
const ANSWER_BYTES: usize = 8;
/// Deliveries are over when none came for this long.
const QUIET: Duration = Duration::from_millis(300);
/// Deliveries are waited for at most this long.
const MAX_QUIET_WAIT: Duration = Duration::from_secs(15);

/// A user name and its password or token.
#[derive(Clone)]
pub(crate) struct Credential {
    /// The MQTT user name.
    pub(crate) user: String,
    /// The MQTT password.
    pub(crate) password: Zeroizing<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, …)", self.user)
    }
}

/// What a run does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Work {
    /// Publish, and count what subscribers receive.
    Publish {
        /// How many unacknowledged messages a connection may have.
        window: u16,
        /// Where to; `{i}` is the number of the connection.
        topic: String,
        /// What, in a circle.
        payloads: Arc<[Vec<u8>]>,
        /// How long.
        length: Length,
        /// Messages a second over all connections; `None` is as fast as the window allows.
        rate: Option<f64>,
    },
    /// Open the connections and close them.
    ConnectOnly,
    /// Hold the connections for a time, or until interrupted.
    Idle(Option<Duration>),
}

/// How long a publishing run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// So many messages over all connections.
    Messages(u64),
    /// So long.
    For(Duration),
}

/// Who listens.
#[derive(Debug, Clone)]
pub(crate) struct SubscriberOptions {
    /// How many connections.
    pub(crate) count: u32,
    /// What they subscribe to.
    pub(crate) filter: String,
    /// The user property `purpose` of their SUBSCRIBE (MQTT 5).
    pub(crate) purpose: Option<String>,
    /// Who they are.
    pub(crate) credential: Option<Credential>,
}

/// A checked request for a run.
#[derive(Debug, Clone)]
pub(crate) struct LoadOptions {
    /// The server.
    pub(crate) server: SocketAddr,
    /// Which version to speak.
    pub(crate) protocol: Protocol,
    /// How surely.
    pub(crate) qos: Qos,
    /// How many connections publish, connect or idle.
    pub(crate) connections: u32,
    /// Who they are, in a circle; empty is without a name.
    pub(crate) credentials: Vec<Credential>,
    /// What to do.
    pub(crate) work: Work,
    /// Who listens.
    pub(crate) subscribers: Option<SubscriberOptions>,
}

/// Runs the load and reports. `on_idle` is called once when idle connections stand.
pub(crate) async fn run(options: &LoadOptions, on_idle: impl FnOnce(usize)) -> Report {
    let tally = Arc::new(Tally::new());
    let mut report = Report::new(options);
    let stop = watch::Sender::new(false);
    let mut listening = JoinSet::new();
    if let Some(subscribers) = &options.subscribers {
        report.subscribed = subscribe(options, subscribers, &tally, &stop, &mut listening).await;
    }
    let opening = Stopwatch::start();
    let links = open_all(options, &tally).await;
    report.connected(links.len(), opening.seconds());
    match &options.work {
        Work::ConnectOnly => drop(links),
        Work::Idle(length) => {
            on_idle(links.len());
            hold(links, *length, &tally).await;
        }
        Work::Publish { .. } => {
            let run = publish(options, links, &tally).await;
            wait_until_quiet(&tally, options.subscribers.is_some()).await;
            report.published(&run);
        }
    }
    stop.send_replace(true);
    while listening.join_next().await.is_some() {}
    report.tally(&tally);
    report
}

/// A connection that stands, and its number.
struct Opened {
    number: u32,
    link: Link,
    connack: Connack,
}

async fn open_all(options: &LoadOptions, tally: &Arc<Tally>) -> Vec<Opened> {
    let permits = Arc::new(Semaphore::new(OPENING_AT_ONCE));
    let mut opening = JoinSet::new();
    for number in 0..options.connections {
        let (permits, tally) = (permits.clone(), tally.clone());
        let (link, protocol) = (link_options(options, number), options.protocol);
        let credential = pick(&options.credentials, number).cloned();
        opening.spawn(async move {
            let _permit = permits.acquire_owned().await.ok()?;
            let client_id = format!("amanat-load-{}-{number}", std::process::id());
            let stopwatch = Stopwatch::start();
            match open(&link, protocol, &client_id, credential.as_ref()).await {
                Ok((link, connack)) => {
                    tally.connected(stopwatch.nanos());
                    Some(Opened {
                        number,
                        link,
                        connack,
                    })
                }
                Err(err) => {
                    tally.refused(&err);
                    None
                }
            }
        });
    }
    let mut links = Vec::new();
    while let Some(opened) = opening.join_next().await {
        links.extend(opened.ok().flatten());
    }
    links.sort_by_key(|it| it.number);
    links
}

async fn open(
    link: &LinkOptions,
    protocol: Protocol,
    client_id: &str,
    credential: Option<&Credential>,
) -> Result<(Link, Connack), LinkError> {
    let hello = Connect {
        protocol,
        client_id,
        credentials: credential.map(|it| (it.user.as_str(), it.password.as_bytes())),
    };
    Link::open(link, &hello).await
}

fn link_options(options: &LoadOptions, number: u32) -> LinkOptions {
    let block = number / CONNECTIONS_PER_LOCAL_ADDRESS;
    let local = match (options.server.ip(), u8::try_from(block + 1)) {
        (IpAddr::V4(server), Ok(last)) if server.is_loopback() && block > 0 => {
            Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
        }
        _ => None,
    };
    let input_bytes = match options.work {
        Work::Publish { window, .. } => 256 + ANSWER_BYTES * usize::from(window),
        Work::ConnectOnly | Work::Idle(_) => 256,
    };
    LinkOptions {
        server: options.server,
        local,
        input_bytes,
    }
}

fn pick(credentials: &[Credential], number: u32) -> Option<&Credential> {
    credentials
        .iter()
        .cycle()
        .nth(number as usize % credentials.len().max(1))
}

async fn subscribe(
    options: &LoadOptions,
    subscribers: &SubscriberOptions,
    tally: &Arc<Tally>,
    stop: &watch::Sender<bool>,
    listening: &mut JoinSet<()>,
) -> usize {
    let link = LinkOptions {
        server: options.server,
        local: None,
        input_bytes: 64 * 1024,
    };
    let mut subscribed = 0;
    for number in 0..subscribers.count {
        match subscriber::open(&link, options, subscribers, number).await {
            Ok(link) => {
                subscribed += 1;
                listening.spawn(subscriber::listen(link, tally.clone(), stop.subscribe()));
            }
            Err(err) => tally.refused(&err),
        }
    }
    subscribed
}

/// What the publishers did together.
pub(crate) struct Run {
    /// When the last answer came, in nanoseconds after the start.
    pub(crate) finished_at: u64,
    /// Messages that the plan wanted but that did not go out.
    pub(crate) unsent: u64,
}

async fn publish(options: &LoadOptions, links: Vec<Opened>, tally: &Arc<Tally>) -> Run {
    let stopwatch = Stopwatch::start();
    tally.start(stopwatch);
    let share = links.len() as u64;
    let mut publishing = JoinSet::new();
    for (idx, opened) in (0..).zip(links) {
        if let Some(publisher) = Publisher::new(options, opened, (idx, share), stopwatch, tally) {
            publishing.spawn(publisher.run());
        }
    }
    let mut run = Run {
        finished_at: 0,
        unsent: 0,
    };
    while let Some(finished) = publishing.join_next().await {
        if let Ok(finished) = finished {
            run.finished_at = run.finished_at.max(finished.at);
            run.unsent += finished.unsent;
        }
    }
    run
}

/// The plan of publisher `idx` of `share`.
fn plan(length: Length, rate: Option<f64>, (idx, share): (u64, u64)) -> (Pace, End) {
    let end = match length {
        Length::Messages(total) => End::Messages(total / share + u64::from(idx < total % share)),
        Length::For(time) => End::Nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
    };
    let pace = rate.map_or(Pace::Closed, |rate| {
        let between = 1e9 / rate;
        let (idx, share) = (
            u32::try_from(idx).unwrap_or(u32::MAX),
            u32::try_from(share).unwrap_or(u32::MAX),
        );
        Pace::Open {
            gap: between * f64::from(share),
            offset: between * f64::from(idx),
        }
    });
    (pace, end)
}

async fn wait_until_quiet(tally: &Tally, listening: bool) {
    if !listening {
        return;
    }
    let waited = Stopwatch::start();
    let mut before = tally.delivered();
    loop {
        tokio::time::sleep(QUIET).await;
        let now = tally.delivered();
        if now == before || waited.seconds() > MAX_QUIET_WAIT.as_secs_f64() {
            return;
        }
        before = now;
    }
}

async fn hold(links: Vec<Opened>, length: Option<Duration>, tally: &Arc<Tally>) {
    let stop = watch::Sender::new(false);
    let mut holding = JoinSet::new();
    for opened in links {
        holding.spawn(subscriber::listen(
            opened.link,
            tally.clone(),
            stop.subscribe(),
        ));
    }
    let over = async {
        match length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => (),
        _ = tokio::signal::ctrl_c() => (),
    }
    stop.send_replace(true);
    while holding.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests;

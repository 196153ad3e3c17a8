//! How things come in: encrypted or not. Said on the public page of a deployment, because whoever is measured may know
//! that others on the way could read along.
//!
//! Noted when a connection opens or a request comes, never for a message; written by housekeeping.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{BridgeId, DeploymentId, ThingId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Db, Tx};

use crate::catalogue::{Peer, Publisher, ThingPeer};
use crate::rows::{self, RowError};

/// After how long the time of the last connection is written again although nothing else has changed.
const WRITTEN_AGAIN_MS: i64 = 86_400_000;
/// After how long the things of a bridge that comes in as before are noted again: over HTTP it may come with each message, and
/// it may have very many.
const BRIDGE_NOTED_AGAIN_MS: i64 = 60_000;
/// How many rows one turn of housekeeping writes.
const MAX_WRITTEN: usize = 1_000;

/// How a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over TLS.
    Encrypted,
    /// Without TLS and from this machine: nothing crossed a network to here. What stands in front, such as a proxy that
    /// speaks TLS with the device, is not seen.
    Local,
    /// Without TLS and from another machine.
    Plain,
}

impl Transport {
    /// The word of rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Local => "local",
            Self::Plain => "plain",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Encrypted, Self::Local, Self::Plain]
            .into_iter()
            .find(|it| it.as_str() == text)
    }
}

/// How things came in last, by thing.
#[derive(Default)]
pub(crate) struct Transports(Mutex<State>);

#[derive(Default)]
struct State {
    last: FxHashMap<ThingId, Last>,
    plain: FxHashMap<DeploymentId, FxHashSet<ThingId>>,
    unwritten: FxHashSet<ThingId>,
    /// How bridges came in when their things were noted last, and when that was.
    bridges: FxHashMap<BridgeId, (Transport, Timestamp)>,
}

#[derive(Clone, Copy)]
struct Last {
    transport: Transport,
    at: Timestamp,
    written_at: Timestamp,
}

impl State {
    fn mark(&mut self, deployment: &DeploymentId, thing: &ThingId, transport: Transport) {
        if transport == Transport::Plain {
            let plain = self.plain.entry(deployment.clone()).or_default();
            plain.insert(thing.clone());
        } else if let Some(plain) = self.plain.get_mut(deployment) {
            plain.remove(thing);
        }
    }
}

impl Transports {
    pub(crate) fn open(db: &Db) -> Result<Self, RowError> {
        let mut state = State::default();
        for row in db.read(rows::transport::all)? {
            let last = Last {
                transport: row.transport,
                at: row.at,
                written_at: row.at,
            };
            state.mark(&row.deployment, &row.thing, row.transport);
            state.last.insert(row.thing, last);
        }
        Ok(Self(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, thing: &ThingPeer, transport: Transport, now: Timestamp) {
        let mut state = self.lock();
        let first = Last {
            transport,
            at: now,
            written_at: Timestamp::from_millis(i64::MIN),
        };
        let last = state.last.entry(thing.id.clone()).or_insert(first);
        let is_old = last.written_at.plus_millis(WRITTEN_AGAIN_MS) <= now;
        let is_other = last.transport != transport;
        (last.transport, last.at) = (transport, now);
        if is_old || is_other {
            state.unwritten.insert(thing.id.clone());
            state.mark(&thing.deployment.id, &thing.id, transport);
        }
    }

    /// Whether the things of a bridge are to be noted now.
    fn is_due(&self, bridge: &BridgeId, transport: Transport, now: Timestamp) -> bool {
        let mut state = self.lock();
        let noted = state.bridges.get(bridge);
        let is_known = noted.is_some_and(|(last, at)| {
            *last == transport && (*at..at.plus_millis(BRIDGE_NOTED_AGAIN_MS)).contains(&now)
        });
        if !is_known {
            state.bridges.insert(bridge.clone(), (transport, now));
        }
        !is_known
    }

    /// Writes what is not written yet; what fails is tried again.
    fn write(&self, db: &Db) -> Result<(), RowError> {
        let due: Vec<_> = {
            let state = self.lock();
            let unwritten = state.unwritten.iter().take(MAX_WRITTEN);
            unwritten
                .filter_map(|it| Some((it.clone(), *state.last.get(it)?)))
                .collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        db.write(|tx: &mut Tx<'_>| -> Result<(), RowError> {
            for (thing, last) in &due {
                rows::transport::put(tx, thing, last.transport, last.at)?;
            }
            Ok(())
        })?;
        let mut state = self.lock();
        for (thing, written) in due {
            if let Some(last) = state.last.get_mut(&thing) {
                last.written_at = written.at;
                if last.transport == written.transport {
                    state.unwritten.remove(&thing);
                }
            }
        }
        Ok(())
    }
}

impl crate::Custody {
    /// Notes how somebody who publishes has come in. For a bridge that is how its things come in.
    pub fn note_transport(&self, peer: &Peer, transport: Transport, now: Timestamp) {
        let transports = &self.inner.transports;
        let note = |it: &ThingPeer| transports.note(it, transport, now);
        match peer.publisher() {
            Some(Publisher::Thing(thing)) => note(&thing),
            Some(Publisher::Bridge(bridge)) if transports.is_due(bridge.id(), transport, now) => {
                bridge.things.load().values().for_each(|it| note(it));
            }
            Some(Publisher::Bridge(_)) | None => {}
        }
    }

    /// How a thing came in last, and when.
    #[must_use]
    pub fn transport_of(&self, thing: &ThingId) -> Option<(Transport, Timestamp)> {
        let state = self.inner.transports.lock();
        state.last.get(thing).map(|it| (it.transport, it.at))
    }

    /// How many things of a deployment last sent over a network without encryption.
    #[must_use]
    pub fn plain_things(&self, deployment: &DeploymentId) -> usize {
        let catalogue = self.inner.catalogue.load();
        let counts = |it: &&ThingId| catalogue.things.get(it).is_some_and(|it| !it.is_barred());
        let state = self.inner.transports.lock();
        let plain = state.plain.get(deployment);
        plain.map_or(0, |it| it.iter().filter(counts).count())
    }

    /// Writes how things came in. Part of housekeeping.
    pub(crate) fn write_transports(&self) -> Result<(), RowError> {
        self.inner.transports.write(&self.inner.db)
    }
}

//! Exchanging a fleet's provisioning key for a device's own token: what is the same over HTTP and over MQTT.
//!
//! A wrong key counts for the address that it comes from, and takes nothing from those who have a right one. Where somebody
//! may read along, nothing is exchanged.

use std::sync::{Arc, Mutex, PoisonError};

use custody::{Custody, ProvisionError, Token, Transport};
use model::ThingId;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::clock::Clock;
use crate::guard::millis;
use crate::identity::Arrival;
use crate::rate::Bucket;
use crate::{Counter, Counters};

/// How many devices a key brings in, or tries to, in a second.
pub(crate) const PER_SECOND: u32 = 50;
/// Of how many keys the rate is remembered; with more of them at once all begin anew.
const MAX_KEYS: usize = 1_024;

/// Brings devices in.
pub(crate) struct Provisioner {
    custody: Custody,
    counters: Arc<Counters>,
    clock: Clock,
    /// By key, of those that were shown with their secret.
    buckets: Mutex<FxHashMap<Box<str>, Bucket>>,
}

/// Who is asked for, with which key.
pub(crate) struct Wanted {
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) device: ThingId,
}

/// Why a device does not get a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotProvisioned {
    /// Somebody may read along.
    #[error("keys and tokens are exchanged over TLS only: connect with TLS")]
    Plain,
    /// Too much failed from there.
    #[error("too many wrong keys came from this address: try again in a minute")]
    HeldOff,
    /// The key brings in too many at once.
    #[error("at most {PER_SECOND} devices a second: try again in a while")]
    TooFast,
    /// Custody says no.
    #[error(transparent)]
    Refused(#[from] ProvisionError),
}

/// What a device of ThingsBoard says; what else it says, such as a token that it would like, does not count.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedAsThingsBoard {
    device_name: String,
    provision_device_key: String,
    provision_device_secret: String,
}

/// Reads what a device of ThingsBoard asks for (<https://thingsboard.io/docs/user-guide/device-provisioning/>).
pub(crate) fn as_thingsboard(body: &[u8]) -> Option<Wanted> {
    let asked: AskedAsThingsBoard = serde_json::from_slice(body).ok()?;
    Some(Wanted {
        device: ThingId::parse(&asked.device_name).ok()?,
        key: asked.provision_device_key,
        secret: asked.provision_device_secret,
    })
}

/// What such a device gets.
pub(crate) fn thingsboard_credentials(device: &ThingId, token: &Token) -> String {
    format!(
        "{{\"status\":\"SUCCESS\",\"credentialsType\":\"ACCESS_TOKEN\",\"credentialsValue\":\"{device}:{}\"}}",
        token.expose_secret()
    )
}

impl Provisioner {
    pub(crate) fn new(custody: Custody, counters: Arc<Counters>, clock: Clock) -> Self {
        Self {
            custody,
            counters,
            clock,
            buckets: Mutex::default(),
        }
    }

    /// Counts one that was asked for.
    pub(crate) fn count(&self, counter: Counter) {
        self.counters.add(counter);
    }

    /// Blocks on the database.
    pub(crate) fn bring_in(
        &self,
        wanted: &Wanted,
        arrival: Option<&Arrival>,
    ) -> Result<Token, NotProvisioned> {
        if arrival.is_some_and(|it| it.transport() == Transport::Plain) {
            return Err(NotProvisioned::Plain);
        }
        let (name, secret) = (wanted.key.as_str(), wanted.secret.as_bytes());
        let now = self.clock.now();
        let now_ms = millis(now.wall);
        // No thing is called like this.
        let tried = format!("provisioning/{name}");
        let watched = arrival.and_then(Arrival::watched);
        if watched.is_some_and(|(from, guard)| !guard.logins().may_try(from, &tried, now_ms)) {
            return Err(NotProvisioned::HeldOff);
        }
        let checked = self.custody.check_provisioning_key(name, secret, now.wall);
        if let Some((from, guard)) = watched {
            match &checked {
                Ok(()) => guard.logins().succeeded(from, &tried),
                Err(ProvisionError::Key) => {
                    guard.logins().failed(from, &tried, now_ms);
                }
                Err(_) => {}
            }
        }
        checked?;
        if !self.is_free(name, now.uptime_ms) {
            return Err(NotProvisioned::TooFast);
        }
        Ok(self
            .custody
            .provision(name, secret, &wanted.device, now.wall)?)
    }

    /// Whether a key that works may bring in one more now.
    fn is_free(&self, key: &str, now_ms: u64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_KEYS && !buckets.contains_key(key) {
            buckets.clear();
        }
        let bucket = buckets
            .entry(key.into())
            .or_insert_with(|| Bucket::new(PER_SECOND, now_ms));
        bucket.take(now_ms)
    }
}

//! What all ways in have in common against abuse: how fast addresses and peers may come, and how much may be held.
//!
//! One [`Guard`] stands in front of MQTT and HTTP together, so that nobody gets a second share by the other door.
//!
//! | against | limit | what happens |
//! |---|---|---|
//! | an address that connects in a loop | [`Limits::connections_per_second_per_address`] | the socket is closed |
//! | everybody at once | [`Limits::connections_per_second`] | the others wait in the backlog |
//! | guessing tokens from an address | [`Limits::login_failures_per_address`] | nobody is looked up for it, see [`logins`] |
//! | guessing the token of one name from many addresses | [`Limits::login_failures_per_name`] | wrong answers come late |
//! | one thing on many connections | [`Limits::publishes_per_second`] | its publishes are refused |
//! | one deployment | [`Limits::publishes_per_second_per_deployment`] | publishes of its things are refused |
//! | packets that never end, answers that nobody reads | [`Limits::held_bytes`], see [`budget`] | the connection ends |

mod budget;
mod logins;
mod slots;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use custody::Publisher;
use model::Timestamp;
use rustc_hash::FxHashMap;

use crate::Limits;
use crate::rate::{Lease, Pace, Shared};

use budget::Budget;
pub(crate) use budget::Held;
use logins::Logins;
use slots::Slots;

/// A second, in milliseconds.
const SECOND_MS: u64 = 1_000;

/// The rates and budgets of one server.
pub struct Guard {
    limits: Arc<Limits>,
    arrivals: Slots,
    all_arrivals: (Pace, AtomicU64),
    logins: Logins,
    /// By thing, bridge or deployment: there are no more than are registered.
    paces: Mutex<FxHashMap<Box<str>, Arc<Shared>>>,
    budget: Arc<Budget>,
    /// Who knows who is connected.
    connections: OnceLock<CountConnections>,
}

/// How many connections somebody has, by identifier.
type CountConnections = Box<dyn Fn(&str) -> usize + Send + Sync>;

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({} bytes held)", self.budget.held())
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 address, because whoever has one address of a /64
/// has all of them.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) if !it.is_loopback() => {
            let prefix = it.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        it => it,
    }
}

/// Rates are measured by the clock of the day, which all ways in share.
pub(crate) fn millis(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0)
}

/// What a publisher may still send.
#[derive(Debug)]
pub(crate) struct Allowance {
    own: Lease,
    of_deployment: Lease,
}

impl Allowance {
    /// Takes one message out of the rate of the peer and out of that of its deployment.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let now_ms = millis(now);
        self.own.take(now_ms) && self.of_deployment.take(now_ms)
    }
}

impl Guard {
    /// For one server; nobody has come yet.
    #[must_use]
    pub fn new(limits: Arc<Limits>) -> Arc<Self> {
        let arrivals = Pace::new(limits.connections_per_second_per_address, SECOND_MS);
        let all = Pace::new(limits.connections_per_second, SECOND_MS);
        Arc::new(Self {
            arrivals: Slots::new(arrivals),
            all_arrivals: (all, AtomicU64::new(0)),
            logins: Logins::new(&limits),
            paces: Mutex::default(),
            budget: Budget::new(limits.held_bytes, limits.held_bytes_of_strangers),
            connections: OnceLock::new(),
            limits,
        })
    }

    /// Whether one more connection of an address may come now.
    pub fn may_arrive(&self, address: IpAddr, now: Timestamp) -> bool {
        let network = network(address);
        let is_exempt = network.is_loopback() && !self.limits.counts_loopback;
        is_exempt || self.arrivals.take(&network, millis(now))
    }

    /// Whether one more connection may be taken from the backlog now.
    pub(crate) fn may_accept(&self, now: Timestamp) -> bool {
        let (pace, bucket) = &self.all_arrivals;
        pace.take(bucket, 1, millis(now))
    }

    /// Who failed to log in.
    pub(crate) fn logins(&self) -> &Logins {
        &self.logins
    }

    /// What a publisher may send: the same, on however many connections it does so.
    pub(crate) fn allowance(&self, publisher: &Publisher) -> Allowance {
        let (own, deployment) = match publisher {
            Publisher::Thing(it) => (format!("thing/{}", it.id()), it.deployment_id()),
            Publisher::Bridge(it) => (format!("bridge/{}", it.id()), it.deployment_id()),
        };
        let of_deployment = self.limits.publishes_per_second_per_deployment;
        Allowance {
            own: self.lease(own, self.limits.publishes_per_second),
            of_deployment: self.lease(format!("deployment/{deployment}"), of_deployment),
        }
    }

    /// Whether a publisher may send one more message that comes alone.
    pub(crate) fn may_publish(&self, publisher: &Publisher, now: Timestamp) -> bool {
        let Allowance { own, of_deployment } = self.allowance(publisher);
        own.take_one(millis(now)) && of_deployment.take_one(millis(now))
    }

    fn lease(&self, name: String, per_second: u32) -> Lease {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = paces
            .entry(name.into())
            .or_insert_with(|| Arc::new(Shared::per_second(per_second)));
        Lease::of(Arc::clone(shared))
    }

    /// How many MQTT connections a thing, a bridge or a recipient has now; none before anything is served.
    #[must_use]
    pub fn connections_of(&self, id: &str) -> usize {
        self.connections.get().map_or(0, |count| count(id))
    }

    /// Says who knows who is connected. The first one stays.
    pub(crate) fn count_connections(&self, count: impl Fn(&str) -> usize + Send + Sync + 'static) {
        let _ = self.connections.set(Box::new(count));
    }

    /// A share of the bytes that connections may hold together.
    pub(crate) fn share(&self) -> Held {
        Held::of(&self.budget)
    }

    /// How many bytes connections hold: packets that are not whole, and answers that nobody has read.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.budget.held()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ipv4_address_or_a_64_of_ipv6() {
        let of = |it: &str| network(it.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:3:3:4:5:6"), "2001:db8:1:3::");
        assert_eq!(of("::1"), "::1");
    }

    #[test]
    fn an_address_connects_so_often_a_second_and_another_one_does_not_notice() {
        let guard = Guard::new(Arc::new(Limits {
            connections_per_second_per_address: 3,
            ..Limits::default()
        }));
        let may = |it: &str, now_ms| {
            guard.may_arrive(it.parse().unwrap(), Timestamp::from_millis(now_ms))
        };
        for last in 1..=3 {
            assert!(may(&format!("2001:db8::{last}"), 10_000));
        }
        assert!(!may("2001:db8::4", 10_000), "the same /64");
        assert!(may("2001:db8:0:1::4", 10_000));
        assert!(may("192.0.2.1", 10_000));
        assert!(may("2001:db8::4", 10_334));
        assert!((0..100).all(|_| may("127.0.0.1", 10_000)));
    }
}

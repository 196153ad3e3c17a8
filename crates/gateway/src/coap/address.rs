//! What one address may do: datagrams a second, and wrong credentials a second.
//!
//! An address can be forged in a datagram. So these counts are not those of [`crate::guard`]: there, whoever forges the
//! address of a device would have it held off over MQTT and HTTP, too. They protect the server's time and nobody's good
//! name. What a thing may send, on the other hand, is counted in one place for all ways in.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::guard::network;
use crate::rate::Bucket;

/// How many datagrams a second are looked at.
pub(super) const DATAGRAMS_PER_SECOND: u32 = 1_000;
/// How many wrong credentials a second are looked at; then none are, right or wrong, until a second has earned more.
pub(super) const FAILURES_PER_SECOND: u32 = 5;
/// How many addresses are watched at once.
const MAX_ADDRESSES: usize = 4_096;
/// After how long without a datagram an address is forgotten: its buckets are full again.
const IDLE_MS: u64 = 2_000;

#[derive(Debug)]
struct Watched {
    datagrams: Bucket,
    failures: Failures,
    heard_at_ms: u64,
}

/// Counts up with each failure, down with time.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since_ms: u64,
}

/// All addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Else a proxy on this machine, which speaks for everybody, is let through.
    counts_loopback: bool,
    watched: FxHashMap<IpAddr, Watched>,
    swept_at_ms: u64,
}

impl Addresses {
    pub(super) fn new(counts_loopback: bool) -> Self {
        Self {
            counts_loopback,
            watched: FxHashMap::default(),
            swept_at_ms: 0,
        }
    }

    /// Whether a datagram may be looked at.
    pub(super) fn admit(&mut self, address: IpAddr, now_ms: u64) -> bool {
        let address = network(address);
        if address.is_loopback() && !self.counts_loopback {
            return true;
        }
        if let Some(it) = self.watched.get_mut(&address) {
            it.heard_at_ms = now_ms;
            return it.datagrams.take(now_ms);
        }
        if self.watched.len() >= MAX_ADDRESSES && !self.sweep(now_ms) {
            return false;
        }
        let mut datagrams = Bucket::new(DATAGRAMS_PER_SECOND, now_ms);
        let is_free = datagrams.take(now_ms);
        let failures = Failures {
            count: 0,
            since_ms: now_ms,
        };
        let watched = Watched {
            datagrams,
            failures,
            heard_at_ms: now_ms,
        };
        self.watched.insert(address, watched);
        is_free
    }

    /// Whether credentials may be looked at.
    pub(super) fn may_try(&mut self, address: IpAddr, now_ms: u64) -> bool {
        self.watched
            .get_mut(&network(address))
            .is_none_or(|it| it.failures.now(now_ms) < FAILURES_PER_SECOND)
    }

    /// Credentials were wrong.
    pub(super) fn failed(&mut self, address: IpAddr, now_ms: u64) {
        if let Some(it) = self.watched.get_mut(&network(address)) {
            it.failures.now(now_ms);
            it.failures.count += 1;
        }
    }

    /// Makes room, at most once a second, because it looks at all; says whether there is some.
    fn sweep(&mut self, now_ms: u64) -> bool {
        if now_ms.saturating_sub(self.swept_at_ms) >= 1_000 {
            self.swept_at_ms = now_ms;
            self.watched
                .retain(|_, it| now_ms.saturating_sub(it.heard_at_ms) < IDLE_MS);
        }
        self.watched.len() < MAX_ADDRESSES
    }
}

impl Failures {
    /// How many there were in this second.
    fn now(&mut self, now_ms: u64) -> u32 {
        if now_ms.saturating_sub(self.since_ms) >= 1_000 {
            *self = Self {
                count: 0,
                since_ms: now_ms,
            };
        }
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_datagrams_a_second_and_others_have_theirs() {
        let mut addresses = Addresses::new(false);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let taken = (0..2_000).filter(|_| addresses.admit(one, 0)).count();
        assert_eq!(taken, 1_000);
        assert!(addresses.admit(other, 0));
        assert!(addresses.admit(one, 1));
        assert!(!addresses.admit(one, 1));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let mut addresses = Addresses::new(false);
        for it in 0..1_000 {
            assert!(addresses.admit(address(&format!("2001:db8::{it:x}")), 0));
        }
        assert!(!addresses.admit(address("2001:db8::ffff"), 0));
        assert!(addresses.admit(address("2001:db8:0:1::1"), 0));
    }

    #[test]
    fn addresses_beyond_the_table_wait_until_others_are_silent() {
        let mut addresses = Addresses::new(false);
        for it in 0..4_096_u32 {
            let it = IpAddr::from((0x0a00_0000 + it).to_be_bytes());
            assert!(addresses.admit(it, 1_000));
        }
        let late = address("192.0.2.1");
        assert!(!addresses.admit(late, 1_500));
        assert!(!addresses.admit(late, 2_000));
        assert!(addresses.admit(late, 3_000));
        assert_eq!(addresses.watched.len(), 1);
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_one_address() {
        for (counts, taken) in [(false, 2_000), (true, 1_000)] {
            let mut addresses = Addresses::new(counts);
            let here = address("127.0.0.1");
            let admitted = (0..2_000).filter(|_| addresses.admit(here, 0));
            assert_eq!(admitted.count(), taken);
            (0..5).for_each(|_| addresses.failed(here, 0));
            assert_eq!(addresses.may_try(here, 0), !counts);
        }
    }

    #[test]
    fn after_five_wrong_credentials_none_are_looked_at_for_the_rest_of_a_second() {
        let mut addresses = Addresses::new(false);
        let one = address("192.0.2.1");
        assert!(addresses.admit(one, 0));
        for _ in 0..5 {
            assert!(addresses.may_try(one, 10));
            addresses.failed(one, 10);
        }
        assert!(!addresses.may_try(one, 999));
        assert!(addresses.may_try(one, 1_000));
    }
}

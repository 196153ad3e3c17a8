//! Who tries tokens: an address that failed too often is not listened to for a while, and a name for which too much
//! failed gets its wrong answers late.
//!
//! Nobody can lock a device out who does not share its address: a name is never blocked, only its *wrong* answers wait.
//! Who does share it (behind one router) does not lock out a name that has logged in from there before. Tokens are
//! random and compared in constant time; this keeps guessing from costing us anything, and shows it in a counter.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::network;
use super::slots::Slots;
use crate::Limits;
use crate::rate::Pace;

/// The time in which failures are counted.
const MINUTE_MS: u64 = 60_000;
/// How many pairs of address and name are remembered as good; a power of two.
const KNOWN: usize = 16 * 1024;

/// Failed logins, and where logins succeeded.
pub(crate) struct Logins {
    by_address: Slots,
    by_name: Slots,
    hasher: RandomState,
    /// Each pair has one place; another pair may take it.
    known: Box<[AtomicU64]>,
    late_ms: u64,
    counts_loopback: bool,
}

impl Logins {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            by_address: Slots::new(Pace::new(limits.login_failures_per_address, MINUTE_MS)),
            by_name: Slots::new(Pace::new(limits.login_failures_per_name, MINUTE_MS)),
            hasher: RandomState::new(),
            known: (0..KNOWN).map(|_| AtomicU64::new(0)).collect(),
            late_ms: limits.late_answer_ms,
            counts_loopback: limits.counts_loopback,
        }
    }

    /// Whether a login from an address is to be looked at. Loopback is always: a proxy there speaks for
    /// everybody.
    pub(crate) fn may_try(&self, address: IpAddr, name: &str, now_ms: u64) -> bool {
        let network = network(address);
        !self.counts(&network)
            || !self.by_address.is_empty(&network, now_ms)
            || self.is_known(&network, name)
    }

    /// A login failed; gives after how many milliseconds that is to be said.
    pub(crate) fn failed(&self, address: IpAddr, name: &str, now_ms: u64) -> u64 {
        let network = network(address);
        if self.counts(&network) {
            self.by_address.take(&network, now_ms);
        }
        match self.by_name.take(&name, now_ms) {
            true => 0,
            false => self.late_ms,
        }
    }

    /// A login succeeded.
    pub(crate) fn succeeded(&self, address: IpAddr, name: &str) {
        let (place, print) = self.pair(&network(address), name);
        if let Some(place) = place {
            place.store(print, Ordering::Relaxed);
        }
    }

    fn counts(&self, network: &IpAddr) -> bool {
        self.counts_loopback || !network.is_loopback()
    }

    fn is_known(&self, network: &IpAddr, name: &str) -> bool {
        let (place, print) = self.pair(network, name);
        place.is_some_and(|it| it.load(Ordering::Relaxed) == print)
    }

    fn pair(&self, network: &IpAddr, name: &str) -> (Option<&AtomicU64>, u64) {
        // 0 is a place that nobody has taken.
        let print = self.hasher.hash_one((network, name)).max(1);
        let at = usize::try_from(print % (KNOWN as u64)).unwrap_or(0);
        (self.known.get(at), print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins() -> Logins {
        Logins::new(&Limits {
            login_failures_per_address: 5,
            login_failures_per_name: 8,
            late_answer_ms: 1_234,
            ..Limits::default()
        })
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const NOW_MS: u64 = 1_700_000_000_000;

    #[test]
    fn an_address_that_fails_too_often_waits_and_its_neighbours_do_not() {
        let logins = logins();
        for tried in 0..5 {
            assert!(
                logins.may_try(at("2001:db8::1"), "box-1", NOW_MS),
                "{tried}"
            );
            logins.failed(at("2001:db8::1"), "box-1", NOW_MS);
        }
        assert!(
            !logins.may_try(at("2001:db8::2"), "box-2", NOW_MS),
            "the same /64"
        );
        assert!(logins.may_try(at("2001:db8:0:1::1"), "box-1", NOW_MS));
        assert!(!logins.may_try(at("2001:db8::2"), "box-2", NOW_MS + 11_999));
        assert!(logins.may_try(at("2001:db8::2"), "box-2", NOW_MS + 12_000));
    }

    #[test]
    fn nobody_locks_a_device_out() {
        let logins = logins();
        let (home, elsewhere) = (at("192.0.2.1"), at("198.51.100.1"));
        logins.succeeded(home, "meter-7");
        for last in 1..=200_u8 {
            let stranger = IpAddr::from([203, 0, 113, last]);
            logins.failed(stranger, "meter-7", NOW_MS);
        }
        assert!(logins.may_try(home, "meter-7", NOW_MS));
        assert!(logins.may_try(elsewhere, "meter-7", NOW_MS), "it may move");
        for _ in 0..20 {
            logins.failed(home, "meter-8", NOW_MS);
        }
        assert!(
            logins.may_try(home, "meter-7", NOW_MS),
            "behind the same router"
        );
        assert!(!logins.may_try(home, "meter-8", NOW_MS));
    }

    #[test]
    fn wrong_answers_for_a_name_come_late_once_many_were_wrong() {
        let logins = logins();
        for last in 1..=8_u8 {
            let after_ms = logins.failed(IpAddr::from([203, 0, 113, last]), "meter-7", NOW_MS);
            assert_eq!(after_ms, 0);
        }
        let after_ms = logins.failed(at("203.0.113.9"), "meter-7", NOW_MS);
        assert_eq!(after_ms, 1_234);
        let after_ms = logins.failed(at("203.0.113.9"), "meter-8", NOW_MS);
        assert_eq!(after_ms, 0);
    }

    #[test]
    fn loopback_is_never_held_off() {
        let logins = logins();
        for _ in 0..100 {
            logins.failed(at("127.0.0.1"), "box-1", NOW_MS);
        }
        assert!(logins.may_try(at("127.0.0.1"), "box-1", NOW_MS));
    }
}

//! How often somebody may be wrong before they have to wait: for each name that is tried, known or not, and for each network
//! that tries. Counted in memory under keyed hashes, for [`WRONG_MILLIS`]; a restart forgets, nothing is written.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{PersonId, Timestamp};

/// How many wrong tries one name gets, from anywhere.
pub const MAX_WRONG_OF_NAME: u32 = 10;
/// How many wrong tries one network gets, at any name: an IPv4 address, or the first 64 bits of IPv6.
pub const MAX_WRONG_OF_NETWORK: u32 = 30;
/// In which time, in milliseconds: an hour from the first.
pub const WRONG_MILLIS: i64 = 3_600_000;
/// How many names and networks are watched; of more, those that were wrong least often are forgotten first.
pub const MAX_WATCHED: usize = 20_000;

/// What tries are counted for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Watched<'a> {
    /// A sign-in name, whether somebody has it or not.
    Name(&'a str),
    /// A network. Loopback is not watched: there it is this machine, or a proxy that everybody comes through.
    Network(IpAddr),
    /// An account that proves itself again.
    Account(&'a PersonId),
}

impl Watched<'_> {
    const fn limit(&self) -> u32 {
        match self {
            Self::Name(_) | Self::Account(_) => MAX_WRONG_OF_NAME,
            Self::Network(_) => MAX_WRONG_OF_NETWORK,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    since: Timestamp,
    wrong: u32,
}

/// Counts tries.
pub(crate) struct Throttle {
    key: ring::hmac::Key,
    tries: Mutex<HashMap<[u8; 32], Tries>>,
}

impl Throttle {
    /// Nobody was wrong yet.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key),
            tries: Mutex::default(),
        }
    }

    /// Counts a try before it is known whether it is wrong, so that many at once are counted too; `false` when there were too
    /// many, and nothing may be looked at.
    pub(crate) fn begin(&self, all: &[Watched<'_>], now: Timestamp) -> bool {
        let mut tries = self.lock();
        let mut keys = Vec::with_capacity(all.len());
        for it in all {
            let Some(key) = self.key_of(it) else { continue };
            let standing = tries.get(&key).filter(|it| !is_over(it, now));
            if standing.is_some_and(|tries| tries.wrong >= it.limit()) {
                return false;
            }
            keys.push(key);
        }
        for key in keys {
            make_room(&mut tries, now);
            let none = Tries {
                since: now,
                wrong: 0,
            };
            let counted = tries.entry(key).or_insert(none);
            if is_over(counted, now) {
                *counted = none;
            }
            counted.wrong += 1;
        }
        true
    }

    /// Takes back one try of each: it was right.
    pub(crate) fn forgive(&self, all: &[Watched<'_>]) {
        let mut tries = self.lock();
        for key in all.iter().filter_map(|it| self.key_of(it)) {
            if let Some(counted) = tries.get_mut(&key) {
                counted.wrong = counted.wrong.saturating_sub(1);
            }
        }
    }

    fn key_of(&self, watched: &Watched<'_>) -> Option<[u8; 32]> {
        let (kind, value) = match watched {
            Watched::Name(name) => (b'n', name.as_bytes().to_vec()),
            Watched::Account(account) => (b'a', account.as_str().as_bytes().to_vec()),
            Watched::Network(network) if network.is_loopback() => return None,
            Watched::Network(IpAddr::V4(it)) => (b'4', it.octets().to_vec()),
            Watched::Network(IpAddr::V6(it)) => (b'6', it.octets().into_iter().take(8).collect()),
        };
        let mut context = ring::hmac::Context::with_key(&self.key);
        context.update(&[kind]);
        context.update(&value);
        context.sign().as_ref().try_into().ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(tries: &Tries, now: Timestamp) -> bool {
    tries.since.plus_millis(WRONG_MILLIS) <= now
}

fn make_room(tries: &mut HashMap<[u8; 32], Tries>, now: Timestamp) {
    if tries.len() < MAX_WATCHED {
        return;
    }
    tries.retain(|_, it| !is_over(it, now));
    let least = tries.values().map(|it| it.wrong).min().unwrap_or(0);
    if tries.len() >= MAX_WATCHED {
        tries.retain(|_, it| it.wrong > least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn network(text: &str) -> Watched<'static> {
        Watched::Network(text.parse().unwrap())
    }

    #[test]
    fn a_name_waits_after_its_wrong_tries_whoever_tries_and_an_hour_later_it_may_again() {
        let throttle = Throttle::new(&[7; 32]);
        let name = Watched::Name("sana");
        for number in 0..MAX_WRONG_OF_NAME {
            let from = format!("192.0.2.{number}");
            assert!(throttle.begin(&[name, network(&from)], NOW));
        }
        assert!(!throttle.begin(&[name, network("198.51.100.1")], NOW));
        assert!(throttle.begin(&[Watched::Name("bilal")], NOW));
        let later = NOW.plus_millis(WRONG_MILLIS);
        assert!(!throttle.begin(&[name], later.plus_millis(-1)));
        assert!(throttle.begin(&[name], later));
    }

    #[test]
    fn a_network_waits_whatever_names_it_tries_and_of_ipv6_a_64_is_one() {
        let throttle = Throttle::new(&[7; 32]);
        for number in 0..MAX_WRONG_OF_NETWORK {
            let name = format!("name{number}");
            let from = network(&format!("2001:db8::{number}"));
            assert!(throttle.begin(&[Watched::Name(&name), from], NOW));
        }
        assert!(!throttle.begin(&[network("2001:db8::ffff:1")], NOW));
        assert!(throttle.begin(&[network("2001:db8:0:1::1")], NOW));
        for _ in 0..100 {
            assert!(throttle.begin(&[network("127.0.0.1")], NOW));
        }
    }

    #[test]
    fn who_is_right_has_lost_nothing() {
        let throttle = Throttle::new(&[7; 32]);
        for _ in 0..100 {
            let all = [Watched::Name("sana"), network("192.0.2.1")];
            assert!(throttle.begin(&all, NOW));
            throttle.forgive(&all);
        }
    }

    #[test]
    fn what_is_watched_is_bounded_and_who_was_wrong_often_is_forgotten_last() {
        let throttle = Throttle::new(&[7; 32]);
        for _ in 0..MAX_WRONG_OF_NAME {
            assert!(throttle.begin(&[Watched::Name("sana")], NOW));
        }
        for number in 0..=MAX_WATCHED {
            throttle.begin(&[Watched::Name(&format!("n{number}"))], NOW);
        }
        assert!(throttle.lock().len() <= MAX_WATCHED);
        assert!(!throttle.begin(&[Watched::Name("sana")], NOW));
    }
}

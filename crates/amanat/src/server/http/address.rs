//! How many connections each address has; of IPv6 a /64 is one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The addresses that have connections.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    limit: usize,
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Nobody is connected.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            open: Arc::default(),
            limit,
        }
    }

    /// Counts a connection; `None` when the address has as many as it may. Loopback may have any number.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Turn> {
        let address = gateway::network(address);
        let mut open = self.lock();
        let count = open.entry(address).or_default();
        if *count >= self.limit && !address.is_loopback() {
            if *count == 0 {
                open.remove(&address);
            }
            return None;
        }
        *count += 1;
        Some(Turn {
            addresses: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut open = self.addresses.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_then_no_more_until_one_ends() {
        let addresses = Addresses::new(2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let same: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        let first = addresses.enter(one).unwrap();
        let second = addresses.enter(same).unwrap();
        assert!(addresses.enter(one).is_none() && addresses.enter(same).is_none());
        let elsewhere = addresses.enter(other).unwrap();
        drop(first);
        let third = addresses.enter(one).unwrap();
        assert!(addresses.enter(one).is_none());
        drop((second, third, elsewhere));
        assert!(addresses.lock().is_empty(), "nobody is remembered");
    }

    #[test]
    fn a_64_of_ipv6_is_one_address() {
        let addresses = Addresses::new(1);
        let _one = addresses.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert!(addresses.enter("2001:db8::2".parse().unwrap()).is_none());
        assert!(
            addresses
                .enter("2001:db8:0:1::1".parse().unwrap())
                .is_some()
        );
    }

    #[test]
    fn loopback_may_have_any_number() {
        let addresses = Addresses::new(1);
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let address = address.parse().unwrap();
            let open: Vec<_> = (0..5).map(|_| addresses.enter(address)).collect();
            assert!(open.iter().all(Option::is_some));
        }
    }
}

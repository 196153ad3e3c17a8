//! Who is connected: counts by address, client identifiers, and a way to tell each connection to go.
//!
//! A client identifier belongs to its peer: two peers may use the same one and do not notice each
//! other, so nobody can throw somebody else out by naming an identifier.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::{Counter, Limits};

/// What a connection is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The same client has connected again.
    TakenOver,
    /// The server stops.
    Stop,
}

/// All connections of a gateway.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    last_number: u64,
    is_stopping: bool,
    by_number: FxHashMap<u64, Held>,
    by_client: FxHashMap<Arc<str>, u64>,
    by_address: FxHashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Held {
    signal: Option<oneshot::Sender<Signal>>,
    address: IpAddr,
    client: Option<Arc<str>>,
}

/// A place among the connections; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Ticket {
    registry: Arc<Registry>,
    number: u64,
}

impl Registry {
    /// Lets a connection in, or says which limit stands against it.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &Limits,
    ) -> Result<(Ticket, oneshot::Receiver<Signal>), Counter> {
        let mut connections = self.lock();
        if connections.is_stopping || connections.by_number.len() >= limits.max_connections {
            return Err(Counter::RefusedServerFull);
        }
        let count = connections.by_address.get(&address).copied().unwrap_or(0);
        if count >= limits.max_connections_per_address && !address.is_loopback() {
            return Err(Counter::RefusedAddressFull);
        }
        connections.by_address.insert(address, count + 1);
        connections.last_number += 1;
        let number = connections.last_number;
        let (signal, receiver) = oneshot::channel();
        connections.by_number.insert(
            number,
            Held {
                signal: Some(signal),
                address,
                client: None,
            },
        );
        let ticket = Ticket {
            registry: Arc::clone(self),
            number,
        };
        Ok((ticket, receiver))
    }

    /// Tells every connection to stop and lets no more in.
    pub(crate) fn stop(&self) {
        let mut connections = self.lock();
        connections.is_stopping = true;
        for held in connections.by_number.values_mut() {
            tell(held, Signal::Stop);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The number of the connection.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Takes a client identifier of `peer`; an older connection that has it is told to go.
    pub(crate) fn claim(&self, peer: &str, client_id: &str) {
        // A peer is an identifier behind a fixed word, so it has no further slash.
        let client: Arc<str> = Arc::from(format!("{peer}/{client_id}"));
        let mut connections = self.registry.lock();
        if let Some(held) = connections.by_number.get_mut(&self.number) {
            held.client = Some(Arc::clone(&client));
        }
        let older = connections.by_client.insert(client, self.number);
        if let Some(held) = older
            .filter(|it| *it != self.number)
            .and_then(|it| connections.by_number.get_mut(&it))
        {
            tell(held, Signal::TakenOver);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut connections = self.registry.lock();
        let Some(held) = connections.by_number.remove(&self.number) else {
            return;
        };
        if let Some(client) = held.client
            && connections.by_client.get(&client) == Some(&self.number)
        {
            connections.by_client.remove(&client);
        }
        if let Some(count) = connections.by_address.get_mut(&held.address) {
            *count -= 1;
            if *count == 0 {
                connections.by_address.remove(&held.address);
            }
        }
    }
}

/// A connection that has gone in the meantime needs no telling.
fn tell(held: &mut Held, signal: Signal) {
    if let Some(sender) = held.signal.take() {
        let _ = sender.send(signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let registry = Arc::new(Registry::default());
        let limits = Limits {
            max_connections: 3,
            max_connections_per_address: 2,
            ..Limits::default()
        };
        let first = registry.enter(address(1), &limits).unwrap();
        let _second = registry.enter(address(1), &limits).unwrap();
        assert_eq!(
            registry.enter(address(1), &limits).unwrap_err(),
            Counter::RefusedAddressFull
        );
        let _third = registry.enter(address(2), &limits).unwrap();
        assert_eq!(
            registry.enter(address(3), &limits).unwrap_err(),
            Counter::RefusedServerFull
        );
        drop(first);
        assert!(registry.enter(address(1), &limits).is_ok());
        assert_eq!(registry.lock().by_address.len(), 2);
    }

    #[test]
    fn the_limit_by_address_is_not_for_loopback() {
        let registry = Arc::new(Registry::default());
        let limits = Limits {
            max_connections_per_address: 0,
            ..Limits::default()
        };
        assert!(
            registry
                .enter(IpAddr::from([127, 0, 0, 1]), &limits)
                .is_ok()
        );
        assert!(registry.enter(address(1), &limits).is_err());
    }

    #[test]
    fn a_client_is_taken_over_by_the_same_peer_only() {
        let registry = Arc::new(Registry::default());
        let limits = Limits::default();
        let (one, mut one_told) = registry.enter(address(1), &limits).unwrap();
        let (two, mut two_told) = registry.enter(address(2), &limits).unwrap();
        let (three, _three_told) = registry.enter(address(3), &limits).unwrap();
        one.claim("thing/a", "client");
        two.claim("thing/b", "client");
        assert!(one_told.try_recv().is_err());
        three.claim("thing/a", "client");
        assert_eq!(one_told.try_recv(), Ok(Signal::TakenOver));
        assert!(two_told.try_recv().is_err());
        drop(one);
        assert_eq!(registry.lock().by_client.len(), 2);
        drop(three);
        assert_eq!(registry.lock().by_client.len(), 1);
    }

    #[test]
    fn a_stop_reaches_everybody_and_closes_the_door() {
        let registry = Arc::new(Registry::default());
        let limits = Limits::default();
        let (_ticket, mut told) = registry.enter(address(1), &limits).unwrap();
        registry.stop();
        assert_eq!(told.try_recv(), Ok(Signal::Stop));
        assert!(registry.enter(address(1), &limits).is_err());
    }
}

//! Who is connected and whose session is kept: counts by address and by peer, client identifiers, and a way to tell each
//! of them to go.
//!
//! A client identifier belongs to its peer: two peers may use the same one and do not notice each
//! other, so nobody can throw somebody else out by naming an identifier.
//!
//! A session is held by the task of its connection and, when that is gone, by the same task without one. Who connects
//! with the same identifier asks that task for it: `K` is what is handed over.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Timestamp;
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, oneshot};

use super::backend::Start;
use crate::guard::network;
use crate::handover::earlier;
use crate::identity::Pass;
use crate::{Counter, Limits};

/// What the holder of a session is told from outside.
#[derive(Debug)]
pub(crate) enum Signal<K> {
    /// The same client has connected again.
    TakenOver {
        /// What it wants of the session.
        start: Start,
        /// Where to give the session, when it is wanted.
        reply: Option<oneshot::Sender<K>>,
    },
    /// Its peer has too many sessions without a connection.
    MakeRoom,
    /// What opened it does not open any more.
    Closed(Closed),
    /// The server stops.
    Stop,
}

/// Why what opened a connection does not open any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Its certificate does not hold any more.
    Uncertified,
    /// Its credential was revoked, or who has it was removed.
    Revoked,
    /// Its token was renewed, and the overlap is over.
    Renewed,
}

/// All connections of a gateway, and all sessions without one.
#[derive(Debug)]
pub(crate) struct Registry<K> {
    holders: Mutex<Holders<K>>,
    /// Somebody has come whose credential has an end, or has changed in the meantime.
    ending: Notify,
}

#[derive(Debug)]
struct Holders<K> {
    last_number: u64,
    is_stopping: bool,
    by_number: FxHashMap<u64, Holder<K>>,
    by_client: FxHashMap<Arc<str>, u64>,
    /// By what counts as one address.
    by_address: FxHashMap<IpAddr, usize>,
    /// Those that are connected.
    by_peer: FxHashMap<Box<str>, usize>,
    connected: usize,
    /// Those without a connection, of each peer; the oldest first.
    resting: FxHashMap<Box<str>, VecDeque<u64>>,
}

#[derive(Debug)]
struct Holder<K> {
    signal: Option<oneshot::Sender<Signal<K>>>,
    /// While it is connected.
    address: Option<IpAddr>,
    client: Option<Client>,
    /// What opened it.
    pass: Option<Arc<Pass>>,
}

/// `<peer>/<client identifier>`.
#[derive(Debug, Clone)]
struct Client {
    text: Arc<str>,
    peer_bytes: usize,
}

impl Client {
    fn peer(&self) -> &str {
        self.text.get(..self.peer_bytes).unwrap_or_default()
    }

    /// The peer without what it is here for.
    fn who(&self) -> &str {
        let peer = self.peer();
        peer.split(['~', '?']).next().unwrap_or(peer)
    }
}

/// A peer has as many connections as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerFull;

/// A place among the connections, or among the sessions without one; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Ticket<K> {
    registry: Arc<Registry<K>>,
    number: u64,
}

impl<K> Default for Registry<K> {
    fn default() -> Self {
        let holders = Holders {
            last_number: 0,
            is_stopping: false,
            by_number: FxHashMap::default(),
            by_client: FxHashMap::default(),
            by_address: FxHashMap::default(),
            by_peer: FxHashMap::default(),
            connected: 0,
            resting: FxHashMap::default(),
        };
        Self {
            holders: Mutex::new(holders),
            ending: Notify::new(),
        }
    }
}

impl<K> Registry<K> {
    /// Lets a connection in, or says which limit stands against it.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &Limits,
    ) -> Result<(Ticket<K>, oneshot::Receiver<Signal<K>>), Counter> {
        let address = network(address);
        let mut holders = self.lock();
        if holders.is_stopping || holders.connected >= limits.max_connections {
            return Err(Counter::RefusedServerFull);
        }
        let count = holders.by_address.get(&address).copied().unwrap_or(0);
        if count >= limits.max_connections_per_address && !address.is_loopback() {
            return Err(Counter::RefusedAddressFull);
        }
        holders.by_address.insert(address, count + 1);
        holders.connected += 1;
        holders.last_number += 1;
        let number = holders.last_number;
        let (signal, receiver) = oneshot::channel();
        holders.by_number.insert(
            number,
            Holder {
                signal: Some(signal),
                address: Some(address),
                client: None,
                pass: None,
            },
        );
        let ticket = Ticket {
            registry: Arc::clone(self),
            number,
        };
        Ok((ticket, receiver))
    }

    /// Tells a connection that its certificate does not hold any more.
    pub(crate) fn uncertified(&self, number: u64) {
        if let Some(holder) = self.lock().by_number.get_mut(&number) {
            tell(holder, Signal::Closed(Closed::Uncertified));
        }
    }

    /// Tells every connection whose credential does not open any more. Gives when that comes about next although nobody acts.
    pub(crate) fn close_unopened(&self, now: Timestamp) -> Option<Timestamp> {
        let mut holders = self.lock();
        let connected = holders.by_number.values_mut();
        let mut next = None;
        for holder in connected.filter(|it| it.address.is_some()) {
            let Some(pass) = &holder.pass else {
                continue;
            };
            if pass.stands(now) {
                next = earlier(next, pass.until());
                continue;
            }
            let why = match pass.was_revoked() {
                true => Closed::Revoked,
                false => Closed::Renewed,
            };
            tell(holder, Signal::Closed(why));
        }
        next
    }

    /// How many connections a peer has.
    pub(crate) fn connections_of(&self, peer: &str) -> usize {
        self.lock().by_peer.get(peer).copied().unwrap_or(0)
    }

    /// Ready when somebody has come about whom [`Registry::close_unopened`] is to be asked.
    pub(crate) async fn ending(&self) {
        self.ending.notified().await;
    }

    /// Tells everybody to stop and lets no more in.
    pub(crate) fn stop(&self) {
        let mut holders = self.lock();
        holders.is_stopping = true;
        for holder in holders.by_number.values_mut() {
            tell(holder, Signal::Stop);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Holders<K>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Holders<K> {
    /// Takes the connection of a holder away.
    fn disconnect(&mut self, number: u64) {
        let holder = self.by_number.get_mut(&number);
        let Some(holder) = holder.filter(|it| it.address.is_some()) else {
            return;
        };
        let who = holder.client.as_ref().map(|it| it.who());
        let count = who.and_then(|it| self.by_peer.get_mut(it));
        if let (Some(who), Some(count)) = (who, count) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(who);
            }
        }
        let Some(address) = holder.address.take() else {
            return;
        };
        self.connected -= 1;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl<K> Ticket<K> {
    /// The number of the connection.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Says what opened the connection: it ends when that does not open any more.
    pub(crate) fn opened(&self, pass: &Arc<Pass>) {
        if let Some(holder) = self.registry.lock().by_number.get_mut(&self.number) {
            holder.pass = Some(Arc::clone(pass));
        }
        if pass.until().is_some() || pass.is_overtaken() {
            self.registry.ending.notify_one();
        }
    }

    /// Takes a client identifier of `peer`; who held a session with it is told to go. Gives where that session will
    /// come from, if one is wanted and may come. Who takes over a connection is never too many.
    pub(crate) fn claim(
        &self,
        peer: &str,
        client_id: &str,
        start: Start,
        limits: &Limits,
    ) -> Result<Option<oneshot::Receiver<K>>, PeerFull> {
        // A peer is an identifier behind a fixed word, so it has no further slash.
        let client = Client {
            text: Arc::from(format!("{peer}/{client_id}")),
            peer_bytes: peer.len(),
        };
        let mut guard = self.registry.lock();
        let holders = &mut *guard;
        let older = holders.by_client.get(&client.text);
        let older = older.and_then(|it| holders.by_number.get(it));
        let takes_over = older.is_some_and(|it| it.address.is_some());
        let count = holders.by_peer.get(client.who()).copied().unwrap_or(0);
        if count >= limits.max_connections_per_peer && !takes_over {
            return Err(PeerFull);
        }
        holders.by_peer.insert(client.who().into(), count + 1);
        if let Some(holder) = holders.by_number.get_mut(&self.number) {
            holder.client = Some(client.clone());
        }
        let older = holders.by_client.insert(client.text, self.number);
        let holder = older
            .filter(|it| *it != self.number)
            .and_then(|it| holders.by_number.get_mut(&it));
        let Some(holder) = holder else {
            return Ok(None);
        };
        let (reply, receiver) = oneshot::channel();
        let reply = (start == Start::Resume).then_some(reply);
        let is_wanted = reply.is_some();
        let is_told = tell(holder, Signal::TakenOver { start, reply });
        Ok((is_told && is_wanted).then_some(receiver))
    }

    /// The connection is gone and the session stays. False when it cannot: there are too many in all. When only its
    /// peer has too many, the one of them that was left longest ago ends.
    pub(crate) fn step_aside(&self, limits: &Limits) -> bool {
        let mut holders = self.registry.lock();
        holders.disconnect(self.number);
        let in_all = holders.by_number.len() - holders.connected;
        if holders.is_stopping || in_all > limits.max_sessions {
            return false;
        }
        let client = holders.by_number.get(&self.number);
        let Some(client) = client.and_then(|it| it.client.clone()) else {
            return false;
        };
        let resting = holders.resting.entry(client.peer().into()).or_default();
        resting.push_back(self.number);
        if resting.len() > limits.max_sessions_per_peer
            && let Some(oldest) = resting.pop_front()
            && let Some(holder) = holders.by_number.get_mut(&oldest)
        {
            tell(holder, Signal::MakeRoom);
        }
        true
    }
}

impl<K> Drop for Ticket<K> {
    fn drop(&mut self) {
        let mut holders = self.registry.lock();
        holders.disconnect(self.number);
        let Some(holder) = holders.by_number.remove(&self.number) else {
            return;
        };
        let Some(client) = holder.client else {
            return;
        };
        if holders.by_client.get(&client.text) == Some(&self.number) {
            holders.by_client.remove(&client.text);
        }
        if let Some(resting) = holders.resting.get_mut(client.peer()) {
            resting.retain(|it| *it != self.number);
            if resting.is_empty() {
                holders.resting.remove(client.peer());
            }
        }
    }
}

/// Tells a holder something, unless it was told something before or has gone in the meantime.
fn tell<K>(holder: &mut Holder<K>, signal: Signal<K>) -> bool {
    match holder.signal.take() {
        Some(sender) => sender.send(signal).is_ok(),
        None => false,
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
        let registry = Arc::new(Registry::<()>::default());
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
        let registry = Arc::new(Registry::<()>::default());
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
        let registry = Arc::new(Registry::<()>::default());
        let limits = Limits::default();
        let (one, mut one_told) = registry.enter(address(1), &limits).unwrap();
        let (two, mut two_told) = registry.enter(address(2), &limits).unwrap();
        let (three, _three_told) = registry.enter(address(3), &limits).unwrap();
        assert!(
            one.claim("thing/a", "client", Start::Resume, &limits)
                .unwrap()
                .is_none()
        );
        assert!(
            two.claim("thing/b", "client", Start::Resume, &limits)
                .unwrap()
                .is_none()
        );
        assert!(one_told.try_recv().is_err());
        let mut coming = three
            .claim("thing/a", "client", Start::Resume, &limits)
            .unwrap()
            .unwrap();
        let Ok(Signal::TakenOver {
            start: Start::Resume,
            reply: Some(reply),
        }) = one_told.try_recv()
        else {
            panic!("the older connection was not told");
        };
        reply.send(()).unwrap();
        assert_eq!(coming.try_recv(), Ok(()));
        assert!(two_told.try_recv().is_err());
        drop(one);
        assert_eq!(registry.lock().by_client.len(), 2);
        drop(three);
        assert_eq!(registry.lock().by_client.len(), 1);
    }

    #[test]
    fn a_stop_reaches_everybody_and_closes_the_door() {
        let registry = Arc::new(Registry::<()>::default());
        let limits = Limits::default();
        let (_ticket, mut told) = registry.enter(address(1), &limits).unwrap();
        registry.stop();
        assert!(matches!(told.try_recv(), Ok(Signal::Stop)));
        assert!(registry.enter(address(1), &limits).is_err());
    }

    #[test]
    fn a_new_session_waits_for_nobody() {
        let registry = Arc::new(Registry::<()>::default());
        let limits = Limits::default();
        let (one, mut told) = registry.enter(address(1), &limits).unwrap();
        let (two, _told) = registry.enter(address(1), &limits).unwrap();
        one.claim("thing/a", "client", Start::Clean, &limits)
            .unwrap();
        assert!(
            two.claim("thing/a", "client", Start::Clean, &limits)
                .unwrap()
                .is_none()
        );
        assert!(matches!(
            told.try_recv(),
            Ok(Signal::TakenOver {
                start: Start::Clean,
                reply: None
            })
        ));
    }

    #[test]
    fn sessions_without_a_connection_take_no_place_of_one_and_are_bounded() {
        let registry = Arc::new(Registry::<()>::default());
        let limits = Limits {
            max_connections: 1,
            max_sessions: 3,
            max_sessions_per_peer: 2,
            ..Limits::default()
        };
        let rest = |peer: &str, client: &str| {
            let (ticket, told) = registry.enter(address(1), &limits).unwrap();
            ticket.claim(peer, client, Start::Resume, &limits).unwrap();
            (ticket.step_aside(&limits), ticket, told)
        };
        let (is_kept, one, mut one_told) = rest("thing/a", "1");
        assert!(is_kept);
        let (_, _two, mut two_told) = rest("thing/a", "2");
        assert!(one_told.try_recv().is_err());
        let (is_kept, _three, _) = rest("thing/a", "3");
        assert!(is_kept, "the oldest of the same peer makes room");
        assert!(matches!(one_told.try_recv(), Ok(Signal::MakeRoom)));
        let (is_kept, _four, _) = rest("thing/b", "4");
        assert!(!is_kept, "there are three of others");
        assert!(two_told.try_recv().is_err());
        drop((one, _four));
        let (is_kept, _five, _) = rest("thing/b", "5");
        assert!(is_kept);
        assert_eq!(registry.lock().connected, 0);
        drop((_two, _three, _five));
        assert!(registry.lock().resting.is_empty());
        assert!(registry.lock().by_client.is_empty());
    }

    #[test]
    fn a_peer_has_so_many_connections_and_may_always_take_over_its_own() {
        let registry = Arc::new(Registry::<()>::default());
        let limits = Limits {
            max_connections_per_peer: 2,
            ..Limits::default()
        };
        let come = |peer: &str, client: &str| {
            let (ticket, told) = registry.enter(address(1), &limits).unwrap();
            let claimed = ticket.claim(peer, client, Start::Clean, &limits);
            claimed.map(|_| (ticket, told))
        };
        let one = come("recipient/a", "1").unwrap();
        let two = come("recipient/a?health", "2").unwrap();
        assert_eq!(come("recipient/a", "3").unwrap_err(), PeerFull);
        let other = come("recipient/b", "3").unwrap();
        let again = come("recipient/a", "1").unwrap();
        drop((one, two));
        let three = come("recipient/a?research", "3").unwrap();
        assert!(come("recipient/a", "4").is_err());
        drop((other, again, three));
        assert!(registry.lock().by_peer.is_empty(), "nobody is remembered");
    }

    #[test]
    fn a_64_of_ipv6_is_one_address() {
        let registry = Arc::new(Registry::<()>::default());
        let limits = Limits {
            max_connections_per_address: 1,
            ..Limits::default()
        };
        let enter = |it: &str| registry.enter(it.parse().unwrap(), &limits);
        let _one = enter("2001:db8::1").unwrap();
        assert_eq!(
            enter("2001:db8::2").unwrap_err(),
            Counter::RefusedAddressFull
        );
        assert!(enter("2001:db8:0:1::2").is_ok());
    }
}

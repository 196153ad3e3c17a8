use proptest::collection::vec;
use proptest::prelude::*;

use super::super::message::{Code, read};
use super::*;

fn client(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn done() -> Response {
    Response::new(Code::CHANGED)
}

fn begin(exchanges: &mut Exchanges, id: u16, kind: Kind, now_ms: u64) -> Key {
    let key = (client(5_000), id);
    assert_eq!(exchanges.seen(key, now_ms), Seen::New);
    exchanges.begin(key, kind, Token::default(), now_ms);
    key
}

fn due(exchanges: &mut Exchanges, now_ms: u64) -> (u64, Vec<Datagram>) {
    let mut out = Vec::new();
    let given_up = exchanges.due(now_ms, &mut out);
    (given_up, out)
}

/// RFC 7252 section 5.2.1.
#[test]
fn a_quick_response_is_in_the_acknowledgement_and_a_copy_gets_the_same() {
    let mut exchanges = Exchanges::new(1);
    let key = begin(&mut exchanges, 7, Kind::Confirmable, 0);
    assert_eq!(exchanges.seen(key, 5), Seen::Again(None));
    let datagram = exchanges.finish(key, &done(), 10).unwrap();
    assert_eq!(datagram, b"\x60\x44\0\x07");
    assert_eq!(exchanges.seen(key, 246_999), Seen::Again(Some(datagram)));
    assert_eq!(due(&mut exchanges, 5_000), (0, Vec::new()));
    assert_eq!(exchanges.seen(key, 247_000), Seen::New);
}

/// RFC 7252 sections 4.2 and 5.2.2.
#[test]
fn a_late_response_follows_an_empty_acknowledgement_and_is_sent_five_times_with_doubling_waits() {
    let mut exchanges = Exchanges::new(1);
    let key = begin(&mut exchanges, 7, Kind::Confirmable, 0);
    assert_eq!(exchanges.next_due_ms(), Some(1_000));
    assert_eq!(due(&mut exchanges, 999), (0, Vec::new()));
    let empty = b"\x60\0\0\x07".to_vec();
    assert_eq!(
        due(&mut exchanges, 1_000),
        (0, vec![(key.0, empty.clone())])
    );
    assert_eq!(exchanges.seen(key, 1_500), Seen::Again(Some(empty)));
    let first = exchanges.finish(key, &done(), 10_000).unwrap();
    assert_eq!(read(&first).ok().unwrap().kind, Kind::Confirmable);
    let (mut at, mut waits) = (10_000, Vec::new());
    loop {
        let next = exchanges.next_due_ms().unwrap();
        waits.push(next - at);
        at = next;
        let (given_up, out) = due(&mut exchanges, at);
        if given_up == 1 {
            break;
        }
        assert_eq!(out, [(key.0, first.clone())]);
    }
    assert_eq!(waits.len(), 5);
    assert!((2_000..3_000).contains(&waits[0]), "{waits:?}");
    assert!(waits.windows(2).all(|it| it[1] == 2 * it[0]), "{waits:?}");
    assert_eq!(exchanges.next_due_ms(), None);
}

#[test]
fn an_acknowledged_response_is_not_sent_again() {
    let mut exchanges = Exchanges::new(1);
    let key = begin(&mut exchanges, 7, Kind::Confirmable, 0);
    due(&mut exchanges, 1_000);
    let datagram = exchanges.finish(key, &done(), 2_000).unwrap();
    let message_id = read(&datagram).ok().unwrap().message_id;
    exchanges.settle((client(6_000), message_id));
    assert!(
        exchanges.next_due_ms().is_some(),
        "somebody else cannot end it"
    );
    exchanges.settle((client(5_000), message_id));
    assert_eq!(exchanges.next_due_ms(), None);
}

/// RFC 7252 sections 4.3, 4.5 and 4.8.2.
#[test]
fn a_non_is_answered_once_by_a_non() {
    let mut exchanges = Exchanges::new(1);
    let key = begin(&mut exchanges, 7, Kind::NonConfirmable, 0);
    let datagram = exchanges.finish(key, &done(), 3_000).unwrap();
    assert_eq!(read(&datagram).ok().unwrap().kind, Kind::NonConfirmable);
    assert_eq!(exchanges.seen(key, 144_999), Seen::Again(None));
    assert_eq!(exchanges.seen(key, 145_000), Seen::New);
    assert_eq!(exchanges.next_due_ms(), None);
}

#[test]
fn the_memory_has_an_end_and_the_oldest_go_first() {
    let mut exchanges = Exchanges::new(1);
    let key = |it: usize| {
        let [_, port, high, low] = u32::try_from(it).unwrap().to_be_bytes();
        (
            client(5_000 + u16::from(port)),
            u16::from_be_bytes([high, low]),
        )
    };
    for it in 0..MAX_EXCHANGES + 10 {
        exchanges.begin(key(it), Kind::NonConfirmable, Token::default(), 0);
    }
    assert!(exchanges.known.len() <= MAX_EXCHANGES && exchanges.order.len() <= MAX_EXCHANGES);
    assert_eq!(exchanges.seen(key(0), 1), Seen::New);
    assert_eq!(exchanges.seen(key(20), 1), Seen::Again(None));
    due(&mut exchanges, 145_000);
    assert_eq!((exchanges.known.len(), exchanges.order.len()), (0, 0));
}

#[test]
fn responses_without_acknowledgement_have_an_end_too() {
    let mut exchanges = Exchanges::new(1);
    let count = u16::try_from(MAX_UNACKNOWLEDGED).unwrap();
    for id in 0..=count {
        begin(&mut exchanges, id, Kind::Confirmable, 0);
    }
    due(&mut exchanges, 1_000);
    for id in 0..=count {
        let datagram = exchanges
            .finish((client(5_000), id), &done(), 1_000)
            .unwrap();
        let expected = if id < count {
            Kind::Confirmable
        } else {
            Kind::NonConfirmable
        };
        assert_eq!(read(&datagram).ok().unwrap().kind, expected);
    }
    assert_eq!(exchanges.unacknowledged.len(), MAX_UNACKNOWLEDGED);
}

/// What the network does with one datagram: how many copies arrive, and when.
type Fate = Vec<u64>;

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Vec::new()),
        4 => vec(1_u64..3_000, 1..2),
        2 => vec(1_u64..3_000, 2..4),
    ]
}

/// A client of RFC 7252 section 4.2, which sends one confirmable request.
struct Sender {
    id: u16,
    sends_at_ms: Option<u64>,
    wait_ms: u64,
    left: u8,
    is_acknowledged: bool,
    is_answered: bool,
}

enum To {
    Server,
    Client,
}

/// Datagrams under way.
struct Network {
    under_way: Vec<(u64, To, Vec<u8>)>,
    fates: std::iter::Cycle<std::vec::IntoIter<Fate>>,
}

impl Network {
    fn send(&mut self, now_ms: u64, to: fn() -> To, datagram: &[u8]) {
        for delay in self.fates.next().unwrap() {
            self.under_way
                .push((now_ms + delay, to(), datagram.to_vec()));
        }
    }

    fn arrived(&mut self, now_ms: u64) -> Vec<(To, Vec<u8>)> {
        let (arrived, later) = self.under_way.drain(..).partition(|it| it.0 <= now_ms);
        self.under_way = later;
        arrived
            .into_iter()
            .map(|it: (u64, To, Vec<u8>)| (it.1, it.2))
            .collect()
    }
}

/// Runs clients against the memory; gives how often each request was worked on.
fn simulate(senders: &mut [Sender], mut network: Network, work_ms: u64) -> Vec<u32> {
    let mut exchanges = Exchanges::new(77);
    let mut worked = vec![0; senders.len()];
    let mut working: Vec<(u64, Key)> = Vec::new();
    for now_ms in (0..240_000).step_by(50) {
        for it in senders.iter_mut() {
            if it.is_acknowledged || it.sends_at_ms.is_none_or(|at| at > now_ms) {
                continue;
            }
            let [high, low] = it.id.to_be_bytes();
            network.send(
                now_ms,
                || To::Server,
                &[0x41, 2, high, low, low, 0xff, b'1'],
            );
            it.sends_at_ms = it.left.checked_sub(1).map(|left| {
                (it.left, it.wait_ms) = (left, it.wait_ms * 2);
                now_ms + it.wait_ms / 2
            });
        }
        let mut out = Vec::new();
        exchanges.due(now_ms, &mut out);
        while let Some(place) = working.iter().position(|it| it.0 <= now_ms) {
            let (_, key) = working.swap_remove(place);
            out.extend(exchanges.finish(key, &done(), now_ms).map(|it| (key.0, it)));
        }
        for (to, datagram) in network.arrived(now_ms) {
            let message = read(&datagram).ok().unwrap();
            let key = (client(5_000), message.message_id);
            match to {
                To::Server if message.code == Code::EMPTY => exchanges.settle(key),
                To::Server => match exchanges.seen(key, now_ms) {
                    Seen::Again(again) => out.extend(again.map(|it| (key.0, it))),
                    Seen::New => {
                        worked[usize::from(message.message_id)] += 1;
                        exchanges.begin(key, message.kind, message.token, now_ms);
                        working.push((now_ms + work_ms, key));
                    }
                },
                To::Client => {
                    if message.kind == Kind::Acknowledgement {
                        senders[usize::from(message.message_id)].is_acknowledged = true;
                    } else {
                        let empty = message::write_empty(Kind::Acknowledgement, message.message_id);
                        network.send(now_ms, || To::Server, &empty);
                    }
                    if message.code == Code::CHANGED {
                        let sender = usize::from(datagram[4]);
                        senders[sender].is_acknowledged = true;
                        senders[sender].is_answered = true;
                    }
                }
            }
        }
        for (_, datagram) in out {
            network.send(now_ms, || To::Client, &datagram);
        }
    }
    worked
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// RFC 7252 section 4.5: whatever is lost, copied or overtaken, a request has its effect once; and whoever is not
    /// answered has asked in vain, or was told that the request is there.
    #[test]
    fn a_request_is_worked_on_once_whatever_the_network_does(
        fates in vec(any_fate(), 20..60),
        work_ms in 0_u64..8_000,
        starts in vec(0_u64..20_000, 1..6),
    ) {
        let sender = |(id, start): (usize, &u64)| Sender {
            id: u16::try_from(id).unwrap(),
            sends_at_ms: Some(*start),
            wait_ms: 2_500,
            left: 4,
            is_acknowledged: false,
            is_answered: false,
        };
        let mut senders: Vec<_> = starts.iter().enumerate().map(sender).collect();
        let is_lossless = fates.iter().all(|it| !it.is_empty());
        let network = Network { under_way: Vec::new(), fates: fates.into_iter().cycle() };
        let worked = simulate(&mut senders, network, work_ms);
        prop_assert!(worked.iter().all(|it| *it <= 1), "{worked:?}");
        for (sender, worked) in senders.iter().zip(&worked) {
            prop_assert!(!sender.is_acknowledged || *worked == 1);
            prop_assert!(!is_lossless || sender.is_answered);
        }
    }
}

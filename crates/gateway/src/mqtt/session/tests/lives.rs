//! Random lives of a session, held against what must always be true (4.3, 4.4, 4.9).

use std::collections::{HashMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

use crate::Limits;
use crate::mqtt::decode::Version;
use crate::mqtt::frame::{Framed, frame};
use crate::mqtt::testing::{
    Rig, bytes_v3, bytes_v5, connect_v3, connect_v5, offered, puback, pubcomp, publish_2, pubrec,
    pubrel, subscribe,
};

/// What happens to a recipient's session.
#[derive(Debug, Clone)]
enum Happening {
    /// Custody offers messages.
    Offered(u8),
    /// The client acknowledges one of the packets that it has, rightly.
    Acknowledged(usize),
    /// The client acknowledges anything.
    Nonsense(u8, u16),
    /// The connection is lost, and comes back with a window of its own.
    Reconnected(u16),
    /// Nothing of what was offered so far may leave any more.
    Forbidden,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (1..6_u8).prop_map(Happening::Offered),
        6 => any::<usize>().prop_map(Happening::Acknowledged),
        1 => (0..3_u8, 1..20_u16).prop_map(|(kind, id)| Happening::Nonsense(kind, id)),
        2 => (1..8_u16).prop_map(Happening::Reconnected),
        1 => proptest::prelude::Just(Happening::Forbidden),
    ]
}

/// What a packet to the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    Publish { id: u16, dup: bool },
    Pubrel(u16),
}

/// The packets that matter here, and the payloads of PUBLISH.
fn read(mut bytes: &[u8], version: Version) -> Vec<(Got, String)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let Framed::Whole(it) = frame(bytes, u32::MAX).unwrap() else {
            panic!("the server left a packet unfinished");
        };
        bytes = &bytes[it.total_bytes..];
        let u16_at = |at: usize| u16::from_be_bytes([it.body[at], it.body[at + 1]]);
        match it.first >> 4 {
            3 => {
                let at = 2 + usize::from(u16_at(0));
                let behind = at + 2 + if version == Version::V5 { 1 } else { 0 };
                let payload = String::from_utf8(it.body[behind..].to_vec()).unwrap();
                let (id, dup) = (u16_at(at), it.first & 8 != 0);
                all.push((Got::Publish { id, dup }, payload));
            }
            6 => all.push((Got::Pubrel(u16_at(0)), String::new())),
            _ => {}
        }
    }
    all
}

/// A client of QoS 2 that does as the standard says.
#[derive(Debug, Default)]
struct Reader {
    /// Packets that wait for what the client says next: PUBREC or PUBCOMP.
    open: Vec<Got>,
    /// Identifiers whose message it has and that were not released (4.3.3, receiver).
    held: HashSet<u16>,
    /// How often it took each message.
    taken: HashMap<String, usize>,
    /// Packets on this connection that count against its window.
    unacknowledged: HashSet<u16>,
}

impl Reader {
    fn hear(&mut self, packets: Vec<(Got, String)>) {
        for (got, payload) in packets {
            match got {
                Got::Publish { id, .. } => {
                    assert!(self.unacknowledged.insert(id), "{id} is in use");
                    if self.held.insert(id) {
                        *self.taken.entry(payload).or_default() += 1;
                    }
                }
                Got::Pubrel(id) => {
                    self.unacknowledged.insert(id);
                }
            }
            self.open.push(got);
        }
    }
}

fn connect(version: Version, window: u16) -> Vec<u8> {
    match version {
        Version::V3 => {
            let mut packet = connect_v3();
            packet.username = Some("recipient".into());
            packet.clean_session = false;
            bytes_v3(packet.into())
        }
        Version::V5 => {
            let mut packet = connect_v5();
            packet.username = Some("recipient".into());
            packet.clean_start = false;
            packet.properties.session_expiry_interval = Some(60);
            packet.properties.receive_max = Some(window);
            bytes_v5(packet.into())
        }
    }
}

/// Sends what waits, and lets the client hear it.
fn flush(rig: &mut Rig, reader: &mut Reader) {
    let mut out = Vec::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = rig
        .session
        .poll_offered(&mut rig.backend, &mut cx, usize::MAX);
    while rig.session.window() > 0 && rig.send_next(&mut out).is_some() {}
    reader.hear(read(&out, rig.version));
}

/// The client sends a packet and hears the answers.
fn say(rig: &mut Rig, reader: &mut Reader, bytes: &[u8]) {
    let mut out = Vec::new();
    rig.receive(bytes, &mut out);
    reader.hear(read(&out, rig.version));
    flush(rig, reader);
}

proptest! {
    #[test]
    fn no_message_comes_twice_and_no_identifier_is_in_use_twice(
        is_v5 in any::<bool>(),
        happenings in vec(happening(), 1..60),
    ) {
        let version = if is_v5 { Version::V5 } else { Version::V3 };
        let limits = Limits { max_inflight: 5, ..Limits::default() };
        let mut window = 5;
        let mut rig = Rig::new(version, limits);
        let mut reader = Reader::default();
        rig.send(&connect(version, 5));
        rig.send(&subscribe(version, &[("for/research/#", 2)], &[]));
        let (mut number, mut nonsense) = (0_u32, false);
        for happening in happenings {
            match happening {
                Happening::Offered(count) => {
                    for _ in 0..count {
                        number += 1;
                        rig.world().offered.push_back(offered(1, &number.to_string()));
                    }
                    flush(&mut rig, &mut reader);
                }
                Happening::Acknowledged(at) if !reader.open.is_empty() => {
                    let at = at % reader.open.len();
                    match reader.open.remove(at) {
                        Got::Publish { id, .. } => {
                            reader.unacknowledged.remove(&id);
                            say(&mut rig, &mut reader, &pubrec(id));
                        }
                        Got::Pubrel(id) => {
                            reader.held.remove(&id);
                            reader.unacknowledged.remove(&id);
                            say(&mut rig, &mut reader, &pubcomp(id));
                        }
                    }
                }
                Happening::Acknowledged(_) => {}
                Happening::Nonsense(kind, id) => {
                    // A client that breaks the rules may lose messages; it breaks nothing else.
                    nonsense = true;
                    let bytes = [puback(id), pubrec(id), pubcomp(id)][usize::from(kind)].clone();
                    rig.receive(&bytes, &mut Vec::new());
                }
                Happening::Reconnected(wanted) => {
                    window = if is_v5 { wanted.min(5) } else { 5 };
                    prop_assert!(rig.end());
                    rig.again();
                    reader.open.clear();
                    reader.unacknowledged.clear();
                    let mut out = Vec::new();
                    rig.receive(&connect(version, wanted), &mut out);
                    prop_assert!(rig.session.is_claiming());
                    let answers = rig.call_raw(|session, ctx| {
                        let kept = ctx.backend.world.lock().unwrap().kept.0.take();
                        session.accept(kept, ctx);
                    });
                    reader.hear(read(&answers, version));
                    flush(&mut rig, &mut reader);
                }
                Happening::Forbidden => {
                    let all = (0..=number).map(|it| it.to_string());
                    rig.world().forbidden = all.collect();
                }
            }
            let ids = rig.session.packet_ids_in_flight();
            let unique: HashSet<_> = ids.iter().collect();
            prop_assert_eq!(unique.len(), ids.len());
            prop_assert!(ids.len() <= 5);
            if !nonsense {
                let publishes = reader.open.iter().filter(|it| matches!(it, Got::Publish { .. }));
                prop_assert!(publishes.count() <= usize::from(window));
                prop_assert!(reader.taken.values().all(|it| *it == 1), "{:?}", reader.taken);
            }
        }
    }

    #[test]
    fn a_qos_2_publish_is_taken_once_however_often_it_is_sent(
        is_v5 in any::<bool>(),
        steps in vec((0..4_u8, 1..5_u16), 1..60),
    ) {
        let version = if is_v5 { Version::V5 } else { Version::V3 };
        let connect = match version {
            Version::V3 => {
                let mut packet = connect_v3();
                packet.clean_session = false;
                bytes_v3(packet.into())
            }
            Version::V5 => {
                let mut packet = connect_v5();
                packet.clean_start = false;
                packet.properties.session_expiry_interval = Some(60);
                bytes_v5(packet.into())
            }
        };
        let mut rig = Rig::new(version, Limits::default());
        rig.send(&connect);
        // What the client has sent and not released, and how many messages that makes.
        let mut sent: HashSet<u16> = HashSet::new();
        let mut messages = 0;
        for (step, id) in steps {
            match step {
                0 => {
                    let is_new = sent.insert(id);
                    messages += usize::from(is_new);
                    rig.send(&publish_2(version, id, "{}", !is_new));
                }
                1 => {
                    rig.durable(u64::MAX);
                    let answer = rig.send(&pubrel(id));
                    let known = sent.remove(&id) || !is_v5;
                    let expected = match known {
                        true => format!("PUBCOMP {id}"),
                        false => format!("PUBCOMP {id} 0x92"),
                    };
                    prop_assert_eq!(answer, [expected]);
                }
                2 => {
                    rig.durable(u64::MAX);
                }
                _ => {
                    prop_assert!(rig.end());
                    rig.again();
                    prop_assert_eq!(rig.send(&connect), ["CONNACK 0x00 present"]);
                }
            }
            prop_assert!(!rig.session.is_closed());
            prop_assert_eq!(rig.world().ingested.len(), messages);
        }
    }
}

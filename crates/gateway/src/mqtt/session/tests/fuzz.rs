//! Any bytes: no panic, and how they are cut into reads makes no difference.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert_eq, proptest};

use crate::Limits;
use crate::mqtt::decode::Version;
use crate::mqtt::testing::{
    PINGREQ, Rig, connect, puback, pubcomp, publish, publish_2, pubrec, pubrel, subscribe,
    unsubscribe,
};

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![
        proptest::prelude::Just(Version::V3),
        proptest::prelude::Just(Version::V5)
    ]
}

/// What a session did with some bytes: what it sent, what it took, what it counted.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    out: Vec<u8>,
    ingested: Vec<String>,
    counted: Vec<(&'static str, u64)>,
    is_closed: bool,
}

/// Hands `bytes` over in pieces, as a connection does.
fn run(version: Version, user_name: &str, bytes: &[u8], cuts: &[usize]) -> Outcome {
    let mut rig = Rig::connected(version, user_name, Limits::default());
    let mut out = Vec::new();
    let mut waiting: Vec<u8> = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        let cut = cut.clamp(from, bytes.len());
        waiting.extend_from_slice(&bytes[from..cut]);
        from = cut;
        let used = rig.receive(&waiting, &mut out);
        waiting.drain(..used);
    }
    let ingested = rig.world().ingested.clone();
    Outcome {
        out,
        ingested,
        counted: rig.refusals(),
        is_closed: rig.session.is_closed(),
    }
}

/// Streams of packets, most of them valid, some with a byte changed.
fn stream() -> impl Strategy<Value = (Version, Vec<u8>)> {
    let packet = (0..12_u8, any::<u16>(), "[a-z{}\":0-9]{0,40}");
    (
        version(),
        vec(packet, 0..12),
        vec((any::<usize>(), any::<u8>()), 0..3),
    )
        .prop_map(|(version, packets, changes)| {
            let mut bytes = Vec::new();
            for (kind, number, text) in packets {
                let id = number.max(1);
                bytes.extend_from_slice(&match kind {
                    0 => PINGREQ.to_vec(),
                    1 => subscribe(version, &[("for/a/#", 1)], &[]),
                    2 => unsubscribe(version, &["for/a/#", "b"]),
                    3 => puback(id),
                    4 => publish(version, 0, &text),
                    5 => connect(version, "thing"),
                    6 => publish_2(version, id, &text, false),
                    7 => publish_2(version, id % 4 + 1, &text, true),
                    8 => pubrel(id % 4 + 1),
                    9 => [pubrec(id), pubcomp(id)].concat(),
                    _ => publish(version, id, &text),
                });
            }
            for (at, byte) in changes {
                if !bytes.is_empty() {
                    let at = at % bytes.len();
                    bytes[at] = byte;
                }
            }
            (version, bytes)
        })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(version in version(), bytes in vec(any::<u8>(), 0..400)) {
        for user_name in ["thing", "recipient"] {
            run(version, user_name, &bytes, &[]);
        }
        let mut rig = Rig::new(version, Limits::default());
        rig.receive(&bytes, &mut Vec::new());
    }

    #[test]
    fn a_connect_with_changed_bytes_never_panics(
        version in version(),
        at in 0..60_usize,
        byte in any::<u8>(),
        more in vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = connect(version, "thing");
        if let Some(it) = bytes.get_mut(at) {
            *it = byte;
        }
        bytes.extend_from_slice(&more);
        Rig::new(version, Limits::default()).receive(&bytes, &mut Vec::new());
    }

    #[test]
    fn how_bytes_are_cut_makes_no_difference(
        (version, bytes) in stream(),
        mut cuts in vec(0..600_usize, 0..6),
    ) {
        cuts.sort_unstable();
        for user_name in ["thing", "recipient", "both", "both?purpose=care"] {
            prop_assert_eq!(
                run(version, user_name, &bytes, &[]),
                run(version, user_name, &bytes, &cuts)
            );
        }
    }

    #[test]
    fn a_bad_stream_is_counted_once_for_what_ends_it((version, bytes) in stream()) {
        let outcome = run(version, "thing", &bytes, &[]);
        let counted: u64 = outcome
            .counted
            .iter()
            .filter(|it| !it.0.starts_with("subscriptions_"))
            .map(|it| it.1)
            .sum();
        // The session ends by the first fault; a DISCONNECT of the client is no fault.
        assert!(counted <= 1, "{outcome:?}");
        assert!(counted == 0 || outcome.is_closed, "{outcome:?}");
    }
}

#[test]
fn every_cut_of_one_stream_gives_the_same() {
    for version in [Version::V3, Version::V5] {
        let bytes = [
            publish(version, 1, "{\"a\":1}"),
            PINGREQ.to_vec(),
            subscribe(version, &[("for/a/#", 1)], &[]),
            publish(version, 0, "{}"),
            vec![0xf5, 0],
        ]
        .concat();
        let whole = run(version, "thing", &bytes, &[]);
        for cut in 0..bytes.len() {
            assert_eq!(run(version, "thing", &bytes, &[cut]), whole, "{cut}");
        }
        let every: Vec<_> = (0..bytes.len()).collect();
        assert_eq!(run(version, "thing", &bytes, &every), whole);
    }
}

//! Packets of MQTT from a client: the first byte chooses the version, the rest is what the connection brings.
//! See `crate::any_bytes`.

use mqtt_proto::{PollHeader, v3, v5};

use super::decode::{Packet, Publish, Version, decode, decode_connect};
use super::frame::{Frame, Framed, frame};

/// The longest packet, in bytes.
const MAX_BYTES: u32 = 4_096;

/// Takes a stream apart: a CONNECT or what comes after it. Where a packet ends does not depend on what follows, and a PUBLISH is
/// read as another library reads it.
pub(crate) fn mqtt(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else {
        return;
    };
    let version = match first % 2 {
        0 => Version::V3,
        _ => Version::V5,
    };
    while let Ok(Framed::Whole(found)) = frame(rest, MAX_BYTES) {
        let (packet, after) = rest.split_at(found.total_bytes);
        assert_eq!(frame(packet, MAX_BYTES), Ok(Framed::Whole(found)));
        let part = &packet[..packet.len() - 1];
        assert!(matches!(
            frame(part, MAX_BYTES),
            Ok(Framed::Partial { needed_bytes }) if needed_bytes <= packet.len()
        ));
        match found.first >> 4 {
            1 => drop(decode_connect(found)),
            _ => {
                if let Ok(Packet::Publish(it)) = decode(found, version) {
                    agrees(&it, found, version);
                }
            }
        }
        rest = after;
    }
}

fn agrees(ours: &Publish<'_>, found: Frame<'_>, version: Version) {
    let remaining = u32::try_from(found.body.len()).unwrap();
    let total = u32::try_from(found.total_bytes).unwrap();
    let (topic, payload) = match version {
        Version::V3 => {
            let header = v3::Header::new_with(found.first, remaining, total).unwrap();
            match header.decode_buffer(found.body, &mut 0) {
                Ok(v3::Packet::Publish(it)) => (it.topic_name, it.payload),
                other => panic!("only we read {found:02x?}: {other:?}"),
            }
        }
        Version::V5 => {
            let header = v5::Header::new_with(found.first, remaining, total).unwrap();
            match header.decode_buffer(found.body, &mut 0) {
                Ok(v5::Packet::Publish(it)) => (it.topic_name, it.payload),
                // Whether a payload is what its indicator says is left to custody.
                Err(v5::ErrorV5::InvalidPayloadFormat) => return,
                other => panic!("only we read {found:02x?}: {other:?}"),
            }
        }
    };
    assert_eq!((ours.topic, ours.payload), (&*topic, &payload[..]));
}

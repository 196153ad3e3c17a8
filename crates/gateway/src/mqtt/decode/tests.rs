//! Our reading of PUBLISH says the same as the codec's.

use mqtt_proto::{PollHeader, QosPid, v3, v5};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::publish::{Publish, decode_publish};
use super::{Fault, Version};
use crate::mqtt::frame::Frame;

fn ours(first: u8, body: &[u8], version: Version) -> Result<Publish<'_>, Fault> {
    let frame = Frame {
        first,
        body,
        total_bytes: body.len() + 2,
    };
    decode_publish(frame, version)
}

fn packet_id(qos: QosPid) -> Option<u16> {
    qos.pid().map(mqtt_proto::Pid::value)
}

proptest! {
    #[test]
    fn whatever_we_accept_the_codec_reads_the_same(
        flags in 0..16_u8,
        topic in "[a-zé/]{0,6}",
        properties in vec(any::<u8>(), 0..12),
        rest in vec(any::<u8>(), 0..12),
    ) {
        let first = 0x30 | flags;
        let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
        body.extend_from_slice(topic.as_bytes());
        if flags & 0b110 != 0 {
            body.extend_from_slice(&[0, 1]);
        }
        let v3_body = [body.clone(), rest.clone()].concat();
        body.push(u8::try_from(properties.len()).unwrap());
        let v5_body = [body, properties, rest].concat();

        if let Ok(publish) = ours(first, &v3_body, Version::V3) {
            let remaining = u32::try_from(v3_body.len()).unwrap();
            let header = v3::Header::new_with(first, remaining, remaining + 2).unwrap();
            let Ok(v3::Packet::Publish(codec)) = header.decode_buffer(&v3_body, &mut 0) else {
                return Err(proptest::test_runner::TestCaseError::fail("the codec refuses"));
            };
            prop_assert_eq!(publish.topic, &*codec.topic_name);
            prop_assert_eq!(publish.payload, &codec.payload[..]);
            prop_assert_eq!(publish.packet_id, packet_id(codec.qos_pid));
            prop_assert_eq!(publish.retain, codec.retain);
        }
        if let Ok(publish) = ours(first, &v5_body, Version::V5) {
            let remaining = u32::try_from(v5_body.len()).unwrap();
            let header = v5::Header::new_with(first, remaining, remaining + 2).unwrap();
            match header.decode_buffer(&v5_body, &mut 0) {
                Ok(v5::Packet::Publish(codec)) => {
                    prop_assert_eq!(publish.topic, &*codec.topic_name);
                    prop_assert_eq!(publish.payload, &codec.payload[..]);
                    prop_assert_eq!(publish.packet_id, packet_id(codec.qos_pid));
                    prop_assert_eq!(publish.alias, codec.properties.topic_alias);
                }
                // We leave it to custody whether a payload is what its indicator says.
                refused => prop_assert!(
                    matches!(refused, Err(v5::ErrorV5::InvalidPayloadFormat)),
                    "{:?}", refused
                ),
            }
        }
    }
}

//! What is written by hand is what the codec would write.

use bytes::Bytes;
use mqtt_proto::{Pid, QosPid, TopicName, v3, v5};

use super::{Answer, Outgoing, Terms, Version, puback, publish, suback};

fn terms(version: Version) -> Terms {
    Terms {
        version,
        max_packet_bytes: u32::MAX,
        wants_problems: true,
    }
}

#[test]
fn a_delivery_is_written_as_the_codec_writes_it() {
    for payload_bytes in [0, 1, 100, 127, 128, 20_000] {
        for packet_id in [None, Some(300)] {
            for coarse in [false, true] {
                let payload = vec![b'x'; payload_bytes];
                let packet = Outgoing {
                    topic: b"home-1/meter-7",
                    packet_id,
                    coarse,
                    payload: &payload,
                };
                let qos = packet_id.map_or(QosPid::Level0, |it| {
                    QosPid::Level1(Pid::try_from(it).unwrap())
                });
                let topic = TopicName::try_from("home-1/meter-7").unwrap();
                let codec = v3::Publish::new(qos, topic.clone(), Bytes::from(payload.clone()));
                let mut out = Vec::new();
                assert!(publish(packet, terms(Version::V3), &mut out));
                assert_eq!(out, v3::Packet::from(codec).encode().unwrap().as_ref());

                let mut codec = v5::Publish::new(qos, topic, Bytes::from(payload.clone()));
                if coarse {
                    codec.properties.user_properties = vec![v5::UserProperty {
                        name: "coarse".into(),
                        value: "true".into(),
                    }];
                }
                out.clear();
                assert!(publish(packet, terms(Version::V5), &mut out));
                assert_eq!(out, v5::Packet::from(codec).encode().unwrap().as_ref());
            }
        }
    }
}

#[test]
fn a_delivery_is_bounded_to_the_byte() {
    let packet = Outgoing {
        topic: b"a/b",
        packet_id: None,
        coarse: false,
        payload: &[b'x'; 200],
    };
    let length = 3 + 2 + 3 + 1 + 200;
    for (max_packet_bytes, fits) in [(length, true), (length - 1, false)] {
        let mut out = Vec::new();
        let terms = Terms {
            max_packet_bytes,
            ..terms(Version::V5)
        };
        assert_eq!(publish(packet, terms, &mut out), fits);
        assert_eq!(out.len(), if fits { length as usize } else { 0 });
    }
}

#[test]
fn puback_of_success_has_four_bytes_in_both_versions() {
    let mut out = Vec::new();
    puback(0x0102, &mut out);
    assert_eq!(out, [0x40, 2, 1, 2]);
    let pid = Pid::try_from(0x0102).unwrap();
    assert_eq!(v3::Packet::Puback(pid).encode().unwrap().as_ref(), out);
    let codec = v5::Packet::from(v5::Puback::new_success(pid));
    assert_eq!(codec.encode().unwrap().as_ref(), out);
}

#[test]
fn a_refused_subscription_is_0x80_in_mqtt_3_1_1_section_3_9_3() {
    let mut out = Vec::new();
    let answers = [
        v5::SubscribeReasonCode::GrantedQoS0,
        v5::SubscribeReasonCode::GrantedQoS1,
        v5::SubscribeReasonCode::NotAuthorized,
    ]
    .map(|code| Answer { code, text: None });
    suback(9, &answers, terms(Version::V3), &mut out);
    assert_eq!(out, [0x90, 5, 0, 9, 0x00, 0x01, 0x80]);
}

//! What is written by hand is what the codec would write.

use bytes::Bytes;
use mqtt_proto::{Pid, QosPid, TopicName, v3, v5};

use super::{Answer, Outgoing, Terms, Version, ack, ack_refused, publish, suback};
use crate::mqtt::decode::AckKind;

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
                    qos: u8::from(packet_id.is_some()),
                    packet_id,
                    coarse,
                    payload: &payload,
                    ..Outgoing::default()
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
        payload: &[b'x'; 200],
        ..Outgoing::default()
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
fn every_property_and_flag_is_written_as_the_codec_reads_it_section_3_3() {
    let packet = Outgoing {
        topic: b"home-1/meter-7",
        qos: 2,
        packet_id: Some(300),
        dup: true,
        retain: true,
        coarse: true,
        alias: Some(9),
        expiry_s: Some(70_000),
        identifiers: &[200],
        properties: &[0x03, 0, 1, b'x'],
        payload: b"{}",
    };
    let mut out = Vec::new();
    assert!(publish(packet, terms(Version::V5), &mut out));
    let Ok(Some(v5::Packet::Publish(read))) = v5::Packet::decode(&out) else {
        panic!("the codec cannot read it");
    };
    assert!(read.dup && read.retain);
    assert_eq!(read.qos_pid, QosPid::Level2(Pid::try_from(300).unwrap()));
    assert_eq!(read.properties.topic_alias, Some(9));
    assert_eq!(read.properties.message_expiry_interval, Some(70_000));
    assert_eq!(read.properties.subscription_id.unwrap().value(), 200);
    assert_eq!(&*read.properties.user_properties[0].name, "coarse");
    assert_eq!(read.properties.content_type.as_deref(), Some("x"));
    assert_eq!(&*read.topic_name, "home-1/meter-7");
    assert_eq!(read.payload, "{}");

    out.clear();
    assert!(publish(packet, terms(Version::V3), &mut out));
    let Ok(Some(v3::Packet::Publish(read))) = v3::Packet::decode(&out) else {
        panic!("the codec cannot read it");
    };
    assert!(read.dup && read.retain);
    assert_eq!(read.qos_pid, QosPid::Level2(Pid::try_from(300).unwrap()));
}

#[test]
fn many_identifiers_make_the_length_of_the_properties_two_bytes() {
    let identifiers = vec![268_435_455; 40];
    let packet = Outgoing {
        topic: b"a",
        identifiers: &identifiers,
        ..Outgoing::default()
    };
    let mut out = Vec::new();
    let length = 3 + 3 + 2 + 200;
    let exact = Terms {
        max_packet_bytes: length,
        ..terms(Version::V5)
    };
    assert!(publish(packet, exact, &mut out));
    assert_eq!(out.len(), length as usize);
}

#[test]
fn an_acknowledgement_of_success_has_four_bytes_in_both_versions() {
    let pid = Pid::try_from(0x0102).unwrap();
    for (kind, v3, v5) in [
        (
            AckKind::Puback,
            v3::Packet::Puback(pid),
            v5::Puback::new_success(pid).into(),
        ),
        (
            AckKind::Pubrec,
            v3::Packet::Pubrec(pid),
            v5::Pubrec::new_success(pid).into(),
        ),
        (
            AckKind::Pubrel,
            v3::Packet::Pubrel(pid),
            v5::Pubrel::new_success(pid).into(),
        ),
        (
            AckKind::Pubcomp,
            v3::Packet::Pubcomp(pid),
            v5::Packet::from(v5::Pubcomp::new_success(pid)),
        ),
    ] {
        let mut out = Vec::new();
        ack(kind, 0x0102, &mut out);
        assert_eq!(out.len(), 4);
        assert_eq!(v3.encode().unwrap().as_ref(), out);
        assert_eq!(v5.encode().unwrap().as_ref(), out);
    }
}

#[test]
fn a_refusal_is_written_as_the_codec_writes_it_and_never_too_long() {
    let pid = Pid::try_from(7).unwrap();
    for length in [0, 1, 124, 125, 200] {
        let text = "x".repeat(length);
        let mut codec = v5::Pubrec::new(pid, v5::PubrecReasonCode::QuotaExceeded);
        codec.properties.reason_string = Some(text.as_str().into());
        let codec = v5::Packet::from(codec);
        let mut out = Vec::new();
        let refuse = |max_packet_bytes, out: &mut Vec<u8>| {
            let terms = Terms {
                max_packet_bytes,
                ..terms(Version::V5)
            };
            ack_refused(AckKind::Pubrec, 7, 0x97, &text, terms, out);
        };
        refuse(u32::MAX, &mut out);
        assert_eq!(codec.encode().unwrap().as_ref(), out, "{length}");
        let exact = u32::try_from(out.len()).unwrap();
        out.clear();
        refuse(exact, &mut out);
        assert_eq!(out.len(), exact as usize);
        out.clear();
        refuse(exact - 1, &mut out);
        assert_eq!(out, [0x50, 3, 0, 7, 0x97]);
    }
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

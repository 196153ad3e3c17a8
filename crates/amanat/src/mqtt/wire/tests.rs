use mqtt_proto::{Pid, QoS, QosPid, v3, v5};

use super::*;

/// Every cut of `bytes` is incomplete, and the whole is one packet that ends where the bytes end.
#[track_caller]
fn check_cuts(bytes: &[u8], protocol: Protocol) {
    for end in 0..bytes.len() {
        assert_eq!(next(&bytes[..end], protocol), Ok(None), "cut at {end}");
    }
    let (_, total) = next(bytes, protocol).unwrap().unwrap();
    assert_eq!(total, bytes.len());
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn connect_of(protocol: Protocol) -> Vec<u8> {
    written(|out| {
        let packet = Connect {
            protocol,
            client_id: "load-1",
            credentials: Some(("meter-1", b"token")),
        };
        connect(out, &packet).unwrap();
    })
}

#[test]
fn a_second_codec_reads_connect_as_meant() {
    let Some(v3::Packet::Connect(packet)) =
        v3::Packet::decode(&connect_of(Protocol::V311)).unwrap()
    else {
        panic!("no CONNECT")
    };
    assert_eq!((&*packet.client_id, packet.keep_alive), ("load-1", 60));
    assert_eq!(&*packet.username.unwrap(), "meter-1");
    assert_eq!(packet.password.unwrap(), b"token".as_slice());
    assert!(packet.clean_session);

    let Some(v5::Packet::Connect(packet)) = v5::Packet::decode(&connect_of(Protocol::V5)).unwrap()
    else {
        panic!("no CONNECT")
    };
    assert_eq!(&*packet.client_id, "load-1");
    assert_eq!(packet.password.unwrap(), b"token".as_slice());
}

#[test]
fn a_second_codec_reads_publish_of_every_length_as_meant() {
    for length in [0, 1, 100, 127, 128, 16_383, 16_384, 70_000] {
        let payload = vec![b'x'; length];
        let bytes = written(|out| publish(out, Protocol::V311, "a/b", Some(7), &payload).unwrap());
        let Some(v3::Packet::Publish(packet)) = v3::Packet::decode(&bytes).unwrap() else {
            panic!("no PUBLISH")
        };
        assert_eq!(packet.qos_pid, QosPid::Level1(Pid::try_from(7).unwrap()));
        assert_eq!(&*packet.topic_name, "a/b");
        assert_eq!(packet.payload, payload);

        let bytes = written(|out| publish(out, Protocol::V5, "a/b", None, &payload).unwrap());
        let Some(v5::Packet::Publish(packet)) = v5::Packet::decode(&bytes).unwrap() else {
            panic!("no PUBLISH")
        };
        assert_eq!(packet.qos_pid, QosPid::Level0);
        assert_eq!(packet.payload, payload);
    }
}

#[test]
fn a_second_codec_reads_subscribe_with_its_purpose() {
    let bytes = written(|out| {
        subscribe(
            out,
            Protocol::V5,
            3,
            "+/+",
            Qos::AtLeastOnce,
            Some("research"),
        )
        .unwrap();
    });
    let Some(v5::Packet::Subscribe(packet)) = v5::Packet::decode(&bytes).unwrap() else {
        panic!("no SUBSCRIBE")
    };
    let property = &packet.properties.user_properties[0];
    assert_eq!((&*property.name, &*property.value), ("purpose", "research"));
    assert_eq!(packet.topics[0].1.max_qos, QoS::Level1);

    let bytes = written(|out| {
        subscribe(out, Protocol::V311, 3, "for/x/#", Qos::AtMostOnce, None).unwrap();
    });
    let Some(v3::Packet::Subscribe(packet)) = v3::Packet::decode(&bytes).unwrap() else {
        panic!("no SUBSCRIBE")
    };
    assert_eq!(&*packet.topics[0].0, "for/x/#");
}

#[test]
fn connack_tells_code_receive_maximum_and_reason() {
    let mut packet = v5::Connack::new(false, v5::ConnectReasonCode::NotAuthorized);
    packet.properties.receive_max = Some(20);
    packet.properties.max_packet_size = Some(65_536);
    packet.properties.topic_alias_max = Some(0);
    packet.properties.assigned_client_id = Some("x".into());
    packet.properties.reason_string = Some("no licence".into());
    packet.properties.user_properties = vec![v5::UserProperty {
        name: "a".into(),
        value: "b".into(),
    }];
    let bytes = v5::Packet::Connack(packet).encode().unwrap();
    check_cuts(bytes.as_ref(), Protocol::V5);
    let (incoming, _) = next(bytes.as_ref(), Protocol::V5).unwrap().unwrap();
    assert_eq!(
        incoming,
        Incoming::Connack(Connack {
            code: 0x87,
            receive_maximum: 20,
            reason: Some("no licence".to_owned()),
        })
    );
}

#[test]
fn acknowledgements_are_read_short_and_long() {
    let short = [0x40, 2, 0x12, 0x34];
    check_cuts(&short, Protocol::V311);
    let (incoming, _) = next(&short, Protocol::V5).unwrap().unwrap();
    assert_eq!(
        incoming,
        Incoming::Puback {
            packet_id: 0x1234,
            code: 0
        }
    );
    let long = [0x40, 4, 0x12, 0x34, 0x87, 0];
    check_cuts(&long, Protocol::V5);
    let (incoming, _) = next(&long, Protocol::V5).unwrap().unwrap();
    assert_eq!(
        incoming,
        Incoming::Puback {
            packet_id: 0x1234,
            code: 0x87
        }
    );
}

#[test]
fn messages_from_the_server_are_slices_of_the_buffer() {
    let bytes = written(|out| publish(out, Protocol::V5, "for/a", Some(9), b"{}").unwrap());
    check_cuts(&bytes, Protocol::V5);
    let (incoming, _) = next(&bytes, Protocol::V5).unwrap().unwrap();
    assert_eq!(
        incoming,
        Incoming::Publish {
            topic: b"for/a",
            packet_id: Some(9),
            payload: b"{}"
        }
    );
}

#[test]
fn suback_and_disconnect_carry_their_reason() {
    let mut packet = v5::Suback::new(
        Pid::try_from(1).unwrap(),
        vec![v5::SubscribeReasonCode::NotAuthorized],
    );
    packet.properties.reason_string = Some("no grant names this purpose".into());
    let bytes = v5::Packet::Suback(packet).encode().unwrap();
    check_cuts(bytes.as_ref(), Protocol::V5);
    let (incoming, _) = next(bytes.as_ref(), Protocol::V5).unwrap().unwrap();
    assert_eq!(
        incoming,
        Incoming::Suback {
            code: 0x87,
            reason: Some("no grant names this purpose".to_owned())
        }
    );
    let (incoming, _) = next(&[0xe0, 0], Protocol::V311).unwrap().unwrap();
    assert_eq!(
        incoming,
        Incoming::Disconnect {
            code: 0,
            reason: None
        }
    );
}

#[test]
fn broken_packets_are_named_by_their_type() {
    assert_eq!(
        next(&[0xf0, 0], Protocol::V311),
        Err(WireError::Malformed(15))
    );
    assert_eq!(
        next(&[0x30, 0xff, 0xff, 0xff, 0xff], Protocol::V311),
        Err(WireError::Malformed(3))
    );
    assert_eq!(
        next(&[0x30, 1, 0], Protocol::V311),
        Err(WireError::Malformed(3))
    );
    let mut out = Vec::new();
    let long = "x".repeat(65_536);
    assert_eq!(
        publish(&mut out, Protocol::V5, &long, None, b""),
        Err(WireError::TextTooLong(65_536))
    );
}

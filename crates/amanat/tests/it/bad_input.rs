//! What must not come in: each gets the protocol's own error and one counter, and nothing else changes.

mod slow {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use crate::harness::{Amanat, House, METER, PATIENCE, Packet, Version, Visitor, Wire};

    /// Small, so that a packet above it is quickly sent.
    const PACKET_BYTES: &str = "limits.packet-bytes=8192";
    const CONNECT_BYTES: &str = "limits.connect-bytes=4096";
    const LIMIT: usize = 8_192;

    /// Counters that move with every connection, good or bad.
    const ALWAYS: [&str; 5] = [
        "connections_accepted",
        "connections_closed",
        "sessions_opened",
        "bytes_received",
        "bytes_sent",
    ];

    struct World {
        house: House,
        amanat: Amanat,
    }

    impl World {
        fn new() -> Self {
            let house = House::new();
            let amanat = house.serve(&[PACKET_BYTES, CONNECT_BYTES]);
            Self { house, amanat }
        }

        fn counts(&self) -> BTreeMap<String, u64> {
            let mut counts = self.amanat.counters();
            counts.retain(|name, _| !ALWAYS.contains(&name.as_str()));
            assert!(counts.len() > 30, "{counts:?}");
            counts
        }

        /// Does something bad; exactly one counter moves, by one.
        #[track_caller]
        fn counts_once<T>(&self, counter: &str, act: impl FnOnce() -> T) -> T {
            let before = self.counts();
            let value = act();
            let mut after = self.counts();
            // It moves before or just after the answer is on its way.
            testkit::wait_until(counter, PATIENCE, || {
                after = self.counts();
                after != before
            });
            after.retain(|name, value| before.get(name) != Some(value));
            let expected = before[counter] + 1;
            assert_eq!(after, BTreeMap::from([(counter.to_owned(), expected)]));
            value
        }

        fn session(&self, version: Version, user_name: &str) -> Wire {
            let password = self.house.password(user_name);
            Wire::session(self.amanat.mqtt(), version, user_name, password)
        }

        /// What is in the timeline of the person in the home, as text.
        fn timeline(&self) -> String {
            let mut visitor: Visitor = self.amanat.visitor("en");
            visitor.sign_in(&self.house.resident_link).text()
        }
    }

    /// MQTT 5 answers a publish with a reason code and goes on; MQTT 3.1.1 closes without an acknowledgement.
    #[track_caller]
    fn is_refused(wire: &mut Wire, version: Version, payload: &[u8], reason: u8) {
        let answer = wire.publish(1, payload);
        match (version, answer) {
            (Version::V5, Some(puback)) => {
                assert_eq!(
                    (puback.kind, puback.id(), puback.reason()),
                    (Packet::PUBACK, 1, reason)
                );
                let good = wire.publish(2, b"{}");
                assert!(good.is_some(), "the session ended");
            }
            (Version::V311, None) => {}
            (_, answer) => panic!("{version:?}: {answer:?}"),
        }
    }

    #[test]
    fn wrong_credentials_are_refused_and_counted() {
        let world = World::new();
        let server = world.amanat.mqtt();
        for (version, code) in [(Version::V311, 4), (Version::V5, 0x86)] {
            let good = world.house.password(METER);
            let of_another = world.house.password("adviser");
            for (user_name, password) in [
                (METER, "wrong"),
                (METER, ""),
                (METER, of_another),
                ("nobody", good),
                ("", good),
            ] {
                world.counts_once("bad_credentials", || {
                    let (mut wire, connack) = Wire::connect(server, version, user_name, password);
                    assert_eq!((connack.kind, connack.reason()), (Packet::CONNACK, code));
                    assert_eq!(wire.read(), None, "the connection stays open");
                });
            }
        }
    }

    #[test]
    fn publishes_that_cannot_be_taken_leave_no_trace() {
        let world = World::new();
        let broken: [&[u8]; 6] = [
            b"",
            b"{\"power\":",
            b"power=12",
            b"{\"power\":1}{",
            b"\xff\xfe",
            b"{\"power\":1,\"power\":2}",
        ];
        for version in [Version::V311, Version::V5] {
            for payload in broken {
                world.counts_once("publishes_malformed", || {
                    let mut wire = world.session(version, METER);
                    let answer = wire.publish(1, payload);
                    let expected = (version == Version::V5).then_some((Packet::PUBACK, 0x99));
                    assert_eq!(
                        answer.map(|it| (it.kind, it.reason())),
                        expected,
                        "{payload:?}"
                    );
                });
            }
        }
        assert!(world.timeline().contains("Nothing was recorded"));
    }

    #[test]
    fn only_licensed_things_publish() {
        let world = World::new();
        for version in [Version::V311, Version::V5] {
            for (user_name, counter) in [
                ("test-box", "publishes_unlicensed"),
                ("adviser", "publishes_not_allowed"),
            ] {
                world.counts_once(counter, || {
                    let mut wire = world.session(version, user_name);
                    let answer = wire.publish(1, br#"{"dust":1}"#);
                    let expected = (version == Version::V5).then_some((Packet::PUBACK, 0x87));
                    assert_eq!(answer.map(|it| (it.kind, it.reason())), expected);
                });
            }
        }
    }

    #[test]
    fn a_refused_publish_does_not_end_a_session_of_mqtt_5() {
        let world = World::new();
        let mut wire = world.session(Version::V5, METER);
        is_refused(&mut wire, Version::V5, b"no json", 0x99);
        let taken = wire.publish(3, br#"{"power":77}"#).unwrap();
        assert_eq!(
            (taken.kind, taken.id(), taken.reason()),
            (Packet::PUBACK, 3, 0)
        );
        let mut wire = world.session(Version::V311, METER);
        is_refused(&mut wire, Version::V311, b"no json", 0);
    }

    #[test]
    fn packets_above_the_limit_end_the_session() {
        let world = World::new();
        let payload = format!("{{\"power\":1,\"filler\":\"{}\"}}", "x".repeat(LIMIT));
        for version in [Version::V311, Version::V5] {
            world.counts_once("oversized_packets", || {
                let mut wire = world.session(version, METER);
                let answer = wire.publish(1, payload.as_bytes());
                let expected = (version == Version::V5).then_some((Packet::DISCONNECT, 0x95));
                assert_eq!(answer.map(|it| (it.kind, it.reason())), expected);
            });
        }
        assert!(world.timeline().contains("Nothing was recorded"));
    }

    #[test]
    fn topics_that_are_none_are_refused() {
        let world = World::new();
        let deep = "a/".repeat(40);
        for version in [Version::V311, Version::V5] {
            for filter in [
                "for/energy-advice",
                "for/energy-advice/a/b/c",
                "for/energy-advice/A/b",
            ] {
                world.counts_once("subscriptions_invalid", || {
                    let code = world.session(version, "adviser").subscribe(filter, &[]);
                    let expected = if version == Version::V5 { 0x8f } else { 0x80 };
                    assert_eq!(code, Some(expected), "{filter}");
                });
            }
            world.counts_once("subscriptions_denied", || {
                let code = world
                    .session(version, METER)
                    .subscribe("for/energy-advice/#", &[]);
                let expected = if version == Version::V5 { 0x87 } else { 0x80 };
                assert_eq!(code, Some(expected));
            });
            world.counts_once("topics_rejected", || {
                let mut wire = world.session(version, METER);
                let publish = wire.publish_packet(&deep, 1, b"{}");
                wire.send(&publish);
                let expected = (version == Version::V5).then_some((Packet::PUBACK, 0x90));
                assert_eq!(wire.read().map(|it| (it.kind, it.reason())), expected);
            });
        }
    }

    #[test]
    fn bytes_that_are_no_protocol_are_refused() {
        let world = World::new();
        let server = world.amanat.mqtt();
        world.counts_once("not_mqtt", || {
            let mut wire = Wire::open(server, Version::V5);
            wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(wire.read(), None);
        });
        // A reserved packet type; a remaining length that never ends; QoS 3; a second CONNACK.
        let cases: [(&[u8], u8, &str); 4] = [
            (&[0x00, 0x00], 0x81, "malformed_packets"),
            (
                &[0x30, 0xff, 0xff, 0xff, 0xff, 0x7f],
                0x81,
                "malformed_packets",
            ),
            (
                &[0x36, 0x06, 0, 1, b'a', 0, 1, 0],
                0x81,
                "malformed_packets",
            ),
            (&[0x20, 0x03, 0, 0, 0], 0x82, "protocol_errors"),
        ];
        for (bytes, reason, counter) in cases {
            for version in [Version::V5, Version::V311] {
                world.counts_once(counter, || {
                    let mut wire = world.session(version, METER);
                    wire.send(bytes);
                    let expected = (version == Version::V5).then_some((Packet::DISCONNECT, reason));
                    let answer = wire.read().map(|it| (it.kind, it.reason()));
                    assert_eq!(answer, expected, "{bytes:?}");
                });
            }
        }
    }

    #[test]
    fn http_answers_bad_messages_with_problem_details() {
        let world = World::new();
        let good = format!("Bearer {METER}:{}", world.house.password(METER));
        let unlicensed = format!("Bearer test-box:{}", world.house.password("test-box"));
        let recipient = format!("Bearer adviser:{}", world.house.password("adviser"));
        let json = "application/json";
        let large = format!("{{\"filler\":\"{}\"}}", "x".repeat(LIMIT));
        let cases: [(&str, &str, &str, u16, &str); 8] = [
            ("", json, "{}", 401, "bad_credentials"),
            (
                "Bearer test-meter:wrong",
                json,
                "{}",
                401,
                "bad_credentials",
            ),
            (
                &unlicensed,
                json,
                "{\"dust\":1}",
                403,
                "publishes_unlicensed",
            ),
            (&recipient, json, "{}", 403, "publishes_not_allowed"),
            (&good, json, &large, 413, "publishes_too_large"),
            (&good, "text/plain", "{}", 415, "unsupported_media_type"),
            (&good, json, "{\"power\":", 422, "publishes_malformed"),
            (
                &good,
                json,
                "{\"power\":1,\"power\":2}",
                422,
                "publishes_malformed",
            ),
        ];
        for (authorization, content_type, body, status, counter) in cases {
            let page = world.counts_once(counter, || {
                let headers = [
                    ("authorization", authorization),
                    ("content-type", content_type),
                ];
                let skip = usize::from(authorization.is_empty());
                let mut visitor = world.amanat.visitor("en");
                visitor.send("/ingest/v1", &headers[skip..], body.as_bytes())
            });
            assert_eq!(page.status, status, "{}", page.body);
            assert_eq!(
                page.header("content-type"),
                Some("application/problem+json")
            );
            let problem: Value = serde_json::from_str(&page.body).unwrap();
            assert_eq!(problem["status"], status);
            assert!(problem["title"].is_string() && problem["detail"].is_string());
            assert!(!page.body.contains("filler"), "the payload comes back");
        }
        assert!(world.timeline().contains("Nothing was recorded"));
    }
}

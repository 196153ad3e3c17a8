//! Journey 1: clients as people have them publish as a registered thing and receive as a recipient with a purpose.

mod slow {
    use rumqttc::v5::mqttbytes::QoS as QoSV5;
    use rumqttc::v5::mqttbytes::v5::{Packet as PacketV5, SubscribeProperties};
    use rumqttc::{Event, Packet, QoS};

    use crate::harness::{Amanat, House, METER, PATIENCE, Received, publish};

    /// A message with a number that keeps its digits, fields nobody declared, and one that is off by default.
    const MESSAGE: &str =
        r#"{"power":1234.50,"temperature":21.5,"ssid":"home","gps":{"lat":31.5}}"#;
    /// What the adviser may have of it.
    const ADVICE: &str = r#"{"power":1234.50,"temperature":21.5}"#;
    /// What the laboratory may have of it: coarse power, and no temperature without consent.
    const RESEARCH: &str = r#"{"power":1200,"@coarse":{"/power":50}}"#;

    #[track_caller]
    fn check(received: &Received, topic: &str, payload: &str) {
        assert_eq!(received.topic, topic);
        let found: serde_json::Value = serde_json::from_str(&received.payload).unwrap();
        let wanted: serde_json::Value = serde_json::from_str(payload).unwrap();
        assert_eq!(found, wanted, "{}", received.payload);
    }

    #[test]
    fn mosquitto_clients_get_what_is_declared_chosen_and_granted_and_nothing_else() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let server = amanat.mqtt();
        let property = ["-D", "subscribe", "user-property", "purpose"];
        let [d, subscribe, user, purpose] = property;
        let cases: [(&str, &[&str], &[&str], &str); 3] = [
            (
                "mqttv311",
                &["-t", "for/energy-advice/test-home/+"],
                &["-t", "for/research/#"],
                "for/",
            ),
            (
                "mqttv5",
                &["-t", "for/energy-advice/test-home/test-meter"],
                &["-t", "for/research/+/+"],
                "for/",
            ),
            (
                "mqttv5",
                &["-t", "#", d, subscribe, user, purpose, "energy-advice"],
                &[
                    "-t",
                    "+/test-meter",
                    d,
                    subscribe,
                    user,
                    purpose,
                    "research",
                ],
                "",
            ),
        ];
        for (version, advice, research, prefix) in cases {
            let adviser = house.client(server, version, "adviser").subscribe(advice);
            let laboratory = house
                .client(server, version, "laboratory")
                .subscribe(research);
            assert_eq!((adviser.subscribed(), laboratory.subscribed()), (1, 1));
            let meter = house.client(server, version, METER);
            let run = publish(&meter, "shellies/kitchen/status", MESSAGE);
            assert_eq!(run.code, Some(0), "{run:?}");
            let topic = |purpose: &str| match prefix {
                "" => "test-home/test-meter".to_owned(),
                prefix => format!("{prefix}{purpose}/test-home/test-meter"),
            };
            let received = adviser.wait_for("the adviser has the message", |_| true);
            check(&received, &topic("energy-advice"), ADVICE);
            assert!(received.payload.contains("1234.50"), "{received:?}");
            let received = laboratory.wait_for("the laboratory has the message", |_| true);
            check(&received, &topic("research"), RESEARCH);
            // What was delivered once is not delivered again.
            assert_eq!(
                (adviser.received().len(), laboratory.received().len()),
                (1, 1)
            );
        }
    }

    #[test]
    fn without_a_purpose_that_is_granted_mosquitto_sub_is_refused() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let server = amanat.mqtt();
        let denied = || amanat.counters()["subscriptions_denied"];
        let no_purpose: &[&str] = &["-t", "#"];
        let not_declared: &[&str] = &["-t", "for/espionage/#"];
        let not_granted: &[&str] = &["-t", "for/marketing/#"];
        let of_another: &[&str] = &["-t", "for/research/test-home/+"];
        let property: &[&str] = &[
            "-t",
            "#",
            "-D",
            "subscribe",
            "user-property",
            "purpose",
            "marketing",
        ];
        let cases = [
            ("mqttv311", no_purpose),
            ("mqttv311", not_declared),
            ("mqttv311", not_granted),
            ("mqttv311", of_another),
            ("mqttv5", no_purpose),
            ("mqttv5", not_declared),
            ("mqttv5", not_granted),
            ("mqttv5", of_another),
            ("mqttv5", property),
        ];
        for (count, (version, arguments)) in (1..).zip(cases) {
            let client = house.client(server, version, "adviser");
            let subscriber = client.subscribe(arguments);
            let expected = if version == "mqttv5" { 0x87 } else { 0x80 };
            assert_eq!(subscriber.subscribed(), expected, "{version} {arguments:?}");
            assert_eq!(denied(), count, "{version} {arguments:?}");
            let lines = subscriber.ended();
            assert!(
                !lines.iter().any(|it| it.starts_with("message ")),
                "{lines:?}"
            );
        }
    }

    /// Options of rumqttc for MQTT 3.1.1.
    fn options(amanat: &Amanat, house: &House, user_name: &str) -> rumqttc::MqttOptions {
        let server = amanat.mqtt();
        let id = format!("rumqttc-{user_name}");
        let mut options = rumqttc::MqttOptions::new(id, server.ip().to_string(), server.port());
        options.set_credentials(user_name, house.password(user_name));
        options
    }

    /// Options of rumqttc for MQTT 5.
    fn options_v5(amanat: &Amanat, house: &House, user_name: &str) -> rumqttc::v5::MqttOptions {
        let server = amanat.mqtt();
        let id = format!("rumqttc-5-{user_name}");
        let mut options = rumqttc::v5::MqttOptions::new(id, server.ip().to_string(), server.port());
        options.set_credentials(user_name, house.password(user_name));
        options
    }

    /// The first packet that `wanted` makes something of.
    #[track_caller]
    fn next<T>(
        connection: &mut rumqttc::Connection,
        what: &str,
        wanted: impl Fn(&Packet) -> Option<T>,
    ) -> T {
        for _ in 0..100 {
            match connection.recv_timeout(PATIENCE) {
                Ok(Ok(Event::Incoming(packet))) => {
                    if let Some(found) = wanted(&packet) {
                        return found;
                    }
                }
                Ok(Ok(Event::Outgoing(_))) => {}
                Ok(Err(err)) => panic!("waiting for {what}: {err}"),
                Err(err) => panic!("waiting for {what}: {err:?}"),
            }
        }
        panic!("no {what} in 100 events");
    }

    /// The same for MQTT 5.
    #[track_caller]
    fn next_v5<T>(
        connection: &mut rumqttc::v5::Connection,
        what: &str,
        wanted: impl Fn(&PacketV5) -> Option<T>,
    ) -> T {
        for _ in 0..100 {
            match connection.recv_timeout(PATIENCE) {
                Ok(Ok(rumqttc::v5::Event::Incoming(packet))) => {
                    if let Some(found) = wanted(&packet) {
                        return found;
                    }
                }
                Ok(Ok(rumqttc::v5::Event::Outgoing(_))) => {}
                Ok(Err(err)) => panic!("waiting for {what}: {err}"),
                Err(err) => panic!("waiting for {what}: {err:?}"),
            }
        }
        panic!("no {what} in 100 events");
    }

    fn delivery(topic: &[u8], payload: &[u8]) -> Received {
        Received {
            topic: String::from_utf8(topic.to_vec()).unwrap(),
            payload: String::from_utf8(payload.to_vec()).unwrap(),
        }
    }

    #[test]
    fn rumqttc_publishes_and_receives_with_mqtt_3_1_1() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let (adviser, mut inbox) = rumqttc::Client::new(options(&amanat, &house, "adviser"), 10);
        adviser
            .subscribe("for/energy-advice/#", QoS::AtLeastOnce)
            .unwrap();
        let granted = next(&mut inbox, "SUBACK", |it| match it {
            Packet::SubAck(it) => Some(it.return_codes.clone()),
            _ => None,
        });
        let expected = rumqttc::SubscribeReasonCode::Success(QoS::AtLeastOnce);
        assert_eq!(granted, [expected]);
        let (meter, mut outbox) = rumqttc::Client::new(options(&amanat, &house, METER), 10);
        meter
            .publish("tele/sensor", QoS::AtLeastOnce, true, MESSAGE)
            .unwrap();
        next(&mut outbox, "PUBACK", |it| {
            matches!(it, Packet::PubAck(_)).then_some(())
        });
        let received = next(&mut inbox, "PUBLISH", |it| match it {
            Packet::Publish(it) => Some(delivery(it.topic.as_bytes(), &it.payload)),
            _ => None,
        });
        check(&received, "for/energy-advice/test-home/test-meter", ADVICE);
    }

    #[test]
    fn rumqttc_publishes_and_receives_with_mqtt_5_and_a_purpose_in_a_user_property() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let options = options_v5(&amanat, &house, "laboratory");
        let (laboratory, mut inbox) = rumqttc::v5::Client::new(options, 10);
        let properties = SubscribeProperties {
            id: None,
            user_properties: vec![("purpose".to_owned(), "research".to_owned())],
        };
        laboratory
            .subscribe_with_properties("test-home/+", QoSV5::AtLeastOnce, properties)
            .unwrap();
        next_v5(&mut inbox, "SUBACK", |it| {
            matches!(it, PacketV5::SubAck(_)).then_some(())
        });
        let options = options_v5(&amanat, &house, METER);
        let (meter, mut outbox) = rumqttc::v5::Client::new(options, 10);
        meter
            .publish("tele/sensor", QoSV5::AtLeastOnce, false, MESSAGE)
            .unwrap();
        let reason = next_v5(&mut outbox, "PUBACK", |it| match it {
            PacketV5::PubAck(it) => Some(it.reason),
            _ => None,
        });
        assert_eq!(reason, rumqttc::v5::mqttbytes::v5::PubAckReason::Success);
        let received = next_v5(&mut inbox, "PUBLISH", |it| match it {
            PacketV5::Publish(it) => Some(delivery(&it.topic, &it.payload)),
            _ => None,
        });
        check(&received, "test-home/test-meter", RESEARCH);
    }
}

//! Off means off at the source: a device hears that it is to stop, and the person sees whether it does.

mod slow {
    use crate::harness::{Amanat, House, METER, PATIENCE, Visitor, publish};

    const CHOICES: &str = "/me/choices/test-home";
    /// The row of the form: purpose, recipient, field. Nobody else may have the temperature.
    const ROW: &str = "energy-advice adviser /temperature";
    const COMMANDS: &str = "test-meter/set";
    const STOP: &str = r#"{"temperature": false}"#;
    const GO_ON: &str = r#"{"temperature": true}"#;

    #[track_caller]
    fn choose(visitor: &mut Visitor, level: &str) {
        let page = visitor.open(CHOICES);
        let mut form = page.form(CHOICES);
        form.set(ROW, level);
        form.fields.push(("only".to_owned(), ROW.to_owned()));
        assert_eq!(visitor.submit_and_follow(&form).status, 200);
    }

    fn signed_in(house: &House, amanat: &Amanat) -> Visitor {
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        resident
    }

    /// Sends until the person's page says something.
    #[track_caller]
    fn send_until(
        house: &House,
        amanat: &Amanat,
        payload: &str,
        resident: &mut Visitor,
        text: &str,
    ) {
        let meter = house.client(amanat.mqtt(), "mqttv5", METER);
        testkit::wait_until(text, PATIENCE, || {
            assert_eq!(publish(&meter, "kitchen/status", payload).code, Some(0));
            resident.open(CHOICES).text().contains(text)
        });
    }

    #[test]
    fn gp_b0b_a_device_that_listens_is_told_to_stop_and_the_person_sees_that_it_obeys() {
        for version in ["mqttv311", "mqttv5"] {
            let house = House::new();
            let amanat = house.serve(&[]);
            let device = house
                .client(amanat.mqtt(), version, METER)
                .subscribe(&["-t", COMMANDS]);
            assert_eq!(device.subscribed(), 1);
            let mut resident = signed_in(&house, &amanat);
            choose(&mut resident, "off");
            let told = device.wait_for("the command to stop", |_| true);
            assert_eq!(
                (told.topic.as_str(), told.payload.as_str()),
                (COMMANDS, STOP)
            );
            let obeys = "The device was told to stop, and it obeys. Last told:";
            send_until(&house, &amanat, r#"{"power":1}"#, &mut resident, obeys);
            choose(&mut resident, "on");
            device.wait_for("the command to go on", |it| it.payload == GO_ON);
            assert_eq!(device.received().len(), 2, "each command came once");
            assert_eq!(amanat.counters()["commands_sent"], 2);
        }
    }

    #[test]
    fn a_device_that_goes_on_is_shown_as_such_and_what_it_sends_is_thrown_away() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let device = house
            .client(amanat.mqtt(), "mqttv5", METER)
            .subscribe(&["-t", "#"]);
        assert_eq!(device.subscribed(), 1);
        let adviser = house.client(amanat.mqtt(), "mqttv5", "adviser");
        let adviser = adviser.subscribe(&["-t", "for/energy-advice/#"]);
        assert_eq!(adviser.subscribed(), 1);
        let mut resident = signed_in(&house, &amanat);
        choose(&mut resident, "off");
        device.wait_for("the command to stop", |it| it.payload == STOP);
        let message = r#"{"power":7,"temperature":33.25}"#;
        let still = "was told to stop and still sends this. We throw it away.";
        send_until(&house, &amanat, message, &mut resident, still);
        adviser.wait_for("the rest of the message", |it| it.value("power") == 7);
        let leaked = adviser
            .received()
            .iter()
            .any(|it| it.payload.contains("33.25"));
        assert!(!leaked, "{:?}", adviser.received());
        // The public page tells how many, not which: one device would tell what its household chose.
        let page = amanat.visitor("en").open("/d/test-home");
        page.shows(&["Off at the source", "Fewer than 5 devices do not obey"]);
        assert!(!page.text().contains(METER));
    }

    #[test]
    fn a_device_that_does_not_listen_cannot_be_told() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut resident = signed_in(&house, &amanat);
        choose(&mut resident, "off");
        let deaf = "The device cannot be told to stop: it does not listen.";
        send_until(
            &house,
            &amanat,
            r#"{"power":1,"temperature":2}"#,
            &mut resident,
            deaf,
        );
        // It is told as soon as it listens.
        let device = house
            .client(amanat.mqtt(), "mqttv311", METER)
            .subscribe(&["-t", "+/set"]);
        device.wait_for("the command that waited", |it| it.payload == STOP);
    }

    #[test]
    fn nobody_else_hears_a_command_and_nobody_can_make_one() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let code = |version: &'static str, who: &str, filter: &str| {
            let client = house.client(amanat.mqtt(), version, who);
            client.subscribe(&["-t", filter]).subscribed()
        };
        for (version, refused) in [("mqttv311", 0x80), ("mqttv5", 0x87)] {
            assert_eq!(code(version, "adviser", COMMANDS), refused);
            assert_eq!(code(version, METER, "other-meter/set"), refused);
            assert_eq!(code(version, METER, "for/research/#"), refused);
        }
        // A recipient that publishes on the topic of commands ends its connection, and the device hears nothing.
        let device = house
            .client(amanat.mqtt(), "mqttv5", METER)
            .subscribe(&["-t", "#"]);
        assert_eq!(device.subscribed(), 1);
        let adviser = house.client(amanat.mqtt(), "mqttv5", "adviser");
        publish(&adviser, COMMANDS, STOP);
        // What another thing publishes there is a message like any other.
        publish(
            &house.client(amanat.mqtt(), "mqttv5", METER),
            COMMANDS,
            STOP,
        );
        assert!(device.received().is_empty());
        assert_eq!(amanat.counters()["commands_sent"], 0);
    }

    #[test]
    fn a_device_without_a_line_asks_over_http() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut resident = signed_in(&house, &amanat);
        choose(&mut resident, "off");
        let mut device = amanat.visitor("en");
        let token = format!("Bearer {METER}:{}", house.password(METER));
        let mut post = |said: &str| {
            let headers = [("Authorization", token.as_str()), ("Amanat-Commands", said)];
            let answer = device.send("/ingest/v1", &headers, br#"{"power":1}"#);
            assert_eq!(answer.status, 202, "{}", answer.body);
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            body["commands"].as_array().unwrap().clone()
        };
        let mut told = Vec::new();
        testkit::wait_until("the command to stop", PATIENCE, || {
            told = post("none");
            !told.is_empty()
        });
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0]["topic"].as_str(), told[0]["payload"].as_str()),
            (Some(COMMANDS), Some(STOP))
        );
        let id = told[0]["id"].as_str().unwrap().to_owned();
        assert!(post(&id).is_empty());
        let obeys = "The device was told to stop, and it obeys.";
        testkit::wait_until(obeys, PATIENCE, || {
            post("none");
            resident.open(CHOICES).text().contains(obeys)
        });
    }
}

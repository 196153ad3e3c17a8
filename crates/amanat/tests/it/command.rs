//! A recipient has a device do something: the device is a stock client, the recipient speaks HTTP, the person looks at a page.

mod slow {
    use serde_json::Value;

    use crate::harness::{Amanat, HOME_NOTICE, House, METER, PATIENCE, publish, request, run};

    /// A heater that must not heat when it draws much already.
    const HEAT: &str = r#"
[[commands]]
id = "heat"
title = { en = "Heat the room", ur = "کمرہ گرم کرنا" }
does = { en = "The heater gets hot.", ur = "ہیٹر گرم ہوتا ہے۔" }
topic = "{thing}/heat"
payload = '{"watts": {watts}}'
recipients = ["adviser"]
purpose = "energy-advice"
expires-seconds = 20
least-seconds-between = 0
[[commands.arguments]]
name = "watts"
kind = "number"
min = 0
max = 800
[[commands.interlocks]]
when = "/power > 2000"
max-age-seconds = 30
why = { en = "The wires would burn.", ur = "تاریں جل جائیں گی۔" }
"#;
    const TOPIC: &str = "test-meter/heat";

    fn house() -> House {
        House::declaring(&testkit::sqlite(), &format!("{HOME_NOTICE}\n{HEAT}"))
    }

    fn ask(house: &House, amanat: &Amanat, watts: u32) -> (u16, Value) {
        let token = format!("Bearer adviser:{}", house.password("adviser"));
        let headers = [
            ("Authorization", token.as_str()),
            ("Amanat-Purpose", "energy-advice"),
        ];
        let body = format!(r#"{{"watts": {watts}}}"#);
        let path = format!("/commands/v1/{METER}/heat");
        let answer = amanat.visitor("en").send(&path, &headers, body.as_bytes());
        let said = serde_json::from_str(&answer.body).unwrap_or_default();
        (answer.status, said)
    }

    /// Sends a reading until commands are refused, or taken, as it says.
    fn draw(house: &House, amanat: &Amanat, watts: u32) {
        let meter = house.client(amanat.mqtt(), "mqttv5", METER);
        let payload = format!(r#"{{"power":{watts}}}"#);
        assert_eq!(publish(&meter, "kitchen/status", &payload).code, Some(0));
    }

    #[test]
    fn a_device_is_told_by_a_recipient_never_while_it_is_dangerous_and_the_person_reads_about_it() {
        for version in ["mqttv311", "mqttv5"] {
            let house = house();
            let amanat = house.serve(&[]);
            let device = house
                .client(amanat.mqtt(), version, METER)
                .subscribe(&["-t", TOPIC]);
            assert_eq!(device.subscribed(), 1);
            // Nothing was said yet: nobody knows whether it is safe.
            let (status, said) = ask(&house, &amanat, 400);
            assert_eq!(status, 409, "{said}");
            draw(&house, &amanat, 2_001);
            let (status, said) = ask(&house, &amanat, 400);
            assert_eq!(status, 409, "{said}");
            assert!(
                said["detail"]
                    .as_str()
                    .unwrap()
                    .contains("The wires would burn.")
            );
            draw(&house, &amanat, 100);
            assert_eq!(ask(&house, &amanat, 801).0, 422);
            let (status, said) = ask(&house, &amanat, 400);
            assert_eq!(status, 202, "{said}");
            let told = device.wait_for("the command", |_| true);
            assert_eq!(
                (told.topic.as_str(), told.payload.as_str()),
                (TOPIC, r#"{"watts": 400}"#)
            );
            assert_eq!(device.received().len(), 1);
            let mut resident = amanat.visitor("en");
            resident.sign_in(&house.resident_link);
            let page = resident.open("/me/choices/test-home");
            page.shows(&[
                "What others made the devices do",
                "Refused, to keep people safe: The wires would burn.",
                "Heat the room (watts 400)",
                "not asked for as the notice says",
            ]);
            // Everybody reads what may be done; nobody reads what was.
            let public = amanat.visitor("en").open("/d/test-home");
            public.shows(&["Heat the room", "The wires would burn.", "fewer than 5"]);
            assert!(!public.text().contains("watts 400"));
            assert_eq!(amanat.counters()["commands_taken"], 1);
            assert_eq!(amanat.counters()["commands_refused"], 3);
        }
    }

    /// What the operator sees of the log.
    fn listed(house: &House, arguments: &[&str]) -> String {
        let data = house.directory.path().to_str().unwrap();
        let run = run([&["command", "list", "--data", data], arguments].concat());
        assert_eq!(run.code, Some(0), "{}", run.words);
        run.data
    }

    #[test]
    fn a_stock_client_of_mqtt_asks_for_a_command_and_is_answered_and_the_operator_reads_the_log() {
        let house = house();
        let amanat = house.serve(&[]);
        let device = house
            .client(amanat.mqtt(), "mqttv311", METER)
            .subscribe(&["-t", TOPIC]);
        assert_eq!(device.subscribed(), 1);
        draw(&house, &amanat, 100);
        let adviser = house.client(amanat.mqtt(), "mqttv5", "adviser");
        let topic = format!("command/energy-advice/test-home/{METER}/heat");
        for (watts, outcome) in [(400, "queued"), (801, "refused-arguments")] {
            let payload = format!(r#"{{"watts": {watts}}}"#);
            let answer = request(&adviser, &topic, "outcome/desk/1", &payload);
            let said = answer.data.lines().find(|it| it.starts_with('{'));
            let said: Value = serde_json::from_str(said.unwrap_or_default()).unwrap_or_default();
            assert_eq!(said["outcome"], outcome, "{answer:?}");
        }
        let told = device.wait_for("the command", |_| true);
        assert_eq!(told.payload, r#"{"watts": 400}"#);
        let lines = listed(&house, &["--json", "--deployment", "test-home"]);
        let lines: Vec<Value> = lines
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        let outcomes: Vec<_> = lines.iter().map(|it| &it["outcome"]).collect();
        assert_eq!(outcomes[0], "refused-arguments", "{lines:?}");
        assert_ne!(outcomes[1], "queued", "{lines:?}");
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["arguments"], serde_json::json!({"watts": 400}));
        let table = listed(&house, &["--thing", METER, "--limit", "1"]);
        assert!(table.starts_with("asked "), "{table}");
        assert!(table.contains("refused-arguments"), "{table}");
        assert_eq!(table.lines().count(), 2, "{table}");
        let last = lines[0]["id"].as_str().unwrap();
        let next = listed(&house, &["--after", last, "--json"]);
        assert_eq!(next.lines().count(), 1, "{next}");
        assert_eq!(listed(&house, &["--thing", "test-lamp"]), "");
    }

    #[test]
    fn a_command_that_nobody_took_in_time_never_comes() {
        let house = house();
        let amanat = house.serve(&[]);
        draw(&house, &amanat, 100);
        let (status, said) = ask(&house, &amanat, 400);
        assert_eq!(status, 202, "{said}");
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        let page = resident.open("/me/choices/test-home");
        page.shows(&["It waits for the device."]);
        testkit::wait_until("the command is dead", PATIENCE, || {
            let page = resident.open("/me/choices/test-home");
            page.text().contains("The device did not take it in time.")
        });
        let device = house
            .client(amanat.mqtt(), "mqttv5", METER)
            .subscribe(&["-t", TOPIC]);
        assert_eq!(device.subscribed(), 1);
        // One that is asked for now comes first, and alone.
        draw(&house, &amanat, 100);
        assert_eq!(ask(&house, &amanat, 7).0, 202);
        let told = device.wait_for("the new command", |_| true);
        assert_eq!(told.payload, r#"{"watts": 7}"#);
        assert_eq!(device.received().len(), 1);
    }
}

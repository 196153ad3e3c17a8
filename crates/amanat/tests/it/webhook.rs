//! `amanat webhook`: a recipient has its readings sent to it, while the server is killed and choices change.

mod slow {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::harness::{
        Answer, House, METER, OwnEndpoint, PATIENCE, Run, Version, Visitor, Wire, run,
    };

    const CHOICES: &str = "/me/choices/test-home";

    fn webhook(house: &House, arguments: &[&str]) -> Run {
        let data = house.directory.path().display().to_string();
        let database = format!("data.database-url={}", house.database);
        let origin = "record.origin=record.example/test";
        let place = ["--data", &data, "--set", &database, "--set", origin];
        let all = [&["webhook"], arguments, &place].concat();
        run(all)
    }

    /// The only webhook, as the list shows it.
    #[track_caller]
    fn listed(house: &House) -> Value {
        let list = webhook(house, &["list", "--json", "--recipient", "adviser"]);
        assert_eq!(list.code, Some(0), "{list:?}");
        serde_json::from_str(&list.data).unwrap()
    }

    fn publish(house: &House, amanat: &crate::harness::Amanat, numbers: &[u16]) {
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        for number in numbers {
            let message = format!(r#"{{"power":{number},"temperature":21.5}}"#);
            let puback = meter.publish(*number, message.as_bytes()).unwrap();
            assert_eq!(puback.reason(), 0);
        }
    }

    fn switch_off_temperature(resident: &mut Visitor) {
        let row = "energy-advice adviser /temperature";
        let mut form = resident.open(CHOICES).form(CHOICES);
        form.set(row, "off");
        form.fields.push(("only".to_owned(), row.to_owned()));
        assert_eq!(resident.submit_and_follow(&form).status, 200);
    }

    fn powers(endpoint: &OwnEndpoint) -> Vec<u64> {
        let readings = endpoint.readings();
        let powers = readings.iter().map(|it| it["reading"]["power"].as_u64());
        powers.map(Option::unwrap).collect()
    }

    #[track_caller]
    fn arrives(endpoint: &OwnEndpoint, wanted: &[u64]) {
        let wanted: BTreeSet<u64> = wanted.iter().copied().collect();
        testkit::wait_until("everything has arrived", PATIENCE, || {
            let arrived: BTreeSet<u64> = powers(endpoint).into_iter().collect();
            arrived.is_superset(&wanted)
        });
    }

    #[test]
    fn a_recipient_is_sent_its_readings_over_a_crash_and_none_that_was_turned_off() {
        let house = House::settled(&testkit::sqlite());
        let roots = house.directory.path().join("roots.pem");
        // The first batch is refused.
        let endpoint = OwnEndpoint::serve(&roots, |number| match number {
            1 => Answer::Lost,
            _ => Answer::Taken,
        });
        let roots = format!("destinations.roots={}", roots.display());
        let settings = [
            roots.as_str(),
            "destinations.high-ports=true",
            "destinations.dangerously-private-addresses=true",
        ];
        let mut amanat = house.serve(&settings);
        let add = ["add", "adviser", "--url", &endpoint.url, "--purpose"];
        let refused = webhook(&house, &[&add[..], &["research"]].concat());
        assert_ne!(refused.code, Some(0));
        assert!(refused.words.contains("has no grant"), "{refused:?}");
        let added = webhook(&house, &[&add[..], &["energy-advice"]].concat());
        assert_eq!(added.code, Some(0), "{added:?}");
        assert!(added.data.contains("key: whsec_"), "{added:?}");
        let id = added.data.split("webhook: ").nth(1).unwrap().trim();
        let tested = webhook(&house, &["test", id]);
        assert_eq!(tested.code, Some(0), "{tested:?}");
        let shown = listed(&house);
        assert_eq!(shown["state"], "working");
        assert_eq!(shown["tested"]["taken"], true);
        assert!(!shown.to_string().contains("whsec_"), "{shown}");
        assert!(
            !shown.to_string().contains("/in"),
            "a path can hold a secret"
        );

        publish(&house, &amanat, &[1, 2, 3]);
        arrives(&endpoint, &[1, 2, 3]);
        testkit::wait_until("what was refused comes again", PATIENCE, || {
            powers(&endpoint).iter().filter(|it| **it == 1).count() == 2
        });
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        switch_off_temperature(&mut resident);
        publish(&house, &amanat, &[4, 5]);
        amanat.kill();
        drop(amanat);
        let amanat = house.serve(&settings);
        arrives(&endpoint, &[4, 5]);
        for reading in endpoint.readings() {
            let power = reading["reading"]["power"].as_u64().unwrap();
            let has_temperature = reading["reading"].get("temperature").is_some();
            assert_eq!(has_temperature, power < 4, "{reading}");
        }
        testkit::wait_until("the batch is counted", PATIENCE, || {
            amanat
                .counters()
                .get("webhook_batches")
                .is_some_and(|it| *it >= 1)
        });
        assert_eq!(amanat.stop(), Some(0));

        // Without a server the list is there, and nothing can be sent.
        let shown = listed(&house);
        assert!(shown["last-success"].is_string(), "{shown}");
        assert_eq!(shown["last-failure"]["status"], 500);
        let tested = webhook(&house, &["test", id]);
        assert!(tested.words.contains("no server runs"), "{tested:?}");
        assert_eq!(webhook(&house, &["remove", id]).code, Some(0));
        let removed = webhook(&house, &["rotate", id]);
        assert!(removed.words.contains("there is no webhook"), "{removed:?}");
    }
}

//! A resident has readings go only to their own web server; the server of the alliance is killed again and again meanwhile.

mod slow {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use crate::harness::{
        Amanat, Answer, HOME, HOME_NOTICE, House, METER, OwnEndpoint, PATIENCE, Page, Version,
        Visitor, Wire,
    };

    const PAGE: &str = "/me/destinations";
    const NEW: &str = "/me/destinations/new?kind=webhook";
    const ROUNDS: u64 = 4;
    /// Messages of a round; after half of them are acknowledged the server is killed.
    const MESSAGES: u64 = 240;
    const DAY_MILLIS: i64 = 86_400_000;
    /// What the person could refuse in the notice of the home, and what a law wants kept here instead.
    const BY_CONSENT: &str = r#"basis = "consent"
recipients = ["laboratory"]
retention-days = 30"#;
    const BY_LAW: &str = r#"basis = "legal-obligation"
source = { en = "Law of a test, section 1", ur = "آزمائشی قانون، دفعہ 1" }
recipients = ["laboratory"]
retention-days = 90"#;

    /// A home in which a law wants the temperature kept.
    fn house(database: &str) -> House {
        assert!(HOME_NOTICE.contains(BY_CONSENT));
        House::declaring(database, &HOME_NOTICE.replace(BY_CONSENT, BY_LAW))
    }

    /// The identifier of the only endpoint on the page.
    fn endpoint_of(page: &Page) -> String {
        let rest = page.body.split("name=\"check\" value=\"").nth(1);
        let id = rest.and_then(|it| it.split('"').next());
        id.unwrap_or_else(|| panic!("no endpoint on {}", page.body))
            .to_owned()
    }

    /// Adds the endpoint, waits for its check, and has the readings of the home go only there.
    fn place(resident: &mut Visitor, endpoint: &OwnEndpoint) {
        let mut form = resident.open(NEW).form(NEW);
        form.set("url", &endpoint.url);
        let made = resident.submit(&form);
        assert_eq!(made.status, 200, "{}", made.body);
        assert!(made.body.contains("whsec_"));
        let wanted = format!("own.{}", endpoint_of(&resident.open(PAGE)));
        testkit::wait_until("the endpoint is checked", PATIENCE, || {
            resident.open(PAGE).body.contains(&wanted)
        });
        let mut form = resident.open(PAGE).form(PAGE);
        form.fields.push(("deployment".to_owned(), HOME.to_owned()));
        form.fields.push(("where".to_owned(), wanted));
        let placed = resident.submit(&form);
        assert_eq!(placed.status, 200, "{}", placed.body);
    }

    /// Sends numbers from `first` on, kills the server amid them, and gives those that it acknowledged.
    fn traffic(house: &House, mut amanat: Amanat, first: u64) -> BTreeSet<u64> {
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let numbers: Vec<u64> = (first..first + MESSAGES).collect();
        let mut acknowledged = BTreeSet::new();
        for half in numbers.chunks(numbers.len() / 2) {
            let burst: Vec<u8> = half
                .iter()
                .flat_map(|it| {
                    let payload = format!(r#"{{"power":{it},"temperature":20.5}}"#);
                    let id = u16::try_from(*it).unwrap();
                    meter.publish_packet("a", id, payload.as_bytes())
                })
                .collect();
            assert!(meter.send(&burst));
            // Of the second half only a few are waited for: the rest is on its way when the server is killed.
            let wait = if half[0] == first { half.len() } else { 5 };
            for _ in 0..wait {
                let puback = meter.read().unwrap();
                assert_eq!(puback.reason(), 0);
                acknowledged.insert(u64::from(puback.id()));
            }
        }
        amanat.kill();
        // What was on its way back counts too.
        while let Some(puback) = meter.read() {
            acknowledged.insert(u64::from(puback.id()));
        }
        acknowledged
    }

    fn id_of(reading: &Value) -> &str {
        reading["id"].as_str().unwrap()
    }

    /// The exact power of a reading, if it has it.
    fn power(reading: &Value) -> Option<u64> {
        let values = &reading["values"];
        let is_exact = values["@coarse"].is_null();
        values["power"].as_u64().filter(|_| is_exact)
    }

    #[track_caller]
    fn comes_in_order_and_stays_the_same(readings: &[Value]) {
        let mut seen: Vec<&Value> = Vec::new();
        let mut by_id: BTreeMap<&str, &Value> = BTreeMap::new();
        for reading in readings {
            match by_id.insert(id_of(reading), reading) {
                Some(before) => assert_eq!(before, reading, "another reading under an identifier"),
                None => seen.push(reading),
            }
        }
        assert!(
            seen.is_sorted_by(|a, b| id_of(a) < id_of(b)),
            "not in the order of identifiers"
        );
        let powers: Vec<u64> = seen.iter().filter_map(|it| power(it)).collect();
        assert!(
            powers.is_sorted(),
            "not in the order of sending: {powers:?}"
        );
        assert!(
            seen.len() < readings.len(),
            "what was not confirmed must have come again"
        );
    }

    /// Readings lie here for a day at most, but for what a law wants kept.
    #[track_caller]
    fn only_what_a_law_wants_stays(house: &House) {
        let mut by_law = 0;
        let readings = house.timeline();
        for reading in &readings {
            let kept_millis = reading.vanishes_at.as_millis() - reading.at.as_millis();
            if kept_millis > DAY_MILLIS {
                let pointers: Vec<_> = reading
                    .fields
                    .iter()
                    .map(|it| it.pointer.as_str())
                    .collect();
                assert_eq!(pointers, ["/temperature"], "{reading:?}");
                assert_eq!(kept_millis, 90 * DAY_MILLIS, "{reading:?}");
                by_law += 1;
            }
        }
        assert!(by_law > 0, "what a law wants kept is kept");
        assert!(by_law < readings.len(), "the rest is on its way");
    }

    fn everything_acknowledged_arrives(house: &House) {
        let roots = house.directory.path().join("roots.pem");
        // The first parcel is taken, and the server does not get to know.
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
        let amanat = house.serve(&settings);
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        place(&mut resident, &endpoint);
        let mut acknowledged = traffic(house, amanat, 1);
        for round in 1..ROUNDS {
            let amanat = house.serve(&settings);
            acknowledged.append(&mut traffic(house, amanat, round * MESSAGES + 1));
        }
        let amanat = house.serve(&settings);
        let arrived =
            || -> BTreeSet<u64> { endpoint.readings().iter().filter_map(power).collect() };
        testkit::wait_until("everything has arrived", PATIENCE, || {
            arrived().is_superset(&acknowledged)
        });
        assert_eq!(amanat.stop(), Some(0));
        comes_in_order_and_stays_the_same(&endpoint.readings());
        let sent = ROUNDS * MESSAGES;
        assert!(arrived().iter().all(|it| (1..=sent).contains(it)));
        only_what_a_law_wants_stays(house);
        println!(
            "{} acknowledged, {} arrived, in {} readings",
            acknowledged.len(),
            arrived().len(),
            endpoint.readings().len()
        );
    }

    #[test]
    fn kill_9_loses_nothing_on_the_way_to_an_own_endpoint_on_sqlite() {
        everything_acknowledged_arrives(&house(&testkit::sqlite()));
    }

    #[test]
    fn kill_9_loses_nothing_on_the_way_to_an_own_endpoint_on_postgresql() {
        everything_acknowledged_arrives(&house(&testkit::postgres()));
    }
}

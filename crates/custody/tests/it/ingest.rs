//! What comes in, what is kept, and for whom.

use custody::{IngestError, Place};
use model::{Assignment, Level, LicenceState, Notice, Role, ThingId, Timestamp};

use crate::fixture::{NOW, choice, deployment, licence, on_both, open, person};

const LATER: Timestamp = NOW.plus_millis(1);

#[test]
fn a_reading_lies_in_the_persons_timeline_as_it_was_decided() {
    on_both(|house| {
        house.measure(r#"{"power":1210.50,"room":{"temperature":21},"ssid":"secret"}"#);
        let timeline = house
            .custody
            .timeline(&person("p-resident"), Place::before(LATER), 10, LATER)
            .unwrap();
        let fields = timeline.readings.iter().flat_map(|it| it.fields.clone());
        let fields: Vec<_> = fields.map(|it| (it.pointer, it.value)).collect();
        // Consent for research is off until chosen, so the temperature passes to nobody and is not kept.
        assert_eq!(fields, [("/power".to_owned(), "1210.50".to_owned())]);
    });
}

#[test]
fn dn_7_an_undeclared_field_is_counted_and_never_kept() {
    on_both(|house| {
        house.measure(r#"{"power":1,"ssid":"secret","wifi":{"mac":"00:11"}}"#);
        house.measure(r#"{"power":"not a number","ssid":"other"}"#);
        house.custody.tick(NOW).unwrap();
        let drift = house.custody.drift(&deployment("home"), 10).unwrap();
        let mut counted: Vec<_> = drift
            .iter()
            .map(|it| (it.pointer.as_str(), it.reason.as_str(), it.times))
            .collect();
        counted.sort_unstable();
        assert_eq!(
            counted,
            [
                ("/power", "wrong-type", 1),
                ("/ssid", "unknown", 2),
                ("/wifi", "unknown", 1)
            ]
        );
        let timeline = house
            .custody
            .timeline(&person("p-resident"), Place::before(LATER), 10, LATER)
            .unwrap();
        assert!(!format!("{timeline:?}").contains("secret"));
        assert_eq!(timeline.readings.len(), 1);
    });
}

#[test]
fn an_undeclared_name_that_could_be_data_is_counted_and_not_shown() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(r#"{"power":1,"\u0000x":1,"+923001234567":1}"#);
        assert!(utility.next(NOW).is_some());
        house.custody.tick(NOW).unwrap();
        let drift = house.custody.drift(&deployment("home"), 10).unwrap();
        let counted: Vec<_> = drift
            .iter()
            .map(|it| (it.pointer.as_str(), it.times))
            .collect();
        assert_eq!(counted, [("(names that are not shown)", 2)]);
        let timeline = house
            .custody
            .timeline(&person("p-resident"), Place::before(LATER), 10, LATER)
            .unwrap();
        assert_eq!(
            timeline.receipts.len(),
            1,
            "a strange name does not keep receipts from being written"
        );
    });
}

#[test]
fn the_names_of_a_deployment_are_bounded_in_the_database_too() {
    on_both(|house| {
        for round in 0..3 {
            for name in 0..200 {
                let letters: String = format!("{round}{name}")
                    .bytes()
                    .map(|it| char::from(it + 49))
                    .collect();
                house.measure(&format!(r#"{{"power":1,"{letters}":1}}"#));
            }
            house.custody.tick(NOW).unwrap();
        }
        let drift = house.custody.drift(&deployment("home"), u16::MAX).unwrap();
        assert_eq!(drift.len(), 257);
        assert_eq!(drift.iter().map(|it| it.times).sum::<i64>(), 600);
    });
}

#[test]
fn dn_2_no_licence_no_ingest() {
    on_both(|house| {
        let thing = house.thing("meter-1", &house.meter);
        for state in LicenceState::ALL {
            house
                .custody
                .act(NOW, |act| {
                    act.set_licence(&deployment("home"), licence(state))
                })
                .unwrap();
            let outcome = house.custody.ingest(&thing, br#"{"power":1}"#, NOW);
            match (state, outcome) {
                (LicenceState::Active, Ok(lsn)) => house.custody.wait_durable(lsn).unwrap(),
                (state, Err(IngestError::Unlicensed(found))) if state == found => {}
                (state, other) => panic!("{state}: {other:?}"),
            }
        }
        let timeline = house
            .custody
            .timeline(&person("p-resident"), Place::before(LATER), 10, LATER)
            .unwrap();
        assert_eq!(timeline.readings.len(), 1);
    });
}

#[test]
fn a_person_is_found_by_the_field_that_the_notice_names() {
    on_both(|house| {
        let validator = house.thing("validator-1", &house.validator);
        for card in ["card-7", "card-8"] {
            let payload = format!(r#"{{"power":5,"card":"{card}"}}"#);
            let lsn = house
                .custody
                .ingest(&validator, payload.as_bytes(), NOW)
                .unwrap();
            house.custody.wait_durable(lsn).unwrap();
        }
        let timeline = house
            .custody
            .timeline(&person("p-resident"), Place::before(LATER), 10, LATER)
            .unwrap();
        assert_eq!(
            timeline.readings.len(),
            1,
            "only the own card is in the timeline"
        );
        assert_eq!(timeline.readings[0].deployment, deployment("bus"));
        assert!(!format!("{timeline:?}").contains("card-7"));
    });
}

#[test]
fn the_people_of_a_thing_and_whoever_a_message_names_are_protected_together() {
    on_both(|house| {
        house
            .custody
            .act(NOW, |act| {
                act.assign(&Assignment {
                    thing: ThingId::parse("validator-1").unwrap(),
                    person: person("p-driver"),
                    role: Role::Holder,
                    valid_from: model::Timestamp::EPOCH,
                    valid_until: None,
                })
            })
            .unwrap();
        let mut off = choice("/power", "billing", "utility-desk", Level::OFF);
        (off.person, off.deployment) = (person("p-driver"), deployment("bus"));
        house.custody.choose(&[off], NOW).unwrap();
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let validator = house.thing("validator-1", &house.validator);
        let payload = br#"{"power":5,"card":"card-7"}"#;
        let lsn = house.custody.ingest(&validator, payload, NOW).unwrap();
        house.custody.wait_durable(lsn).unwrap();
        let delivered = utility.next(NOW).unwrap_or_default();
        assert!(
            !delivered.contains("power"),
            "the driver said no: {delivered}"
        );
        let of = |who: &str| {
            house
                .custody
                .timeline(&person(who), Place::before(LATER), 10, LATER)
                .unwrap()
        };
        assert_eq!(
            of("p-driver").readings.len(),
            of("p-resident").readings.len()
        );
    });
}

#[test]
fn a_message_whose_person_cannot_be_read_is_refused() {
    on_both(|house| {
        let validator = house.thing("validator-1", &house.validator);
        let refused = house
            .custody
            .ingest(&validator, br#"{"power":5,"card":7}"#, NOW);
        assert!(
            matches!(refused, Err(IngestError::NobodyNamed)),
            "{refused:?}"
        );
        house.custody.tick(NOW).unwrap();
        assert_eq!(
            house.custody.drift(&deployment("bus"), 10).unwrap()[0].pointer,
            "/card"
        );
        assert!(
            house
                .custody
                .ingest(&validator, br#"{"power":5}"#, NOW)
                .is_ok()
        );
    });
}

#[test]
fn a_new_notice_does_not_make_an_old_choice_reveal_more() {
    on_both(|house| {
        let coarse = Level::coarse(1).unwrap();
        house
            .custody
            .choose(&[choice("/power", "billing", "utility-desk", coarse)], NOW)
            .unwrap();
        let publish = |version: u32, levels: &str| {
            let source = include_str!("home.toml")
                .replace("version = 1", &format!("version = {version}"))
                .replace("[[fields.coarse]]\nround = 500.0", levels);
            let notice = Notice::parse(&source).unwrap();
            house
                .custody
                .act(NOW, |act| act.publish_notice(&notice, &source))
                .unwrap();
            house
                .custody
                .choice_sheet(&person("p-resident"), &deployment("home"), NOW)
                .unwrap()
                .rows[0]
                .chosen
        };
        let three = "[[fields.coarse]]\nround = 1000.0\n[[fields.coarse]]\nround = 500.0\n[[fields.coarse]]\nround = 10.0";
        assert_eq!(
            publish(2, three),
            Level::coarse(2).unwrap(),
            "500 is the second level now"
        );
        assert_eq!(
            publish(3, "[[fields.coarse]]\nround = 10.0"),
            Level::OFF,
            "nothing shows as little"
        );
    });
}

#[test]
fn malformed_messages_are_refused_without_their_content() {
    on_both(|house| {
        let thing = house.thing("meter-1", &house.meter);
        let too_large = vec![b' '; policy::MAX_PAYLOAD_BYTES + 1];
        for bad in [
            &b"{\"power\":s3cret"[..],
            b"\xff\xfe",
            b"{\"power\":1,\"power\":2}",
        ] {
            let err = house.custody.ingest(&thing, bad, NOW).unwrap_err();
            assert!(matches!(err, IngestError::Malformed(_)), "{err:?}");
            assert!(!format!("{err} {err:?}").contains("s3cret"));
        }
        let err = house.custody.ingest(&thing, &too_large, NOW).unwrap_err();
        assert!(matches!(err, IngestError::TooLarge), "{err:?}");
    });
}

#[test]
fn credentials_open_only_their_own_peer() {
    on_both(|house| {
        let good = house.meter.expose_secret().as_bytes();
        assert!(house.custody.authenticate("meter-1", good, NOW).is_some());
        assert!(
            house
                .custody
                .authenticate("validator-1", good, NOW)
                .is_none()
        );
        assert!(house.custody.authenticate("meter-1", b"", NOW).is_none());
        assert!(house.custody.authenticate("nobody", b"", NOW).is_none());
        assert!(house.custody.authenticate("METER-1", good, NOW).is_none());
    });
}

#[test]
fn everything_is_in_force_again_after_a_restart() {
    on_both(|house| {
        house.measure(r#"{"power":1210}"#);
        house
            .custody
            .choose(
                &[choice("/power", "billing", "utility-desk", Level::OFF)],
                NOW,
            )
            .unwrap();
        house.custody.close().unwrap();
        let again = open(&house.db, &house.directory);
        let timeline = again
            .timeline(&person("p-resident"), Place::before(LATER), 10, LATER)
            .unwrap();
        assert_eq!(timeline.readings.len(), 1);
        let sheet = again
            .choice_sheet(&person("p-resident"), &deployment("home"), NOW)
            .unwrap();
        assert_eq!(sheet.rows[0].chosen, Level::OFF);
        let meter = house.meter.expose_secret().as_bytes();
        assert!(again.authenticate("meter-1", meter, NOW).is_some());
        again.close().unwrap();
    });
}

#[test]
fn a_moment_with_more_readings_than_a_page_is_paged_through() {
    on_both(|house| {
        for power in 0..25 {
            house.measure(&format!(r#"{{"power":{power}}}"#));
        }
        let mut seen = Vec::new();
        let mut place = Some(Place::before(LATER));
        while let Some(here) = place {
            let page = house
                .custody
                .timeline(&person("p-resident"), here, 10, LATER)
                .unwrap();
            seen.extend(page.readings.iter().map(|it| it.fields[0].value.clone()));
            place = page.older;
        }
        let expected: Vec<_> = (0..25).rev().map(|it| it.to_string()).collect();
        assert_eq!(seen, expected, "each once, newest first");
    });
}

//! What comes in, what is kept, and for whom.

use custody::{IngestError, Place};
use model::{Level, LicenceState, Timestamp};

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
        assert!(house.custody.authenticate("meter-1", good).is_some());
        assert!(house.custody.authenticate("validator-1", good).is_none());
        assert!(house.custody.authenticate("meter-1", b"").is_none());
        assert!(house.custody.authenticate("nobody", b"").is_none());
        assert!(house.custody.authenticate("METER-1", good).is_none());
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
        assert!(again.authenticate("meter-1", meter).is_some());
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

//! What leaves: purpose, choice, grant and licence at the moment of delivery.

use custody::{ChooseError, Filter, Place, SubscribeError};
use model::{Level, LicenceState, PurposeId};
use tokio::sync::mpsc;

use crate::fixture::{NOW, choice, deployment, licence, on_both, person};

#[test]
fn who_keeps_a_payload_knows_when_the_right_to_it_ends() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(r#"{"power":1}"#);
        // The grant of the fixture ends, the licence does not.
        assert_eq!(utility.ends_at(NOW), Some(NOW.plus_millis(1_000_000)));
    });
}

#[test]
fn a_recipient_gets_what_is_declared_for_its_purpose() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let mut university = house.listen("university", &house.university, "research", 8);
        house.measure(r#"{"power":1210,"room":{"temperature":21},"ssid":"x"}"#);
        assert_eq!(utility.next(NOW).unwrap(), r#"{"power":1210}"#);
        assert_eq!(university.next(NOW), None, "research needs consent");
        house
            .custody
            .choose(
                &[choice(
                    "/room/temperature",
                    "research",
                    "university",
                    Level::ON,
                )],
                NOW,
            )
            .unwrap();
        house.measure(r#"{"power":1210,"room":{"temperature":21}}"#);
        assert_eq!(
            university.next(NOW).unwrap(),
            r#"{"room":{"temperature":21}}"#
        );
    });
}

#[test]
fn gp_b1a_a_choice_reaches_messages_that_are_queued_already() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        for _ in 0..3 {
            house.measure(r#"{"power":1210}"#);
        }
        assert_eq!(utility.next(NOW).unwrap(), r#"{"power":1210}"#);
        let coarse = Level::coarse(1).unwrap();
        house
            .custody
            .choose(&[choice("/power", "billing", "utility-desk", coarse)], NOW)
            .unwrap();
        assert_eq!(
            utility.next(NOW).unwrap(),
            r#"{"power":1000,"@coarse":{"/power":250}}"#
        );
        house
            .custody
            .choose(
                &[choice("/power", "billing", "utility-desk", Level::OFF)],
                NOW,
            )
            .unwrap();
        assert_eq!(utility.next(NOW), None);
    });
}

#[test]
fn what_was_off_when_it_was_measured_stays_off() {
    on_both(|house| {
        let temperature = |level| [choice("/room/temperature", "research", "university", level)];
        let power = |level| [choice("/power", "research", "university", level)];
        let mut university = house.listen("university", &house.university, "research", 8);
        house.custody.choose(&power(Level::ON), NOW).unwrap();
        house.measure(r#"{"power":1,"room":{"temperature":21}}"#);
        house.custody.choose(&temperature(Level::ON), NOW).unwrap();
        assert_eq!(university.next(NOW).unwrap(), r#"{"power":1}"#);
    });
}

#[test]
fn the_end_of_a_grant_and_a_suspension_stop_queued_messages() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        for _ in 0..3 {
            house.measure(r#"{"power":1210}"#);
        }
        let end = NOW.plus_millis(1_000_000);
        assert!(utility.next(end.plus_millis(-1)).is_some());
        assert_eq!(
            utility.next(end),
            None,
            "the grant is over, to the millisecond"
        );
        house
            .custody
            .act(NOW, |act| {
                act.set_licence(&deployment("home"), licence(LicenceState::Suspended))
            })
            .unwrap();
        assert_eq!(utility.next(NOW), None);
    });
}

#[test]
fn without_a_granted_purpose_there_is_no_subscription() {
    on_both(|house| {
        let (outbox, _inbox) = mpsc::channel(1);
        let filter = Filter {
            purpose: PurposeId::parse("research").unwrap(),
            deployment: None,
            thing: None,
            condition: None,
            native: None,
        };
        let utility = house.recipient("utility-desk", &house.utility);
        let refused = house.custody.subscribe(&utility, filter, outbox, 0, NOW);
        assert!(matches!(
            refused.map(|_| ()),
            Err(SubscribeError::NotGranted { .. })
        ));
    });
}

#[test]
fn a_recipient_gets_its_own_pseudonym_and_never_the_card() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let validator = house.thing("validator-1", &house.validator);
        for _ in 0..2 {
            let payload = br#"{"power":5,"card":"card-7"}"#;
            house.custody.ingest(&validator, payload, NOW).unwrap();
        }
        let first = utility.next(NOW).unwrap();
        assert!(
            first.contains("\"card\":\"") && !first.contains("card-7"),
            "{first}"
        );
        assert_eq!(utility.next(NOW).unwrap(), first);
    });
}

#[test]
fn gp_a2_every_delivery_is_counted_and_shown_to_the_person() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        for _ in 0..3 {
            house.measure(r#"{"power":1210}"#);
        }
        assert!(utility.next(NOW).is_some() && utility.next(NOW).is_some());
        house.custody.tick(NOW).unwrap();
        assert!(utility.next(NOW).is_some());
        house.measure(r#"{"power":1210}"#);
        utility.withdraw(NOW);
        house.custody.tick(NOW).unwrap();
        let timeline = house
            .custody
            .timeline(&person("p-resident"), Place::before(NOW), 10, NOW)
            .unwrap();
        let [receipt] = timeline.receipts.as_slice() else {
            panic!("{timeline:?}");
        };
        assert_eq!(receipt.recipient.as_str(), "utility-desk");
        assert_eq!(receipt.purpose.as_str(), "billing");
        assert_eq!(
            (receipt.deliveries, receipt.fields.as_slice()),
            (3, &["/power".to_owned()][..])
        );
    });
}

#[test]
fn a_full_outbox_drops_and_counts() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 1);
        for _ in 0..3 {
            house.measure(r#"{"power":1210}"#);
        }
        assert_eq!(house.custody.dropped_deliveries(), 2);
        assert!(utility.next(NOW).is_some());
        assert_eq!(utility.next(NOW), None);
    });
}

#[test]
fn a_choice_that_is_not_the_persons_to_make_is_refused_and_changes_nothing() {
    on_both(|house| {
        let refused = |it| house.custody.choose(&[it], NOW).unwrap_err();
        let mut foreign = choice("/power", "billing", "utility-desk", Level::OFF);
        foreign.person = person("p-stranger");
        assert!(matches!(refused(foreign), ChooseError::NotConcerned(_)));
        let undeclared = choice("/power", "billing", "university", Level::OFF);
        assert!(matches!(
            refused(undeclared),
            ChooseError::NotDeclared { .. }
        ));
        let level = Level::coarse(2).unwrap();
        let missing = choice("/power", "billing", "utility-desk", level);
        assert!(matches!(refused(missing), ChooseError::NoSuchLevel { .. }));
        let sheet = house
            .custody
            .choice_sheet(&person("p-resident"), &deployment("home"), NOW)
            .unwrap();
        assert_eq!(sheet.rows[0].chosen, Level::ON);
        assert!(
            house
                .custody
                .choice_sheet(&person("p-stranger"), &deployment("home"), NOW)
                .is_none()
        );
    });
}

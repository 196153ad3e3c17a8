//! Invariants 1 and 4: there are three exits, and none gives what was not decided, also while choices change.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use custody::Place;
use model::Level;

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

const SECRET: &str = r#"{"power":31337,"room":{"temperature":31337},"ssid":"31337"}"#;

/// Turns everything off that a person can turn off.
fn everything_off(house: &House) {
    let sheet = house
        .custody
        .choice_sheet(&person("p-resident"), &deployment("home"), NOW)
        .unwrap();
    let choices: Vec<_> = sheet
        .rows
        .iter()
        .map(|it| {
            choice(
                it.field.as_str(),
                it.purpose.as_str(),
                it.recipient.as_str(),
                Level::OFF,
            )
        })
        .collect();
    house.custody.choose(&choices, NOW).unwrap();
}

#[test]
fn no_exit_gives_what_is_off() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let mut university = house.listen("university", &house.university, "research", 8);
        everything_off(&house);
        house.measure(SECRET);
        // Exit 1: live deliveries.
        assert_eq!((utility.next(NOW), university.next(NOW)), (None, None));
        // Exit 2: the person's own history.
        house.custody.tick(NOW).unwrap();
        let later = NOW.plus_millis(1);
        let timeline = house
            .custody
            .timeline(&person("p-resident"), Place::before(later), 10, later)
            .unwrap();
        assert!(timeline.readings.is_empty() && timeline.receipts.is_empty());
        // Exit 3: what is public about a deployment: drift and the record.
        let drift = house.custody.drift(&deployment("home"), 10).unwrap();
        let record = house.custody.record_before(u64::MAX, 100).unwrap();
        assert!(!format!("{drift:?}{record:?}").contains("31337"));
    });
}

/// After `choose` has returned, no delivery that starts and ends before the next choice may violate it.
#[test]
fn an_act_that_asks_for_what_stands_ends_no_streams() {
    on_both(|house| {
        let off = choice("/power", "billing", "utility-desk", Level::OFF);
        let rules = || house.custody.rules_in_force();
        let before = rules();
        assert_eq!(
            house
                .custody
                .choose(std::slice::from_ref(&off), NOW)
                .unwrap()
                .len(),
            1
        );
        let chosen = rules();
        assert!(chosen > before);
        for _ in 0..3 {
            assert!(
                house
                    .custody
                    .choose(std::slice::from_ref(&off), NOW)
                    .unwrap()
                    .is_empty()
            );
            assert_eq!(rules(), chosen);
        }
        let on = choice("/power", "billing", "utility-desk", Level::ON);
        house.custody.choose(&[off, on], NOW).unwrap();
        assert!(rules() > chosen);
    });
}

#[test]
fn gp_b1a_no_delivery_violates_an_acknowledged_choice_while_choices_toggle() {
    const TOGGLES: u64 = 150;
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 4_096);
        let meter = house.thing("meter-1", &house.meter);
        // Even: in motion. 4n + 1: off is in force. 4n + 3: on is in force.
        let phase = AtomicU64::new(0);
        let done = AtomicBool::new(false);
        let (delivered, withheld) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    house
                        .custody
                        .ingest(&meter, br#"{"power":1210}"#, NOW)
                        .unwrap();
                    thread::yield_now();
                }
            });
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let before = phase.load(Ordering::SeqCst);
                    let payload = utility.next(NOW);
                    let after = phase.load(Ordering::SeqCst);
                    let is_off = before == after && before % 4 == 1;
                    assert!(
                        !(is_off && payload.is_some()),
                        "{payload:?} was delivered while it was off"
                    );
                    let counter = if payload.is_some() {
                        &delivered
                    } else {
                        &withheld
                    };
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            });
            for turn in 0..TOGGLES {
                let level = if turn % 2 == 0 { Level::OFF } else { Level::ON };
                let chosen = choice("/power", "billing", "utility-desk", level);
                house.custody.choose(&[chosen], NOW).unwrap();
                phase.fetch_add(1, Ordering::SeqCst);
                let seen = delivered.load(Ordering::SeqCst) + withheld.load(Ordering::SeqCst);
                while delivered.load(Ordering::SeqCst) + withheld.load(Ordering::SeqCst) < seen + 20
                {
                    thread::yield_now();
                }
                phase.fetch_add(1, Ordering::SeqCst);
            }
            done.store(true, Ordering::SeqCst);
        });
        assert!(
            delivered.load(Ordering::SeqCst) > 100,
            "something must have been delivered while it was on"
        );
    });
}

//! What is in force: people in time and role, limits of the rulebook, and that deriving it gives what the rows say.

mod released;

use custody::{ActError, IngestError, Place};
use model::{
    Assignment, Cap, CapTarget, Level, Notice, Pointer, PurposeId, Role, Sensitivity, ThingId,
    Timestamp,
};

use crate::fixture::{House, Listener, NOW, choice, deployment, on_both, person};

const METER: &str = "meter-1";
const LATER: Timestamp = Timestamp::from_millis(1_790_000_900_000);

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

fn stay(who: &str, role: Role, from: Timestamp, until: Option<Timestamp>) -> Assignment {
    Assignment {
        thing: thing(METER),
        person: person(who),
        role,
        valid_from: from,
        valid_until: until,
    }
}

fn assign(house: &House, assignment: &Assignment) {
    let assigned = house.custody.act(NOW, |act| act.assign(assignment));
    assigned.unwrap();
    house.custody.check_in_force(NOW).unwrap();
}

fn choose_as(house: &House, who: &str, level: Level) {
    let mut chosen = choice("/power", "billing", "utility-desk", level);
    chosen.person = person(who);
    house.custody.choose(&[chosen], NOW).unwrap();
    house.custody.check_in_force(NOW).unwrap();
}

fn measure_at(house: &House, at: Timestamp) {
    let meter = house.thing(METER, &house.meter);
    let payload = br#"{"power":1210,"room":{"temperature":21}}"#;
    let lsn = house.custody.ingest(&meter, payload, at).unwrap();
    house.custody.wait_durable(lsn).unwrap();
}

fn readings(house: &House, who: &str) -> Vec<(i64, Vec<String>)> {
    let read = house
        .custody
        .timeline(&person(who), Place::before(LATER), 50, LATER);
    let mut readings: Vec<_> = read
        .unwrap()
        .readings
        .into_iter()
        .map(|it| {
            let fields = it.fields.into_iter().map(|it| it.pointer);
            (it.at.as_millis() - NOW.as_millis(), fields.collect())
        })
        .collect();
    readings.reverse();
    readings
}

fn after(millis: i64) -> Timestamp {
    NOW.plus_millis(millis)
}

fn utility(house: &House) -> Listener {
    house.listen("utility-desk", &house.utility, "billing", 64)
}

#[test]
fn a_guest_counts_from_the_first_to_the_last_millisecond() {
    on_both(|house| {
        assign(
            &house,
            &stay("p-guest", Role::Occupant, after(10), Some(after(20))),
        );
        choose_as(&house, "p-guest", Level::OFF);
        let mut utility = utility(&house);
        for (at, passes) in [(9, true), (10, false), (19, false), (20, true)] {
            measure_at(&house, after(at));
            assert_eq!(utility.next(after(at)).is_some(), passes, "after {at} ms");
        }
        let power = vec!["/power".to_owned()];
        assert_eq!(
            readings(&house, "p-resident"),
            [(9, power.clone()), (20, power)]
        );
        assert_eq!(readings(&house, "p-guest"), [], "they turned it off");
    });
}

#[test]
fn a_queued_message_is_about_the_people_of_the_moment_when_it_came() {
    on_both(|house| {
        assign(
            &house,
            &stay("p-guest", Role::Occupant, after(10), Some(after(20))),
        );
        let mut utility = utility(&house);
        for at in [9, 15, 25] {
            measure_at(&house, after(at));
        }
        choose_as(&house, "p-guest", Level::OFF);
        let delivered: Vec<_> = (0..3).map(|_| utility.next(after(30)).is_some()).collect();
        assert_eq!(delivered, [true, false, true]);
        assert_eq!(
            readings(&house, "p-guest").len(),
            1,
            "kept before they chose"
        );
    });
}

#[test]
fn who_has_left_sees_what_was_theirs_and_the_next_one_does_not() {
    on_both(|house| {
        measure_at(&house, after(1));
        let end = |at| {
            house.custody.act(after(2), |act| {
                act.end_assignment(&thing(METER), &person("p-resident"), Role::Household, at)
            })
        };
        assert!(matches!(end(after(1)), Err(ActError::Past)));
        end(after(2)).unwrap();
        assert!(matches!(end(after(3)), Err(ActError::NotAssigned(_))));
        assign(&house, &stay("p-next", Role::Household, after(2), None));
        measure_at(&house, after(2));
        assert_eq!(readings(&house, "p-resident").len(), 1);
        assert_eq!(readings(&house, "p-next").len(), 1);
        let (home, bus) = (deployment("home"), deployment("bus"));
        let about = house.custody.deployments_about(&person("p-resident"));
        assert_eq!(about, [bus, home.clone()], "they still see it");
        let sheet = house
            .custody
            .choice_sheet(&person("p-resident"), &home, after(5));
        assert!(!sheet.unwrap().rows.is_empty());
        let assigned = house
            .custody
            .assignments(&person("p-resident"), &home)
            .unwrap();
        assert_eq!(assigned[0].valid_until, Some(after(2)));
    });
}

#[test]
fn a_person_has_several_roles_and_sees_what_is_about_them() {
    on_both(|house| {
        let source = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replace("unit = \"W\"\n", "unit = \"W\"\nabout = [\"holder\"]\n");
        let notice = Notice::parse(&source).unwrap();
        house
            .custody
            .act(NOW, |act| act.publish_notice(&notice, &source))
            .unwrap();
        let temperature = choice("/room/temperature", "research", "university", Level::ON);
        house.custody.choose(&[temperature], NOW).unwrap();
        choose_as(&house, "p-resident", Level::OFF);
        let mut utility = utility(&house);
        measure_at(&house, after(1));
        assert!(
            utility.next(after(1)).is_some(),
            "power is about holders only"
        );
        assign(
            &house,
            &stay("p-resident", Role::Holder, after(10), Some(after(20))),
        );
        for (at, passes) in [(10, false), (20, true)] {
            measure_at(&house, after(at));
            assert_eq!(utility.next(after(at)).is_some(), passes, "after {at} ms");
        }
        let temperature = || vec!["/room/temperature".to_owned()];
        assert_eq!(
            readings(&house, "p-resident"),
            [(1, temperature()), (10, temperature()), (20, temperature())],
            "power is not about a household"
        );
    });
}

#[test]
fn an_assignment_must_hold_at_some_moment_and_name_a_thing_that_is_there() {
    on_both(|house| {
        let assign = |it: &Assignment| house.custody.act(NOW, |act| act.assign(it));
        let never = stay("p-guest", Role::Occupant, NOW, Some(NOW));
        assert!(matches!(assign(&never), Err(ActError::NoTime)));
        let mut nowhere = stay("p-guest", Role::Occupant, NOW, None);
        nowhere.thing = thing("nothing");
        assert!(matches!(assign(&nowhere), Err(ActError::NoThing(_))));
        house.custody.check_in_force(NOW).unwrap();
    });
}

#[test]
fn a_thing_that_appears_with_its_person_in_one_act_is_in_force() {
    on_both(|house| {
        let token = house.custody.act(NOW, |act| {
            let token = act.register_thing(&thing("meter-2"), &deployment("home"))?;
            let mut assignment = stay("p-guest", Role::Holder, Timestamp::EPOCH, None);
            assignment.thing = thing("meter-2");
            act.assign(&assignment)?;
            Ok::<_, ActError>(token)
        });
        choose_as(&house, "p-guest", Level::OFF);
        let mut utility = utility(&house);
        let meter = house.thing("meter-2", &token.unwrap());
        let payload = br#"{"power":1210}"#;
        house.custody.ingest(&meter, payload, NOW).unwrap();
        assert_eq!(utility.next(NOW), None);
        measure_at(&house, NOW);
        assert!(utility.next(NOW).is_some());
    });
}

#[test]
fn a_limit_of_the_rulebook_holds_everywhere_at_once_and_reaches_queued_messages() {
    on_both(|house| {
        let mut utility = utility(&house);
        measure_at(&house, NOW);
        measure_at(&house, NOW);
        let validator = house.thing("validator-1", &house.validator);
        house
            .custody
            .ingest(&validator, br#"{"power":1210}"#, NOW)
            .unwrap();
        let cap = |target, purpose, most| Cap {
            target,
            purpose,
            most,
        };
        let billing = PurposeId::parse("billing").unwrap();
        let coarse = cap(
            CapTarget::Sensitivity(Sensitivity::High),
            Some(billing),
            Level::coarse(1).unwrap(),
        );
        let set = |caps: &[Cap]| house.custody.act(NOW, |act| act.set_caps(caps)).unwrap();
        set(std::slice::from_ref(&coarse));
        house.custody.check_in_force(NOW).unwrap();
        let rounded = r#"{"power":1000,"@coarse":{"/power":250}}"#;
        assert_eq!(utility.next(NOW).unwrap(), rounded);
        let limits = |id| {
            house
                .custody
                .in_force_at(&deployment(id), NOW)
                .unwrap()
                .limits
        };
        assert_eq!(limits("home"), std::slice::from_ref(&coarse));
        let elsewhere = cap(
            CapTarget::Field(Pointer::parse("/nowhere").unwrap()),
            None,
            Level::OFF,
        );
        let power = cap(
            CapTarget::Field(Pointer::parse("/power").unwrap()),
            None,
            Level::OFF,
        );
        set(&[coarse, elsewhere, power.clone()]);
        assert_eq!((utility.next(NOW), utility.next(NOW)), (None, None));
        assert!(limits("bus").contains(&power) && limits("bus").len() == 2);
        set(&[]);
        assert_eq!(limits("home"), []);
        measure_at(&house, NOW);
        assert_eq!(utility.next(NOW).unwrap(), r#"{"power":1210}"#);
    });
}

#[test]
fn limits_are_in_force_after_a_restart_and_at_new_deployments() {
    on_both(|house| {
        let cap = Cap {
            target: CapTarget::Field(Pointer::parse("/power").unwrap()),
            purpose: None,
            most: Level::OFF,
        };
        house
            .custody
            .act(NOW, |act| act.set_caps(std::slice::from_ref(&cap)))
            .unwrap();
        let source = include_str!("home.toml").replace("\"home\"", "\"villa\"");
        let notice = Notice::parse(&source).unwrap();
        house
            .custody
            .act(NOW, |act| act.publish_notice(&notice, &source))
            .unwrap();
        house.custody.close().unwrap();
        let reopened = crate::fixture::open(&house.db, &house.directory);
        for id in ["home", "villa"] {
            let limits = reopened.in_force_at(&deployment(id), NOW).unwrap().limits;
            assert_eq!(limits, std::slice::from_ref(&cap));
        }
    });
}

#[test]
fn an_act_that_fails_leaves_what_is_in_force_as_it_is() {
    on_both(|house| {
        let failed = house.custody.act(NOW, |act| {
            act.assign(&stay("p-guest", Role::Holder, NOW, None))?;
            act.set_caps(&[Cap {
                target: CapTarget::Sensitivity(Sensitivity::None),
                purpose: None,
                most: Level::OFF,
            }])?;
            Err::<(), _>(ActError::NoTime)
        });
        failed.unwrap_err();
        house.custody.check_in_force(NOW).unwrap();
        assert!(
            house
                .custody
                .deployments_about(&person("p-guest"))
                .is_empty()
        );
        let mut utility = utility(&house);
        measure_at(&house, NOW);
        assert!(utility.next(NOW).is_some());
    });
}

#[test]
fn a_removed_row_of_a_thing_is_refused_and_not_given_to_another() {
    on_both(|house| {
        house
            .custody
            .act(NOW, |act| {
                act.register_thing(&thing("meter-0"), &deployment("home"))
                    .map(drop)
            })
            .unwrap();
        let meter = house.thing(METER, &house.meter);
        // Behind the server's back, as a restore or a hand at the database might.
        let removed: Result<_, store::DbError> = house.db.write(|tx| {
            tx.execute(
                "DELETE FROM assignment_in_time WHERE thing = 'meter-1'",
                &[],
            )?;
            tx.execute("DELETE FROM thing WHERE id = 'meter-1'", &[])
        });
        removed.unwrap();
        let source = include_str!("home.toml").replace("version = 1", "version = 2");
        let notice = Notice::parse(&source).unwrap();
        house
            .custody
            .act(NOW, |act| act.publish_notice(&notice, &source))
            .unwrap();
        let refused = house.custody.ingest(&meter, br#"{"power":1}"#, NOW);
        assert!(
            matches!(refused, Err(IngestError::Unregistered)),
            "{refused:?}"
        );
    });
}

mod slow {
    //! Random acts, one after the other, on both databases.

    use model::{Grant, Licence, LicenceState, RecipientId};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;

    const PEOPLE: [&str; 4] = ["p-resident", "p-a", "p-b", "p-c"];
    const ROLES: [Role; 3] = Role::ALL;
    const SLOTS: [(&str, &str, &str, &str); 5] = [
        ("home", "/power", "billing", "utility-desk"),
        ("home", "/power", "research", "university"),
        ("home", "/room/temperature", "research", "university"),
        ("bus", "/power", "billing", "utility-desk"),
        ("bus", "/power", "research", "university"),
    ];

    #[derive(Debug, Clone)]
    enum Step {
        Register(bool, Option<usize>),
        Assign(usize, usize, usize, i64, Option<i64>),
        End(usize, usize, usize, i64),
        Choose(usize, usize, u8),
        Grant(bool, i64, Option<i64>),
        Licence(bool),
        Caps(Vec<(bool, u8)>),
        Link(usize, u8),
        Republish(bool, bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
        let step = prop_oneof![
            2 => (any::<bool>(), prop::option::of(0..4_usize)).prop_map(|(a, b)| Step::Register(a, b)),
            4 => (0..8_usize, 0..4_usize, 0..3_usize, 0..9_i64, prop::option::of(0..9_i64))
                .prop_map(|(a, b, c, d, e)| Step::Assign(a, b, c, d, e)),
            3 => (0..8_usize, 0..4_usize, 0..3_usize, 0..9_i64)
                .prop_map(|(a, b, c, d)| Step::End(a, b, c, d)),
            5 => (0..4_usize, 0..5_usize, 0..3_u8).prop_map(|(a, b, c)| Step::Choose(a, b, c)),
            1 => (any::<bool>(), 0..5_i64, prop::option::of(5..9_i64))
                .prop_map(|(a, b, c)| Step::Grant(a, b, c)),
            1 => any::<bool>().prop_map(Step::Licence),
            1 => prop::collection::vec((any::<bool>(), 0..3_u8), 0..3).prop_map(Step::Caps),
            1 => (0..4_usize, any::<u8>()).prop_map(|(a, b)| Step::Link(a, b)),
            1 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Step::Republish(a, b)),
        ];
        prop::collection::vec(prop::collection::vec(step, 1..4), 1..10)
    }

    fn level(number: u8) -> Level {
        [Level::OFF, Level::coarse(1).unwrap(), Level::ON][usize::from(number) % 3]
    }

    struct Run<'a> {
        house: &'a House,
        things: Vec<ThingId>,
        versions: [u32; 2],
    }

    impl Run<'_> {
        /// Several steps in one act; a refused one undoes the act, as it must.
        fn act(&mut self, steps: &[Step]) {
            let (things, versions) = (self.things.clone(), self.versions);
            let outcome = self.house.custody.act(NOW, |act| {
                steps.iter().try_for_each(|it| self.step(act, it))
            });
            if outcome.is_err() {
                (self.things, self.versions) = (things, versions);
            }
            for step in steps {
                self.choose(step);
            }
            self.house.custody.check_in_force(NOW).unwrap();
            self.house.custody.check_in_force(after(6)).unwrap();
        }

        fn choose(&self, step: &Step) {
            if let Step::Choose(who, slot, to) = step {
                let (home, field, purpose, recipient) = SLOTS[*slot];
                let mut chosen = choice(field, purpose, recipient, level(*to));
                (chosen.person, chosen.deployment) = (person(PEOPLE[*who]), deployment(home));
                // Refused where nothing is about them: then nothing must change.
                let _ = self.house.custody.choose(&[chosen], NOW);
            }
        }

        fn step(&mut self, act: &mut custody::Act<'_, '_>, step: &Step) -> Result<(), ActError> {
            let place = |is_bus: bool| deployment(if is_bus { "bus" } else { "home" });
            match step {
                Step::Register(is_bus, who) => {
                    let id = thing(&format!("thing-{}", 900 - self.things.len()));
                    act.register_thing(&id, &place(*is_bus))?;
                    self.things.push(id.clone());
                    if let Some(who) = who {
                        let mut assignment = stay(PEOPLE[*who], Role::Holder, NOW, None);
                        assignment.thing = id;
                        act.assign(&assignment)?;
                    }
                }
                Step::Assign(which, who, role, from, until) => {
                    let from = if *from == 0 {
                        Timestamp::EPOCH
                    } else {
                        after(*from)
                    };
                    let until = until.map(after);
                    let mut assignment = stay(PEOPLE[*who], ROLES[*role], from, until);
                    assignment.thing = self.things[which % self.things.len()].clone();
                    act.assign(&assignment)?;
                }
                Step::End(which, who, role, at) => {
                    let which = &self.things[which % self.things.len()];
                    let ended =
                        act.end_assignment(which, &person(PEOPLE[*who]), ROLES[*role], after(*at));
                    match ended {
                        Err(ActError::NotAssigned(_)) => {}
                        ended => ended?,
                    }
                }
                Step::Choose(..) => {}
                Step::Grant(is_bus, from, until) => act.grant(&Grant {
                    recipient: RecipientId::parse("university").unwrap(),
                    purpose: PurposeId::parse("research").unwrap(),
                    deployment: place(*is_bus),
                    valid_from: after(*from),
                    valid_until: until.map(after),
                })?,
                Step::Licence(active) => {
                    let state = if *active {
                        LicenceState::Active
                    } else {
                        LicenceState::Suspended
                    };
                    act.set_licence(&place(true), Licence { state, until: None })?;
                }
                Step::Caps(caps) => limit(act, caps)?,
                Step::Link(who, card) => {
                    act.link_subject(
                        &place(true),
                        &format!("card-x{card}"),
                        &person(PEOPLE[*who]),
                    )?;
                }
                Step::Republish(is_bus, without_consent) => {
                    self.republish(act, *is_bus, *without_consent)?;
                }
            }
            Ok(())
        }

        fn republish(
            &mut self,
            act: &mut custody::Act<'_, '_>,
            is_bus: bool,
            without_consent: bool,
        ) -> Result<(), ActError> {
            let source = match is_bus {
                true => include_str!("bus.toml"),
                false => include_str!("home.toml"),
            };
            let version = &mut self.versions[usize::from(is_bus)];
            *version += 1;
            let mut source = source.replace("version = 1", &format!("version = {version}"));
            if without_consent {
                source = source.replace("\"consent\"", "\"contract\"");
            }
            act.publish_notice(&Notice::parse(&source).unwrap(), &source)?;
            Ok(())
        }
    }

    fn limit(act: &mut custody::Act<'_, '_>, caps: &[(bool, u8)]) -> Result<(), ActError> {
        let cap = |(by_field, most): &(bool, u8)| Cap {
            target: match by_field {
                true => CapTarget::Field(Pointer::parse("/power").unwrap()),
                false => CapTarget::Sensitivity(Sensitivity::Low),
            },
            purpose: None,
            most: level(*most),
        };
        let caps: Vec<_> = caps.iter().map(cap).collect();
        act.set_caps(&caps)
    }

    #[test]
    fn random_acts_derive_what_the_rows_say() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the long run is asked for by whoever starts the tests"
        )]
        let cases = std::env::var("IN_FORCE_CASES").ok();
        let cases = cases.and_then(|it| it.parse().ok()).unwrap_or(12);
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new(config)
            .run(&steps(), |acts| {
                on_both(|house| {
                    let mut run = Run {
                        house: &house,
                        things: vec![thing("meter-1"), thing("validator-1")],
                        versions: [1, 1],
                    };
                    for act in &acts {
                        run.act(act);
                    }
                });
                Ok(())
            })
            .unwrap();
    }

    /// So that the comparison itself is seen to work.
    #[test]
    fn the_comparison_finds_what_was_changed_behind_the_servers_back() {
        for (change, what) in [
            ("UPDATE assignment_in_time SET role = 'holder'", "a thing"),
            (
                "UPDATE access_grant SET valid_until = 5",
                "the notice, grants or limits",
            ),
            ("UPDATE deployment SET licence = 'revoked'", "the licence"),
            ("DELETE FROM subject_token", "a person known by a field"),
        ] {
            on_both(|house| {
                let changed: Result<_, store::DbError> =
                    house.db.write(|tx| tx.execute(change, &[]));
                changed.unwrap();
                let found = house.custody.check_in_force(NOW).unwrap_err().to_string();
                assert!(found.starts_with(what), "{found}");
            });
        }
    }
}

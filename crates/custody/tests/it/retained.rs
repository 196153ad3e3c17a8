//! Retained messages: decided for each receiver, never more than when they came, and gone when nobody may have them.

mod naive;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use custody::{
    ActError, Arrival, Filter, Identity, IngestError, NativeFilter, NativeTopic, Placing, Retain,
    Subscription, ThingPeer,
};
use model::{DeploymentId, Level, LicenceState, PurposeId, ThingId, Timestamp};
use tokio::sync::mpsc;

use crate::fixture::{House, NOW, choice, deployment, licence, on_both, person};

const DAY: i64 = 86_400_000;

fn after(millis: i64) -> Timestamp {
    NOW.plus_millis(millis)
}

fn filter(purpose: &str) -> Filter {
    Filter {
        purpose: PurposeId::parse(purpose).unwrap(),
        deployment: None,
        thing: None,
        condition: None,
        native: None,
    }
}

impl House {
    pub(crate) fn retain(&self, payload: &str, now: Timestamp) {
        let thing = self.thing("meter-1", &self.meter);
        self.send(&thing, payload, true, now);
    }

    fn send(&self, thing: &std::sync::Arc<ThingPeer>, payload: &str, retain: bool, now: Timestamp) {
        let retain = match retain {
            true => Retain::Keep,
            false => Retain::No,
        };
        let arrival = Arrival {
            thing,
            payload: payload.as_bytes(),
            retain,
            origin: 9,
            expires_at: None,
            order: None,
        };
        self.custody.take(&arrival, now).unwrap();
    }

    fn subscribe(&self, id: &str, filter: Filter) -> Subscription {
        let token = match id {
            "utility-desk" => &self.utility,
            _ => &self.university,
        };
        let (outbox, _inbox) = mpsc::channel(1);
        let recipient = self.recipient(id, token);
        let subscribed = self.custody.subscribe(&recipient, filter, outbox, 3, NOW);
        subscribed.unwrap()
    }

    /// What somebody gets who subscribes now.
    fn retained_with(&self, id: &str, filter: Filter, now: Timestamp) -> Vec<String> {
        let subscription = self.subscribe(id, filter);
        let mut cursor = subscription.retained();
        let mut found = Vec::new();
        while let Some(delivery) = cursor.next(now) {
            assert!(delivery.is_retained());
            let _gate = self.custody.delivery_gate();
            if let Some(permit) = self.custody.permit(&delivery, now) {
                let (payload, _receipt) = permit.into_payload();
                found.push(String::from_utf8(payload.to_vec()).unwrap());
            }
        }
        found
    }

    pub(crate) fn utility(&self, now: Timestamp) -> Vec<String> {
        self.retained_with("utility-desk", filter("billing"), now)
    }

    fn university(&self, now: Timestamp) -> Vec<String> {
        self.retained_with("university", filter("research"), now)
    }

    fn choose_power(&self, level: Level) {
        let choices = [choice("/power", "billing", "utility-desk", level)];
        self.custody.choose(&choices, NOW).unwrap();
    }

    fn sealed_rows(&self) -> Vec<Vec<u8>> {
        let rows = self.db.read(|tx| {
            let rows = tx.query("SELECT sealed FROM retained ORDER BY thing", &[])?;
            rows.iter().map(|it| it.get::<Vec<u8>>(0)).collect()
        });
        let rows: Result<_, store::DbError> = rows;
        rows.unwrap()
    }
}

const NOTHING: [String; 0] = [];

#[test]
fn who_subscribes_later_gets_the_last_retained_message_until_an_empty_one_takes_it_back() {
    on_both(|house| {
        assert_eq!(house.utility(NOW), NOTHING);
        house.retain(r#"{"power":1}"#, NOW);
        house.retain(r#"{"power":2,"ssid":"x"}"#, NOW);
        house.measure(r#"{"power":3}"#);
        assert_eq!(house.utility(NOW), [r#"{"power":2}"#]);
        assert_eq!(house.utility(NOW), [r#"{"power":2}"#], "each time anew");
        assert_eq!(house.university(NOW), NOTHING, "research needs consent");
        assert_eq!(house.custody.retained_counts().messages, 1);
        // MQTT 5.0 section 3.3.1.3: a payload of no bytes removes it and is not retained itself.
        house.retain("", NOW);
        assert_eq!(house.utility(NOW), NOTHING);
        let counts = house.custody.retained_counts();
        assert_eq!((counts.messages, counts.bytes), (0, 0));
    });
}

#[test]
fn a_live_message_says_how_it_was_sent_and_is_no_retained_one() {
    on_both(|house| {
        let (outbox, mut inbox) = mpsc::channel(8);
        let utility = house.recipient("utility-desk", &house.utility);
        let subscription = house
            .custody
            .subscribe(&utility, filter("billing"), outbox, 3, NOW)
            .unwrap();
        house.retain(r#"{"power":2}"#, after(5));
        house.measure(r#"{"power":3}"#);
        let (first, second) = (inbox.try_recv().unwrap(), inbox.try_recv().unwrap());
        assert!(!first.is_retained() && first.was_sent_to_retain());
        assert_eq!((first.tag(), first.origin(), first.at()), (3, 9, after(5)));
        assert!(!second.is_retained() && !second.was_sent_to_retain());
        let kept = subscription.retained().next(NOW).unwrap();
        assert!(kept.is_retained() && kept.was_sent_to_retain());
        assert_eq!((kept.tag(), kept.at()), (3, after(5)));
    });
}

#[test]
fn a_retained_message_is_decided_again_when_somebody_subscribes() {
    on_both(|house| {
        house.retain(r#"{"power":1210}"#, NOW);
        let end = after(1_000_000);
        assert_eq!(house.utility(end.plus_millis(-1)).len(), 1);
        let subscription = house.subscribe("utility-desk", filter("billing"));
        let mut cursor = subscription.retained();
        let delivery = cursor.next(end).unwrap();
        assert!(
            house.custody.permit(&delivery, end).is_none(),
            "the grant is over, to the millisecond"
        );
        house.choose_power(Level::coarse(1).unwrap());
        assert_eq!(
            house.utility(NOW),
            [r#"{"power":1000,"@coarse":{"/power":250}}"#]
        );
    });
}

#[test]
fn what_was_off_when_it_came_stays_off_and_what_was_turned_down_does_not_come_back() {
    on_both(|house| {
        let research = |field, level| choice(field, "research", "university", level);
        let choose = |it| house.custody.choose(&[it], NOW).unwrap();
        choose(research("/power", Level::ON));
        house.retain(r#"{"power":1210,"room":{"temperature":21}}"#, NOW);
        choose(research("/room/temperature", Level::ON));
        assert_eq!(house.university(NOW), [r#"{"power":1210}"#]);
        choose(research("/power", Level::coarse(1).unwrap()));
        choose(research("/power", Level::ON));
        assert_eq!(
            house.university(NOW),
            [r#"{"power":1000,"@coarse":{"/power":250}}"#]
        );
        assert_eq!(
            house.utility(NOW),
            [r#"{"power":1210}"#],
            "others keep theirs"
        );
        house.retain(r#"{"power":700,"room":{"temperature":21}}"#, NOW);
        assert_eq!(
            house.university(NOW),
            [r#"{"power":700,"room":{"temperature":21}}"#],
            "the thing has spoken again"
        );
    });
}

#[test]
fn what_a_person_turns_off_lies_nowhere_raw_when_the_choice_is_acknowledged() {
    on_both(|house| {
        house.retain(r#"{"power":1210}"#, NOW);
        house.custody.tick(NOW).unwrap();
        let before = house.sealed_rows();
        assert_eq!(before.len(), 1);
        // Lowered: the row with the exact value is gone at once, and comes back with less.
        house.choose_power(Level::coarse(1).unwrap());
        assert_eq!(house.sealed_rows(), Vec::<Vec<u8>>::new());
        house.custody.tick(NOW).unwrap();
        assert_eq!(house.sealed_rows().len(), 1);
        assert_ne!(house.sealed_rows(), before);
        let house = house.reopened(false);
        house.choose_power(Level::ON);
        assert_eq!(
            house.utility(NOW),
            [r#"{"power":1000,"@coarse":{"/power":250}}"#],
            "no more was kept"
        );
        // Turned off: nothing is left.
        house.choose_power(Level::OFF);
        assert_eq!(house.custody.retained_counts().bytes, 0);
        assert_eq!(house.sealed_rows(), Vec::<Vec<u8>>::new());
        house.choose_power(Level::ON);
        assert_eq!(house.utility(NOW), NOTHING);
    });
}

#[test]
fn a_suspension_a_new_notice_and_the_removal_of_the_thing_erase_it() {
    for how in ["suspension", "notice", "removal"] {
        on_both(|house| {
            house.retain(r#"{"power":1}"#, NOW);
            house.custody.tick(NOW).unwrap();
            let home = deployment("home");
            let act = |act: &mut custody::Act<'_, '_>| match how {
                "suspension" => act.set_licence(&home, licence(LicenceState::Suspended)),
                "notice" => {
                    let source = include_str!("home.toml").replace("version = 1", "version = 2");
                    let notice = model::Notice::parse(&source).unwrap();
                    act.publish_notice(&notice, &source).map(|_| ())
                }
                _ => act.remove_thing(&ThingId::parse("meter-1").unwrap()),
            };
            house.custody.act(NOW, act).unwrap();
            assert_eq!(house.custody.retained_counts().messages, 0, "{how}");
            assert_eq!(house.sealed_rows().len(), 0, "{how}");
        });
    }
}

#[test]
fn it_survives_a_restart_sealed_and_a_crash_up_to_the_last_tick() {
    on_both(|house| {
        house.retain(r#"{"power":73311}"#, NOW);
        let house = house.reopened(true);
        let [row] = &house.sealed_rows()[..] else {
            panic!("one row");
        };
        let shows = |text: &str| row.windows(text.len()).any(|it| it == text.as_bytes());
        assert!(!shows("73311") && !shows("power") && !shows("p-resident"));
        assert_eq!(house.utility(NOW), [r#"{"power":73311}"#]);
        assert_eq!(house.custody.retained_counts().messages, 1);
        house.retain(r#"{"power":2}"#, NOW);
        house.custody.tick(NOW).unwrap();
        house.retain(r#"{"power":3}"#, NOW);
        let house = house.reopened(false);
        assert_eq!(house.utility(NOW), [r#"{"power":2}"#]);
        house.retain("", NOW);
        let house = house.reopened(true);
        assert_eq!(house.utility(NOW), NOTHING);
        assert_eq!(house.sealed_rows().len(), 0);
    });
}

#[test]
fn a_row_that_was_moved_to_another_thing_is_not_read() {
    on_both(|house| {
        house.retain(r#"{"power":1}"#, NOW);
        house.custody.tick(NOW).unwrap();
        let moved: Result<_, store::DbError> = house.db.write(|tx| {
            tx.execute(
                "UPDATE retained SET thing = 'validator-1', deployment = 'bus'",
                &[],
            )
        });
        moved.unwrap();
        let house = house.reopened(false);
        assert_eq!(house.custody.retained_counts().messages, 0);
        assert_eq!(house.sealed_rows().len(), 0, "it is erased");
    });
}

#[test]
fn nothing_is_retained_of_a_person_who_wants_nothing_kept_here() {
    on_both(|house| {
        let place = |placing: &Placing| {
            let home = Some(deployment("home"));
            let custody = &house.custody;
            custody
                .place(&person("p-resident"), home.as_ref(), placing, NOW)
                .unwrap();
        };
        place(&Placing::LiveOnly);
        let mut live = house.listen("utility-desk", &house.utility, "billing", 8);
        house.retain(r#"{"power":1}"#, NOW);
        assert_eq!(
            live.next(NOW).unwrap(),
            r#"{"power":1}"#,
            "it is delivered all the same"
        );
        assert_eq!(house.custody.retained_counts().messages, 0);
        // Kept, and then no more: what is retained goes before the change is acknowledged.
        place(&Placing::Vault);
        assert_eq!(house.utility(NOW), NOTHING, "nothing comes back");
        house.retain(r#"{"power":2}"#, NOW);
        house.custody.tick(NOW).unwrap();
        assert_eq!(house.utility(NOW), [r#"{"power":2}"#]);
        place(&Placing::LiveOnly);
        assert_eq!(house.custody.retained_counts().messages, 0);
        assert_eq!(house.sealed_rows().len(), 0);
    });
}

#[test]
fn it_is_kept_no_longer_than_the_notice_lets_readings_be_kept() {
    on_both(|house| {
        let forever = |act: &mut custody::Act<'_, '_>| {
            for (recipient, purpose) in [("utility-desk", "billing"), ("university", "research")] {
                act.grant(&model::Grant {
                    recipient: model::RecipientId::parse(recipient).unwrap(),
                    purpose: PurposeId::parse(purpose).unwrap(),
                    deployment: deployment("home"),
                    valid_from: NOW,
                    valid_until: None,
                })?;
            }
            Ok::<_, custody::ActError>(())
        };
        house.custody.act(NOW, forever).unwrap();
        let research = choice("/power", "research", "university", Level::ON);
        house.custody.choose(&[research], NOW).unwrap();
        house.retain(r#"{"power":1}"#, NOW);
        house.custody.tick(NOW).unwrap();
        assert_eq!(house.university(after(30 * DAY - 1)).len(), 1);
        assert_eq!(house.university(after(30 * DAY)), NOTHING, "30 days");
        assert_eq!(house.utility(after(365 * DAY - 1)).len(), 1);
        assert_eq!(house.utility(after(365 * DAY)), NOTHING, "365 days");
        assert_eq!(house.custody.retained_counts().messages, 1);
        house.custody.tick(after(365 * DAY)).unwrap();
        assert_eq!(house.custody.retained_counts().messages, 0);
        assert_eq!(house.sealed_rows().len(), 0);
    });
}

#[test]
fn what_takes_back_comes_in_first_or_takes_nothing_back() {
    on_both(|house| {
        let thing = house.thing("meter-1", &house.meter);
        let taking_back = |payload: &'static [u8]| {
            let arrival = Arrival {
                thing: &thing,
                payload,
                retain: Retain::TakeBack,
                origin: 0,
                expires_at: None,
                order: None,
            };
            house.custody.take(&arrival, NOW)
        };
        house.retain(r#"{"power":1}"#, NOW);
        assert!(matches!(
            taking_back(b"no message"),
            Err(IngestError::Malformed(_))
        ));
        assert_eq!(house.custody.retained_counts().messages, 1);
        let decide = |state| {
            let custody = &house.custody;
            let decided: Result<_, ActError> = custody.act(NOW, |act| {
                act.set_licence(&deployment("home"), licence(state))
            });
            decided.unwrap();
        };
        decide(LicenceState::Suspended);
        assert!(matches!(
            taking_back(br#"{"power":2}"#),
            Err(IngestError::Unlicensed(LicenceState::Suspended))
        ));
        decide(LicenceState::Active);
        house.retain(r#"{"power":2}"#, NOW);
        let mut live = house.listen("utility-desk", &house.utility, "billing", 8);
        taking_back(br#"{"power":3}"#).unwrap();
        assert!(live.next(NOW).is_some(), "it is delivered like any other");
        assert_eq!(house.custody.retained_counts().messages, 0);
        assert!(house.utility(NOW).is_empty());
        house.retain(r#"{"power":4}"#, NOW);
        let who = Identity::Thing(thing.id().clone());
        let revoked: Result<_, ActError> = house.custody.act(NOW, |act| act.revoke(&who));
        revoked.unwrap();
        for payload in [br#"{"power":5}"#.as_slice(), b""] {
            assert!(matches!(
                taking_back(payload),
                Err(IngestError::Unregistered)
            ));
        }
    });
}

#[test]
fn it_expires_when_its_publisher_said_so() {
    on_both(|house| {
        let thing = house.thing("meter-1", &house.meter);
        let arrival = Arrival {
            thing: &thing,
            payload: br#"{"power":1}"#,
            retain: Retain::Keep,
            origin: 0,
            expires_at: Some(after(1_000)),
            order: None,
        };
        let mut live = house.listen("utility-desk", &house.utility, "billing", 8);
        house.custody.take(&arrival, NOW).unwrap();
        house.custody.take(&arrival, NOW).unwrap();
        // MQTT 5.0 section 3.3.2.3.3: what has not been delivered when the interval has passed is not delivered any more.
        assert!(live.next(after(999)).is_some());
        assert_eq!(live.next(after(1_000)), None);
        assert_eq!(house.utility(after(999)).len(), 1);
        assert_eq!(house.utility(after(1_000)), NOTHING);
    });
}

#[test]
fn the_field_that_identifies_people_is_not_retained_and_their_choices_hold() {
    on_both(|house| {
        let validator = house.thing("validator-1", &house.validator);
        house.send(&validator, r#"{"power":5,"card":"card-7"}"#, true, NOW);
        assert_eq!(house.utility(NOW), [r#"{"power":5}"#]);
        let house = house.reopened(true);
        assert_eq!(house.utility(NOW), [r#"{"power":5}"#]);
        let mut off = choice("/power", "billing", "utility-desk", Level::OFF);
        off.deployment = deployment("bus");
        house.custody.choose(&[off], NOW).unwrap();
        assert_eq!(house.utility(NOW), NOTHING);
        assert_eq!(house.custody.retained_counts().messages, 0);
    });
}

#[test]
fn a_subscription_gets_what_its_filter_names_and_a_condition_holds_for() {
    on_both(|house| {
        let validator = house.thing("validator-1", &house.validator);
        let (meter, plug) = (ThingId::parse("meter-1"), NativeTopic::parse("tele/plug"));
        house
            .custody
            .act(NOW, |act| {
                act.set_topic(&meter.unwrap(), Some(&plug.unwrap()))
            })
            .unwrap();
        house.retain(r#"{"power":1}"#, NOW);
        house.send(&validator, r#"{"power":2}"#, true, NOW);
        let with = |change: &dyn Fn(&mut Filter)| {
            let mut filter = filter("billing");
            change(&mut filter);
            let mut found = house.retained_with("utility-desk", filter, NOW);
            found.sort();
            found
        };
        let (one, two) = (r#"{"power":1}"#, r#"{"power":2}"#);
        assert_eq!(with(&|_| {}), [one, two]);
        let bus = || DeploymentId::parse("bus").ok();
        assert_eq!(with(&|it| it.deployment = bus()), [two]);
        let meter = || ThingId::parse("meter-1").ok();
        assert_eq!(with(&|it| it.thing = meter()), [one]);
        let native = |text: &str| NativeFilter::parse(text).ok();
        assert_eq!(with(&|it| it.native = native("tele/+")), [one]);
        assert_eq!(with(&|it| it.native = native("stat/#")), NOTHING);
        let above = || "/power > 1".parse().ok();
        assert_eq!(with(&|it| it.condition = above()), [two]);
    });
}

#[test]
fn a_message_that_is_too_large_is_not_retained_and_the_one_before_is_forgotten() {
    on_both(|house| {
        let source = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replace("pointer = \"/room/temperature\"", "pointer = \"/text\"")
            .replace("\"/room/temperature\"", "\"/text\"")
            .replace(
                "kind = \"number\"\nsensitivity = \"low\"",
                "kind = \"text\"\nsensitivity = \"low\"",
            );
        let notice = model::Notice::parse(&source).unwrap();
        let custody = &house.custody;
        custody
            .act(NOW, |act| act.publish_notice(&notice, &source).map(|_| ()))
            .unwrap();
        let choices = [choice("/text", "research", "university", Level::ON)];
        custody.choose(&choices, NOW).unwrap();
        house.retain(r#"{"text":"short"}"#, NOW);
        assert_eq!(house.university(NOW).len(), 1);
        let long = "x".repeat(custody::MAX_RETAINED_MESSAGE_BYTES);
        house.retain(&format!(r#"{{"text":"{long}"}}"#), NOW);
        assert_eq!(house.university(NOW), NOTHING);
        let counts = custody.retained_counts();
        assert_eq!((counts.messages, counts.bytes, counts.refused), (0, 0, 1));
    });
}

#[test]
fn nothing_slips_in_from_a_message_that_was_on_its_way_when_a_person_said_no() {
    on_both(|house| {
        let stop = AtomicBool::new(false);
        let home = deployment("home");
        let place = |placing: &Placing| {
            let custody = &house.custody;
            custody
                .place(&person("p-resident"), Some(&home), placing, NOW)
                .unwrap();
        };
        let nothing_is_retained = |round: usize| {
            for _ in 0..50 {
                assert_eq!(house.custody.retained_counts().messages, 0, "round {round}");
            }
            house.custody.tick(NOW).unwrap();
            assert_eq!(house.sealed_rows().len(), 0, "round {round}");
        };
        let something_is_retained = || {
            while house.custody.retained_counts().messages == 0 {
                thread::yield_now();
            }
        };
        thread::scope(|scope| {
            let publisher = scope.spawn(|| {
                let thing = house.thing("meter-1", &house.meter);
                while !stop.load(Ordering::Relaxed) {
                    house.send(&thing, r#"{"power":1}"#, true, NOW);
                    // The vault takes no more than it can write.
                    house.custody.wait_durable(house.custody.durable()).unwrap();
                    thread::yield_now();
                }
            });
            for round in 0..12 {
                house.choose_power(Level::OFF);
                nothing_is_retained(round);
                house.choose_power(Level::ON);
                something_is_retained();
                place(&Placing::LiveOnly);
                nothing_is_retained(round);
                place(&Placing::Vault);
                something_is_retained();
                house.custody.tick(NOW).unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            publisher.join().unwrap();
        });
        assert_eq!(house.utility(NOW), [r#"{"power":1}"#]);
    });
}

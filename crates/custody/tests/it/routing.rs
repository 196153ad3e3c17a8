//! Where messages go: shared subscriptions, native topics, and how much may wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use custody::{
    Arrival, Delivery, Filter, Hold, Inbox, NativeFilter, NativeTopic, NewThing, Outbox, Peer,
    ShareName, Subscription, ThingPeer,
};
use model::{Level, PurposeId, ThingId};

use crate::fixture::{House, NOW, choice, deployment, on_both};

fn filter() -> Filter {
    Filter {
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: None,
        thing: None,
        condition: None,
        native: None,
    }
}

fn native(text: &str) -> Filter {
    Filter {
        native: Some(NativeFilter::parse(text).unwrap()),
        ..filter()
    }
}

/// One connection with one subscription.
struct Member {
    inbox: Inbox,
    _subscription: Subscription,
}

impl Member {
    fn with(house: &House, filter: Filter, share: Option<&str>, capacity: usize) -> Self {
        Self::of(house, filter, share, custody::outbox(capacity))
    }

    fn of(
        house: &House,
        filter: Filter,
        share: Option<&str>,
        (outbox, inbox): (Outbox, Inbox),
    ) -> Self {
        let recipient = house.recipient("utility-desk", &house.utility);
        let share = share.map(|it| ShareName::parse(it).unwrap());
        let subscribed = house
            .custody
            .subscribe_shared(&recipient, filter, share, outbox, 1, NOW);
        Self {
            inbox,
            _subscription: subscribed.unwrap(),
        }
    }

    fn shared(house: &House, capacity: usize) -> Self {
        Self::with(house, filter(), Some("g"), capacity)
    }

    fn take(&mut self) -> Vec<Delivery> {
        let mut taken = VecDeque::new();
        let mut cx = Context::from_waker(Waker::noop());
        while self.inbox.poll_take(&mut cx, 64, &mut taken).is_ready() {}
        taken.into()
    }

    /// The payloads that it gets now.
    fn got(&mut self, house: &House) -> Vec<String> {
        let permitted = self.take().into_iter().filter_map(|it| {
            let permit = house.custody.permit(&it, NOW)?;
            let (payload, _receipt) = permit.into_payload();
            Some(String::from_utf8(payload.to_vec()).unwrap())
        });
        permitted.collect()
    }
}

fn power(value: usize) -> String {
    format!("{{\"power\":{value}}}")
}

fn measure(house: &House, values: std::ops::Range<usize>) {
    let thing = house.thing("meter-1", &house.meter);
    for value in values {
        let payload = power(value);
        house
            .custody
            .ingest(&thing, payload.as_bytes(), NOW)
            .unwrap();
    }
}

#[test]
fn each_message_goes_to_one_member_of_a_group_in_turn() {
    on_both(|house| {
        let mut members = [(); 3].map(|()| Member::shared(&house, 64));
        let mut alone = Member::with(&house, filter(), None, 64);
        let mut other = Member::with(&house, filter(), Some("other"), 64);
        measure(&house, 0..30);
        let mut all = Vec::new();
        for member in &mut members {
            let got = member.got(&house);
            assert_eq!(got.len(), 10, "fair");
            all.extend(got);
        }
        all.sort();
        let mut sent: Vec<_> = (0..30).map(power).collect();
        assert_eq!(alone.got(&house), sent);
        assert_eq!(other.got(&house), sent, "another name is another group");
        sent.sort();
        assert_eq!(all, sent, "each message once");
    });
}

#[test]
fn who_joins_a_group_takes_its_turn_and_who_leaves_gives_up_what_it_has_not_taken() {
    on_both(|house| {
        let mut first = Member::shared(&house, 64);
        measure(&house, 0..2);
        let second = Member::shared(&house, 64);
        measure(&house, 2..6);
        assert_eq!(first.got(&house).len(), 4);
        // MQTT 5.0 section 4.8.2: what was not sent to a member that leaves goes to another one.
        drop(second);
        assert_eq!(first.got(&house).len(), 2);
        measure(&house, 6..8);
        assert_eq!(first.got(&house).len(), 2);
        let delivery = {
            measure(&house, 8..9);
            first.take().pop().unwrap()
        };
        assert!(delivery.is_shared());
        assert!(!delivery.hand_over(), "there is nobody else");
        assert_eq!(first.take().len(), 0);
    });
}

#[test]
fn a_delivery_that_was_sent_but_not_acknowledged_can_be_handed_over_and_is_decided_again() {
    on_both(|house| {
        let mut first = Member::shared(&house, 64);
        let mut second = Member::shared(&house, 64);
        measure(&house, 0..4);
        assert_eq!(second.got(&house).len(), 2);
        for delivery in first.take() {
            assert!(delivery.hand_over());
        }
        let off = choice("/power", "billing", "utility-desk", Level::OFF);
        house.custody.choose(&[off], NOW).unwrap();
        assert_eq!(first.take().len(), 0);
        assert_eq!(
            second.got(&house).len(),
            0,
            "they are there, and may not leave"
        );
    });
}

#[test]
fn a_member_that_is_slow_or_full_is_passed_over_and_has_its_turn_when_no_other_can() {
    on_both(|house| {
        let mut slow = Member::shared(&house, 4);
        let mut quick = Member::shared(&house, 8);
        slow.inbox.park(0);
        measure(&house, 0..4);
        assert_eq!(quick.got(&house).len(), 4);
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(quick.inbox.settle(false, 0, &cx), None);
        assert_eq!(slow.take().len(), 0);
        // Now the quick one does not come to its turn either.
        measure(&house, 0..12);
        assert_eq!(house.custody.dropped_deliveries(), 0);
        assert_eq!((quick.take().len(), slow.take().len()), (8, 4));
        measure(&house, 0..13);
        assert_eq!(house.custody.dropped_deliveries(), 1);
        assert_eq!((quick.take().len(), slow.take().len()), (8, 4));
    });
}

#[test]
fn publishers_wait_for_a_group_only_when_every_member_is_starved() {
    on_both(|house| {
        let mut first = Member::shared(&house, 16);
        let second = Member::shared(&house, 16);
        let thing = house.thing("meter-1", &house.meter);
        measure(&house, 0..17);
        assert!(house.custody.has_room(&thing), "9 and 8 of 16");
        measure(&house, 17..20);
        assert!(
            !house.custody.has_room(&thing),
            "both are more than half full"
        );
        let mut hold = Hold::default();
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(
            house.custody.poll_room(&thing, &mut hold, &cx),
            Poll::Pending
        );
        first.take();
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(first.inbox.settle(false, 0, &cx), None);
        assert!(house.custody.has_room(&thing));
        drop(second);
    });
}

#[test]
fn a_condition_belongs_to_the_filter_so_a_group_agrees_on_it() {
    on_both(|house| {
        let above = Filter {
            condition: "/power > 5".parse().ok(),
            ..filter()
        };
        let mut members = [(); 2].map(|()| Member::with(&house, above.clone(), Some("g"), 64));
        let mut plain = Member::shared(&house, 64);
        measure(&house, 0..10);
        let got: usize = members.iter_mut().map(|it| it.got(&house).len()).sum();
        assert_eq!(got, 4, "6, 7, 8, 9: to one or the other");
        assert_eq!(
            plain.got(&house).len(),
            10,
            "without the condition it is another group"
        );
    });
}

#[test]
fn a_shared_subscription_gets_no_retained_messages() {
    on_both(|house| {
        house.retain(&power(1), NOW);
        // MQTT 5.0 section 4.8.2.
        let shared = Member::shared(&house, 64);
        assert!(shared._subscription.retained().next(NOW).is_none());
        let alone = Member::with(&house, filter(), None, 64);
        assert!(alone._subscription.retained().next(NOW).is_some());
    });
}

impl House {
    fn with_topic(&self, id: &str, topic: &str) -> Arc<ThingPeer> {
        let thing = NewThing {
            topic: Some(NativeTopic::parse(topic).unwrap()),
            ..NewThing::plain(ThingId::parse(id).unwrap())
        };
        let registered = self
            .custody
            .act(NOW, |act| {
                act.register_new_thing(&thing, &deployment("home"))
            })
            .unwrap();
        let password = registered.expose_secret().as_bytes();
        match self.custody.authenticate(id, password, NOW) {
            Some(Peer::Thing(thing)) => thing,
            other => panic!("{other:?} is no thing"),
        }
    }

    fn set_topic(&self, id: &str, topic: Option<&str>) {
        let thing = ThingId::parse(id).unwrap();
        let topic = topic.map(|it| NativeTopic::parse(it).unwrap());
        self.custody
            .act(NOW, |act| act.set_topic(&thing, topic.as_ref()))
            .unwrap();
    }

    fn speak(&self, thing: &Arc<ThingPeer>) {
        self.custody
            .ingest(thing, power(1).as_bytes(), NOW)
            .unwrap();
    }
}

#[test]
fn a_native_filter_gets_messages_on_the_native_topics_that_it_matches() {
    on_both(|house| {
        let kitchen = house.with_topic("sensor-1", "zigbee2mqtt/kitchen");
        let mut all = Member::with(&house, native("zigbee2mqtt/#"), None, 64);
        let mut one = Member::with(&house, native("zigbee2mqtt/+"), None, 64);
        let mut none = Member::with(&house, native("tasmota/#"), None, 64);
        // Things that appear later, and those without a topic.
        let hall = house.with_topic("sensor-2", "zigbee2mqtt/hall/lamp");
        measure(&house, 0..1);
        house.speak(&kitchen);
        house.speak(&hall);
        let topics = |member: &mut Member| {
            let taken = member.take().into_iter();
            let permits = taken.filter_map(|it| house.custody.permit(&it, NOW));
            permits
                .map(|it| it.native_topic().unwrap().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            topics(&mut all),
            ["zigbee2mqtt/kitchen", "zigbee2mqtt/hall/lamp"]
        );
        assert_eq!(topics(&mut one), ["zigbee2mqtt/kitchen"]);
        assert_eq!(topics(&mut none), [""; 0]);
        // A topic that changes is matched anew; a thing that has lost its topic is on none.
        house.set_topic("sensor-2", Some("tasmota/hall"));
        house.speak(&hall);
        assert_eq!(topics(&mut all), [""; 0]);
        assert_eq!(topics(&mut none), ["tasmota/hall"]);
        house.set_topic("sensor-1", None);
        house.speak(&kitchen);
        assert_eq!(topics(&mut all), [""; 0]);
        let mut again = Member::with(&house, native("#"), Some("g"), 64);
        house.set_topic("sensor-1", Some("a/b"));
        house.speak(&kitchen);
        house.speak(&hall);
        assert_eq!(topics(&mut again), ["a/b", "tasmota/hall"]);
    });
}

#[test]
fn many_topics_match_as_one_by_one() {
    on_both(|house| {
        let things: Vec<_> = (0..70)
            .map(|it| house.with_topic(&format!("s-{it}"), &format!("t/{}/{it}", it % 7)))
            .collect();
        let mut some = Member::with(&house, native("t/3/+"), None, 128);
        for thing in &things {
            house.speak(thing);
        }
        let taken = some.take().into_iter();
        let got: Vec<_> = taken
            .filter_map(|it| Some(house.custody.permit(&it, NOW)?.thing().to_string()))
            .collect();
        let expected: Vec<_> = (0..70).filter(|it| it % 7 == 3).collect();
        let expected: Vec<_> = expected.iter().map(|it| format!("s-{it}")).collect();
        assert_eq!(got, expected);
    });
}

#[test]
fn an_outbox_is_bounded_by_what_its_deliveries_hold_too() {
    on_both(|house| {
        measure(&house, 0..1);
        let size = {
            let mut probe = Member::with(&house, filter(), None, 4);
            measure(&house, 0..1);
            probe.take().pop().unwrap().size_bytes()
        };
        let mut member = Member::of(
            &house,
            filter(),
            None,
            custody::outbox_of(64, 3 * size + size / 2),
        );
        member.inbox.park(0);
        measure(&house, 0..5);
        assert_eq!(house.custody.dropped_deliveries(), 2);
        assert_eq!(member.got(&house), [power(0), power(1), power(2)]);
        measure(&house, 5..10);
        assert_eq!(house.custody.dropped_deliveries(), 4);
        assert!(member.inbox.try_next().is_some());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(
            member.inbox.poll_next(&mut cx),
            Poll::Ready(Some(_))
        ));
        measure(&house, 10..12);
        assert_eq!(
            member.got(&house),
            [power(7), power(10), power(11)],
            "there is place again"
        );
        assert_eq!(house.custody.dropped_deliveries(), 4);
    });
}

#[test]
fn what_waits_is_bounded_in_all_and_slow_recipients_feel_it_first() {
    on_both(|house| {
        let custody = &house.custody;
        let mut slow = Member::with(&house, filter(), None, 1_000);
        let mut quick = Member::with(&house, filter(), None, 1_000);
        slow.inbox.park(0);
        measure(&house, 0..1);
        let one = custody.held_bytes();
        assert!(one > 0, "a message counts once, whoever waits for it");
        custody.limit_held_bytes(8 * one);
        measure(&house, 1..12);
        // From three quarters on the slow one gets nothing new, beyond the whole nobody does.
        assert_eq!(quick.take().len(), 8);
        assert_eq!(slow.take().len(), 6);
        assert_eq!(custody.dropped_deliveries(), 4 + 6);
        assert_eq!(custody.held_bytes(), 0, "all of it is given back");
        measure(&house, 0..2);
        assert_eq!((quick.take().len(), slow.take().len()), (2, 2));
        drop((slow, quick));
        measure(&house, 0..2);
        assert_eq!(custody.held_bytes(), 0, "nobody waits, nothing is held");
    });
}

#[test]
fn an_offline_session_is_slow_at_once_and_keeps_what_fits() {
    on_both(|house| {
        let mut member = Member::with(&house, filter(), None, 16);
        let thing = house.thing("meter-1", &house.meter);
        measure(&house, 0..10);
        let (mut hold, cx) = (Hold::default(), Context::from_waker(Waker::noop()));
        assert_eq!(
            house.custody.poll_room(&thing, &mut hold, &cx),
            Poll::Pending
        );
        // Its connection is lost: whoever waited is let go, and nobody waits from now on.
        member.inbox.park(0);
        for value in 10..40 {
            assert!(house.custody.poll_room(&thing, &mut hold, &cx).is_ready());
            measure(&house, value..value + 1);
        }
        assert_eq!(house.custody.dropped_deliveries(), 24);
        let expected: Vec<_> = (0..16).map(power).collect();
        assert_eq!(member.got(&house), expected, "the oldest, in order");
    });
}

#[test]
fn a_message_that_waits_holds_what_is_declared_and_not_what_came() {
    on_both(|house| {
        let mut member = Member::with(&house, filter(), None, 4);
        let thing = house.thing("meter-1", &house.meter);
        let held = {
            // The buffer is gone before the message is looked at.
            let buffer = format!("{{\"junk\":\"{}\",\"power\":7}}", "x".repeat(60_000));
            let arrival = Arrival {
                thing: &thing,
                payload: buffer.as_bytes(),
                retain: custody::Retain::No,
                origin: 0,
                expires_at: None,
                order: None,
            };
            house.custody.take(&arrival, NOW).unwrap();
            house.custody.held_bytes()
        };
        assert!(held < 4_096, "{held} bytes for one number");
        assert_eq!(member.got(&house), [power(7)]);
    });
}

//! Orders of authorities: through the choke point, for the people and fields that they name, and nothing is kept for them.

use custody::{
    HistoryQuery, LawfulOrder, OrderData, OrderError, Place, SubscribeError, Token, order_purpose,
};
use model::{Assignment, Cap, CapTarget, Level, Pointer, RecipientId, Role, ThingId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

const HOUR: i64 = 3_600_000;

struct Police {
    house: House,
    token: Token,
}

fn order(data: OrderData, fields: &[&str]) -> LawfulOrder {
    LawfulOrder {
        number: 7,
        recipient: RecipientId::parse("investigators").unwrap(),
        deployment: deployment("home"),
        data,
        fields: fields
            .iter()
            .map(|it| Pointer::parse(it).unwrap())
            .collect(),
        people: vec![person("p-resident")],
        from: NOW,
        began_at: NOW,
        until: NOW.plus_millis(10 * HOUR),
        embargo_until: None,
        ended_at: None,
        traffic_reads: 0,
    }
}

impl Police {
    fn new(house: House) -> Self {
        let id = RecipientId::parse("investigators").unwrap();
        let token = house.custody.act(NOW, |act| act.register_recipient(&id));
        Self {
            token: token.unwrap(),
            house,
        }
    }

    fn put(&self, order: &LawfulOrder) {
        let custody = &self.house.custody;
        custody
            .act(order.began_at, |act| act.put_order(order))
            .unwrap();
        custody.check_in_force(order.began_at).unwrap();
    }

    fn end(&self, now: Timestamp) -> bool {
        let custody = &self.house.custody;
        custody.act(now, |act| act.end_order(7)).unwrap()
    }

    /// Another person who lives in the home.
    fn another_moves_in(&self) {
        let other = Assignment {
            thing: ThingId::parse("meter-1").unwrap(),
            person: person("p-other"),
            role: Role::Household,
            valid_from: Timestamp::EPOCH,
            valid_until: None,
        };
        let custody = &self.house.custody;
        custody.act(NOW, |act| act.assign(&other)).unwrap();
    }

    fn past(&self, now: Timestamp) -> Vec<String> {
        let custody = &self.house.custody;
        let query = HistoryQuery {
            purpose: order_purpose(7).unwrap(),
            deployment: deployment("home"),
            thing: None,
            condition: None,
            from: Some(NOW.plus_millis(-24 * HOUR)),
            until: None,
            limit: 100,
            after: None,
        };
        let recipient = self.house.recipient("investigators", &self.token);
        let page = custody.history(&recipient, &query, now).unwrap();
        let _gate = custody.delivery_gate();
        let permits = page
            .deliveries
            .iter()
            .filter_map(|it| custody.permit(it, now));
        permits
            .map(|it| {
                let (payload, _receipt) = it.into_payload();
                String::from_utf8(payload.to_vec()).unwrap()
            })
            .collect()
    }

    fn receipts(&self, now: Timestamp) -> Vec<(String, i64)> {
        let custody = &self.house.custody;
        custody.tick(now).unwrap();
        let timeline = custody.timeline(&person("p-resident"), Place::before(now), 10, now);
        let rows = timeline.unwrap().receipts.into_iter();
        rows.map(|it| (it.recipient.to_string(), it.deliveries))
            .collect()
    }
}

#[test]
fn gp_d2_an_order_is_a_recipient_like_any_other_for_its_fields_and_its_people() {
    on_both(|house| {
        let police = Police::new(house);
        let house = &police.house;
        let filter = || custody::Filter {
            purpose: order_purpose(7).unwrap(),
            deployment: None,
            thing: None,
            condition: None,
            native: None,
        };
        let peer = house.recipient("investigators", &police.token);
        let (outbox, _inbox) = tokio::sync::mpsc::channel(4);
        let refused = house.custody.subscribe(&peer, filter(), outbox, 1, NOW);
        assert!(matches!(refused, Err(SubscribeError::NotGranted { .. })));

        // What people turned off for others passes for an order, and for nobody else.
        let off = [
            choice("/power", "research", "university", Level::OFF),
            choice("/room/temperature", "research", "university", Level::OFF),
        ];
        house.custody.choose(&off, NOW).unwrap();
        police.put(&order(OrderData::Content, &["/power"]));
        let purpose = order_purpose(7).unwrap();
        let mut live = house.listen("investigators", &police.token, purpose.as_str(), 8);
        let mut lab = house.listen("university", &house.university, "research", 8);
        house.measure(r#"{"power":1210,"room":{"temperature":21}}"#);
        assert_eq!(live.next(NOW).as_deref(), Some(r#"{"power":1210}"#));
        assert_eq!(lab.next(NOW), None);

        // What is also about somebody whom it does not name does not pass.
        police.another_moves_in();
        house.custody.check_in_force(NOW).unwrap();
        house.measure(r#"{"power":1211}"#);
        assert_eq!(live.next(NOW), None);
        assert!(police.past(NOW.plus_millis(1)).is_empty());
    });
}

#[test]
fn gp_d2_it_ends_at_its_time_or_before_and_limits_of_the_rulebook_hold() {
    on_both(|house| {
        let police = Police::new(house);
        let house = &police.house;
        let order = order(OrderData::Content, &["/power"]);
        police.put(&order);
        let mut live = house.listen("investigators", &police.token, "lawful-order-7", 8);
        house.measure(r#"{"power":1}"#);
        house.measure(r#"{"power":2}"#);
        house.measure(r#"{"power":3}"#);
        assert!(live.next(NOW).is_some());
        assert_eq!(
            live.next(order.until),
            None,
            "what waits is not handed over late"
        );
        let cap = Cap {
            target: CapTarget::Field(Pointer::parse("/power").unwrap()),
            purpose: None,
            most: Level::OFF,
        };
        let custody = &house.custody;
        custody
            .act(NOW, |act| act.set_caps(std::slice::from_ref(&cap)))
            .unwrap();
        assert_eq!(live.next(NOW), None);
        custody.act(NOW, |act| act.set_caps(&[])).unwrap();
        house.measure(r#"{"power":4}"#);
        assert!(police.end(NOW));
        custody.check_in_force(NOW).unwrap();
        assert_eq!(live.next(NOW), None);
        assert!(!police.end(NOW));
    });
}

#[test]
fn gp_d2_the_past_is_what_the_vault_holds_and_nothing_is_kept_for_an_order() {
    on_both(|house| {
        let police = Police::new(house);
        let house = &police.house;
        house.measure(r#"{"power":1210,"room":{"temperature":21}}"#);
        let off = [choice(
            "/room/temperature",
            "research",
            "university",
            Level::OFF,
        )];
        house.custody.choose(&off, NOW).unwrap();
        let later = NOW.plus_millis(1_000);
        let fields = ["/power", "/room/temperature"];
        police.put(&LawfulOrder {
            began_at: later,
            ..order(OrderData::Content, &fields)
        });
        // Kept for billing: power. The temperature was kept for nobody, and is not because of the order.
        let thing = house.thing("meter-1", &house.meter);
        let message = br#"{"power":1300,"room":{"temperature":22}}"#;
        let lsn = house.custody.ingest(&thing, message, later).unwrap();
        house.custody.wait_durable(lsn).unwrap();
        let past = police.past(later.plus_millis(1));
        assert_eq!(past, [r#"{"power":1210}"#, r#"{"power":1300}"#]);
        // Before what the order reaches there is nothing.
        police.end(later);
    });
}

#[test]
fn gp_d2_nobody_is_shown_it_before_the_embargo_is_over() {
    on_both(|house| {
        let police = Police::new(house);
        let end = NOW.plus_millis(5 * HOUR);
        police.put(&LawfulOrder {
            embargo_until: Some(end),
            ..order(OrderData::Content, &["/power"])
        });
        let (house, custody) = (&police.house, &police.house.custody);
        let mut live = house.listen("investigators", &police.token, "lawful-order-7", 8);
        house.measure(r#"{"power":1210}"#);
        assert!(live.next(NOW).is_some());
        let (soon, resident) = (NOW.plus_millis(HOUR), person("p-resident"));
        assert!(police.receipts(soon).is_empty());
        assert!(custody.orders_about(&resident, soon).unwrap().is_empty());
        let sheet = custody
            .choice_sheet(&resident, &deployment("home"), soon)
            .unwrap();
        assert!(!format!("{:?}", sheet.rows).contains("lawful"));
        assert!(
            custody
                .grants_on(&deployment("home"))
                .iter()
                .all(|it| it.purpose.as_str() != "lawful-order-7")
        );
        assert!(!format!("{:?}", sheet.notice).contains("lawful"));
        assert_eq!(police.receipts(end), [("investigators".to_owned(), 1)]);
        assert_eq!(custody.orders_about(&resident, end).unwrap().len(), 1);
        assert!(
            custody
                .orders_about(&person("p-other"), end)
                .unwrap()
                .is_empty()
        );
        let known = custody.lawful_order(7).unwrap().unwrap();
        assert_eq!(custody.handed_over(&known).unwrap(), (1, 1));
    });
}

#[test]
fn gp_d2_traffic_is_apart_from_content() {
    on_both(|house| {
        let police = Police::new(house);
        police.put(&order(OrderData::Traffic, &[]));
        let (house, custody) = (&police.house, &police.house.custody);
        let peer = house.recipient("investigators", &police.token);
        let mut desk = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(r#"{"power":1210}"#);
        house.measure(r#"{"power":1211}"#);
        assert!(desk.next(NOW).is_some() && desk.next(NOW).is_some());
        custody.tick(NOW).unwrap();
        let facts = custody.order_traffic(&peer, 7, None, NOW).unwrap();
        assert_eq!(facts.len(), 1);
        assert_eq!(
            (facts[0].recipient.as_str(), facts[0].deliveries),
            ("utility-desk", 2)
        );
        assert_eq!(facts[0].hour, NOW.as_millis() / HOUR);
        assert_eq!(custody.lawful_order(7).unwrap().unwrap().traffic_reads, 1);
        // It opens no lane, it is nobody else's, and it ends.
        let filter = custody::Filter {
            purpose: order_purpose(7).unwrap(),
            deployment: None,
            thing: None,
            condition: None,
            native: None,
        };
        let (outbox, _inbox) = tokio::sync::mpsc::channel(4);
        assert!(custody.subscribe(&peer, filter, outbox, 1, NOW).is_err());
        let desk = house.recipient("utility-desk", &house.utility);
        for (peer, number, now) in [
            (&desk, 7, NOW),
            (&peer, 8, NOW),
            (&peer, 7, NOW.plus_millis(10 * HOUR)),
        ] {
            let refused = custody.order_traffic(peer, number, None, now);
            assert!(matches!(refused, Err(OrderError::NoOrder)));
        }
    });
}

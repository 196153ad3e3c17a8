//! The past for a recipient: all of what it could have had and may have, and nothing else.

mod pages;
mod sealed;
mod waiting;

use custody::{
    Contents, HistoryError, HistoryPage, HistoryQuery, MAX_HISTORY_DAYS, MAX_HISTORY_READINGS,
    NewDestination, Placing, SETTLE_MILLIS, Token, WebAddress,
};
use model::{Assignment, Grant, Level, Notice, PurposeId, RecipientId, Role, ThingId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

const DAY: i64 = 86_400_000;

/// Seconds after the moment from which readings count.
fn after(seconds: i64) -> Timestamp {
    NOW.plus_millis(SETTLE_MILLIS + seconds * 1_000)
}

fn grant(house: &House, recipient: &str, purpose: &str, from: Timestamp, now: Timestamp) {
    let grant = Grant {
        recipient: RecipientId::parse(recipient).unwrap(),
        purpose: PurposeId::parse(purpose).unwrap(),
        deployment: deployment("home"),
        valid_from: from,
        valid_until: None,
    };
    house.custody.act(now, |act| act.grant(&grant)).unwrap();
}

/// Grants without an end.
fn endless(house: House) -> House {
    grant(&house, "utility-desk", "billing", NOW, NOW);
    grant(&house, "university", "research", NOW, NOW);
    house
}

fn measure(house: &House, payload: &str, now: Timestamp) {
    let thing = house.thing("meter-1", &house.meter);
    let lsn = house.custody.ingest(&thing, payload.as_bytes(), now);
    house.custody.wait_durable(lsn.unwrap()).unwrap();
}

fn choose(house: &House, field: &str, purpose: &str, level: Level, now: Timestamp) {
    let recipient = match purpose {
        "billing" => "utility-desk",
        _ => "university",
    };
    let wish = choice(field, purpose, recipient, level);
    house.custody.choose(&[wish], now).unwrap();
}

fn query(purpose: &str) -> HistoryQuery {
    HistoryQuery {
        purpose: PurposeId::parse(purpose).unwrap(),
        deployment: deployment("home"),
        thing: None,
        condition: None,
        from: None,
        until: None,
        limit: MAX_HISTORY_READINGS,
        after: None,
    }
}

fn page(house: &House, query: &HistoryQuery, now: Timestamp) -> Result<HistoryPage, HistoryError> {
    let (id, token): (&str, &Token) = match query.purpose.as_str() {
        "billing" => ("utility-desk", &house.utility),
        _ => ("university", &house.university),
    };
    let recipient = house.recipient(id, token);
    house.custody.history(&recipient, query, now)
}

/// What leaves of a page now.
fn given(house: &House, page: &HistoryPage, now: Timestamp) -> Vec<(Timestamp, String)> {
    let _gate = house.custody.delivery_gate();
    let permits = page
        .deliveries
        .iter()
        .filter_map(|it| house.custody.permit(it, now));
    permits
        .map(|permit| {
            let at = permit.at();
            let (payload, receipt) = permit.into_payload();
            drop(receipt);
            (at, String::from_utf8(payload.to_vec()).unwrap())
        })
        .collect()
}

/// Everything, page by page.
fn all(house: &House, mut query: HistoryQuery, now: Timestamp) -> Vec<(Timestamp, String)> {
    let mut found = Vec::new();
    loop {
        let page = page(house, &query, now).unwrap();
        found.extend(given(house, &page, now));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

fn texts(house: &House, purpose: &str, now: Timestamp) -> Vec<String> {
    let found = all(house, query(purpose), now);
    found.into_iter().map(|it| it.1).collect()
}

#[test]
fn messages_of_one_millisecond_all_come_in_their_order_on_pages_of_any_length() {
    on_both(|house| {
        let house = endless(house);
        let sent = ["1", "2.5", "2.5", "0", "2.5"];
        for (at, value) in sent.iter().enumerate() {
            let and = match at {
                1 => r#","room":{"temperature":21}"#,
                _ => "",
            };
            measure(&house, &format!(r#"{{"power":{value}{and}}}"#), after(1));
        }
        measure(&house, r#"{"power":7}"#, after(2));
        let now = after(3);
        let wanted: Vec<_> = sent.iter().chain(&["7"]).map(ToString::to_string).collect();
        for limit in [1, 2, 3, 5, 6, 100] {
            let query = HistoryQuery {
                limit,
                ..query("billing")
            };
            let got: Vec<_> = all(&house, query, now)
                .iter()
                .filter_map(|(_, text)| {
                    let value: serde_json::Value = serde_json::from_str(text).unwrap();
                    Some(value.get("power")?.to_string())
                })
                .collect();
            assert_eq!(got, wanted, "{limit}");
        }
    });
}

#[test]
fn a_recipient_that_was_away_gets_what_it_missed_and_it_is_counted() {
    on_both(|house| {
        let house = endless(house);
        measure(
            &house,
            r#"{"power":1210.50,"room":{"temperature":21}}"#,
            after(1),
        );
        measure(&house, r#"{"power":2}"#, after(2));
        let found = all(&house, query("billing"), after(10));
        let expected = [
            (after(1), r#"{"power":1210.50}"#.to_owned()),
            (after(2), r#"{"power":2}"#.to_owned()),
        ];
        assert_eq!(found, expected);
        house.custody.tick(after(11)).unwrap();
        let until = custody::Place::before(after(12));
        let timeline = house
            .custody
            .timeline(&person("p-resident"), until, 1, after(12));
        let receipts = timeline.unwrap().receipts;
        assert_eq!(receipts.len(), 1, "{receipts:?}");
        assert_eq!(
            (receipts[0].deliveries, &receipts[0].fields),
            (2, &vec!["/power".to_owned()])
        );
        // What must hold of it, and when.
        let mut asked = query("billing");
        asked.condition = Some("/power > 1000".parse().unwrap());
        assert_eq!(all(&house, asked, after(10)), expected[..1]);
        let mut asked = query("billing");
        asked.from = Some(after(2));
        assert_eq!(all(&house, asked.clone(), after(10)), expected[1..]);
        asked.from = Some(after(1));
        asked.until = Some(after(2));
        assert_eq!(all(&house, asked, after(10)), expected[..1]);
        let mut asked = query("billing");
        asked.thing = Some(ThingId::parse("validator-1").unwrap());
        assert!(all(&house, asked, after(10)).is_empty());
    });
}

#[test]
fn what_was_off_when_it_was_measured_is_not_had_by_a_later_choice() {
    on_both(|house| {
        let house = endless(house);
        measure(&house, r#"{"power":1}"#, after(1));
        choose(&house, "/power", "research", Level::ON, after(2));
        measure(&house, r#"{"power":2}"#, after(3));
        assert!(
            texts(&house, "research", after(4)).is_empty(),
            "stored for billing"
        );
        measure(&house, r#"{"power":3}"#, after(63));
        assert_eq!(texts(&house, "research", after(64)), [r#"{"power":3}"#]);
        // Lowered, it is lower for all of the past; off, it is off.
        let rough = Level::coarse(1).unwrap();
        choose(&house, "/power", "research", rough, after(65));
        assert_eq!(
            texts(&house, "research", after(66)),
            [r#"{"power":0,"@coarse":{"/power":250}}"#]
        );
        choose(&house, "/power", "research", Level::OFF, after(67));
        assert!(texts(&house, "research", after(68)).is_empty());
        assert_eq!(texts(&house, "billing", after(68)).len(), 3);
        measure(&house, r#"{"power":4}"#, after(69));
        choose(&house, "/power", "research", Level::ON, after(70));
        assert_eq!(
            texts(&house, "research", after(200)),
            [r#"{"power":3}"#],
            "what came while it was off stays off"
        );
    });
}

#[test]
fn what_lies_there_for_another_purpose_is_no_finer_than_the_own_one() {
    on_both(|house| {
        let house = endless(house);
        let rough = Level::coarse(1).unwrap();
        choose(&house, "/power", "research", rough, NOW);
        measure(&house, r#"{"power":1210.5}"#, after(1));
        assert_eq!(texts(&house, "billing", after(2)), [r#"{"power":1210.5}"#]);
        assert_eq!(
            texts(&house, "research", after(2)),
            [r#"{"power":1000,"@coarse":{"/power":250}}"#]
        );
    });
}

#[test]
fn a_grant_reaches_back_to_nothing_from_before_it_was_given() {
    on_both(|house| {
        // The grant of the fixture ends after a thousand seconds; this one says that it began with it.
        measure(&house, r#"{"power":1}"#, after(1));
        let late = NOW.plus_millis(1_000_001);
        grant(&house, "utility-desk", "billing", NOW, late);
        measure(&house, r#"{"power":2}"#, late.plus_millis(1));
        measure(&house, r#"{"power":3}"#, late.plus_millis(SETTLE_MILLIS));
        let now = late.plus_millis(SETTLE_MILLIS + 1);
        assert_eq!(texts(&house, "billing", now), [r#"{"power":3}"#]);
        // One that goes on was given when it was.
        grant(&house, "utility-desk", "billing", NOW, now);
        assert_eq!(texts(&house, "billing", now), [r#"{"power":3}"#]);
        // One that begins later has nothing from before.
        grant(&house, "utility-desk", "billing", now, now);
        measure(&house, r#"{"power":4}"#, now.plus_millis(1));
        assert_eq!(
            texts(&house, "billing", now.plus_millis(2)),
            [r#"{"power":4}"#]
        );
    });
}

#[test]
fn another_notice_or_other_limits_reach_back_to_nothing() {
    on_both(|house| {
        let house = endless(house);
        measure(&house, r#"{"power":1}"#, after(1));
        house
            .custody
            .act(after(2), |act| act.set_caps(&[]))
            .unwrap();
        assert!(texts(&house, "billing", after(3)).is_empty());
        measure(&house, r#"{"power":2}"#, after(62));
        assert_eq!(texts(&house, "billing", after(63)), [r#"{"power":2}"#]);
        let source = include_str!("home.toml").replace("version = 1", "version = 2");
        let notice = Notice::parse(&source).unwrap();
        let published = house
            .custody
            .act(after(64), |act| act.publish_notice(&notice, &source));
        published.unwrap();
        assert!(texts(&house, "billing", after(65)).is_empty());
        measure(&house, r#"{"power":3}"#, after(124));
        assert_eq!(texts(&house, "billing", after(125)), [r#"{"power":3}"#]);
    });
}

#[test]
fn everybody_whom_a_field_is_about_counts() {
    on_both(|house| {
        let house = endless(house);
        let custody = &house.custody;
        let other = Assignment {
            thing: ThingId::parse("meter-1").unwrap(),
            person: person("p-other"),
            role: Role::Household,
            valid_from: after(10),
            valid_until: None,
        };
        custody.act(NOW, |act| act.assign(&other)).unwrap();
        measure(&house, r#"{"power":1}"#, after(1));
        measure(&house, r#"{"power":2}"#, after(11));
        assert_eq!(
            texts(&house, "billing", after(12)),
            [r#"{"power":1}"#, r#"{"power":2}"#],
            "once, although it lies there for both"
        );
        // Who has theirs kept nowhere has none given from here, theirs from before neither.
        custody
            .place(&person("p-other"), None, &Placing::LiveOnly, after(13))
            .unwrap();
        measure(&house, r#"{"power":3}"#, after(14));
        assert_eq!(texts(&house, "billing", after(15)), [r#"{"power":1}"#]);
        custody
            .place(&person("p-other"), None, &Placing::Vault, after(16))
            .unwrap();
        assert_eq!(
            texts(&house, "billing", after(17)),
            [r#"{"power":1}"#, r#"{"power":2}"#],
            "what was not kept for one is not given because it was kept for another"
        );
        // The choice of one is enough.
        let mut no = choice("/power", "billing", "utility-desk", Level::OFF);
        no.person = person("p-other");
        custody.choose(&[no], after(18)).unwrap();
        assert_eq!(texts(&house, "billing", after(19)), [r#"{"power":1}"#]);
    });
}

#[test]
fn what_is_on_its_way_to_a_persons_own_endpoint_is_not_given() {
    on_both(|house| {
        let house = endless(house);
        let custody = &house.custody;
        let resident = person("p-resident");
        let wanted = NewDestination::Webhook(WebAddress::parse("https://data.example/in").unwrap());
        let (id, _) = custody.add_destination(&resident, wanted, NOW).unwrap();
        let check = custody.parcels_due(NOW, 1).unwrap().pop().unwrap();
        assert!(matches!(check.contents(), Contents::Check { .. }));
        custody.parcel_delivered(check, NOW).unwrap();
        let place = |placing: Placing, at| custody.place(&resident, None, &placing, at).unwrap();
        place(Placing::OwnEndpoint(id.clone()), after(1));
        measure(&house, r#"{"power":1}"#, after(2));
        place(Placing::VaultAndCopy(id), after(3));
        measure(&house, r#"{"power":2}"#, after(4));
        assert_eq!(texts(&house, "billing", after(5)), [r#"{"power":2}"#]);
    });
}

#[test]
fn nothing_is_given_for_longer_than_it_may_be_kept_for_the_purpose() {
    on_both(|house| {
        let house = endless(house);
        choose(&house, "/power", "research", Level::ON, NOW);
        measure(&house, r#"{"power":1}"#, after(1));
        let asked = |purpose: &str, days: i64| {
            let mut asked = query(purpose);
            asked.from = Some(after(0));
            asked.until = Some(after(2));
            all(&house, asked, after(1).plus_millis(days * DAY)).len()
        };
        assert_eq!((asked("research", 29), asked("billing", 29)), (1, 1));
        assert_eq!((asked("research", 30), asked("billing", 30)), (0, 1));
        assert_eq!(asked("billing", 364), 1);
        assert_eq!(asked("billing", 365), 0);
    });
}

#[test]
fn without_a_grant_a_purpose_or_sense_there_is_no_history() {
    on_both(|house| {
        let mut asked = query("billing");
        asked.purpose = PurposeId::parse("research").unwrap();
        let desk = house.recipient("utility-desk", &house.utility);
        let refused = house.custody.history(&desk, &asked, NOW);
        assert!(matches!(refused, Err(HistoryError::NotGranted { .. })));
        let mut asked = query("billing");
        asked.deployment = deployment("nowhere");
        assert!(matches!(
            page(&house, &asked, NOW),
            Err(HistoryError::NotGranted { .. })
        ));
        asked.deployment = deployment("bus");
        assert!(matches!(
            page(&house, &asked, NOW),
            Err(HistoryError::NamesPeople(_))
        ));
        let mut asked = query("billing");
        asked.from = Some(NOW.plus_millis(-(MAX_HISTORY_DAYS + 1) * DAY));
        assert!(matches!(page(&house, &asked, NOW), Err(HistoryError::Span)));
        asked.from = Some(NOW.plus_millis(2));
        assert!(matches!(page(&house, &asked, NOW), Err(HistoryError::Span)));
        // After the end of the grant there is nothing, however it was before.
        measure(&house, r#"{"power":1}"#, after(1));
        let ended = NOW.plus_millis(1_000_000);
        assert!(matches!(
            page(&house, &query("billing"), ended),
            Err(HistoryError::NotGranted { .. })
        ));
    });
}

//! The past for a recipient: all of what it could have had and may have, and nothing else.

use std::collections::BTreeMap;

use custody::{
    Contents, Delivery, Filter, HistoryError, HistoryPage, HistoryQuery, MAX_HISTORY_DAYS,
    MAX_HISTORY_READINGS, NewDestination, Placing, SETTLE_MILLIS, Subscription, Token, WebAddress,
};
use model::{Assignment, Grant, Level, Notice, PurposeId, RecipientId, Role, ThingId, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;

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
fn pages_join_without_gap_or_repetition_and_only_for_who_asked() {
    on_both(|house| {
        let house = endless(house);
        choose(&house, "/power", "research", Level::ON, NOW);
        let mut expected = Vec::new();
        for number in 0..300 {
            measure(
                &house,
                &format!(r#"{{"power":{number}}}"#),
                after(1 + number / 3),
            );
            expected.push(format!(r#"{{"power":{number}}}"#));
        }
        // Of three messages in one moment each field is given once.
        let expected: Vec<_> = expected.into_iter().step_by(3).collect();
        let whole = texts(&house, "billing", after(500));
        assert_eq!(whole, expected);
        for limit in [1, 7, 99] {
            let mut asked = query("billing");
            asked.limit = limit;
            let found: Vec<_> = all(&house, asked, after(500))
                .into_iter()
                .map(|it| it.1)
                .collect();
            assert_eq!(found, expected, "pages of {limit}");
        }
    });
}

#[test]
fn a_cursor_is_good_for_who_got_it_and_for_nothing_else() {
    on_both(|house| {
        let house = endless(house);
        choose(&house, "/power", "research", Level::ON, NOW);
        for number in 0..30 {
            let payload = format!(r#"{{"power":{number}}}"#);
            measure(&house, &payload, after(1 + number));
        }
        let mut asked = query("billing");
        asked.limit = 10;
        let first = page(&house, &asked, after(500)).unwrap();
        let next = first.next.unwrap();
        assert!(!next.contains("meter"));
        let refused = |purpose: &str, after_text: &str| {
            let mut asked = query(purpose);
            asked.after = Some(after_text.to_owned());
            let refused = page(&house, &asked, after(500));
            assert!(matches!(refused, Err(HistoryError::Cursor)), "{after_text}");
        };
        refused("research", &next);
        for bad in ["", "x", "AAAA", &next[1..], &"A".repeat(10_000), "\u{661}"] {
            refused("billing", bad);
        }
        let mut turned = next.clone().into_bytes();
        let last = turned.len() - 2;
        turned[last] = if turned[last] == b'A' { b'B' } else { b'A' };
        refused("billing", &String::from_utf8(turned).unwrap());
        // The same place after a restart.
        let asked = HistoryQuery {
            after: Some(next),
            limit: 10,
            ..query("billing")
        };
        let before = given(
            &house,
            &page(&house, &asked, after(500)).unwrap(),
            after(500),
        );
        house.custody.close().unwrap();
        let House {
            custody,
            db,
            directory,
            ..
        } = house;
        drop(custody);
        let custody = crate::fixture::open(&db, &directory);
        let token = house_token(&house.utility);
        let Some(custody::Peer::Recipient(recipient)) =
            custody.authenticate("utility-desk", &token, NOW)
        else {
            panic!("the desk is not known");
        };
        let again = custody.history(&recipient, &asked, after(500)).unwrap();
        assert_eq!(again.deliveries.len(), before.len());
    });
}

fn house_token(token: &Token) -> Vec<u8> {
    token.expose_secret().as_bytes().to_vec()
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

/// A cheap source of numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn index(&mut self, sides: u64) -> usize {
        usize::try_from(self.roll(sides)).unwrap()
    }
}

/// The leaves of a message.
fn leaves(text: &str) -> BTreeMap<String, Value> {
    fn walk(value: &Value, path: String, out: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members.iter().filter(|it| !it.0.starts_with('@')) {
                    walk(value, format!("{path}/{name}"), out);
                }
            }
            leaf => {
                out.insert(path, leaf.clone());
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(
        &serde_json::from_str(text).unwrap(),
        String::new(),
        &mut out,
    );
    out
}

/// One lane with what was delivered and not yet decided at a socket.
struct Waiting {
    purpose: &'static str,
    inbox: mpsc::Receiver<Delivery>,
    _subscription: Subscription,
    deliveries: Vec<Delivery>,
}

impl Waiting {
    fn new(house: &House, purpose: &'static str, id: &str, token: &Token) -> Self {
        let (outbox, inbox) = mpsc::channel(1_000);
        let filter = Filter {
            purpose: PurposeId::parse(purpose).unwrap(),
            deployment: None,
            thing: None,
            condition: None,
            native: None,
        };
        let recipient = house.recipient(id, token);
        let subscribed = house.custody.subscribe(&recipient, filter, outbox, 0, NOW);
        Self {
            purpose,
            inbox,
            _subscription: subscribed.unwrap(),
            deliveries: Vec::new(),
        }
    }

    /// What everything that was delivered so far would give now.
    fn live(
        &mut self,
        house: &House,
        now: Timestamp,
    ) -> BTreeMap<Timestamp, BTreeMap<String, Value>> {
        while let Ok(delivery) = self.inbox.try_recv() {
            self.deliveries.push(delivery);
        }
        let permits = self.deliveries.iter();
        let permits = permits.filter_map(|it| house.custody.permit(it, now));
        permits
            .map(|it| {
                let at = it.at();
                let (payload, receipt) = it.into_payload();
                receipt.void();
                (at, leaves(std::str::from_utf8(&payload).unwrap()))
            })
            .collect()
    }

    /// Compares the history with it; gives how many values were the same, and how many messages would leave.
    fn compare(&mut self, house: &House, now: Timestamp) -> (usize, usize) {
        let live = self.live(house, now);
        let mut told: BTreeMap<(Timestamp, String), Value> = BTreeMap::new();
        for (at, text) in all(house, query(self.purpose), now) {
            for (field, value) in leaves(&text) {
                let had = live.get(&at).and_then(|it| it.get(&field));
                // Around a change the lower of both counts: then it may be rougher.
                let rough = had
                    .and_then(Value::as_f64)
                    .map(|it| (it / 500.0).round() * 500.0);
                let purpose = self.purpose;
                assert!(
                    had == Some(&value) || (field == "/power" && rough == value.as_f64()),
                    "{purpose} {at} {field}: {value}, and not {had:?}"
                );
                let twice = told.insert((at, field.clone()), value);
                assert_eq!(twice, None, "{purpose} {at} {field}: once only");
            }
        }
        (told.len(), live.len())
    }
}

/// Somebody does something.
fn anything(house: &House, dice: &mut Dice, round: u64, now: Timestamp) {
    let who = ["p-resident", "p-other"][dice.index(2)];
    match dice.roll(6) {
        0 | 1 => {
            let (field, purpose, recipient, levels) = [
                ("/power", "billing", "utility-desk", 3),
                ("/power", "research", "university", 3),
                ("/room/temperature", "research", "university", 2),
            ][dice.index(3)];
            let level = [Level::OFF, Level::ON, Level::coarse(1).unwrap()][dice.index(levels)];
            let mut wish = choice(field, purpose, recipient, level);
            wish.person = person(who);
            // Who is not sensed yet has nothing to choose.
            let _ = house.custody.choose(&[wish], now);
        }
        2 if round.is_multiple_of(5) => {
            let assignment = Assignment {
                thing: ThingId::parse("meter-1").unwrap(),
                person: person("p-other"),
                role: Role::Household,
                valid_from: now,
                valid_until: Some(now.plus_millis(5 * SETTLE_MILLIS)),
            };
            house
                .custody
                .act(now, |act| act.assign(&assignment))
                .unwrap();
        }
        3 if round.is_multiple_of(4) => {
            let placing = [Placing::Vault, Placing::LiveOnly][dice.index(2)].clone();
            house
                .custody
                .place(&person(who), None, &placing, now)
                .unwrap();
        }
        _ => {
            let power = dice.roll(5_000);
            let payload = format!(r#"{{"power":{power},"room":{{"temperature":{round}}}}}"#);
            measure(house, &payload, now);
        }
    }
}

/// Whatever people choose, whoever comes and goes and wherever they have their readings kept: what the history gives now is part of
/// what a delivery that waited since would give now.
#[test]
fn the_history_gives_nothing_that_a_waiting_delivery_would_not_give() {
    on_both(|house| {
        let house = endless(house);
        let mut waiting = [
            Waiting::new(&house, "billing", "utility-desk", &house.utility),
            Waiting::new(&house, "research", "university", &house.university),
        ];
        let mut dice = Dice(7);
        let mut now = after(0);
        let (mut compared, mut told) = (0, 0);
        for round in 0..120 {
            now = now.plus_millis([1, SETTLE_MILLIS + 1][dice.index(2)]);
            anything(&house, &mut dice, round, now);
            if round % 10 == 9 {
                for lane in &mut waiting {
                    let (same, live) = lane.compare(&house, now.plus_millis(1));
                    (compared, told) = (compared + same, told + live);
                }
            }
        }
        assert!(compared > 50 && told > 50, "{compared} of {told}");
    });
}

//! The past against deliveries that waited: nothing is given that they would not give.

use std::collections::BTreeMap;

use custody::{Delivery, Filter, Placing, SETTLE_MILLIS, Subscription, Token};
use model::{Assignment, Level, PurposeId, Role, ThingId, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{after, all, endless, measure, query};
use crate::fixture::{House, NOW, choice, on_both, person};

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

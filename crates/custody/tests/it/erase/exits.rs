//! Whatever is measured and erased in whatever order: no exit gives what is erased, and every one gives what is not.

use std::collections::BTreeMap;

use custody::{Delivery, EraseError, EraseScope, Grace, Retain};
use model::{Level, Notice, Timestamp};

use super::{
    DAY, after, between, everything, history, left, of_field, page, ready, retained, send, timeline,
};
use crate::fixture::{House, choice, on_both, person};

/// A small generator, so that a failure can be made again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What should be there: by time, the power and the temperature that are left.
type Model = BTreeMap<Timestamp, (Option<u64>, Option<u64>)>;

fn scope(dice: &mut Dice, now: Timestamp) -> EraseScope {
    let earlier = |dice: &mut Dice| {
        let back = i64::try_from(dice.roll(300)).unwrap();
        now.plus_millis(-back * 1_000)
    };
    match dice.roll(5) {
        0 => everything(),
        1 => of_field("/power"),
        2 => of_field("/room/temperature"),
        3 => {
            let (a, b) = (earlier(dice), earlier(dice));
            between(a.min(b), a.max(b).plus_millis(1))
        }
        _ => EraseScope::new((Some(earlier(dice)), None), None, None, None).unwrap(),
    }
}

fn apply(model: &mut Model, scope: &EraseScope, now: Timestamp) {
    for (at, (power, temperature)) in model.iter_mut() {
        let is_in = scope.from().is_none_or(|it| *at >= it)
            && scope.until().is_none_or(|it| *at < it)
            && *at <= now;
        let field = scope.field().map(|it| it.as_str().to_owned());
        if is_in && field.as_deref() != Some("/room/temperature") {
            *power = None;
        }
        if is_in && field.as_deref() != Some("/power") {
            *temperature = None;
        }
    }
    model.retain(|_, it| *it != (None, None));
}

/// Everything that a value can be recognised by in what an exit gave.
fn values(model: &Model) -> (Vec<u64>, Vec<u64>) {
    let powers = model.values().filter_map(|it| it.0).collect();
    let temperatures = model.values().filter_map(|it| it.1).collect();
    (powers, temperatures)
}

/// The numbers in texts that an exit gave.
fn numbers(texts: &[String]) -> Vec<u64> {
    let digits = |it: &String| -> Vec<u64> {
        let parts = it.split(|it: char| !it.is_ascii_digit());
        parts.filter_map(|it| it.parse().ok()).collect()
    };
    texts.iter().flat_map(digits).collect()
}

#[track_caller]
fn check(house: &House, model: &Model, waiting: &[Delivery], now: Timestamp) {
    let (powers, temperatures) = values(model);
    let mut all = powers.clone();
    all.extend(&temperatures);
    all.sort_unstable();
    let mut seen = numbers(&timeline(house, now));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, all, "the person's own timeline at {now}");
    let mut research = numbers(&history(house, "research", now));
    research.sort_unstable();
    assert_eq!(research, all, "the history at {now}");
    let mut billing = numbers(&history(house, "billing", now));
    billing.sort_unstable();
    assert_eq!(billing, powers, "the history at {now}");
    for exit in [retained(house, now), left(house, waiting, now)] {
        let given = numbers(&exit);
        assert!(
            given.iter().all(|it| all.contains(it)),
            "{given:?} of {all:?}"
        );
    }
}

/// Measures and erases at random, and looks at every exit after each step.
fn run(seeds: std::ops::RangeInclusive<u64>) {
    on_both(|house| {
        let house = ready(house);
        let resident = person("p-resident");
        for seed in seeds.clone() {
            let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut model = Model::new();
            let mut waiting = Vec::new();
            let start = after(1).plus_millis(i64::try_from(seed).unwrap() * DAY);
            house
                .custody
                .erase_all_before(&resident, start.plus_millis(-1));
            for step in 0..30_i64 {
                let now = start.plus_millis(step * 10_000);
                match dice.roll(4) {
                    0..=2 => {
                        // A number is of one reading and field only.
                        let power = 10_000 * seed + 100 * u64::try_from(step).unwrap();
                        let message = format!(
                            r#"{{"power":{power},"room":{{"temperature":{}}}}}"#,
                            power + 1
                        );
                        send(&house, &message, Retain::Keep, now);
                        model.insert(now, (Some(power), Some(power + 1)));
                        waiting.extend(page(&house, "research", now.plus_millis(1)));
                    }
                    _ => {
                        let scope = scope(&mut dice, now);
                        match house.custody.plan_erasure(&resident, &scope, now) {
                            Ok(plan) => {
                                let digest = plan.digest;
                                let (custody, grace) = (&house.custody, Grace::None);
                                custody
                                    .erase(&resident, &scope, &digest, grace, now)
                                    .unwrap();
                                apply(&mut model, &scope, now);
                            }
                            Err(EraseError::Nothing) => {}
                            Err(err) => panic!("{err}"),
                        }
                    }
                }
                if dice.roll(4) == 0 {
                    house.custody.tick(now.plus_millis(5_000)).unwrap();
                }
                check(&house, &model, &waiting, now.plus_millis(6_000));
            }
        }
    });
}

#[test]
fn no_exit_gives_what_is_erased_whatever_came_before() {
    run(1..=1);
}

mod slow {
    #[test]
    fn no_exit_gives_what_is_erased_whatever_came_before_many_times() {
        super::run(2..=9);
    }
}

trait EraseBefore {
    fn erase_all_before(&self, person: &model::PersonId, now: Timestamp);
}

impl EraseBefore for custody::Custody {
    /// So that each seed begins with nothing.
    fn erase_all_before(&self, person: &model::PersonId, now: Timestamp) {
        let scope = everything();
        if let Ok(plan) = self.plan_erasure(person, &scope, now) {
            self.erase(person, &scope, &plan.digest, Grace::None, now)
                .unwrap();
        }
    }
}

/// The home with a mean over a quarter of an hour as what the utility gets.
fn with_window(house: &House) {
    let source = include_str!("../home.toml")
        .replace("version = 1", "version = 2")
        .replace(
            "[[fields.coarse]]\nround = 500.0",
            "[[fields.coarse]]\nwindow = { seconds = 900, of = \"mean\" }",
        );
    let notice = Notice::parse(&source).unwrap();
    let published = house.custody.act(crate::fixture::NOW, |act| {
        act.publish_notice(&notice, &source)
    });
    published.unwrap();
    let level = Level::coarse(1).unwrap();
    let wish = choice("/power", "billing", "utility-desk", level);
    house.custody.choose(&[wish], crate::fixture::NOW).unwrap();
}

#[test]
fn an_open_window_goes_whole_and_begins_anew() {
    on_both(|house| {
        with_window(&house);
        let house = ready(house);
        let begin = Timestamp::from_millis(after(1).as_millis() / 900_000 * 900_000 + 900_000);
        let end = begin.plus_millis(900_000);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let measure = |power: u32, seconds: i64| {
            let message = format!(r#"{{"power":{power}}}"#);
            let at = begin.plus_millis(seconds * 1_000);
            send(&house, &message, Retain::No, at);
        };
        measure(100, 1);
        house.custody.tick(begin.plus_millis(2_000)).unwrap();
        let now = begin.plus_millis(3_000);
        let plan = house
            .custody
            .plan_erasure(&person("p-resident"), &everything(), now)
            .unwrap();
        assert!(plan.windows > 0, "{plan:?}");
        super::erase(&house, &everything(), Grace::None, now);
        measure(300, 10);
        measure(300, 11);
        house.custody.tick(end).unwrap();
        let given = utility.next(end).unwrap();
        assert!(given.contains(r#""power":300,"#), "{given}");
        assert!(given.contains(r#""count":2"#), "{given}");
        let seen = timeline(&house, end.plus_millis(1));
        assert!(
            !seen
                .iter()
                .any(|it| it.contains("100") || it.contains("200")),
            "{seen:?}"
        );
    });
}

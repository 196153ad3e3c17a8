//! Retained messages against a naive reading of them.

use model::Level;

use crate::fixture::{NOW, choice, on_both};

/// One lane's level of a field: the lowest since the message came.
#[derive(Clone, Copy)]
struct Kept {
    power: (Level, Level),
    temperature: Level,
}

/// The naive reading of what is retained, for one thing and two lanes.
struct Naive {
    now: Kept,
    retained: Option<(i64, i64, Kept)>,
}

impl Naive {
    fn choose(&mut self, change: impl Fn(&mut Kept)) {
        change(&mut self.now);
        let now = self.now;
        if let Some((_, _, kept)) = &mut self.retained {
            kept.power.0 = kept.power.0.meet(now.power.0);
            kept.power.1 = kept.power.1.meet(now.power.1);
            kept.temperature = kept.temperature.meet(now.temperature);
        }
    }

    fn shown(power: i64, level: Level) -> Option<String> {
        match level {
            Level::OFF => None,
            Level::ON => Some(format!("\"power\":{power}")),
            // The middle of its step of 500 goes to the even one; the test uses no such number.
            _ => Some(format!("\"power\":{}", (power + 250) / 500 * 500)),
        }
    }

    fn expected(&self) -> [Option<String>; 2] {
        let Some((power, temperature, kept)) = self.retained else {
            return [None, None];
        };
        let written = |members: Vec<String>, level: Level| {
            let is_coarse = level != Level::ON && level != Level::OFF;
            let mark = is_coarse.then(|| "\"@coarse\":{\"/power\":250}".to_owned());
            let all: Vec<_> = members.into_iter().chain(mark).collect();
            (!all.is_empty()).then(|| format!("{{{}}}", all.join(",")))
        };
        let first = Self::shown(power, kept.power.0).into_iter().collect();
        let room = (kept.temperature == Level::ON)
            .then(|| format!("\"room\":{{\"temperature\":{temperature}}}"));
        let second = Self::shown(power, kept.power.1).into_iter().chain(room);
        [
            written(first, kept.power.0),
            written(second.collect(), kept.power.1),
        ]
    }
}

#[test]
fn retained_messages_agree_with_the_naive_reading_over_any_choices_and_restarts() {
    on_both(|mut house| {
        let mut naive = Naive {
            now: Kept {
                power: (Level::ON, Level::OFF),
                temperature: Level::OFF,
            },
            retained: None,
        };
        let mut seed = 20_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let levels = [Level::OFF, Level::coarse(1).unwrap(), Level::ON];
        for step in 0..160 {
            let level = levels[usize::try_from(draw(3)).unwrap()];
            match draw(8) {
                0..3 => {
                    let power = i64::try_from(draw(4) * 500 + 1 + draw(200)).unwrap();
                    let temperature = i64::try_from(draw(40)).unwrap();
                    let message =
                        format!(r#"{{"power":{power},"room":{{"temperature":{temperature}}}}}"#);
                    house.retain(&message, NOW);
                    naive.retained = Some((power, temperature, naive.now));
                }
                3 => {
                    house.choose_power(level);
                    naive.choose(|it| it.power.0 = level);
                }
                4 => {
                    let choices = [choice("/power", "research", "university", level)];
                    house.custody.choose(&choices, NOW).unwrap();
                    naive.choose(|it| it.power.1 = level);
                }
                5 => {
                    let level = if level == Level::ON {
                        Level::ON
                    } else {
                        Level::OFF
                    };
                    let choices = [choice("/room/temperature", "research", "university", level)];
                    house.custody.choose(&choices, NOW).unwrap();
                    naive.choose(|it| it.temperature = level);
                }
                6 => house.custody.tick(NOW).unwrap(),
                _ if draw(3) == 0 => {
                    house.retain("", NOW);
                    naive.retained = None;
                }
                _ => house.measure(r#"{"power":9999}"#),
            }
            if step % 40 == 39 {
                house = house.reopened(true);
            }
            let found = [house.utility(NOW), house.university(NOW)];
            let found = found.map(|mut it| {
                assert!(it.len() < 2);
                it.pop()
            });
            assert_eq!(found, naive.expected(), "step {step}");
            let is_kept = naive.expected().iter().any(Option::is_some);
            let counts = house.custody.retained_counts();
            assert_eq!(counts.messages, usize::from(is_kept), "step {step}");
        }
    });
}

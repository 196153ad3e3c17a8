//! Statistics over time: held while their window is open, decided again when it is over.

use custody::{Act, ActError, Place, Placing, TimelineReading};
use model::{Grant, Level, LicenceState, Notice, PurposeId, RecipientId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, licence, on_both, person};

/// A window of a quarter of an hour.
const WINDOW: &str = "[[fields.coarse]]\nwindow = { seconds = 900, of = \"mean\" }";
/// When the first such window after `NOW` begins.
const START: Timestamp = NOW.plus_millis(100_000);
const END: Timestamp = START.plus_millis(900_000);

/// The home with a window as its coarse level, and the resident's choice for billing.
fn with_window(house: &House, level: &str) {
    with_window_of(house, level, 900);
}

fn with_window_of(house: &House, level: &str, seconds: i64) {
    assert_eq!(START.as_millis() % (seconds * 1000), 0);
    let source = include_str!("home.toml")
        .replace("version = 1", "version = 2")
        .replace("[[fields.coarse]]\nround = 500.0", WINDOW)
        .replace("seconds = 900", &format!("seconds = {seconds}"));
    let until = if seconds == 900 { 1100 } else { 1_000_000 };
    house
        .custody
        .act(NOW, |act| {
            act.publish_notice(&Notice::parse(&source).unwrap(), &source)?;
            grant(act, at(until))
        })
        .unwrap_or_else(|err: ActError| panic!("{err}"));
    choose(house, level);
}

fn grant(act: &mut Act<'_, '_>, until: Timestamp) -> Result<(), ActError> {
    act.grant(&Grant {
        recipient: RecipientId::parse("utility-desk").unwrap(),
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: deployment("home"),
        valid_from: NOW,
        valid_until: Some(until),
    })
}

fn choose(house: &House, level: &str) {
    let level = Level::parse(level).unwrap();
    let choice = choice("/power", "billing", "utility-desk", level);
    house.custody.choose(&[choice], NOW).unwrap();
}

fn measure(house: &House, power: &str, at: Timestamp) {
    let thing = house.thing("meter-1", &house.meter);
    let payload = format!("{{\"power\":{power}}}");
    house
        .custody
        .ingest(&thing, payload.as_bytes(), at)
        .unwrap();
}

/// What the person sees once everything that came in until now is durable.
fn wait_kept(house: &House, now: Timestamp) -> Vec<TimelineReading> {
    let other = house.thing("validator-1", &house.validator);
    let message = br#"{"power":1,"card":"of nobody"}"#;
    let lsn = house.custody.ingest(&other, message, NOW).unwrap();
    house.custody.wait_durable(lsn).unwrap();
    kept(house, now)
}

fn kept(house: &House, now: Timestamp) -> Vec<TimelineReading> {
    let place = Place::before(now);
    let timeline = house
        .custody
        .timeline(&person("p-resident"), place, 500, now);
    timeline.unwrap().readings
}

const fn at(seconds: i64) -> Timestamp {
    START.plus_millis(seconds * 1000)
}

fn mean(value: &str, count: u32) -> String {
    format!(
        "{{\"power\":{value},\"@coarse\":{{\"/power\":null}},\"@window\":{{\"/power\":{{\"from\":\"{START}\",\"until\":\"{END}\",\"of\":\"mean\",\"count\":{count}}}}}}}"
    )
}

#[test]
fn a_mean_leaves_and_is_kept_once_its_window_is_over() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "100", at(100));
        measure(&house, "200.5", at(899));
        house.custody.tick(at(899)).unwrap();
        assert_eq!(
            utility.next(at(899)),
            None,
            "no raw value, and no part of a window"
        );
        assert_eq!(kept(&house, at(899)), []);
        house.custody.tick(END).unwrap();
        assert_eq!(utility.next(END), Some(mean("150.25", 2)));
        assert_eq!(utility.next(END), None);
        let readings = wait_kept(&house, at(901));
        let [reading] = readings.as_slice() else {
            panic!("{readings:?}")
        };
        let [field] = reading.fields.as_slice() else {
            panic!("{reading:?}")
        };
        assert_eq!(
            (field.pointer.as_str(), field.value.as_str()),
            ("/power", "150.25")
        );
        let window = field.window.unwrap();
        assert_eq!((window.from, window.until, window.count), (START, END, 2));
        assert!(!window.incomplete);
        house.custody.tick(at(902)).unwrap();
        let receipts = house
            .custody
            .timeline(&person("p-resident"), Place::before(END), 10, END);
        assert_eq!(
            receipts.unwrap().receipts.len(),
            1,
            "a receipt like any other"
        );
    });
}

/// What is kept of a window of two values, the resident having placed their readings so at these moments.
fn kept_when(house: &House, placed: &[(i64, Placing)]) -> usize {
    with_window(house, "coarse-1");
    let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
    let place = |(second, placing): &(i64, Placing)| {
        let home = deployment("home");
        let resident = person("p-resident");
        let placed = house
            .custody
            .place(&resident, Some(&home), placing, at(*second));
        placed.unwrap();
    };
    let (before, during): (Vec<_>, Vec<_>) = placed.iter().partition(|it| it.0 < 100);
    before.into_iter().for_each(place);
    measure(house, "1", at(100));
    measure(house, "2", at(200));
    during.into_iter().for_each(place);
    house.custody.tick(END).unwrap();
    assert_eq!(
        utility.next(END),
        Some(mean("1.5", 2)),
        "it is delivered, wherever it is kept"
    );
    wait_kept(house, at(901)).len()
}

#[test]
fn what_was_measured_while_nothing_was_to_be_kept_is_not_kept_in_a_mean_either() {
    on_both(|house| {
        let placed = [(-10, Placing::LiveOnly), (890, Placing::Vault)];
        assert_eq!(kept_when(&house, &placed), 0);
    });
}

#[test]
fn a_mean_is_not_kept_when_nothing_is_to_be_kept_at_its_end() {
    on_both(|house| {
        assert_eq!(kept_when(&house, &[(890, Placing::LiveOnly)]), 0);
    });
}

#[test]
fn saying_again_what_holds_already_takes_nothing_from_an_open_window() {
    on_both(|house| {
        let placed = [(-10, Placing::Vault), (890, Placing::Vault)];
        assert_eq!(kept_when(&house, &placed), 1);
    });
}

#[test]
fn since_when_readings_go_where_they_go_is_known_after_a_restart() {
    on_both(|house| {
        let home = deployment("home");
        let resident = person("p-resident");
        with_window(&house, "coarse-1");
        let place = |house: &House, placing: &Placing, second| {
            let placed = house
                .custody
                .place(&resident, Some(&home), placing, at(second));
            placed.unwrap();
        };
        place(&house, &Placing::LiveOnly, -10);
        measure(&house, "1", at(100));
        measure(&house, "2", at(200));
        place(&house, &Placing::Vault, 300);
        let house = house.reopened(false);
        house.custody.tick(END).unwrap();
        assert_eq!(wait_kept(&house, at(901)).len(), 0);
    });
}

#[test]
fn the_next_message_after_the_end_lets_a_window_leave() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "1", at(100));
        measure(&house, "2", at(200));
        measure(&house, "99", at(900));
        assert_eq!(utility.next(END), Some(mean("1.5", 2)));
        assert_eq!(
            house.custody.window_counts().open,
            2,
            "the next window, live and kept"
        );
    });
}

#[test]
fn one_value_is_no_mean() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "123", at(100));
        house.custody.tick(END).unwrap();
        assert_eq!(utility.next(END), None);
        assert_eq!(wait_kept(&house, at(901)), []);
        assert_eq!(house.custody.window_counts().silent, 2);
    });
}

#[test]
fn turning_off_erases_what_was_accumulated_also_from_the_rows() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "100", at(100));
        measure(&house, "200", at(200));
        house.custody.tick(at(201)).unwrap();
        assert_eq!(rows(&house), 2);
        choose(&house, "off");
        assert_eq!(rows(&house), 0, "before the choice is acknowledged");
        assert_eq!(house.custody.window_counts().open, 0);
        choose(&house, "coarse-1");
        measure(&house, "300", at(300));
        measure(&house, "500", at(400));
        house.custody.tick(END).unwrap();
        assert_eq!(utility.next(END), Some(mean("400", 2)), "it begins anew");
    });
}

#[test]
fn what_was_off_when_it_was_measured_is_in_no_later_mean() {
    on_both(|house| {
        with_window(&house, "off");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "1000000", at(100));
        choose(&house, "coarse-1");
        measure(&house, "1", at(200));
        measure(&house, "3", at(300));
        choose(&house, "on");
        measure(&house, "7", at(400));
        assert_eq!(utility.next(at(400)), Some("{\"power\":7}".to_owned()));
        house.custody.tick(END).unwrap();
        assert_eq!(
            utility.next(END),
            Some(mean("2", 2)),
            "a higher level still gets the mean"
        );
    });
}

#[test]
fn a_suspended_licence_or_an_ended_grant_holds_the_mean_back() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        for power in ["1", "2"] {
            measure(&house, power, at(100));
        }
        house
            .custody
            .act(at(200), |act| {
                act.set_licence(&deployment("home"), licence(LicenceState::Suspended))
            })
            .unwrap_or_else(|err: ActError| panic!("{err}"));
        house.custody.tick(END).unwrap();
        assert_eq!(utility.next(END), None);
        assert_eq!(wait_kept(&house, at(901)), []);
    });
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        // The grant ends within this window.
        for power in ["1", "2"] {
            measure(&house, power, at(1000));
        }
        house.custody.tick(at(1800)).unwrap();
        assert_eq!(utility.next(at(1800)), None);
    });
}

#[test]
fn a_queued_mean_is_decided_again_at_the_socket() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        for power in ["1", "2"] {
            measure(&house, power, at(100));
        }
        house.custody.tick(END).unwrap();
        choose(&house, "off");
        assert_eq!(utility.next(END), None);
    });
}

#[test]
fn windows_go_on_after_a_restart() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        measure(&house, "1", at(100));
        measure(&house, "2", at(200));
        house.custody.close().unwrap();
        let house = house.reopened(false);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "6", at(300));
        house.custody.tick(END).unwrap();
        assert_eq!(utility.next(END), Some(mean("3", 3)));
        assert_eq!(wait_kept(&house, at(901)).len(), 1);
        assert_eq!(rows(&house), 0);
    });
}

#[test]
fn after_a_crash_a_mean_says_that_values_may_be_missing() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        measure(&house, "1", at(100));
        measure(&house, "2", at(200));
        house.custody.tick(at(200)).unwrap();
        // Never saved: this process ends without a word.
        measure(&house, "600", at(201));
        let house = house.reopened(false);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "3", at(300));
        house.custody.tick(END).unwrap();
        let expected = mean("2", 3).replace("\"count\":3", "\"count\":3,\"incomplete\":true");
        assert_eq!(utility.next(END), Some(expected));
        // The window after the crash is whole.
        for power in ["4", "5"] {
            measure(&house, power, at(901));
        }
        house
            .custody
            .act(at(902), |act| grant(act, at(5000)))
            .unwrap_or_else(|err: ActError| panic!("{err}"));
        house.custody.tick(at(1800)).unwrap();
        let whole = utility.next(at(1800)).unwrap();
        assert!(
            whole.contains("4.5") && !whole.contains("incomplete"),
            "{whole}"
        );
        let readings = wait_kept(&house, at(901));
        assert!(readings[0].fields[0].window.unwrap().incomplete);
    });
}

#[test]
fn a_window_that_was_never_saved_before_a_crash_says_so_too() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        measure(&house, "1", at(100));
        let house = house.reopened(false);
        for power in ["4", "6"] {
            measure(&house, power, at(300));
        }
        house.custody.tick(END).unwrap();
        let readings = wait_kept(&house, at(901));
        let window = readings[0].fields[0].window.unwrap();
        assert_eq!((window.count, window.incomplete), (2, true));
    });
}

#[test]
fn a_choice_before_the_restart_holds_for_what_was_saved() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        measure(&house, "1", at(100));
        measure(&house, "2", at(200));
        house.custody.tick(at(200)).unwrap();
        let saved = sealed(&house);
        choose(&house, "off");
        // As if the rows could not be erased before the crash.
        let put = "INSERT INTO window_state (id, deployment, sealed) VALUES ($1, 'home', $2)";
        let written = house.db.write(|tx| {
            for (id, sealed) in &saved {
                tx.execute(put, &[id.as_slice().into(), sealed.as_slice().into()])?;
            }
            Ok::<_, store::DbError>(())
        });
        written.unwrap();
        let house = house.reopened(false);
        assert_eq!(house.custody.window_counts().open, 0);
        assert_eq!(rows(&house), 0);
    });
}

#[test]
fn late_values_are_counted_and_left_out() {
    on_both(|house| {
        with_window(&house, "coarse-1");
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        measure(&house, "1", at(100));
        measure(&house, "3", at(100));
        measure(&house, "1000", at(-1));
        house.custody.tick(END).unwrap();
        assert_eq!(utility.next(END), Some(mean("2", 2)));
        assert_eq!(house.custody.window_counts().late, 2, "live and kept");
    });
}

fn sealed(house: &House) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = house.db.read(|tx| {
        let rows = tx.query("SELECT id, sealed FROM window_state", &[])?;
        let row = |row: &store::Row| Ok((row.get(0)?, row.get(1)?));
        rows.iter().map(row).collect::<Result<_, store::DbError>>()
    });
    all.unwrap()
}

fn rows(house: &House) -> usize {
    sealed(house).len()
}

mod slow {
    use super::*;

    /// The naive reference: every value with the moment at which it came, while it counts.
    #[derive(Default)]
    struct Naive {
        level: &'static str,
        open: Vec<(i64, i64)>,
        /// Begin, sum and count of the windows that were shown.
        shown: Vec<(i64, i64, usize)>,
    }

    impl Naive {
        fn choose(&mut self, level: &'static str) {
            self.level = level;
            // Nothing that was accumulated outlives less than the window; a higher level lets it stand.
            if !matches!(level, "coarse-1" | "on") {
                self.open.clear();
            }
        }

        fn measure(&mut self, value: i64, seconds: i64) {
            if self.level == "coarse-1" {
                self.open.push((value, seconds));
            }
        }

        /// Everything before this moment is over.
        fn pass(&mut self, seconds: i64) {
            let mut begins: Vec<_> = self.open.iter().map(|it| it.1 / 60 * 60).collect();
            begins.dedup();
            for begin in begins.into_iter().filter(|it| it + 60 <= seconds) {
                let own = |it: &&(i64, i64)| it.1 / 60 * 60 == begin;
                let values: Vec<_> = self.open.iter().filter(own).map(|it| it.0).collect();
                if values.len() >= 2 {
                    self.shown.push((begin, values.iter().sum(), values.len()));
                }
                self.open.retain(|it| it.1 / 60 * 60 != begin);
            }
        }
    }

    /// A small generator of numbers: the same ones in every run.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> i64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
            self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((self.0 >> 33) % end).unwrap()
        }
    }

    #[test]
    fn any_history_of_choices_and_restarts_shows_what_the_naive_reference_shows() {
        for seed in 0..5 {
            on_both(|house| history(house, &mut Numbers(seed)));
        }
    }

    fn history(house: House, numbers: &mut Numbers) {
        with_window_of(&house, "coarse-1", 60);
        let mut house = house;
        let mut naive = Naive {
            level: "coarse-1",
            ..Naive::default()
        };
        let (mut seconds, mut shown) = (0, Vec::new());
        for _ in 0..60 {
            seconds += numbers.below(20);
            match numbers.below(10) {
                0..=5 => {
                    let value = numbers.below(1000);
                    naive.pass(seconds);
                    naive.measure(value, seconds);
                    let value = value.to_string();
                    measure(&house, &value, at(seconds));
                    house.custody.tick(at(seconds)).unwrap();
                }
                6 | 7 => {
                    naive.pass(seconds);
                    house.custody.tick(at(seconds)).unwrap();
                }
                8 => {
                    naive.pass(seconds);
                    house.custody.tick(at(seconds)).unwrap();
                    let levels = ["off", "coarse-1", "coarse-1", "on"];
                    let level = levels[usize::try_from(numbers.below(4)).unwrap()];
                    naive.choose(level);
                    choose(&house, level);
                }
                _ => {
                    house.custody.close().unwrap();
                    house = house.reopened(false);
                }
            }
        }
        naive.pass(i64::MAX - 100);
        house.custody.tick(at(100_000)).unwrap();
        for reading in wait_kept(&house, at(100_001)) {
            for field in reading.fields {
                let Some(mark) = field.window else { continue };
                let begin = (mark.from.as_millis() - START.as_millis()) / 1000;
                shown.push((begin, field.value.parse::<f64>().unwrap(), mark.count));
                assert!(!mark.incomplete);
            }
        }
        shown.sort_by_key(|it| it.0);
        let found: Vec<_> = shown.iter().map(|it| (it.0, it.2 as usize)).collect();
        let expected: Vec<_> = naive.shown.iter().map(|it| (it.0, it.2)).collect();
        assert_eq!(found, expected);
        for (shown, naive) in shown.iter().zip(&naive.shown) {
            let mean = naive.1 as f64 / naive.2 as f64;
            assert!((shown.1 - mean).abs() < 0.006, "{shown:?} for {naive:?}");
        }
    }
}

//! The machine: examples, and random lives held against what a reader of the whole log would say.

use model::Timestamp;
use proptest::prelude::*;

use super::*;

const START: i64 = 1_790_000_000_000;
const PATIENCE_MS: i64 = 60_000;
const ACK_MS: i64 = 30_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

fn terms(confirms: bool) -> Terms {
    Terms {
        patience_ms: PATIENCE_MS,
        confirms,
    }
}

/// A thing that was told to stop at second 0 and has said so at second 1.
fn told_off() -> State {
    let mut state = State::new(at(-10));
    assert!(state.want(Setting::Off, at(-1)));
    state.offered(7, at(0));
    state.sent(7, Setting::Off, Some(at(30)), at(0));
    assert!(state.received(7, at(1)));
    state
}

fn seen(fields: Option<i64>, others: Option<i64>, said: Option<(Said, i64)>) -> Seen {
    Seen {
        fields_at: fields.map(at),
        others_at: others.map(at),
        said: said.map(|it| (it.0, at(it.1))),
    }
}

#[test]
fn a_thing_that_measures_as_wanted_is_never_told() {
    let mut state = State::new(at(0));
    assert!(!state.want(Setting::On, at(1)));
    assert!(!state.is_due(at(1_000_000)) && state.is_fresh());
    // What was wanted and never told is not undone by a command either.
    state.want(Setting::Off, at(2));
    assert!(state.is_due(at(2)));
    state.want(Setting::On, at(3));
    assert!(!state.is_due(at(1_000_000)) && state.is_fresh());
}

#[test]
fn what_a_stopped_thing_may_send_within_the_patience_is_not_held_against_it() {
    let mut state = told_off();
    assert_eq!(
        state.look(&seen(Some(60), Some(61), None), terms(false), at(62)),
        None
    );
    assert_eq!(state.outcome, Outcome::Open);
    let quiet = seen(Some(60), Some(121), None);
    assert_eq!(
        state.look(&quiet, terms(false), at(122)),
        Some(Happening::Obeyed)
    );
    assert_eq!(state.outcome, Outcome::Obeyed { since: at(121) });
}

#[test]
fn a_thing_that_is_silent_neither_obeys_nor_disobeys() {
    let mut state = told_off();
    assert_eq!(
        state.look(&Seen::default(), terms(false), at(1_000_000)),
        None
    );
    assert_eq!((state.outcome, state.step), (Outcome::Open, Step::Watching));
}

#[test]
fn a_confirmation_counts_at_once_and_a_field_that_comes_all_the_same_counts_more() {
    let mut state = told_off();
    let confirmed = seen(None, Some(5), Some((Said::Off, 5)));
    assert_eq!(
        state.look(&confirmed, terms(true), at(6)),
        Some(Happening::Obeyed)
    );
    let liar = seen(Some(90), Some(5), Some((Said::Off, 90)));
    assert_eq!(
        state.look(&liar, terms(true), at(91)),
        Some(Happening::Disobeyed)
    );
    assert_eq!(state.outcome, Outcome::Disobeyed { since: at(90) });
    let quiet = seen(Some(90), Some(151), Some((Said::Off, 151)));
    assert_eq!(
        state.look(&quiet, terms(true), at(152)),
        Some(Happening::Obeyed)
    );
}

#[test]
fn a_thing_that_does_not_obey_is_told_again_later_and_later_and_then_left_at_that() {
    let mut state = told_off();
    let mut now = 62;
    let mut pauses = Vec::new();
    for command in 8.. {
        let still = seen(Some(now), None, None);
        state.look(&still, terms(false), at(now));
        assert_eq!(state.outcome, Outcome::Disobeyed { since: at(62) });
        let Step::Due { at: due } = state.step else {
            break;
        };
        let due = (due.as_millis() - START) / 1_000;
        pauses.push(due - now);
        state.offered(command, at(due));
        state.sent(command, Setting::Off, None, at(due));
        now = due + 61;
    }
    assert_eq!(pauses, [30, 120, 480, 1_920]);
    assert_eq!(state.attempts, MAX_ATTEMPTS);
    assert!(state.is_given_up());
    // When it obeys after all, that is seen.
    let quiet = seen(Some(now), Some(now + 61), None);
    let obeyed = state.look(&quiet, terms(false), at(now + 62));
    assert_eq!(obeyed, Some(Happening::Obeyed));
}

#[test]
fn a_command_that_is_not_acknowledged_or_lost_is_given_again() {
    let mut state = State::new(at(0));
    state.want(Setting::Off, at(0));
    state.offered(1, at(0));
    state.lost(1, at(1));
    assert!(
        state.is_due(at(1)),
        "the connection went before it was sent"
    );
    state.offered(2, at(1));
    state.sent(2, Setting::Off, Some(at(31)), at(1));
    state.look(&Seen::default(), terms(false), at(31));
    assert_eq!(state.step, Step::Due { at: at(61) });
    // An acknowledgement that comes late is one.
    assert!(state.received(2, at(40)));
    assert_eq!(state.step, Step::Watching);
    assert!(!state.received(2, at(41)) && !state.received(9, at(41)));
}

#[test]
fn a_command_that_nobody_took_in_time_is_made_anew() {
    let mut state = State::new(at(0));
    state.want(Setting::Off, at(0));
    state.offered(1, at(0));
    state.look(&Seen::default(), terms(false), at(59));
    assert_eq!(
        state.step,
        Step::Offered {
            command: 1,
            at: at(0)
        }
    );
    state.look(&Seen::default(), terms(false), at(60));
    assert!(state.is_due(at(60)));
}

#[test]
fn a_void_command_that_was_sent_all_the_same_is_taken_back_by_the_next() {
    let mut state = State::new(at(0));
    state.want(Setting::Off, at(0));
    state.offered(1, at(0));
    state.want(Setting::On, at(1));
    assert!(!state.is_due(at(1)));
    state.sent(1, Setting::Off, None, at(1));
    assert!(
        state.is_due(at(1)),
        "it was told to stop, so it must be told to go on"
    );
}

#[test]
fn a_thing_that_obeyed_for_long_and_then_does_not_is_told_at_full_length_again() {
    let mut state = told_off();
    state.attempts = MAX_ATTEMPTS;
    state.look(&seen(None, Some(62), None), terms(false), at(63));
    let relapse = seen(Some(3_663), Some(3_000), None);
    assert_eq!(
        state.look(&relapse, terms(false), at(3_664)),
        Some(Happening::Disobeyed)
    );
    assert_eq!(state.attempts, 0);
    assert!(matches!(state.step, Step::Due { .. }));
}

#[test]
fn a_thing_that_was_told_to_go_on_obeys_when_the_field_comes() {
    let mut state = told_off();
    state.want(Setting::On, at(200));
    state.offered(8, at(200));
    state.sent(8, Setting::On, None, at(200));
    assert_eq!(
        state.look(&seen(Some(100), Some(230), None), terms(false), at(231)),
        None
    );
    let silent = seen(Some(100), Some(261), None);
    assert_eq!(
        state.look(&silent, terms(false), at(262)),
        Some(Happening::Disobeyed)
    );
    let again = seen(Some(270), Some(261), None);
    assert_eq!(
        state.look(&again, terms(false), at(271)),
        Some(Happening::Obeyed)
    );
}

#[test]
fn slower_is_told_and_never_judged() {
    let mut state = State::new(at(0));
    state.want(Setting::Slow, at(0));
    state.offered(1, at(0));
    state.sent(1, Setting::Slow, None, at(0));
    let busy = seen(Some(900), Some(900), Some((Said::On, 900)));
    assert_eq!(state.look(&busy, terms(true), at(901)), None);
    assert_eq!((state.outcome, state.step), (Outcome::Open, Step::Watching));
}

#[test]
fn other_words_are_told_unless_the_thing_obeys() {
    let mut state = told_off();
    state.reworded(at(5));
    assert!(state.is_due(at(5)) && state.attempts == 0);
    let mut state = told_off();
    state.look(&seen(None, Some(62), None), terms(false), at(63));
    state.reworded(at(64));
    assert_eq!(state.step, Step::Watching);
}

/// What may happen to a thing.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Want(Setting),
    /// It listens, takes the command, and acknowledges or not.
    Listen {
        acknowledges: bool,
    },
    Away,
    Field,
    Other,
    Say(Said),
    Pass(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        prop::sample::select(Setting::ALL.as_slice()).prop_map(Deed::Want),
        any::<bool>().prop_map(|acknowledges| Deed::Listen { acknowledges }),
        Just(Deed::Away),
        Just(Deed::Field),
        Just(Deed::Other),
        prop::sample::select([Said::On, Said::Off, Said::Other].as_slice()).prop_map(Deed::Say),
        (1_i64..200).prop_map(Deed::Pass),
        (1_000_i64..5_000).prop_map(Deed::Pass),
    ]
}

/// Everything that happened, in order: what the naive reader reads.
#[derive(Default)]
struct Log {
    sent: Vec<(Setting, Timestamp)>,
    /// When the thing said that it has the last command.
    received: Option<Timestamp>,
    fields: Vec<Timestamp>,
    others: Vec<Timestamp>,
    said: Vec<(Said, Timestamp)>,
}

impl Log {
    fn seen(&self) -> Seen {
        Seen {
            fields_at: self.fields.last().copied(),
            others_at: self.others.last().copied(),
            said: self.said.last().copied(),
        }
    }

    /// Whether a stopped thing has broken its word: it sent what it should not, longer than the patience after it was
    /// first told what it was told last.
    fn broke_off(&self) -> bool {
        let last = self.sent.last().map(|it| it.0);
        let told = self.sent.iter().rev().take_while(|it| Some(it.0) == last);
        let settled = told.last().unwrap().1.plus_millis(PATIENCE_MS);
        self.fields.iter().any(|it| *it > settled)
            || self
                .said
                .iter()
                .any(|it| it.0 == Said::On && it.1 > settled)
    }

    fn from(&self) -> Timestamp {
        self.received.unwrap_or_else(|| self.sent.last().unwrap().1)
    }
}

/// One life of a switch, checked after every deed.
fn live(deeds: &[Deed], confirms: bool) -> Result<(), TestCaseError> {
    let mut state = State::new(at(0));
    let mut log = Log::default();
    let (mut now, mut command, mut wanted, mut since_wanted) = (at(0), 0_u64, Setting::On, 0_usize);
    for deed in deeds {
        match deed {
            Deed::Want(setting) => {
                let changed = state.want(*setting, now);
                prop_assert_eq!(changed, *setting != wanted);
                if changed {
                    (wanted, since_wanted) = (*setting, log.sent.len());
                }
            }
            Deed::Listen { acknowledges } => {
                if state.is_due(now) {
                    command += 1;
                    state.offered(command, now);
                    let until = acknowledges.then(|| now.plus_millis(ACK_MS));
                    state.sent(command, wanted, until, now);
                    log.sent.push((wanted, now));
                    log.received = until.is_none().then_some(now);
                    if *acknowledges && state.received(command, now) {
                        log.received = Some(now);
                    }
                }
            }
            Deed::Away => state.lost(command, now),
            Deed::Field => log.fields.push(now),
            Deed::Other => log.others.push(now),
            Deed::Say(said) => log.said.push((*said, now)),
            Deed::Pass(seconds) => now = now.plus_millis(seconds * 1_000),
        }
        let before = state.outcome;
        let happened = state.look(&log.seen(), terms(confirms), now);
        check(&state, &log, wanted, since_wanted, now)?;
        let told = match (before, state.outcome) {
            (Outcome::Obeyed { .. }, Outcome::Obeyed { .. })
            | (Outcome::Disobeyed { .. }, Outcome::Disobeyed { .. })
            | (_, Outcome::Open) => None,
            (_, Outcome::Obeyed { .. }) => Some(Happening::Obeyed),
            (_, Outcome::Disobeyed { .. }) => Some(Happening::Disobeyed),
        };
        prop_assert_eq!(
            happened,
            told,
            "an event for each change and for nothing else"
        );
    }
    settles(state, wanted, now)
}

fn check(
    state: &State,
    log: &Log,
    wanted: Setting,
    since_wanted: usize,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(state.wanted, wanted);
    prop_assert_eq!(state.told, log.sent.last().copied());
    let told_wanted = log.sent.last().is_some_and(|it| it.0 == wanted);
    let never_told = log.sent.is_empty();
    prop_assert_eq!(
        state.step == Step::Rest,
        never_told && wanted == Setting::On,
        "told nothing, and only that, while nothing is to be told"
    );
    // Whatever is wanted was told, or will be.
    let is_due = matches!(state.step, Step::Due { .. } | Step::Offered { .. });
    prop_assert!(told_wanted || is_due || state.step == Step::Rest);
    // Bounded: as often as allowed in a row, and once more in full for each hour of obeying.
    let told = log.sent.len() - since_wanted;
    let hours = usize::try_from((now.as_millis() - START) / RELAPSE_MS).unwrap();
    let limit = usize::try_from(MAX_ATTEMPTS).unwrap();
    prop_assert!(told <= limit * (hours + 1), "told {told} times");
    match state.outcome {
        Outcome::Open => {}
        Outcome::Obeyed { since } => {
            prop_assert!(told_wanted && wanted != Setting::Slow);
            prop_assert!(since <= now);
            if wanted == Setting::Off {
                let later = log.fields.iter().filter(|it| **it > since);
                let settled = log.from().plus_millis(PATIENCE_MS);
                prop_assert_eq!(later.filter(|it| **it > settled).count(), 0, "it measures");
            }
        }
        Outcome::Disobeyed { since } => {
            prop_assert!(since <= now && wanted != Setting::Slow);
            if wanted == Setting::Off {
                prop_assert!(log.broke_off(), "nothing was held against it");
            }
        }
    }
    Ok(())
}

/// A thing that listens, acknowledges and obeys from now on ends as one that does as is wanted.
fn settles(mut state: State, wanted: Setting, from: Timestamp) -> Result<(), TestCaseError> {
    let mut now = from;
    let mut seen = Seen::default();
    for command in 1_000_000..1_000_100 {
        now = now.plus_millis(1_000_000);
        let tells = state.is_due(now);
        if tells {
            state.offered(command, now);
            state.sent(command, wanted, None, now);
        }
        now = now.plus_millis(PATIENCE_MS + 1);
        match wanted {
            Setting::Off => seen.others_at = Some(now),
            _ => seen.fields_at = Some(now),
        }
        state.look(&seen, terms(false), now);
    }
    match wanted {
        Setting::Slow => prop_assert_eq!(state.step, Step::Watching),
        Setting::On if state.told.is_none() => prop_assert_eq!(state.step, Step::Rest),
        _ => {
            let obeys = matches!(state.outcome, Outcome::Obeyed { .. });
            prop_assert!(obeys, "{:?}", state);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_life_of_a_switch_is_as_a_reader_of_its_log_would_say(
        deeds in prop::collection::vec(deed(), 0..60),
        confirms in any::<bool>(),
    ) {
        live(&deeds, confirms)?;
    }
}

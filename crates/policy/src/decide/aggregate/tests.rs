use super::*;
use crate::compile::{Inputs, Sensed, compile};
use crate::schema::Schema;
use crate::window::{Accumulator, aggregate};
use crate::{render, render_stored};
use model::{Choice, Coarsening, Grant, LicenceState, Notice, PersonId, Roles, Statistic};

const NOTICE: &str = include_str!("../../../../../corpus/notice/valid/home-energy.toml");
const WINDOW: Window = Window {
    seconds: 60,
    of: Statistic::Max,
    least: 1,
};
const FACTS: Facts = Facts {
    now: Timestamp::EPOCH,
    licence: LicenceState::Active,
    quarantined: false,
};

/// The power of the example: presence, a window, a rounding, on.
fn program(level: &str) -> Program {
    let mut notice = Notice::parse(NOTICE).unwrap();
    notice.fields[0].coarse = vec![
        Coarsening::Presence,
        Coarsening::Window(WINDOW),
        Coarsening::Round(500.0),
    ];
    let declaration = &notice.declarations[0];
    let choice = Choice {
        person: PersonId::parse("p").unwrap(),
        deployment: notice.deployment.clone(),
        field: notice.fields[0].pointer.clone(),
        purpose: declaration.purpose.clone(),
        recipient: declaration.recipients[0].clone(),
        level: Level::parse(level).unwrap(),
    };
    let grant = Grant {
        recipient: declaration.recipients[0].clone(),
        purpose: declaration.purpose.clone(),
        deployment: notice.deployment.clone(),
        valid_from: Timestamp::EPOCH,
        valid_until: None,
    };
    let schema = Schema::compile(&notice).unwrap();
    compile(&Inputs {
        notice: &notice,
        schema: &schema,
        people: &[Sensed {
            roles: Roles::ALL,
            choices: &[choice],
        }],
        grants: &[grant],
        caps: &[],
        generation: 1,
    })
}

fn message(program: &Program) -> Payload {
    program.schema.decode(b"{\"power\":1210}").unwrap()
}

fn closed(program: &Program) -> Payload {
    let mut accumulator = Accumulator::begin(WINDOW, Timestamp::EPOCH);
    accumulator.add("1210", Timestamp::EPOCH);
    let closed = accumulator.close().unwrap();
    aggregate(&program.schema, &[(FieldIndex(0), closed)]).unwrap()
}

fn shown(payload: &Payload, outcome: Option<&Outcome>) -> Option<String> {
    let mut out = vec![];
    render(payload, outcome?, &|it| it.to_owned(), &mut out);
    Some(String::from_utf8(out).unwrap())
}

const MAX: &str = r#"{"power":1210,"@coarse":{"/power":null},"@window":{"/power":{"from":"1970-01-01T00:00:00Z","until":"1970-01-01T00:01:00Z","of":"max","count":1}}}"#;

/// What passes of a message, whether it counts for windows, and what passes of an aggregate.
#[track_caller]
fn check(level: &str, live: Option<&str>, counts: bool, later: Option<&str>) {
    let program = program(level);
    let message = message(&program);
    let decision = super::super::decide(&program, &message, &FACTS);
    assert_eq!(
        shown(&message, decision.outcome(LaneIndex(0))).as_deref(),
        live
    );
    assert_eq!(decision.stored().is_empty(), live.is_none());
    assert_eq!(program.has_windows(), counts);
    let targets: Vec<_> = windowed(&program, &message, &FACTS)
        .iter()
        .map(|it| it.target)
        .collect();
    assert_eq!(
        targets.len(),
        if counts { 2 } else { 0 },
        "live and kept: {targets:?}"
    );
    let closed = closed(&program);
    let decision = super::super::decide(&program, &closed, &FACTS);
    assert_eq!(
        shown(&closed, decision.outcome(LaneIndex(0))).as_deref(),
        later
    );
    let kept = decision.stored().first();
    assert_eq!(shown(&closed, kept.map(|it| &it.outcome)).as_deref(), later);
    let now = FACTS.now;
    let target = Target::Lane(LaneIndex(0));
    let may = program.may_have_aggregate(target, FieldIndex(0), &WINDOW, now);
    assert_eq!(may, later.is_some());
}

#[test]
fn a_message_passes_at_once_or_counts_for_a_window_and_an_aggregate_never_goes_lower() {
    let presence = r#"{"power":true,"@coarse":{"/power":null}}"#;
    let rounded = r#"{"power":1000,"@coarse":{"/power":250}}"#;
    check("off", None, false, None);
    check("coarse-1", Some(presence), false, None);
    check("coarse-2", None, true, Some(MAX));
    check("coarse-3", Some(rounded), false, Some(MAX));
    check("on", Some(r#"{"power":1210}"#), false, Some(MAX));
}

#[test]
fn a_stored_aggregate_reads_back_and_stays_what_it_is() {
    let program = program("on");
    let closed = closed(&program);
    let decision = super::super::decide(&program, &closed, &FACTS);
    let mut stored = vec![];
    render_stored(&closed, &decision.stored()[0].outcome, &mut stored);
    assert_eq!(String::from_utf8(stored.clone()).unwrap(), MAX);
    let again = program.schema.decode_stored(&stored).unwrap();
    assert_eq!(again.undeclared(), &[]);
    for (level, expected) in [
        ("coarse-1", None),
        ("coarse-2", Some(MAX)),
        ("coarse-3", Some(MAX)),
    ] {
        let program = self::program(level);
        let decision = super::super::decide(&program, &again.under(&program.schema), &FACTS);
        let found = shown(&again, decision.outcome(LaneIndex(0)));
        assert_eq!(found.as_deref(), expected, "{level}");
    }
    assert_eq!(
        windowed(&program, &again, &FACTS),
        [],
        "an aggregate counts for no window"
    );
}

#[test]
fn an_aggregate_of_another_window_than_the_notice_declares_goes_nowhere() {
    let program = program("on");
    let other = MAX.replace("\"max\"", "\"mean\"");
    let payload = program.schema.decode_stored(other.as_bytes()).unwrap();
    let decision = super::super::decide(&program, &payload, &FACTS);
    assert_eq!(decision.outcome(LaneIndex(0)), None);
    assert!(decision.stored().is_empty());
}

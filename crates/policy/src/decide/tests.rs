use super::*;
use crate::compile::{Inputs, compile};
use crate::schema::Schema;
use model::{Grant, Notice};

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn program() -> Program {
    let notice = Notice::parse(NOTICE).unwrap();
    let schema = Schema::compile(&notice).unwrap();
    let grant = Grant {
        recipient: notice.recipients[0].id.clone(),
        purpose: notice.purposes[0].id.clone(),
        deployment: notice.deployment.clone(),
        valid_from: Timestamp::EPOCH,
        valid_until: None,
    };
    compile(&Inputs {
        notice: &notice,
        schema: &schema,
        people: &[],
        grants: &[grant],
        caps: &[],
        generation: 1,
    })
}

#[track_caller]
fn check(licence: LicenceState, quarantined: bool, expected: Effect) {
    let program = program();
    let payload = program.schema().decode(b"{\"power\":1}").unwrap();
    let facts = Facts {
        now: Timestamp::EPOCH,
        licence,
        quarantined,
    };
    let decision = decide(&program, &payload, &facts);
    assert_eq!(decision.effect(), expected);
    let admitted = expected == Effect::Admit;
    assert_eq!(decision.outcome(LaneIndex(0)).is_some(), admitted);
    assert_eq!(decision.stored().len(), usize::from(admitted));
}

#[test]
fn only_a_licence_in_force_lets_a_message_in() {
    for licence in LicenceState::ALL {
        let refused = Effect::Refuse(Refusal::Licence(licence));
        let in_force = licence == LicenceState::Active;
        check(
            licence,
            false,
            if in_force { Effect::Admit } else { refused },
        );
    }
    check(
        LicenceState::Active,
        true,
        Effect::Refuse(Refusal::Quarantined),
    );
}

#[test]
fn a_message_that_was_read_under_another_notice_is_refused() {
    let mut notice = Notice::parse(NOTICE).unwrap();
    notice.fields[0].coarse.clear();
    let other = Schema::compile(&notice).unwrap();
    let payload = other.decode(b"{\"power\":1}").unwrap();
    let program = program();
    let facts = Facts {
        now: Timestamp::EPOCH,
        licence: LicenceState::Active,
        quarantined: false,
    };
    let decision = decide(&program, &payload, &facts);
    assert_eq!(decision.effect(), Effect::Refuse(Refusal::Schema));
    assert_eq!(decision.outcome(LaneIndex(0)), None);
    let decision = decide(&program, &payload.under(program.schema()), &facts);
    assert!(decision.outcome(LaneIndex(0)).is_some());
}

#[test]
fn a_message_without_declared_values_has_no_outcome() {
    let program = program();
    let payload = program.schema().decode(b"{\"x\":1}").unwrap();
    let facts = Facts {
        now: Timestamp::EPOCH,
        licence: LicenceState::Active,
        quarantined: false,
    };
    let decision = decide(&program, &payload, &facts);
    assert_eq!(decision.effect(), Effect::Admit);
    assert_eq!(decision.outcome(LaneIndex(0)), None);
    assert!(decision.stored().is_empty());
    assert_eq!(decision.outcome(LaneIndex(77)), None);
}

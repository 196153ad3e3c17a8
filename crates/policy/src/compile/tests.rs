use super::*;
use model::Roles;
use model::{LegalBasis, PersonId, Timestamp};

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn grant(recipient: &str, from: i64, until: Option<i64>) -> Grant {
    Grant {
        recipient: RecipientId::parse(recipient).unwrap(),
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: model::DeploymentId::parse("gulberg-home").unwrap(),
        valid_from: Timestamp::from_millis(from),
        valid_until: until.map(Timestamp::from_millis),
    }
}

/// The example notice with one declaration for several recipients.
fn notice(recipients: &[&str], basis: LegalBasis) -> Notice {
    let mut notice = Notice::parse(NOTICE).unwrap();
    notice.declarations[0].basis = basis;
    notice.declarations[0].recipients = recipients
        .iter()
        .map(|it| RecipientId::parse(it).unwrap())
        .collect();
    notice
}

fn program(notice: &Notice, people: &[&[Choice]], grants: &[Grant]) -> Program {
    let sensed = |choices| Sensed {
        roles: Roles::ALL,
        choices,
    };
    let people: Vec<_> = people.iter().map(|it| sensed(*it)).collect();
    let schema = Schema::compile(notice).unwrap();
    compile(&Inputs {
        notice,
        schema: &schema,
        people: &people,
        grants,
        caps: &[],
        generation: 3,
    })
}

#[test]
fn lanes_keep_the_order_of_the_notice_and_are_found_by_name() {
    let program = program(
        &notice(&["zeta", "alpha", "mid"], LegalBasis::Contract),
        &[],
        &[],
    );
    let names: Vec<_> = program
        .lanes()
        .iter()
        .map(|it| it.recipient.as_str())
        .collect();
    assert_eq!(names, ["zeta", "alpha", "mid"]);
    for (index, lane) in program.lane_indexes() {
        assert_eq!(program.lane(&lane.recipient, &lane.purpose), Some(index));
    }
    let stranger = RecipientId::parse("stranger").unwrap();
    let purpose = &program.lanes()[0].purpose;
    assert_eq!(program.lane(&stranger, purpose), None);
    assert_eq!(program.generation(), 3);
}

#[test]
fn lanes_with_the_same_levels_and_access_share_a_view() {
    let notice = notice(&["a", "b", "c"], LegalBasis::Contract);
    let shared = [
        grant("a", 0, None),
        grant("b", 0, None),
        grant("c", 5, None),
    ];
    let program = program(&notice, &[], &shared);
    assert_eq!(program.view_of.as_ref(), [0, 0, 1]);
    assert_eq!(program.views.len(), 2);
}

#[track_caller]
fn check(grants: &[(i64, Option<i64>)], expected: &[(i64, Option<i64>)]) {
    let grants: Vec<_> = grants.iter().map(|it| grant("a", it.0, it.1)).collect();
    let program = program(&notice(&["a"], LegalBasis::Contract), &[], &grants);
    let windows = program.views[0].windows.iter();
    let millis = |it: Timestamp| it.as_millis();
    let found: Vec<_> = windows
        .map(|it| (millis(it.from), it.until.map(millis)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn grants_of_a_lane_are_joined() {
    check(
        &[(5, Some(9)), (1, Some(5)), (20, Some(30))],
        &[(1, Some(9)), (20, Some(30))],
    );
    check(&[(1, Some(9)), (2, Some(4))], &[(1, Some(9))]);
    check(&[(1, Some(9)), (2, None), (40, Some(50))], &[(1, None)]);
    check(&[(5, Some(5)), (7, Some(3))], &[]);
}

#[test]
fn between_two_grants_the_next_one_is_named() {
    let grants = [grant("a", 0, Some(10)), grant("a", 20, Some(30))];
    let notice = notice(&["a"], LegalBasis::Contract);
    let program = program(&notice, &[], &grants);
    let why = |now| {
        program
            .why(LaneIndex(0), FieldIndex(0), Timestamp::from_millis(now))
            .factor
    };
    let at = Timestamp::from_millis;
    assert_eq!(why(9), Factor::Notice);
    assert_eq!(why(10), Factor::GrantNotYet(at(20)));
    assert_eq!(why(30), Factor::GrantOver(at(30)));
}

#[test]
fn consent_of_everybody_is_needed() {
    let notice = notice(&["a"], LegalBasis::Consent);
    let yes = Choice {
        person: PersonId::parse("x").unwrap(),
        deployment: notice.deployment.clone(),
        field: notice.fields[0].pointer.clone(),
        purpose: notice.declarations[0].purpose.clone(),
        recipient: RecipientId::parse("a").unwrap(),
        level: Level::ON,
    };
    let elsewhere = Choice {
        deployment: model::DeploymentId::parse("elsewhere").unwrap(),
        ..yes.clone()
    };
    let level = |people: &[&[Choice]]| {
        let grants = [grant("a", 0, None)];
        let program = program(&notice, people, &grants);
        program.level(LaneIndex(0), FieldIndex(0), Timestamp::EPOCH)
    };
    let yes = std::slice::from_ref(&yes);
    assert_eq!(level(&[yes]), Level::ON);
    assert_eq!(level(&[yes, yes]), Level::ON);
    assert_eq!(level(&[yes, &[]]), Level::OFF);
    assert_eq!(level(&[std::slice::from_ref(&elsewhere)]), Level::OFF);
    assert_eq!(level(&[]), Level::OFF);
}

#[test]
fn a_lane_or_field_of_another_program_is_undeclared() {
    let program = program(&notice(&["a"], LegalBasis::Contract), &[], &[]);
    let why = |lane, field| program.why(LaneIndex(lane), FieldIndex(field), Timestamp::EPOCH);
    assert_eq!(why(0, 0).factor, Factor::NoGrant);
    assert_eq!(why(0, 9).factor, Factor::Undeclared);
    assert_eq!(why(9, 0).factor, Factor::Undeclared);
}

#[test]
fn the_most_that_anybody_may_have_counts_open_and_coming_access() {
    let field = |program: &Program| program.schema().fields().next().unwrap().0;
    let most = |grants: &[Grant], now: i64| {
        let program = program(&notice(&["a", "b"], LegalBasis::Contract), &[], grants);
        program.most(field(&program), Timestamp::from_millis(now))
    };
    assert_eq!(most(&[], 0), Level::OFF);
    assert_eq!(
        most(&[grant("a", 5, Some(9))], 0),
        Level::ON,
        "it will open"
    );
    assert_eq!(most(&[grant("a", 5, Some(9))], 8), Level::ON);
    assert_eq!(most(&[grant("a", 5, Some(9))], 9), Level::OFF, "it is over");
    let undeclared = notice(&[], LegalBasis::Contract);
    let program = program(&undeclared, &[], &[grant("a", 0, None)]);
    assert_eq!(program.most(field(&program), Timestamp::EPOCH), Level::OFF);
}

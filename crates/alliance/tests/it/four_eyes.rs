//! Four eyes: what the office does in public takes two.

use alliance::{
    Account, ActOutcome, Actor, AgreeError, Alliance, AllianceError, Device, LicenceDecision,
    OfficeAct, PROPOSAL_MILLIS, PROVISIONAL_MILLIS, SessionToken,
};
use model::{
    Cap, CapTarget, EntryKind, Grant, Level, LicenceState, PurposeId, RecipientId, Sensitivity,
    Timestamp,
};

use crate::fixture::{NOTICE, NOW, Town, home, on_both};

const DAY: i64 = 86_400_000;

/// An officer who is signed in.
struct Officer {
    account: Account,
    actor: Actor,
    session: SessionToken,
}

fn officer(alliance: &Alliance) -> Officer {
    let account = alliance
        .create_made_up_account(&Actor::Operator, alliance::Office::Licensing, NOW)
        .unwrap();
    signed_in(alliance, account)
}

fn signed_in(alliance: &Alliance, account: Account) -> Officer {
    let link = alliance
        .one_time_link(&Actor::Operator, &account.id, NOW)
        .unwrap();
    let signed = alliance.sign_in(&link, Device::UNKNOWN, NOW).unwrap();
    Officer {
        actor: Actor::Account(account.clone()),
        session: signed.unwrap().session,
        account,
    }
}

fn state(alliance: &Alliance, now: Timestamp) -> LicenceState {
    let custody = alliance.custody();
    custody.in_force_at(&home(), now).unwrap().licence
}

fn last(alliance: &Alliance) -> (EntryKind, String) {
    let mut entries = alliance.custody().record_before(u64::MAX, 1).unwrap();
    let entry = entries.remove(0).entry;
    (entry.kind, entry.by)
}

fn waits<T: std::fmt::Debug>(outcome: Result<T, AllianceError>) -> u64 {
    match outcome {
        Err(AllianceError::Waits(id)) => id,
        other => panic!("it should wait: {other:?}"),
    }
}

fn agree(town: &Town, by: &Officer, id: u64, now: Timestamp) -> Result<(), AgreeError> {
    town.alliance
        .agree_to_act(&by.account, &by.session, id, now)
}

#[test]
fn nd_5_an_act_waits_until_another_officer_agrees() {
    on_both(|town| {
        let alliance = &town.alliance;
        let issue = |by: &Actor| alliance.issue_licence(by, &home(), None, "complete", NOW);
        let first = officer(alliance);
        assert!(!alliance.takes_two(NOW).unwrap());
        let second = officer(alliance);
        assert!(alliance.takes_two(NOW).unwrap());

        let id = waits(issue(&first.actor));
        assert_eq!(state(alliance, NOW), LicenceState::None);
        let (waiting, ended) = alliance.office_acts(&second.actor).unwrap();
        assert_eq!((waiting.len(), ended.len()), (1, 0));
        assert_eq!(waiting[0].act.kind(), "issue-licence");
        assert_eq!(waiting[0].act.reason(), Some("complete"));
        assert_eq!(waiting[0].proposed_by.as_ref(), Some(&first.account.id));

        assert!(matches!(
            agree(&town, &first, id, NOW),
            Err(AgreeError::Own)
        ));
        agree(&town, &second, id, NOW).unwrap();
        assert_eq!(state(alliance, NOW), LicenceState::Active);
        let by = "office:licensing+licensing".to_owned();
        assert_eq!(last(alliance), (EntryKind::LicenceIssued, by));
        assert!(matches!(
            agree(&town, &second, id, NOW),
            Err(AgreeError::Gone)
        ));
        let (_, ended) = alliance.office_acts(&first.actor).unwrap();
        assert_eq!(ended[0].outcome, ActOutcome::Done);

        // What cannot be is told at once, and nothing is kept of it.
        assert!(matches!(
            issue(&first.actor),
            Err(AllianceError::LicenceState { .. })
        ));
        assert!(alliance.office_acts(&first.actor).unwrap().0.is_empty());
        // Residents see nothing of it.
        assert!(matches!(
            alliance.office_acts(&town.resident),
            Err(AllianceError::Forbidden { .. })
        ));
    });
}

#[test]
fn nd_5_while_there_are_no_two_officers_each_acts_alone_and_the_record_says_so() {
    on_both(|town| {
        let alliance = &town.alliance;
        let only = officer(alliance);
        // A second one without anything of their own that is old enough does not count: the operator could have made them up.
        assert!(!alliance.takes_two(NOW).unwrap());
        alliance
            .issue_licence(&only.actor, &home(), None, "complete", NOW)
            .unwrap();
        let by = "office:licensing".to_owned();
        assert_eq!(last(alliance), (EntryKind::LicenceIssued, by));
    });
}

#[test]
fn nd_5_an_officer_of_whom_the_operator_could_have_the_way_in_does_not_agree() {
    on_both(|town| {
        let alliance = &town.alliance;
        let (first, _second) = (officer(alliance), officer(alliance));
        let Actor::Account(account) = &town.officer else {
            panic!("the officer has an account");
        };
        let third = signed_in(alliance, account.clone());
        let id = waits(alliance.issue_licence(&first.actor, &home(), None, "complete", NOW));
        assert!(matches!(
            agree(&town, &third, id, NOW),
            Err(AgreeError::NotOwnWay)
        ));
        assert_eq!(state(alliance, NOW), LicenceState::None);
        assert_eq!(alliance.office_acts(&first.actor).unwrap().0.len(), 1);
    });
}

#[test]
fn nd_5_a_suspension_holds_at_once_and_ends_when_nobody_agrees() {
    on_both(|town| {
        let alliance = &town.alliance;
        alliance
            .issue_licence(&town.officer, &home(), None, "complete", NOW)
            .unwrap();
        let (first, second) = (officer(alliance), officer(alliance));
        let suspend = |by: &Officer, now| alliance.suspend_licence(&by.actor, &home(), "leak", now);

        suspend(&first, NOW).unwrap();
        assert_eq!(state(alliance, NOW), LicenceState::Suspended);
        let waiting = alliance.office_acts(&second.actor).unwrap().0;
        assert!(waiting[0].is_provisional);
        let over = NOW.plus_millis(PROVISIONAL_MILLIS);
        alliance.tend_office_acts(over.plus_millis(-1)).unwrap();
        assert_eq!(state(alliance, over), LicenceState::Suspended);
        alliance.tend_office_acts(over).unwrap();
        assert_eq!(state(alliance, over), LicenceState::Active);
        assert_eq!(last(alliance).0, EntryKind::LicenceReinstated);

        // Agreed to, it stays.
        suspend(&first, over).unwrap();
        let id = alliance.office_acts(&second.actor).unwrap().0[0].id;
        agree(&town, &second, id, over).unwrap();
        let by = "office:licensing+licensing".to_owned();
        assert_eq!(last(alliance), (EntryKind::LicenceSuspended, by));
        let later = over.plus_millis(PROPOSAL_MILLIS);
        alliance.tend_office_acts(later).unwrap();
        assert_eq!(state(alliance, later), LicenceState::Suspended);

        // Refused, it ends at once; and reinstating by two ends what waits.
        let id = waits(alliance.reinstate_licence(&first.actor, &home(), "cured", later));
        agree(&town, &second, id, later).unwrap();
        suspend(&first, later).unwrap();
        let id = alliance.office_acts(&second.actor).unwrap().0[0].id;
        alliance.refuse_act(&second.account, id, later).unwrap();
        assert_eq!(state(alliance, later), LicenceState::Active);
        suspend(&second, later).unwrap();
        let again = waits(alliance.reinstate_licence(&second.actor, &home(), "cured", later));
        agree(&town, &first, again, later).unwrap();
        let (waiting, ended) = alliance.office_acts(&first.actor).unwrap();
        assert!(waiting.is_empty());
        assert!(ended.iter().any(|it| it.outcome == ActOutcome::Overtaken));
    });
}

#[test]
fn nd_5_what_the_operator_proposes_takes_an_officer() {
    on_both(|town| {
        let alliance = &town.alliance;
        let recipient = RecipientId::parse("power-utility").unwrap();
        alliance
            .register_recipient(&Actor::Operator, &recipient, NOW)
            .unwrap();
        let grant = Grant {
            recipient,
            purpose: PurposeId::parse("billing").unwrap(),
            deployment: home(),
            valid_from: NOW,
            valid_until: Some(NOW.plus_millis(DAY)),
        };
        let (first, second) = (officer(alliance), officer(alliance));
        let id = waits(alliance.grant(&Actor::Operator, &grant, NOW));
        assert!(matches!(
            agree(&town, &first, id, NOW.plus_millis(PROPOSAL_MILLIS)),
            Err(AgreeError::Gone)
        ));
        agree(&town, &first, id, NOW).unwrap();
        let by = "office:operator+licensing".to_owned();
        assert_eq!(last(alliance), (EntryKind::GrantIssued, by));

        // The next version of a notice, too; a bad one is told at once.
        let publish = |source: &str| alliance.publish_notice(&Actor::Operator, source, NOW);
        assert!(matches!(publish(NOTICE), Err(AllianceError::Act(_))));
        let id = waits(publish(&NOTICE.replacen("version = 1", "version = 2", 1)));
        alliance.refuse_act(&second.account, id, NOW).unwrap();
        let custody = alliance.custody();
        assert_eq!(custody.in_force_at(&home(), NOW).unwrap().notice.version, 1);
    });
}

#[test]
fn an_act_that_became_impossible_says_why_and_waits_on() {
    on_both(|town| {
        let alliance = &town.alliance;
        let cap = Cap {
            target: CapTarget::Sensitivity(Sensitivity::High),
            purpose: None,
            most: Level::OFF,
        };
        alliance.set_limit(&town.officer, &cap, "why", NOW).unwrap();
        let (first, second) = (officer(alliance), officer(alliance));
        let lift = |by: &Officer| alliance.lift_limit(&by.actor, &cap.target, None, "over", NOW);
        let (one, other) = (waits(lift(&first)), waits(lift(&first)));
        agree(&town, &second, one, NOW).unwrap();
        match agree(&town, &second, other, NOW) {
            Err(AgreeError::Impossible(why)) => assert!(why.contains("no limit"), "{why}"),
            outcome => panic!("{outcome:?}"),
        }
        assert_eq!(alliance.office_acts(&first.actor).unwrap().0.len(), 1);
        alliance.refuse_act(&first.account, other, NOW).unwrap();
        let ended = alliance.office_acts(&first.actor).unwrap().1;
        assert_eq!(ended[0].outcome, ActOutcome::Withdrawn);
    });
}

#[test]
fn an_act_says_what_was_asked_for() {
    let act = OfficeAct::Licence {
        deployment: "gulberg-home".to_owned(),
        decision: LicenceDecision::Revoke,
        until: Some(5),
        reason: "a \"reason\"".to_owned(),
    };
    assert_eq!(act.deployment(), Some("gulberg-home"));
    assert_eq!(act.details(), ["until: 1970-01-01T00:00:00.005Z"]);
}

#[test]
fn nd_5_whose_certificates_count_takes_two() {
    on_both(|town| {
        let alliance = &town.alliance;
        let (first, second) = (officer(alliance), officer(alliance));
        let operator = Actor::Operator;
        let late = NOW.plus_millis(8 * DAY);
        let id = waits(alliance.begin_device_authority(&operator, "Devices", late));
        assert!(alliance.custody().device_authority().is_none());
        agree(&town, &first, id, late).unwrap();
        assert!(alliance.custody().device_authority().is_some());
        assert_eq!(last(alliance).0, EntryKind::DeviceAuthorityBegun);
        // What could not be done is not kept for anybody.
        let maker = custody::AuthorityId::parse(&"0".repeat(32)).unwrap();
        let unknown = alliance.distrust_maker(&operator, &maker, &home(), late);
        assert!(
            matches!(unknown, Err(AllianceError::Certificate(_))),
            "{unknown:?}"
        );
        drop(second);
    });
}

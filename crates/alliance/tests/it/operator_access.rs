//! The operator gets into an account that somebody uses only with a second person, after a wait, and seen by its owner.

use alliance::{
    ACCESS_LIFETIME_MILLIS, ACCESS_WAIT_MILLIS, APPROVER_AGE_MILLIS, Account, Actor, AllianceError,
    ApproveError, Attempt, EventKind, SessionToken,
};
use model::{EntryKind, Timestamp};

use crate::fixture::{NOW, Town, on_both};
use crate::safety::{PHONE, SECRET, account_of, first, proved, set_password, with_password};

/// The town after the resident moved in, with an officer who has had a password for long enough.
fn settled(town: &Town) -> (Account, Account, Timestamp) {
    let (resident, officer) = (account_of(&town.resident), account_of(&town.officer));
    first(&town.alliance, &resident, NOW);
    let session = first(&town.alliance, &officer, NOW);
    let by = proved(&town.alliance, &session, NOW);
    set_password(&town.alliance, &by, "officer");
    (resident, officer, NOW.plus_millis(APPROVER_AGE_MILLIS))
}

fn ask(town: &Town, account: &Account, now: Timestamp) -> Result<(), String> {
    let asked = town
        .alliance
        .one_time_link(&Actor::Operator, &account.id, now);
    match asked {
        Ok(_) => Ok(()),
        Err(AllianceError::SecondPerson(access)) => Err(access.id),
        Err(err) => panic!("{err}"),
    }
}

fn officer_session(town: &Town, now: Timestamp) -> SessionToken {
    match with_password(&town.alliance, "officer", SECRET, now) {
        Attempt::Done(signed_in) => signed_in.session,
        other => panic!("{other:?}"),
    }
}

fn recorded(town: &Town) -> Vec<EntryKind> {
    let entries = town.alliance.custody().record_before(1000, 20).unwrap();
    let access = |it: &EntryKind| it.as_str().starts_with("access-");
    let kinds = entries.iter().map(|it| it.entry.kind);
    kinds.filter(access).collect()
}

#[test]
fn a_link_to_an_account_in_use_needs_a_second_person_and_three_days() {
    on_both(|town| {
        let (resident, officer, now) = settled(&town);
        let id = ask(&town, &resident, now).unwrap_err();
        assert_eq!(ask(&town, &resident, now), Err(id.clone()), "one request");
        let shown = town.alliance.access_to(&resident.id, now).unwrap();
        assert_eq!((shown.len(), &shown[0].id), (1, &id));
        let ready = now.plus_millis(ACCESS_WAIT_MILLIS);
        assert!(ask(&town, &resident, ready).is_err(), "nobody agreed");
        let session = officer_session(&town, now);
        town.alliance
            .approve_access(&officer, &session, &id, now)
            .unwrap();
        let early = ready.plus_millis(-1);
        assert!(ask(&town, &resident, early).is_err(), "too early");
        assert_eq!(ask(&town, &resident, ready), Ok(()));
        assert!(
            town.alliance
                .access_to(&resident.id, ready)
                .unwrap()
                .is_empty()
        );
        let next = ask(&town, &resident, ready).unwrap_err();
        assert_ne!(next, id, "one request is one link");
        let expected = [
            EntryKind::AccessAsked,
            EntryKind::AccessUsed,
            EntryKind::AccessApproved,
            EntryKind::AccessAsked,
        ];
        assert_eq!(recorded(&town), expected);
        let entries = town.alliance.custody().record_before(1000, 20).unwrap();
        for it in entries {
            let text = format!("{:?}", it.entry);
            assert!(!text.contains(resident.id.as_str()), "{text}");
        }
        let events = town.alliance.security_events(&resident.id, ready).unwrap();
        for kind in [
            EventKind::AccessAsked,
            EventKind::AccessApproved,
            EventKind::AccessUsed,
        ] {
            assert!(events.iter().any(|it| it.kind == kind), "{kind:?}");
        }
    });
}

#[test]
fn who_owns_the_account_refuses_and_nobody_else_can() {
    on_both(|town| {
        let (resident, officer, now) = settled(&town);
        let id = ask(&town, &resident, now).unwrap_err();
        let session = officer_session(&town, now);
        town.alliance
            .approve_access(&officer, &session, &id, now)
            .unwrap();
        let refuse = |by: &Account| town.alliance.refuse_access(by, &id, PHONE, now).unwrap();
        assert!(!refuse(&officer));
        assert!(refuse(&resident));
        assert!(!refuse(&resident));
        let ready = now.plus_millis(ACCESS_WAIT_MILLIS);
        let next = ask(&town, &resident, ready).unwrap_err();
        assert_ne!(next, id, "a new request begins anew");
        assert!(recorded(&town).contains(&EntryKind::AccessRefused));
    });
}

#[test]
fn an_officer_agrees_with_something_of_their_own_and_not_by_a_link_of_the_operator() {
    on_both(|town| {
        let (resident, officer, now) = settled(&town);
        let id = ask(&town, &resident, now).unwrap_err();
        let approve = |by: &Account, session: &SessionToken, id: &str| {
            town.alliance.approve_access(by, session, id, now)
        };
        // The operator signs in as the officer by a link: that is no second person, and it proves nothing.
        let link = town
            .alliance
            .one_time_link(&Actor::Operator, &officer.id, now)
            .unwrap();
        let linked = town.alliance.sign_in(&link, PHONE, now).unwrap().unwrap();
        let refused = approve(&officer, &linked.session, &id);
        assert!(matches!(refused, Err(ApproveError::NotOwn)));
        let proof = town.alliance.proved(&linked.session, PHONE, now).unwrap();
        assert!(proof.is_none());
        // Or makes an officer up.
        let made = town
            .alliance
            .create_account(&Actor::Operator, officer.office, now)
            .unwrap();
        let session = first(&town.alliance, &made, now);
        set_password(
            &town.alliance,
            &proved(&town.alliance, &session, now),
            "made",
        );
        let Attempt::Done(signed_in) = with_password(&town.alliance, "made", SECRET, now) else {
            panic!("the password is right");
        };
        let refused = approve(&made, &signed_in.session, &id);
        assert!(matches!(refused, Err(ApproveError::NotOwn)));
        let session = officer_session(&town, now);
        let unknown = approve(&officer, &session, "nope");
        assert!(matches!(unknown, Err(ApproveError::Gone)));
        let not_theirs = approve(&resident, &session, &id);
        assert!(matches!(
            not_theirs,
            Err(ApproveError::Failed(AllianceError::Forbidden { .. }))
        ));
        let open = |now| town.alliance.open_access(&town.officer, now).unwrap().len();
        assert_eq!(open(now), 1);
        approve(&officer, &session, &id).unwrap();
        assert_eq!(open(now), 0);
        let again = approve(&officer, &session, &id);
        assert!(matches!(again, Err(ApproveError::Gone)));
        let over = now.plus_millis(ACCESS_LIFETIME_MILLIS);
        assert_ne!(ask(&town, &resident, over), Ok(()), "it is too old");
    });
}

#[test]
fn a_link_that_was_put_aside_ends_with_the_first_sign_in() {
    on_both(|town| {
        let resident = account_of(&town.resident);
        let link = || {
            town.alliance
                .one_time_link(&Actor::Operator, &resident.id, NOW)
        };
        let (aside, given) = (link().unwrap(), link().unwrap());
        let sign_in = |link| town.alliance.sign_in(link, PHONE, NOW).unwrap();
        assert!(sign_in(&given).is_some());
        assert!(sign_in(&aside).is_none());
    });
}

#[test]
fn a_new_account_and_one_that_a_demo_made_up_need_nobody_else() {
    on_both(|town| {
        let resident = account_of(&town.resident);
        assert_eq!(ask(&town, &resident, NOW), Ok(()));
        assert_eq!(ask(&town, &resident, NOW), Ok(()), "nobody used it yet");
        let office = resident.office;
        let made_up = town
            .alliance
            .create_made_up_account(&Actor::Operator, office, NOW)
            .unwrap();
        first(&town.alliance, &made_up, NOW);
        assert_eq!(ask(&town, &made_up, NOW), Ok(()));
    });
}

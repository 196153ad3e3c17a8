//! Sign-in: a link works once and for a time, a session ends.

use alliance::{
    Actor, Device, LINK_LIFETIME_MILLIS, LinkToken, SESSION_IDLE_MILLIS, SESSION_LIFETIME_MILLIS,
    SessionToken,
};

use crate::fixture::{NOW, Town, on_both};

fn link(town: &Town) -> (model::PersonId, LinkToken) {
    let Actor::Account(account) = &town.resident else {
        panic!("the resident has an account");
    };
    let link = town
        .alliance
        .one_time_link(&Actor::Operator, &account.id, NOW)
        .unwrap();
    (account.id.clone(), link)
}

#[test]
fn a_link_signs_in_once() {
    on_both(|town| {
        let (id, link) = link(&town);
        let peek = || town.alliance.peek_link(&link, NOW).unwrap().map(|it| it.id);
        assert_eq!(peek(), Some(id.clone()));
        assert_eq!(peek(), Some(id.clone()), "looking does not use it up");
        let sign_in = || town.alliance.sign_in(&link, Device::UNKNOWN, NOW).unwrap();
        let session = sign_in().unwrap().session;
        assert!(sign_in().is_none());
        assert_eq!(peek(), None);
        assert_eq!(
            town.alliance.session(&session, NOW).unwrap().unwrap().id,
            id
        );
        town.alliance.sign_out(&session).unwrap();
        assert!(town.alliance.session(&session, NOW).unwrap().is_none());
    });
}

#[test]
fn links_and_sessions_end() {
    on_both(|town| {
        let (_, late) = link(&town);
        let end = NOW.plus_millis(LINK_LIFETIME_MILLIS);
        let sign_in = |link, now| town.alliance.sign_in(link, Device::UNKNOWN, now).unwrap();
        assert!(sign_in(&late, end).is_none());
        let (_, link) = link(&town);
        let session = sign_in(&link, NOW).unwrap().session;
        let is_one = |now| town.alliance.session(&session, now).unwrap().is_some();
        let idle = NOW.plus_millis(SESSION_IDLE_MILLIS);
        assert!(!is_one(idle));
        assert!(is_one(idle.plus_millis(-1)), "used, so it goes on");
        assert!(is_one(idle.plus_millis(SESSION_IDLE_MILLIS - 2)));
        let end = NOW.plus_millis(SESSION_LIFETIME_MILLIS);
        assert!(is_one(end.plus_millis(-1)));
        assert!(!is_one(end));
    });
}

#[test]
fn made_up_tokens_open_nothing() {
    on_both(|town| {
        for text in ["", "x", &"a".repeat(52)] {
            assert!(
                town.alliance
                    .sign_in(&LinkToken::from_text(text), Device::UNKNOWN, NOW)
                    .unwrap()
                    .is_none()
            );
            let session = SessionToken::from_text(text);
            assert!(town.alliance.session(&session, NOW).unwrap().is_none());
            assert_eq!(format!("{session:?}"), "SessionToken(…)");
        }
    });
}

//! Sign-in: a link works once and for a time, a session ends.

use alliance::{Actor, LINK_LIFETIME_MILLIS, LinkToken, SESSION_LIFETIME_MILLIS, SessionToken};

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
        let session = town.alliance.sign_in(&link, NOW).unwrap().unwrap();
        assert!(town.alliance.sign_in(&link, NOW).unwrap().is_none());
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
        assert!(town.alliance.sign_in(&late, end).unwrap().is_none());
        let (_, link) = link(&town);
        let session = town.alliance.sign_in(&link, NOW).unwrap().unwrap();
        let end = NOW.plus_millis(SESSION_LIFETIME_MILLIS);
        assert!(
            town.alliance
                .session(&session, end.plus_millis(-1))
                .unwrap()
                .is_some()
        );
        assert!(town.alliance.session(&session, end).unwrap().is_none());
    });
}

#[test]
fn made_up_tokens_open_nothing() {
    on_both(|town| {
        for text in ["", "x", &"a".repeat(52)] {
            assert!(
                town.alliance
                    .sign_in(&LinkToken::from_text(text), NOW)
                    .unwrap()
                    .is_none()
            );
            let session = SessionToken::from_text(text);
            assert!(town.alliance.session(&session, NOW).unwrap().is_none());
            assert_eq!(format!("{session:?}"), "SessionToken(…)");
        }
    });
}

//! Ways to sign in, sessions, recovery, and what an account's owner sees of it.

use std::net::IpAddr;

use alliance::{
    Account, Actor, Alliance, Asking, Attempt, Browser, Device, EventKind, MAX_EVENTS,
    MAX_SESSIONS, MAX_WRONG_OF_NAME, MAX_WRONG_OF_NETWORK, PROOF_MILLIS, Password, Proved,
    RECOVERY_CODES, RecoveryCode, SessionToken, SetPasswordError, SignInName, SignInWay, System,
    WRONG_MILLIS,
};
use model::Timestamp;

use crate::fixture::{NOW, Town, on_both};

pub(crate) const PHONE: Device = Device {
    browser: Browser::Firefox,
    system: System::Android,
};
pub(crate) const SECRET: &str = "kite mango seven rivers";

pub(crate) fn asking(network: &str) -> Asking {
    Asking {
        device: PHONE,
        network: network.parse::<IpAddr>().unwrap(),
    }
}

pub(crate) fn account_of(actor: &Actor) -> Account {
    match actor {
        Actor::Account(account) => account.clone(),
        Actor::Operator | Actor::Agreed(_) => panic!("the operator has no account"),
    }
}

/// A session that began with the first link.
pub(crate) fn first(alliance: &Alliance, account: &Account, now: Timestamp) -> SessionToken {
    let link = alliance
        .one_time_link(&Actor::Operator, &account.id, now)
        .unwrap();
    let signed_in = alliance.sign_in(&link, PHONE, now).unwrap().unwrap();
    assert_eq!(signed_in.account, *account);
    signed_in.session
}

pub(crate) fn proved(alliance: &Alliance, session: &SessionToken, now: Timestamp) -> Proved {
    alliance.proved(session, PHONE, now).unwrap().unwrap()
}

pub(crate) fn set_password(alliance: &Alliance, by: &Proved, name: &str) {
    let name = SignInName::parse(name).unwrap();
    let password = Password::new(SECRET, &name).unwrap();
    alliance.set_password(by, &name, &password).unwrap();
}

pub(crate) fn with_password(
    alliance: &Alliance,
    name: &str,
    password: &str,
    now: Timestamp,
) -> Attempt<alliance::SignedIn> {
    let given = Password::given(password);
    alliance
        .sign_in_with_password(name, &given, asking("192.0.2.7"), now)
        .unwrap()
}

fn kinds(town: &Town, account: &Account, now: Timestamp) -> Vec<(EventKind, i64)> {
    let events = town.alliance.security_events(&account.id, now).unwrap();
    events.iter().map(|it| (it.kind, it.times)).collect()
}

#[test]
fn a_password_signs_in_and_a_wrong_one_or_an_unknown_name_get_the_same_answer() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        set_password(alliance, &proved(alliance, &session, NOW), "sana.khan");
        for (name, password) in [
            ("sana.khan", "kite mango seven river"),
            ("nobody", SECRET),
            ("", ""),
            ("x\u{0}y", SECRET),
        ] {
            let attempt = with_password(alliance, name, password, NOW);
            assert!(matches!(attempt, Attempt::Wrong), "{name} {attempt:?}");
        }
        let later = NOW.plus_millis(1);
        let Attempt::Done(signed_in) = with_password(alliance, " SANA.khan", SECRET, later) else {
            panic!("the password is right");
        };
        assert_eq!(signed_in.account, account);
        let found = alliance.session(&signed_in.session, later).unwrap();
        assert_eq!(found, Some(account.clone()));
        let expected = [
            (EventKind::SignedInByPassword, 1),
            (EventKind::PasswordSet, 1),
            (EventKind::SignedInByLink, 1),
            (EventKind::WrongPassword, 1),
        ];
        assert_eq!(kinds(&town, &account, later), expected);
        let ways = alliance.ways_in(&account.id).unwrap();
        assert_eq!(ways.password.unwrap().used_at, Some(later));
    });
}

#[test]
fn who_guesses_a_password_waits_and_the_right_one_does_not_help_then() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        set_password(alliance, &proved(alliance, &session, NOW), "sana.khan");
        for name in ["sana.khan", "nobody"] {
            for _ in 0..MAX_WRONG_OF_NAME {
                let attempt = with_password(alliance, name, "a wrong password", NOW);
                assert!(matches!(attempt, Attempt::Wrong));
            }
            let attempt = with_password(alliance, name, SECRET, NOW);
            assert!(matches!(attempt, Attempt::Wait), "{name}");
        }
        let later = NOW.plus_millis(WRONG_MILLIS);
        let attempt = with_password(alliance, "sana.khan", SECRET, later);
        assert!(matches!(attempt, Attempt::Done(_)));
        let wrong = (EventKind::WrongPassword, i64::from(MAX_WRONG_OF_NAME));
        assert!(kinds(&town, &account, later).contains(&wrong));
    });
}

#[test]
fn a_name_is_for_one_account_and_an_old_password_does_not_sign_in() {
    on_both(|town| {
        let alliance = &town.alliance;
        let (one, other) = (account_of(&town.resident), account_of(&town.officer));
        let mine = first(alliance, &one, NOW);
        set_password(alliance, &proved(alliance, &mine, NOW), "sana.khan");
        let theirs = first(alliance, &other, NOW);
        let by = proved(alliance, &theirs, NOW);
        let name = SignInName::parse("sana.khan").unwrap();
        let password = Password::new("another four words here", &name).unwrap();
        let taken = alliance.set_password(&by, &name, &password);
        assert!(matches!(taken, Err(SetPasswordError::NameTaken)));
        let Attempt::Done(elsewhere) = with_password(alliance, "sana.khan", SECRET, NOW) else {
            panic!("the password is right");
        };
        let by = proved(alliance, &mine, NOW);
        alliance.set_password(&by, &name, &password).unwrap();
        let old = with_password(alliance, "sana.khan", SECRET, NOW);
        assert!(matches!(old, Attempt::Wrong));
        assert!(alliance.session(&elsewhere.session, NOW).unwrap().is_none());
        assert!(alliance.session(&mine, NOW).unwrap().is_some());
    });
}

#[test]
fn what_changes_how_somebody_signs_in_needs_a_proof_of_the_last_ten_minutes() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        let day = NOW.plus_millis(86_400_000);
        // There is nothing yet with which to prove anything.
        set_password(alliance, &proved(alliance, &session, day), "sana.khan");
        let is_proved = |now| alliance.proved(&session, PHONE, now).unwrap().is_some();
        assert!(!is_proved(day));
        let prove = |password: &str| {
            let given = Password::given(password);
            alliance.prove_with_password(&session, &given, asking("192.0.2.7"), day)
        };
        assert!(matches!(prove("wrong").unwrap(), Attempt::Wrong));
        assert!(!is_proved(day));
        assert!(matches!(prove(SECRET).unwrap(), Attempt::Done(())));
        assert!(is_proved(day.plus_millis(PROOF_MILLIS - 1)));
        assert!(!is_proved(day.plus_millis(PROOF_MILLIS)));
        let nobody = SessionToken::from_text("nobody");
        assert!(alliance.proved(&nobody, PHONE, day).unwrap().is_none());
    });
}

#[test]
fn a_last_way_in_goes_only_when_its_owner_understood() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        set_password(alliance, &proved(alliance, &session, NOW), "sana.khan");
        let by = proved(alliance, &session, NOW);
        assert!(!alliance.remove_password(&by, false).unwrap());
        assert_eq!(alliance.ways_in(&account.id).unwrap().count(), 1);
        assert!(alliance.remove_password(&by, true).unwrap());
        assert!(alliance.ways_in(&account.id).unwrap().is_none());
        let gone = with_password(alliance, "sana.khan", SECRET, NOW);
        assert!(matches!(gone, Attempt::Wrong));
    });
}

#[test]
fn a_recovery_code_works_once_and_new_ones_end_the_old() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        let by = proved(alliance, &session, NOW);
        let codes = alliance.make_recovery_codes(&by).unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let sign_in = |code: &RecoveryCode| {
            let from = asking("192.0.2.7");
            alliance.sign_in_with_code(Some(code), from, NOW).unwrap()
        };
        let Attempt::Done(signed_in) = sign_in(&codes[0]) else {
            panic!("the code is new");
        };
        assert_eq!(signed_in.account, account);
        assert!(matches!(sign_in(&codes[0]), Attempt::Wrong), "used");
        let left = alliance.ways_in(&account.id).unwrap().codes;
        assert_eq!(left, RECOVERY_CODES - 1);
        let later = NOW.plus_millis(PROOF_MILLIS);
        let prove = |code| {
            alliance
                .prove_with_code(&session, Some(code), later)
                .unwrap()
        };
        assert!(alliance.proved(&session, PHONE, later).unwrap().is_none());
        assert!(matches!(prove(&codes[0]), Attempt::Wrong));
        assert!(matches!(prove(&codes[1]), Attempt::Done(())));
        assert!(alliance.proved(&session, PHONE, later).unwrap().is_some());
        let new = alliance
            .make_recovery_codes(&proved(alliance, &session, later))
            .unwrap();
        assert!(matches!(sign_in(&codes[2]), Attempt::Wrong), "replaced");
        assert!(matches!(sign_in(&new[0]), Attempt::Done(_)));
        // The code of somebody else proves nothing.
        let officer = account_of(&town.officer);
        let theirs = first(alliance, &officer, NOW);
        let other = alliance.prove_with_code(&theirs, Some(&new[1]), NOW);
        assert!(matches!(other.unwrap(), Attempt::Wrong));
        assert!(matches!(sign_in(&new[1]), Attempt::Done(_)), "still there");
    });
}

#[test]
fn sessions_are_listed_bounded_and_ended_by_their_owner_only() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let this = first(alliance, &account, NOW);
        set_password(alliance, &proved(alliance, &this, NOW), "sana.khan");
        for number in 1..=MAX_SESSIONS {
            let at = NOW.plus_millis(i64::try_from(number).unwrap());
            assert!(matches!(
                with_password(alliance, "sana.khan", SECRET, at),
                Attempt::Done(_)
            ));
        }
        let now = NOW.plus_millis(1000);
        assert!(
            alliance.session(&this, now).unwrap().is_none(),
            "pushed out"
        );
        let Attempt::Done(newest) = with_password(alliance, "sana.khan", SECRET, now) else {
            panic!("the password is right");
        };
        let this = newest.session;
        let list = || alliance.sessions(&account.id, &this, now).unwrap();
        let all = list();
        assert_eq!(all.len(), MAX_SESSIONS);
        assert_eq!((all[0].is_this, all[0].way), (true, SignInWay::Password));
        assert_eq!(all[0].device, PHONE);
        assert_eq!(all.iter().filter(|it| it.is_this).count(), 1);
        let officer = account_of(&town.officer);
        let end = |who: &Account, id: &str| alliance.end_session(&who.id, id, PHONE, now).unwrap();
        assert!(!end(&officer, &all[1].id), "not theirs");
        assert!(end(&account, &all[1].id));
        assert!(!end(&account, &all[1].id));
        assert_eq!(list().len(), MAX_SESSIONS - 1);
        alliance
            .end_other_sessions(&account.id, &this, PHONE, now)
            .unwrap();
        assert_eq!(list().len(), 1);
    });
}

#[test]
fn events_are_bounded_and_guesses_do_not_push_out_what_matters() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        set_password(alliance, &proved(alliance, &session, NOW), "sana.khan");
        for _ in 0..200 {
            let given = Password::given("wrong");
            let from = asking("127.0.0.1");
            let tried = alliance.prove_with_password(&session, &given, from, NOW);
            tried.unwrap();
        }
        let found = kinds(&town, &account, NOW);
        assert_eq!(found.len(), 3, "{found:?}");
        for minute in 0..70 {
            let at = NOW.plus_millis(minute * 60_000);
            alliance
                .end_other_sessions(&account.id, &session, PHONE, at)
                .unwrap();
        }
        let now = NOW.plus_millis(70 * 60_000);
        let events = alliance.security_events(&account.id, now).unwrap();
        assert_eq!(events.len(), usize::from(MAX_EVENTS));
        let old = NOW.plus_millis(91 * 86_400_000);
        assert!(
            alliance
                .security_events(&account.id, old)
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn a_network_that_tries_codes_waits_and_others_do_not() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        let by = proved(alliance, &session, NOW);
        let codes = alliance.make_recovery_codes(&by).unwrap();
        let sign_in = |code: Option<&RecoveryCode>, network: &str| {
            let from = asking(network);
            alliance.sign_in_with_code(code, from, NOW).unwrap()
        };
        let made_up = RecoveryCode::from_text("aaaa-bbbb-cccc-dddd");
        for number in 0..MAX_WRONG_OF_NETWORK {
            let network = format!("2001:db8::{number}");
            assert!(matches!(
                sign_in(made_up.as_ref(), &network),
                Attempt::Wrong
            ));
        }
        let right = sign_in(codes.first(), "2001:db8::ffff");
        assert!(matches!(right, Attempt::Wait));
        let elsewhere = sign_in(codes.first(), "2001:db8:0:1::1");
        assert!(matches!(elsewhere, Attempt::Done(_)), "it was not used up");
    });
}

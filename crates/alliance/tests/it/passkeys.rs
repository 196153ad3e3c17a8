//! Passkeys from the making to the sign-in, with a device in software.

use alliance::{
    AddPasskeyError, Alliance, Assertion, Attempt, CHALLENGE_MILLIS, ChallengeFor, EventKind,
    MAX_PASSKEYS, PROOF_MILLIS, PasskeyError, Registration, RelyingParty, SessionToken,
};
use data_encoding::BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use crate::fixture::{NOW, on_both};
use crate::safety::{PHONE, account_of, asking, first, proved};

const P256_PREFIX: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=";

fn site() -> RelyingParty {
    RelyingParty {
        id: "amanat.example".to_owned(),
        origin: "https://amanat.example".to_owned(),
    }
}

fn client_data(kind: &str, challenge: &str) -> Vec<u8> {
    format!("{{\"type\":\"webauthn.{kind}\",\"challenge\":\"{challenge}\",\"origin\":\"https://amanat.example\"}}")
        .into_bytes()
}

struct Phone {
    pair: EcdsaKeyPair,
    credential: [u8; 4],
    count: u32,
}

impl Phone {
    fn new(credential: [u8; 4]) -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap(),
            credential,
            count: 0,
        }
    }

    fn statement(&self, made: bool) -> Vec<u8> {
        let host = ring::digest::digest(&ring::digest::SHA256, b"amanat.example");
        let mut out = host.as_ref().to_vec();
        out.push(if made { 0x45 } else { 5 });
        out.extend_from_slice(&self.count.to_be_bytes());
        if made {
            out.extend_from_slice(&[0; 16]);
            out.extend_from_slice(&[0, 4]);
            out.extend_from_slice(&self.credential);
        }
        out
    }

    fn make(&self, challenge: &str) -> Registration {
        let mut public_key = BASE64.decode(P256_PREFIX.as_bytes()).unwrap();
        public_key.extend_from_slice(self.pair.public_key().as_ref());
        Registration {
            client_data: client_data("create", challenge),
            authenticator_data: self.statement(true),
            public_key,
        }
    }

    fn sign(&mut self, challenge: &str) -> Assertion {
        self.count += 1;
        let client_data = client_data("get", challenge);
        let authenticator_data = self.statement(false);
        let digest = ring::digest::digest(&ring::digest::SHA256, &client_data);
        let signed = [authenticator_data.as_slice(), digest.as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        Assertion {
            credential: self.credential.to_vec(),
            client_data,
            authenticator_data,
            signature: signature.as_ref().to_vec(),
            user_handle: Vec::new(),
        }
    }
}

fn add(
    alliance: &Alliance,
    session: &SessionToken,
    phone: &Phone,
    name: &str,
) -> Result<(), AddPasskeyError> {
    let binding = session.expose_secret();
    let challenge = alliance
        .passkey_challenge(ChallengeFor::Adding, binding, NOW)
        .unwrap();
    let by = proved(alliance, session, NOW);
    alliance.add_passkey(&by, name, &phone.make(&challenge), &site(), binding)
}

#[test]
fn a_passkey_signs_in_and_its_answer_cannot_be_used_again() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        let mut phone = Phone::new(*b"cred");
        add(alliance, &session, &phone, "My telephone").unwrap();
        let ask = || alliance.passkey_challenge(ChallengeFor::SigningIn, "visit", NOW);
        let sign_in = |said: &Assertion, binding: &str, now| {
            let from = asking("192.0.2.7");
            let attempt = alliance.sign_in_with_passkey(said, &site(), binding, from, now);
            match attempt.unwrap() {
                Attempt::Done(signed_in) => Some(signed_in.account),
                _ => None,
            }
        };
        let said = phone.sign(&ask().unwrap());
        assert_eq!(sign_in(&said, "another visit", NOW), None);
        let late = NOW.plus_millis(CHALLENGE_MILLIS);
        assert_eq!(sign_in(&said, "visit", late), None);
        assert_eq!(sign_in(&said, "visit", NOW), Some(account.clone()));
        assert_eq!(sign_in(&said, "visit", NOW), None, "replayed");
        let made_up = phone.sign("bm90IG91cnM");
        assert_eq!(sign_in(&made_up, "visit", NOW), None, "not our challenge");
        let mut unknown = Phone::new(*b"else");
        let said = unknown.sign(&ask().unwrap());
        assert_eq!(sign_in(&said, "visit", NOW), None);
    });
}

#[test]
fn a_copy_of_a_passkey_is_refused_and_its_owner_is_told() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        let mut phone = Phone::new(*b"cred");
        add(alliance, &session, &phone, "My telephone").unwrap();
        let mut sign_in = |count: u32| {
            let challenge = alliance
                .passkey_challenge(ChallengeFor::SigningIn, "visit", NOW)
                .unwrap();
            phone.count = count;
            let said = phone.sign(&challenge);
            let from = asking("192.0.2.7");
            let attempt = alliance.sign_in_with_passkey(&said, &site(), "visit", from, NOW);
            matches!(attempt.unwrap(), Attempt::Done(_))
        };
        assert!(sign_in(10));
        assert!(!sign_in(4), "the copy");
        assert!(sign_in(11));
        let events = alliance.security_events(&account.id, NOW).unwrap();
        let copied = |it: &&alliance::SecurityEvent| it.kind == EventKind::PasskeyCopied;
        assert_eq!(events.iter().filter(copied).count(), 1);
    });
}

#[test]
fn a_passkey_is_added_for_what_was_asked_and_proves_for_its_own_account_only() {
    on_both(|town| {
        let (alliance, account) = (&town.alliance, account_of(&town.resident));
        let session = first(alliance, &account, NOW);
        let binding = session.expose_secret();
        let mut phone = Phone::new(*b"cred");
        let wrong = alliance
            .passkey_challenge(ChallengeFor::SigningIn, binding, NOW)
            .unwrap();
        let by = proved(alliance, &session, NOW);
        let refused = alliance.add_passkey(&by, "x", &phone.make(&wrong), &site(), binding);
        assert!(matches!(
            refused,
            Err(AddPasskeyError::Passkey(PasskeyError::Challenge))
        ));
        for name in ["", "  ", "a\u{7}", &"n".repeat(41)] {
            let named = add(alliance, &session, &phone, name);
            assert!(matches!(named, Err(AddPasskeyError::Name)), "{name}");
        }
        add(alliance, &session, &phone, "My telephone").unwrap();
        let again = add(alliance, &session, &phone, "My telephone");
        assert!(matches!(again, Err(AddPasskeyError::Known)));
        for number in 1..MAX_PASSKEYS {
            let key = Phone::new([u8::try_from(number).unwrap(); 4]);
            add(alliance, &session, &key, "Another").unwrap();
        }
        let many = add(alliance, &session, &Phone::new(*b"last"), "One more");
        assert!(matches!(many, Err(AddPasskeyError::TooMany)));
        let later = NOW.plus_millis(PROOF_MILLIS);
        let mut prove = |session: &SessionToken| {
            let secret = session.expose_secret();
            let challenge = alliance.passkey_challenge(ChallengeFor::Proving, secret, later);
            let said = phone.sign(&challenge.unwrap());
            let from = asking("192.0.2.7");
            let attempt = alliance.prove_with_passkey(session, &said, &site(), from, later);
            matches!(attempt.unwrap(), Attempt::Done(()))
        };
        let officer = first(alliance, &account_of(&town.officer), NOW);
        assert!(!prove(&officer), "somebody else's passkey");
        assert!(alliance.proved(&session, PHONE, later).unwrap().is_none());
        assert!(prove(&session));
        let by = proved(alliance, &session, later);
        let ways = alliance.ways_in(&account.id).unwrap();
        let id = &ways.passkeys[0].id;
        assert!(alliance.remove_passkey(&by, id, false).unwrap());
        assert!(!alliance.remove_passkey(&by, id, false).unwrap());
        let left = alliance.ways_in(&account.id).unwrap().passkeys.len();
        assert_eq!(left, MAX_PASSKEYS - 1);
    });
}

//! Certificates that are taken and that are not, and messages that open.

use std::io::{Read as _, Write as _};

use model::Timestamp;
use proptest::prelude::*;

use super::message::{header_of, payload_bytes};
use crate::own::{
    OwnFormat, OwnIdentities, OwnKey, OwnKeyError, OwnKeyKind, OwnKeys, OwnKeysError,
};
use crate::{OpenOwnError, OwnIdentityError};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/own/openpgp/", $name))
    };
}

const CURVE: &str = vector!("curve25519.pub");
const CURVE_SECRET: &str = vector!("curve25519.sec");
const RSA: &str = vector!("rsa3072.pub");
const RSA_SECRET: &str = vector!("rsa3072.sec");
const NIST: &str = vector!("p256.pub");
const NIST_SECRET: &str = vector!("p256.sec");
const LOCKED: &str = vector!("locked.pub");
const LOCKED_SECRET: &str = vector!("locked.sec");
const MESSAGE: &[u8] = include_bytes!("../../../tests/vectors/own/openpgp/message.pgp");
const MESSAGE_LETTERS: &str = vector!("message.asc");
const AGE: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const AGE_SECRET: &str =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

/// The vectors were made on the first of January 2026.
fn day(days: i64) -> Timestamp {
    Timestamp::from_millis((20_454 + days) * 86_400_000)
}

fn key(text: &str) -> OwnKey {
    OwnKey::parse(text, day(100)).unwrap()
}

#[track_caller]
fn refused(text: &str, expected: OwnKeyError) {
    assert_eq!(OwnKey::parse(text, day(100)).unwrap_err(), expected);
}

fn identities(text: &str) -> OwnIdentities {
    OwnIdentities::read(text.as_bytes(), &mut || None).unwrap()
}

fn sealed(keys: &[&str], plain: &[u8]) -> Vec<u8> {
    let keys = OwnKeys::new(keys.iter().map(|it| key(it)).collect()).unwrap();
    let mut stream = keys.seal(Vec::new()).unwrap();
    stream.write_all(plain).unwrap();
    stream.finish().unwrap()
}

fn opened(with: &str, sealed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut reader = identities(with).open(sealed).unwrap();
    reader.read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn gp_b2_openpgp_keys_are_taken_without_the_names_on_them_and_read_back() {
    for text in [CURVE, RSA, NIST, LOCKED, vector!("two-subkeys.pub")] {
        let taken = key(text);
        assert_eq!(taken.kind(), OwnKeyKind::OpenPgp);
        assert_eq!(taken.kind().format(), OwnFormat::OpenPgp);
        assert_eq!(OwnKey::from_kept(taken.text()).unwrap(), taken);
        assert!(!taken.text().contains("example"), "{}", taken.text());
        assert!(taken.text().len() < 1_024, "{}", taken.text().len());
    }
    assert_eq!(
        key(CURVE).fingerprint(),
        "9A973117AD842CD283DFBE2ABDAC7845FA856B62",
        "as `gpg --fingerprint` has it"
    );
    assert_eq!(key(&format!("# mine\n\n{CURVE}\n")), key(CURVE));
    let kept = key(CURVE).text().to_owned();
    assert_eq!(
        OwnKey::from_kept(&kept[..kept.len() - 8]).unwrap_err(),
        OwnKeyError::Damaged
    );
}

#[test]
fn gp_b2_openpgp_keys_that_are_over_given_up_or_only_sign_are_refused_with_the_reason() {
    refused(vector!("expired.pub"), OwnKeyError::Expired);
    refused(vector!("expired-subkey.pub"), OwnKeyError::Expired);
    for text in [vector!("expired.pub"), vector!("expired-subkey.pub")] {
        assert!(OwnKey::parse(text, day(29)).is_ok(), "before its end");
        assert!(OwnKey::parse(text, day(31)).is_err(), "behind it");
    }
    refused(vector!("revoked.pub"), OwnKeyError::Revoked);
    refused(vector!("revoked-subkey.pub"), OwnKeyError::Revoked);
    refused(vector!("sign-only.pub"), OwnKeyError::SignOnly);
    let early = OwnKey::parse(CURVE, day(-2)).unwrap_err();
    assert_eq!(early, OwnKeyError::Expired, "it is not valid yet");
}

#[test]
fn gp_b2_openpgp_keys_that_are_weak_or_of_another_kind_are_refused() {
    let bits = 2_048;
    refused(vector!("rsa2048.pub"), OwnKeyError::RsaBits { bits });
    refused(vector!("dsa.pub"), OwnKeyError::Weak);
    refused(vector!("sha1.pub"), OwnKeyError::OldHash);
    refused(vector!("brainpool.pub"), OwnKeyError::OpenPgpKind);
    refused(CURVE_SECRET, OwnKeyError::Secret);
    refused(&format!("{CURVE}{RSA}"), OwnKeyError::Several);
    refused(MESSAGE_LETTERS, OwnKeyError::Unknown);
    refused(&CURVE[..200], OwnKeyError::Damaged);
    refused(
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n",
        OwnKeyError::Damaged,
    );
}

#[test]
fn gp_b2_the_newest_key_for_encryption_is_sealed_to() {
    let text = vector!("two-subkeys.pub");
    let later = OwnKey::parse(text, day(100)).unwrap();
    let earlier = OwnKey::parse(text, day(30)).unwrap();
    assert_ne!(later, earlier, "the second one was made on day 59");
    assert_eq!(later.fingerprint(), earlier.fingerprint());
}

#[test]
fn gp_b2_an_openpgp_point_of_low_order_is_refused() {
    let kept = key(CURVE).text().to_owned();
    let (before, body) = kept.rsplit_once(' ').unwrap();
    use base64::Engine as _;
    let mut body = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
    // The point is 32 bytes behind 0x40; what follows it says how keys are derived (RFC 9580 sections 5.5.5.6.1 and 11.2).
    let end = body.len() - 4;
    assert_eq!(body[end - 33], 0x40);
    body[end - 32..end].fill(0);
    let weak = format!(
        "{before} {}",
        base64::prelude::BASE64_STANDARD.encode(&body)
    );
    assert_eq!(OwnKey::from_kept(&weak).unwrap_err(), OwnKeyError::Weak);
}

#[test]
fn gp_b2_openpgp_keys_do_not_stand_beside_others() {
    let set = |keys: &[&str]| OwnKeys::new(keys.iter().map(|it| key(it)).collect());
    assert_eq!(set(&[CURVE, AGE]).unwrap_err(), OwnKeysError::Formats);
    assert_eq!(set(&[AGE, CURVE]).unwrap_err(), OwnKeysError::Formats);
    assert_eq!(set(&[CURVE, CURVE]).unwrap_err(), OwnKeysError::Twice);
    assert_eq!(set(&[CURVE, RSA]).unwrap().format(), OwnFormat::OpenPgp);
}

#[test]
fn gp_b2_an_openpgp_message_opens_with_each_of_its_keys_and_with_no_other() {
    let long: Vec<u8> = (0..300_000_u32).map(|it| (it % 251) as u8).collect();
    for size in [
        0, 1, 185, 186, 8_000, 65_529, 65_530, 65_531, 131_072, 300_000,
    ] {
        let plain = &long[..size];
        let file = sealed(&[CURVE, RSA, NIST], plain);
        let (keys, header) = header_of(&file).unwrap();
        assert_eq!(keys, 3);
        assert_eq!(
            file.len() as u64,
            header as u64 + payload_bytes(size as u64)
        );
        let secrets = if size < 9_000 {
            [CURVE_SECRET, RSA_SECRET, NIST_SECRET].as_slice()
        } else {
            &[CURVE_SECRET]
        };
        for secret in secrets {
            assert!(opened(secret, &file) == plain, "{size}");
        }
    }
    let file = sealed(&[CURVE], b"mine");
    let other = identities(NIST_SECRET).open(file.as_slice()).err().unwrap();
    assert!(matches!(other, OpenOwnError::NoMatch), "{other}");
    let other = identities(AGE_SECRET).open(file.as_slice()).err().unwrap();
    assert!(matches!(other, OpenOwnError::NoMatch), "{other}");
    let file = sealed(&[AGE], b"mine");
    let other = identities(CURVE_SECRET)
        .open(file.as_slice())
        .err()
        .unwrap();
    assert!(matches!(other, OpenOwnError::NoMatch), "{other}");
    let nothing = identities(CURVE_SECRET).open(b"nothing".as_slice());
    assert!(matches!(nothing.err(), Some(OpenOwnError::NotOpenPgp)));
}

#[test]
fn gp_b2_what_gpg_sealed_opens_here_with_a_passphrase_where_one_is_needed() {
    assert_eq!(opened(CURVE_SECRET, MESSAGE), b"read by Amanat\n");
    let text = opened(CURVE_SECRET, MESSAGE_LETTERS.as_bytes());
    assert_eq!(text, b"read by Amanat\n");
    let mut asked = 0;
    let mut with = |passphrase: Option<&str>| {
        OwnIdentities::read(LOCKED_SECRET.as_bytes(), &mut || {
            asked += 1;
            passphrase.map(|it| it.to_owned().into())
        })
    };
    for wrong in [None, Some("five words")] {
        let error = with(wrong).err();
        assert!(matches!(error, Some(OwnIdentityError::Passphrase)));
    }
    let right = with(Some("four words of mine")).unwrap();
    assert_eq!((right.len(), asked), (1, 3));
    let mut text = String::new();
    let mut reader = right.open(MESSAGE_LETTERS.as_bytes()).unwrap();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "read by Amanat\n");
    let public = OwnIdentities::read(CURVE.as_bytes(), &mut || None).err();
    assert!(matches!(
        public,
        Some(OwnIdentityError::Unknown { line: 1 })
    ));
}

#[test]
fn gp_b2_an_openpgp_message_that_was_changed_or_cut_does_not_open() {
    let file = sealed(&[CURVE], &vec![7; 70_000]);
    let (_, header) = header_of(&file).unwrap();
    let opens = |bytes: &[u8]| {
        let mut found = Vec::new();
        let read = identities(CURVE_SECRET).open(bytes);
        read.is_ok_and(|mut it| it.read_to_end(&mut found).is_ok())
    };
    assert!(opens(&file));
    for at in [
        5,
        30,
        header + 3,
        header + 100,
        header + 65_600,
        file.len() - 1,
    ] {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(!opens(&changed), "byte {at}");
    }
    assert!(!opens(&file[..file.len() - 1]));
    assert!(!opens(&file[..header + 1 + 65_537]));
}

#[test]
fn gp_b2_a_word_is_sealed_to_an_openpgp_key_in_letters() {
    let keys = OwnKeys::new(vec![key(CURVE)]).unwrap();
    let text = keys.seal_text("a word").unwrap();
    assert!(
        text.starts_with("-----BEGIN PGP MESSAGE-----\n\n"),
        "{text}"
    );
    assert_eq!(opened(CURVE_SECRET, text.as_bytes()), b"a word");
}

proptest! {
    /// An owner's signature covers the key: what was changed is refused, or it was nothing that counts.
    #[test]
    fn gp_b2_a_damaged_openpgp_key_is_not_taken_for_another_one(at in 40_usize..560, letter in "[A-Za-z0-9+/]") {
        let mut damaged = CURVE.to_owned();
        damaged.replace_range(at..=at, &letter);
        if let Ok(taken) = OwnKey::parse(&damaged, day(100)) {
            prop_assert_eq!(taken, key(CURVE));
        }
    }

    #[test]
    fn gp_b2_no_bytes_make_the_reader_of_openpgp_keys_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        use base64::Engine as _;
        let text = base64::prelude::BASE64_STANDARD.encode(&bytes);
        let text = format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{text}\n-----END PGP PUBLIC KEY BLOCK-----\n");
        prop_assert!(OwnKey::parse(&text, day(100)).is_err());
        prop_assert!(header_of(&bytes).is_none_or(|(_, end)| end < bytes.len()));
    }
}

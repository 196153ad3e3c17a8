//! A device in software, and every way in which what it says must not be taken.

use data_encoding::BASE64;
use model::PersonId;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::super::public_key::PublicKey;
use super::*;

const P256_PREFIX: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=";
const ED25519_PREFIX: &str = "MCowBQYDK2VwAyEA";
/// Made with OpenSSL for this test: a key, and its signature over [`MESSAGE`].
const RSA_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAhkem6ZD+lhCsn++z4iWk16oDKptvtdMdVj+5FsRxw+NAQ22R1c3nvPrw7PkQkq96xvvh8CJSj9Arp66hCb6/w+MXJ6TgWbviKR+hhwO1VDkK6ox0gzRTS1FpMLqXBRaXJrjO/ZRZk6OglYjwQV7EWc3E5+rfUVLfEMNeZHthBynZGNtVSH0bjMM3it4tjcdwnnNymEKt1XxUq2C3EQh1+CbDiZLJEBjHf/mF9YXF9KgD6GlOR1qH0n0jp7EEDuSjFzVUm7rhcl/m/PgVH72SRCCf9o9IDKMRbTSR3EfJLvK7Hyog0SEn9JyN0Yue8ZztAaVOj0gaX+g0Cs84KBkHIQIDAQAB";
const RSA_SIGNATURE: &str = "QhTaZXGxI6r0WlZFP1G8RFRVwuRmLzGjKekdjaXho9njk+iOL7SexbGizLb6emq8+LQVL+R3yw+uXUKvKNFiYp5eFlVReJY8+CWlGX1rJrknr2ahSA0axcYuA1JK1AcHnSklW2UO+jdxRaCnEEXAwFRTAftNLu7l4g+ijx5G/G/lEisSVHPzOWZAVIKiSOHSSjOTr9FBSM7Jll18gmK6OHIcrb8qFVauE6uWhiT/06sohyv2uIjz+WVM1wWrXRtGzX99OHPIT6ayi5/jHR0s7JIeCyAuLEYet2bE/fXtrqW90bcjH8XiQoaR6OUolUb2yAKLH5/3krP2E/AkrqG9OQ==";
const MESSAGE: &[u8] = b"a message of our own";

fn site() -> RelyingParty {
    RelyingParty {
        id: "amanat.example".to_owned(),
        origin: "https://amanat.example".to_owned(),
    }
}

/// What a browser would say.
fn client_data(kind: &str, origin: &str) -> Vec<u8> {
    format!("{{\"type\":\"{kind}\",\"challenge\":\"Y2hhbGxlbmdl\",\"origin\":\"{origin}\",\"crossOrigin\":false}}")
        .into_bytes()
}

fn statement(host: &str, flags: u8, count: u32, rest: &[u8]) -> Vec<u8> {
    let host = ring::digest::digest(&ring::digest::SHA256, host.as_bytes());
    let mut out = host.as_ref().to_vec();
    out.push(flags);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(rest);
    out
}

struct Device(EcdsaKeyPair);

impl Device {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }

    fn public_key(&self) -> Vec<u8> {
        let mut key = BASE64.decode(P256_PREFIX.as_bytes()).unwrap();
        key.extend_from_slice(self.0.public_key().as_ref());
        key
    }

    fn made(&self) -> Registration {
        let mut credential = vec![0; 16];
        credential.extend_from_slice(&[0, 4]);
        credential.extend_from_slice(b"cred and the key as CBOR");
        Registration {
            client_data: client_data("webauthn.create", "https://amanat.example"),
            authenticator_data: statement("amanat.example", 0x45, 0, &credential),
            public_key: self.public_key(),
        }
    }

    fn kept(&self, sign_count: u32) -> KeptPasskey {
        KeptPasskey {
            account: PersonId::parse("p-sana").unwrap(),
            public_key: self.public_key(),
            sign_count,
        }
    }

    fn sign(&self, client_data: Vec<u8>, authenticator_data: Vec<u8>) -> Assertion {
        let digest = ring::digest::digest(&ring::digest::SHA256, &client_data);
        let signed = [authenticator_data.as_slice(), digest.as_ref()].concat();
        let signature = self.0.sign(&SystemRandom::new(), &signed).unwrap();
        Assertion {
            credential: b"cred".to_vec(),
            client_data,
            authenticator_data,
            signature: signature.as_ref().to_vec(),
            user_handle: b"p-sana".to_vec(),
        }
    }

    fn used(&self, count: u32) -> Assertion {
        self.sign(
            client_data("webauthn.get", "https://amanat.example"),
            statement("amanat.example", 5, count, &[]),
        )
    }
}

#[track_caller]
fn refused(assertion: &Assertion, kept: &KeptPasskey, expected: PasskeyError) {
    assert_eq!(assertion.check(&site(), kept).err(), Some(expected));
}

#[test]
fn webauthn_7_1_a_passkey_that_was_made_for_this_site_is_taken() {
    let device = Device::new();
    let made = device.made().check(&site()).unwrap();
    assert_eq!(made.credential, b"cred");
    assert_eq!(made.challenge, "Y2hhbGxlbmdl");
    assert_eq!((made.public_key, made.sign_count), (device.public_key(), 0));
}

#[test]
fn webauthn_7_1_what_was_made_elsewhere_or_by_nobody_is_not_taken() {
    let check = |change: &dyn Fn(&mut Registration), expected: PasskeyError| {
        let mut made = Device::new().made();
        change(&mut made);
        assert_eq!(made.check(&site()).err(), Some(expected));
    };
    check(
        &|it| it.client_data = client_data("webauthn.create", "https://evil.example"),
        PasskeyError::Origin,
    );
    check(
        &|it| it.client_data = client_data("webauthn.get", "https://amanat.example"),
        PasskeyError::Kind,
    );
    check(
        &|it| it.client_data = b"{}".to_vec(),
        PasskeyError::ClientData,
    );
    check(
        &|it| it.client_data = vec![b' '; 5000],
        PasskeyError::ClientData,
    );
    check(&|it| it.authenticator_data[0] ^= 1, PasskeyError::Site);
    check(&|it| it.authenticator_data[32] = 0x44, PasskeyError::Absent);
    check(
        &|it| it.authenticator_data[32] = 0x05,
        PasskeyError::Authenticator,
    );
    check(
        &|it| it.authenticator_data.truncate(57),
        PasskeyError::Authenticator,
    );
    check(
        &|it| it.authenticator_data[53] = 255,
        PasskeyError::Authenticator,
    );
    check(
        &|it| it.authenticator_data.truncate(36),
        PasskeyError::Authenticator,
    );
    check(&|it| it.public_key.truncate(90), PasskeyError::Key);
    check(&|it| it.public_key[26] = 2, PasskeyError::Key);
}

#[test]
fn webauthn_7_2_an_assertion_holds_and_its_count_goes_up() {
    let device = Device::new();
    for (before, after) in [(0, 0), (0, 1), (1, 2), (7, 900)] {
        let held = device.used(after).check(&site(), &device.kept(before));
        assert_eq!(held.unwrap().sign_count, after);
    }
    let mut silent = device.used(1);
    silent.user_handle.clear();
    assert!(silent.check(&site(), &device.kept(0)).is_ok());
}

#[test]
fn webauthn_7_2_step_22_a_count_that_does_not_go_up_is_a_copy() {
    let device = Device::new();
    for (before, after) in [(1, 1), (9, 3), (1, 0)] {
        refused(
            &device.used(after),
            &device.kept(before),
            PasskeyError::Counter,
        );
    }
}

#[test]
fn webauthn_7_2_another_site_another_frame_and_another_person_get_nothing() {
    let device = Device::new();
    let kept = device.kept(0);
    let ours = || statement("amanat.example", 5, 1, &[]);
    let at = |origin: &str| device.sign(client_data("webauthn.get", origin), ours());
    for origin in [
        "https://evil.example",
        "http://amanat.example",
        "https://amanat.example:444",
        "https://amanat.example.evil.example",
    ] {
        refused(&at(origin), &kept, PasskeyError::Origin);
    }
    let framed = String::from_utf8(client_data("webauthn.get", "https://amanat.example")).unwrap();
    let framed = framed.replace("false", "true").into_bytes();
    refused(&device.sign(framed, ours()), &kept, PasskeyError::Origin);
    let good = || client_data("webauthn.get", "https://amanat.example");
    let elsewhere = statement("evil.example", 5, 1, &[]);
    refused(&device.sign(good(), elsewhere), &kept, PasskeyError::Site);
    let absent = statement("amanat.example", 4, 1, &[]);
    refused(&device.sign(good(), absent), &kept, PasskeyError::Absent);
    let made = client_data("webauthn.create", "https://amanat.example");
    refused(&device.sign(made, ours()), &kept, PasskeyError::Kind);
    let mut other = device.used(1);
    other.user_handle = b"p-other".to_vec();
    refused(&other, &kept, PasskeyError::Unknown);
}

#[test]
fn a_signature_of_another_device_or_over_something_else_does_not_hold() {
    let device = Device::new();
    let kept = device.kept(0);
    refused(&Device::new().used(1), &kept, PasskeyError::Signature);
    let mut changed = device.used(1);
    changed.authenticator_data[36] = 2;
    refused(&changed, &kept, PasskeyError::Signature);
    let mut changed = device.used(1);
    changed.client_data.push(b' ');
    refused(&changed, &kept, PasskeyError::Signature);
    let mut long = device.used(1);
    long.signature = vec![0; 257];
    refused(&long, &kept, PasskeyError::Signature);
    let mut cut = device.used(1);
    cut.authenticator_data.truncate(36);
    refused(&cut, &kept, PasskeyError::Authenticator);
}

#[test]
fn the_three_kinds_of_keys_that_are_asked_for_are_read_and_nothing_else() {
    let random = SystemRandom::new();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let mut ed = BASE64.decode(ED25519_PREFIX.as_bytes()).unwrap();
    ed.extend_from_slice(pair.public_key().as_ref());
    let key = PublicKey::read(&ed).unwrap();
    assert!(key.made(pair.sign(MESSAGE).as_ref(), MESSAGE));
    assert!(!key.made(pair.sign(b"else").as_ref(), MESSAGE));
    let rsa = BASE64.decode(RSA_KEY.as_bytes()).unwrap();
    let signature = BASE64.decode(RSA_SIGNATURE.as_bytes()).unwrap();
    let key = PublicKey::read(&rsa).unwrap();
    assert!(matches!(key, PublicKey::Rs256(_)));
    assert!(key.made(&signature, MESSAGE));
    assert!(!key.made(&signature, b"else"));
    let p256 = Device::new().public_key();
    for whole in [&ed, &rsa, &p256] {
        for end in 0..whole.len() {
            assert_eq!(PublicKey::read(&whole[..end]), None);
        }
        let more = [whole.as_slice(), &[0]].concat();
        assert_eq!(PublicKey::read(&more), None);
    }
}

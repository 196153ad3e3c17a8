//! Keys that are taken and keys that are not, and files that open with the other half.

use std::io::{Read as _, Write as _};

use super::*;

const AGE_SECRET: &str =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
/// The example of C2SP age, "The X25519 recipient type".
const AGE: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const QUANTUM: &str = include_str!("../../tests/vectors/own/pq.pub");
const QUANTUM_SECRET: &str = include_str!("../../tests/vectors/own/pq.id");
const QUANTUM_FILE: &[u8] = include_bytes!("../../tests/vectors/own/pq.age");
const ED25519: &str = include_str!("../../tests/vectors/own/ed.pub");
const RSA_3072: &str = include_str!("../../tests/vectors/own/rsa3.pub");
const RSA_2048: &str = include_str!("../../tests/vectors/own/rsa2.pub");
const ECDSA: &str = include_str!("../../tests/vectors/own/ec.pub");

const OPENPGP: &str = include_str!("../../tests/vectors/own/openpgp/curve25519.pub");
const NOW: Timestamp = Timestamp::from_millis(20_500 * 86_400_000);

#[track_caller]
fn refused(text: &str, expected: OwnKeyError) {
    assert_eq!(
        OwnKey::parse(text, NOW).unwrap_err(),
        expected,
        "{text:.80}"
    );
}

fn key(text: &str) -> OwnKey {
    OwnKey::parse(text, NOW).unwrap()
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
    let identities = identities(with);
    let mut reader = identities.open(sealed).unwrap();
    reader.read_to_end(&mut plain).unwrap();
    plain
}

fn bech32_of(prefix: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let text = if prefix == "age1pq" {
        QUANTUM.trim()
    } else {
        AGE
    };
    let (_, mut bytes) = bech32::decode(text).unwrap();
    change(&mut bytes);
    bech32::encode(prefix, &bytes)
}

#[test]
fn gp_b2_keys_of_every_kind_are_taken_and_told_apart() {
    let kinds = [AGE, QUANTUM, ED25519, RSA_3072, OPENPGP].map(|it| key(it).kind());
    assert_eq!(kinds, OwnKeyKind::ALL);
    assert_eq!(key(AGE).text(), AGE);
    assert_eq!(key(&AGE.to_ascii_uppercase()).text(), AGE);
    assert_eq!(key(&format!("\n# my key\n  {AGE}  \r\n")).text(), AGE);
    assert!(key(QUANTUM).is_post_quantum() && !key(AGE).is_post_quantum());
    assert!(
        !key(ED25519).text().contains("name"),
        "{:?}",
        key(ED25519).text()
    );
    assert_eq!(
        key(ED25519).fingerprint(),
        "SHA256:tZoN7xBklVpEzi+pf6NjGWVXmJPog3VN6E2o1D1y2AY",
        "as `ssh-keygen -l` has it"
    );
    assert!(key(AGE).fingerprint().starts_with("SHA256:"));
}

#[test]
fn gp_b2_what_is_no_public_key_is_refused_with_the_reason() {
    refused("", OwnKeyError::Empty);
    refused("# only a comment\n", OwnKeyError::Empty);
    refused(&"a".repeat(MAX_OWN_KEY_BYTES + 1), OwnKeyError::TooLong);
    refused(&format!("{AGE}\n{ED25519}"), OwnKeyError::Several);
    refused(AGE_SECRET, OwnKeyError::Secret);
    refused(
        &format!("# public key: {AGE}\n{AGE_SECRET}"),
        OwnKeyError::Secret,
    );
    refused(QUANTUM_SECRET, OwnKeyError::Secret);
    refused(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb…",
        OwnKeyError::Secret,
    );
    refused(
        "-----BEGIN PGP SIGNATURE-----\n\nmDME",
        OwnKeyError::Unknown,
    );
    refused("hello", OwnKeyError::Unknown);
    refused(ECDSA, OwnKeyError::SshKind);
    refused(
        "ssh-dss AAAAB3NzaC1kc3MAAACBAP1/U4EddRIpUt9KnC7s5Of2EbdSPO9EAMMeP4C2USZpRV1AIlH7WT2NWPq",
        OwnKeyError::SshKind,
    );
    refused(
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t",
        OwnKeyError::Plugin,
    );
    refused(&bech32_of("age1yubikey", |_| ()), OwnKeyError::Plugin);
    refused(&bech32_of("age1tag", |_| ()), OwnKeyError::Plugin);
}

#[test]
fn gp_b2_a_damaged_key_is_not_taken_for_another_one() {
    for at in 4..AGE.len() {
        let mut damaged = AGE.as_bytes().to_vec();
        damaged[at] = if damaged[at] == b'q' { b'p' } else { b'q' };
        refused(std::str::from_utf8(&damaged).unwrap(), OwnKeyError::Damaged);
    }
    refused(&AGE.replace("zvkyg", "ZVKYG"), OwnKeyError::Damaged);
    refused(&AGE[..AGE.len() - 1], OwnKeyError::Damaged);
    refused("age1", OwnKeyError::Damaged);
    refused(&bech32_of("age", |it| it.push(0)), OwnKeyError::Damaged);
    refused(
        &bech32_of("age", |it| it.truncate(it.len() - 1)),
        OwnKeyError::Damaged,
    );
    refused(
        &bech32_of("age1pq", |it| it.truncate(it.len() - 1)),
        OwnKeyError::Damaged,
    );
    // FIPS 203 section 7.2: a coefficient of 3,329 or more.
    refused(
        &bech32_of("age1pq", |it| it[..3].fill(0xff)),
        OwnKeyError::Damaged,
    );
    let (word, blob) = ED25519.split_once(' ').unwrap();
    let blob = blob.split(' ').next().unwrap();
    refused(&format!("ssh-rsa {blob}"), OwnKeyError::Damaged);
    refused(
        &format!("{word} {}", &blob[..blob.len() - 4]),
        OwnKeyError::Damaged,
    );
    refused(&format!("{word} {blob}AAAA"), OwnKeyError::Damaged);
    refused(word, OwnKeyError::Damaged);
}

#[test]
fn gp_b2_keys_that_keep_nothing_secret_are_refused() {
    let low_order = [
        [0_u8; 32],
        std::array::from_fn(|it| u8::from(it == 0)),
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
            0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
            0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83,
            0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd,
            0xd0, 0x9f, 0x11, 0x57,
        ],
        std::array::from_fn(|it| match it {
            0 => 0xec,
            31 => 0x7f,
            _ => 0xff,
        }),
    ];
    for point in low_order {
        refused(&bech32::encode("age", &point), OwnKeyError::Weak);
        let quantum = bech32_of("age1pq", |it| it[POINT_AT..].copy_from_slice(&point));
        refused(&quantum, OwnKeyError::Weak);
    }
    refused(&bech32_of("age", |it| it[31] |= 0x80), OwnKeyError::Weak);
    // The points of Ed25519 of order 1, 2 and 4.
    for (first, last) in [(1, 0), (0xec, 0x7f), (0, 0)] {
        let middle = if last == 0 { 0 } else { 0xff };
        let mut blob = blob_of(ED25519);
        let at = blob.len() - 32;
        blob[at..].fill(middle);
        (blob[at], blob[at + 31]) = (first, last);
        refused(&ssh_text("ssh-ed25519", &blob), OwnKeyError::Weak);
    }
}

const POINT_AT: usize = 1_184;

fn blob_of(text: &str) -> Vec<u8> {
    BASE64_STANDARD
        .decode(text.split(' ').nth(1).unwrap())
        .unwrap()
}

fn ssh_text(word: &str, blob: &[u8]) -> String {
    format!("{word} {}", BASE64_STANDARD.encode(blob))
}

fn rsa(exponent: &[u8], modulus: &[u8]) -> String {
    let mut blob = Vec::new();
    for part in [b"ssh-rsa".as_slice(), exponent, modulus] {
        blob.extend((part.len() as u32).to_be_bytes());
        blob.extend(part);
    }
    ssh_text("ssh-rsa", &blob)
}

#[test]
fn gp_b2_rsa_keys_are_long_enough_and_not_of_a_kind_that_factors() {
    refused(RSA_2048, OwnKeyError::RsaBits { bits: 2_048 });
    let blob = blob_of(RSA_3072);
    let modulus = blob[blob.len() - 385..].to_vec();
    let usual = [1, 0, 1];
    assert_eq!(key(&rsa(&usual, &modulus)), key(RSA_3072));
    refused(&rsa(&[3], &modulus), OwnKeyError::Weak);
    refused(&rsa(&[1, 0, 0], &modulus), OwnKeyError::Weak);
    refused(&rsa(&[0, 1, 0, 1], &modulus), OwnKeyError::Damaged);
    refused(&rsa(&usual, &modulus[1..]), OwnKeyError::Damaged);
    let mut even = modulus.clone();
    even[384] &= 0xfe;
    refused(&rsa(&usual, &even), OwnKeyError::Weak);
    // 2^3080 - 1 has the factor 3.
    refused(
        &rsa(&usual, &[[0].as_slice(), &[0xff; 385]].concat()),
        OwnKeyError::Weak,
    );
    let long = [[0x7f].as_slice(), &[0x11; 600]].concat();
    refused(&rsa(&usual, &long), OwnKeyError::RsaBits { bits: 4_807 });
}

#[test]
fn gp_b2_a_file_opens_with_each_of_its_keys_and_with_no_other() {
    let text = b"{\"at\":\"2026-11-23T10:00:00Z\"}\n".repeat(5_000);
    let public = identities(QUANTUM_SECRET);
    assert_eq!(public.len(), 1);
    for plain in [b"".as_slice(), b"a", &text] {
        let file = sealed(&[AGE, ED25519, RSA_3072], plain);
        assert_eq!(opened(AGE_SECRET, &file), plain);
        let (places, header) = OwnFormat::Age.header_of(&file).unwrap();
        assert!(places >= 3, "{places}");
        assert_eq!(
            file.len() as u64,
            header as u64 + OwnFormat::Age.payload_bytes(plain.len() as u64)
        );
        let other = identities(QUANTUM_SECRET)
            .open(file.as_slice())
            .err()
            .unwrap();
        assert!(matches!(other, OpenOwnError::NoMatch), "{other}");
        let file = sealed(&[QUANTUM], plain);
        assert_eq!(opened(QUANTUM_SECRET, &file), plain);
        let other = identities(AGE_SECRET).open(file.as_slice()).err().unwrap();
        assert!(matches!(other, OpenOwnError::NoMatch), "{other}");
    }
}

#[test]
fn gp_b2_a_post_quantum_file_of_the_browser_library_opens_here() {
    assert_eq!(opened(QUANTUM_SECRET, QUANTUM_FILE), b"read by Amanat\n");
    let identity = quantum::Identity::parse(QUANTUM_SECRET.trim()).unwrap();
    assert_eq!(identity.public(), QUANTUM.trim());
}

#[test]
fn gp_b2_a_file_that_was_changed_or_cut_does_not_open() {
    let plain = vec![7; 70_000];
    let file = sealed(&[AGE], &plain);
    let identities = identities(AGE_SECRET);
    let (_, header) = OwnFormat::Age.header_of(&file).unwrap();
    for at in [30, header - 10, header + 3, header + 100, file.len() - 1] {
        let mut changed = file.clone();
        changed[at] ^= 1;
        let mut found = Vec::new();
        let read = identities.open(changed.as_slice());
        let read = read.map(|mut it| it.read_to_end(&mut found));
        assert!(!matches!(read, Ok(Ok(_))), "byte {at}");
    }
    let cut = &file[..header + 16 + 65_536 + 16];
    let mut found = Vec::new();
    let read = identities.open(cut).unwrap().read_to_end(&mut found);
    assert!(read.is_err(), "an end that is missing is noticed");
}

#[test]
fn gp_b2_post_quantum_keys_do_not_stand_beside_others() {
    let set = |keys: &[&str]| OwnKeys::new(keys.iter().map(|it| key(it)).collect());
    assert_eq!(set(&[AGE, QUANTUM]).unwrap_err(), OwnKeysError::Mixed);
    assert_eq!(set(&[QUANTUM, ED25519]).unwrap_err(), OwnKeysError::Mixed);
    assert_eq!(
        set(&[AGE, &AGE.to_ascii_uppercase()]).unwrap_err(),
        OwnKeysError::Twice
    );
    assert_eq!(set(&[]).unwrap_err(), OwnKeysError::Count);
    let other = bech32::encode("age", &[9; 32]);
    assert_eq!(set(&[AGE, ED25519, &other]).unwrap().len(), 3);
    let many: Vec<String> = (1..=9).map(|it| bech32::encode("age", &[it; 32])).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(set(&many).unwrap_err(), OwnKeysError::Count);
    assert_eq!(set(&many[..8]).unwrap().len(), 8);
}

#[test]
fn files_of_secret_keys_are_read_or_refused_with_the_line() {
    let read = |text: &str| OwnIdentities::read(text.as_bytes(), &mut || None);
    let both = format!("# created by me\n\n{AGE_SECRET}\r\n{QUANTUM_SECRET}");
    assert_eq!(read(&both).unwrap().len(), 2);
    assert!(matches!(
        read("# nothing\n").err(),
        Some(OwnIdentityError::Empty)
    ));
    let unknown = read(&format!("{AGE_SECRET}\n{AGE}\n")).err();
    assert!(
        matches!(unknown, Some(OwnIdentityError::Unknown { line: 2 })),
        "{unknown:?}"
    );
    let many = format!("{AGE_SECRET}\n").repeat(65);
    assert!(matches!(read(&many).err(), Some(OwnIdentityError::TooLong)));
    let passphrase = age::secrecy::SecretString::from("two words".to_owned());
    let mut locked = age::scrypt::Recipient::new(passphrase);
    locked.set_work_factor(4);
    let locked = [&locked as &dyn age::Recipient].into_iter();
    let locked = age::Encryptor::with_recipients(locked).unwrap();
    let mut stream = locked.wrap_output(Vec::new()).unwrap();
    stream.write_all(AGE_SECRET.as_bytes()).unwrap();
    let locked = stream.finish().unwrap();
    let with = |passphrase: Option<&str>| {
        let mut given = passphrase.map(|it| zeroize::Zeroizing::new(it.to_owned()));
        OwnIdentities::read(locked.as_slice(), &mut || given.take())
    };
    assert_eq!(with(Some("two words")).unwrap().len(), 1);
    for wrong in [None, Some("three words")] {
        assert!(matches!(
            with(wrong).err(),
            Some(OwnIdentityError::Passphrase)
        ));
    }
}

#[test]
fn a_short_text_is_sealed_in_letters_that_can_be_pasted() {
    for (public, secret) in [(AGE, AGE_SECRET), (QUANTUM, QUANTUM_SECRET)] {
        let keys = OwnKeys::new(vec![key(public)]).unwrap();
        let text = keys.seal_text("a word").unwrap();
        assert!(
            text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"),
            "{text}"
        );
        assert_eq!(opened(secret, text.as_bytes()), b"a word");
    }
}

#[test]
fn bech32_is_read_as_bip_173_says() {
    for valid in [
        "A12UEL5L",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
    ] {
        assert!(bech32::decode(valid).is_some(), "{valid}");
    }
    for invalid in [
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhee",
        "a12UEL5L",
    ] {
        assert!(bech32::decode(invalid).is_none(), "{invalid}");
    }
}

//! OpenPGP keys (RFC 9580, and RFC 4880 before it): which of them is sealed to.
//!
//! Of a certificate one key is taken: the newest one that its owner made for encryption. Whatever speaks against it refuses the whole
//! certificate: it is not signed by its owner, or with a hash that is broken; its time is over; it was given up; it is too short or of a
//! kind that keeps nothing secret. Only version 4 is taken, for version 6 needs a form of encryption that the programs of today do not open.
//!
//! Kept is the key itself and the fingerprint of its certificate. Names, addresses, pictures and signatures are not kept.
//!
//! Whether a key's time is over is asked when it is brought. One whose time ends later goes on opening what is sealed to it, so it is
//! sealed to until its person stops that.

mod message;
mod secret;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use data_encoding::HEXUPPER;
use model::Timestamp;
use pgp::composed::{Deserializable as _, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{PacketHeader, PublicSubkey, Signature, SignatureType};
use pgp::ser::Serialize as _;
use pgp::types::{
    EcdhPublicParams, EcdsaPublicParams, EddsaLegacyPublicParams, KeyDetails, KeyVersion,
    PublicParams, Tag,
};

use super::rsa::check_numbers;
use super::{OwnKeyError, check_point};

pub(super) use message::{Sealing, armored, header_of, payload_bytes};
pub(super) use secret::{Secrets, is_message};

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
/// The first word of a kept key.
const KEPT: &str = "openpgp4";
/// So far a clock may be ahead of ours where a key is made.
const SKEW_SECONDS: i64 = 24 * 60 * 60;
/// In the body of a version 4 key: its version, its time and its kind come before its numbers (RFC 9580 section 5.5.2.2).
const NUMBERS_AT: usize = 6;

/// Whom a message is sealed to.
#[derive(Clone)]
pub(super) struct Recipient(PublicSubkey);

/// A key that was taken.
pub(super) struct Taken {
    /// As it is kept.
    pub(super) text: String,
    /// That of its certificate, as `gpg --fingerprint` has it, without spaces.
    pub(super) fingerprint: String,
    /// What is sealed to.
    pub(super) recipient: Recipient,
}

/// Reads a certificate in letters, as `gpg --armor --export` writes it.
pub(super) fn read(text: &str, now: Timestamp) -> Result<Taken, OwnKeyError> {
    let at = text.find(BEGIN).ok_or(OwnKeyError::Unknown)?;
    let block = text.get(at..).unwrap_or_default();
    if block.matches("-----BEGIN ").count() > 1 {
        return Err(OwnKeyError::Several);
    }
    let damaged = |_| OwnKeyError::Damaged;
    let (mut found, _) = SignedPublicKey::from_armor_many(block.as_bytes()).map_err(damaged)?;
    let certificate = found.next().ok_or(OwnKeyError::Damaged)?.map_err(damaged)?;
    if found.next().is_some() {
        return Err(OwnKeyError::Several);
    }
    let recipient = chosen(&certificate, now.as_millis().div_euclid(1000))?;
    let fingerprint = HEXUPPER.encode(certificate.fingerprint().as_bytes());
    let body = recipient.0.to_bytes().map_err(damaged)?;
    Ok(Taken {
        text: format!("{KEPT} {fingerprint} {}", BASE64_STANDARD.encode(body)),
        fingerprint,
        recipient,
    })
}

/// Reads a key as [`read`] has it kept; `None` where the text is of another kind.
pub(super) fn kept(text: &str) -> Option<Result<Taken, OwnKeyError>> {
    let (fingerprint, body) = text.strip_prefix(KEPT)?.trim_start().split_once(' ')?;
    let taken = BASE64_STANDARD.decode(body).ok();
    let taken = taken.and_then(|it| Recipient::from_body(&it).ok());
    let taken = taken.ok_or(OwnKeyError::Damaged).and_then(|recipient| {
        recipient.check()?;
        Ok(Taken {
            text: text.to_owned(),
            fingerprint: fingerprint.to_owned(),
            recipient,
        })
    });
    Some(taken)
}

/// The newest key of a certificate that is for encryption; where there is none, what speaks against the one that comes closest.
fn chosen(certificate: &SignedPublicKey, now: i64) -> Result<Recipient, OwnKeyError> {
    let primary = &certificate.primary_key;
    if primary.version() != KeyVersion::V4 {
        return Err(OwnKeyError::OpenPgpVersion);
    }
    check_primary(
        &primary.to_bytes().map_err(|_| OwnKeyError::Damaged)?,
        primary,
    )?;
    // Whoever is given up says so; whether the signature of that holds is not asked.
    if !certificate.details.revocation_signatures.is_empty() {
        return Err(OwnKeyError::Revoked);
    }
    let own = newest(self_signatures(certificate)?, now)?;
    check_time(primary, own, now)?;
    let mut keys = Vec::new();
    let mut problem = OwnKeyError::SignOnly;
    if is_for_encryption(own) {
        keys.push((primary.created_at().as_secs(), whole(primary)?));
    }
    for key in &certificate.public_subkeys {
        match subkey(certificate, key, now) {
            Ok(recipient) => keys.push((key.key.created_at().as_secs(), recipient)),
            Err(OwnKeyError::SignOnly) => {}
            Err(error) => problem = error,
        }
    }
    let newest = keys.into_iter().max_by_key(|(at, _)| *at);
    newest.map(|(_, it)| it).ok_or(problem)
}

fn subkey(
    certificate: &SignedPublicKey,
    key: &SignedPublicSubKey,
    now: i64,
) -> Result<Recipient, OwnKeyError> {
    let of_kind = |kind| {
        key.signatures
            .iter()
            .filter(move |it| it.typ() == Some(kind))
    };
    let bound = of_kind(SignatureType::SubkeyBinding);
    let primary = &certificate.primary_key;
    let bound = bound.filter(|it| is_strong(it));
    let bound = bound.filter(|it| it.verify_subkey_binding(primary, &key.key).is_ok());
    let bound: Vec<_> = bound.collect();
    if bound.is_empty() {
        return Err(none_holds(key.signatures.iter()));
    }
    let binding = newest(bound, now)?;
    if !is_for_encryption(binding) {
        return Err(OwnKeyError::SignOnly);
    }
    if of_kind(SignatureType::SubkeyRevocation).next().is_some() {
        return Err(OwnKeyError::Revoked);
    }
    check_time(&key.key, binding, now)?;
    whole(&key.key)
}

fn whole(key: &(impl KeyDetails + pgp::ser::Serialize)) -> Result<Recipient, OwnKeyError> {
    let body = key.to_bytes().map_err(|_| OwnKeyError::Damaged)?;
    let recipient = Recipient::from_body(&body)?;
    recipient.check()?;
    Ok(recipient)
}

/// What the owner says of the certificate: directly, or with one of their names that they did not take back.
fn self_signatures(certificate: &SignedPublicKey) -> Result<Vec<&Signature>, OwnKeyError> {
    let primary = &certificate.primary_key;
    let (direct, users) = (
        &certificate.details.direct_signatures,
        &certificate.details.users,
    );
    let held = direct.iter().filter(|it| is_strong(it));
    let held = held.filter(|it| it.verify_key(primary).is_ok());
    let named = users.iter().flat_map(|user| {
        let holds = |it: &&Signature| {
            let verified = it.verify_certification(primary, Tag::UserId, &user.id);
            is_strong(it) && verified.is_ok()
        };
        let of_owner: Vec<_> = user.signatures.iter().filter(holds).collect();
        let is_revocation = |it: &&Signature| it.typ() == Some(SignatureType::CertRevocation);
        let is_taken_back = of_owner.iter().any(is_revocation);
        of_owner.into_iter().filter(move |_| !is_taken_back)
    });
    let held: Vec<_> = held.chain(named).collect();
    if held.is_empty() {
        let named = users.iter().flat_map(|it| &it.signatures);
        return Err(none_holds(direct.iter().chain(named)));
    }
    Ok(held)
}

/// Whether the hash of a signature is not broken.
fn is_strong(signature: &Signature) -> bool {
    matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    )
}

/// Why none of these signatures holds.
fn none_holds<'a>(mut signatures: impl Iterator<Item = &'a Signature>) -> OwnKeyError {
    if signatures.any(|it| !is_strong(it)) {
        OwnKeyError::OldHash
    } else {
        OwnKeyError::Damaged
    }
}

/// The newest of signatures that hold. One of the future or whose own time is over does not count.
fn newest(signatures: Vec<&Signature>, now: i64) -> Result<&Signature, OwnKeyError> {
    let counts = |it: &&Signature| {
        let Some(created) = it.created().map(|it| i64::from(it.as_secs())) else {
            return false;
        };
        let lasts = it.signature_expiration_time().map_or(0, |it| it.as_secs());
        created <= now + SKEW_SECONDS && (lasts == 0 || created + i64::from(lasts) > now)
    };
    let newest = signatures.into_iter().filter(counts);
    let newest = newest.max_by_key(|it| it.created().map_or(0, |it| it.as_secs()));
    newest.ok_or(OwnKeyError::Expired)
}

fn is_for_encryption(signature: &Signature) -> bool {
    let flags = signature.key_flags();
    flags.encrypt_comms() || flags.encrypt_storage()
}

/// A key's time is counted from when it was made (RFC 9580 section 5.2.3.13); zero is no end.
fn check_time(key: &impl KeyDetails, signature: &Signature, now: i64) -> Result<(), OwnKeyError> {
    let lasts = signature.key_expiration_time().map_or(0, |it| it.as_secs());
    let end = i64::from(key.created_at().as_secs()) + i64::from(lasts);
    if lasts != 0 && end <= now {
        return Err(OwnKeyError::Expired);
    }
    Ok(())
}

/// Whoever could sign for the primary key could put another key in.
fn check_primary(body: &[u8], key: &impl KeyDetails) -> Result<(), OwnKeyError> {
    match key.public_params() {
        PublicParams::RSA(_) => check_rsa(body),
        PublicParams::DSA(_) | PublicParams::Elgamal(_) => Err(OwnKeyError::Weak),
        PublicParams::Unknown { .. }
        | PublicParams::ECDSA(EcdsaPublicParams::Unsupported { .. })
        | PublicParams::EdDSALegacy(EddsaLegacyPublicParams::Unsupported { .. }) => {
            Err(OwnKeyError::OpenPgpKind)
        }
        _ => Ok(()),
    }
}

/// A number with its length in bits before it (RFC 9580 section 3.2).
fn number<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], OwnKeyError> {
    let (bits, after) = rest.split_first_chunk::<2>().ok_or(OwnKeyError::Damaged)?;
    let bytes = usize::from(u16::from_be_bytes(*bits)).div_ceil(8);
    let (found, after) = after.split_at_checked(bytes).ok_or(OwnKeyError::Damaged)?;
    *rest = after;
    Ok(found)
}

fn check_rsa(body: &[u8]) -> Result<(), OwnKeyError> {
    let mut rest = body.get(NUMBERS_AT..).unwrap_or_default();
    let modulus = number(&mut rest)?;
    let exponent = number(&mut rest)?;
    check_numbers(exponent, modulus)
}

fn check_derivation(hash: HashAlgorithm, cipher: SymmetricKeyAlgorithm) -> Result<(), OwnKeyError> {
    let is_hash = matches!(
        hash,
        HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512
    );
    let is_cipher = matches!(
        cipher,
        SymmetricKeyAlgorithm::AES128
            | SymmetricKeyAlgorithm::AES192
            | SymmetricKeyAlgorithm::AES256
    );
    if is_hash && is_cipher {
        Ok(())
    } else {
        Err(OwnKeyError::Weak)
    }
}

impl Recipient {
    /// From the body of its packet. A key that signs and one that is for encryption have the same body.
    fn from_body(body: &[u8]) -> Result<Self, OwnKeyError> {
        let length = u32::try_from(body.len()).map_err(|_| OwnKeyError::Damaged)?;
        let header = PacketHeader::new_fixed(Tag::PublicSubkey, length);
        let key = PublicSubkey::try_from_reader(header, body).map_err(|_| OwnKeyError::Damaged)?;
        Ok(Self(key))
    }

    /// Whether it keeps anything secret.
    fn check(&self) -> Result<(), OwnKeyError> {
        if self.0.version() != KeyVersion::V4 {
            return Err(OwnKeyError::OpenPgpVersion);
        }
        match self.0.public_params() {
            PublicParams::RSA(_) => {
                check_rsa(&self.0.to_bytes().map_err(|_| OwnKeyError::Damaged)?)
            }
            PublicParams::X25519(it) => check_point(it.key.as_bytes()),
            PublicParams::ECDH(EcdhPublicParams::Curve25519Legacy {
                p, hash, alg_sym, ..
            }) => {
                check_derivation(*hash, *alg_sym)?;
                check_point(p.as_bytes())
            }
            PublicParams::ECDH(
                EcdhPublicParams::P256 { hash, alg_sym, .. }
                | EcdhPublicParams::P384 { hash, alg_sym, .. }
                | EcdhPublicParams::P521 { hash, alg_sym, .. },
            ) => check_derivation(*hash, *alg_sym),
            _ => Err(OwnKeyError::OpenPgpKind),
        }
    }
}

#[cfg(test)]
mod tests;

//! The post-quantum kind of age key (C2SP age, "The MLKEM768-X25519 hybrid post-quantum recipient type"): HPKE (RFC 9180) in base mode with
//! X-Wing, HKDF-SHA-256 and ChaCha20-Poly1305, nothing but the file's key inside. The `age` crate does not have it yet; its traits let it
//! stand beside the others.

use std::collections::HashSet;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::secrecy::ExposeSecret as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroizing;

use super::{OwnKeyError, bech32, check_point};

const TAG: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// What age writes on a file that holds against quantum computers; files with and without it are not mixed.
const LABEL: &str = "postquantum";
/// The coefficients of ML-KEM-768 in a public key, 12 bits each (FIPS 203, table 3 and section 7.2).
const COEFFICIENT_BYTES: usize = 1_152;
const MODULUS: u16 = 3_329;
const POINT_AT: usize = 1_184;
const PUBLIC_BYTES: usize = 1_216;
const ENCAPSULATED_BYTES: usize = 1_120;
const BODY_BYTES: usize = FILE_KEY_BYTES + 16;

type Public = <XWing as Kem>::PublicKey;
type Private = <XWing as Kem>::PrivateKey;

/// Whom a file is sealed to.
#[derive(Clone)]
pub(super) struct Recipient(Public);

impl Recipient {
    /// From the bytes of `age1pq1…`.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, OwnKeyError> {
        let (lattice, point) = bytes
            .split_at_checked(POINT_AT)
            .ok_or(OwnKeyError::Damaged)?;
        if bytes.len() != PUBLIC_BYTES || !are_reduced(lattice) {
            return Err(OwnKeyError::Damaged);
        }
        let point = point.try_into().map_err(|_| OwnKeyError::Damaged)?;
        check_point(&point)?;
        let public = Public::from_bytes(bytes).map_err(|_| OwnKeyError::Damaged)?;
        Ok(Self(public))
    }
}

/// The check of FIPS 203 section 7.2: every coefficient is smaller than the modulus.
fn are_reduced(lattice: &[u8]) -> bool {
    let coefficients = lattice.get(..COEFFICIENT_BYTES).unwrap_or_default();
    let pairs = coefficients.as_chunks::<3>().0.iter();
    !coefficients.is_empty()
        && pairs
            .map(|[low, both, high]| {
                let (low, both, high) = (u16::from(*low), u16::from(*both), u16::from(*high));
                (low | (both & 0x0f) << 8, both >> 4 | high << 4)
            })
            .all(|(one, other)| one < MODULUS && other < MODULUS)
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let sealed = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.0,
            INFO,
            file_key.expose_secret(),
            &[],
        );
        let failed =
            |err: hpke::HpkeError| EncryptError::Io(std::io::Error::other(err.to_string()));
        let (encapsulated, body) = sealed.map_err(failed)?;
        let stanza = Stanza {
            tag: TAG.to_owned(),
            args: vec![BASE64_STANDARD_NO_PAD.encode(encapsulated.to_bytes())],
            body,
        };
        Ok((vec![stanza], HashSet::from([LABEL.to_owned()])))
    }
}

/// Who opens it.
pub(super) struct Identity(Private);

impl Identity {
    /// From `AGE-SECRET-KEY-PQ-1…`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (prefix, bytes) = bech32::decode(text)?;
        let bytes = Zeroizing::new(bytes);
        if prefix != "age-secret-key-pq-" || bytes.len() != 32 {
            return None;
        }
        Private::from_bytes(&bytes).ok().map(Self)
    }

    /// The text of its public half, for tests.
    #[cfg(test)]
    pub(super) fn public(&self) -> String {
        bech32::encode("age1pq", &XWing::sk_to_pk(&self.0).to_bytes())
    }

    fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, DecryptError> {
        let [encapsulated] = stanza.args.as_slice() else {
            return Err(DecryptError::InvalidHeader);
        };
        let encapsulated = BASE64_STANDARD_NO_PAD
            .decode(encapsulated)
            .ok()
            .filter(|it| it.len() == ENCAPSULATED_BYTES && stanza.body.len() == BODY_BYTES)
            .ok_or(DecryptError::InvalidHeader)?;
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(&encapsulated);
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &encapsulated.map_err(|_| DecryptError::InvalidHeader)?,
            INFO,
            &stanza.body,
            &[],
        );
        // X-Wing answers a foreign key with a shared secret that opens nothing.
        let Ok(opened) = opened.map(Zeroizing::new) else {
            return Ok(None);
        };
        let key = FileKey::init_with_mut(|key| {
            for (to, from) in key.iter_mut().zip(opened.iter()) {
                *to = *from;
            }
        });
        Ok(Some(key))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != TAG {
            return None;
        }
        self.unwrap(stanza).transpose()
    }
}

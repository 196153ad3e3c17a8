//! The few primitives everything else is built from, and the one table of labels.
//!
//! | what | primitive | why |
//! |---|---|---|
//! | sealing | AES-256-GCM (NIST SP 800-38D), 96-bit nonce, 128-bit tag | hardware speed, the provider TLS uses |
//! | a key per use | HKDF-SHA-256 (RFC 5869), label as info | one 32-byte secret never serves two uses |
//! | randomness | the operating system | keys, key ids, segment ids, nonces of rows |
//!
//! Nonces never repeat under a key. Records: the random id of their segment and their index in it; a segment is written by one
//! process in one go and never appended to after a reopen. Rows (wrapped keys, blocks): 96 random bits, a few thousand per key at most
//! (the root key: one per subject, far below the 2^32 that SP 800-38D allows).
//!
//! `ring` does not wipe its key schedules. [`SealingKey`] overwrites its own when dropped, which is the best safe Rust can do;
//! the 32-byte secrets are wiped by `zeroize`.

use std::fmt;

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::hkdf;
use zeroize::Zeroize as _;

/// Bytes of every secret key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes that sealing adds.
pub(crate) const TAG_BYTES: usize = 16;

/// Domain separation: every use of a key and every associated data starts here, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// Under the root key: the row that tells whether this is the right root key.
    RootCheck,
    /// Under the root key: a subject key.
    SubjectKey,
    /// Under a subject key: an epoch key.
    EpochKey,
    /// Under an epoch key: a record of the write-ahead log.
    Record,
    /// Under an epoch key: a block of readings.
    Block,
}

impl Label {
    /// The bytes that go into HKDF and into associated data. Version 1 of all five.
    pub(crate) const fn bytes(self) -> &'static [u8] {
        match self {
            Self::RootCheck => b"amanat/vault/1/root-check\0",
            Self::SubjectKey => b"amanat/vault/1/subject-key\0",
            Self::EpochKey => b"amanat/vault/1/epoch-key\0",
            Self::Record => b"amanat/vault/1/record\0",
            Self::Block => b"amanat/vault/1/block\0",
        }
    }
}

/// Something cryptographic did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    Random(#[source] getrandom::Error),
    /// The message is too long for the cipher.
    #[error("sealing failed: the message is too long for the cipher")]
    Seal,
    /// Key, nonce, associated data or ciphertext do not belong together.
    #[error("opening failed: wrong key, or the sealed bytes were changed")]
    Open,
}

/// 32 secret bytes: root, subject or epoch key. Wiped when dropped, never printed.
pub(crate) struct SecretKey(Box<[u8; KEY_BYTES]>);

impl SecretKey {
    /// A new random key.
    pub(crate) fn random() -> Result<Self, CryptoError> {
        let mut key = Self(Box::new([0; KEY_BYTES]));
        getrandom::fill(key.0.as_mut_slice()).map_err(CryptoError::Random)?;
        Ok(key)
    }

    /// From bytes that were opened; `None` when there are not [`KEY_BYTES`] of them.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Box::new([0; KEY_BYTES]));
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// The secret itself, for wrapping it and for the key file.
    pub(crate) fn expose_secret(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The cipher for one use of this key.
    pub(crate) fn derive(&self, label: Label) -> Result<SealingKey, CryptoError> {
        let info = [label.bytes()];
        let okm = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.expose_secret());
        let okm = okm
            .expand(&info, &AES_256_GCM)
            .map_err(|_| CryptoError::Seal)?;
        Ok(SealingKey(LessSafeKey::new(UnboundKey::from(okm))))
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// A cipher under a derived key. Never printed.
pub(crate) struct SealingKey(LessSafeKey);

impl Drop for SealingKey {
    fn drop(&mut self) {
        if let Ok(blank) = UnboundKey::new(&AES_256_GCM, &[0; KEY_BYTES]) {
            self.0 = LessSafeKey::new(blank);
            std::hint::black_box(&self.0);
        }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

/// Names a data key in frames and rows. Random, so it says nothing about anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyId(pub(crate) u64);

impl KeyId {
    /// A new random id.
    pub(crate) fn random() -> Result<Self, CryptoError> {
        random_id().map(Self)
    }
}

/// 64 random bits.
pub(crate) fn random_id() -> Result<u64, CryptoError> {
    getrandom::u64().map_err(CryptoError::Random)
}

/// A number used once under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Nonce([u8; NONCE_BYTES]);

impl Nonce {
    /// Of a record: the random segment id (8 bytes, big-endian) and the record's index in it (4 bytes, big-endian).
    pub(crate) fn of_record(segment_id: u64, index: u32) -> Self {
        let mut bytes = [0; NONCE_BYTES];
        let (id, rest) = bytes.split_at_mut(8);
        id.copy_from_slice(&segment_id.to_be_bytes());
        rest.copy_from_slice(&index.to_be_bytes());
        Self(bytes)
    }

    /// Of a row: random.
    pub(crate) fn random() -> Result<Self, CryptoError> {
        let mut bytes = [0; NONCE_BYTES];
        getrandom::fill(&mut bytes).map_err(CryptoError::Random)?;
        Ok(Self(bytes))
    }
}

/// Bytes to be sealed, or just opened, where they lie.
pub(crate) struct Plaintext<'a>(pub(crate) &'a mut [u8]);

/// Sealed bytes with their tag, where they lie.
pub(crate) struct Ciphertext<'a>(pub(crate) &'a mut [u8]);

/// What sealing adds behind the ciphertext.
pub(crate) struct Tag(pub(crate) [u8; TAG_BYTES]);

/// Turns the plaintext into ciphertext in place.
pub(crate) fn seal(
    key: &SealingKey,
    nonce: Nonce,
    associated: &[u8],
    plaintext: Plaintext<'_>,
) -> Result<Tag, CryptoError> {
    let nonce = ring::aead::Nonce::assume_unique_for_key(nonce.0);
    let associated = ring::aead::Aad::from(associated);
    let tag = key
        .0
        .seal_in_place_separate_tag(nonce, associated, plaintext.0)
        .map_err(|_| CryptoError::Seal)?;
    let mut bytes = [0; TAG_BYTES];
    bytes.copy_from_slice(tag.as_ref());
    Ok(Tag(bytes))
}

/// Turns the ciphertext into plaintext in place; the tag is gone from the result.
pub(crate) fn open<'a>(
    key: &SealingKey,
    nonce: Nonce,
    associated: &[u8],
    ciphertext: Ciphertext<'a>,
) -> Result<Plaintext<'a>, CryptoError> {
    let nonce = ring::aead::Nonce::assume_unique_for_key(nonce.0);
    let associated = ring::aead::Aad::from(associated);
    key.0
        .open_in_place(nonce, associated, ciphertext.0)
        .map(Plaintext)
        .map_err(|_| CryptoError::Open)
}

/// Version byte of [`seal_row`].
const ROW_VERSION: u8 = 1;

/// Seals bytes for a row: version (1 byte, = 1), nonce (12), ciphertext, tag (16).
pub(crate) fn seal_row(
    key: &SealingKey,
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let nonce = Nonce::random()?;
    let mut row = Vec::with_capacity(1 + NONCE_BYTES + plaintext.len() + TAG_BYTES);
    row.push(ROW_VERSION);
    row.extend_from_slice(&nonce.0);
    row.extend_from_slice(plaintext);
    let (_, body) = row
        .split_at_mut_checked(1 + NONCE_BYTES)
        .ok_or(CryptoError::Seal)?;
    let tag = seal(key, nonce, associated, Plaintext(body))?;
    row.extend_from_slice(&tag.0);
    Ok(row)
}

/// Opens what [`seal_row`] made, in place.
pub(crate) fn open_row<'a>(
    key: &SealingKey,
    associated: &[u8],
    row: &'a mut [u8],
) -> Result<Plaintext<'a>, CryptoError> {
    let (head, body) = row
        .split_at_mut_checked(1 + NONCE_BYTES)
        .ok_or(CryptoError::Open)?;
    let (version, nonce) = head.split_first().ok_or(CryptoError::Open)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| CryptoError::Open)?;
    if *version != ROW_VERSION {
        return Err(CryptoError::Open);
    }
    open(key, Nonce(nonce), associated, Ciphertext(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [Label; 5] = [
        Label::RootCheck,
        Label::SubjectKey,
        Label::EpochKey,
        Label::Record,
        Label::Block,
    ];

    #[test]
    fn no_label_is_the_beginning_of_another() {
        for (i, one) in LABELS.iter().enumerate() {
            for other in &LABELS[i + 1..] {
                assert!(!one.bytes().starts_with(other.bytes()));
                assert!(!other.bytes().starts_with(one.bytes()));
            }
        }
    }

    #[test]
    fn a_row_opens_only_with_its_key_label_and_associated_data() {
        let secret = SecretKey::random().unwrap();
        let key = secret.derive(Label::SubjectKey).unwrap();
        let row = seal_row(&key, b"person:a", b"hello").unwrap();
        assert_eq!(
            open_row(&key, b"person:a", &mut row.clone()).unwrap().0,
            b"hello"
        );
        assert!(open_row(&key, b"person:b", &mut row.clone()).is_err());
        let other = secret.derive(Label::EpochKey).unwrap();
        assert!(open_row(&other, b"person:a", &mut row.clone()).is_err());
        for at in 0..row.len() {
            let mut changed = row.clone();
            changed[at] ^= 1;
            assert!(
                open_row(&key, b"person:a", &mut changed).is_err(),
                "byte {at}"
            );
            assert!(open_row(&key, b"person:a", &mut row[..at].to_vec()).is_err());
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = SecretKey::from_slice(&[7; KEY_BYTES]).unwrap();
        let key = secret.derive(Label::Record).unwrap();
        assert_eq!(format!("{secret:?} {key:?}"), "SecretKey(…) SealingKey(…)");
    }
}

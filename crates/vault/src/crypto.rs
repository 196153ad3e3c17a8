//! The few primitives everything else is built from, and the one table of labels.
//!
//! | what | primitive | why |
//! |---|---|---|
//! | sealing | AES-256-GCM (NIST SP 800-38D), 96-bit nonce, 128-bit tag | hardware speed, the provider TLS uses |
//! | sealing, if wished | ChaCha20-Poly1305 (RFC 8439), 96-bit nonce, 128-bit tag | fast without AES hardware |
//! | a key per use | HKDF-SHA-256 (RFC 5869), label as info | one 32-byte secret never serves two uses |
//! | randomness | the operating system | keys, key ids, segment ids, nonces of rows |
//!
//! Nonces never repeat under a key. Records: the random id of their segment and their index in it; a segment is written by one
//! process in one go and never appended to after a reopen. Rows (wrapped keys, blocks): 96 random bits, a few thousand per key at most
//! (the root key: one per subject, far below the 2^32 that SP 800-38D allows).
//!
//! Everything sealed begins with the number of its [`Suite`]: rows with their first byte, segments with their version. What is written
//! under one is read under every setting; a number that is not known is refused by name. The two suites never share a cipher key: the
//! info of HKDF names the second one.
//!
//! `ring` does not wipe its key schedules. [`SealingKey`] overwrites its own when dropped, which is the best safe Rust can do;
//! the 32-byte secrets are wiped by `zeroize`.

use std::fmt;

use ring::aead::{AES_256_GCM, Algorithm, CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use ring::hkdf;
use zeroize::Zeroize as _;

/// Bytes of every secret key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes that sealing adds.
pub(crate) const TAG_BYTES: usize = 16;

/// Which cipher seals. What was sealed with either is opened, whichever is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Suite {
    /// AES-256-GCM: the fastest where the processor has instructions for it.
    #[default]
    Aes256Gcm,
    /// ChaCha20-Poly1305: the fastest where it has none.
    ChaCha20Poly1305,
}

impl Suite {
    /// The byte in front of sealed rows, and the version of segments.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    /// The suite with a number, if there is one.
    pub(crate) const fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Aes256Gcm),
            2 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }

    /// What the info of HKDF has behind the label. Nothing for the first suite, which was there before there were two.
    const fn info(self) -> &'static [u8] {
        match self {
            Self::Aes256Gcm => b"",
            Self::ChaCha20Poly1305 => b"chacha20-poly1305\0",
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes256Gcm => &AES_256_GCM,
            Self::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        }
    }
}

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
    /// Under an epoch key: what of its readings is erased.
    Mask,
    /// Under the root key: a secret for another use than the vault's own.
    Secret,
    /// Under the secret of tombstones: what was erased.
    Tombstone,
    /// Under the key made from a passphrase: the root key.
    RootFile,
}

impl Label {
    /// The bytes that go into HKDF and into associated data. Version 1 of all.
    pub(crate) const fn bytes(self) -> &'static [u8] {
        match self {
            Self::RootCheck => b"amanat/vault/1/root-check\0",
            Self::SubjectKey => b"amanat/vault/1/subject-key\0",
            Self::EpochKey => b"amanat/vault/1/epoch-key\0",
            Self::Record => b"amanat/vault/1/record\0",
            Self::Block => b"amanat/vault/1/block\0",
            Self::Mask => b"amanat/vault/1/mask\0",
            Self::Secret => b"amanat/vault/1/secret\0",
            Self::Tombstone => b"amanat/vault/1/tombstone\0",
            Self::RootFile => b"amanat/vault/1/root-file\0",
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
    /// Sealed by a later release, or not sealed at all.
    #[error(
        "sealed with suite {number}; this release knows 1 (AES-256-GCM) and 2 (ChaCha20-Poly1305): use the release that wrote it"
    )]
    Suite {
        /// The number found.
        number: u8,
    },
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

    /// The same key once more.
    pub(crate) fn copied(&self) -> Self {
        Self(self.0.clone())
    }

    /// The secret itself in memory that is wiped.
    pub(crate) fn to_bytes(&self) -> zeroize::Zeroizing<[u8; KEY_BYTES]> {
        zeroize::Zeroizing::new(*self.0)
    }

    /// Whether this is the same key; takes the same time for every other one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let differ = self.0.iter().zip(other.0.iter());
        differ.fold(0, |sum, (one, other)| sum | (one ^ other)) == 0
    }

    /// The secret itself, for wrapping it and for the key file.
    pub(crate) fn expose_secret(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The cipher for one use of this key.
    pub(crate) fn derive(&self, label: Label, suite: Suite) -> Result<SealingKey, CryptoError> {
        let info = [label.bytes(), suite.info()];
        let okm = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.expose_secret());
        let okm = okm
            .expand(&info, suite.algorithm())
            .map_err(|_| CryptoError::Seal)?;
        let key = LessSafeKey::new(UnboundKey::from(okm));
        #[cfg(test)]
        let name = [self.expose_secret(), label.bytes(), &[suite.number()]];
        Ok(SealingKey {
            key,
            suite,
            #[cfg(test)]
            name: crate::nonces::name(&name.concat()),
        })
    }

    /// Seals bytes for a row under this key.
    pub(crate) fn seal_row(
        &self,
        label: Label,
        suite: Suite,
        associated: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        seal_row(&self.derive(label, suite)?, associated, plaintext)
    }

    /// Opens a row under this key, whichever suite sealed it.
    pub(crate) fn open_row<'a>(
        &self,
        label: Label,
        associated: &[u8],
        row: &'a mut [u8],
    ) -> Result<Plaintext<'a>, CryptoError> {
        let suite = suite_of_row(row)?;
        open_row(&self.derive(label, suite)?, associated, row)
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
pub(crate) struct SealingKey {
    key: LessSafeKey,
    suite: Suite,
    #[cfg(test)]
    name: [u8; 16],
}

impl SealingKey {
    /// The suite it seals with.
    pub(crate) const fn suite(&self) -> Suite {
        self.suite
    }
}

impl Drop for SealingKey {
    fn drop(&mut self) {
        if let Ok(blank) = UnboundKey::new(self.suite.algorithm(), &[0; KEY_BYTES]) {
            self.key = LessSafeKey::new(blank);
            std::hint::black_box(&self.key);
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
    #[cfg(test)]
    crate::nonces::note(key.name, nonce.0);
    let nonce = ring::aead::Nonce::assume_unique_for_key(nonce.0);
    let associated = ring::aead::Aad::from(associated);
    let tag = key
        .key
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
    key.key
        .open_in_place(nonce, associated, ciphertext.0)
        .map(Plaintext)
        .map_err(|_| CryptoError::Open)
}

/// The suite that a row was sealed with.
pub(crate) fn suite_of_row(row: &[u8]) -> Result<Suite, CryptoError> {
    let number = *row.first().ok_or(CryptoError::Open)?;
    Suite::of_number(number).ok_or(CryptoError::Suite { number })
}

/// Seals bytes for a row: number of the suite (1 byte), nonce (12), ciphertext, tag (16).
pub(crate) fn seal_row(
    key: &SealingKey,
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let nonce = Nonce::random()?;
    let mut row = Vec::with_capacity(1 + NONCE_BYTES + plaintext.len() + TAG_BYTES);
    row.push(key.suite.number());
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
    let suite = suite_of_row(row)?;
    let (head, body) = row
        .split_at_mut_checked(1 + NONCE_BYTES)
        .ok_or(CryptoError::Open)?;
    let (_, nonce) = head.split_first().ok_or(CryptoError::Open)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| CryptoError::Open)?;
    if suite != key.suite {
        return Err(CryptoError::Open);
    }
    open(key, Nonce(nonce), associated, Ciphertext(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [Label; 9] = [
        Label::RootCheck,
        Label::SubjectKey,
        Label::EpochKey,
        Label::Record,
        Label::Block,
        Label::Mask,
        Label::Secret,
        Label::Tombstone,
        Label::RootFile,
    ];
    const SUITES: [Suite; 2] = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

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
    fn a_row_opens_only_with_its_key_label_suite_and_associated_data() {
        for suite in SUITES {
            let secret = SecretKey::random().unwrap();
            let row = secret
                .seal_row(Label::SubjectKey, suite, b"person:a", b"hello")
                .unwrap();
            let open = |secret: &SecretKey, label, associated: &[u8], row: &[u8]| {
                let mut row = row.to_vec();
                let opened = secret.open_row(label, associated, &mut row)?;
                Ok::<_, CryptoError>(opened.0.to_vec())
            };
            let right = open(&secret, Label::SubjectKey, b"person:a", &row);
            assert_eq!(right.unwrap(), b"hello");
            assert!(open(&secret, Label::SubjectKey, b"person:b", &row).is_err());
            assert!(open(&secret, Label::EpochKey, b"person:a", &row).is_err());
            let other = SecretKey::random().unwrap();
            assert!(open(&other, Label::SubjectKey, b"person:a", &row).is_err());
            for at in 0..row.len() {
                let mut changed = row.clone();
                changed[at] ^= 1;
                let opened = open(&secret, Label::SubjectKey, b"person:a", &changed);
                assert!(opened.is_err(), "byte {at}");
                let opened = open(&secret, Label::SubjectKey, b"person:a", &row[..at]);
                assert!(opened.is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn a_row_sealed_with_one_suite_does_not_open_as_one_of_the_other() {
        let secret = SecretKey::random().unwrap();
        for (suite, other) in [(SUITES[0], 2), (SUITES[1], 1)] {
            let mut row = secret.seal_row(Label::Block, suite, b"", b"hello").unwrap();
            row[0] = other;
            let opened = secret.open_row(Label::Block, b"", &mut row);
            assert!(matches!(opened, Err(CryptoError::Open)));
        }
    }

    #[test]
    fn a_suite_that_nobody_knows_is_refused_by_its_number() {
        let secret = SecretKey::random().unwrap();
        let row = secret
            .seal_row(Label::Block, Suite::Aes256Gcm, b"", b"hello")
            .unwrap();
        for number in [0, 3, 255] {
            let mut row = row.clone();
            row[0] = number;
            let error = secret.open_row(Label::Block, b"", &mut row).err().unwrap();
            assert!(matches!(error, CryptoError::Suite { number: found } if found == number));
            assert!(error.to_string().contains("use the release"), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = SecretKey::from_slice(&[7; KEY_BYTES]).unwrap();
        let key = secret.derive(Label::Record, Suite::default()).unwrap();
        assert_eq!(format!("{secret:?} {key:?}"), "SecretKey(…) SealingKey(…)");
    }
}

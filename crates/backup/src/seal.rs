//! Sealed files: the few primitives, and the form of every file but the key. All numbers are little-endian.
//!
//! ```text
//!   0   8  magic "AMANBAK\0"
//!   8   4  version = 1
//!   12  4  kind: 1 chunk, 2 backup, 3 erasures
//!   16  8  length of what follows the nonce, in bytes
//!   24  12 nonce: random
//!   36  …  ciphertext and tag (16 bytes)
//! plaintext
//!   0   1  0 as it is, 1 an LZ4 block
//!   1   4  length of what it holds, in bytes
//!   5   …  what it holds
//! ```
//! Sealed with AES-256-GCM (NIST SP 800-38D) under a key of its own for each file: HKDF-SHA-256 (RFC 5869) of the repository's key, no
//! salt, info = the label of the kind and the name of the file. So no nonce can meet another one under the same key, and a file opens
//! only under its own name. Associated data: bytes 0..24. Compressed *before* sealing.
//!
//! Names of chunks and of erasures are HMAC-SHA-256 of what they hold, under keys of their own: who has the repository and no key cannot
//! ask whether something that they know is in it.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

/// Bytes of the key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes before the nonce.
pub(crate) const HEAD_BYTES: usize = 24;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Bytes of what it holds, before it.
const FORM_BYTES: usize = 5;
/// What sealing adds to what a file holds.
pub(crate) const OVERHEAD_BYTES: usize = HEAD_BYTES + NONCE_BYTES + FORM_BYTES + TAG_BYTES;

const MAGIC: &[u8; 8] = b"AMANBAK\0";
const VERSION: u32 = 1;
const AS_IT_IS: u8 = 0;
const LZ4: u8 = 1;

/// What a sealed file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Chunk,
    Backup,
    Erasures,
}

impl Kind {
    const fn number(self) -> u32 {
        match self {
            Self::Chunk => 1,
            Self::Backup => 2,
            Self::Erasures => 3,
        }
    }

    /// The info of the key that seals it, before the name.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Chunk => b"amanat/backup/1/chunk\0",
            Self::Backup => b"amanat/backup/1/backup\0",
            Self::Erasures => b"amanat/backup/1/erasures\0",
        }
    }
}

const CHUNK_NAMES: &[u8] = b"amanat/backup/1/chunk-names\0";
const ERASURES_NAMES: &[u8] = b"amanat/backup/1/erasures-names\0";
const BOUNDARIES: &[u8] = b"amanat/backup/1/boundaries\0";

/// Something could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// No randomness.
    #[error("the operating system gave no random bytes")]
    Random(#[source] getrandom::Error),
    /// Too long for the cipher or the form.
    #[error("too much for one file")]
    Length,
}

/// Why a file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is shorter or longer than it says, or no file of ours.
    Torn,
    /// A later release wrote it.
    Version(u32),
    /// It was changed, or sealed under another key or name.
    Changed,
    /// It says that it holds more than it may.
    TooLarge,
}

/// The key of a repository. Wiped when dropped, never printed.
pub(crate) struct RepositoryKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    chunk_names: hmac::Key,
    erasures_names: hmac::Key,
    boundaries: hmac::Key,
}

impl fmt::Debug for RepositoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RepositoryKey(…)")
    }
}

impl RepositoryKey {
    pub(crate) fn random() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(SealError::Random)?;
        Ok(Self::from_bytes(bytes))
    }

    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let key = |label: &[u8]| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()), label);
            hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
        };
        let (chunk_names, erasures_names) = (key(CHUNK_NAMES), key(ERASURES_NAMES));
        let boundaries = key(BOUNDARIES);
        Self {
            bytes,
            chunk_names,
            erasures_names,
            boundaries,
        }
    }

    pub(crate) fn bytes(&self) -> &Zeroizing<[u8; KEY_BYTES]> {
        &self.bytes
    }

    /// The name of a chunk.
    pub(crate) fn chunk_name(&self, plain: &[u8]) -> [u8; 32] {
        name(&self.chunk_names, plain)
    }

    /// The name of a file of erasures.
    pub(crate) fn erasures_name(&self, plain: &[u8]) -> [u8; 32] {
        name(&self.erasures_names, plain)
    }

    /// A number that a record has, as good as random to whoever has no key.
    pub(crate) fn boundary(&self, record: &[u8]) -> u32 {
        let tag = hmac::sign(&self.boundaries, record);
        let first = tag.as_ref().iter().take(4);
        first.fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
    }

    /// Seals a file.
    pub(crate) fn seal(&self, kind: Kind, name: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let held = u32::try_from(plain.len()).map_err(|_| SealError::Length)?;
        let packed = lz4_flex::block::compress(plain);
        let (form, body) = match packed.len() < plain.len() {
            true => (LZ4, packed.as_slice()),
            false => (AS_IT_IS, plain),
        };
        let sealed_bytes = FORM_BYTES + body.len() + TAG_BYTES;
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(SealError::Random)?;
        let mut file = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + sealed_bytes);
        file.extend_from_slice(&head(kind, widen(sealed_bytes)));
        file.extend_from_slice(&nonce);
        let mut sealed = Vec::with_capacity(sealed_bytes);
        sealed.push(form);
        sealed.extend_from_slice(&held.to_le_bytes());
        sealed.extend_from_slice(body);
        let associated = Aad::from(head(kind, widen(sealed_bytes)));
        self.cipher(kind, name)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), associated, &mut sealed)
            .map_err(|_| SealError::Length)?;
        file.append(&mut sealed);
        Ok(file)
    }

    /// What a sealed file holds: at most so many bytes.
    pub(crate) fn open(
        &self,
        kind: Kind,
        name: &[u8],
        file: &[u8],
        max_bytes: usize,
    ) -> Result<Vec<u8>, Fault> {
        check_whole(kind, file, widen(file.len()))?;
        let (head, rest) = file.split_at_checked(HEAD_BYTES).ok_or(Fault::Torn)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).ok_or(Fault::Torn)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Fault::Torn)?;
        let mut sealed = sealed.to_vec();
        let cipher = self.cipher(kind, name).map_err(|_| Fault::Changed)?;
        let plain = cipher
            .open_in_place(nonce, Aad::from(head), &mut sealed)
            .map_err(|_| Fault::Changed)?;
        unpack(plain, max_bytes)
    }

    fn cipher(&self, kind: Kind, name: &[u8]) -> Result<LessSafeKey, SealError> {
        let info = [kind.label(), name];
        let okm = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.bytes.as_slice());
        let okm = okm
            .expand(&info, &AES_256_GCM)
            .map_err(|_| SealError::Length)?;
        Ok(LessSafeKey::new(UnboundKey::from(okm)))
    }
}

/// What a file holds, out of what was sealed: at most so many bytes.
pub(crate) fn unpack(plain: &[u8], max_bytes: usize) -> Result<Vec<u8>, Fault> {
    let (form, rest) = plain.split_first().ok_or(Fault::Changed)?;
    let (held, body) = rest.split_at_checked(4).ok_or(Fault::Changed)?;
    let held = held
        .iter()
        .rev()
        .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
    if held > max_bytes {
        return Err(Fault::TooLarge);
    }
    let held = match *form {
        AS_IT_IS if body.len() == held => Some(body.to_vec()),
        LZ4 => lz4_flex::block::decompress(body, held)
            .ok()
            .filter(|it| it.len() == held),
        _ => None,
    };
    held.ok_or(Fault::Changed)
}

fn name(key: &hmac::Key, plain: &[u8]) -> [u8; 32] {
    let mut name = [0; 32];
    let tag = hmac::sign(key, plain);
    name.iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    name
}

fn head(kind: Kind, sealed_bytes: u64) -> [u8; HEAD_BYTES] {
    let fields = MAGIC
        .iter()
        .copied()
        .chain(VERSION.to_le_bytes())
        .chain(kind.number().to_le_bytes())
        .chain(sealed_bytes.to_le_bytes());
    let mut head = [0; HEAD_BYTES];
    head.iter_mut()
        .zip(fields)
        .for_each(|(to, from)| *to = from);
    head
}

/// Whether a file with this beginning and of this length can be whole.
pub(crate) fn check_whole(kind: Kind, beginning: &[u8], file_bytes: u64) -> Result<(), Fault> {
    let found = beginning.get(..HEAD_BYTES).ok_or(Fault::Torn)?;
    let sealed_bytes = file_bytes
        .checked_sub(widen(HEAD_BYTES + NONCE_BYTES))
        .ok_or(Fault::Torn)?;
    if found == head(kind, sealed_bytes) {
        return Ok(());
    }
    let (magic, rest) = found.split_at_checked(MAGIC.len()).ok_or(Fault::Torn)?;
    let version = rest.iter().take(4).rev();
    match version.fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte)) {
        version if magic == MAGIC && version > VERSION => Err(Fault::Version(version)),
        _ => Err(Fault::Torn),
    }
}

/// A length as a number of a file.
pub(crate) fn widen(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> RepositoryKey {
        RepositoryKey::from_bytes(Zeroizing::new([byte; KEY_BYTES]))
    }

    #[test]
    fn a_file_opens_only_whole_and_with_its_own_key_kind_and_name() {
        let key = key(1);
        for plain in [&b""[..], b"x", &[7; 5000], b"not to be made shorter"] {
            let file = key.seal(Kind::Chunk, b"name", plain).unwrap();
            assert!(file.len() <= plain.len() + OVERHEAD_BYTES);
            let open = |key: &RepositoryKey, kind, name: &[u8], file: &[u8]| {
                key.open(kind, name, file, plain.len())
            };
            assert_eq!(open(&key, Kind::Chunk, b"name", &file).unwrap(), plain);
            let other = self::key(2);
            assert_eq!(
                open(&other, Kind::Chunk, b"name", &file),
                Err(Fault::Changed)
            );
            assert_eq!(open(&key, Kind::Chunk, b"nome", &file), Err(Fault::Changed));
            assert_eq!(open(&key, Kind::Backup, b"name", &file), Err(Fault::Torn));
            for at in 0..file.len() {
                let mut changed = file.clone();
                changed[at] ^= 1;
                assert!(
                    open(&key, Kind::Chunk, b"name", &changed).is_err(),
                    "byte {at}"
                );
                let cut = open(&key, Kind::Chunk, b"name", &file[..at]);
                assert_eq!(cut, Err(Fault::Torn), "cut at {at}");
            }
            let longer = [file.as_slice(), b"x"].concat();
            assert_eq!(open(&key, Kind::Chunk, b"name", &longer), Err(Fault::Torn));
        }
    }

    #[test]
    fn a_file_that_holds_too_much_or_is_of_a_later_version_is_named_as_such() {
        let key = key(1);
        let mut file = key.seal(Kind::Chunk, b"name", &[7; 5000]).unwrap();
        assert_eq!(
            key.open(Kind::Chunk, b"name", &file, 4999),
            Err(Fault::TooLarge)
        );
        file[8] = 2;
        assert_eq!(
            key.open(Kind::Chunk, b"name", &file, 5000),
            Err(Fault::Version(2))
        );
    }

    #[test]
    fn names_are_keyed_and_each_kind_has_its_own() {
        let (one, other) = (key(1), key(2));
        assert_ne!(one.chunk_name(b"x"), other.chunk_name(b"x"));
        assert_ne!(one.chunk_name(b"x"), one.erasures_name(b"x"));
        assert_ne!(one.boundary(b"x"), other.boundary(b"x"));
        assert_eq!(format!("{one:?}"), "RepositoryKey(…)");
    }
}

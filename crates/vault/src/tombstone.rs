//! What was erased, in a file that no backup takes: so that what a restored backup brings back is erased again.
//!
//! The file lies beside the vault's directory, outside of what a backup takes. An erasure is written here, durable, *before* it takes
//! effect; the database notes each one in the transaction that carries it out (`vault_erasure`). Whatever is here and not there is
//! carried out when the vault is opened: after a crash in between, and after a backup was restored. Whatever is there and not here is
//! written here again, should the file have been lost.
//!
//! # Format, version 1 (little-endian)
//! ```text
//! header, 16 bytes
//!   0   8  magic "AMANERA\0"
//!   8   4  version = 1
//!   12  4  CRC-32 (IEEE) of bytes 0..12
//! then tombstones
//!   0   4  length of what follows the CRC, in bytes
//!   4   4  CRC-32 of bytes 0..4 and of what follows
//!   8   16 id: random
//!   24  8  time, milliseconds since the Unix epoch
//!   32  32 HMAC-SHA-256 of the subject's text under the secret of tombstones
//!   64  …  the scope (see `keys::mask`), sealed as a row with the label `tombstone`; associated data: label, bytes 8..64
//! ```
//! Nothing in it names anybody. The secret is one of `keys::secrets`: it keeps its value when the root key changes.
//!
//! A tombstone that is not whole at the end of the file is what a crash left of an erasure that nobody was told is done; it is cut.
//! Anything wrong before that is damage, and the vault does not open.

mod file;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use model::Timestamp;
use ring::hmac;
use rustc_hash::FxHashMap;
use store::Db;

use crate::crypto::{CryptoError, Label, SecretKey, Suite};
use crate::cursor::Cursor;
use crate::keys::KeyError;
use crate::keys::mask::{MAX_STRIP_BYTES, Scope};
use crate::keys::secrets;
use crate::root::{RootKey, parse_hex};
use crate::segment::{widen, widen_len};

const MAGIC: &[u8; 8] = b"AMANERA\0";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;
const FRAME_BYTES: usize = 8;
const HEAD_BYTES: usize = 16 + 8 + 32;
const MAX_BODY_BYTES: usize = HEAD_BYTES + MAX_STRIP_BYTES + 1024;
pub use file::ErasureFile;

/// The name of the secret under which tombstones are sealed and subjects are hashed.
pub(crate) const SECRET: &str = "amanat/vault/tombstones";

/// Names an erasure. Random: it says nothing about anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErasureId(pub(crate) [u8; 16]);

impl fmt::Display for ErasureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, "{it:02x}"))
    }
}

impl ErasureId {
    /// From 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(|it| Self(*it))
    }
}

/// Tombstones could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TombstoneError {
    /// The file could not be read or written.
    #[error(
        "cannot {doing} the file of erasures `{path}`: check that it is ours and that the disk has room"
    )]
    File {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It is damaged.
    #[error(
        "the file of erasures `{path}` is damaged at byte {offset}: restore it from a copy; without it a restored backup would bring back what was erased"
    )]
    Damaged {
        /// Where.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
    /// A later release wrote it.
    #[error(
        "the file of erasures `{path}` has version {version}, this program knows version 1: use the release that wrote it"
    )]
    Version {
        /// Where.
        path: PathBuf,
        /// The version found.
        version: u32,
    },
    /// It belongs to another database, or another key.
    #[error(
        "the file of erasures `{path}` does not belong to this database: use the database it belongs to; if that is gone for good, move the file away"
    )]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What failed.
        #[source]
        source: CryptoError,
    },
    /// The secret of tombstones could not be had.
    #[error("the key of erasures could not be had")]
    Key(#[from] KeyError),
    /// A tombstone could not be sealed.
    #[error(
        "an erasure could not be written down: its description is too long, or there is no randomness"
    )]
    Seal(#[source] CryptoError),
}

/// The erasure that a tombstone stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) id: ErasureId,
    pub(crate) at: Timestamp,
    /// Keyed hash of the subject.
    pub(crate) subject: [u8; 32],
    /// Behind length and CRC.
    pub(crate) body: Vec<u8>,
}

/// Makes and opens tombstones.
pub(crate) struct Stonemason {
    sealing: SecretKey,
    hashing: hmac::Key,
    suite: Suite,
}

impl Stonemason {
    pub(crate) fn new(db: &Db, root: &RootKey, suite: Suite) -> Result<Self, KeyError> {
        let secret = secrets::secret(db, root, SECRET)?;
        let sealing = SecretKey::from_slice(secret.as_slice());
        Ok(Self {
            sealing: sealing.ok_or(KeyError::New(CryptoError::Seal))?,
            hashing: hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()),
            suite,
        })
    }

    /// The keyed hash of a subject.
    pub(crate) fn hash(&self, subject: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.hashing);
        context.update(Label::Tombstone.bytes());
        context.update(subject.as_bytes());
        let mut hash = [0; 32];
        hash.iter_mut()
            .zip(context.sign().as_ref())
            .for_each(|(to, from)| *to = *from);
        hash
    }

    /// A tombstone for a subject, named at random.
    pub(crate) fn make(
        &self,
        subject: &str,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Tombstone, CryptoError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(CryptoError::Random)?;
        let subject = self.hash(subject);
        let mut body = id.to_vec();
        body.extend_from_slice(&now.as_millis().to_le_bytes());
        body.extend_from_slice(&subject);
        let mut plain = Vec::new();
        scope.encode(&mut plain).ok_or(CryptoError::Seal)?;
        let sealed = self
            .sealing
            .seal_row(Label::Tombstone, self.suite, &data(&body), &plain)?;
        body.extend_from_slice(&sealed);
        Ok(Tombstone {
            id: ErasureId(id),
            at: now,
            subject,
            body,
        })
    }

    /// What a tombstone erases.
    pub(crate) fn scope(&self, tombstone: &Tombstone) -> Result<Scope, CryptoError> {
        let (head, sealed) = tombstone
            .body
            .split_at_checked(HEAD_BYTES)
            .ok_or(CryptoError::Open)?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .sealing
            .open_row(Label::Tombstone, &data(head), &mut sealed)?;
        let mut cursor = Cursor(opened.0);
        let scope = Scope::decode(&mut cursor).ok_or(CryptoError::Open)?;
        cursor
            .0
            .is_empty()
            .then_some(scope)
            .ok_or(CryptoError::Open)
    }
}

fn data(head: &[u8]) -> Vec<u8> {
    [Label::Tombstone.bytes(), head].concat()
}

impl Tombstone {
    /// From what follows length and CRC.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(body);
        let id = cursor.take(16)?.try_into().ok()?;
        let at = Timestamp::from_millis(cursor.i64()?);
        let subject = cursor.take(32)?.try_into().ok()?;
        Some(Self {
            id: ErasureId(id),
            at,
            subject,
            body: body.to_vec(),
        })
    }

    fn frame(&self) -> Vec<u8> {
        let len = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        let mut frame = len.to_le_bytes().to_vec();
        frame.extend_from_slice(&crc(len, &self.body).to_le_bytes());
        frame.extend_from_slice(&self.body);
        frame
    }
}

fn crc(len: u32, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&len.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// The file.
pub(crate) struct Graveyard {
    path: PathBuf,
    file: File,
    end: u64,
    /// By id: small, and looked up at the start only.
    known: FxHashMap<ErasureId, Tombstone>,
    /// Written down, and then not carried out.
    broken_off: Vec<Tombstone>,
    /// Something could not be written: what is behind the end is not known until it is read again.
    is_broken: bool,
}

impl Graveyard {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, TombstoneError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options
            .mode(0o600)
            .open(path)
            .map_err(failed("open", path))?;
        let mut graveyard = Self {
            path: path.to_owned(),
            file,
            end: 0,
            known: FxHashMap::default(),
            broken_off: Vec::new(),
            is_broken: false,
        };
        graveyard.scan()?;
        Ok(graveyard)
    }

    /// Every tombstone, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Tombstone> {
        self.known.values()
    }

    /// Whether an erasure is written down.
    pub(crate) fn has(&self, id: ErasureId) -> bool {
        self.known.contains_key(&id)
    }

    /// Those of a subject that were written down and then not carried out, as far as this process knows.
    pub(crate) fn broken_off(&self, subject: [u8; 32]) -> impl Iterator<Item = &Tombstone> {
        self.broken_off
            .iter()
            .filter(move |it| it.subject == subject)
    }

    /// It was not carried out: whoever asks for the same again goes on with it.
    pub(crate) fn note_broken_off(&mut self, tombstone: &Tombstone) {
        if !self.broken_off.contains(tombstone) {
            self.broken_off.push(tombstone.clone());
        }
    }

    /// It is carried out.
    pub(crate) fn note_done(&mut self, id: ErasureId) {
        self.broken_off.retain(|it| it.id != id);
    }

    /// Why a tombstone does not open.
    pub(crate) fn foreign(&self, source: CryptoError) -> TombstoneError {
        TombstoneError::Foreign {
            path: self.path.clone(),
            source,
        }
    }

    /// Writes a tombstone; when it returns it is durable.
    pub(crate) fn add(&mut self, tombstone: &Tombstone) -> Result<(), TombstoneError> {
        if self.is_broken {
            self.scan()?;
        }
        if self.known.contains_key(&tombstone.id) {
            return Ok(());
        }
        let frame = tombstone.frame();
        self.is_broken = true;
        self.write(&frame)?;
        self.is_broken = false;
        self.known.insert(tombstone.id, tombstone.clone());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TombstoneError> {
        let path = &self.path;
        self.file
            .write_all_at(bytes, self.end)
            .map_err(failed("write to", path))?;
        self.file.sync_all().map_err(failed("sync", path))?;
        self.end += widen(bytes.len());
        Ok(())
    }

    fn scan(&mut self) -> Result<(), TombstoneError> {
        let path = self.path.clone();
        let len = self
            .file
            .metadata()
            .map_err(failed("examine", &path))?
            .len();
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, 0)
            .map_err(failed("read", &path))?;
        (self.end, self.is_broken) = (0, false);
        self.known.clear();
        // Shorter than its header: a crash when it was made.
        if bytes.len() < HEADER_BYTES && header().starts_with(&bytes) {
            self.file.set_len(0).map_err(failed("cut", &path))?;
            self.write(&header())?;
            return sync_directory_of(&path).map_err(failed("sync the directory of", &path));
        }
        check_header(&path, &bytes)?;
        let mut rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
        self.end = widen(HEADER_BYTES);
        while let Some((tombstone, size)) = next(rest) {
            self.known.insert(tombstone.id, tombstone);
            self.end += widen(size);
            rest = rest.get(size..).unwrap_or_default();
        }
        if rest.is_empty() {
            return Ok(());
        }
        if has_later(rest) {
            return Err(TombstoneError::Damaged {
                path,
                offset: self.end,
            });
        }
        self.file.set_len(self.end).map_err(failed("cut", &path))?;
        self.file.sync_all().map_err(failed("sync", &path))
    }
}

fn header() -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    let (covered, crc) = bytes.split_at_mut(HEADER_BYTES - 4);
    let fields = MAGIC.iter().copied().chain(VERSION.to_le_bytes());
    covered
        .iter_mut()
        .zip(fields)
        .for_each(|(to, from)| *to = from);
    crc.copy_from_slice(&crc32fast::hash(covered).to_le_bytes());
    bytes
}

fn check_header(path: &Path, bytes: &[u8]) -> Result<(), TombstoneError> {
    if bytes.starts_with(&header()) {
        return Ok(());
    }
    let mut cursor = Cursor(bytes);
    let magic = cursor.take(MAGIC.len());
    let version = cursor.u32();
    let covered = bytes.get(..HEADER_BYTES - 4).unwrap_or_default();
    let is_whole = cursor.u32() == Some(crc32fast::hash(covered));
    match (magic, version) {
        (Some(magic), Some(version)) if magic == MAGIC && is_whole => {
            Err(TombstoneError::Version {
                path: path.to_owned(),
                version,
            })
        }
        _ => Err(TombstoneError::Damaged {
            path: path.to_owned(),
            offset: 0,
        }),
    }
}

/// The tombstone at the front, and how many bytes it takes.
fn next(bytes: &[u8]) -> Option<(Tombstone, usize)> {
    let mut cursor = Cursor(bytes);
    let len = cursor.u32()?;
    let found = cursor.u32()?;
    if !(HEAD_BYTES..=MAX_BODY_BYTES).contains(&widen_len(len)) {
        return None;
    }
    let body = cursor.take(widen_len(len))?;
    let tombstone = (found == crc(len, body)).then(|| Tombstone::parse(body))??;
    Some((tombstone, FRAME_BYTES + widen_len(len)))
}

/// Whether a whole tombstone begins anywhere behind the front: then what is at the front is not the end of a crash.
fn has_later(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| bytes.get(at..).and_then(next).is_some())
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TombstoneError {
    let path = path.to_owned();
    move |source| TombstoneError::File {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests;

//! The root key and its file.
//!
//! # Format
//! One line of ASCII: `amanat-root-key-1 ` (the number is the version), 64 lower-case hexadecimal digits, a line feed.
//! The file's mode must give nothing to group and others. It is made in a temporary file, synced, and linked to its name, so a
//! half-written key file never appears and an existing one is never replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ring::hmac;
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, KEY_BYTES, SecretKey};

const PREFIX: &str = "amanat-root-key-1 ";
/// A key file is never longer than this.
const MAX_FILE_BYTES: u64 = 256;

/// The key above all keys: whoever has it and the database can read every reading.
#[derive(Debug)]
pub struct RootKey(pub(crate) SecretKey);

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootKeyError {
    /// The file could not be read or written.
    #[error(
        "cannot {doing} the root key file `{path}`: check that the directory exists and is ours"
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
    /// Others may read or write the file.
    #[error(
        "the root key file `{path}` is open to others (mode {mode:03o}): run `chmod 600 {path}`, and if others had access, treat the key as known to them"
    )]
    OpenToOthers {
        /// Where.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },
    /// The file is not a root key.
    #[error(
        "`{path}` is not a root key file (one line, `{PREFIX}` and 64 hexadecimal digits): restore it from its backup; without the key no reading can be opened"
    )]
    Malformed {
        /// Where.
        path: PathBuf,
    },
    /// No randomness for a new key.
    #[error("cannot make a new root key")]
    Random(#[source] CryptoError),
}

impl RootKey {
    /// Loads the key file; makes one with a new random key if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, is open to others, or is no root key.
    pub fn load_or_create(path: &Path) -> Result<Self, RootKeyError> {
        match File::open(path) {
            Ok(file) => load(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
            Err(error) => Err(failed("open", path)(error)),
        }
    }

    /// A key for another use than the vault's own: HMAC-SHA256 of the use's label under the root key.
    /// The caller keeps all its labels in one table; they cannot meet the vault's, which are derived in another way.
    #[must_use]
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret());
        let mut context = hmac::Context::with_key(&key);
        context.update(b"amanat/vault/1/derived\0");
        context.update(label.as_bytes());
        let mut derived = Zeroizing::new([0; KEY_BYTES]);
        derived.copy_from_slice(context.sign().as_ref());
        derived
    }
}

fn load(path: &Path, file: File) -> Result<RootKey, RootKeyError> {
    let metadata = file.metadata().map_err(failed("examine", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(RootKeyError::OpenToOthers {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::with_capacity(256));
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(failed("read", path))?;
    parse(&text).ok_or_else(|| RootKeyError::Malformed {
        path: path.to_owned(),
    })
}

fn parse(text: &str) -> Option<RootKey> {
    let digits = text.strip_prefix(PREFIX)?.trim_end().as_bytes();
    if digits.len() != KEY_BYTES * 2 {
        return None;
    }
    let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        if !pair.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    SecretKey::from_slice(bytes.as_slice()).map(RootKey)
}

fn create(path: &Path) -> Result<RootKey, RootKeyError> {
    let key = SecretKey::random().map_err(RootKeyError::Random)?;
    let mut line = Zeroizing::new(String::with_capacity(256));
    line.push_str(PREFIX);
    for byte in key.expose_secret() {
        for nibble in [byte >> 4, byte & 15] {
            line.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    line.push('\n');
    let draft = draft_path(path);
    let written = write_draft(&draft, line.as_bytes()).map_err(failed("write", path));
    let linked = written.and_then(|()| fs::hard_link(&draft, path).map_err(failed("create", path)));
    fs::remove_file(&draft)
        .map_err(failed("finish", path))
        .and(linked)?;
    sync_directory_of(path).map_err(failed("sync", path))?;
    Ok(RootKey(key))
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write_draft(draft: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(draft)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(line)?;
    file.sync_all()
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RootKeyError {
    let path = path.to_owned();
    move |source| RootKeyError::File {
        doing,
        path,
        source,
    }
}

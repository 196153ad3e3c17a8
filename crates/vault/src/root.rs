//! The root key and its file.
//!
//! # Format
//! One line of ASCII that ends with a line feed, in a file whose mode gives nothing to group and others:
//!
//! | line | protection |
//! |---|---|
//! | `amanat-root-key-1 ` and 64 lower-case hexadecimal digits | plain: the mode of the file is all there is |
//! | `amanat-root-key-2 passphrase ` and what [`Passphrase`] writes | a passphrase, stretched with Argon2id |
//! | `amanat-root-key-2 transit ` and what [`Transit`] writes | a key that stays in a key server |
//!
//! The number is the version. A file is made in a temporary file, synced, and linked to its name, so a half-written key file never
//! appears and an existing one is never replaced by a new key. Where one is meant to be replaced (another protection, another key) the
//! temporary file is opened again, and takes the name only if it has the right key.
//!
//! # Another root key
//! `NAME.next` beside the file has the new key while everything is sealed again under it (see `keys::secrets`); then it takes the name.
//! [`RootKeyFile::unlock`] finishes what was broken off before it hands out a key.

mod draft;
mod passphrase;
mod private;
mod protection;
#[cfg(test)]
mod tests;
mod transit;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::{Db, MigrateError};
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, KEY_BYTES, SecretKey, Suite};
use crate::disk::lock_directory;
use crate::keys::KeyError;
use crate::keys::secrets::{Belongs, change_root, check_root, derive, secret, which_root};
use crate::schema::MIGRATIONS;
use crate::tombstone;

pub use passphrase::{MIN_PASSPHRASE_BYTES, Passphrase, PassphraseError};
pub(crate) use protection::parse_hex;
pub use protection::{Protection, ProtectionError};
pub use transit::{Transit, TransitError, TransitOptions};

const PLAIN_PREFIX: &str = "amanat-root-key-1 ";
const PREFIX: &str = "amanat-root-key-2 ";
/// The word for a key that nothing protects but the mode of its file.
const PLAIN: &str = "plain";
/// A key file is never longer than this.
const MAX_FILE_BYTES: u64 = 16 * 1024;

/// The key above all keys: whoever has it and the database can read every reading.
///
/// [Unlocked](RootKeyFile::unlock) for a database it also has the secrets for other uses than the vault's own.
pub struct RootKey(pub(crate) SecretKey, Secrets);

/// Names and secrets.
type Secrets = Vec<(String, Zeroizing<[u8; KEY_BYTES]>)>;

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
        "`{path}` is not a root key file (one line that begins with `amanat-root-key-`): restore it from its backup; without the key no reading can be opened"
    )]
    Malformed {
        /// Where.
        path: PathBuf,
    },
    /// A later release wrote the file.
    #[error("the root key file `{path}` is of a later version: use the release that wrote it")]
    Version {
        /// Where.
        path: PathBuf,
    },
    /// The file says that it is protected in a way for which nothing is at hand.
    #[error(
        "the root key file `{path}` is protected by `{protection}`: give what opens it, and start again"
    )]
    NotAtHand {
        /// Where.
        path: PathBuf,
        /// The word in the file.
        protection: String,
    },
    /// The protection could not be opened or made.
    #[error("the root key in `{path}` could not be {doing}")]
    Protection {
        /// `opened` or `protected`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What failed.
        #[source]
        source: ProtectionError,
    },
    /// A change of the key was begun and not finished: two files have to keep the same protection until it is.
    #[error(
        "a change of the root key in `{path}` was broken off: finish it first, with the protection that the file has"
    )]
    Unfinished {
        /// Where.
        path: PathBuf,
    },
    /// What was written does not open as the same key. The file is as it was.
    #[error(
        "the new root key file beside `{path}` does not open as the same key: nothing was changed"
    )]
    Different {
        /// Where.
        path: PathBuf,
    },
    /// No randomness for a new key.
    #[error("cannot make a new root key")]
    Random(#[source] CryptoError),
    /// Somebody uses the vault.
    #[error("the vault in `{path}` is in use: stop the server first")]
    InUse {
        /// Its directory.
        path: PathBuf,
    },
    /// The tables could not be made.
    #[error("the tables of the vault could not be made")]
    Migrate(#[source] MigrateError),
    /// The key is not that of the database, or its rows could not be read.
    #[error("the root key could not be used with this database")]
    Wrong(#[source] KeyError),
    /// Rows could not be sealed again; doing it again goes on where it stopped.
    #[error("the change of the root key is not finished: do it again, or start the server")]
    Change(#[source] KeyError),
}

impl RootKey {
    /// Loads a plain key file; makes one with a new random key if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, is open to others, or is no plain root key.
    pub fn load_or_create(path: &Path) -> Result<Self, RootKeyError> {
        RootKeyFile::new(path, Vec::new()).load_or_create()
    }

    /// A secret for another use than the vault's own. It keeps its value when the root key changes, if its name is one of those that
    /// were given to [`RootKeyFile::unlock`] and [`RootKeyFile::rotate`]: the caller keeps all its names in one table.
    #[must_use]
    pub fn derive(&self, name: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let known = self.1.iter().find(|(it, _)| it == name);
        known.map_or_else(|| derive(&self.0, name), |(_, secret)| secret.clone())
    }

    fn new(key: SecretKey) -> Self {
        Self(key, Vec::new())
    }

    /// With the secrets of these names, as a database has them.
    fn with_secrets(mut self, db: &Db, names: &[&str]) -> Result<Self, RootKeyError> {
        check_root(db, &self).map_err(RootKeyError::Wrong)?;
        for name in names {
            let secret = secret(db, &self, name).map_err(RootKeyError::Wrong)?;
            self.1.push(((*name).to_owned(), secret));
        }
        Ok(self)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

/// The file of a root key, and what is at hand to open it.
pub struct RootKeyFile {
    path: PathBuf,
    at_hand: Vec<Arc<dyn Protection>>,
}

/// What the file of a root key says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKeyState {
    /// Where it is.
    pub path: PathBuf,
    /// The word for what protects it: `plain`, `passphrase`, `transit`.
    pub protection: String,
    /// The version of its format.
    pub version: u32,
    /// Whether a change of the key was begun and not finished.
    pub is_rotating: bool,
}

/// How far a change of the root key got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// How many subject keys are sealed under the new key.
    pub subjects: u64,
}

impl RootKeyFile {
    /// A file at a path. A new key is protected by the first of what is at hand; by nothing but its mode when that is nothing.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, at_hand: Vec<Arc<dyn Protection>>) -> Self {
        Self {
            path: path.into(),
            at_hand,
        }
    }

    /// Opens the file; makes one with a new random key if there is none.
    ///
    /// # Errors
    /// See [`RootKeyError`].
    pub fn load_or_create(&self) -> Result<RootKey, RootKeyError> {
        match self.load(&self.path)? {
            Some(key) => Ok(key),
            None => self.create(&self.path, self.at_hand.first()),
        }
    }

    /// As [`RootKeyFile::load_or_create`], for the key that belongs to a database: a change of the root key that was broken off is
    /// finished first. `names` are those of all [secrets](RootKey::derive).
    ///
    /// # Errors
    /// See [`RootKeyError`].
    pub fn unlock(&self, db: &Db, names: &[&str]) -> Result<RootKey, RootKeyError> {
        db.migrate(&MIGRATIONS).map_err(RootKeyError::Migrate)?;
        let old = self.load_or_create()?;
        match self.load(&self.next())? {
            None => old.with_secrets(db, names),
            Some(new) => {
                tracing::info!("a change of the root key was broken off and is finished now");
                let (new, _) = self.finish(db, &old, new, Suite::default(), names)?;
                new.with_secrets(db, names)
            }
        }
    }

    /// The word that says how the file is protected; nothing when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or is no root key.
    pub fn protection(&self) -> Result<Option<String>, RootKeyError> {
        let text = self.text(&self.path)?;
        text.map(|it| self.parts(&self.path, &it).map(|(word, _)| word.to_owned()))
            .transpose()
    }

    /// What the file says about itself, without being opened; nothing when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or is no root key.
    pub fn state(&self) -> Result<Option<RootKeyState>, RootKeyError> {
        let Some(protection) = self.protection()? else {
            return Ok(None);
        };
        Ok(Some(RootKeyState {
            path: self.path.clone(),
            version: if protection == PLAIN { 1 } else { 2 },
            protection,
            is_rotating: self.is_rotating()?,
        }))
    }

    /// Opens the file, and the one of a change that was broken off, to see that what is at hand opens them. False when there is no file:
    /// none is made.
    ///
    /// # Errors
    /// See [`RootKeyError`].
    pub fn opens(&self) -> Result<bool, RootKeyError> {
        self.load(&self.next())?;
        Ok(self.load(&self.path)?.is_some())
    }

    /// Whether a change of the root key was begun and not finished.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn is_rotating(&self) -> Result<bool, RootKeyError> {
        let next = self.next();
        next.try_exists().map_err(failed("look for", &next))
    }

    /// Writes the same key with another protection; nothing for plain. The old bytes of a plain file may still be on the disk: change
    /// the key afterwards ([`RootKeyFile::rotate`]) where that matters.
    ///
    /// # Errors
    /// See [`RootKeyError`]; the file is as it was then.
    pub fn protect(&mut self, protection: Option<Arc<dyn Protection>>) -> Result<(), RootKeyError> {
        let path = self.path.clone();
        if self.is_rotating()? {
            return Err(RootKeyError::Unfinished { path });
        }
        let key = self
            .load(&path)?
            .ok_or_else(|| failed("open", &path)(io::Error::from(io::ErrorKind::NotFound)))?;
        let line = self.line(&path, protection.as_ref(), &key)?;
        let draft = draft::write(&path, line.as_bytes()).map_err(failed("write", &path))?;
        if let Some(protection) = protection {
            self.at_hand.insert(0, protection);
        }
        let again = self.load(&draft);
        let is_same = matches!(&again, Ok(Some(it)) if it.0.is_same(&key.0));
        if !is_same {
            let _ = std::fs::remove_file(&draft);
            return Err(again.err().unwrap_or(RootKeyError::Different { path }));
        }
        draft::replace(&draft, &path).map_err(failed("replace", &path))
    }

    /// Makes a new root key, with the protection that the file has now, and seals everything under it that was sealed under the old one.
    /// Broken off, it goes on where it stopped: by calling it again, or with the next [`RootKeyFile::unlock`].
    ///
    /// `directory` is that of the vault: nobody may use it meanwhile. `names` are those of all [secrets](RootKey::derive).
    ///
    /// # Errors
    /// See [`RootKeyError`].
    pub fn rotate(
        &self,
        directory: &Path,
        db: &Db,
        suite: Suite,
        names: &[&str],
    ) -> Result<Rotated, RootKeyError> {
        let _lock = lock_directory(directory).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => RootKeyError::InUse {
                path: directory.to_owned(),
            },
            _ => failed("lock the directory of the vault for", &self.path)(source),
        })?;
        db.migrate(&MIGRATIONS).map_err(RootKeyError::Migrate)?;
        let old = self.load_or_create()?;
        let next = self.next();
        let new = match self.load(&next)? {
            Some(new) => new,
            None => {
                let word = self.protection()?.unwrap_or_default();
                self.create(&next, self.find(&word))?
            }
        };
        #[cfg(test)]
        crate::crash::point();
        let (_, subjects) = self.finish(db, &old, new, suite, names)?;
        Ok(Rotated { subjects })
    }

    fn finish(
        &self,
        db: &Db,
        old: &RootKey,
        new: RootKey,
        suite: Suite,
        names: &[&str],
    ) -> Result<(RootKey, u64), RootKeyError> {
        let belongs = which_root(db, old, &new).map_err(RootKeyError::Change)?;
        let subjects = match belongs {
            Belongs::New => 0,
            Belongs::Old => {
                let names = [names, &[tombstone::SECRET]].concat();
                change_root(db, old, &new, suite, &names).map_err(RootKeyError::Change)?
            }
        };
        #[cfg(test)]
        crate::crash::point();
        draft::replace(&self.next(), &self.path).map_err(failed("replace", &self.path))?;
        Ok((new, subjects))
    }

    fn next(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".next");
        self.path.with_file_name(name)
    }

    fn find(&self, word: &str) -> Option<&Arc<dyn Protection>> {
        self.at_hand.iter().find(|it| it.word() == word)
    }

    fn create(
        &self,
        path: &Path,
        protection: Option<&Arc<dyn Protection>>,
    ) -> Result<RootKey, RootKeyError> {
        let key = RootKey::new(SecretKey::random().map_err(RootKeyError::Random)?);
        let line = self.line(path, protection, &key)?;
        draft::create(path, line.as_bytes()).map_err(failed("create", path))?;
        Ok(key)
    }

    fn line(
        &self,
        path: &Path,
        protection: Option<&Arc<dyn Protection>>,
        key: &RootKey,
    ) -> Result<Zeroizing<String>, RootKeyError> {
        let mut line = Zeroizing::new(String::with_capacity(4096));
        match protection {
            None => {
                line.push_str(PLAIN_PREFIX);
                protection::push_hex(&mut line, key.0.expose_secret());
            }
            Some(protection) => {
                let fields = protection.protect(&key.0.to_bytes()).map_err(|source| {
                    RootKeyError::Protection {
                        doing: "protected",
                        path: path.to_owned(),
                        source,
                    }
                })?;
                line.push_str(PREFIX);
                line.push_str(protection.word());
                line.push(' ');
                line.push_str(&fields);
            }
        }
        line.push('\n');
        Ok(line)
    }

    /// The key of a file; nothing when there is none.
    fn load(&self, path: &Path) -> Result<Option<RootKey>, RootKeyError> {
        let Some(text) = self.text(path)? else {
            return Ok(None);
        };
        let malformed = || RootKeyError::Malformed {
            path: path.to_owned(),
        };
        let (word, fields) = self.parts(path, &text)?;
        if word == PLAIN {
            let bytes = parse_hex::<KEY_BYTES>(fields).ok_or_else(malformed)?;
            let key = SecretKey::from_slice(bytes.as_slice()).ok_or_else(malformed)?;
            return Ok(Some(RootKey::new(key)));
        }
        let protection = self.find(word).ok_or_else(|| RootKeyError::NotAtHand {
            path: path.to_owned(),
            protection: word.to_owned(),
        })?;
        let bytes = protection
            .open(fields)
            .map_err(|source| RootKeyError::Protection {
                doing: "opened",
                path: path.to_owned(),
                source,
            })?;
        let key = SecretKey::from_slice(bytes.as_slice()).ok_or_else(malformed)?;
        Ok(Some(RootKey::new(key)))
    }

    /// The word for the protection, and what it wrote.
    fn parts<'a>(&self, path: &Path, text: &'a str) -> Result<(&'a str, &'a str), RootKeyError> {
        let line = text.trim_end();
        if let Some(digits) = line.strip_prefix(PLAIN_PREFIX) {
            return Ok((PLAIN, digits));
        }
        let parts = line.strip_prefix(PREFIX).and_then(|it| it.split_once(' '));
        let is_word = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase());
        match parts {
            Some((word, fields)) if is_word(word) => Ok((word, fields)),
            _ => Err(not_known(path, line)),
        }
    }

    fn text(&self, path: &Path) -> Result<Option<Zeroizing<String>>, RootKeyError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", path)(error)),
        };
        let metadata = file.metadata().map_err(failed("examine", path))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(RootKeyError::OpenToOthers {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::with_capacity(4096));
        file.take(MAX_FILE_BYTES)
            .read_to_string(&mut text)
            .map_err(failed("read", path))?;
        Ok(Some(text))
    }
}

fn not_known(path: &Path, line: &str) -> RootKeyError {
    let path = path.to_owned();
    let version = line
        .strip_prefix("amanat-root-key-")
        .and_then(|it| it.split_once(' '))
        .and_then(|(version, _)| version.parse::<u32>().ok());
    match version {
        Some(version) if version > 2 => RootKeyError::Version { path },
        _ => RootKeyError::Malformed { path },
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

//! Opening and closing: keys, rows, vault and record come together.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use model::{DeploymentId, Timestamp};
use record::{DirStore, Signer};
use ring::hmac;
use store::Db;
use vault::{Lsn, Progress, Protection, RootKey, RootKeyFile, Vault, VaultOptions};

use crate::case_box::CaseBox;
use crate::catalogue::{Catalogue, Opened, Peer};
use crate::certificate::{Certificates, KeyBox};
use crate::commons::Commons;
use crate::deliver::Hub;
use crate::destination::{Couriers, Placements, SecretBox};
use crate::durable::Line;
use crate::export::Exports;
use crate::keeping::Promises;
use crate::ledger::{self, LedgerError};
use crate::push::Pushes;
use crate::receipts::commit::Committing;
use crate::retained::Retaining;
use crate::row_box::RowBox;
use crate::rows::{self, RowError};
use crate::secret::Pseudonyms;
use crate::watch::Changes;
use crate::windows::Windows;
use crate::windows::saved::WindowBox;

/// Labels under which keys are derived from the root key: one table, so that no two uses share a key.
mod label {
    pub(super) const RECORD_SIGNER: &str = "amanat/v1/record-signer";
    pub(super) const SUBJECT_LOOKUP: &str = "amanat/v1/subject-lookup";
    pub(super) const DESTINATION_SECRETS: &str = "amanat/v1/destination-secrets";
    pub(super) const RETAINED: &str = "amanat/v1/retained";
    pub(super) const WINDOW_STATE: &str = "amanat/v1/window-state";
    pub(super) const DEVICE_AUTHORITY: &str = "amanat/v1/device-authority";
    pub(super) const WEBHOOK_SECRETS: &str = "amanat/v1/webhook-secrets";
    pub(super) const RECIPIENT_PSEUDONYM: &str = "amanat/v1/recipient-pseudonym";
    pub(super) const EXPORTS: &str = "amanat/v1/exports";
    pub(super) const COMMONS: &str = "amanat/v1/commons";
    pub(super) const CASE_TEXTS: &str = "amanat/v1/case-texts";
    pub(super) const CASE_MARKS: &str = "amanat/v1/case-marks";
    pub(super) const RECEIPT_SALTS: &str = "amanat/v1/receipt-salts";
    /// All of them: what is not in it would not keep its value when the root key changes.
    pub(super) const ALL: [&str; 13] = [
        RECORD_SIGNER,
        SUBJECT_LOOKUP,
        DESTINATION_SECRETS,
        RETAINED,
        WINDOW_STATE,
        DEVICE_AUTHORITY,
        WEBHOOK_SECRETS,
        RECIPIENT_PSEUDONYM,
        EXPORTS,
        COMMONS,
        CASE_TEXTS,
        CASE_MARKS,
        RECEIPT_SALTS,
    ];
}

/// Where custody keeps its things.
#[derive(Debug, Clone)]
pub struct CustodyOptions {
    /// The data directory: keys, write-ahead log, published record.
    pub directory: PathBuf,
    /// The name in the record's checkpoints: a host and path that this alliance controls, without a scheme.
    pub record_origin: String,
}

/// Why custody did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory could not be made.
    #[error("the directory {path} could not be made")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The root key.
    #[error("the root key could not be opened")]
    RootKey(#[source] vault::RootKeyError),
    /// The vault.
    #[error("the vault could not be opened")]
    Vault(#[source] vault::OpenError),
    /// The migrations.
    #[error("the database could not be brought up to date")]
    Migrate(#[from] store::MigrateError),
    /// The rows.
    #[error("the database could not be read")]
    Rows(#[from] RowError),
    /// The database.
    #[error("the database could not be read")]
    Db(#[from] store::DbError),
    /// A notice in force does not compile.
    #[error("the notice of `{0}` in the database cannot be enforced")]
    Notice(DeploymentId),
    /// The key for saved time windows.
    #[error(
        "the key for saved time windows could not be made: the operating system gives no randomness"
    )]
    Windows,
    /// The key for retained messages.
    #[error(
        "the key for retained messages could not be made: the operating system gives no randomness"
    )]
    Retained,
    /// The key for the addresses and passwords of people's destinations.
    #[error("the key for people's destinations could not be made")]
    Secrets,
    /// The key for the authority for devices.
    #[error("the key for the authority for devices could not be made")]
    Authority,
    /// The key for exports.
    #[error("the key for exports could not be made: the operating system gives no randomness")]
    Exports,
    /// The key for the commons.
    #[error("the key for the commons could not be made: the operating system gives no randomness")]
    Commons,
    /// The texts of cases cannot be sealed.
    #[error("the texts of cases cannot be sealed: the operating system gives no randomness")]
    Cases,
    /// The key for the salts of receipts.
    #[error("the salts of receipts could not be made: the operating system gives no randomness")]
    Receipts,
    /// The record.
    #[error("the record could not be opened")]
    Record(#[source] LedgerError),
}

/// Data held in trust. Cheap to clone; the last clone does not close it, [`Custody::close`] does.
#[derive(Clone)]
pub struct Custody {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) signer: Signer,
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) catalogue: ArcSwap<Catalogue>,
    /// Somebody's credential has changed.
    pub(crate) credentials: Changes,
    /// Which certificate names which thing.
    pub(crate) certificates: Certificates,
    /// The scripts that read what no dialect knows.
    pub(crate) codecs: crate::codecs::Codecs,
    pub(crate) hub: Hub,
    /// Read by those who hand bytes to a socket, written by those who change the rules.
    pub(crate) gate: RwLock<()>,
    /// One act at a time, so that states are swapped in the order of their commits. Owns the published directory.
    pub(crate) writer: Mutex<DirStore>,
    /// How many programs were compiled; it numbers them.
    pub(crate) generation: Arc<AtomicU64>,
    /// How often the rules in force have changed.
    pub(crate) rules: AtomicU64,
    pub(crate) maintained_at: AtomicI64,
    /// When it was last looked whose days are to be sealed to their own keys.
    pub(crate) sealed_at: AtomicI64,
    /// Whether the published record has missed a file.
    pub(crate) is_record_behind: AtomicBool,
    /// Those who wait until a position is durable.
    pub(crate) line: Arc<Line>,
    /// Publishers that wait until the log has room.
    pub(crate) room: Arc<crate::outbox::Queue>,
    /// How the things are switched at the source.
    pub(crate) source: crate::source::Keeper,
    /// What recipients have things do.
    pub(crate) orders: crate::command::Orders,
    /// How the things came in.
    pub(crate) transports: crate::transport::Transports,
    /// Where the readings of people go.
    pub(crate) placements: Placements,
    /// What later notices made shorter.
    pub(crate) promises: Promises,
    /// The destinations of people, and what is under way to them.
    pub(crate) couriers: Couriers,
    /// Seals the addresses and passwords of destinations.
    pub(crate) secrets: SecretBox,
    /// Seals the texts of cases.
    pub(crate) cases: CaseBox,
    /// The webhooks of recipients, and what is under way to them.
    pub(crate) pushes: Pushes,
    /// What passes as statistics over time.
    pub(crate) windows: Windows,
    /// Exports that people asked for.
    pub(crate) exports: Exports,
    /// What commits to receipts.
    pub(crate) committing: crate::receipts::commit::Committing,
    /// What people have had erased.
    pub(crate) erasing: crate::erase::Erasing,
    /// What people give away without their name.
    pub(crate) commons: Commons,
    /// What whoever subscribes later gets.
    pub(crate) retaining: Retaining,
    /// What everybody may know of what betrays presence.
    pub(crate) public_facts: Mutex<crate::collateral::PublicFacts>,
}

impl Custody {
    /// Opens the data directory and the database, making what is missing, and puts in force what they say.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is half open then.
    pub fn open(options: &CustodyOptions, db: Db) -> Result<Self, OpenError> {
        Self::open_with(options, db, Vec::new())
    }

    /// As [`Custody::open`], with what opens the file of the root key.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is half open then.
    pub fn open_with(
        options: &CustodyOptions,
        db: Db,
        at_hand: Vec<Arc<dyn Protection>>,
    ) -> Result<Self, OpenError> {
        let directory = &options.directory;
        let keys = made_private(&directory.join("keys"))?;
        let root = RootKeyFile::new(keys.join("root.key"), at_hand)
            .unlock(&db, &label::ALL)
            .map_err(OpenError::RootKey)?;
        db.migrate(&rows::MIGRATIONS)?;
        let signer = signer(options, &root)?;
        let pseudonyms = pseudonyms(&root);
        let secrets = secret_box(&root, label::DESTINATION_SECRETS)?;
        let pushes = Pushes::new(secret_box(&root, label::WEBHOOK_SECRETS)?);
        let windows = windows(&root)?;
        let certificates = certificates(&root)?;
        let retaining = Retaining::new(&root.derive(label::RETAINED)).ok_or(OpenError::Retained)?;
        let exports = exports(directory, &root)?;
        let commons = commons(&root)?;
        let cases = case_box(&root)?;
        let committing = committing(&root)?;
        let (line, room) = <(Arc<Line>, Arc<crate::outbox::Queue>)>::default();
        let vault = opened_vault(directory, &db, root, (&line, &room))?;
        vault.strip_with(crate::erase::strip);
        // Only now is it known that the root key is the right one: a wrong one must not touch the record.
        let published = open_record(&db, &signer, &made(&directory.join("record"))?)?;
        let transports = crate::transport::Transports::open(&db)?;
        let source = crate::source::Keeper::open(&db)?;
        let orders = crate::command::Orders::open(&db)?;
        let custody = Self {
            inner: Arc::new(Inner {
                db,
                vault,
                signer,
                pseudonyms,
                catalogue: ArcSwap::default(),
                credentials: Changes::default(),
                certificates,
                codecs: crate::codecs::Codecs::default(),
                hub: Hub::default(),
                gate: RwLock::new(()),
                writer: Mutex::new(published),
                generation: Arc::default(),
                rules: AtomicU64::new(0),
                maintained_at: AtomicI64::new(0),
                sealed_at: AtomicI64::new(0),
                is_record_behind: AtomicBool::new(false),
                line,
                room,
                source,
                orders,
                transports,
                placements: Placements::default(),
                promises: Promises::default(),
                couriers: Couriers::default(),
                secrets,
                pushes,
                cases,
                windows,
                retaining,
                exports,
                commons,
                committing,
                erasing: crate::erase::Erasing::default(),
                public_facts: Mutex::default(),
            }),
        };
        custody.load_all()?;
        custody.begin_promises()?;
        custody.load_codecs()?;
        custody.load_destinations()?;
        custody.load_erasures()?;
        custody.load_saved()?;
        custody.resume_erasures()?;
        Ok(custody)
    }

    /// Reads what was saved of messages that had come in before the start, and up to where webhooks have got.
    fn load_saved(&self) -> Result<(), RowError> {
        self.load_windows()?;
        self.load_webhooks()?;
        self.load_retained()
    }

    /// Who stands behind a user name and a password, or nobody. A user name is the identifier of a thing, a bridge or a
    /// recipient; who receives may add `?purpose=<purpose>`. Takes the same time for a wrong password and an unknown name.
    #[must_use]
    pub fn authenticate(&self, user_name: &str, password: &[u8], now: Timestamp) -> Option<Peer> {
        self.let_in(user_name, password, now).map(|it| it.0)
    }

    /// See [`Custody::authenticate`]; says in addition what it was that opened, for [`Peer::stands`].
    #[must_use]
    pub fn let_in(
        &self,
        user_name: &str,
        password: &[u8],
        now: Timestamp,
    ) -> Option<(Peer, Opened)> {
        let catalogue = self.inner.catalogue.load();
        catalogue.authenticate(user_name, password, now)
    }

    /// Blocks until a message is kept for good. For callers outside an async runtime; others use
    /// [`Custody::poll_durable`].
    ///
    /// # Errors
    /// When the vault has failed and cannot keep it.
    pub fn wait_durable(&self, lsn: Lsn) -> Result<(), vault::WaitError> {
        self.inner.vault.wait(lsn)
    }

    /// Whether the vault has stopped after a failure: nothing comes in any more, and only opening it again helps.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.inner.vault.failed()
    }
}

fn signer(options: &CustodyOptions, root: &RootKey) -> Result<Signer, OpenError> {
    Signer::new(&options.record_origin, &root.derive(label::RECORD_SIGNER))
        .map_err(|err| OpenError::Record(LedgerError::Log(err.to_string())))
}

fn windows(root: &RootKey) -> Result<Windows, OpenError> {
    let sealed = WindowBox::new(&root.derive(label::WINDOW_STATE));
    sealed.map(Windows::new).ok_or(OpenError::Windows)
}

fn secret_box(root: &RootKey, label: &str) -> Result<SecretBox, OpenError> {
    SecretBox::new(&root.derive(label)).map_err(|_| OpenError::Secrets)
}

/// Makes a new root key and seals under it whatever was sealed under the old one, while nothing has the data directory open. Broken off,
/// it goes on when it is called again, or when the data directory is opened.
///
/// # Errors
/// See [`vault::RootKeyError`].
pub fn rotate_root_key(
    options: &CustodyOptions,
    db: &Db,
    at_hand: Vec<Arc<dyn Protection>>,
) -> Result<vault::Rotated, vault::RootKeyError> {
    let file = crate::root_key::file(&options.directory, at_hand);
    let wal = options.directory.join("wal");
    file.rotate(&wal, db, vault::Suite::default(), &label::ALL)
}

fn pseudonyms(root: &RootKey) -> Pseudonyms {
    Pseudonyms::new(
        &root.derive(label::SUBJECT_LOOKUP),
        *root.derive(label::RECIPIENT_PSEUDONYM),
    )
}

/// Opens the vault; it tells those who wait for its commits, and those who wait until it takes more.
fn opened_vault(
    directory: &Path,
    db: &Db,
    root: RootKey,
    (line, room): (&Arc<Line>, &Arc<crate::outbox::Queue>),
) -> Result<Vault, OpenError> {
    let (line, room) = (Arc::clone(line), Arc::clone(room));
    let tell = move |progress| match progress {
        Progress::Durable(lsn) => {
            let woken = line.advance(lsn);
            line.gather(woken);
        }
        Progress::Room => room.release(usize::MAX),
        Progress::Stopped => {
            line.close();
            room.release(usize::MAX);
        }
    };
    let options = VaultOptions::new(made(&directory.join("wal"))?);
    Vault::open(options, db.clone(), root, tell).map_err(OpenError::Vault)
}

/// Where finished exports lie, and what seals their keys.
fn exports(directory: &Path, root: &RootKey) -> Result<Exports, OpenError> {
    let keys = hmac::Key::new(hmac::HMAC_SHA256, root.derive(label::EXPORTS).as_slice());
    let keys = RowBox::new(keys).ok_or(OpenError::Exports)?;
    Ok(Exports::new(
        made_private(&directory.join("exports"))?,
        keys,
    ))
}

fn commons(root: &RootKey) -> Result<Commons, OpenError> {
    Commons::new(root.derive(label::COMMONS).as_slice()).ok_or(OpenError::Commons)
}

fn case_box(root: &RootKey) -> Result<CaseBox, OpenError> {
    let (texts, marks) = (
        root.derive(label::CASE_TEXTS),
        root.derive(label::CASE_MARKS),
    );
    CaseBox::new(texts.as_slice(), marks.as_slice()).ok_or(OpenError::Cases)
}

fn committing(root: &RootKey) -> Result<Committing, OpenError> {
    let key = hmac::Key::new(
        hmac::HMAC_SHA256,
        root.derive(label::RECEIPT_SALTS).as_slice(),
    );
    RowBox::new(key)
        .map(Committing::new)
        .ok_or(OpenError::Receipts)
}

fn certificates(root: &RootKey) -> Result<Certificates, OpenError> {
    let key_box = KeyBox::new(&root.derive(label::DEVICE_AUTHORITY));
    key_box.map(Certificates::new).ok_or(OpenError::Authority)
}

/// A directory that only this user can enter.
fn made_private(path: &Path) -> Result<PathBuf, OpenError> {
    let made = made(path)?;
    std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o700)).map_err(|source| {
        OpenError::Directory {
            path: path.to_owned(),
            source,
        }
    })?;
    Ok(made)
}

fn made(path: &Path) -> Result<PathBuf, OpenError> {
    std::fs::create_dir_all(path).map_err(|source| OpenError::Directory {
        path: path.to_owned(),
        source,
    })?;
    Ok(path.to_owned())
}

/// Opens the published record, brings it up to date, and writes the verifier key beside it.
fn open_record(db: &Db, signer: &Signer, directory: &Path) -> Result<DirStore, OpenError> {
    let failed = |err: &dyn std::fmt::Display| OpenError::Record(LedgerError::Log(err.to_string()));
    let mut published = DirStore::create(directory).map_err(|err| failed(&err))?;
    let begun: Result<_, LedgerError> = db.write(|tx| ledger::begin(tx, signer));
    begun.map_err(OpenError::Record)?;
    db.read(|tx| ledger::catch_up(tx, &mut published))
        .map_err(OpenError::Record)?;
    publish_key(
        &directory.join("log.vkey"),
        &format!("{}\n", signer.verifier()),
    )
    .map_err(|source| OpenError::Directory {
        path: directory.join("log.vkey"),
        source,
    })?;
    Ok(published)
}

/// Writes the verifier key beside the record, unless it is there.
fn publish_key(path: &Path, key: &str) -> std::io::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|it| it == key) {
        return Ok(());
    }
    let fresh = path.with_extension("vkey.new");
    std::fs::write(&fresh, key)?;
    std::fs::rename(&fresh, path)
}

/// The lock of the one who writes; a panic of an earlier writer has rolled its transaction back.
pub(crate) fn writer(inner: &Inner) -> std::sync::MutexGuard<'_, DirStore> {
    inner.writer.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn every_label_is_in_the_table_that_a_change_of_the_root_key_goes_by() {
        let source = include_str!("open.rs");
        let declared = source.split(": &str = \"amanat/v1/").count() - 1;
        assert_eq!(declared, label::ALL.len());
    }
}

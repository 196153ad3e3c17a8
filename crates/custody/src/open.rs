//! Opening and closing: keys, rows, vault and record come together.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use model::{DeploymentId, Timestamp};
use record::{DirStore, Signer};
use store::Db;
use vault::{Lsn, RootKey, Vault, VaultOptions};

use crate::act;
use crate::catalogue::{Catalogue, Peer, RecipientPeer};
use crate::deliver::Hub;
use crate::durable::Line;
use crate::ledger::{self, LedgerError};
use crate::receipts::ReceiptCounter;
use crate::rows::{self, RowError};
use crate::secret::{Pseudonyms, TokenHash};

/// How often the vault is maintained, in milliseconds.
const MAINTENANCE_MILLIS: i64 = 60_000;

/// Labels under which keys are derived from the root key: one table, so that no two uses share a key.
mod label {
    pub(super) const RECORD_SIGNER: &str = "amanat/v1/record-signer";
    pub(super) const SUBJECT_LOOKUP: &str = "amanat/v1/subject-lookup";
    pub(super) const RECIPIENT_PSEUDONYM: &str = "amanat/v1/recipient-pseudonym";
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
    pub(crate) hub: Hub,
    pub(crate) receipts: ReceiptCounter,
    /// Read by those who hand bytes to a socket, written by those who change the rules.
    pub(crate) gate: RwLock<()>,
    /// One act at a time, so that states are swapped in the order of their commits. Owns the published directory.
    pub(crate) writer: Mutex<DirStore>,
    generation: AtomicU64,
    maintained_at: AtomicI64,
    /// Those who wait until a position is durable.
    pub(crate) line: Arc<Line>,
}

impl Inner {
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Custody {
    /// Opens the data directory and the database, making what is missing, and puts in force what they say.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is half open then.
    pub fn open(options: &CustodyOptions, db: Db) -> Result<Self, OpenError> {
        let directory = &options.directory;
        let keys = made(&directory.join("keys"))?;
        let root = RootKey::load_or_create(&keys.join("root.key")).map_err(OpenError::RootKey)?;
        db.migrate(&rows::MIGRATIONS)?;
        let signer = Signer::new(&options.record_origin, &root.derive(label::RECORD_SIGNER))
            .map_err(|err| OpenError::Record(LedgerError::Log(err.to_string())))?;
        let pseudonyms = Pseudonyms::new(
            &root.derive(label::SUBJECT_LOOKUP),
            *root.derive(label::RECIPIENT_PSEUDONYM),
        );
        let published = open_record(&db, &signer, &made(&directory.join("record"))?)?;
        let line = Arc::new(Line::default());
        let told = Arc::clone(&line);
        let vault = Vault::open(
            VaultOptions::new(made(&directory.join("wal"))?),
            db.clone(),
            root,
            move |lsn| told.advance(lsn),
        )
        .map_err(OpenError::Vault)?;
        let custody = Self {
            inner: Arc::new(Inner {
                db,
                vault,
                signer,
                pseudonyms,
                catalogue: ArcSwap::default(),
                hub: Hub::default(),
                receipts: ReceiptCounter::default(),
                gate: RwLock::new(()),
                writer: Mutex::new(published),
                generation: AtomicU64::new(0),
                maintained_at: AtomicI64::new(0),
                line,
            }),
        };
        act::load_all(&custody)?;
        Ok(custody)
    }

    /// Who stands behind a user name and a password, or nobody. Takes the same time for a wrong password and an
    /// unknown name.
    #[must_use]
    pub fn authenticate(&self, user_name: &str, password: &[u8]) -> Option<Peer> {
        let catalogue = self.inner.catalogue.load();
        let peer = find(&catalogue, user_name);
        let token = match &peer {
            Some(Peer::Thing(thing)) => thing.token,
            Some(Peer::Recipient(recipient)) => recipient.token,
            None => TokenHash::of(b""),
        };
        // The empty password never authenticates, so the hash of nothing cannot match a name that does not exist.
        let matches = token.matches(password) & !password.is_empty();
        peer.filter(|_| matches)
    }

    /// Blocks until a message is kept for good. For callers outside an async runtime; others use
    /// [`Custody::poll_durable`].
    ///
    /// # Errors
    /// When the vault has failed and cannot keep it.
    pub fn wait_durable(&self, lsn: Lsn) -> Result<(), vault::WaitError> {
        self.inner.vault.wait(lsn)
    }

    /// Writes counters, moves readings to their blocks, and drops what is past its retention. Call it every second or so.
    ///
    /// # Errors
    /// When the database fails; counts are kept and written next time.
    pub fn tick(&self, now: Timestamp) -> Result<(), TickError> {
        self.flush_counts()?;
        let last = self
            .inner
            .maintained_at
            .swap(now.as_millis(), Ordering::Relaxed);
        if now.as_millis() - last < MAINTENANCE_MILLIS {
            self.inner.maintained_at.store(last, Ordering::Relaxed);
            return Ok(());
        }
        self.inner.vault.maintain(now).map_err(TickError::Vault)?;
        Ok(())
    }

    /// Writes what is pending and stops. Nothing may be ingested afterwards.
    ///
    /// # Errors
    /// When the database fails.
    pub fn close(&self) -> Result<(), TickError> {
        self.inner.vault.close();
        self.inner.line.close();
        self.flush_counts()
    }

    fn flush_counts(&self) -> Result<(), TickError> {
        let receipts = self.inner.receipts.take();
        let catalogue = self.inner.catalogue.load();
        let drift: Vec<_> = catalogue
            .deployments
            .values()
            .map(|it| (Arc::clone(it), it.drift.take()))
            .filter(|(_, rows)| !rows.is_empty())
            .collect();
        if receipts.is_empty() && drift.is_empty() {
            return Ok(());
        }
        let written: Result<(), RowError> = self.inner.db.write(|tx| {
            receipts
                .iter()
                .try_for_each(|it| rows::receipt::add(tx, it))?;
            for (deployment, rows) in &drift {
                rows.iter()
                    .try_for_each(|it| rows::drift::add(tx, &deployment.id, it))?;
            }
            Ok(())
        });
        written.map_err(|err| {
            self.inner.receipts.put_back(receipts);
            for (deployment, rows) in drift {
                deployment.drift.put_back(rows);
            }
            TickError::Rows(err)
        })
    }
}

/// Why housekeeping failed.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// Counters could not be written; they are kept.
    #[error("counters could not be written")]
    Rows(#[source] RowError),
    /// Readings could not be moved or dropped.
    #[error("the vault could not be maintained")]
    Vault(#[source] vault::MaintainError),
}

fn find(catalogue: &Catalogue, user_name: &str) -> Option<Peer> {
    let thing = model::ThingId::parse(user_name)
        .ok()
        .and_then(|it| catalogue.things.get(&it));
    if let Some(thing) = thing {
        return Some(Peer::Thing(Arc::clone(thing)));
    }
    let recipient: &Arc<RecipientPeer> = catalogue
        .recipients
        .get(&model::RecipientId::parse(user_name).ok()?)?;
    Some(Peer::Recipient(Arc::clone(recipient)))
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
    let empty = db
        .read(|tx| rows::entry::file(tx, ledger::CHECKPOINT_PATH))?
        .is_none();
    if empty {
        let files: Result<_, LedgerError> = db.write(|tx| ledger::append(tx, signer, &[]));
        files.map_err(OpenError::Record)?;
    }
    db.read(|tx| ledger::catch_up(tx, &mut published))
        .map_err(OpenError::Record)?;
    let key = format!("{}\n", signer.verifier());
    std::fs::write(directory.join("log.vkey"), key).map_err(|source| OpenError::Directory {
        path: directory.join("log.vkey"),
        source,
    })?;
    Ok(published)
}

/// The lock of the one who writes; a panic of an earlier writer has rolled its transaction back.
pub(crate) fn writer(inner: &Inner) -> std::sync::MutexGuard<'_, DirStore> {
    inner.writer.lock().unwrap_or_else(PoisonError::into_inner)
}

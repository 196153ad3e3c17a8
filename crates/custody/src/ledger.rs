//! The public record as this crate keeps it: entries are rows, files (tiles, bundles, checkpoint) are rows beside them,
//! written in the transaction of the act they record, and published to a directory after it.
//!
//! An entry's bytes are one JSON object with the keys `v`, `at`, `kind`, `about`, `by`, `reason`, `document_sha256`
//! in this order; `v` is 1; absent values are left out. No entry holds personal data.

use model::{Entry, EntryKind, Timestamp};
use record::{DirStore, LogPath, LogStore, Note, Signer};
use serde::Serialize;
use store::{DbError, Tx};

use crate::Custody;
use crate::act::ActError;
use crate::rows::{self, RowError};

/// The record's signed head.
pub(crate) const CHECKPOINT_PATH: &str = "checkpoint";
/// The version of the entry format.
const ENTRY_VERSION: u8 = 1;

/// An entry and its position in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEntry {
    /// Its leaf index.
    pub position: u64,
    /// What it says.
    pub entry: Entry,
}

/// Which entries somebody looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Of one kind, or of all.
    pub kind: Option<EntryKind>,
    /// About one thing or by one party, such as `deployment:lahore-air`; empty for all.
    pub about: String,
    /// Whose reasons have these words; empty for all. Upper and lower case do not count (of Latin letters).
    pub words: String,
    /// Before this position, or from the newest on.
    pub before: Option<u64>,
}

/// What anyone needs to check that an entry is in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    /// The entry's bytes as they were hashed.
    pub bytes: Vec<u8>,
    /// The inclusion proof (RFC 6962 section 2.1.1).
    pub proof: record::InclusionProof,
    /// The signed checkpoint that the proof leads to, as a C2SP signed note.
    pub checkpoint: String,
}

/// Why the record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The rows failed.
    #[error("the record's rows failed")]
    Rows(#[from] RowError),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbError),
    /// The log itself does not hold together.
    #[error("the record does not hold together: {0}")]
    Log(String),
}

#[derive(Serialize)]
struct EntryBody<'a> {
    v: u8,
    at: String,
    kind: &'a str,
    about: &'a str,
    by: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_sha256: Option<&'a str>,
}

/// The bytes of an entry in the record.
fn entry_bytes(entry: &Entry) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec(&EntryBody {
        v: ENTRY_VERSION,
        at: entry.at.to_string(),
        kind: entry.kind.as_str(),
        about: &entry.about,
        by: &entry.by,
        reason: &entry.reason,
        document_sha256: entry.document_sha256.as_deref(),
    })
    .map_err(|err| LedgerError::Log(err.to_string()))
}

/// What an entry of the record looks like, as a JSON Schema (draft 2020-12). Anybody may check an entry with it.
#[must_use]
pub fn record_entry_schema() -> String {
    let kinds: Vec<_> = EntryKind::ALL.iter().map(|it| it.as_str()).collect();
    let schema = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Entry of an Amanat record",
        "type": "object",
        "properties": {
            "v": { "const": ENTRY_VERSION },
            "at": { "type": "string", "format": "date-time" },
            "kind": { "enum": kinds },
            "about": { "type": "string", "minLength": 1 },
            "by": { "type": "string", "minLength": 1 },
            "reason": { "type": "string", "minLength": 1 },
            "document_sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
        },
        "required": ["v", "at", "kind", "about", "by"],
        "additionalProperties": false,
    });
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// The record's files inside a transaction; remembers what was written, to publish it after the commit.
pub(crate) struct TxFiles<'a, 't> {
    tx: &'a mut Tx<'t>,
    written: Files,
}

/// Where the partial versions of a tile lie.
fn partials(tile: &str) -> String {
    format!("{tile}.p/")
}

/// Files of the record, in the order in which they must be published (the checkpoint last).
pub(crate) type Files = Vec<(String, Vec<u8>)>;

impl LogStore for TxFiles<'_, '_> {
    type Error = DbError;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, DbError> {
        rows::entry::file(self.tx, path)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), DbError> {
        rows::entry::put_file(self.tx, path, bytes)?;
        self.written.push((path.to_owned(), bytes.to_vec()));
        Ok(())
    }

    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, DbError> {
        let prefix = partials(tile);
        let paths = rows::entry::file_paths_under(self.tx, &prefix)?;
        let widths = paths
            .iter()
            .filter_map(|it| it.strip_prefix(&prefix)?.parse().ok());
        Ok(widths.collect())
    }

    fn drop_partials(&mut self, tile: &str) -> Result<(), DbError> {
        rows::entry::remove_files_under(self.tx, &partials(tile))
    }
}

/// Appends entries in the caller's transaction and says which files to publish when it has committed.
pub(crate) fn append(
    tx: &mut Tx<'_>,
    signer: &Signer,
    entries: &[Entry],
) -> Result<Files, LedgerError> {
    let bytes: Vec<_> = entries.iter().map(entry_bytes).collect::<Result<_, _>>()?;
    let slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    let mut files = TxFiles {
        tx,
        written: Vec::new(),
    };
    let appended = record::append(&mut files, signer, &slices)
        .map_err(|err| LedgerError::Log(err.to_string()))?;
    let TxFiles { tx, written } = files;
    for (position, entry) in (appended.first_index..).zip(entries) {
        rows::entry::insert(tx, position, entry)?;
    }
    Ok(written)
}

/// Publishes files of the record; the checkpoint goes last so that a reader never sees one that is ahead of its tiles.
pub(crate) fn publish(directory: &mut DirStore, mut files: Files) -> Result<(), LedgerError> {
    files.sort_by_key(|(path, _)| path == CHECKPOINT_PATH);
    for (path, body) in &files {
        let failed = |err| LedgerError::Log(format!("`{path}` could not be published: {err}"));
        directory.write(path, body).map_err(failed)?;
        let full = matches!(
            LogPath::parse(path),
            Some(LogPath::Tile { partial: None, .. } | LogPath::Entries { partial: None, .. })
        );
        if full {
            directory.drop_partials(path).map_err(failed)?;
        }
    }
    Ok(())
}

/// Starts the record with a checkpoint of nothing, or checks that the one that stands was signed by this key under this
/// origin: a changed origin or key would make a record that does not verify.
pub(crate) fn begin(tx: &mut Tx<'_>, signer: &Signer) -> Result<(), LedgerError> {
    let mut files = TxFiles {
        tx,
        written: Vec::new(),
    };
    let standing = record::checkpoint(&mut files, signer.verifier()).map_err(|err| {
        LedgerError::Log(format!(
            "the checkpoint in the database does not verify under the key `{}`: {err}; \
             was record.origin changed? Set it back to what it was",
            signer.verifier()
        ))
    })?;
    if standing.is_none() {
        append(files.tx, signer, &[])?;
    }
    Ok(())
}

/// Brings the published directory up to what is committed: file by file, because a stop or a full disk can leave any of
/// them behind.
pub(crate) fn catch_up(tx: &mut Tx<'_>, directory: &mut DirStore) -> Result<(), LedgerError> {
    let mut behind = Vec::new();
    for path in rows::entry::file_paths(tx)? {
        let committed = rows::entry::file(tx, &path)?;
        let published = directory
            .read(&path)
            .map_err(|err| LedgerError::Log(err.to_string()))?;
        if committed != published {
            behind.extend(committed.map(|it| (path, it)));
        }
    }
    publish(directory, behind)
}

impl Custody {
    /// Says in the record that the root key was changed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_key_rotation(&self, now: Timestamp) -> Result<(), ActError> {
        self.act(now, |act| {
            act.record(Entry {
                at: now,
                kind: EntryKind::KeysRotated,
                about: "keys:root".to_owned(),
                by: "office:operator".to_owned(),
                reason: String::new(),
                document_sha256: None,
            });
            Ok(())
        })
    }

    /// The public key of the record, as a C2SP verifier key.
    #[must_use]
    pub fn record_key(&self) -> String {
        self.inner.signer.verifier().to_string()
    }

    /// A file of the record (`checkpoint`, `tile/…`), as it is published.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_file(&self, path: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        if LogPath::parse(path).is_none() {
            return Ok(None);
        }
        Ok(self.inner.db.read(|tx| rows::entry::file(tx, path))?)
    }

    /// The signed head of the record, byte for byte, as a transaction sees it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_head_in(&self, tx: &mut Tx<'_>) -> Result<Vec<u8>, LedgerError> {
        let head = rows::entry::file(tx, CHECKPOINT_PATH)?.unwrap_or_default();
        // What witnesses add to it is not part of it: whoever draws lots from it must not be able to choose.
        let Ok(note) = Note::parse(&head) else {
            return Ok(head);
        };
        let plain = Note::sign(note.unverified_text(), &self.inner.signer);
        Ok(plain.map_or(head, |it| it.to_string().into_bytes()))
    }

    /// The files of the record inside one read transaction, with who signs it and the signed head.
    pub(crate) fn with_record<T: Send>(
        &self,
        then: impl FnOnce(&mut TxFiles<'_, '_>, &Signer, &Note) -> Result<T, LedgerError> + Send,
    ) -> Result<T, LedgerError> {
        self.inner.db.read(|tx| {
            let head = rows::entry::file(tx, CHECKPOINT_PATH)?.unwrap_or_default();
            let head = Note::parse(&head).map_err(|err| LedgerError::Log(err.to_string()))?;
            let mut files = TxFiles {
                tx,
                written: Vec::new(),
            };
            then(&mut files, &self.inner.signer, &head)
        })
    }

    /// Entries with a position below `before`, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_before(
        &self,
        before: u64,
        limit: u16,
    ) -> Result<Vec<RecordedEntry>, LedgerError> {
        Ok(self
            .inner
            .db
            .read(|tx| rows::entry::before(tx, before, i64::from(limit)))?)
    }

    /// Acts of people and institutions with a position below `before`, newest first. What the platform adds by the hour
    /// ([`EntryKind::ReceiptsCommitted`]) is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_acts_before(
        &self,
        before: u64,
        limit: u16,
    ) -> Result<Vec<RecordedEntry>, LedgerError> {
        Ok(self
            .inner
            .db
            .read(|tx| rows::entry::acts_before(tx, before, i64::from(limit)))?)
    }

    /// Entries that fit, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_search(
        &self,
        query: &RecordQuery,
        limit: u16,
    ) -> Result<Vec<RecordedEntry>, LedgerError> {
        Ok(self
            .inner
            .db
            .read(|tx| rows::entry::search(tx, query, i64::from(limit)))?)
    }

    /// Entries from a position on, oldest first, each with its bytes as they were hashed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_from(
        &self,
        from: u64,
        limit: u16,
    ) -> Result<Vec<(RecordedEntry, Vec<u8>)>, LedgerError> {
        let entries = self
            .inner
            .db
            .read(|tx| rows::entry::from(tx, from, i64::from(limit)))?;
        let with_bytes = |it: RecordedEntry| {
            let bytes = entry_bytes(&it.entry)?;
            Ok((it, bytes))
        };
        entries.into_iter().map(with_bytes).collect()
    }

    /// Entries about one subject such as `deployment:lahore-air`, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_about(&self, about: &str, limit: u16) -> Result<Vec<RecordedEntry>, LedgerError> {
        Ok(self
            .inner
            .db
            .read(|tx| rows::entry::about(tx, about, i64::from(limit)))?)
    }

    /// One entry with its inclusion proof; `None` when the record is not that long.
    ///
    /// # Errors
    /// When the database fails or the record does not hold together.
    pub fn record_entry(
        &self,
        position: u64,
    ) -> Result<Option<(RecordedEntry, EntryProof)>, LedgerError> {
        self.inner.db.read(|tx| {
            let Some(entry) = rows::entry::one(tx, position)? else {
                return Ok(None);
            };
            let mut files = TxFiles {
                tx,
                written: Vec::new(),
            };
            let broken = |err: &dyn std::fmt::Display| LedgerError::Log(err.to_string());
            let checkpoint = record::checkpoint(&mut files, self.inner.signer.verifier())
                .map_err(|err| broken(&err))?
                .ok_or_else(|| broken(&"there are entries and no checkpoint"))?;
            let bytes = record::read_entry(&mut files, position)
                .map_err(|err| broken(&err))?
                .ok_or_else(|| broken(&"an entry is missing"))?;
            let proof = record::inclusion_proof(&mut files, &checkpoint, position)
                .map_err(|err| broken(&err))?;
            let note = rows::entry::file(files.tx, CHECKPOINT_PATH)?.unwrap_or_default();
            let proof = EntryProof {
                bytes,
                proof,
                checkpoint: String::from_utf8_lossy(&note).into_owned(),
            };
            Ok(Some((entry, proof)))
        })
    }

    /// How many entries the record has, and when the last was made.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_size(&self) -> Result<(u64, Option<Timestamp>), LedgerError> {
        let newest = self.record_before(u64::MAX, 1)?;
        Ok(newest
            .first()
            .map_or((0, None), |it| (it.position + 1, Some(it.entry.at))))
    }
}

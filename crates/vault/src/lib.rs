//! Readings, sealed and kept: keys, write-ahead log, blocks, retention.
//!
//! Owns the key hierarchy (root → subject → epoch), the segment files, and the tables whose names begin with `vault_`.
//! Must not know policy, payloads, recipients, a clock, a protocol or an async runtime: a body is bytes, the time is a parameter.
//! Start reading at [`Vault`]; formats are the documentation of the modules `segment`, `reading`, `block`, `keys` and `root`.
//!
//! # The way of a reading
//! 1. [`Vault::append`] finds the key of subject × UTC day × retention class, seals the reading into the pending buffer, returns its [`Lsn`].
//! 2. The commit thread writes rows of new keys, then the batch, then calls fdatasync, then tells [`Progress::Durable`]. From here on it is kept.
//! 3. [`Vault::maintain`] moves closed segments into sealed blocks in the database, in one transaction each, and deletes the files.
//! 4. When the days of its retention class are over, counted from the reading's own time, it is no longer read. Its block, which holds
//!    readings of one hour, is deleted within that hour, and its key with the last block of the day. Nothing is opened for it.
//!
//! # What holds
//! - Nothing that names a person or a thing is readable in a segment. Rows of keys name the subject; it is what erasure looks for.
//! - Destroying the row of a key makes everything sealed under it unreadable, wherever it lies.
//! - After an error of the disk nothing is acknowledged any more, and [`Progress::Stopped`] is told once.

mod vault;

mod log;
mod segment;

mod keys;
mod root;

mod follow;
mod late;
mod read;
mod reading;

mod block;
mod erase;
mod held;
mod maintain;
mod own;
mod recover;
mod sealed;
mod shorten;
mod tombstone;

mod crypto;
mod cursor;
mod cut;
mod disk;
mod retry;
mod rows;
mod schema;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod nonces;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod vectors;

pub use crypto::{CryptoError, Suite};
pub use cut::{SegmentCopy, carried_out_erasures, is_segment_file_name};
pub use erase::{EraseError, Erasure, ErasureProof, Reapplied};
pub use follow::{FollowQuery, Followed, Position};
pub use held::{Held, KeptBetween};
pub use keys::KeyError;
pub use keys::mask::{MAX_STRIP_BYTES, Scope, Strip};
pub use late::{CameBack, ComeBackError};
pub use log::{AppendError, CommitError, Lsn, Progress, WaitError};
pub use maintain::{MaintainError, Maintained, RecordError};
pub use own::{
    MAX_OWN_KEY_BYTES, MAX_OWN_KEYS, MAX_RSA_BITS, MIN_RSA_BITS, OpenOwnError, OwnFormat,
    OwnIdentities, OwnIdentityError, OwnKey, OwnKeyError, OwnKeyKind, OwnKeys, OwnKeysError,
};
pub use read::{Order, ReadError, ReadQuery};
pub use reading::{MAX_BODY_BYTES, Reading, StoredReading};
pub use root::{
    MIN_PASSPHRASE_BYTES, Passphrase, PassphraseError, Protection, ProtectionError, RootKey,
    RootKeyError, RootKeyFile, RootKeyState, Rotated, Transit, TransitError, TransitOptions,
};
pub use schema::MIGRATIONS;
pub use sealed::{
    MAX_OWN_FILES, OwnFile, OwnFileId, OwnFileIdError, OwnTotal, SealDays, SealDaysError, SealForm,
    SealedDays,
};
pub use shorten::{ShortenPass, Shortening};
pub use tombstone::{ErasureFile, ErasureId, TombstoneError};
pub use vault::{OpenError, Vault, VaultOptions};

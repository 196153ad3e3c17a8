//! Backups: a directory of sealed pieces from which rows and segments can be made again.
//!
//! Owns the repository: its files, its key, what a backup lists, which backups are kept.
//! Must not know a domain word, a table's meaning, a clock or an async runtime. Rows come from a transaction of [`store`], segments
//! and erasures from [`vault`], the time and what identifies the installation from the caller.
//! Start reading at [`Repository`], then [`create()`] and [`restore()`], whose order of steps is in `target`.
//!
//! # The repository, version 1
//! ```text
//! key, key-copy       the key of the repository under a passphrase: one line, see `key`; both the same
//! backups/ID          what a backup consists of (`manifest`), sealed; ID is its time and 8 random hexadecimal digits
//! chunks/ab/ab…       pieces of rows and of segments, sealed; the name is a keyed hash of what is in it
//! erasures/HEX        tombstones of erasures, sealed; the name is a keyed hash too; *not* part of any backup
//! tmp/…               files that are being written; what a crash left is removed by the next backup
//! lock                held by who writes a backup or removes some
//! ```
//! The form of sealed files is in `seal`, of rows in `rows`.
//!
//! # What holds
//! - A file appears whole or not at all: it is written under another name, synced, and renamed. Pieces are durable before the
//!   backup that names them, erasures before the backup that counts them.
//! - What is there is not written again, after its length was checked; a torn file is.
//! - Nothing is ever changed in place. Only [`prune()`] removes backups and pieces, and nothing while one backup cannot be read.
//! - Nothing in it can be read, or changed unnoticed, without the passphrase. What can be seen: sizes, times and how many files there are.
//! - No name out of a repository becomes a path: pieces are named by 32 bytes, segments by two numbers.

mod key;
mod seal;

mod files;
mod repository;

mod manifest;
mod rows;

mod disk;
mod target;

mod create;
mod erasures;
mod protect;
mod prune;
mod restore;
mod retention;
mod verify;

#[cfg(test)]
mod any_bytes;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;

pub use create::{CreateError, CreateOptions, Created, create};
pub use erasures::{ErasuresError, NotedErasures};
pub use key::KeyError;
pub use manifest::{BackupId, Manifest};
pub use protect::ProtectError;
pub use prune::{PruneError, Pruned, prune};
pub use repository::{InitError, OpenError, Repository, RepositoryError};
pub use restore::{RestoreError, Restored};
pub use retention::Keep;
pub use target::{RestoreHost, RestoreParts, RestoreTarget, restore};
pub use verify::{Depth, Verified, verify};

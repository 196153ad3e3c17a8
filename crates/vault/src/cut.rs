//! A consistent copy of the log while it is written: for backups.
//!
//! [`cut`] belongs at the front of a read transaction, whose rows are the other half of the copy:
//!
//! 1. Maintenance waits, so no reading moves from a segment to a block in between.
//! 2. The durable end of every segment is noted. Whatever was acknowledged before lies before one of these ends.
//! 3. The first statement of the transaction is run: from here on its rows do not change. They have the keys of all that is durable,
//!    because rows of keys are written first. Maintenance goes on.
//!
//! Segments that were begun between 2 and 3 have a row and nothing that had to be kept: of them the copy has the header alone. The
//! files may be removed while they are copied: they are held open.

use std::io;
use std::path::Path;
use std::sync::Arc;

use store::{Db, DbError, Tx};

use crate::crypto::Suite;
use crate::log::{Log, Segment};
use crate::rows;
use crate::segment::{SEGMENT_HEADER_BYTES, SUFFIX, SegmentName, widen};

/// One segment of a copy.
pub struct SegmentCopy {
    name: SegmentName,
    contents: Contents,
}

enum Contents {
    /// A file up to here.
    File(Arc<Segment>, u64),
    /// Nothing but the header.
    Header([u8; SEGMENT_HEADER_BYTES]),
}

impl SegmentCopy {
    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        let path = self.name.path(Path::new(""));
        path.to_string_lossy().into_owned()
    }

    /// How long the copy is.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match &self.contents {
            Contents::File(_, end) => *end,
            Contents::Header(header) => widen(header.len()),
        }
    }

    /// Reads exactly so many bytes at an offset.
    ///
    /// # Errors
    /// When they lie behind the end, or the file cannot be read.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(widen(bytes.len()));
        if end.is_none_or(|it| it > self.size_bytes()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match &self.contents {
            Contents::File(segment, _) => segment.file.read_exact_at(bytes, offset),
            Contents::Header(header) => {
                let rest = header
                    .iter()
                    .skip(usize::try_from(offset).unwrap_or(usize::MAX));
                bytes
                    .iter_mut()
                    .zip(rest)
                    .for_each(|(to, from)| *to = *from);
                Ok(())
            }
        }
    }
}

/// Whether a file of this name can be a segment: `wal-`, two numbers of 16 hexadecimal digits, `.seg`.
#[must_use]
pub fn is_segment_file_name(name: &str) -> bool {
    let numbers = name
        .strip_prefix("wal-")
        .and_then(|it| it.strip_suffix(SUFFIX));
    let Some((number, id)) = numbers.and_then(|it| it.split_once('-')) else {
        return false;
    };
    let is_number =
        |it: &str| it.len() == 16 && it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    is_number(number) && is_number(id)
}

/// How many erasures a database knows to be carried out: with those that the file of erasures has, how many came back with a backup.
///
/// # Errors
/// When it cannot be read.
pub fn carried_out_erasures(db: &Db) -> Result<u64, DbError> {
    db.read(rows::count_erasures)
}

/// What a transaction that has run no statement yet, and the copies together, make whole. For one who holds up maintenance.
pub(crate) fn cut(log: &Log, tx: &mut Tx<'_>) -> Result<Vec<SegmentCopy>, DbError> {
    let held = log.durable_segments();
    let rows = rows::segments(tx)?;
    let open = rows.into_iter().filter(|it| !it.is_done);
    let copy = |name: SegmentName| {
        let of_it = held.iter().find(|(segment, _)| segment.name == name);
        let contents = match of_it {
            Some((segment, end)) => Contents::File(Arc::clone(segment), *end),
            None => Contents::Header(name.header(Suite::default())),
        };
        SegmentCopy { name, contents }
    };
    Ok(open.map(|it| copy(it.name)).collect())
}

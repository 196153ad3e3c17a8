//! Reading back: blocks and the log as one history.
//!
//! The keys of the subject are looked up first, then the segments that are not in blocks are noted, then the blocks are read. A block made
//! from a noted segment is ignored, because its readings are taken from the segment. So a compaction at any moment in between neither
//! hides nor doubles a reading. A block made from a segment that is newer than those is ignored too. Should keys of the subject change meanwhile (an erasure, or blocks sealed again after one), all is read
//! again; what a mask hides is not returned.

use model::{Subject, Timestamp};
use store::{DbError, Tx};

use crate::block::{BlockHead, HEAD_COLUMNS, head_of, open};
use crate::crypto::{CryptoError, KeyId};
use crate::erase::unmasked;
use crate::follow::Position;
use crate::keys::{EpochKey, KeyError, WrappedKey, to_row};
use crate::log::{HeadSegment, Log, Segment};
use crate::maintain::{RecordError, read_record};
use crate::reading::{Row, StoredReading, expires_at};
use crate::rows::keys_of_subject;
use crate::segment::FrameRef;
use crate::shorten::limited;

/// Which end of the history comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The latest reading first.
    NewestFirst,
    /// The earliest reading first.
    OldestFirst,
}

/// Which readings are wanted.
#[derive(Debug, Clone)]
pub struct ReadQuery {
    /// Whose.
    pub subject: Subject,
    /// From this moment on.
    pub from: Timestamp,
    /// Up to and without this moment.
    pub until: Timestamp,
    /// No more than so many.
    pub limit: usize,
    /// Which come first.
    pub order: Order,
    /// The present moment: a reading whose retention is over is not returned, dropped or not.
    pub now: Timestamp,
}

/// Readings could not be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Rows could not be read.
    #[error("the rows of the vault could not be read")]
    Rows(#[from] DbError),
    /// A key could not be opened.
    #[error("a key could not be opened")]
    Key(#[source] KeyError),
    /// A block does not open.
    #[error("block {block_id} does not open: restore the table `vault_block` from a backup")]
    Block {
        /// The block.
        block_id: i64,
        /// What failed.
        #[source]
        source: CryptoError,
    },
    /// A record of the log does not open.
    #[error("a record of segment `{path}` at byte {offset} cannot be read")]
    Record {
        /// The segment's file.
        path: std::path::PathBuf,
        /// Where the record begins.
        offset: u64,
        /// What failed.
        #[source]
        source: RecordError,
    },
}

/// Answers a query; each reading with its place in the order of appending.
pub(crate) fn read(
    log: &Log,
    query: &ReadQuery,
) -> Result<Vec<(Position, StoredReading)>, ReadError> {
    if query.limit == 0 || query.from >= query.until {
        return Ok(Vec::new());
    }
    let subject = query.subject.key();
    let changes = &log.keyring.changes;
    changes.settled(&subject, || read_once(log, query, &subject))
}

fn read_once(
    log: &Log,
    query: &ReadQuery,
    subject: &str,
) -> Result<Vec<(Position, StoredReading)>, ReadError> {
    let last_epoch = query.until.plus_millis(-1).day();
    let mut keys = log
        .db
        .read(|tx| keys_of_subject(tx, subject, query.from.day(), last_epoch))?;
    if query.order == Order::NewestFirst {
        keys.reverse();
    }
    let head = log.head(keys.iter().map(|it| it.id));
    let mut found = Vec::new();
    let mut keys = keys.into_iter().peekable();
    while let Some(key) = keys.next() {
        let mut of_epoch = vec![key];
        while let Some(key) = keys.next_if(|it| {
            of_epoch
                .first()
                .is_some_and(|first| first.epoch == it.epoch)
        }) {
            of_epoch.push(key);
        }
        let epoch = Epoch {
            log,
            head: &head,
            query,
            wanted: query.limit - found.len(),
        };
        found.extend(epoch.read(of_epoch)?);
        if found.len() >= query.limit {
            break;
        }
    }
    Ok(found)
}

/// Whether the readings of a segment are taken from its blocks: not where they are taken from the segment, and not where the segment
/// is newer than the head. What lies before it was then not yet in the head's index, and would be passed over.
pub(crate) fn is_from_blocks(head: &[HeadSegment], number: u64) -> bool {
    let is_older = head.last().is_none_or(|open| number < open.number());
    is_older && !head.iter().any(|it| it.number() == number)
}

/// A reading with its place in the total order: time, segment number, index.
type Placed = ((Timestamp, u64, u32), Row);

/// The part of a query that lies in one epoch; epochs do not overlap in time.
struct Epoch<'a> {
    log: &'a Log,
    head: &'a [HeadSegment],
    query: &'a ReadQuery,
    /// How many readings are still wanted, at least 1.
    wanted: usize,
}

impl Epoch<'_> {
    fn read(&self, keys: Vec<WrappedKey>) -> Result<Vec<(Position, StoredReading)>, ReadError> {
        let mut placed = Vec::new();
        for wrapped in keys {
            let key = self.log.keyring.unwrap(wrapped).map_err(ReadError::Key)?;
            self.read_head(&key, &mut placed)?;
            self.log
                .db
                .read(|tx| self.read_blocks(tx, &key, &mut placed))?;
        }
        self.trim(&mut placed);
        let stored = placed.into_iter().map(|((_, segment, index), row)| {
            let reading = row.into_stored(self.query.subject.clone());
            (Position { segment, index }, reading)
        });
        Ok(stored.collect())
    }

    fn read_head(&self, key: &EpochKey, placed: &mut Vec<Placed>) -> Result<(), ReadError> {
        let mut frames: Vec<(&Segment, FrameRef)> = Vec::new();
        for head in self.head {
            let segment = &*head.closed.segment;
            let of_key = head.closed.index.get(&key.id).into_iter().flatten();
            let wanted = of_key.filter(|it| head.is_durable(it) && self.in_range(it.at));
            frames.extend(wanted.map(|it| (segment, *it)));
        }
        frames.sort_unstable_by_key(|(segment, it)| (it.at, segment.name.number, it.index));
        if self.query.order == Order::NewestFirst {
            frames.reverse();
        }
        let enough = placed.len().saturating_add(self.wanted);
        for (segment, frame) in frames {
            if placed.len() >= enough {
                break;
            }
            let row = read_record(segment, key, &frame).map_err(|source| ReadError::Record {
                path: segment.path.clone(),
                offset: frame.offset,
                source,
            })?;
            let rows = unmasked(self.log, key, vec![row]);
            for row in limited(self.log, &key.subject, rows, self.query.now) {
                self.keep(segment.name.number, row, placed);
            }
        }
        Ok(())
    }

    /// Opens blocks from the wanted end, until no other block can have a reading that belongs to the answer.
    fn read_blocks(
        &self,
        tx: &mut Tx<'_>,
        key: &EpochKey,
        placed: &mut Vec<Placed>,
    ) -> Result<(), ReadError> {
        for head in self.block_heads(tx, key.id)? {
            self.trim(placed);
            if placed.len() >= self.wanted
                && placed
                    .last()
                    .is_some_and(|((at, ..), _)| self.is_beyond(&head, *at))
            {
                break;
            }
            let block_id = to_row(head.block_id);
            let sealed = "SELECT sealed FROM vault_block WHERE block_id = $1";
            let Some(row) = tx.query_one(sealed, &[block_id.into()])? else {
                continue;
            };
            let rows = open(key, &head, row.get(0)?)
                .map_err(|source| ReadError::Block { block_id, source })?;
            let mut rows = unmasked(self.log, key, rows);
            rows.retain(|it| self.in_range(it.at));
            for row in limited(self.log, &key.subject, rows, self.query.now) {
                self.keep(head.segment_number, row, placed);
            }
        }
        Ok(())
    }

    fn block_heads(&self, tx: &mut Tx<'_>, key: KeyId) -> Result<Vec<BlockHead>, DbError> {
        let order = match self.query.order {
            Order::NewestFirst => "last_at DESC",
            Order::OldestFirst => "first_at",
        };
        let sql = format!(
            "SELECT {HEAD_COLUMNS} FROM vault_block WHERE key_id = $1 AND last_at >= $2 AND first_at < $3 \
             AND expires_at > $4 ORDER BY {order}"
        );
        let query = self.query;
        let params = [
            to_row(key.0).into(),
            query.from.as_millis().into(),
            query.until.as_millis().into(),
            query.now.as_millis().into(),
        ];
        let rows = tx.query(&sql, &params)?;
        let mut heads = rows.iter().map(head_of).collect::<Result<Vec<_>, _>>()?;
        heads.retain(|it| is_from_blocks(self.head, it.segment_number));
        Ok(heads)
    }

    /// Whether every reading of a block comes strictly after this moment in the wanted order.
    fn is_beyond(&self, head: &BlockHead, at: Timestamp) -> bool {
        match self.query.order {
            Order::NewestFirst => head.last_at < at,
            Order::OldestFirst => head.first_at > at,
        }
    }

    fn in_range(&self, at: Timestamp) -> bool {
        (self.query.from..self.query.until).contains(&at)
    }

    fn keep(&self, segment_number: u64, row: Row, placed: &mut Vec<Placed>) {
        if expires_at(row.at, row.retention) > self.query.now {
            placed.push(((row.at, segment_number, row.index), row));
        }
    }

    /// Orders what was found and keeps no more than is wanted.
    fn trim(&self, placed: &mut Vec<Placed>) {
        placed.sort_unstable_by_key(|(place, _)| *place);
        if self.query.order == Order::NewestFirst {
            placed.reverse();
        }
        placed.truncate(self.wanted);
    }
}

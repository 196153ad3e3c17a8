//! Following the readings of one subject in the order of appending, across restarts and compaction.
//!
//! Time does not order appends: of two messages that come in together, the later one may be appended first. A [`Position`] does: the
//! number of the segment, which only grows, and the index of the record in it. Both stay with a reading when it moves into a block, so
//! one who remembers the position of the last reading it has seen misses none and sees none twice. A record is shown only once it is
//! durable, and records of a segment become durable in order, so nothing appears behind a position that was given out.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Subject, Timestamp};
use store::{DbError, Tx};

use crate::block::{BlockHead, HEAD_COLUMNS, head_of, open};
use crate::crypto::KeyId;
use crate::keys::{EpochKey, to_row};
use crate::log::{ClosedSegment, Log};
use crate::maintain::read_record;
use crate::read::ReadError;
use crate::reading::{StoredReading, expires_at};
use crate::rows::keys_of_subject;
use crate::segment::FrameRef;

/// A place in the order of appending that outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the segment.
    pub segment: u64,
    /// The index of the record in its segment.
    pub index: u32,
}

impl Position {
    /// Before the first reading: no segment has the number 0 and a record behind this.
    pub const START: Self = Self {
        segment: 0,
        index: 0,
    };
}

/// Which readings come next.
#[derive(Debug, Clone)]
pub struct FollowQuery {
    /// Whose.
    pub subject: Subject,
    /// The last position that was seen; [`Position::START`] for none.
    pub after: Position,
    /// No reading that is wanted is earlier than the day of this.
    pub from: Timestamp,
    /// No reading that is wanted is later than the day of this.
    pub until: Timestamp,
    /// No more than so many.
    pub limit: usize,
    /// A reading whose retention is over at this moment is not returned. [`Timestamp::EPOCH`] returns those too that are
    /// not dropped yet: only to count what was missed, never to show it.
    pub now: Timestamp,
}

/// Answers a query, in the order of appending.
pub(crate) fn follow(
    log: &Log,
    query: &FollowQuery,
) -> Result<Vec<(Position, StoredReading)>, ReadError> {
    let subject = query.subject.key();
    let (from, until) = (query.from.day(), query.until.day());
    let wrapped = log
        .db
        .read(|tx| keys_of_subject(tx, &subject, from, until))?;
    // The segments are noted before the blocks are read: see `read`.
    let head = log.head(wrapped.iter().map(|it| it.id));
    let mut keys = Vec::with_capacity(wrapped.len());
    for it in wrapped {
        keys.push(log.keyring.unwrap(it).map_err(ReadError::Key)?);
    }
    let blocks = log.db.read(|tx| blocks_after(tx, &keys, &head, query))?;
    let follow = Follow { query, keys: &keys };
    let segments = sources(&head, query.after.segment, blocks);
    let mut found = Vec::new();
    for (number, source) in segments {
        match source {
            Source::Blocks(heads) => follow.blocks(log, number, &heads, &mut found)?,
            Source::Segment(closed) => follow.segment(&closed, &mut found)?,
        }
        if found.len() >= query.limit {
            break;
        }
    }
    Ok(found)
}

/// Where the readings of one segment are now.
enum Source {
    Blocks(Vec<BlockHead>),
    Segment(Arc<ClosedSegment>),
}

fn sources(
    head: &[Arc<ClosedSegment>],
    first: u64,
    blocks: Vec<BlockHead>,
) -> BTreeMap<u64, Source> {
    let mut sources: BTreeMap<u64, Source> = BTreeMap::new();
    for block in blocks {
        let source = sources
            .entry(block.segment_number)
            .or_insert_with(|| Source::Blocks(Vec::new()));
        if let Source::Blocks(heads) = source {
            heads.push(block);
        }
    }
    for closed in head.iter().filter(|it| it.segment.name.number >= first) {
        sources.insert(
            closed.segment.name.number,
            Source::Segment(Arc::clone(closed)),
        );
    }
    sources
}

fn blocks_after(
    tx: &mut Tx<'_>,
    keys: &[EpochKey],
    head: &[Arc<ClosedSegment>],
    query: &FollowQuery,
) -> Result<Vec<BlockHead>, DbError> {
    let sql = format!(
        "SELECT {HEAD_COLUMNS} FROM vault_block WHERE key_id = $1 AND segment_number >= $2 AND expires_at > $3"
    );
    let mut heads = Vec::new();
    for key in keys {
        let params = [
            to_row(key.id.0).into(),
            to_row(query.after.segment).into(),
            query.now.as_millis().into(),
        ];
        for row in tx.query(&sql, &params)? {
            heads.push(head_of(&row)?);
        }
    }
    let is_in_log = |it: &BlockHead| {
        head.iter()
            .any(|closed| closed.segment.name.number == it.segment_number)
    };
    heads.retain(|it| !is_in_log(it));
    Ok(heads)
}

struct Follow<'a> {
    query: &'a FollowQuery,
    keys: &'a [EpochKey],
}

impl Follow<'_> {
    fn key(&self, id: KeyId) -> Option<&EpochKey> {
        self.keys.iter().find(|it| it.id == id)
    }

    fn blocks(
        &self,
        log: &Log,
        number: u64,
        heads: &[BlockHead],
        found: &mut Vec<(Position, StoredReading)>,
    ) -> Result<(), ReadError> {
        let mut rows = Vec::new();
        for head in heads {
            let Some(key) = self.key(head.key) else {
                continue;
            };
            let block_id = to_row(head.block_id);
            let sealed = "SELECT sealed FROM vault_block WHERE block_id = $1";
            let row = log.db.read(|tx| tx.query_one(sealed, &[block_id.into()]))?;
            // Its retention ended in this moment.
            let Some(row) = row else { continue };
            let opened = open(key, head, row.get(0)?)
                .map_err(|source| ReadError::Block { block_id, source })?;
            rows.extend(opened);
        }
        rows.sort_unstable_by_key(|it| it.index);
        for row in rows {
            let position = Position {
                segment: number,
                index: row.index,
            };
            let is_over = expires_at(row.at, row.retention) <= self.query.now;
            if position > self.query.after && !is_over && found.len() < self.query.limit {
                found.push((position, row.into_stored(self.query.subject.clone())));
            }
        }
        Ok(())
    }

    fn segment(
        &self,
        closed: &ClosedSegment,
        found: &mut Vec<(Position, StoredReading)>,
    ) -> Result<(), ReadError> {
        let segment = &*closed.segment;
        let number = segment.name.number;
        let place = |it: &FrameRef| Position {
            segment: number,
            index: it.index,
        };
        let mut frames: Vec<(&EpochKey, FrameRef)> = Vec::new();
        for key in self.keys {
            let of_key = closed.index.get(&key.id).into_iter().flatten();
            let wanted = of_key.filter(|it| segment.is_durable(it) && place(it) > self.query.after);
            frames.extend(wanted.map(|it| (key, *it)));
        }
        frames.sort_unstable_by_key(|(_, it)| it.index);
        for (key, frame) in frames {
            if found.len() >= self.query.limit {
                break;
            }
            let row = read_record(segment, key, &frame).map_err(|source| ReadError::Record {
                path: segment.path.clone(),
                offset: frame.offset,
                source,
            })?;
            if expires_at(row.at, row.retention) > self.query.now {
                let stored = row.into_stored(self.query.subject.clone());
                found.push((place(&frame), stored));
            }
        }
        Ok(())
    }
}

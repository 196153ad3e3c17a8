//! Following the readings of one subject in the order of appending, across restarts and compaction.
//!
//! Time does not order appends: of two messages that come in together, the later one may be appended first. A [`Position`] does: the
//! number of the segment, which only grows, and the index of the record in it. Both stay with a reading when it moves into a block, so
//! one who remembers the position of the last reading it has seen misses none and sees none twice. A record is shown only once it is
//! durable, and records of a segment become durable in order, so nothing appears behind a position that was given out.
//!
//! What does not open any more (a damaged key, block or record) does not hide what lies behind it: it has a place in the order too, as
//! [`Followed::Unopened`], with what is known of it without opening it.

use std::collections::BTreeMap;

use model::{Subject, Timestamp};
use store::{DbError, Tx};

use crate::block::{BlockHead, HEAD_COLUMNS, head_of, open};
use crate::crypto::KeyId;
use crate::erase::unmasked;
use crate::keys::{EpochKey, KeyError, WrappedKey, to_row};
use crate::log::{HeadSegment, Log};
use crate::maintain::{RecordError, read_record};
use crate::read::{ReadError, is_from_blocks};
use crate::reading::{Row, StoredReading, expires_at};
use crate::rows::keys_of_subject;
use crate::segment::FrameRef;
use crate::shorten::limited;

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

/// What lies at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// A reading.
    Reading(StoredReading),
    /// Readings that do not open: their key, block or record is damaged. Of a block that was partly followed before it was
    /// damaged, those that were followed are counted again: there are no more than so many.
    Unopened {
        /// How many; at least 1.
        readings: u64,
        /// When the first of them was read.
        first_at: Timestamp,
        /// When the last of them was read.
        last_at: Timestamp,
    },
}

impl Followed {
    /// The reading, if it opens.
    #[must_use]
    pub fn reading(self) -> Option<StoredReading> {
        match self {
            Self::Reading(reading) => Some(reading),
            Self::Unopened { .. } => None,
        }
    }
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
    /// No more than so many places.
    pub limit: usize,
    /// A reading whose retention is over at this moment is not returned. [`Timestamp::EPOCH`] returns those too that are
    /// not dropped yet: only to count what was missed, never to show it.
    pub now: Timestamp,
}

/// Answers a query, in the order of appending.
pub(crate) fn follow(
    log: &Log,
    query: &FollowQuery,
) -> Result<Vec<(Position, Followed)>, ReadError> {
    let subject = query.subject.key();
    let changes = &log.keyring.changes;
    changes.settled(&subject, || follow_once(log, query, &subject))
}

fn follow_once(
    log: &Log,
    query: &FollowQuery,
    subject: &str,
) -> Result<Vec<(Position, Followed)>, ReadError> {
    let (from, until) = (query.from.day(), query.until.day());
    let wrapped = log
        .db
        .read(|tx| keys_of_subject(tx, subject, from, until))?;
    // The segments are noted before the blocks are read: see `read`.
    let head = log.head(wrapped.iter().map(|it| it.id));
    let mut keys = Vec::with_capacity(wrapped.len());
    for it in wrapped {
        keys.push(Known::of(log, it)?);
    }
    let blocks = log.db.read(|tx| blocks_after(tx, &keys, &head, query))?;
    let follow = Follow { query, keys: &keys };
    let segments = sources(&head, query.after.segment, blocks);
    let mut found = Vec::new();
    for (number, source) in segments {
        match source {
            Source::Blocks(heads) => follow.blocks(log, number, &heads, &mut found)?,
            Source::Segment(closed) => follow.segment(log, &closed, &mut found)?,
        }
        if found.len() >= query.limit {
            break;
        }
    }
    Ok(found)
}

/// A key of the subject; without the key itself where its row is damaged.
struct Known {
    id: KeyId,
    key: Option<EpochKey>,
}

impl Known {
    fn of(log: &Log, wrapped: WrappedKey) -> Result<Self, ReadError> {
        let id = wrapped.id;
        match log.keyring.unwrap(wrapped) {
            Ok(key) => Ok(Self { id, key: Some(key) }),
            Err(KeyError::Damaged { .. }) => Ok(Self { id, key: None }),
            Err(err) => Err(ReadError::Key(err)),
        }
    }
}

/// Where the readings of one segment are now.
enum Source {
    Blocks(Vec<BlockHead>),
    Segment(HeadSegment),
}

fn sources(head: &[HeadSegment], first: u64, blocks: Vec<BlockHead>) -> BTreeMap<u64, Source> {
    let mut sources: BTreeMap<u64, Source> = BTreeMap::new();
    for block in blocks {
        let source = sources
            .entry(block.segment_number)
            .or_insert_with(|| Source::Blocks(Vec::new()));
        if let Source::Blocks(heads) = source {
            heads.push(block);
        }
    }
    for segment in head.iter().filter(|it| it.number() >= first) {
        sources.insert(segment.number(), Source::Segment(segment.clone()));
    }
    sources
}

fn blocks_after(
    tx: &mut Tx<'_>,
    keys: &[Known],
    head: &[HeadSegment],
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
    heads.retain(|it| is_from_blocks(head, it.segment_number));
    Ok(heads)
}

struct Follow<'a> {
    query: &'a FollowQuery,
    keys: &'a [Known],
}

impl Follow<'_> {
    fn key(&self, id: KeyId) -> Option<&EpochKey> {
        let known = self.keys.iter().find(|it| it.id == id);
        known.and_then(|it| it.key.as_ref())
    }

    fn is_wanted(&self, position: Position, found: &[(Position, Followed)]) -> bool {
        position > self.query.after && found.len() < self.query.limit
    }

    fn blocks(
        &self,
        log: &Log,
        number: u64,
        heads: &[BlockHead],
        found: &mut Vec<(Position, Followed)>,
    ) -> Result<(), ReadError> {
        let place = |index| Position {
            segment: number,
            index,
        };
        let mut rows = Vec::new();
        let mut unopened: Option<Followed> = None;
        for head in heads {
            match self.block(log, head)? {
                Opened::Rows(opened) => rows.extend(opened),
                Opened::Gone => {}
                Opened::Damaged => unopened = Some(joined(unopened, head)),
            }
        }
        rows.sort_unstable_by_key(|it| it.index);
        for row in rows {
            let position = place(row.index);
            let is_over = expires_at(row.at, row.retention) <= self.query.now;
            if !is_over && self.is_wanted(position, found) {
                let stored = row.into_stored(self.query.subject.clone());
                found.push((position, Followed::Reading(stored)));
            }
        }
        // Where in its segment a block lies cannot be seen without opening it: behind everything else.
        let end = place(u32::MAX);
        if let Some(unopened) = unopened.filter(|_| self.is_wanted(end, found)) {
            found.push((end, unopened));
        }
        Ok(())
    }

    fn block(&self, log: &Log, head: &BlockHead) -> Result<Opened, ReadError> {
        let Some(key) = self.key(head.key) else {
            return Ok(Opened::Damaged);
        };
        let block_id = to_row(head.block_id);
        let sealed = "SELECT sealed FROM vault_block WHERE block_id = $1";
        let row = log.db.read(|tx| tx.query_one(sealed, &[block_id.into()]))?;
        Ok(match row {
            // Its retention ended in this moment.
            None => Opened::Gone,
            Some(row) => match open(key, head, row.get(0)?) {
                Ok(rows) => {
                    let rows = unmasked(log, key, rows);
                    Opened::Rows(limited(log, &key.subject, rows, self.query.now))
                }
                Err(_) => Opened::Damaged,
            },
        })
    }

    /// A reading, unless a mask or a shortened time hides it.
    fn shown(&self, log: &Log, key: &EpochKey, row: Row) -> Option<Row> {
        let rows = unmasked(log, key, vec![row]);
        limited(log, &key.subject, rows, self.query.now).pop()
    }

    fn segment(
        &self,
        log: &Log,
        head: &HeadSegment,
        found: &mut Vec<(Position, Followed)>,
    ) -> Result<(), ReadError> {
        let segment = &*head.closed.segment;
        let number = segment.name.number;
        let place = |it: &FrameRef| Position {
            segment: number,
            index: it.index,
        };
        let mut frames: Vec<(&Known, FrameRef)> = Vec::new();
        for key in self.keys {
            let of_key = head.closed.index.get(&key.id).into_iter().flatten();
            let wanted = of_key.filter(|it| head.is_durable(it) && place(it) > self.query.after);
            frames.extend(wanted.map(|it| (key, *it)));
        }
        frames.sort_unstable_by_key(|(_, it)| it.index);
        for (known, frame) in frames {
            if found.len() >= self.query.limit {
                break;
            }
            let read = known
                .key
                .as_ref()
                .map(|it| read_record(segment, it, &frame).map(|row| self.shown(log, it, row)));
            let followed = match read {
                // A disk that does not answer now may answer later.
                Some(Err(source @ RecordError::Read(_))) => {
                    let (path, offset) = (segment.path.clone(), frame.offset);
                    return Err(ReadError::Record {
                        path,
                        offset,
                        source,
                    });
                }
                Some(Ok(None)) => continue,
                Some(Ok(Some(row))) if expires_at(row.at, row.retention) <= self.query.now => {
                    continue;
                }
                Some(Ok(Some(row))) => {
                    Followed::Reading(row.into_stored(self.query.subject.clone()))
                }
                Some(Err(RecordError::Open(_) | RecordError::Form)) | None => Followed::Unopened {
                    readings: 1,
                    first_at: frame.at,
                    last_at: frame.at,
                },
            };
            found.push((place(&frame), followed));
        }
        Ok(())
    }
}

enum Opened {
    Rows(Vec<Row>),
    /// It was dropped meanwhile.
    Gone,
    Damaged,
}

/// One more block of a segment that does not open.
fn joined(unopened: Option<Followed>, head: &BlockHead) -> Followed {
    let mut sum = (
        u64::try_from(head.readings).unwrap_or(1).max(1),
        head.first_at,
        head.last_at,
    );
    if let Some(Followed::Unopened {
        readings,
        first_at,
        last_at,
    }) = unopened
    {
        sum = (
            sum.0.saturating_add(readings),
            sum.1.min(first_at),
            sum.2.max(last_at),
        );
    }
    Followed::Unopened {
        readings: sum.0,
        first_at: sum.1,
        last_at: sum.2,
    }
}

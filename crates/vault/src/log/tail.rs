//! The state behind the log's mutex: the pending buffer and the index of the open segment.

use std::sync::Arc;

use model::Timestamp;

use super::{AppendError, ClosedSegment, Lsn, Segment};
use crate::crypto::{CryptoError, Nonce, Plaintext, TAG_BYTES, seal};
use crate::keys::EpochKey;
use crate::reading::{MAX_HEAD_BYTES, Reading, encode};
use crate::segment::{
    BATCH_HEADER_BYTES, FRAME_HEADER_BYTES, FrameRef, Index, associated_data, batch_header,
    frame_crc, frame_header, frame_identity, widen, widen_len,
};

/// What appenders, readers and the commit thread share.
pub(crate) struct Tail {
    /// Room for a batch header, then frames; empty when nothing waits.
    buffer: Vec<u8>,
    /// The buffer that is not in use.
    pub(super) spare: Vec<u8>,
    /// Offset in the file at which the buffer will be written.
    base: u64,
    pub(super) segment: Arc<Segment>,
    pub(super) index: Index,
    /// Index of the next record.
    next_index: u32,
    /// Index of the first record in the buffer.
    first_index: u32,
    /// Number of the next batch.
    next_batch: u32,
    last: Lsn,
    pub(super) durable: Lsn,
    /// Segments whose readings are not yet in blocks, oldest first.
    pub(super) closed: Vec<Arc<ClosedSegment>>,
    /// When `maintain` first saw a record in the open segment.
    pub(super) first_seen: Option<Timestamp>,
    pub(super) wants_rotation: bool,
    pub(super) is_closing: bool,
    pub(super) is_closed: bool,
    associated: Vec<u8>,
}

/// What the commit thread takes to write.
pub(crate) struct Batch {
    pub(super) segment: Arc<Segment>,
    pub(crate) bytes: Vec<u8>,
    pub(super) offset: u64,
    pub(super) last: Lsn,
}

/// What is left to do for a segment that was swapped out.
pub(super) struct Rotated {
    pub(super) segment: Arc<Segment>,
    pub(super) end: u64,
    pub(super) batches: u32,
    pub(super) records: u32,
}

impl Tail {
    /// Before the first record of a new segment.
    pub(crate) fn new(segment: Arc<Segment>, closed: Vec<Arc<ClosedSegment>>) -> Self {
        Self {
            buffer: Vec::new(),
            spare: Vec::new(),
            base: widen(segment.header.len()),
            segment,
            index: Index::default(),
            next_index: 0,
            first_index: 0,
            next_batch: 0,
            last: Lsn::START,
            durable: Lsn::START,
            closed,
            first_seen: None,
            wants_rotation: false,
            is_closing: false,
            is_closed: false,
            associated: Vec::new(),
        }
    }

    /// The last position that was given out.
    pub(super) fn last(&self) -> Lsn {
        self.last
    }

    /// How many bytes wait to be written.
    pub(super) fn pending_bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// How many records the open segment has, pending ones included.
    pub(super) fn records(&self) -> u32 {
        self.next_index
    }

    /// Size of the open segment, pending records included.
    pub(super) fn segment_bytes(&self) -> u64 {
        self.base + widen(self.buffer.len())
    }

    /// Whether readings may be appended now, all of them.
    pub(super) fn admit(
        &self,
        max_pending_bytes: usize,
        readings: &[Reading<'_>],
    ) -> Result<(), AppendError> {
        if self.is_closing {
            return Err(AppendError::Closed);
        }
        let most =
            |it: &Reading<'_>| FRAME_HEADER_BYTES + MAX_HEAD_BYTES + it.body.len() + TAG_BYTES;
        let size_bytes = BATCH_HEADER_BYTES + readings.iter().map(most).sum::<usize>();
        if readings.len() > 1 && size_bytes > max_pending_bytes {
            return Err(AppendError::TooMany {
                size_bytes,
                max_bytes: max_pending_bytes,
            });
        }
        let is_full = !self.buffer.is_empty() && self.buffer.len() + size_bytes > max_pending_bytes;
        let indexes_left = widen_len(u32::MAX - self.next_index);
        if is_full || readings.len() > indexes_left {
            return Err(AppendError::Busy);
        }
        Ok(())
    }

    /// Seals readings at the end of the buffer, each under its key. When one fails the buffer is as before.
    pub(crate) fn push_all(
        &mut self,
        keys: &[&EpochKey],
        readings: &[Reading<'_>],
    ) -> Result<Lsn, CryptoError> {
        let before = (self.buffer.len(), self.next_index, self.last);
        for (key, reading) in keys.iter().zip(readings) {
            if let Err(error) = self.push(key, reading) {
                self.take_back(before);
                return Err(error);
            }
        }
        Ok(self.last)
    }

    /// Takes records out again that nobody was told about.
    fn take_back(&mut self, (len, next_index, last): (usize, u32, Lsn)) {
        self.buffer.truncate(len);
        self.next_index = next_index;
        self.last = last;
        self.index.retain(|_, frames| {
            frames.retain(|it| it.index < next_index);
            !frames.is_empty()
        });
    }

    /// Seals a reading at the end of the buffer. When it fails the buffer is as before.
    pub(crate) fn push(
        &mut self,
        key: &EpochKey,
        reading: &Reading<'_>,
    ) -> Result<Lsn, CryptoError> {
        let before = self.buffer.len();
        if before == 0 {
            self.buffer.resize(BATCH_HEADER_BYTES, 0);
            self.first_index = self.next_index;
        }
        let start = self.buffer.len();
        match self.push_frame(start, key, reading) {
            Ok(len) => {
                let offset = self.base + widen(start);
                let frame = FrameRef {
                    at: reading.at,
                    offset,
                    len,
                    index: self.next_index,
                };
                self.index.entry(key.id).or_default().push(frame);
                self.next_index += 1;
                self.last = Lsn(self.last.0 + 1);
                Ok(self.last)
            }
            Err(error) => {
                self.buffer.truncate(before);
                Err(error)
            }
        }
    }

    fn push_frame(
        &mut self,
        start: usize,
        key: &EpochKey,
        reading: &Reading<'_>,
    ) -> Result<u32, CryptoError> {
        let body_start = start + FRAME_HEADER_BYTES;
        self.buffer.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
        encode(reading, &mut self.buffer);
        let identity = frame_identity(key.id, reading.at, self.next_index);
        associated_data(
            &mut self.associated,
            &self.segment.header,
            &identity,
            key.epoch,
            &key.subject,
        );
        let nonce = Nonce::of_record(self.segment.name.id, self.next_index);
        let (_, body) = self
            .buffer
            .split_at_mut_checked(body_start)
            .ok_or(CryptoError::Seal)?;
        let tag = seal(&key.record, nonce, &self.associated, Plaintext(body))?;
        self.buffer.extend_from_slice(&tag.0);
        let (head, ciphertext) = self
            .buffer
            .split_at_mut_checked(body_start)
            .ok_or(CryptoError::Seal)?;
        let len = u32::try_from(ciphertext.len()).map_err(|_| CryptoError::Seal)?;
        let crc = frame_crc(len, &identity, ciphertext);
        let place = head.get_mut(start..).and_then(|it| it.first_chunk_mut());
        *place.ok_or(CryptoError::Seal)? = frame_header(len, crc, &identity);
        Ok(len)
    }

    /// Takes everything pending, with its batch header written, and puts the spare buffer in its place.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        if self.buffer.is_empty() {
            return None;
        }
        let mut bytes = std::mem::replace(&mut self.buffer, std::mem::take(&mut self.spare));
        let frames = bytes.len().saturating_sub(BATCH_HEADER_BYTES);
        // The buffer is bounded far below 4 GiB by `max_pending_bytes`.
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        let header = batch_header(
            self.segment.name.id,
            self.next_batch,
            self.first_index,
            frames,
        );
        bytes
            .iter_mut()
            .zip(header)
            .for_each(|(to, from)| *to = from);
        let offset = self.base;
        self.base += widen(bytes.len());
        self.next_batch += 1;
        Some(Batch {
            segment: Arc::clone(&self.segment),
            bytes,
            offset,
            last: self.last,
        })
    }

    /// Puts a new segment in the place of the open one, which goes to the closed ones. Nothing may be pending.
    pub(super) fn install(&mut self, segment: Arc<Segment>) -> Rotated {
        let rotated = self.rotated();
        let old = ClosedSegment {
            segment: std::mem::replace(&mut self.segment, segment),
            index: std::mem::take(&mut self.index),
        };
        self.closed.push(Arc::new(old));
        self.base = widen(self.segment.header.len());
        self.next_index = 0;
        self.first_index = 0;
        self.next_batch = 0;
        self.first_seen = None;
        self.wants_rotation = false;
        rotated
    }

    /// What the trailer of the open segment will say.
    pub(super) fn rotated(&self) -> Rotated {
        Rotated {
            segment: Arc::clone(&self.segment),
            end: self.base,
            batches: self.next_batch,
            records: self.next_index,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64};

    use model::{DeploymentId, PersonId, Retention, Subject, ThingId};

    use super::*;
    use crate::crypto::{KeyId, SecretKey, Suite};
    use crate::disk::{Disk as _, RealDisk};
    use crate::segment::SegmentName;

    fn tail(home: &std::path::Path) -> Tail {
        let name = SegmentName { number: 9, id: 77 };
        let path = name.path(home);
        let segment = Segment {
            name,
            header: name.header(crate::crypto::Suite::default()),
            file: RealDisk.create(&path).unwrap(),
            path,
            durable_end: AtomicU64::new(0),
            is_finished: AtomicBool::new(false),
        };
        Tail::new(Arc::new(segment), Vec::new())
    }

    fn key(id: u64) -> EpochKey {
        let secret = SecretKey::from_slice(&[7; 32]).unwrap();
        EpochKey::new(
            KeyId(id),
            crate::keys::Shelf::of(Timestamp::EPOCH, Retention::from_days(30)),
            "person:a1".to_owned(),
            secret,
            Suite::default(),
        )
        .unwrap()
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let (one_home, other_home) = (testkit::temp_dir(), testkit::temp_dir());
        let (mut changed, mut plain) = (tail(one_home.path()), tail(other_home.path()));
        let subject = Subject::Person(PersonId::parse("a1").unwrap());
        let thing = ThingId::parse("meter-7").unwrap();
        let deployment = DeploymentId::parse("home-energy").unwrap();
        let reading = |body| Reading {
            subject: &subject,
            thing: &thing,
            deployment: &deployment,
            at: Timestamp::from_millis(5),
            retention: Retention::from_days(30),
            generation: 1,
            body,
        };
        let (known, new) = (key(1), key(2));
        for start in [true, false] {
            let before = (changed.buffer.len(), changed.next_index, changed.last);
            changed.push(&known, &reading(b"gone")).unwrap();
            changed.push(&new, &reading(b"gone too")).unwrap();
            changed.take_back(before);
            assert_eq!(changed.is_empty(), start);
            for tail in [&mut changed, &mut plain] {
                tail.push_all(&[&known, &known], &[reading(b"x"), reading(b"y")])
                    .unwrap();
            }
            assert_eq!(changed.index, plain.index);
            assert_eq!(
                (changed.last, changed.records()),
                (plain.last, plain.records())
            );
        }
        let bytes = |tail: &mut Tail| tail.take_batch().unwrap().bytes;
        assert_eq!(bytes(&mut changed), bytes(&mut plain));
    }
}

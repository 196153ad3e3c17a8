//! The state behind the log's mutex: the pending buffer and the index of the open segment.

use std::sync::Arc;

use model::Timestamp;

use super::{AppendError, ClosedSegment, CommitError, Lsn, Segment};
use crate::crypto::{CryptoError, Nonce, Plaintext, TAG_BYTES, seal};
use crate::keys::EpochKey;
use crate::reading::{MAX_HEAD_BYTES, Reading, encode};
use crate::segment::{
    BATCH_HEADER_BYTES, FRAME_HEADER_BYTES, FrameRef, Index, associated_data, batch_header,
    frame_crc, frame_identity, widen,
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
    pub(super) failed: Option<Arc<CommitError>>,
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
            failed: None,
            associated: Vec::new(),
        }
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

    pub(super) fn check_running(&self) -> Result<(), Arc<CommitError>> {
        self.failed
            .as_ref()
            .map_or(Ok(()), |it| Err(Arc::clone(it)))
    }

    /// Whether a body of this size may be appended now.
    pub(super) fn admit(
        &self,
        max_pending_bytes: usize,
        body_bytes: usize,
    ) -> Result<(), AppendError> {
        self.check_running().map_err(AppendError::Stopped)?;
        if self.is_closing {
            return Err(AppendError::Closed);
        }
        let most =
            BATCH_HEADER_BYTES + FRAME_HEADER_BYTES + MAX_HEAD_BYTES + body_bytes + TAG_BYTES;
        let is_full = !self.buffer.is_empty() && self.buffer.len() + most > max_pending_bytes;
        if is_full || self.next_index == u32::MAX {
            return Err(AppendError::Busy);
        }
        Ok(())
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
        self.buffer.resize(body_start, 0);
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
        let fields = len
            .to_le_bytes()
            .into_iter()
            .chain(crc.to_le_bytes())
            .chain(identity);
        let header = head.get_mut(start..).unwrap_or_default();
        header
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
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

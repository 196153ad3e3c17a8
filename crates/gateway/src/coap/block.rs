//! A message in pieces: Block1 of RFC 7959.
//!
//! Pieces come in order, each of a size that the client chose (16 to 1,024 bytes), each with credentials; what was
//! gathered belongs to one sender at one address, one path and one Request-Tag (RFC 9175 section 3). A first piece
//! begins anew. What is gathered is bounded by its size, by the number of transfers of an address and in all, by the
//! bytes of all of them, and by the time for which nothing comes.

use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::message::{self, Code, Response, option};
use crate::Counter;

/// How many transfers are under way in all.
pub(super) const MAX_TRANSFERS: usize = 1_024;
/// How many of them one address has.
pub(super) const MAX_TRANSFERS_PER_ADDRESS: usize = 16;
/// How many bytes all of them have gathered.
const MAX_GATHERED_BYTES: usize = 16 * 1024 * 1024;
/// How long the next piece may take: MAX_TRANSMIT_WAIT of RFC 7252 section 4.8.2, after which a client has given up.
const MAX_PAUSE_MS: u64 = 93_000;
/// How long a transfer may take in all.
const MAX_DURATION_MS: u64 = 600_000;

/// The value of a Block1 or Block2 option (RFC 7959 section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) number: u32,
    pub(super) has_more: bool,
    exponent: u8,
}

impl Block {
    /// Reads a value; the exponent 7 is reserved.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let bits = message::read_number(value, 3)?;
        let exponent = u8::try_from(bits & 7).ok().filter(|it| *it < 7)?;
        Some(Self {
            number: bits >> 4,
            has_more: bits & 8 != 0,
            exponent,
        })
    }

    fn size(self) -> usize {
        16 << self.exponent
    }

    fn bits(self) -> u32 {
        self.number << 4 | u32::from(self.has_more) << 3 | u32::from(self.exponent)
    }

    /// A response that says to which piece it is.
    pub(super) fn on(self, response: Response) -> Response {
        response.with(option::BLOCK1, self.bits())
    }
}

/// Whose pieces they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TransferKey {
    pub(super) from: SocketAddr,
    pub(super) sender: Box<str>,
    /// The topic of the message, which tells the path too.
    pub(super) topic: Box<str>,
    pub(super) tag: SmallVec<[u8; 8]>,
}

/// A piece as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) block: Block,
    pub(super) bytes: &'a [u8],
    /// How long the whole will be, if the client said it (Size1).
    pub(super) announced: Option<u32>,
}

/// What a piece leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More are to come.
    More(Response),
    /// It was the last.
    Whole(Vec<u8>),
    /// The transfer is over.
    Refused(Response, Counter),
}

#[derive(Debug)]
struct Transfer {
    gathered: Vec<u8>,
    began_at_ms: u64,
    heard_at_ms: u64,
}

/// All transfers of one socket.
#[derive(Debug)]
pub(super) struct Transfers {
    open: FxHashMap<TransferKey, Transfer>,
    gathered_bytes: usize,
    max_bytes: usize,
}

impl Transfers {
    /// `max_bytes` is the longest message.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            open: FxHashMap::default(),
            gathered_bytes: 0,
            max_bytes,
        }
    }

    /// Takes a piece.
    pub(super) fn take(&mut self, key: TransferKey, piece: Piece<'_>, now_ms: u64) -> Step {
        let Piece { block, bytes, .. } = piece;
        let offset = usize::try_from(block.number)
            .unwrap_or(usize::MAX)
            .saturating_mul(block.size());
        let mut transfer = match self.remove(&key) {
            _ if block.number == 0 => Transfer {
                gathered: Vec::new(),
                began_at_ms: now_ms,
                heard_at_ms: now_ms,
            },
            Some(it) if it.gathered.len() == offset && !it.is_over(now_ms) => it,
            _ => return incomplete(block),
        };
        if bytes.len() > block.size() || (block.has_more && bytes.len() < block.size()) {
            let response = Response::new(Code::BAD_REQUEST)
                .saying("a piece is as long as its Block1 option says; the last may be shorter");
            return Step::Refused(block.on(response), Counter::CoapTransfersRefused);
        }
        let announced = piece
            .announced
            .map_or(0, |it| usize::try_from(it).unwrap_or(usize::MAX));
        if announced.max(offset.saturating_add(bytes.len())) > self.max_bytes {
            let most = u32::try_from(self.max_bytes).unwrap_or(u32::MAX);
            let response = Response::new(Code::REQUEST_ENTITY_TOO_LARGE)
                .saying(format!("a message has at most {most} bytes"))
                .with(option::SIZE1, most);
            return Step::Refused(block.on(response), Counter::PublishesTooLarge);
        }
        transfer.gathered.extend_from_slice(bytes);
        transfer.heard_at_ms = now_ms;
        if !block.has_more {
            return Step::Whole(transfer.gathered);
        }
        if !self.has_place(key.from.ip(), transfer.gathered.len(), now_ms) {
            let response = message::unavailable("too many messages in pieces: try again later");
            return Step::Refused(block.on(response), Counter::CoapTransfersRefused);
        }
        self.gathered_bytes += transfer.gathered.len();
        self.open.insert(key, transfer);
        Step::More(block.on(Response::new(Code::CONTINUE)))
    }

    fn remove(&mut self, key: &TransferKey) -> Option<Transfer> {
        let transfer = self.open.remove(key)?;
        self.gathered_bytes -= transfer.gathered.len();
        Some(transfer)
    }

    /// Whether one more may be kept; those that are over make room.
    fn has_place(&mut self, address: IpAddr, bytes: usize, now_ms: u64) -> bool {
        let is_tight = self.open.len() >= MAX_TRANSFERS
            || self.gathered_bytes + bytes > MAX_GATHERED_BYTES
            || self.of_address(address) >= MAX_TRANSFERS_PER_ADDRESS;
        if is_tight {
            self.forget(now_ms);
        }
        self.open.len() < MAX_TRANSFERS
            && self.gathered_bytes + bytes <= MAX_GATHERED_BYTES
            && self.of_address(address) < MAX_TRANSFERS_PER_ADDRESS
    }

    fn of_address(&self, address: IpAddr) -> usize {
        let of_address = self.open.keys().filter(|it| it.from.ip() == address);
        of_address.count()
    }

    /// Drops what is over.
    pub(super) fn forget(&mut self, now_ms: u64) {
        self.open.retain(|_, it| !it.is_over(now_ms));
        self.gathered_bytes = self.open.values().map(|it| it.gathered.len()).sum();
    }
}

impl Transfer {
    fn is_over(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.heard_at_ms) > MAX_PAUSE_MS
            || now_ms.saturating_sub(self.began_at_ms) > MAX_DURATION_MS
    }
}

/// RFC 7959 section 2.9.2: a piece is missing, the client begins anew.
fn incomplete(block: Block) -> Step {
    let response = Response::new(Code::REQUEST_ENTITY_INCOMPLETE)
        .saying("a piece is missing: begin again with the first");
    Step::Refused(block.on(response), Counter::CoapTransfersRefused)
}

#[cfg(test)]
mod tests;

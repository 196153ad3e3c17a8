//! Files that are written at the same time and read one after the other: the pass over the readings feeds all of them, the ZIP file
//! takes them in order.
//!
//! What does not fit into memory is compressed piece by piece and lies in a scratch file without a name, sealed under a key that is
//! nowhere but in memory: after a crash nobody can read it. A piece is compressed by itself and ends at a byte (RFC 1951 section 3.2.4, an
//! empty stored block), so the pieces of a file, followed by a last empty block, are one deflate stream.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};

use flate2::{Compress, Compression, FlushCompress};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;

use super::ExportError;
use super::zip::{Facts, MAX_ENTRIES, MAX_NAME_BYTES, Method, is_name};

/// A file has at most so many bytes in memory.
const PIECE_BYTES: usize = 128 * 1024;
/// All files together have at most so many bytes in memory.
const MAX_BUFFERED_BYTES: usize = 32 * 1024 * 1024;
/// A last block that holds nothing.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// A place in the scratch file.
#[derive(Debug, Clone, Copy)]
struct Piece {
    number: u64,
    at: u64,
    bytes: usize,
}

/// Sealed pieces in a file.
struct Scratch {
    file: File,
    key: LessSafeKey,
    count: u64,
    end: u64,
}

impl Scratch {
    fn new(file: File) -> Result<Self, ExportError> {
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| ExportError::Random)?;
        let key = UnboundKey::new(&AES_256_GCM, secret.as_slice());
        Ok(Self {
            file,
            key: LessSafeKey::new(key.map_err(|_| ExportError::Random)?),
            count: 0,
            end: 0,
        })
    }

    /// The number of a piece is used once, and the key is not used anywhere else.
    fn nonce(number: u64) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        for (place, byte) in nonce.iter_mut().zip(number.to_be_bytes()) {
            *place = byte;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn put(&mut self, mut bytes: Vec<u8>) -> io::Result<Piece> {
        let failed = |_| io::Error::other("a piece could not be sealed");
        self.key
            .seal_in_place_append_tag(Self::nonce(self.count), Aad::empty(), &mut bytes)
            .map_err(failed)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        let piece = Piece {
            number: self.count,
            at: self.end,
            bytes: bytes.len(),
        };
        self.count += 1;
        self.end += wide(bytes.len());
        Ok(piece)
    }

    fn get(&mut self, piece: Piece, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(piece.at))?;
        bytes.clear();
        (&self.file).take(wide(piece.bytes)).read_to_end(bytes)?;
        let opened = self
            .key
            .open_in_place(Self::nonce(piece.number), Aad::empty(), bytes);
        let opened = opened.map_err(|_| io::Error::other("the scratch file was changed"))?;
        let length = opened.len();
        bytes.truncate(length);
        Ok(())
    }
}

/// One of the files.
struct Part {
    name: String,
    buffer: Vec<u8>,
    pieces: Vec<Piece>,
    crc: crc32fast::Hasher,
    sha256: digest::Context,
    size: u64,
    packed: u64,
    lines: u64,
}

/// Names one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartId(usize);

/// A file that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
    /// How many lines, rows or records it has; 0 where nobody counts them.
    pub(super) lines: u64,
}

/// The files of an export while they are written.
pub(super) struct Spool {
    scratch: Scratch,
    parts: Vec<Part>,
    compress: Compress,
    buffered: usize,
    unpacked: u64,
    max_bytes: u64,
}

impl Spool {
    /// With an empty file that nothing else uses. `max_bytes`: what the files may have before they are compressed.
    pub(super) fn new(file: File, max_bytes: u64) -> Result<Self, ExportError> {
        Ok(Self {
            scratch: Scratch::new(file)?,
            parts: Vec::new(),
            compress: Compress::new(Compression::new(4), false),
            buffered: 0,
            unpacked: 0,
            max_bytes,
        })
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, name: String) -> Result<PartId, ExportError> {
        if self.parts.len() + 2 >= MAX_ENTRIES {
            return Err(ExportError::TooManyFiles);
        }
        debug_assert!(is_name(&name) && name.len() <= MAX_NAME_BYTES, "{name}");
        self.parts.push(Part {
            name,
            buffer: Vec::new(),
            pieces: Vec::new(),
            crc: crc32fast::Hasher::new(),
            sha256: digest::Context::new(&digest::SHA256),
            size: 0,
            packed: wide(LAST_BLOCK.len()),
            lines: 0,
        });
        Ok(PartId(self.parts.len() - 1))
    }

    /// Writes to the end of a file; `lines` says how many lines that are.
    pub(super) fn write(
        &mut self,
        id: PartId,
        lines: u64,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), ExportError> {
        let Some(part) = self.parts.get_mut(id.0) else {
            return Ok(());
        };
        let before = part.buffer.len();
        write(&mut part.buffer);
        part.lines += lines;
        let more = part.buffer.len().saturating_sub(before);
        let is_full = part.buffer.len() >= PIECE_BYTES;
        self.buffered += more;
        self.unpacked += wide(more);
        if self.unpacked > self.max_bytes {
            return Err(ExportError::TooLarge(self.max_bytes));
        }
        if is_full {
            self.flush(id.0)?;
        } else if self.buffered > MAX_BUFFERED_BYTES {
            for number in 0..self.parts.len() {
                self.flush(number)?;
            }
        }
        Ok(())
    }

    /// A whole small file.
    pub(super) fn whole(&mut self, name: &str, bytes: &[u8]) -> Result<PartId, ExportError> {
        let id = self.begin(name.to_owned())?;
        for piece in bytes.chunks(PIECE_BYTES) {
            self.write(id, 0, |it| it.extend_from_slice(piece))?;
        }
        Ok(id)
    }

    fn flush(&mut self, number: usize) -> Result<(), ExportError> {
        let Some(part) = self.parts.get_mut(number) else {
            return Ok(());
        };
        if part.buffer.is_empty() {
            return Ok(());
        }
        self.buffered = self.buffered.saturating_sub(part.buffer.len());
        part.crc.update(&part.buffer);
        part.sha256.update(&part.buffer);
        part.size += wide(part.buffer.len());
        let packed = deflate(&mut self.compress, &part.buffer)?;
        part.packed += wide(packed.len());
        part.buffer.clear();
        let piece = self.scratch.put(packed).map_err(ExportError::Scratch)?;
        part.pieces.push(piece);
        Ok(())
    }

    /// Nothing more is written to these files.
    pub(super) fn finish(&mut self, ids: &[PartId]) -> Result<Vec<Finished>, ExportError> {
        let mut finished = Vec::new();
        for id in ids {
            self.flush(id.0)?;
            let Some(part) = self.parts.get_mut(id.0) else {
                continue;
            };
            part.buffer = Vec::new();
            let digest = part.sha256.clone().finish();
            finished.push(Finished {
                name: part.name.clone(),
                size: part.size,
                sha256: data_encoding::HEXLOWER.encode(digest.as_ref()),
                lines: part.lines,
            });
        }
        Ok(finished)
    }

    /// What the header of a finished file says.
    pub(super) fn facts(&self, id: PartId) -> Option<(&str, Facts)> {
        let part = self.parts.get(id.0)?;
        let facts = Facts {
            method: Method::Deflated,
            crc32: part.crc.clone().finalize(),
            size: part.size,
            packed: part.packed,
        };
        Some((&part.name, facts))
    }

    /// The compressed bytes of a finished file.
    pub(super) fn copy(&mut self, id: PartId, sink: &mut impl Write) -> io::Result<()> {
        let pieces = self.parts.get(id.0).map(|it| it.pieces.clone());
        let mut bytes = Vec::new();
        for piece in pieces.unwrap_or_default() {
            self.scratch.get(piece, &mut bytes)?;
            sink.write_all(&bytes)?;
        }
        sink.write_all(&LAST_BLOCK)
    }
}

/// One piece: a deflate stream without its end.
fn deflate(compress: &mut Compress, bytes: &[u8]) -> Result<Vec<u8>, ExportError> {
    let failed = |_| ExportError::Scratch(io::Error::other("bytes could not be compressed"));
    compress.reset();
    let mut packed = Vec::with_capacity(bytes.len() / 4 + 1024);
    loop {
        let used = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(used..).unwrap_or_default();
        compress
            .compress_vec(rest, &mut packed, FlushCompress::Full)
            .map_err(failed)?;
        let used = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        // There is room left, so everything was taken and the flush is out.
        if used >= bytes.len() && packed.len() < packed.capacity() {
            return Ok(packed);
        }
        packed.reserve(packed.capacity().max(1024));
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

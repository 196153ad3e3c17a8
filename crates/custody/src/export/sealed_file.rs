//! A finished export at rest: sealed under a key that is used for this file alone and lies, itself sealed, in the export's row. When the row
//! is gone nobody can read the file, deleted or not.
//!
//! # Format, version 1
//! ```text
//! 0   8  "AMANATX1"
//! 8   …  chunks: 65536 bytes, AES-256-GCM, and a tag of 16; the last one has fewer bytes, maybe none
//! ```
//! Nonce: the number of the chunk, big-endian, in 12 bytes. Associated data: the magic and one byte, 1 for the last chunk. So chunks
//! cannot change places and the file cannot be cut off, and any part of it can be opened alone.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

const MAGIC: [u8; 8] = *b"AMANATX1";
/// Bytes of a chunk before it is sealed.
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: u64 = 16;

/// The bytes of a key.
pub(super) type FileKey = zeroize::Zeroizing<[u8; 32]>;

fn key_of(key: &FileKey) -> io::Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice());
    Ok(LessSafeKey::new(
        key.map_err(|_| io::Error::other("no key"))?,
    ))
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    let places = nonce.iter_mut().skip(NONCE_LEN - 8);
    for (place, byte) in places.zip(number.to_be_bytes()) {
        *place = byte;
    }
    Nonce::assume_unique_for_key(nonce)
}

fn associated(is_last: bool) -> Aad<[u8; 9]> {
    let mut bytes = [u8::from(is_last); 9];
    for (place, byte) in bytes.iter_mut().zip(MAGIC) {
        *place = byte;
    }
    Aad::from(bytes)
}

/// Seals what is written to it.
pub(super) struct SealingWriter {
    file: File,
    key: LessSafeKey,
    chunk: Vec<u8>,
    count: u64,
    left: u64,
}

impl SealingWriter {
    /// Into an empty file, at most `most` bytes.
    pub(super) fn new(mut file: File, key: &FileKey, most: u64) -> io::Result<Self> {
        file.write_all(&MAGIC)?;
        Ok(Self {
            file,
            key: key_of(key)?,
            chunk: Vec::with_capacity(CHUNK_BYTES + 16),
            count: 0,
            left: most,
        })
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let (number, aad) = (nonce(self.count), associated(is_last));
        let sealed = self
            .key
            .seal_in_place_append_tag(number, aad, &mut self.chunk);
        sealed.map_err(|_| io::Error::other("a chunk could not be sealed"))?;
        self.file.write_all(&self.chunk)?;
        self.chunk.clear();
        self.count += 1;
        Ok(())
    }

    /// The last chunk, on the disk.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.seal(true)?;
        self.file.sync_all()
    }
}

impl Write for SealingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() >= CHUNK_BYTES {
            self.seal(false)?;
        }
        let room = CHUNK_BYTES
            .saturating_sub(self.chunk.len())
            .min(bytes.len());
        let taken = bytes.get(..room).unwrap_or_default();
        let count = u64::try_from(taken.len()).unwrap_or(u64::MAX);
        let Some(left) = self.left.checked_sub(count) else {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the export is too large to be kept",
            ));
        };
        self.left = left;
        self.chunk.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens parts of a sealed file.
pub struct SealedExport {
    file: File,
    key: LessSafeKey,
    bytes: u64,
}

impl SealedExport {
    pub(super) fn open(mut file: File, key: &FileKey, bytes: u64) -> io::Result<Self> {
        let mut magic = [0; 8];
        file.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no sealed export",
            ));
        }
        Ok(Self {
            key: key_of(key)?,
            file,
            bytes,
        })
    }

    /// How many bytes the export has.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Some bytes from `offset` on, at most up to `end`: never more than 64 KiB, none at the end.
    ///
    /// # Errors
    /// When the file cannot be read or was changed.
    pub fn read_from(&mut self, offset: u64, end: u64) -> io::Result<Vec<u8>> {
        let end = end.min(self.bytes);
        if offset >= end {
            return Ok(Vec::new());
        }
        let size = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        let number = offset / size;
        let at = 8 + number.saturating_mul(size + TAG_BYTES);
        self.file.seek(SeekFrom::Start(at))?;
        let mut chunk = Vec::new();
        (&self.file)
            .take(size + TAG_BYTES)
            .read_to_end(&mut chunk)?;
        // A full chunk may be the last one: the one behind it is then not there.
        let is_last = number == self.bytes.saturating_sub(1) / size;
        let opened = self
            .key
            .open_in_place(nonce(number), associated(is_last), &mut chunk);
        let opened = opened.map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "the sealed export was changed")
        })?;
        let from = usize::try_from(offset % size).unwrap_or(usize::MAX);
        let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX);
        let rest = opened.get(from..).unwrap_or_default();
        Ok(rest.iter().take(wanted).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_opens_and_a_changed_or_cut_file_does_not() {
        for length in [
            0,
            1,
            CHUNK_BYTES - 1,
            CHUNK_BYTES,
            CHUNK_BYTES + 1,
            3 * CHUNK_BYTES,
        ] {
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("e");
            let key = FileKey::new([7; 32]);
            let plain: Vec<u8> = (0..length).map(|it| (it % 251) as u8).collect();
            let mut writer =
                SealingWriter::new(File::create(&path).unwrap(), &key, 1 << 30).unwrap();
            writer.write_all(&plain).unwrap();
            writer.finish().unwrap();
            let bytes = length as u64;
            let open = || SealedExport::open(File::open(&path).unwrap(), &key, bytes).unwrap();
            for from in [
                0,
                length.min(1),
                length / 2,
                length.saturating_sub(1),
                length,
            ] {
                let mut at = from as u64;
                let mut found = Vec::new();
                loop {
                    let more = open().read_from(at, u64::MAX).unwrap();
                    if more.is_empty() {
                        break;
                    }
                    at += more.len() as u64;
                    found.extend(more);
                }
                assert_eq!(found, plain[from..], "{length} from {from}");
            }
            assert_eq!(open().read_from(0, 1).unwrap().len(), length.min(1));
            if length > 0 {
                let mut sealed = std::fs::read(&path).unwrap();
                assert!(!sealed.windows(8).any(|it| length > 8 && it == &plain[..8]));
                sealed[8] ^= 1;
                std::fs::write(&path, &sealed).unwrap();
                assert!(open().read_from(0, 1).is_err());
            }
        }
    }

    #[test]
    fn there_is_a_limit() {
        let file = tempfile::tempfile().unwrap();
        let mut writer = SealingWriter::new(file, &FileKey::new([7; 32]), 10).unwrap();
        assert!(writer.write_all(&[0; 11]).is_err());
    }
}

//! The container of an export: a ZIP file (PKWARE APPNOTE 6.3.10) of one narrow form.
//!
//! Every entry is stored or deflated, its sizes and its CRC-32 stand before its bytes (no data descriptors), all have the same
//! time, names are plain (see [`is_name`]), and nothing lies between two entries, before the first or behind the end. ZIP64 (4.3.14,
//! 4.5.3) where a number does not fit. Because of this a reader can make every header again from what the central directory says and
//! compare it with what is there: a file that shows different programs different things is refused.
//!
//! No crate writes or reads so little: the usual ones take sizes after the bytes, and names that point out of the directory.

use std::io::{self, Read, Seek, SeekFrom, Write};

use model::Timestamp;

/// The most entries of a file that is read or written.
pub const MAX_ENTRIES: usize = 20_000;
/// The most bytes of all entries together before they are compressed.
pub const MAX_UNPACKED_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// The longest name of an entry.
pub(super) const MAX_NAME_BYTES: usize = 200;
/// The largest central directory that is read: every entry with the longest name.
const MAX_DIRECTORY_BYTES: u64 = (MAX_ENTRIES as u64) * (46 + MAX_NAME_BYTES as u64 + 28);
/// Deflate makes at most so many bytes of one (RFC 1951: 258 bytes from two bits), and a few at the end.
const MAX_RATIO: u64 = 1_032;

const END_BYTES: u64 = 22;
const END64_BYTES: u64 = 56;
const LOCATOR_BYTES: u64 = 20;
const FULL: u32 = u32::MAX;

/// How the bytes of an entry stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

impl Method {
    const fn number(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Deflated => 8,
        }
    }
}

/// A moment in the form of MS-DOS: two seconds of precision, no zone; ours is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DosTime {
    date: u16,
    time: u16,
}

impl DosTime {
    /// The first moment that has the form: 1980-01-01.
    const FIRST: Self = Self {
        date: (1 << 5) | 1,
        time: 0,
    };

    /// The moment, or the first one where it has no such form.
    pub(super) fn of(at: Timestamp) -> Self {
        Self::read(&at.to_string()).unwrap_or(Self::FIRST)
    }

    fn read(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u16>().ok();
        let year = number(0, 4)?.checked_sub(1980).filter(|it| *it < 128)?;
        let date = (year << 9) | (number(5, 7)? << 5) | number(8, 10)?;
        let time = (number(11, 13)? << 11) | (number(14, 16)? << 5) | (number(17, 19)? / 2);
        Some(Self { date, time })
    }
}

/// What a header says of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) crc32: u32,
    /// Bytes before they are compressed.
    pub(super) size: u64,
    /// Bytes in the file.
    pub(super) packed: u64,
    pub(super) offset: u64,
    pub(super) time: DosTime,
}

impl Entry {
    fn is_large(&self) -> bool {
        self.size >= FULL.into() || self.packed >= FULL.into()
    }

    fn common(&self, version: u16, sizes: Option<(u32, u32)>, extra: usize, out: &mut Vec<u8>) {
        let (packed, size) = sizes.unwrap_or((FULL, FULL));
        for number in [
            version,
            0,
            self.method.number(),
            self.time.time,
            self.time.date,
        ] {
            out.extend(number.to_le_bytes());
        }
        for number in [self.crc32, packed, size] {
            out.extend(number.to_le_bytes());
        }
        out.extend(short(self.name.len()).to_le_bytes());
        out.extend(short(extra).to_le_bytes());
    }

    /// The header before the bytes (4.3.7).
    fn local(&self) -> Vec<u8> {
        let mut out = b"PK\x03\x04".to_vec();
        let small = small(self.packed).zip(small(self.size));
        if let Some(sizes) = small {
            self.common(20, Some(sizes), 0, &mut out);
            out.extend(self.name.bytes());
        } else {
            self.common(45, None, 20, &mut out);
            out.extend(self.name.bytes());
            out.extend([1, 0, 16, 0]);
            out.extend(self.size.to_le_bytes());
            out.extend(self.packed.to_le_bytes());
        }
        out
    }

    /// The header in the central directory (4.3.12).
    fn central(&self) -> Vec<u8> {
        let mut out = b"PK\x01\x02".to_vec();
        let offset = small(self.offset).filter(|_| !self.is_large());
        let small = small(self.packed).zip(small(self.size));
        let small = small.filter(|_| offset.is_some());
        let version: u16 = if small.is_some() { 20 } else { 45 };
        // Made on Unix, so that the permissions below count.
        out.extend(((3 << 8) | version).to_le_bytes());
        let extra = if small.is_some() { 0 } else { 28 };
        self.common(version, small, extra, &mut out);
        // No comment, first disk, no inner attributes.
        out.extend([0; 6]);
        out.extend((0o100_644_u32 << 16).to_le_bytes());
        out.extend(offset.unwrap_or(FULL).to_le_bytes());
        out.extend(self.name.bytes());
        if small.is_none() {
            out.extend([1, 0, 24, 0]);
            out.extend(self.size.to_le_bytes());
            out.extend(self.packed.to_le_bytes());
            out.extend(self.offset.to_le_bytes());
        }
        out
    }
}

/// Lengths that are written are checked before: names and extra fields are short.
fn short(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// A number that the short form of a header can hold.
fn small(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|it| *it < FULL)
}

/// Whether an entry may be called so: parts of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.` with `/` between them, none beginning with a dot.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let fits = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(fits)
    };
    name.len() <= MAX_NAME_BYTES && name.split('/').all(is_part)
}

/// The end of the file (4.3.14 to 4.3.16).
fn end(count: u64, size: u64, offset: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let numbers = small(size).zip(small(offset));
    let short_count = u16::try_from(count).ok().filter(|it| *it < u16::MAX);
    let fits = numbers.zip(short_count);
    if fits.is_none() {
        out.extend(b"PK\x06\x06");
        out.extend((END64_BYTES - 12).to_le_bytes());
        out.extend([45, 3, 45, 0]);
        out.extend([0; 8]);
        for number in [count, count, size, offset] {
            out.extend(number.to_le_bytes());
        }
        out.extend(b"PK\x06\x07");
        out.extend([0; 4]);
        out.extend(offset.saturating_add(size).to_le_bytes());
        out.extend(1_u32.to_le_bytes());
    }
    let ((size, offset), count) = fits.unwrap_or(((FULL, FULL), u16::MAX));
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// Writes a file front to back.
pub(super) struct ZipWriter<W> {
    sink: W,
    position: u64,
    central: Vec<u8>,
    count: u64,
    time: DosTime,
}

/// What of an entry is known before its bytes are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) size: u64,
    pub(super) packed: u64,
}

impl<W: Write> ZipWriter<W> {
    pub(super) fn new(sink: W, time: DosTime) -> Self {
        Self {
            sink,
            position: 0,
            central: Vec::new(),
            count: 0,
            time,
        }
    }

    /// One entry; `body` writes exactly `facts.packed` bytes.
    pub(super) fn entry(
        &mut self,
        name: &str,
        facts: Facts,
        body: impl FnOnce(&mut W) -> io::Result<()>,
    ) -> io::Result<()> {
        let entry = Entry {
            name: name.to_owned(),
            method: facts.method,
            crc32: facts.crc32,
            size: facts.size,
            packed: facts.packed,
            offset: self.position,
            time: self.time,
        };
        let local = entry.local();
        self.sink.write_all(&local)?;
        body(&mut self.sink)?;
        self.position += len(&local) + facts.packed;
        self.central.extend(entry.central());
        self.count += 1;
        Ok(())
    }

    /// The directory and the end; gives the sink back and how many bytes the file has.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        self.sink.write_all(&self.central)?;
        let end = end(self.count, len(&self.central), self.position);
        self.sink.write_all(&end)?;
        let bytes = self.position + len(&self.central) + len(&end);
        Ok((self.sink, bytes))
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Why a file is not of this form.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZipError {
    #[error("it could not be read")]
    Read(#[from] io::Error),
    #[error("{0}")]
    Form(&'static str),
    #[error("the entry `{0}`: {1}")]
    Entry(String, &'static str),
}

/// The entries of a file in their order, after everything but the bytes of the entries was checked.
pub(super) fn entries<R: Read + Seek>(file: &mut R) -> Result<Vec<Entry>, ZipError> {
    let total = file.seek(SeekFrom::End(0))?;
    let (count, size, offset) = find_end(file, total)?;
    if count > MAX_ENTRIES as u64 || size > MAX_DIRECTORY_BYTES {
        return Err(ZipError::Form(
            "it has more entries than an export may have",
        ));
    }
    let end = end(count, size, offset);
    let whole = offset
        .checked_add(size)
        .and_then(|it| it.checked_add(len(&end)));
    if whole != Some(total) {
        return Err(ZipError::Form("its end does not say where it began"));
    }
    let found = read_at(file, total - len(&end), len(&end))?;
    let directory = read_at(file, offset, size)?;
    if found != end {
        return Err(ZipError::Form("its end is not of the form of an export"));
    }
    let mut rest = directory.as_slice();
    let mut entries: Vec<Entry> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    let (mut expected, mut unpacked) = (0_u64, 0_u64);
    for _ in 0..count {
        let entry = read_central(&mut rest)?;
        let wrong = |why| Err(ZipError::Entry(entry.name.clone(), why));
        let header = entry.local();
        let next = expected
            .checked_add(len(&header))
            .and_then(|it| it.checked_add(entry.packed))
            .filter(|it| *it <= offset);
        let Some(next) = next.filter(|_| entry.offset == expected) else {
            return wrong("it does not lie where it should");
        };
        if read_at(file, expected, len(&header))? != header {
            return wrong("what stands before it is not what the directory says");
        }
        let can_be = match entry.method {
            Method::Stored => entry.size == entry.packed,
            Method::Deflated => entry.size <= entry.packed.saturating_mul(MAX_RATIO),
        };
        unpacked = unpacked.saturating_add(entry.size);
        if !can_be || unpacked > MAX_UNPACKED_BYTES {
            return wrong("it says that it is larger than it can be");
        }
        if !names.insert(entry.name.to_ascii_lowercase()) {
            return wrong("there are two of this name");
        }
        expected = next;
        entries.push(entry);
    }
    if !rest.is_empty() || expected != offset {
        return Err(ZipError::Form("there is something between its entries"));
    }
    Ok(entries)
}

/// How many entries there are, how many bytes their directory has and where it begins.
fn find_end<R: Read + Seek>(file: &mut R, total: u64) -> Result<(u64, u64, u64), ZipError> {
    let none = || ZipError::Form("it is no export, or it was cut off");
    let at = total.checked_sub(END_BYTES).ok_or_else(none)?;
    let end = read_at(file, at, END_BYTES)?;
    if !end.starts_with(b"PK\x05\x06") {
        return Err(none());
    }
    let number = |bytes: &[u8], from: usize| u32_at(bytes, from).map(u64::from).ok_or_else(none);
    let short = (
        u16_at(&end, 10).map(u64::from).ok_or_else(none)?,
        number(&end, 12)?,
        number(&end, 16)?,
    );
    let is_short = short.0 < 0xffff && short.1 < u64::from(FULL) && short.2 < u64::from(FULL);
    if is_short {
        return Ok(short);
    }
    let at = at
        .checked_sub(LOCATOR_BYTES + END64_BYTES)
        .ok_or_else(none)?;
    let end = read_at(file, at, END64_BYTES)?;
    let number = |from: usize| u64_at(&end, from).ok_or_else(none);
    Ok((number(32)?, number(40)?, number(48)?))
}

fn read_central(rest: &mut &[u8]) -> Result<Entry, ZipError> {
    let none = || ZipError::Form("its directory is not of the form of an export");
    let bytes = *rest;
    let name_len = usize::from(u16_at(bytes, 28).ok_or_else(none)?);
    let extra_len = usize::from(u16_at(bytes, 30).ok_or_else(none)?);
    let name = bytes.get(46..46 + name_len).ok_or_else(none)?;
    let name = std::str::from_utf8(name).map_err(|_| none())?;
    if !is_name(name) {
        return Err(ZipError::Form(
            "a name in its directory is none that an export has",
        ));
    }
    let number = |from: usize| u32_at(bytes, from).ok_or_else(none);
    let mut numbers = (
        u64::from(number(24)?),
        u64::from(number(20)?),
        u64::from(number(42)?),
    );
    if extra_len > 0 {
        let at = 46 + name_len + 4;
        let number = |from: usize| u64_at(bytes, from).ok_or_else(none);
        numbers = (number(at)?, number(at + 8)?, number(at + 16)?);
    }
    let entry = Entry {
        name: name.to_owned(),
        method: match u16_at(bytes, 10) {
            Some(0) => Method::Stored,
            Some(8) => Method::Deflated,
            _ => return Err(none()),
        },
        crc32: number(16)?,
        size: numbers.0,
        packed: numbers.1,
        offset: numbers.2,
        time: DosTime {
            time: u16_at(bytes, 12).ok_or_else(none)?,
            date: u16_at(bytes, 14).ok_or_else(none)?,
        },
    };
    let header = entry.central();
    *rest = bytes.strip_prefix(header.as_slice()).ok_or_else(none)?;
    Ok(entry)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

/// `size` is bounded by the caller.
fn read_at<R: Read + Seek>(file: &mut R, at: u64, size: u64) -> Result<Vec<u8>, ZipError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    if len(&bytes) == size {
        Ok(bytes)
    } else {
        Err(ZipError::Form("it was cut off"))
    }
}

/// The bytes of an entry as they were before they were compressed. Gives an error where they are more, fewer or others than the
/// header says; read it to its end.
pub(super) struct Body<'a, R: Read> {
    input: flate2::read::DeflateDecoder<io::Take<&'a mut R>>,
    is_stored: bool,
    packed: u64,
    left: u64,
    crc: crc32fast::Hasher,
    crc32: u32,
}

/// Opens an entry that [`entries`] gave.
pub(super) fn body<'a, R: Read + Seek>(file: &'a mut R, entry: &Entry) -> io::Result<Body<'a, R>> {
    let start = entry.offset + len(&entry.local());
    file.seek(SeekFrom::Start(start))?;
    let input = file.take(entry.packed);
    Ok(Body {
        input: flate2::read::DeflateDecoder::new(input),
        is_stored: entry.method == Method::Stored,
        packed: entry.packed,
        left: entry.size,
        crc: crc32fast::Hasher::new(),
        crc32: entry.crc32,
    })
}

impl<R: Read> Body<'_, R> {
    fn next(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.is_stored {
            self.input.get_mut().read(out)
        } else {
            self.input.read(out)
        }
    }

    /// At the end: the sum is right, nothing is left over, and what was compressed was used up.
    fn check_end(&mut self) -> io::Result<()> {
        let wrong = |why: &'static str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        if self.next(&mut [0])? != 0 {
            return wrong("it is longer than it says");
        }
        let used = match self.is_stored {
            true => self.packed.saturating_sub(self.input.get_ref().limit()),
            false => self.input.total_in(),
        };
        if self.crc.clone().finalize() != self.crc32 {
            return wrong("its checksum is wrong");
        }
        if used != self.packed {
            return wrong("it has bytes behind its end");
        }
        Ok(())
    }
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            self.check_end()?;
            return Ok(0);
        }
        let room = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(out.len());
        let Some(out) = out.get_mut(..room) else {
            return Ok(0);
        };
        let count = self.next(out)?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it is shorter than it says",
            ));
        }
        if let Some(read) = out.get(..count) {
            self.crc.update(read);
        }
        self.left = self
            .left
            .saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

#[cfg(test)]
mod tests;

//! Rows as bytes, the same for both engines, and where a stream of them is cut. All numbers are little-endian.
//!
//! ```text
//! stream: records one after the other, cut into chunks anywhere
//!   0   1  'T' a table, 'R' a row of it, 'E' the end
//!   1   4  length of what follows
//! table: number of columns (2); for the table and each column: length of the name (2), name; each column then: kind (1)
//! row:   for each column: 0 null │ 1 whole number (8) │ 2 number (8) │ 3 text │ 4 bytes; the last two with their length (4)
//! end:   number of rows (8)
//! kinds of columns: 1 whole number, 2 number, 3 text, 4 bytes
//! ```
//! The stream is cut behind a record whose keyed hash says so, so that rows that are inserted or deleted change the pieces around
//! them and no other: about every [`TARGET_BYTES`], the likelier the longer the record.

use store::{Column, Kind, Row, Table, Value};

use crate::repository::MAX_CHUNK_BYTES;
use crate::seal::RepositoryKey;

/// A chunk of rows has more than this, but for the last one.
const MIN_BYTES: usize = 64 * 1024;
/// And about so much more.
const TARGET_BYTES: usize = 512 * 1024;
/// A record that is longer is refused, out and in.
pub(crate) const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;
const RECORD_HEAD_BYTES: usize = 5;
/// A name of a table or column is no longer.
const MAX_NAME_BYTES: usize = 200;
const MAX_COLUMNS: usize = 1_000;

const TABLE: u8 = b'T';
const ROW: u8 = b'R';
const END: u8 = b'E';

/// One record, as bytes.
#[derive(Default)]
pub(crate) struct Encoder {
    pub(crate) bytes: Vec<u8>,
}

/// A record is too long for the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Encoder {
    pub(crate) fn table(&mut self, table: &Table) -> Result<&[u8], TooLong> {
        self.begin(TABLE);
        self.u16(table.columns.len())?;
        self.name(&table.name)?;
        for column in &table.columns {
            self.name(&column.name)?;
            self.bytes.push(kind_number(column.kind));
        }
        self.end()
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<&[u8], TooLong> {
        self.begin(ROW);
        for value in row.values() {
            match value {
                Value::Null => self.bytes.push(0),
                Value::Int(it) => {
                    self.bytes.push(1);
                    self.bytes.extend_from_slice(&it.to_le_bytes());
                }
                Value::Real(it) => {
                    self.bytes.push(2);
                    self.bytes.extend_from_slice(&it.to_le_bytes());
                }
                Value::Text(it) => self.long(3, it.as_bytes())?,
                Value::Blob(it) => self.long(4, it)?,
            }
        }
        self.end()
    }

    pub(crate) fn finish(&mut self, rows: u64) -> Result<&[u8], TooLong> {
        self.begin(END);
        self.bytes.extend_from_slice(&rows.to_le_bytes());
        self.end()
    }

    fn begin(&mut self, tag: u8) {
        self.bytes.clear();
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&[0; 4]);
    }

    fn end(&mut self) -> Result<&[u8], TooLong> {
        let len = self.bytes.len().saturating_sub(RECORD_HEAD_BYTES);
        if len > MAX_RECORD_BYTES {
            return Err(TooLong);
        }
        let len = u32::try_from(len).map_err(|_| TooLong)?.to_le_bytes();
        let head = self.bytes.iter_mut().skip(1);
        head.zip(len).for_each(|(to, from)| *to = from);
        Ok(&self.bytes)
    }

    fn u16(&mut self, number: usize) -> Result<(), TooLong> {
        let number = u16::try_from(number).map_err(|_| TooLong)?;
        self.bytes.extend_from_slice(&number.to_le_bytes());
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<(), TooLong> {
        self.u16(name.len())?;
        self.bytes.extend_from_slice(name.as_bytes());
        Ok(())
    }

    fn long(&mut self, tag: u8, bytes: &[u8]) -> Result<(), TooLong> {
        let len = u32::try_from(bytes.len()).map_err(|_| TooLong)?;
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

const fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Int => 1,
        Kind::Real => 2,
        Kind::Text => 3,
        Kind::Blob => 4,
    }
}

const fn kind_of(number: u8) -> Option<Kind> {
    match number {
        1 => Some(Kind::Int),
        2 => Some(Kind::Real),
        3 => Some(Kind::Text),
        4 => Some(Kind::Blob),
        _ => None,
    }
}

/// Gathers records into chunks.
pub(crate) struct Cutter<'a> {
    key: &'a RepositoryKey,
    pending: Vec<u8>,
}

impl<'a> Cutter<'a> {
    pub(crate) fn new(key: &'a RepositoryKey) -> Self {
        Self {
            key,
            pending: Vec::with_capacity(TARGET_BYTES * 2),
        }
    }

    /// Takes a record; gives every chunk that is complete to `put`.
    pub(crate) fn push<E>(
        &mut self,
        record: &[u8],
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.pending.extend_from_slice(record);
        while self.pending.len() > MAX_CHUNK_BYTES {
            let rest = self.pending.split_off(MAX_CHUNK_BYTES);
            put(&self.pending)?;
            self.pending = rest;
        }
        if self.pending.len() > MIN_BYTES && self.is_boundary(record) {
            put(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    /// What is left.
    pub(crate) fn finish<E>(self, mut put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match self.pending.is_empty() {
            true => Ok(()),
            false => put(&self.pending),
        }
    }

    /// True for one in `TARGET_BYTES` of all bytes.
    fn is_boundary(&self, record: &[u8]) -> bool {
        let share = (record.len() as u64).saturating_mul(1 << 32) / (TARGET_BYTES as u64);
        u64::from(self.key.boundary(record)) < share
    }
}

/// A record, read.
#[derive(Debug, PartialEq)]
pub(crate) enum Record<'a> {
    Table {
        name: String,
        columns: Vec<(String, Kind)>,
    },
    Row(Vec<Value<'a>>),
    End {
        rows: u64,
    },
}

/// Whether values are a row of a table.
pub(crate) fn fits(table: &Table, values: &[Value<'_>]) -> bool {
    let fits = |(column, value): (&Column, &Value<'_>)| {
        matches!(
            (column.kind, value),
            (_, Value::Null)
                | (Kind::Int, Value::Int(_))
                | (Kind::Real, Value::Real(_))
                | (Kind::Text, Value::Text(_))
                | (Kind::Blob, Value::Blob(_))
        )
    };
    table.columns.len() == values.len() && table.columns.iter().zip(values).all(fits)
}

/// What stands where a record should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRecord;

/// The first record of `bytes`, and how many bytes it takes; nothing while it is not whole.
pub(crate) fn next(bytes: &[u8]) -> Result<Option<(Record<'_>, usize)>, NoRecord> {
    let Some((head, rest)) = bytes.split_at_checked(RECORD_HEAD_BYTES) else {
        return Ok(None);
    };
    let mut head = Reader(head);
    let (tag, len) = (head.u8().ok_or(NoRecord)?, head.u32().ok_or(NoRecord)?);
    if len > MAX_RECORD_BYTES || ![TABLE, ROW, END].contains(&tag) {
        return Err(NoRecord);
    }
    let Some(body) = rest.get(..len) else {
        return Ok(None);
    };
    let mut reader = Reader(body);
    let record = match tag {
        TABLE => reader.table(),
        ROW => reader.row(),
        _ => reader.u64().map(|rows| Record::End { rows }),
    };
    match record {
        Some(record) if reader.0.is_empty() => Ok(Some((record, RECORD_HEAD_BYTES + len))),
        _ => Err(NoRecord),
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[it]| it)
    }

    fn u16(&mut self) -> Option<usize> {
        self.array().map(u16::from_le_bytes).map(usize::from)
    }

    fn u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn name(&mut self) -> Option<String> {
        let len = self.u16().filter(|it| (1..=MAX_NAME_BYTES).contains(it))?;
        Some(std::str::from_utf8(self.take(len)?).ok()?.to_owned())
    }

    fn table(&mut self) -> Option<Record<'a>> {
        let count = self.u16().filter(|it| *it <= MAX_COLUMNS)?;
        let name = self.name()?;
        let mut columns = Vec::with_capacity(count);
        for _ in 0..count {
            columns.push((self.name()?, kind_of(self.u8()?)?));
        }
        Some(Record::Table { name, columns })
    }

    fn row(&mut self) -> Option<Record<'a>> {
        let mut values = Vec::new();
        while !self.0.is_empty() {
            values.push(match self.u8()? {
                0 => Value::Null,
                1 => Value::Int(self.array().map(i64::from_le_bytes)?),
                2 => Value::Real(self.array().map(f64::from_le_bytes)?),
                3 => {
                    let len = self.u32()?;
                    Value::Text(std::str::from_utf8(self.take(len)?).ok()?)
                }
                4 => {
                    let len = self.u32()?;
                    Value::Blob(self.take(len)?)
                }
                _ => return None,
            });
            if values.len() > MAX_COLUMNS {
                return None;
            }
        }
        Some(Record::Row(values))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn key() -> RepositoryKey {
        RepositoryKey::from_bytes(Zeroizing::new([9; 32]))
    }

    /// The record of a row with one text.
    fn row(text: &str) -> Vec<u8> {
        let mut bytes = vec![ROW];
        let len = u32::try_from(text.len()).unwrap();
        bytes.extend_from_slice(&(len + 5).to_le_bytes());
        bytes.push(3);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    fn cut(records: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let key = key();
        let mut chunks = Vec::new();
        let mut cutter = Cutter::new(&key);
        for record in records {
            let put = |it: &[u8]| {
                chunks.push(it.to_vec());
                Ok::<_, ()>(())
            };
            cutter.push(record, put).unwrap();
        }
        cutter
            .finish(|it| {
                chunks.push(it.to_vec());
                Ok::<_, ()>(())
            })
            .unwrap();
        chunks
    }

    #[test]
    fn a_row_more_or_less_changes_the_pieces_around_it_only() {
        let mut records: Vec<Vec<u8>> = (0..40_000).map(|it| row(&format!("{it:0150}"))).collect();
        let before = cut(&records);
        assert!(before.len() > 6, "{}", before.len());
        assert_eq!(before.concat(), records.concat());
        records.insert(20_000, row("one more"));
        records.remove(35_000);
        let after = cut(&records);
        let new = after.iter().filter(|it| !before.contains(it)).count();
        assert!((1..=4).contains(&new), "{new} of {}", after.len());
    }

    #[test]
    fn a_record_longer_than_a_piece_goes_over_several() {
        let records = [row("a"), row(&"x".repeat(3 * MAX_CHUNK_BYTES)), row("b")];
        let chunks = cut(&records);
        assert!(chunks.len() >= 3);
        assert!(chunks.iter().all(|it| it.len() <= MAX_CHUNK_BYTES));
        assert_eq!(chunks.concat(), records.concat());
    }

    #[test]
    fn no_bytes_are_taken_for_a_record_that_are_none() {
        let good = row("salaam");
        assert!(matches!(next(&good), Ok(Some((Record::Row(_), len))) if len == good.len()));
        for at in 0..good.len() {
            assert_eq!(next(&good[..at]), Ok(None), "cut at {at}");
        }
        let mut end = vec![END, 8, 0, 0, 0];
        end.extend_from_slice(&7_u64.to_le_bytes());
        assert_eq!(next(&end), Ok(Some((Record::End { rows: 7 }, end.len()))));
        for bad in [
            &b"X\0\0\0\0"[..],
            &[ROW, 255, 255, 255, 255],
            &[END, 1, 0, 0, 0, 0],
            &[ROW, 1, 0, 0, 0, 9],
            &[ROW, 6, 0, 0, 0, 3, 255, 255, 255, 255, b'x'],
            &[ROW, 6, 0, 0, 0, 3, 1, 0, 0, 0, 0xff],
            &[TABLE, 4, 0, 0, 0, 1, 0, 0, 0],
            &[TABLE, 2, 0, 0, 0, 255, 255],
        ] {
            assert_eq!(next(bad), Err(NoRecord), "{bad:?}");
        }
        // Whatever a byte is changed to, nothing panics and nothing is read beyond the record.
        for at in 0..good.len() {
            for byte in 0..=255 {
                let mut changed = good.clone();
                changed[at] = byte;
                if let Ok(Some((_, len))) = next(&changed) {
                    assert!(len <= changed.len());
                }
            }
        }
    }
}

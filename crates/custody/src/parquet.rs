//! Tables as Parquet files, for everything here that gives tables away.
//!
//! [`ParquetWriter`] takes rows and gives bytes, front to back; it holds one row group in memory and nothing else that grows with
//! the rows but some 100 bytes a column and row group. The caller owns where the bytes go.
//!
//! ```text
//! let mut writer = ParquetWriter::new(vec![Column::required("at", Kind::Moment), Column::optional("value", Kind::Number)], &mut out);
//! writer.row(&[Cell::Moment(at), Cell::Number(21.5)], &mut out)?;
//! writer.finish(&mut out);
//! ```
//!
//! # Format
//! Apache Parquet 2.9, of which this writes the part that every reader knows: flat columns, data pages of version 1 with a CRC-32, one page a
//! column and row group; `PLAIN`, and `RLE_DICTIONARY` for texts as long as there are few; `TIMESTAMP(MILLIS, UTC)`, `STRING`; pages
//! compressed with `GZIP`. A row group ends after [`MAX_GROUP_ROWS`] rows or about [`MAX_GROUP_BYTES`].
//!
//! Why not the crate `parquet`: ADR 0030. That crate reads what this writes, in the tests.

use std::io::Write as _;

use model::Timestamp;

mod column;
mod thrift;

use column::Chunk;
use thrift::fields;

/// The most rows of a row group.
pub(crate) const MAX_GROUP_ROWS: u64 = 100_000;
/// A row group ends when it has about so many bytes in memory.
pub(crate) const MAX_GROUP_BYTES: usize = 8 * 1024 * 1024;

const MAGIC: &[u8] = b"PAR1";
/// The compression in `parquet.thrift`.
const GZIP: i32 = 2;
const CREATED_BY: &str = concat!("amanat version ", env!("CARGO_PKG_VERSION"));

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A moment, to the millisecond, UTC.
    Moment,
    /// A whole number.
    Whole,
    /// A number, as a double.
    Number,
    /// A text.
    Text,
    /// True or false.
    Truth,
}

impl Kind {
    /// Its type in `parquet.thrift`.
    const fn physical(self) -> i32 {
        match self {
            Self::Truth => 0,
            Self::Moment | Self::Whole => 2,
            Self::Number => 5,
            Self::Text => 6,
        }
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    name: String,
    kind: Kind,
    is_optional: bool,
}

impl Column {
    /// A column with a value in every row.
    pub(crate) fn required(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            is_optional: false,
        }
    }

    /// A column that may have nothing in a row.
    pub(crate) fn optional(name: &str, kind: Kind) -> Self {
        Self {
            is_optional: true,
            ..Self::required(name, kind)
        }
    }
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Nothing, where the column may have that.
    Nothing,
    /// A moment.
    Moment(Timestamp),
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(&'a str),
    /// True or false.
    Truth(bool),
}

impl Cell<'_> {
    fn fits(&self, column: &Column) -> bool {
        match self {
            Self::Nothing => column.is_optional,
            Self::Moment(_) => column.kind == Kind::Moment,
            Self::Whole(_) => column.kind == Kind::Whole,
            Self::Number(_) => column.kind == Kind::Number,
            Self::Text(_) => column.kind == Kind::Text,
            Self::Truth(_) => column.kind == Kind::Truth,
        }
    }
}

/// How much is spent on making pages small.
const LEVEL: flate2::Compression = flate2::Compression::new(4);

/// A page as it stands in the file.
fn pack(page: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), LEVEL);
    // Into memory: neither of the two can fail.
    let written = packer.write_all(page).and_then(|()| packer.finish());
    written.unwrap_or_default()
}

/// A row does not fit the columns: a mistake of whoever calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a row does not fit the columns of its table")]
pub(crate) struct WrongRow;

/// Where the pages of a column of a row group are.
struct Place {
    data: u64,
    dictionary: Option<u64>,
    values: u64,
    size: u64,
    packed: u64,
    encodings: Vec<i32>,
}

impl Place {
    fn add(&mut self, (size, packed): (u64, u64)) {
        self.size += size;
        self.packed += packed;
    }
}

struct Group {
    rows: u64,
    places: Vec<Place>,
}

/// A table while it is written.
pub(crate) struct ParquetWriter {
    columns: Vec<Column>,
    chunks: Vec<Chunk>,
    rows: u64,
    offset: u64,
    groups: Vec<Group>,
}

impl ParquetWriter {
    /// Begins a table with at least one column.
    pub(crate) fn new(columns: Vec<Column>, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(MAGIC);
        Self {
            chunks: columns.iter().map(Chunk::new).collect(),
            columns,
            rows: 0,
            offset: wide(MAGIC.len()),
            groups: Vec::new(),
        }
    }

    /// Adds a row; gives bytes when a row group is full.
    ///
    /// # Errors
    /// [`WrongRow`] when there is not one value of the right kind for each column; nothing is added then.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<(), WrongRow> {
        let mut pairs = cells.iter().zip(&self.columns);
        if cells.len() != self.columns.len() || !pairs.all(|(cell, column)| cell.fits(column)) {
            return Err(WrongRow);
        }
        for (cell, chunk) in cells.iter().zip(&mut self.chunks) {
            chunk.push(cell);
        }
        self.rows += 1;
        let bytes: usize = self.chunks.iter().map(Chunk::bytes).sum();
        if self.rows >= MAX_GROUP_ROWS || bytes >= MAX_GROUP_BYTES {
            self.end_group(out);
        }
        Ok(())
    }

    fn end_group(&mut self, out: &mut Vec<u8>) {
        if self.rows == 0 {
            return;
        }
        let fresh = self.columns.iter().map(Chunk::new).collect();
        let mut places = Vec::new();
        for chunk in std::mem::replace(&mut self.chunks, fresh) {
            let place = chunk.write(self.offset, out);
            self.offset += place.packed;
            places.push(place);
        }
        self.groups.push(Group {
            rows: std::mem::take(&mut self.rows),
            places,
        });
    }

    /// Ends the table.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.end_group(out);
        let before = out.len();
        self.footer(out);
        let length = u32::try_from(out.len() - before).unwrap_or(u32::MAX);
        out.extend(length.to_le_bytes());
        out.extend_from_slice(MAGIC);
    }

    /// `FileMetaData`.
    fn footer(&self, out: &mut Vec<u8>) {
        let rows = self.groups.iter().map(|it| it.rows).sum();
        let mut schema: Vec<Option<&Column>> = vec![None];
        schema.extend(self.columns.iter().map(Some));
        fields(out, |it| {
            it.i32(1, 2);
            it.each(2, &schema, |column, it| match column {
                Some(column) => element(column, it),
                None => {
                    it.text(4, "schema");
                    it.i32(5, i32::try_from(self.columns.len()).unwrap_or(i32::MAX));
                }
            });
            it.i64(3, narrow(rows));
            it.each(4, &self.groups, |group, it| {
                let columns: Vec<_> = self.columns.iter().zip(&group.places).collect();
                it.each(1, &columns, |(column, place), it| {
                    it.i64(2, 0);
                    it.fields(3, |it| chunk_fields(column, place, it));
                });
                it.i64(2, narrow(group.places.iter().map(|it| it.size).sum()));
                it.i64(3, narrow(group.rows));
            });
            it.text(6, CREATED_BY);
        });
    }
}

/// `ColumnMetaData`.
fn chunk_fields(column: &Column, place: &Place, it: &mut thrift::Fields<'_>) {
    it.i32(1, column.kind.physical());
    it.numbers(2, &place.encodings);
    it.texts(3, &[&column.name]);
    it.i32(4, GZIP);
    it.i64(5, narrow(place.values));
    it.i64(6, narrow(place.size));
    it.i64(7, narrow(place.packed));
    it.i64(9, narrow(place.data));
    if let Some(offset) = place.dictionary {
        it.i64(11, narrow(offset));
    }
}

/// `SchemaElement`, with the logical type in the old form and the new.
fn element(column: &Column, it: &mut thrift::Fields<'_>) {
    it.i32(1, column.kind.physical());
    it.i32(3, column.is_optional.into());
    it.text(4, &column.name);
    match column.kind {
        Kind::Text => {
            it.i32(6, 0);
            it.fields(10, |it| it.fields(1, |_| ()));
        }
        Kind::Moment => {
            it.i32(6, 9);
            it.fields(10, |it| {
                it.fields(8, |it| {
                    it.truth(1, true);
                    it.fields(2, |it| it.fields(1, |_| ()));
                });
            });
        }
        Kind::Whole | Kind::Number | Kind::Truth => {}
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn narrow(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

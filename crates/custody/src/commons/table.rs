//! The table of a release, in each of its formats: the same rows under the same random names.

use deidentify::{Column, Ladder, Randomness};

use super::declared::{DataSet, millionths};
use crate::parquet::{self, Cell, Kind, ParquetWriter, WrongRow};
use crate::secret::document_sha256;

/// The files of a release.
pub(super) struct Table {
    /// RFC 4180, UTF-8, with a header.
    pub(super) csv: Vec<u8>,
    /// Apache Parquet.
    pub(super) parquet: Vec<u8>,
}

impl Table {
    /// Makes both files. Each row has a random name, and the rows lie in the order of these names.
    ///
    /// # Errors
    /// When a row has not one cell for each column.
    pub(super) fn make(
        data_set: &DataSet,
        rows: &[Vec<String>],
        random: &mut Randomness<'_>,
    ) -> Result<Self, WrongRow> {
        let mut named: Vec<NamedRow<'_>> = rows
            .iter()
            .map(|it| (format!("{:016x}", random()), it.as_slice()))
            .collect();
        named.sort_unstable();
        Ok(Self {
            csv: csv(&data_set.plan.columns, &named),
            parquet: parquet(&data_set.plan.columns, &named)?,
        })
    }

    /// The size and the lower-case hex SHA-256 of each file: CSV, Parquet.
    pub(super) fn sums(&self) -> [(usize, String); 2] {
        [&self.csv, &self.parquet].map(|it| (it.len(), document_sha256(it)))
    }
}

/// A row with its name.
type NamedRow<'a> = (String, &'a [String]);

/// Whether every cell of a column is a number or nothing. A column that may vanish shows `*`, so it is a text.
pub(super) fn is_number(column: &Column) -> bool {
    matches!(column.ladder, Ladder::Number(_) | Ladder::Buckets(_)) && !column.may_vanish
}

fn csv(columns: &[Column], rows: &[NamedRow<'_>]) -> Vec<u8> {
    let mut text = String::from("row");
    for column in columns {
        text.push(',');
        text.push_str(&column.name);
    }
    text.push_str("\r\n");
    for (name, cells) in rows {
        text.push_str(name);
        for cell in *cells {
            text.push(',');
            push_cell(&mut text, cell);
        }
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// RFC 4180 section 2, rules 5 to 7.
fn push_cell(text: &mut String, cell: &str) {
    if cell.contains([',', '"', '\r', '\n']) {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(cell);
    }
}

/// The same with types: what is empty in the CSV file is nothing here, and numbers are doubles.
fn parquet(columns: &[Column], rows: &[NamedRow<'_>]) -> Result<Vec<u8>, WrongRow> {
    let mut all = vec![parquet::Column::required("row", Kind::Text)];
    all.extend(columns.iter().map(|it| {
        let kind = if is_number(it) {
            Kind::Number
        } else {
            Kind::Text
        };
        parquet::Column::optional(&it.name, kind)
    }));
    let mut file = Vec::new();
    let mut writer = ParquetWriter::new(all, &mut file);
    for (name, cells) in rows {
        let mut row = vec![Cell::Text(name)];
        row.extend(
            columns
                .iter()
                .zip(*cells)
                .map(|(column, it)| cell(column, it)),
        );
        writer.row(&row, &mut file)?;
    }
    writer.finish(&mut file);
    Ok(file)
}

fn cell<'a>(column: &Column, text: &'a str) -> Cell<'a> {
    match text {
        "" => Cell::Nothing,
        _ if !is_number(column) => Cell::Text(text),
        // Six decimal places at most: the nearest double prints as the same number.
        _ => match millionths(text) {
            Some(it) => Cell::Number(it as f64 / 1_000_000.0),
            None => Cell::Nothing,
        },
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;

    use super::*;

    #[test]
    fn cells_are_quoted_as_rfc_4180_section_2_says() {
        let check = |cell: &str, expected: &str| {
            let mut text = String::new();
            push_cell(&mut text, cell);
            assert_eq!(text, expected);
        };
        check("a b", "a b");
        check("a,b", "\"a,b\"");
        check("a\"b", "\"a\"\"b\"");
        check("", "");
    }

    #[test]
    fn gp_b4b_another_reader_finds_the_same_rows_in_both_files() {
        let data_set = DataSet::parse(include_str!("../../tests/it/home_energy.toml")).unwrap();
        let rows: Vec<Vec<String>> = [
            ("07", "250"),
            ("06", "0.1"),
            ("08", ""),
            ("a,b", "-0.000001"),
        ]
        .map(|(hour, power)| vec![hour.to_owned(), power.to_owned()])
        .to_vec();
        let mut next = 7_u64;
        let mut random = || {
            next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            next
        };
        let table = Table::make(&data_set, &rows, &mut random).unwrap();
        let csv = String::from_utf8(table.csv.clone()).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(table.parquet.clone())).unwrap();
        let mut lines = vec!["row,hour,power".to_owned()];
        for row in reader.get_row_iter(None).unwrap() {
            let cells = row.unwrap();
            let cells = cells.get_column_iter().map(|(_, field)| match field {
                Field::Str(it) => {
                    let mut text = String::new();
                    push_cell(&mut text, it);
                    text
                }
                Field::Double(it) => it.to_string(),
                Field::Null => String::new(),
                other => panic!("{other}"),
            });
            lines.push(cells.collect::<Vec<_>>().join(","));
        }
        assert_eq!(lines.len(), 5);
        let kind = |it: &Field| matches!(it, Field::Double(_));
        let first = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        let kinds: Vec<bool> = first.get_column_iter().map(|it| kind(it.1)).collect();
        assert_eq!(lines, csv.split_terminator("\r\n").collect::<Vec<_>>());
        assert_eq!(kinds.first(), Some(&false));
        assert_eq!(
            table.sums().map(|it| it.0),
            [table.csv.len(), table.parquet.len()]
        );
    }
}

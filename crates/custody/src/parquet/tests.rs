//! What is written here is read by another implementation, the crate `parquet`.

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::*;

fn columns() -> Vec<Column> {
    vec![
        Column::required("at", Kind::Moment),
        Column::optional("place", Kind::Text),
        Column::optional("number", Kind::Number),
        Column::optional("truth", Kind::Truth),
        Column::required("count", Kind::Whole),
    ]
}

/// The values of every row, as the other implementation has them.
fn read(file: Vec<u8>) -> Vec<Vec<Field>> {
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let values = |row: parquet::record::Row| row.get_column_iter().map(|it| it.1.clone()).collect();
    rows.map(|it| values(it.unwrap())).collect()
}

/// What one row of [`columns`] is to another reader.
fn expected(cells: &[Cell<'_>]) -> Vec<Field> {
    let field = |it: &Cell<'_>| match it {
        Cell::Nothing => Field::Null,
        Cell::Moment(it) => Field::TimestampMillis(it.as_millis()),
        Cell::Whole(it) => Field::Long(*it),
        Cell::Number(it) => Field::Double(*it),
        Cell::Text(it) => Field::Str((*it).to_owned()),
        Cell::Truth(it) => Field::Bool(*it),
    };
    cells.iter().map(field).collect()
}

#[track_caller]
fn check(rows: &[Vec<Cell<'_>>]) -> usize {
    let mut file = Vec::new();
    let mut writer = ParquetWriter::new(columns(), &mut file);
    for row in rows {
        writer.row(row, &mut file).unwrap();
    }
    writer.finish(&mut file);
    let reader = SerializedFileReader::new(Bytes::from(file.clone())).unwrap();
    let groups = reader.num_row_groups();
    let found = read(file);
    assert_eq!(found.len(), rows.len());
    for (number, (found, row)) in found.iter().zip(rows).enumerate() {
        assert_eq!(*found, expected(row), "row {number}");
    }
    groups
}

fn row<'a>(number: i64, place: Cell<'a>, value: Cell<'a>, truth: Cell<'a>) -> Vec<Cell<'a>> {
    let at = Timestamp::from_millis(1_790_000_000_000 + number);
    vec![Cell::Moment(at), place, value, truth, Cell::Whole(number)]
}

#[test]
fn gp_b4a_another_reader_gets_every_value_of_a_table() {
    let odd = ["", "a", "ü", "a,\"b\"\n", "\u{202b}گھر"];
    let rows: Vec<_> = (0..1_000_i64)
        .map(|it| {
            let text = odd[usize::try_from(it * it % 5).unwrap()];
            let place = if it % 7 == 0 {
                Cell::Nothing
            } else {
                Cell::Text(text)
            };
            let value = match it % 3 {
                0 => Cell::Nothing,
                _ => Cell::Number(it as f64 / 8.0 - 20.0),
            };
            let truth = match it % 11 {
                0..=4 => Cell::Truth(it % 2 == 0),
                _ => Cell::Nothing,
            };
            row(it, place, value, truth)
        })
        .collect();
    assert_eq!(check(&rows), 1);
    // Every length around a group of eight.
    for length in 0..20 {
        check(&rows[..length]);
    }
}

#[test]
fn columns_of_nothing_or_of_one_value_are_read() {
    let nothing = |it| row(it, Cell::Nothing, Cell::Nothing, Cell::Nothing);
    check(&(0..100).map(nothing).collect::<Vec<_>>());
    let same = |it| row(it, Cell::Text("x"), Cell::Number(1.0), Cell::Truth(true));
    check(&(0..100).map(same).collect::<Vec<_>>());
}

#[test]
fn too_many_different_texts_are_written_without_a_dictionary() {
    let texts: Vec<String> = (0..66_000).map(|it| format!("text {it}")).collect();
    let rows: Vec<_> = (0..)
        .zip(&texts)
        .map(|(it, text)| row(it, Cell::Text(text), Cell::Nothing, Cell::Nothing))
        .collect();
    check(&rows);
    let long = "x".repeat(700_000);
    let other = "y".repeat(700_000);
    let texts = [&long, &other, &long].map(String::as_str);
    let rows = texts.map(|it| row(1, Cell::Text(it), Cell::Nothing, Cell::Nothing));
    check(&rows);
}

#[test]
fn a_large_table_has_several_row_groups() {
    let rows: Vec<_> = (0..250_000)
        .map(|it| row(it, Cell::Text("here"), Cell::Number(0.5), Cell::Nothing))
        .collect();
    assert_eq!(check(&rows), 3);
}

#[test]
fn a_row_that_does_not_fit_is_refused() {
    let mut file = Vec::new();
    let mut writer = ParquetWriter::new(columns(), &mut file);
    let mut wrong = row(1, Cell::Text("a"), Cell::Nothing, Cell::Nothing);
    wrong[0] = Cell::Nothing;
    assert_eq!(writer.row(&wrong, &mut file), Err(WrongRow));
    wrong[0] = Cell::Whole(1);
    assert_eq!(writer.row(&wrong, &mut file), Err(WrongRow));
    assert_eq!(writer.row(&wrong[1..], &mut file), Err(WrongRow));
    writer.finish(&mut file);
    assert!(read(file).is_empty());
}

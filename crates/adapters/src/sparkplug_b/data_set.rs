//! Data sets: tables with a name and a type for each column (Sparkplug 3.0.0 section 6.4.7).
//!
//! A data set is an array of objects, one for each row: `[{"Celsius": 21.5, "Door": true}]`.

use super::MAX_METRICS;
use super::value::{self, Room};
use super::wire::{self, Metric, Reader, Value};
use crate::json;
use crate::take::TakeError;

/// The table as JSON. Each row repeats the names of the columns.
pub(super) fn json(bytes: &[u8], depth: usize, room: &mut Room) -> Result<String, TakeError> {
    let (mut names, mut types, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let mut reader = Reader::of(bytes);
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (2, wire::Field::Bytes(it)) => push(&mut names, json::quoted(wire::text(it)?))?,
            (3, wire::Field::Varint(it)) => push(&mut types, wire::narrow(it))?,
            // Packed, as newer encoders write repeated numbers.
            (3, wire::Field::Bytes(it)) => {
                let mut packed = Reader::of(it);
                while !packed.is_empty() {
                    push(&mut types, wire::narrow(packed.varint()?))?;
                }
            }
            (4, wire::Field::Bytes(it)) => push(&mut rows, it)?,
            (2..=4, _) => return Err(TakeError::NotProtobuf),
            _ => {}
        }
    }
    if names.len() != types.len() {
        return Err(TakeError::MetricType);
    }
    let columns: Vec<_> = names.iter().zip(&types).collect();
    let mut all = String::from("[");
    for row in rows {
        if all.len() > 1 {
            all.push(',');
        }
        room.take(2)?;
        one(row, &columns, depth, room, &mut all)?;
    }
    all.push(']');
    Ok(all)
}

fn push<T>(into: &mut Vec<T>, item: T) -> Result<(), TakeError> {
    if into.len() >= MAX_METRICS {
        return Err(TakeError::TooManyMetrics);
    }
    into.push(item);
    Ok(())
}

/// A row: as many values as there are columns.
fn one(
    bytes: &[u8],
    columns: &[(&String, &u32)],
    depth: usize,
    room: &mut Room,
    out: &mut String,
) -> Result<(), TakeError> {
    let mut columns = columns.iter();
    let mut separator = '{';
    let mut reader = Reader::of(bytes);
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (1, wire::Field::Bytes(it)) => {
                let (name, datatype) = columns.next().ok_or(TakeError::MetricType)?;
                let cell = Metric {
                    value: cell(it)?,
                    ..Metric::default()
                };
                room.take(name.len() + 2)?;
                let value = value::json(**datatype, &cell, depth, room)?;
                out.push(separator);
                out.push_str(name);
                out.push(':');
                out.push_str(value.as_deref().unwrap_or("null"));
                separator = ',';
            }
            (1, _) => return Err(TakeError::NotProtobuf),
            _ => {}
        }
    }
    if columns.next().is_some() {
        return Err(TakeError::MetricType);
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
    Ok(())
}

/// The value of a cell; nothing where it is null.
fn cell(bytes: &[u8]) -> Result<Option<Value<'_>>, TakeError> {
    let mut value = None;
    let mut reader = Reader::of(bytes);
    while let Some((number, field)) = reader.next()? {
        value = Some(match (number, field) {
            (1, wire::Field::Varint(it)) => Value::Int(wire::narrow(it)),
            (2, wire::Field::Varint(it)) => Value::Long(it),
            (3, wire::Field::Fixed32(it)) => Value::Float(f32::from_le_bytes(it)),
            (4, wire::Field::Fixed64(it)) => Value::Double(f64::from_le_bytes(it)),
            (5, wire::Field::Varint(it)) => Value::Boolean(it != 0),
            (6, wire::Field::Bytes(it)) => Value::Text(wire::text(it)?),
            (1..=6, _) => return Err(TakeError::NotProtobuf),
            _ => continue,
        });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    /// From `sparkplug_b.proto` (Sparkplug 3.0.0 section 6.4.1).
    #[derive(Clone, PartialEq, prost::Message)]
    struct ProtoDataSet {
        #[prost(uint64, optional, tag = "1")]
        num_of_columns: Option<u64>,
        #[prost(string, repeated, tag = "2")]
        columns: Vec<String>,
        #[prost(uint32, repeated, packed = "false", tag = "3")]
        types: Vec<u32>,
        #[prost(message, repeated, tag = "4")]
        rows: Vec<ProtoRow>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct ProtoRow {
        #[prost(message, repeated, tag = "1")]
        elements: Vec<ProtoCell>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct ProtoCell {
        #[prost(oneof = "ProtoCellValue", tags = "1, 2, 3, 4, 5, 6")]
        value: Option<ProtoCellValue>,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    enum ProtoCellValue {
        #[prost(uint32, tag = "1")]
        Int(u32),
        #[prost(uint64, tag = "2")]
        Long(u64),
        #[prost(float, tag = "3")]
        Float(f32),
        #[prost(double, tag = "4")]
        Double(f64),
        #[prost(bool, tag = "5")]
        Boolean(bool),
        #[prost(string, tag = "6")]
        Text(String),
    }

    fn json(bytes: &[u8], depth: usize) -> Result<String, TakeError> {
        super::json(bytes, depth, &mut Room::of_packet())
    }

    fn table(columns: &[(&str, u32)], rows: &[&[Option<ProtoCellValue>]]) -> Vec<u8> {
        let cells = |row: &&[Option<ProtoCellValue>]| ProtoRow {
            elements: row
                .iter()
                .map(|value| ProtoCell {
                    value: value.clone(),
                })
                .collect(),
        };
        ProtoDataSet {
            num_of_columns: Some(columns.len() as u64),
            columns: columns.iter().map(|it| it.0.to_owned()).collect(),
            types: columns.iter().map(|it| it.1).collect(),
            rows: rows.iter().map(cells).collect(),
        }
        .encode_to_vec()
    }

    #[test]
    fn a_data_set_is_an_array_of_its_rows() {
        use ProtoCellValue::{Boolean, Double, Int, Text};
        let bytes = table(
            &[("Celsius", 10), ("Door", 11), ("Delta", 1), ("Note", 12)],
            &[
                &[
                    Some(Double(21.5)),
                    Some(Boolean(true)),
                    Some(Int(0xff)),
                    Some(Text("\"a\"".to_owned())),
                ],
                &[None, Some(Boolean(false)), Some(Int(3)), None],
            ],
        );
        assert_eq!(
            json(&bytes, 0).as_deref(),
            Ok(
                r#"[{"Celsius":21.5,"Door":true,"Delta":-1,"Note":"\"a\""},{"Celsius":null,"Door":false,"Delta":3,"Note":null}]"#
            )
        );
        assert_eq!(json(&table(&[], &[]), 0).as_deref(), Ok("[]"));
    }

    #[test]
    fn a_data_set_that_contradicts_itself_or_would_grow_without_end_is_refused() {
        use ProtoCellValue::{Boolean, Float, Long};
        for rows in [
            &[&[Some(Long(1)), Some(Long(1))][..]][..],
            &[&[][..]],
            &[&[Some(Boolean(true))][..]],
            &[&[Some(Float(1.0))][..]],
        ] {
            let bytes = table(&[("a", 8)], rows);
            assert_eq!(json(&bytes, 0), Err(TakeError::MetricType), "{rows:?}");
        }
        let long = "a".repeat(1_000);
        let row: &[_] = &[Some(Long(1))];
        let bytes = table(&[(&long, 8)], &vec![row; 2_000]);
        assert_eq!(json(&bytes, 0), Err(TakeError::TooLong));
        assert_eq!(json(b"\x12", 0), Err(TakeError::NotProtobuf));
    }
}

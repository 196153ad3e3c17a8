//! How the values of metrics are written as JSON (data types: Sparkplug 3.0.0 section 6.4.16).
//!
//! | data type | JSON |
//! |---|---|
//! | Int8 … UInt64, DateTime (milliseconds) | a number |
//! | Float, Double | a number; `null` when it is not finite |
//! | Boolean | `true`, `false` |
//! | String, Text, UUID | a string |
//! | Bytes, File | a string, base64 |
//! | arrays | an array of the above |
//! | Template | an object of its metrics |
//! | DataSet | an array of objects, one for each row |
//! | extensions, definitions of templates | left out |
//! | any, with `is_null` or without a value | `null` |

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::data_set;
use super::wire::{self, Metric, Value};
use crate::json;
use crate::take::{MAX_MESSAGE_BYTES, TakeError};

/// How deep templates may nest.
const MAX_TEMPLATE_DEPTH: usize = 4;
/// The most items of an array: of more not even the commas and one digit each would fit into a message.
const MAX_ITEMS: usize = MAX_MESSAGE_BYTES / 2;

/// How much JSON may still be made of a packet. Names that stand once in it stand in each message, or row, that is made of it.
pub(super) struct Room(usize);

impl Room {
    /// Of a whole packet.
    pub(super) const fn of_packet() -> Self {
        Self(super::MAX_JSON_BYTES)
    }

    /// Takes what so many bytes need.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), TakeError> {
        self.0 = self.0.checked_sub(bytes).ok_or(TakeError::TooLong)?;
        Ok(())
    }
}

/// The value of a metric as JSON; nothing when it is of a kind that is left out.
pub(super) fn json(
    datatype: u32,
    metric: &Metric<'_>,
    depth: usize,
    room: &mut Room,
) -> Result<Option<String>, TakeError> {
    let value = match metric.value {
        Some(value) if !metric.is_null => value,
        _ => {
            room.take(4)?;
            return Ok(Some("null".to_owned()));
        }
    };
    let written = match (datatype, value) {
        (_, Value::Other) => return Ok(None),
        (0 | 19, Value::Template(bytes)) => return template(bytes, depth, room),
        (0 | 16, Value::DataSet(bytes)) => return data_set::json(bytes, depth, room).map(Some),
        (1, _) => signed::<1>(value),
        (2, _) => signed::<2>(value),
        (3, _) => signed::<4>(value),
        (4, _) => signed::<8>(value),
        (5..=8 | 13, _) => value.bits().map(|it| it.to_string()),
        (0 | 9 | 10, Value::Float(it)) => number(&it),
        (0 | 9 | 10, Value::Double(it)) => number(&it),
        (0 | 11, Value::Boolean(it)) => Some(it.to_string()),
        (0 | 12 | 14 | 15, Value::Text(it)) => Some(json::quoted(it)),
        (0 | 17 | 18, Value::Bytes(it)) => Some(json::quoted(&STANDARD.encode(it))),
        (22..=34, Value::Bytes(it)) => array(datatype, it),
        // An integer without a type may be negative or not.
        (0, Value::Int(_) | Value::Long(_)) => return Err(TakeError::Unborn),
        _ => None,
    };
    let written = written.ok_or(TakeError::MetricType)?;
    room.take(written.len())?;
    Ok(Some(written))
}

/// A signed integer of `N` bytes. Encoders either cut it to its width or extend its sign.
fn signed<const N: usize>(value: Value<'_>) -> Option<String> {
    let bits = value.bits()?;
    let shift = 64 - 8 * u32::try_from(N).ok()?;
    let low = bits << shift >> shift;
    let signed = i64::from_le_bytes((bits << shift).to_le_bytes()) >> shift;
    let extended = u64::from_le_bytes(signed.to_le_bytes());
    let is_whole = bits == low || bits == extended || bits == extended & u64::from(u32::MAX);
    is_whole.then(|| signed.to_string())
}

fn number<T: serde::Serialize>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// An array: packed, least significant byte first (section 6.4.17).
fn array(datatype: u32, bytes: &[u8]) -> Option<String> {
    let items = match datatype {
        22 => each(bytes, |it: [u8; 1]| i8::from_le_bytes(it).to_string()),
        23 => each(bytes, |it| i16::from_le_bytes(it).to_string()),
        24 => each(bytes, |it| i32::from_le_bytes(it).to_string()),
        25 => each(bytes, |it| i64::from_le_bytes(it).to_string()),
        26 => each(bytes, |[it]: [u8; 1]| it.to_string()),
        27 => each(bytes, |it| u16::from_le_bytes(it).to_string()),
        28 => each(bytes, |it| u32::from_le_bytes(it).to_string()),
        29 | 34 => each(bytes, |it| u64::from_le_bytes(it).to_string()),
        30 => each(bytes, |it| {
            number(&f32::from_le_bytes(it)).unwrap_or_default()
        }),
        31 => each(bytes, |it| {
            number(&f64::from_le_bytes(it)).unwrap_or_default()
        }),
        32 => booleans(bytes),
        33 => texts(bytes),
        _ => None,
    }?;
    Some(format!("[{}]", items.join(",")))
}

fn each<const N: usize>(bytes: &[u8], write: impl Fn([u8; N]) -> String) -> Option<Vec<String>> {
    let (items, rest) = bytes.as_chunks::<N>();
    (rest.is_empty() && items.len() <= MAX_ITEMS)
        .then(|| items.iter().map(|it| write(*it)).collect())
}

/// How many there are in four bytes, then eight in a byte, the first in its highest bit.
fn booleans(bytes: &[u8]) -> Option<Vec<String>> {
    let (count, packed) = bytes.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    if packed.len() != count.div_ceil(8) || count > MAX_ITEMS {
        return None;
    }
    let bits = packed
        .iter()
        .flat_map(|byte| (0..8).map(move |place| byte & (0x80 >> place) != 0));
    Some(bits.take(count).map(|it| it.to_string()).collect())
}

/// Each ends with a zero byte.
fn texts(bytes: &[u8]) -> Option<Vec<String>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let all = bytes.strip_suffix(&[0])?;
    let texts = all.split(|it| *it == 0);
    if texts.clone().count() > MAX_ITEMS {
        return None;
    }
    texts
        .map(|it| std::str::from_utf8(it).ok().map(json::quoted))
        .collect()
}

fn template(bytes: &[u8], depth: usize, room: &mut Room) -> Result<Option<String>, TakeError> {
    if depth >= MAX_TEMPLATE_DEPTH {
        return Err(TakeError::MetricType);
    }
    let Some(metrics) = wire::template(bytes)? else {
        return Ok(None);
    };
    let mut members = Vec::with_capacity(metrics.len());
    for metric in &metrics {
        let name = metric.name.ok_or(TakeError::Missing("name"))?;
        if let Some(value) = json(metric.datatype.unwrap_or(0), metric, depth + 1, room)? {
            let name = json::quoted(name);
            room.take(name.len() + 2)?;
            members.push(format!("{name}:{value}"));
        }
    }
    Ok(Some(format!("{{{}}}", members.join(","))))
}

//! Reading the payload of Sparkplug B: Protocol Buffers, the message `org.eclipse.tahu.protobuf.Payload`
//! (Sparkplug 3.0.0 section 6.4.1).
//!
//! Only what a reading needs is read; the rest is skipped. Texts and bytes are borrowed, so that a message needs no more
//! memory than its metrics, of which there are [`MAX_METRICS`] at most.

use super::MAX_METRICS;
use crate::take::TakeError;

/// The marker of a compressed payload in its `uuid`.
const COMPRESSED: &str = "SPBV1.0_COMPRESSED";
/// The longest varint (protobuf.dev/programming-guides/encoding, "Base 128 Varints").
const MAX_VARINT_BYTES: usize = 10;

/// A payload.
#[derive(Debug, Default)]
pub(super) struct Payload<'a> {
    pub(super) timestamp: Option<u64>,
    pub(super) metrics: Vec<Metric<'a>>,
    pub(super) seq: Option<u64>,
}

/// A metric.
#[derive(Debug, Default)]
pub(super) struct Metric<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) alias: Option<u64>,
    pub(super) timestamp: Option<u64>,
    pub(super) datatype: Option<u32>,
    pub(super) is_null: bool,
    pub(super) value: Option<Value<'a>>,
}

/// What a metric holds, as the wire tells it; what it means says the data type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Int(u32),
    Long(u64),
    Float(f32),
    Double(f64),
    Boolean(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
    Template(&'a [u8]),
    DataSet(&'a [u8]),
    /// An extension.
    Other,
}

impl Value<'_> {
    /// Of an integer, whatever its width.
    pub(super) fn bits(&self) -> Option<u64> {
        match self {
            Self::Int(it) => Some(u64::from(*it)),
            Self::Long(it) => Some(*it),
            _ => None,
        }
    }
}

/// Reads a payload.
pub(super) fn payload(bytes: &[u8]) -> Result<Payload<'_>, TakeError> {
    let mut payload = Payload::default();
    let mut reader = Reader::of(bytes);
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (1, Field::Varint(it)) => payload.timestamp = Some(it),
            (2, Field::Bytes(it)) => push(&mut payload.metrics, it)?,
            (3, Field::Varint(it)) => payload.seq = Some(it),
            (4, Field::Bytes(it)) if text(it)? == COMPRESSED => return Err(TakeError::Compressed),
            (1..=3, _) => return Err(TakeError::NotProtobuf),
            _ => {}
        }
    }
    Ok(payload)
}

/// Reads the metrics of a template; nothing when it is a definition, which holds no values.
pub(super) fn template(bytes: &[u8]) -> Result<Option<Vec<Metric<'_>>>, TakeError> {
    let (mut metrics, mut is_definition) = (Vec::new(), false);
    let mut reader = Reader::of(bytes);
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (2, Field::Bytes(it)) => push(&mut metrics, it)?,
            (5, Field::Varint(it)) => is_definition = it != 0,
            (2 | 5, _) => return Err(TakeError::NotProtobuf),
            _ => {}
        }
    }
    Ok((!is_definition).then_some(metrics))
}

fn push<'a>(metrics: &mut Vec<Metric<'a>>, bytes: &'a [u8]) -> Result<(), TakeError> {
    if metrics.len() >= MAX_METRICS {
        return Err(TakeError::TooManyMetrics);
    }
    metrics.push(metric(bytes)?);
    Ok(())
}

fn metric(bytes: &[u8]) -> Result<Metric<'_>, TakeError> {
    let mut metric = Metric::default();
    let mut reader = Reader::of(bytes);
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (1, Field::Bytes(it)) => metric.name = Some(text(it)?).filter(|it| !it.is_empty()),
            (2, Field::Varint(it)) => metric.alias = Some(it),
            (3, Field::Varint(it)) => metric.timestamp = Some(it),
            (4, Field::Varint(it)) => metric.datatype = Some(narrow(it)),
            (7, Field::Varint(it)) => metric.is_null = it != 0,
            (10, Field::Varint(it)) => metric.value = Some(Value::Int(narrow(it))),
            (11, Field::Varint(it)) => metric.value = Some(Value::Long(it)),
            (12, Field::Fixed32(it)) => metric.value = Some(Value::Float(f32::from_le_bytes(it))),
            (13, Field::Fixed64(it)) => metric.value = Some(Value::Double(f64::from_le_bytes(it))),
            (14, Field::Varint(it)) => metric.value = Some(Value::Boolean(it != 0)),
            (15, Field::Bytes(it)) => metric.value = Some(Value::Text(text(it)?)),
            (16, Field::Bytes(it)) => metric.value = Some(Value::Bytes(it)),
            (18, Field::Bytes(it)) => metric.value = Some(Value::Template(it)),
            (17, Field::Bytes(it)) => metric.value = Some(Value::DataSet(it)),
            (19, Field::Bytes(_)) => metric.value = Some(Value::Other),
            (1..=4 | 7 | 10..=19, _) => return Err(TakeError::NotProtobuf),
            _ => {}
        }
    }
    Ok(metric)
}

/// A `uint32`: what does not fit is cut off, as the parsers of Protocol Buffers do.
pub(super) fn narrow(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, TakeError> {
    std::str::from_utf8(bytes).map_err(|_| TakeError::NotProtobuf)
}

/// The value of a field, by its wire type.
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// Reads the fields of a message.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything is read.
    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field; groups, which no current message has, are refused.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, TakeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(self.array()?),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| TakeError::NotProtobuf)?;
                let (bytes, rest) = self
                    .rest
                    .split_at_checked(len)
                    .ok_or(TakeError::NotProtobuf)?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(self.array()?),
            _ => return Err(TakeError::NotProtobuf),
        };
        match tag >> 3 {
            0 => Err(TakeError::NotProtobuf),
            number => Ok(Some((number, field))),
        }
    }

    pub(super) fn varint(&mut self) -> Result<u64, TakeError> {
        let mut value = 0_u64;
        for place in 0..MAX_VARINT_BYTES {
            let (byte, rest) = self.rest.split_first().ok_or(TakeError::NotProtobuf)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if place == MAX_VARINT_BYTES - 1 && bits > 1 {
                return Err(TakeError::NotProtobuf);
            }
            value |= bits << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(TakeError::NotProtobuf)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TakeError> {
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(TakeError::NotProtobuf)?;
        self.rest = rest;
        Ok(*array)
    }
}

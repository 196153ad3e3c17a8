//! One record of a pack as it stands there: its labels, each once, each of its type.

use crate::decimal::Decimal;
use crate::decode::Scalar;
use crate::senml::SenmlError;

/// The version that packs have when they say nothing. Lower ones were drafts of it.
const VERSION: u32 = 10;
/// The version with the secondary units of RFC 8798 (RFC 9100: 10 and feature 4).
const VERSION_WITH_SECONDARY_UNITS: u32 = 26;
/// The most labels of a record that are not known here and are listed.
const MAX_UNKNOWN: usize = 16;

/// The labels of RFC 8428, with their numbers in CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    BaseVersion,
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    BaseSum,
    Name,
    Unit,
    Value,
    StringValue,
    BooleanValue,
    Sum,
    Time,
    UpdateTime,
    DataValue,
}

impl Label {
    const ALL: [(Self, &'static str, i128); 15] = [
        (Self::BaseVersion, "bver", -1),
        (Self::BaseName, "bn", -2),
        (Self::BaseTime, "bt", -3),
        (Self::BaseUnit, "bu", -4),
        (Self::BaseValue, "bv", -5),
        (Self::BaseSum, "bs", -6),
        (Self::Name, "n", 0),
        (Self::Unit, "u", 1),
        (Self::Value, "v", 2),
        (Self::StringValue, "vs", 3),
        (Self::BooleanValue, "vb", 4),
        (Self::Sum, "s", 5),
        (Self::Time, "t", 6),
        (Self::UpdateTime, "ut", 7),
        (Self::DataValue, "vd", 8),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|it| it.1 == name).map(|it| it.0)
    }

    pub(super) fn numbered(number: i128) -> Option<Self> {
        Self::ALL.iter().find(|it| it.2 == number).map(|it| it.0)
    }
}

/// What a record says.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) base_name: Option<String>,
    pub(super) base_time: Option<Decimal>,
    pub(super) base_unit: Option<String>,
    pub(super) base_value: Option<Decimal>,
    pub(super) name: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) time: Option<Decimal>,
    pub(super) value: Option<Value>,
    pub(super) has_sum: bool,
    /// Labels that are not known here.
    pub(super) unknown: Vec<String>,
}

/// The value of a record.
#[derive(Debug)]
pub(super) enum Value {
    /// A number; the base value is added to it.
    Number(String),
    /// A string or a boolean.
    Other(String),
    /// Data, or no number that JSON has a word for: no field holds it.
    Data,
}

impl Value {
    /// The value as JSON text.
    pub(super) fn resolved(self, base: Option<Decimal>) -> Scalar {
        match (self, base) {
            (Self::Number(raw), Some(base)) => Decimal::parse(&raw)
                .and_then(|it| it.plus(base))
                .map_or(Scalar::Other, |it| Scalar::Json(it.to_string())),
            (Self::Number(raw) | Self::Other(raw), _) => Scalar::Json(raw),
            (Self::Data, _) => Scalar::Other,
        }
    }
}

impl Record {
    /// Takes what stands under a label; `number` is that of the record. `null` is absence.
    pub(super) fn set(
        &mut self,
        label: Label,
        scalar: Scalar,
        number: usize,
    ) -> Result<(), SenmlError> {
        let wrong = SenmlError::Record(number);
        let text = |it: &Scalar| text(it).ok_or(wrong);
        let decimal = |it: &Scalar| decimal(it).ok_or(wrong);
        if scalar == Scalar::Null {
            return Ok(());
        }
        let was_there = match label {
            Label::BaseVersion => return version(&scalar, number),
            Label::BaseName => put(&mut self.base_name, text(&scalar)?),
            Label::BaseTime => put(&mut self.base_time, decimal(&scalar)?),
            Label::BaseUnit => put(&mut self.base_unit, text(&scalar)?),
            Label::BaseValue => put(&mut self.base_value, decimal(&scalar)?),
            Label::Name => put(&mut self.name, text(&scalar)?),
            Label::Unit => put(&mut self.unit, text(&scalar)?),
            Label::Time => put(&mut self.time, decimal(&scalar)?),
            // A sum is not passed on, so what is added to it does not matter, nor when the next record is due.
            Label::BaseSum | Label::UpdateTime => return decimal(&scalar).map(|_| ()),
            Label::Sum => {
                decimal(&scalar)?;
                std::mem::replace(&mut self.has_sum, true)
            }
            Label::Value | Label::StringValue | Label::BooleanValue | Label::DataValue => {
                put(&mut self.value, value(label, scalar).ok_or(wrong)?)
            }
        };
        if was_there { Err(wrong) } else { Ok(()) }
    }

    /// Takes a label that is not known here.
    pub(super) fn unknown(&mut self, label: String, number: usize) -> Result<(), SenmlError> {
        if label.ends_with('_') {
            return Err(SenmlError::MustUnderstand(number));
        }
        if self.unknown.len() < MAX_UNKNOWN {
            self.unknown.push(label);
        }
        Ok(())
    }
}

/// Puts something in its place; tells whether there was something before.
fn put<T>(place: &mut Option<T>, value: T) -> bool {
    place.replace(value).is_some()
}

fn value(label: Label, scalar: Scalar) -> Option<Value> {
    let Scalar::Json(raw) = scalar else {
        return matches!(label, Label::Value | Label::DataValue).then_some(Value::Data);
    };
    match (label, raw.as_bytes().first()?) {
        (Label::DataValue, _) => Some(Value::Data),
        (Label::StringValue, b'"') | (Label::BooleanValue, b't' | b'f') => Some(Value::Other(raw)),
        (Label::Value, b'-' | b'0'..=b'9') => Some(Value::Number(raw)),
        _ => None,
    }
}

fn text(scalar: &Scalar) -> Option<String> {
    match scalar {
        Scalar::Json(raw) => serde_json::from_str(raw).ok(),
        _ => None,
    }
}

fn decimal(scalar: &Scalar) -> Option<Decimal> {
    match scalar {
        Scalar::Json(raw) => Decimal::parse(raw),
        _ => None,
    }
}

fn version(scalar: &Scalar, number: usize) -> Result<(), SenmlError> {
    let version = match scalar {
        Scalar::Json(raw) => raw.parse().ok(),
        _ => None,
    };
    match version {
        Some(1..=VERSION | VERSION_WITH_SECONDARY_UNITS) => Ok(()),
        _ => Err(SenmlError::Version(number)),
    }
}

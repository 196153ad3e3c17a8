//! Reading SenML packs (RFC 8428): one message for each time, with the records of that time as its fields.
//!
//! # Names
//!
//! The resolved name of a record (base name and name, one after the other) is one part of a pointer: `urn:dev:1/temp` is
//! `/urn:dev:1~1temp`. Where the notice does not declare that, the name alone, without the base name, is looked up: a notice
//! written for a product says `/temp` whatever number each device puts before it. Two records of one time that lead to the same
//! field deny the pack, so devices behind one gateway need their full names declared or things of their own.
//!
//! # Values
//!
//! `v`, `vs` and `vb` are the field's value; a base value is added to `v` exactly. A record whose unit (`u`, or `bu`) is another
//! than the declared one is [`Reason::WrongType`]; without a unit it is believed. `vd` (data) is never declared, and neither is
//! a sum, listed as `/name/s`, nor a label that we do not know, listed as `/name/label`. A label that ends with `_` must be
//! understood, so it denies the pack, and so does a version above 10 (but 26: with the secondary units of RFC 8798).
//!
//! # Times
//!
//! Records with the same resolved time make one message; those without a time are about now. Messages come in ascending order,
//! those at a time of the calendar before those relative to now. The time orders the messages of a pack and no more: for
//! retention, windows and access a reading is of the moment at which it arrived, which a device cannot choose.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::decimal::Decimal;
use crate::decode::{DecodeError, Decoder, Origin, Scalar};
use crate::field_set::FieldSet;
use crate::payload::{Payload, Reason};
use crate::schema::{NodeIndex, Schema};
use record::{Record, Value};

mod read;
mod record;

pub(crate) use read::{decode_cbor, decode_json};

/// The most records of one pack.
pub const MAX_RECORDS: usize = 4096;
/// The most messages (different times) of one pack.
pub const MAX_MESSAGES: usize = 128;
/// The longest resolved name, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// From here on a time is one of the calendar; below it is relative to now (RFC 8428 section 4.5.3).
const CALENDAR_SECONDS: i128 = 1 << 28;
/// Times are told apart to the nanosecond.
const TIME_PLACES: u8 = 9;

/// Why a pack is refused as a whole. Carries nothing of the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenmlError {
    /// It is no list of records, or has none with a value.
    #[error("it is no list of records")]
    NoPack,
    /// More than [`MAX_RECORDS`].
    #[error("it has more than {MAX_RECORDS} records: send it in parts")]
    TooManyRecords,
    /// More than [`MAX_MESSAGES`].
    #[error("it has more than {MAX_MESSAGES} different times: send it in parts")]
    TooManyTimes,
    /// A label with a value of a wrong type, a label that stands twice, or more than one value.
    #[error("record {0} is not as RFC 8428 asks")]
    Record(usize),
    /// A label that ends with `_` is not known here.
    #[error(
        "record {0} has a label that must be understood (it ends with `_`) and is not known here"
    )]
    MustUnderstand(usize),
    /// A version that is not known here.
    #[error("record {0} is of a version that is not known here: those up to 10, and 26, are")]
    Version(usize),
    /// A resolved name that no field can have.
    #[error("the name of record {0} is longer than {MAX_NAME_BYTES} bytes")]
    Name(usize),
}

/// When something was measured; ordered as messages come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Time {
    is_relative: bool,
    nanoseconds: i128,
}

/// The messages of a pack as far as it was read, with the base values in force.
struct Pack<'s> {
    schema: &'s Arc<Schema>,
    messages: BTreeMap<Time, Message<'s>>,
    records: usize,
    base_name: String,
    base_time: Option<Decimal>,
    base_unit: Option<String>,
    base_value: Option<Decimal>,
}

struct Message<'s> {
    decoder: Decoder<'s>,
    /// The fields that came.
    seen: FieldSet,
}

impl<'s> Pack<'s> {
    fn new(schema: &'s Arc<Schema>) -> Self {
        Self {
            schema,
            messages: BTreeMap::new(),
            records: 0,
            base_name: String::new(),
            base_time: None,
            base_unit: None,
            base_value: None,
        }
    }

    /// Takes the next record.
    fn take(&mut self, record: Record) -> Result<(), DecodeError> {
        let number = self.records;
        let Record {
            base_name,
            base_time,
            base_unit,
            base_value,
            name,
            unit,
            time,
            value,
            has_sum,
            unknown,
        } = record;
        self.base_name = base_name.unwrap_or_else(|| std::mem::take(&mut self.base_name));
        self.base_unit = base_unit.or(self.base_unit.take());
        self.base_time = base_time.or(self.base_time);
        self.base_value = base_value.or(self.base_value);
        let name = name.unwrap_or_default();
        if self.base_name.len() + name.len() > MAX_NAME_BYTES {
            return Err(DecodeError::Senml(SenmlError::Name(number)));
        }
        let full = format!("{}{name}", self.base_name);
        let time = self.time(time).ok_or(SenmlError::Record(number));
        let time = time.map_err(DecodeError::Senml)?;
        if value.is_none() && !has_sum && unknown.is_empty() {
            return Ok(());
        }
        let unit = unit.or_else(|| self.base_unit.clone());
        let base = self.base_value;
        let message = self.message(time)?;
        let noted = |label: &str| format!("/{}/{label}", crate::decode::escape(&full));
        if has_sum {
            message.decoder.note(Reason::Unknown, || noted("s"));
        }
        for label in unknown {
            let pointer = || noted(&crate::decode::escape(&label));
            message.decoder.note(Reason::Unknown, pointer);
        }
        match value {
            Some(value) => message.value(&full, &name, unit.as_deref(), value, base),
            None => Ok(()),
        }
    }

    /// The resolved time; `None` when it does not fit.
    fn time(&self, time: Option<Decimal>) -> Option<Time> {
        let resolved = match (self.base_time, time) {
            (Some(base), Some(time)) => Some(base.plus(time)?),
            (base, time) => base.or(time),
        };
        let nanoseconds = match resolved {
            Some(it) => it.to_units(TIME_PLACES)?.0,
            None => 0,
        };
        let calendar =
            CALENDAR_SECONDS.checked_mul(10_i128.checked_pow(u32::from(TIME_PLACES))?)?;
        Some(Time {
            is_relative: nanoseconds < calendar,
            nanoseconds,
        })
    }

    fn message(&mut self, time: Time) -> Result<&mut Message<'s>, DecodeError> {
        let is_full = self.messages.len() >= MAX_MESSAGES;
        match self.messages.entry(time) {
            std::collections::btree_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::btree_map::Entry::Vacant(_) if is_full => {
                Err(DecodeError::Senml(SenmlError::TooManyTimes))
            }
            std::collections::btree_map::Entry::Vacant(fresh) => Ok(fresh.insert(Message {
                decoder: Decoder::new(self.schema, 0, Vec::new(), Origin::Thing),
                seen: FieldSet::EMPTY,
            })),
        }
    }

    fn finish(self) -> Result<SmallVec<[Box<Payload>; 1]>, DecodeError> {
        if self.messages.is_empty() {
            return Err(DecodeError::Senml(SenmlError::NoPack));
        }
        let messages = self.messages.into_values();
        Ok(messages.map(|it| it.decoder.finish()).collect())
    }
}

impl Message<'_> {
    /// Takes the value of a record.
    fn value(
        &mut self,
        full: &str,
        name: &str,
        unit: Option<&str>,
        value: Value,
        base: Option<Decimal>,
    ) -> Result<(), DecodeError> {
        let schema = self.decoder.schema;
        let Some(root) = schema.node(NodeIndex::ROOT) else {
            return Ok(());
        };
        let found = root.child(full).or_else(|| root.child(name));
        let Some((number, child)) = found else {
            self.decoder.unknown(root, full);
            return Ok(());
        };
        let Some(node) = schema.node(child.node) else {
            return Ok(());
        };
        let declared = node.leaf.and_then(|it| Some((it, schema.field(it)?)));
        let fits = |it: &Option<String>| it.as_deref().zip(unit).is_none_or(|(a, b)| a == b);
        let Some((field, _)) = declared.filter(|it| fits(&it.1.unit)) else {
            self.decoder.wrong_type(node);
            return Ok(());
        };
        if !self.seen.insert(number) {
            return Err(self.decoder.twice(child.node));
        }
        match value.resolved(base) {
            Scalar::Json(raw) => {
                self.decoder.leaf(node, field, &raw)?;
            }
            _ => self.decoder.wrong_type(node),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

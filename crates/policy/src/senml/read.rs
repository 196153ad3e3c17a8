//! Packs in JSON and in CBOR, record by record.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::cbor::{Head, Items, Rest};
use crate::decode::{DecodeError, MAX_DEPTH, Scalar, json, nesting};
use crate::payload::{MAX_UNDECLARED_BYTES, Payload};
use crate::schema::Schema;
use crate::senml::record::{Label, Record};
use crate::senml::{MAX_RECORDS, Pack, SenmlError};

/// The containers around a value of a record: the pack and the record.
const DEPTH: usize = 2;

impl Pack<'_> {
    /// Counts a record that begins.
    fn begin(&mut self) -> Result<(), DecodeError> {
        self.records += 1;
        if self.records > MAX_RECORDS {
            return Err(DecodeError::Senml(SenmlError::TooManyRecords));
        }
        Ok(())
    }

    /// The error for a record that is not as it must be.
    fn wrong(&self) -> DecodeError {
        DecodeError::Senml(SenmlError::Record(self.records))
    }

    fn label(
        &self,
        record: &mut Record,
        label: Option<Label>,
        name: impl FnOnce() -> String,
        scalar: Scalar,
    ) -> Result<(), DecodeError> {
        let taken = match label {
            Some(label) => record.set(label, scalar, self.records),
            None => record.unknown(name(), self.records),
        };
        taken.map_err(DecodeError::Senml)
    }
}

/// Reads a pack in CBOR (RFC 8428 section 6): labels are their numbers or their names.
pub(crate) fn decode_cbor(
    schema: &Arc<Schema>,
    bytes: &[u8],
) -> Result<SmallVec<[Box<Payload>; 1]>, DecodeError> {
    let mut items = Items::of(bytes);
    let mut pack = Pack::new(schema);
    let Head::Array(count) = items.next()? else {
        return Err(DecodeError::Senml(SenmlError::NoPack));
    };
    let mut records = Rest::of(count);
    while let Some(head) = records.next(&mut items)? {
        pack.begin()?;
        let Head::Map(count) = head else {
            return Err(pack.wrong());
        };
        let mut record = Record::default();
        let mut labels = Rest::of(count);
        while let Some(head) = labels.next(&mut items)? {
            let number = head.integer();
            let name = items.key(head, DEPTH)?.ok_or_else(|| pack.wrong())?;
            let label = number.map_or_else(|| Label::named(&name), Label::numbered);
            let value = items.next()?;
            let scalar = items.scalar(value, DEPTH)?;
            pack.label(&mut record, label, || start(&name), scalar)?;
        }
        pack.take(record)?;
    }
    items.end()?;
    pack.finish()
}

/// Reads a pack in JSON (RFC 8428 section 5).
pub(crate) fn decode_json(
    schema: &Arc<Schema>,
    text: &str,
) -> Result<SmallVec<[Box<Payload>; 1]>, DecodeError> {
    let mut reader = Reader {
        pack: Pack::new(schema),
        failure: None,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Records(&mut reader)
        .deserialize(&mut json)
        .and_then(|()| json.end());
    match (read, reader.failure) {
        (_, Some(failure)) => Err(failure),
        (Err(err), None) if err.is_data() => Err(DecodeError::Senml(SenmlError::NoPack)),
        (Err(err), None) => Err(json::malformed(&err)),
        (Ok(()), None) => reader.pack.finish(),
    }
}

struct Reader<'s> {
    pack: Pack<'s>,
    /// Why reading stopped, where it was not the JSON itself.
    failure: Option<DecodeError>,
}

impl Reader<'_> {
    fn stop<T, E: serde::de::Error>(&mut self, result: Result<T, DecodeError>) -> Result<T, E> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("stopped")
        })
    }
}

/// Reads the records of a pack.
struct Records<'r, 's>(&'r mut Reader<'s>);

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Labels(self.0))?.is_some() {}
        Ok(())
    }
}

/// Reads the labels of a record.
struct Labels<'r, 's>(&'r mut Reader<'s>);

impl<'de> DeserializeSeed<'de> for Labels<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Labels<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reader = self.0;
        let begun = reader.pack.begin();
        reader.stop(begun)?;
        let mut record = Record::default();
        while let Some(name) = map.next_key_seed(Name)? {
            let raw = map.next_value::<&RawValue>()?.get();
            let scalar = reader.stop(scalar(raw))?;
            let wrong = reader.pack.wrong();
            reader.stop(well_formed(&scalar).then_some(()).ok_or(wrong))?;
            let label = Label::named(&name);
            let taken = reader.pack.label(&mut record, label, || name, scalar);
            reader.stop(taken)?;
        }
        let taken = reader.pack.take(record);
        reader.stop(taken)
    }
}

/// Reads the name of a label: its start, which is long enough to be listed, and `_` where it ends with that.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label")
    }

    fn visit_str<E>(self, name: &str) -> Result<String, E> {
        Ok(start(name))
    }
}

fn start(name: &str) -> String {
    let mut start: String = name.chars().take(MAX_UNDECLARED_BYTES + 1).collect();
    if name.ends_with('_') && !start.ends_with('_') {
        start.push('_');
    }
    start
}

/// Skimming a record accepts any escape in a string; this refuses lone surrogates.
fn well_formed(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Json(raw) if raw.starts_with('"') && raw.contains('\\') => {
            serde_json::from_str::<String>(raw).is_ok()
        }
        _ => true,
    }
}

/// JSON text as a single value.
fn scalar(raw: &str) -> Result<Scalar, DecodeError> {
    if raw.starts_with(['{', '[']) {
        if DEPTH + nesting(raw) > MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        return Ok(Scalar::Other);
    }
    Ok(match raw {
        "null" => Scalar::Null,
        _ => Scalar::Json(raw.to_owned()),
    })
}

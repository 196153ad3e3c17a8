//! Reading JSON (RFC 8259): the notice's fields are found on the way through the text, everything else is skimmed.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::decode::{DecodeError, Decoder, Origin};
use crate::field_set::{FieldIndex, FieldSet};
use crate::payload::{MAX_UNDECLARED_BYTES, Mark, Payload};
use crate::schema::{Node, NodeIndex, Schema};

/// Where the text stops to be JSON.
pub(crate) fn malformed(err: &serde_json::Error) -> DecodeError {
    DecodeError::Malformed {
        line: err.line(),
        column: err.column(),
    }
}

/// Reads one message.
pub(crate) fn decode(
    schema: &Arc<Schema>,
    text: &str,
    marks: Vec<Mark>,
    origin: Origin,
) -> Result<Box<Payload>, DecodeError> {
    let mut reader = Reader {
        decoder: Decoder::new(schema, text.len(), marks, origin),
        failure: None,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = NodeSeed {
        reader: &mut reader,
        node: NodeIndex::ROOT,
    }
    .deserialize(&mut json)
    .and_then(|()| json.end());
    match (read, reader.failure) {
        (_, Some(failure)) => Err(failure),
        (Err(err), None) => Err(malformed(&err)),
        (Ok(()), None) => Ok(reader.decoder.finish()),
    }
}

struct Reader<'s> {
    decoder: Decoder<'s>,
    /// Why reading stopped, where it was not the JSON itself.
    failure: Option<DecodeError>,
}

impl Reader<'_> {
    /// Stops at what is no problem of the JSON.
    fn stop<T, E: serde::de::Error>(&mut self, result: Result<T, DecodeError>) -> Result<T, E> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("stopped")
        })
    }

    fn leaf<E: serde::de::Error>(
        &mut self,
        node: &Node,
        field: FieldIndex,
        raw: &str,
    ) -> Result<(), E> {
        let kept = self.decoder.leaf(node, field, raw);
        let kept = self.stop(kept)?;
        if kept && raw.starts_with('"') && raw.contains('\\') {
            // Skimming the message accepted any escape; this refuses lone surrogates.
            serde_json::from_str::<String>(raw).map_err(E::custom)?;
        }
        Ok(())
    }

    fn skip<E: serde::de::Error>(&mut self, depth: usize, raw: &str) -> Result<(), E> {
        let skipped = self.decoder.skip(depth, raw);
        self.stop(skipped)
    }
}

/// Reads what stands at a node.
struct NodeSeed<'d, 's> {
    reader: &'d mut Reader<'s>,
    node: NodeIndex,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let schema = self.reader.decoder.schema;
        let node = schema
            .node(self.node)
            .ok_or_else(|| D::Error::custom("no such node"))?;
        match node.leaf {
            Some(field) => {
                let raw = <&RawValue>::deserialize(deserializer)?;
                self.reader.leaf(node, field, raw.get())
            }
            None => deserializer.deserialize_any(Container {
                reader: self.reader,
                index: self.node,
                node,
            }),
        }
    }
}

/// Reads an object or array with declared fields in it.
struct Container<'d, 's> {
    reader: &'d mut Reader<'s>,
    index: NodeIndex,
    node: &'s Node,
}

impl Container<'_, '_> {
    fn wrong_type(self) {
        self.reader.decoder.wrong_type(self.node);
    }

    /// Reads every element of a list by the node of its `*`.
    fn each<'de, A: SeqAccess<'de>>(self, child: NodeIndex, mut seq: A) -> Result<(), A::Error> {
        loop {
            let opened = self.reader.decoder.open(self.index);
            let read = seq.next_element_seed(NodeSeed {
                reader: self.reader,
                node: child,
            })?;
            self.reader.decoder.close(opened);
            if read.is_none() {
                return Ok(());
            }
        }
    }

    /// Passes over an object in place of a list.
    fn no_list<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.reader.decoder.wrong_type(self.node);
        while map.next_key::<IgnoredAny>()?.is_some() {
            let raw = map.next_value::<&RawValue>()?.get();
            self.reader.skip(self.node.depth + 1, raw)?;
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Container<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.node.each.is_some() {
            return self.no_list(map);
        }
        let Self { reader, node, .. } = self;
        let mut seen = FieldSet::EMPTY;
        while let Some(key) = map.next_key_seed(Key { node })? {
            match key {
                Found::Child(number, child) => {
                    if !seen.insert(number) {
                        let twice = reader.decoder.twice(child);
                        return reader.stop(Err(twice));
                    }
                    map.next_value_seed(NodeSeed {
                        reader,
                        node: child,
                    })?;
                }
                Found::Unknown(token) => {
                    let raw = map.next_value::<&RawValue>()?.get();
                    if raw != "null" && !reader.decoder.is_ours(node, &token) {
                        reader.decoder.unknown(node, &token);
                        reader.skip(node.depth + 1, raw)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if let Some(child) = self.node.each {
            return self.each(child, seq);
        }
        let Self { reader, node, .. } = self;
        let declared = !node.positions.is_empty();
        if declared {
            reader.decoder.came_as_array(self.index);
        } else {
            reader.decoder.wrong_type(node);
        }
        for position in 0_usize.. {
            if let Some(child) = node.position(position) {
                let seed = NodeSeed {
                    reader,
                    node: child,
                };
                if seq.next_element_seed(seed)?.is_none() {
                    break;
                }
                continue;
            }
            let Some(raw) = seq.next_element::<&RawValue>()? else {
                break;
            };
            if declared && raw.get() != "null" {
                reader.decoder.unknown(node, &position.to_string());
            }
            reader.skip(node.depth + 1, raw.get())?;
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.wrong_type();
        Ok(())
    }
}

/// Looks an object key up.
#[derive(Clone, Copy)]
struct Key<'s> {
    node: &'s Node,
}

enum Found {
    /// Number among the children, and where it leads.
    Child(FieldIndex, NodeIndex),
    /// The start of an undeclared key; long enough to fill a listed pointer.
    Unknown(String),
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Found;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Found, E> {
        Ok(match self.node.child(key) {
            Some((number, child)) => Found::Child(number, child.node),
            None => Found::Unknown(key.chars().take(MAX_UNDECLARED_BYTES + 1).collect()),
        })
    }
}

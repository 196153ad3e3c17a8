//! Reading CBOR (RFC 8949) as the JSON that says the same: the same declared fields, each kept as JSON text.
//!
//! | CBOR | read as |
//! |---|---|
//! | integer, bignum of at most 16 bytes, decimal fraction | the number, exactly |
//! | float | the shortest decimal that reads back as the same 64-bit float; NaN and infinities are undeclared |
//! | text | the string |
//! | `false`, `true` | the boolean |
//! | `null`, `undefined` | absence |
//! | tag 0 on a text, tag 1 on a number (dates) | the text, the number |
//! | tag 55799 (this is CBOR) | what it stands on |
//! | byte string, any other tag, any other simple value | undeclared ([`Reason::WrongType`](crate::Reason)) |
//!
//! The key of a map is a text, or an integer, which stands for its decimal digits; under any other key everything is undeclared.
//! Lengths may be given or not. A key that leads to a declared field may stand once. Arrays, maps and tags nest at most
//! [`MAX_DEPTH`] deep, and bytes after the message are an error.

use std::sync::Arc;

use crate::decimal::Decimal;
use crate::decode::{DecodeError, Decoder, MAX_DEPTH, Origin, Scalar};
use crate::field_set::FieldSet;
use crate::payload::Payload;
use crate::schema::{Node, NodeIndex, Schema, json_string};
use token::Tokens;

pub(crate) use token::Head;

mod token;

/// The longest bignum that is read as a number, in bytes.
const MAX_BIGNUM_BYTES: usize = 16;
/// The greatest exponent of a decimal fraction that is read as a number; beyond, no 64-bit float holds it.
const MAX_EXPONENT: u128 = 308;

/// Reads one message.
pub(crate) fn decode(schema: &Arc<Schema>, bytes: &[u8]) -> Result<Box<Payload>, DecodeError> {
    let mut reader = Reader {
        decoder: Decoder::new(schema, bytes.len(), Vec::new(), Origin::Thing),
        items: Items::of(bytes),
    };
    let head = reader.items.next()?;
    reader.node(head, NodeIndex::ROOT)?;
    reader.items.end()?;
    Ok(reader.decoder.finish())
}

/// Reads a message along the fields of a notice.
struct Reader<'s, 'b> {
    decoder: Decoder<'s>,
    items: Items<'b>,
}

impl Reader<'_, '_> {
    /// Reads what stands at a node.
    fn node(&mut self, head: Head, index: NodeIndex) -> Result<(), DecodeError> {
        let schema = self.decoder.schema;
        let Some(node) = schema.node(index) else {
            return self.items.wrong();
        };
        if let Some(field) = node.leaf {
            match self.items.scalar(head, node.depth)? {
                Scalar::Null => {}
                Scalar::Json(raw) => {
                    self.decoder.leaf(node, field, &raw)?;
                }
                Scalar::Other => self.decoder.wrong_type(node),
            }
            return Ok(());
        }
        match (head, node.each) {
            (Head::Map(count), None) => self.map(node, count),
            (Head::Array(count), Some(child)) => self.list(index, child, count),
            (Head::Array(count), None) if !node.positions.is_empty() => {
                self.array(index, node, count)
            }
            (head, _) => {
                if self.items.scalar(head, node.depth)? != Scalar::Null {
                    self.decoder.wrong_type(node);
                }
                Ok(())
            }
        }
    }

    fn map(&mut self, node: &Node, count: Option<usize>) -> Result<(), DecodeError> {
        let mut seen = FieldSet::EMPTY;
        let mut rest = Rest::of(count);
        while let Some(head) = rest.next(&mut self.items)? {
            let key = self.items.key(head, node.depth + 1)?;
            let value = self.items.next()?;
            let child = key.as_deref().and_then(|it| node.child(it));
            if let Some((number, child)) = child {
                if !seen.insert(number) {
                    return Err(self.decoder.twice(child.node));
                }
                self.node(value, child.node)?;
            } else if self.items.scalar(value, node.depth + 1)? != Scalar::Null {
                match key {
                    Some(key) => self.decoder.unknown(node, &key),
                    None => self.decoder.wrong_type(node),
                }
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        list: NodeIndex,
        child: NodeIndex,
        count: Option<usize>,
    ) -> Result<(), DecodeError> {
        let mut rest = Rest::of(count);
        while let Some(head) = rest.next(&mut self.items)? {
            let opened = self.decoder.open(list);
            self.node(head, child)?;
            self.decoder.close(opened);
        }
        Ok(())
    }

    fn array(
        &mut self,
        index: NodeIndex,
        node: &Node,
        count: Option<usize>,
    ) -> Result<(), DecodeError> {
        self.decoder.came_as_array(index);
        let mut rest = Rest::of(count);
        let mut position = 0_usize;
        while let Some(head) = rest.next(&mut self.items)? {
            if let Some(child) = node.position(position) {
                self.node(head, child)?;
            } else if self.items.scalar(head, node.depth + 1)? != Scalar::Null {
                self.decoder.unknown(node, &position.to_string());
            }
            position += 1;
        }
        Ok(())
    }
}

/// How many items a container still has.
pub(crate) struct Rest(Option<usize>);

impl Rest {
    pub(crate) fn of(count: Option<usize>) -> Self {
        Self(count)
    }

    /// The head of the next item; `None` at the end.
    pub(crate) fn next(&mut self, items: &mut Items<'_>) -> Result<Option<Head>, DecodeError> {
        match &mut self.0 {
            Some(0) => Ok(None),
            Some(left) => {
                *left -= 1;
                items.next().map(Some)
            }
            None => match items.tokens.head()? {
                Head::Break => Ok(None),
                head => items.untagged(head).map(Some),
            },
        }
    }
}

/// The items of a message.
pub(crate) struct Items<'b> {
    tokens: Tokens<'b>,
}

impl<'b> Items<'b> {
    pub(crate) fn of(bytes: &'b [u8]) -> Self {
        Self {
            tokens: Tokens::of(bytes),
        }
    }

    /// The error for what stands here.
    pub(crate) fn wrong<T>(&self) -> Result<T, DecodeError> {
        self.tokens.wrong()
    }

    /// The head of an item that must be there.
    pub(crate) fn next(&mut self) -> Result<Head, DecodeError> {
        let head = self.tokens.head()?;
        self.untagged(head)
    }

    /// Passes over the tag that only says that this is CBOR.
    fn untagged(&mut self, mut head: Head) -> Result<Head, DecodeError> {
        const SELF_DESCRIBED: u64 = 55799;
        let mut depth = 0;
        while head == Head::Tag(SELF_DESCRIBED) {
            depth += 1;
            if depth > MAX_DEPTH {
                return Err(DecodeError::TooDeep);
            }
            head = self.tokens.head()?;
        }
        if head == Head::Break {
            return self.wrong();
        }
        Ok(head)
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.tokens.is_at_end() {
            Ok(())
        } else {
            self.wrong()
        }
    }

    /// A key: a text, or an integer as its digits. `None` for any other, which is passed over.
    pub(crate) fn key(&mut self, head: Head, depth: usize) -> Result<Option<String>, DecodeError> {
        Ok(match head {
            Head::Text(length) => Some(self.tokens.text(length)?.into_owned()),
            Head::Unsigned(_) | Head::Negative(_) => head.integer().map(|it| it.to_string()),
            _ => {
                self.scalar(head, depth)?;
                None
            }
        })
    }

    /// Reads a single value. Whatever is none is passed over; `depth` containers enclose it.
    pub(crate) fn scalar(&mut self, head: Head, depth: usize) -> Result<Scalar, DecodeError> {
        Ok(match head {
            Head::Unsigned(_) | Head::Negative(_) => number(head.integer()),
            Head::Float(value) => {
                Decimal::from_f64(value).map_or(Scalar::Other, |it| Scalar::Json(it.to_string()))
            }
            Head::Text(length) => Scalar::Json(json_string(&self.tokens.text(length)?)),
            Head::Simple(20) => Scalar::Json("false".to_owned()),
            Head::Simple(21) => Scalar::Json("true".to_owned()),
            Head::Simple(22 | 23) => Scalar::Null,
            Head::Simple(_) => Scalar::Other,
            Head::Bytes(length) => {
                self.tokens.bytes(length)?;
                Scalar::Other
            }
            Head::Tag(tag) => self.tagged(tag, deeper(depth)?)?,
            Head::Array(count) => self.pass(count, 1, deeper(depth)?)?,
            Head::Map(count) => self.pass(count, 2, deeper(depth)?)?,
            Head::Break => return self.wrong(),
        })
    }

    /// Passes over a container with so many items, or so many times `each`.
    fn pass(
        &mut self,
        count: Option<usize>,
        each: usize,
        depth: usize,
    ) -> Result<Scalar, DecodeError> {
        let mut rest = Rest::of(count);
        while let Some(head) = rest.next(self)? {
            self.scalar(head, depth)?;
            for _ in 1..each {
                let head = self.next()?;
                self.scalar(head, depth)?;
            }
        }
        Ok(Scalar::Other)
    }

    fn tagged(&mut self, tag: u64, depth: usize) -> Result<Scalar, DecodeError> {
        let head = self.next()?;
        match (tag, head) {
            (0, Head::Text(_)) | (1, Head::Unsigned(_) | Head::Negative(_) | Head::Float(_)) => {
                self.scalar(head, depth)
            }
            (2 | 3, Head::Bytes(_)) => Ok(number(self.bignum(tag, head)?)),
            (4, Head::Array(Some(2))) => {
                deeper(depth)?;
                self.fraction(depth + 1)
            }
            _ => self.scalar(head, depth).map(|_| Scalar::Other),
        }
    }

    /// `[exponent, mantissa]`: the mantissa times a power of ten.
    fn fraction(&mut self, depth: usize) -> Result<Scalar, DecodeError> {
        let exponent = self.whole(depth)?;
        let mantissa = self.whole(depth)?;
        Ok(match (exponent, mantissa) {
            (Some(exponent), Some(mantissa)) if exponent.unsigned_abs() <= MAX_EXPONENT => {
                Scalar::Json(format!("{mantissa}e{exponent}"))
            }
            _ => Scalar::Other,
        })
    }

    /// An integer or a bignum; `None` for anything else, which is passed over.
    fn whole(&mut self, depth: usize) -> Result<Option<i128>, DecodeError> {
        match self.next()? {
            Head::Tag(tag @ (2 | 3)) => match self.next()? {
                head @ Head::Bytes(_) => self.bignum(tag, head),
                head => self.scalar(head, deeper(depth)?).map(|_| None),
            },
            head => {
                self.scalar(head, depth)?;
                Ok(head.integer())
            }
        }
    }

    fn bignum(&mut self, tag: u64, head: Head) -> Result<Option<i128>, DecodeError> {
        let Head::Bytes(length) = head else {
            return self.wrong();
        };
        let bytes = self.tokens.bytes(length)?;
        if bytes.len() > MAX_BIGNUM_BYTES {
            return Ok(None);
        }
        let magnitude = bytes
            .iter()
            .fold(0_u128, |all, it| all << 8 | u128::from(*it));
        let magnitude = i128::try_from(magnitude).ok();
        Ok(magnitude.map(|it| if tag == 3 { -1 - it } else { it }))
    }
}

fn number(value: Option<i128>) -> Scalar {
    value.map_or(Scalar::Other, |it| Scalar::Json(it.to_string()))
}

fn deeper(depth: usize) -> Result<usize, DecodeError> {
    if depth >= MAX_DEPTH {
        return Err(DecodeError::TooDeep);
    }
    Ok(depth + 1)
}

#[cfg(test)]
mod tests;

//! The shape that most messages have, read without going through serde: objects along the notice, whose names and values are
//! plain. `None` for every other one: the whole message is then read by [`json`](super::json).
//!
//! INVARIANT: what is read here is read by [`json`](super::json) with the same result. What is not JSON, what denies the
//! message, escapes, lists, and what is undeclared and no single value: all of that is left to it.

use std::sync::Arc;

use super::{Decoder, Origin};
use crate::field_set::FieldSet;
use crate::payload::{MAX_UNDECLARED_BYTES, Payload};
use crate::schema::{Node, NodeIndex, Schema};

/// Reads a message of a thing, if it has the usual shape.
pub(super) fn decode(schema: &Arc<Schema>, text: &str) -> Option<Box<Payload>> {
    let root = schema.node(NodeIndex::ROOT)?;
    if root.leaf.is_some() {
        return None;
    }
    let mut reader = Reader {
        decoder: Decoder::new(schema, text.len(), Vec::new(), Origin::Thing),
        text,
        at: 0,
    };
    reader.object(root)?;
    match reader.peek() {
        None => Some(reader.decoder.finish()),
        Some(_) => None,
    }
}

struct Reader<'s, 't> {
    decoder: Decoder<'s>,
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'_, 't> {
    /// Reads an object with declared fields in it. The notice bounds how deep these lie.
    fn object(&mut self, node: &Node) -> Option<()> {
        if node.each.is_some() {
            return None;
        }
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let mut seen = FieldSet::EMPTY;
        // Keys mostly come in the order of the notice.
        let mut expected = 0;
        loop {
            let key = self.key()?;
            match node.child_near(expected, key) {
                Some((number, child)) => {
                    if !seen.insert(number) {
                        return None;
                    }
                    expected = number.0.saturating_add(1);
                    let schema = self.decoder.schema;
                    self.declared(schema.node(child.node)?)?;
                }
                None => {
                    let raw = self.scalar()?;
                    if raw != "null" {
                        self.decoder.unknown(node, key);
                    }
                }
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Reads what stands at a place that the notice names.
    fn declared(&mut self, node: &Node) -> Option<()> {
        let Some(field) = node.leaf else {
            return self.object(node);
        };
        let raw = self.scalar()?;
        self.decoder.leaf(node, field, raw).ok()?;
        Some(())
    }

    /// A name without escapes, and the colon behind it.
    fn key(&mut self) -> Option<&'t str> {
        let quoted = match self.peek()? {
            b'"' => self.string()?,
            _ => return None,
        };
        let key = quoted.get(1..quoted.len().checked_sub(1)?)?;
        self.take(b':')?;
        (key.len() <= MAX_UNDECLARED_BYTES).then_some(key)
    }

    /// A number, a text without escapes, `true`, `false` or `null`.
    fn scalar(&mut self) -> Option<&'t str> {
        let first = self.peek()?;
        if first == b'"' {
            return self.string();
        }
        let rest = self.text.get(self.at..)?;
        let length = match first {
            b't' => word(rest, "true")?,
            b'f' => word(rest, "false")?,
            b'n' => word(rest, "null")?,
            _ => number(rest.as_bytes())?,
        };
        self.at += length;
        rest.get(..length)
    }

    /// A text without escapes, with its quotes; the first of them is next.
    fn string(&mut self) -> Option<&'t str> {
        let rest = self.text.get(self.at..)?;
        let inner = rest.as_bytes().get(1..)?;
        let length = inner
            .iter()
            .position(|it| matches!(it, b'"' | b'\\' | 0..0x20))?;
        if inner.get(length) != Some(&b'"') {
            return None;
        }
        self.at += length + 2;
        rest.get(..length + 2)
    }

    /// Takes a byte behind white space, if it is this one.
    fn take(&mut self, wanted: u8) -> Option<()> {
        let found = self.peek()? == wanted;
        self.at += usize::from(found);
        found.then_some(())
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }
}

fn word(rest: &str, word: &str) -> Option<usize> {
    rest.starts_with(word).then_some(word.len())
}

/// How long the number is that stands at the front (RFC 8259 section 6).
fn number(rest: &[u8]) -> Option<usize> {
    let mut at = usize::from(rest.first() == Some(&b'-'));
    let whole = digits(rest, at)?;
    if whole > 1 && rest.get(at) == Some(&b'0') {
        return None;
    }
    at += whole;
    if rest.get(at) == Some(&b'.') {
        at += 1;
        at += digits(rest, at)?;
    }
    if let Some(b'e' | b'E') = rest.get(at) {
        at += 1;
        at += usize::from(matches!(rest.get(at), Some(b'+' | b'-')));
        at += digits(rest, at)?;
    }
    Some(at)
}

/// How many digits stand there; `None` for none.
fn digits(bytes: &[u8], at: usize) -> Option<usize> {
    let count = bytes
        .get(at..)?
        .iter()
        .take_while(|it| it.is_ascii_digit())
        .count();
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use model::{FieldKind, Notice, Pointer};
    use proptest::prelude::*;

    use super::super::json;
    use super::*;

    const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

    fn schema() -> Arc<Schema> {
        let mut notice = Notice::parse(NOTICE).unwrap();
        let template = notice.fields.remove(0);
        for (pointer, kind) in [
            ("/n", FieldKind::Number),
            ("/t", FieldKind::Text),
            ("/b", FieldKind::Boolean),
            ("/o/n", FieldKind::Number),
            ("/o/p/q", FieldKind::Text),
            ("/l/1", FieldKind::Number),
            ("/w/*/n", FieldKind::Number),
        ] {
            notice.fields.push(model::Field {
                pointer: Pointer::parse(pointer).unwrap(),
                kind,
                coarse: vec![],
                ..template.clone()
            });
        }
        Schema::compile(&notice).unwrap()
    }

    /// Everything that a payload says.
    fn told(payload: &Payload) -> String {
        let schema = payload.schema();
        let values = schema.fields().map(|(field, pointer)| {
            let values: Vec<_> = payload.values(field).collect();
            format!("{pointer} {values:?}")
        });
        let values: Vec<_> = values.collect();
        format!(
            "{values:?} {:?} {:?} {} {:?}",
            payload.present,
            payload.undeclared(),
            payload.unlisted(),
            payload.arrays
        )
    }

    /// Whether it was read quickly; then it was read as it always is.
    fn is_quick(schema: &Arc<Schema>, text: &str) -> bool {
        let Some(quick) = decode(schema, text) else {
            return false;
        };
        let usual = json::decode(schema, text, Vec::new(), Origin::Thing);
        let usual = usual.unwrap_or_else(|err| panic!("{text} was read quickly, and: {err}"));
        assert_eq!(told(&quick), told(&usual), "{text}");
        true
    }

    #[test]
    fn plain_messages_are_read_quickly_and_as_always() {
        let schema = schema();
        for text in [
            "{}",
            " { } ",
            r#"{"n":-1.50e+3,"t":"aé","b":false}"#,
            "{ \"b\" : true ,\t\"n\" : 0 ,\r\n\"t\":\"\" }",
            r#"{"o":{"n":1E5,"p":{"q":"x"}},"n":1}"#,
            r#"{"n":"1","t":null,"x":1,"x":"y","y":null,"o":{"z":true}}"#,
        ] {
            assert!(is_quick(&schema, text), "{text}");
        }
    }

    #[test]
    fn everything_else_is_left() {
        let schema = schema();
        for text in [
            "",
            "5",
            "[]",
            "null",
            "{} {}",
            "{\"n\":1,}",
            "{\"n\":1 \"t\":\"\"}",
            "{\"n\":01}",
            "{\"n\":+1}",
            "{\"n\":.5}",
            "{\"n\":1.}",
            "{\"n\":1e}",
            "{\"n\":-}",
            "{\"n\":1,\"n\":2}",
            "{\"t\":\"a\\u00e9\"}",
            "{\"\\u006e\":1}",
            "{\"t\":\"\n\"}",
            "{\"t\":\"",
            "{\"n\":nul}",
            "{\"n\":truefalse}",
            "{\"n\":{}}",
            "{\"x\":[1]}",
            "{\"o\":5}",
            "{\"l\":[0,2]}",
            "{\"w\":[{\"n\":1}]}",
            "{\"w\":{}}",
            &format!("{{\"{}\":1}}", "x".repeat(MAX_UNDECLARED_BYTES + 1)),
        ] {
            assert!(!is_quick(&schema, text), "{text}");
        }
    }

    /// Pieces of which messages are made, some of them out of place.
    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", " ", "\n", "\"n\"", "\"t\"", "\"b\"", "\"o\"", "\"p\"",
            "\"q\"", "\"l\"", "\"w\"", "\"x\"", "\"a~/b\"", "\"\\n\"", "\"é\"", "\"", "0", "-1",
            "2.50", "1e5", "1e", "-", "true", "false", "null", "nul",
        ])
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("-0.5e-3".to_owned()),
            Just("12".to_owned()),
            Just("\"text\"".to_owned()),
            Just("\"te\\u0041xt\"".to_owned()),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let key = prop::sample::select(vec!["n", "t", "b", "o", "p", "q", "l", "w", "x", "1"]);
            let member = (key, inner.clone()).prop_map(|(key, it)| format!("\"{key}\":{it}"));
            prop_oneof![
                4 => prop::collection::vec(member, 0..5)
                    .prop_map(|it| format!("{{{}}}", it.join(","))),
                1 => prop::collection::vec(inner, 0..4).prop_map(|it| format!("[{}]", it.join(" ,"))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_quickly_is_read_as_always(text in value()) {
            is_quick(&schema(), &text);
        }

        #[test]
        fn also_where_it_is_out_of_order(pieces in prop::collection::vec(piece(), 0..24)) {
            is_quick(&schema(), &pieces.concat());
            is_quick(&schema(), &format!("{{\"n\":1,{}}}", pieces.concat()));
        }
    }
}

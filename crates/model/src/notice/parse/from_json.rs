//! Reads JSON (RFC 8259) into the tree. A key that stands twice is an error.

use std::collections::BTreeSet;

use super::tree::{Malformed, Member, Node, Number, Value};

/// How deep a file may nest; a notice needs eight.
const MAX_DEPTH: usize = 32;

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Node, Malformed> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.malformed("something stands after the notice")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn space(&mut self) {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.at += rest.len() - trimmed.len();
    }

    fn malformed(&self, reason: impl Into<String>) -> Malformed {
        Malformed {
            at: self.at,
            reason: reason.into(),
        }
    }

    fn unexpected(&self, wanted: &str) -> Malformed {
        match self.peek() {
            Some(found) => self.malformed(format!(
                "`{}` stands where {wanted} should",
                found.escape_debug()
            )),
            None => self.malformed(format!("the file ends where {wanted} should stand")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Malformed> {
        if depth > MAX_DEPTH {
            return Err(self.malformed(format!("the file nests deeper than {MAX_DEPTH}")));
        }
        self.space();
        let at = self.at;
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ => self.literal()?,
        };
        Ok(Node { at, value })
    }

    fn literal(&mut self) -> Result<Value, Malformed> {
        let words = [
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
            ("null", Value::Other("null")),
        ];
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected("a value"))
    }

    fn object(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.at += 1;
        let mut members = Vec::new();
        let mut seen = BTreeSet::new();
        self.space();
        if self.eat('}') {
            return Ok(Value::Table(members));
        }
        loop {
            self.space();
            let at = self.at;
            if self.peek() != Some('"') {
                return Err(self.unexpected("a key in quotes"));
            }
            let key = self.string()?;
            if !seen.insert(key.clone()) {
                let reason = format!("key `{key}` stands twice");
                return Err(Malformed { at, reason });
            }
            self.space();
            if !self.eat(':') {
                return Err(self.unexpected("`:`"));
            }
            let node = self.value(depth + 1)?;
            members.push(Member { key, at, node });
            self.space();
            if self.eat('}') {
                return Ok(Value::Table(members));
            }
            if !self.eat(',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.eat(']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(']') {
                return Ok(Value::List(items));
            }
            if !self.eat(',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Malformed> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .find(|it: char| it == '"' || it == '\\' || it < ' ')
                .unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => out.push(self.escape()?),
                _ => return Err(self.unexpected("the end of a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        self.at += 1;
        let before = self.at;
        let wrong = |it: &Self| Malformed {
            at: before,
            reason: it.malformed("an escape that JSON does not have").reason,
        };
        Ok(match self.take() {
            Some(it @ ('"' | '\\' | '/')) => it,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let high = self.hex().ok_or_else(|| wrong(self))?;
                let code = match high {
                    0xD800..=0xDBFF if self.rest().starts_with("\\u") => {
                        self.at += 2;
                        let low = self.hex().filter(|it| (0xDC00..=0xDFFF).contains(it));
                        let low = low.ok_or_else(|| wrong(self))?;
                        0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                    }
                    other => other,
                };
                char::from_u32(code).ok_or_else(|| wrong(self))?
            }
            _ => return Err(wrong(self)),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn digits(&mut self) -> usize {
        let rest = self.rest();
        let count = rest.len()
            - rest
                .trim_start_matches(|it: char| it.is_ascii_digit())
                .len();
        self.at += count;
        count
    }

    fn number(&mut self) -> Result<Value, Malformed> {
        let start = self.at;
        let wrong = || Malformed {
            at: start,
            reason: "a number that JSON does not have".to_owned(),
        };
        self.eat('-');
        let leading_zero = self.peek() == Some('0');
        let digits = self.digits();
        if digits == 0 || (leading_zero && digits > 1) {
            return Err(wrong());
        }
        let mut is_whole = true;
        if self.eat('.') {
            is_whole = false;
            if self.digits() == 0 {
                return Err(wrong());
            }
        }
        if self.eat('e') || self.eat('E') {
            is_whole = false;
            if !self.eat('-') {
                self.eat('+');
            }
            if self.digits() == 0 {
                return Err(wrong());
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let real: f64 = text.parse().map_err(|_| wrong())?;
        Ok(Value::Number(Number {
            real,
            whole: is_whole.then(|| text.parse().ok()).flatten(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, at: usize, reason: &str) {
        let reason = reason.to_owned();
        assert_eq!(read(text), Err(Malformed { at, reason }));
    }

    #[test]
    fn values_know_where_they_begin() {
        let node = read("{\n \"a\": [1, -2.5e1, true],\n \"b\": \"\\ud83d\\ude8c\\n\"\n}").unwrap();
        assert_eq!(node.list("a").len(), 3);
        assert_eq!(node.list("a")[0].at, 9);
        assert_eq!(node.list("a")[0].number().unwrap().whole, Some(1));
        let real = node.list("a")[1].number().unwrap();
        assert_eq!((real.real, real.whole), (-25.0, None));
        assert_eq!(node.get("b").unwrap().text(), Some("🚌\n"));
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_stands() {
        refused("{\"a\":1,\"a\":2}", 7, "key `a` stands twice");
        refused("{\"a\":01}", 5, "a number that JSON does not have");
        refused("{\"a\":1,}", 7, "`}` stands where a key in quotes should");
        refused(
            "{\"a\":\"\\ud83d\"}",
            7,
            "an escape that JSON does not have",
        );
        refused("{\"a\":\"\\x\"}", 7, "an escape that JSON does not have");
        refused(
            "{\"a\":\"x\ny\"}",
            7,
            "`\\n` stands where the end of a text should",
        );
        refused("{} {}", 3, "something stands after the notice");
        refused("{\"a\":", 5, "the file ends where a value should stand");
        refused(&"[".repeat(34), 33, "the file nests deeper than 32");
    }
}

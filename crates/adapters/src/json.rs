//! JSON as it came: parts of a message are passed on as the bytes that they are, so that numbers keep their digits.
//!
//! Nothing here recurses into a message or keeps more of it than references.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::TakeError;

/// What separates tokens (RFC 8259 section 2).
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The text of a payload, without whitespace around it.
pub(crate) fn text(payload: &[u8]) -> Result<&str, TakeError> {
    let text = std::str::from_utf8(payload).map_err(|_| TakeError::NotUtf8)?;
    Ok(text.trim_matches(WHITESPACE))
}

/// The payload as it came, when it is a JSON object.
pub(crate) fn object(payload: &[u8]) -> Result<&[u8], TakeError> {
    members(text(payload)?, |_, _| Ok(()))?;
    Ok(payload)
}

/// Calls `found` with each member of an object: its name, and its value as JSON text.
pub(crate) fn members<'a>(
    json: &'a str,
    found: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), TakeError>,
) -> Result<(), TakeError> {
    let mut failure = None;
    let visitor = Members {
        found,
        failure: &mut failure,
    };
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = reader.deserialize_map(visitor).and_then(|()| reader.end());
    match (failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(()),
        (None, Err(err)) if err.is_data() => Err(TakeError::NotAnObject),
        (None, Err(_)) => Err(TakeError::NotJson),
    }
}

/// The values of the members with these names, as JSON text. A name that stands twice is an error.
pub(crate) fn find<'a, const N: usize>(
    json: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a str>; N], TakeError> {
    let mut values = [None; N];
    members(json, |name, value| {
        let places = names.into_iter().zip(values.iter_mut());
        for (wanted, place) in places.filter(|it| it.0 == name) {
            if place.replace(value).is_some() {
                return Err(TakeError::Twice(wanted));
            }
        }
        Ok(())
    })?;
    Ok(values)
}

/// The text that a JSON string says, if it is one.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// What a text on a topic of its own means, as JSON text: whatever is JSON is that, everything else is a string.
/// Nothing when there is no text.
pub(crate) fn value(payload: &[u8]) -> Result<Option<Cow<'_, str>>, TakeError> {
    let text = text(payload)?;
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => Cow::Borrowed(raw.get()),
        Err(_) => Cow::Owned(quoted(text)),
    }))
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The value under these names, the outermost first: `{"relay":{"0":{"power":12.30}}}`.
pub(crate) fn nested<'a>(
    path: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
    value: &str,
) -> Vec<u8> {
    let path = path.into_iter();
    let mut json = String::with_capacity(value.len() + 32);
    for name in path.clone() {
        json.push('{');
        json.push_str(&quoted(name));
        json.push(':');
    }
    json.push_str(value);
    json.extend(path.map(|_| '}'));
    json.into_bytes()
}

struct Members<'f, F> {
    found: F,
    failure: &'f mut Option<TakeError>,
}

impl<'de, F> Visitor<'de> for Members<'_, F>
where
    F: FnMut(Cow<'de, str>, &'de str) -> Result<(), TakeError>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value::<&RawValue>()?;
            if let Err(failure) = (self.found)(name, value.get()) {
                *self.failure = Some(failure);
                return Err(de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// The name of a member, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_what_is_not_json_is_a_string() {
        for (payload, meant) in [
            ("21.50", Some("21.50")),
            (
                " 123456789012345678901234567890 ",
                Some("123456789012345678901234567890"),
            ),
            ("-0.0", Some("-0.0")),
            ("1e3", Some("1e3")),
            ("+5", Some("\"+5\"")),
            ("007", Some("\"007\"")),
            (".5", Some("\".5\"")),
            ("nan", Some("\"nan\"")),
            ("0x1F", Some("\"0x1F\"")),
            ("true", Some("true")),
            ("True", Some("\"True\"")),
            ("ON", Some("\"ON\"")),
            ("null", Some("null")),
            ("\"12\"", Some("\"12\"")),
            ("{\"a\": 1}", Some("{\"a\": 1}")),
            ("{broken", Some("\"{broken\"")),
            ("a \"quoted\"\nline", Some(r#""a \"quoted\"\nline""#)),
            ("", None),
            (" \r\n", None),
        ] {
            assert_eq!(
                value(payload.as_bytes()).unwrap().as_deref(),
                meant,
                "{payload}"
            );
        }
        assert_eq!(value(b"\xff"), Err(TakeError::NotUtf8));
    }

    #[test]
    fn a_wanted_member_stands_once() {
        assert_eq!(
            find(r#"{"a":1,"b":{"a":2},"\u0061b":3}"#, ["a", "ab"]),
            Ok([Some("1"), Some("3")])
        );
        assert_eq!(
            find(r#"{"a":1,"\u0061":2}"#, ["a"]),
            Err(TakeError::Twice("a"))
        );
        assert_eq!(find(r#"{"b":1,"b":2}"#, ["a"]), Ok([None]));
        assert_eq!(find("[]", ["a"]), Err(TakeError::NotAnObject));
        assert_eq!(find("12", ["a"]), Err(TakeError::NotAnObject));
        assert_eq!(find(r#"{"a":1"#, ["a"]), Err(TakeError::NotJson));
        assert_eq!(find(r#"{"a":1} x"#, ["a"]), Err(TakeError::NotJson));
    }

    #[test]
    fn names_of_topics_are_escaped() {
        let json = nested(["a\"b", "c"], "1.0");
        assert_eq!(json, br#"{"a\"b":{"c":1.0}}"#);
    }
}

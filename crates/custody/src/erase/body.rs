//! A field is taken out of a stored body: what remains keeps its exact text.
//!
//! A body is an object, or anything else, or anything else inside `{"@value": …}` with what the platform says of it beside it (names that
//! begin with `@`, see `policy::render`). In an array a value that goes becomes null, so that the others keep their positions; of a list
//! whose elements are declared by `*` the element goes.

use std::fmt;

use model::Pointer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What the platform adds and keys by the pointer of a field.
const MARKS: [&str; 4] = ["@coarse", "@threshold", "@window", "@model"];
/// A value that is no object, where something is said of it.
const VALUE: &str = "@value";

/// What is left of a body without a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    /// The field is not in it.
    Same,
    /// Nothing.
    Nothing,
    /// This.
    Body(Vec<u8>),
}

/// The members of an object in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(entry);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// What is left of a stored body without a field; of what cannot be read, nothing.
pub(crate) fn without(body: &[u8], field: &Pointer) -> Left {
    without_or_error(body, field).unwrap_or(Left::Nothing)
}

fn without_or_error(body: &[u8], field: &Pointer) -> serde_json::Result<Left> {
    let raw: &RawValue = serde_json::from_slice(body)?;
    let mut pruner = Pruner {
        field,
        place: String::new(),
        has_removed: false,
    };
    let left = match raw.get().starts_with('{') {
        false => pruner.prune(raw)?,
        true => {
            let Members(members) = serde_json::from_str(raw.get())?;
            pruner.message(&members)?
        }
    };
    Ok(match (pruner.has_removed, left) {
        (false, _) => Left::Same,
        (true, None) => Left::Nothing,
        (true, Some(text)) => Left::Body(text.into_bytes()),
    })
}

struct Pruner<'a> {
    field: &'a Pointer,
    place: String,
    has_removed: bool,
}

impl Pruner<'_> {
    /// A whole body that is an object, with what the platform says in it.
    fn message(&mut self, members: &[(String, &RawValue)]) -> serde_json::Result<Option<String>> {
        let is_wrapped = members.iter().any(|it| it.0 == VALUE);
        let mut kept: Vec<(&str, String)> = Vec::new();
        let (mut has_value, mut says_more) = (false, false);
        for (name, value) in members {
            let left = match name.as_str() {
                VALUE => self.prune(value)?.inspect(|_| has_value = true),
                _ if MARKS.contains(&name.as_str()) => {
                    self.marks(value)?.inspect(|_| says_more = true)
                }
                _ if name.starts_with('@') => {
                    says_more = true;
                    Some(value.get().to_owned())
                }
                _ => self.member(name, value)?.inspect(|_| has_value = true),
            };
            kept.extend(left.map(|it| (name.as_str(), it)));
        }
        if !has_value {
            return Ok(None);
        }
        if is_wrapped && !says_more {
            return Ok(kept.pop().map(|it| it.1));
        }
        object(&kept).map(Some)
    }

    /// The marks of other fields.
    fn marks(&self, marks: &RawValue) -> serde_json::Result<Option<String>> {
        let Members(members) = serde_json::from_str(marks.get())?;
        let kept: Vec<(&str, String)> = members
            .iter()
            .filter(|(name, _)| name != self.field.as_str() && !self.field.covers(name))
            .map(|(name, value)| (name.as_str(), value.get().to_owned()))
            .collect();
        match kept.is_empty() {
            true => Ok(None),
            false => object(&kept).map(Some),
        }
    }

    /// A value that is a member of an object, or an element of an array.
    fn member(&mut self, name: &str, value: &RawValue) -> serde_json::Result<Option<String>> {
        let length = self.place.len();
        self.place.push('/');
        self.place
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
        let left = self.prune(value);
        self.place.truncate(length);
        left
    }

    /// What is left of a value; nothing where all of it goes. Bodies nest no deeper than the pointers of their notice.
    fn prune(&mut self, value: &RawValue) -> serde_json::Result<Option<String>> {
        let text = value.get();
        match text.bytes().next() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text)?;
                let mut kept: Vec<(&str, String)> = Vec::with_capacity(members.len());
                for (name, value) in &members {
                    let left = self.member(name, value)?;
                    kept.extend(left.map(|it| (name.as_str(), it)));
                }
                match kept.is_empty() && !members.is_empty() {
                    true => Ok(None),
                    false => object(&kept).map(Some),
                }
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                self.array(&items)
            }
            _ if self.field.covers(&self.place) && text != "null" => {
                self.has_removed = true;
                Ok(None)
            }
            _ => Ok(Some(text.to_owned())),
        }
    }

    fn array(&mut self, items: &[&RawValue]) -> serde_json::Result<Option<String>> {
        let depth = self.place.matches('/').count() + 1;
        let is_list = self.field.as_str().split('/').nth(depth) == Some(Pointer::WILDCARD);
        let mut kept = Vec::with_capacity(items.len());
        for (number, item) in items.iter().enumerate() {
            match self.member(&number.to_string(), item)? {
                Some(left) => kept.push(left),
                None if is_list => {}
                None => kept.push("null".to_owned()),
            }
        }
        while kept.last().is_some_and(|it| it == "null") {
            kept.pop();
        }
        if kept.is_empty() && !items.is_empty() {
            return Ok(None);
        }
        Ok(Some(format!("[{}]", kept.join(","))))
    }
}

fn object(members: &[(&str, String)]) -> serde_json::Result<String> {
    let mut text = String::from("{");
    for (number, (name, value)) in members.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(name)?);
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, field: &str, expected: &str) {
        let field = Pointer::parse(field).unwrap();
        let found = without(body.as_bytes(), &field);
        let text = match &found {
            Left::Same => "same".to_owned(),
            Left::Nothing => "nothing".to_owned(),
            Left::Body(body) => String::from_utf8(body.clone()).unwrap(),
        };
        assert_eq!(text, expected);
        if let Left::Body(body) = found {
            assert_eq!(without(&body, &field), Left::Same, "once is enough");
        }
    }

    #[test]
    fn a_member_goes_and_the_others_keep_their_text() {
        let body = r#"{"power":1210.50,"room":{"temperature":21.0,"light":3}}"#;
        check(body, "/power", r#"{"room":{"temperature":21.0,"light":3}}"#);
        check(
            body,
            "/room/light",
            r#"{"power":1210.50,"room":{"temperature":21.0}}"#,
        );
        check(body, "/room/none", "same");
        check(r#"{"power":1}"#, "/power", "nothing");
        check(r#"{"a":{"b":1},"c":2}"#, "/a/b", r#"{"c":2}"#);
        check(r#"{"a/b":1,"c":2}"#, "/a~1b", r#"{"c":2}"#);
        check("{}", "/power", "same");
        check("not json", "/power", "nothing");
    }

    #[test]
    fn what_the_platform_says_of_a_field_goes_with_it() {
        check(
            r#"{"@to":"abc","power":500,"t":1,"@coarse":{"/power":250,"/t":1}}"#,
            "/power",
            r#"{"@to":"abc","t":1,"@coarse":{"/t":1}}"#,
        );
        check(
            r#"{"power":500,"t":1,"@coarse":{"/power":250},"@window":{"/power":{"of":"mean"}}}"#,
            "/power",
            r#"{"t":1}"#,
        );
        check(
            r#"{"@to":"abc","power":500,"@coarse":{"/power":250}}"#,
            "/power",
            "nothing",
        );
    }

    #[test]
    fn bare_values_and_lists_have_their_own_shapes() {
        check("21.5", "", "nothing");
        check("21.5", "/power", "same");
        check(r#"{"@value":20,"@coarse":{"":2.5}}"#, "", "nothing");
        check(r#"{"@for":"abc","@value":20}"#, "", "nothing");
        check("[1,2,3]", "/1", "[1,null,3]");
        check("[1,2]", "/1", "[1]");
        check("[null,2]", "/1", "nothing");
        check(
            r#"{"@for":"abc","@value":[1,2]}"#,
            "/1",
            r#"{"@for":"abc","@value":[1]}"#,
        );
        check(r#"{"@value":[1,2],"@coarse":{"/1":5}}"#, "/1", "[1]");
        check(
            r#"{"a":[{"b":1,"c":2},{"b":3}],"@coarse":{"/a/*/b":5}}"#,
            "/a/*/b",
            r#"{"a":[{"c":2}]}"#,
        );
        check(r#"{"a":[1,2],"d":4}"#, "/a/*", r#"{"d":4}"#);
    }
}

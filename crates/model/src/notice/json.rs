//! JSON text with members in the order in which they were put, for what the crate publishes.

use std::fmt::Write;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    /// `true` or `false`.
    Boolean(bool),
    /// A finite number, shown with a fraction.
    Real(f64),
    /// A whole number.
    Whole(i64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, in this order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// A string.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An array of strings.
    pub(crate) fn texts<T: ToString>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(
            texts
                .into_iter()
                .map(|it| Self::Text(it.to_string()))
                .collect(),
        )
    }

    /// An object of these members; `None` values are left out.
    pub(crate) fn object<const N: usize>(members: [(&str, Option<Self>); N]) -> Self {
        let present = members
            .into_iter()
            .filter_map(|(key, value)| value.map(|it| (key.to_owned(), it)));
        Self::Object(present.collect())
    }

    /// The text over several lines, indented by two spaces, with a line end at the end.
    pub(crate) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Boolean(it) => out.push_str(if *it { "true" } else { "false" }),
            Self::Real(it) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{it:?}");
            }
            Self::Whole(it) => out.push_str(&it.to_string()),
            Self::Text(it) => out.push_str(&quoted(it)),
            Self::List(items) => {
                let flat = items
                    .iter()
                    .all(|it| !matches!(it, Self::List(_) | Self::Object(_)));
                let items = items.iter().map(|it| (None, it));
                Self::enclosed(out, depth, ['[', ']'], flat, items);
            }
            Self::Object(members) => {
                let members = members.iter().map(|(key, it)| (Some(key.as_str()), it));
                Self::enclosed(out, depth, ['{', '}'], false, members);
            }
        }
    }

    fn enclosed<'a>(
        out: &mut String,
        depth: usize,
        [open, close]: [char; 2],
        flat: bool,
        items: impl ExactSizeIterator<Item = (Option<&'a str>, &'a Self)>,
    ) {
        out.push(open);
        let count = items.len();
        for (index, (key, value)) in items.enumerate() {
            match (flat, index) {
                (true, 0) => {}
                (true, _) => out.push_str(", "),
                (false, 0) => new_line(out, depth + 1),
                (false, _) => {
                    out.push(',');
                    new_line(out, depth + 1);
                }
            }
            if let Some(key) = key {
                out.push_str(&quoted(key));
                out.push_str(": ");
            }
            value.write(out, depth + 1);
        }
        if !flat && count > 0 {
            new_line(out, depth);
        }
        out.push(close);
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

/// The text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_in_order_and_short_lists_on_one_line() {
        let json = Json::object([
            ("b", Some(Json::texts(["x\"", "y"]))),
            ("left out", None),
            (
                "a",
                Some(Json::List(vec![
                    Json::Object(vec![]),
                    Json::Real(500.0),
                    Json::Whole(3),
                ])),
            ),
        ]);
        insta::assert_snapshot!(json.pretty(), @r#"
        {
          "b": ["x\"", "y"],
          "a": [
            {},
            500.0,
            3
          ]
        }
        "#);
    }
}

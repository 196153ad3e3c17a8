//! Reads TOML into the tree. The depth of a file is limited by the TOML reader.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Malformed, Member, Node, Number, Value};

/// The most characters of a key that a sentence repeats.
const MAX_SHOWN_KEY: usize = 64;

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Node, Malformed> {
    let table = DeTable::parse(text).map_err(|err| {
        let at = err.span().map_or(0, |it| it.start);
        let reason = no_value(text, at).unwrap_or_else(|| err.message().replace('\n', ", "));
        Malformed { at, reason }
    })?;
    Ok(Node {
        at: 0,
        value: members(table.into_inner()),
    })
}

/// What to say where the reader stopped behind `key =` because no value stands there; the reader itself speaks of quotes then.
fn no_value(text: &str, at: usize) -> Option<String> {
    let (before, behind) = text.split_at_checked(at)?;
    let line = before.rsplit('\n').next()?;
    let key = line.trim_end().strip_suffix('=')?.trim();
    let rest = behind.lines().next().unwrap_or_default().trim();
    if rest.is_empty() || rest.starts_with('#') {
        let key = short(key);
        return Some(format!(
            "`{key}` has no value: write one behind `{key} =`, or take the line out"
        ));
    }
    let is_word = rest.starts_with(|it: char| it.is_alphabetic());
    is_word.then(|| "text stands in quotes here, as in `\"text\"`".to_owned())
}

/// What of a key is repeated.
fn short(key: &str) -> String {
    key.chars().take(MAX_SHOWN_KEY).collect()
}

fn node(value: Spanned<DeValue<'_>>) -> Node {
    let at = value.span().start;
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(it) => {
            let whole = i64::from_str_radix(it.as_str(), it.radix()).ok();
            #[expect(clippy::cast_precision_loss, reason = "`whole` keeps the exact value")]
            let real = whole.map_or(f64::NAN, |it| it as f64);
            Value::Number(Number { real, whole })
        }
        DeValue::Float(it) => Value::Number(Number {
            real: it.as_str().parse().unwrap_or(f64::NAN),
            whole: None,
        }),
        DeValue::Boolean(it) => Value::Boolean(it),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(items) => Value::List(items.into_iter().map(node).collect()),
        DeValue::Table(table) => members(table),
    };
    Node { at, value }
}

/// In the order of the file.
fn members(table: DeTable<'_>) -> Value {
    let mut members: Vec<_> = table
        .into_iter()
        .map(|(key, value)| Member {
            at: key.span().start,
            key: key.into_inner().into_owned(),
            node: node(value),
        })
        .collect();
    members.sort_by_key(|it| it.at);
    Value::Table(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_without_a_value_is_named_and_text_without_quotes_is_told_so() {
        let check = |text: &str, at: usize, reason: &str| {
            let err = read(text).unwrap_err();
            assert_eq!((err.at, err.reason.as_str()), (at, reason), "{text}");
        };
        let missing = "`version` has no value: write one behind `version =`, or take the line out";
        check("version =", 9, missing);
        check("version =\n", 9, missing);
        check("version = \r\nplace = 1\r\n", 10, missing);
        check("a = 1\nversion = # three\n", 16, missing);
        check(
            "version = three\n",
            10,
            "text stands in quotes here, as in `\"text\"`",
        );
        check("a = 1\na = 2\n", 6, "duplicate key");
        let long = format!("{} =", "k".repeat(500));
        assert!(read(&long).unwrap_err().reason.len() < 250);
    }
}

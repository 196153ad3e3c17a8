//! Reads TOML into the tree. The depth of a file is limited by the TOML reader.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Malformed, Member, Node, Number, Value};

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Node, Malformed> {
    let table = DeTable::parse(text).map_err(|err| Malformed {
        at: err.span().map_or(0, |it| it.start),
        reason: err.message().replace('\n', ", "),
    })?;
    Ok(Node {
        at: 0,
        value: members(table.into_inner()),
    })
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

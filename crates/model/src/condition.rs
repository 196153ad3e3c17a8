//! What must hold of values: `/power >= 1000 and /state = "on"`.
//!
//! A recipient asks with it for messages beyond a purpose; a notice says with it when a command is refused.
//!
//! INVARIANT: a condition of a recipient is evaluated on the payload as the recipient would get it, coarse values as they are
//! shown and names as pseudonyms, after everything was decided. It never sees the message. What the recipient may not have is
//! absent, and a comparison with something absent is false, `!=` among them: whether a condition holds tells nothing
//! that the payload itself would not.
//!
//! ```text
//! condition  = term *( " and " term )             at most 8 terms, at most 512 bytes
//! term       = place " exists" / place op literal
//! place      = JSON Pointer (RFC 6901), in quotes where it has spaces; a part * stands for every position of a list
//! op         = "=" / "!=" / "<" / "<=" / ">" / ">="
//! literal    = JSON number / JSON string / "true" / "false"
//! ```
//! Numbers compare with numbers, texts with texts (by Unicode code point), truth values by `=` and `!=` only.

use std::cmp::Ordering;
use std::str::FromStr;

use serde_json::Value;

use crate::Pointer;

/// The longest condition, in bytes.
pub const MAX_CONDITION_BYTES: usize = 512;
/// The most terms of a condition.
pub const MAX_CONDITION_TERMS: usize = 8;

/// Why a text is no condition. Says nothing of any message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Longer than [`MAX_CONDITION_BYTES`].
    #[error("a condition has at most {MAX_CONDITION_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// More than [`MAX_CONDITION_TERMS`].
    #[error("a condition has at most {MAX_CONDITION_TERMS} terms joined by `and`")]
    TooMany,
    /// No place where one is wanted.
    #[error("write a JSON Pointer such as `/power` at `{0}`")]
    Place(String),
    /// No comparison where one is wanted.
    #[error("write one of = != < <= > >= or `exists` at `{0}`")]
    Comparison(String),
    /// No value where one is wanted.
    #[error("write a number, a \"text\", true or false at `{0}`")]
    Literal(String),
    /// Truth values have no order.
    #[error("true and false can be compared with = and != only")]
    Unordered,
    /// Something behind a term that is not `and`.
    #[error("join terms with ` and ` at `{0}`")]
    Joint(String),
}

/// What must hold of a payload for it to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    terms: Vec<Term>,
    /// As it was written.
    text: Box<str>,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    place: Pointer,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Exists,
    Compare(Comparison, Literal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Number(f64),
    Text(String),
    Truth(bool),
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        if text.len() > MAX_CONDITION_BYTES {
            return Err(ConditionError::TooLong(text.len()));
        }
        let mut rest = text.trim();
        let mut terms = Vec::with_capacity(1);
        loop {
            if terms.len() == MAX_CONDITION_TERMS {
                return Err(ConditionError::TooMany);
            }
            let (term, behind) = term(rest)?;
            terms.push(term);
            rest = behind.trim_start();
            if rest.is_empty() {
                return Ok(Self {
                    terms,
                    text: text.into(),
                });
            }
            rest = rest
                .strip_prefix("and ")
                .ok_or_else(|| ConditionError::Joint(near(rest)))?
                .trim_start();
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Condition {
    /// Whether a payload, as the recipient would get it, fulfils every term. What is no JSON fulfils none.
    #[must_use]
    pub fn holds(&self, payload: &[u8]) -> bool {
        let Ok(shown) = serde_json::from_slice::<Value>(payload) else {
            return false;
        };
        // A message that is no object stands under `@value` when something in it is coarse.
        let message = shown.get("@value").unwrap_or(&shown);
        self.terms.iter().all(|it| it.holds(message))
    }

    /// Whether every term holds of one of the values that are known of its place.
    #[must_use]
    pub fn holds_of<'v>(&self, values: impl Fn(&Pointer) -> &'v [Value]) -> bool {
        let holds = |it: &Term| values(&it.place).iter().any(|value| it.test.holds(value));
        self.terms.iter().all(holds)
    }

    /// The places that it is about, and what each is compared with; a place may come twice.
    pub fn places(&self) -> impl Iterator<Item = (&Pointer, ComparedWith)> {
        self.terms.iter().map(|it| (&it.place, it.test.with()))
    }
}

/// What a condition compares a value with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparedWith {
    /// Nothing: whether it is there.
    Nothing,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A truth value.
    Truth,
}

impl Term {
    fn holds(&self, message: &Value) -> bool {
        let tokens: Vec<String> = self.place.tokens().collect();
        any_at(message, &tokens, &|it| self.test.holds(it))
    }
}

/// Whether the test holds of the value at a place; of one of them, where the place stands for several.
fn any_at(value: &Value, tokens: &[String], test: &dyn Fn(&Value) -> bool) -> bool {
    let Some((token, below)) = tokens.split_first() else {
        return !value.is_null() && test(value);
    };
    match value {
        Value::Object(members) => members.get(token).is_some_and(|it| any_at(it, below, test)),
        Value::Array(items) if token == Pointer::WILDCARD => {
            items.iter().any(|it| any_at(it, below, test))
        }
        Value::Array(items) => token
            .parse::<usize>()
            .ok()
            .and_then(|it| items.get(it))
            .is_some_and(|it| any_at(it, below, test)),
        _ => false,
    }
}

impl Test {
    const fn with(&self) -> ComparedWith {
        match self {
            Self::Exists => ComparedWith::Nothing,
            Self::Compare(_, Literal::Number(_)) => ComparedWith::Number,
            Self::Compare(_, Literal::Text(_)) => ComparedWith::Text,
            Self::Compare(_, Literal::Truth(_)) => ComparedWith::Truth,
        }
    }

    fn holds(&self, value: &Value) -> bool {
        let (comparison, literal) = match self {
            Self::Exists => return true,
            Self::Compare(comparison, literal) => (comparison, literal),
        };
        let order = match (value, literal) {
            (Value::Number(value), Literal::Number(literal)) => {
                value.as_f64().and_then(|it| it.partial_cmp(literal))
            }
            (Value::String(value), Literal::Text(literal)) => Some(value.cmp(literal)),
            (Value::Bool(value), Literal::Truth(literal)) => Some(value.cmp(literal)),
            _ => None,
        };
        order.is_some_and(|it| comparison.holds(it))
    }
}

impl Comparison {
    const ALL: [(&'static str, Self); 6] = [
        ("!=", Self::NotEqual),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// One term and what stands behind it.
fn term(text: &str) -> Result<(Term, &str), ConditionError> {
    let (place, rest) = place(text)?;
    let rest = rest.trim_start();
    if let Some(behind) = rest.strip_prefix("exists")
        && (behind.is_empty() || behind.starts_with(' '))
    {
        let test = Test::Exists;
        return Ok((Term { place, test }, behind));
    }
    let (comparison, rest) = Comparison::ALL
        .iter()
        .find_map(|(word, it)| Some((*it, rest.strip_prefix(word)?)))
        .ok_or_else(|| ConditionError::Comparison(near(rest)))?;
    let (literal, behind) = literal(rest.trim_start())?;
    let has_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if has_order && matches!(literal, Literal::Truth(_)) {
        return Err(ConditionError::Unordered);
    }
    let test = Test::Compare(comparison, literal);
    Ok((Term { place, test }, behind))
}

fn place(text: &str) -> Result<(Pointer, &str), ConditionError> {
    let wrong = || ConditionError::Place(near(text));
    let (pointer, rest) = match text.starts_with('"') {
        true => quoted(text).ok_or_else(wrong)?,
        false => {
            let end = text
                .find(|it: char| it.is_whitespace() || "=!<>".contains(it))
                .unwrap_or(text.len());
            let (pointer, rest) = text.split_at(end);
            (pointer.to_owned(), rest)
        }
    };
    // Only what is in quotes can be the whole message: an empty place is otherwise a forgotten one.
    if pointer.is_empty() && !text.starts_with('"') {
        return Err(wrong());
    }
    Pointer::parse(&pointer)
        .map(|it| (it, rest))
        .map_err(|_| wrong())
}

fn literal(text: &str) -> Result<(Literal, &str), ConditionError> {
    let wrong = || ConditionError::Literal(near(text));
    if text.starts_with('"') {
        let (text, rest) = quoted(text).ok_or_else(wrong)?;
        return Ok((Literal::Text(text), rest));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let literal = match serde_json::from_str::<Value>(word) {
        Ok(Value::Bool(it)) => Literal::Truth(it),
        Ok(Value::Number(it)) => Literal::Number(it.as_f64().ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    Ok((literal, rest))
}

/// A JSON string at the start of a text, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let value = values.next()?.ok()?;
    let rest = text.get(values.byte_offset()..)?;
    Some((value, rest))
}

/// The beginning of a text, to say where something is wrong.
fn near(text: &str) -> String {
    const SHOWN: usize = 24;
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAYLOAD: &str = r#"{"power": 1000, "state": "on", "door": true, "rooms": [{"t": 19}, {"t": 23.5}],
        "a b": {"c/d": 1}, "@coarse": {"/power": 250}}"#;

    #[track_caller]
    fn check(condition: &str, payload: &str, expected: Result<bool, &str>) {
        let found = condition
            .parse::<Condition>()
            .map(|it| it.holds(payload.as_bytes()));
        let found = found.map_err(|it| it.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{condition}");
    }

    #[test]
    fn a_condition_is_evaluated_on_what_is_shown() {
        for (condition, expected) in [
            ("/power >= 1000", true),
            ("/power>1000", false),
            ("/power != 1000", false),
            ("/power = 1e3 and /state = \"on\"", true),
            ("/state < \"p\"", true),
            ("/door = true and /door != false", true),
            ("/rooms/*/t > 20", true),
            ("/rooms/0/t > 20", false),
            ("/rooms/1/t exists", true),
            ("/rooms/2/t exists", false),
            ("\"/a b/c~1d\" = 1", true),
            ("/power = \"1000\"", false),
        ] {
            check(condition, PAYLOAD, Ok(expected));
        }
        check("\"\" >= 20", "20.5", Ok(true));
        check(
            "\"\" = 20",
            r#"{"@value": 20, "@coarse": {"": 5}}"#,
            Ok(true),
        );
    }

    #[test]
    fn what_the_recipient_may_not_have_makes_every_comparison_false() {
        for comparison in ["=", "!=", "<", "<=", ">", ">="] {
            check(&format!("/secret {comparison} 1"), PAYLOAD, Ok(false));
            check(
                &format!("/secret {comparison} 1"),
                r#"{"secret": null}"#,
                Ok(false),
            );
        }
        check("/secret exists", r#"{"secret": null}"#, Ok(false));
    }

    #[test]
    fn what_the_platform_adds_cannot_be_asked_for() {
        let wrong = "write a JSON Pointer such as `/power` at `/@coarse/~1power exists`";
        check("/@coarse/~1power exists", PAYLOAD, Err(wrong));
    }

    #[test]
    fn a_wrong_condition_says_where_and_what_to_do() {
        for (condition, expected) in [
            ("", "write a JSON Pointer such as `/power` at ``"),
            (
                "power > 1",
                "write a JSON Pointer such as `/power` at `power > 1`",
            ),
            ("/power", "write one of = != < <= > >= or `exists` at ``"),
            (
                "/power ~ 1",
                "write one of = != < <= > >= or `exists` at `~ 1`",
            ),
            (
                "/power > x",
                "write a number, a \"text\", true or false at `x`",
            ),
            (
                "/power > 1 or /b = 1",
                "join terms with ` and ` at `or /b = 1`",
            ),
            (
                "/door > true",
                "true and false can be compared with = and != only",
            ),
        ] {
            check(condition, PAYLOAD, Err(expected));
        }
        let many = ["/a = 1"; MAX_CONDITION_TERMS + 1].join(" and ");
        check(
            &many,
            "{}",
            Err("a condition has at most 8 terms joined by `and`"),
        );
        let long = format!("/a = \"{}\"", "x".repeat(MAX_CONDITION_BYTES));
        check(
            &long,
            "{}",
            Err("a condition has at most 512 bytes, this one has 519"),
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), payload in any::<Vec<u8>>()) {
            if let Ok(condition) = text.parse::<Condition>() {
                let _ = condition.holds(&payload);
            }
        }
    }
}

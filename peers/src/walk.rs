//! What a general engine over JSON does: rules as data, interpreted for each recipient and each value of a message.
//!
//! The rules are parsed into a tree before any message comes, as such engines do. The message is a parsed `serde_json::Value`;
//! each leaf is visited with its pointer, and the rules look up who may have it in a document of choices.

use serde_json::{Value, json};

/// A condition.
enum Rule {
    Any(Vec<Rule>),
    All(Vec<Rule>),
    /// Equal.
    Is(Term, Term),
    /// The first is a key of the second.
    In(Term, Term),
}

/// Where a value comes from.
enum Term {
    Literal(Value),
    /// Of the question: the recipient, the pointer of the value, the deployment.
    Input(String),
    /// A path into the choices; a step that begins with `$` is the input of that name.
    Data(Vec<String>),
}

/// Everything that is known before a message comes, and the message.
pub(crate) struct Walk {
    exact: Rule,
    coarse: Rule,
    data: Value,
    recipients: Vec<Value>,
    message: Value,
}

/// The question about one value.
struct Input<'a> {
    recipient: &'a Value,
    field: &'a Value,
    deployment: &'a Value,
}

impl Walk {
    pub(crate) fn new(fields: usize, recipients: usize) -> Self {
        let mut data = json!({"licence": "active", "exact": {}, "coarse": {}});
        for (place, name) in crate::names(fields).iter().enumerate() {
            let (exact, coarse) = crate::audience(recipients, place);
            for (level, them) in [("exact", exact), ("coarse", coarse)] {
                let them = them.into_iter().map(|it| (it, json!(true)));
                data[level][name] = Value::Object(them.collect());
            }
        }
        let rule = |level: &str| {
            json!({"all": [
                {"is": [{"data": ["licence"]}, "active"]},
                {"is": [{"input": "deployment"}, "bench"]},
                {"any": [{"in": [{"input": "recipient"}, {"data": [level, "$field"]}]}]},
            ]})
        };
        Self {
            exact: Rule::parse(&rule("exact")),
            coarse: Rule::parse(&rule("coarse")),
            data,
            recipients: (0..recipients).map(|it| json!(format!("r{it}"))).collect(),
            message: serde_json::from_str(&crate::message(fields)).expect("the message is JSON"),
        }
    }

    /// How many pairs of field and recipient pass.
    pub(crate) fn decide(&mut self) -> usize {
        let deployment = json!("bench");
        let mut passing = Vec::new();
        for recipient in &self.recipients {
            let mut pointer = String::new();
            self.visit(&self.message, &mut pointer, &mut |field, value| {
                let field = Value::from(field);
                let input = Input {
                    recipient,
                    field: &field,
                    deployment: &deployment,
                };
                if self.exact.holds(&input, &self.data) || self.coarse.holds(&input, &self.data) {
                    passing.push((recipient, value));
                }
            });
        }
        passing.len()
    }

    /// Every value of the message with its pointer.
    fn visit<'a>(
        &self,
        value: &'a Value,
        pointer: &mut String,
        seen: &mut impl FnMut(&str, &'a Value),
    ) {
        let Value::Object(members) = value else {
            return seen(pointer, value);
        };
        for (name, value) in members {
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(name);
            self.visit(value, pointer, seen);
            pointer.truncate(length);
        }
    }
}

impl Rule {
    fn parse(rule: &Value) -> Self {
        let (name, arguments) = rule
            .as_object()
            .and_then(|it| it.iter().next())
            .expect("a rule is an object with one member");
        let arguments = arguments
            .as_array()
            .expect("a rule has a list of arguments");
        let rules = || arguments.iter().map(Self::parse).collect();
        match (name.as_str(), arguments.as_slice()) {
            ("any", _) => Self::Any(rules()),
            ("all", _) => Self::All(rules()),
            ("is", [a, b]) => Self::Is(Term::parse(a), Term::parse(b)),
            ("in", [a, b]) => Self::In(Term::parse(a), Term::parse(b)),
            _ => unreachable!("the rules are written here"),
        }
    }

    fn holds(&self, input: &Input<'_>, data: &Value) -> bool {
        match self {
            Self::Any(rules) => rules.iter().any(|it| it.holds(input, data)),
            Self::All(rules) => rules.iter().all(|it| it.holds(input, data)),
            Self::Is(a, b) => match (a.value(input, data), b.value(input, data)) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
            Self::In(a, b) => match (a.value(input, data), b.value(input, data)) {
                (Some(Value::String(key)), Some(Value::Object(among))) => among.contains_key(key),
                _ => false,
            },
        }
    }
}

impl Term {
    fn parse(term: &Value) -> Self {
        if let Some(name) = term.get("input").and_then(Value::as_str) {
            return Self::Input(name.to_owned());
        }
        match term.get("data").and_then(Value::as_array) {
            Some(steps) => Self::Data(
                steps
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            ),
            None => Self::Literal(term.clone()),
        }
    }

    fn value<'a>(&'a self, input: &Input<'a>, data: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Input(name) => input.get(name),
            Self::Data(steps) => {
                steps
                    .iter()
                    .try_fold(data, |at, step| match step.strip_prefix('$') {
                        Some(name) => at.get(input.get(name)?.as_str()?),
                        None => at.get(step),
                    })
            }
        }
    }
}

impl<'a> Input<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        match name {
            "recipient" => Some(self.recipient),
            "field" => Some(self.field),
            "deployment" => Some(self.deployment),
            _ => None,
        }
    }
}

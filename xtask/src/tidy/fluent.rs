//! The English and the Urdu texts have the same messages and attributes, and use the same variables.
//!
//! A pair is two `.ftl` files whose paths differ in one part only, `en` and `ur`:
//! `texts/en/page.ftl` and `texts/ur/page.ftl`, or `page.en.ftl` and `page.ur.ftl`, or `en.ftl` and `ur.ftl`.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{Entry, Pattern};
use fluent_syntax::parser;

use super::{Problem, Tree};

/// Checks every pair.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.texts_ending(&[".ftl"]) {
        let texts = match Texts::parse(text) {
            Ok(texts) => texts,
            Err(broken) => {
                problems.push(Problem::file(path, broken));
                continue;
            }
        };
        let Some(other_path) = twin(path) else {
            problems.push(Problem::file(path, "is neither of `en` nor of `ur`"));
            continue;
        };
        let Some(other) = tree.text(&other_path) else {
            problems.push(Problem::file(path, format!("has no twin `{other_path}`")));
            continue;
        };
        // A broken twin is reported under its own path.
        if let Ok(other) = Texts::parse(other) {
            problems.extend(
                texts
                    .not_in(&other, &other_path)
                    .into_iter()
                    .map(|it| Problem::file(path, it)),
            );
        }
    }
    problems
}

/// The path of the same texts in the other language.
fn twin(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split_inclusive(['/', '.']).collect();
    let part = parts
        .iter_mut()
        .rev()
        .find(|it| matches!(it.trim_end_matches(['/', '.']), "en" | "ur"))?;
    *part = match *part {
        "en/" => "ur/",
        "ur/" => "en/",
        "en." => "ur.",
        "ur." => "en.",
        _ => return None,
    };
    Some(parts.concat())
}

/// The variables of each message and attribute (`message.attribute`).
struct Texts(BTreeMap<String, BTreeSet<String>>);

impl Texts {
    fn parse(text: &str) -> Result<Self, String> {
        let resource = parser::parse(text).map_err(|(_, errors)| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            format!("is broken: {first}")
        })?;
        let mut texts = BTreeMap::new();
        for entry in &resource.body {
            let (id, value, attributes) = match entry {
                Entry::Message(it) => (it.id.name.to_owned(), it.value.as_ref(), &it.attributes),
                Entry::Term(it) => (format!("-{}", it.id.name), Some(&it.value), &it.attributes),
                _ => continue,
            };
            let named = attributes
                .iter()
                .map(|it| (format!("{id}.{}", it.id.name), Some(&it.value)));
            let own = std::iter::once((id.clone(), value));
            for (key, pattern) in own.chain(named) {
                let variables = pattern.map(variables).unwrap_or_default();
                if texts.insert(key.clone(), variables).is_some() {
                    return Err(format!("has `{key}` twice"));
                }
            }
        }
        Ok(Self(texts))
    }

    fn not_in(&self, other: &Self, other_path: &str) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, variables) in &self.0 {
            let Some(others) = other.0.get(key) else {
                problems.push(format!("has `{key}`, which `{other_path}` lacks"));
                continue;
            };
            for variable in variables.difference(others) {
                problems.push(format!(
                    "uses `${variable}` in `{key}`, which `{other_path}` does not"
                ));
            }
        }
        problems
    }
}

/// The variables of a pattern, those of nested ones included.
fn variables(pattern: &Pattern<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit::pattern(pattern, &mut found);
    found
}

mod visit {
    //! Walks the syntax tree of a message.

    use std::collections::BTreeSet;

    use fluent_syntax::ast::{
        CallArguments, Expression, InlineExpression, Pattern, PatternElement,
    };

    pub(super) fn pattern(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression: it } = element {
                expression(it, found);
            }
        }
    }

    fn expression(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            Expression::Select { selector, variants } => {
                inline(selector, found);
                for variant in variants {
                    pattern(&variant.value, found);
                }
            }
            Expression::Inline(it) => inline(it, found),
        }
    }

    fn inline(inline: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
        match inline {
            InlineExpression::VariableReference { id } => {
                found.insert(id.name.to_owned());
            }
            InlineExpression::FunctionReference { arguments: it, .. } => arguments(it, found),
            InlineExpression::TermReference {
                arguments: Some(it),
                ..
            } => arguments(it, found),
            InlineExpression::Placeable { expression: it } => expression(it, found),
            _ => {}
        }
    }

    fn arguments(arguments: &CallArguments<&str>, found: &mut BTreeSet<String>) {
        for positional in &arguments.positional {
            inline(positional, found);
        }
        for named in &arguments.named {
            inline(&named.value, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[track_caller]
    fn check_pair(en: &str, ur: &str, expected: &[&str]) {
        let tree = Tree::of(&[("texts/en/page.ftl", en), ("texts/ur/page.ftl", ur)]);
        assert_eq!(shown(&check(&tree)), expected);
    }

    #[test]
    fn texts_with_the_same_keys_pass() {
        let en = "title = Home\n    .label = Label\nsome = { $count ->\n    [one] one\n   *[other] { $count } of { NUMBER($total) }\n }\n";
        let ur = "some = { $count } { $total }\ntitle = گھر\n    .label = نام\n";
        check_pair(en, ur, &[]);
    }

    #[test]
    fn a_missing_message_or_attribute_is_found_on_both_sides() {
        check_pair(
            "title = Home\n    .label = Label\n",
            "title = گھر\nmore = اور\n",
            &[
                "texts/en/page.ftl: has `title.label`, which `texts/ur/page.ftl` lacks",
                "texts/ur/page.ftl: has `more`, which `texts/en/page.ftl` lacks",
            ],
        );
    }

    #[test]
    fn a_variable_of_one_language_only_is_found() {
        check_pair(
            "title = { $name } here\n",
            "title = { $nam }\n",
            &[
                "texts/en/page.ftl: uses `$name` in `title`, which `texts/ur/page.ftl` does not",
                "texts/ur/page.ftl: uses `$nam` in `title`, which `texts/en/page.ftl` does not",
            ],
        );
        let nested = "title = { NUMBER($count, minimumFractionDigits: 1) }\n";
        check_pair(
            nested,
            "title = x\n",
            &["texts/en/page.ftl: uses `$count` in `title`, which `texts/ur/page.ftl` does not"],
        );
    }

    #[test]
    fn a_file_without_twin_language_or_syntax_is_found() {
        let tree = Tree::of(&[
            ("a.en.ftl", "a = b\n"),
            ("b.ftl", "a = b\n"),
            ("de.ftl", "a = b\na = c\n"),
        ]);
        assert_eq!(
            shown(&check(&tree)),
            [
                "a.en.ftl: has no twin `a.ur.ftl`",
                "b.ftl: is neither of `en` nor of `ur`",
                "de.ftl: has `a` twice",
            ]
        );
        let problems = shown(&check(&Tree::of(&[
            ("en.ftl", "a = { \n"),
            ("ur.ftl", "a = b\n"),
        ])));
        assert!(
            problems[0].starts_with("en.ftl: is broken: "),
            "{problems:?}"
        );
    }
}

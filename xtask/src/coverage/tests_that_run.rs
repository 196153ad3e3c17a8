//! The tests of the workspace as the test runner finds them, so that no comment or dead code can pose as one.

use std::collections::BTreeSet;

use anyhow::Context;
use serde_json::Value;

use crate::workspace::{Workspace, output};

/// The names of all tests that the profile `ci` runs. Builds the test binaries that are not built.
pub(crate) fn list(workspace: &Workspace) -> anyhow::Result<BTreeSet<String>> {
    let arguments = [
        "nextest",
        "list",
        "--workspace",
        "--profile",
        "ci",
        "--message-format",
        "json",
    ];
    let text = output(&mut workspace.cargo(&arguments))
        .context("is nextest there? run `cargo xtask setup`")?;
    let listing: Value =
        serde_json::from_str(&text).context("`cargo nextest list` printed no JSON")?;
    Ok(names(&listing))
}

fn names(listing: &Value) -> BTreeSet<String> {
    let suites = listing.get("rust-suites").and_then(Value::as_object);
    suites
        .into_iter()
        .flat_map(|it| it.values())
        .flat_map(suite_names)
        .collect()
}

/// `package::path` for the tests in a library or program, `package::binary::path` for an integration binary.
fn suite_names(suite: &Value) -> Vec<String> {
    let part = |key: &str| suite.get(key).and_then(Value::as_str).unwrap_or_default();
    let prefix = match part("kind") {
        "test" => format!("{}::{}", part("package-name"), part("binary-name")),
        _ => part("package-name").to_owned(),
    };
    let cases = suite.get("testcases").and_then(Value::as_object);
    let cases = cases.into_iter().flatten().filter(|(_, case)| runs(case));
    cases.map(|(name, _)| format!("{prefix}::{name}")).collect()
}

fn runs(case: &Value) -> bool {
    let matches = case.pointer("/filter-match/status").and_then(Value::as_str) == Some("matches");
    matches && case.get("ignored").and_then(Value::as_bool) == Some(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_tests_that_run_are_listed() {
        let case = |ignored: bool, status: &str| json!({"kind": "test", "ignored": ignored, "filter-match": {"status": status}});
        let listing = json!({"rust-suites": {
            "model": {"package-name": "model", "binary-name": "model", "kind": "lib", "testcases": {
                "level::tests::runs": case(false, "matches"),
                "level::tests::is_ignored": case(true, "matches"),
                "level::tests::is_filtered": case(false, "mismatch"),
            }},
            "amanat::it": {"package-name": "amanat", "binary-name": "it", "kind": "test", "testcases": {
                "slow::demo": case(false, "matches"),
            }},
        }});
        let expected = ["amanat::it::slow::demo", "model::level::tests::runs"];
        assert_eq!(names(&listing), expected.map(str::to_owned).into());
    }

    #[test]
    fn a_listing_of_another_shape_has_no_tests() {
        assert_eq!(names(&json!([])), BTreeSet::new());
    }
}

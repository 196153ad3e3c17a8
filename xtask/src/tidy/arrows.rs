//! The crates depend on one another only as `xtask/arrows.txt` says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Problem, Tree};

/// The golden file.
const GOLDEN: &str = "xtask/arrows.txt";

/// Which crate may depend on which.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Compares the golden file of the tree with what `cargo metadata` says.
pub(crate) fn check(tree: &Tree, metadata: &Value) -> Vec<Problem> {
    let Some(golden) = tree.text(GOLDEN) else {
        return vec![Problem::file(GOLDEN, "is missing")];
    };
    match parse(golden) {
        Ok(allowed) => compare(&allowed, &real(metadata)),
        Err(problem) => vec![problem],
    }
}

fn parse(golden: &str) -> Result<Arrows, Problem> {
    let mut arrows = Arrows::new();
    for (number, line) in golden.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((from, to)) = line.split_once(':') else {
            return Err(Problem::line(
                GOLDEN,
                number,
                "is not `crate: crate crate …`",
            ));
        };
        let to = to.split_whitespace().map(str::to_owned).collect();
        if arrows.insert(from.trim().to_owned(), to).is_some() {
            return Err(Problem::line(
                GOLDEN,
                number,
                format!("names `{from}` a second time"),
            ));
        }
    }
    Ok(arrows)
}

/// The arrows that are there. What only tests use is no arrow; what only a target or a build script uses is one.
fn real(metadata: &Value) -> Arrows {
    let packages =
        || elements(metadata, "packages").filter(|it| it.get("source").is_some_and(Value::is_null));
    let members: BTreeSet<&str> = packages()
        .filter_map(|it| it.get("name")?.as_str())
        .collect();
    let mut arrows = Arrows::new();
    for package in packages() {
        let Some(name) = package.get("name").and_then(Value::as_str) else {
            continue;
        };
        let shipped = elements(package, "dependencies")
            .filter(|it| it.get("kind").and_then(Value::as_str) != Some("dev"))
            .filter_map(|it| it.get("name")?.as_str())
            .filter(|it| members.contains(it));
        arrows.insert(name.to_owned(), shipped.map(str::to_owned).collect());
    }
    arrows
}

fn elements<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn compare(allowed: &Arrows, real: &Arrows) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (from, arrows) in real {
        let Some(allowed) = allowed.get(from) else {
            problems.push(Problem::file(
                GOLDEN,
                format!("does not know the crate `{from}`: a new crate needs an ADR"),
            ));
            continue;
        };
        for to in arrows.difference(allowed) {
            let message = format!(
                "`{from}` depends on `{to}`, which {GOLDEN} does not allow: a new arrow needs an ADR"
            );
            problems.push(Problem::file(&format!("crate {from}"), message));
        }
    }
    let named = allowed
        .iter()
        .flat_map(|(from, to)| std::iter::once(from).chain(to));
    for gone in named
        .filter(|it| !real.contains_key(*it))
        .collect::<BTreeSet<_>>()
    {
        problems.push(Problem::file(
            GOLDEN,
            format!("names `{gone}`, which is no crate of the workspace"),
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::super::shown;
    use super::*;
    use crate::workspace::Workspace;

    fn metadata(web_uses: &Value) -> Value {
        json!({"packages": [
            {"name": "model", "source": null, "dependencies": [{"name": "serde", "kind": null}]},
            {"name": "policy", "source": null, "dependencies": []},
            {"name": "web", "source": null, "dependencies": web_uses},
            {"name": "serde", "source": "a registry", "dependencies": [{"name": "model", "kind": null}]},
        ]})
    }

    #[track_caller]
    fn check_arrows(golden: &str, web_uses: &Value, expected: &[&str]) {
        let tree = Tree::of(&[(GOLDEN, golden)]);
        assert_eq!(shown(&check(&tree, &metadata(web_uses))), expected);
    }

    #[test]
    fn allowed_arrows_pass_and_need_not_all_be_used() {
        let golden = "# comment\nmodel:\npolicy: model\n\nweb: model policy\n";
        check_arrows(golden, &json!([{"name": "model", "kind": null}]), &[]);
    }

    #[test]
    fn an_added_arrow_is_found() {
        let expected = [
            "crate web: `web` depends on `policy`, which xtask/arrows.txt does not allow: a new arrow needs an ADR",
        ];
        let golden = "model:\npolicy:\nweb: model\n";
        check_arrows(
            golden,
            &json!([{"name": "policy", "kind": null}]),
            &expected,
        );
        check_arrows(
            golden,
            &json!([{"name": "policy", "kind": "build"}]),
            &expected,
        );
        check_arrows(
            golden,
            &json!([{"name": "policy", "kind": null, "optional": true}]),
            &expected,
        );
    }

    #[test]
    fn what_only_tests_use_is_no_arrow() {
        check_arrows(
            "model:\npolicy:\nweb:\n",
            &json!([{"name": "policy", "kind": "dev"}]),
            &[],
        );
    }

    #[test]
    fn new_and_gone_crates_are_found() {
        let expected = [
            "xtask/arrows.txt: does not know the crate `web`: a new crate needs an ADR",
            "xtask/arrows.txt: names `attic`, which is no crate of the workspace",
        ];
        check_arrows("model:\npolicy: attic\n", &json!([]), &expected);
    }

    #[test]
    fn a_broken_golden_file_is_a_problem() {
        check_arrows(
            "model -> policy\n",
            &json!([]),
            &["xtask/arrows.txt:1: is not `crate: crate crate …`"],
        );
        check_arrows(
            "model:\nmodel:\n",
            &json!([]),
            &["xtask/arrows.txt:2: names `model` a second time"],
        );
        assert_eq!(
            shown(&check(&Tree::default(), &json!({}))),
            ["xtask/arrows.txt: is missing"]
        );
    }

    #[test]
    fn the_crates_of_this_workspace_keep_to_their_arrows() {
        let workspace =
            Workspace::at(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        let metadata = workspace.metadata(&["--no-deps"]).unwrap();
        assert!(real(&metadata).len() >= 12, "the workspace was read");
        let tree = Tree::of(&[(GOLDEN, include_str!("../../arrows.txt"))]);
        assert_eq!(shown(&check(&tree, &metadata)), Vec::<String>::new());
    }
}

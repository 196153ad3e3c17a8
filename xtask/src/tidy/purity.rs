//! The pure crates (`model`, `policy`, `record`, `deidentify`, `statistics`) have no runtime, socket or database below them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Problem;

/// The crates that compute and do nothing else.
pub(crate) const PURE: [&str; 5] = ["model", "policy", "record", "deidentify", "statistics"];

/// What has no place below a pure crate: runtimes, sockets, databases, clients.
const IMPURE: [&str; 20] = [
    "actix-rt",
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-std",
    "compio",
    "futures-executor",
    "glommio",
    "hyper",
    "mio",
    "monoio",
    "polling",
    "postgres",
    "reqwest",
    "rusqlite",
    "smol",
    "socket2",
    "tokio",
    "ureq",
    "wasm-bindgen-futures",
];

/// Walks the dependencies of each pure crate, those of tests left out.
pub(crate) fn check(metadata: &Value) -> Vec<Problem> {
    let graph = Graph::of(metadata);
    let mut problems = Vec::new();
    for name in PURE {
        let Some(path) = graph.path_to_impure(name) else {
            continue;
        };
        let message = format!("is pure, but reaches {}", path.join(" → "));
        problems.push(Problem::file(&format!("crate {name}"), message));
    }
    problems
}

/// The resolved dependencies, by package id.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    edges: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Value) -> Self {
        let packages = elements(metadata.get("packages"));
        let names =
            packages.filter_map(|it| Some((it.get("id")?.as_str()?, it.get("name")?.as_str()?)));
        let nodes = elements(metadata.pointer("/resolve/nodes"));
        let edges = nodes.filter_map(|it| Some((it.get("id")?.as_str()?, shipped(it))));
        Self {
            names: names.collect(),
            edges: edges.collect(),
        }
    }

    /// The way from the crate of this name to something impure, if there is one.
    fn path_to_impure(&self, name: &str) -> Option<Vec<&'a str>> {
        let (&start, _) = self
            .names
            .iter()
            .find(|(id, it)| **it == name && self.edges.contains_key(*id))?;
        let mut seen = BTreeSet::from([start]);
        let mut open = vec![vec![start]];
        while let Some(path) = open.pop() {
            let last = path.last()?;
            if self.names.get(last).is_some_and(|it| IMPURE.contains(it)) {
                return Some(
                    path.iter()
                        .filter_map(|it| self.names.get(it).copied())
                        .collect(),
                );
            }
            for &next in self.edges.get(last).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(path.iter().copied().chain([next]).collect());
                }
            }
        }
        None
    }
}

fn shipped(node: &Value) -> Vec<&str> {
    let is_shipped = |it: &&Value| {
        let mut kinds = elements(it.get("dep_kinds"));
        kinds.any(|it| it.get("kind").is_none_or(Value::is_null))
    };
    let shipped = elements(node.get("deps")).filter(is_shipped);
    shipped.filter_map(|it| it.get("pkg")?.as_str()).collect()
}

fn elements(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::shown;
    use super::*;

    fn metadata(kind: &Value) -> Value {
        json!({
            "packages": [
                {"id": "1", "name": "policy"},
                {"id": "2", "name": "innocent"},
                {"id": "3", "name": "tokio"},
            ],
            "resolve": {"nodes": [
                {"id": "1", "deps": [{"pkg": "2", "dep_kinds": [{"kind": null}]}]},
                {"id": "2", "deps": [{"pkg": "3", "dep_kinds": [{"kind": kind}]}]},
                {"id": "3", "deps": [{"pkg": "2", "dep_kinds": [{"kind": null}]}]},
            ]},
        })
    }

    #[test]
    fn a_runtime_below_a_pure_crate_is_found_with_its_path() {
        let expected = ["crate policy: is pure, but reaches policy → innocent → tokio"];
        assert_eq!(shown(&check(&metadata(&Value::Null))), expected);
    }

    #[test]
    fn what_only_tests_use_may_have_a_runtime() {
        assert_eq!(
            shown(&check(&metadata(&json!("dev")))),
            Vec::<String>::new()
        );
    }
}

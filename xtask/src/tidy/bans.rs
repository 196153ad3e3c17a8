//! A crate's own `clippy.toml` repeats the root's, and those of the pure crates ban I/O besides.
//!
//! Clippy reads the nearest file only: what a crate's file leaves out is no longer checked there.

use std::collections::BTreeSet;

use toml::Table;

use super::purity::PURE;
use super::{Problem, Tree};

const ROOT: &str = "clippy.toml";
/// The lists of bans: each entry has a path.
const LISTS: [&str; 3] = [
    "disallowed-methods",
    "disallowed-types",
    "disallowed-macros",
];
/// What every pure crate must ban.
const NO_EFFECTS: [&str; 9] = [
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::thread::spawn",
    "std::thread::scope",
    "std::env::vars",
    "std::env::args",
    "std::env::current_dir",
    "std::process::Command",
];
/// What the pure crates without `DirStore` must ban.
const NO_FILES: [&str; 6] = [
    "std::fs::File",
    "std::fs::OpenOptions",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::read_dir",
    "std::fs::write",
];
/// The pure crate that may write files, in one place.
const WITH_FILES: &str = "record";

/// Checks the `clippy.toml` of every crate that has one.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(root) = tree.text(ROOT).and_then(|it| it.parse::<Table>().ok()) else {
        return vec![Problem::file(ROOT, "is missing or no TOML")];
    };
    let mut problems = Vec::new();
    for name in PURE {
        let path = format!("crates/{name}/clippy.toml");
        if !tree.has(&path) {
            problems.push(Problem::file(
                &path,
                "is missing: a pure crate has its own bans",
            ));
        }
    }
    for (path, text) in tree.texts_ending(&["/clippy.toml"]) {
        let Ok(own) = text.parse::<Table>() else {
            problems.push(Problem::file(path, "is no TOML"));
            continue;
        };
        let missing = settings_missing(&root, &own).into_iter();
        let missing = missing
            .chain(bans_missing(&root, &own))
            .chain(effects_missing(path, &own));
        problems.extend(missing.map(|it| Problem::file(path, it)));
    }
    problems
}

/// Settings that are not lists of bans must be the same.
fn settings_missing(root: &Table, own: &Table) -> Vec<String> {
    let settings = root
        .iter()
        .filter(|(key, _)| !LISTS.contains(&key.as_str()));
    let differing = settings.filter(|(key, value)| own.get(*key) != Some(value));
    differing
        .map(|(key, value)| format!("does not repeat `{key} = {value}` of the root"))
        .collect()
}

fn bans_missing(root: &Table, own: &Table) -> Vec<String> {
    let own = banned(own);
    let missing = banned(root).into_iter().filter(|it| !own.contains(it));
    missing
        .map(|it| format!("does not repeat the root's ban of `{it}`"))
        .collect()
}

fn effects_missing(path: &str, own: &Table) -> Vec<String> {
    let Some(name) = PURE
        .iter()
        .find(|it| path == format!("crates/{it}/clippy.toml"))
    else {
        return Vec::new();
    };
    let own = banned(own);
    let files = if *name == WITH_FILES {
        &[]
    } else {
        NO_FILES.as_slice()
    };
    let missing = NO_EFFECTS
        .iter()
        .chain(files)
        .filter(|it| !own.contains(**it));
    missing
        .map(|it| format!("does not ban `{it}`, and `{name}` is pure"))
        .collect()
}

/// The banned paths, whatever list they are in.
fn banned(config: &Table) -> BTreeSet<&str> {
    let lists = LISTS.iter().filter_map(|it| config.get(*it)?.as_array());
    lists
        .flatten()
        .filter_map(|it| it.get("path").unwrap_or(it).as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    const REAL_ROOT: &str = include_str!("../../../clippy.toml");
    const MODEL: &str = include_str!("../../../crates/model/clippy.toml");
    const POLICY: &str = include_str!("../../../crates/policy/clippy.toml");
    const RECORD: &str = include_str!("../../../crates/record/clippy.toml");
    const DEIDENTIFY: &str = include_str!("../../../crates/deidentify/clippy.toml");
    const STATISTICS: &str = include_str!("../../../crates/statistics/clippy.toml");

    #[track_caller]
    fn check_model(root: &str, model: &str, expected: &[&str]) {
        let tree = Tree::of(&[
            (ROOT, root),
            ("crates/model/clippy.toml", model),
            ("crates/policy/clippy.toml", POLICY),
            ("crates/record/clippy.toml", RECORD),
            ("crates/deidentify/clippy.toml", DEIDENTIFY),
            ("crates/statistics/clippy.toml", STATISTICS),
        ]);
        assert_eq!(shown(&check(&tree)), expected);
    }

    #[test]
    fn the_bans_of_this_workspace_are_complete() {
        check_model(REAL_ROOT, MODEL, &[]);
    }

    #[test]
    fn a_setting_that_differs_is_found() {
        let model = MODEL.replace(
            "too-many-lines-threshold = 70",
            "too-many-lines-threshold = 700",
        );
        assert_ne!(model, MODEL);
        check_model(
            REAL_ROOT,
            &model,
            &[
                "crates/model/clippy.toml: does not repeat `too-many-lines-threshold = 70` of the root",
            ],
        );
    }

    #[test]
    fn a_ban_that_is_not_repeated_is_found() {
        let without = |path: &str| {
            let kept = MODEL
                .lines()
                .filter(|it| !it.contains(&format!("\"{path}\"")));
            kept.collect::<Vec<_>>().join("\n")
        };
        check_model(
            REAL_ROOT,
            &without("std::time::Instant::now"),
            &[
                "crates/model/clippy.toml: does not repeat the root's ban of `std::time::Instant::now`",
            ],
        );
        check_model(
            REAL_ROOT,
            &without("std::net::TcpStream"),
            &["crates/model/clippy.toml: does not ban `std::net::TcpStream`, and `model` is pure"],
        );
        check_model(
            REAL_ROOT,
            &without("std::fs::write"),
            &["crates/model/clippy.toml: does not ban `std::fs::write`, and `model` is pure"],
        );
    }

    #[test]
    fn a_pure_crate_needs_a_file_of_its_own() {
        let problems = check(&Tree::of(&[(ROOT, REAL_ROOT)]));
        assert_eq!(problems.len(), PURE.len());
        let expected = "crates/model/clippy.toml: is missing: a pure crate has its own bans";
        assert_eq!(shown(&problems)[0], expected);
        assert_eq!(
            shown(&check(&Tree::default())),
            ["clippy.toml: is missing or no TOML"]
        );
    }
}

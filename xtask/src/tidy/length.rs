//! A Rust file has at most 600 lines, or an entry with a reason in `xtask/long-files.txt`;
//! `ARCHITECTURE.md` has at most 200.

use std::collections::BTreeMap;

use super::{Problem, Tree};

/// The exceptions, one a line: `path: reason`.
const EXCEPTIONS: &str = "xtask/long-files.txt";
const FILE_LINES: usize = 600;
const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_LINES: usize = 200;

/// Checks every Rust file and the architecture page.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let (exceptions, mut problems) = exceptions(tree.text(EXCEPTIONS).unwrap_or_default());
    for (path, text) in tree.texts_ending(&[".rs"]) {
        let lines = text.lines().count();
        match (lines > FILE_LINES, exceptions.get(path)) {
            (true, None) => {
                let message = format!(
                    "has {lines} lines, over {FILE_LINES}: split it, or give {EXCEPTIONS} a reason"
                );
                problems.push(Problem::file(path, message));
            }
            (false, Some(line)) => {
                problems.push(Problem::line(
                    EXCEPTIONS,
                    *line,
                    format!("`{path}` is no longer long: drop the entry"),
                ));
            }
            _ => {}
        }
    }
    for (path, line) in exceptions.iter().filter(|(path, _)| !tree.has(path)) {
        problems.push(Problem::line(
            EXCEPTIONS,
            *line,
            format!("`{path}` is gone: drop the entry"),
        ));
    }
    problems.extend(architecture(tree));
    problems
}

/// The line of each entry, by path.
fn exceptions(text: &str) -> (BTreeMap<&str, usize>, Vec<Problem>) {
    let mut entries = BTreeMap::new();
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(':') {
            Some((path, reason)) if !reason.trim().is_empty() => {
                entries.insert(path.trim(), number);
            }
            _ => problems.push(Problem::line(EXCEPTIONS, number, "is not `path: reason`")),
        }
    }
    (entries, problems)
}

fn architecture(tree: &Tree) -> Option<Problem> {
    let Some(text) = tree.text(ARCHITECTURE) else {
        return Some(Problem::file(ARCHITECTURE, "is missing"));
    };
    let lines = text.lines().count();
    let message = || format!("has {lines} lines, over {ARCHITECTURE_LINES}");
    (lines > ARCHITECTURE_LINES).then(|| Problem::file(ARCHITECTURE, message()))
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[track_caller]
    fn check_lengths(lines: usize, entries: &str, expected: &[&str]) {
        let long = "//\n".repeat(lines);
        let tree = Tree::of(&[
            ("src/a.rs", &long),
            (EXCEPTIONS, entries),
            (ARCHITECTURE, "# A\n"),
        ]);
        assert_eq!(shown(&check(&tree)), expected);
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        check_lengths(600, "", &[]);
        check_lengths(
            601,
            "",
            &["src/a.rs: has 601 lines, over 600: split it, or give xtask/long-files.txt a reason"],
        );
        check_lengths(601, "# why\nsrc/a.rs: one self-contained table\n", &[]);
    }

    #[test]
    fn entries_without_reason_or_use_are_found() {
        check_lengths(
            601,
            "src/a.rs:\n",
            &[
                "xtask/long-files.txt:1: is not `path: reason`",
                "src/a.rs: has 601 lines, over 600: split it, or give xtask/long-files.txt a reason",
            ],
        );
        check_lengths(
            10,
            "src/a.rs: long\n",
            &["xtask/long-files.txt:1: `src/a.rs` is no longer long: drop the entry"],
        );
        check_lengths(
            10,
            "src/b.rs: long\n",
            &["xtask/long-files.txt:1: `src/b.rs` is gone: drop the entry"],
        );
    }

    #[test]
    fn the_architecture_page_is_there_and_short() {
        assert_eq!(
            shown(&check(&Tree::default())),
            ["ARCHITECTURE.md: is missing"]
        );
        let tree = Tree::of(&[(ARCHITECTURE, &"-\n".repeat(201))]);
        assert_eq!(
            shown(&check(&tree)),
            ["ARCHITECTURE.md: has 201 lines, over 200"]
        );
    }
}

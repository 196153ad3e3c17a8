//! Words that must not be in the repository: unfinished work without an issue, tests that do not run,
//! paths of somebody's machine, hosts of package registries.
//!
//! The words are written in two halves here, so that this file keeps its own rule.

use super::{Problem, Tree};

/// Where unfinished work would be marked.
const CODE: [&str; 9] = [
    ".rs", ".toml", ".sql", ".html", ".css", ".ftl", ".js", ".sh", ".ci/run",
];
/// Marks of unfinished work; with the number of an issue in brackets the first is allowed.
const LATER: &str = concat!("TO", "DO");
const FIX: &str = concat!("FIX", "ME");
/// What Rust code must not say, and what to do instead.
const RUST: [(&str, &str); 4] = [
    (
        concat!("#[ign", "ore"),
        "a test that does not run: assert today's behaviour with a note",
    ),
    (concat!("#[should", "_panic"), "match on the error instead"),
    (concat!("unimpl", "emented!"), "finish it, or leave it out"),
    (concat!("to", "do!("), "finish it, or leave it out"),
];
/// Starts of absolute paths that exist on one machine only.
const MACHINE: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp", "/w/"),
];
const HOSTS: [&str; 7] = [
    concat!("registry.np", "mjs.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("crates", ".io"),
    concat!("py", "pi.org"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.go", "lang.org"),
    concat!("deb.deb", "ian.org"),
];
/// Written by cargo, which names its registry in it.
const LOCK: &str = "Cargo.lock";

/// Whether it is the lock of our workspace or of one beside it.
fn is_lock(path: &str) -> bool {
    path.rsplit('/').next() == Some(LOCK)
}

/// Checks every line of every text file.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| !is_lock(path)) {
        let is_rust = path.ends_with(".rs");
        let is_code = CODE.iter().any(|it| path.ends_with(it));
        for (number, line) in text.lines().enumerate() {
            let mut found = anywhere(line);
            if is_code {
                found.extend(unfinished(line));
            }
            if is_rust {
                found.extend(
                    RUST.iter()
                        .filter(|(it, _)| line.contains(it))
                        .map(|(it, why)| format!("`{it}`: {why}")),
                );
            }
            problems.extend(found.into_iter().map(|it| Problem::line(path, number, it)));
        }
    }
    problems
}

fn anywhere(line: &str) -> Vec<String> {
    let paths = MACHINE.iter().filter(|it| has_path(line, it));
    let paths = paths.map(|it| format!("`{it}` is a path of one machine"));
    let hosts = HOSTS.iter().filter(|it| line.contains(*it));
    let hosts =
        hosts.map(|it| format!("`{it}` is a package registry: leave it to the package manager"));
    paths.chain(hosts).collect()
}

/// Whether the line names this path from the root of the file system, and not as a part of another.
fn has_path(line: &str, path: &str) -> bool {
    let starts = |(at, _): (usize, &str)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        before.is_none_or(|it| !it.is_alphanumeric() && !"._-~/}*".contains(it))
    };
    line.match_indices(path).any(starts)
}

fn unfinished(line: &str) -> Option<String> {
    let later = words(line, LATER).any(|rest| !names_an_issue(rest));
    let fix = words(line, FIX).next().is_some();
    (later || fix)
        .then(|| format!("unfinished work without an issue: finish it, or write {LATER}(#number)"))
}

/// What follows each occurrence of `word` that is a word of its own.
fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    line.match_indices(word).filter_map(move |(at, _)| {
        let before = line.get(..at)?.chars().next_back();
        let rest = line.get(at + word.len()..)?;
        let is_whole = !before.is_some_and(is_part) && !rest.starts_with(is_part);
        is_whole.then_some(rest)
    })
}

/// Whether `rest` starts with a number like `(#12)`.
fn names_an_issue(rest: &str) -> bool {
    let number = rest.strip_prefix("(#").and_then(|it| it.split_once(')'));
    number.is_some_and(|(it, _)| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[track_caller]
    fn check_line(path: &str, line: &str, expected: usize) {
        let problems = check(&Tree::of(&[(path, line)]));
        assert_eq!(problems.len(), expected, "{line}: {:?}", shown(&problems));
    }

    #[test]
    fn unfinished_work_needs_an_issue() {
        check_line("a.rs", &format!("// {LATER}: later"), 1);
        check_line("a.sql", &format!("-- {LATER}() later"), 1);
        check_line("a.rs", &format!("// {LATER}(#x) later"), 1);
        check_line("a.rs", &format!("// {FIX}(#12)"), 1);
        check_line("a.rs", &format!("// {LATER}(#12) later"), 0);
        check_line("a.rs", &format!("let {LATER}S = MAS{LATER};"), 0);
        check_line("a.md", &format!("No bare {LATER}."), 0);
    }

    #[test]
    fn tests_that_do_not_run_are_found() {
        for (word, _) in RUST {
            check_line("a.rs", &format!("    {word}]"), 1);
            check_line("a.md", &format!("    {word}]"), 0);
        }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for path in MACHINE {
            check_line("a.md", &format!("see {path}file"), 1);
            check_line("a.json", &format!("\"{path}file\""), 1);
            check_line("a.md", &format!("see https://example.org{path}file"), 0);
        }
    }

    #[test]
    fn registries_are_found_outside_of_the_lock() {
        for host in HOSTS {
            check_line("a.json", &format!("\"resolved\": \"https://{host}/x\""), 1);
            check_line(LOCK, &format!("source = \"https://{host}/x\""), 0);
        }
    }

    #[test]
    fn a_problem_names_its_line() {
        let text = format!("fine\n// {LATER}\n");
        let problems = shown(&check(&Tree::of(&[("a.rs", &text)])));
        assert!(
            problems[0].starts_with("a.rs:2: unfinished work"),
            "{problems:?}"
        );
    }
}

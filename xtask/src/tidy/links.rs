//! A link from one page of the repository to a file in it leads somewhere.

use super::{Problem, Tree};

/// Checks the links of every Markdown page.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.texts_ending(&[".md"]) {
        for (number, target) in targets(text) {
            match resolve(path, target) {
                Some(file) if tree.has(&file) => {}
                _ => problems.push(Problem::line(
                    path,
                    number,
                    format!("links to `{target}`, which is not there"),
                )),
            }
        }
    }
    problems
}

/// The targets inside of the repository, each with its line; code is left out.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut targets = Vec::new();
    let mut fence: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|it| start.starts_with(it));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => targets.extend(of_line(line).into_iter().map(|it| (number, it))),
            _ => {}
        }
    }
    targets
}

fn of_line(line: &str) -> Vec<&str> {
    // Every second part lies between backticks.
    let prose = line.split('`').step_by(2);
    let inline = prose
        .flat_map(|it| it.split("](").skip(1))
        .filter_map(|it| it.split([')', ' ']).next());
    let defined = line.strip_prefix('[').and_then(|it| it.split_once("]: "));
    let defined = defined.and_then(|(_, it)| it.split_whitespace().next());
    inline.chain(defined).filter_map(inside).collect()
}

/// The path of a target in the repository; `None` for other sites and for places on the same page.
fn inside(target: &str) -> Option<&str> {
    let target = target.trim_start_matches('<').trim_end_matches('>');
    let path = target.split(['#', '?']).next().unwrap_or_default();
    (!path.is_empty() && !path.contains(':')).then_some(path)
}

/// The path from the root; `None` when it leaves the repository.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[track_caller]
    fn check_page(text: &str, expected: &[&str]) {
        let tree = Tree::of(&[
            ("docs/page.md", text),
            ("docs/adr/0001-a.md", ""),
            ("README.md", ""),
        ]);
        assert_eq!(shown(&check(&tree)), expected);
    }

    #[test]
    fn links_to_files_and_folders_pass() {
        check_page(
            "[a](adr/0001-a.md#why) [b](adr) [c](../README.md) [d](/README.md \"title\") [e](./adr/)",
            &[],
        );
        check_page("[a]: adr/0001-a.md\n", &[]);
    }

    #[test]
    fn a_broken_link_is_found_with_its_line() {
        check_page(
            "fine\n[a](adr/0002-b.md)",
            &["docs/page.md:2: links to `adr/0002-b.md`, which is not there"],
        );
        check_page(
            "[a]: ../LICENCE",
            &["docs/page.md:1: links to `../LICENCE`, which is not there"],
        );
        check_page(
            "![a](<adr/x.png>)",
            &["docs/page.md:1: links to `adr/x.png`, which is not there"],
        );
        check_page(
            "[a](../../outside)",
            &["docs/page.md:1: links to `../../outside`, which is not there"],
        );
    }

    #[test]
    fn other_sites_same_page_and_code_are_left_alone() {
        check_page(
            "[a](https://example.org/x) [b](#part) [c](mailto:someone@example.org) `[d](gone)`",
            &[],
        );
        check_page("```\n[a](gone)\n```\n", &[]);
    }
}

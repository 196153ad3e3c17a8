//! `cargo xtask tidy`: the rules of the repository that no compiler knows.
//!
//! Each rule is a pure function from the files (or from what `cargo metadata` says) to problems;
//! all rules run, and all problems are shown.

mod arrows;
mod bans;
mod fluent;
mod length;
mod links;
mod purity;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;

use crate::ui;
use crate::workspace::{Workspace, output};

/// The files of the repository: those tracked by git and those not yet added, by path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// The tree of the workspace on disk.
    fn read(workspace: &Workspace) -> anyhow::Result<Self> {
        let arguments = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let listing = output(workspace.command("git").args(arguments))?;
        let mut tree = Self::default();
        for path in listing.split('\0').filter(|it| !it.is_empty()) {
            // A file may be deleted and the deletion not committed yet.
            if let Ok(bytes) = std::fs::read(workspace.root().join(path)) {
                tree.files.insert(path.to_owned(), text(bytes));
            }
        }
        Ok(tree)
    }

    /// A tree for tests.
    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Self {
            files: files.iter().map(file).collect(),
        }
    }

    /// The text files.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The text files whose name ends with one of these.
    fn texts_ending(&self, endings: &[&str]) -> impl Iterator<Item = (&str, &str)> {
        self.texts()
            .filter(|(path, _)| endings.iter().any(|it| path.ends_with(it)))
    }

    /// The text of one file.
    fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether there is a file or a folder of this path.
    fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(it, _)| it.starts_with(&folder))
    }
}

fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes)
        .ok()
        .filter(|it| !it.contains('\0'))
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file, and the line where there is one.
    place: String,
    /// What is wrong and what to do.
    message: String,
}

impl Problem {
    /// A problem of a file as a whole.
    fn file(path: &str, message: impl Into<String>) -> Self {
        Self {
            place: path.to_owned(),
            message: message.into(),
        }
    }

    /// A problem on a line, counted from zero.
    fn line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            place: format!("{path}:{}", line + 1),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Checks every rule.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let tree = Tree::read(workspace)?;
    let metadata = workspace.metadata(&["--locked"])?;
    let mut problems = Vec::new();
    problems.extend(arrows::check(&tree, &metadata));
    problems.extend(purity::check(&metadata));
    problems.extend(bans::check(&tree));
    problems.extend(words::check(&tree));
    problems.extend(length::check(&tree));
    problems.extend(fluent::check(&tree));
    problems.extend(links::check(&tree));
    for problem in &problems {
        ui::note(&problem.to_string());
    }
    if !problems.is_empty() {
        bail!("tidy: {} problems", problems.len());
    }
    ui::note(&format!("tidy: {} files, no problems", tree.files.len()));
    Ok(())
}

/// The problems as text, for tests.
#[cfg(test)]
fn shown(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_when_a_file_is_in_it() {
        let tree = Tree::of(&[("docs/adr/0001-one.md", ""), ("docs-old", "")]);
        assert!(tree.has("docs/adr"));
        assert!(tree.has("docs"));
        assert!(!tree.has("docs/ad"));
        assert!(!tree.has("doc"));
    }

    #[test]
    fn bytes_that_are_no_text_are_left_out() {
        assert_eq!(text(vec![0xff, 0xfe]), None);
        assert_eq!(text(vec![b'a', 0]), None);
        assert_eq!(text(b"a".to_vec()).as_deref(), Some("a"));
    }
}

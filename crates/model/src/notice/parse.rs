//! From a notice file (TOML or JSON) to a [`Notice`]: all problems at once, with line, reason and remedy.
//!
//! In three steps: `from_toml` or `from_json` make a tree whose nodes know where they stand; `conform` checks it against the
//! table of shapes; `build` reads what has the right shape and checks what it means. Only a file that is not well-formed stops
//! at the first problem. What was published once is read by `published`, which cuts out what today's rules do not understand.

use std::fmt;

use super::{MAX_NOTICE_BYTES, Notice, PublishedNotice, shape};

mod build;
mod commands;
mod conform;
mod fields;
mod from_json;
mod from_toml;
mod names;
mod places;
mod published;
mod reader;
mod switches;
mod tree;

use reader::Reader;

/// At most so many problems are listed.
pub(super) const MAX_PROBLEMS: usize = 1_000;

/// One thing that is wrong with a notice file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}\n  {}", self.line, self.reason, self.remedy)
    }
}

/// A notice file has problems.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the notice has {} problem(s)", problems.len())]
pub struct NoticeError {
    /// Every problem found, by line.
    pub problems: Vec<Problem>,
}

pub(super) fn parse(text: &str) -> Result<Notice, NoticeError> {
    let mut reader = Reader::new(text);
    if text.len() > MAX_NOTICE_BYTES {
        let reason = format!("the file has {} bytes", text.len());
        reader.problem(0, reason, "keep a notice under 256 KiB");
        return reader.finish(None);
    }
    let root = match read_tree(text) {
        Ok(root) => root,
        Err(err) => {
            reader.problem(err.at, err.reason, "correct the line and check again");
            return reader.finish(None);
        }
    };
    conform::table(&mut reader, &root, &shape::NOTICE);
    let notice = build::notice(&mut reader, &root);
    reader.finish(notice)
}

/// Reads what was accepted once; see `published`.
pub(super) fn parse_published(text: &str) -> Result<PublishedNotice, NoticeError> {
    published::read(text)
}

fn read_tree(text: &str) -> Result<tree::Node, tree::Malformed> {
    if text.trim_start().starts_with('{') {
        from_json::read(text)
    } else {
        from_toml::read(text)
    }
}

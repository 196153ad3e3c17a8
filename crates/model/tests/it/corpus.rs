//! Every notice under `corpus/notice/valid` is read and reads back as written; every one under `corpus/notice/invalid` has
//! exactly the problems that stand beside it.

use std::fs;
use std::path::{Path, PathBuf};

use model::Notice;

/// A corpus that is not found must not pass.
const FEWEST: [(&str, usize); 2] = [("valid", 5), ("invalid", 20)];

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its tests read files"
)]
pub(crate) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its tests read files"
)]
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpus/notice")
        .join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    paths
}

/// The notices of a folder, by file name.
pub(crate) fn notices(folder: &str) -> Vec<(String, String)> {
    let is_notice = |it: &PathBuf| {
        it.extension()
            .is_some_and(|it| it == "toml" || it == "json")
    };
    let found: Vec<_> = files(folder)
        .into_iter()
        .filter(is_notice)
        .map(|it| {
            let name = it.file_name().unwrap().to_string_lossy().into_owned();
            let text = read(&format!("corpus/notice/{folder}/{name}"));
            (name, text)
        })
        .collect();
    let fewest = FEWEST.iter().find(|it| it.0 == folder).unwrap().1;
    assert!(found.len() >= fewest, "{folder} holds {}", found.len());
    found
}

#[test]
fn every_valid_notice_is_read_and_reads_back_as_written() {
    for (name, text) in notices("valid") {
        let notice =
            Notice::parse(&text).unwrap_or_else(|err| panic!("{name}: {:#?}", err.problems));
        for written in [notice.to_toml(), notice.to_json()] {
            let again = Notice::parse(&written);
            let again =
                again.unwrap_or_else(|err| panic!("{name}: {:#?}\n{written}", err.problems));
            assert_eq!(again, notice, "{name}\n{written}");
        }
    }
}

#[test]
fn every_invalid_notice_has_exactly_the_problems_that_are_expected() {
    let mut differing = Vec::new();
    for (name, text) in notices("invalid") {
        let problems = match Notice::parse(&text) {
            Ok(_) => Vec::new(),
            Err(err) => err.problems,
        };
        let lines = problems.iter().map(|it| {
            format!(
                "{}:{}: {}\n  {}\n",
                it.line, it.column, it.reason, it.remedy
            )
        });
        let found: String = lines.collect();
        let stem = name.rsplit_once('.').unwrap().0;
        let expected = read(&format!("corpus/notice/invalid/{stem}.expected"));
        assert!(!expected.is_empty(), "{name}: expects nothing");
        if found != expected {
            differing.push(format!("{name}:\n{found}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

//! Every case under `corpus/policy` holds, and would not hold if it expected anything else.

use std::fs;
use std::path::{Path, PathBuf};

use policy::case::{
    CASE_FILE, Case, CaseError, NOTICE_FILE, NOTICES_DIRECTORY, run, shared_notice,
};

/// How many cases there are at least: a corpus that is not found must not pass.
const FEWEST_CASES: usize = 150;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/policy")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its test reads the corpus"
)]
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its test reads the corpus"
)]
fn directories() -> Vec<PathBuf> {
    let entries = fs::read_dir(corpus()).unwrap();
    let paths = entries.map(|it| it.unwrap().path());
    let mut cases: Vec<_> = paths.filter(|it| it.join(CASE_FILE).is_file()).collect();
    cases.sort();
    cases
}

fn case(path: &Path) -> Result<Case, CaseError> {
    let text = read(&path.join(CASE_FILE));
    let Some(shared) = shared_notice(&text)? else {
        return Case::parse(&read(&path.join(NOTICE_FILE)), &text);
    };
    let notice = corpus().join(NOTICES_DIRECTORY).join(shared.file());
    Case::parse(&read(&notice), &text)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_case_of_the_corpus_holds() {
    let directories = directories();
    let mut problems = String::new();
    for path in &directories {
        match case(path) {
            Err(err) => {
                let source = std::error::Error::source(&err);
                problems += &format!("{}: {err} {source:?}\n", name(path));
            }
            Ok(case) => {
                for difference in run(&case) {
                    problems += &format!("{}: {difference}\n", name(path));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(
        directories.len() >= FEWEST_CASES,
        "only {} cases found",
        directories.len()
    );
}

#[test]
fn every_case_shows_a_rule_of_its_own() {
    let mut rules = std::collections::BTreeMap::new();
    for path in directories() {
        let case = case(&path).unwrap();
        let about = case.about().to_owned();
        assert!(about.ends_with('.'), "{}: {about}", name(&path));
        if let Some(other) = rules.insert(about, name(&path)) {
            panic!("{} and {other} have the same rule", name(&path));
        }
    }
}

/// The corpus has teeth: whatever a case expects, it fails when it expects something else.
#[test]
fn a_case_that_expects_anything_else_does_not_hold() {
    let mut flipped = 0;
    for path in directories() {
        let places: Vec<String> = case(&path)
            .unwrap()
            .expected()
            .map(|it| it.0.to_owned())
            .collect();
        for place in places {
            let mut mutant = case(&path).unwrap();
            mutant.expect_at(&place, |it| flip(&place, it));
            let differences = run(&mutant);
            let found: Vec<_> = differences.iter().map(|it| it.place.as_str()).collect();
            assert_eq!(found, [place.as_str()], "{}", name(&path));
            flipped += 1;
        }
    }
    assert!(flipped >= 3 * FEWEST_CASES, "only {flipped} expectations");
}

/// A level that is expected becomes another one; any other text gets one letter more.
fn flip(place: &str, expected: &str) -> String {
    let (level, rest) = expected.split_once(" by ").unwrap_or((expected, ""));
    match level {
        _ if !place.contains("why ") => format!("{expected}!"),
        "off" => format!("on by {rest}"),
        _ => format!("off by {rest}"),
    }
}

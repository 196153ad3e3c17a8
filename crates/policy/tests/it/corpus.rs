//! Every case under `corpus/policy` holds.

use std::fs;
use std::path::Path;

use policy::case::{CASE_FILE, Case, NOTICE_FILE, run};

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its test reads the corpus"
)]
#[test]
fn every_case_of_the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/policy");
    let mut cases = 0;
    let mut problems = String::new();
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = |file: &str| fs::read_to_string(path.join(file)).unwrap();
        cases += 1;
        match Case::parse(&text(NOTICE_FILE), &text(CASE_FILE)) {
            Err(err) => {
                problems += &format!("{name}: {err} {:?}\n", std::error::Error::source(&err))
            }
            Ok(case) => {
                for difference in run(&case) {
                    problems += &format!("{name}: {difference}\n");
                }
            }
        }
    }
    assert!(cases >= 35, "only {cases} cases found");
    assert!(problems.is_empty(), "{problems}");
}

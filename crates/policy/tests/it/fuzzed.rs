//! Every input under `corpus/fuzz` goes through its target without a panic: what a fuzzer found once stays found.

use std::fs;
use std::path::Path;

use crate::targets::TARGETS;

/// The targets of other crates.
const ELSEWHERE: [&str; 8] = [
    "adapters", "backup", "blocks", "coap", "export", "mqtt", "request", "upgrade",
];

#[expect(
    clippy::disallowed_methods,
    reason = "the crate is pure; its test reads the corpus"
)]
#[test]
fn every_kept_input_still_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/fuzz");
    for (name, target) in TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| target(&input));
            assert!(held.is_ok(), "{} does not hold", path.display());
            inputs += 1;
        }
        assert!(inputs >= 5, "only {inputs} inputs for `{name}`");
    }
}

#[test]
fn the_fuzz_targets_are_those_of_the_table() {
    let manifest = include_str!("../../../../fuzz/Cargo.toml");
    let mut named: Vec<_> = manifest
        .lines()
        .filter_map(|it| it.strip_prefix("path = \"targets/")?.strip_suffix(".rs\""))
        // Those of other crates have their own tables and their own tests.
        .filter(|it| !ELSEWHERE.contains(it))
        .collect();
    let mut table: Vec<_> = TARGETS.iter().map(|it| it.0).collect();
    named.sort_unstable();
    table.sort_unstable();
    assert_eq!(named, table);
}

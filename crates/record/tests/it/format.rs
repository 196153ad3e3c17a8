//! The bytes of a small log, which no change may alter.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use record::{LogPath, MemoryStore};

use crate::support::{append, verifier};

#[test]
fn files_of_a_small_log_are_stable() {
    let mut store = MemoryStore::default();
    append(&mut store, &[b"a".to_vec(), b"".to_vec(), b"bc".to_vec()]);
    let mut files = format!("{}\n", verifier());
    for (path, bytes) in &store.files {
        let shown = if path == "checkpoint" {
            String::from_utf8(bytes.clone()).unwrap()
        } else {
            HEXLOWER.encode(bytes)
        };
        writeln!(files, "== {path}\n{shown}").unwrap();
    }
    assert_eq!(files, include_str!("small_log.txt"));
}

#[test]
fn every_file_of_a_log_has_a_log_path() {
    for path in crate::support::log(&[20, 300]).files.keys() {
        assert!(LogPath::parse(path).is_some(), "{path}");
    }
}

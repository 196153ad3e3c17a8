//! See `crates/backup/src/any_bytes.rs`.

#![no_main]
#![allow(dead_code, reason = "backup uses the rest")]

#[path = "../../crates/backup/src/any_bytes.rs"]
mod any_bytes;
#[path = "../../crates/backup/src/erasures.rs"]
mod erasures;
#[path = "../../crates/backup/src/files.rs"]
mod files;
#[path = "../../crates/backup/src/key.rs"]
mod key;
#[path = "../../crates/backup/src/manifest.rs"]
mod manifest;
#[path = "../../crates/backup/src/repository.rs"]
mod repository;
#[path = "../../crates/backup/src/rows.rs"]
mod rows;
#[path = "../../crates/backup/src/seal.rs"]
mod seal;

libfuzzer_sys::fuzz_target!(|input: &[u8]| any_bytes::backup(input));

//! See `crates/custody/tests/it/any_export.rs`.

#![no_main]

#[path = "../../crates/custody/tests/it/any_export.rs"]
mod any_export;

libfuzzer_sys::fuzz_target!(|input: &[u8]| any_export::export(input));

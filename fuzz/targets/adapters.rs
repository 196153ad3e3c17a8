//! See `adapters` in `crates/adapters/tests/it/targets.rs`.

#![no_main]

#[path = "../../crates/adapters/tests/it/targets.rs"]
#[allow(dead_code, reason = "the property tests use the rest")]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::adapters(input));

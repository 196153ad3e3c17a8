//! See `stored` in the table of targets.

#![no_main]

#[path = "../../crates/policy/tests/it/targets.rs"]
#[allow(dead_code, reason = "each fuzz binary runs one target of the table")]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::stored(input));

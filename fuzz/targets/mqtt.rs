//! See `crates/gateway/src/mqtt/any_bytes.rs`.

#![no_main]

#[path = "../../crates/gateway/src/counters.rs"]
#[allow(dead_code, reason = "the parsers name what they refuse, and nobody counts here")]
mod counters;
#[path = "../../crates/gateway/src/mqtt/parsers.rs"]
#[allow(dead_code, reason = "the gateway uses the rest")]
mod mqtt;

pub(crate) use counters::Counter;

libfuzzer_sys::fuzz_target!(|input: &[u8]| mqtt::any_bytes::mqtt(input));

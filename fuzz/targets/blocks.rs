//! See `crates/gateway/src/coap/any_pieces.rs`.

#![no_main]

#[path = "../parts/coap.rs"]
#[allow(dead_code, reason = "the gateway uses the rest")]
mod coap;
#[path = "../../crates/gateway/src/counters.rs"]
#[allow(dead_code, reason = "the parsers name what they refuse, and nobody counts here")]
mod counters;

pub(crate) use counters::Counter;

libfuzzer_sys::fuzz_target!(|input: &[u8]| coap::any_pieces::blocks(input));

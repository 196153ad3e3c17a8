//! See `crates/gateway/src/coap/any_bytes.rs`.

#![no_main]

#[path = "../parts/coap.rs"]
#[allow(dead_code, reason = "the gateway uses the rest")]
mod coap;

libfuzzer_sys::fuzz_target!(|input: &[u8]| coap::any_bytes::coap(input));

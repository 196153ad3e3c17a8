//! See `crates/custody/src/certificate/any_request.rs`.

#![no_main]

#[path = "../../crates/custody/src/certificate/any_request.rs"]
mod any_request;
#[path = "../../crates/custody/src/certificate/x509.rs"]
#[allow(dead_code, reason = "custody uses the rest")]
mod x509;

libfuzzer_sys::fuzz_target!(|input: &[u8]| any_request::request(input));

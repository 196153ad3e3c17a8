//! See `crates/gateway/src/mqtt/connection/websocket/any_bytes.rs`.

#![no_main]

#[path = "../../crates/gateway/src/mqtt/connection/websocket/any_bytes.rs"]
mod any_bytes;
#[path = "../../crates/gateway/src/mqtt/connection/websocket/head.rs"]
#[allow(dead_code, reason = "the gateway uses the rest")]
mod head;

libfuzzer_sys::fuzz_target!(|input: &[u8]| any_bytes::upgrade(input));

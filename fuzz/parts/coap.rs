//! The parser of CoAP, by itself.

#[path = "../../crates/gateway/src/coap/any_bytes.rs"]
pub(crate) mod any_bytes;
#[path = "../../crates/gateway/src/coap/message.rs"]
mod message;

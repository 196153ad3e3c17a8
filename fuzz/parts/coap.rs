//! The parsers of CoAP, by themselves.

#[path = "../../crates/gateway/src/coap/any_bytes.rs"]
pub(crate) mod any_bytes;
#[path = "../../crates/gateway/src/coap/any_pieces.rs"]
pub(crate) mod any_pieces;
#[path = "../../crates/gateway/src/coap/block.rs"]
mod block;
#[path = "../../crates/gateway/src/coap/message.rs"]
mod message;

//! The parsers by themselves, for `fuzz/targets/mqtt.rs`: no module of this crate.

pub(crate) mod any_bytes;
pub(crate) mod decode;
pub(crate) mod fault;
pub(crate) mod frame;

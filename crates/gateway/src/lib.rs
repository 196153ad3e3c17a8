//! Protocols for things and recipients: MQTT and HTTP. Sockets, sessions, topics, and nothing else.
//!
//! Owns listeners, the MQTT session machine, HTTP ingest, their limits and their counters.
//! Must not know what a payload means, who may see it, or how it is kept: it asks `custody`.
//!
//! Start reading at `mqtt`, whose tables say what every input leads to, then `mqtt::session`.

#[cfg(test)]
mod any_bytes;
mod clock;
mod coap;
pub mod codecs;
mod counters;
pub mod courier;
mod decoding;
mod guard;
mod handover;
pub mod http;
mod identity;
mod limits;
mod listener;
#[doc(hidden)]
pub mod measure;
mod mqtt;
mod outcome;
mod provisioning;
mod rate;
mod refusal;
mod said;
mod serve;
mod ways;

pub use crate::coap::{CoapBindError, CoapListener, CoapOptions, serve_coap};
pub use clock::{Clock, Moment};
pub use counters::{Counter, Counters};
pub use guard::{Guard, network};
pub use handover::{Flushed, Gated, Handover};
pub use identity::{Arrival, ClientCertificates, PeerIdentity};
pub use limits::Limits;
pub use listener::{BindError, Listener, PlainReach, is_private};
pub use serve::{ServeOptions, serve};

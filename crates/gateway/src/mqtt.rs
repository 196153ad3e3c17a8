//! MQTT 3.1.1 and 5.0, QoS 0 and 1 in both directions. The topics are in [`topic`].
//!
//! # What happens to bad input
//!
//! Each line is counted once, in the counter named; nothing else changes, and nothing of a refused
//! message is kept. "closed" is a closed connection without a word, which is all MQTT 3.1.1 has
//! after CONNECT. A message that is refused is never acknowledged as kept.
//!
//! | input | MQTT 5.0 | MQTT 3.1.1 | counter |
//! |---|---|---|---|
//! | first packet is no CONNECT, other protocol name | closed | closed | `not_mqtt` |
//! | unknown version | CONNACK 0x84 | CONNACK 1 | `not_mqtt` |
//! | no whole CONNECT in time | closed | closed | `connect_timeouts` |
//! | CONNECT above its limit | closed | closed | `oversized_packets` |
//! | wrong or no user name or password | CONNACK 0x86 | CONNACK 4 | `bad_credentials` |
//! | client identifier too long, or empty without clean session | CONNACK 0x85 | CONNACK 2 | `client_ids_rejected` |
//! | authentication method; will with QoS 2; retained will | CONNACK 0x8C; 0x9B; 0x9A | taken | `connect_unsupported` |
//! | a recipient's will | CONNACK 0x87 | CONNACK 5 | `publishes_not_allowed` |
//! | malformed CONNECT | CONNACK 0x81 or 0x82 | closed | `malformed_packets`, `protocol_errors` |
//! | malformed packet | DISCONNECT 0x81 | closed | `malformed_packets` |
//! | second CONNECT, server's packets, QoS 2 handshake, AUTH, unset topic alias | DISCONNECT 0x82 | closed | `protocol_errors` |
//! | packet above the limit | DISCONNECT 0x95 | closed | `oversized_packets` |
//! | more unacknowledged publishes than the receive maximum | DISCONNECT 0x93 | not read any further | `receive_maximum_exceeded` |
//! | publish with QoS 2 | DISCONNECT 0x9B | closed | `qos_not_supported` |
//! | retained publish | DISCONNECT 0x9A | taken like any other | `retain_not_supported` |
//! | topic alias out of range | DISCONNECT 0x94 | – | `topics_rejected` |
//! | subscription identifier | DISCONNECT 0xA1 | – | `protocol_errors` |
//!
//! Publishes that are not taken. With MQTT 5 and QoS 1 the PUBACK says so and the session goes on;
//! with QoS 0 there is no PUBACK, so the session ends with DISCONNECT. MQTT 3.1.1 cannot refuse: a
//! PUBACK would say that the message is kept, so the connection is closed without one.
//!
//! | publish | PUBACK | DISCONNECT | counter |
//! |---|---|---|---|
//! | of a recipient | 0x87 | 0x87 | `publishes_not_allowed` |
//! | of a thing without licence | 0x87 | 0x87 | `publishes_unlicensed` |
//! | of a thing in quarantine | 0x87 | 0x87 | `publishes_quarantined` |
//! | of a thing that was removed | 0x87 | 0x87 | `publishes_not_allowed` |
//! | topic too long or too deep | 0x90 | 0x90 | `topics_rejected` |
//! | payload that cannot be read | 0x99 | 0x99 | `publishes_malformed` |
//! | payload above custody's limit | 0x97 | 0x95 | `publishes_too_large` |
//! | faster than the limit | 0x97 | 0x96 | `publishes_too_fast` |
//! | when nothing can be kept now | – | 0x89, QoS 1 too | `publishes_unavailable` |
//!
//! The last line ends the session because a PUBACK with an error code tells a client to forget the
//! message, and a moment later it may well be kept.
//!
//! Subscriptions that are not granted: SUBACK with the code, 0x80 with MQTT 3.1.1.
//!
//! | subscription | code | counter |
//! |---|---|---|
//! | by a thing, to anything but its own commands; without one purpose; without a grant | 0x87 | `subscriptions_denied` |
//! | filter that names nothing we have, too long, too deep | 0x8F | `subscriptions_invalid` |
//! | shared | 0x9E | `subscriptions_invalid` |
//! | beyond the number a session may hold | 0x97 | `subscriptions_over_limit` |
//!
//! # What is not there
//!
//! No session outlives its connection, nothing is retained, nothing is shared, and no delivery is
//! sent again: a recipient that was away reads history over HTTP. Deliveries are new messages made
//! by the gateway, so their QoS is what was granted.
//!
//! A will is decided like any publish of its thing, when the connection ends without DISCONNECT.
//! With MQTT 5 its delay is not waited for, because the session ends at once. At a shutdown of the
//! server no will is published: it is not the client that is lost.

mod away;
mod backend;
mod connection;
mod decode;
mod desk;
mod encode;
mod fault;
mod frame;
mod output;
mod registry;
mod session;
mod stamp;
mod topic;

#[cfg(test)]
mod testing;

pub(crate) use away::Told;
pub(crate) use connection::{Connection, Transport};
pub(crate) use decode::Version;
pub(crate) use desk::Desk;
pub(crate) use encode::{Outgoing, Terms, publish as encode_publish};
pub(crate) use frame::{Framed, frame};
pub(crate) use registry::{Registry, Ticket};
pub(crate) use session::{Kept, Session};

//! MQTT 3.1.1 and 5.0, QoS 0, 1 and 2 in both directions. The topics are in [`topic`].
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
//! | authentication method | CONNACK 0x8C | – | `connect_unsupported` |
//! | will whose topic is too long or too deep | CONNACK 0x90 | closed | `topics_rejected` |
//! | a recipient's will | CONNACK 0x87 | CONNACK 5 | `publishes_not_allowed` |
//! | will of who also receives, on a topic of commands | CONNACK 0x90 | CONNACK 5 | `topics_rejected` |
//! | malformed CONNECT | CONNACK 0x81 or 0x82 | closed | `malformed_packets`, `protocol_errors` |
//! | malformed packet | DISCONNECT 0x81 | closed | `malformed_packets` |
//! | second CONNECT, server's packets, PUBREL before its PUBREC, AUTH, unset topic alias | DISCONNECT 0x82 | closed | `protocol_errors` |
//! | packet above the limit | DISCONNECT 0x95 | closed | `oversized_packets` |
//! | more publishes without PUBACK or PUBCOMP than the receive maximum | DISCONNECT 0x93 | QoS 1: not read any further; QoS 2 without PUBREL: closed | `receive_maximum_exceeded` |
//! | topic alias out of range | DISCONNECT 0x94 | – | `topics_rejected` |
//! | shared subscription with no local | DISCONNECT 0x82 | – | `protocol_errors` |
//!
//! Publishes that are not taken. With MQTT 5 and QoS 1 or 2 the PUBACK or PUBREC says so and the session
//! goes on; with QoS 0 there is none, so the session ends with DISCONNECT. MQTT 3.1.1 cannot refuse: an
//! acknowledgement would say that the message is kept, so the connection is closed without one.
//!
//! | publish | PUBACK, PUBREC | DISCONNECT | counter |
//! |---|---|---|---|
//! | of a recipient, but for commands, see `session::orders` | 0x87 | 0x87 | `publishes_not_allowed` |
//! | of a thing without licence | 0x87 | 0x87 | `publishes_unlicensed` |
//! | of a thing in quarantine | 0x87 | 0x87 | `publishes_quarantined` |
//! | of a thing that was removed | 0x87 | 0x87 | `publishes_not_allowed` |
//! | topic too long or too deep | 0x90 | 0x90 | `topics_rejected` |
//! | payload that cannot be read | 0x99 | 0x99 | `publishes_malformed` |
//! | payload above custody's limit | 0x97 | 0x95 | `publishes_too_large` |
//! | faster than the limit | 0x97 | 0x96 | `publishes_too_fast` |
//! | when nothing can be kept now | – | 0x89, QoS 1 and 2 too | `publishes_unavailable` |
//!
//! The last line ends the connection because a PUBACK with an error code tells a client to forget the
//! message, and a moment later it may well be kept.
//!
//! Subscriptions that are not granted: SUBACK with the code, 0x80 with MQTT 3.1.1.
//!
//! | subscription | code | counter |
//! |---|---|---|
//! | by a thing, to anything but its own commands; without one purpose; without a grant | 0x87 | `subscriptions_denied` |
//! | to native topics where nothing may be read, without saying whether there is anything | 0x80 | `subscriptions_denied` |
//! | filter that names nothing we have, too long, too deep, `$share` without a name or a filter | 0x8F | `subscriptions_invalid` |
//! | beyond the number a session may hold | 0x97 | `subscriptions_over_limit` |
//!
//! # Sessions
//!
//! A session belongs to its peer, its purpose at the door, and its client identifier. It outlives its connection when
//! the client asks for it, for as long as `Limits::max_session_expiry_s` at most ([`session::Kept`], [`away`]); who has
//! more of them than it may loses the oldest. Sessions are in memory: after a restart none is present, and what was
//! missed is read as history.
//!
//! What was sent and not acknowledged is sent again, with DUP, its identifier and in order, on the next connection and
//! never on the same one. It is decided again: what may not leave any more is not sent, and its identifier is free.
//! QoS 1 and 2 deliveries wait for an absent client within bounds; QoS 0 does not wait.
//!
//! A will is decided like any publish of its peer. It is published when the connection ends without DISCONNECT, with MQTT 5
//! after its delay or with the end of the session; not when the client comes back before. At a shutdown of the server no
//! will is published, because it is not the client that is lost, and neither when a certificate was revoked.
//!
//! # What a delivery says
//!
//! On `for/…` and `<deployment>/<thing>` a delivery is a message of ours, so its QoS is what was granted. On a native
//! topic it is the message of the device: its QoS is the lower of both, and RETAIN and `no local` mean what the standard says.
//! Subscriptions of a session that overlap make one packet, with the highest QoS and every subscription identifier, when
//! they are for the same purpose, in the same form and under the same condition.
//!
//! | property of the publish | in the delivery |
//! |---|---|
//! | message expiry interval | what is left of it; a delivery that waited longer is not sent |
//! | user properties, content type, response topic, correlation data, payload format | data: they enter as fields in the one dialect that has them (`crate::said`), and nowhere else |
//! | payload format indicator | none: the payload is rendered here, always as JSON in UTF-8 |
//! | topic alias | its own for each side, at most 16 |
//!
//! A user property of ours says `coarse` = `true` where values are less precise than they were measured.
//!
//! A bridge of mosquitto (`try_private`, protocol versions 0x83 and 0x84) is taken at its word: it gets RETAIN as it was
//! published and none of its own messages back.
//!
//! # What is not there
//!
//! Extended authentication (4.12), server redirection (4.13), and state of sessions that survives a restart.

#[cfg(test)]
pub(crate) mod any_bytes;
mod away;
mod backend;
pub(crate) mod connection;
mod decode;
mod desk;
mod ears;
mod encode;
mod fault;
mod frame;
mod newcomer;
mod orders;
mod output;
mod registry;
mod session;
mod stamp;
mod topic;

#[cfg(test)]
mod testing;

pub(crate) use away::Told;
pub(crate) use connection::{Connection, Transport, WebSocket};
pub(crate) use decode::{Packet, Version, decode};
pub(crate) use desk::Desk;
pub(crate) use encode::{Outgoing, Terms, publish as encode_publish};
pub(crate) use frame::{Framed, frame};
pub(crate) use registry::{Registry, Ticket};
pub(crate) use session::{Kept, Session};

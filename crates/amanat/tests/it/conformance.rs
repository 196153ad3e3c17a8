//! Public conformance suites for servers of MQTT (`conformance/`), each test against deployments of its own.
//!
//! Their clients publish and subscribe on the same connection, so each is a bridge and a recipient in one, and names its
//! purpose in its user name. Each of their topics is a device, of the dialect `value`. Nothing is let through undecided:
//! what passes is declared, licensed and granted like everything else.
//!
//! They wait by the clock and expect what they wait for to be there, so nothing else runs beside them
//! (`.config/nextest.toml`).

mod slow;

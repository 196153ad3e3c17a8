//! Journey 1 with two libraries that people build on: rumqttc of Rust, and Eclipse Paho of Python (in `libraries/journey.py`).
//!
//! Each makes the journey with MQTT 3.1.1 and 5: every quality of service, a purpose in the filter and in a user property, a
//! will, what is retained, a shared subscription and a session that is kept; without TLS, with TLS, and with a certificate in
//! place of a password; Paho over WebSocket too. What each recipient has is compared with what was decided for it.

mod slow;

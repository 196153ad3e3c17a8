//! The demo: a small alliance with three deployments and real traffic, in one data directory.
//!
//! [`material`] is what the alliance consists of, [`prepare`] puts it into a new data directory through the same use
//! cases that everybody else has, [`replay`] plays the devices and the recipients through MQTT sockets. [`statistics`] is a study of the days before.

pub(crate) mod commons;
pub(crate) mod material;
pub(crate) mod prepare;
pub(crate) mod replay;
pub(crate) mod statistics;

//! The commands, one file each: parse what clap found into checked options, then act.

pub(crate) mod backup;
pub(crate) mod bench_fixture;
pub(crate) mod bridge;
pub(crate) mod ca;
pub(crate) mod check_config;
pub(crate) mod codec;
pub(crate) mod codec_try;
pub(crate) mod codec_worker;
pub(crate) mod commands;
pub(crate) mod commons;
pub(crate) mod config_reference;
pub(crate) mod demo;
pub(crate) mod erasure;
pub(crate) mod export_import;
pub(crate) mod export_verify;
pub(crate) mod institution;
pub(crate) mod key;
mod listing;
pub(crate) mod load;
pub(crate) mod notice_check;
pub(crate) mod notice_context;
pub(crate) mod notice_diff;
pub(crate) mod notice_draft;
mod notice_files;
pub(crate) mod notice_schema;
pub(crate) mod notice_show;
pub(crate) mod open;
mod operator;
pub(crate) mod pages_check;
pub(crate) mod policy_explain;
pub(crate) mod policy_test;
pub(crate) mod provisioning;
pub(crate) mod recipient;
pub(crate) mod record;
pub(crate) mod serve;
pub(crate) mod sign_in_link;
pub(crate) mod statistics;
pub(crate) mod thing;
pub(crate) mod webhook;
pub(crate) mod witness;

use std::net::SocketAddr;

use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use crate::exit::Stop;
use crate::lifecycle::Lifecycle;
use crate::server::Addresses;
use crate::ui;

/// The runtime of a server.
fn runtime() -> Result<Runtime, Stop> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|err| Stop::failure(err, "check the limits of this machine on threads"))
}

/// Listens for signals from now on.
fn lifecycle() -> Result<Lifecycle, Stop> {
    Lifecycle::new().map_err(|err| Stop::failure(err, "check the limits of this machine"))
}

/// Prints where the server is reached: `name: value` a line, or one line of JSON.
fn report(addresses: &Addresses, more: &[(&str, String)], json: bool) {
    let mut lines = vec![("http", addresses.site.to_string())];
    // Clients of MQTT ask for a host and a port, everybody else for a URL.
    for (name, address, scheme, path) in [
        ("https", addresses.https, "https://", "/"),
        ("mqtt", addresses.mqtt, "", ""),
        ("mqtts", addresses.mqtts, "", ""),
        ("ws", addresses.websocket, "ws://", ""),
        ("wss", addresses.websocket_tls, "wss://", ""),
        ("coap", addresses.coap, "coap://", ""),
        ("metrics", addresses.metrics, "http://", "/metrics"),
    ] {
        let at = address.map(|it| format!("{scheme}{}{path}", reachable(it)));
        lines.extend(at.map(|it| (name, it)));
    }
    lines.extend_from_slice(more);
    if json {
        let members: Map<_, _> = lines
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        ui::data(&listing::json_line(&Value::from(members)));
    } else {
        for (name, value) in lines {
            ui::data(&format!("{name}: {value}"));
        }
    }
}

/// Where something that listens is reached from this machine: nobody can connect to "every address".
fn reachable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    }
}

/// Reads a duration such as `30s`, `1h 30m` or `250ms`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|it| std::time::Duration::try_from(it).ok())
        .filter(|it| !it.is_zero())
        .ok_or_else(|| "write a time such as 30s, 5m or 250ms".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, reachable};

    #[test]
    fn what_listens_on_every_address_is_reached_on_this_machine() {
        for (address, said) in [
            ("0.0.0.0:1883", "localhost:1883"),
            ("[::]:8883", "localhost:8883"),
            ("127.0.0.1:1883", "127.0.0.1:1883"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()), said);
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "0s", "-1s", "soon", "30"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}

//! What no single key can tell: how values fit together, and whether the files that they name can be used.
//!
//! A rule looks at values that can be read; one that cannot is reported by itself already. So everything that is wrong
//! shows in one round.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use custody::{TransitError, TransitOptions};
use web::PublicUrl;

use super::source::{Environment, Values};
use crate::tls::TlsFiles;

const CERTIFICATE: &str = "mqtt.tls-certificate";
const KEY: &str = "mqtt.tls-key";
const MQTT_TLS: &str = "mqtt.tls-listen";
const WEBSOCKET_TLS: &str = "mqtt.websocket-tls-listen";
const HTTP_TLS: &str = "http.tls-listen";

/// Notes every problem.
pub(super) fn check(values: &mut Values, environment: &dyn Environment) {
    keys(values);
    backup(values);
    plain(values);
    coap(values);
    tls(values, environment);
    metrics(values);
    site(values);
    connect_bytes(values);
}

/// A key server is described whole or not at all.
fn keys(values: &mut Values) {
    let path = |name: &str| format!("keys.transit-{name}");
    let found = |name: &str| values.peek::<Option<String>>(&path(name)).flatten();
    let [address, key, token_file] = ["address", "key", "token-file"].map(found);
    let Some(address) = address else {
        for name in ["key", "token-file", "namespace", "ca-file"] {
            if values
                .peek::<Option<String>>(&path(name))
                .flatten()
                .is_some()
            {
                values.problem(
                    &path(name),
                    format!("`{}` is set, but `keys.transit-address` is not", path(name)),
                    "set keys.transit-address to the URL of the key server, or leave this empty",
                );
            }
        }
        return;
    };
    for (name, value, remedy) in [
        ("key", &key, "name the key in its Transit engine"),
        ("token-file", &token_file, "name the file with its token"),
    ] {
        if value.is_none() {
            values.problem(
                &path(name),
                format!("`keys.transit-address` is set, but `{}` is not", path(name)),
                &format!("{remedy}, or leave keys.transit-address empty"),
            );
        }
    }
    let Some(mount) = values.peek(&path("mount")) else {
        return;
    };
    let options = TransitOptions {
        address,
        mount,
        // One that is missing was reported; any name serves for the others.
        key: key.unwrap_or_else(|| "key".to_owned()),
        token_file: token_file.unwrap_or_default().into(),
        namespace: None,
        ca_file: None,
    };
    if let Err(TransitError::Setting { setting, problem }) = options.check() {
        let reason = format!("`{}` {problem}", path(setting));
        let remedy = "docs/how-to/run-a-server.md shows the settings of a key server";
        values.problem(&path(setting), reason, remedy);
    }
}

/// A repository needs its passphrase, and whoever wants backups a repository.
fn backup(values: &mut Values) {
    let [directory, passphrase] = ["backup.directory", "backup.passphrase-file"];
    let is_set = |path| values.peek::<Option<PathBuf>>(path).map(|it| it.is_some());
    let (Some(has_directory), Some(has_passphrase)) = (is_set(directory), is_set(passphrase))
    else {
        return;
    };
    if has_directory != has_passphrase {
        let (set, missing) = match has_directory {
            true => (directory, passphrase),
            false => (passphrase, directory),
        };
        values.problem(
            missing,
            format!("`{set}` is set, but `{missing}` is not"),
            "set both, or neither; `amanat backup init` makes them",
        );
    }
    let hours = values.peek::<u32>("backup.every-hours");
    if !has_directory && hours.is_some_and(|it| it > 0) {
        values.problem(
            "backup.every-hours",
            "`backup.every-hours` is set, but `backup.directory` is not".to_owned(),
            "name a repository, or set it to 0",
        );
    }
}

/// Without TLS everybody on the way reads passwords and readings: a private network is the most that may be on the way.
fn plain(values: &mut Values) {
    let (mqtt, http) = ("mqtt", "http");
    for (section, path, other) in [
        (mqtt, "mqtt.listen", "mqtt.tls-listen"),
        (mqtt, "mqtt.websocket-listen", "mqtt.websocket-tls-listen"),
        (http, "http.listen", "http.tls-listen"),
    ] {
        let danger = format!("{section}.dangerously-plain-anywhere");
        if let Some(Some(listen)) = values.peek::<Option<SocketAddr>>(path)
            && !gateway::is_private(listen.ip())
            && values.peek::<bool>(&danger) == Some(false)
        {
            values.problem(
                path,
                format!(
                    "`{path}` at `{listen}` would take passwords and data without TLS from anywhere: only a loopback or private address may do that"
                ),
                &format!("use {other}, name a private address, or set {danger} = true"),
            );
        }
    }
}

/// As [`plain`]; there is no other way to offer CoAP.
fn coap(values: &mut Values) {
    let danger = "coap.dangerously-plain-anywhere";
    if let Some(Some(listen)) = values.peek::<Option<SocketAddr>>("coap.listen")
        && !gateway::is_private(listen.ip())
        && values.peek::<bool>(danger) == Some(false)
    {
        values.problem(
            "coap.listen",
            format!(
                "`coap.listen` at `{listen}` would take tokens and data without encryption from anywhere: only a loopback or private address may do that"
            ),
            &format!("name a private address, or set {danger} = true"),
        );
    }
}

fn tls(values: &mut Values, environment: &dyn Environment) {
    let mut listener = None;
    for path in [MQTT_TLS, HTTP_TLS, WEBSOCKET_TLS] {
        match values.peek::<Option<SocketAddr>>(path) {
            Some(Some(_)) => listener = listener.or(Some(path)),
            Some(None) => {}
            None => return,
        }
    }
    let mut files = [CERTIFICATE, KEY].map(|path| {
        let file = values.peek::<Option<PathBuf>>(path).flatten();
        match (listener, &file) {
            (Some(listener), None) => values.problem(
                path,
                format!("`{listener}` is set, but `{path}` is not"),
                &format!("name a PEM file, or leave {listener} empty"),
            ),
            (None, Some(_)) => values.problem(
                path,
                format!("`{path}` is set, but `mqtt.tls-listen` is not"),
                "set mqtt.tls-listen to the address for MQTT with TLS, or leave this empty",
            ),
            _ => (),
        }
        file
    });
    if let (Some(_), [Some(certificate), Some(key)]) =
        (listener, files.each_mut().map(Option::take))
    {
        tls_files(values, environment, &TlsFiles { certificate, key });
    }
}

fn tls_files(values: &mut Values, environment: &dyn Environment, files: &TlsFiles) {
    let Err(err) = environment.check_tls(files) else {
        return;
    };
    let reason = format!("{err:#}");
    let names = |file: &Path| reason.contains(&format!("`{}`", file.display()));
    let path = if names(&files.key) && !names(&files.certificate) {
        KEY
    } else {
        CERTIFICATE
    };
    values.problem(
        path,
        reason,
        "name PEM files that this user can read and that belong together",
    );
}

fn metrics(values: &mut Values) {
    if let Some(Some(listen)) = values.peek::<Option<SocketAddr>>("metrics.listen")
        && !listen.ip().is_loopback()
    {
        values.problem(
            "metrics.listen",
            format!("`metrics.listen` at `{listen}` can be reached from other machines"),
            "use a loopback address such as 127.0.0.1:9464",
        );
    }
}

fn site(values: &mut Values) {
    let public_url = values.peek::<Option<PublicUrl>>("http.public-url");
    if let Some(listen) = values.peek::<SocketAddr>("http.listen")
        && !listen.ip().is_loopback()
        && matches!(public_url, Some(None))
    {
        values.problem(
            "http.listen",
            format!("`http.listen` is `{listen}`, which is no address that people can open"),
            "set http.public-url to the https URL of the proxy in front",
        );
    }
}

fn connect_bytes(values: &mut Values) {
    let limit = |path| values.peek::<u32>(path);
    if let (Some(connect), Some(packet)) =
        (limit("limits.connect-bytes"), limit("limits.packet-bytes"))
        && connect > packet
    {
        values.problem(
            "limits.connect-bytes",
            "`limits.connect-bytes` cannot be more than `limits.packet-bytes`".to_owned(),
            "a CONNECT is a packet too: lower the one or raise the other",
        );
    }
}

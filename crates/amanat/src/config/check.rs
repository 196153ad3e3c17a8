//! What no single key can tell: how values fit together, and whether the files that they name can be used.
//!
//! A rule looks at values that can be read; one that cannot is reported by itself already. So everything that is wrong
//! shows in one round.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use web::PublicUrl;

use super::source::{Environment, Values};
use crate::tls::TlsFiles;

const CERTIFICATE: &str = "mqtt.tls-certificate";
const KEY: &str = "mqtt.tls-key";

/// Notes every problem.
pub(super) fn check(values: &mut Values, environment: &dyn Environment) {
    plain_mqtt(values);
    tls(values, environment);
    metrics(values);
    site(values);
    connect_bytes(values);
}

fn plain_mqtt(values: &mut Values) {
    let told = values.peek::<bool>("mqtt.dangerously-plain-anywhere");
    if let Some(Some(listen)) = values.peek::<Option<SocketAddr>>("mqtt.listen")
        && !listen.ip().is_loopback()
        && told == Some(false)
    {
        values.problem(
            "mqtt.listen",
            format!(
                "`mqtt.listen` at `{listen}` would take passwords and data without TLS from other machines"
            ),
            "use mqtt.tls-listen, or set mqtt.dangerously-plain-anywhere = true",
        );
    }
}

fn tls(values: &mut Values, environment: &dyn Environment) {
    let Some(listen) = values.peek::<Option<SocketAddr>>("mqtt.tls-listen") else {
        return;
    };
    let mut files = [CERTIFICATE, KEY].map(|path| {
        let file = values.peek::<Option<PathBuf>>(path).flatten();
        match (listen, &file) {
            (Some(_), None) => values.problem(
                path,
                format!("`mqtt.tls-listen` is set, but `{path}` is not"),
                "name a PEM file, or leave mqtt.tls-listen empty",
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
    if let (Some(_), [Some(certificate), Some(key)]) = (listen, files.each_mut().map(Option::take))
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

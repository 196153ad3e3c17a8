//! The servers that are measured.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::fixture::Fixture;
use super::process::{Line, Process};
use crate::clock;
use crate::workspace::{Workspace, find_program};

const START_LIMIT: Duration = Duration::from_secs(30);
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// A server that stands.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its name in the figures.
    pub(crate) name: &'static str,
    /// Where it speaks MQTT.
    pub(crate) mqtt: String,
    /// What a subscriber of every message subscribes to.
    pub(crate) filter: String,
    /// Whether it takes every work, or only those in which it says something that another peer does not.
    pub(crate) takes: Takes,
    /// The server itself.
    pub(crate) process: Process,
}

/// Which works a server is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Everything,
    /// Publishing with acknowledgement: what keeping costs it.
    Acknowledged,
}

impl Peer {
    /// Amanat, on free ports.
    pub(crate) fn amanat(
        workspace: &Workspace,
        amanat: &Path,
        fixture: &Fixture,
    ) -> anyhow::Result<Self> {
        let (process, addresses) = serve(workspace, amanat, &fixture.data)?;
        Ok(Self {
            name: "amanat",
            mqtt: addresses.mqtt,
            filter: fixture.filter.clone(),
            takes: Takes::Everything,
            process,
        })
    }

    /// The distribution's mosquitto, which keeps nothing and asks nobody for a name.
    pub(crate) fn mosquitto(workspace: &Workspace, fixture: &Fixture) -> anyhow::Result<Self> {
        Self::some_mosquitto(
            workspace,
            fixture,
            "mosquitto",
            Takes::Everything,
            "persistence false\n",
        )
    }

    /// The same with persistence: it writes what it holds to its database every second.
    pub(crate) fn keeping_mosquitto(
        workspace: &Workspace,
        fixture: &Fixture,
    ) -> anyhow::Result<Self> {
        let place = fixture.place.join("mosquitto-keeping");
        std::fs::create_dir_all(&place).context("cannot create a directory for mosquitto")?;
        let keeping = format!(
            "persistence true\npersistence_location {}/\nautosave_interval 1\n",
            place.display()
        );
        Self::some_mosquitto(
            workspace,
            fixture,
            "mosquitto_keeping",
            Takes::Acknowledged,
            &keeping,
        )
    }

    fn some_mosquitto(
        workspace: &Workspace,
        fixture: &Fixture,
        name: &'static str,
        takes: Takes,
        persistence: &str,
    ) -> anyhow::Result<Self> {
        let program =
            find_program("mosquitto").context("`mosquitto` is missing: run `cargo xtask setup`")?;
        let mqtt = free_address()?;
        let config = configure(
            fixture,
            &format!("{name}.conf"),
            &(mosquitto_config(mqtt) + persistence),
        )?;
        let mut command = workspace.command(program);
        command.arg("-c").arg(config);
        let mut process = Process::start(workspace, &command)?;
        process.wait_for(START_LIMIT, |line| {
            mosquitto_runs(line.text()).then_some(())
        })?;
        Ok(Self {
            name,
            mqtt: mqtt.to_string(),
            filter: "#".to_owned(),
            takes,
            process,
        })
    }

    /// FlashMQ, built by whoever measures: it keeps nothing and lets everybody in.
    pub(crate) fn flashmq(
        workspace: &Workspace,
        fixture: &Fixture,
        program: &Path,
    ) -> anyhow::Result<Self> {
        let mqtt = free_address()?;
        let config = configure(fixture, "flashmq.conf", &flashmq_config(mqtt))?;
        let mut command = workspace.command(program);
        command.arg("--config-file").arg(config);
        Self::listening(workspace, &command, "flashmq", mqtt)
    }

    /// rumqttd, as `cargo install rumqttd` builds it.
    pub(crate) fn rumqttd(
        workspace: &Workspace,
        fixture: &Fixture,
        program: &Path,
    ) -> anyhow::Result<Self> {
        let mqtt = free_address()?;
        // It knows the format by the ending.
        let config = configure(fixture, "rumqttd.toml", &rumqttd_config(mqtt))?;
        let mut command = workspace.command(program);
        command.arg("-c").arg(config).arg("-q");
        Self::listening(workspace, &command, "rumqttd", mqtt)
    }

    /// A server that says nothing when it stands: it stands when it can be connected to.
    fn listening(
        workspace: &Workspace,
        command: &Command,
        name: &'static str,
        mqtt: SocketAddr,
    ) -> anyhow::Result<Self> {
        let process = Process::start(workspace, command)?;
        let mut tries = START_LIMIT.as_millis() / TRY_PAUSE.as_millis();
        while TcpStream::connect(mqtt).is_err() {
            tries = tries
                .checked_sub(1)
                .with_context(|| format!("{name} does not listen on {mqtt}"))?;
            clock::pause(TRY_PAUSE);
        }
        Ok(Self {
            name,
            mqtt: mqtt.to_string(),
            filter: "#".to_owned(),
            takes: Takes::Everything,
            process,
        })
    }
}

/// Writes the configuration of a server into the directory of the run.
fn configure(fixture: &Fixture, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = fixture.place.join(name);
    std::fs::write(&path, text)
        .with_context(|| format!("cannot write the configuration `{name}`"))?;
    Ok(path)
}

/// Where Amanat listens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The URL of the site.
    pub(crate) http: String,
    /// Host and port.
    pub(crate) mqtt: String,
}

/// Starts `amanat serve` on free ports and waits until it says where it listens.
pub(crate) fn serve(
    workspace: &Workspace,
    amanat: &Path,
    data: &Path,
) -> anyhow::Result<(Process, Addresses)> {
    let mut command = workspace.command(amanat);
    command.arg("serve").arg("--data").arg(data);
    command.args(["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--json"]);
    let mut process = Process::start(workspace, &command)?;
    let addresses = process.wait_for(START_LIMIT, |line| match line {
        Line::Data(text) => addresses(text),
        Line::Words(_) => None,
    })?;
    Ok((process, addresses))
}

fn addresses(line: &str) -> Option<Addresses> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = |key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Addresses {
        http: address("http")?,
        mqtt: address("mqtt")?,
    })
}

/// A free loopback address. Somebody else could take it before the server does; then the start fails and says so.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no loopback port is free")?;
    listener
        .local_addr()
        .context("the loopback port has no address")
}

/// Unlimited queues, as the fastest set-up of this peer. `user root` keeps the user of the run, whoever that is:
/// a server that changes its user would outlive a killed run.
fn mosquitto_config(address: SocketAddr) -> String {
    format!(
        "listener {} {}\n\
         allow_anonymous true\n\
         max_inflight_messages 0\n\
         max_queued_messages 0\n\
         max_queued_bytes 0\n\
         log_dest stderr\n\
         log_type error\n\
         log_type warning\n\
         log_type information\n\
         connection_messages false\n\
         user root\n",
        address.port(),
        address.ip(),
    )
}

fn flashmq_config(address: SocketAddr) -> String {
    format!(
        "allow_anonymous true\n\
         log_level warning\n\
         max_qos_msg_pending_per_client 65535\n\
         max_qos_bytes_pending_per_client 1000000000\n\
         listen {{\n\
         protocol mqtt\n\
         port {}\n\
         inet_protocol ip4\n\
         inet4_bind_address {}\n\
         }}\n",
        address.port(),
        address.ip(),
    )
}

/// The listener for MQTT 5, which the load generator speaks.
fn rumqttd_config(address: SocketAddr) -> String {
    format!(
        "id = 0\n\
         [router]\n\
         id = 0\n\
         max_connections = 20000\n\
         max_outgoing_packet_count = 200\n\
         max_segment_size = 104857600\n\
         max_segment_count = 10\n\
         [v5.1]\n\
         name = \"v5\"\n\
         listen = \"{address}\"\n\
         next_connection_delay_ms = 0\n\
         [v5.1.connections]\n\
         connection_timeout_ms = 60000\n\
         max_payload_size = 262144\n\
         max_inflight_count = 200\n\
         dynamic_filters = true\n"
    )
}

/// Whether this line of the log says that the server stands: `mosquitto version 2.0.11 running`.
fn mosquitto_runs(line: &str) -> bool {
    line.contains("mosquitto version") && line.trim_end().ends_with("running")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_one_line_of_json() {
        let expected = Addresses {
            http: "http://127.0.0.1:1".to_owned(),
            mqtt: "127.0.0.1:2".to_owned(),
        };
        let line = r#"{"http":"http://127.0.0.1:1","mqtt":"127.0.0.1:2","more":true}"#;
        assert_eq!(addresses(line), Some(expected));
        assert_eq!(addresses(r#"{"http":"http://127.0.0.1:1"}"#), None);
        assert_eq!(addresses("preparing"), None);
    }

    #[test]
    fn mosquitto_is_up_when_it_says_so() {
        assert!(mosquitto_runs(
            "1795418000: mosquitto version 2.0.11 running"
        ));
        assert!(!mosquitto_runs(
            "1795418000: mosquitto version 2.0.11 starting"
        ));
    }

    mod slow {
        use super::*;

        #[test]
        fn mosquitto_stands_and_ends_with_its_guard() {
            let workspace = Workspace::at(PathBuf::from(env!("CARGO_MANIFEST_DIR"))).unwrap();
            let place = tempfile::tempdir().unwrap();
            let fixture = Fixture {
                place: place.path().to_owned(),
                data: place.path().to_owned(),
                credentials: PathBuf::new(),
                payload: PathBuf::new(),
                recipient: String::new(),
                recipient_token: PathBuf::new(),
                filter: String::new(),
            };
            let peer = Peer::mosquitto(&workspace, &fixture).unwrap();
            assert!(TcpStream::connect(&peer.mqtt).is_ok());
            let mqtt = peer.mqtt.clone();
            drop(peer);
            assert!(TcpStream::connect(&mqtt).is_err());
        }
    }
}

//! What `amanat load` is asked to do to a server, and what is taken from its answer.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::figures::Samples;
use super::fixture::{Fixture, THINGS};
use super::process::Process;
use super::servers::{Peer, Takes};
use crate::workspace::Workspace;

/// One run of the load generator, the same for every server.
pub(crate) struct Work {
    /// The start of its figures' names.
    pub(crate) name: &'static str,
    connections: u32,
    kind: Kind,
}

enum Kind {
    /// Publish with QoS 1 for a time.
    Acknowledged { window: u32 },
    /// The same while one subscriber takes all with QoS 1.
    AcknowledgedToOne { window: u32 },
    /// Publish with QoS 1 at half the rate that the server took in the work of this name.
    HalfOf(&'static str),
    /// Publish so many messages with QoS 0 while one subscriber takes them all.
    FanIn,
    /// Connect and leave.
    Connect,
}

/// Everything that is measured, in the order of a round.
pub(crate) const WORKS: [Work; 6] = [
    Work {
        name: "connect",
        connections: THINGS,
        kind: Kind::Connect,
    },
    Work {
        name: "qos1",
        connections: 50,
        kind: Kind::Acknowledged { window: 20 },
    },
    Work {
        name: "qos1_half_load",
        connections: 50,
        kind: Kind::HalfOf("qos1"),
    },
    Work {
        name: "qos1_subscriber",
        connections: 50,
        kind: Kind::AcknowledgedToOne { window: 20 },
    },
    Work {
        name: "qos1_2000_window1",
        connections: THINGS,
        kind: Kind::Acknowledged { window: 1 },
    },
    Work {
        name: "qos0",
        connections: 50,
        kind: Kind::FanIn,
    },
];

/// A run may take this much longer than its plan: connecting, draining, a slow disk.
const SLACK: Duration = Duration::from_secs(90);

/// How many unacknowledged messages a connection may have at half load: enough not to be what limits the rate.
const HALF_LOAD_WINDOW: u32 = 200;

/// The kernel repeats a handshake that found the server's backlog full after one second. A run with such
/// handshakes measures that timer and not the server.
const HANDSHAKE_REPEATED_US: f64 = 900_000.0;

/// Who drives whom, with what.
pub(crate) struct Load<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) amanat: &'a Path,
    pub(crate) fixture: &'a Fixture,
    pub(crate) quick: bool,
}

impl Load<'_> {
    /// Gives the work to the server and returns figures by name.
    pub(crate) fn measure(
        &self,
        work: &Work,
        peer: &Peer,
        so_far: &Samples,
    ) -> anyhow::Result<Vec<(String, f64)>> {
        let mut command = self.command(peer);
        command.args(["--connections", &work.connections.to_string()]);
        match work.kind {
            Kind::Acknowledged { window } => self.publish(&mut command, window),
            Kind::AcknowledgedToOne { window } => {
                self.publish(&mut command, window);
                self.subscribe(&mut command, peer);
            }
            Kind::HalfOf(whole) => {
                let whole = format!("{whole}_{}_msgs_per_s", peer.name);
                let rate = so_far
                    .last(&whole)
                    .with_context(|| format!("`{whole}` was not measured before"))?;
                self.publish(&mut command, HALF_LOAD_WINDOW);
                command.args(["--rate", &format!("{:.0}", rate / 2.0)]);
            }
            Kind::FanIn => {
                command
                    .args(["--qos", "0", "--messages", self.messages()])
                    .arg("--payload")
                    .arg(&self.fixture.payload);
                self.subscribe(&mut command, peer);
            }
            Kind::Connect => {
                command.arg("--connect-only");
            }
        }
        let before = peer.process.processor_us()?;
        let lines = Process::start(self.workspace, &command)?.finish(SLACK)?;
        let used_us = peer.process.processor_us()?.saturating_sub(before);
        let line = lines.last().context("`amanat load` printed nothing")?;
        let report: Value =
            serde_json::from_str(line).context("`amanat load --json` printed no JSON")?;
        complete(&report, work)
            .with_context(|| format!("the {} run on {} does not count", work.name, peer.name))?;
        let mut figures = work.figures(&report, peer.name)?;
        figures.extend(work.processor(&report, peer.name, used_us));
        Ok(figures)
    }

    /// Memory that each of many idle connections costs the server.
    pub(crate) fn idle_bytes(&self, peer: &Peer) -> anyhow::Result<f64> {
        let before = peer.process.resident_bytes()?;
        let mut command = self.command(peer);
        command.args(["--idle", &THINGS.to_string()]);
        let mut process = Process::start(self.workspace, &command)?;
        let standing = process.wait_for(SLACK, |line| standing(line.text()))?;
        if standing != THINGS {
            bail!(
                "only {standing} of {THINGS} idle connections stand on {}",
                peer.name
            );
        }
        let after = peer.process.resident_bytes()?;
        let growth = i128::from(after) - i128::from(before);
        Ok(figure(growth) / f64::from(THINGS))
    }

    fn publish(&self, command: &mut Command, window: u32) {
        command.args(["--qos", "1", "--window", &window.to_string()]);
        command
            .args(["--for", self.length()])
            .arg("--payload")
            .arg(&self.fixture.payload);
    }

    fn subscribe(&self, command: &mut Command, peer: &Peer) {
        command.args(["--subscribers", "1", "--filter", &peer.filter]);
        command.args(["--subscribe-user", &self.fixture.recipient]);
        command
            .arg("--subscribe-password-file")
            .arg(&self.fixture.recipient_token);
    }

    fn command(&self, peer: &Peer) -> Command {
        let mut command = self.workspace.command(self.amanat);
        command.args(["load", "--json", "--mqtt", &peer.mqtt]);
        command.arg("--credentials").arg(&self.fixture.credentials);
        command
    }

    fn length(&self) -> &'static str {
        if self.quick { "2s" } else { "5s" }
    }

    fn messages(&self) -> &'static str {
        if self.quick { "100000" } else { "500000" }
    }
}

impl Work {
    /// Whether a server that takes only some works takes this one.
    pub(crate) fn is_for(&self, peer: &Peer) -> bool {
        match peer.takes {
            Takes::Everything => true,
            Takes::Acknowledged => matches!(self.kind, Kind::Acknowledged { window } if window > 1),
        }
    }

    /// What one message costs the server, connecting and disconnecting included. On a machine that the load shares, this is
    /// what is left of the rate when what the load costs is taken away.
    fn processor(&self, report: &Value, peer: &str, used_us: u64) -> Option<(String, f64)> {
        if matches!(self.kind, Kind::Connect | Kind::HalfOf(_)) {
            return None;
        }
        let sent = report.get("messages_sent")?.as_f64()?.max(1.0);
        let name = format!("{}_{peer}_cpu_us_per_msg", self.name);
        Some((name, figure(i128::from(used_us)) / sent))
    }

    fn figures(&self, report: &Value, peer: &str) -> anyhow::Result<Vec<(String, f64)>> {
        let Self { name, .. } = self;
        let number = |key: &str| {
            let number = report.get(key).and_then(Value::as_f64);
            number.with_context(|| format!("`amanat load --json` gave no `{key}`"))
        };
        Ok(match self.kind {
            Kind::Connect => vec![(format!("{name}_{peer}_per_s"), number("connect_per_s")?)],
            Kind::HalfOf(_) => vec![(
                format!("{name}_{peer}_latency_p99_us"),
                number("latency_p99_us")?,
            )],
            Kind::AcknowledgedToOne { .. } => vec![
                (
                    format!("{name}_{peer}_msgs_per_s"),
                    number("messages_per_s")?,
                ),
                (
                    format!("{name}_{peer}_delivered_of_sent_ratio"),
                    number("messages_delivered")? / number("messages_sent")?.max(1.0),
                ),
            ],
            Kind::Acknowledged { .. } => vec![
                (
                    format!("{name}_{peer}_msgs_per_s"),
                    number("messages_per_s")?,
                ),
                (
                    format!("{name}_{peer}_latency_p99_us"),
                    number("latency_p99_us")?,
                ),
            ],
            Kind::FanIn => vec![
                (
                    format!("{name}_{peer}_msgs_per_s"),
                    number("delivered_per_s")?,
                ),
                (
                    format!("{name}_{peer}_delivered_of_sent_ratio"),
                    number("messages_delivered")? / number("messages_sent")?.max(1.0),
                ),
            ],
        })
    }
}

/// A run in which the server refused something measured something else.
fn complete(report: &Value, work: &Work) -> anyhow::Result<()> {
    let count = |key: &str| report.get(key).and_then(Value::as_u64).unwrap_or_default();
    if count("connections") != u64::from(work.connections) {
        bail!(
            "{} of {} connections stood",
            count("connections"),
            work.connections
        );
    }
    let refusals = report.get("refusals").and_then(Value::as_object);
    if let Some(refusals) = refusals.filter(|it| !it.is_empty()) {
        let reasons: Vec<_> = refusals
            .iter()
            .map(|(reason, count)| format!("{count} × {reason}"))
            .collect();
        bail!("the server refused {}", reasons.join(", "));
    }
    let connect_p99_us = report.get("connect_p99_us").and_then(Value::as_f64);
    match work.kind {
        Kind::Connect if connect_p99_us.is_some_and(|it| it > HANDSHAKE_REPEATED_US) => {
            bail!(
                "handshakes were repeated: too many connections were opened at once for its backlog"
            )
        }
        Kind::Acknowledged { .. } | Kind::AcknowledgedToOne { .. } | Kind::HalfOf(_)
            if count("messages_acknowledged") == 0 =>
        {
            bail!("nothing was acknowledged")
        }
        Kind::FanIn | Kind::AcknowledgedToOne { .. } if count("messages_delivered") == 0 => {
            bail!("nothing was delivered")
        }
        _ => Ok(()),
    }
}

/// The number in `2000 connections stand; interrupt to end`.
fn standing(line: &str) -> Option<u32> {
    let (number, rest) = line.split_once(' ')?;
    rest.starts_with("connections stand")
        .then(|| number.parse().ok())?
}

#[expect(
    clippy::cast_precision_loss,
    reason = "memory sizes and times stay far below 2^53"
)]
fn figure(value: i128) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn work(name: &str) -> &'static Work {
        static WORKS: [Work; 6] = super::WORKS;
        WORKS.iter().find(|it| it.name == name).unwrap()
    }

    fn report(delivered: u64, refusals: Value) -> Value {
        json!({
            "connections": 50, "messages_sent": 1000, "messages_acknowledged": 1000, "messages_per_s": 250.5,
            "latency_p99_us": 9.5, "messages_delivered": delivered, "delivered_per_s": 125.0, "refusals": refusals,
        })
    }

    #[test]
    fn figures_are_named_by_work_and_peer() {
        let report = report(500, json!({}));
        let expected = [
            ("qos1_amanat_msgs_per_s", 250.5),
            ("qos1_amanat_latency_p99_us", 9.5),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(work("qos1").figures(&report, "amanat").unwrap(), expected);
        let expected = [
            ("qos0_mosquitto_msgs_per_s", 125.0),
            ("qos0_mosquitto_delivered_of_sent_ratio", 0.5),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(
            work("qos0").figures(&report, "mosquitto").unwrap(),
            expected
        );
        let error = work("connect").figures(&report, "amanat").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`amanat load --json` gave no `connect_per_s`"
        );
    }

    #[test]
    fn what_a_message_costs_is_told_where_messages_are_sent() {
        let report = report(500, json!({}));
        let told = work("qos0").processor(&report, "amanat", 2_500);
        assert_eq!(told, Some(("qos0_amanat_cpu_us_per_msg".to_owned(), 2.5)));
        assert_eq!(work("connect").processor(&report, "amanat", 2_500), None);
    }

    #[test]
    fn a_run_with_refusals_or_without_result_does_not_count() {
        assert!(complete(&report(1, json!({})), work("qos0")).is_ok());
        let error = complete(&report(0, json!({})), work("qos0")).unwrap_err();
        assert_eq!(error.to_string(), "nothing was delivered");
        let error = complete(&report(1, json!({"0x87": 3})), work("qos1")).unwrap_err();
        assert_eq!(error.to_string(), "the server refused 3 × 0x87");
        let error = complete(&report(1, json!({})), work("connect")).unwrap_err();
        assert_eq!(error.to_string(), "50 of 2000 connections stood");
    }

    #[test]
    fn a_connect_rate_with_repeated_handshakes_does_not_count() {
        let report = |p99: f64| json!({"connections": 2000, "connect_p99_us": p99, "refusals": {}});
        assert!(complete(&report(2_500.0), work("connect")).is_ok());
        let error = complete(&report(1_006_632.9), work("connect")).unwrap_err();
        assert!(
            error.to_string().starts_with("handshakes were repeated"),
            "{error}"
        );
    }

    #[test]
    fn standing_connections_are_read_from_the_announcement() {
        assert_eq!(
            standing("2000 connections stand; interrupt to end"),
            Some(2000)
        );
        assert_eq!(standing("2000 connections failed"), None);
        assert_eq!(standing("some connections stand"), None);
    }
}

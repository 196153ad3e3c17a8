//! The stock clients `mosquitto_pub` and `mosquitto_sub`, as people install them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::PATIENCE;
use super::lines::Lines;
use super::process::{Guard, Run};

/// What stands before a received message.
const MARK: &str = "message ";

/// Who speaks to which server in which version.
#[derive(Clone, Copy)]
pub(crate) struct Client<'a> {
    pub(crate) server: SocketAddr,
    /// As `-V` takes it: `mqttv311` or `mqttv5`.
    pub(crate) version: &'a str,
    pub(crate) user_name: &'a str,
    pub(crate) password: &'a str,
    /// The certificate that the server must show; `None` is without TLS.
    pub(crate) certificate: Option<&'a Path>,
    /// The certificate that the client shows, and its key.
    pub(crate) identity: Option<(&'a Path, &'a Path)>,
}

/// A message as the subscriber got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) topic: String,
    /// Exactly as it came.
    pub(crate) payload: String,
}

impl Received {
    /// A member of the payload; null when there is none.
    pub(crate) fn value(&self, name: &str) -> Value {
        let mut payload: Value = serde_json::from_str(&self.payload).unwrap();
        payload[name].take()
    }
}

/// A subscriber that runs; dropping it ends it.
pub(crate) struct Subscriber {
    process: Guard,
    lines: Lines,
}

impl Client<'_> {
    fn command(&self, program: &str) -> Command {
        // The output of the client goes into a pipe, where it would wait for a full buffer.
        let mut command = Command::new("stdbuf");
        command
            .args(["-oL", program, "-d", "-V", self.version])
            .args(["-h", &self.server.ip().to_string()])
            .args(["-p", &self.server.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !self.user_name.is_empty() {
            command.args(["-u", self.user_name]);
        }
        if !self.password.is_empty() {
            command.args(["-P", self.password]);
        }
        if let Some((certificate, key)) = self.identity {
            command.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        if let Some(certificate) = self.certificate {
            command.arg("--cafile").arg(certificate);
        }
        command
    }

    /// Starts `mosquitto_sub` with further arguments.
    pub(crate) fn subscribe(&self, arguments: &[&str]) -> Subscriber {
        let mut command = self.command("mosquitto_sub");
        command.args(["-q", "1", "-F", &format!("{MARK}%t %p")]);
        let mut child = command.args(arguments).spawn().unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        Subscriber {
            process: Guard(child),
            lines,
        }
    }
}

/// Runs `mosquitto_pub` with one message and QoS 1.
pub(crate) fn publish(client: &Client<'_>, topic: &str, payload: &str) -> Run {
    let command = client.command("mosquitto_pub");
    finish(command, &["-q", "1", "-t", topic, "-m", payload])
}

/// Runs `mosquitto_rr`: publishes one message with QoS 1 and a response topic, and waits for the first answer there.
pub(crate) fn request(client: &Client<'_>, topic: &str, response: &str, payload: &str) -> Run {
    let command = client.command("mosquitto_rr");
    let arguments = [
        "-q", "1", "-W", "20", "-t", topic, "-e", response, "-m", payload,
    ];
    finish(command, &arguments)
}

fn finish(mut command: Command, arguments: &[&str]) -> Run {
    let mut child = command.args(arguments).spawn().unwrap();
    let data = Lines::of(child.stdout.take().unwrap());
    let words = Lines::of(child.stderr.take().unwrap());
    let mut guard = Guard(child);
    let mut status = None;
    testkit::wait_until("the client of mosquitto ends", PATIENCE, || {
        status = guard.0.try_wait().unwrap();
        status.is_some()
    });
    Run {
        code: status.and_then(|it| it.code()),
        data: data.ended().join("\n"),
        words: words.ended().join("\n"),
    }
}

impl Subscriber {
    /// Waits for the SUBACK and gives its code; what `mosquitto_sub -d` says after `Subscribed (mid: 1): `.
    #[track_caller]
    pub(crate) fn subscribed(&self) -> u8 {
        let line = self.lines.find(
            "mosquitto_sub is told about its subscription",
            PATIENCE,
            |it| it.starts_with("Subscribed (mid:"),
        );
        line.rsplit(": ")
            .next()
            .unwrap_or_default()
            .trim()
            .parse()
            .unwrap()
    }

    /// What it received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        let lines = self.lines.all();
        let messages = lines.iter().filter_map(|it| it.strip_prefix(MARK));
        let messages = messages.map(|it| {
            let (topic, payload) = it.split_once(' ').unwrap();
            Received {
                topic: topic.to_owned(),
                payload: payload.to_owned(),
            }
        });
        messages.collect()
    }

    /// Waits for the first message that `wanted` accepts.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Received) -> bool) -> Received {
        let mut found = None;
        testkit::wait_until(what, PATIENCE, || {
            found = self.received().into_iter().find(|it| wanted(it));
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Vec<String> {
        testkit::wait_until("mosquitto_sub ends", PATIENCE, || {
            self.process.0.try_wait().unwrap().is_some()
        });
        self.lines.ended()
    }
}

//! `amanat load`: put load on an MQTT server and measure it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use zeroize::Zeroizing;

use crate::exit::{Exit, Stop};
use crate::load::payload::{MAX_PAYLOAD_BYTES, sensor_object};
use crate::load::{self, Credential, Length, LoadOptions, SubscriberOptions, Verdict, Work};
use crate::mqtt::{Protocol, Qos};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The MQTT server: host and port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1883")]
    mqtt: String,
    /// Send to a server that is not on this machine
    #[arg(long)]
    dangerously_any_address: bool,
    /// The version of MQTT: 3.1.1 or 5
    #[arg(long, value_name = "VERSION", default_value = "5", value_parser = Protocol::parse)]
    protocol: Protocol,
    /// Quality of service: 0 or 1
    #[arg(long, default_value = "1", value_parser = Qos::parse)]
    qos: Qos,
    /// How many connections publish
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,
    /// How many unacknowledged messages each connection may have
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    window: u16,
    /// The user name of the publishers
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// A file with the password of --user
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// A file with one `user:token` a line; the connections take them in a circle
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    credentials: Option<PathBuf>,
    /// Where to publish; {i} is the number of the connection
    #[arg(long, value_name = "TOPIC", default_value = "load/{i}")]
    topic: String,
    /// What to publish: a .jsonl file line by line in a circle, any other file whole
    #[arg(long, value_name = "FILE", conflicts_with = "payload_bytes")]
    payload: Option<PathBuf>,
    /// Publish a JSON object of sensor fields of this size
    #[arg(long, value_name = "N", default_value_t = 150)]
    payload_bytes: usize,
    /// Stop after so many messages over all connections [default: 100000 unless --for is given]
    #[arg(long, value_name = "N", conflicts_with = "length")]
    messages: Option<u64>,
    /// Stop after a time, such as 30s
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration)]
    length: Option<Duration>,
    /// Send so many messages a second over all connections, whatever the server does
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// How many connections subscribe
    #[arg(long, value_name = "N", default_value_t = 0, requires = "filter")]
    subscribers: u32,
    /// What the subscribers subscribe to
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// The user property `purpose` of the subscriptions (MQTT 5)
    #[arg(long, value_name = "ID")]
    purpose: Option<String>,
    /// The user name of the subscribers
    #[arg(long, value_name = "NAME", requires = "subscribe_password_file")]
    subscribe_user: Option<String>,
    /// A file with the password of --subscribe-user
    #[arg(long, value_name = "FILE", requires = "subscribe_user")]
    subscribe_password_file: Option<PathBuf>,
    /// Only connect, to measure the connect rate
    #[arg(long, conflicts_with_all = ["idle", "messages", "rate"])]
    connect_only: bool,
    /// Only hold so many connections, for --for or until interrupted
    #[arg(long, value_name = "N", conflicts_with_all = ["messages", "rate"])]
    idle: Option<u32>,
    /// How many threads the generator uses
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Runs the load and prints the figures.
pub(crate) fn run(arguments: Arguments) -> Result<Exit, Stop> {
    let options = options(&arguments)
        .map_err(|err| Stop::invalid(err, "see `amanat load --help` for what can be given"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(arguments.threads))
        .enable_all()
        .build()
        .map_err(|err| Stop::failure(err, "check the limits of this machine on threads"))?;
    let report = runtime.block_on(async {
        // On a worker, not on the main thread: the number of threads is then the number that works.
        let length = arguments.length;
        let announce = move |connections| ui::words(&idle_words(connections, length));
        let task = tokio::spawn(async move { load::run(&options, announce).await });
        task.await
    });
    let report =
        report.map_err(|err| Stop::failure(err, "please report this, with the command line"))?;
    if arguments.json {
        let line = report
            .to_json()
            .map_err(|err| Stop::failure(err, "run again without --json"))?;
        ui::data(&line);
    } else {
        ui::data(&report.to_text());
    }
    if let Some(advice) = report.advice(arguments.payload.is_some()) {
        ui::words(advice);
    }
    Ok(match report.verdict() {
        Verdict::Worked => Exit::Ok,
        Verdict::Denied => Exit::Denied,
        Verdict::Failed => Exit::Failure,
    })
}

fn idle_words(connections: usize, length: Option<Duration>) -> String {
    match length {
        Some(length) => format!("{connections} connections stand; they end after {length:?}"),
        None => format!("{connections} connections stand; interrupt to end"),
    }
}

fn options(arguments: &Arguments) -> anyhow::Result<LoadOptions> {
    let server = server(&arguments.mqtt, arguments.dangerously_any_address)?;
    let credentials = match (
        &arguments.credentials,
        &arguments.user,
        &arguments.password_file,
    ) {
        (Some(path), _, _) => credentials(&read_text(path)?)
            .with_context(|| format!("cannot use `{}`", path.display()))?,
        (None, Some(user), Some(path)) => vec![credential(user, path)?],
        _ => Vec::new(),
    };
    Ok(LoadOptions {
        server,
        protocol: arguments.protocol,
        qos: arguments.qos,
        connections: arguments.idle.unwrap_or(arguments.connections),
        credentials,
        work: work(arguments)?,
        subscribers: subscribers(arguments)?,
    })
}

fn server(address: &str, any: bool) -> anyhow::Result<SocketAddr> {
    let server = address
        .to_socket_addrs()
        .with_context(|| format!("`{address}` is not host:port"))?
        .next()
        .ok_or_else(|| anyhow!("`{address}` has no address"))?;
    if !server.ip().is_loopback() && !any {
        bail!(
            "`{address}` is not on this machine; load harms others: give --dangerously-any-address if it is yours"
        );
    }
    Ok(server)
}

fn work(arguments: &Arguments) -> anyhow::Result<Work> {
    if arguments.connect_only {
        return Ok(Work::ConnectOnly);
    }
    if arguments.idle.is_some() {
        return Ok(Work::Idle(arguments.length));
    }
    if let Some(rate) = arguments.rate
        && !(rate.is_finite() && rate > 0.0)
    {
        bail!("--rate `{rate}` is not a number above zero");
    }
    if arguments.topic.len() > 60_000 || arguments.topic.contains(['+', '#', '\0']) {
        bail!("`{}` is not a topic to publish to", arguments.topic);
    }
    let payloads = match &arguments.payload {
        Some(path) => payloads(path)?,
        None => vec![sensor_object(arguments.payload_bytes)?],
    };
    Ok(Work::Publish {
        window: arguments.window,
        topic: arguments.topic.clone(),
        payloads: Arc::from(payloads),
        length: match (arguments.messages, arguments.length) {
            (None, Some(length)) => Length::For(length),
            (messages, _) => Length::Messages(messages.unwrap_or(100_000)),
        },
        rate: arguments.rate,
    })
}

fn subscribers(arguments: &Arguments) -> anyhow::Result<Option<SubscriberOptions>> {
    let Some(filter) = &arguments.filter else {
        return Ok(None);
    };
    let credential = match (
        &arguments.subscribe_user,
        &arguments.subscribe_password_file,
    ) {
        (Some(user), Some(path)) => Some(credential(user, path)?),
        _ => None,
    };
    Ok(Some(SubscriberOptions {
        count: arguments.subscribers.max(1),
        filter: filter.clone(),
        purpose: arguments.purpose.clone(),
        credential,
    }))
}

fn read_text(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .with_context(|| format!("cannot read `{}`", path.display()))
}

fn credential(user: &str, path: &Path) -> anyhow::Result<Credential> {
    Ok(Credential {
        user: user.to_owned(),
        password: Zeroizing::new(read_text(path)?.trim_end().to_owned()),
    })
}

/// One `user:token` a line; empty lines and lines that start with `#` are skipped.
fn credentials(text: &str) -> anyhow::Result<Vec<Credential>> {
    let mut found = Vec::new();
    for (idx, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line may be a token: it is not repeated.
        let (user, password) = line
            .split_once(':')
            .ok_or_else(|| anyhow!("line {} is not `user:token`", idx + 1))?;
        found.push(Credential {
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        });
    }
    if found.is_empty() {
        bail!("no line has a `user:token`");
    }
    Ok(found)
}

fn payloads(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let by_line = path.extension().is_some_and(|it| it == "jsonl");
    let payloads: Vec<Vec<u8>> = if by_line {
        bytes
            .split(|it| *it == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|it| !it.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    } else {
        vec![bytes]
    };
    if payloads.is_empty() {
        bail!("`{}` has no line", path.display());
    }
    if let Some(large) = payloads.iter().find(|it| it.len() > MAX_PAYLOAD_BYTES) {
        bail!(
            "a payload of `{}` has {} bytes, at most {MAX_PAYLOAD_BYTES} are sent",
            path.display(),
            large.len()
        );
    }
    Ok(payloads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_leaves_this_machine_only_when_told() {
        assert!(server("127.0.0.1:1883", false).is_ok());
        assert!(server("[::1]:1883", false).is_ok());
        let err = server("192.0.2.1:1883", false).unwrap_err();
        assert!(err.to_string().contains("--dangerously-any-address"));
        assert!(server("192.0.2.1:1883", true).is_ok());
    }

    #[test]
    fn idle_connections_say_how_they_end() {
        assert_eq!(
            idle_words(50, None),
            "50 connections stand; interrupt to end"
        );
        assert_eq!(
            idle_words(50, Some(Duration::from_secs(1))),
            "50 connections stand; they end after 1s"
        );
    }

    #[test]
    fn a_credentials_file_is_read_by_line_and_never_repeated() {
        let found = credentials("# things\nmeter-1:abc:def\n\nmeter-2:x\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].user.as_str(), found[0].password.as_str()),
            ("meter-1", "abc:def")
        );
        assert_eq!(format!("{:?}", found[0]), "Credential(meter-1, …)");
        let err = credentials("meter-1:a\nsecrettoken\n").unwrap_err();
        assert_eq!(err.to_string(), "line 2 is not `user:token`");
        assert!(credentials("\n").is_err());
    }
}

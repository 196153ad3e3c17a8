//! The binary: started on free ports, ended whatever happens.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::lines::Lines;
use super::{PATIENCE, Visitor};

/// How long the first start may take: keys, migrations and demo data in a debug build.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server that runs; dropping it kills it.
pub(crate) struct Amanat {
    child: Child,
    words: Lines,
    /// The line of JSON in which it said where it listens.
    pub(crate) said: Value,
    /// Where the counters are.
    metrics: String,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) data: String,
    pub(crate) words: String,
}

/// The binary, with nothing of our own environment that it would listen to.
fn command() -> Command {
    command_of(env!("CARGO_BIN_EXE_amanat"))
}

fn command_of(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null());
    command
}

/// Runs a command that ends by itself.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    let mut child = command()
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let data = Lines::of(child.stdout.take().unwrap());
    let words = Lines::of(child.stderr.take().unwrap());
    let mut guard = Guard(child);
    let mut status = None;
    testkit::wait_until("the command ends", START_TIMEOUT, || {
        status = guard.0.try_wait().unwrap();
        status.is_some()
    });
    Run {
        code: status.and_then(|it| it.code()),
        data: data.ended().join("\n"),
        words: words.ended().join("\n"),
    }
}

/// Starts `amanat demo` on `directory` with free ports.
pub(crate) fn demo(directory: &Path) -> Amanat {
    let mut command = command();
    command.arg("demo").arg("--data").arg(directory).args([
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        "127.0.0.1:0",
        "--mqtts",
        "127.0.0.1:0",
        "--json",
    ]);
    Amanat::start(command)
}

/// Starts `amanat witness` on `directory` with a free port.
pub(crate) fn witness(directory: &Path, more: &[&str]) -> Amanat {
    let mut command = command();
    command.args(["witness", "--listen", "127.0.0.1:0", "--json", "--data"]);
    command.arg(directory).args(more);
    Amanat::start(command)
}

/// Starts `amanat serve` on `directory` and `database` with free ports.
pub(crate) fn serve(directory: &Path, database: &str, settings: &[&str]) -> Amanat {
    serve_by(command(), directory, database, settings)
}

/// As [`serve`], where no file may become longer than 500 KiB: the first batch finds the disk full.
pub(crate) fn serve_on_full_disk(directory: &Path, database: &str) -> Amanat {
    let mut shell = command_of("/bin/sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_amanat"));
    serve_by(shell, directory, database, &[])
}

fn serve_by(mut command: Command, directory: &Path, database: &str, settings: &[&str]) -> Amanat {
    command.args(["serve", "--json"]);
    let directory = format!("data.directory={}", directory.display());
    let database = format!("data.database-url={database}");
    // The server does not say where it serves metrics, so it cannot choose the port itself.
    let address = format!("127.0.0.1:{}", testkit::free_port());
    let metrics = format!("metrics.listen={address}");
    let fixed = [
        directory.as_str(),
        database.as_str(),
        "http.listen=127.0.0.1:0",
        "mqtt.listen=127.0.0.1:0",
        metrics.as_str(),
        "record.origin=record.example/test",
    ];
    for setting in fixed.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    let mut amanat = Amanat::start(command);
    amanat.metrics = address;
    amanat
}

impl Amanat {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let data = Lines::of(child.stdout.take().unwrap());
        let words = Lines::of(child.stderr.take().unwrap());
        let mut amanat = Self {
            child,
            words,
            said: Value::Null,
            metrics: String::new(),
        };
        let mut ended = false;
        testkit::wait_until("the server says where it listens", START_TIMEOUT, || {
            let said = data
                .all()
                .iter()
                .find_map(|it| serde_json::from_str::<Value>(it).ok());
            ended = matches!(amanat.child.try_wait(), Ok(Some(_)));
            match said {
                Some(said) => amanat.said = said,
                None => return ended,
            }
            true
        });
        assert!(
            amanat.said.is_object(),
            "the server ended: {}",
            amanat.words().join("\n")
        );
        amanat
    }

    /// A text of the JSON line.
    #[track_caller]
    pub(crate) fn text(&self, key: &str) -> &str {
        match self.said[key].as_str() {
            Some(text) => text,
            None => panic!("`{key}` is missing in {}", self.said),
        }
    }

    /// The URL of the site, without a slash at its end.
    #[track_caller]
    pub(crate) fn http(&self) -> &str {
        self.text("http").trim_end_matches('/')
    }

    /// The address of MQTT without TLS.
    #[track_caller]
    pub(crate) fn mqtt(&self) -> SocketAddr {
        self.text("mqtt").parse().unwrap()
    }

    /// Somebody who has not signed in, with a preference of languages.
    pub(crate) fn visitor(&self, language: &str) -> Visitor {
        Visitor::new(self.http(), language)
    }

    /// What it logged so far.
    pub(crate) fn words(&self) -> Vec<String> {
        self.words.all()
    }

    /// Every counter of the gateway by its name.
    #[track_caller]
    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        let base = format!("http://{}", self.metrics);
        let page = Visitor::new(&base, "en").open("/metrics");
        let samples = page.body.lines().filter_map(|it| {
            let (name, value) = it.strip_prefix("amanat_gateway_")?.split_once(' ')?;
            Some((name.strip_suffix("_total")?.to_owned(), value.parse().ok()?))
        });
        samples.collect()
    }

    /// One number of the page of metrics.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let base = format!("http://{}", self.metrics);
        let page = Visitor::new(&base, "en").open("/metrics");
        let mut lines = page.body.lines();
        let line = lines.find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as a service manager does, and gives its exit code.
    pub(crate) fn stop(self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
        self.ended().0
    }

    /// Waits until it has ended; gives its exit code and what it logged.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let mut status = None;
        testkit::wait_until("the server has ended", PATIENCE, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.and_then(|it| it.code()), self.words.ended())
    }
}

impl Drop for Amanat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's last words:\n{}", tail(&self.words()));
        }
    }
}

fn tail(lines: &[String]) -> String {
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// Kills a process that a failed test leaves behind.
pub(crate) struct Guard(pub(crate) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! A program that runs beside this one: its lines, its memory, and its certain end.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::clock;
use crate::workspace::{Workspace, find_program, run as run_command, spelled};

/// How long a server may take to end when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// How many lines are kept for the error when something goes wrong.
const KEPT_LINES: usize = 20;
/// As many open files as the machine allows, for thousands of connections; then the program itself.
const WITH_FILES: &str = "limit=$(ulimit -H -n); \
    if [ \"$limit\" = unlimited ] || [ \"$limit\" -gt 65536 ]; then limit=65536; fi; \
    ulimit -S -n \"$limit\"; exec \"$@\"";

/// A running program; it is killed when this value goes.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    spelled: String,
    lines: Receiver<Line>,
    last: VecDeque<String>,
}

/// A line that the program wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// On its standard output.
    Data(String),
    /// On its standard error.
    Words(String),
}

impl Line {
    /// The text, wherever it was written.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Data(text) | Self::Words(text) => text,
        }
    }
}

impl Process {
    /// Starts `command`, with many open files allowed, to die with this process.
    pub(crate) fn start(workspace: &Workspace, command: &Command) -> anyhow::Result<Self> {
        let spelled = spelled(command);
        let mut wrapped = workspace.command("sh");
        wrapped.args(["-c", WITH_FILES, "sh"]);
        if let Some(setpriv) = find_program("setpriv") {
            wrapped.arg(setpriv).args(["--pdeathsig", "KILL"]);
        }
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = wrapped
            .spawn()
            .with_context(|| format!("cannot start `{spelled}`"))?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            pump(stdout, Line::Data, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            pump(stderr, Line::Words, sender);
        }
        Ok(Self {
            child,
            spelled,
            lines,
            last: VecDeque::new(),
        })
    }

    /// Waits for the first line from which `find` makes something.
    pub(crate) fn wait_for<T>(
        &mut self,
        limit: Duration,
        find: impl Fn(&Line) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = clock::now() + limit;
        loop {
            match self.next_line(deadline) {
                Ok(line) => {
                    if let Some(found) = find(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "`{}` did not say what was waited for in {} s{}",
                        self.spelled,
                        limit.as_secs(),
                        self.said()
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("`{}` ended ({status}){}", self.spelled, self.said());
                }
            }
        }
    }

    /// Waits for the end, and returns the lines of the standard output.
    pub(crate) fn finish(mut self, limit: Duration) -> anyhow::Result<Vec<String>> {
        let mut data = Vec::new();
        let status = self.wait_until_ended(limit, &mut data)?;
        if !status.success() {
            bail!("`{}` failed ({status}){}", self.spelled, self.said());
        }
        Ok(data)
    }

    /// Asks a server to end, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let mut kill = Command::new("kill");
        run_command(kill.args(["-TERM", &self.child.id().to_string()]))?;
        self.wait_until_ended(STOP_LIMIT, &mut Vec::new())?;
        Ok(())
    }

    /// The resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
        resident_bytes(&status).with_context(|| format!("`{path}` has no resident size"))
    }

    /// The time of the processor that it has used, in microseconds; the kernel counts in hundredths of a second.
    pub(crate) fn processor_us(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
        processor_us(&stat).with_context(|| format!("`{path}` has no times"))
    }

    fn wait_until_ended(
        &mut self,
        limit: Duration,
        data: &mut Vec<String>,
    ) -> anyhow::Result<ExitStatus> {
        let deadline = clock::now() + limit;
        loop {
            match self.next_line(deadline) {
                Ok(Line::Data(line)) => data.push(line),
                Ok(Line::Words(_)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "`{}` did not end in {} s{}",
                        self.spelled,
                        limit.as_secs(),
                        self.said()
                    )
                }
                // Both pipes are closed: the program is at its end.
                Err(RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?),
            }
        }
    }

    fn next_line(&mut self, deadline: Instant) -> Result<Line, RecvTimeoutError> {
        let left = deadline.saturating_duration_since(clock::now());
        let line = self.lines.recv_timeout(left)?;
        self.last.push_back(line.text().to_owned());
        if self.last.len() > KEPT_LINES {
            self.last.pop_front();
        }
        Ok(line)
    }

    fn said(&self) -> String {
        let lines = self.last.iter().map(|it| format!("\n  {it}"));
        let lines: String = lines.collect();
        if lines.is_empty() {
            "; it said nothing".to_owned()
        } else {
            format!("; it said:{lines}")
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn pump(from: impl Read + Send + 'static, wrap: fn(String) -> Line, to: Sender<Line>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            // Reading goes on when nobody listens, so that the program never waits for us.
            let Ok(line) = line else { return };
            to.send(wrap(line)).ok();
        }
    });
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// User and system time: the fields 14 and 15. The second field is a name in parentheses, which may have spaces in it.
fn processor_us(stat: &str) -> Option<u64> {
    const US_PER_TICK: u64 = 10_000;
    let mut behind_name = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = behind_name.next()?.parse().ok()?;
    let system: u64 = behind_name.next()?.parse().ok()?;
    Some((user + system) * US_PER_TICK)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Process {
        let workspace = Workspace::at(PathBuf::from(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start(&workspace, &command).unwrap()
    }

    #[test]
    fn the_time_of_the_processor_is_user_and_system_time() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 31 5 6 20 0 4 0 99";
        assert_eq!(processor_us(stat), Some(2_810_000));
        assert_eq!(processor_us("7 (a) S 1"), None);
    }

    #[test]
    fn data_is_kept_and_words_are_not() {
        let lines = shell("echo one; echo two >&2; echo three")
            .finish(LIMIT)
            .unwrap();
        assert_eq!(lines, ["one", "three"]);
    }

    #[test]
    fn a_failure_shows_what_the_program_said() {
        let error = shell("echo because >&2; exit 3")
            .finish(LIMIT)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("\n  because"),
            "{error}"
        );
        let error = shell("exit 0")
            .wait_for(LIMIT, |_| None::<()>)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("ended") && error.contains("it said nothing"),
            "{error}"
        );
    }

    #[test]
    fn waiting_is_bounded() {
        let mut process = shell("exec sleep 60");
        let error = process
            .wait_for(Duration::from_millis(50), |_| None::<()>)
            .unwrap_err();
        assert!(error.to_string().contains("did not say"), "{error}");
    }

    #[test]
    fn a_process_that_is_dropped_is_dead() {
        let mut process = shell("echo up; exec sleep 60");
        process
            .wait_for(LIMIT, |line| (line.text() == "up").then_some(()))
            .unwrap();
        assert!(process.resident_bytes().unwrap() > 0);
        assert!(process.processor_us().is_ok());
        let home = format!("/proc/{}", process.child.id());
        assert!(Path::new(&home).exists());
        drop(process);
        assert!(!Path::new(&home).exists());
    }

    #[test]
    fn a_process_can_be_asked_to_stop() {
        let mut process =
            shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done");
        process
            .wait_for(LIMIT, |line| (line.text() == "up").then_some(()))
            .unwrap();
        process.stop().unwrap();
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(
            resident_bytes("VmSize:\t  9 kB\nVmRSS:\t   2048 kB\n"),
            Some(2_097_152)
        );
        assert_eq!(resident_bytes("VmSize:\t  9 kB\n"), None);
    }
}

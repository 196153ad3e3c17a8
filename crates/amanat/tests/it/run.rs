//! Running the binary.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// The binary, in `directory`, without the settings of whoever runs the tests.
pub(crate) fn amanat(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amanat"));
    command.current_dir(directory);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AMANAT_") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A server that says where it listens, and ends with the value.
pub(crate) struct Server {
    child: Child,
    lines: Vec<String>,
    words: Arc<Mutex<String>>,
}

impl Server {
    /// Starts the binary with `arguments` and all addresses on free ports; waits until it has named `last`.
    #[track_caller]
    pub(crate) fn start(directory: &Path, arguments: &[&str], last: &str) -> Self {
        let mut child = amanat(directory)
            .args(arguments)
            .args(["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let words = Arc::new(Mutex::new(String::new()));
        let (mut stderr, written) = (child.stderr.take().unwrap(), words.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]);
                written.lock().unwrap().push_str(&text);
            }
        });
        let (sender, receiver) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self {
            child,
            lines: Vec::new(),
            words,
        };
        while !server.lines.iter().any(|it| it.starts_with(last)) {
            match receiver.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => server.lines.push(line),
                Err(err) => panic!("`{last}` was not named ({err}): {}", server.words()),
            }
        }
        server
    }

    /// What it printed on standard output until it was up.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What it said on standard error so far.
    pub(crate) fn words(&self) -> String {
        self.words.lock().unwrap().clone()
    }

    /// The value of `name: value`.
    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> String {
        let prefix = format!("{name}: ");
        let value = self.lines.iter().find_map(|it| it.strip_prefix(&prefix));
        value.unwrap().to_owned()
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

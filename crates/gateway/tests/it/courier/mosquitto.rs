//! A real mosquitto with TLS and a password, and its own subscriber.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::endpoint::Authority;

const PATIENCE: Duration = Duration::from_secs(20);
const ADVICE: &str =
    "install mosquitto and mosquitto-clients: these tests use a broker that is not ours";

pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    directory: tempfile::TempDir,
    process: Child,
    user: String,
    password: String,
}

/// A subscriber that ends after so many messages.
pub(crate) struct Subscriber(Child);

impl Mosquitto {
    pub(crate) fn start(authority: &Authority, user: &str, password: &str) -> Self {
        let directory = testkit::temp_dir();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (certificate, key) = authority.issue();
        std::fs::write(path("ca.pem"), authority.pem()).unwrap();
        std::fs::write(path("certificate.pem"), certificate.pem()).unwrap();
        std::fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        let passwords = Command::new("mosquitto_passwd")
            .args(["-b", "-c", &path("passwords"), user, password])
            .status();
        assert!(passwords.expect(ADVICE).success());
        let port = testkit::free_port();
        // As root mosquitto becomes another user, who must be able to read its files.
        let config = format!(
            "log_type all\nlog_dest file {}\nuser root\nlistener {port} 127.0.0.1\ncertfile {}\nkeyfile {}\nallow_anonymous false\npassword_file {}\n",
            path("log"),
            path("certificate.pem"),
            path("key.pem"),
            path("passwords")
        );
        std::fs::write(path("mosquitto.conf"), config).unwrap();
        let process = Command::new("mosquitto")
            .args(["-c", &path("mosquitto.conf")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect(ADVICE);
        testkit::wait_until("mosquitto listens", PATIENCE, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            port,
            directory,
            process,
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// A subscriber that has subscribed.
    pub(crate) fn subscribe(&self, filter: &str, count: usize) -> Subscriber {
        let ca = self.directory.path().join("ca.pem").display().to_string();
        let (port, count) = (self.port.to_string(), count.to_string());
        let process = Command::new("mosquitto_sub")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "--cafile",
                &ca,
                "--insecure",
            ])
            .args(["-u", &self.user, "-P", &self.password, "-q", "1"])
            .args(["-t", filter, "-C", &count, "-W", "60", "-F", "%t %p"])
            .stdout(Stdio::piped())
            .spawn()
            .expect(ADVICE);
        // The subscriber says so in a pipe that is not flushed; the broker in its log.
        let log = self.directory.path().join("log");
        testkit::wait_until("the subscriber has subscribed", PATIENCE, || {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            log.contains("Sending SUBACK")
        });
        Subscriber(process)
    }
}

impl Subscriber {
    /// Every message, once all have come.
    pub(crate) fn lines(self) -> Vec<String> {
        let output = self.0.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "not every message has come: {text}"
        );
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

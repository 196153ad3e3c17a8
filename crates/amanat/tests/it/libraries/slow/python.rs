//! The journey with Eclipse Paho of Python.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Site;
use crate::harness::METER;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/libraries/journey.py");
/// The ways of the journey.
const WAYS: [&str; 5] = ["mqtt", "mqtts", "mqtts-with-certificate", "ws", "wss"];

/// The first Python that has the library: that of the distribution, or the one on the path.
fn python() -> &'static str {
    let has_library = |it: &&str| {
        let mut command = Command::new(it);
        command.args(["-c", "import paho.mqtt.client"]);
        let status = command.stderr(Stdio::null()).status();
        status.is_ok_and(|it| it.success())
    };
    let found = ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(has_library);
    found.expect("no Python has paho-mqtt: `cargo xtask setup` installs python3-paho-mqtt")
}

#[test]
fn paho_of_python_makes_the_journey_over_every_way_with_both_versions() {
    let site = Site::new();
    let address = |key: &str| {
        let url = site.amanat.text(key);
        json!(url.rsplit('/').next().unwrap())
    };
    let password = |name: &str| (name.to_owned(), json!(site.house.password(name)));
    let passwords = [METER, "adviser", "laboratory"].map(password);
    let file = |name: &str| json!(site.file(name));
    let told = json!({
        "mqtt": address("mqtt"),
        "mqtts": address("mqtts"),
        "ws": address("ws"),
        "wss": address("wss"),
        "passwords": Value::Object(passwords.into_iter().collect()),
        "authority": file("server.pem"),
        "other-authority": file("other.pem"),
        "certificate": file("device.pem"),
        "key": file("device.key"),
    });
    let mut child = Command::new("timeout")
        .args(["150", python(), SCRIPT])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(told.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let expected: Vec<_> = ["3.1.1", "5"]
        .iter()
        .flat_map(|version| WAYS.iter().map(move |way| format!("ok {way} {version}")))
        .collect();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{words}");
    assert!(output.status.success(), "{words}");
}

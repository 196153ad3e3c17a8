//! The server with every way in, and the files of TLS.

mod python;
mod rust;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{Amanat, House, METER, run};

/// The house, its server, and the files of TLS.
struct Site {
    house: House,
    files: TempDir,
    amanat: Amanat,
}

impl Site {
    /// Starts the server, and has its own authority certify the meter.
    fn new() -> Self {
        let house = House::new();
        let files = testkit::temp_dir();
        for name in ["server", "other"] {
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            let key = files.path().join(format!("{name}.key"));
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
            std::fs::write(files.path().join(format!("{name}.pem")), made.cert.pem()).unwrap();
        }
        let file = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
        let amanat = house.serve(&[
            "mqtt.tls-listen=127.0.0.1:0",
            "mqtt.websocket-listen=127.0.0.1:0",
            "mqtt.websocket-tls-listen=127.0.0.1:0",
            &format!("mqtt.tls-certificate={}", file("server.pem")),
            &format!("mqtt.tls-key={}", file("server.key")),
        ]);
        let data = house.directory.path().to_str().unwrap().to_owned();
        let (key, certificate) = (file("device.key"), file("device.pem"));
        let issue = ["issue", METER, "--new-key", &key, "--out", &certificate];
        for command in [&["init"][..], &issue] {
            let data = ["--data", &data];
            let done = run(["ca"].iter().chain(command).chain(&data));
            assert_eq!(done.code, Some(0), "{done:?}");
        }
        Self {
            house,
            files,
            amanat,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }
}

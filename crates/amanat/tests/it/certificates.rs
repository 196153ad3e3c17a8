//! Journey: a device gets a certificate, connects with it by stock clients, gets the next one, and loses it; and the
//! server's own certificate is replaced while connections stay.

mod slow {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    use tempfile::TempDir;

    use crate::harness::{Amanat, Client, House, METER, Run, publish, run};

    const MESSAGE: &str = r#"{"power":1234.50,"temperature":21.5}"#;

    /// The files of a test.
    struct Files(TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(testkit::temp_dir());
            files.make_pair("server");
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// A self-signed pair for localhost.
        fn make_pair(&self, name: &str) {
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            let key = self.path(&format!("{name}.key"));
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
            std::fs::write(self.path(&format!("{name}.pem")), made.cert.pem()).unwrap();
        }

        fn serve(&self, house: &House, more: &[&str]) -> Amanat {
            let certificate = format!("mqtt.tls-certificate={}", self.path("server.pem").display());
            let key = format!("mqtt.tls-key={}", self.path("server.key").display());
            let mut settings = vec![
                "mqtt.tls-listen=127.0.0.1:0",
                "http.tls-listen=127.0.0.1:0",
                &certificate,
                &key,
            ];
            settings.extend(more);
            house.serve(&settings)
        }

        /// `amanat` with the data directory of the house.
        fn amanat(&self, house: &House, arguments: &[&str]) -> Run {
            let directory = house.directory.path().to_str().unwrap().to_owned();
            let all = arguments.iter().copied().map(str::to_owned);
            run(all.chain(["--data".to_owned(), directory]))
        }

        /// Publishes with a certificate by `mosquitto_pub`.
        fn publish(&self, amanat: &Amanat, name: &str, user_name: &str) -> Run {
            let (certificate, key) = (
                self.path(&format!("{name}.pem")),
                self.path(&format!("{name}.key")),
            );
            let client = Client {
                server: amanat.text("mqtts").parse().unwrap(),
                version: "mqttv5",
                user_name,
                password: "",
                certificate: Some(&self.path("server.pem")),
                identity: Some((&certificate, &key)),
            };
            publish(&client, "anything", MESSAGE)
        }

        fn curl(&self, amanat: &Amanat, path: &str, arguments: &[&str]) -> Output {
            let url = format!("https://{}{path}", amanat.text("https"));
            Command::new("curl")
                .args(["--silent", "--fail", "--cacert"])
                .arg(self.path("server.pem"))
                .args(arguments)
                .arg(url)
                .output()
                .unwrap()
        }

        /// Writes the one certificate of an answer of EST to a file.
        fn keep(&self, answer: &Output, name: &str) {
            assert!(answer.status.success(), "{answer:?}");
            let text = String::from_utf8(answer.stdout.clone()).unwrap();
            let pem = format!("-----BEGIN PKCS7-----\n{text}-----END PKCS7-----\n");
            let certificate = openssl(&["pkcs7", "-print_certs"], pem.as_bytes());
            assert!(certificate.status.success(), "{certificate:?}");
            std::fs::write(self.path(name), certificate.stdout).unwrap();
        }

        /// A signing request for a key in a file, in base64, in a file.
        fn request(&self, key: &str, name: &str) -> PathBuf {
            let key = self.path(key);
            let made = openssl(
                &[
                    "req",
                    "-new",
                    "-key",
                    key.to_str().unwrap(),
                    "-subj",
                    "/CN=test-meter",
                ],
                b"",
            );
            let pem = String::from_utf8(made.stdout).unwrap();
            let lines: Vec<_> = pem.lines().filter(|it| !it.starts_with("---")).collect();
            std::fs::write(self.path(name), lines.join("\n")).unwrap();
            self.path(name)
        }
    }

    fn openssl(arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// A handshake by `openssl s_client`, and what it printed.
    fn handshake(amanat: &Amanat, address: &str, arguments: &[&str]) -> (bool, String) {
        let mut all = vec!["s_client", "-connect", amanat.text(address)];
        all.extend(arguments);
        let output = openssl(&all, b"");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    fn serial_of(path: &Path) -> String {
        let printed = openssl(
            &["x509", "-noout", "-serial", "-in", path.to_str().unwrap()],
            b"",
        );
        let printed = String::from_utf8(printed.stdout).unwrap();
        printed.trim().trim_start_matches("serial=").to_owned()
    }

    #[test]
    fn a_device_gets_uses_renews_and_loses_a_certificate_with_stock_clients() {
        let house = House::new();
        let files = Files::new();
        let amanat = files.serve(&house, &[]);
        let none = files.amanat(&house, &["ca", "certificate"]);
        assert_ne!(none.code, Some(0), "{none:?}");
        let begun = files.amanat(&house, &["ca", "init"]);
        assert_eq!(begun.code, Some(0), "{begun:?}");
        let (key, certificate) = (files.path("device.key"), files.path("device.pem"));
        let issued = files.amanat(
            &house,
            &[
                "ca",
                "issue",
                METER,
                "--new-key",
                key.to_str().unwrap(),
                "--out",
                certificate.to_str().unwrap(),
            ],
        );
        assert_eq!(issued.code, Some(0), "{issued:?}");
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for user_name in ["", METER] {
            let sent = files.publish(&amanat, "device", user_name);
            assert_eq!(sent.code, Some(0), "{sent:?}");
        }
        let other = files.publish(&amanat, "device", "adviser");
        assert_ne!(other.code, Some(0), "{other:?}");

        // The same certificate opens HTTPS, and gets the next one for a new key.
        let with = |name: &str| {
            [
                "--cert".to_owned(),
                files.path(&format!("{name}.pem")).display().to_string(),
                "--key".to_owned(),
                files.path(&format!("{name}.key")).display().to_string(),
            ]
        };
        let curl = |path: &str, name: Option<&str>, more: &[&str]| {
            let shown = name.map(with).unwrap_or_default();
            let mut all: Vec<&str> = shown
                .iter()
                .map(String::as_str)
                .filter(|it| !it.is_empty())
                .collect();
            all.extend(more);
            files.curl(&amanat, path, &all)
        };
        let sent = curl(
            "/ingest/v1",
            Some("device"),
            &["--data", MESSAGE, "-H", "Content-Type: application/json"],
        );
        assert!(sent.status.success(), "{sent:?}");
        let key = files.path("next.key");
        openssl(
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-out",
                key.to_str().unwrap(),
            ],
            b"",
        );
        let request = files.request("next.key", "request.b64");
        let body = format!("@{}", request.display());
        let enrol = [
            "--data-binary",
            &body,
            "-H",
            "Content-Type: application/pkcs10",
        ];
        let reenrol = "/.well-known/est/simplereenroll";
        assert!(!curl(reenrol, None, &enrol).status.success());
        let soon = curl(reenrol, Some("device"), &enrol);
        assert!(!soon.status.success(), "the first was issued a moment ago");
        std::thread::sleep(std::time::Duration::from_secs(11));
        files.keep(&curl(reenrol, Some("device"), &enrol), "next.pem");
        let sent = files.publish(&amanat, "next", "");
        assert_eq!(sent.code, Some(0), "{sent:?}");
        files.keep(
            &curl("/.well-known/est/cacerts", None, &[]),
            "authority.pem",
        );
        let verified = openssl(
            &[
                "verify",
                "-CAfile",
                files.path("authority.pem").to_str().unwrap(),
                files.path("next.pem").to_str().unwrap(),
            ],
            b"",
        );
        assert!(verified.status.success(), "{verified:?}");

        let serial = serial_of(&files.path("device.pem"));
        let revoked = files.amanat(&house, &["ca", "revoke", &serial]);
        assert_eq!(revoked.code, Some(0), "{revoked:?}");
        assert_ne!(files.publish(&amanat, "device", "").code, Some(0));
        assert!(!curl(reenrol, Some("device"), &enrol).status.success());
        assert_eq!(files.publish(&amanat, "next", "").code, Some(0));
        let listed = files.amanat(&house, &["ca", "list", "--thing", METER]);
        assert_eq!(listed.data.matches("revoked").count(), 1, "{listed:?}");
        assert_eq!(listed.data.matches("until").count(), 1, "{listed:?}");
        assert!(amanat.counters()["certificates_refused"] >= 1);
    }

    #[test]
    fn a_makers_devices_come_in_once_the_maker_is_believed() {
        let house = House::new();
        let files = Files::new();
        let amanat = files.serve(&house, &[]);
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        std::fs::write(files.path("maker.pem"), authority.pem()).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let mut params = rcgen::CertificateParams::new([format!("{METER}.maker.example")]).unwrap();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(files.path("device.key"), key.serialize_pem()).unwrap();
        std::fs::write(files.path("device.pem"), certificate.pem()).unwrap();
        assert_ne!(files.publish(&amanat, "device", "").code, Some(0));
        let maker = files.path("maker.pem");
        let maker = maker.to_str().unwrap();
        let pattern = [
            "--deployment",
            "test-home",
            "--subject-pattern",
            "dns:{thing}.maker.example",
        ];
        let mut trust = vec!["ca", "trust", maker];
        trust.extend(pattern);
        let trusted = files.amanat(&house, &trust);
        assert_eq!(trusted.code, Some(0), "{trusted:?}");
        let sent = files.publish(&amanat, "device", "");
        assert_eq!(sent.code, Some(0), "{sent:?}");
        let id = trusted.data.trim_start_matches("maker: ").to_owned();
        let ended = files.amanat(
            &house,
            &["ca", "distrust", &id, "--deployment", "test-home"],
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_ne!(files.publish(&amanat, "device", "").code, Some(0));
    }

    #[test]
    fn old_versions_and_other_protocols_are_refused() {
        let house = House::new();
        let files = Files::new();
        let amanat = files.serve(&house, &[]);
        for (arguments, opens) in [
            (&["-tls1_2"][..], true),
            (&["-tls1_3"], true),
            (&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false),
            (&["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"], false),
            (&["-alpn", "mqtt"], true),
            (&["-alpn", "h2"], false),
        ] {
            let (opened, said) = handshake(&amanat, "mqtts", arguments);
            assert_eq!(opened, opens, "{arguments:?}: {said}");
        }
        let (_, said) = handshake(&amanat, "mqtts", &["-alpn", "h2,mqtt"]);
        assert!(said.contains("ALPN protocol: mqtt"), "{said}");
        let (_, said) = handshake(&amanat, "https", &["-alpn", "h2,http/1.1"]);
        assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
        drop(amanat);
        let newest = files.serve(&house, &["mqtt.tls-minimum=1.3"]);
        assert!(!handshake(&newest, "mqtts", &["-tls1_2"]).0);
        assert!(handshake(&newest, "mqtts", &["-tls1_3"]).0);
    }

    #[test]
    fn a_new_server_certificate_is_used_without_a_connection_noticing() {
        let house = House::new();
        let files = Files::new();
        let amanat = files.serve(&house, &[]);
        let old = files.path("old.pem");
        std::fs::copy(files.path("server.pem"), &old).unwrap();
        let client = |user_name, certificate| Client {
            server: amanat.text("mqtts").parse().unwrap(),
            version: "mqttv5",
            user_name,
            password: house.password(user_name),
            certificate: Some(certificate),
            identity: None,
        };
        let adviser = client("adviser", &old).subscribe(&["-t", "for/energy-advice/#"]);
        assert_eq!(adviser.subscribed(), 1);
        files.make_pair("server");
        let reloaded = files.amanat(&house, &["tls", "reload"]);
        assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
        assert!(reloaded.data.contains("is in use"), "{reloaded:?}");
        let new = files.path("server.pem");
        assert_ne!(publish(&client(METER, &old), "x", MESSAGE).code, Some(0));
        assert_eq!(publish(&client(METER, &new), "x", MESSAGE).code, Some(0));
        adviser.wait_for("the connection from before has the message", |_| true);
        std::fs::write(files.path("server.pem"), "broken").unwrap();
        let broken = files.amanat(&house, &["tls", "reload"]);
        assert_ne!(broken.code, Some(0), "{broken:?}");
        assert!(broken.words.contains("stays in use"), "{broken:?}");
        let kept = files.path("kept.pem");
        let (_, said) = handshake(&amanat, "mqtts", &["-showcerts"]);
        let begin = said.find("-----BEGIN").unwrap();
        std::fs::write(&kept, said.get(begin..).unwrap()).unwrap();
        assert_eq!(publish(&client(METER, &kept), "x", MESSAGE).code, Some(0));
        assert_eq!(adviser.received().len(), 2);
    }
}

//! Journey: a device gets a certificate, connects with it by stock clients, gets the next one, and loses it; and the
//! server's own certificate is replaced while connections stay.

mod slow {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    use tempfile::TempDir;

    use crate::harness::{Amanat, Client, House, METER, PATIENCE, Run, publish, run};

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
            let site = amanat.text("https").trim_end_matches('/');
            let url = format!("{site}{path}");
            Command::new("curl")
                .args(["--silent", "--fail", "--cacert"])
                .arg(self.path("server.pem"))
                .args(arguments)
                .arg(url)
                .output()
                .unwrap()
        }

        fn text_of(&self, name: &str) -> String {
            self.path(name).to_str().unwrap().to_owned()
        }

        /// By `curl`, with a certificate.
        fn curl_with(&self, amanat: &Amanat, name: &str, path: &str, more: &[&str]) -> Output {
            let certificate = self.text_of(&format!("{name}.pem"));
            let key = self.text_of(&format!("{name}.key"));
            let mut all = vec!["--cert", &certificate, "--key", &key];
            all.extend(more);
            self.curl(amanat, path, &all)
        }

        /// Begins the authority and has it certify a key of the meter.
        fn issue(&self, house: &House) {
            let none = self.amanat(house, &["ca", "certificate"]);
            assert_ne!(none.code, Some(0), "{none:?}");
            let begun = self.amanat(house, &["ca", "init"]);
            assert_eq!(begun.code, Some(0), "{begun:?}");
            let (key, certificate) = (self.text_of("device.key"), self.text_of("device.pem"));
            let issue = [
                "ca",
                "issue",
                METER,
                "--new-key",
                &key,
                "--out",
                &certificate,
            ];
            let issued = self.amanat(house, &issue);
            assert_eq!(issued.code, Some(0), "{issued:?}");
            let mode = std::fs::metadata(&key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }

        /// A new key and a request for it, as `curl` takes it.
        fn next_request(&self) -> String {
            let key = self.text_of("next.key");
            let curve = "ec_paramgen_curve:P-256";
            let made = [
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                curve,
                "-out",
                &key,
            ];
            assert!(openssl(&made, b"").status.success());
            format!("@{}", self.request("next.key", "request.b64").display())
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
        let at = amanat.text(address).trim_start_matches("https://");
        let mut all = vec!["s_client", "-connect", at.trim_end_matches('/')];
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

    const NEXT: &str = "/.well-known/est/simplereenroll";

    #[test]
    fn a_device_gets_uses_renews_and_loses_a_certificate_with_stock_clients() {
        let house = House::new();
        let files = Files::new();
        let amanat = files.serve(&house, &[]);
        files.issue(&house);
        for user_name in ["", METER] {
            let sent = files.publish(&amanat, "device", user_name);
            assert_eq!(sent.code, Some(0), "{sent:?}");
        }
        let other = files.publish(&amanat, "device", "adviser");
        assert_ne!(other.code, Some(0), "{other:?}");
        let json = ["--data", MESSAGE, "-H", "Content-Type: application/json"];
        let sent = files.curl_with(&amanat, "device", "/ingest/v1", &json);
        assert!(sent.status.success(), "{sent:?}");

        // The certificate gets the next one, for a new key.
        let body = files.next_request();
        let enrol = [
            "--data-binary",
            &body,
            "-H",
            "Content-Type: application/pkcs10",
        ];
        assert!(!files.curl(&amanat, NEXT, &enrol).status.success());
        let renew = || files.curl_with(&amanat, "device", NEXT, &enrol);
        assert!(
            !renew().status.success(),
            "the first was issued a moment ago"
        );
        let mut renewed = None;
        testkit::wait_until("the next certificate is issued", PATIENCE, || {
            renewed = Some(renew()).filter(|it| it.status.success());
            renewed.is_some()
        });
        files.keep(&renewed.unwrap(), "next.pem");
        let sent = files.publish(&amanat, "next", "");
        assert_eq!(sent.code, Some(0), "{sent:?}");
        let authority = files.curl(&amanat, "/.well-known/est/cacerts", &[]);
        files.keep(&authority, "authority.pem");
        let [authority, next] = ["authority.pem", "next.pem"].map(|it| files.text_of(it));
        let verified = openssl(&["verify", "-CAfile", &authority, &next], b"");
        assert!(verified.status.success(), "{verified:?}");

        let serial = serial_of(&files.path("device.pem"));
        let revoked = files.amanat(&house, &["ca", "revoke", &serial]);
        assert_eq!(revoked.code, Some(0), "{revoked:?}");
        assert_ne!(files.publish(&amanat, "device", "").code, Some(0));
        assert!(!renew().status.success());
        assert_eq!(files.publish(&amanat, "next", "").code, Some(0));
        let listed = files.amanat(&house, &["ca", "list", "--thing", METER]);
        assert_eq!(listed.data.matches("revoked").count(), 1, "{listed:?}");
        assert_eq!(listed.data.matches("until").count(), 1, "{listed:?}");
        assert!(amanat.counters()["certificates_refused"] >= 1);
    }

    #[test]
    fn a_device_gets_its_first_certificate_with_its_token_and_only_for_itself() {
        let house = House::new();
        let files = Files::new();
        let amanat = files.serve(&house, &[]);
        let begun = files.amanat(&house, &["ca", "init"]);
        assert_eq!(begun.code, Some(0), "{begun:?}");
        let body = files.next_request();
        let first = |user_name: &str, password: &str, media_type: &str| {
            let user = format!("{user_name}:{password}");
            let media_type = format!("Content-Type: {media_type}");
            let all = ["-u", &user, "--data-binary", &body, "-H", &media_type];
            files.curl(&amanat, "/.well-known/est/simpleenroll", &all)
        };
        let pkcs10 = "application/pkcs10";
        let right = house.password(METER);
        for (user_name, password, media_type) in [
            (METER, "wrong", pkcs10),
            (METER, right, "application/json"),
            ("adviser", house.password("adviser"), pkcs10),
        ] {
            let refused = first(user_name, password, media_type);
            assert!(!refused.status.success(), "{user_name} {media_type}");
        }
        files.keep(&first(METER, right, pkcs10), "next.pem");
        let sent = files.publish(&amanat, "next", METER);
        assert_eq!(sent.code, Some(0), "{sent:?}");
        let counters = amanat.counters();
        assert_eq!(counters["certificates_issued"], 1);
        assert_eq!(counters["certificate_requests_refused"], 2);
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

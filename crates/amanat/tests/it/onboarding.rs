//! From an empty `amanat serve` to readings of devices behind a bridge, by commands alone.

mod slow {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Output;

    use crate::run::{Server, amanat, stderr, stdout};

    const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

    /// A data directory and the commands on it.
    struct Operator {
        place: tempfile::TempDir,
    }

    impl Operator {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            fs::write(place.path().join("home.toml"), NOTICE).unwrap();
            Self { place }
        }

        fn path(&self) -> &Path {
            self.place.path()
        }

        fn file(&self, name: &str) -> String {
            fs::read_to_string(self.path().join(name)).unwrap()
        }

        fn call(&self, arguments: &[&str]) -> Output {
            amanat(self.path())
                .args(arguments)
                .args(["--data", "data"])
                .output()
                .unwrap()
        }

        #[track_caller]
        fn says(&self, arguments: &[&str]) -> String {
            let output = self.call(arguments);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            stdout(&output)
        }

        #[track_caller]
        fn refuses(&self, arguments: &[&str]) -> String {
            let output = self.call(arguments);
            assert!(!output.status.success(), "{}", stdout(&output));
            stderr(&output)
        }

        #[track_caller]
        fn token(&self, arguments: &[&str]) -> String {
            let said = self.says(arguments);
            said.trim().strip_prefix("token: ").unwrap().to_owned()
        }

        /// Makes the data directory; the commands open it themselves afterwards.
        fn start_and_stop(&self) {
            let server = Server::start(self.path(), &["serve", "--data", "data"], "mqtt");
            assert_eq!(server.stop(), Some(0));
        }

        /// A licensed deployment with a bridge; gives the bridge's token.
        fn found(&self) -> String {
            self.says(&[
                "member",
                "add",
                "lahore-power",
                "--chamber",
                "vendors",
                "--name-en",
                "Lahore Power",
                "--name-ur",
                "ادارہ",
                "--about-en",
                "Sells power.",
                "--about-ur",
                "بجلی دیتا ہے۔",
            ]);
            self.says(&["deployment", "publish", "home.toml"]);
            self.says(&[
                "licence",
                "issue",
                "gulberg-home",
                "--reason",
                "The notice is complete.",
            ]);
            self.token(&[
                "bridge",
                "add",
                "hub-1",
                "--deployment",
                "gulberg-home",
                "--adapter",
                "zigbee2mqtt",
            ])
        }
    }

    /// The status of a message of the bridge.
    fn post(server: &Server, token: &str, topic: &str, body: &str) -> u16 {
        let address = server.value("http").replace("http://", "");
        let address = address.trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        let request = format!(
            "POST /ingest/v1?topic={topic} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer hub-1:{token}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer[9..12].parse().unwrap()
    }

    #[test]
    #[expect(
        clippy::too_many_lines,
        reason = "one journey, told in the order in which it is walked"
    )]
    fn an_operator_gets_from_an_empty_server_to_the_first_reading_by_commands_alone() {
        let operator = Operator::new();
        let server = Server::start(operator.path(), &["serve", "--data", "data"], "mqtt");
        let hub = operator.found();
        let reading = r#"{"power": 12.5, "linkquality": 90}"#;
        assert_eq!(post(&server, &hub, "zigbee2mqtt/kitchen", reading), 202);
        let seen = operator.says(&["bridge", "seen", "hub-1"]);
        assert!(seen.contains(r#""name":"kitchen""#), "{seen}");
        operator.token(&[
            "thing",
            "add",
            "kitchen-plug",
            "--deployment",
            "gulberg-home",
            "--topic",
            "zigbee2mqtt/kitchen",
            "--bridge",
            "hub-1",
            "--name",
            "kitchen",
        ]);
        assert_eq!(post(&server, &hub, "zigbee2mqtt/kitchen", reading), 202);
        assert_eq!(operator.says(&["bridge", "seen", "hub-1"]), "");
        let shown = operator.says(&["thing", "show", "kitchen-plug"]);
        assert!(shown.contains(r#"["hub-1","kitchen"]"#), "{shown}");
        assert!(shown.contains("zigbee2mqtt/kitchen"), "{shown}");

        // Renewed with an overlap both tokens are taken; revoked none is.
        let newer = operator.token(&["bridge", "renew", "hub-1", "--overlap", "1h"]);
        assert_eq!(post(&server, &newer, "zigbee2mqtt/kitchen", reading), 202);
        assert_eq!(post(&server, &hub, "zigbee2mqtt/kitchen", reading), 202);
        operator.says(&["bridge", "revoke", "hub-1"]);
        assert_eq!(post(&server, &newer, "zigbee2mqtt/kitchen", reading), 401);
        assert_eq!(post(&server, &hub, "zigbee2mqtt/kitchen", reading), 401);

        let label = [
            "thing",
            "claim-code",
            "kitchen-plug",
            "--label",
            "label.html",
        ];
        assert_eq!(operator.says(&label), "", "the code is in the file only");
        assert!(operator.file("label.html").contains("/claim?code="));
        let shown = operator.says(&["thing", "show", "kitchen-plug"]);
        assert!(shown.contains(r#""people":0"#), "{shown}");
        let released = operator.says(&["thing", "release", "kitchen-plug"]);
        assert_eq!(released.trim(), r#"{"ended":0,"thing":"kitchen-plug"}"#);
        let stranger = ["thing", "release", "kitchen-plug", "--person", "p-stranger"];
        let said = operator.refuses(&stranger);
        assert!(said.contains("kitchen-plug"), "{said}");
        operator.refuses(&["thing", "release", "nothing"]);
        operator.token(&["recipient", "add", "city-office"]);
        operator.says(&[
            "recipient",
            "grant",
            "city-office",
            "--deployment",
            "gulberg-home",
            "--purpose",
            "billing",
            "--until",
            "2030-01-01T00:00:00Z",
        ]);
        // What fails leaves no file behind, so that the next try can have its name, and touches none that was there.
        operator.refuses(&["recipient", "add", "city-office", "--token-file", "office"]);
        operator.refuses(&["thing", "claim-code", "nothing", "--label", "other.html"]);
        operator.refuses(&["ca", "issue", "nothing", "--new-key", "device.key"]);
        for file in ["office", "other.html", "device.key"] {
            assert!(!operator.path().join(file).exists(), "{file}");
        }
        operator.refuses(&[
            "thing",
            "claim-code",
            "kitchen-plug",
            "--label",
            "home.toml",
        ]);
        assert_eq!(operator.file("home.toml"), NOTICE);
        let issued = operator.refuses(&["licence", "issue", "gulberg-home", "--reason", "Again."]);
        assert!(issued.contains("the licence is active already"), "{issued}");
        let words = server.words();
        assert!(!words.contains(&newer) && !words.contains(&hub), "{words}");
        assert_eq!(server.stop(), Some(0));
        // Without a server the same commands open the data themselves.
        let listed = operator.says(&["thing", "list", "--deployment", "gulberg-home"]);
        assert!(listed.contains("kitchen-plug"), "{listed}");
    }

    #[test]
    fn an_import_says_everything_that_is_wrong_and_registers_nothing_until_all_is_right() {
        let operator = Operator::new();
        let _server = Server::start(operator.path(), &["serve", "--data", "data"], "mqtt");
        operator.found();
        let import = |more: &[&str]| {
            let mut words = vec![
                "thing",
                "import",
                "plugs.csv",
                "--deployment",
                "gulberg-home",
            ];
            words.extend(more);
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let call = |more: &[&str]| {
            let words = import(more);
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            operator.call(&words)
        };
        let write = |text: &str| fs::write(operator.path().join("plugs.csv"), text).unwrap();
        write(
            "id,topic,bridge,name\nplug-1,a/b,hub-1,one\nPlug-2,,,\nplug-3,a/b,,\nplug-1,,,\nplug-4,a/+,,\nplug-5,,hub-9,x\nhub-1,,,\nplug-6,,hub-1,one\n",
        );
        for more in [["--tokens", "tokens.csv"].as_slice(), &["--dry-run"]] {
            let output = call(more);
            assert_eq!(output.status.code(), Some(3));
            let words = stderr(&output);
            for line in 3..=9 {
                assert!(words.contains(&format!("line {line}: ")), "{line}: {words}");
            }
            assert!(!words.contains("line 2: "), "{words}");
        }
        assert!(!operator.path().join("tokens.csv").exists());
        assert_eq!(
            operator.says(&["thing", "list", "--deployment", "gulberg-home"]),
            ""
        );
        write("id,topic,bridge,name\nplug-1,a/b,hub-1,one\nplug-2,,hub-1,two\n");
        assert_eq!(call(&["--dry-run"]).status.code(), Some(0));
        assert_eq!(
            operator.says(&["thing", "list", "--deployment", "gulberg-home"]),
            ""
        );
        let done = call(&["--tokens", "tokens.csv"]);
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
        let tokens = operator.file("tokens.csv");
        assert_eq!(tokens.lines().count(), 3);
        assert!(tokens.starts_with("id,token\nplug-1,"), "{tokens}");
        let mode = fs::metadata(operator.path().join("tokens.csv"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        for token in tokens.lines().skip(1).filter_map(|it| it.split_once(',')) {
            assert!(!stdout(&done).contains(token.1) && !stderr(&done).contains(token.1));
        }
        // A file that is there is never written over.
        write("id\nplug-3\n");
        let again = call(&["--tokens", "tokens.csv"]);
        assert_eq!(again.status.code(), Some(3));
        assert_eq!(operator.file("tokens.csv"), tokens);
    }

    #[test]
    fn a_fleet_key_is_made_listed_and_ended_by_commands() {
        let operator = Operator::new();
        operator.start_and_stop();
        operator.found();
        let add = [
            "provisioning",
            "add",
            "factory-1",
            "--deployment",
            "gulberg-home",
            "--pattern",
            "plug-*",
            "--uses",
            "500",
            "--days",
            "30",
        ];
        let secret = operator.token(&add);
        assert!(operator.refuses(&add).contains("is taken"));
        let listed = operator.says(&["provisioning", "list"]);
        assert!(listed.contains(r#""uses-left":500"#), "{listed}");
        assert!(!listed.contains(&secret));
        assert_eq!(operator.says(&["provisioning", "show", "factory-1"]), "");
        operator.says(&["provisioning", "end", "factory-1"]);
        let said = operator.refuses(&["provisioning", "end", "factory-2"]);
        assert!(
            said.contains("there is no provisioning key `factory-2`"),
            "{said}"
        );
    }

    #[test]
    fn what_an_operator_gets_wrong_is_said_and_changes_nothing() {
        let operator = Operator::new();
        let _server = Server::start(operator.path(), &["serve", "--data", "data"], "mqtt");
        operator.found();
        let add = ["thing", "add", "plug-1", "--deployment"];
        let said = operator.refuses(&[&add[..], &["moon"]].concat());
        assert!(said.contains("there is no deployment `moon`"), "{said}");
        let said =
            operator.refuses(&[&add[..], &["gulberg-home", "--adapter", "telepathy"]].concat());
        assert!(said.contains("is no dialect"), "{said}");
        let said =
            operator.refuses(&[&add[..], &["gulberg-home", "--adapter", "sparkplug-b"]].concat());
        assert!(said.contains("add a bridge"), "{said}");
        let said = operator.refuses(&["bridge", "link", "hub-1", "kitchen", "nothing"]);
        assert!(said.contains("there is no thing `nothing`"), "{said}");
        let said = operator.refuses(&["licence", "issue", "gulberg-home", "--reason", "again"]);
        assert!(said.contains("the licence is"), "{said}");
        let said = operator.refuses(&["bridge", "renew", "hub-1", "--overlap", "200d"]);
        assert!(said.contains("at most 90 days"), "{said}");
        let said = operator.refuses(&[
            "recipient",
            "grant",
            "nobody",
            "--deployment",
            "gulberg-home",
            "--purpose",
            "billing",
        ]);
        assert!(said.contains("there is no recipient `nobody`"), "{said}");
        assert_eq!(
            operator.says(&["thing", "list", "--deployment", "gulberg-home"]),
            ""
        );
    }

    #[test]
    fn a_hundred_thousand_devices_behind_a_bridge_are_one_import() {
        let operator = Operator::new();
        let _server = Server::start(operator.path(), &["serve", "--data", "data"], "mqtt");
        operator.found();
        let mut text = "id,bridge,name\n".to_owned();
        for number in 0..100_000 {
            text.push_str(&format!("plug-{number},hub-1,device {number}\n"));
        }
        fs::write(operator.path().join("plugs.csv"), text).unwrap();
        operator.says(&[
            "thing",
            "import",
            "plugs.csv",
            "--deployment",
            "gulberg-home",
            "--tokens",
            "tokens.csv",
        ]);
        assert_eq!(operator.file("tokens.csv").lines().count(), 100_001);
        let bridges = operator.says(&["bridge", "list"]);
        assert!(bridges.contains(r#""things":100000"#), "{bridges}");
    }
}

//! From an empty `amanat serve` to readings of devices behind a bridge, by commands alone.

mod slow {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Output;

    use crate::run::{Server, amanat, stderr, stdout};

    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

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
        let seen = operator.says(&["bridge", "seen", "hub-1", "--json"]);
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
        assert_eq!(operator.says(&["bridge", "seen", "hub-1", "--json"]), "");
        let shown = operator.says(&["thing", "show", "kitchen-plug", "--json"]);
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
        let shown = operator.says(&["thing", "show", "kitchen-plug", "--json"]);
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
        let listed = operator.says(&["provisioning", "list", "--json"]);
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

    /// Asks for the stream of a recipient: the status, and what is open.
    fn stream(server: &Server, who: &str, token: &str) -> (u16, TcpStream) {
        let address = server.value("http").replace("http://", "");
        let address = address.trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /receive/v1?purpose=billing HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {who}:{token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        let status = std::str::from_utf8(&head[9..]).unwrap();
        (status.parse().unwrap(), stream)
    }

    /// An MQTT 3.1.1 connection (3.1) of a thing or a recipient.
    fn connected(server: &Server, who: &str, token: &str) -> TcpStream {
        let mut stream = TcpStream::connect(server.value("mqtt")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut packet = b"\0\x04MQTT\x04\xc2\0\x3c".to_vec();
        for text in ["client", who, token] {
            packet.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            packet.extend(text.as_bytes());
        }
        let length = u8::try_from(packet.len()).unwrap();
        assert!(length < 128);
        stream.write_all(&[0x10, length]).unwrap();
        stream.write_all(&packet).unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0x20, 2, 0, 0]);
        stream
    }

    fn has_ended(stream: &mut TcpStream) -> bool {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).is_ok()
    }

    #[test]
    fn access_is_given_shown_and_ended_by_commands_and_in_force_at_once() {
        let operator = Operator::new();
        let server = Server::start(operator.path(), &["serve", "--data", "data"], "mqtt");
        operator.found();
        let token = operator.token(&["recipient", "add", "power-utility"]);
        operator.token(&["recipient", "add", "city-office"]);
        let of = |action, who| {
            let at = ["--deployment", "gulberg-home", "--purpose", "billing"];
            [&["recipient", action, who], at.as_slice()].concat()
        };
        assert_eq!(stream(&server, "power-utility", &token).0, 403);
        let declared = operator.call(&of("grant", "power-utility"));
        assert_eq!((stdout(&declared), stderr(&declared)), <_>::default());
        // What no notice declares has no effect as things are, and that is said.
        let undeclared = operator.call(&of("grant", "city-office"));
        assert_eq!(undeclared.status.code(), Some(0));
        let words = stderr(&undeclared);
        assert!(
            words.starts_with("warning: version 1 of the notice of `gulberg-home`"),
            "{words}"
        );
        assert!(
            words.contains("a [[recipients]] with id = \"city-office\""),
            "{words}"
        );
        let (status, open) = stream(&server, "power-utility", &token);
        assert_eq!(status, 200);

        let listed = operator.call(&["recipient", "list", "--limit", "1"]);
        let titles = "recipient    grants  revoked  former token until\n";
        assert_eq!(
            stdout(&listed),
            format!("{titles}city-office  1       -        -\n")
        );
        assert!(
            stderr(&listed).contains("--after city-office"),
            "{}",
            stderr(&listed)
        );
        let rest = operator.says(&["recipient", "list", "--after", "city-office", "--json"]);
        assert_eq!(rest.lines().count(), 1);
        assert!(rest.contains(r#""id":"power-utility""#), "{rest}");
        let shown = operator.says(&["recipient", "show", "city-office"]);
        assert!(shown.contains("gulberg-home  billing"), "{shown}");
        assert!(shown.trim_end().ends_with("in-force  no"), "{shown}");

        // To end later says so, and holds until then.
        let later = ["--at", "2099-01-01T00:00:00Z"];
        let later = [&of("end-grant", "power-utility"), later.as_slice()].concat();
        operator.says(&later);
        assert_eq!(stream(&server, "power-utility", &token).0, 200);
        let past = ["--at", "2020-01-01T00:00:00Z"];
        let past = [&of("end-grant", "power-utility"), past.as_slice()].concat();
        assert!(operator.refuses(&past).contains("is over"));
        operator.says(&of("end-grant", "power-utility"));
        assert_eq!(stream(&server, "power-utility", &token).0, 403);
        let again = operator.refuses(&of("end-grant", "power-utility"));
        assert!(
            again.contains("amanat recipient show power-utility"),
            "{again}"
        );
        let shown = operator.says(&["recipient", "show", "power-utility", "--json"]);
        assert!(shown.contains(r#""state":"ended""#), "{shown}");
        let deployment = operator.says(&["deployment", "show", "gulberg-home"]);
        assert!(deployment.contains("grant-withdrawn"), "{deployment}");
        assert!(
            deployment.contains("recipient:power-utility purpose:billing"),
            "{deployment}"
        );

        operator.says(&of("grant", "power-utility"));
        what_a_token_opened_ends_with_it(&operator, &server, &token, open);
        assert_eq!(server.stop(), Some(0));
    }

    fn what_a_token_opened_ends_with_it(
        operator: &Operator,
        server: &Server,
        token: &str,
        mut open: TcpStream,
    ) {
        let mut mqtt = connected(server, "power-utility", token);
        operator.says(&["recipient", "revoke", "power-utility"]);
        assert!(has_ended(&mut open), "the stream");
        assert!(has_ended(&mut mqtt), "the connection");
        let renewed = operator.token(&["recipient", "renew", "power-utility"]);
        let mut mqtt = connected(server, "power-utility", &renewed);
        operator.token(&["recipient", "renew", "power-utility"]);
        assert!(has_ended(&mut mqtt), "renewed without an overlap");
    }

    #[test]
    fn what_there_is_is_listed_and_shown_with_and_without_a_server() {
        let operator = Operator::new();
        let server = Server::start(operator.path(), &["serve", "--data", "data"], "mqtt");
        operator.found();
        let token = operator.token(&[
            "thing",
            "add",
            "kitchen-plug",
            "--deployment",
            "gulberg-home",
        ]);
        let members = operator.says(&["member", "list"]);
        assert!(
            members.starts_with("member        chamber  name          joined\n"),
            "{members}"
        );
        let member = operator.says(&["member", "show", "lahore-power"]);
        assert!(member.contains("about:          Sells power."), "{member}");
        assert!(
            member.contains("its deployments\ndeployment    title"),
            "{member}"
        );
        let licence = operator.says(&["licence", "show", "gulberg-home"]);
        assert!(licence.contains("The notice is complete."), "{licence}");
        assert!(
            operator
                .says(&["licence", "list"])
                .contains("gulberg-home  active")
        );
        for (what, id) in [
            ("member", "nobody"),
            ("deployment", "nowhere"),
            ("licence", "nowhere"),
            ("recipient", "nobody"),
            ("thing", "nothing"),
        ] {
            let said = operator.refuses(&[what, "show", id]);
            assert!(
                said.contains(&format!("`{id}`")) && said.contains(" list` says which"),
                "{said}"
            );
        }
        let show = ["thing", "show", "kitchen-plug", "--json"];
        assert!(operator.says(&show).contains(r#""connections":0"#));
        let device = connected(&server, "kitchen-plug", &token);
        let shown = operator.says(&show);
        assert!(shown.contains(r#""connections":1"#), "{shown}");
        assert!(shown.contains(r#""over":"local""#), "{shown}");
        drop(device);
        assert_eq!(server.stop(), Some(0));
        let shown = operator.says(&show);
        assert!(
            shown.contains(r#""connections":null"#),
            "nobody knows: {shown}"
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
        let bridges = operator.says(&["bridge", "list", "--json"]);
        assert!(bridges.contains(r#""things":100000"#), "{bridges}");
    }
}

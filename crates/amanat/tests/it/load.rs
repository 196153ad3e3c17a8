//! The load generator against the real server.

mod slow {
    use crate::run::{Server, amanat, stderr, stdout};

    #[test]
    fn load_publishes_and_receives_what_the_notice_allows() {
        let place = tempfile::tempdir().unwrap();
        let fixture = amanat(place.path())
            .args(["bench-fixture", "--data", "data", "--things", "4"])
            .output()
            .unwrap();
        assert_eq!(fixture.status.code(), Some(0), "{}", stderr(&fixture));
        let recipient =
            std::fs::read_to_string(place.path().join("data/recipient-credentials")).unwrap();
        let (recipient, token) = recipient.trim().split_once(':').unwrap();
        std::fs::write(place.path().join("token"), token).unwrap();
        let filter = std::fs::read_to_string(place.path().join("data/filter")).unwrap();
        let server = Server::start(place.path(), &["serve", "--data", "data"], "mqtt");
        let mqtt = server.value("mqtt");
        for protocol in ["5", "3.1.1"] {
            let output = amanat(place.path())
                .args(["load", "--json", "--mqtt", &mqtt, "--protocol", protocol])
                .args([
                    "--credentials",
                    "data/credentials",
                    "--payload",
                    "data/payload.json",
                ])
                .args(["--connections", "4", "--messages", "400"])
                .args(["--subscribers", "1", "--filter", &filter])
                .args([
                    "--subscribe-user",
                    recipient,
                    "--subscribe-password-file",
                    "token",
                ])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
            assert_eq!(report["messages_acknowledged"], 400, "{report}");
            assert_eq!(report["messages_delivered"], 400, "{report}");
            assert_eq!(report["refusals"], serde_json::json!({}), "{report}");
        }
    }

    #[test]
    fn wrong_credentials_are_a_denial() {
        let place = tempfile::tempdir().unwrap();
        let server = Server::start(place.path(), &["serve", "--data", "data"], "mqtt");
        std::fs::write(place.path().join("credentials"), "thing-0:guess\n").unwrap();
        let output = amanat(place.path())
            .args([
                "load",
                "--mqtt",
                &server.value("mqtt"),
                "--connections",
                "2",
            ])
            .args(["--credentials", "credentials", "--messages", "2"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(
            stdout(&output).contains("refused      2 × CONNACK 0x86 bad user name or password")
        );
    }
}

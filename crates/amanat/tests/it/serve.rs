//! `amanat serve`: start, stop, and who else may use the data directory.

mod slow {
    use std::fs;
    use std::net::{SocketAddr, TcpListener};

    use crate::browser::Browser;
    use crate::run::{Server, amanat, stderr, stdout};

    #[test]
    fn serve_says_where_it_listens_and_stops_when_told() {
        let place = tempfile::tempdir().unwrap();
        let server = Server::start(place.path(), &["serve", "--data", "data", "--json"], "{");
        let line: serde_json::Value = serde_json::from_str(&server.lines()[0]).unwrap();
        let origin = line["http"].as_str().unwrap();
        assert_eq!(Browser::new(origin).open("/health/ready").status, 200);
        line["mqtt"]
            .as_str()
            .unwrap()
            .parse::<SocketAddr>()
            .unwrap();
        assert_eq!(server.stop(), Some(0));
    }

    #[test]
    fn one_process_at_a_time_uses_the_data_directory() {
        let place = tempfile::tempdir().unwrap();
        let _server = Server::start(place.path(), &["serve", "--data", "data"], "mqtt");
        let second = amanat(place.path())
            .args([
                "serve",
                "--data",
                "data",
                "--http",
                "127.0.0.1:0",
                "--mqtt",
                "127.0.0.1:0",
            ])
            .output()
            .unwrap();
        assert_eq!(second.status.code(), Some(1));
        assert!(
            stderr(&second).contains("is in use by another amanat"),
            "{}",
            stderr(&second)
        );
    }

    #[test]
    fn sign_in_links_are_made_beside_a_running_server_and_without_one() {
        let place = tempfile::tempdir().unwrap();
        let value = |output: &std::process::Output, name: &str| {
            assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
            let prefix = format!("{name}: ");
            let text = stdout(output);
            let value = text.lines().find_map(|it| it.strip_prefix(&prefix));
            value.unwrap().to_owned()
        };
        let link = |arguments: &[&str]| {
            amanat(place.path())
                .args(["sign-in-link", "--data", "data"])
                .args(arguments)
                .output()
                .unwrap()
        };
        let server = Server::start(place.path(), &["serve", "--data", "data"], "mqtt");
        let made = link(&["--new", "licensing"]);
        let mut browser = Browser::new(&server.value("http"));
        assert_eq!(browser.sign_in(&value(&made, "sign-in")).status, 200);
        assert_eq!(browser.open("/office").status, 200);
        assert_eq!(server.stop(), Some(0));

        let account = value(&made, "account");
        let made = link(&[&account]);
        assert_eq!(value(&made, "account"), account);
        assert!(value(&made, "sign-in").starts_with("http://127.0.0.1:8080/"));
        let unknown = link(&["p-nobody"]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(stderr(&unknown).contains("there is no account `p-nobody`"));
    }

    #[test]
    fn a_wrong_key_stops_the_start_before_anything_is_made() {
        let place = tempfile::tempdir().unwrap();
        fs::write(
            place.path().join("amanat.toml"),
            "[mqtt]\nlisten = \"\"\ntls-listn = \"\"\n",
        )
        .unwrap();
        let output = amanat(place.path())
            .args(["serve", "--data", "data"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).contains("did you mean `mqtt.tls-listen`?"));
        assert!(!place.path().join("data").exists());
    }

    #[test]
    fn a_taken_address_is_named() {
        let place = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let output = amanat(place.path())
            .args([
                "serve",
                "--data",
                "data",
                "--mqtt",
                "127.0.0.1:0",
                "--http",
                &address,
            ])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(&format!("cannot listen on `{address}`")));
    }

    #[test]
    fn figures_for_monitoring_are_served_on_their_own_address() {
        let place = tempfile::tempdir().unwrap();
        let server = Server::start(
            place.path(),
            &[
                "serve",
                "--data",
                "data",
                "--set",
                "metrics.listen=127.0.0.1:0",
            ],
            "metrics",
        );
        let address = server.value("metrics");
        let page = Browser::new(address.trim_end_matches("/metrics")).open("/metrics");
        assert!(
            page.text
                .contains("amanat_gateway_publishes_accepted_total 0"),
            "{}",
            page.text
        );
    }
}

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
    fn without_a_name_a_sign_in_link_is_for_the_first_account_of_the_licensing_office() {
        let place = tempfile::tempdir().unwrap();
        let link = |arguments: &[&str]| {
            let output = amanat(place.path())
                .args(["sign-in-link", "--data", "data"])
                .args(arguments)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            let text = stdout(&output);
            let value = |name: &str| {
                let value = text.lines().find_map(|it| it.strip_prefix(name));
                value.unwrap().to_owned()
            };
            (value("account: "), value("sign-in: "), stderr(&output))
        };
        let server = Server::start(place.path(), &["serve", "--data", "data"], "mqtt");
        let (_resident, ..) = link(&["--new", "resident"]);
        let (first, url, words) = link(&[]);
        assert!(
            words.contains("for the first account of the licensing office"),
            "{words}"
        );
        let mut browser = Browser::new(&server.value("http"));
        assert_eq!(browser.sign_in(&url).status, 200);
        assert_eq!(browser.open("/office").status, 200);
        let (other, ..) = link(&["--new", "licensing"]);
        assert_ne!(other, first);
        let (again, _, words) = link(&[]);
        assert_eq!(again, first);
        assert!(
            words.contains("the first account of the licensing office"),
            "{words}"
        );
        assert_eq!(server.stop(), Some(0));
        let (again, ..) = link(&[]);
        assert_eq!(again, first);
    }

    #[test]
    fn the_running_server_knows_where_its_rows_are() {
        let place = tempfile::tempdir().unwrap();
        let rows = "data.database-url=sqlite:other.db";
        let serve = ["serve", "--data", "data", "--set", rows];
        let _server = Server::start(place.path(), &serve, "mqtt");
        let link = |arguments: &[&str]| {
            amanat(place.path())
                .args(["sign-in-link", "--data", "data"])
                .args(arguments)
                .output()
                .unwrap()
        };
        let output = link(&[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(
            !place.path().join("data/amanat.db").exists(),
            "no rows are made up beside it"
        );
    }

    #[test]
    fn without_a_server_a_link_needs_an_address_that_is_known() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("data")).unwrap();
        let link = |setting: &str| {
            amanat(place.path())
                .args(["sign-in-link", "--data", "data", "--set", setting])
                .output()
                .unwrap()
        };
        let output = link("http.listen=127.0.0.1:0");
        assert_eq!(output.status.code(), Some(3));
        let words = stderr(&output);
        assert!(
            words.contains("help: start the server, or set http.public-url"),
            "{words}"
        );
        assert_eq!(stdout(&output), "");
        let output = link("http.public-url=https://amanat.example");
        assert!(stdout(&output).contains("sign-in: https://amanat.example/"));
    }

    #[test]
    fn serve_says_that_it_is_ready_and_how_to_sign_in() {
        let place = tempfile::tempdir().unwrap();
        let server = Server::start(place.path(), &["serve", "--data", "data"], "mqtt");
        testkit::wait_until("it says so", std::time::Duration::from_secs(30), || {
            server.words().contains("ready; end with Ctrl-C")
        });
        let words = server.words();
        let hint = "to sign in, run: amanat sign-in-link --data data";
        assert!(words.contains(hint), "{words}");
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

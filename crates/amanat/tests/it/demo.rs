//! The demo as a person meets it.

mod slow {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    use testkit::wait_until;

    use crate::browser::Browser;
    use crate::run::{Server, amanat, stderr, stdout};

    const PATIENCE: Duration = Duration::from_secs(30);

    fn start(place: &Path) -> Server {
        let arguments = ["demo", "--data", "data", "--mqtts", "127.0.0.1:0"];
        Server::start(place, &arguments, "sign-in-officer")
    }

    #[test]
    fn the_demo_names_every_address_on_a_line_of_its_own() {
        let place = tempfile::tempdir().unwrap();
        let server = start(place.path());
        let names: Vec<_> = server
            .lines()
            .iter()
            .map(|it| it.split(": ").next().unwrap())
            .collect();
        assert_eq!(
            names,
            ["http", "mqtt", "mqtts", "sign-in", "sign-in-officer"]
        );
        for line in server.lines() {
            let secret = line.rsplit('/').next().unwrap();
            assert!(
                secret.len() < 40 || !server.words().contains(secret),
                "{line}"
            );
        }
        assert_eq!(server.stop(), Some(0));
    }

    #[test]
    fn the_demo_ends_by_itself_and_prints_one_line_of_json() {
        let place = tempfile::tempdir().unwrap();
        let output = amanat(place.path())
            .args(["demo", "--data", "data", "--for", "300ms", "--json"])
            .args([
                "--http",
                "127.0.0.1:0",
                "--mqtt",
                "127.0.0.1:0",
                "--mqtts",
                "127.0.0.1:0",
            ])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let line = stdout(&output);
        assert_eq!(line.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        for name in ["http", "mqtt", "mqtts", "sign-in", "sign-in-officer"] {
            assert!(line[name].is_string(), "{line}");
        }
    }

    #[test]
    fn real_traffic_reaches_the_resident_and_drift_shows() {
        let place = tempfile::tempdir().unwrap();
        let server = start(place.path());
        let origin = server.value("http");
        let mut browser = Browser::new(&origin);
        wait_until(
            "the list of the air page shows a count of people that was never declared",
            PATIENCE,
            || {
                browser
                    .open("/d/street-air/drift")
                    .text
                    .contains("Room_Occupancy_Count")
            },
        );
        browser.sign_in(&server.value("sign-in"));
        wait_until(
            "the resident sees a ride, the home and who received it",
            PATIENCE,
            || {
                let page = browser.open("/me").text;
                [
                    "bus-validator",
                    "home-meter",
                    "home-tracker",
                    "Energy advice service",
                ]
                .iter()
                .all(|it| page.contains(it))
            },
        );
        // A link works once.
        let again = Browser::new(&origin).open(&server.value("sign-in"));
        assert!(!again.text.contains("name=\"form\""), "{}", again.text);
        assert_eq!(server.stop(), Some(0));
        let verified = amanat(place.path())
            .args(["record", "verify", "data"])
            .output()
            .unwrap();
        assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    }

    #[test]
    fn a_suspended_deployment_is_refused_and_the_record_says_so() {
        let place = tempfile::tempdir().unwrap();
        let server = start(place.path());
        let mut officer = Browser::new(&server.value("http"));
        let office = officer.sign_in(&server.value("sign-in-officer"));
        assert_eq!(office.status, 200);
        officer.submit(
            &office,
            "/office/street-air/suspend",
            &[("reason", "Boxes count people.")],
        );
        wait_until("the demo says that a thing was refused", PATIENCE, || {
            server.words().contains("refused, not authorized")
        });
        assert!(officer.open("/record").text.contains("Boxes count people."));
        let office = officer.open("/office");
        officer.submit(
            &office,
            "/office/street-air/reinstate",
            &[("reason", "Corrected.")],
        );
        wait_until(
            "the demo says that the thing is taken again",
            PATIENCE,
            || server.words().contains("taken again"),
        );
        let site = server.value("http");
        let verified = amanat(place.path())
            .args(["record", "verify", &site])
            .output()
            .unwrap();
        assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    }

    #[test]
    fn a_second_start_finds_everything_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let first = start(place.path());
        let key = fs::read(place.path().join("data/record/log.vkey")).unwrap();
        let certificate = fs::read(place.path().join("data/tls/certificate.pem")).unwrap();
        assert_eq!(first.stop(), Some(0));
        let second = start(place.path());
        assert!(
            second.words().contains("using the demo in `data`"),
            "{}",
            second.words()
        );
        assert_eq!(
            fs::read(place.path().join("data/record/log.vkey")).unwrap(),
            key
        );
        assert_eq!(
            fs::read(place.path().join("data/tls/certificate.pem")).unwrap(),
            certificate
        );
        let mut browser = Browser::new(&second.value("http"));
        assert_eq!(browser.sign_in(&second.value("sign-in")).status, 200);
    }

    #[test]
    fn credentials_are_for_their_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let server = start(place.path());
        let tokens = place.path().join("data/demo/tokens");
        let mut count = 0;
        for entry in fs::read_dir(tokens).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
            let token = fs::read_to_string(entry.path()).unwrap();
            assert!(!server.words().contains(&token));
            count += 1;
        }
        assert_eq!(count, 17, "10 things and 7 recipients");
    }

    #[test]
    fn a_directory_that_is_no_demo_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("data")).unwrap();
        fs::write(place.path().join("data/thesis.txt"), "three years").unwrap();
        let output = amanat(place.path())
            .args(["demo", "--data", "data"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).starts_with("error: `data` holds something that is no demo\n"));
        assert_eq!(fs::read_dir(place.path().join("data")).unwrap().count(), 1);
    }

    #[test]
    fn an_interrupted_preparation_is_begun_anew() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("data.preparing/demo/tokens")).unwrap();
        fs::write(
            place.path().join("data.preparing/demo/tokens/air-dust"),
            "old",
        )
        .unwrap();
        let server = start(place.path());
        assert!(!place.path().join("data.preparing").exists());
        let token = fs::read_to_string(place.path().join("data/demo/tokens/air-dust")).unwrap();
        assert_ne!(token, "old");
        assert_eq!(server.stop(), Some(0));
    }
}

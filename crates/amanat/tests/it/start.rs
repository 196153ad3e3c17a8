//! Starting and ending: bad configuration stops the start, both databases serve, signals end it in order.

use crate::harness::run;

#[test]
fn an_unknown_key_stops_the_start_with_its_name_and_the_nearest_right_one() {
    let directory = testkit::temp_dir();
    let data = directory.path().join("data");
    let file = directory.path().join("amanat.toml");
    let text = format!(
        "[data]\ndirectory = \"{}\"\n[htpp]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nlissten = \"127.0.0.1:0\"\n",
        data.display()
    );
    std::fs::write(&file, text).unwrap();
    let ended = run(["serve".as_ref(), "--config".as_ref(), file.as_os_str()]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for part in ["`mqtt.lissten`", "`mqtt.listen`", "`[htpp]`", "`[http]`"] {
        assert!(
            ended.words.contains(part),
            "`{part}` is not said: {}",
            ended.words
        );
    }
    assert!(
        !data.exists(),
        "something was made before the configuration was read"
    );
    let ended = run(["serve", "--set", "limits.packet-byte=1"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.words.contains("`limits.packet-bytes`"), "{ended:?}");
}

#[test]
fn a_value_that_cannot_be_used_stops_the_start() {
    for setting in [
        "http.listen=everywhere",
        "data.database-url=mysql://a/b",
        "mqtt.listen=0.0.0.0:0",
    ] {
        let ended = run(["serve", "--set", setting]);
        assert_eq!(ended.code, Some(3), "{setting}: {ended:?}");
        let key = setting.split('=').next().unwrap();
        assert!(ended.words.contains(key), "{setting}: {ended:?}");
    }
}

#[test]
fn tls_files_that_cannot_be_used_stop_the_start_before_anything_is_made() {
    let directory = testkit::temp_dir();
    let data = directory.path().join("data");
    let ended = run([
        "serve".as_ref(),
        "--data".as_ref(),
        data.as_os_str(),
        "--set".as_ref(),
        "mqtt.tls-listen=127.0.0.1:0".as_ref(),
        "--set".as_ref(),
        "mqtt.tls-certificate=nowhere.pem".as_ref(),
        "--set".as_ref(),
        "mqtt.tls-key=nowhere.key".as_ref(),
    ]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.words.contains("`nowhere.key`"), "{ended:?}");
    assert!(!data.exists());
}

mod slow {
    use std::net::TcpListener;

    use serde_json::Value;

    use crate::harness::{House, METER, PATIENCE, Version, Wire, run};

    fn serves(house: &House) {
        let amanat = house.serve(&[]);
        let mut anyone = amanat.visitor("en");
        assert_eq!(anyone.open("/health/live").body.trim(), "live");
        assert_eq!(anyone.open("/health/ready").body.trim(), "ready");
        anyone.open("/").shows(&[
            "Meter in the kitchen",
            "Dust in the street",
            "Power company",
        ]);
        let adviser = house.client(amanat.mqtt(), "mqttv5", "adviser");
        let adviser = adviser.subscribe(&["-t", "for/energy-advice/#"]);
        assert_eq!(adviser.subscribed(), 1);
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        assert_eq!(
            meter
                .publish(1, br#"{"power":42,"extra":1}"#)
                .unwrap()
                .reason(),
            0
        );
        adviser.wait_for("the message", |it| it.payload == r#"{"power":42}"#);
        let mut resident = amanat.visitor("en");
        let page = resident.sign_in(&house.resident_link);
        page.shows(&["Power in use: 42 W"]);
        testkit::wait_until("the notice shows the drift", PATIENCE, || {
            anyone.open("/d/test-home").text().contains("/extra")
        });
        let bearer = format!("Bearer {METER}:{}", house.password(METER));
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = anyone.send("/ingest/v1", &headers, br#"{"power":43}"#);
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
        adviser.wait_for("the message over HTTP", |it| {
            it.payload == r#"{"power":43}"#
        });
        assert_eq!(amanat.stop(), Some(0));
        // Everything is there after an orderly end too.
        let amanat = house.serve(&[]);
        resident = {
            let mut again = amanat.visitor("en");
            again.cookies = resident.cookies;
            again
        };
        resident
            .open("/me")
            .shows(&["Power in use: 42 W", "Power in use: 43 W", "Energy adviser"]);
        let verified = run(["record", "verify", amanat.http()]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }

    #[test]
    fn serve_does_its_whole_work_on_sqlite() {
        serves(&House::new());
    }

    #[test]
    fn serve_does_its_whole_work_on_postgresql() {
        serves(&House::on(&testkit::postgres()));
    }

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let directory = testkit::temp_dir();
        let data = format!("data.directory={}", directory.path().join("data").display());
        let listen = format!("http.listen={address}");
        let ended = run([
            "serve",
            "--set",
            &data,
            "--set",
            &listen,
            "--set",
            "mqtt.listen=127.0.0.1:0",
        ]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.words.contains(&address), "{ended:?}");
    }

    #[test]
    fn a_demo_ends_by_itself_and_says_where_it_listens_a_line_each() {
        let directory = testkit::temp_dir();
        let free = [
            "--http",
            "127.0.0.1:0",
            "--mqtt",
            "127.0.0.1:0",
            "--mqtts",
            "127.0.0.1:0",
            "--for",
            "1s",
        ];
        let start = |more: &[&str]| {
            let first = [
                "demo".as_ref(),
                "--data".as_ref(),
                directory.path().as_os_str(),
            ];
            let rest = free.iter().chain(more).map(std::convert::AsRef::as_ref);
            run(first.into_iter().chain(rest))
        };
        let ended = start(&[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let line = |name: &str| ended.data.lines().filter(|it| it.starts_with(name)).count();
        assert_eq!(
            (line("http: http://127.0.0.1:"), line("mqtt: 127.0.0.1:")),
            (1, 1),
            "{ended:?}"
        );
        // A second start on the same directory finds what the first one made.
        let ended = start(&["--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said: Value = serde_json::from_str(ended.data.trim()).unwrap();
        assert!(
            said["http"].is_string() && said["mqtt"].is_string(),
            "{said}"
        );
    }
}

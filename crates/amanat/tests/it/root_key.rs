//! `amanat key …`: the root key gets a protection, and another key takes its place; what was recorded stays readable, the record verifies.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc;

use crate::run::{amanat, stderr, stdout};

/// Words that only tests have.
const PASSPHRASE: &str = "kettle orbit marble seven\n";

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A data directory with nothing in it but a plain root key.
fn place_with_key() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let keys = place.path().join("data/keys");
    fs::create_dir_all(&keys).unwrap();
    let key = format!("amanat-root-key-1 {}\n", "5a".repeat(32));
    write(&keys.join("root.key"), &key, 0o600);
    place
}

#[track_caller]
fn key(place: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let mut command = amanat(place);
    let (name, rest) = arguments.split_first().unwrap();
    command.args(["key", name, "--data", "data"]).args(rest);
    let output = command.output().unwrap();
    let (data, words) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(code), "{data}{words}");
    for text in [&data, &words] {
        assert!(!text.contains("5a5a"), "the key is shown: {text}");
        assert!(!text.contains("kettle"), "the passphrase is shown: {text}");
    }
    (data, words)
}

#[test]
fn a_root_key_is_shown_without_being_shown() {
    let place = place_with_key();
    let (data, _) = key(place.path(), &["show", "--check"], 0);
    assert!(
        data.contains("protection: plain\nformat: 1\n") && data.contains("opens: yes"),
        "{data}"
    );
    let (data, _) = key(place.path(), &["show", "--json"], 0);
    let shown: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(shown["protection"], "plain");
    assert_eq!(shown["unfinished-rotation"], false);
    assert!(shown["written"].is_string(), "{data}");
}

#[test]
fn the_protection_of_a_root_key_is_changed_there_and_back() {
    let place = place_with_key();
    let root = place.path().join("data/keys/root.key");
    let before = fs::read_to_string(&root).unwrap();
    write(&place.path().join("pass"), PASSPHRASE, 0o600);
    let with = ["--set", "keys.passphrase-file=pass"];
    let (data, words) = key(
        place.path(),
        &["protect", "--passphrase-file", "pass", "--json"],
        0,
    );
    let shown: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(shown["protection"], "passphrase");
    assert!(
        words.contains("before the next start set keys.passphrase-file to /")
            && words.contains("amanat key rotate"),
        "{words}"
    );
    let sealed = fs::read_to_string(&root).unwrap();
    assert!(
        sealed.starts_with("amanat-root-key-2 passphrase argon2id 65536 3 4 "),
        "{sealed}"
    );
    let mode = fs::metadata(&root).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let (_, words) = key(place.path(), &["show", "--check"], 1);
    assert!(
        words.contains("protected by `passphrase`")
            && words.contains("help: set keys.passphrase-file to the file with its passphrase"),
        "{words}"
    );
    key(place.path(), &[&["show", "--check"], &with[..]].concat(), 0);
    key(
        place.path(),
        &[&["protect", "--plain"], &with[..]].concat(),
        0,
    );
    assert_eq!(fs::read_to_string(&root).unwrap(), before);
}

#[test]
fn a_wrong_passphrase_changes_nothing_and_says_what_to_do() {
    let place = place_with_key();
    let root = place.path().join("data/keys/root.key");
    write(&place.path().join("pass"), PASSPHRASE, 0o600);
    write(&place.path().join("other"), "another one entirely\n", 0o600);
    key(place.path(), &["protect", "--passphrase-file", "pass"], 0);
    let sealed = fs::read_to_string(&root).unwrap();
    let wrong = ["--set", "keys.passphrase-file=other"];
    for arguments in [
        &["show", "--check"][..],
        &["protect", "--plain"],
        &["protect", "--passphrase-file", "other"],
        &["rotate"],
    ] {
        let (_, words) = key(place.path(), &[arguments, &wrong[..]].concat(), 1);
        assert!(
            words.contains("because: the passphrase is wrong, or the root key file was changed")
                && words.contains("help: nothing was changed; keys.passphrase-file must hold"),
            "{words}"
        );
        assert_eq!(fs::read_to_string(&root).unwrap(), sealed);
    }
}

#[test]
fn files_that_others_may_read_are_refused() {
    let place = place_with_key();
    let root = place.path().join("data/keys/root.key");
    let before = fs::read_to_string(&root).unwrap();
    write(&place.path().join("open"), PASSPHRASE, 0o640);
    let (_, words) = key(place.path(), &["protect", "--passphrase-file", "open"], 3);
    assert!(
        words.contains("`open` is open to others (mode 640): run `chmod 600 open`"),
        "{words}"
    );
    let setting = ["--set", "keys.passphrase-file=open"];
    let (_, words) = key(place.path(), &[&["rotate"], &setting[..]].concat(), 3);
    assert!(words.contains("see keys.passphrase-file"), "{words}");
    assert_eq!(fs::read_to_string(&root).unwrap(), before);
    write(&root, &before, 0o644);
    let (_, words) = key(place.path(), &["show"], 1);
    assert!(words.contains("is open to others (mode 644)"), "{words}");
}

#[test]
fn a_key_server_that_is_not_described_or_not_there_changes_nothing() {
    let place = place_with_key();
    let root = place.path().join("data/keys/root.key");
    let before = fs::read_to_string(&root).unwrap();
    let (_, words) = key(place.path(), &["protect", "--transit"], 3);
    assert!(
        words.contains("there is no key server in the configuration"),
        "{words}"
    );
    write(&place.path().join("token"), "hvs.token\n", 0o600);
    let address = format!(
        "keys.transit-address=http://127.0.0.1:{}",
        testkit::free_port()
    );
    let (_, words) = key(
        place.path(),
        &[
            "protect",
            "--transit",
            "--set",
            &address,
            "--set",
            "keys.transit-key=amanat",
            "--set",
            "keys.transit-token-file=token",
        ],
        1,
    );
    assert!(
        words.contains("does not answer") && !words.contains("hvs."),
        "{words}"
    );
    assert_eq!(fs::read_to_string(&root).unwrap(), before);
}

/// The part of a Transit engine that is used: it "seals" by turning the text around. What it was asked comes out of the channel.
fn key_server() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let head = answer(stream.unwrap());
            if sender.send(head).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

fn answer(mut stream: TcpStream) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let from = head.len();
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
        let line = head[from..].to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let turned = |text: &str| text.chars().rev().collect::<String>();
    let data = match (body["plaintext"].as_str(), body["ciphertext"].as_str()) {
        (Some(plain), _) => ("ciphertext", format!("vault:v1:{}", turned(plain))),
        (_, Some(sealed)) => {
            let sealed = sealed.strip_prefix("vault:v1:").unwrap();
            ("plaintext", turned(sealed))
        }
        _ => panic!("{body}"),
    };
    let text = format!("{{\"data\":{{\"{}\":\"{}\"}}}}", data.0, data.1);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
    .unwrap();
    head.to_lowercase()
}

#[test]
fn a_key_server_opens_the_root_key_as_the_settings_say() {
    let place = place_with_key();
    write(&place.path().join("token"), "hvs.token\n", 0o600);
    let (address, asked) = key_server();
    let settings = format!(
        "[keys]\ntransit-address = \"{address}\"\ntransit-mount = \"city/transit\"\ntransit-key = \"amanat\"\ntransit-token-file = \"token\"\ntransit-namespace = \"lahore\"\n"
    );
    write(&place.path().join("amanat.toml"), &settings, 0o644);
    let (data, words) = key(place.path(), &["protect", "--transit"], 0);
    assert!(data.contains("protection: transit"), "{data}");
    assert!(!words.contains("hvs."), "{words}");
    key(place.path(), &["show", "--check"], 0);
    let asked: Vec<_> = asked.try_iter().collect();
    for (request, act) in asked.iter().zip(["encrypt", "decrypt", "decrypt"]) {
        let line = format!("post /v1/city/transit/{act}/amanat ");
        assert!(request.starts_with(&line), "{request}");
        assert!(
            request.contains("x-vault-namespace: lahore")
                && request.contains("x-vault-token: hvs.token"),
            "{request}"
        );
    }
    assert_eq!(asked.len(), 3, "{asked:?}");
    fs::remove_file(place.path().join("amanat.toml")).unwrap();
    let (_, words) = key(place.path(), &["show", "--check"], 1);
    assert!(
        words.contains("help: set keys.transit-address, keys.transit-key and"),
        "{words}"
    );
}

mod slow {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use store::Db;

    use super::*;
    use crate::harness::{Amanat, Guard, House, METER, Run, Version, Wire, run};

    const FIRST: &str = "Power in use: 1234 W";
    const SECOND: &str = "Power in use: 4321 W";

    fn settings(house: &House, passphrase: &Path) -> [String; 4] {
        [
            format!("data.directory={}", house.directory.path().display()),
            format!("data.database-url={}", house.database),
            "record.origin=record.example/test".to_owned(),
            format!("keys.passphrase-file={}", passphrase.display()),
        ]
    }

    fn arguments(name: &str, settings: &[String], more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["key".to_owned(), name.to_owned()];
        for setting in settings {
            arguments.extend(["--set".to_owned(), setting.clone()]);
        }
        arguments.extend(more.iter().map(|it| (*it).to_owned()));
        arguments
    }

    #[track_caller]
    fn send(house: &House, amanat: &Amanat, power: u32) {
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let payload = format!("{{\"power\":{power}}}");
        let puback = meter.publish(1, payload.as_bytes()).unwrap();
        assert_eq!(puback.reason(), 0);
    }

    /// The record as somebody sees it who kept the key from before.
    #[track_caller]
    fn verifies(house: &House, key: &str) {
        let directory = house.directory.path().as_os_str();
        let arguments = ["record".as_ref(), "verify".as_ref(), directory];
        let verified = run(arguments
            .into_iter()
            .chain(["--key".as_ref(), key.as_ref()]));
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }

    /// Kills the change of the root key in the middle: sealing the secrets again would take it days.
    fn kill_in_the_middle(house: &House, rotate: &[String]) {
        let next = house.directory.path().join("keys/root.key.next");
        let db = Db::open(&house.database).unwrap();
        let change = |sql: &str| db.write(|tx| tx.execute(sql, &[])).unwrap();
        let tables: Vec<_> = ('a'..='l')
            .map(|it| format!("sqlite_master {it}"))
            .collect();
        change(&format!(
            "CREATE TRIGGER days BEFORE UPDATE ON vault_secret BEGIN SELECT count(*) FROM {}; END",
            tables.join(", ")
        ));
        let child = Command::new(env!("CARGO_BIN_EXE_amanat"))
            .args(rotate)
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut guard = Guard(child);
        testkit::wait_until("the new key is there", Duration::from_secs(30), || {
            next.exists()
        });
        assert!(guard.0.try_wait().unwrap().is_none(), "it has ended");
        guard.0.kill().unwrap();
        guard.0.wait().unwrap();
        change("DROP TRIGGER days");
        assert!(next.exists());
    }

    /// Has it fail further on: subject keys are under the new key by then, secrets are not.
    fn fail_in_the_middle(house: &House, rotate: &[String]) -> Run {
        let db = Db::open(&house.database).unwrap();
        let change = |sql: &str| db.write(|tx| tx.execute(sql, &[])).unwrap();
        change(
            "CREATE TRIGGER fault BEFORE UPDATE ON vault_secret BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END",
        );
        let failed = run(rotate);
        change("DROP TRIGGER fault");
        failed
    }

    #[test]
    fn under_a_passphrase_and_under_another_key_old_readings_are_read_and_the_record_verifies() {
        let house = House::new();
        let passphrase = house.directory.path().join("passphrase");
        write(&passphrase, PASSPHRASE, 0o600);
        let all = settings(&house, &passphrase);
        let [plain @ .., with] = &all;
        let amanat = house.serve(&[]);
        send(&house, &amanat, 1234);
        assert_eq!(amanat.stop(), Some(0));
        let verifier = house.directory.path().join("record/log.vkey");
        let verifier = fs::read_to_string(verifier).unwrap();

        let file = passphrase.display().to_string();
        let protect = arguments("protect", plain, &["--passphrase-file", &file]);
        let protected = run(&protect);
        assert_eq!(protected.code, Some(0), "{protected:?}");

        // Without the passphrase nothing starts, and it says what is missing.
        let mut serve = arguments("x", plain, &[]);
        serve.splice(..2, ["serve".to_owned()]);
        let refused = run(&serve);
        assert_eq!(refused.code, Some(1));
        assert!(
            refused.words.contains("help: set keys.passphrase-file"),
            "{}",
            refused.words
        );

        let amanat = house.serve(&[with]);
        let mut resident = amanat.visitor("en");
        let page = resident.sign_in(&house.resident_link);
        assert!(page.text().contains(FIRST), "{}", page.text());
        send(&house, &amanat, 4321);
        let rotate = arguments("rotate", &all, &[]);
        let refused = run(&rotate);
        assert!(
            refused.code == Some(1) && refused.words.contains("in use by another amanat"),
            "{refused:?}"
        );
        assert_eq!(amanat.stop(), Some(0));
        let cookies = resident.cookies;

        let root = house.directory.path().join("keys/root.key");
        let former = fs::read_to_string(&root).unwrap();
        let rotated = run(&rotate);
        assert_eq!(rotated.code, Some(0), "{rotated:?}");
        assert!(
            rotated.data.contains("protection: passphrase")
                && rotated
                    .words
                    .contains("destroy every copy of the former root key"),
            "{rotated:?}"
        );
        let count = rotated
            .data
            .lines()
            .find_map(|it| it.strip_prefix("subject-keys: "));
        assert!(count.unwrap().parse::<u64>().unwrap() >= 1, "{rotated:?}");
        assert_ne!(fs::read_to_string(&root).unwrap(), former);

        let amanat = house.serve(&[with]);
        let mut resident = amanat.visitor("en");
        resident.cookies = cookies;
        let said = resident.open("/record/search?kind=keys-rotated").text();
        assert!(said.contains("sealed again under a new key"), "{said}");
        let page = resident.open("/me");
        let text = page.text();
        assert!(text.contains(FIRST) && text.contains(SECOND), "{text}");
        assert_eq!(amanat.stop(), Some(0));
        verifies(&house, verifier.trim());
    }

    #[test]
    fn a_change_that_was_killed_or_failed_is_finished_by_the_command_or_by_the_start() {
        let house = House::new();
        let passphrase = house.directory.path().join("passphrase");
        write(&passphrase, PASSPHRASE, 0o600);
        let all = settings(&house, &passphrase);
        let file = passphrase.display().to_string();
        let amanat = house.serve(&[]);
        send(&house, &amanat, 1234);
        assert_eq!(amanat.stop(), Some(0));
        let protect = arguments("protect", &all, &["--passphrase-file", &file]);
        assert_eq!(run(&protect).code, Some(0));
        let rotate = arguments("rotate", &all, &[]);
        let show = arguments("show", &all, &["--check"]);

        kill_in_the_middle(&house, &rotate);
        let shown = run(&show);
        assert!(
            shown.data.contains("unfinished-rotation: yes") && shown.data.contains("opens: yes"),
            "{shown:?}"
        );
        // Both files have to keep the same protection until then.
        let refused = run(&protect);
        assert!(
            refused.code == Some(1) && refused.words.contains("help: run `amanat key rotate`"),
            "{refused:?}"
        );

        let failed = fail_in_the_middle(&house, &rotate);
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(
            failed.words.contains("going on with the change")
                && failed.words.contains("nothing is lost"),
            "{failed:?}"
        );
        let next = house.directory.path().join("keys/root.key.next");
        let new = fs::read_to_string(&next).unwrap();
        let rotated = run(&rotate);
        assert_eq!(rotated.code, Some(0), "{rotated:?}");
        let root = house.directory.path().join("keys/root.key");
        assert_eq!(fs::read_to_string(&root).unwrap(), new);
        assert!(!next.exists());

        // And once more: this time the start finishes it.
        kill_in_the_middle(&house, &rotate);
        let amanat = house.serve(&[&all[3]]);
        assert!(!next.exists());
        let page = amanat.visitor("en").sign_in(&house.resident_link);
        assert!(page.text().contains(FIRST), "{}", page.text());
        assert_eq!(amanat.stop(), Some(0));
    }

    #[test]
    fn a_demo_is_made_and_started_again_under_a_passphrase() {
        let place = tempfile::tempdir().unwrap();
        write(&place.path().join("pass"), PASSPHRASE, 0o600);
        let demo = |more: &[&str]| {
            amanat(place.path())
                .args(["demo", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])
                .args(["--data", "data", "--for", "1s"])
                .args(more)
                .output()
                .unwrap()
        };
        for _ in 0..2 {
            let output = demo(&["--passphrase-file", "pass"]);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        }
        let (data, _) = key(place.path(), &["show"], 0);
        assert!(data.contains("protection: passphrase"), "{data}");
        let output = demo(&[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).contains("the demo: --passphrase-file FILE"),
            "{}",
            stderr(&output)
        );
    }
}

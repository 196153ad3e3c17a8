//! `amanat open`: a person opens what is sealed to their key, without a server.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const QUANTUM_FILE: &[u8] = include_bytes!("../../../vault/tests/vectors/own/pq.age");
const QUANTUM_SECRET: &str = include_str!("../../../vault/tests/vectors/own/pq.id");

fn open(place: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_amanat"))
        .arg("open")
        .args(arguments)
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A text that is sealed in letters, as a person gets it to show that a key is theirs.
fn sealed(text: &str) -> String {
    let key = vault::OwnKey::from_kept(PUBLIC).unwrap();
    let keys = vault::OwnKeys::new(vec![key]).unwrap();
    keys.seal_text(text).unwrap()
}

#[test]
fn gp_b2_a_file_opens_with_the_key_it_is_sealed_to_and_with_no_other() {
    let place = testkit::temp_dir();
    let place = place.path();
    std::fs::write(place.join("key.txt"), format!("# mine\n{SECRET}\n")).unwrap();
    std::fs::write(place.join("pq.txt"), QUANTUM_SECRET).unwrap();
    std::fs::write(place.join("day.age"), sealed("{\"power\":1}\n")).unwrap();
    std::fs::write(place.join("pq.age"), QUANTUM_FILE).unwrap();
    let done = open(place, &["day.age", "--identity", "key.txt"], "");
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(done.stdout, b"{\"power\":1}\n");
    let done = open(place, &["pq.age", "--identity", "pq.txt"], "");
    assert_eq!(done.stdout, b"read by Amanat\n", "{}", said(&done));
    let other = open(place, &["pq.age", "--identity", "key.txt"], "");
    assert_eq!(other.status.code(), Some(1), "{}", said(&other));
    assert!(
        said(&other).contains("sealed to other keys"),
        "{}",
        said(&other)
    );
    assert!(other.stdout.is_empty());
}

#[test]
fn gp_b2_what_is_no_key_or_no_sealed_file_is_said_without_repeating_it() {
    let place = testkit::temp_dir();
    let place = place.path();
    std::fs::write(place.join("key.txt"), "not a key at all").unwrap();
    std::fs::write(place.join("good.txt"), SECRET).unwrap();
    std::fs::write(place.join("day.age"), "nothing").unwrap();
    let done = open(place, &["day.age", "--identity", "key.txt"], "");
    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
    assert!(said(&done).contains("line 1") && !said(&done).contains("not a key at all"));
    let done = open(place, &["day.age", "--identity", "good.txt"], "");
    assert_eq!(done.status.code(), Some(1));
    assert!(said(&done).contains("no age file"), "{}", said(&done));
    let done = open(place, &["gone.age", "--identity", "good.txt"], "");
    assert_eq!(done.status.code(), Some(3));
}

mod slow {
    use super::*;

    fn run(place: &Path, program: &str, arguments: &[&str]) {
        let done = Command::new(program)
            .args(arguments)
            .current_dir(place)
            .output()
            .unwrap_or_else(|err| panic!("`{program}` is missing, run `cargo xtask setup`: {err}"));
        assert!(done.status.success(), "{}", said(&done));
    }

    #[test]
    fn gp_b2_an_ssh_key_with_a_passphrase_opens_when_the_passphrase_is_given() {
        let place = testkit::temp_dir();
        let place = place.path();
        let make = [
            "-q",
            "-t",
            "ed25519",
            "-N",
            "four words of mine",
            "-f",
            "id",
        ];
        run(place, "ssh-keygen", &make);
        std::fs::write(place.join("plain"), "{\"power\":1}\n").unwrap();
        run(place, "age", &["-R", "id.pub", "-o", "day.age", "plain"]);
        let locked = open(place, &["day.age", "--identity", "id"], "");
        assert_eq!(locked.status.code(), Some(3));
        assert!(
            said(&locked).contains("--passphrase-file"),
            "{}",
            said(&locked)
        );
        let arguments = ["day.age", "--identity", "id", "--passphrase-file", "-"];
        let done = open(place, &arguments, "four words of mine\n");
        assert_eq!(done.stdout, b"{\"power\":1}\n", "{}", said(&done));
        let wrong = open(place, &arguments, "five words\n");
        assert_eq!(wrong.status.code(), Some(3), "{}", said(&wrong));
    }
}

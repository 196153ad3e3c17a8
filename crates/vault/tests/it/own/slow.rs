//! With the programs that people have: `age` and `ssh-keygen`; in `gpg` with that one.

mod gpg;

use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

fn run(program: &str, arguments: &[&str], directory: &Path) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|err| panic!("`{program}` is missing, run `cargo xtask setup`: {err}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    output.stdout
}

fn text(path: &Path, name: &str) -> String {
    std::fs::read_to_string(path.join(name)).unwrap()
}

/// Makes a pair, seals a day to its public half, opens the file with the stock program and what the stock program seals with ours.
fn both_ways(make: &[&str], public: &str, secret: &str) {
    on_each_database(|fixture| {
        let place = fixture.home.path();
        run(make[0], &make[1..], place);
        if public == "age.pub" {
            let public = run("age-keygen", &["-y", secret], place);
            std::fs::write(place.join("age.pub"), public).unwrap();
        }
        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        let keys = vec![
            OwnKey::parse(&text(place, public), at(2, 14)).unwrap(),
            OwnKey::from_kept(PUBLIC).unwrap(),
        ];
        let keys = OwnKeys::new(keys).unwrap();
        let wanted = SealDays {
            subject: &subject,
            keys: &keys,
            from_day: FIRST_DAY,
            until_day: FIRST_DAY + 1,
        };
        let done = vault.seal_days(&wanted, FORM, at(2, 14)).unwrap();
        assert_eq!((done.files, done.readings), (2, 4));
        let mut lines = Vec::new();
        for file in files(&vault, &subject, at(2, 14)) {
            std::fs::write(place.join("day.age"), bytes_of(&vault, &file)).unwrap();
            let plain = run("age", &["-d", "-i", secret, "day.age"], place);
            lines.extend(String::from_utf8(plain).unwrap().lines().map(str::to_owned));
        }
        lines.sort();
        assert_eq!(
            lines,
            [
                "0 meter-7 01",
                "0 meter-7 13",
                "0 meter-8 01",
                "0 meter-8 13"
            ]
        );

        std::fs::write(place.join("plain"), "sealed by age\n").unwrap();
        run("age", &["-R", public, "-o", "theirs.age", "plain"], place);
        run(
            "age",
            &["-a", "-R", public, "-o", "letters.age", "plain"],
            place,
        );
        let identities = std::fs::File::open(place.join(secret)).unwrap();
        let identities = OwnIdentities::read(identities, &mut || None).unwrap();
        for name in ["theirs.age", "letters.age"] {
            let file = std::fs::File::open(place.join(name)).unwrap();
            let mut plain = String::new();
            identities
                .open(file)
                .unwrap()
                .read_to_string(&mut plain)
                .unwrap();
            assert_eq!(plain, "sealed by age\n");
        }
    });
}

#[test]
fn gp_b2_the_age_program_and_the_vault_open_each_others_files() {
    both_ways(&["age-keygen", "-o", "key.txt"], "age.pub", "key.txt");
}

#[test]
fn gp_b2_ssh_keys_open_with_the_age_program_too() {
    let make = ["ssh-keygen", "-q", "-N", "", "-f", "id", "-t"];
    both_ways(&[make.as_slice(), &["ed25519"]].concat(), "id.pub", "id");
    both_ways(
        &[make.as_slice(), &["rsa", "-b", "3072"]].concat(),
        "id.pub",
        "id",
    );
}

#[test]
fn gp_b2_an_ssh_key_with_a_passphrase_opens_when_it_is_given() {
    let place = testkit::temp_dir();
    let place = place.path();
    run(
        "ssh-keygen",
        &[
            "-q",
            "-N",
            "four words of mine",
            "-f",
            "id",
            "-t",
            "ed25519",
        ],
        place,
    );
    std::fs::write(place.join("plain"), "sealed by age\n").unwrap();
    run("age", &["-R", "id.pub", "-o", "theirs.age", "plain"], place);
    let mut asked = 0;
    let mut read = |passphrase: &str| {
        let identities = std::fs::File::open(place.join("id")).unwrap();
        OwnIdentities::read(identities, &mut || {
            asked += 1;
            Some(passphrase.to_owned().into())
        })
    };
    assert!(read("five words").is_err());
    let identities = read("four words of mine").unwrap();
    let mut plain = String::new();
    let file = std::fs::File::open(place.join("theirs.age")).unwrap();
    identities
        .open(file)
        .unwrap()
        .read_to_string(&mut plain)
        .unwrap();
    assert_eq!((plain.as_str(), asked), ("sealed by age\n", 2));
}

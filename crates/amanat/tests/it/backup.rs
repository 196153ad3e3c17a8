//! `amanat backup …`: the real binary makes, checks and restores backups; nothing acknowledged is lost, nothing erased comes back.

mod slow;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::{Run, run};

/// Runs a command about backups; what it prints must not have the passphrase in it.
#[track_caller]
fn backup(arguments: &[&str], code: i32) -> Run {
    let ended = run(["backup"].iter().chain(arguments));
    assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
    ended
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_repository_gets_a_passphrase_of_its_own_and_opens_with_no_other() {
    let place = testkit::temp_dir();
    let (shelf, pass) = (place.path().join("shelf"), place.path().join("pass"));
    let (shelf, pass) = (text(&shelf), text(&pass));
    let made = backup(&["init", "--to", &shelf, "--passphrase-file", &pass], 0);
    assert!(made.words.contains("a new passphrase was made"), "{made:?}");
    assert!(made.words.contains("root.key apart"), "{made:?}");
    let secret = fs::read_to_string(&pass).unwrap();
    assert!(secret.trim().len() >= 40, "too short");
    assert!(!made.data.contains(secret.trim()) && !made.words.contains(secret.trim()));
    let mode = fs::metadata(&pass).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = backup(&["init", "--to", &shelf, "--passphrase-file", &pass], 1);
    assert!(again.words.contains("is a repository already"), "{again:?}");

    let from = ["--from", &shelf, "--passphrase-file", &pass];
    let listed = backup(&[&["list"], &from[..]].concat(), 0);
    assert_eq!(listed.data, "");
    backup(&[&["verify", "--deep"], &from[..]].concat(), 0);
    let none = backup(&[&["status"], &from[..]].concat(), 1);
    assert!(none.words.contains("there is no backup"), "{none:?}");

    let other = place.path().join("other");
    fs::write(&other, "another one entirely\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let other = text(&other);
    let wrong = backup(&["list", "--from", &shelf, "--passphrase-file", &other], 1);
    assert!(
        wrong
            .words
            .contains("the passphrase is not that of this repository"),
        "{wrong:?}"
    );
}

#[test]
fn a_repository_gets_another_passphrase() {
    let place = testkit::temp_dir();
    let [shelf, pass, new] = ["shelf", "pass", "new"].map(|it| text(&place.path().join(it)));
    backup(&["init", "--to", &shelf, "--passphrase-file", &pass], 0);
    let from = ["--from", &shelf, "--passphrase-file", &pass];
    let change = [&["passphrase"], &from[..], &["--new-passphrase-file", &new]].concat();
    let changed = backup(&change, 0);
    assert!(changed.data.contains(&new), "{changed:?}");
    assert!(
        changed.words.contains("a new passphrase was made"),
        "{changed:?}"
    );
    assert!(
        changed.words.contains("make a new repository"),
        "{changed:?}"
    );
    let secret = fs::read_to_string(&new).unwrap();
    assert!(!changed.data.contains(secret.trim()) && !changed.words.contains(secret.trim()));
    let former = backup(&[&["list"], &from[..]].concat(), 1);
    assert!(
        former.words.contains("is not that of this repository"),
        "{former:?}"
    );
    backup(
        &[
            "verify",
            "--deep",
            "--from",
            &shelf,
            "--passphrase-file",
            &new,
        ],
        0,
    );
    // Broken off, it would be run again: the new passphrase opens it then.
    let again = backup(&change, 0);
    assert!(
        !again.words.contains("a new passphrase was made"),
        "{again:?}"
    );
}

#[test]
fn what_is_missing_or_senseless_is_said_before_anything_is_done() {
    let place = testkit::temp_dir();
    let pass = place.path().join("pass");
    fs::write(&pass, "kettle orbit marble seven\n").unwrap();
    fs::set_permissions(&pass, fs::Permissions::from_mode(0o600)).unwrap();
    let (pass, shelf) = (text(&pass), text(&place.path().join("shelf")));
    let nowhere = text(&place.path().join("nowhere"));
    let unnamed = backup(&["list"], 3);
    assert!(
        unnamed.words.contains("no repository is named"),
        "{unnamed:?}"
    );
    let unnamed = backup(&["list", "--from", &shelf], 3);
    assert!(unnamed.words.contains("--passphrase-file"), "{unnamed:?}");
    let none = backup(&["list", "--from", &nowhere, "--passphrase-file", &pass], 1);
    assert!(none.words.contains("is it mounted?"), "{none:?}");
    assert!(!Path::new(&nowhere).exists());
    backup(&["init", "--to", &shelf, "--passphrase-file", &pass], 0);
    let from = ["--from", &shelf, "--passphrase-file", &pass];
    let unset = backup(&[&["prune"], &from[..]].concat(), 3);
    assert!(unset.words.contains("--keep-daily"), "{unset:?}");
    let into = text(&place.path().join("data"));
    let none = backup(&[&["restore", "--into", &into], &from[..]].concat(), 3);
    assert!(none.words.contains("there is no backup"), "{none:?}");
    assert!(!Path::new(&into).exists());
    let data = backup(&["create", "--to", &shelf, "--data", &nowhere], 3);
    assert!(
        data.words.contains("there is no data directory"),
        "{data:?}"
    );
    for (set, words) in [
        ("backup.every-hours=1", "`backup.directory` is not"),
        ("backup.directory=/x", "`backup.passphrase-file` is not"),
        ("backup.passphrase-file=/x", "`backup.directory` is not"),
    ] {
        let refused = run(["check-config", "--set", set]);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.words.contains(words), "{refused:?}");
    }
}

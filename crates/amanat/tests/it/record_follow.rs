//! `amanat record mirror` and `follow`: copies that only grow, and what a server may try against whoever keeps one.

use std::fs;
use std::path::Path;

use record::{DirStore, LogStore as _, Note, Signer, WitnessSigner, append};

use crate::record_verify::{grow, ran, record, serve, signer};
use crate::run::{stderr, stdout};

fn mirror(from: &str, copy: &Path, more: &[&str]) -> std::process::Output {
    let copy = copy.to_str().unwrap();
    ran(&[&["record", "mirror", from, copy][..], more].concat())
}

#[track_caller]
fn ok(output: &std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    stdout(output)
}

/// A record that is not the one of before, in its place.
fn replace(directory: &Path, entries: &[&[u8]], signer: &Signer) {
    fs::remove_dir_all(directory.join("tile")).unwrap();
    fs::remove_file(directory.join("checkpoint")).unwrap();
    let mut store = DirStore::create(directory).unwrap();
    append(&mut store, signer, entries).unwrap();
}

fn words(count: u32, word: &str) -> Vec<Vec<u8>> {
    let words = (0..count).map(|it| format!("{word} {it}").into_bytes());
    words.collect()
}

#[test]
fn a_copy_follows_a_site_and_verifies_without_it() {
    let (_place, directory) = record();
    let url = serve(directory.clone());
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    assert!(ok(&mirror(&url, &copy, &[])).starts_with("ok: 300 entries, 300 new, root "));
    grow(&directory, 300..700, "entry");
    assert!(ok(&mirror(&url, &copy, &[])).starts_with("ok: 700 entries, 400 new, root "));
    assert!(ok(&mirror(&url, &copy, &[])).starts_with("ok: 700 entries, 0 new, root "));
    let verified = ok(&ran(&["record", "verify", copy.to_str().unwrap()]));
    assert!(verified.starts_with("ok: 700 entries"), "{verified}");
    // The key beside the copy is the one that counts from now on.
    let other = Signer::new("example.org/record", &[8; 32]).unwrap();
    let key = other.verifier().to_string();
    let stranger = mirror(&url, &copy, &["--key", &key]);
    assert_eq!(stranger.status.code(), Some(1), "{}", stderr(&stranger));
    assert!(
        stderr(&stranger).contains("another key"),
        "{}",
        stderr(&stranger)
    );
}

#[test]
fn entries_are_printed_as_they_come() {
    let (_place, directory) = record();
    let from = directory.to_str().unwrap();
    let all = ok(&ran(&["record", "follow", from, "--once", "--from", "298"]));
    assert_eq!(all, "298 entry 298\n299 entry 299\n");
    assert_eq!(ok(&ran(&["record", "follow", from, "--once"])), "");
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    let follow = || {
        let copy = copy.to_str().unwrap();
        ok(&ran(&["record", "follow", from, "--once", "--copy", copy]))
    };
    assert_eq!(follow(), "");
    grow(&directory, 300..302, "entry");
    assert_eq!(follow(), "300 entry 300\n301 entry 301\n");
    assert_eq!(follow(), "");
}

/// What a server shows to somebody who has a copy of 300 entries.
#[test]
fn nd_5_every_trick_against_a_copy_is_found_out() {
    let entry = |count| words(count, "entry");
    let mut swapped = entry(300);
    swapped.swap(3, 211);
    let forger = Signer::new("example.org/record", &[9; 32]).unwrap();
    let tricks: [(&str, Vec<Vec<u8>>, &Signer, &str); 6] = [
        (
            "split view",
            words(300, "other"),
            &signer(),
            "two of them are shown",
        ),
        (
            "split view, later",
            words(900, "other"),
            &signer(),
            "two of them are shown",
        ),
        ("truncation", entry(299), &signer(), "it was cut"),
        (
            "stale checkpoint",
            entry(256),
            &signer(),
            "an old state is shown",
        ),
        ("reordering", swapped, &signer(), "rewritten"),
        (
            "forged signature",
            entry(400),
            &forger,
            "not one of this log",
        ),
    ];
    for (trick, entries, signer, expected) in tricks {
        let (_place, directory) = record();
        let copies = tempfile::tempdir().unwrap();
        let copy = copies.path().join("copy");
        let from = directory.to_str().unwrap();
        ok(&mirror(from, &copy, &[]));
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        replace(&directory, &entries, signer);
        for output in [
            mirror(from, &copy, &[]),
            ran(&[
                "record",
                "follow",
                from,
                "--once",
                "--copy",
                copy.to_str().unwrap(),
            ]),
        ] {
            let words = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{trick}: {words}");
            assert!(words.contains(expected), "{trick}: {words}");
            assert!(words.contains("evidence"), "{trick}: {words}");
        }
        // The copy is as it was.
        let verified = ok(&ran(&["record", "verify", copy.to_str().unwrap()]));
        assert!(
            verified.starts_with("ok: 300 entries"),
            "{trick}: {verified}"
        );
    }
}

#[test]
fn nd_5_a_cosignature_of_another_checkpoint_counts_for_nothing() {
    let (_place, directory) = record();
    let from = directory.to_str().unwrap();
    let witness = WitnessSigner::new("witness.example", &[5; 32]).unwrap();
    let key = witness.verifier().to_string();
    let mut store = DirStore::open(&directory).unwrap();
    let bytes = store.read("checkpoint").unwrap().unwrap();
    let mut note = Note::parse(&bytes).unwrap();
    let cosignature = witness.cosign(&note, 1_790_000_000).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    let unsigned = mirror(from, &copy, &["--witness", &key]);
    assert_eq!(unsigned.status.code(), Some(1), "{}", stderr(&unsigned));
    assert!(
        stderr(&unsigned).contains("witnesses sign within minutes"),
        "{}",
        stderr(&unsigned)
    );
    note.add(cosignature.clone()).unwrap();
    store
        .write("checkpoint", note.to_string().as_bytes())
        .unwrap();
    ok(&mirror(from, &copy, &["--witness", &key]));
    // The record grows, and what the witness signed before is put under the new checkpoint.
    grow(&directory, 300..310, "entry");
    let bytes = store.read("checkpoint").unwrap().unwrap();
    let mut replayed = Note::parse(&bytes).unwrap();
    replayed.add(cosignature).unwrap();
    store
        .write("checkpoint", replayed.to_string().as_bytes())
        .unwrap();
    let refused = mirror(from, &copy, &["--witness", &key]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(
        stderr(&refused).contains("wrong signature"),
        "{}",
        stderr(&refused)
    );
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("proof");
    let file = file.to_str().unwrap();
    ok(&ran(&["record", "prove", from, "305", "--output", file]));
    let own = signer().verifier().to_string();
    let checked = ran(&["record", "check", file, "--key", &own, "--witness", &key]);
    assert_eq!(checked.status.code(), Some(1), "{}", stderr(&checked));
    assert!(
        stderr(&checked).contains("not rightly signed"),
        "{}",
        stderr(&checked)
    );
}

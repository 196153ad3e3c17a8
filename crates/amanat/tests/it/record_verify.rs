//! `amanat record verify`, `prove` and `check` on records in directories and on a site.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use record::{DirStore, Note, Signer, TlogProof, WitnessSigner, append};

use crate::run::{amanat, stderr, stdout};

/// A data directory with a record of 300 entries: a full bundle, a partial one, and a superseded one.
pub(crate) fn record() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("record");
    grow(&directory, 0..280, "entry");
    grow(&directory, 280..300, "entry");
    let key = signer().verifier().to_string();
    fs::write(directory.join("log.vkey"), key).unwrap();
    (place, directory)
}

pub(crate) fn signer() -> Signer {
    Signer::new("example.org/record", &[7; 32]).unwrap()
}

pub(crate) fn grow(directory: &Path, range: std::ops::Range<u32>, word: &str) {
    let mut store = DirStore::create(directory).unwrap();
    let entries: Vec<_> = range.map(|it| format!("{word} {it}")).collect();
    let entries: Vec<_> = entries.iter().map(String::as_bytes).collect();
    append(&mut store, &signer(), &entries).unwrap();
}

/// What a run printed after `name: `.
#[track_caller]
fn value(output: &std::process::Output, name: &str) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    let prefix = format!("{name}: ");
    let text = stdout(output);
    let value = text.lines().find_map(|it| it.strip_prefix(&prefix));
    value.unwrap().to_owned()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn a_true_record_is_ok_from_the_data_directory_and_from_the_record_itself() {
    let (place, directory) = record();
    for named in [place.path(), &directory] {
        let output = amanat(place.path())
            .args(["record", "verify"])
            .arg(named)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).starts_with("ok: 300 entries, root "));
        assert!(
            stderr(&output).contains("the key comes from the copy that was checked"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_later_record_contains_the_earlier_one_or_is_found_out() {
    let (place, directory) = record();
    let verify = |arguments: &[&str]| {
        amanat(place.path())
            .args(["record", "verify", "."])
            .args(arguments)
            .output()
            .unwrap()
    };
    let since = value(&verify(&[]), "since");
    assert!(since.starts_with("300:"), "{since}");
    grow(&directory, 300..600, "entry");
    let later = verify(&["--since", &since]);
    assert_eq!(value(&later, "contains"), since);
    let later = value(&later, "since");
    assert!(later.starts_with("600:"), "{later}");

    // Rewritten with the right key: it verifies, but not together with what was seen before.
    fs::remove_dir_all(directory.join("tile")).unwrap();
    fs::remove_file(directory.join("checkpoint")).unwrap();
    grow(&directory, 0..400, "rewritten");
    value(&verify(&[]), "since");
    for (earlier, why) in [
        (&since, "the first 300 entries now have another root hash"),
        (&later, "it had 600 entries, and now there are 400"),
    ] {
        let output = verify(&["--since", earlier]);
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(
            words.contains(earlier.as_str()) && words.contains(why),
            "{words}"
        );
    }
}

#[test]
fn one_changed_byte_in_any_file_is_found_and_the_file_is_named() {
    let (place, directory) = record();
    let files = files(&directory);
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&file, &bad).unwrap();
        let output = amanat(place.path())
            .args(["record", "verify", "."])
            .output()
            .unwrap();
        fs::write(&file, good).unwrap();
        let name = file.strip_prefix(&directory).unwrap().display().to_string();
        let (code, words) = (output.status.code(), stderr(&output));
        assert_eq!(code, Some(1), "{name}: {words}");
        assert!(words.contains(&format!("{name}`")), "{name}: {words}");
    }
}

#[test]
fn another_key_does_not_verify() {
    let (place, _) = record();
    let other = Signer::new("example.org/record", &[8; 32]).unwrap();
    let output = amanat(place.path())
        .args(["record", "verify", ".", "--key"])
        .arg(other.verifier().to_string())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn a_site_is_verified_over_http_with_a_key_that_one_trusts() {
    let (place, directory) = record();
    let url = serve(directory.clone());
    let key = fs::read_to_string(directory.join("log.vkey")).unwrap();
    let verify = || {
        amanat(place.path())
            .args(["record", "verify", &url, "--key", &key])
            .output()
            .unwrap()
    };
    let output = verify();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("ok: 300 entries, root "));
    fs::remove_file(directory.join("tile/entries/000")).unwrap();
    assert_eq!(verify().status.code(), Some(1));
}

/// What a run of the command does, anywhere.
pub(crate) fn ran(arguments: &[&str]) -> std::process::Output {
    let place = tempfile::tempdir().unwrap();
    amanat(place.path()).args(arguments).output().unwrap()
}

#[test]
fn one_entry_is_proved_in_a_file_that_needs_no_record() {
    let (place, directory) = record();
    let directory = directory.to_str().unwrap();
    let file = place.path().join("entry.tlog-proof");
    let file = file.to_str().unwrap();
    let key = signer().verifier().to_string();
    let made = ran(&["record", "prove", directory, "279", "--output", file]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let shown = ran(&["record", "prove", directory, "279"]);
    assert_eq!(stdout(&shown), fs::read_to_string(file).unwrap());
    fs::remove_dir_all(directory).unwrap();
    let check = |more: &[&str]| ran(&[&["record", "check", file, "--key", &key], more].concat());
    let found = check(&[]);
    assert_eq!(
        value(&found, "ok"),
        "entry 279 of 300 of example.org/record"
    );
    assert_eq!(value(&found, "entry"), "entry 279");

    // Witnesses sign, one does not; two of three are enough when that is said.
    let witness = |seed| WitnessSigner::new(&format!("w{seed}.example"), &[seed; 32]).unwrap();
    let mut proof = TlogProof::parse(&fs::read(file).unwrap()).unwrap();
    for seed in [1, 2] {
        let line = witness(seed).cosign(&proof.note, 1_790_000_000).unwrap();
        proof.note.add(line).unwrap();
    }
    fs::write(file, proof.to_string()).unwrap();
    let keys = [1, 2, 3].map(|it| witness(it).verifier().to_string());
    let named: Vec<&str> = keys.iter().flat_map(|it| ["--witness", it]).collect();
    let all = check(&named);
    assert_eq!(all.status.code(), Some(1));
    assert!(
        stderr(&all).contains("2 of the named witnesses"),
        "{}",
        stderr(&all)
    );
    let two = check(&[named.as_slice(), &["--quorum", "2"]].concat());
    assert_eq!(value(&two, "witness"), "w1.example, 2026-09-21T14:13:20Z");
    let four = check(&[named.as_slice(), &["--quorum", "4"]].concat());
    assert_eq!(four.status.code(), Some(3));

    // Another entry, another key, another text.
    let other = place.path().join("other");
    fs::write(&other, "entry 280").unwrap();
    let wrong = check(&["--entry", other.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(1));
    let stranger = Signer::new("example.org/record", &[8; 32]).unwrap();
    let stranger = stranger.verifier().to_string();
    let wrong = ran(&["record", "check", file, "--key", &stranger]);
    assert_eq!(wrong.status.code(), Some(1));
    proof.note = Note::sign("text\n", &signer()).unwrap();
    fs::write(file, proof.to_string()).unwrap();
    assert_eq!(check(&[]).status.code(), Some(1));
    fs::write(file, "text").unwrap();
    assert_eq!(check(&[]).status.code(), Some(3));
}

/// The proof of a receipt, written as its format says, and the key of its record.
fn receipt_proof() -> (String, String) {
    let (_place, directory) = record();
    let receipt = r#"{"v":1,"hour":"2026-11-22T10:00:00Z","recipient":"utility-desk","purpose":"billing","deployment":"home","thing":"meter-1","fields":["/power"],"exact":[],"messages":3,"last_at":"2026-11-22T10:59:00Z","part":0}"#;
    let salt = [5; 32];
    let mine = custody::ReceiptCommitment::to(&salt, receipt.as_bytes());
    let decoys = (1..).map(|it: u32| custody::ReceiptCommitment::to(&[9; 32], &it.to_be_bytes()));
    let all = decoys.take(custody::receipt_decoys(1)).chain([mine]);
    let tree = custody::ReceiptTree::of(all.collect()).unwrap();
    let path = tree.prove(&mine).unwrap();
    let hex = data_encoding::HEXLOWER;
    let entry = format!(
        r#"{{"v":1,"at":"2026-11-22T11:01:00Z","kind":"receipts-committed","about":"receipts:1","by":"office:custody","document_sha256":"{}"}}"#,
        hex.encode(&tree.root().0)
    );
    let mut store = DirStore::create(&directory).unwrap();
    append(&mut store, &signer(), &[entry.as_bytes()]).unwrap();
    let output = ran(&["record", "prove", directory.to_str().unwrap(), "300"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let proof = serde_json::json!({
        "format": "amanat-receipt/1",
        "receipt": receipt,
        "salt": hex.encode(&salt),
        "index": path.index,
        "size": path.size,
        "path": path.path.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "record": stdout(&output),
    });
    (proof.to_string(), signer().verifier().to_string())
}

#[test]
fn gp_a4_a_receipt_is_checked_from_its_file_alone() {
    let (proof, key) = receipt_proof();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("proof.json");
    let checked = |proof: &str, more: &[&str]| {
        fs::write(&file, proof).unwrap();
        let named = file.to_str().unwrap();
        let whole = [&["record", "receipt", named, "--key", &key][..], more].concat();
        ran(&whole)
    };
    let ok = checked(&proof, &[]);
    assert_eq!(ok.status.code(), Some(0), "{}", stderr(&ok));
    let text = stdout(&ok);
    assert!(
        text.starts_with("ok: entry 300 of 301 of example.org/record"),
        "{text}"
    );
    assert!(text.contains(r#""messages":3"#), "{text}");
    let forged = checked(
        &proof.replace(r#"\"messages\":3"#, r#"\"messages\":1"#),
        &[],
    );
    assert_eq!(forged.status.code(), Some(1), "{}", stdout(&forged));
    assert!(
        stderr(&forged).contains("not what was committed to"),
        "{}",
        stderr(&forged)
    );
    let no_proof = checked("{}", &[]);
    assert_eq!(no_proof.status.code(), Some(3), "{}", stderr(&no_proof));
    let witness = witness_key();
    let unseen = checked(&proof, &["--witness", &witness]);
    assert_eq!(unseen.status.code(), Some(1), "{}", stderr(&unseen));
}

fn witness_key() -> String {
    let witness = WitnessSigner::new("witness.example/1", &[3; 32]).unwrap();
    witness.verifier().to_string()
}

#[test]
fn what_is_not_in_the_record_is_not_proved() {
    let (_place, directory) = record();
    let directory = directory.to_str().unwrap();
    let beyond = ran(&["record", "prove", directory, "300"]);
    assert_eq!(beyond.status.code(), Some(3));
    assert!(
        stderr(&beyond).contains("it has 300 entries"),
        "{}",
        stderr(&beyond)
    );
    let bundle = Path::new(directory).join("tile/entries/000");
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[5] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let changed = ran(&["record", "prove", directory, "0"]);
    assert_eq!(changed.status.code(), Some(1));
    assert!(
        stderr(&changed).contains("the proof does not hold"),
        "{}",
        stderr(&changed)
    );
}

/// Serves the files of `directory` below `/record/log/`, and the key beside it.
pub(crate) fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines();
            let line = head.next().unwrap().unwrap();
            while head.next().is_some_and(|it| !it.unwrap().is_empty()) {}
            let path = line.split(' ').nth(1).unwrap();
            let file = match path {
                "/record/log.vkey" => "log.vkey",
                _ => path.strip_prefix("/record/log/").unwrap(),
            };
            let (status, body) = match fs::read(directory.join(file)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            )
            .unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    url
}

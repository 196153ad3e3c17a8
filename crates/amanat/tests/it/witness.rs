//! A witness of public records, as a log and its readers meet it.

use std::path::Path;

use record::{
    AddCheckpoint, LogStore as _, MemoryStore, Note, Signer, WitnessVerifier, append, checkpoint,
    consistency_proof,
};

use crate::harness::{Amanat, House, run, witness};

fn signer() -> Signer {
    Signer::new("record.example/log", &[42; 32]).unwrap()
}

/// A log that grows by entries of one word.
fn grow(store: &mut MemoryStore, entries: &[&str]) {
    let entries: Vec<&[u8]> = entries.iter().map(|it| it.as_bytes()).collect();
    append(store, &signer(), &entries).unwrap();
}

fn asked(store: &mut MemoryStore, old_size: u64) -> AddCheckpoint {
    let signer = signer();
    let newest = checkpoint(store, signer.verifier()).unwrap().unwrap();
    let bytes = store.read("checkpoint").unwrap().unwrap();
    AddCheckpoint {
        old_size,
        path: consistency_proof(store, &newest, old_size).unwrap().path,
        note: Note::parse(&bytes).unwrap(),
    }
}

fn start(directory: &Path, more: &[&str]) -> Amanat {
    let key = signer().verifier().to_string();
    witness(directory, &[&["--log", &key], more].concat())
}

fn add(witness: &Amanat, body: &str) -> (u16, String) {
    let mut visitor = witness.visitor("en");
    let answer = visitor.send("/add-checkpoint", &[], body.as_bytes());
    (answer.status, answer.body)
}

/// SHA-256 of the log's origin, hexadecimal (C2SP `tlog-witness`, "Monitor Retrieval Mechanism").
fn address(of: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, b"record.example/log");
    format!("/{}/{of}", data_encoding::HEXLOWER.encode(hash.as_ref()))
}

mod slow {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_witness_cosigns_what_grows_remembers_it_and_keeps_the_proof_of_a_lie() {
        let directory = testkit::temp_dir();
        let place = directory.path().join("witness");
        let witness = start(&place, &["--name", "witness.example/w"]);
        let key = WitnessVerifier::parse(witness.text("witness")).unwrap();
        assert_eq!(witness.visitor("en").open("/").body, format!("{key}\n"));
        assert_eq!(
            witness.visitor("en").get(&address("checkpoint")).status,
            404
        );

        let mut store = MemoryStore::default();
        grow(&mut store, &["one", "two", "three"]);
        let (status, line) = add(&witness, &asked(&mut store, 0).to_string());
        assert_eq!(status, 200, "{line}");
        let bytes = store.read("checkpoint").unwrap().unwrap();
        let cosigned = [bytes.as_slice(), line.as_bytes()].concat();
        assert!(key.cosigned_at(&Note::parse(&cosigned).unwrap()).is_ok());

        // Its memory outlives it, also when it is killed.
        drop(witness);
        let witness = start(&place, &[]);
        assert_eq!(witness.text("witness"), key.to_string());
        let shown = witness.visitor("en").open(&address("checkpoint")).body;
        assert!(
            key.cosigned_at(&Note::parse(shown.as_bytes()).unwrap())
                .is_ok()
        );
        grow(&mut store, &["four"]);
        let stale = add(&witness, &asked(&mut store, 0).to_string());
        assert_eq!(stale, (409, "3\n".to_owned()));
        assert_eq!(add(&witness, &asked(&mut store, 3).to_string()).0, 200);

        // The log shows somebody another record of the same length.
        assert_eq!(witness.visitor("en").get(&address("split")).status, 404);
        let mut other = MemoryStore::default();
        grow(&mut other, &["one", "two", "another", "four"]);
        let lie = asked(&mut other, 4);
        assert_eq!(add(&witness, &lie.to_string()).0, 422);
        let split = witness.visitor("en").open(&address("split")).body;
        assert_eq!(split, lie.note.to_string());
        let words = witness.words().join("\n");
        assert!(
            words.contains("two different trees of 4 entries"),
            "{words}"
        );
        let shown = witness.visitor("en").open(&address("checkpoint")).body;
        assert_ne!(shown.lines().nth(2), split.lines().nth(2));
    }

    /// Makes the files of one directory those of another.
    fn copy_files(from: &Path, to: &Path) {
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir(to).unwrap();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }

    /// Waits until the published checkpoint has the signature of every witness, and gives it.
    fn cosigned(site: &Amanat, keys: &[WitnessVerifier]) -> Note {
        let mut found = None;
        testkit::wait_until("every witness signs", Duration::from_secs(60), || {
            let page = site.visitor("en").open("/record/log/checkpoint");
            let note = Note::parse(page.body.as_bytes()).unwrap();
            let all = keys.iter().all(|it| it.cosigned_at(&note).is_ok());
            found = all.then_some(note);
            found.is_some()
        });
        found.unwrap()
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one journey, from the first signature until an old copy is found out"
    )]
    #[test]
    fn nd_5_a_server_has_its_record_cosigned_and_raises_an_alarm_when_it_was_put_back() {
        let house = House::new();
        let site = house.serve(&[]);
        let key = site.visitor("en").open("/record/log.vkey").body;
        assert_eq!(site.stop(), Some(0));
        let database = house.database().strip_prefix("sqlite:").unwrap().to_owned();
        let directory = testkit::temp_dir();
        let before = directory.path().join("before.db");
        std::fs::copy(&database, &before).unwrap();
        let (log, log_before) = (
            house.directory.path().join("wal"),
            directory.path().join("wal"),
        );
        copy_files(&log, &log_before);

        let witnesses: Vec<_> = ["university", "consumers"]
            .iter()
            .map(|name| {
                let place = directory.path().join(name);
                let name = format!("witness.example/{name}");
                witness(&place, &["--log", key.trim_end(), "--name", &name])
            })
            .collect();
        let keys: Vec<_> = witnesses
            .iter()
            .map(|it| WitnessVerifier::parse(it.text("witness")).unwrap())
            .collect();
        let asked: Vec<_> = keys
            .iter()
            .zip(&witnesses)
            .map(|(key, it)| format!("{key} {}", it.http()))
            .collect();
        let asked = format!("record.witnesses={}", asked.join(","));

        let site = house.serve(&[&asked]);
        let first = cosigned(&site, &keys);
        let mut officer = site.visitor("en");
        officer.sign_in(&house.officer_link);
        let mut form = officer.open("/office").form("/office/test-home/suspend");
        form.set("reason", "smoke came out of a meter");
        officer.submit_and_follow(&form);
        let second = cosigned(&site, &keys);
        assert_ne!(first.unverified_text(), second.unverified_text());
        site.visitor("en").open("/record").shows(&[
            "Who watches the record",
            "witness.example/university",
            "Signed",
        ]);
        // A proof carries the signatures: whoever has it needs neither the site nor the operator.
        let proof = directory
            .path()
            .join("entry.tlog-proof")
            .display()
            .to_string();
        let url = format!("{}/record/log", site.http());
        let made = run(["record", "prove", &url, "0", "--output", &proof]);
        assert_eq!(made.code, Some(0), "{made:?}");
        let keys_named = keys.iter().map(ToString::to_string);
        let trusted: Vec<_> = keys_named
            .flat_map(|it| ["--witness".to_owned(), it])
            .collect();
        let check = ["record", "check", &proof, "--key", key.trim_end()].map(ToOwned::to_owned);
        let checked = run(check.iter().chain(&trusted));
        assert_eq!(checked.code, Some(0), "{checked:?}");
        let verified = run(["record", "verify", &url]);
        assert_eq!(verified.code, Some(0), "{verified:?}");

        // What they signed outlives the server; and an older copy of the data is found out.
        assert_eq!(site.stop(), Some(0));
        let site = house.serve(&[&asked]);
        cosigned(&site, &keys);
        assert_eq!(site.stop(), Some(0));
        std::fs::copy(&before, &database).unwrap();
        copy_files(&log_before, &log);
        let site = house.serve(&[&asked]);
        testkit::wait_until("the alarm is shown", Duration::from_secs(60), || {
            let page = site.visitor("en").open("/record");
            page.text()
                .contains("has signed a longer record than this one")
        });
        let words = site.words().join("\n");
        assert!(words.contains("a larger record under our key"), "{words}");
    }

    #[test]
    fn what_a_witness_does_not_follow_or_cannot_read_is_refused() {
        let directory = testkit::temp_dir();
        let witness = start(directory.path(), &["--name", "witness.example/w"]);
        let mut store = MemoryStore::default();
        grow(&mut store, &["one"]);
        let good = asked(&mut store, 0).to_string();
        for (body, status) in [
            (String::new(), 400),
            (good.replace("old 0", "old x"), 400),
            (
                good.replace("record.example/log\n1", "record.example/other\n1"),
                404,
            ),
            (good.replace("\n1\n", "\n2\n"), 403),
            (good.replace("old 0", "old 7"), 400),
            ("x".repeat(1_100_000), 413),
        ] {
            let found = add(&witness, &body);
            assert_eq!(found.0, status, "{found:?}");
        }
        assert_eq!(add(&witness, &good).0, 200);
        assert_eq!(witness.visitor("en").get("/add-checkpoint").status, 405);
    }
}

#[test]
fn a_witness_says_what_it_needs() {
    let directory = testkit::temp_dir();
    let place = directory.path().display().to_string();
    let key = signer().verifier().to_string();
    let none = run(["witness", "--data", &place]);
    assert_eq!(none.code, Some(3));
    let nameless = run(["witness", "--data", &place, "--log", &key]);
    assert_eq!(nameless.code, Some(3));
    assert!(nameless.words.contains("give --name"), "{}", nameless.words);
    let foreign = format!("{key}x");
    let wrong = run(["witness", "--data", &place, "--log", &foreign]);
    assert_eq!(wrong.code, Some(3), "{}", wrong.words);
    std::fs::write(
        directory.path().join("witness.vkey"),
        "other.example/w+00000000+BA==\n",
    )
    .unwrap();
    let other = run(["witness", "--data", &place, "--log", &key, "--name", "w"]);
    assert_eq!(other.code, Some(3));
    assert!(
        other.words.contains("the witness `other.example/w"),
        "{}",
        other.words
    );
}

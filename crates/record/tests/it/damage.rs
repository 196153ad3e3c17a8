//! A log that was tampered with, lost files, or is not this log.

use record::{
    AppendError, CheckpointError, LogStore, MemoryStore, ProofError, Signer, VerifyError,
};

use crate::support::{append, entries, log, signer, verifier, verify};

/// Keeps superseded partial tiles, as a store does whose readers lag behind.
#[derive(Clone)]
struct KeepingStore(MemoryStore);

impl LogStore for KeepingStore {
    type Error = std::convert::Infallible;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        self.0.read(path)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.write(path, bytes)
    }

    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, Self::Error> {
        self.0.partial_widths(tile)
    }
}

/// 300 entries with superseded partial tiles of both a full tile and one that is not.
fn log_with_old_tiles() -> MemoryStore {
    let mut store = KeepingStore(MemoryStore::default());
    for range in [0..20, 20..256, 256..260, 260..300] {
        append(&mut store, &entries(range, ""));
    }
    store.0
}

fn verifies(store: &mut MemoryStore) -> bool {
    record::verify(store, &verifier()).is_ok()
}

#[test]
fn log_keeps_superseded_tiles_where_the_store_does() {
    let mut store = log_with_old_tiles();
    verify(&mut store);
    let paths: Vec<&str> = store.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "checkpoint",
            "tile/0/000",
            "tile/0/000.p/20",
            "tile/0/001.p/4",
            "tile/0/001.p/44",
            "tile/1/000.p/1",
            "tile/entries/000",
            "tile/entries/000.p/20",
            "tile/entries/001.p/4",
            "tile/entries/001.p/44",
        ]
    );
}

#[test]
fn any_changed_byte_in_any_file_is_found() {
    let mut store = log_with_old_tiles();
    let files = store.files.clone();
    for (path, bytes) in &files {
        for position in 0..bytes.len() {
            // One bit a byte, each bit in turn; the checkpoint, whose encodings have slack to exploit, gets all of them.
            let bits = if path == "checkpoint" {
                0..8
            } else {
                position % 8..position % 8 + 1
            };
            for bit in bits {
                store.files.get_mut(path).unwrap()[position] ^= 1 << bit;
                assert!(
                    !verifies(&mut store),
                    "bit {bit} of byte {position} of {path}"
                );
                store.files.get_mut(path).unwrap()[position] ^= 1 << bit;
            }
        }
    }
    assert_eq!(store.files, files);
    verify(&mut store);
}

/// The path of the file that verification blames.
#[track_caller]
fn blamed(store: &mut MemoryStore) -> String {
    let mut error: &dyn std::error::Error = &record::verify(store, &verifier()).unwrap_err();
    loop {
        let text = error.to_string();
        if let Some(path) = text.split('`').nth(1) {
            return path.to_owned();
        }
        match error.source() {
            Some(source) => error = source,
            None => return text,
        }
    }
}

#[test]
fn the_changed_file_is_the_one_that_is_named() {
    let mut small = KeepingStore(MemoryStore::default());
    for index in 0..23 {
        append(&mut small, &entries(index..index + 1, ""));
    }
    for mut store in [log_with_old_tiles(), small.0] {
        let files = store.files.clone();
        let paths = files.keys().filter(|it| *it != "checkpoint");
        for path in paths {
            for position in [0, files[path].len() / 2, files[path].len() - 1] {
                let bytes = store.files.get_mut(path).unwrap();
                bytes[position] ^= 1;
                assert_eq!(blamed(&mut store), *path, "byte {position}");
                store.files = files.clone();
            }
        }
        *store
            .files
            .get_mut("checkpoint")
            .unwrap()
            .last_mut()
            .unwrap() ^= 1;
        assert_eq!(blamed(&mut store), "checkpoint");
    }
}

#[test]
fn lost_shortened_and_lengthened_files_are_found() {
    let good = log_with_old_tiles();
    for (path, bytes) in &good.files {
        let mut store = good.clone();
        store.files.remove(path);
        // Only superseded partial tiles may be deleted; and a partial tile whose full tile exists is superseded.
        let deletable = ["000.p/20", "001.p/4"]
            .iter()
            .any(|old| path.ends_with(old));
        assert_eq!(verifies(&mut store), deletable, "{path} removed");
        let shorter = bytes[..bytes.len() - 1].to_vec();
        let longer = [bytes.as_slice(), b"\0"].concat();
        for changed in [Vec::new(), shorter, longer] {
            store.files.insert(path.clone(), changed);
            assert!(!verifies(&mut store), "{path} resized");
        }
    }
}

#[test]
fn exchanged_entries_are_found() {
    let mut store = log(&[2]);
    store.files.insert(
        "tile/entries/000.p/2".to_owned(),
        b"\x00\x01b\x00\x01a".to_vec(),
    );
    let error = record::verify(&mut store, &verifier()).unwrap_err();
    assert!(
        matches!(&error, VerifyError::Mismatch { path } if path == "tile/entries/000.p/2"),
        "{error:?}"
    );
}

#[test]
fn log_rewritten_without_the_key_is_found() {
    let mut forged = MemoryStore::default();
    let mut entries = entries(0..300, "");
    entries[17] = b"never happened".to_vec();
    append(&mut forged, &entries);
    forged.files.insert(
        "checkpoint".to_owned(),
        log(&[300]).files["checkpoint"].clone(),
    );
    let error = record::verify(&mut forged, &verifier()).unwrap_err();
    assert!(
        matches!(error, VerifyError::WrongRoot { size: 300 }),
        "{error:?}"
    );
}

#[test]
fn log_of_another_key_does_not_verify() {
    let mut store = log(&[3]);
    let other = Signer::new("record.example/log", &[43; 32]).unwrap();
    let error = record::verify(&mut store, other.verifier()).unwrap_err();
    assert!(matches!(error, VerifyError::Checkpoint(_)), "{error:?}");
    let error = record::append(&mut store, &other, &[b"entry"]).unwrap_err();
    assert!(
        matches!(error, AppendError::Checkpoint(CheckpointError::Note(_))),
        "{error:?}"
    );
    let error = record::verify(&mut MemoryStore::default(), &verifier()).unwrap_err();
    assert!(matches!(error, VerifyError::NoCheckpoint), "{error:?}");
}

#[test]
fn checkpoint_of_another_origin_is_refused() {
    let text = record::Checkpoint {
        origin: "record.example/other".to_owned(),
        size: 0,
        root: record::empty_root(),
    };
    let note = record::Note::sign(&text.to_string(), &signer()).unwrap();
    let mut store = MemoryStore::default();
    store
        .write("checkpoint", note.to_string().as_bytes())
        .unwrap();
    let error = record::checkpoint(&mut store, &verifier()).unwrap_err();
    assert!(
        matches!(error, CheckpointError::OtherOrigin { origin } if origin == "record.example/other")
    );
}

#[test]
fn damaged_end_is_not_built_upon() {
    for path in ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"] {
        let mut store = log(&[300]);
        *store.files.get_mut(path).unwrap().last_mut().unwrap() ^= 1;
        let before = store.clone();
        let error = record::append(&mut store, &signer(), &[b"entry"]).unwrap_err();
        assert!(matches!(error, AppendError::Corrupt), "{path}: {error:?}");
        assert_eq!(store, before);
    }
}

#[test]
fn log_that_lost_its_checkpoint_is_not_started_over() {
    for size in [1, 200, 256, 300] {
        let mut store = log(&[size]);
        store.files.remove("checkpoint");
        let before = store.clone();
        let error = record::append(&mut store, &signer(), &[b"entry"]).unwrap_err();
        assert!(
            matches!(error, AppendError::CheckpointLost { .. }),
            "{size}: {error:?}"
        );
        assert_eq!(store, before);
    }
}

#[test]
fn no_proof_is_given_from_damaged_tiles() {
    let good = log(&[300]);
    for path in ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"] {
        let mut store = good.clone();
        let checkpoint = record::checkpoint(&mut store, &verifier())
            .unwrap()
            .unwrap();
        store.files.get_mut(path).unwrap()[0] ^= 1;
        for index in [0, 1, 128, 255, 256, 257, 299] {
            let damaged = matches!(
                record::inclusion_proof(&mut store, &checkpoint, index),
                Err(ProofError::Corrupt)
            );
            // Each proof needs the other tile's root: the second tile as it is, the first from the level above.
            let read_for_it = match path {
                "tile/0/000" => index < 256,
                "tile/1/000.p/1" => index >= 256,
                _ => true,
            };
            assert_eq!(damaged, read_for_it, "{path} {index}");
        }
    }
}

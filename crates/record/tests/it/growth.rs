//! A log that grows: after every append everything is proved again.

use proptest::prelude::*;
use record::{
    AppendError, Hash, LogStore, MAX_ENTRY_BYTES, MemoryStore, ProofError, verify_consistency,
    verify_inclusion,
};

use crate::support::{append, entries, leaves, log, naive_root, signer, verifier, verify};

/// Checks a log against all that it should hold; proofs for every `stride`-th position.
#[track_caller]
fn check<S: LogStore>(store: &mut S, all: &[Vec<u8>], stride: usize) {
    let leaves = leaves(all);
    let root = naive_root(&leaves);
    let size = u64::try_from(all.len()).unwrap();
    let verified = verify(store);
    assert_eq!((verified.size, verified.root), (size, root));
    let checkpoint = record::checkpoint(store, &verifier()).unwrap().unwrap();
    assert_eq!(
        (checkpoint.origin.as_str(), checkpoint.size, checkpoint.root),
        ("record.example/log", size, root)
    );
    assert_eq!(record::read_entries(store, 0..u64::MAX).unwrap(), all);
    for (index, leaf) in (0..size).zip(&leaves).step_by(stride) {
        let proof = record::inclusion_proof(store, &checkpoint, index).unwrap();
        assert_eq!((proof.index, proof.size), (index, size));
        verify_inclusion(&proof, leaf, &root).unwrap();
        let proof = record::consistency_proof(store, &checkpoint, index).unwrap();
        let old_root = naive_root(&leaves[..usize::try_from(index).unwrap()]);
        verify_consistency(&proof, &old_root, &root).unwrap();
    }
}

#[test]
fn everything_is_provable_after_every_append_across_a_tile_border() {
    let all = entries(0..300, "");
    let mut store = MemoryStore::default();
    let mut size = 0;
    for batch in [1, 1, 1, 5, 56, 63, 1, 126, 1, 1, 1, 43] {
        let appended = append(&mut store, &all[size..size + batch]);
        assert_eq!(appended.first_index, size as u64);
        size += batch;
        check(&mut store, &all[..size], 1);
    }
    assert_eq!(size, 300);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_batches_give_the_tree_of_their_entries(
        batches in prop::collection::vec(prop_oneof![0..4_usize, 100..300_usize, Just(256)], 1..6),
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
    ) {
        let all: Vec<Vec<u8>> = bodies.iter().cycle().take(batches.iter().sum()).cloned().collect();
        let mut store = MemoryStore::default();
        let mut older: Vec<(u64, Hash)> = Vec::new();
        let mut size = 0;
        for batch in batches {
            let checkpoint = append(&mut store, &all[size..size + batch]).checkpoint;
            size += batch;
            check(&mut store, &all[..size], 97);
            older.push((checkpoint.size, checkpoint.root));
            for (old_size, old_root) in &older {
                let proof = record::consistency_proof(&mut store, &checkpoint, *old_size).unwrap();
                prop_assert_eq!(verify_consistency(&proof, old_root, &checkpoint.root), Ok(()));
            }
        }
    }
}

#[test]
fn tiles_do_not_depend_on_how_entries_were_batched() {
    let one_by_one = log(&[1; 300]);
    let at_once = log(&[300]);
    for (path, bytes) in &at_once.files {
        assert_eq!(one_by_one.files.get(path), Some(bytes), "{path}");
    }
}

#[test]
fn log_of_three_tile_levels_verifies_and_grows() {
    let mut store = log(&[65_530, 5, 2, 4_463]);
    let all = entries(0..70_000, "");
    check(&mut store, &all, 9_973);
    let paths: Vec<&str> = store.files.keys().map(String::as_str).collect();
    for path in [
        "tile/0/272",
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ] {
        assert!(paths.contains(&path), "{path}");
    }
    assert_eq!(
        paths
            .iter()
            .filter(|path| path.starts_with("tile/0/") && !path.contains(".p/"))
            .count(),
        273
    );
    assert!(!paths.iter().any(|path| path.starts_with("tile/3/")));
}

#[test]
fn log_without_entries_verifies() {
    let mut store = MemoryStore::default();
    assert_eq!(record::checkpoint(&mut store, &verifier()).unwrap(), None);
    assert_eq!(record::read_entry(&mut store, 0).unwrap(), None);
    let appended = append(&mut store, &[]);
    assert_eq!((appended.first_index, appended.checkpoint.size), (0, 0));
    check(&mut store, &[], 1);
    assert_eq!(store.files.len(), 1);
}

#[test]
fn appending_nothing_changes_nothing() {
    let before = log(&[3]);
    let mut store = before.clone();
    let appended = append(&mut store, &[]);
    assert_eq!((appended.first_index, appended.checkpoint.size), (3, 3));
    assert_eq!(store, before);
}

/// Notes which paths are written.
struct NotingStore {
    inner: MemoryStore,
    written: Vec<String>,
}

impl LogStore for NotingStore {
    type Error = std::convert::Infallible;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        self.inner.read(path)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Self::Error> {
        self.written.push(path.to_owned());
        self.inner.write(path, bytes)
    }
}

#[test]
fn append_writes_what_grew_and_the_checkpoint_last() {
    let mut store = NotingStore {
        inner: log(&[300]),
        written: Vec::new(),
    };
    append(&mut store, &entries(300..301, ""));
    assert_eq!(
        store.written,
        ["tile/entries/001.p/45", "tile/0/001.p/45", "checkpoint"]
    );
}

#[test]
fn entries_are_read_by_position() {
    let mut store = log(&[300]);
    let all = entries(0..300, "");
    for index in [0, 1, 255, 256, 299] {
        assert_eq!(
            record::read_entry(&mut store, index as u64)
                .unwrap()
                .as_ref(),
            Some(&all[index])
        );
    }
    assert_eq!(record::read_entry(&mut store, 300).unwrap(), None);
    assert_eq!(record::read_entry(&mut store, u64::MAX).unwrap(), None);
    assert_eq!(
        record::read_entries(&mut store, 250..260).unwrap(),
        all[250..260]
    );
    assert_eq!(
        record::read_entries(&mut store, 298..400).unwrap(),
        all[298..]
    );
    assert!(record::read_entries(&mut store, 7..7).unwrap().is_empty());
    assert!(
        record::read_entries(&mut store, 300..400)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn longest_entry_is_kept_and_a_longer_one_changes_nothing() {
    let mut store = log(&[2]);
    append(&mut store, &[vec![7; MAX_ENTRY_BYTES]]);
    assert_eq!(
        record::read_entry(&mut store, 2).unwrap().unwrap(),
        vec![7; MAX_ENTRY_BYTES]
    );
    let before = store.clone();
    let error =
        record::append(&mut store, &signer(), &[b"fine", &[7; MAX_ENTRY_BYTES + 1]]).unwrap_err();
    assert!(
        matches!(
            error,
            AppendError::EntryTooLong {
                position: 1,
                size_bytes: 65_536
            }
        ),
        "{error:?}"
    );
    assert_eq!(store, before);
    verify(&mut store);
}

#[test]
fn positions_outside_the_checkpoint_have_no_proof() {
    let mut store = log(&[5]);
    let checkpoint = record::checkpoint(&mut store, &verifier())
        .unwrap()
        .unwrap();
    let error = record::inclusion_proof(&mut store, &checkpoint, 5).unwrap_err();
    assert!(
        matches!(
            error,
            ProofError::OutOfRange {
                position: 5,
                size: 5
            }
        ),
        "{error:?}"
    );
    let error = record::consistency_proof(&mut store, &checkpoint, 6).unwrap_err();
    assert!(
        matches!(
            error,
            ProofError::OutOfRange {
                position: 6,
                size: 5
            }
        ),
        "{error:?}"
    );
}

#[test]
fn older_checkpoint_stays_provable_after_its_partial_tiles_were_dropped() {
    let mut store = log(&[200]);
    let old = record::checkpoint(&mut store, &verifier())
        .unwrap()
        .unwrap();
    append(&mut store, &entries(200..300, ""));
    assert!(!store.files.contains_key("tile/0/000.p/200"));
    let proof = record::inclusion_proof(&mut store, &old, 150).unwrap();
    assert_eq!(
        verify_inclusion(&proof, &leaves(&entries(150..151, ""))[0], &old.root),
        Ok(())
    );
}

//! Witnesses: what they cosign, and every way in which a log could fool them.

use record::{
    AddCheckpoint, AddCheckpointError, Checkpoint, DirStore, Hash, LogStore, MAX_PROOF_HASHES,
    MemoryStore, Note, NoteError, ProofInvalid, Signer, Witness, WitnessError, WitnessRefusal,
    WitnessSigner, admit, checkpoint, consistency_proof,
};

use crate::support::{append, entries, log, signer, verifier};

fn note_of(store: &mut MemoryStore) -> Note {
    let bytes = store.read("checkpoint").unwrap().unwrap();
    Note::parse(&bytes).unwrap()
}

fn checkpoint_of(store: &mut MemoryStore) -> Checkpoint {
    checkpoint(store, &verifier()).unwrap().unwrap()
}

/// What an honest log asks for, of a witness that cosigned it at `old_size`.
fn asked(store: &mut MemoryStore, old_size: u64) -> AddCheckpoint {
    let checkpoint = checkpoint_of(store);
    let proof = consistency_proof(store, &checkpoint, old_size).unwrap();
    AddCheckpoint {
        old_size,
        path: proof.path,
        note: note_of(store),
    }
}

#[track_caller]
fn check_refused(request: &AddCheckpoint, last: Option<&Checkpoint>, expected: WitnessRefusal) {
    let status = expected.status();
    assert_eq!(admit(request, &verifier(), last), Err(expected), "{status}");
}

#[test]
fn a_log_that_grows_is_cosigned_at_every_size() {
    let mut store = MemoryStore::default();
    let witness = WitnessSigner::new("witness.example/w", &[5; 32]).unwrap();
    let mut last: Option<Checkpoint> = None;
    append(&mut store, &[]);
    for size in 0..140_u64 {
        if size > 0 {
            append(&mut store, &entries(size - 1..size, ""));
        }
        let old_size = last.as_ref().map_or(0, |it| it.size);
        let request = asked(&mut store, old_size);
        let sent = AddCheckpoint::parse(request.to_string().as_bytes()).unwrap();
        assert_eq!(sent, request);
        assert_eq!(sent.origin(), "record.example/log");
        let admitted = admit(&sent, &verifier(), last.as_ref()).unwrap();
        assert_eq!(admitted, checkpoint_of(&mut store));
        // Each third one is missed by the witness.
        if size % 3 != 1 {
            last = Some(admitted);
        }
        let mut note = sent.note;
        note.add(witness.cosign(&note, 1_790_000_000).unwrap())
            .unwrap();
        assert_eq!(witness.verifier().cosigned_at(&note), Ok(1_790_000_000));
        assert!(note.verify(&verifier()).is_ok());
    }
}

#[test]
fn what_was_cosigned_already_is_cosigned_again() {
    let mut store = log(&[9]);
    let last = checkpoint_of(&mut store);
    let request = asked(&mut store, 9);
    assert_eq!(admit(&request, &verifier(), Some(&last)), Ok(last));
}

#[test]
fn a_split_view_is_told_from_everything_else() {
    let (mut one, mut other) = (log(&[9]), MemoryStore::default());
    append(&mut other, &entries(0..9, "other"));
    let last = checkpoint_of(&mut one);
    let request = asked(&mut other, 9);
    check_refused(&request, Some(&last), WitnessRefusal::SplitView { size: 9 });
    // It grew from another tree: no proof can be made of it.
    append(&mut other, &entries(9..20, ""));
    let wrong = WitnessRefusal::Proof(ProofInvalid::WrongRoot);
    check_refused(&asked(&mut other, 9), Some(&last), wrong);
}

#[test]
fn entries_in_another_order_are_refused() {
    let mut one = log(&[9]);
    let mut swapped = entries(0..9, "");
    swapped.swap(2, 5);
    let mut other = MemoryStore::default();
    append(&mut other, &swapped);
    let last = checkpoint_of(&mut one);
    check_refused(
        &asked(&mut other, 9),
        Some(&last),
        WitnessRefusal::SplitView { size: 9 },
    );
}

#[test]
fn a_cosignature_of_another_checkpoint_is_wrong() {
    let witness = signer_of_witness();
    let mut store = log(&[5]);
    let cosigned = witness.cosign(&note_of(&mut store), 1_790_000_000).unwrap();
    append(&mut store, &entries(5..12, ""));
    let mut replayed = note_of(&mut store);
    replayed.add(cosigned).unwrap();
    let wrong = witness.verifier().cosigned_at(&replayed);
    assert!(
        matches!(wrong, Err(record::NoteError::WrongSignature { .. })),
        "{wrong:?}"
    );
}

#[test]
fn truncation_and_stale_checkpoints_are_refused() {
    let mut store = log(&[5]);
    let stale = note_of(&mut store);
    append(&mut store, &entries(5..12, ""));
    let last = checkpoint_of(&mut store);
    let request = |old_size| AddCheckpoint {
        old_size,
        path: Vec::new(),
        note: stale.clone(),
    };
    let behind = WitnessRefusal::OldSize { size: 12 };
    for old_size in [0, 5] {
        check_refused(&request(old_size), Some(&last), behind.clone());
    }
    check_refused(&request(12), Some(&last), WitnessRefusal::OldBeyondNew);
}

#[test]
fn the_size_that_was_cosigned_last_is_told() {
    let mut store = log(&[5]);
    let last = checkpoint_of(&mut store);
    append(&mut store, &entries(5..12, ""));
    let expected = WitnessRefusal::OldSize { size: 5 };
    for old_size in [0, 4, 6] {
        check_refused(&asked(&mut store, old_size), Some(&last), expected.clone());
    }
    let never = WitnessRefusal::OldSize { size: 0 };
    check_refused(&asked(&mut store, 5), None, never);
    assert!(admit(&asked(&mut store, 5), &verifier(), Some(&last)).is_ok());
}

#[test]
fn any_other_proof_is_refused() {
    let mut store = log(&[11]);
    let last = checkpoint_of(&mut store);
    append(&mut store, &entries(11..30, ""));
    let good = asked(&mut store, 11);
    assert!(admit(&good, &verifier(), Some(&last)).is_ok());
    for at in 0..good.path.len() {
        let mut changed = good.clone();
        changed.path[at].0[31] ^= 1;
        let wrong = WitnessRefusal::Proof(ProofInvalid::WrongRoot);
        check_refused(&changed, Some(&last), wrong);
        let mut short = good.clone();
        short.path.remove(at);
        let found = admit(&short, &verifier(), Some(&last));
        assert!(matches!(found, Err(WitnessRefusal::Proof(_))), "{found:?}");
    }
    let mut long = good.clone();
    long.path.push(Hash([0; 32]));
    let wrong = WitnessRefusal::Proof(ProofInvalid::WrongLength);
    check_refused(&long, Some(&last), wrong.clone());
    // "If the old size is zero, the consistency proof MUST be empty."
    let mut first = asked(&mut store, 0);
    first.path.push(Hash([0; 32]));
    check_refused(&first, None, wrong);
}

#[test]
fn an_empty_log_has_the_root_of_the_empty_tree() {
    let text = format!("record.example/log\n0\n{}\n", Hash([1; 32]));
    let request = AddCheckpoint {
        old_size: 0,
        path: Vec::new(),
        note: Note::sign(&text, &signer()).unwrap(),
    };
    check_refused(&request, None, WitnessRefusal::SplitView { size: 0 });
    assert_eq!(WitnessRefusal::SplitView { size: 0 }.status(), 422);
}

#[test]
fn forged_and_foreign_checkpoints_are_refused() {
    let mut store = log(&[5]);
    let good = asked(&mut store, 0);
    let name = || "record.example/log".to_owned();
    let forged = good.to_string().replace("\n5\n", "\n6\n");
    let forged = AddCheckpoint::parse(forged.as_bytes()).unwrap();
    let wrong = WitnessRefusal::Signature(NoteError::WrongSignature { name: name() });
    check_refused(&forged, None, wrong);
    let other = Signer::new("record.example/log", &[43; 32]).unwrap();
    let text = good.note.unverified_text();
    let foreign = AddCheckpoint {
        note: Note::sign(text, &other).unwrap(),
        ..good.clone()
    };
    let unsigned = WitnessRefusal::Signature(NoteError::Unsigned { name: name() });
    assert_eq!(unsigned.status(), 403);
    check_refused(&foreign, None, unsigned);
    let text = text.replace("record.example/log", "record.example/other");
    let origin = AddCheckpoint {
        note: Note::sign(&text, &signer()).unwrap(),
        ..good.clone()
    };
    check_refused(&origin, None, WitnessRefusal::OtherOrigin);
    let no_checkpoint = AddCheckpoint {
        note: Note::sign("record.example/log\n", &signer()).unwrap(),
        ..good
    };
    let found = admit(&no_checkpoint, &verifier(), None);
    assert!(matches!(found, Err(WitnessRefusal::Text(_))), "{found:?}");
}

#[test]
fn bodies_that_are_no_requests_are_refused() {
    let mut store = log(&[5]);
    append(&mut store, &entries(5..12, ""));
    let good = asked(&mut store, 5).to_string();
    assert!(AddCheckpoint::parse(good.as_bytes()).is_ok());
    let note = note_of(&mut store).to_string();
    let hash = Hash([0; 32]).to_string();
    for bad in [
        String::new(),
        "\n\n".to_owned(),
        note.clone(),
        good.replacen("old 5", "old 05", 1),
        good.replacen("old 5", "old +5", 1),
        good.replacen("old 5", "old -5", 1),
        good.replacen("old 5", "Old 5", 1),
        good.replacen("old 5\n", "old 5 \n", 1),
        good.replacen("old 5\n", "old 5\r\n", 1),
        good.replacen("old 5\n", "old 18446744073709551616\n", 1),
        good.replacen("old 5\n", "old 5\n\u{a0}\n", 1),
        format!("old 5\n{}\n\n{note}", &hash[1..]),
        format!("old 5\n{hash}\n{note}"),
    ] {
        let found = AddCheckpoint::parse(bad.as_bytes());
        assert!(
            matches!(
                found,
                Err(AddCheckpointError::Malformed | AddCheckpointError::Note(_))
            ),
            "{bad:?}: {found:?}"
        );
    }
    assert_eq!(
        AddCheckpoint::parse(b"old 5\xff\n\n"),
        Err(AddCheckpointError::Malformed)
    );
    let many = |count| format!("old 5\n{}\n{note}", format!("{hash}\n").repeat(count));
    assert!(AddCheckpoint::parse(many(MAX_PROOF_HASHES).as_bytes()).is_ok());
    assert_eq!(
        AddCheckpoint::parse(many(MAX_PROOF_HASHES + 1).as_bytes()),
        Err(AddCheckpointError::TooLarge)
    );
}

const AT: u64 = 1_790_000_000;

fn signer_of_witness() -> WitnessSigner {
    WitnessSigner::new("witness.example/w", &[5; 32]).unwrap()
}

#[test]
fn what_a_witness_cosigned_outlives_it_and_its_time_never_goes_back() {
    let directory = tempfile::tempdir().unwrap();
    let key = signer_of_witness();
    let open = || {
        let store = DirStore::create(directory.path()).unwrap();
        Witness::open(store, verifier(), &key).unwrap()
    };
    let mut store = log(&[5]);
    let mut witness = open();
    assert!(witness.last().is_none());
    let signature = witness.add(&asked(&mut store, 0), &key, AT).unwrap();
    let mut note = note_of(&mut store);
    note.add(signature).unwrap();
    assert_eq!(key.verifier().cosigned_at(&note), Ok(AT));
    drop(witness);
    let mut witness = open();
    assert_eq!(witness.last(), Some((&note, AT)));
    append(&mut store, &entries(5..9, ""));
    let again = witness.add(&asked(&mut store, 0), &key, AT);
    let refused = matches!(
        again,
        Err(WitnessError::Refused(WitnessRefusal::OldSize { size: 5 }))
    );
    assert!(refused, "{again:?}");
    // The clock of the witness was put back.
    witness.add(&asked(&mut store, 5), &key, AT - 500).unwrap();
    assert_eq!(witness.last().map(|it| it.1), Some(AT));
}

#[test]
fn signatures_of_strangers_are_not_kept() {
    let mut store = log(&[5]);
    let stranger = WitnessSigner::new("stranger.example/s", &[6; 32]).unwrap();
    let mut request = asked(&mut store, 0);
    let signature = stranger.cosign(&request.note, AT).unwrap();
    request.note.add(signature).unwrap();
    let key = signer_of_witness();
    let mut witness = Witness::open(MemoryStore::default(), verifier(), &key).unwrap();
    witness.add(&request, &key, AT).unwrap();
    let names: Vec<_> = witness.last().unwrap().0.signatures().iter().collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|it| it.name() != "stranger.example/s"));
}

#[test]
fn a_damaged_memory_stops_the_witness_instead_of_forgetting() {
    let mut store = log(&[5]);
    let key = signer_of_witness();
    let mut kept = MemoryStore::default();
    // Signed by the log and not by the witness, then by nobody.
    let note = note_of(&mut store).to_string();
    for bytes in [note.as_str(), &note.replace("\n5\n", "\n4\n"), ""] {
        kept.write("checkpoint", bytes.as_bytes()).unwrap();
        assert!(Witness::open(kept.clone(), verifier(), &key).is_err());
    }
}

/// A store that fails to write when it is told to, perhaps after it wrote.
#[derive(Debug, Clone)]
struct Failing {
    inner: MemoryStore,
    fails: bool,
    writes_first: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
struct Gone;

impl LogStore for Failing {
    type Error = Gone;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Gone> {
        Ok(self.inner.read(path).unwrap())
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Gone> {
        if !self.fails || self.writes_first {
            self.inner.write(path, bytes).unwrap();
        }
        if self.fails { Err(Gone) } else { Ok(()) }
    }

    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, Gone> {
        Ok(self.inner.partial_widths(tile).unwrap())
    }

    fn drop_partials(&mut self, tile: &str) -> Result<(), Gone> {
        self.inner.drop_partials(tile).unwrap();
        Ok(())
    }
}

#[test]
fn a_witness_that_cannot_keep_what_it_signs_hands_nothing_out_and_stops() {
    for writes_first in [false, true] {
        let mut store = log(&[5]);
        let key = signer_of_witness();
        let kept = Failing {
            inner: MemoryStore::default(),
            fails: true,
            writes_first,
        };
        let mut witness = Witness::open(kept, verifier(), &key).unwrap();
        let request = asked(&mut store, 0);
        let found = witness.add(&request, &key, AT);
        assert!(matches!(found, Err(WitnessError::Store(Gone))), "{found:?}");
        assert!(witness.last().is_none(), "it was handed out to nobody");
        let found = witness.add(&request, &key, AT);
        assert!(matches!(found, Err(WitnessError::Broken)), "{found:?}");
    }
}

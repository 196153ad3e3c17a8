//! Witnesses: what they cosign, and every way in which a log could fool them.

use record::{
    AddCheckpoint, AddCheckpointError, Checkpoint, Hash, LogStore as _, MAX_PROOF_HASHES,
    MemoryStore, Note, NoteError, ProofInvalid, Signer, WitnessRefusal, WitnessSigner, admit,
    checkpoint, consistency_proof,
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

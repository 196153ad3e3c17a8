//! Proofs in a file: made from a log, checked without it.

use record::{
    LogStore as _, MemoryStore, Note, NoteError, ProofInvalid, Signer, TlogProof, TlogProofError,
    TlogProofInvalid, WitnessSigner, checkpoint, inclusion_proof, read_entry,
};

use crate::support::{log, signer, verifier};

const AT: u64 = 1_790_000_000;

fn proof_of(store: &mut MemoryStore, index: u64) -> (TlogProof, Vec<u8>) {
    let newest = checkpoint(store, &verifier()).unwrap().unwrap();
    let entry = read_entry(store, index).unwrap().unwrap();
    let bytes = store.read("checkpoint").unwrap().unwrap();
    let proof = TlogProof {
        extra: Some(entry.clone()),
        index,
        path: inclusion_proof(store, &newest, index).unwrap().path,
        note: Note::parse(&bytes).unwrap(),
    };
    (proof, entry)
}

fn witness(seed: u8) -> WitnessSigner {
    WitnessSigner::new(&format!("witness.example/{seed}"), &[seed; 32]).unwrap()
}

#[test]
fn a_proof_of_every_entry_prints_parses_and_holds() {
    for size in [1, 2, 7, 300] {
        let mut store = log(&[size]);
        for index in 0..size {
            let (proof, entry) = proof_of(&mut store, index);
            let read = TlogProof::parse(proof.to_string().as_bytes()).unwrap();
            assert_eq!(read, proof);
            let found = read.verify(&entry, &verifier(), &[]).unwrap();
            assert_eq!((found.checkpoint.size, found.cosigned), (size, Vec::new()));
        }
    }
}

#[test]
fn witnesses_that_signed_are_told_and_a_wrong_one_refuses_the_proof() {
    let mut store = log(&[9]);
    let (mut proof, entry) = proof_of(&mut store, 4);
    for (seed, at) in [(5, AT), (7, AT + 9)] {
        let signature = witness(seed).cosign(&proof.note, at).unwrap();
        proof.note.add(signature).unwrap();
    }
    let known = [5, 6, 7].map(|it| witness(it).verifier().clone());
    let found = proof.verify(&entry, &verifier(), &known).unwrap();
    assert_eq!(found.cosigned, [(0, AT), (2, AT + 9)]);
    // The same signature under another checkpoint.
    let mut other = log(&[10]);
    let (mut forged, entry) = proof_of(&mut other, 4);
    forged.note.add(proof.note.signatures()[1].clone()).unwrap();
    let found = forged.verify(&entry, &verifier(), &known);
    let wrong = NoteError::WrongSignature {
        name: "witness.example/5".to_owned(),
    };
    assert_eq!(found, Err(TlogProofInvalid::Signature(wrong)));
}

#[test]
fn another_entry_place_path_or_log_is_refused() {
    let mut store = log(&[9]);
    let (proof, entry) = proof_of(&mut store, 4);
    let root = TlogProofInvalid::Proof(ProofInvalid::WrongRoot);
    let found = proof.verify(b"another", &verifier(), &[]);
    assert_eq!(found, Err(root.clone()));
    let moved = TlogProof {
        index: 5,
        ..proof.clone()
    };
    assert_eq!(moved.verify(&entry, &verifier(), &[]), Err(root));
    let mut short = proof.clone();
    short.path.pop();
    let found = short.verify(&entry, &verifier(), &[]);
    assert!(matches!(found, Err(TlogProofInvalid::Proof(_))));
    let stranger = Signer::new("record.example/log", &[1; 32]).unwrap();
    let found = proof.verify(&entry, stranger.verifier(), &[]);
    assert!(matches!(found, Err(TlogProofInvalid::Signature(_))));
    let text = proof.note.unverified_text().replace("/log", "/other");
    let other = TlogProof {
        note: Note::sign(&text, &signer()).unwrap(),
        ..proof
    };
    let found = other.verify(&entry, &verifier(), &[]);
    assert!(matches!(found, Err(TlogProofInvalid::OtherOrigin { .. })));
}

#[test]
fn files_that_are_no_proofs_are_refused() {
    let mut store = log(&[9]);
    let good = proof_of(&mut store, 4).0.to_string();
    for (from, to) in [
        ("@v1", "@v2"),
        ("index 4", "index 04"),
        ("index 4", "Index 4"),
        ("index 4", "index -4"),
        ("index 4\n", ""),
        ("extra ", "extra  "),
        ("\n\n", "\n"),
        ("c2sp", "\nc2sp"),
    ] {
        let bad = good.replacen(from, to, 1);
        let found = TlogProof::parse(bad.as_bytes());
        assert!(found.is_err(), "{bad}");
    }
    let hash = format!("{}=\n", "A".repeat(43));
    let many = good.replacen("index 4\n", &format!("index 4\n{}", hash.repeat(63)), 1);
    assert_eq!(
        TlogProof::parse(many.as_bytes()),
        Err(TlogProofError::TooLarge)
    );
}

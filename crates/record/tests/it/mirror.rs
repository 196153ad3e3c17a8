//! A copy follows a log that grows, and no other.

use record::{MemoryStore, MirrorError, Mirrored, NoteError, Signer, mirror};

use crate::support::{entries, log, signer, verify};

type Done = Result<Mirrored, MirrorError<std::convert::Infallible, std::convert::Infallible>>;

fn copied(from: &mut MemoryStore, to: &mut MemoryStore) -> Done {
    mirror(from, to, signer().verifier(), |_| Ok(()))
}

fn grow(store: &mut MemoryStore, range: std::ops::Range<u64>, word: &str) {
    let entries = entries(range, word);
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    record::append(store, &signer(), &entries).unwrap();
}

/// A log of so many entries with this word.
fn log_of(size: u64, word: &str) -> MemoryStore {
    let mut store = MemoryStore::default();
    grow(&mut store, 0..size, word);
    store
}

#[test]
fn a_copy_follows_at_every_size_and_verifies_by_itself() {
    let steps = [0, 1, 1, 254, 1, 300, 65_000];
    let (mut from, mut to) = (log(&[0]), MemoryStore::default());
    let mut size = 0;
    for step in steps {
        grow(&mut from, size..size + step, "entry");
        let done = copied(&mut from, &mut to).unwrap();
        assert_eq!((done.before, done.checkpoint.size), (size, size + step));
        size += step;
        assert_eq!(verify(&mut to), verify(&mut from));
        assert_eq!(to.files["checkpoint"], from.files["checkpoint"]);
        assert_eq!(
            record::read_entries(&mut to, 0..size).unwrap(),
            record::read_entries(&mut from, 0..size).unwrap()
        );
    }
}

#[track_caller]
fn check_refused(shown: &mut MemoryStore, known: u64, expected: &str) {
    let mut to = MemoryStore::default();
    copied(&mut log_of(known, "entry"), &mut to).unwrap();
    let before = verify(&mut to);
    let text = copied(shown, &mut to).unwrap_err().to_string();
    assert!(text.contains(expected), "{text}");
    // What it held it holds, and it follows the true log again.
    assert_eq!(verify(&mut to), before);
    let done = copied(&mut log_of(known + 700, "entry"), &mut to).unwrap();
    assert_eq!(done.checkpoint.size, known + 700);
    verify(&mut to);
}

#[test]
fn a_split_view_is_found_out_at_the_same_size_and_later() {
    for size in [300, 301, 1_000] {
        check_refused(&mut log_of(size, "other"), 300, "two of them are shown");
    }
}

#[test]
fn entries_in_another_order_are_found_out() {
    let mut words = entries(0..300, "entry");
    words.swap(17, 203);
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let mut shown = MemoryStore::default();
    record::append(&mut shown, &signer(), &words).unwrap();
    check_refused(&mut shown, 300, "rewritten");
}

#[test]
fn a_log_that_was_cut_or_shows_an_old_state_is_found_out() {
    for size in [0, 1, 256, 299] {
        check_refused(
            &mut log_of(size, "entry"),
            300,
            "it was cut, or an old state",
        );
    }
}

#[test]
fn entries_that_were_not_signed_are_found_out() {
    let mut shown = log_of(700, "entry");
    let other = log_of(700, "other");
    let path = "tile/entries/001";
    let bundle = other.files[path].clone();
    shown.files.insert(path.to_owned(), bundle);
    check_refused(&mut shown, 300, "rewritten");
}

#[test]
fn a_forged_signature_and_what_the_caller_refuses_copy_nothing() {
    let mut to = MemoryStore::default();
    let forger = Signer::new(signer().verifier().name(), &[99; 32]).unwrap();
    let mut shown = MemoryStore::default();
    record::append(&mut shown, &forger, &[b"entry"]).unwrap();
    let forged = copied(&mut shown, &mut to).unwrap_err();
    assert!(matches!(forged, MirrorError::Checkpoint(_)), "{forged}");
    let refuse = |_: &record::Note| {
        Err(NoteError::Unsigned {
            name: "witness.example".to_owned(),
        })
    };
    let refused = mirror(&mut log(&[5]), &mut to, signer().verifier(), refuse).unwrap_err();
    assert!(matches!(refused, MirrorError::Refused(_)), "{refused}");
    assert!(to.files.is_empty());
}

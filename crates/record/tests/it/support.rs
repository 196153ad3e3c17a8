//! A key, entries, and a naive model of the tree.

use record::{
    Appended, Hash, LogStore, MemoryStore, Signer, Verified, Verifier, leaf_hash, node_hash,
};

pub(crate) fn signer() -> Signer {
    Signer::new("record.example/log", &[42; 32]).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    signer().verifier().clone()
}

/// Entries that differ in every position and in length, the empty one included; `salt` gives other ones.
pub(crate) fn entries(range: std::ops::Range<u64>, salt: &str) -> Vec<Vec<u8>> {
    range
        .map(|index| match index % 11 {
            0 if salt.is_empty() && index == 0 => Vec::new(),
            extra => format!("{salt}{index}{}", ".".repeat(extra as usize)).into_bytes(),
        })
        .collect()
}

#[track_caller]
pub(crate) fn append<S: LogStore>(store: &mut S, entries: &[Vec<u8>]) -> Appended {
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    record::append(store, &signer(), &entries).unwrap()
}

/// A log in memory, grown by one append a batch.
#[track_caller]
pub(crate) fn log(batches: &[u64]) -> MemoryStore {
    let mut store = MemoryStore::default();
    let mut size = 0;
    for batch in batches {
        append(&mut store, &entries(size..size + batch, ""));
        size += batch;
    }
    store
}

#[track_caller]
pub(crate) fn verify<S: LogStore>(store: &mut S) -> Verified {
    record::verify(store, &verifier()).unwrap()
}

/// The definition of RFC 6962, section 2.1, word for word.
pub(crate) fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => record::empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

pub(crate) fn leaves(entries: &[Vec<u8>]) -> Vec<Hash> {
    entries.iter().map(|entry| leaf_hash(entry)).collect()
}

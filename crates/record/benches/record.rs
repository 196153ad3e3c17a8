//! Appending, proving and verifying, in memory.

use divan::counter::ItemsCount;
use record::{MemoryStore, Signer};

/// Entries of the log that proofs are taken from: three tile levels.
const LOG_ENTRIES: usize = 100_000;
const BATCH: usize = 256;

fn main() {
    divan::main();
}

fn signer() -> Signer {
    Signer::new("bench.example/record", &[7; 32]).unwrap_or_else(|error| unreachable!("{error}"))
}

fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|position| format!("{{\"entry\":{position},\"filler\":\"{:0180}\"}}", 0).into_bytes())
        .collect()
}

fn log_of(count: usize) -> MemoryStore {
    let mut store = MemoryStore::default();
    let entries = entries(count);
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    record::append(&mut store, &signer(), &entries).unwrap_or_else(|error| unreachable!("{error}"));
    store
}

#[divan::bench]
fn append_batches_of_256(bencher: divan::Bencher<'_, '_>) {
    let entries = entries(BATCH);
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let signer = signer();
    let mut store = log_of(BATCH / 2);
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| record::append(&mut store, &signer, &entries));
}

#[divan::bench]
fn inclusion_proof(bencher: divan::Bencher<'_, '_>) {
    let mut store = log_of(LOG_ENTRIES);
    let checkpoint = record::checkpoint(&mut store, signer().verifier());
    let Ok(Some(checkpoint)) = checkpoint else {
        unreachable!("the log was just written")
    };
    let mut index = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        index = (index + 7919) % checkpoint.size;
        record::inclusion_proof(&mut store, &checkpoint, index)
    });
}

#[divan::bench(sample_count = 10)]
fn verify(bencher: divan::Bencher<'_, '_>) {
    let mut store = log_of(LOG_ENTRIES);
    let signer = signer();
    bencher
        .counter(ItemsCount::new(LOG_ENTRIES))
        .bench_local(|| record::verify(&mut store, signer.verifier()));
}

//! Appending, proving and verifying, in memory; beside them the same with the crate `tlog_tiles` (`peer_*`).

use divan::counter::ItemsCount;
use record::{MemoryStore, Signer};
use tlog_tiles::{Error, Hash, HashReader, Tile, TileHashReader, TileReader};

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

/// Every hash of a tree in the order of the peer.
struct Hashes(Vec<Hash>);

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let one = |it: &u64| {
            let place = usize::try_from(*it).map_err(|_| Error::IndexesNotInTree)?;
            self.0.get(place).copied().ok_or(Error::IndexesNotInTree)
        };
        indexes.iter().map(one).collect()
    }
}

impl Hashes {
    fn push(&mut self, position: u64, entry: &[u8]) {
        let new = tlog_tiles::stored_hashes(position, entry, self);
        self.0
            .extend(new.unwrap_or_else(|_| unreachable!("all hashes before are there")));
    }

    fn of(count: usize) -> Self {
        let mut hashes = Self(Vec::new());
        for (position, entry) in (0..).zip(entries(count)) {
            hashes.push(position, &entry);
        }
        hashes
    }
}

/// What a log writes for a batch: the hashes, the tiles, the root. The signature is left out, which is in the peer's favour.
#[divan::bench]
fn peer_append_batches_of_256(bencher: divan::Bencher<'_, '_>) {
    let entries = entries(BATCH);
    let mut hashes = Hashes::of(BATCH / 2);
    let mut size = u64::try_from(BATCH / 2).unwrap_or_default();
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let old = size;
        for entry in &entries {
            hashes.push(size, entry);
            size += 1;
        }
        let tiles = Tile::new_tiles(8, old, size);
        let tiles: Result<Vec<_>, _> = tiles.iter().map(|it| it.read_data(&hashes)).collect();
        (tiles.is_ok(), tlog_tiles::tree_hash(size, &hashes).is_ok())
    });
}

/// The files of a log, for the peer.
struct Files(MemoryStore);

impl TileReader for Files {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |it: &Tile| {
            let path = it.path().replacen("tile/8/", "tile/", 1);
            self.0.files.get(&path).cloned().ok_or(Error::InvalidTile)
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// From the same tiles, checked against the root as well.
#[divan::bench]
fn peer_inclusion_proof(bencher: divan::Bencher<'_, '_>) {
    let mut store = log_of(LOG_ENTRIES);
    let checkpoint = record::checkpoint(&mut store, signer().verifier());
    let Ok(Some(checkpoint)) = checkpoint else {
        unreachable!("the log was just written")
    };
    let files = Files(store);
    let reader = TileHashReader::new(checkpoint.size, Hash(checkpoint.root.0), &files);
    let mut index = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        index = (index + 7919) % checkpoint.size;
        let proof = tlog_tiles::prove_record(checkpoint.size, index, &reader);
        assert!(proof.is_ok(), "the peer proves what is there");
    });
}

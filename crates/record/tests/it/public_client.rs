//! The log read by a public client of others (Cloudflare's `tlog_tiles` and `signed_note`), from its static files alone.

use record::MemoryStore;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Hash, HashReader, Tile, TileHashReader, TileReader, check_record,
    check_tree, prove_record, prove_tree, record_hash, tree_hash,
};

use crate::support::{log, verifier};

/// The files of a log, as a web server would give them.
struct Files(MemoryStore);

impl TileReader for Files {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            // The client names the height of tiles, which C2SP `tlog-tiles` fixes at 8.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            self.0.files.get(&path).cloned().ok_or(Error::InvalidTile)
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// What the client makes of the checkpoint.
fn opened(files: &Files) -> Checkpoint {
    let note = Note::from_bytes(&files.0.files["checkpoint"]).unwrap();
    let key = StandardVerifier::new(&verifier().to_string()).unwrap();
    let (signatures, _) = note
        .verify(&VerifierList::new(vec![Box::new(key)]))
        .unwrap();
    assert_eq!(signatures.len(), 1);
    Checkpoint::from_bytes(note.text()).unwrap()
}

#[test]
fn en_1_a_public_client_verifies_the_log_from_static_files() {
    let mut before: Option<(u64, Hash)> = None;
    for batches in [
        &[1][..],
        &[5],
        &[5, 251],
        &[5, 251, 1],
        &[5, 251, 1, 65_279],
        &[5, 251, 1, 65_279, 4_464],
    ] {
        let files = Files(log(batches));
        let checkpoint = opened(&files);
        let (size, root) = (checkpoint.size(), *checkpoint.hash());
        assert_eq!(checkpoint.origin(), verifier().name());
        assert_eq!(size, batches.iter().sum::<u64>());
        let reader = TileHashReader::new(size, root, &files);
        assert_eq!(tree_hash(size, &reader).unwrap(), root);
        let step = (size / 50).max(1);
        for position in (0..size).step_by(usize::try_from(step).unwrap()) {
            let proof = prove_record(size, position, &reader).unwrap();
            let mut found =
                record::read_entries(&mut files.0.clone(), position..position + 1).unwrap();
            let leaf = record_hash(&found.remove(0));
            check_record(&proof, size, root, position, leaf).unwrap();
            let other = record_hash(b"other");
            assert!(check_record(&proof, size, root, position, other).is_err());
        }
        // Each is the beginning of the next one.
        if let Some((old, old_root)) = before.filter(|it| it.0 < size) {
            let proof = prove_tree(size, old, &reader).unwrap();
            check_tree(&proof, size, root, old, old_root).unwrap();
        }
        before = Some((size, root));
    }
}

#[test]
fn a_public_client_finds_a_changed_tile() {
    let mut files = Files(log(&[700]));
    let checkpoint = opened(&files);
    let tile = files.0.files.get_mut("tile/0/002.p/188").unwrap();
    tile[77] ^= 1;
    let reader = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &files);
    let index = tlog_tiles::stored_hash_index(0, 514);
    assert!(reader.read_hashes(&[index]).is_err());
}

//! What the fuzz target `backup` does with what somebody put into a repository. Compiled here and, with the parsers that it calls, in
//! `fuzz/targets`. Sealed files open for nobody who has no key; this is about whoever has one.

use std::path::Path;

use data_encoding::HEXLOWER;
use vault::{ErasureFile, PassphraseError, Protection, ProtectionError};
use zeroize::Zeroizing;

use crate::key;
use crate::manifest::{BackupId, Manifest};
use crate::rows;
use crate::seal::{Kind, RepositoryKey, unpack};

const ID: &str = "20261123T201500Z-0a1b2c3d";
/// The longest thing that is unpacked.
const MAX_BYTES: usize = 64 * 1024;

/// The first byte chooses what the rest is: a list, rows, a sealed file, what was sealed, a key file, or erasures.
pub(crate) fn backup(input: &[u8]) {
    let Some((which, rest)) = input.split_first() else {
        return;
    };
    match which % 6 {
        0 => list(rest),
        1 => records(rest),
        2 => sealed(rest),
        3 => packed(rest),
        4 => key_file(rest),
        _ => erasures(rest),
    }
}

/// Words that a terminal may show.
fn assert_plain(words: &str) {
    assert!(
        words.len() < 4_096 && !words.contains(char::is_control),
        "{words}"
    );
}

/// It is refused with plain words; or it can be written again, is then the same, and names nothing outside of its directory.
fn list(bytes: &[u8]) {
    let id = BackupId::parse(ID).expect("a name");
    match Manifest::decode(bytes, &id) {
        Err(reason) => assert_plain(&reason),
        Ok(manifest) => {
            let again = manifest.encode().expect("what was read can be written");
            assert_eq!(Manifest::decode(&again, &id), Ok(manifest.clone()));
            for log in &manifest.logs {
                assert_eq!(Path::new(&log.name).components().count(), 1);
                assert!(!log.name.starts_with('.') && log.bytes <= manifest.bytes);
            }
            assert_plain(&manifest.origin);
            assert_plain(&manifest.program);
        }
    }
}

/// Records come out one after the other, and none before the last of its bytes is there.
fn records(mut bytes: &[u8]) {
    while let Ok(Some((record, len))) = rows::next(bytes) {
        let (whole, rest) = bytes.split_at(len);
        assert!(!whole.is_empty());
        let cut = rows::next(&whole[..len - 1]);
        assert!(matches!(cut, Ok(None)), "{record:?} {cut:?}");
        bytes = rest;
    }
}

/// Nothing opens that was not sealed with the key; what was sealed opens as it was, under its own name only.
fn sealed(bytes: &[u8]) {
    let key = RepositoryKey::from_bytes(Zeroizing::new([7; 32]));
    for kind in [Kind::Chunk, Kind::Backup, Kind::Erasures] {
        assert!(key.open(kind, b"name", bytes, MAX_BYTES).is_err());
        let file = key.seal(kind, b"name", bytes).expect("sealed");
        assert_eq!(
            key.open(kind, b"name", &file, bytes.len()).as_deref(),
            Ok(bytes)
        );
        assert!(key.open(kind, b"other", &file, bytes.len()).is_err());
    }
}

/// What comes out is no longer than it may be.
fn packed(bytes: &[u8]) {
    for most in [0, 100, MAX_BYTES] {
        assert!(unpack(bytes, most).map_or(true, |it| it.len() <= most));
    }
}

/// Stands for a passphrase: what is behind its word is the key.
struct Plain;

impl Protection for Plain {
    fn word(&self) -> &'static str {
        "plain"
    }

    fn protect(&self, key: &Zeroizing<[u8; 32]>) -> Result<String, ProtectionError> {
        Ok(HEXLOWER.encode(key.as_slice()))
    }

    fn open(&self, fields: &str) -> Result<Zeroizing<[u8; 32]>, ProtectionError> {
        let bytes = HEXLOWER.decode(fields.as_bytes()).ok();
        let bytes = bytes.and_then(|it| it.try_into().ok()).map(Zeroizing::new);
        bytes.ok_or(ProtectionError::Passphrase(PassphraseError::Malformed))
    }
}

/// A key that opens is written as it was read.
fn key_file(bytes: &[u8]) {
    match key::open(bytes, &Plain) {
        Ok(key) => {
            let line = key::line(&key, &Plain).expect("a line");
            assert_eq!(
                line.trim_end_matches('\n').as_bytes(),
                bytes.strip_suffix(b"\n").unwrap_or(bytes)
            );
        }
        Err(err) => assert_plain(&err.to_string()),
    }
}

/// What is read is written again as the same, and nothing comes of joining it with itself.
fn erasures(bytes: &[u8]) {
    let path = Path::new("erasures");
    match ErasureFile::parse(path, bytes) {
        Ok(file) => {
            let again = ErasureFile::parse(path, &file.to_bytes()).expect("what was written");
            assert_eq!(again, file);
            assert!(file.without(&again).is_empty());
            let pieces: usize = file.pieces(2).iter().map(ErasureFile::len).sum();
            assert_eq!(pieces, file.len());
        }
        Err(err) => assert_plain(&err.to_string()),
    }
}

#[cfg(test)]
#[test]
fn every_kept_input_of_repositories_still_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/fuzz/backup");
    let mut kinds = std::collections::BTreeSet::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        backup(&input);
        kinds.extend(input.first().map(|it| it % 6));
        count += 1;
    }
    assert!(count >= 12 && kinds.len() == 6, "{count} of {kinds:?}");
}

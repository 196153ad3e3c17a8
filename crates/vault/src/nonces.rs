//! Tests only: every nonce that a key seals with, written to a file that outlives the process.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ring::digest::{SHA256, digest};

use crate::crypto::NONCE_BYTES;

const NAME_BYTES: usize = 16;

static USED: Mutex<Option<File>> = Mutex::new(None);

/// Names a key by its bytes.
pub(crate) fn name(key: &[u8]) -> [u8; NAME_BYTES] {
    let mut name = [0; NAME_BYTES];
    name.copy_from_slice(&digest(&SHA256, key).as_ref()[..NAME_BYTES]);
    name
}

/// From here on every use goes to a file, behind what is in it.
pub(crate) fn watch(path: &Path) {
    let file = OpenOptions::new().append(true).create(true).open(path);
    *lock() = Some(file.unwrap());
}

/// How many uses are in a file; panics when a nonce was used twice under a key.
pub(crate) fn check(path: &Path) -> usize {
    let bytes = std::fs::read(path).unwrap();
    let mut used = HashSet::new();
    for pair in bytes.chunks_exact(NAME_BYTES + NONCE_BYTES) {
        assert!(used.insert(pair), "a nonce was used twice under one key");
    }
    used.len()
}

/// Notes a use, before it.
pub(crate) fn note(key: [u8; NAME_BYTES], nonce: [u8; NONCE_BYTES]) {
    if let Some(file) = lock().as_mut() {
        file.write_all(&[&key[..], &nonce[..]].concat()).unwrap();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<File>> {
    USED.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A log in a directory.

use std::fs;
use std::path::Path;

use record::{DirStore, DirStoreError, LogStore, MAX_NOTE_BYTES};
use tempfile::TempDir;

use crate::support::{append, entries, log, verify};

fn directory() -> (TempDir, DirStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = DirStore::open(dir.path()).unwrap();
    (dir, store)
}

#[test]
fn directory_holds_the_same_files_as_memory_and_opens_again() {
    let (dir, mut store) = directory();
    let mut size = 0;
    for batch in [3, 200, 60, 37] {
        append(&mut store, &entries(size..size + batch, ""));
        size += batch;
        store = DirStore::open(dir.path()).unwrap();
        assert_eq!(verify(&mut store).size, size);
    }
    let memory = log(&[3, 200, 60, 37]);
    let mut found = Vec::new();
    list(dir.path(), dir.path(), &mut found);
    found.sort();
    assert_eq!(found, memory.files.keys().cloned().collect::<Vec<_>>());
    for (path, bytes) in &memory.files {
        assert_eq!(fs::read(dir.path().join(path)).unwrap(), *bytes, "{path}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test looks at the directory behind the store's back"
)]
fn list(root: &Path, dir: &Path, found: &mut Vec<String>) {
    for child in fs::read_dir(dir).unwrap() {
        let child = child.unwrap().path();
        if child.is_dir() {
            list(root, &child, found);
        } else {
            found.push(child.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

#[test]
fn paths_that_are_not_log_paths_are_refused() {
    let (dir, mut store) = directory();
    fs::write(dir.path().join("secret"), "s").unwrap();
    for path in [
        "secret",
        "../x",
        "/etc/passwd",
        "tile/0/../../secret",
        "tile/0/000.p/0",
        "checkpoint/../secret",
        "",
    ] {
        let refused = |error: DirStoreError| matches!(error, DirStoreError::NotLogPath { path: it } if it == path);
        assert!(refused(store.read(path).unwrap_err()), "{path}");
        assert!(refused(store.write(path, b"x").unwrap_err()), "{path}");
        assert!(refused(store.partial_widths(path).unwrap_err()), "{path}");
        assert!(refused(store.drop_partials(path).unwrap_err()), "{path}");
    }
    for path in ["checkpoint", "tile/0/000.p/5"] {
        assert!(
            store.partial_widths(path).is_err() && store.drop_partials(path).is_err(),
            "{path}"
        );
    }
    assert_eq!(fs::read(dir.path().join("secret")).unwrap(), b"s");
}

#[test]
fn leftovers_of_a_crash_are_not_read() {
    let (dir, mut store) = directory();
    append(&mut store, &entries(0..5, ""));
    fs::write(dir.path().join(".checkpoint.tmp"), "half a checkp").unwrap();
    fs::write(dir.path().join("tile/0/000.p/.6.tmp"), "half a tile").unwrap();
    assert_eq!(store.partial_widths("tile/0/000").unwrap(), [5]);
    append(&mut store, &entries(5..6, ""));
    assert_eq!(store.partial_widths("tile/0/000").unwrap(), [5, 6]);
    assert_eq!(verify(&mut store).size, 6);
    assert!(!dir.path().join(".checkpoint.tmp").exists());
}

#[test]
fn partial_tiles_are_dropped_when_the_tile_is_full() {
    let (dir, mut store) = directory();
    append(&mut store, &entries(0..5, ""));
    append(&mut store, &entries(5..256, ""));
    assert!(
        dir.path().join("tile/0/000").is_file() && dir.path().join("tile/entries/000").is_file()
    );
    assert!(
        !dir.path().join("tile/0/000.p").exists()
            && !dir.path().join("tile/entries/000.p").exists()
    );
}

#[test]
fn overlong_file_is_refused() {
    let (dir, mut store) = directory();
    fs::write(dir.path().join("checkpoint"), vec![b'a'; MAX_NOTE_BYTES]).unwrap();
    assert_eq!(
        store.read("checkpoint").unwrap().unwrap().len(),
        MAX_NOTE_BYTES
    );
    fs::write(
        dir.path().join("checkpoint"),
        vec![b'a'; MAX_NOTE_BYTES + 1],
    )
    .unwrap();
    assert!(matches!(
        store.read("checkpoint").unwrap_err(),
        DirStoreError::TooLong {
            limit_bytes: 1_000_000,
            ..
        }
    ));
}

#[test]
fn directory_must_exist_or_be_created() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/c");
    assert!(matches!(
        DirStore::open(&path).unwrap_err(),
        DirStoreError::NotDirectory { .. }
    ));
    let mut store = DirStore::create(&path).unwrap();
    append(&mut store, &entries(0..2, ""));
    assert_eq!(verify(&mut DirStore::create(&path).unwrap()).size, 2);
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(DirStore::create(dir.path().join("file")).is_err());
}

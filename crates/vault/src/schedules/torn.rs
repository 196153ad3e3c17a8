//! A disk that notes what it has synced, fails once, and forgets what it had not synced when the power fails.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use testkit::Random;

use super::Place;
use crate::disk::{Disk, RealDisk, SegmentFile, names_ending};

/// Where it notes how long each segment was when it was synced last, and which sync fails.
struct Notes {
    synced: PathBuf,
    /// Counts down; the one that reaches 0 fails.
    left: AtomicU64,
}

impl Notes {
    fn note(&self, path: &Path, len: u64) {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.synced);
        let line = format!("{} {len}\n", path.display());
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }

    fn fails(&self) -> bool {
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
        before == Ok(1)
    }
}

pub(super) struct TornDisk(Arc<Notes>);

impl TornDisk {
    /// The n-th sync fails; none where that is 0.
    pub(super) fn new(synced: PathBuf, fails_at: u64) -> Self {
        Self(Arc::new(Notes {
            synced,
            left: AtomicU64::new(fails_at),
        }))
    }

    fn file(&self, path: &Path, file: Box<dyn SegmentFile>) -> Box<dyn SegmentFile> {
        Box::new(TornFile {
            notes: Arc::clone(&self.0),
            path: path.to_owned(),
            file,
        })
    }
}

struct TornFile {
    notes: Arc<Notes>,
    path: PathBuf,
    file: Box<dyn SegmentFile>,
}

impl Disk for TornDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(self.file(path, RealDisk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(self.file(path, RealDisk.open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        RealDisk.sync_directory(directory)
    }
}

impl SegmentFile for TornFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        // What is written meanwhile may be synced or not.
        let len = self.file.len()?;
        if self.notes.fails() {
            return Err(io::Error::other("the disk of the test failed"));
        }
        self.notes.note(&self.path, len);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

/// The power fails: of each segment, what was written after its last sync is cut somewhere, or garbled, or there. Says of how many
/// something was lost.
pub(super) fn tear(place: &Place, random: &mut Random) -> u64 {
    let notes = std::fs::read_to_string(place.synced()).unwrap_or_default();
    let mut synced: BTreeMap<PathBuf, u64> = BTreeMap::new();
    for line in notes.lines() {
        let (path, len) = line.rsplit_once(' ').unwrap();
        let len = len.parse().unwrap();
        let known = synced.entry(path.into()).or_insert(len);
        *known = len.max(*known);
    }
    let mut torn = 0;
    for path in names_ending(&place.wal(), ".seg").unwrap_or_default() {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let len = file.metadata().unwrap().len();
        let kept = synced.get(&path).copied().unwrap_or(0);
        if len <= kept {
            continue;
        }
        torn += 1;
        match random.below(3) {
            0 => file.set_len(kept + random.below(len - kept + 1)).unwrap(),
            1 => {
                let at = kept + random.below(len - kept);
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).unwrap();
                file.write_all_at(&[!byte[0]], at).unwrap();
            }
            _ => torn -= 1,
        }
    }
    torn
}

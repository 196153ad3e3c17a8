//! A disk that notes what it has made durable, fails once, and forgets what was not durable when the power fails.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use testkit::Random;

use crate::disk::{Disk, NewFile, RealDisk};

/// What was done that changes a directory, in the order of the doing.
enum Change {
    Made(PathBuf),
    Created(PathBuf),
    /// From, to, and where the bytes are that were there before.
    Renamed(PathBuf, PathBuf, PathBuf),
    /// What, and where it lies now.
    Removed(PathBuf, PathBuf),
}

impl Change {
    fn directory(&self) -> &Path {
        let (Self::Made(path)
        | Self::Created(path)
        | Self::Renamed(path, ..)
        | Self::Removed(path, _)) = self;
        path.parent().unwrap()
    }

    /// As if it had not been, where that still makes sense. Says whether it was.
    fn undo(&self) -> bool {
        match self {
            Self::Made(path) => fs::remove_dir_all(path).is_ok(),
            Self::Created(path) => fs::remove_file(path).is_ok(),
            Self::Renamed(from, to, before) => {
                let was = !from.exists() && fs::rename(to, from).is_ok();
                if was && before.exists() {
                    fs::copy(before, to).unwrap();
                }
                was
            }
            Self::Removed(path, away) => !path.exists() && fs::rename(away, path).is_ok(),
        }
    }
}

/// Where it notes what it does, and which act fails.
struct Notes {
    place: PathBuf,
    /// Counts down; the one that reaches 0 fails.
    left: AtomicU64,
}

impl Notes {
    fn journal(&self) -> PathBuf {
        self.place.join("journal")
    }

    /// Before something is done: the process may end, or the act fail.
    fn begin(&self, line: &str) -> io::Result<()> {
        testkit::crash::point();
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
        if before == Ok(1) {
            return Err(io::Error::other("the disk of the test failed"));
        }
        self.note(line);
        Ok(())
    }

    fn note(&self, line: &str) {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.journal());
        let line = format!("{line}\n");
        io::Write::write_all(&mut file.unwrap(), line.as_bytes()).unwrap();
    }

    /// Where something is kept that the power may bring back.
    fn away(&self) -> PathBuf {
        let away = self.place.join("away");
        fs::create_dir_all(&away).unwrap();
        away.join(format!("{:016x}", getrandom::u64().unwrap()))
    }
}

pub(super) struct TornDisk(Arc<Notes>);

impl TornDisk {
    /// The n-th act fails; none where that is 0.
    pub(super) fn new(place: &Path, fails_at: u64) -> Self {
        Self(Arc::new(Notes {
            place: place.to_owned(),
            left: AtomicU64::new(fails_at),
        }))
    }
}

impl Disk for TornDisk {
    fn make(&self, directory: &Path) -> io::Result<()> {
        if !directory.exists() {
            self.0.begin(&format!("made {}", directory.display()))?;
        }
        RealDisk.make(directory)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.0.begin(&format!("created {}", path.display()))?;
        Ok(Box::new(TornFile {
            notes: Arc::clone(&self.0),
            path: path.to_owned(),
            bytes: 0,
            file: RealDisk.create(path)?,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let away = self.0.away();
        if to.exists() {
            fs::copy(to, &away)?;
        }
        let (from_name, to_name) = (from.display(), to.display());
        self.0
            .begin(&format!("renamed {from_name} {to_name} {}", away.display()))?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if !path.exists() {
            return Ok(());
        }
        let away = self.0.away();
        self.0
            .begin(&format!("removed {} {}", path.display(), away.display()))?;
        RealDisk.rename(path, &away)
    }

    fn settle(&self, directory: &Path) -> io::Result<()> {
        self.0.begin("settling")?;
        self.0.note(&format!("settled {}", directory.display()));
        Ok(())
    }
}

struct TornFile {
    notes: Arc<Notes>,
    path: PathBuf,
    bytes: usize,
    file: Box<dyn NewFile>,
}

impl NewFile for TornFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (some, rest) = bytes.split_at(bytes.len() / 2);
        self.file.write_all(some)?;
        self.notes.begin("writing")?;
        self.bytes += bytes.len();
        self.file.write_all(rest)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.notes.begin("syncing")?;
        self.notes
            .note(&format!("synced {} {}", self.path.display(), self.bytes));
        Ok(())
    }
}

/// What may not be durable when the power fails.
#[derive(Default)]
struct Unsettled {
    changes: Vec<Change>,
    /// How many bytes of each new file are durable.
    files: BTreeMap<PathBuf, u64>,
}

impl Unsettled {
    fn read(place: &Path) -> Self {
        let journal = place.join("journal");
        let text = fs::read_to_string(&journal).unwrap_or_default();
        let _ = fs::remove_file(&journal);
        let mut all = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            all.take(&words);
        }
        all
    }

    fn take(&mut self, words: &[&str]) {
        let path = |n: usize| PathBuf::from(words[n]);
        match words[0] {
            "made" => self.changes.push(Change::Made(path(1))),
            "created" => {
                self.files.insert(path(1), 0);
                self.changes.push(Change::Created(path(1)));
            }
            "synced" => drop(self.files.insert(path(1), words[2].parse().unwrap())),
            "renamed" => {
                if let Some(bytes) = self.files.remove(&path(1)) {
                    self.files.insert(path(2), bytes);
                }
                self.changes
                    .push(Change::Renamed(path(1), path(2), path(3)));
            }
            "removed" => self.changes.push(Change::Removed(path(1), path(2))),
            "settled" => self.changes.retain(|it| it.directory() != path(1)),
            _ => {}
        }
    }
}

/// The power fails: of what was written to files and not synced some is gone or garbled, of what was done to directories and not made
/// durable some was never done. Says how much was lost.
pub(super) fn tear(place: &Path, random: &mut Random) -> u64 {
    let unsettled = Unsettled::read(place);
    let mut lost = 0;
    for (path, kept) in &unsettled.files {
        let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else {
            continue;
        };
        let len = file.metadata().unwrap().len();
        if len <= *kept {
            continue;
        }
        lost += 1;
        match random.below(3) {
            0 => file.set_len(kept + random.below(len - kept)).unwrap(),
            1 => {
                let at = kept + random.below(len - kept);
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).unwrap();
                file.write_all_at(&[!byte[0]], at).unwrap();
            }
            _ => lost -= 1,
        }
    }
    for change in unsettled.changes.iter().rev() {
        lost += u64::from(random.below(2) == 0 && change.undo());
    }
    lost
}

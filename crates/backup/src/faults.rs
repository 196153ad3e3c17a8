//! A place that fails, tears or is cut off at a chosen operation.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::files::{Directory, Files};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and later ones work again: a full disk, a network that comes back.
    Error,
    /// The process is killed before it: nothing works from here on.
    Killed,
    /// The file gets its name with a part of what it holds, and the process is killed: a place that lies about syncing.
    Torn,
}

/// When it happens, shared by whoever looks at it.
pub(crate) struct Plan {
    left: AtomicI64,
    fault: Fault,
    seen: AtomicU64,
}

impl Plan {
    /// At the n-th operation that changes something, counted from 0.
    pub(crate) fn at(n: u64, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicI64::new(i64::try_from(n).unwrap()),
            fault,
            seen: AtomicU64::new(0),
        })
    }

    /// How many operations there were.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    fn next(&self) -> Option<Fault> {
        self.seen.fetch_add(1, Ordering::SeqCst);
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            0 => Some(self.fault),
            it if it < 0 && self.fault != Fault::Error => Some(Fault::Killed),
            _ => None,
        }
    }
}

pub(crate) struct Faulty {
    directory: Directory,
    plan: Arc<Plan>,
}

impl Faulty {
    pub(crate) fn new(path: &Path, plan: &Arc<Plan>) -> Self {
        Self {
            directory: Directory::new(path),
            plan: Arc::clone(plan),
        }
    }

    fn change(&self, torn: impl FnOnce(), act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match self.plan.next() {
            None => act(),
            Some(fault) => {
                if fault == Fault::Torn {
                    torn();
                }
                Err(io::Error::other("a fault of the test"))
            }
        }
    }
}

impl Files for Faulty {
    fn read(&self, name: &str, max_bytes: u64) -> io::Result<Vec<u8>> {
        self.directory.read(name, max_bytes)
    }

    fn head(&self, name: &str, bytes: usize) -> io::Result<(Vec<u8>, u64)> {
        self.directory.head(name, bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let half = bytes.len() / 2;
        self.change(
            || self.directory.write(name, &bytes[..half]).unwrap(),
            || self.directory.write(name, bytes),
        )
    }

    fn settle(&self) -> io::Result<()> {
        self.change(|| (), || self.directory.settle())
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.directory.list(directory)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(|| (), || self.directory.remove(name))
    }
}

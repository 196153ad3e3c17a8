//! The lines that a process writes, as they come.

use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Lines read by a thread that ends with its process.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Lines {
    /// Starts to read.
    pub(crate) fn of(source: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let into = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).into_owned();
                into.lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
            into.ended.store(true, Ordering::Release);
        });
        lines
    }

    /// What was written so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Everything that was written; waits until nobody can write any more.
    #[track_caller]
    pub(crate) fn ended(&self) -> Vec<String> {
        testkit::wait_until("the output ends", super::PATIENCE, || {
            self.ended.load(Ordering::Acquire)
        });
        self.all()
    }

    /// The first line that `wanted` accepts; waits for it.
    #[track_caller]
    pub(crate) fn find(
        &self,
        what: &str,
        timeout: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let mut found = None;
        testkit::wait_until(what, timeout, || {
            found = self.all().into_iter().find(|it| wanted(it));
            found.is_some()
        });
        found.unwrap_or_default()
    }
}

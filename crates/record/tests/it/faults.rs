//! Storage that fails at every possible step, with the step done or not done.

use record::{AppendError, LogStore, MemoryStore};

use crate::support::{entries, log, signer, verify};

#[derive(Debug, thiserror::Error)]
#[error("injected fault")]
struct Fault;

/// What the failing step leaves behind.
#[derive(Clone, Copy, Debug, PartialEq)]
enum FailingStep {
    Done,
    NotDone,
}

/// Fails at one step and at all later ones, as a disk that dies does.
struct FaultyStore {
    inner: MemoryStore,
    /// The step that fails, counted from 1; 0 once it has failed.
    steps_left: usize,
    failing_step: FailingStep,
}

impl FaultyStore {
    fn step<T>(&mut self, act: impl FnOnce(&mut MemoryStore) -> T) -> Result<T, Fault> {
        let left = self.steps_left;
        self.steps_left = left.saturating_sub(1);
        if left > 1 {
            return Ok(act(&mut self.inner));
        }
        if left == 1 && self.failing_step == FailingStep::Done {
            act(&mut self.inner);
        }
        Err(Fault)
    }
}

impl LogStore for FaultyStore {
    type Error = Fault;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.step(|inner| inner.read(path).unwrap_or_else(|never| match never {}))
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.step(|inner| {
            inner
                .write(path, bytes)
                .unwrap_or_else(|never| match never {})
        })
    }

    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, Fault> {
        self.step(|inner| {
            inner
                .partial_widths(tile)
                .unwrap_or_else(|never| match never {})
        })
    }

    fn drop_partials(&mut self, tile: &str) -> Result<(), Fault> {
        self.step(|inner| {
            inner
                .drop_partials(tile)
                .unwrap_or_else(|never| match never {})
        })
    }
}

fn try_append<S: LogStore>(
    store: &mut S,
    entries: &[Vec<u8>],
) -> Result<u64, AppendError<S::Error>> {
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    Ok(record::append(store, &signer(), &entries)?.checkpoint.size)
}

/// Fails an append of `lost` entries at every step, then goes on with other entries; the log must verify all the way.
#[track_caller]
fn check(start: &[u64], lost: u64, then: &[u64]) {
    let before = log(start);
    let old_size: u64 = start.iter().sum();
    for failing_step in [FailingStep::NotDone, FailingStep::Done] {
        let mut outcomes = Vec::new();
        for steps_left in 1.. {
            let mut store = FaultyStore {
                inner: before.clone(),
                steps_left,
                failing_step,
            };
            let result = try_append(&mut store, &entries(old_size..old_size + lost, "lost"));
            let mut store = store.inner;
            if result.is_ok() {
                assert_eq!(verify(&mut store).size, old_size + lost);
                break;
            }
            let size = match store.files.contains_key("checkpoint") {
                true => verify(&mut store).size,
                false => 0,
            };
            assert!(
                size == old_size || size == old_size + lost,
                "{size} after {steps_left} steps"
            );
            outcomes.push(size);
            go_on(&mut store, size, then);
        }
        // The checkpoint is the last step: only its write, done but not answered, can move the log forward.
        let moved = outcomes
            .iter()
            .filter(|size| **size == old_size + lost)
            .count();
        assert_eq!(
            moved,
            usize::from(failing_step == FailingStep::Done),
            "{outcomes:?}"
        );
        assert!(outcomes.len() > 4, "{outcomes:?}");
    }
}

#[track_caller]
fn go_on(store: &mut MemoryStore, mut size: u64, then: &[u64]) {
    for batch in then {
        let appended = try_append(store, &entries(size..size + batch, "kept"));
        size += batch;
        assert_eq!(appended.unwrap(), size);
        assert_eq!(verify(store).size, size);
    }
}

#[test]
fn fault_while_a_log_begins_leaves_a_log() {
    check(&[], 3, &[1, 1, 1, 1]);
    check(&[], 300, &[10, 250, 40, 5]);
}

#[test]
fn fault_within_a_tile_leaves_a_log() {
    check(&[10], 5, &[1, 3, 1, 2]);
    check(&[10, 10], 1, &[2]);
}

#[test]
fn fault_while_a_tile_fills_leaves_a_log() {
    check(&[250], 6, &[1, 5, 1]);
    check(&[255], 1, &[1, 1]);
    check(&[200, 50], 10, &[3, 3, 4, 300]);
}

#[test]
fn fault_after_a_full_tile_leaves_a_log() {
    check(&[256], 1, &[2]);
    check(&[256], 300, &[100, 100, 100, 100]);
}

#[test]
fn fault_over_many_tiles_leaves_a_log() {
    check(&[500], 600, &[5, 260, 300, 100]);
}

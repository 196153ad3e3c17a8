//! What the log needs from storage: whole files by path.

use std::collections::BTreeMap;
use std::convert::Infallible;

/// Files of a log by path. The paths are those of the crate documentation and nothing else.
///
/// A write replaces the whole file and is atomic: a reader sees the old bytes or the new ones. Writes become durable in
/// order; a store inside a database transaction fulfils that by committing once.
pub trait LogStore {
    /// What can go wrong in storage.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The bytes of a file, or `None` if there is no such file.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Creates or replaces a file.
    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The widths `W` for which `<tile>.p/<W>` exists; `tile` is the path of a full tile or entry bundle.
    ///
    /// [`crate::verify()`] compares each of them, and [`crate::append()`] overwrites those that a failed append left behind.
    /// The default names none: right for a store that cannot list (then superseded partial tiles are not compared).
    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, Self::Error> {
        let _ = tile;
        Ok(Vec::new())
    }

    /// Deletes every `<tile>.p/<W>`; called when the full `tile` was just written and holds all they held.
    ///
    /// The default keeps them, which is correct and costs space.
    fn drop_partials(&mut self, tile: &str) -> Result<(), Self::Error> {
        let _ = tile;
        Ok(())
    }
}

/// A log in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    /// The files by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl LogStore for MemoryStore {
    type Error = Infallible;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.files.get(path).cloned())
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Infallible> {
        self.files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, Infallible> {
        let prefix = format!("{tile}.p/");
        let partials = self.files.range(prefix.clone()..).map(|(path, _)| path);
        Ok(partials
            .map_while(|path| path.strip_prefix(&prefix))
            .filter_map(|width| width.parse().ok())
            .collect())
    }

    fn drop_partials(&mut self, tile: &str) -> Result<(), Infallible> {
        let prefix = format!("{tile}.p/");
        self.files.retain(|path, _| !path.starts_with(&prefix));
        Ok(())
    }
}

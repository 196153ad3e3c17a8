//! Another passphrase for a repository.
//!
//! The key of the repository stays, and so does everything that is sealed with it: what changes is what the key lies under. The copy is
//! written first and tried, then the key itself. Broken off in between, one of the two opens with the former passphrase and the other
//! with the new one, and doing it again with either finishes it.

use vault::Protection;

use crate::key::{self, KeyError, MAX_KEY_FILE_BYTES};
use crate::repository::{KEY, KEY_COPY, Repository, RepositoryError, io_error};

/// The passphrase of a repository was not changed, or not in both places: do it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectError {
    /// The key could not be put under the new passphrase.
    #[error("the key of the repository could not be put under the new passphrase")]
    Key(#[source] KeyError),
    /// A file of the repository.
    #[error("the key of the repository could not be written")]
    Repository(#[from] RepositoryError),
    /// What was written does not open as the same key.
    #[error(
        "`{name}` does not open with the new passphrase: the former one still opens the repository"
    )]
    Different {
        /// Which file.
        name: &'static str,
    },
}

impl Repository {
    /// Puts the key under another protection. From then on the former one opens nothing in the repository; whoever has a copy of the
    /// former key files and the former passphrase can read backups all the same, also later ones.
    ///
    /// # Errors
    /// See [`ProtectError`].
    pub fn protect(&self, protection: &dyn Protection) -> Result<(), ProtectError> {
        let _alone = self.lock_to_write()?;
        let line = key::line(&self.key, protection).map_err(ProtectError::Key)?;
        for name in [KEY_COPY, KEY] {
            self.files
                .write(name, line.as_bytes())
                .map_err(io_error("write", name))?;
            self.settle()?;
            let bytes = self
                .files
                .read(name, MAX_KEY_FILE_BYTES)
                .map_err(io_error("read", name))?;
            let again = key::open(&bytes, protection).map_err(ProtectError::Key)?;
            if again.bytes() != self.key.bytes() {
                return Err(ProtectError::Different { name });
            }
        }
        Ok(())
    }
}

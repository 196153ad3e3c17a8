//! The root key of a data directory: what protects it, and other protection for it. Nothing else is opened for that.
//!
//! The key itself is changed by [`rotate_root_key`](crate::rotate_root_key), which needs the database too.

use std::path::Path;
use std::sync::Arc;

use vault::{Protection, RootKeyError, RootKeyFile, RootKeyState};

/// The file of the root key in a data directory, with what is at hand to open it.
pub(crate) fn file(directory: &Path, at_hand: Vec<Arc<dyn Protection>>) -> RootKeyFile {
    RootKeyFile::new(directory.join("keys").join("root.key"), at_hand)
}

/// What the root key's file says about itself; nothing when a data directory has none yet.
///
/// # Errors
/// See [`RootKeyError`].
pub fn root_key_state(directory: &Path) -> Result<Option<RootKeyState>, RootKeyError> {
    file(directory, Vec::new()).state()
}

/// Whether there is a root key that what is at hand opens. None is made.
///
/// # Errors
/// See [`RootKeyError`]: when there is one and it does not open.
pub fn root_key_opens(
    directory: &Path,
    at_hand: Vec<Arc<dyn Protection>>,
) -> Result<bool, RootKeyError> {
    file(directory, at_hand).opens()
}

/// Keeps the same root key under another protection; under nothing but the mode of its file for nothing.
///
/// # Errors
/// See [`RootKeyError`]; the file is as it was then.
pub fn protect_root_key(
    directory: &Path,
    at_hand: Vec<Arc<dyn Protection>>,
    protection: Option<Arc<dyn Protection>>,
) -> Result<(), RootKeyError> {
    file(directory, at_hand).protect(protection)
}

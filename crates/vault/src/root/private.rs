//! Files with a secret in them that somebody else made: only its owner may read such a file.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// Why a file with a secret is not read.
pub(super) enum Unfit {
    /// It cannot be opened.
    Io(io::Error),
    /// Others may read or write it; its permission bits.
    OpenToOthers(u32),
}

/// Opens a file that is its owner's alone.
pub(super) fn open(path: &Path) -> Result<File, Unfit> {
    let file = File::open(path).map_err(Unfit::Io)?;
    let metadata = file.metadata().map_err(Unfit::Io)?;
    let mode = mode(&metadata.permissions());
    match is_private(mode, metadata.uid()) {
        true => Ok(file),
        false => Err(Unfit::OpenToOthers(mode)),
    }
}

/// systemd hands a credential to a service that is not root's as a file of root with mode 0440: the bits of the group are those of the
/// access list that lets the service in. Nobody may write it, so nobody but root made it.
fn is_private(mode: u32, owner: u32) -> bool {
    mode & 0o077 == 0 || (mode == 0o440 && owner == 0)
}

fn mode(permissions: &Permissions) -> u32 {
    permissions.mode() & 0o777
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn a_file_of_its_owner_and_a_credential_of_the_service_manager_are_private() {
        for (mode, owner) in [
            (0o600, 1000),
            (0o400, 1000),
            (0o400, 0),
            (0o700, 0),
            (0o440, 0),
        ] {
            assert!(is_private(mode, owner), "{mode:03o} of {owner}");
        }
        for (mode, owner) in [
            (0o440, 1000),
            (0o640, 0),
            (0o460, 0),
            (0o444, 0),
            (0o604, 1000),
        ] {
            assert!(!is_private(mode, owner), "{mode:03o} of {owner}");
        }
    }
}

//! Opens the sealed files of an export, on a person's own computer. A server never calls this.

use std::io::{self, Read, Seek, Write};

use vault::{OpenOwnError, OwnFormat, OwnIdentities};

use super::zip::{self, ZipError};

/// Why the sealed files of an export were not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenExportError {
    /// It is no export.
    #[error("this is no ZIP file of an export: {0}")]
    Form(String),
    /// Nothing in it is sealed.
    #[error("nothing in this export is sealed")]
    NothingSealed,
    /// None of its files opens.
    #[error("none of the {files} sealed files opens with this key")]
    NoMatch {
        /// How many there are.
        files: u64,
    },
    /// One is damaged.
    #[error("`{name}` does not open")]
    File {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: OpenOwnError,
    },
    /// What came out could not be written, or one broke off.
    #[error("`{name}` breaks off: it is damaged, or what it holds could not be written")]
    Copy {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenedExport {
    /// So many files.
    pub opened: u64,
    /// So many are sealed to other keys.
    pub others: u64,
}

/// Writes what the sealed files of an export hold to `sink`, one file behind the other, by name.
///
/// # Errors
/// See [`OpenExportError`].
pub fn open_sealed_export<R: Read + Seek + Send>(
    mut file: R,
    identities: &OwnIdentities,
    sink: &mut impl Write,
) -> Result<OpenedExport, OpenExportError> {
    let form = |err: ZipError| OpenExportError::Form(err.to_string());
    let mut entries = zip::entries(&mut file).map_err(form)?;
    let is_sealed = |name: &str| {
        let end = name
            .strip_prefix("sealed/")
            .and_then(|it| it.rsplit_once('.'));
        end.is_some_and(|(_, end)| OwnFormat::ALL.iter().any(|it| it.extension() == end))
    };
    entries.retain(|it| is_sealed(&it.name));
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let mut done = OpenedExport::default();
    for entry in &entries {
        let name = || entry.name.clone();
        let copy = |source| OpenExportError::Copy {
            name: name(),
            source,
        };
        let body = zip::body(&mut file, entry).map_err(copy)?;
        let mut opened = match identities.open(body) {
            Ok(opened) => opened,
            Err(OpenOwnError::NoMatch) => {
                done.others += 1;
                continue;
            }
            Err(source) => {
                return Err(OpenExportError::File {
                    name: name(),
                    source,
                });
            }
        };
        io::copy(&mut opened, sink).map_err(copy)?;
        done.opened += 1;
    }
    match done {
        OpenedExport {
            opened: 0,
            others: 0,
        } => Err(OpenExportError::NothingSealed),
        OpenedExport {
            opened: 0,
            others: files,
        } => Err(OpenExportError::NoMatch { files }),
        done => Ok(done),
    }
}

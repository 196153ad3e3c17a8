//! Every page in every state and language as a file, to look at in a browser without a server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use model::Language;

use crate::assets::ASSETS;
use crate::page::{self, sample};
use crate::shell::Files;

/// Why samples could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// A template failed.
    #[error("a page could not be rendered")]
    Render(#[from] askama::Error),
    /// A file could not be written.
    #[error("`{path}` could not be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A QR code could not be made.
    #[error("a QR code could not be made")]
    Code(#[from] crate::qr::CodeError),
}

/// Writes every sample of every page, in every language, into `dir`, with style and fonts in `dir/files`.
/// Returns how many pages were written.
///
/// # Errors
/// See [`SamplesError`].
pub fn write_samples(dir: &Path) -> Result<usize, SamplesError> {
    let files = dir.join("files");
    fs::create_dir_all(&files).map_err(|source| SamplesError::Write {
        path: files.clone(),
        source,
    })?;
    for asset in ASSETS.all() {
        write(&files.join(&asset.name), &asset.bytes)?;
    }
    let code = crate::qr::svg("https://amanat.example/d/gulberg-homes")?;
    write(&dir.join(sample::CODE_FILE), code.as_bytes())?;
    let mut count = 0;
    for language in Language::ALL {
        for sample in page::samples(&sample::shell(language, Files::Beside))? {
            let path = dir.join(format!("{}.html", sample.name));
            write(&path, sample.html.as_bytes())?;
            count += 1;
        }
    }
    Ok(count)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SamplesError> {
    fs::write(path, bytes).map_err(|source| SamplesError::Write {
        path: path.to_owned(),
        source,
    })
}

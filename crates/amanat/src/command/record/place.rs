//! Where a record is: in a directory, or at a site.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use record::{DirStore, DirStoreError, LogStore, Verifier};

use super::http_store::{HttpStore, HttpStoreError};
use crate::exit::Stop;
use crate::ui;

/// The file with the verifier key beside the record.
pub(super) const KEY_FILE: &str = "log.vkey";
/// Where a site publishes its record.
const URL_PREFIX: &str = "/record/log";

/// Which record, and whose.
#[derive(Debug, Args)]
pub(super) struct PlaceArguments {
    /// A record, a data directory, or the URL of a site
    #[arg(value_name = "DIR|URL")]
    place: String,
    /// The verifier key, from a source that you trust; without it, the key beside the record counts
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
}

/// A record that is read.
pub(super) enum Place {
    /// Files in a directory.
    Directory(DirStore),
    /// Files of a site.
    Site(HttpStore),
}

/// A file of the record could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    /// In the directory.
    #[error(transparent)]
    Directory(#[from] DirStoreError),
    /// At the site.
    #[error(transparent)]
    Site(#[from] HttpStoreError),
}

impl LogStore for Place {
    type Error = PlaceError;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, PlaceError> {
        Ok(match self {
            Self::Directory(store) => store.read(path)?,
            Self::Site(store) => store.read(path)?,
        })
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), PlaceError> {
        match self {
            Self::Directory(store) => store.write(path, bytes)?,
            Self::Site(store) => store.write(path, bytes)?,
        }
        Ok(())
    }

    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, PlaceError> {
        Ok(match self {
            Self::Directory(store) => store.partial_widths(tile)?,
            Self::Site(store) => store.partial_widths(tile)?,
        })
    }

    fn drop_partials(&mut self, tile: &str) -> Result<(), PlaceError> {
        match self {
            Self::Directory(store) => store.drop_partials(tile)?,
            Self::Site(store) => store.drop_partials(tile)?,
        }
        Ok(())
    }
}

impl PlaceArguments {
    /// The record and its key.
    pub(super) fn open(&self) -> Result<(Place, Verifier), Stop> {
        self.open_with(None)
    }

    /// The same, with a key that is known from before where none is given.
    pub(super) fn open_with(&self, known: Option<&Verifier>) -> Result<(Place, Verifier), Stop> {
        let known = known.map(ToString::to_string);
        let key = self.key.as_deref().or(known.as_deref());
        if is_url(&self.place) {
            of_site(&self.place, key)
        } else {
            of_directory(Path::new(&self.place), key)
        }
    }
}

fn is_url(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

fn of_directory(directory: &Path, key: Option<&str>) -> Result<(Place, Verifier), Stop> {
    let directory = record_in(directory)?;
    let store = DirStore::open(&directory)
        .map_err(|err| Stop::invalid(err, "name the directory of a record, or a data directory"))?;
    let key = match key {
        Some(key) => given_key(key)?,
        None => {
            let path = directory.join(KEY_FILE);
            let key = found_key(read_key(&path)?, &format!("`{}`", path.display()))?;
            ui::words(
                "the key comes from the copy that was checked; give --key to check against one that you trust",
            );
            key
        }
    };
    Ok((Place::Directory(store), key))
}

fn of_site(url: &str, key: Option<&str>) -> Result<(Place, Verifier), Stop> {
    let mut store = HttpStore::new(base(url));
    let key = match key {
        Some(key) => given_key(key)?,
        None => {
            let key = found_key(key_of_site(&mut store)?, &format!("of `{url}`"))?;
            ui::words(
                "the key comes from the site itself; give --key to check against one that you trust",
            );
            key
        }
    };
    Ok((Place::Site(store), key))
}

/// The directory of the record: the one named, or `record` in it.
fn record_in(directory: &Path) -> Result<PathBuf, Stop> {
    [directory.join("record"), directory.to_owned()]
        .into_iter()
        .find(|it| it.join("checkpoint").is_file())
        .ok_or_else(|| {
            Stop::invalid(
                anyhow!("`{}` holds no record", directory.display()),
                "name a directory with a file `checkpoint`, or a data directory",
            )
        })
}

fn read_key(path: &Path) -> Result<Vec<u8>, Stop> {
    std::fs::read(path)
        .with_context(|| format!("cannot read the verifier key `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, "give the key with --key"))
}

fn key_of_site(store: &mut HttpStore) -> Result<Vec<u8>, Stop> {
    let next = "give the key with --key";
    store
        .read_key()
        .map_err(|err| Stop::failure(err, next))?
        .ok_or_else(|| Stop::invalid(anyhow!("the site does not publish its key"), next))
}

/// The key that somebody typed.
pub(super) fn given_key(text: &str) -> Result<Verifier, Stop> {
    Verifier::parse(text.trim()).map_err(|err| {
        let error = anyhow::Error::new(err).context("the key of --key cannot be used");
        Stop::invalid(error, "a key looks like name+12345678+base64")
    })
}

/// The key that lies beside the record: when it is damaged, the record does not verify.
fn found_key(bytes: Vec<u8>, place: &str) -> Result<Verifier, Stop> {
    String::from_utf8(bytes)
        .map_err(anyhow::Error::new)
        .and_then(|text| Ok(Verifier::parse(text.trim())?))
        .map_err(|err| {
            Stop::failure(
                err.context(format!("the verifier key {place} is damaged")),
                "give the true key with --key, and keep this copy as evidence",
            )
        })
}

/// The URL below which the files of the record lie.
fn base(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.ends_with(URL_PREFIX) {
        url.to_owned()
    } else {
        format!("{url}{URL_PREFIX}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_site_leads_to_its_record() {
        for url in [
            "https://a.example",
            "https://a.example/",
            "https://a.example/record/log/",
        ] {
            assert_eq!(base(url), "https://a.example/record/log");
        }
    }
}

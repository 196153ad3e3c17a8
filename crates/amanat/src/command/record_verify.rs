//! `amanat record verify DIR|URL`: check the public record without trusting the server that wrote it.
//!
//! A directory is the record itself or a data directory with `record/` in it; reading it needs no server. A URL is the
//! site, whose record lies under `/record/log/`.

mod http_store;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use record::{DirStore, LogStore, Verified, Verifier};

use crate::exit::{Exit, Stop};
use crate::ui;

use http_store::HttpStore;

/// The file with the verifier key beside the record.
const KEY_FILE: &str = "log.vkey";
/// Where a site publishes its record.
const URL_PREFIX: &str = "/record/log";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A record, a data directory, or the URL of a site
    #[arg(value_name = "DIR|URL")]
    place: String,
    /// The verifier key, from a source that you trust; without it, the key beside the record counts
    #[arg(long, value_name = "VKEY")]
    key: Option<String>,
}

/// Prints `ok: N entries, root HASH`, or says which file is wrong.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let key = arguments.key.as_deref();
    let verified = if is_url(&arguments.place) {
        of_site(&arguments.place, key)
    } else {
        of_directory(Path::new(&arguments.place), key)
    }?;
    ui::data(&format!(
        "ok: {} entries, root {}",
        verified.size, verified.root
    ));
    Ok(Exit::Ok)
}

fn is_url(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

fn of_directory(directory: &Path, key: Option<&str>) -> Result<Verified, Stop> {
    let directory = record_in(directory)?;
    let key = match key {
        Some(key) => key.to_owned(),
        None => key_beside(&directory)?,
    };
    let mut store = DirStore::open(&directory)
        .map_err(|err| Stop::invalid(err, "name the directory of a record, or a data directory"))?;
    verify(&mut store, &key)
}

fn of_site(url: &str, key: Option<&str>) -> Result<Verified, Stop> {
    let mut store = HttpStore::new(base(url));
    let key = match key {
        Some(key) => key.to_owned(),
        None => {
            ui::words(
                "the key comes from the site itself; give --key to check against one that you trust",
            );
            key_of_site(&mut store)?
        }
    };
    verify(&mut store, &key)
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

fn key_beside(directory: &Path) -> Result<String, Stop> {
    let path = directory.join(KEY_FILE);
    std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the verifier key `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, "give the key with --key"))
}

fn key_of_site(store: &mut HttpStore) -> Result<String, Stop> {
    let next = "give the key with --key";
    let bytes = store
        .read_key()
        .map_err(|err| Stop::failure(err, next))?
        .ok_or_else(|| Stop::invalid(anyhow!("the site does not publish its key"), next))?;
    String::from_utf8(bytes).map_err(|err| Stop::invalid(err, next))
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

fn verify<S: LogStore>(store: &mut S, key: &str) -> Result<Verified, Stop> {
    let verifier = Verifier::parse(key.trim()).map_err(|err| {
        let error = anyhow::Error::new(err).context("the verifier key cannot be used");
        Stop::invalid(error, "a key looks like name+12345678+base64")
    })?;
    record::verify(store, &verifier).map_err(|err| {
        let error = anyhow::Error::new(err).context("the record does not verify");
        Stop::failure(
            error,
            "the record was changed, is incomplete, or was signed by another key: keep it as evidence and ask the alliance",
        )
    })
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

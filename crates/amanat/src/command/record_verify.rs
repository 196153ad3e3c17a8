//! `amanat record verify DIR|URL`: check the public record without trusting the server that wrote it.
//!
//! A directory is the record itself or a data directory with `record/` in it; reading it needs no server. A URL is the
//! site, whose record lies under `/record/log/`.

mod http_store;
mod since;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use record::{DirStore, LogStore, Verified, Verifier};

use crate::exit::{Exit, Stop};
use crate::ui;

use http_store::HttpStore;
use since::Since;

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
    /// Prove that the record contains an earlier one: what an earlier run printed as `since`
    #[arg(long, value_name = "SIZE:ROOT", value_parser = Since::parse)]
    since: Option<Since>,
}

/// Prints `ok: N entries, root HASH` and `since: N:HASH` for the next run, or says which file is wrong.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let key = arguments.key.as_deref();
    let since = arguments.since.as_ref();
    let verified = if is_url(&arguments.place) {
        of_site(&arguments.place, key, since)
    } else {
        of_directory(Path::new(&arguments.place), key, since)
    }?;
    ui::data(&format!(
        "ok: {} entries, root {}",
        verified.size, verified.root
    ));
    if let Some(since) = since {
        ui::data(&format!("contains: {since}"));
    }
    ui::data(&format!("since: {}", Since::of(&verified)));
    Ok(Exit::Ok)
}

fn is_url(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

fn of_directory(
    directory: &Path,
    key: Option<&str>,
    since: Option<&Since>,
) -> Result<Verified, Stop> {
    let directory = record_in(directory)?;
    let mut store = DirStore::open(&directory)
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
    verify(&mut store, &key, since)
}

fn of_site(url: &str, key: Option<&str>, since: Option<&Since>) -> Result<Verified, Stop> {
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
    verify(&mut store, &key, since)
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
fn given_key(text: &str) -> Result<Verifier, Stop> {
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

fn verify<S: LogStore>(
    store: &mut S,
    key: &Verifier,
    since: Option<&Since>,
) -> Result<Verified, Stop> {
    let verified = record::verify(store, key).map_err(|err| {
        let error = anyhow::Error::new(err).context("the record does not verify");
        Stop::failure(
            error,
            "the record was changed, is incomplete, or was signed by another key: keep it as evidence and ask the alliance",
        )
    })?;
    if let Some(since) = since {
        since.is_contained(store, key, &verified).map_err(|err| {
            let error = err.context(format!("the earlier record `{since}` is not contained"));
            Stop::failure(
                error,
                "the record was rewritten since then, or this is another record: keep both as evidence and ask the alliance",
            )
        })?;
    }
    Ok(verified)
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

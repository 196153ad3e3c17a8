//! The data directory that Amanat is measured with, made by `amanat bench-fixture`.
//!
//! It leaves four files beside the data: `credentials` and `recipient-credentials` (a `user:token` a line),
//! `payload.json` (what a thing sends, 150 bytes) and `filter` (what the recipient subscribes to).

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::process::Process;
use crate::ui;
use crate::workspace::Workspace;

/// Registered things: one for each connection of the widest work.
pub(crate) const THINGS: u32 = 2000;
/// The size of the message that all figures are about.
const PAYLOAD_BYTES: usize = 150;
const LIMIT: Duration = Duration::from_secs(120);

/// The prepared data and what a client needs to know of it.
#[derive(Debug)]
pub(crate) struct Fixture {
    /// The directory of the whole run.
    pub(crate) place: PathBuf,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Names and tokens of the things.
    pub(crate) credentials: PathBuf,
    /// The payload that the notice declares.
    pub(crate) payload: PathBuf,
    /// Who subscribes.
    pub(crate) recipient: String,
    /// The file with the token of the recipient.
    pub(crate) recipient_token: PathBuf,
    /// What the recipient subscribes to.
    pub(crate) filter: String,
}

impl Fixture {
    /// Makes the data directory in `place`.
    pub(crate) fn prepare(
        workspace: &Workspace,
        amanat: &Path,
        place: &Path,
    ) -> anyhow::Result<Self> {
        let data = place.join("data");
        ui::note(&format!("bench: {THINGS} things in {}", data.display()));
        let mut command = workspace.command(amanat);
        command.arg("bench-fixture").arg("--data").arg(&data);
        command.args(["--things", &THINGS.to_string(), "--recipients", "1"]);
        Process::start(workspace, &command)?.finish(LIMIT)?;
        Self::read(place, &data)
    }

    fn read(place: &Path, data: &Path) -> anyhow::Result<Self> {
        let credential = text(&data.join("recipient-credentials"))?;
        let (recipient, token) =
            first_credential(&credential).context("`recipient-credentials` has no `user:token`")?;
        let payload = data.join("payload.json");
        let size = text(&payload)?.len();
        if size != PAYLOAD_BYTES {
            bail!("`payload.json` has {size} bytes, and the figures are about {PAYLOAD_BYTES}");
        }
        let recipient_token = place.join("recipient-token");
        std::fs::write(&recipient_token, token).context("cannot write the recipient's token")?;
        Ok(Self {
            place: place.to_owned(),
            data: data.to_owned(),
            credentials: data.join("credentials"),
            payload,
            recipient: recipient.to_owned(),
            recipient_token,
            filter: text(&data.join("filter"))?.trim().to_owned(),
        })
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("`amanat bench-fixture` left no `{}`", path.display()))
}

fn first_credential(text: &str) -> Option<(&str, &str)> {
    text.lines().next()?.trim().split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipient_is_read_from_its_file() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("recipient-credentials"), "clinic:a:b\n").unwrap();
        let error = Fixture::read(place.path(), &data).unwrap_err();
        assert!(format!("{error:#}").contains("left no `"), "{error:#}");

        std::fs::write(data.join("filter"), "for/benchmark/#\n").unwrap();
        std::fs::write(data.join("payload.json"), "{}").unwrap();
        let error = Fixture::read(place.path(), &data).unwrap_err();
        assert!(error.to_string().contains("has 2 bytes"), "{error:#}");

        std::fs::write(data.join("payload.json"), " ".repeat(PAYLOAD_BYTES)).unwrap();
        let fixture = Fixture::read(place.path(), &data).unwrap();
        assert_eq!(
            (fixture.recipient.as_str(), fixture.filter.as_str()),
            ("clinic", "for/benchmark/#")
        );
        assert_eq!(
            std::fs::read_to_string(&fixture.recipient_token).unwrap(),
            "a:b"
        );
    }
}

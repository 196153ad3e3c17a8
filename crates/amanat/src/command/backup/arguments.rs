//! What the commands about backups are told. What is not said is taken from `[backup]` of the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use backup::Keep;
use clap::Args;
use data_encoding::BASE64;

use crate::backup::{Shelf, absolute};
use crate::command::check_config::{self, SourceArguments};
use crate::command::operator::{Place, SecretFile};
use crate::config::Config;
use crate::exit::Stop;

/// Bytes of a passphrase that is made.
const PASSPHRASE_BYTES: usize = 30;

/// Which repository.
#[derive(Debug, Args)]
pub(super) struct From {
    /// The repository [default: backup.directory]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The file with its passphrase [default: backup.passphrase-file]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl From {
    pub(super) fn shelf(self, config: &Config) -> Result<Shelf, Stop> {
        shelf(self.from, self.passphrase_file, config, "--from")
    }
}

fn shelf(
    directory: Option<PathBuf>,
    passphrase_file: Option<PathBuf>,
    config: &Config,
    flag: &str,
) -> Result<Shelf, Stop> {
    let directory = directory.or_else(|| config.backup.directory.clone());
    let passphrase_file = passphrase_file.or_else(|| config.backup.passphrase_file.clone());
    match (directory, passphrase_file) {
        (Some(directory), Some(passphrase_file)) => Ok(Shelf {
            directory: absolute(&directory),
            passphrase_file: absolute(&passphrase_file),
        }),
        (None, _) => Err(Stop::invalid(
            anyhow!("no repository is named"),
            format!("name it with {flag}, or set backup.directory"),
        )),
        (_, None) => Err(Stop::invalid(
            anyhow!("the passphrase of the repository is not named"),
            "name its file with --passphrase-file, or set backup.passphrase-file",
        )),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The repository: an empty directory, or one that does not exist
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The file with the passphrase; made with a new one if it does not exist
    #[arg(long, value_name = "FILE")]
    passphrase_file: PathBuf,
}

impl Init {
    pub(super) fn shelf(&self) -> Shelf {
        Shelf {
            directory: absolute(&self.to),
            passphrase_file: absolute(&self.passphrase_file),
        }
    }

    /// Makes the file of the passphrase, if it is not there; says whether.
    pub(super) fn make_passphrase(&self) -> Result<bool, Stop> {
        make_passphrase(&self.passphrase_file)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Passphrase {
    /// The file with the new passphrase; made with a new one if it does not exist
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Passphrase {
    /// The repository as it is, and with its new passphrase; and whether that was made.
    pub(super) fn read(self) -> Result<(bool, Shelf, Shelf), Stop> {
        let (json, shelf, _) = self.common.read()?;
        let new = Shelf {
            directory: shelf.directory.clone(),
            passphrase_file: absolute(&self.new_passphrase_file),
        };
        Ok((json, shelf, new))
    }
}

/// Makes a file with a new passphrase, if it is not there; says whether.
pub(super) fn make_passphrase(path: &Path) -> Result<bool, Stop> {
    let there = path
        .try_exists()
        .with_context(|| format!("cannot look for `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, "name a file that this user may read"))?;
    if there {
        return Ok(false);
    }
    let mut bytes = zeroize::Zeroizing::new([0; PASSPHRASE_BYTES]);
    let file = SecretFile::make(path)?;
    let written = getrandom::fill(bytes.as_mut_slice())
        .map_err(anyhow::Error::new)
        .and_then(|()| {
            let line = zeroize::Zeroizing::new(format!("{}\n", BASE64.encode(bytes.as_slice())));
            Ok(file.write(line.as_bytes())?)
        });
    written.map_err(|err| Stop::failure(err, "nothing was made"))?;
    Ok(true)
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The repository [default: backup.directory]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The file with its passphrase [default: backup.passphrase-file]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print one line of JSON, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Create {
    pub(super) fn read(self) -> Result<(bool, Shelf, Config), Stop> {
        let config = self
            .place
            .config("name it with --data; there is nothing to back up yet")?;
        let shelf = shelf(self.to, self.passphrase_file, &config, "--to")?;
        Ok((self.json, shelf, config))
    }
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    from: From,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArguments,
}

impl Common {
    fn read(self) -> Result<(bool, Shelf, Config), Stop> {
        let (config, _) = check_config::load(self.source, Vec::new())?;
        Ok((self.json, self.from.shelf(&config)?, config))
    }
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    common: Common,
}

impl List {
    pub(super) fn read(self) -> Result<(bool, Shelf), Stop> {
        let (json, shelf, _) = self.common.read()?;
        Ok((json, shelf))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Fail when the latest backup is older, such as 26h
    #[arg(long, value_name = "TIME", value_parser = crate::command::duration)]
    max_age: Option<Duration>,
    #[command(flatten)]
    common: Common,
}

impl Status {
    pub(super) fn read(self) -> Result<(bool, Option<Duration>, Shelf), Stop> {
        let (json, shelf, _) = self.common.read()?;
        Ok((json, self.max_age, shelf))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Read and open every piece, and every row of the latest backup
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    common: Common,
}

impl Verify {
    pub(super) fn read(self) -> Result<(bool, bool, Shelf), Stop> {
        let (json, shelf, _) = self.common.read()?;
        Ok((json, self.deep, shelf))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Keep so many of the latest
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_last: u32,
    /// Keep the latest of each of so many days (UTC)
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_daily: u32,
    /// Keep the latest of each of so many weeks
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_weekly: u32,
    /// Keep the latest of each of so many months
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_monthly: u32,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

impl Prune {
    pub(super) fn read(self) -> Result<(bool, bool, Keep, Shelf), Stop> {
        let given = Keep {
            last: self.keep_last,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
        };
        let (json, shelf, config) = self.common.read()?;
        Ok((json, self.dry_run, super::keep_of(given, &config), shelf))
    }
}

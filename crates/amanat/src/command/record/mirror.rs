//! `amanat record mirror DIR|URL COPY`: a copy of the record that only ever grows, every entry hashed again.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use record::{DirStore, DirStoreError, LogStore, MemoryStore, MirrorError, Mirrored, Verifier};

use super::check::WitnessArguments;
use super::place::{KEY_FILE, Place, PlaceArguments, PlaceError, given_key};
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// The directory of the copy; it is made where it is missing
    #[arg(value_name = "COPY")]
    copy: PathBuf,
    #[command(flatten)]
    witnesses: WitnessArguments,
}

/// Copies what is new, and prints how many entries there are and how many came.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    arguments.witnesses.quorum()?;
    let mut copy = Copy::open(&arguments.place, Some(&arguments.copy))?;
    let done = copy
        .update(&arguments.witnesses)
        .map_err(|err| stopped(err, copy.size()))?;
    let (size, before) = (done.checkpoint.size, done.before);
    ui::data(&format!(
        "ok: {size} entries, {} new, root {}",
        size - before,
        done.checkpoint.root
    ));
    Ok(Exit::Ok)
}

/// Why a round did not come to its end.
pub(super) type Failed = MirrorError<PlaceError, DirStoreError>;

/// Where a copy lies.
pub(super) enum Kept {
    /// In a directory.
    Directory(DirStore, PathBuf),
    /// In memory, as long as the command runs.
    Memory(MemoryStore),
}

/// Memory does not fail.
fn sure<T>(done: Result<T, Infallible>) -> Result<T, DirStoreError> {
    done.map_err(|never| match never {})
}

impl LogStore for Kept {
    type Error = DirStoreError;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, DirStoreError> {
        match self {
            Self::Directory(store, _) => store.read(path),
            Self::Memory(store) => sure(store.read(path)),
        }
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), DirStoreError> {
        match self {
            Self::Directory(store, _) => store.write(path, bytes),
            Self::Memory(store) => sure(store.write(path, bytes)),
        }
    }

    fn partial_widths(&mut self, tile: &str) -> Result<Vec<u8>, DirStoreError> {
        match self {
            Self::Directory(store, _) => store.partial_widths(tile),
            Self::Memory(store) => sure(store.partial_widths(tile)),
        }
    }

    fn drop_partials(&mut self, tile: &str) -> Result<(), DirStoreError> {
        match self {
            Self::Directory(store, _) => store.drop_partials(tile),
            Self::Memory(store) => sure(store.drop_partials(tile)),
        }
    }
}

/// A copy, and the record that it follows.
pub(super) struct Copy {
    from: Place,
    pub(super) kept: Kept,
    key: Verifier,
}

impl Copy {
    /// Opens or begins a copy; without a directory it is gone when the command ends. From its first round on its key is the one beside
    /// it: a site cannot change it.
    pub(super) fn open(place: &PlaceArguments, copy: Option<&Path>) -> Result<Self, Stop> {
        let Some(copy) = copy else {
            let (from, key) = place.open()?;
            let kept = Kept::Memory(MemoryStore::default());
            return Ok(Self { from, kept, key });
        };
        let own = copy.join(KEY_FILE);
        let known = match fs::read_to_string(&own) {
            Ok(text) => Some(given_key(&text)?),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => None,
            Err(err) => {
                let error = anyhow!(err).context(format!("cannot read `{}`", own.display()));
                return Err(Stop::invalid(error, "name a directory that can be read"));
            }
        };
        let (from, key) = place.open_with(known.as_ref())?;
        if let Some(known) = known
            && known.to_string() != key.to_string()
        {
            return Err(Stop::failure(
                anyhow!(
                    "the copy is of the record `{}`, and was checked with another key than the one that was given",
                    known.name()
                ),
                "name another directory for another record; if the site says that its key changed, ask the alliance",
            ));
        }
        let store = DirStore::create(copy)
            .with_context(|| format!("cannot use `{}`", copy.display()))
            .map_err(|err| Stop::invalid(err, "name a directory that can be written"))?;
        let kept = Kept::Directory(store, own);
        Ok(Self { from, kept, key })
    }

    /// Copies what is new.
    pub(super) fn update(&mut self, witnesses: &WitnessArguments) -> Result<Mirrored, Failed> {
        let accept = |note: &record::Note| witnesses.accept(note);
        let done = record::mirror(&mut self.from, &mut self.kept, &self.key, accept)?;
        if let Kept::Directory(_, own) = &self.kept
            && !own.exists()
        {
            fs::write(own, format!("{}\n", self.key)).map_err(|source| {
                MirrorError::Copy(record::AppendError::Store {
                    path: KEY_FILE.to_owned(),
                    source: DirStoreError::Io {
                        action: "write",
                        path: own.clone(),
                        source,
                    },
                })
            })?;
        }
        Ok(done)
    }

    /// How many entries the copy holds.
    pub(super) fn size(&mut self) -> u64 {
        let own = record::checkpoint(&mut self.kept, &self.key);
        own.ok().flatten().map_or(0, |it| it.size)
    }
}

/// Whether it is only that the record could not be reached.
pub(super) fn is_passing(err: &Failed) -> bool {
    match err {
        MirrorError::Source(_) | MirrorError::NoCheckpoint => true,
        MirrorError::Read(err) => matches!(err, record::ReadError::Store { .. }),
        _ => false,
    }
}

/// What to do about it.
pub(super) fn stopped(err: Failed, known: u64) -> Stop {
    let next = match &err {
        _ if is_passing(&err) => "try again later: the copy goes on where it is".to_owned(),
        MirrorError::Refused(_) => {
            "try again a little later: witnesses sign within minutes; if they do not, ask them what they saw".to_owned()
        }
        MirrorError::Own(_) | MirrorError::Copy(_) => {
            "look at the disk; a damaged copy can be begun again in an empty directory".to_owned()
        }
        _ => format!(
            "keep the copy with its {known} entries as evidence, compare it with what others have, and ask the alliance"
        ),
    };
    Stop::failure(err, next)
}

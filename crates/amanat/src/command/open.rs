//! `amanat open FILE --identity FILE`: a person opens what is sealed to their own key, on their own computer and without a server.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use custody::{OpenExportError, OwnIdentities, OwnIdentityError, open_sealed_export};

use crate::exit::{Exit, Stop};
use crate::ui;

/// The longest passphrase.
const MAX_PASSPHRASE_BYTES: u64 = 4_096;
/// How a ZIP file begins.
const ZIP_MAGIC: [u8; 4] = *b"PK\x03\x04";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A sealed file (.age or .pgp), or an export (.zip) with sealed files in it
    file: PathBuf,
    /// The file with your secret key: of `age-keygen`, of a post-quantum age key, an SSH key, or of `gpg --armor --export-secret-keys`
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// A file with the passphrase of the secret key in its first line, where the key has one; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Writes the readings to standard output, one a line.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let identities = identities(arguments)?;
    let mut file = opened(&arguments.file, "name a sealed file or an export")?;
    let mut magic = Vec::new();
    let begin = (&mut file).take(4).read_to_end(&mut magic);
    let begin = begin.and_then(|_| file.seek(SeekFrom::Start(0)));
    begin
        .with_context(|| format!("cannot read `{}`", arguments.file.display()))
        .map_err(|err| Stop::invalid(err, "name a sealed file or an export"))?;
    let mut out = BufWriter::new(ui::out());
    let written = if magic == ZIP_MAGIC {
        export(file, &identities, &mut out)
    } else {
        single(file, &identities, &mut out)
    };
    match written.and_then(|()| Ok(out.flush()?)) {
        Err(err) if is_closed(&err) => Ok(Exit::Ok),
        Err(err) => Err(Stop::failure(
            err.context(format!(
                "`{}` was not opened whole",
                arguments.file.display()
            )),
            "try the other keys you had when it was made, or download it again",
        )),
        Ok(()) => Ok(Exit::Ok),
    }
}

fn single(file: File, identities: &OwnIdentities, out: &mut impl io::Write) -> anyhow::Result<()> {
    let mut opened = identities.open(file)?;
    io::copy(&mut opened, out)?;
    Ok(())
}

fn export(file: File, identities: &OwnIdentities, out: &mut impl io::Write) -> anyhow::Result<()> {
    let done = open_sealed_export(BufReader::new(file), identities, out)?;
    if done.others > 0 {
        ui::words(&format!(
            "{} files opened; {} are sealed to other keys",
            done.opened, done.others
        ));
    }
    Ok(())
}

/// Whether nobody reads any more.
fn is_closed(err: &anyhow::Error) -> bool {
    let of = |it: &io::Error| it.kind() == io::ErrorKind::BrokenPipe;
    let inside = err.downcast_ref::<OpenExportError>();
    err.downcast_ref::<io::Error>().is_some_and(of)
        || matches!(inside, Some(OpenExportError::Copy { source, .. }) if of(source))
}

fn identities(arguments: &Arguments) -> Result<OwnIdentities, Stop> {
    let file = opened(&arguments.identity, "name the file with your secret key")?;
    let mut problem = None;
    let read = OwnIdentities::read(file, &mut || {
        let path = arguments.passphrase_file.as_deref()?;
        match passphrase(path) {
            Ok(text) => Some(text),
            Err(err) => {
                problem = Some(err);
                None
            }
        }
    });
    if let Some(err) = problem {
        return Err(Stop::invalid(err, "check --passphrase-file"));
    }
    read.map_err(|err| {
        let next = match err {
            OwnIdentityError::Passphrase => "give the passphrase with --passphrase-file",
            _ => "name the file that `age-keygen` or `gpg --armor --export-secret-keys` made, or an SSH key such as ~/.ssh/id_ed25519",
        };
        let path = arguments.identity.display();
        let error = anyhow::Error::new(err).context(format!("cannot use the key in `{path}`"));
        Stop::invalid(error, next)
    })
}

fn passphrase(path: &Path) -> anyhow::Result<zeroize::Zeroizing<String>> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = if path == Path::new("-") {
        io::stdin()
            .take(MAX_PASSPHRASE_BYTES)
            .read_to_string(&mut text)
    } else {
        File::open(path).and_then(|it| it.take(MAX_PASSPHRASE_BYTES).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read `{}`", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    Ok(zeroize::Zeroizing::new(line.to_owned()))
}

fn opened(path: &Path, next: &'static str) -> Result<File, Stop> {
    File::open(path)
        .with_context(|| format!("cannot read `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, next))
}

//! `amanat record check FILE --key VKEY`: check a proof without the record and without a server.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use model::Timestamp;
use record::{MAX_TLOG_PROOF_BYTES, ProvedEntry, TlogProof, WitnessVerifier};

use super::place::given_key;
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The proof, as `amanat record prove` writes it
    file: PathBuf,
    /// The verifier key of the record, from a source that you trust
    #[arg(long, value_name = "VKEY")]
    key: String,
    #[command(flatten)]
    witnesses: WitnessArguments,
    /// The entry, where the proof does not hold it itself
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
}

/// Whose cosignatures count.
#[derive(Debug, Args)]
pub(super) struct WitnessArguments {
    /// The key of a witness that you trust; can be given several times
    #[arg(long = "witness", value_name = "VKEY", value_parser = witness)]
    witnesses: Vec<WitnessVerifier>,
    /// How many of these witnesses must have cosigned; all of them without it
    #[arg(long, value_name = "N")]
    quorum: Option<usize>,
}

impl WitnessArguments {
    /// The witnesses that are named.
    pub(super) fn keys(&self) -> &[WitnessVerifier] {
        &self.witnesses
    }

    /// Whether enough of them cosigned a checkpoint; says who is missing.
    pub(super) fn accept(&self, note: &record::Note) -> Result<(), record::NoteError> {
        let quorum = self.quorum.unwrap_or(self.witnesses.len());
        let (mut cosigned, mut wrong) = (0_usize, None);
        for witness in &self.witnesses {
            match witness.cosigned_at(note) {
                Ok(_) => cosigned += 1,
                Err(err) => wrong = Some(err),
            }
        }
        match wrong {
            Some(err) if cosigned < quorum => Err(err),
            _ => Ok(()),
        }
    }

    /// How many of them must have cosigned.
    pub(super) fn quorum(&self) -> Result<usize, Stop> {
        let named = self.witnesses.len();
        let quorum = self.quorum.unwrap_or(named);
        if quorum > named {
            let error = anyhow!("{quorum} witnesses are asked for, and {named} are named");
            return Err(Stop::invalid(error, "name more with --witness"));
        }
        Ok(quorum)
    }
}

/// An entry whose proof holds.
pub(super) struct Checked<'a> {
    /// Its number.
    pub(super) position: u64,
    /// How it is proved.
    pub(super) proved: &'a ProvedEntry,
    /// Whose cosignatures count.
    pub(super) witnesses: &'a WitnessArguments,
}

impl Checked<'_> {
    /// Prints where it stands and who cosigned it, unless these are too few.
    pub(super) fn tell(&self, quorum: usize) -> Result<(), Stop> {
        let cosigned = self.proved.cosigned.len();
        if cosigned < quorum {
            let error =
                anyhow!("{cosigned} of the named witnesses cosigned this, and {quorum} must");
            return Err(Stop::failure(
                error,
                "make the proof again a little later: witnesses sign within minutes; if they do not, ask them what they saw",
            ));
        }
        let checkpoint = &self.proved.checkpoint;
        ui::data(&format!(
            "ok: entry {} of {} of {}",
            self.position, checkpoint.size, checkpoint.origin
        ));
        for (place, at) in &self.proved.cosigned {
            let witness = self.witnesses.keys().get(*place);
            let name = witness.map_or("", WitnessVerifier::name);
            let at = i64::try_from(*at).unwrap_or(i64::MAX).saturating_mul(1_000);
            ui::data(&format!("witness: {name}, {}", Timestamp::from_millis(at)));
        }
        Ok(())
    }
}

fn witness(text: &str) -> Result<WitnessVerifier, String> {
    WitnessVerifier::parse(text).map_err(|err| err.to_string())
}

/// Prints the entry, and who says that it is there.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let key = given_key(&arguments.key)?;
    let bytes = read(&arguments.file, MAX_TLOG_PROOF_BYTES)?;
    let not_a_proof = "give a file that `amanat record prove` wrote";
    let proof = TlogProof::parse(&bytes).map_err(|err| Stop::invalid(err, not_a_proof))?;
    let entry = match (&arguments.entry, &proof.extra) {
        (Some(path), _) => read(path, MAX_TLOG_PROOF_BYTES)?,
        (None, Some(entry)) => entry.clone(),
        (None, None) => {
            let error = anyhow!("the proof does not hold the entry that it is about");
            return Err(Stop::invalid(error, "give the entry with --entry"));
        }
    };
    let witnesses = &arguments.witnesses;
    let quorum = witnesses.quorum()?;
    let proved = proof
        .verify(&entry, &key, witnesses.keys())
        .map_err(|err| {
            let error = anyhow::Error::new(err).context("the proof does not hold");
            Stop::failure(
                error,
                "check that the key is the right one; else keep the file as evidence",
            )
        })?;
    Checked {
        position: proof.index,
        proved: &proved,
        witnesses,
    }
    .tell(quorum)?;
    ui::data(&format!("entry: {}", shown(&entry)));
    Ok(Exit::Ok)
}

/// As it is, without what a terminal obeys.
pub(super) fn shown(entry: &[u8]) -> String {
    let text = String::from_utf8_lossy(entry);
    text.chars().flat_map(visible).collect()
}

fn visible(it: char) -> Vec<char> {
    match it.is_control() {
        true => it.escape_default().collect(),
        false => vec![it],
    }
}

/// A file, as far as it may be long; one byte more tells that it is longer.
pub(super) fn read(path: &PathBuf, limit: usize) -> Result<Vec<u8>, Stop> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX - 1);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|it| it.take(limit + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("cannot read `{}`", path.display()))
        .map_err(|err| Stop::invalid(err, "name a file that can be read"))?;
    Ok(bytes)
}

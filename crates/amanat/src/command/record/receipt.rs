//! `amanat record receipt FILE --key VKEY`: check that the record holds a receipt fast, without the record and without a server.

use anyhow::anyhow;
use clap::Args;
use custody::{MAX_RECEIPT_PROOF_BYTES, ReceiptProof};

use super::check::{Checked, WitnessArguments, read};
use super::place::given_key;
use crate::exit::{Exit, Stop};
use crate::ui;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The proof, as "Who received what" gives it
    file: std::path::PathBuf,
    /// The verifier key of the record, from a source that you trust
    #[arg(long, value_name = "VKEY")]
    key: String,
    #[command(flatten)]
    witnesses: WitnessArguments,
}

/// Prints what the receipt says, and what holds it fast.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let key = given_key(&arguments.key)?;
    let quorum = arguments.witnesses.quorum()?;
    let bytes = read(&arguments.file, MAX_RECEIPT_PROOF_BYTES)?;
    let not_a_proof = "give a file that the page \"Who received what\" gave";
    let proof = ReceiptProof::parse(&bytes).map_err(|err| Stop::invalid(err, not_a_proof))?;
    let proven = proof.verify(&key, arguments.witnesses.keys());
    let proven = proven.map_err(|err| {
        let error = anyhow::Error::new(err).context("the proof does not hold");
        Stop::failure(
            error,
            "check that the key is the right one; else keep the file as evidence",
        )
    })?;
    Checked {
        position: proven.position,
        proved: &proven.proved,
        witnesses: &arguments.witnesses,
    }
    .tell(quorum)?;
    let said = proven.receipt;
    let text =
        serde_json::to_string(&said).map_err(|err| Stop::failure(anyhow!(err), not_a_proof))?;
    ui::data(&format!(
        "receipt: {}",
        super::check::shown(text.as_bytes())
    ));
    Ok(Exit::Ok)
}

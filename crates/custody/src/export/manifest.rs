//! `manifest.json` names every other file of an export with its size and SHA-256; `manifest.sig` is a C2SP signed note about it.
//!
//! # The text that is signed
//! ```text
//! amanat export 1
//! made RFC3339
//! manifest SHA256
//! files COUNT
//! ```
//! Its first line is no name of a key, so it cannot be taken for a checkpoint of the record, which is signed with the same key.

use model::Timestamp;
use record::{Note, Signer, Verifier};
use serde::{Deserialize, Serialize};

use super::spool::Finished;
use super::{EXPORT_VERSION, ExportError, ExportSummary};
use crate::secret::document_sha256;

pub(super) const NAME: &str = "manifest.json";
pub(super) const SIGNATURE_NAME: &str = "manifest.sig";
/// The largest manifest that is read.
pub(super) const MAX_MANIFEST_BYTES: u64 = 16 * 1024 * 1024;
/// The largest signature that is read.
pub(super) const MAX_SIGNATURE_BYTES: u64 = 16 * 1024;
pub(super) const FORMAT: &str = "amanat-export";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) made_at: String,
    pub(super) person: String,
    pub(super) only: Option<String>,
    pub(super) readings: u64,
    pub(super) choice_acts: u64,
    pub(super) delivery_hours: u64,
    pub(super) record_entries: u64,
    pub(super) files: Vec<ManifestFile>,
    pub(super) left_out: Vec<ManifestLeftOut>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) lines: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestLeftOut {
    pub(super) deployment: Option<String>,
    pub(super) why: String,
}

/// The manifest of these files, in their order.
pub(super) fn write(summary: &ExportSummary, files: &[Finished]) -> Vec<u8> {
    let file = |it: &Finished| ManifestFile {
        name: it.name.clone(),
        bytes: it.size,
        sha256: it.sha256.clone(),
        lines: it.lines,
    };
    let left_out = summary.left_out.iter().map(|it| ManifestLeftOut {
        deployment: it.deployment.as_ref().map(ToString::to_string),
        why: it.why.as_str().to_owned(),
    });
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: EXPORT_VERSION,
        made_at: summary.made_at.to_string(),
        person: summary.person.to_string(),
        only: summary.only.as_ref().map(ToString::to_string),
        readings: summary.readings,
        choice_acts: summary.choices,
        delivery_hours: summary.deliveries,
        record_entries: summary.entries,
        files: files.iter().map(file).collect(),
        left_out: left_out.collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn text(manifest: &[u8], made_at: &str, files: usize) -> String {
    let sha256 = document_sha256(manifest);
    format!("amanat export {EXPORT_VERSION}\nmade {made_at}\nmanifest {sha256}\nfiles {files}\n")
}

/// The signed note about a manifest.
pub(super) fn sign(
    manifest: &[u8],
    files: usize,
    made_at: Timestamp,
    signer: &Signer,
) -> Result<String, ExportError> {
    let text = text(manifest, &made_at.to_string(), files);
    let note = Note::sign(&text, signer).map_err(ExportError::Sign)?;
    Ok(note.to_string())
}

/// Whether the key signed this manifest.
pub(super) fn is_signed(manifest: &[u8], read: &Manifest, note: &[u8], key: &Verifier) -> bool {
    let expected = text(manifest, &read.made_at, read.files.len());
    Note::parse(note).is_ok_and(|it| it.verify(key).is_ok_and(|it| it == expected))
}

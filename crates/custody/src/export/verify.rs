//! Checks an export without a server: is it whole, is it as it was made, and by whom. Nothing in the file is believed before that, and
//! memory is bounded whatever it says.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Seek};

use record::{Checkpoint, Hash, InclusionProof, Note, Verifier, leaf_hash, verify_inclusion};
use ring::digest;
use serde::Deserialize;

use super::manifest::{self, Manifest, ManifestFile};
use super::papers::{ENTRIES_NAME, KEY_NAME};
use super::zip::{self, Entry, ZipError};

/// The largest entry of the record with its proof, in bytes.
const MAX_PROOF_BYTES: u64 = 256 * 1024;
/// The most hashes of a proof: a tree has no more levels.
const MAX_PATH: usize = 64;
/// The largest key that is read.
const MAX_KEY_BYTES: u64 = 1024;

/// An export that holds together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedExport {
    /// The key that signed it.
    pub key: String,
    /// Whether the key was given, or is the one in the file.
    pub is_key_given: bool,
    /// The cut, as RFC 3339.
    pub made_at: String,
    /// About whom.
    pub person: String,
    /// How many files, without the manifest and its signature.
    pub files: u64,
    /// Their bytes before they were compressed.
    pub bytes: u64,
    /// How many readings.
    pub readings: u64,
    /// How many entries of the public record were proved.
    pub record_entries: u64,
}

/// Why an export does not verify: the first thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum VerifyExportError {
    /// The file could not be read.
    #[error("the file could not be read")]
    Read(#[source] std::io::Error),
    /// The container is not of the form of an export.
    #[error("the file is no whole export: {0}")]
    Form(String),
    /// The manifest is missing or cannot be read.
    #[error("`manifest.json` {0}")]
    Manifest(&'static str),
    /// No key was given and there is none in it.
    #[error("there is no readable key in `record/log.vkey`")]
    NoKey,
    /// The signature is of another key or another manifest.
    #[error("`manifest.sig` is no signature of `{key}` on this manifest")]
    Signature {
        /// The name of the key.
        key: String,
    },
    /// The first file that is wrong.
    #[error("`{name}` {why}")]
    Entry {
        /// Its name, checked to have plain characters only.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl From<ZipError> for VerifyExportError {
    fn from(err: ZipError) -> Self {
        match err {
            ZipError::Read(err) => Self::Read(err),
            other => Self::Form(other.to_string()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofLine {
    position: u64,
    entry: String,
    tree_size: u64,
    path: Vec<String>,
    checkpoint: String,
}

/// An export whose container was checked.
pub(super) struct Opened<R> {
    file: R,
    entries: BTreeMap<String, Entry>,
    order: Vec<String>,
}

impl<R: Read + Seek> Opened<R> {
    pub(super) fn new(mut file: R) -> Result<Self, VerifyExportError> {
        let entries = zip::entries(&mut file)?;
        Ok(Self {
            order: entries.iter().map(|it| it.name.clone()).collect(),
            entries: entries
                .into_iter()
                .map(|it| (it.name.clone(), it))
                .collect(),
            file,
        })
    }

    /// The bytes of an entry; `None` when there is none of this name.
    pub(super) fn body(&mut self, name: &str) -> Option<std::io::Result<zip::Body<'_, R>>> {
        let entry = self.entries.get(name)?;
        Some(zip::body(&mut self.file, entry))
    }

    /// A small entry as a whole.
    pub(super) fn small(&mut self, name: &str, most: u64) -> Option<Vec<u8>> {
        let size = self.entries.get(name)?.size;
        if size > most {
            return None;
        }
        let mut bytes = Vec::new();
        self.body(name)?.ok()?.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The manifest and its bytes.
    pub(super) fn manifest(&mut self) -> Result<(Manifest, Vec<u8>), VerifyExportError> {
        use VerifyExportError::Manifest as Wrong;
        let bytes = self.small(manifest::NAME, manifest::MAX_MANIFEST_BYTES);
        let bytes = bytes.ok_or(Wrong("is missing, damaged or too large"))?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|_| Wrong("is not of the form of this version"))?;
        if manifest.format != manifest::FORMAT || manifest.version != super::EXPORT_VERSION {
            return Err(Wrong("is of another format or a later version"));
        }
        Ok((manifest, bytes))
    }
}

/// Checks an export; without a key, the one in the file counts, and whoever made the file chose it.
///
/// # Errors
/// See [`VerifyExportError`].
pub fn verify_export<R: Read + Seek>(
    file: R,
    key: Option<&Verifier>,
) -> Result<VerifiedExport, VerifyExportError> {
    let mut opened = Opened::new(file)?;
    let (manifest, bytes) = opened.manifest()?;
    let inside = opened.small(KEY_NAME, MAX_KEY_BYTES);
    let inside = inside.and_then(|it| String::from_utf8(it).ok());
    let inside = inside.and_then(|it| Verifier::parse(it.trim()).ok());
    let verifier = key.cloned().or(inside).ok_or(VerifyExportError::NoKey)?;
    let note = opened.small(manifest::SIGNATURE_NAME, manifest::MAX_SIGNATURE_BYTES);
    let is_signed = note.is_some_and(|it| manifest::is_signed(&bytes, &manifest, &it, &verifier));
    if !is_signed {
        return Err(VerifyExportError::Signature {
            key: verifier.name().to_owned(),
        });
    }
    complete(&opened, &manifest)?;
    let mut total = 0_u64;
    for file in &manifest.files {
        whole(&mut opened, file)?;
        total = total.saturating_add(file.bytes);
    }
    let record_entries = proofs(&mut opened, &verifier)?;
    Ok(VerifiedExport {
        key: verifier.to_string(),
        is_key_given: key.is_some(),
        made_at: manifest.made_at,
        person: manifest.person,
        files: u64::try_from(manifest.files.len()).unwrap_or(u64::MAX),
        bytes: total,
        readings: manifest.readings,
        record_entries,
    })
}

fn wrong(name: &str, why: impl Into<String>) -> VerifyExportError {
    // A manifest that nobody signed is not read so far, but what is printed has plain characters all the same.
    let plain = |it: char| if it.is_ascii_graphic() { it } else { '?' };
    VerifyExportError::Entry {
        name: name.chars().take(zip::MAX_NAME_BYTES).map(plain).collect(),
        why: why.into(),
    }
}

/// The manifest names what is in the file, in its order, and nothing else is in it.
fn complete<R>(opened: &Opened<R>, manifest: &Manifest) -> Result<(), VerifyExportError> {
    let named = manifest.files.iter().map(|it| it.name.as_str());
    let mut named = named.chain([manifest::NAME, manifest::SIGNATURE_NAME]);
    let mut there = opened.order.iter();
    loop {
        match (named.next(), there.next()) {
            (None, None) => return Ok(()),
            (Some(name), Some(found)) if name == found => {}
            (Some(name), _) if !opened.entries.contains_key(name) => {
                return Err(wrong(name, "is missing"));
            }
            (Some(name), Some(_)) => return Err(wrong(name, "is not in its place")),
            (Some(name), None) => return Err(wrong(name, "is missing")),
            (None, Some(found)) => return Err(wrong(found, "is not named in the manifest")),
        }
    }
}

/// A file is what the manifest says.
fn whole<R: Read + Seek>(
    opened: &mut Opened<R>,
    file: &ManifestFile,
) -> Result<(), VerifyExportError> {
    let name = &file.name;
    let damaged = |err: std::io::Error| wrong(name, format!("is damaged: {err}"));
    let Some(body) = opened.body(name) else {
        return Err(wrong(name, "is missing"));
    };
    let mut body = body.map_err(damaged)?;
    let mut sha256 = digest::Context::new(&digest::SHA256);
    let mut bytes = 0_u64;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = body.read(&mut buffer).map_err(damaged)?;
        let Some(read) = buffer.get(..count).filter(|it| !it.is_empty()) else {
            break;
        };
        sha256.update(read);
        bytes = bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    let sha256 = data_encoding::HEXLOWER.encode(sha256.finish().as_ref());
    if bytes != file.bytes || sha256 != file.sha256 {
        return Err(wrong(name, "is not what the manifest says"));
    }
    Ok(())
}

/// Every entry of the public record leads to a checkpoint that the key signed.
fn proofs<R: Read + Seek>(
    opened: &mut Opened<R>,
    key: &Verifier,
) -> Result<u64, VerifyExportError> {
    let broken = |line: u64| wrong(ENTRIES_NAME, format!("has a wrong proof in line {line}"));
    let Some(body) = opened.body(ENTRIES_NAME) else {
        return Ok(0);
    };
    let body = body.map_err(VerifyExportError::Read)?;
    let mut lines = BufReader::new(body);
    let mut count = 0_u64;
    loop {
        let mut line = Vec::new();
        let read = (&mut lines)
            .take(MAX_PROOF_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(VerifyExportError::Read)?;
        if read == 0 {
            return Ok(count);
        }
        count += 1;
        is_proved(&line, key).ok_or_else(|| broken(count))?;
    }
}

fn is_proved(line: &[u8], key: &Verifier) -> Option<()> {
    let line: ProofLine = serde_json::from_slice(line).ok()?;
    let note = Note::parse(line.checkpoint.as_bytes()).ok()?;
    let checkpoint = Checkpoint::parse(note.verify(key).ok()?).ok()?;
    let fits = checkpoint.size == line.tree_size && checkpoint.origin == key.name();
    if !fits || line.path.len() > MAX_PATH {
        return None;
    }
    let path: Option<Vec<_>> = line.path.iter().map(|it| Hash::from_base64(it)).collect();
    let proof = InclusionProof {
        index: line.position,
        size: line.tree_size,
        path: path?,
    };
    let leaf = leaf_hash(line.entry.as_bytes());
    verify_inclusion(&proof, &leaf, &checkpoint.root).ok()
}

//! Codecs: each script once, and whose messages it reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;
use store::Tx;

use super::RowError;
use crate::secret::document_sha256;

/// Every owner with its script; equal scripts are one.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<BTreeMap<Box<str>, Arc<str>>, RowError> {
    let mut sources: BTreeMap<String, Arc<str>> = BTreeMap::new();
    for row in tx.query("SELECT sha256, source FROM codec", &[])? {
        sources.insert(row.get(0)?, row.get::<String>(1)?.into());
    }
    let mut all = BTreeMap::new();
    for row in tx.query("SELECT owner, sha256 FROM codec_owner", &[])? {
        if let Some(source) = sources.get(&row.get::<String>(1)?) {
            all.insert(row.get::<String>(0)?.into(), Arc::clone(source));
        }
    }
    Ok(all)
}

/// Sets or removes the script of an owner; a script that nobody has any more goes with it.
pub(crate) fn set(
    tx: &mut Tx<'_>,
    owner: &str,
    source: Option<&str>,
    now: Timestamp,
) -> Result<(), RowError> {
    match source {
        Some(source) => {
            let sha256 = document_sha256(source.as_bytes());
            tx.execute(
                "INSERT INTO codec (sha256, source) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING",
                &[sha256.as_str().into(), source.into()],
            )?;
            tx.execute(
                "INSERT INTO codec_owner (owner, sha256, changed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (owner) DO UPDATE SET sha256 = $2, changed_at = $3",
                &[owner.into(), sha256.as_str().into(), now.as_millis().into()],
            )?;
        }
        None => {
            tx.execute("DELETE FROM codec_owner WHERE owner = $1", &[owner.into()])?;
        }
    }
    tx.execute(
        "DELETE FROM codec WHERE sha256 NOT IN (SELECT sha256 FROM codec_owner)",
        &[],
    )?;
    Ok(())
}

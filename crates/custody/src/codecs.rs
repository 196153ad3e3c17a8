//! The scripts that read what no dialect knows, by the thing or bridge whose messages they read.
//!
//! Kept here as text and nothing else: what a script means, and how it is kept from harm, is not known here.
//! A script is kept once however many things have it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use model::Timestamp;

use crate::act::{Act, ActError};
use crate::rows::{self, RowError};
use crate::{Custody, Identity};

/// The longest script, in bytes.
pub const MAX_CODEC_BYTES: usize = 128 * 1024;

/// Why a codec was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetCodecError {
    /// Longer than [`MAX_CODEC_BYTES`], or empty.
    #[error("a codec has between 1 and {MAX_CODEC_BYTES} bytes")]
    Length,
    /// There is no thing or bridge with this identifier.
    #[error("there is no thing or bridge `{0}` to have a codec")]
    Nobody(String),
    /// The act failed.
    #[error(transparent)]
    Act(#[from] ActError),
}

/// What is in force.
#[derive(Default)]
pub(crate) struct Codecs {
    by_owner: ArcSwap<BTreeMap<Box<str>, Arc<str>>>,
    /// One change at a time, from its act to its coming into force.
    changing: Mutex<()>,
}

impl Codecs {
    /// Puts in force what the rows say.
    pub(crate) fn load(&self, tx: &mut store::Tx<'_>) -> Result<(), RowError> {
        self.by_owner.store(Arc::new(rows::codec::all(tx)?));
        Ok(())
    }
}

impl Custody {
    pub(crate) fn load_codecs(&self) -> Result<(), RowError> {
        self.inner.db.read(|tx| self.inner.codecs.load(tx))
    }

    /// Whether anybody has a codec.
    #[must_use]
    pub fn has_codecs(&self) -> bool {
        !self.inner.codecs.by_owner.load().is_empty()
    }

    /// The codec of a thing or bridge, by its identifier.
    #[must_use]
    pub fn codec(&self, owner: &str) -> Option<Arc<str>> {
        self.inner.codecs.by_owner.load().get(owner).map(Arc::clone)
    }

    /// Sets the codec of a thing or bridge; nothing: it has none any more. In force for the next message.
    /// Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// See [`SetCodecError`].
    pub fn set_codec(
        &self,
        owner: &Identity,
        source: Option<&str>,
        now: Timestamp,
    ) -> Result<(), SetCodecError> {
        if source.is_some_and(|it| it.is_empty() || it.len() > MAX_CODEC_BYTES) {
            return Err(SetCodecError::Length);
        }
        let codecs = &self.inner.codecs;
        let changing = codecs.changing.lock();
        let _changing = changing.unwrap_or_else(PoisonError::into_inner);
        let outcome = self.act(now, |act| put(act, owner, source));
        // Whether it was committed or not: what the rows say is in force.
        let loaded = self.load_codecs();
        outcome?;
        loaded.map_err(ActError::from)?;
        Ok(())
    }
}

fn put(act: &mut Act<'_, '_>, owner: &Identity, source: Option<&str>) -> Result<(), SetCodecError> {
    let now = act.now();
    let id = owner.as_str();
    let exists = match owner {
        Identity::Thing(_) => rows::thing::is_taken(act.tx(), id),
        Identity::Bridge(_) => rows::bridge::exists(act.tx(), id),
        Identity::Recipient(_) => Ok(false),
    };
    if !exists.map_err(ActError::from)? {
        return Err(SetCodecError::Nobody(id.to_owned()));
    }
    rows::codec::set(act.tx(), id, source, now).map_err(ActError::from)?;
    Ok(())
}

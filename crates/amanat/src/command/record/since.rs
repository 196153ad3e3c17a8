//! `SIZE:ROOT`: a record as an earlier run found it.

use std::fmt;

use anyhow::{bail, ensure};
use record::{Checkpoint, Hash, LogStore, Verified, Verifier};

/// What an earlier run found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    size: u64,
    root: Hash,
}

impl Since {
    /// What this run found.
    pub(super) const fn of(verified: &Verified) -> Self {
        Self {
            size: verified.size,
            root: verified.root,
        }
    }

    /// Reads the value of `--since`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.trim().split_once(':');
        parts
            .and_then(|(size, root)| {
                Some(Self {
                    size: size.parse().ok()?,
                    root: Hash::from_base64(root)?,
                })
            })
            .ok_or_else(|| "write what an earlier run printed as `since`, SIZE:ROOT".to_owned())
    }

    /// Proves that the verified record begins with the earlier one.
    pub(super) fn is_contained<S: LogStore>(
        &self,
        store: &mut S,
        key: &Verifier,
        verified: &Verified,
    ) -> anyhow::Result<()> {
        let size = verified.size;
        if self.size > size {
            bail!("it had {} entries, and now there are {size}", self.size);
        }
        let checkpoint = Checkpoint {
            origin: key.name().to_owned(),
            size,
            root: verified.root,
        };
        let proof = record::consistency_proof(store, &checkpoint, self.size)?;
        let contained = record::verify_consistency(&proof, &self.root, &verified.root);
        ensure!(
            contained.is_ok(),
            "the first {} entries now have another root hash",
            self.size
        );
        Ok(())
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_given() {
        let since = Since {
            size: 17,
            root: record::empty_root(),
        };
        assert_eq!(Since::parse(&since.to_string()), Ok(since));
        for bad in ["", "17", "17:", ":47DE", "x:47DE", "17:47DE"] {
            assert!(Since::parse(bad).is_err(), "{bad}");
        }
    }
}

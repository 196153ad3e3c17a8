//! Erasures on their way out of the data directory and back: copies of the file are joined, so that none is ever forgotten.

use std::collections::BTreeMap;
use std::path::Path;

use super::{
    ErasureId, HEADER_BYTES, Tombstone, TombstoneError, check_header, has_later, header, next,
};
use crate::segment::widen;

/// The tombstones of a file of erasures, or of several. They stay sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasureFile {
    stones: BTreeMap<ErasureId, Tombstone>,
}

impl ErasureFile {
    /// Reads the bytes of a file; `path` is for messages. A tombstone at the end that is not whole does not count: nobody was told of it.
    ///
    /// # Errors
    /// When it is damaged, or of a later version.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, TombstoneError> {
        let mut stones = BTreeMap::new();
        if bytes.len() < HEADER_BYTES && header().starts_with(bytes) {
            return Ok(Self { stones });
        }
        check_header(path, bytes)?;
        let mut rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
        while let Some((stone, size)) = next(rest) {
            stones.insert(stone.id, stone);
            rest = rest.get(size..).unwrap_or_default();
        }
        if !rest.is_empty() && has_later(rest) {
            return Err(TombstoneError::Damaged {
                path: path.to_owned(),
                offset: widen(bytes.len() - rest.len()),
            });
        }
        Ok(Self { stones })
    }

    /// The bytes of a file with all of them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = header().to_vec();
        for stone in self.stones.values() {
            bytes.extend_from_slice(&stone.frame());
        }
        bytes
    }

    /// Takes in those of another file.
    pub fn join(&mut self, other: Self) {
        self.stones.extend(other.stones);
    }

    /// Those that another file does not have.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let missing = self
            .stones
            .iter()
            .filter(|(id, _)| !other.stones.contains_key(id));
        Self {
            stones: missing.map(|(id, stone)| (*id, stone.clone())).collect(),
        }
    }

    /// All of them, in files of at most so many.
    #[must_use]
    pub fn pieces(&self, most: usize) -> Vec<Self> {
        let all: Vec<_> = self.stones.iter().collect();
        let piece = |some: &[(&ErasureId, &Tombstone)]| Self {
            stones: some
                .iter()
                .map(|(id, stone)| (**id, (*stone).clone()))
                .collect(),
        };
        all.chunks(most.max(1)).map(piece).collect()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stones.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stones.is_empty()
    }
}

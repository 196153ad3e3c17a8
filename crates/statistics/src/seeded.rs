//! Randomness for tests: repeatable, or broken.

use crate::noise::{Randomness, RandomnessError};

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Randomness for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (word ^ (word >> 31)).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// A source that is not one.
pub(crate) enum Broken {
    /// Gives nothing.
    Silent,
    /// Gives nothing but ones.
    Ones,
}

impl Randomness for Broken {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        match self {
            Self::Silent => Err(RandomnessError),
            Self::Ones => {
                bytes.fill(0xff);
                Ok(())
            }
        }
    }
}

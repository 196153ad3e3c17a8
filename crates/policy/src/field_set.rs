//! Sets of fields: 256 bits, one for each field that a notice can have.

/// The number of a field in its [`Schema`](crate::Schema), in the order of the notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldIndex(pub(crate) u8);

impl FieldIndex {
    pub(crate) fn as_usize(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of fields of one schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FieldSet([u64; 4]);

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = Self([0; 4]);

    /// Adds a field; tells whether it is new.
    pub fn insert(&mut self, field: FieldIndex) -> bool {
        let bit = 1_u64 << (field.0 & 63);
        match self.0.get_mut(usize::from(field.0 >> 6)) {
            Some(word) => {
                let new = *word & bit == 0;
                *word |= bit;
                new
            }
            None => false,
        }
    }

    /// Whether the field is in the set.
    #[must_use]
    pub fn contains(&self, field: FieldIndex) -> bool {
        let word = self.0.get(usize::from(field.0 >> 6));
        word.is_some_and(|it| it >> (field.0 & 63) & 1 == 1)
    }

    /// Whether the set has no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    /// How many fields are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        let bits: u32 = self.0.iter().map(|it| it.count_ones()).sum();
        // At most 256.
        usize::try_from(bits).unwrap_or_default()
    }

    /// The fields in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// The fields in either set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// The fields that are not in the other set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    /// The fields in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = FieldIndex> + use<> {
        let words = [0_u8, 64, 128, 192].into_iter().zip(self.0);
        words.flat_map(|(base, word)| Bits(word).map(move |bit| FieldIndex(base + bit)))
    }

    fn zip(self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([combine(a, e), combine(b, f), combine(c, g), combine(d, h)])
    }
}

impl FromIterator<FieldIndex> for FieldSet {
    fn from_iter<T: IntoIterator<Item = FieldIndex>>(fields: T) -> Self {
        let mut set = Self::EMPTY;
        for field in fields {
            set.insert(field);
        }
        set
    }
}

/// The set bits of a word, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        u8::try_from(bit).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_field_set_is_a_set(a: BTreeSet<u8>, b: BTreeSet<u8>) {
            let set = |it: &BTreeSet<u8>| it.iter().copied().map(FieldIndex).collect::<FieldSet>();
            let list = |it: FieldSet| it.iter().map(|it| it.0).collect::<BTreeSet<_>>();
            prop_assert_eq!(list(set(&a)), a.clone());
            prop_assert_eq!(list(set(&a).and(set(&b))), &a & &b);
            prop_assert_eq!(list(set(&a).or(set(&b))), &a | &b);
            prop_assert_eq!(list(set(&a).without(set(&b))), &a - &b);
            prop_assert_eq!(set(&a).len(), a.len());
            prop_assert_eq!(set(&a).is_empty(), a.is_empty());
            prop_assert!(b.iter().all(|it| set(&a).contains(FieldIndex(*it)) == a.contains(it)));
        }
    }
}

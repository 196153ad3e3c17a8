//! Entry bundles: entries one after another, each as a big-endian `u16` length and its bytes.

use crate::hash::{Hash, leaf_hash};

/// The longest entry: what the `u16` length prefix of a bundle can say.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// Entries of one bundle in their file form, with the position where each ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bundle {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The bytes are not a whole number of entries, or not as many as the path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BundleMalformed;

impl Bundle {
    /// Reads exactly `width` entries and nothing after them.
    pub(crate) fn parse(bytes: Vec<u8>, width: u16) -> Result<Bundle, BundleMalformed> {
        let mut ends = Vec::with_capacity(usize::from(width));
        let mut rest = bytes.as_slice();
        for _ in 0..width {
            let (length, tail) = rest.split_first_chunk::<2>().ok_or(BundleMalformed)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (_, tail) = tail.split_at_checked(length).ok_or(BundleMalformed)?;
            ends.push(bytes.len() - tail.len());
            rest = tail;
        }
        if rest.is_empty() {
            Ok(Bundle { bytes, ends })
        } else {
            Err(BundleMalformed)
        }
    }

    /// Adds an entry. Returns `false` and changes nothing if it is longer than [`MAX_ENTRY_BYTES`].
    pub(crate) fn push(&mut self, entry: &[u8]) -> bool {
        let Ok(length) = u16::try_from(entry.len()) else {
            return false;
        };
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(entry);
        self.ends.push(self.bytes.len());
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Forgets all entries from `width` on.
    pub(crate) fn truncate(&mut self, width: u16) {
        self.ends.truncate(usize::from(width));
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// The file form of the first `width` entries; all of them if there are fewer.
    pub(crate) fn prefix(&self, width: u16) -> &[u8] {
        let end = usize::from(width)
            .checked_sub(1)
            .map_or(Some(&0), |last| self.ends.get(last));
        end.and_then(|end| self.bytes.get(..*end))
            .unwrap_or(&self.bytes)
    }

    /// The entries in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .filter_map(|(start, end)| self.bytes.get(start + 2..*end))
    }

    /// The leaf hashes of the entries in order.
    pub(crate) fn leaf_hashes(&self) -> impl Iterator<Item = Hash> {
        self.entries().map(leaf_hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundle_has_big_endian_length_prefixes() {
        let mut bundle = Bundle::default();
        assert!(bundle.push(b"ab") && bundle.push(b"") && bundle.push(&[7; 258]));
        assert_eq!(bundle.prefix(2), b"\x00\x02ab\x00\x00");
        assert_eq!(&bundle.prefix(3)[6..9], b"\x01\x02\x07");
        assert_eq!(bundle.prefix(0), b"");
        let entries: Vec<_> = bundle.entries().collect();
        assert_eq!(entries, [b"ab".as_slice(), b"", &[7; 258]]);
    }

    #[test]
    fn longest_entry_fits_and_one_more_byte_does_not() {
        let mut bundle = Bundle::default();
        assert!(bundle.push(&vec![1; MAX_ENTRY_BYTES]));
        assert!(!bundle.push(&vec![1; MAX_ENTRY_BYTES + 1]));
        assert_eq!(bundle.len(), 1);
        let parsed = Bundle::parse(bundle.prefix(1).to_vec(), 1).unwrap();
        assert_eq!(parsed.entries().next().unwrap().len(), MAX_ENTRY_BYTES);
    }

    #[test]
    fn malformed_bundles_are_refused() {
        for (bytes, width) in [
            (b"".as_slice(), 1),
            (b"\x00", 1),
            (b"\x00\x02a", 1),
            (b"\x00\x01ab", 1),
            (b"\x00\x01a", 2),
            (b"\x00\x01a\x00\x00", 1),
        ] {
            assert_eq!(
                Bundle::parse(bytes.to_vec(), width).unwrap_err(),
                BundleMalformed,
                "{bytes:?} {width}"
            );
        }
    }

    #[test]
    fn truncated_bundle_is_its_own_prefix() {
        let mut bundle = Bundle::parse(b"\x00\x01a\x00\x02bc".to_vec(), 2).unwrap();
        bundle.truncate(1);
        assert_eq!(
            (bundle.len(), bundle.prefix(256)),
            (1, b"\x00\x01a".as_slice())
        );
    }
}

//! The values of one column of a row group, and its pages.

use rustc_hash::FxHashMap;

use super::thrift::{fields, varint};
use super::{Cell, Column, Kind, Place, pack as packed, wide};

/// A column of texts has a dictionary as long as it has at most so many different ones.
const MAX_DICTIONARY_TEXTS: usize = 65_536;
/// … and at most so many bytes of them.
const MAX_DICTIONARY_BYTES: usize = 1024 * 1024;

/// Encodings and types of pages (`parquet.thrift`).
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const RLE_DICTIONARY: i32 = 8;
const DATA_PAGE: i32 = 0;
const DICTIONARY_PAGE: i32 = 2;

/// Texts as numbers of a dictionary, until that is too large.
#[derive(Default)]
struct Dictionary {
    known: FxHashMap<String, u32>,
    /// The texts in the order of their numbers, as a page has them.
    page: Vec<u8>,
    numbers: Vec<u32>,
}

/// What is kept of a column until its row group is full.
pub(super) struct Chunk {
    is_optional: bool,
    /// For each row 1, or 0 where there is nothing.
    present: Vec<u32>,
    /// Values in the encoding `PLAIN`; of truth values and of texts with a dictionary, nothing.
    plain: Vec<u8>,
    truths: Vec<u32>,
    dictionary: Option<Dictionary>,
}

impl Chunk {
    pub(super) fn new(column: &Column) -> Self {
        Self {
            is_optional: column.is_optional,
            present: Vec::new(),
            plain: Vec::new(),
            truths: Vec::new(),
            dictionary: (column.kind == Kind::Text).then(Dictionary::default),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let numbers = self
            .dictionary
            .as_ref()
            .map_or(0, |it| 2 * it.page.len() + 4 * it.numbers.len());
        4 * (self.present.len() + self.truths.len()) + self.plain.len() + numbers
    }

    /// Adds a value of the right kind.
    pub(super) fn push(&mut self, cell: &Cell<'_>) {
        self.present.push((*cell != Cell::Nothing).into());
        match cell {
            Cell::Nothing => {}
            Cell::Moment(at) => self.plain.extend(at.as_millis().to_le_bytes()),
            Cell::Whole(it) => self.plain.extend(it.to_le_bytes()),
            Cell::Number(it) => self.plain.extend(it.to_le_bytes()),
            Cell::Truth(it) => self.truths.push((*it).into()),
            Cell::Text(text) => self.push_text(text),
        }
    }

    fn push_text(&mut self, text: &str) {
        let Some(dictionary) = &mut self.dictionary else {
            return plain_text(text.as_bytes(), &mut self.plain);
        };
        if let Some(number) = dictionary.known.get(text) {
            return dictionary.numbers.push(*number);
        }
        let is_full = dictionary.known.len() >= MAX_DICTIONARY_TEXTS
            || dictionary.page.len() + text.len() > MAX_DICTIONARY_BYTES;
        if is_full {
            self.plain = dictionary.spelt_out();
            self.dictionary = None;
            return plain_text(text.as_bytes(), &mut self.plain);
        }
        let number = u32::try_from(dictionary.known.len()).unwrap_or(u32::MAX);
        plain_text(text.as_bytes(), &mut dictionary.page);
        dictionary.known.insert(text.to_owned(), number);
        dictionary.numbers.push(number);
    }

    /// Writes the pages behind `offset` bytes of the file, and says where they are.
    pub(super) fn write(self, offset: u64, out: &mut Vec<u8>) -> Place {
        let mut place = Place {
            data: offset,
            dictionary: None,
            values: wide(self.present.len()),
            size: 0,
            packed: 0,
            encodings: vec![RLE, PLAIN],
        };
        let mut page = Vec::new();
        if self.is_optional {
            let mut levels = Vec::new();
            hybrid(&self.present, 1, &mut levels);
            let length = u32::try_from(levels.len()).unwrap_or(u32::MAX);
            page.extend(length.to_le_bytes());
            page.extend(levels);
        }
        let mut encoding = PLAIN;
        let dictionary = self.dictionary.filter(|it| !it.numbers.is_empty());
        if let Some(dictionary) = &dictionary {
            let texts = wide(dictionary.known.len());
            let before = out.len();
            let head = (DICTIONARY_PAGE, texts, PLAIN);
            place.add(write_page(head, &dictionary.page, out));
            place.dictionary = Some(offset);
            place.data = offset + wide(out.len() - before);
            let width = bits(texts.saturating_sub(1)).max(1);
            page.push(u8::try_from(width).unwrap_or(32));
            hybrid(&dictionary.numbers, width, &mut page);
            encoding = RLE_DICTIONARY;
            place.encodings.push(RLE_DICTIONARY);
        }
        pack(&self.truths, 1, &mut page);
        page.extend(self.plain);
        let head = (DATA_PAGE, place.values, encoding);
        place.add(write_page(head, &page, out));
        place
    }
}

impl Dictionary {
    /// The texts as they would stand without a dictionary.
    fn spelt_out(&self) -> Vec<u8> {
        let mut texts: Vec<_> = self.known.iter().collect();
        texts.sort_unstable_by_key(|(_, number)| **number);
        let mut plain = Vec::new();
        for number in &self.numbers {
            let place = usize::try_from(*number).unwrap_or(usize::MAX);
            if let Some((text, _)) = texts.get(place) {
                plain_text(text.as_bytes(), &mut plain);
            }
        }
        plain
    }
}

fn plain_text(text: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend(length.to_le_bytes());
    out.extend_from_slice(text);
}

/// How many bits a number needs.
fn bits(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// Numbers of `width` bits in the encoding `RLE` (a hybrid of runs and of groups of eight that are packed), without a length.
fn hybrid(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut rest = numbers;
    let mut packed: Vec<u32> = Vec::new();
    let flush = |packed: &mut Vec<u32>, out: &mut Vec<u8>| {
        if !packed.is_empty() {
            varint((wide(packed.len().div_ceil(8)) << 1) | 1, out);
            pack(packed, width, out);
            packed.clear();
        }
    };
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|it| *it == first).count();
        if run >= 8 {
            flush(&mut packed, out);
            varint(wide(run) << 1, out);
            let bytes = first.to_le_bytes();
            let whole = usize::try_from(width.div_ceil(8)).unwrap_or(4);
            out.extend(bytes.iter().take(whole));
            rest = rest.get(run..).unwrap_or_default();
        } else {
            // Eight at once, so that a run of its own begins behind a whole group; only the last group is not full.
            let group = rest.len().min(8);
            let (taken, left) = rest.split_at(group);
            packed.extend_from_slice(taken);
            rest = left;
        }
    }
    flush(&mut packed, out);
}

/// Numbers of `width` bits behind each other, the lowest bit first, to the end of a group of eight where `width` is above one; truth
/// values (`PLAIN`) end with their byte, which is the same.
fn pack(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut held, mut count) = (0_u64, 0_u32);
    let padding = numbers.len().next_multiple_of(8) - numbers.len();
    let padding = std::iter::repeat_n(&0, padding);
    for number in numbers.iter().chain(padding) {
        held |= u64::from(*number) << count;
        count += width;
        while count >= 8 {
            let [low, ..] = held.to_le_bytes();
            out.push(low);
            held >>= 8;
            count -= 8;
        }
    }
}

/// Writes a page; gives its bytes with its header, before and after they were compressed.
fn write_page(
    (kind, values, encoding): (i32, u64, i32),
    page: &[u8],
    out: &mut Vec<u8>,
) -> (u64, u64) {
    let number = |it: u64| i32::try_from(it).unwrap_or(i32::MAX);
    let packed = packed(page);
    let before = out.len();
    fields(out, |it| {
        it.i32(1, kind);
        it.i32(2, number(wide(page.len())));
        it.i32(3, number(wide(packed.len())));
        it.i32(4, crc32fast::hash(&packed).cast_signed());
        if kind == DICTIONARY_PAGE {
            it.fields(7, |it| {
                it.i32(1, number(values));
                it.i32(2, encoding);
            });
        } else {
            it.fields(5, |it| {
                it.i32(1, number(values));
                it.i32(2, encoding);
                it.i32(3, RLE);
                it.i32(4, RLE);
            });
        }
    });
    let head = wide(out.len() - before);
    out.extend_from_slice(&packed);
    (head + wide(page.len()), head + wide(packed.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Parquet format's page on encodings: 0 to 7 in three bits.
    #[test]
    fn numbers_are_packed_as_the_format_says() {
        let mut out = Vec::new();
        hybrid(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &mut out);
        assert_eq!(out, [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        out.clear();
        hybrid(&[1; 100], 1, &mut out);
        assert_eq!(out, [200, 1, 1]);
        out.clear();
        hybrid(&[], 0, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn a_run_begins_behind_a_whole_group_and_only_the_last_group_is_padded() {
        let mut numbers = vec![1, 0, 1];
        numbers.extend([5; 20]);
        numbers.push(2);
        let mut out = Vec::new();
        hybrid(&numbers, 3, &mut out);
        // Eight packed, fifteen of the same, one packed.
        assert_eq!(out.len(), 1 + 3 + 2 + 1 + 3);
        assert_eq!(out.first(), Some(&3));
        assert_eq!(out.get(4..6), Some([30, 5].as_slice()));
        assert_eq!(out.get(6..), Some([3, 2, 0, 0].as_slice()));
    }
}

//! Coarse places: geohash cells, of a coordinate or of a text.
//!
//! A geohash of *p* characters halves the ranges of longitude and latitude in turn, longitude first, 5 *p* times.
//! A coordinate becomes the middle of its cell, rounded to [`PLACES`] decimal places; the accuracy is half the cell plus what
//! that rounding moved, rounded up. The middle of a cell lies in it, so doing it again changes nothing.

use super::number::Number;
use super::{Coarse, Shown};
use crate::decimal::Decimal;
use crate::payload::Note;

/// The most characters of a geohash: a cell of 38 m by 19 m.
const MAX_CHARACTERS: u8 = 8;
/// The longest geohash that is read.
const MAX_TEXT: usize = 12;
/// Decimal places of a shown coordinate: a tenth of a metre.
const PLACES: u8 = 6;
/// `10^PLACES`.
const UNITS: i128 = 1_000_000;
/// No edge of a cell has more decimal places than this, so cutting a coordinate down to them keeps it in its cell.
const EDGE_PLACES: u8 = 20;

/// One axis of a geohash cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cells {
    /// Degrees on either side of zero: 90 or 180.
    reach: i64,
    /// How many times the range is halved.
    bits: u32,
    characters: u8,
}

impl Cells {
    /// For a field that is counted in `lat` or `lon`.
    pub(super) fn new(characters: u8, unit: Option<&str>) -> Option<Self> {
        let bits = u32::from(checked(characters)?) * 5;
        let (reach, bits) = match unit? {
            "lat" => (90, bits / 2),
            "lon" => (180, bits.div_ceil(2)),
            _ => return None,
        };
        Some(Self {
            reach,
            bits,
            characters,
        })
    }

    pub(super) fn characters(self) -> u8 {
        self.characters
    }

    pub(super) fn can_express(self, value: f64) -> bool {
        value.abs() <= self.reach as f64
    }

    /// The middle of the cell.
    pub(super) fn apply(self, value: Number) -> Option<Coarse> {
        if !self.can_express(value.float) {
            return None;
        }
        let count = 1_i64.checked_shl(self.bits)?;
        let cell = self.cell(value, count)?.min(count - 1);
        let (count, cell) = (i128::from(count), i128::from(cell));
        let reach = i128::from(self.reach);
        // The middle is `reach · (2·cell + 1 - count) / count`, half a cell is `reach / count`.
        let shown = crate::decimal::divided(reach * (2 * cell + 1 - count) * UNITS, count)?;
        let half = reach * UNITS;
        let accuracy = if half % count == 0 {
            half / count
        } else {
            // Rounding the middle moved it by up to half a unit.
            (2 * half + 3 * count - 1).div_euclid(2 * count)
        };
        Some(Coarse {
            shown: Shown::Number(Decimal::of_units(shown, PLACES)),
            accuracy: Some(Decimal::of_units(accuracy, PLACES)),
            note: Note::None,
        })
    }

    /// The number of the cell, counted from the lower end.
    fn cell(self, value: Number, count: i64) -> Option<i64> {
        let degree = 10_i128.checked_pow(u32::from(EDGE_PLACES))?;
        let reach = i128::from(self.reach).checked_mul(degree)?;
        let from_end = value.exact.floor_units(EDGE_PLACES)?.checked_add(reach)?;
        let cells = from_end.checked_mul(i128::from(count))?;
        i64::try_from(cells.checked_div_euclid(reach.checked_mul(2)?)?).ok()
    }

    pub(super) fn again(self, value: Number, accuracy: Option<Decimal>) -> Option<Coarse> {
        let coarse = self.apply(value)?;
        let accuracy = if coarse.shown == Shown::Number(value.exact) {
            accuracy
        } else {
            let both = accuracy.zip(coarse.accuracy);
            both.and_then(|(a, b)| a.plus(b))
        };
        Some(Coarse { accuracy, ..coarse })
    }
}

/// How many characters of a geohash are shown, where they are between 1 and [`MAX_CHARACTERS`].
pub(super) fn checked(characters: u8) -> Option<u8> {
    (1..=MAX_CHARACTERS)
        .contains(&characters)
        .then_some(characters)
}

/// The first characters of a text that is a geohash (lower case) and has at least as many.
pub(super) fn prefix(text: &str, characters: u8) -> Option<Coarse> {
    let kept = text
        .get(..usize::from(characters))
        .filter(|_| is_geohash(text))?;
    // The letters and digits of a geohash need no escape.
    Some(Coarse::text(format!("\"{kept}\"")))
}

pub(super) fn is_geohash(text: &str) -> bool {
    let known =
        |it: u8| matches!(it, b'0'..=b'9' | b'b'..=b'h' | b'j' | b'k' | b'm' | b'n' | b'p'..=b'z');
    (1..=MAX_TEXT).contains(&text.len()) && text.bytes().all(known)
}

//! Exact decimal numbers: coarse values are multiples of a decimal step, and must not come out as 0.30000000000000004.

use std::cmp::Ordering;
use std::fmt;

/// The most digits of a mantissa that is read from text.
const MAX_DIGITS: usize = 30;
/// Decimals of up to this many digits survive the way through a 64-bit float.
const EXACT_DIGITS: usize = 15;
/// Further apart than this, exponents are not aligned.
const MAX_ALIGN: u32 = 30;
/// The shortest decimal of a float has a mantissa below this.
const MAX_FLOAT_MANTISSA: u128 = 100_000_000_000_000_000;
/// A value of 17 digits whose exponent is this much below that of a step is far below one step.
const MAX_STEP_ALIGN: i32 = 20;
/// Plain notation up to this many zeros at either end; beyond, `15e-12`.
const MAX_PLAIN_ZEROS: i32 = 12;

/// `mantissa × 10^exponent`, without trailing zeros in the mantissa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    /// Reads a JSON number; `None` when it has more digits than can be kept exactly.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mut mantissa, mut digits, mut fraction) = (0_i128, 0_usize, 0_i32);
        let (mut in_fraction, mut exponent) = (false, 0_i32);
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        for (place, byte) in unsigned.bytes().enumerate() {
            match byte {
                b'0'..=b'9' if digits < MAX_DIGITS => {
                    digits += 1;
                    fraction += i32::from(in_fraction);
                    mantissa = mantissa * 10 + i128::from(byte - b'0');
                }
                b'.' if !in_fraction && digits > 0 => in_fraction = true,
                b'e' | b'E' => {
                    exponent = unsigned.get(place + 1..)?.parse().ok()?;
                    break;
                }
                _ => return None,
            }
        }
        if digits == 0 {
            return None;
        }
        if unsigned.len() < text.len() {
            mantissa = -mantissa;
        }
        Some(Self::normal(mantissa, exponent.checked_sub(fraction)?))
    }

    /// Reads a JSON number as a 64-bit float does: the shortest decimal of the nearest float, which for a number of up to
    /// [`EXACT_DIGITS`] digits is the number itself. `None` when no float holds it.
    pub(crate) fn nearest(text: &str, float: f64) -> Option<Self> {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if digits <= EXACT_DIGITS && !text.contains(['e', 'E']) {
            return Self::parse(text);
        }
        Self::from_f64(float)
    }

    /// The shortest decimal that reads back as `value`; `None` when it is not finite.
    pub(crate) fn from_f64(value: f64) -> Option<Self> {
        if value.is_finite() {
            Self::parse(&format!("{value:e}"))
        } else {
            None
        }
    }

    /// The product with an integer; `None` when it does not fit.
    pub(crate) fn times(self, factor: i64) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(i128::from(factor))?;
        Some(Self::normal(mantissa, self.exponent))
    }

    /// Exactly half.
    pub(crate) fn half(self) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(5)?;
        Some(Self::normal(mantissa, self.exponent.checked_sub(1)?))
    }

    /// The sum; `None` when the two are too far apart to be added exactly.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let aligned = |it: Self| {
            let zeros = u32::try_from(it.exponent.checked_sub(exponent)?).ok()?;
            if zeros > MAX_ALIGN {
                return None;
            }
            it.mantissa.checked_mul(10_i128.checked_pow(zeros)?)
        };
        let mantissa = aligned(self)?.checked_add(aligned(other)?)?;
        Some(Self::normal(mantissa, exponent))
    }

    /// The difference; `None` as for [`Decimal::plus`].
    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.times(-1)?)
    }

    /// How many whole steps lie below, and how the rest compares with half a step. `step` is above zero and has at most
    /// 17 digits. `None` when there are too many steps or too many digits.
    pub(crate) fn steps(self, step: Self) -> Option<(i64, Ordering)> {
        let apart = step.exponent.checked_sub(self.exponent)?;
        if apart > MAX_STEP_ALIGN && self.mantissa.unsigned_abs() < MAX_FLOAT_MANTISSA {
            // Far below one step.
            return Some(match self.mantissa.cmp(&0) {
                Ordering::Less => (-1, Ordering::Greater),
                _ => (0, Ordering::Less),
            });
        }
        let zeros = |it: i32| 10_i128.checked_pow(u32::try_from(it.max(0)).ok()?);
        let value = self.mantissa.checked_mul(zeros(-apart)?)?;
        let step = step.mantissa.checked_mul(zeros(apart)?)?;
        let rest = value.checked_rem_euclid(step)?;
        let whole = value.checked_div_euclid(step)?;
        let half = rest.cmp(&step.checked_sub(rest)?);
        Some((i64::try_from(whole).ok()?, half))
    }

    /// `self / 10^places` becomes a whole number: the value in units of that many decimal places, rounded half away from
    /// zero, and how many places it really has. `None` when it does not fit.
    pub(crate) fn to_units(self, places: u8) -> Option<(i128, u8)> {
        let shift = self.exponent.checked_add(i32::from(places))?;
        let own = u8::try_from(self.exponent.min(0).unsigned_abs()).unwrap_or(u8::MAX);
        if shift >= 0 {
            let zeros = 10_i128.checked_pow(shift.unsigned_abs())?;
            return Some((self.mantissa.checked_mul(zeros)?, own));
        }
        let units = match 10_i128.checked_pow(shift.unsigned_abs()) {
            Some(cut) => divided(self.mantissa, cut)?,
            None => 0,
        };
        Some((units, own.min(places)))
    }

    /// How many whole units of that many decimal places lie below.
    pub(crate) fn floor_units(self, places: u8) -> Option<i128> {
        let shift = self.exponent.checked_add(i32::from(places))?;
        let power = 10_i128.checked_pow(shift.unsigned_abs());
        if shift >= 0 {
            return self.mantissa.checked_mul(power?);
        }
        let below = if self.mantissa < 0 { -1 } else { 0 };
        power.map_or(Some(below), |it| self.mantissa.checked_div_euclid(it))
    }

    /// A whole number of units of that many decimal places.
    pub(crate) fn of_units(units: i128, places: u8) -> Self {
        Self::normal(units, -i32::from(places))
    }

    /// How the two compare; `None` when they are too far apart to be compared exactly.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        Some(self.minus(other)?.mantissa.cmp(&0))
    }

    /// Whether the value is below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    fn normal(mut mantissa: i128, mut exponent: i32) -> Self {
        if mantissa == 0 {
            return Self {
                mantissa,
                exponent: 0,
            };
        }
        // Most numbers are small, and 128-bit division is slow.
        if let Ok(mut small) = i64::try_from(mantissa) {
            while small % 10 == 0 {
                small /= 10;
                exponent = exponent.saturating_add(1);
            }
            return Self {
                mantissa: i128::from(small),
                exponent,
            };
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent = exponent.saturating_add(1);
        }
        Self { mantissa, exponent }
    }
}

/// The quotient, rounded half away from zero.
pub(crate) fn divided(dividend: i128, divisor: i128) -> Option<i128> {
    let whole = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?.unsigned_abs();
    let is_up = rest >= divisor.unsigned_abs().checked_sub(rest)?;
    let away = if (dividend < 0) == (divisor < 0) {
        1
    } else {
        -1
    };
    whole.checked_add(if is_up && rest > 0 { away } else { 0 })
}

/// Writes a JSON number.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        if self.exponent == 0 {
            return write!(f, "{sign}{digits}");
        }
        let zeros = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX);
        if self.exponent > 0 && self.exponent <= MAX_PLAIN_ZEROS {
            return write!(f, "{sign}{digits}{:0<zeros$}", "");
        }
        let text = digits.to_string();
        match text.len().checked_sub(zeros).map(|it| text.split_at(it)) {
            Some((whole, fraction)) if self.exponent < 0 && !whole.is_empty() => {
                write!(f, "{sign}{whole}.{fraction}")
            }
            _ if self.exponent < 0 && self.exponent >= -MAX_PLAIN_ZEROS => {
                write!(f, "{sign}0.{text:0>zeros$}")
            }
            _ => write!(f, "{sign}{text}e{}", self.exponent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Decimal::parse(text).unwrap().to_string(), expected);
    }

    #[test]
    fn decimals_are_written_without_noise() {
        check("21.50", "21.5");
        check("-0.0", "0");
        check("-0.005", "-0.005");
        check("1200", "1200");
        check("1.2E+3", "1200");
        check("5e-1", "0.5");
        check("1e-12", "0.000000000001");
        check("1.5e-12", "15e-13");
        check("1e12", "1000000000000");
        check("1e300", "1e300");
        check("-12345678901234567890.5", "-12345678901234567890.5");
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        assert_eq!(Decimal::parse(&"1".repeat(31)), None);
        assert_eq!(Decimal::from_f64(f64::NAN), None);
        let (huge, tiny) = (Decimal::parse("1e300"), Decimal::parse("1e-300"));
        assert_eq!(huge.unwrap().plus(tiny.unwrap()), None);
    }

    #[test]
    fn arithmetic_is_exact() {
        let of = |it: f64| Decimal::from_f64(it).unwrap();
        assert_eq!(of(0.1).times(3).unwrap().to_string(), "0.3");
        assert_eq!(of(0.3).minus(of(0.1)).unwrap().to_string(), "0.2");
        assert_eq!(of(0.01).half().unwrap().to_string(), "0.005");
        assert!(of(0.1).minus(of(0.3)).unwrap().is_negative());
    }

    proptest! {
        #[test]
        fn a_float_reads_back(value in any::<f64>().prop_filter("finite", |it| it.is_finite())) {
            let text = Decimal::from_f64(value).unwrap().to_string();
            prop_assert_eq!(text.parse::<f64>().unwrap(), value);
            prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok());
        }
    }
}

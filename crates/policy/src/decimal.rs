//! Exact decimal numbers: coarse values are multiples of a decimal step, and must not come out as 0.30000000000000004.

use std::fmt;

/// The most digits of a mantissa that is read from text.
const MAX_DIGITS: usize = 30;
/// Further apart than this, exponents are not aligned.
const MAX_ALIGN: u32 = 30;
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
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.len() + fraction.len() > MAX_DIGITS {
            return None;
        }
        let mantissa = format!("{whole}{fraction}").parse().ok()?;
        let shift = i32::try_from(fraction.len()).ok()?;
        Some(Self::normal(mantissa, exponent.checked_sub(shift)?))
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
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent = exponent.saturating_add(1);
        }
        Self { mantissa, exponent }
    }
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

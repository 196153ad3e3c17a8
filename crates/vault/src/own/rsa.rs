//! RSA keys, looked at before anything is sealed to them.

use super::{MAX_RSA_BITS, MIN_RSA_BITS, OwnKeyError};

/// No factor of a modulus is smaller than this.
const SMALL_FACTORS: u32 = 4_096;

/// Whether a key is long enough, odd, without a small factor, and with an exponent that is odd and not small. The numbers have no
/// zeros in front.
pub(super) fn check_numbers(exponent: &[u8], modulus: &[u8]) -> Result<(), OwnKeyError> {
    let zeros = modulus.first().map_or(0, |it| it.leading_zeros());
    let bits = (modulus.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0));
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(OwnKeyError::RsaBits { bits });
    }
    let is_odd = |it: &[u8]| it.last().is_some_and(|it| it & 1 == 1);
    // RFC 8017 allows 3; FIPS 186-5 section 5.1 wants more than 2^16, and so does everything that makes keys. Above 2^32 nothing is made.
    let has_common_exponent = (3..=4).contains(&exponent.len()) && is_odd(exponent);
    if !has_common_exponent || !is_odd(modulus) || has_small_factor(modulus) {
        return Err(OwnKeyError::Weak);
    }
    Ok(())
}

fn has_small_factor(modulus: &[u8]) -> bool {
    (3..SMALL_FACTORS)
        .step_by(2)
        .any(|divisor| remainder(modulus, divisor) == 0)
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    let divisor = u64::from(divisor);
    let step = |rest: u64, byte: &u8| (rest << 8 | u64::from(*byte)) % divisor;
    let rest = number.iter().fold(0, step);
    u32::try_from(rest).unwrap_or(u32::MAX)
}

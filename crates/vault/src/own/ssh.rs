//! What the base64 of an SSH public key holds (RFC 4253 section 6.6, RFC 8709 section 4), looked at before anything is sealed to it.

use super::{MAX_RSA_BITS, MIN_RSA_BITS, OwnKeyError};

/// No factor of a modulus is smaller than this.
const SMALL_FACTORS: u32 = 4_096;

/// Takes a string of the format off the front: four bytes of length, then so many bytes.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (found, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(found)
}

/// The parts of a key behind its kind; nothing may follow them.
fn parts<'a, const N: usize>(mut blob: &'a [u8], kind: &str) -> Result<[&'a [u8]; N], OwnKeyError> {
    let mut parts = [[].as_slice(); N];
    if string(&mut blob) != Some(kind.as_bytes()) {
        return Err(OwnKeyError::Damaged);
    }
    for part in &mut parts {
        *part = string(&mut blob).ok_or(OwnKeyError::Damaged)?;
    }
    if blob.is_empty() {
        Ok(parts)
    } else {
        Err(OwnKeyError::Damaged)
    }
}

/// A positive number in its shortest form (RFC 4251 section 5, `mpint`), without the zero before a high bit.
fn number(bytes: &[u8]) -> Result<&[u8], OwnKeyError> {
    match bytes {
        [0, rest @ ..] if rest.first().is_some_and(|it| it & 0x80 != 0) => Ok(rest),
        [first, ..] if *first != 0 && first & 0x80 == 0 => Ok(bytes),
        _ => Err(OwnKeyError::Damaged),
    }
}

/// Whether an Ed25519 key has its form. Its point is checked where it is parsed.
pub(super) fn check_ed25519(blob: &[u8]) -> Result<(), OwnKeyError> {
    let [point] = parts(blob, "ssh-ed25519")?;
    if point.len() == 32 {
        Ok(())
    } else {
        Err(OwnKeyError::Damaged)
    }
}

/// Whether an RSA key is long enough, odd, without a small factor, and with an exponent that is odd and not small.
pub(super) fn check_rsa(blob: &[u8]) -> Result<(), OwnKeyError> {
    let [exponent, modulus] = parts(blob, "ssh-rsa")?;
    let (exponent, modulus) = (number(exponent)?, number(modulus)?);
    let zeros = modulus.first().map_or(0, |it| it.leading_zeros());
    let bits = (modulus.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0));
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(OwnKeyError::RsaBits { bits });
    }
    let is_odd = |it: &[u8]| it.last().is_some_and(|it| it & 1 == 1);
    // RFC 8017 allows 3; FIPS 186-5 section 5.1 wants more than 2^16, and so does everything that makes SSH keys. Above 2^32 nothing is made.
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

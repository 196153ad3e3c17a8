//! What the base64 of an SSH public key holds (RFC 4253 section 6.6, RFC 8709 section 4), looked at before anything is sealed to it.

use super::OwnKeyError;
use super::rsa::check_numbers;

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

/// Whether an RSA key has its form and keeps anything secret.
pub(super) fn check_rsa(blob: &[u8]) -> Result<(), OwnKeyError> {
    let [exponent, modulus] = parts(blob, "ssh-rsa")?;
    let (exponent, modulus) = (number(exponent)?, number(modulus)?);
    check_numbers(exponent, modulus)
}

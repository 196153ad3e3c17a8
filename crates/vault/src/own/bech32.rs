//! Bech32 (BIP 173) without its limit of length, as C2SP age has it.

const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];
const CHECKSUM_LETTERS: usize = 6;

/// The part before the last `1`, in small letters, and the bytes behind it; `None` where letters are mixed in case, foreign, or not what
/// the checksum says.
pub(super) fn decode(text: &str) -> Option<(String, Vec<u8>)> {
    let has = |case: fn(&u8) -> bool| text.as_bytes().iter().any(case);
    if has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let (prefix, data) = text.rsplit_once('1')?;
    if prefix.is_empty() || !prefix.bytes().all(|it| it.is_ascii_graphic()) {
        return None;
    }
    let values = data.bytes().map(value).collect::<Option<Vec<u8>>>()?;
    let length = values.len().checked_sub(CHECKSUM_LETTERS)?;
    if polymod(expanded(prefix).chain(values.iter().copied())) != 1 {
        return None;
    }
    Some((prefix.to_owned(), bytes_of(values.get(..length)?)?))
}

fn value(letter: u8) -> Option<u8> {
    let place = LETTERS.iter().position(|it| *it == letter)?;
    u8::try_from(place).ok()
}

fn expanded(prefix: &str) -> impl Iterator<Item = u8> {
    let high = prefix.bytes().map(|it| it >> 5);
    let low = prefix.bytes().map(|it| it & 31);
    high.chain([0]).chain(low)
}

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let mut sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= generator;
            }
        }
        sum
    })
}

/// Groups of five bits as bytes; what is left over is less than a group, and zero.
fn bytes_of(values: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut count) = (0_u32, 0);
    let mut bytes = Vec::with_capacity(values.len() * 5 / 8);
    for value in values {
        bits = (bits << 5 | u32::from(*value)) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    (count < 5 && bits & ((1 << count) - 1) == 0).then_some(bytes)
}

/// The text of bytes, for tests.
#[cfg(test)]
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> String {
    let (mut bits, mut count) = (0_u32, 0);
    let mut values = Vec::new();
    for byte in bytes {
        bits = (bits << 8 | u32::from(*byte)) & 0xf_ffff;
        count += 8;
        while count >= 5 {
            count -= 5;
            values.push((bits >> count & 31) as u8);
        }
    }
    if count > 0 {
        values.push((bits << (5 - count) & 31) as u8);
    }
    let checked = expanded(prefix).chain(values.iter().copied()).chain([0; 6]);
    let sum = polymod(checked) ^ 1;
    values.extend((0..6).map(|it| (sum >> (25 - 5 * it) & 31) as u8));
    let letters: String = values
        .iter()
        .map(|it| char::from(LETTERS[usize::from(*it)]))
        .collect();
    format!("{prefix}1{letters}")
}

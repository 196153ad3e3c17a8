//! Where a packet ends: the fixed header of MQTT (3.1.1 and 5.0, section 2), without any copy.
//!
//! ```text
//! byte 0      type (4 bits) | flags (4 bits)
//! bytes 1..5  remaining length: 7 bits a byte, least significant group first, minimal
//! then        remaining length bytes: the body
//! ```

use super::fault::Fault;

/// One whole packet, still undecoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Type and flags.
    pub(crate) first: u8,
    /// What the remaining length counts.
    pub(crate) body: &'a [u8],
    /// Header and body, in bytes.
    pub(crate) total_bytes: usize,
}

/// What the bytes at hand hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framed<'a> {
    /// A whole packet.
    Whole(Frame<'a>),
    /// The start of a packet; `needed_bytes` is its whole length, or a lower bound of it.
    Partial { needed_bytes: usize },
}

/// Looks at the start of `bytes`; a packet above the limit is refused by its header alone.
pub(crate) fn frame(bytes: &[u8], max_packet_bytes: u32) -> Result<Framed<'_>, Fault> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(Framed::Partial { needed_bytes: 2 });
    };
    let Some((remaining, length_bytes)) = remaining_length(rest)? else {
        return Ok(Framed::Partial {
            needed_bytes: bytes.len() + 1,
        });
    };
    let total_bytes = 1 + length_bytes + remaining as usize;
    if total_bytes > max_packet_bytes as usize {
        return Err(Fault::oversized(max_packet_bytes));
    }
    Ok(match bytes.get(1 + length_bytes..total_bytes) {
        Some(body) => Framed::Whole(Frame {
            first,
            body,
            total_bytes,
        }),
        None => Framed::Partial {
            needed_bytes: total_bytes,
        },
    })
}

/// Reads a variable byte integer (5.0 section 1.5.5): its value and its length, or nothing while
/// it is not whole.
pub(crate) fn remaining_length(bytes: &[u8]) -> Result<Option<(u32, usize)>, Fault> {
    let mut value = 0_u32;
    for (at, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            if byte == 0 && at > 0 {
                return Err(Fault::malformed(
                    "a length must be written in as few bytes as possible",
                ));
            }
            return Ok(Some((value, at + 1)));
        }
    }
    if bytes.len() >= 4 {
        return Err(Fault::malformed("a length has at most four bytes"));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u32 = 100;

    #[test]
    fn a_packet_is_cut_out_by_its_remaining_length_section_2_1_4() {
        let bytes = [0x30, 0x02, 0xaa, 0xbb, 0xcc];
        assert_eq!(
            frame(&bytes, LIMIT),
            Ok(Framed::Whole(Frame {
                first: 0x30,
                body: &[0xaa, 0xbb],
                total_bytes: 4
            }))
        );
        for cut in 0..4 {
            assert!(matches!(
                frame(&bytes[..cut], LIMIT),
                Ok(Framed::Partial { needed_bytes }) if needed_bytes > cut && needed_bytes <= 4
            ));
        }
    }

    #[test]
    fn lengths_are_minimal_and_have_four_bytes_at_most_section_1_5_5() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x80, 0x01], 128),
            (&[0xff, 0xff, 0xff, 0x7f], 268_435_455),
        ] {
            assert_eq!(remaining_length(bytes), Ok(Some((value, bytes.len()))));
        }
        assert!(remaining_length(&[0x80, 0x00]).is_err());
        assert!(remaining_length(&[0xff, 0xff, 0xff, 0xff]).is_err());
        assert_eq!(remaining_length(&[0xff, 0xff, 0xff]), Ok(None));
    }

    #[test]
    fn a_packet_above_its_limit_is_refused_by_its_header_alone() {
        assert_eq!(
            frame(&[0x30, 99], LIMIT).unwrap_err().counter,
            crate::Counter::OversizedPackets
        );
        assert!(frame(&[0x30, 98], LIMIT).is_ok());
        assert!(frame(&[0x30, 0xff, 0xff, 0xff, 0x7f], LIMIT).is_err());
    }
}

//! What `benches/codec.rs` times of the inside of this crate.

use crate::mqtt::{Framed, Packet, Version, decode, frame};

/// Packets are cut out up to this length.
const MAX_PACKET_BYTES: u32 = 1024 * 1024;

/// Cuts the packets of MQTT 5 out of bytes and reads them; says how many PUBLISH there are, and how many bytes were used.
#[must_use]
pub fn publishes(bytes: &[u8]) -> (usize, usize) {
    let (mut publishes, mut used) = (0, 0);
    while let Some(rest) = bytes.get(used..)
        && let Ok(Framed::Whole(frame)) = frame(rest, MAX_PACKET_BYTES)
    {
        if let Ok(Packet::Publish(_)) = decode(frame, Version::V5) {
            publishes += 1;
        }
        used += frame.total_bytes;
    }
    (publishes, used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_are_counted_up_to_what_is_not_whole() {
        let publish = [0x30, 6, 0, 1, b'a', 0, b'{', b'}'];
        let bytes = [&publish[..], &[0xc0, 0], &publish, &publish[..5]].concat();
        assert_eq!(publishes(&bytes), (2, 18));
    }
}

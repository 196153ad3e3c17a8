//! What a publish says about itself beside its payload, in one word that custody carries and does not read.
//!
//! ```text
//! bits 32..64  message expiry interval in seconds + 1; 0: none (5.0, 3.3.2.3.3)
//! bits 30..32  quality of service + 1; 0: not said, because it did not come over MQTT
//! bit  29      RETAIN
//! bits 0..29   session it came from, 1 and up; 0: none
//! ```
//!
//! Nothing of this is data of a person: the QoS decides how an answer is sent, the session is needed for `no local`,
//! the expiry ends a delivery that waited too long.

use model::Timestamp;

const SESSION_BITS: u32 = 29;
const SESSION_MASK: u64 = (1 << SESSION_BITS) - 1;
const RETAIN: u64 = 1 << SESSION_BITS;
const QOS_SHIFT: u32 = 30;
const EXPIRY_SHIFT: u32 = 32;

/// The number of a session among publishes: what `no local` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin(u64);

impl Origin {
    /// The origin of the session that began with the connection `number`. It is unique until half a billion
    /// connections later.
    pub(crate) fn of(number: u64) -> Self {
        Self(number % SESSION_MASK + 1)
    }
}

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// A publish of a session.
    pub(crate) fn new(origin: Origin, qos: u8, retain: bool, expiry_s: Option<u32>) -> Self {
        let retain = if retain { RETAIN } else { 0 };
        let qos = u64::from(qos.min(2) + 1) << QOS_SHIFT;
        // The longest interval, 136 years, is as good as the one that is a second shorter.
        let expiry = expiry_s.map_or(0, |it| u64::from(it.saturating_add(1))) << EXPIRY_SHIFT;
        Self(origin.0 | retain | qos | expiry)
    }

    /// The word that custody gave back.
    pub(crate) fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The word for custody.
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// Whether it came from this session.
    pub(crate) fn is_from(self, origin: Origin) -> bool {
        self.0 & SESSION_MASK == origin.0
    }

    /// The QoS of the publish; 2, which narrows nothing, when it did not come over MQTT.
    pub(crate) fn qos(self) -> u8 {
        match (self.0 >> QOS_SHIFT) & 0b11 {
            1 => 0,
            2 => 1,
            _ => 2,
        }
    }

    /// The RETAIN flag of the publish.
    pub(crate) fn retain(self) -> bool {
        self.0 & RETAIN != 0
    }

    /// From when on nobody wants it any more, when it came in `now`.
    pub(crate) fn expires_at(self, now: Timestamp) -> Option<Timestamp> {
        let expiry_s = self.expiry_s()?;
        Some(now.plus_millis(i64::from(expiry_s) * 1_000))
    }

    /// After how many seconds nobody wants it any more.
    pub(crate) fn expiry_s(self) -> Option<u32> {
        u32::try_from(self.0 >> EXPIRY_SHIFT).ok()?.checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_gives_back_what_it_was_made_of() {
        for qos in 0..=2 {
            for retain in [false, true] {
                for expiry_s in [None, Some(0), Some(7), Some(u32::MAX - 1)] {
                    let stamp = Stamp::new(Origin::of(9), qos, retain, expiry_s);
                    let stamp = Stamp::from_word(stamp.word());
                    assert_eq!(stamp.qos(), qos);
                    assert_eq!(stamp.retain(), retain);
                    assert_eq!(stamp.expiry_s(), expiry_s);
                    assert!(stamp.is_from(Origin::of(9)));
                    assert!(!stamp.is_from(Origin::of(10)));
                }
            }
        }
    }

    #[test]
    fn what_did_not_come_over_mqtt_narrows_nothing_and_is_nobodys() {
        let stamp = Stamp::from_word(0);
        assert_eq!(
            (stamp.qos(), stamp.retain(), stamp.expiry_s()),
            (2, false, None)
        );
        for number in [0, 1, SESSION_MASK - 1, SESSION_MASK, u64::MAX] {
            assert!(!stamp.is_from(Origin::of(number)));
        }
    }
}

//! Where a history goes on: a place that only its recipient can use, and that says nothing to anybody.
//!
//! A place names a thing and a time, and both can be of readings that the recipient may not have. So it is sealed, under a key that is
//! derived for this recipient alone; it stays good over restarts.
//!
//! # Format
//! Base64url without padding of: version (1 byte), nonce (12), then AES-256-GCM of what follows, with the tag. Associated data:
//! [`LABEL`], deployment, NUL, purpose.
//!
//! Version 1: time (8, little-endian, milliseconds) and thing id. Version 2, where a page ended within a moment: time, segment
//! number (8, little-endian) and index (4) of the last reading that was looked at, and thing id. Both are read for good.

use data_encoding::BASE64URL_NOPAD;
use model::{DeploymentId, PurposeId, ThingId, Timestamp};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use vault::Position;

use crate::catalogue::RecipientPeer;

const WHOLE_MOMENT: u8 = 1;
const WITHIN_MOMENT: u8 = 2;
const LABEL: &[u8] = b"amanat/history-cursor/1\0";
const TIME_BYTES: usize = 8;
const SEGMENT_BYTES: usize = 8;
const INDEX_BYTES: usize = 4;
/// The longest cursor that is read, in characters.
const MAX_CHARACTERS: usize = 512;

/// A place in a history: things in the order of their identifiers, and in each the readings from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) thing: ThingId,
    pub(super) from: Timestamp,
    /// Of that moment only what lies behind this.
    pub(super) after: Option<Position>,
}

fn key(recipient: &RecipientPeer) -> Option<LessSafeKey> {
    let derived = hmac::sign(&recipient.pseudonym_key, LABEL);
    let key = UnboundKey::new(&AES_256_GCM, derived.as_ref()).ok()?;
    Some(LessSafeKey::new(key))
}

fn associated(deployment: &DeploymentId, purpose: &PurposeId) -> Vec<u8> {
    let (deployment, purpose) = (deployment.as_str().as_bytes(), purpose.as_str().as_bytes());
    [LABEL, deployment, b"\0", purpose].concat()
}

/// The place as a text for this recipient; `None` where the operating system gives no randomness.
pub(super) fn seal(
    place: &Place,
    recipient: &RecipientPeer,
    deployment: &DeploymentId,
    purpose: &PurposeId,
) -> Option<String> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).ok()?;
    let time = place.from.as_millis().to_le_bytes();
    let (version, within) = match place.after {
        None => (WHOLE_MOMENT, Vec::new()),
        Some(Position { segment, index }) => {
            let (segment, index) = (segment.to_le_bytes(), index.to_le_bytes());
            (WITHIN_MOMENT, [segment.as_slice(), &index].concat())
        }
    };
    let thing = place.thing.as_str().as_bytes();
    let mut sealed = [time.as_slice(), &within, thing].concat();
    let bound = Aad::from(associated(deployment, purpose));
    let once = Nonce::assume_unique_for_key(nonce);
    key(recipient)?
        .seal_in_place_append_tag(once, bound, &mut sealed)
        .ok()?;
    let whole = [&[version], nonce.as_slice(), &sealed].concat();
    Some(BASE64URL_NOPAD.encode(&whole))
}

/// Reads a place that was sealed for this recipient, deployment and purpose.
pub(super) fn open(
    text: &str,
    recipient: &RecipientPeer,
    deployment: &DeploymentId,
    purpose: &PurposeId,
) -> Option<Place> {
    if text.len() > MAX_CHARACTERS {
        return None;
    }
    let whole = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (version, rest) = whole.split_first()?;
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
    if ![WHOLE_MOMENT, WITHIN_MOMENT].contains(version) {
        return None;
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut opened = sealed.to_vec();
    let bound = Aad::from(associated(deployment, purpose));
    let plain = key(recipient)?
        .open_in_place(nonce, bound, &mut opened)
        .ok()?;
    let (time, rest) = plain.split_at_checked(TIME_BYTES)?;
    let (after, thing) = match *version {
        WITHIN_MOMENT => {
            let (segment, rest) = rest.split_first_chunk::<SEGMENT_BYTES>()?;
            let (index, thing) = rest.split_first_chunk::<INDEX_BYTES>()?;
            let segment = u64::from_le_bytes(*segment);
            let index = u32::from_le_bytes(*index);
            (Some(Position { segment, index }), thing)
        }
        _ => (None, rest),
    };
    Some(Place {
        after,
        thing: ThingId::parse(std::str::from_utf8(thing).ok()?).ok()?,
        from: Timestamp::from_millis(i64::from_le_bytes(time.try_into().ok()?)),
    })
}

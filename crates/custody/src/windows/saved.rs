//! An open window as a row has it: sealed whole, for it holds measurements and names people.
//!
//! The format is that of [`row_box`](crate::row_box). The name of a row is HMAC-SHA-256, under another key, of what the window is
//! about. The plaintext is JSON (`Wire`).

use std::sync::Arc;

use data_encoding::HEXLOWER;
use model::{
    PersonId, Pointer, PurposeId, RecipientId, Retention, Role, Roles, ThingId, Timestamp,
};
use policy::{Accumulator, Keeping, Lane};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::table::{Key, Open, RowId, Slot};
use crate::catalogue::bound::Present;
use crate::row_box::RowBox;
use crate::secret::SubjectToken;

/// Seals and opens rows of windows.
pub(crate) struct WindowBox {
    rows: RowBox,
    names: hmac::Key,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    thing: String,
    named: Option<String>,
    /// Each person with the words of their roles.
    people: Vec<(String, Vec<String>)>,
    slot: WireSlot,
    field: String,
    last_at: i64,
    accumulator: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum WireSlot {
    Lane { recipient: String, purpose: String },
    Kept { by_law: bool, days: u16 },
}

impl WindowBox {
    /// `key` is derived for this use alone. `None` when the operating system gives no randomness.
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let names = hmac::sign(&root, b"names");
        Some(Self {
            names: hmac::Key::new(hmac::HMAC_SHA256, names.as_ref()),
            rows: RowBox::new(root)?,
        })
    }

    /// The name of the row of the window that began then.
    pub(crate) fn row_id(&self, key: &Key, from: Timestamp) -> RowId {
        let mut id = RowId::default();
        let about = Wire {
            last_at: from.as_millis(),
            ..about(key)
        };
        let about = serde_json::to_vec(&about).unwrap_or_default();
        id.copy_from_slice(hmac::sign(&self.names, &about).as_ref());
        id
    }

    /// A window as its row has it; `None` only when it is far too large.
    pub(crate) fn seal(&self, key: &Key, open: &Open) -> Option<Vec<u8>> {
        let mut saved = Vec::with_capacity(policy::SAVED_BYTES);
        open.accumulator.save(&mut saved);
        let wire = Wire {
            last_at: open.last_at.as_millis(),
            accumulator: HEXLOWER.encode(&saved),
            ..about(key)
        };
        self.rows.seal(&open.id, serde_json::to_vec(&wire).ok()?)
    }

    /// The window of a row; `None` when it cannot be read.
    pub(crate) fn open(&self, id: &RowId, sealed: &[u8]) -> Option<(Key, Open)> {
        let body = self.rows.open(id, sealed)?;
        let wire: Wire = serde_json::from_slice(&body).ok()?;
        let saved = HEXLOWER.decode(wire.accumulator.as_bytes()).ok()?;
        let accumulator = Accumulator::restore(&saved)?;
        let last_at = Timestamp::from_millis(wire.last_at);
        Some((key_of(&wire)?, Open::restored(accumulator, last_at, *id)))
    }
}

/// What a window is about, without what it holds.
fn about(key: &Key) -> Wire {
    let roles = |it: &Present| it.roles.iter().map(|it| it.as_str().to_owned()).collect();
    let person = |it: &Present| Some((it.person()?.to_string(), roles(it)));
    Wire {
        thing: key.thing.to_string(),
        named: key.named.as_ref().map(|it| HEXLOWER.encode(&it.0)),
        people: key.people.iter().filter_map(person).collect(),
        slot: match &key.slot {
            Slot::Lane(lane) => WireSlot::Lane {
                recipient: lane.recipient.to_string(),
                purpose: lane.purpose.to_string(),
            },
            Slot::Kept(keeping, retention) => WireSlot::Kept {
                by_law: *keeping == Keeping::ByLaw,
                days: retention.as_days(),
            },
        },
        field: key.field.to_string(),
        last_at: 0,
        accumulator: String::new(),
    }
}

fn key_of(wire: &Wire) -> Option<Key> {
    let named = match &wire.named {
        Some(hex) => {
            let token = HEXLOWER.decode(hex.as_bytes()).ok()?;
            Some(SubjectToken(token.try_into().ok()?))
        }
        None => None,
    };
    let present = |(person, roles): &(String, Vec<String>)| {
        let roles: Option<Roles> = roles.iter().map(|it| Role::parse(it)).collect();
        Some(Present::new(PersonId::parse(person).ok()?, roles?))
    };
    let people: Option<Vec<Present>> = wire.people.iter().map(present).collect();
    Some(Key {
        thing: ThingId::parse(&wire.thing).ok()?,
        named,
        people: Arc::from(people?),
        slot: match &wire.slot {
            WireSlot::Lane { recipient, purpose } => Slot::Lane(Lane {
                recipient: RecipientId::parse(recipient).ok()?,
                purpose: PurposeId::parse(purpose).ok()?,
            }),
            WireSlot::Kept { by_law, days } => {
                let keeping = if *by_law {
                    Keeping::ByLaw
                } else {
                    Keeping::AsChosen
                };
                Slot::Kept(keeping, Retention::from_days(*days))
            }
        },
        field: Pointer::parse(&wire.field).ok()?,
    })
}

#[cfg(test)]
mod tests;

//! A retained message as its row has it: sealed whole, for it holds measurements and may name people.
//!
//! The format is that of [`row_box`](crate::row_box); the name of the row is that of the thing. The plaintext is JSON (`Wire`). Lanes
//! and fields are written by their names, since their numbers are those of one process.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use model::{Level, PersonId, Pointer, PurposeId, RecipientId, Role, Roles, Timestamp};
use policy::Outcome;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::table::{Retained, View};
use crate::catalogue::bound::Present;
use crate::catalogue::{DeploymentState, Named, ThingPeer};
use crate::row_box::RowBox;
use crate::secret::SubjectToken;

/// Seals and opens rows of retained messages.
pub(crate) struct RetainedBox(RowBox);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    at: i64,
    expires_at: Option<i64>,
    notice: u32,
    named: Option<String>,
    /// Each person who was there, with the words of their roles.
    people: Vec<(String, Vec<String>)>,
    views: Vec<WireView>,
    /// As readings are stored.
    body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireView {
    /// Recipient and purpose.
    lanes: Vec<(String, String)>,
    /// Field and level.
    fields: Vec<(String, String)>,
}

impl RetainedBox {
    /// `key` is derived for this use alone. `None` when the operating system gives no randomness.
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        RowBox::new(hmac::Key::new(hmac::HMAC_SHA256, key)).map(Self)
    }

    /// A message as its row has it.
    pub(crate) fn seal(&self, retained: &Retained) -> Option<Vec<u8>> {
        let schema = retained.payload.schema();
        let program = &retained.bound.program;
        let view = |view: &View| WireView {
            lanes: view
                .lanes
                .iter()
                .filter_map(|it| program.lane_at(*it))
                .map(|it| (it.recipient.to_string(), it.purpose.to_string()))
                .collect(),
            fields: view
                .outcome
                .levels()
                .filter_map(|(field, level)| {
                    Some((schema.pointer(field)?.to_string(), level.to_string()))
                })
                .collect(),
        };
        let mut body = Vec::with_capacity(256);
        let present = retained.payload.present();
        let everything = Outcome::of_levels(present.iter().map(|it| (it, Level::ON)))?;
        policy::render_stored(&retained.payload, &everything, &mut body);
        let wire = Wire {
            at: retained.at.as_millis(),
            expires_at: retained.expires_at.map(Timestamp::as_millis),
            notice: retained.notice,
            named: match &retained.named {
                Named::Nobody => None,
                Named::Somebody(token) => Some(HEXLOWER.encode(&token.0)),
            },
            people: people(&retained.bound.people),
            views: retained.views.iter().map(view).collect(),
            body: String::from_utf8(body).ok()?,
        };
        let name = retained.thing.id.as_str().as_bytes();
        self.0.seal(name, serde_json::to_vec(&wire).ok()?)
    }

    /// The message of a row; `None` when it cannot be read, or when it is of another notice or of other people than now hold
    /// for that moment.
    pub(crate) fn open(
        &self,
        thing: &Arc<ThingPeer>,
        state: &DeploymentState,
        sealed: &[u8],
    ) -> Option<Retained> {
        let body = self.0.open(thing.id.as_str().as_bytes(), sealed)?;
        let wire: Wire = serde_json::from_slice(&body).ok()?;
        if wire.notice != state.notice.version {
            return None;
        }
        let named = match &wire.named {
            None => Named::Nobody,
            Some(hex) => {
                let token = HEXLOWER.decode(hex.as_bytes()).ok()?;
                Named::Somebody(SubjectToken(token.try_into().ok()?))
            }
        };
        let at = Timestamp::from_millis(wire.at);
        let bound = state.bound(thing.number, &named, at)?;
        if read_people(&wire.people)? != *bound.people {
            return None;
        }
        let lane = |(recipient, purpose): &(String, String)| {
            let recipient = RecipientId::parse(recipient).ok()?;
            bound
                .program
                .lane(&recipient, &PurposeId::parse(purpose).ok()?)
        };
        let field = |(pointer, level): &(String, String)| {
            let field = state.schema.index_of(&Pointer::parse(pointer).ok()?)?;
            Some((field, Level::parse(level)?))
        };
        let view = |it: &WireView| {
            let fields: Option<Vec<_>> = it.fields.iter().map(field).collect();
            Some(View {
                outcome: Outcome::of_levels(fields?.into_iter())?,
                lanes: it.lanes.iter().map(lane).collect::<Option<_>>()?,
            })
        };
        Some(Retained {
            thing: Arc::clone(thing),
            at,
            expires_at: wire.expires_at.map(Timestamp::from_millis),
            origin: 0,
            notice: wire.notice,
            payload: state.schema.decode_stored(wire.body.as_bytes()).ok()?,
            views: wire.views.iter().map(view).collect::<Option<_>>()?,
            named,
            bound,
        })
    }
}

fn people(present: &[Present]) -> Vec<(String, Vec<String>)> {
    let roles = |it: &Present| it.roles.iter().map(|it| it.as_str().to_owned()).collect();
    let person = |it: &Present| Some((it.person()?.to_string(), roles(it)));
    present.iter().filter_map(person).collect()
}

fn read_people(written: &[(String, Vec<String>)]) -> Option<Vec<Present>> {
    let present = |(person, roles): &(String, Vec<String>)| {
        let roles: Option<Roles> = roles.iter().map(|it| Role::parse(it)).collect();
        Some(Present::new(PersonId::parse(person).ok()?, roles?))
    };
    written.iter().map(present).collect()
}

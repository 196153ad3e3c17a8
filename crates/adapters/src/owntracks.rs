//! The OwnTracks apps, which tell where a telephone is.
//!
//! | `_type` | |
//! |---|---|
//! | `location`, `transition`, `waypoint`, `waypoints`, `beacon`, `steps`, `status` | a reading: one JSON object, passed on as it is (`/lat`, `/lon`, `/tst`) |
//! | `encrypted` | refused: nobody but the sender's friends can read its fields, so nothing of it can be declared |
//! | `lwt`, `card`, `cmd`, `configuration`, `dump`, `request`, and types that are not known | no reading; a configuration holds passwords |
//!
//! Topics are `owntracks/USER/DEVICE`, with `/event`, `/waypoint` and others behind it. A device is called `USER/DEVICE`.
//! The apps let the base be changed: of four levels or more, a last one that OwnTracks adds is left away, and the device is
//! called by the last two of the others.
//!
//! Documentation: <https://owntracks.org/booklet/tech/json/>, <https://owntracks.org/booklet/tech/mqtt/>.

use crate::take::{AllTaken, nothing, one};
use crate::topic::parent;
use crate::{TakeError, json};

/// Takes a message apart.
pub(crate) fn take<'a>(topic: &'a str, payload: &'a [u8]) -> Result<AllTaken<'a>, TakeError> {
    let device = device(topic).ok_or(TakeError::OtherTopic)?;
    if payload.is_empty() {
        return nothing();
    }
    let [kind] = json::find(json::text(payload)?, ["_type"])?;
    let kind = kind.and_then(json::string);
    match &*kind.ok_or(TakeError::Missing("_type"))? {
        "location" | "transition" | "waypoint" | "waypoints" | "beacon" | "steps" | "status" => {
            one(device, payload)
        }
        "encrypted" => Err(TakeError::Encrypted),
        _ => nothing(),
    }
}

/// `USER/DEVICE`.
fn device(topic: &str) -> Option<&str> {
    let own = match parent(topic) {
        Some((before, last)) if is_added(last) && before.matches('/').count() >= 2 => before,
        _ => topic,
    };
    let (rest, _) = parent(own)?;
    let user = parent(rest).map_or(rest, |it| it.1);
    let start = rest.len().checked_sub(user.len())?;
    own.get(start..)
}

/// The levels that the apps put behind the device.
fn is_added(level: &str) -> bool {
    matches!(
        level,
        "event"
            | "waypoint"
            | "waypoints"
            | "info"
            | "cmd"
            | "dump"
            | "step"
            | "beacon"
            | "status"
            | "lwt"
            | "request"
            | "response"
    )
}

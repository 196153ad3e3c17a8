//! A person's own destinations: where their readings go instead of the vault, or as a copy of it.
//!
//! Start reading at `placement` (what [`Custody::place`](crate::Custody::place) puts in force and `ingest` asks), then `parcel`
//! (what the network side takes, and tells back), then `book` (what a person sees and changes).
//!
//! # Nothing that was acknowledged is lost on the way
//! A reading for an endpoint lies in the vault, marked with the destination, before its message is acknowledged: the vault's log
//! is the queue. The mark is made by the placement that was in force when the message was decided, so a later change neither
//! takes back nor adds anything. Each destination has a cursor: the vault's [`Position`](vault::Position) of the last reading that
//! its endpoint has taken. The cursor moves after the endpoint has said so; a crash in between sends the parcel again.
//! So an endpoint gets every reading at least once, in order, and each with an identifier that stays the same.
//!
//! # What ends
//! Where an endpoint takes the place of the vault, a reading lies in the vault for
//! [`Placement::TRANSIT_DAYS`](model::Placement::TRANSIT_DAYS) and then vanishes, delivered or not. What an endpoint did not take in
//! that time becomes a dead letter: a number and a range of time, nothing of the readings. What a law wants kept is kept all the same.
//!
//! # What does not open
//! Where the sealed address of a destination does not open any more, nothing is sent there: what waits for it becomes dead letters in its
//! time, and its person sees that they have to add it again. Readings that do not open become a dead letter at once, and those behind
//! them go on their way.

mod address;
mod asking;
mod book;
mod change;
mod handle;
mod letter;
mod local;
mod parcel;
mod placement;
mod sealed;

use std::fmt;

use zeroize::Zeroizing;

use crate::random_id::random_id;

pub use address::{AddressError, Broker, Bucket, BucketStyle, Endpoint, Host, WebAddress};
pub use asking::{ASK_PAUSE_SECONDS, MAX_ASKS_PER_DAY};
pub use book::{
    AddDestinationError, BookError, DeadLetter, DestinationView, Left, MAX_DESTINATIONS,
    NewDestination,
};
pub use change::{MAX_PLACEMENT_CHANGES, PlacementChange};
pub(crate) use handle::Couriers;
pub use local::may_connect;
pub(crate) use parcel::pause_millis;
pub use parcel::{Contents, Parcel, ParcelError, ParcelReading};
pub use placement::{PlaceError, Placing};
pub(crate) use placement::{Placed, Placements, is_marked, without_mark};
pub(crate) use sealed::SecretBox;

random_id!(
    /// A destination: random, it says nothing about the person.
    DestinationId,
    16
);

/// A password or key of an endpoint. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a destination stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DestinationState {
    /// Nobody has shown yet that it is theirs: nothing is sent there but the check.
    Unverified,
    /// The last parcel was taken.
    Working,
    /// The last parcel was not taken; it is tried again soon.
    Failing,
    /// Many parcels in a row were not taken; it is tried again now and then.
    Paused,
}

impl DestinationState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Unverified, Self::Working, Self::Failing, Self::Paused];

    /// The word that rows and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Working => "working",
            Self::Failing => "failing",
            Self::Paused => "paused",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// Why an endpoint did not take a parcel: a closed list, nothing of what the endpoint said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// The name has no address.
    Name,
    /// An address that this server does not connect to: private, local, or not of the internet.
    Address,
    /// A port that this server does not connect to.
    Port,
    /// No connection.
    Connect,
    /// No TLS, or a certificate that is not trusted.
    Tls,
    /// It took too long.
    Timeout,
    /// It said that the credentials are wrong.
    Credentials,
    /// It answered with a redirect, which is never followed.
    Redirect,
    /// It refused, or failed itself.
    Refused,
    /// It does not speak the protocol.
    Protocol,
    /// It did not send the token of the check back.
    Challenge,
    /// Here, not there: the address or the readings do not open.
    Unopened,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 12] = [
        Self::Name,
        Self::Address,
        Self::Port,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Credentials,
        Self::Redirect,
        Self::Refused,
        Self::Protocol,
        Self::Challenge,
        Self::Unopened,
    ];

    /// The word that rows and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Port => "port",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Credentials => "credentials",
            Self::Redirect => "redirect",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
            Self::Challenge => "challenge",
            Self::Unopened => "unopened",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

//! The words of the product as types: parsed, not validated again.
//!
//! Owns identifiers, notices, fields, purposes, choices, licences and record entries.
//! Must not know a clock, I/O, async, randomness, SQL or a wire protocol.
//! Start reading at [`Notice`]: everything else hangs on what was declared.
//!
//! # Glossary
//!
//! | word | type | meaning |
//! |---|---|---|
//! | member | [`MemberId`] | an organisation that joined, in exactly one [`Chamber`] |
//! | person | [`PersonId`] | a natural person with an account (data subject) |
//! | thing | [`ThingId`] | one device; belongs to a deployment; has a credential |
//! | deployment | [`DeploymentId`] | products put to use at places, by one accountable member |
//! | notice | [`Notice`] | the public declaration of a deployment |
//! | field | [`Field`] | a value in a message, named by JSON Pointer (RFC 6901) |
//! | purpose | [`Purpose`] | why a field is processed (DPV purpose and plain words) |
//! | recipient | [`Recipient`] | a party that receives a field for a purpose |
//! | choice | [`Choice`] | a person's decision on field × purpose × recipient |
//! | assignment | [`Assignment`] | which person a thing senses, in which role |
//! | grant | [`Grant`] | a recipient's purpose-bound access |
//! | licence | [`LicenceState`] | the alliance's permission for a deployment to operate |
//! | subject | [`Subject`] | under whose key a reading is sealed: a person, or a thing without persons |
//! | entry | [`Entry`] | one public act in the record |

mod choice;
mod entry;
mod id;
mod level;
mod licence;
mod notice;
mod pointer;
mod text;
mod time;

pub use choice::{Assignment, Choice, Grant, Role, Subject};
pub use entry::{Entry, EntryKind};
pub use id::{
    DeploymentId, IdError, MAX_ID_BYTES, MemberId, PersonId, PurposeId, RecipientId, ThingId,
};
pub use level::Level;
pub use licence::{Licence, LicenceState};
pub use notice::{
    Chamber, Coarsening, Contact, Declaration, Field, FieldKind, LegalBasis, MAX_DECLARATIONS,
    MAX_FIELDS, MAX_NOTICE_BYTES, MAX_RECIPIENTS, Notice, NoticeError, Problem, Purpose, Recipient,
    Retention, Sensitivity,
};
pub use pointer::{MAX_POINTER_BYTES, MAX_POINTER_DEPTH, Pointer, PointerError};
pub use text::{Language, Text};
pub use time::{Timestamp, TimestampError};

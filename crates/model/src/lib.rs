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
//! | placement | [`Placement`] | where a person's readings go |
//! | cap | [`Cap`] | a limit of the rulebook on what may pass anywhere |
//! | model | [`Model`] | an automated model that is fed with fields |
//! | command | [`DeclaredCommand`] | what a recipient may have a thing do |
//! | condition | [`Condition`] | what must hold of values |
//! | source switch | [`SourceSwitch`] | how a thing is told to stop measuring |
//! | explanation | [`Explanation`] | why a value passes as it does |
//! | grant | [`Grant`] | a recipient's purpose-bound access |
//! | licence | [`LicenceState`] | the alliance's permission for a deployment to operate |
//! | subject | [`Subject`] | under whose key a reading is sealed: a person, or a thing without persons |
//! | entry | [`Entry`] | one public act in the record |

mod cap;
mod choice;
mod condition;
mod entry;
mod explanation;
mod id;
mod level;
mod licence;
mod notice;
mod pointer;
mod text;
mod time;
mod words;

pub use cap::{Cap, CapTarget};
pub use choice::{Assignment, Choice, Grant, Placement, Role, Roles, Subject};
pub use condition::{
    ComparedWith, Condition, ConditionError, MAX_CONDITION_BYTES, MAX_CONDITION_TERMS,
};
pub use entry::{Entry, EntryKind};
pub use explanation::{Because, Dropped, Explanation, KeptBecause, KeptFor, Shown, Voices};
pub use id::{
    BridgeId, CommandName, DeploymentId, IdError, MAX_ID_BYTES, MemberId, ModelId, PersonId,
    PurposeId, RecipientId, ThingId,
};
pub use level::Level;
pub use licence::{Licence, LicenceState};
pub use notice::{
    Argument, ArgumentError, ArgumentKind, Category, Chamber, Change, ChangeEffect, Changed,
    Coarsening, CommandConfirm, Confirm, Contact, DataType, Declaration, DeclaredCommand, Field,
    FieldKind, FilledCommand, Format, Group, Interlock, LegalBasis, MAX_ARGUMENT_NUMBER,
    MAX_ARGUMENT_WORD, MAX_ARGUMENT_WORDS, MAX_ARGUMENTS, MAX_ARRAY_POSITION, MAX_COMMANDS,
    MAX_DECLARATIONS, MAX_EXPIRES_SECONDS, MAX_FIELDS, MAX_INTERLOCKS, MAX_MODELS,
    MAX_NOTICE_BYTES, MAX_RECIPIENTS, MAX_SOURCE_SWITCHES, Model, Notice, NoticeError, Party,
    Position, Problem, PublishedNotice, Purpose, Range, Recipient, Retention, Sensitivity,
    SourceSwitch, Statistic, Window, notice_context, notice_diff, notice_schema,
};
pub use pointer::{MAX_POINTER_BYTES, MAX_POINTER_DEPTH, Pointer, PointerError};
pub use text::{Language, Text};
pub use time::{Timestamp, TimestampError};

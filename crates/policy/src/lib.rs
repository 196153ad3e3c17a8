//! What may pass: `decide()` and everything that it needs, as pure functions.
//!
//! Owns the meaning of notice ∧ licence ∧ choice ∧ grant for one message, the reading and writing of messages by field, and coarsening.
//! Must not know a clock, I/O, async, randomness, logging, storage or a wire protocol; `now` is one of the [`Facts`].
//!
//! Start reading at [`compile()`] (what a person, the rulebook and the alliance said becomes a [`Program`]) and [`decide()`]
//! (a program and a message become a [`Decision`]). [`Schema::decode`] turns bytes into declared fields and keeps nothing else;
//! [`render()`] is the only way back to bytes.
//!
//! # What holds
//!
//! - Output ⊆ declared ∩ chosen ∩ licensed ∩ granted, for every lane and for what is stored.
//! - Monotone: lowering a choice, a cap, a precision or a grant never reveals more.
//! - Total: no input makes a function of this crate panic; an evaluation error denies the field and is named in the decision.
//! - Errors and undeclared pointers carry no value of a message.

mod field_set;

mod decimal;

mod coarsen;
mod schema;

mod cbor;
mod decode;
mod maker;
mod payload;
mod senml;

mod window;

mod compile;
mod program;

mod decide;
mod explain;
mod render;

pub mod case;

pub use compile::{Inputs, Sensed, compile};
pub use decide::aggregate::{Target, Windowed, windowed};
pub use decide::kept::{KeptDecision, Passing, decide_kept};
pub use decide::retain::{MAX_LIVE_WAIT_MILLIS, decide_for};
pub use decide::{Decision, Effect, EvaluationError, Facts, Kept, Outcome, Refusal, decide};
pub use decode::{DecodeError, MAX_DEPTH, MAX_LISTED_VALUES, MAX_PAYLOAD_BYTES};
pub use explain::{Question, explain, explain_dropped, explain_kept, explain_message};
pub use field_set::{FieldIndex, FieldSet};
pub use payload::{MAX_UNDECLARED, MAX_UNDECLARED_BYTES, Payload, Reason, Undeclared};
pub use program::{Factor, Keeping, Lane, LaneIndex, Program, Why};
pub use render::{render, render_stored};
pub use schema::{CompileError, MAX_POSITION, Schema};
pub use senml::{MAX_MESSAGES, MAX_RECORDS, SenmlError};
pub use window::{Accumulator, Added, Closed, SAVED_BYTES, WindowMark, aggregate};

//! Ways in: what a device of a known dialect sends, as messages of named devices.
//!
//! Owns the dialects: which topics they use, how their bytes are read, which of their messages carry readings.
//! Must not know what is declared, who may see it, or how it is kept; has no clock and no socket.
//! An adapter never renames what a dialect calls a field: the pointers of a notice are those of the dialect's own JSON.
//!
//! Start reading at [`take`].

mod adapter;
mod take;

pub use adapter::Adapter;
pub use take::{State, TakeError, Taken, take};

//! Off means off at the source: things are told to stop, slow down or start a measurement, and it is seen whether they obey.
//!
//! A notice may say how its things are switched ([`model::SourceSwitch`]). Then each thing × switch has a state: what is
//! wanted of it, what it was told, whether it has received that, and whether it obeys. Nothing of this protects anybody:
//! what nobody may have is dropped when it comes in, whether the thing was told or not. The switch only makes it stop.
//!
//! - `wanted`: what is wanted of the source, from the programs in force.
//! - [`machine`]: one state as a pure machine: when to tell, when to tell again, what counts as obeying.
//! - [`watch`]: what the messages of a thing show, noted by `ingest` without a lock.
//! - [`listen`]: connections on which things listen, and the commands on their way to them.
//! - [`keeper`]: all states; tended by housekeeping, so no act and no message ever waits for a command.
//!
//! # What is promised
//! An act returns before any command is sent: the keeper sees within a tick of housekeeping that something else is wanted,
//! and offers at most [`COMMANDS_PER_SECOND`] commands a second. Of a switch only the newest command is ever on its way;
//! one that a connection has not taken within [`machine::COMMAND_AGE_MS`] is taken back and made anew from what is wanted
//! then. States and events are rows; what a crash loses of them is worked out again and told again, which does no harm.

mod keeper;
mod listen;
mod machine;
mod show;
mod wanted;
mod watch;

pub use keeper::{
    ASKER_SILENCE_MS, COMMANDS_PER_SECOND, MAX_COMMAND_EVENTS_PER_HOUR, MAX_EVENTS_PER_HOUR,
};
pub(crate) use keeper::{Keeper, SavedState, SourceEventRow};
pub use listen::{Command, CommandAck, SourceListener};
pub use machine::{Happening, Setting};
pub(crate) use machine::{Outcome, State, Step};
pub use show::{PublicCount, SourceCounts, SourceEvent, SourceState, Standing};
pub(crate) use wanted::is_off;
pub(crate) use watch::Watching;

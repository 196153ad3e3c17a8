//! Commands to things: who may send one, when it is refused, and what became of it.
//!
//! A recipient asks with [`crate::Custody::command`]. The notice in force must declare the command for it, a grant of the recipient
//! must name the purpose, the licence must be in force. Commands can hurt people, so beyond that:
//!
//! - An *interlock* refuses a command while a condition holds of what the thing said last, and while nobody knows whether it
//!   holds: a value that is missing, unreadable or too old refuses ([`lasts`]).
//! - A command that *touches* fields is refused while the people whom the thing senses have one of them off (ADR 0019).
//! - A command is handed over at most once, and never after its time. All of the above is decided when it is asked for, and
//!   again at the moment at which it is handed over (`order`, by [`crate::Command::is_current`]); what is refused then is dead.
//!
//! # How it goes to the thing
//! The same way as the words of source switches ([`crate::SourceListener`]), behind them: a listener gives commands of recipients
//! only while it has none of a switch. A thing behind a bridge gets it over the connection of the bridge ([`BridgeListener`]),
//! where it has none of its own that takes it.
//!
//! # The log
//! A line in `command_log` is committed before a command can be handed over; what becomes of it is written by housekeeping. It
//! holds who, what, with which arguments (numbers and words of the notice), when, and the outcome; nothing that a thing measured.
//! A command that was under way when the server stopped without being closed is `unknown`: nobody can say whether it came.

mod ask;
mod hub;
mod lasts;
mod order;
mod orders;
mod report;
mod show;

pub use ask::{CommandRefusal, CommandRequest};
pub use hub::BridgeListener;
pub(crate) use lasts::Lasts;
pub(crate) use order::{Order, OrderRow, Progress};
pub(crate) use orders::Orders;
pub use report::{MAX_WAITING_OUTCOMES, OutcomeListener};
pub use show::{CommandCounts, CommandEvent, CommandsWanted};

use std::fmt;

/// How many commands a recipient may ask for in a minute, refused ones included.
pub const MAX_COMMANDS_PER_MINUTE: u32 = 60;
/// How many commands may wait for one thing.
pub const MAX_WAITING_PER_THING: usize = 8;
/// How many commands are followed at once, all of them together.
pub const MAX_FOLLOWED_COMMANDS: usize = 20_000;
/// How long it is watched what becomes of a command that was handed over, in milliseconds.
pub const COMMAND_WATCH_MS: i64 = 900_000;
/// How long the log keeps a command, in days.
pub const COMMAND_LOG_DAYS: i64 = 90;
/// How far a clock may seem to go back between two tasks, in milliseconds. Beyond it nothing is known to be fresh.
pub const CLOCK_SLACK_MS: i64 = 1_000;

/// The number of a command that was asked for: random, and unlike any number of a source switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(u64);

impl CommandId {
    /// Numbers of source switches stay below this.
    const FLAG: u64 = 1 << 63;

    fn random() -> Option<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(u64::from_le_bytes(bytes) | Self::FLAG))
    }

    /// Reads sixteen hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_form = text.len() == 16 && text.bytes().all(|it| it.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_form)?;
        Some(Self(number))
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// The number by which a device names it in its answer: what a signed number of 32 bits holds, never 0.
    pub(crate) fn short(self) -> u32 {
        u32::try_from(self.0 & 0x7fff_ffff).unwrap_or(1).max(1)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It waits for its thing.
    Queued,
    /// It was handed to the connection of its thing.
    Sent,
    /// The thing says that it has received it.
    Acknowledged,
    /// The thing shows that it was carried out.
    Confirmed,
    /// It was not handed over.
    Refused(RefusedBecause),
    /// Its thing did not take it in time; it is never handed over.
    Expired,
    /// The server stopped while it was under way.
    Unknown,
}

/// Why a command was not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedBecause {
    /// The interlock of this place in the notice, counted from 1.
    Interlock(u32),
    /// The same, to somebody who may not know what the thing measured.
    SomeInterlock,
    /// People have turned off what it touches.
    TurnedOff,
    /// The right ended: grant, licence, quarantine, or the thing or recipient is not registered any more.
    NotAllowed,
    /// The notice changed while it waited.
    NoticeChanged,
    /// The arguments did not fit.
    Arguments,
}

impl CommandOutcome {
    /// The word of the log and of the interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Confirmed => "confirmed",
            Self::Refused(because) => because.as_str(),
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) fn parse(text: &str, interlock: Option<u32>) -> Option<Self> {
        Some(match text {
            "queued" => Self::Queued,
            "sent" => Self::Sent,
            "acknowledged" => Self::Acknowledged,
            "confirmed" => Self::Confirmed,
            "expired" => Self::Expired,
            "unknown" => Self::Unknown,
            "refused-interlock" => Self::Refused(
                interlock.map_or(RefusedBecause::SomeInterlock, RefusedBecause::Interlock),
            ),
            "refused-turned-off" => Self::Refused(RefusedBecause::TurnedOff),
            "refused-not-allowed" => Self::Refused(RefusedBecause::NotAllowed),
            "refused-notice-changed" => Self::Refused(RefusedBecause::NoticeChanged),
            "refused-arguments" => Self::Refused(RefusedBecause::Arguments),
            _ => return None,
        })
    }

    /// The interlock that refused it, where it is named.
    #[must_use]
    pub const fn interlock(self) -> Option<u32> {
        match self {
            Self::Refused(RefusedBecause::Interlock(number)) => Some(number),
            _ => None,
        }
    }

    /// The same, for somebody who may not know what the thing measured.
    fn hidden(self) -> Self {
        match self {
            Self::Refused(RefusedBecause::Interlock(_)) => {
                Self::Refused(RefusedBecause::SomeInterlock)
            }
            other => other,
        }
    }
}

impl RefusedBecause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Interlock(_) | Self::SomeInterlock => "refused-interlock",
            Self::TurnedOff => "refused-turned-off",
            Self::NotAllowed => "refused-not-allowed",
            Self::NoticeChanged => "refused-notice-changed",
            Self::Arguments => "refused-arguments",
        }
    }
}

//! What people give away without their name, made so coarse that it can be published.
//!
//! Owns coarsening, the minimum number of people behind each row, and the attacks on the result. Must not know readings, notices,
//! rows of a database, a clock or where randomness comes from.
//!
//! Start reading at [`admit()`]; what a table consists of is [`plan`], how a value gets coarse is [`cell`], what is tried against the
//! result is [`attack`].
//!
//! # What is promised
//! One unit is **one home**: people whose readings come from the same devices count as one, and so do two gifts of the same person.
//! A combination of shared values that fewer than `k` homes have is not in the result. Each home has at most one row of each
//! combination, so how often somebody was measured shows nowhere. The result has no name, no number of a contributor and no order in it.
//!
//! # What is not promised
//! This is no differential privacy: whoever knows that somebody gave, and that all who gave have a value, knows the value. The
//! attacks measure how much of that there is; they are sampled, and they know no more than is in the pool.

pub mod admit;
pub mod attack;
pub mod cell;
pub mod plan;

mod calendar;
mod homes;
#[cfg(test)]
mod seeded;

pub use admit::{Admission, Counts, NotYet, Refusal, admit};
pub use attack::{Attacks, Figure};
pub use calendar::date as calendar_date;
pub use cell::{Cell, Raw};
pub use plan::{Apart, Column, Ladder, Plan, PlanError, Role, TimeStep};

/// Random numbers, all equally likely.
pub type Randomness<'a> = dyn FnMut() -> u64 + 'a;

/// One coarse row of somebody, as it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRow {
    /// From which device, as a number without meaning.
    pub source: u32,
    /// A cell for each column of the plan.
    pub cells: Vec<Cell>,
}

/// What somebody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gift {
    /// Who, as a number without meaning; the same for all gifts of one person.
    pub person: u32,
    /// The rows.
    pub rows: Vec<PoolRow>,
}

//! Figures about people that may be published: differentially private, drawn exactly, paid for from a budget.
//!
//! Owns the mechanisms and the arithmetic of budgets. Must not know readings, notices, a clock or where randomness comes from.
//! Start reading at [`release`]; the sampling under it is `noise`, what it costs is [`budget`].
//!
//! # What is promised
//! One unit of privacy is **one person**, not one row: every input has at most one value for each person, which the caller has
//! made from all that is theirs. For any two sets of people that differ by one person being there or not, and any set of outcomes
//! `S`, a release with ε gives `P(outcome ∈ S)` on the one at most `exp(ε)` times that on the other (pure differential privacy;
//! Dwork, McSherry, Nissim, Smith, TCC 2006). Releases add up: the ε of all that is released about somebody is the sum
//! (sequential composition).
//!
//! # Why there is no floating-point number in it
//! Noise made with floating-point numbers leaks the exact figure through the gaps between them (Mironov, CCS 2012). Here every draw
//! is made of integers only, from coins whose odds are exact fractions (Canonne, Kamath, Steinke, NeurIPS 2020, algorithms 1 and 2),
//! and quantiles by permute-and-flip (McKenna, Sheldon, NeurIPS 2020) with the same coins.
//!
//! How long a draw takes depends on what is drawn; a figure is therefore handed out by a job, never to somebody who times the answer.

pub mod budget;
pub mod release;

mod noise;

#[cfg(test)]
mod seeded;

pub use noise::{Randomness, RandomnessError};

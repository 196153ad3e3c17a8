//! The sandbox in which scripts of others read messages: a JavaScript engine in a process of its own.
//!
//! Owns what a codec may do and how much of it: `engine` runs one call, `worker` is the process, [`wire`] is how it is
//! asked. Must not know what a message means, whose it is, or what becomes of the answer.
//! Why it is so: `docs/adr/0017-codecs-run-in-a-sandbox.md`.
//!
//! A codec computes and nothing else. Each call has an engine of its own, made for it and thrown away after it: nothing
//! stays from one call to the next. There are no modules, no timers, no network, no files; there is no clock (`new Date()` is
//! the moment that the message names) and no randomness. What is not in the first table ends the call.
//!
//! | limit | named |
//! |---|---|
//! | source of a codec | [`MAX_SOURCE_BYTES`] |
//! | message | [`MAX_INPUT_BYTES`] |
//! | answer | [`MAX_OUTPUT_BYTES`] |
//! | memory of the engine | [`MEMORY_BYTES`] |
//! | depth of calls | [`STACK_BYTES`] |
//! | work | [`MAX_STEPS`], in units of 10 000 jumps or calls |
//!
//! Work is counted and not timed, so that the same call always ends in the same way; whoever runs a worker adds a limit of
//! time for what cannot be counted, and ends the worker at it.

mod confine;
mod engine;
pub mod wire;
mod worker;

pub use engine::run;
pub use worker::{WorkerError, work};

/// The longest source of a codec, in bytes.
pub const MAX_SOURCE_BYTES: usize = 128 * 1024;
/// The longest message that a codec reads, in bytes.
pub const MAX_INPUT_BYTES: usize = 64 * 1024;
/// The longest answer of a codec, as JSON, in bytes.
pub const MAX_OUTPUT_BYTES: usize = 64 * 1024;
/// The memory of the engine, in bytes.
pub const MEMORY_BYTES: usize = 16 * 1024 * 1024;
/// The stack of the engine, in bytes.
pub const STACK_BYTES: usize = 256 * 1024;
/// How often the engine may report 10 000 more jumps or calls: about a tenth of a second on a small machine.
pub const MAX_STEPS: u32 = 400;

//! What a recipient may ask for beyond a purpose, and what a command is refused for: words of `model`.

pub use model::{Condition, ConditionError, MAX_CONDITION_BYTES, MAX_CONDITION_TERMS};

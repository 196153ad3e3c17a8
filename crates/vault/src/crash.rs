//! Tests only: where the process may end, as if it were killed.

pub(crate) use testkit::crash::{at, point};

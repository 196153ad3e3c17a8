//! Cases of the policy corpus.

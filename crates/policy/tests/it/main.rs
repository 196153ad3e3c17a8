//! Tests of the crate from outside: the corpus, and properties against a naive reference.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod explained;
#[cfg(test)]
mod fuzzed;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod senml;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod windowed;
#[cfg(test)]
mod world;

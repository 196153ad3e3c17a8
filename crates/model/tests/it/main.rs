//! Tests of the crate from outside: the corpus of notices, the published schema and the linked data.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod linked;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod validator;

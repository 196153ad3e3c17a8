//! Everything here runs on both engines: the SQL is written once, and so are the tests.

#[cfg(test)]
mod connections;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod files;
#[cfg(test)]
mod items;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod refill;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod transactions;

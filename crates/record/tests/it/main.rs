//! The log as its users see it: appended, read, proved, verified, damaged and interrupted.

#[cfg(test)]
mod damage;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod format;
#[cfg(test)]
mod growth;
#[cfg(test)]
mod merkle;
#[cfg(test)]
mod mirror;
#[cfg(test)]
mod public_client;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tlog_proof;
#[cfg(test)]
mod witness;

//! The dialects against messages of real devices, and against anything.

#[cfg(test)]
mod any_bytes;
#[cfg(test)]
mod dialects;

//! The institutions' use cases, on both databases.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod licensing;
#[cfg(test)]
mod onboarding;
#[cfg(test)]
mod rulebook;

//! The institutions' use cases, on both databases.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod four_eyes;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod licensing;
#[cfg(test)]
mod onboarding;
#[cfg(test)]
mod operator_access;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod own_credentials;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod rulebook;
#[cfg(test)]
mod safety;
#[cfg(test)]
mod statistics;

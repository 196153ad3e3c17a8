//! Custody as gateway, web and alliance use it, on both databases.

#[cfg(test)]
mod choke_point;
#[cfg(test)]
mod deliver;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod record;
#[cfg(test)]
mod source;

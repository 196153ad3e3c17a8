//! Custody as gateway, web and alliance use it, on both databases.

#[cfg(test)]
mod affected;
#[cfg(test)]
mod any_export;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod choke_point;
#[cfg(test)]
mod codecs;
#[cfg(test)]
mod command;
#[cfg(test)]
mod commons;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod deliver;
#[cfg(test)]
mod destination;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod export;
#[cfg(test)]
mod export_import;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod history;
#[cfg(test)]
mod in_force;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod lawful;
#[cfg(test)]
mod linear;
#[cfg(test)]
mod lost_answer;
#[cfg(test)]
mod models;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod own_key;
#[cfg(test)]
mod placement_history;
#[cfg(test)]
mod provisioning;
#[cfg(test)]
mod push;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod record;
#[cfg(test)]
mod release;
#[cfg(test)]
mod retained;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod source;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod ways_in;
#[cfg(test)]
mod window_limits;
#[cfg(test)]
mod windows;

//! Brings an export back into an account.

use std::fs::File;
use std::io::BufReader;

use alliance::Alliance;
use anyhow::Context;
use custody::{ImportedExport, Unmatched};
use model::{PersonId, Timestamp};
use serde_json::{Value, json};

use super::BY;

/// The most choices without a counterpart that are told.
const MAX_UNMATCHED: usize = 1_000;

/// Opens the file here, in the process that has the data directory.
pub(super) fn bring_back(
    alliance: &Alliance,
    (file, key): (&str, Option<&str>),
    person: &str,
    now: Timestamp,
) -> anyhow::Result<Value> {
    let person = PersonId::parse(person)?;
    let opened = File::open(file).with_context(|| {
        format!("the server cannot read `{file}`: give its user the right to read it")
    })?;
    let opened = BufReader::new(opened);
    let done = alliance.bring_back_export(&BY, (opened, key), &person, now)?;
    Ok(told(&done))
}

fn told(done: &ImportedExport) -> Value {
    let unfit = done.unfit.iter().map(|it| {
        json!({
            "deployment": it.deployment.as_str(),
            "thing": it.thing.as_str(),
            "why": it.why.as_str(),
            "readings": it.readings,
        })
    });
    let choices = done.choices.as_ref().map(|plan| {
        let unmatched = plan.unmatched.iter().filter_map(|it| match it {
            Unmatched::Row(row, matter, _) => Some(json!({
                "row": row,
                "deployment": matter.deployment.as_str(),
                "field": matter.field.as_str(),
                "purpose": matter.purpose.as_str(),
                "recipient": matter.recipient.as_str(),
            })),
            Unmatched::NoCounterpart(_) => None,
        });
        let unmatched: Vec<_> = unmatched.take(MAX_UNMATCHED).collect();
        json!({ "waiting": plan.changes.len(), "same": plan.same, "unmatched": unmatched })
    });
    json!({
        "person_then": done.verified.person,
        "made": done.verified.made_at,
        "signed": done.verified.key,
        "key_given": done.verified.is_key_given,
        "readings": done.readings,
        "brought": done.brought,
        "trimmed": done.trimmed,
        "known": done.known,
        "expired": done.expired,
        "erased": done.erased,
        "unfit": unfit.collect::<Vec<_>>(),
        "choices": choices,
    })
}

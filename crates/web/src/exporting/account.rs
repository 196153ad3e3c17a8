//! `account.json`: what is kept about the account itself, and what it gave and was counted in.

use std::error::Error;

use alliance::{AccountFacts, Device, WaysIn};
use custody::{CountedIn, ExportPage, PersonStatistics, WaitingGifts};
use model::{PersonId, Timestamp};
use serde_json::{Value, json};

use super::RunExportsError;
use crate::site::Site;

/// The name of the file.
pub(crate) const ACCOUNT_FILE: &str = "account.json";
/// What its `format` says.
const FORMAT: &str = "amanat-account";

/// The file. An account that is gone meanwhile has one with nothing in it.
pub(super) fn file(
    site: &Site,
    person: &PersonId,
    now: Timestamp,
) -> Result<ExportPage, RunExportsError> {
    let custody = site.custody();
    let other = |err: Box<dyn Error + Send + Sync>| RunExportsError::Account(err);
    let facts = site.alliance().account_facts(person, now)?;
    let statistics = custody.statistics_of(person, now)?;
    let counted = custody.counted_in(person)?;
    let gifts = custody
        .gifts_waiting(person, now)
        .map_err(|err| other(err.into()))?;
    let text = text(person, facts.as_ref(), (&statistics, &counted), &gifts);
    Ok(ExportPage {
        name: ACCOUNT_FILE.to_owned(),
        body: text.into_bytes(),
    })
}

fn text(
    person: &PersonId,
    facts: Option<&AccountFacts>,
    (statistics, counted): (&PersonStatistics, &[CountedIn]),
    gifts: &[WaitingGifts],
) -> String {
    let sessions = facts.map_or(&[][..], |it| it.sessions.as_slice());
    let sessions = sessions.iter().map(|it| {
        json!({
            "started_at": it.started_at.to_string(),
            "seen_at": it.seen_at.to_string(),
            "way": it.way.as_str(),
            "device": device(&it.device),
        })
    });
    let events = facts.map_or(&[][..], |it| it.events.as_slice());
    let events = events.iter().map(|it| {
        json!({
            "at": it.at.to_string(),
            "event": it.kind.as_str(),
            "device": device(&it.device),
            "times": it.times,
        })
    });
    let counted = counted.iter().map(|it| {
        json!({
            "data_set": it.statistic.as_str(),
            "title": {"en": it.title.en, "ur": it.title.ur},
            "from": it.from.to_string(),
            "until": it.until.to_string(),
            "figure": it.measure.to_string(),
            "epsilon": it.epsilon.to_string(),
            "released_at": it.at.to_string(),
        })
    });
    let gifts = gifts.iter().map(|it| {
        json!({
            "data_set": it.data_set.id.as_str(),
            "title": {"en": it.data_set.title.en, "ur": it.data_set.title.ur},
            "rows": it.rows,
            "decided_at": it.decided_at.to_string(),
        })
    });
    let value = json!({
        "format": FORMAT,
        "version": 1,
        "person": person.as_str(),
        "office": facts.map(|it| it.account.office.as_str()),
        "sign_in": facts.map(|it| ways(&it.ways)),
        "sessions": sessions.collect::<Vec<_>>(),
        "security_events": events.collect::<Vec<_>>(),
        "statistics": {
            "epsilon_of_a_year": statistics.total.to_string(),
            "spent_within_a_year": statistics.budget.spent().to_string(),
            "counted": counted.collect::<Vec<_>>(),
        },
        "gifts_waiting": gifts.collect::<Vec<_>>(),
    });
    // A value always becomes JSON.
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

fn device(device: &Device) -> Value {
    json!({"browser": device.browser.as_str(), "system": device.system.as_str()})
}

/// How the account signs in, without any secret.
fn ways(ways: &WaysIn) -> Value {
    let moment = |it: Option<Timestamp>| it.map(|it| it.to_string());
    let passkeys = ways.passkeys.iter().map(|it| {
        json!({"name": it.name, "added_at": it.added_at.to_string(), "used_at": moment(it.used_at)})
    });
    json!({
        "name": ways.password.as_ref().map(|it| it.name.as_str()),
        "password_set_at": moment(ways.password.as_ref().map(|it| it.set_at)),
        "password_used_at": moment(ways.password.as_ref().and_then(|it| it.used_at)),
        "passkeys": passkeys.collect::<Vec<_>>(),
        "recovery_codes_left": ways.codes,
    })
}

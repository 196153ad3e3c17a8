//! The commons of the demo: twelve made-up homes took part in the energy study for some days, gave their history away without their names,
//! and left. It goes the way that everybody's history goes; only that nobody signs in for it.

use std::collections::BTreeMap;

use alliance::{Actor, Alliance};
use anyhow::{Context, bail};
use custody::{DataSetId, GiftAsk, Peer};
use model::{Assignment, DeploymentId, PersonId, Role, ThingId, Timestamp};
use serde_json::Value;

const DATA_SET: &str = include_str!("../../demo/commons/home-energy.toml");
const MESSAGES: &str = include_str!("../../demo/home-meter.jsonl");
const HOMES: usize = 12;
const DAYS: usize = 5;
const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;
/// The data set counts its hours by this zone.
const OFFSET_MILLIS: i64 = 5 * HOUR_MILLIS;

/// Declares the data set, plays the days, gives, and publishes. The deployment is there since `began`.
pub(crate) fn fill(
    alliance: &Alliance,
    began: Timestamp,
    now: Timestamp,
) -> anyhow::Result<String> {
    let by = Actor::Operator;
    let data_set = alliance.declare_data_set(&by, DATA_SET, now)?;
    let by_hour = by_hour()?;
    let mut homes = Vec::new();
    for number in 1..=HOMES {
        let thing = ThingId::parse(&format!("giving-meter-{number}"))?;
        let person = PersonId::parse(&format!("p-giving-{number}"))?;
        play(
            alliance,
            (&data_set.deployment, &thing, &person),
            (number, &by_hour),
            began,
        )?;
        homes.push((thing, person));
    }
    for (thing, person) in &homes {
        give(alliance, &data_set.id, person, now)?;
        alliance.remove_thing(&by, thing, now)?;
    }
    let decided = alliance.decide_commons(&by, &data_set.id, now)?;
    if let Some(refusal) = decided.refusal {
        bail!("the data set of the demo is refused: {}", refusal.as_str());
    }
    Ok(format!(
        "`{}`: {HOMES} homes gave {DAYS} days of readings, {} rows published, {} left out",
        data_set.id,
        decided.rows - decided.left_out,
        decided.left_out
    ))
}

/// The messages of the meter by the hour at which they were measured.
fn by_hour() -> anyhow::Result<BTreeMap<usize, Vec<&'static str>>> {
    let mut by_hour: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for line in MESSAGES.lines() {
        let message: Value = serde_json::from_str(line)?;
        let date = message.get("date").and_then(Value::as_str);
        let hour = date.and_then(|it| it.get(11..13)?.parse().ok());
        by_hour
            .entry(hour.context("a message of the meter has no hour")?)
            .or_default()
            .push(line);
    }
    Ok(by_hour)
}

/// A home takes part for some days: each hour a message that was measured at that hour, other ones at other homes.
fn play(
    alliance: &Alliance,
    (deployment, thing, person): (&DeploymentId, &ThingId, &PersonId),
    (number, by_hour): (usize, &BTreeMap<usize, Vec<&str>>),
    began: Timestamp,
) -> anyhow::Result<()> {
    let (by, custody) = (Actor::Operator, alliance.custody());
    let token = alliance.register_thing(&by, thing, deployment, began)?;
    let assignment = Assignment {
        thing: thing.clone(),
        person: person.clone(),
        role: Role::Household,
        valid_from: Timestamp::EPOCH,
        valid_until: None,
    };
    alliance.assign(&by, &assignment, began)?;
    let peer = custody.authenticate(thing.as_str(), token.expose_secret().as_bytes(), began);
    let Some(Peer::Thing(peer)) = peer else {
        bail!("`{thing}` is not let in");
    };
    let local = began.as_millis() + OFFSET_MILLIS;
    let midnight = (local.div_euclid(DAY_MILLIS) + 1) * DAY_MILLIS - OFFSET_MILLIS;
    let mut last = None;
    let mut at = midnight;
    for day in 0..DAYS {
        for hour in 0..24 {
            let lines = by_hour.get(&hour).map_or(&[][..], Vec::as_slice);
            let line = lines.get((number * 5 + day) % lines.len().max(1));
            if let Some(line) = line {
                let at = Timestamp::from_millis(at);
                last = Some(custody.ingest(&peer, line.as_bytes(), at)?);
            }
            at += HOUR_MILLIS;
        }
    }
    if let Some(last) = last {
        custody.wait_durable(last)?;
    }
    Ok(())
}

fn give(
    alliance: &Alliance,
    data_set: &DataSetId,
    person: &PersonId,
    now: Timestamp,
) -> anyhow::Result<()> {
    let ask = GiftAsk {
        person: person.clone(),
        data_set: data_set.clone(),
        thing: None,
        from: None,
        until: None,
    };
    let custody = alliance.custody();
    let shown = custody.preview_gift(&ask, now)?;
    custody.give(&ask, &shown.digest, now)?;
    Ok(())
}

//! A statistical data set with figures that were really drawn, before the demo begins.
//!
//! For some days before, a study had meters in many homes, of made-up people; each says what the demo's own meter measured, from another
//! line on. Their readings came in, figures were asked for and drawn, and the meters were taken away again. All of it goes through the use
//! cases that everybody has.

use std::sync::atomic::AtomicBool;

use alliance::{Actor, Alliance};
use anyhow::{Context, ensure};
use custody::{ActError, Custody, DeclaredStatistic, Epsilon, Measure};
use model::{
    Assignment, Choice, DeploymentId, Level, PersonId, Pointer, PurposeId, RecipientId, Role,
    ThingId, Timestamp,
};

use super::material::DEPLOYMENTS;

/// The deployment whose notice the study rests on.
pub(crate) const DEPLOYMENT: &str = "family-home";
/// The thing whose messages the meters say.
const METER: &str = "home-meter";
/// How many homes took part.
const HOMES: u32 = 120;
/// For how many days.
const DAYS: i64 = 5;
/// How many readings a meter sent in a day.
const READINGS: i64 = 2;
const DAY_MILLIS: i64 = 86_400_000;
/// The data set.
const DECLARATION: &str = include_str!("../../demo/statistics/kitchen-warmth.json");

/// When the deployment began, so that the study was before `now`.
pub(crate) fn began(now: Timestamp) -> Timestamp {
    now.plus_millis(-(DAYS + 2) * DAY_MILLIS)
}

/// Lets the study have taken place. The deployment is there since [`began`].
pub(crate) fn fill(alliance: &Alliance, now: Timestamp) -> anyhow::Result<String> {
    let custody = alliance.custody();
    let declared = DeclaredStatistic::parse(DECLARATION)?;
    let began = began(now);
    let homes: Vec<_> = (0..HOMES).map(home).collect::<Result<_, _>>()?;
    bring_in(custody, &homes, began)?;
    for (_, person) in &homes {
        custody.choose(&[agreement(person)?], began)?;
    }
    alliance.declare_statistic(&Actor::Operator, &declared, began)?;
    // Over for long enough, whenever the demo begins.
    let last = declared.period_of(now.plus_millis(-DAY_MILLIS - 120_000));
    measure(custody, &homes, last)?;
    let mut asked = 0;
    for day in 0..DAYS {
        let from = last.plus_millis(-day * DAY_MILLIS);
        let mut wanted = vec![(Measure::Mean, "0.5")];
        if day == 0 {
            wanted.push((Measure::Histogram, "1"));
        }
        for (measure, epsilon) in wanted {
            let cost = (measure, Epsilon::parse(epsilon)?);
            alliance.ask_release(&Actor::Operator, &declared.id, from, cost, now)?;
            asked += 1;
        }
    }
    let drawn = custody.draw_releases(&AtomicBool::new(false), now)?;
    ensure!(drawn == asked, "{drawn} of {asked} figures were drawn");
    let removed: Result<(), ActError> = custody.act(now, |act| {
        homes.iter().try_for_each(|it| act.remove_thing(&it.0))
    });
    removed?;
    Ok(format!(
        "`{}`: {drawn} figures about {HOMES} made-up homes released, with noise",
        declared.id
    ))
}

fn home(number: u32) -> anyhow::Result<(ThingId, PersonId)> {
    Ok((
        ThingId::parse(&format!("study-meter-{number:03}"))?,
        PersonId::parse(&format!("p-study-{number:03}"))?,
    ))
}

fn bring_in(
    custody: &Custody,
    homes: &[(ThingId, PersonId)],
    began: Timestamp,
) -> anyhow::Result<()> {
    let deployment = DeploymentId::parse(DEPLOYMENT)?;
    let done: Result<(), ActError> = custody.act(began, |act| {
        for (thing, person) in homes {
            // Nobody connects with its token: the readings are here already.
            act.register_thing(thing, &deployment)?;
            act.assign(&Assignment {
                thing: thing.clone(),
                person: person.clone(),
                role: Role::Household,
                valid_from: Timestamp::EPOCH,
                valid_until: None,
            })?;
        }
        Ok(())
    });
    Ok(done?)
}

fn agreement(person: &PersonId) -> anyhow::Result<Choice> {
    Ok(Choice {
        person: person.clone(),
        deployment: DeploymentId::parse(DEPLOYMENT)?,
        field: Pointer::parse("/T1")?,
        purpose: PurposeId::parse("research")?,
        recipient: RecipientId::parse("university-lab")?,
        level: Level::ON,
    })
}

/// The meters send, from line to line of what was measured; each home begins at another one.
fn measure(
    custody: &Custody,
    homes: &[(ThingId, PersonId)],
    last: Timestamp,
) -> anyhow::Result<()> {
    let things = DEPLOYMENTS.iter().flat_map(|it| it.things);
    let meter = things.into_iter().find(|it| it.id == METER);
    let lines: Vec<_> = meter
        .map(|it| it.messages.lines().collect())
        .unwrap_or_default();
    let mut line = 0;
    let mut kept = None;
    for (thing, _) in homes {
        let thing = custody.thing(thing).context("a meter is not there")?;
        for reading in 0..DAYS * READINGS {
            let message = lines
                .get(line % lines.len().max(1))
                .copied()
                .unwrap_or("{}");
            // 17 shares no divisor with the number of lines, so all of them are used.
            line += 17;
            let at = last
                .plus_millis(-(DAYS - 1) * DAY_MILLIS)
                .plus_millis((reading * 2 + 1) * DAY_MILLIS / (READINGS * 2));
            kept = Some(custody.ingest(&thing, message.as_bytes(), at)?);
        }
    }
    if let Some(lsn) = kept {
        custody.wait_durable(lsn)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_rests_on_the_notice_of_its_deployment() {
        let declared = DeclaredStatistic::parse(DECLARATION).unwrap();
        assert_eq!(declared.deployment.as_str(), DEPLOYMENT);
        let deployment = DEPLOYMENTS.iter().find(|it| it.id == DEPLOYMENT).unwrap();
        let notice = model::Notice::parse(deployment.notice).unwrap();
        assert!(notice.declarations.iter().any(|it| {
            it.fields.contains(&declared.field)
                && it.purpose == declared.purpose
                && it.recipients.contains(&declared.recipient)
        }));
        assert!(deployment.things.iter().any(|it| it.id == METER));
        // One person's year holds what is asked for.
        let all = DAYS * 500_000 + 1_000_000;
        assert!(u64::try_from(all).unwrap() <= custody::PERSON_YEAR_EPSILON.as_micro());
    }
}

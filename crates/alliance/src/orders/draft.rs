//! Reading what an officer wrote: days, fields, people.

use std::collections::BTreeSet;

use custody::{Act, MAX_ORDER_FIELDS, MAX_ORDER_PEOPLE, OrderData};
use jiff::tz::TimeZone;
use model::{DeploymentId, PersonId, Pointer, Timestamp};

use super::{
    DAY_MILLIS, MAX_EMBARGO_DAYS, MAX_ORDER_DAYS, MAX_ORDER_PAST_DAYS, OrderActError, OrderDraft,
};

/// The moments of a draft.
pub(super) struct Days {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) embargo: Option<Timestamp>,
}

impl Days {
    pub(super) fn read(
        draft: &OrderDraft,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Self, OrderActError> {
        let day = |text: &str, after: i64| -> Result<Timestamp, OrderActError> {
            let day: jiff::civil::Date = text.trim().parse().map_err(|_| OrderActError::Days)?;
            let day = day
                .checked_add(jiff::Span::new().days(after))
                .map_err(|_| OrderActError::Days)?;
            let begins = day
                .to_zoned(zone.clone())
                .map_err(|_| OrderActError::Days)?;
            Ok(Timestamp::from_millis(begins.timestamp().as_millisecond()))
        };
        let from = match draft.from.trim() {
            "" => now,
            text => day(text, 0)?,
        };
        let until = day(&draft.until, 1)?;
        let embargo = match draft.embargo.trim() {
            "" => None,
            text => Some(day(text, 1)?),
        };
        let within = |at: Timestamp, from: Timestamp, days: i64| {
            from < at && at <= from.plus_millis((days + 1) * DAY_MILLIS)
        };
        let reaches = from <= now && within(now.plus_millis(1), from, MAX_ORDER_PAST_DAYS);
        let is_secret_for_a_while = embargo
            .is_none_or(|it| now < it && it <= until.plus_millis(MAX_EMBARGO_DAYS * DAY_MILLIS));
        match reaches && within(until, now, MAX_ORDER_DAYS) && is_secret_for_a_while {
            true => Ok(Self {
                from,
                until,
                embargo,
            }),
            false => Err(OrderActError::Days),
        }
    }
}

pub(super) fn fields(draft: &OrderDraft, data: OrderData) -> Result<Vec<Pointer>, OrderActError> {
    let lines = draft
        .fields
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty());
    let named: BTreeSet<Pointer> = lines
        .take(MAX_ORDER_FIELDS + 1)
        .map(|it| Pointer::parse(it).map_err(|_| OrderActError::Fields))
        .collect::<Result<_, _>>()?;
    let fits = match data {
        OrderData::Content => (1..=MAX_ORDER_FIELDS).contains(&named.len()),
        OrderData::Traffic => named.is_empty(),
    };
    match fits {
        true => Ok(named.into_iter().collect()),
        false => Err(OrderActError::Fields),
    }
}

/// The people of a draft: accounts, or how messages of the deployment name somebody.
pub(super) fn people(
    act: &mut Act<'_, '_>,
    deployment: &DeploymentId,
    lines: &str,
) -> Result<Vec<PersonId>, OrderActError> {
    let lines = lines.lines().map(str::trim).filter(|it| !it.is_empty());
    let mut found = BTreeSet::new();
    for line in lines.take(MAX_ORDER_PEOPLE + 1) {
        let account = PersonId::parse(line).ok();
        let account = account.filter(|it| act.concerns(it, deployment));
        let person = match account {
            Some(person) => Some(person),
            None => act.person_named(deployment, line)?,
        };
        found.insert(person.ok_or_else(|| OrderActError::People(line.to_owned()))?);
    }
    match (1..=MAX_ORDER_PEOPLE).contains(&found.len()) {
        true => Ok(found.into_iter().collect()),
        false => Err(OrderActError::People(String::new())),
    }
}

//! Figures about people that may be published: statistical data sets, their budgets, and the releases.
//!
//! # The way of a release
//! 1. A data set is declared ([`Act::declare_statistic`]): of which field, by whom and what for it is read, how one value is made, within
//!    which bounds, and what all figures about one period may cost. Public, in the record, before anybody looks at the data.
//! 2. Somebody asks for a figure of a period that is over ([`Custody::ask_release`]), or the data set releases it by itself. The budget of
//!    the period is checked and reserved in one transaction, so two who ask at once cannot overrun it. The same figure of the
//!    same period is never drawn twice: who asks again gets the one that there is, so nobody can take the mean of many draws.
//! 3. A job draws ([`Custody::draw_releases`]): whoever asks cannot time it. `gather` makes one value for each unit; `draw` adds the noise.
//! 4. One transaction writes the figure, what it cost each person, and the entry of the record. A draw that does not commit is in
//!    no row, on no page and in no record: nobody has seen it, and the next one is fresh.
//!
//! # Two budgets
//! The **data set**'s is public: who asks for more is told what is left. It does not come back; the next period has its own.
//! The **person**'s is [`PERSON_YEAR_EPSILON`] within [`PERSON_YEAR_MILLIS`], over all data sets together. Whoever has none left is left out
//! of what follows; nobody is told, and no answer depends on it other than through the noise: what a person spent depends on
//! what is theirs alone and on what is public (Ebadi, Sands, Schneider, POPL 2015; Feldman, Zrnic, NeurIPS 2021). A household is left
//! out when one of its people has none left.
//!
//! # After a restore from a backup
//! What was released since the backup is not known any more. A figure of a period that ended before the restore and is not there is
//! not drawn ([`AskReleaseError::Restored`]), and each person is charged the most that can have been spent on them (see `spent`).
//!
//! # Whoever erases
//! Readings that are gone are in no figure that is drawn later. Figures that were published stay: nothing of anybody can be told from them.
//! [`Custody::forget_statistics_of`] deletes what is kept about a person here; call it when an account ends, not before: what was
//! spent would be forgotten while what it was spent on is known.

use std::collections::BTreeMap;

use model::{PurposeId, RecipientId, Timestamp};
use statistics::budget::{Budget, Epsilon, Overrun};

use crate::Custody;
use crate::act::{Act, ActError};
use crate::history::SETTLE_MILLIS;
use crate::rows::{self, RowError};

mod declare;
mod declared;
mod draw;
mod gather;
mod job;
mod period;
mod person;
mod spent;

pub use declare::DeclareStatisticError;
pub use declared::{
    DeclaredStatistic, Each, LEAST_EPSILON_MICRO, LEAST_PEOPLE, MAX_DECIMALS, MAX_REGULAR,
    MAX_STATISTIC_BOUND, MAX_STEPS, Measure, Regular, StatisticError, StatisticId,
};
pub(crate) use draw::read as read_release;
pub use draw::{Drawn, Noisy};
pub use job::DrawError;
pub use period::Period;
pub use person::{CountedIn, MAX_COUNTED_SHOWN, PersonStatistics};

/// What all releases within a year may tell about one person, together.
pub const PERSON_YEAR_EPSILON: Epsilon = match Epsilon::from_micro(4_000_000) {
    Some(it) => it,
    None => Epsilon::MAX,
};
/// That year: 365 days, counted back from each release.
pub const PERSON_YEAR_MILLIS: i64 = 365 * 86_400_000;
/// The most statistical data sets, with those that have ended.
pub const MAX_STATISTICS: usize = 256;
/// Of a thing and a period so many readings count.
pub const MAX_READINGS_PER_THING: u32 = 100_000;
/// The most releases of a data set that a list holds.
pub const MAX_RELEASES_SHOWN: i64 = 400;

/// A statistical data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticView {
    /// As it was declared.
    pub declared: DeclaredStatistic,
    /// The hash of the declaration, as it stands in the record.
    pub sha256: String,
    /// When it was declared.
    pub declared_at: Timestamp,
    /// Since when nothing more is released.
    pub ended_at: Option<Timestamp>,
}

/// A figure that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseView {
    /// Its number: releases are counted.
    pub number: i64,
    /// Of which data set.
    pub statistic: StatisticId,
    /// About the period from this moment on.
    pub from: Timestamp,
    /// Which figure.
    pub measure: Measure,
    /// What it costs.
    pub epsilon: Epsilon,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What was drawn; `None` while it waits for the job.
    pub released: Option<Released>,
}

/// A figure that is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Since when.
    pub at: Timestamp,
    /// The figure.
    pub drawn: Drawn,
    /// The document whose hash stands in the record.
    pub document: String,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It will be drawn, under this number.
    New(i64),
    /// It was asked before; this is its number. Nothing is spent again.
    Before(i64),
}

/// Why a figure is not released. Nothing was spent.
#[derive(Debug, thiserror::Error)]
pub enum AskReleaseError {
    /// There is none, or it has ended.
    #[error("there is no statistical data set `{0}` that has not ended")]
    NoStatistic(String),
    /// No period begins then.
    #[error("no {period} of this data set begins at {asked}: the one around it begins at {begins}", period = period.as_str())]
    Period {
        /// How long its periods are.
        period: Period,
        /// What was asked for.
        asked: Timestamp,
        /// What could be asked for.
        begins: Timestamp,
    },
    /// The period is not over.
    #[error("this period is not over: ask after {0}")]
    NotOver(Timestamp),
    /// Too little to say anything.
    #[error("an epsilon below 0.001 leaves nothing but noise")]
    TooSmall,
    /// The budget of the period.
    #[error(
        "{overrun}. This is the budget of the data set for the {period} from {from}; it does not renew. The next {period} has a budget of its own and begins at {next}",
        period = period.as_str()
    )]
    Overrun {
        /// What is left.
        overrun: Overrun,
        /// How long its periods are.
        period: Period,
        /// The period whose budget it is.
        from: Timestamp,
        /// When the next one begins.
        next: Timestamp,
    },
    /// The figure may have been drawn already, and is not known any more.
    #[error(
        "what is kept here came out of a backup at {at}: a figure of a time that ended before may have been drawn already, and none is drawn twice. The first {period} that can be asked for begins at {first}",
        period = period.as_str()
    )]
    Restored {
        /// When.
        at: Timestamp,
        /// How long its periods are.
        period: Period,
        /// The first one that ended later.
        first: Timestamp,
    },
    /// The recipient may not have anything now.
    #[error(
        "`{recipient}` may receive nothing for the purpose `{purpose}` there now: see whether the licence is in force and the grant lasts"
    )]
    NoAccess {
        /// Who reads.
        recipient: RecipientId,
        /// What for.
        purpose: PurposeId,
    },
    /// The act.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl From<RowError> for AskReleaseError {
    fn from(err: RowError) -> Self {
        Self::Act(err.into())
    }
}

/// What the record says that an entry is about.
fn about(id: &StatisticId) -> String {
    format!("statistics:{id}")
}

impl Custody {
    /// Every statistical data set, by name, with those that have ended.
    ///
    /// # Errors
    /// When the database fails.
    pub fn statistics(&self) -> Result<Vec<StatisticView>, RowError> {
        self.inner.db.read(rows::release::statistics)
    }

    /// One statistical data set.
    ///
    /// # Errors
    /// When the database fails.
    pub fn statistic(&self, id: &StatisticId) -> Result<Option<StatisticView>, RowError> {
        self.inner.db.read(|tx| rows::release::statistic(tx, id))
    }

    /// What was asked of a data set, the newest period first; at most [`MAX_RELEASES_SHOWN`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn releases(&self, id: &StatisticId) -> Result<Vec<ReleaseView>, RowError> {
        let limit = MAX_RELEASES_SHOWN;
        self.inner
            .db
            .read(|tx| rows::release::of_statistic(tx, id, limit))
    }

    /// When each data set released something last.
    ///
    /// # Errors
    /// When the database fails.
    pub fn newest_releases(&self) -> Result<BTreeMap<StatisticId, Timestamp>, RowError> {
        self.inner.db.read(rows::release::newest)
    }

    /// What is left for a period of a data set.
    ///
    /// # Errors
    /// When the database fails.
    pub fn statistic_budget(
        &self,
        declared: &DeclaredStatistic,
        from: Timestamp,
    ) -> Result<Budget, RowError> {
        let spent = self
            .inner
            .db
            .read(|tx| rows::release::spent_on(tx, &declared.id, from))?;
        Ok(Budget::new(declared.budget, epsilon(spent)))
    }

    /// Asks for a figure of a period that is over, which the job draws. `by` is an office. The caller has checked who asks.
    ///
    /// # Errors
    /// See [`AskReleaseError`].
    pub fn ask_release(
        &self,
        id: &StatisticId,
        from: Timestamp,
        (measure, epsilon): (Measure, Epsilon),
        by: &str,
        now: Timestamp,
    ) -> Result<Asked, AskReleaseError> {
        self.act(now, |act| {
            let found = rows::release::statistic(act.tx(), id)?;
            let view = found.filter(|it| it.ended_at.is_none());
            let declared = view.ok_or_else(|| AskReleaseError::NoStatistic(id.to_string()))?;
            let declared = declared.declared;
            let begins = declared.period_of(from);
            if begins != from {
                return Err(AskReleaseError::Period {
                    period: declared.period,
                    asked: from,
                    begins,
                });
            }
            if let Some(known) = rows::release::asked(act.tx(), id, from, measure)? {
                return Ok(Asked::Before(known));
            }
            let settled = declared.end_of(from).plus_millis(SETTLE_MILLIS);
            if now < settled {
                return Err(AskReleaseError::NotOver(settled));
            }
            if let Some(at) = rows::restored::latest(act.tx())?
                && declared.end_of(from) <= at
            {
                let (period, first) = (declared.period, declared.period_of(at));
                return Err(AskReleaseError::Restored { at, period, first });
            }
            if epsilon.as_micro() < LEAST_EPSILON_MICRO {
                return Err(AskReleaseError::TooSmall);
            }
            self.must_be_open(&declared, now)?;
            must_be_left(act, &declared, from, epsilon)?;
            let asked = rows::release::Question {
                statistic: id,
                from,
                measure,
                epsilon,
            };
            Ok(Asked::New(rows::release::insert(
                act.tx(),
                &asked,
                by,
                now,
            )?))
        })
    }

    fn must_be_open(
        &self,
        declared: &DeclaredStatistic,
        now: Timestamp,
    ) -> Result<(), AskReleaseError> {
        let catalogue = self.inner.catalogue.load();
        let deployment = catalogue.deployments.get(&declared.deployment);
        let is_open = deployment.is_some_and(|it| {
            let state = it.state.load();
            let recipient = catalogue.recipients.get(&declared.recipient);
            state.licence_at(now).in_force()
                && state.has_grant(&declared.recipient, &declared.purpose, now)
                && recipient.is_some_and(|it| !it.is_barred())
        });
        match is_open {
            true => Ok(()),
            false => Err(AskReleaseError::NoAccess {
                recipient: declared.recipient.clone(),
                purpose: declared.purpose.clone(),
            }),
        }
    }
}

/// What may be asked, within the budget of the period.
fn must_be_left(
    act: &mut Act<'_, '_>,
    declared: &DeclaredStatistic,
    from: Timestamp,
    asked: Epsilon,
) -> Result<(), AskReleaseError> {
    let spent = rows::release::spent_on(act.tx(), &declared.id, from)?;
    let budget = Budget::new(declared.budget, epsilon(spent));
    match budget.spend(asked) {
        Ok(_) => Ok(()),
        Err(overrun) => Err(AskReleaseError::Overrun {
            overrun,
            period: declared.period,
            from,
            next: declared.end_of(from),
        }),
    }
}

/// A sum of rows; what is above the most is the most.
fn epsilon(micro: i64) -> Epsilon {
    let micro = u64::try_from(micro).unwrap_or(0);
    Epsilon::from_micro(micro).unwrap_or(Epsilon::MAX)
}

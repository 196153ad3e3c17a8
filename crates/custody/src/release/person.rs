//! Where a person is counted, for that person.

use model::{PersonId, Text, Timestamp};
use statistics::budget::{Budget, Epsilon};

use super::declared::{DeclaredStatistic, Measure, StatisticId};
use super::spent::SpentOnOne;
use super::{PERSON_YEAR_EPSILON, StatisticView};
use crate::Custody;
use crate::rows::{self, RowError};

/// The most releases of a person that are listed.
pub const MAX_COUNTED_SHOWN: i64 = 100;

/// The most of them that are taken along: at the smallest ε there are 4,000 in a year.
const MAX_COUNTED_TAKEN: i64 = 50_000;

/// A release in which a person was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedIn {
    /// Of which data set.
    pub statistic: StatisticId,
    /// What people call it.
    pub title: Text,
    /// About which period.
    pub from: Timestamp,
    /// Until when that was.
    pub until: Timestamp,
    /// Which figure.
    pub measure: Measure,
    /// What it cost.
    pub epsilon: Epsilon,
    /// When it was released.
    pub at: Timestamp,
}

/// Where a person is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonStatistics {
    /// What may be spent on them within a year, and what was.
    pub budget: Budget,
    /// What that is of.
    pub total: Epsilon,
    /// When the oldest of it comes back; `None` where nothing was spent.
    pub renews_at: Option<Timestamp>,
    /// When what is kept came out of a backup, if some of what was spent was forgotten by that: then the most is counted that it can have
    /// been.
    pub restored_at: Option<Timestamp>,
    /// In which releases they were counted, newest first; at most [`MAX_COUNTED_SHOWN`].
    pub counted: Vec<CountedIn>,
    /// Data sets of deployments that are about them, and that have not ended.
    pub data_sets: Vec<DeclaredStatistic>,
}

impl Custody {
    /// Where a person is counted, and what was spent on it. Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn statistics_of(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<PersonStatistics, RowError> {
        let (views, spends, spent) = self.inner.db.read(|tx| {
            Ok::<_, RowError>((
                rows::release::statistics(tx)?,
                rows::release::spends_of(tx, person, MAX_COUNTED_SHOWN)?,
                SpentOnOne::read(tx, person, now)?,
            ))
        })?;
        let counted = counted(&views, spends);
        let is_theirs = |it: &StatisticView| {
            it.ended_at.is_none() && self.concerns(person, &it.declared.deployment)
        };
        let data_sets = views.into_iter().filter(is_theirs);
        Ok(PersonStatistics {
            budget: Budget::new(PERSON_YEAR_EPSILON, spent.spent),
            total: PERSON_YEAR_EPSILON,
            renews_at: spent.renews_at,
            restored_at: spent.restored_at,
            counted,
            data_sets: data_sets.map(|it| it.declared).collect(),
        })
    }

    /// Every release in which a person was counted, newest first, at most 50,000. Only for that person.
    ///
    /// # Errors
    /// When the database fails.
    pub fn counted_in(&self, person: &PersonId) -> Result<Vec<CountedIn>, RowError> {
        let (views, spends) = self.inner.db.read(|tx| {
            let views = rows::release::statistics(tx)?;
            let spends = rows::release::spends_of(tx, person, MAX_COUNTED_TAKEN)?;
            Ok::<_, RowError>((views, spends))
        })?;
        Ok(counted(&views, spends))
    }

    /// Deletes in which releases a person was counted, because their account ends. What was published stays.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_statistics_of(&self, person: &PersonId) -> Result<(), RowError> {
        self.inner.db.write(|tx| rows::release::forget(tx, person))
    }
}

/// Releases with what people call their data sets.
fn counted(views: &[StatisticView], spends: Vec<rows::release::Spend>) -> Vec<CountedIn> {
    let counted = spends.into_iter().filter_map(|it| {
        let view = views.iter().find(|view| view.declared.id == it.statistic)?;
        Some(CountedIn {
            title: view.declared.title.clone(),
            until: view.declared.end_of(it.from),
            statistic: it.statistic,
            from: it.from,
            measure: it.measure,
            epsilon: it.epsilon,
            at: it.at,
        })
    });
    counted.collect()
}

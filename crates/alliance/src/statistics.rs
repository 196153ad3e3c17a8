//! Statistical data sets: who may declare them, end them and ask for figures. What they are says `custody::Custody::ask_release`.

use custody::{
    AskReleaseError, Asked, DeclareStatisticError, DeclaredStatistic, Epsilon, Measure, StatisticId,
};
use model::Timestamp;

use crate::authority::{Action, Actor};
use crate::four_eyes::OfficeAct;
use crate::rulebook::public_reason;
use crate::{Alliance, AllianceError};

/// Why an act on statistical data sets did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StatisticActError {
    /// The actor may not, or gave no reason.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
    /// It was not declared or ended.
    #[error(transparent)]
    Declare(#[from] DeclareStatisticError),
    /// The figure is not released.
    #[error(transparent)]
    Ask(#[from] AskReleaseError),
}

impl From<custody::ActError> for StatisticActError {
    fn from(err: custody::ActError) -> Self {
        Self::Alliance(err.into())
    }
}

impl Alliance {
    /// Declares a statistical data set, publicly.
    ///
    /// # Errors
    /// When the actor may not, the notice does not declare what it is made of, or the database fails.
    pub fn declare_statistic(
        &self,
        by: &Actor,
        declared: &DeclaredStatistic,
        now: Timestamp,
    ) -> Result<(), StatisticActError> {
        by.must(Action::ReleaseStatistics)?;
        let asked = OfficeAct::DeclareStatistic {
            source: declared.to_json(),
        };
        self.in_two(by, asked, now, |act| {
            act.declare_statistic(declared, by.office())?;
            Ok(())
        })
    }

    /// Ends a statistical data set, publicly. What was released stays.
    ///
    /// # Errors
    /// When the actor may not, no reason is given, there is no such one, or the database fails.
    pub fn end_statistic(
        &self,
        by: &Actor,
        id: &StatisticId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StatisticActError> {
        by.must(Action::ReleaseStatistics)?;
        let reason = public_reason(reason)?;
        let asked = OfficeAct::EndStatistic {
            statistic: id.to_string(),
            reason: reason.clone(),
        };
        self.in_two(by, asked, now, |act| {
            act.end_statistic(id, &reason, by.office())?;
            Ok(())
        })
    }

    /// Asks for a figure of a period that is over; a job draws it.
    ///
    /// # Errors
    /// When the actor may not, the budget of the period does not reach, or the database fails.
    pub fn ask_release(
        &self,
        by: &Actor,
        id: &StatisticId,
        from: Timestamp,
        asked: (Measure, Epsilon),
        now: Timestamp,
    ) -> Result<Asked, StatisticActError> {
        by.must(Action::ReleaseStatistics)?;
        Ok(self
            .custody
            .ask_release(id, from, asked, by.office(), now)?)
    }
}

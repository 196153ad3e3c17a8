//! The commons: open data sets are declared and decided on by offices, and people give to them.

use custody::{
    DataSet, DataSetId, DecideError, Decided, DeclareDataSetError, GiftAsk, GiveError, Given,
};
use model::{Entry, EntryKind, Timestamp};

use crate::authority::{Action, Actor};
use crate::four_eyes::OfficeAct;
use crate::safety::Proved;
use crate::{Alliance, AllianceError};

/// Why an act on the commons did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommonsActError {
    /// The actor may not.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
    /// The declaration was refused.
    #[error(transparent)]
    Declare(#[from] DeclareDataSetError),
    /// Nothing was decided.
    #[error(transparent)]
    Decide(#[from] DecideError),
}

impl From<custody::ActError> for CommonsActError {
    fn from(err: custody::ActError) -> Self {
        Self::Alliance(err.into())
    }
}

impl Alliance {
    /// Declares an open data set, with an entry in the record. It is never changed afterwards: people give to what it says.
    ///
    /// # Errors
    /// When the actor may not, the file has a problem, the name is taken, or the database fails.
    pub fn declare_data_set(
        &self,
        by: &Actor,
        source: &str,
        now: Timestamp,
    ) -> Result<DataSet, CommonsActError> {
        by.must(Action::PublishCommons)?;
        let asked = OfficeAct::DeclareDataSet {
            source: source.to_owned(),
        };
        self.in_two(by, asked, now, |act| {
            let (data_set, sha256) = act.declare_data_set(source)?;
            act.record(Entry {
                at: now,
                kind: EntryKind::CommonsDeclared,
                about: format!("commons:{}", data_set.id),
                by: by.office().to_owned(),
                reason: format!(
                    "of deployment:{}, at least {} behind each row, {}",
                    data_set.deployment,
                    data_set.plan.k,
                    data_set.licence.spdx()
                ),
                document_sha256: Some(sha256),
            });
            Ok(data_set)
        })
    }

    /// Decides now on what people gave to a data set, without waiting for its set time.
    ///
    /// # Errors
    /// When the actor may not, too few have given, or the database fails.
    pub fn decide_commons(
        &self,
        by: &Actor,
        id: &DataSetId,
        now: Timestamp,
    ) -> Result<Decided, CommonsActError> {
        by.must(Action::PublishCommons)?;
        Ok(self.custody.decide_commons(id, by.office(), now)?)
    }

    /// Gives what of one's own readings was shown, without one's name; they are erased from the account. Whose they are says the proof, not
    /// what is asked.
    ///
    /// # Errors
    /// See [`GiveError`].
    pub fn give_to_commons(
        &self,
        by: &Proved,
        ask: &GiftAsk,
        shown: &str,
        now: Timestamp,
    ) -> Result<Given, GiveError> {
        let ask = GiftAsk {
            person: by.account.id.clone(),
            ..ask.clone()
        };
        self.custody.give(&ask, shown, now)
    }
}

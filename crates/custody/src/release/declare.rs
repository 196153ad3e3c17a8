//! A data set is declared and ended: acts of an office, in the record.

use model::{DeploymentId, Entry, EntryKind, PurposeId, RecipientId};

use super::declared::{DeclaredStatistic, StatisticId};
use super::{MAX_STATISTICS, about};
use crate::act::{Act, ActError};
use crate::rows::{self, RowError};
use crate::secret::document_sha256;

/// Why a data set was not declared.
#[derive(Debug, thiserror::Error)]
pub enum DeclareStatisticError {
    /// There is one of this name, or was.
    #[error("there is or was a statistical data set `{0}`: choose another name")]
    Taken(StatisticId),
    /// There are too many.
    #[error("there are {MAX_STATISTICS} statistical data sets, which is the most")]
    TooMany,
    /// No such data set, or one that has ended.
    #[error("there is no statistical data set `{0}` that has not ended")]
    NoStatistic(String),
    /// The notice does not say so.
    #[error(
        "the notice of `{deployment}` does not declare `{field}` for the purpose `{purpose}` and the recipient `{recipient}`: publish that first, so that people can choose"
    )]
    NotDeclared {
        /// The deployment.
        deployment: DeploymentId,
        /// The field.
        field: String,
        /// The purpose.
        purpose: PurposeId,
        /// The recipient.
        recipient: RecipientId,
    },
    /// Its messages name people.
    #[error(
        "messages of `{0}` name people, and stored readings do not say whom: there are no statistics of it"
    )]
    NamesPeople(DeploymentId),
    /// A text.
    #[error("`{0}` holds texts, and a statistic is about numbers, or yes and no")]
    NoNumber(String),
    /// The act.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl From<RowError> for DeclareStatisticError {
    fn from(err: RowError) -> Self {
        Self::Act(err.into())
    }
}

impl Act<'_, '_> {
    /// Declares a statistical data set, publicly. `by` is an office.
    ///
    /// # Errors
    /// See [`DeclareStatisticError`].
    pub fn declare_statistic(
        &mut self,
        declared: &DeclaredStatistic,
        by: &str,
    ) -> Result<(), DeclareStatisticError> {
        let id = &declared.id;
        let known = rows::release::statistics(self.tx())?;
        if known.iter().any(|it| it.declared.id == *id) {
            return Err(DeclareStatisticError::Taken(id.clone()));
        }
        if known.len() >= MAX_STATISTICS {
            return Err(DeclareStatisticError::TooMany);
        }
        self.must_be_declared(declared)?;
        let (document, now) = (declared.to_json(), self.now());
        let sha256 = document_sha256(document.as_bytes());
        rows::release::insert_statistic(self.tx(), declared, &document, &sha256, now)?;
        self.record(Entry {
            at: now,
            kind: EntryKind::StatisticDeclared,
            about: about(id),
            by: by.to_owned(),
            reason: format!(
                "{} of deployment:{} for purpose:{} by recipient:{}; {} of each person or household and {}; bounds {} to {}; budget {} for each {}; at least {} people",
                declared.field,
                declared.deployment,
                declared.purpose,
                declared.recipient,
                declared.each.as_str(),
                declared.period.as_str(),
                declared.shown(declared.low),
                declared.shown(declared.high),
                declared.budget,
                declared.period.as_str(),
                declared.least_people,
            ),
            document_sha256: Some(sha256),
        });
        Ok(())
    }

    fn must_be_declared(
        &mut self,
        declared: &DeclaredStatistic,
    ) -> Result<(), DeclareStatisticError> {
        let deployment = &declared.deployment;
        let notice = self
            .notice(deployment)?
            .ok_or_else(|| ActError::NoDeployment(deployment.clone()))?;
        if notice.subject_field.is_some() {
            return Err(DeclareStatisticError::NamesPeople(deployment.clone()));
        }
        let is_declared = notice.declarations.iter().any(|it| {
            it.purpose == declared.purpose
                && it.recipients.contains(&declared.recipient)
                && it.fields.contains(&declared.field)
        });
        let field = notice.field(&declared.field);
        let Some(field) = field.filter(|_| is_declared) else {
            return Err(DeclareStatisticError::NotDeclared {
                deployment: deployment.clone(),
                field: declared.field.to_string(),
                purpose: declared.purpose.clone(),
                recipient: declared.recipient.clone(),
            });
        };
        match field.kind {
            model::FieldKind::Text => {
                Err(DeclareStatisticError::NoNumber(declared.field.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Ends a statistical data set, publicly: what waits is not drawn, what was released stays.
    ///
    /// # Errors
    /// When there is no such one, or the database fails.
    pub fn end_statistic(
        &mut self,
        id: &StatisticId,
        reason: &str,
        by: &str,
    ) -> Result<(), DeclareStatisticError> {
        let now = self.now();
        if !rows::release::end_statistic(self.tx(), id, now)? {
            return Err(DeclareStatisticError::NoStatistic(id.to_string()));
        }
        self.record(Entry {
            at: now,
            kind: EntryKind::StatisticEnded,
            about: about(id),
            by: by.to_owned(),
            reason: reason.to_owned(),
            document_sha256: None,
        });
        Ok(())
    }
}

//! What a decision against a deployment does to what is in force there.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{DeploymentId, Notice, Pointer, ThingId};

use super::{Act, ActError};
use crate::rows;

impl Act<'_, '_> {
    /// Suspends these fields of a deployment, in place of all that were: nothing of them passes, for whatever purpose.
    ///
    /// # Errors
    /// When the notice in force declares no such field, or the database fails.
    pub fn suspend_fields(
        &mut self,
        deployment: &DeploymentId,
        fields: &BTreeSet<Pointer>,
    ) -> Result<(), ActError> {
        let notice = self.notice(deployment)?;
        let notice = notice.ok_or_else(|| ActError::NoDeployment(deployment.clone()))?;
        if let Some(unknown) = fields.iter().find(|it| notice.field(it).is_none()) {
            return Err(ActError::NoField {
                deployment: deployment.clone(),
                field: unknown.clone(),
            });
        }
        rows::cap::suspend(self.tx, deployment, fields, self.now)?;
        self.touch(deployment).suspended = true;
        Ok(())
    }

    /// Quarantines a thing, or ends its quarantine: while it lasts, nothing that it sends is taken.
    ///
    /// # Errors
    /// When the thing is not known, or the database fails.
    pub fn quarantine_thing(&mut self, thing: &ThingId, holds: bool) -> Result<(), ActError> {
        let deployment = self.deployment_of(thing)?;
        let since = holds.then_some(self.now);
        self.change_thing(thing, &deployment, |row| row.quarantined_at = since)
    }

    /// The deployment of a thing.
    ///
    /// # Errors
    /// When the thing is not known, or the database fails.
    pub fn thing_is_of(&mut self, thing: &ThingId) -> Result<DeploymentId, ActError> {
        self.deployment_of(thing)
    }

    /// The notice in force, as this transaction sees it; `None` when there is no such deployment.
    ///
    /// # Errors
    /// When the database fails.
    pub fn notice_in_force(
        &mut self,
        deployment: &DeploymentId,
    ) -> Result<Option<Arc<Notice>>, ActError> {
        Ok(self.notice(deployment)?)
    }
}

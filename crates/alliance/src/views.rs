//! What the pages of the institutions show: read models, public unless said otherwise.

use custody::{DriftRow, InForce, RecordedEntry};
use model::{DeploymentId, MemberId, Timestamp};

use crate::register::Member;
use crate::{Alliance, AllianceError, rows};

/// How many undeclared fields a page lists.
const MAX_DRIFT: u16 = 50;
/// How many entries of the record a page lists.
const MAX_ENTRIES: u16 = 50;

/// The alliance at a glance.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Members, by identifier.
    pub members: Vec<Member>,
    /// Deployments, by identifier.
    pub deployments: Vec<InForce>,
}

/// The public page of a deployment.
#[derive(Debug, Clone)]
pub struct DeploymentPage {
    /// What is in force.
    pub in_force: InForce,
    /// Who is accountable.
    pub controller: Option<Member>,
    /// Fields that arrived without having been declared, most recent first.
    pub drift: Vec<DriftRow>,
    /// What the record says about it, newest first.
    pub entries: Vec<RecordedEntry>,
}

impl Alliance {
    /// Members and deployments.
    ///
    /// # Errors
    /// When the database fails.
    pub fn overview(&self, now: Timestamp) -> Result<Overview, AllianceError> {
        Ok(Overview {
            members: self.db.read(rows::member::all)?,
            deployments: self.custody.in_force(now),
        })
    }

    /// The public page of a deployment; `None` when there is no such one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deployment_page(
        &self,
        id: &DeploymentId,
        now: Timestamp,
    ) -> Result<Option<DeploymentPage>, AllianceError> {
        let Some(in_force) = self.custody.in_force_at(id, now) else {
            return Ok(None);
        };
        let controller = &in_force.notice.controller;
        Ok(Some(DeploymentPage {
            controller: self.db.read(|tx| rows::member::one(tx, controller))?,
            drift: self.custody.drift(id, MAX_DRIFT)?,
            entries: self
                .custody
                .record_about(&format!("deployment:{id}"), MAX_ENTRIES)
                .map_err(custody::ActError::Record)?,
            in_force,
        }))
    }

    /// One member, if it is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn member(&self, id: &MemberId) -> Result<Option<Member>, AllianceError> {
        Ok(self.db.read(|tx| rows::member::one(tx, id))?)
    }
}

//! Automated models: nobody meets a new one, or a new version, without having been told before.
//!
//! A notice names each model, its version, and from when on it is at work. Publishing checks that this leaves people the time that
//! they are promised; `ingest` takes nothing that a model worked out before its date (`policy::Payload::attribute`).

use std::collections::BTreeSet;

use model::{DeploymentId, Model, Notice, PersonId, Pointer, Text, Timestamp};

use crate::Custody;
use crate::act::ActError;

/// So long before it is at work a new model, or a new version, is announced.
pub const MODEL_NOTICE_MILLIS: i64 = 14 * 86_400_000;

/// A model that will be at work at a deployment that senses somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAhead {
    /// The deployment.
    pub deployment: DeploymentId,
    /// What people call it.
    pub title: Text,
    /// The model.
    pub model: Model,
    /// From when on.
    pub at: Timestamp,
}

/// What a model is fed with, and what it works out.
fn touches(notice: &Notice, model: &Model) -> BTreeSet<Pointer> {
    let feeding = notice.declarations.iter();
    let feeding = feeding.filter(|it| it.models.contains(&model.id));
    let fed = feeding.flat_map(|it| it.fields.iter());
    let made = notice.fields.iter();
    let made = made.filter(|it| it.made_by.as_ref() == Some(&model.id));
    fed.chain(made.map(|it| &it.pointer)).cloned().collect()
}

/// Refuses a notice whose models would meet people unannounced. A first notice has nobody whom it could surprise: nothing comes in
/// before it stands and is licensed.
pub(crate) fn check(standing: &Notice, new: &Notice, now: Timestamp) -> Result<(), ActError> {
    let earliest = now.plus_millis(MODEL_NOTICE_MILLIS);
    for model in &new.models {
        let before = standing.models.iter().find(|it| it.id == model.id);
        let is_same = before.is_some_and(|was| {
            was.version == model.version
                && was.decides == model.decides
                && was.in_force == model.in_force
                && touches(new, model).is_subset(&touches(standing, was))
        });
        if !is_same && model.in_force.is_none_or(|it| it < earliest) {
            return Err(ActError::ModelTooSoon {
                model: model.id.clone(),
                earliest,
            });
        }
        let at_work = before.and_then(|it| it.version_at(now));
        let is_ahead = model.in_force.is_some_and(|it| it > now);
        if is_ahead && model.version_before.is_some() && model.version_before.as_deref() != at_work
        {
            return Err(ActError::ModelBefore {
                model: model.id.clone(),
                at_work: at_work.map(str::to_owned),
            });
        }
    }
    Ok(())
}

impl Custody {
    /// The models that will be at work where this person is sensed, the next first.
    #[must_use]
    pub fn models_ahead(&self, person: &PersonId, now: Timestamp) -> Vec<ModelAhead> {
        let mut ahead = Vec::new();
        for id in self.deployments_about(person) {
            let Some(found) = self.in_force_at(&id, now) else {
                continue;
            };
            let models = found.notice.models.iter();
            ahead.extend(models.filter_map(|model| {
                let at = model.in_force.filter(|it| *it > now)?;
                Some(ModelAhead {
                    deployment: id.clone(),
                    title: found.notice.title.clone(),
                    model: model.clone(),
                    at,
                })
            }));
        }
        ahead.sort_by_key(|it| it.at);
        ahead
    }
}

//! What a law or a vital interest wants kept: it stays readable for those who have it by that law.
//!
//! A reading is kept for a law where it lies as long as a declaration without a choice says and has nothing but the fields that the
//! declaration names. That is how it came in: each retention class of a message is a reading of its own.

use model::{DeploymentId, Notice, PersonId, Pointer, Retention};
use serde_json::value::RawValue;
use vault::StoredReading;

use crate::Custody;
use crate::published::MAX_NOTICE_VERSIONS;
use crate::rows::RowError;
use crate::timeline;

/// The most versions of a notice that are looked at, the newest first.
const MAX_PAGES: usize = 16;

struct Law {
    deployment: DeploymentId,
    retention: Retention,
    fields: Vec<Pointer>,
}

/// What laws want kept of somebody's readings.
#[derive(Default)]
pub(super) struct Laws(Vec<Law>);

impl Laws {
    fn add(&mut self, notice: &Notice) {
        let fixed = notice.declarations.iter();
        for it in fixed.filter(|it| !it.basis.can_choose() && it.retention != Retention::LIVE_ONLY)
        {
            self.0.push(Law {
                deployment: notice.deployment.clone(),
                retention: it.retention,
                fields: it.fields.clone(),
            });
        }
    }

    /// Whether a law wants a reading kept.
    pub(super) fn keep(&self, reading: &StoredReading) -> bool {
        let of_reading =
            |it: &&Law| it.deployment == reading.deployment && it.retention == reading.retention;
        let named: Vec<_> = self.0.iter().filter(of_reading).collect();
        if named.is_empty() {
            return false;
        }
        let body: Option<&RawValue> = serde_json::from_slice(&reading.body).ok();
        let Some(fields) = body.and_then(|it| timeline::fields(it).ok()) else {
            return false;
        };
        let mut fields = fields.iter();
        fields.all(|field| {
            let mut pointers = named.iter().flat_map(|it| &it.fields);
            pointers.any(|it| it.as_str() == field.pointer || it.covers(&field.pointer))
        })
    }
}

impl Custody {
    /// What laws want kept of a person's readings, by every version of the notices that are about them.
    pub(super) fn laws_about(&self, person: &PersonId) -> Result<Laws, RowError> {
        let mut laws = Laws::default();
        for id in self.deployments_about(person) {
            let mut before = None;
            for _ in 0..MAX_PAGES {
                let versions = self.notice_versions(&id, before, MAX_NOTICE_VERSIONS)?;
                // What cannot be understood any more lets nothing pass, so it keeps nothing either.
                let parsed = versions
                    .iter()
                    .filter_map(|it| Notice::parse_published(&it.source).ok());
                parsed.for_each(|it| laws.add(&it.notice));
                before = versions.last().map(|it| it.version);
                if versions.len() < usize::from(MAX_NOTICE_VERSIONS) {
                    break;
                }
            }
        }
        Ok(laws)
    }
}

//! Global Privacy Control: what a browser asks for on behalf of its person.
//!
//! The signal (`Sec-GPC: 1`) asks that data is not sold or shared. Here it means: where a recipient is neither the
//! accountable member nor works for it, and the basis is a legitimate interest or a public task, to which people may object
//! (as in Article 21 of the GDPR), everything that the person has not decided is switched off. What a contract of the
//! person needs goes on, and consent is off unless given. It is heard once for each deployment and version of its notice, so that a later choice by hand
//! wins for good; hearing it again changes nothing.

use model::{DeploymentId, LegalBasis, Level, Party, PersonId, Timestamp};

use super::{How, Matter, Unfit, Wanted, Way, decide};
use crate::Custody;
use crate::act::Act;
use crate::choose::{ChooseError, SheetRow};
use crate::rows;

/// What hearing the signal has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalOutcome {
    /// For how many deployments it was new.
    pub deployments: usize,
    /// How many matters it switched off.
    pub switched_off: usize,
}

impl Custody {
    /// Hears the signal of a person's browser: once per deployment about them and version of its notice. Costs one query
    /// where there is nothing new.
    ///
    /// # Errors
    /// See [`ChooseError`].
    pub fn hear_browser_signal(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<SignalOutcome, ChooseError> {
        if self.unheard(person, now)?.is_empty() {
            return Ok(SignalOutcome::default());
        }
        self.act(now, |act| {
            // Looked up again: another request of the same browser may have been here meanwhile.
            let heard = rows::consent::heard(act.tx(), person)?;
            let unheard = self.not_among(person, &heard, now);
            let mut wanted = Vec::new();
            for (id, version) in &unheard {
                rows::consent::hear(act.tx(), person, id, *version, now)?;
                wanted.extend(self.asked_for(person, id, now));
            }
            let done = decide(act, person, &wanted, &How::BrowserSignal, Unfit::Skip)?;
            let switched_off = match done {
                Some(it) => rows::consent::changes(act.tx(), person, it.number)?.len(),
                None => 0,
            };
            Ok(SignalOutcome {
                deployments: unheard.len(),
                switched_off,
            })
        })
    }

    fn unheard(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<Vec<(DeploymentId, u32)>, ChooseError> {
        let heard = self.inner.db.read(|tx| rows::consent::heard(tx, person))?;
        Ok(self.not_among(person, &heard, now))
    }

    fn not_among(
        &self,
        person: &PersonId,
        heard: &[(DeploymentId, i64)],
        now: Timestamp,
    ) -> Vec<(DeploymentId, u32)> {
        let about = self.deployments_about(person).into_iter();
        let versions = about.filter_map(|id| {
            let version = self.in_force_at(&id, now)?.notice.version;
            let is_new = !heard
                .iter()
                .any(|(it, last)| *it == id && *last >= i64::from(version));
            is_new.then_some((id, version))
        });
        versions.collect()
    }

    fn asked_for(&self, person: &PersonId, id: &DeploymentId, now: Timestamp) -> Vec<Wanted> {
        let Some(sheet) = self.choice_sheet(person, id, now) else {
            return Vec::new();
        };
        let is_meant = |it: &&SheetRow| {
            let party = sheet.notice.recipient(&it.recipient).map(|it| it.party);
            let outside = !matches!(party, Some(Party::Controller | Party::Processor));
            outside && is_open_to_objection(it.basis) && !it.decided && it.chosen > Level::OFF
        };
        let rows = sheet.rows.iter().filter(is_meant);
        rows.map(|it| Wanted {
            matter: Matter {
                deployment: id.clone(),
                field: it.field.clone(),
                purpose: it.purpose.clone(),
                recipient: it.recipient.clone(),
            },
            level: Some(Level::OFF),
            way: Way::BrowserSignal,
        })
        .collect()
    }
}

fn is_open_to_objection(basis: LegalBasis) -> bool {
    matches!(
        basis,
        LegalBasis::LegitimateInterest | LegalBasis::PublicTask
    )
}

impl Act<'_, '_> {
    /// Forgets the file of choices that a person has sent.
    pub(super) fn drop_draft(&mut self, person: &PersonId) -> Result<(), ChooseError> {
        Ok(rows::consent::drop_draft(self.tx(), person)?)
    }
}

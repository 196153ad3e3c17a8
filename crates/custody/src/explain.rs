//! Why a value passes as it does: for a person about themselves, and for anybody before any choice.

use model::{DeploymentId, Explanation, PersonId, PurposeId, RecipientId, Timestamp};
use policy::{FieldIndex, Question};
use rustc_hash::FxHashSet;

use crate::Custody;
use crate::catalogue::DeploymentState;

/// Why one field passes to one recipient for one purpose as it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The purpose.
    pub purpose: PurposeId,
    /// The recipient.
    pub recipient: RecipientId,
    /// The field, and why.
    pub explanation: Explanation,
}

impl Custody {
    /// Why each field × purpose × recipient of a deployment passes as it does where it is about this person, in the order of
    /// the notice. Where things sense them together with others, it is told of the thing from which least passes.
    /// `None` when nothing there is about them.
    #[must_use]
    pub fn explain_to(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Option<Vec<Told>> {
        let catalogue = self.inner.catalogue.load();
        let state = catalogue.deployments.get(deployment)?.state.load();
        if !state.concerns(person) {
            return None;
        }
        let facts = state.facts(now);
        let mut told: Option<Vec<Told>> = None;
        state.explain_to(person, now, |inputs, program, asker| {
            let question = Question {
                inputs,
                program,
                asker,
                facts,
            };
            let here = all(&state, &question);
            match &mut told {
                None => told = Some(here),
                Some(told) => {
                    for (least, here) in told.iter_mut().zip(here) {
                        if here.explanation.level < least.explanation.level {
                            *least = here;
                        }
                    }
                }
            }
        });
        told
    }

    /// Why each field × purpose × recipient of a deployment passes as it does before anybody has chosen anything.
    /// `None` when there is no such deployment.
    #[must_use]
    pub fn explain_before_choices(
        &self,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Option<Vec<Told>> {
        let catalogue = self.inner.catalogue.load();
        let state = catalogue.deployments.get(deployment)?.state.load();
        let facts = state.facts(now);
        Some(state.rules.explain_before_choices(|inputs, program| {
            let question = Question {
                inputs,
                program,
                asker: None,
                facts,
            };
            all(&state, &question)
        }))
    }
}

fn all(state: &DeploymentState, question: &Question<'_>) -> Vec<Told> {
    let mut seen = FxHashSet::default();
    let mut told = Vec::new();
    for declaration in &state.notice.declarations {
        let purpose = &declaration.purpose;
        for pointer in &declaration.fields {
            let field: Option<FieldIndex> = state.schema.index_of(pointer);
            for recipient in &declaration.recipients {
                let explanation = field
                    .filter(|_| seen.insert((pointer, purpose, recipient)))
                    .and_then(|it| policy::explain(question, recipient, purpose, it));
                told.extend(explanation.map(|explanation| Told {
                    purpose: purpose.clone(),
                    recipient: recipient.clone(),
                    explanation,
                }));
            }
        }
    }
    told
}

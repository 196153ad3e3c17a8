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
        let mut least: Option<Vec<Told>> = None;
        state.explain_to(person, now, |inputs, program, asker| {
            let question = Question {
                inputs,
                program,
                asker,
                facts,
            };
            let here = ways(&state).filter_map(|it| told(&question, it));
            match &mut least {
                None => least = Some(here.collect()),
                Some(least) => {
                    for (least, here) in least.iter_mut().zip(here) {
                        if here.explanation.level < least.explanation.level {
                            *least = here;
                        }
                    }
                }
            }
        });
        least
    }

    /// Why each field × purpose × recipient of a deployment passes as it does before anybody has chosen anything: at most
    /// `limit` of them after the first `skip`. Anybody may ask, so nothing else is worked out.
    /// `None` when there is no such deployment.
    #[must_use]
    pub fn explain_before_choices(
        &self,
        deployment: &DeploymentId,
        (skip, limit): (usize, usize),
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
            let ways = ways(&state).skip(skip).take(limit);
            ways.filter_map(|it| told(&question, it)).collect()
        }))
    }
}

/// Which field goes to which recipient for which purpose.
type Way<'a> = (FieldIndex, &'a PurposeId, &'a RecipientId);

/// Every way that the notice declares, once, in its order.
fn ways(state: &DeploymentState) -> impl Iterator<Item = Way<'_>> {
    let mut seen = FxHashSet::default();
    let ways = state.notice.declarations.iter().flat_map(|declaration| {
        let fields = declaration.fields.iter();
        let fields = fields.filter_map(|it| state.schema.index_of(it));
        fields.flat_map(move |field| {
            let recipients = declaration.recipients.iter();
            recipients.map(move |it| (field, &declaration.purpose, it))
        })
    });
    ways.filter(move |it| seen.insert(*it))
}

fn told(question: &Question<'_>, (field, purpose, recipient): Way<'_>) -> Option<Told> {
    let explanation = policy::explain(question, recipient, purpose, field)?;
    Some(Told {
        purpose: purpose.clone(),
        recipient: recipient.clone(),
        explanation,
    })
}

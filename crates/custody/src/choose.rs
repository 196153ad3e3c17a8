//! A person sees what they may decide, and decides.

use std::sync::Arc;

use model::{
    Choice, Coarsening, Declaration, DeploymentId, LegalBasis, Level, LicenceState, Notice,
    PersonId, Pointer, PurposeId, RecipientId, Text, Timestamp,
};
use policy::Program;
use rustc_hash::FxHashSet;

use crate::Custody;
use crate::act::ActError;
use crate::catalogue::{Bound, DeploymentState};
use crate::consent::Matter;

/// Everything one person may decide about one deployment.
#[derive(Debug, Clone)]
pub struct ChoiceSheet {
    /// The notice in force.
    pub notice: Arc<Notice>,
    /// The licence as it stands.
    pub licence: LicenceState,
    /// One row per field × purpose × recipient, in the order of the notice.
    pub rows: Vec<SheetRow>,
}

/// One field × purpose × recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetRow {
    /// The field.
    pub field: Pointer,
    /// The purpose.
    pub purpose: PurposeId,
    /// The recipient.
    pub recipient: RecipientId,
    /// On which basis the recipient may have it.
    pub basis: LegalBasis,
    /// The law behind the basis, where the notice names one.
    pub source: Option<Text>,
    /// What may be chosen, from off upwards; one level only where there is no choice.
    pub options: Vec<(Level, Option<Coarsening>)>,
    /// What holds before any choice.
    pub default: Level,
    /// What was chosen, or what holds before any choice.
    pub chosen: Level,
    /// Whether the person decided; otherwise what holds before any choice holds.
    pub decided: bool,
    /// What passes now, with everything else that limits it (the recipient's grant among it).
    pub effective: Level,
    /// What passes now from the things that sense others too: less where one of them chose less.
    pub together: Level,
}

/// Why a choice was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// Nothing of this deployment concerns the person.
    #[error("no device of `{0}` is about you")]
    NotConcerned(DeploymentId),
    /// The notice declares no such field × purpose × recipient.
    #[error("`{field}` for `{purpose}` to `{recipient}` is not declared")]
    NotDeclared {
        /// The field.
        field: Pointer,
        /// The purpose.
        purpose: PurposeId,
        /// The recipient.
        recipient: RecipientId,
    },
    /// The legal basis leaves no choice.
    #[error("`{field}` rests on {basis}, which leaves no choice")]
    NoChoice {
        /// The field.
        field: Pointer,
        /// The basis.
        basis: LegalBasis,
    },
    /// The field has no such level, or the notice declares less.
    #[error("`{field}` cannot be set to {level}")]
    NoSuchLevel {
        /// The field.
        field: Pointer,
        /// The level.
        level: Level,
    },
    /// The person has no such receipt.
    #[error("there is no such receipt of yours")]
    NoReceipt,
    /// The act failed.
    #[error("the choice could not be put in force")]
    Act(#[from] ActError),
}

impl Custody {
    /// The deployments with a thing or a field that is about this person, by identifier.
    #[must_use]
    pub fn deployments_about(&self, person: &PersonId) -> Vec<DeploymentId> {
        let catalogue = self.inner.catalogue.load();
        let mut ids: Vec<_> = catalogue
            .deployments
            .values()
            .filter(|it| it.state.load().concerns(person))
            .map(|it| it.id.clone())
            .collect();
        ids.sort();
        ids
    }

    /// What a person may decide about a deployment; `None` when nothing there is about them.
    #[must_use]
    pub fn choice_sheet(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Option<ChoiceSheet> {
        let catalogue = self.inner.catalogue.load();
        let state = catalogue.deployments.get(deployment)?.state.load();
        if !state.concerns(person) {
            return None;
        }
        Some(ChoiceSheet {
            notice: Arc::clone(&state.notice),
            licence: state.licence_at(now),
            rows: sheet_rows(&state, person, now),
        })
    }
}

/// The declarations that cover one field × purpose × recipient.
fn covering<'a>(
    notice: &'a Notice,
    field: &'a Pointer,
    purpose: &'a PurposeId,
    recipient: &'a RecipientId,
) -> impl Iterator<Item = &'a Declaration> {
    notice.declarations.iter().filter(move |it| {
        it.fields.contains(field) && it.purpose == *purpose && it.recipients.contains(recipient)
    })
}

/// The declarations that a matter rests on.
pub(crate) fn declared<'a>(
    notice: &'a Notice,
    matter: &'a Matter,
) -> Result<Vec<&'a Declaration>, ChooseError> {
    let (field, purpose, recipient) = (&matter.field, &matter.purpose, &matter.recipient);
    let declared: Vec<_> = covering(notice, field, purpose, recipient).collect();
    if declared.is_empty() {
        return Err(ChooseError::NotDeclared {
            field: field.clone(),
            purpose: purpose.clone(),
            recipient: recipient.clone(),
        });
    }
    Ok(declared)
}

/// Whether a person can choose this level.
pub(crate) fn check(
    notice: &Notice,
    field: &Pointer,
    declared: &[&Declaration],
    level: Level,
) -> Result<(), ChooseError> {
    if let Some(fixed) = declared.iter().find(|it| !it.basis.can_choose()) {
        return Err(ChooseError::NoChoice {
            field: field.clone(),
            basis: fixed.basis,
        });
    }
    let offered = options(notice, field, declared);
    if !offered.iter().any(|(it, _)| *it == level) {
        return Err(ChooseError::NoSuchLevel {
            field: field.clone(),
            level,
        });
    }
    Ok(())
}

/// The levels from off to what is declared; coarse ones with their operator.
fn options(
    notice: &Notice,
    field: &Pointer,
    declared: &[&Declaration],
) -> Vec<(Level, Option<Coarsening>)> {
    let most = most(declared);
    let coarse = notice
        .field(field)
        .map_or(&[][..], |it| it.coarse.as_slice());
    let coarse = (1_u8..)
        .zip(coarse)
        .filter_map(|(number, it)| Some((Level::coarse(number)?, Some(it.clone()))));
    [(Level::OFF, None)]
        .into_iter()
        .chain(coarse)
        .chain([(Level::ON, None)])
        .filter(|(level, _)| *level <= most)
        .collect()
}

fn sheet_rows(state: &DeploymentState, person: &PersonId, now: Timestamp) -> Vec<SheetRow> {
    let notice = &state.notice;
    let sheet = Sheet {
        state,
        person,
        program: state.program_for(person),
        others: state.shared_with(person, now),
        now,
    };
    let mut seen = FxHashSet::default();
    let mut rows = Vec::new();
    for declaration in &notice.declarations {
        for field in &declaration.fields {
            for recipient in &declaration.recipients {
                if seen.insert((field, &declaration.purpose, recipient)) {
                    rows.push(sheet.row(declaration, field, recipient));
                }
            }
        }
    }
    rows
}

/// What rows are made from.
struct Sheet<'a> {
    state: &'a DeploymentState,
    person: &'a PersonId,
    program: Program,
    /// The programs of what senses the person and others.
    others: Vec<Arc<Bound>>,
    now: Timestamp,
}

impl Sheet<'_> {
    fn row(&self, declaration: &Declaration, field: &Pointer, recipient: &RecipientId) -> SheetRow {
        let notice = &self.state.notice;
        let purpose = &declaration.purpose;
        let declared: Vec<_> = covering(notice, field, purpose, recipient).collect();
        let level = |program: &Program| {
            let lane = program.lane(recipient, purpose);
            let lane = lane.zip(self.state.schema.index_of(field));
            lane.map_or(Level::OFF, |(lane, index)| {
                program.level(lane, index, self.now)
            })
        };
        let effective = level(&self.program);
        let together = self.others.iter().map(|it| level(&it.program));
        let default = by_default(&declared);
        let fixed = declared.iter().any(|it| !it.basis.can_choose());
        let decided = self.state.chosen(self.person, field, purpose, recipient);
        let decided = decided.filter(|_| !fixed);
        SheetRow {
            field: field.clone(),
            purpose: purpose.clone(),
            recipient: recipient.clone(),
            basis: strictest(&declared),
            source: declaration.source.clone(),
            options: offered(notice, field, &declared),
            default,
            chosen: decided.map_or(default, |it| it.meet(most(&declared))),
            decided: decided.is_some(),
            effective,
            together: together.fold(effective, Level::meet),
        }
    }
}

/// The most that every one of the declarations lets pass.
fn most(declared: &[&Declaration]) -> Level {
    let precisions = declared.iter().map(|it| it.precision);
    precisions.min().unwrap_or(Level::OFF)
}

/// The basis that decides what may be chosen: one without choice before consent before the others.
pub(crate) fn strictest(declared: &[&Declaration]) -> LegalBasis {
    let fixed = declared.iter().find(|it| !it.basis.can_choose());
    let consent = declared.iter().find(|it| it.basis == LegalBasis::Consent);
    let decisive = fixed.or(consent).or(declared.first());
    // Nothing declared is nothing allowed: consent is the basis that gives nothing by itself.
    decisive.map_or(LegalBasis::Consent, |it| it.basis)
}

/// What holds before any choice.
pub(crate) fn by_default(declared: &[&Declaration]) -> Level {
    let most = most(declared);
    if declared.iter().any(|it| !it.basis.can_choose()) {
        return most;
    }
    let defaults = declared.iter().map(|it| it.basis.default_level());
    defaults.min().unwrap_or(Level::OFF).meet(most)
}

/// Like [`options`], but only what is declared where the basis leaves no choice.
fn offered(
    notice: &Notice,
    field: &Pointer,
    declared: &[&Declaration],
) -> Vec<(Level, Option<Coarsening>)> {
    let mut offered = options(notice, field, declared);
    if declared.iter().any(|it| !it.basis.can_choose()) {
        offered.drain(..offered.len().saturating_sub(1));
    }
    offered
}

/// The level under `new` for a choice that was made under `old`.
pub(crate) fn carried(choice: &Choice, old: &Notice, new: &Notice) -> Level {
    let Some(number) = choice.level.coarse_number() else {
        return choice.level;
    };
    let levels = |notice: &Notice| {
        notice
            .field(&choice.field)
            .map_or_else(Vec::new, |it| it.coarse.clone())
    };
    let Some(chosen) = levels(old).into_iter().nth(usize::from(number) - 1) else {
        return Level::OFF;
    };
    let new = levels(new);
    let numbered = (1_u8..).zip(&new);
    let fitting = numbered
        .filter(|(_, it)| it.is_no_finer_than(&chosen))
        .map(|(number, _)| number);
    fitting.max().and_then(Level::coarse).unwrap_or(Level::OFF)
}

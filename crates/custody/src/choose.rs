//! A person sees what they may decide, and decides.

use std::sync::Arc;

use model::{
    Choice, Coarsening, Declaration, DeploymentId, LegalBasis, Level, LicenceState, Notice,
    PersonId, Pointer, PurposeId, RecipientId, Text, Timestamp,
};

use crate::Custody;
use crate::act::ActError;
use crate::catalogue::DeploymentState;
use crate::rows::RowError;

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
    /// What was chosen, or what holds before any choice.
    pub chosen: Level,
    /// What passes now, with everything else that limits it (the recipient's grant among it).
    pub effective: Level,
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
    /// The act failed.
    #[error("the choice could not be put in force")]
    Act(#[from] ActError),
}

impl From<RowError> for ChooseError {
    fn from(err: RowError) -> Self {
        Self::Act(ActError::Rows(err))
    }
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

    /// Puts a person's choices in force, all or none. When it returns, no message is delivered against them,
    /// whether it is on its way, queued or new. Blocks on the database: not for an async worker.
    ///
    /// # Errors
    /// See [`ChooseError`].
    pub fn choose(&self, choices: &[Choice], now: Timestamp) -> Result<(), ChooseError> {
        self.act(now, |act| {
            for choice in choices {
                let notice = act.notice(&choice.deployment)?;
                let notice = notice
                    .filter(|_| self.concerns(&choice.person, &choice.deployment))
                    .ok_or_else(|| ChooseError::NotConcerned(choice.deployment.clone()))?;
                check(&notice, choice)?;
                act.put_choice(choice)?;
            }
            Ok(())
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

fn check(notice: &Notice, choice: &Choice) -> Result<(), ChooseError> {
    let field = &choice.field;
    let declared: Vec<_> = covering(notice, field, &choice.purpose, &choice.recipient).collect();
    if declared.is_empty() {
        return Err(ChooseError::NotDeclared {
            field: field.clone(),
            purpose: choice.purpose.clone(),
            recipient: choice.recipient.clone(),
        });
    }
    if let Some(fixed) = declared.iter().find(|it| !it.basis.can_choose()) {
        return Err(ChooseError::NoChoice {
            field: field.clone(),
            basis: fixed.basis,
        });
    }
    let offered = options(notice, field, &declared);
    if !offered.iter().any(|(level, _)| *level == choice.level) {
        return Err(ChooseError::NoSuchLevel {
            field: field.clone(),
            level: choice.level,
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
    let program = state.program_for(person);
    let mut rows: Vec<SheetRow> = Vec::new();
    for declaration in &notice.declarations {
        for field in &declaration.fields {
            for recipient in &declaration.recipients {
                let purpose = &declaration.purpose;
                let seen = |it: &SheetRow| {
                    it.field == *field && it.purpose == *purpose && it.recipient == *recipient
                };
                if rows.iter().any(seen) {
                    continue;
                }
                let declared: Vec<_> = covering(notice, field, purpose, recipient).collect();
                let lane = program
                    .lane(recipient, purpose)
                    .zip(state.schema.index_of(field));
                let effective =
                    lane.map_or(Level::OFF, |(lane, index)| program.level(lane, index, now));
                rows.push(SheetRow {
                    field: field.clone(),
                    purpose: purpose.clone(),
                    recipient: recipient.clone(),
                    basis: strictest(&declared).unwrap_or(declaration.basis),
                    source: declaration.source.clone(),
                    options: offered(notice, field, &declared),
                    chosen: chosen(state, person, field, purpose, recipient, &declared),
                    effective,
                });
            }
        }
    }
    rows
}

/// The most that every one of the declarations lets pass.
fn most(declared: &[&Declaration]) -> Level {
    let precisions = declared.iter().map(|it| it.precision);
    precisions.min().unwrap_or(Level::OFF)
}

/// The basis that decides what may be chosen: one without choice before consent before the others.
fn strictest(declared: &[&Declaration]) -> Option<LegalBasis> {
    let fixed = declared.iter().find(|it| !it.basis.can_choose());
    let consent = declared.iter().find(|it| it.basis == LegalBasis::Consent);
    fixed.or(consent).or(declared.first()).map(|it| it.basis)
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

fn chosen(
    state: &DeploymentState,
    person: &PersonId,
    field: &Pointer,
    purpose: &PurposeId,
    recipient: &RecipientId,
    declared: &[&Declaration],
) -> Level {
    let most = most(declared);
    if declared.iter().any(|it| !it.basis.can_choose()) {
        return most;
    }
    let decided = state.chosen(person, field, purpose, recipient);
    let by_default = || {
        declared
            .iter()
            .map(|it| it.basis.default_level())
            .min()
            .unwrap_or(Level::OFF)
    };
    decided.unwrap_or_else(by_default).meet(most)
}

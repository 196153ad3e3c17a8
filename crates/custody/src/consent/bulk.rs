//! Many choices in one act: presets, "the same for all my devices", a file of choices.
//!
//! What an act would change is planned first and shown; the plan has a digest, and only a plan with the digest that was
//! shown is put in force. A preset is a rule over what notices declare (legal basis, party, DPV class of the purpose,
//! sensitivity), never a list of deployments, and it decides for nobody but the person who takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    DataType, DeploymentId, Field, LegalBasis, Level, Notice, Party, PersonId, RecipientId,
    Sensitivity, Timestamp,
};

use super::{ChoiceAct, ChoicesFile, How, Matter, Misfit, Unfit, Wanted, decide};
use crate::Custody;
use crate::act::ActError;
use crate::choose::{ChoiceSheet, ChooseError, SheetRow};
use crate::secret::document_sha256;

/// A rule that chooses for every value of every recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// What a contract or the service itself needs stays as it is; everything else is off. Never allows more.
    ServiceOnly,
    /// Like [`Preset::ServiceOnly`], and research and public good may have what tells little, the rest coarse or not at all.
    Research,
    /// Everything off that may be switched off.
    AllOff,
    /// No decisions: what holds before any choice holds again.
    AsBefore,
}

/// DPV purposes without which a service does not run.
const SERVICE: [&str; 7] = [
    "dpv:ServiceProvision",
    "dpv:RequestedServiceProvision",
    "dpv:TechnicalServiceProvision",
    "dpv:DeliveryOfGoods",
    "dpv:PaymentManagement",
    "dpv:FulfilmentOfObligation",
    "dpv:FulfilmentOfContractualObligation",
];

/// DPV purposes that serve knowledge or the public, without commercial research and without public security.
const PUBLIC_GOOD: [&str; 11] = [
    "dpv:ResearchAndDevelopment",
    "dpv:AcademicResearch",
    "dpv:NonCommercialResearch",
    "dpv:ScientificResearch",
    "dpv:PublicBenefit",
    "dpv:CombatClimateChange",
    "dpv:DataAltruism",
    "dpv:ImproveHealthcare",
    "dpv:ImprovePublicServices",
    "dpv:ImproveTransportMobility",
    "dpv:ProvideOfficialStatistics",
];

/// What a preset wants of one row.
enum Wish {
    Keep,
    Set(Level),
    Reset,
}

impl Preset {
    /// Every preset, in the order in which pages offer them.
    pub const ALL: [Self; 4] = [
        Self::ServiceOnly,
        Self::Research,
        Self::AllOff,
        Self::AsBefore,
    ];

    /// The word in rows, receipts and addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceOnly => "service-only",
            Self::Research => "research",
            Self::AllOff => "all-off",
            Self::AsBefore => "as-before",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    fn wish(self, notice: &Notice, row: &SheetRow) -> Wish {
        match self {
            Self::AsBefore => Wish::Reset,
            Self::AllOff => Wish::Set(Level::OFF),
            Self::ServiceOnly | Self::Research if is_needed(notice, row) => Wish::Keep,
            Self::Research if has_class(notice, row, &PUBLIC_GOOD) => {
                Wish::Set(row.chosen.join(modest(notice, row)))
            }
            Self::ServiceOnly | Self::Research => Wish::Set(Level::OFF),
        }
    }
}

fn has_class(notice: &Notice, row: &SheetRow, classes: &[&str]) -> bool {
    let purpose = notice.purpose(&row.purpose);
    purpose.is_some_and(|it| classes.contains(&it.dpv.as_str()))
}

/// A contract with the person needs it, or the service does and it stays with who runs it.
fn is_needed(notice: &Notice, row: &SheetRow) -> bool {
    let party = notice.recipient(&row.recipient).map(|it| it.party);
    let inside = matches!(party, Some(Party::Controller | Party::Processor));
    row.basis == LegalBasis::Contract || (inside && has_class(notice, row, &SERVICE))
}

/// What a person may give to the public without telling much about themselves: everything that tells little, the coarsest
/// level of what tells more, nothing where there is no coarse level.
fn modest(notice: &Notice, row: &SheetRow) -> Level {
    let most = row.options.last().map_or(Level::OFF, |(level, _)| *level);
    let sensitivity = notice.field(&row.field).map(|it| it.sensitivity);
    match sensitivity {
        Some(Sensitivity::None | Sensitivity::Low | Sensitivity::Medium) => most,
        _ => {
            let mut levels = row.options.iter().map(|(level, _)| *level);
            let coarse = levels.find(|it| it.coarse_number().is_some());
            coarse.unwrap_or(Level::OFF)
        }
    }
}

/// What is asked for, for many matters at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkRequest {
    /// A preset, at one deployment or at all that are about the person.
    Preset(Preset, Option<DeploymentId>),
    /// What was decided at one deployment, or about one matter there, for every other deployment.
    Copy(DeploymentId, Option<Box<Matter>>),
    /// A file of choices.
    Import(ChoicesFile),
}

/// What an act of many choices would change.
#[derive(Debug, Clone)]
pub struct BulkPlan {
    /// The changes, by deployment and in the order of its notice.
    pub changes: Vec<BulkChange>,
    /// How many matters stay as they are.
    pub same: usize,
    /// How many matters nobody can choose about.
    pub fixed: usize,
    /// What was asked for and does not fit here.
    pub unmatched: Vec<Unmatched>,
    /// Stands for all of it: what is put in force is what was shown.
    pub digest: String,
    /// The notices of the deployments in it.
    pub notices: BTreeMap<DeploymentId, Arc<Notice>>,
}

/// What changes about one matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkChange {
    /// What it is about.
    pub matter: Matter,
    /// The level now.
    pub before: Level,
    /// The level then.
    pub after: Level,
    /// Whether the decision is taken back, so that what holds by default holds again.
    pub reset: bool,
}

impl BulkChange {
    /// Whether the level stays and only the decision is written down, or taken back.
    #[must_use]
    pub fn is_only_written_down(&self) -> bool {
        self.before == self.after
    }
}

/// Something that was asked for and does not fit here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// A decision that no other deployment has a counterpart for.
    NoCounterpart(Matter),
    /// A row of a file, counted from 1.
    Row(usize, Matter, Misfit),
}

/// Why many choices were not put in force. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// What would change is not what was shown any more.
    #[error("what would change is not what was shown: look at it again")]
    Stale,
    /// A choice was refused.
    #[error("the choices could not be put in force")]
    Choose(#[from] ChooseError),
}

impl From<ActError> for BulkError {
    fn from(err: ActError) -> Self {
        Self::Choose(ChooseError::Act(err))
    }
}

/// What one row becomes.
struct Step<'a> {
    row: &'a SheetRow,
    deployment: &'a DeploymentId,
    level: Option<Level>,
}

impl Custody {
    /// What a request would change, without changing it.
    ///
    /// # Errors
    /// [`ChooseError::NotConcerned`] when the request names a deployment that is not about the person.
    pub fn plan_choices(
        &self,
        person: &PersonId,
        request: &BulkRequest,
        now: Timestamp,
    ) -> Result<BulkPlan, ChooseError> {
        let sheets = self.sheets(person, now);
        let concerned = |id: &DeploymentId| {
            let known = sheets.iter().any(|(it, _)| it == id);
            known
                .then_some(())
                .ok_or_else(|| ChooseError::NotConcerned(id.clone()))
        };
        match request {
            BulkRequest::Preset(preset, at) => {
                at.as_ref().map_or(Ok(()), concerned)?;
                let meant = |id: &DeploymentId| at.as_ref().is_none_or(|it| it == id);
                Ok(preset_plan(&sheets, *preset, meant))
            }
            BulkRequest::Copy(from, matter) => {
                concerned(from)?;
                Ok(copy_plan(&sheets, from, matter.as_deref()))
            }
            BulkRequest::Import(file) => Ok(import_plan(&sheets, file)),
        }
    }

    /// Puts in force what a plan with this digest said, in one act; `None` when it changes nothing.
    ///
    /// # Errors
    /// See [`BulkError`].
    pub fn apply_choices(
        &self,
        person: &PersonId,
        request: &BulkRequest,
        digest: &str,
        now: Timestamp,
    ) -> Result<Option<ChoiceAct>, BulkError> {
        let how = match request {
            BulkRequest::Preset(preset, _) => How::Preset(*preset),
            BulkRequest::Copy(from, _) => How::Copied(from.clone()),
            BulkRequest::Import(_) => How::Imported,
        };
        self.act(now, |act| {
            let plan = self.plan_choices(person, request, now)?;
            if plan.digest != digest {
                return Err(BulkError::Stale);
            }
            let wanted: Vec<Wanted> = plan
                .changes
                .into_iter()
                .map(|it| Wanted {
                    level: (!it.reset).then_some(it.after),
                    matter: it.matter,
                    way: how.way(),
                })
                .collect();
            if matches!(request, BulkRequest::Import(_)) {
                act.drop_draft(person)?;
            }
            Ok(decide(act, person, &wanted, &how, Unfit::Refuse)?)
        })
    }

    fn sheets(&self, person: &PersonId, now: Timestamp) -> Vec<(DeploymentId, ChoiceSheet)> {
        let about = self.deployments_about(person).into_iter();
        let sheets = about.filter_map(|id| {
            let sheet = self.choice_sheet(person, &id, now)?;
            Some((id, sheet))
        });
        sheets.collect()
    }
}

type Sheets = [(DeploymentId, ChoiceSheet)];

fn matter(deployment: &DeploymentId, row: &SheetRow) -> Matter {
    Matter {
        deployment: deployment.clone(),
        field: row.field.clone(),
        purpose: row.purpose.clone(),
        recipient: row.recipient.clone(),
    }
}

/// Sums steps up; what holds already is no change.
fn plan(
    sheets: &Sheets,
    steps: Vec<Step<'_>>,
    fixed: usize,
    unmatched: Vec<Unmatched>,
) -> BulkPlan {
    let mut changes = Vec::new();
    let mut same = 0;
    let mut text = String::new();
    for step in steps {
        let after = step.level.unwrap_or(step.row.default);
        let decided = step.level.is_some();
        if after == step.row.chosen && decided == step.row.decided {
            same += 1;
            continue;
        }
        let change = BulkChange {
            matter: matter(step.deployment, step.row),
            before: step.row.chosen,
            after,
            reset: !decided,
        };
        text.push_str(&format!("{change:?}\n"));
        changes.push(change);
    }
    let touched = |id: &DeploymentId| changes.iter().any(|it| it.matter.deployment == *id);
    let notices = sheets.iter().filter(|(id, _)| touched(id));
    BulkPlan {
        notices: notices
            .map(|(id, it)| (id.clone(), Arc::clone(&it.notice)))
            .collect(),
        same,
        fixed,
        unmatched,
        digest: document_sha256(text.as_bytes()),
        changes,
    }
}

fn preset_plan(sheets: &Sheets, preset: Preset, meant: impl Fn(&DeploymentId) -> bool) -> BulkPlan {
    let mut steps = Vec::new();
    let mut fixed = 0;
    for (deployment, sheet) in sheets.iter().filter(|(id, _)| meant(id)) {
        for row in &sheet.rows {
            if !row.basis.can_choose() {
                fixed += 1;
                continue;
            }
            let level = match preset.wish(&sheet.notice, row) {
                Wish::Keep => row.decided.then_some(row.chosen),
                Wish::Set(level) => Some(level),
                Wish::Reset => None,
            };
            steps.push(Step {
                row,
                deployment,
                level,
            });
        }
    }
    plan(sheets, steps, fixed, Vec::new())
}

/// What must be the same for a decision to be taken over.
#[derive(PartialEq, Eq)]
struct Likeness<'a> {
    recipient: &'a RecipientId,
    dpv: &'a str,
    data: Option<DataType>,
    sensitivity: Sensitivity,
}

fn likeness<'a>(notice: &'a Notice, row: &'a SheetRow) -> Option<(Likeness<'a>, &'a Field)> {
    let field = notice.field(&row.field)?;
    let likeness = Likeness {
        recipient: &row.recipient,
        dpv: &notice.purpose(&row.purpose)?.dpv,
        data: field.data,
        sensitivity: field.sensitivity,
    };
    Some((likeness, field))
}

/// Applies the decisions of one deployment to every other. Where several are alike, the most protective one counts.
fn copy_plan(sheets: &Sheets, from: &DeploymentId, only: Option<&Matter>) -> BulkPlan {
    let Some((_, source)) = sheets.iter().find(|(id, _)| id == from) else {
        return plan(sheets, Vec::new(), 0, Vec::new());
    };
    let meant = |it: &&SheetRow| {
        let asked = only.is_none_or(|only| matter(from, it) == *only);
        it.decided && it.basis.can_choose() && asked
    };
    let decided: Vec<_> = source.rows.iter().filter(meant).collect();
    let mut used = vec![false; decided.len()];
    let mut steps = Vec::new();
    let mut fixed = 0;
    for (deployment, sheet) in sheets.iter().filter(|(id, _)| id != from) {
        for row in &sheet.rows {
            let Some((target, field)) = likeness(&sheet.notice, row) else {
                continue;
            };
            let mut level: Option<Level> = None;
            for (known, used) in decided.iter().zip(&mut used) {
                let Some((like, known_field)) = likeness(&source.notice, known) else {
                    continue;
                };
                if like == target && row.basis.can_choose() {
                    let fitting = fitting(known.chosen, known_field, row, field);
                    level = Some(level.map_or(fitting, |it| it.meet(fitting)));
                    *used = true;
                } else if like == target {
                    fixed += 1;
                }
            }
            if level.is_some() {
                steps.push(Step {
                    row,
                    deployment,
                    level,
                });
            }
        }
    }
    let lonely = decided.iter().zip(used).filter(|(_, used)| !used);
    let unmatched = lonely.map(|(row, _)| Unmatched::NoCounterpart(matter(from, row)));
    let unmatched = unmatched.collect();
    plan(sheets, steps, fixed, unmatched)
}

/// The level of `row` that shows the most without showing more than `level` of `known`.
fn fitting(level: Level, known: &Field, row: &SheetRow, field: &Field) -> Level {
    let offered = row.options.iter().map(|(level, _)| *level);
    let chosen = level
        .coarse_number()
        .and_then(|it| known.coarse.get(usize::from(it) - 1));
    let shows_no_more = |it: &Level| match (*it, chosen) {
        (Level::OFF, _) => true,
        (_, None) => level == Level::ON,
        (it, Some(chosen)) => {
            let number = it.coarse_number();
            let coarse = number.and_then(|it| field.coarse.get(usize::from(it) - 1));
            known.kind == field.kind
                && known.unit == field.unit
                && coarse.is_some_and(|it| it.is_no_finer_than(chosen))
        }
    };
    offered.filter(shows_no_more).max().unwrap_or(Level::OFF)
}

fn import_plan(sheets: &Sheets, file: &ChoicesFile) -> BulkPlan {
    let mut steps = Vec::new();
    let mut unmatched = Vec::new();
    for (number, line) in (1..).zip(file.lines()) {
        let wanted = &line.matter;
        let found = sheets.iter().find(|(id, _)| *id == wanted.deployment);
        match found.map(|(id, sheet)| (id, line.fit(sheet))) {
            Some((deployment, Ok((row, level)))) => steps.push(Step {
                row,
                deployment,
                level: Some(level),
            }),
            Some((_, Err(misfit))) => {
                unmatched.push(Unmatched::Row(number, wanted.clone(), misfit))
            }
            None => {
                let misfit = Misfit::NoDeployment;
                unmatched.push(Unmatched::Row(number, wanted.clone(), misfit));
            }
        }
    }
    plan(sheets, steps, 0, unmatched)
}

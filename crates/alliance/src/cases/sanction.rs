//! Sanctions: what a decision does at the gateway, in the transaction that takes it, and how it ends when the cause is cured.

use model::{Entry, EntryKind, Licence, LicenceState};

use super::{
    Actor, Alliance, BTreeSet, CaseError, CaseRole, CaseViewer, DeploymentId, PersonId, Pointer,
    ThingId, Timestamp, text_of,
};
use crate::rows::sanction as sanction_rows;
use crate::words::words;

/// The most fields or things that one sanction is about.
pub const MAX_SANCTION_TARGETS: usize = 100;

words! {
    /// What a decision does.
    SanctionKind {
        /// A warning, in the open.
        Warning = "warning",
        /// Something that has to be done.
        Condition = "condition",
        /// Fields of which nothing passes any more.
        SuspendFields = "suspend-fields",
        /// Things of which nothing is taken any more.
        QuarantineThings = "quarantine-things",
        /// The licence rests.
        SuspendDeployment = "suspend-deployment",
        /// The licence is taken away for good.
        RevokeLicence = "revoke-licence",
    }
}

/// A sanction that was imposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    /// Its number.
    pub id: u64,
    /// The case from which it came.
    pub case: u64,
    /// On which deployment.
    pub deployment: DeploymentId,
    /// What it does.
    pub kind: SanctionKind,
    /// What it is about: fields or things, one a line, or a condition in words.
    pub target: String,
    /// Since when.
    pub imposed_at: Timestamp,
    /// When the accountable member said that the cause is cured.
    pub cured_at: Option<Timestamp>,
    /// The panellist who wants to lift it; a second one does.
    pub lift_asked_by: Option<PersonId>,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
}

impl Alliance {
    /// The accountable member says that the cause of a sanction is cured.
    ///
    /// # Errors
    /// When the actor does not answer for the case, the sanction is over, or the database fails.
    pub fn say_cured(&self, by: &Actor, id: u64, now: Timestamp) -> Result<(), CaseError> {
        let viewer = viewer(by)?;
        self.db.write(|tx| {
            let mut sanction = sanction_rows::one_sanction(tx, id)?.ok_or(CaseError::NotFound)?;
            let (file, role) = self
                .role_in(tx, &viewer, sanction.case)?
                .ok_or(CaseError::NotFound)?;
            if role != CaseRole::Accountable {
                return Err(CaseError::NotFound);
            }
            if sanction.lifted_at.is_some() || sanction.kind == SanctionKind::RevokeLicence {
                return Err(CaseError::NotNow(file.stage));
            }
            sanction.cured_at = Some(now);
            Ok(sanction_rows::update_sanction(tx, &sanction)?)
        })
    }

    /// Lifts a sanction: a panellist of the case asks for it, a second one agrees, and then it is lifted. Gives whether it is.
    ///
    /// # Errors
    /// When the actor sat in no panel of the case, the sanction is over or for good, or the database fails.
    pub fn lift_sanction(&self, by: &Actor, id: u64, now: Timestamp) -> Result<bool, CaseError> {
        let viewer = viewer(by)?;
        let CaseViewer::Account(account) = &viewer else {
            return Err(CaseError::NotFound);
        };
        self.custody.act(now, |act| {
            let mut sanction =
                sanction_rows::one_sanction(act.tx(), id)?.ok_or(CaseError::NotFound)?;
            let (file, role) = self
                .role_in(act.tx(), &viewer, sanction.case)?
                .ok_or(CaseError::NotFound)?;
            if role != CaseRole::Panel {
                return Err(CaseError::NotFound);
            }
            if sanction.lifted_at.is_some() || sanction.kind == SanctionKind::RevokeLicence {
                return Err(CaseError::NotNow(file.stage));
            }
            match &sanction.lift_asked_by {
                Some(first) if *first != account.id => {
                    lift(act, sanction, now)?;
                    Ok(true)
                }
                _ => {
                    sanction.lift_asked_by = Some(account.id.clone());
                    sanction_rows::update_sanction(act.tx(), &sanction)?;
                    Ok(false)
                }
            }
        })
    }
}

fn viewer(by: &Actor) -> Result<CaseViewer, CaseError> {
    match by {
        Actor::Account(account) => Ok(CaseViewer::Account(account.clone())),
        Actor::Operator | Actor::Agreed(_) => Err(CaseError::NotFound),
    }
}

/// The target of a sanction as it is kept, or why it cannot be.
pub(super) fn checked_target(
    act: &mut custody::Act<'_, '_>,
    deployment: &DeploymentId,
    kind: SanctionKind,
    target: &str,
) -> Result<String, CaseError> {
    match kind {
        SanctionKind::Condition => Ok(text_of(target)?.to_owned()),
        SanctionKind::SuspendFields => {
            let fields = fields(target)?;
            let notice = act.notice_in_force(deployment)?.ok_or(CaseError::Target)?;
            match fields.iter().all(|it| notice.field(it).is_some()) {
                true => Ok(lines(fields.iter().map(Pointer::as_str))),
                false => Err(CaseError::Target),
            }
        }
        SanctionKind::QuarantineThings => {
            let things = things(target)?;
            for thing in &things {
                match act.thing_is_of(thing) {
                    Ok(its) if its == *deployment => {}
                    Ok(_) | Err(custody::ActError::NoThing(_)) => return Err(CaseError::Target),
                    Err(other) => return Err(other.into()),
                }
            }
            Ok(lines(things.iter().map(ThingId::as_str)))
        }
        SanctionKind::Warning | SanctionKind::SuspendDeployment | SanctionKind::RevokeLicence => {
            Ok(String::new())
        }
    }
}

fn lines<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join("\n")
}

fn fields(target: &str) -> Result<BTreeSet<Pointer>, CaseError> {
    several(target, |it| Pointer::parse(it).ok())
}

fn things(target: &str) -> Result<BTreeSet<ThingId>, CaseError> {
    several(target, |it| ThingId::parse(it).ok())
}

fn several<T: Ord>(
    target: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<BTreeSet<T>, CaseError> {
    let lines = target.lines().map(str::trim).filter(|it| !it.is_empty());
    let all: BTreeSet<T> = lines
        .take(MAX_SANCTION_TARGETS + 1)
        .map(|it| parse(it).ok_or(CaseError::Target))
        .collect::<Result<_, _>>()?;
    match (1..=MAX_SANCTION_TARGETS).contains(&all.len()) {
        true => Ok(all),
        false => Err(CaseError::Target),
    }
}

/// Imposes a sanction: row, record and what is in force.
pub(super) fn impose(
    act: &mut custody::Act<'_, '_>,
    case: u64,
    deployment: &DeploymentId,
    kind: SanctionKind,
    target: &str,
    now: Timestamp,
) -> Result<(), CaseError> {
    let sanction = Sanction {
        id: 0,
        case,
        deployment: deployment.clone(),
        kind,
        target: target.to_owned(),
        imposed_at: now,
        cured_at: None,
        lift_asked_by: None,
        lifted_at: None,
    };
    sanction_rows::impose(act.tx(), &sanction)?;
    carry_out(act, &sanction, true)?;
    record(act, EntryKind::SanctionImposed, &sanction, now);
    Ok(())
}

/// Lifts a sanction, unless it was before or is for good.
pub(super) fn lift(
    act: &mut custody::Act<'_, '_>,
    mut sanction: Sanction,
    now: Timestamp,
) -> Result<(), CaseError> {
    if sanction.lifted_at.is_some() || sanction.kind == SanctionKind::RevokeLicence {
        return Ok(());
    }
    sanction.lifted_at = Some(now);
    sanction_rows::update_sanction(act.tx(), &sanction)?;
    carry_out(act, &sanction, false)?;
    record(act, EntryKind::SanctionLifted, &sanction, now);
    Ok(())
}

fn record(act: &mut custody::Act<'_, '_>, kind: EntryKind, sanction: &Sanction, now: Timestamp) {
    act.record(Entry {
        at: now,
        kind,
        about: format!("deployment:{}", sanction.deployment),
        by: "office:panel".to_owned(),
        reason: format!("{}, case:{}", sanction.kind, sanction.case),
        document_sha256: None,
    });
}

/// Makes the gateway obey: what holds at the deployment follows from the sanctions that stand.
fn carry_out(
    act: &mut custody::Act<'_, '_>,
    sanction: &Sanction,
    holds: bool,
) -> Result<(), CaseError> {
    let deployment = &sanction.deployment;
    let standing = sanction_rows::sanctions_at(act.tx(), deployment)?;
    let of_kind = |kind| standing.iter().filter(move |it| it.kind == kind);
    match sanction.kind {
        SanctionKind::Warning | SanctionKind::Condition => {}
        SanctionKind::SuspendFields => {
            let mut all = BTreeSet::new();
            for it in of_kind(SanctionKind::SuspendFields) {
                all.extend(fields(&it.target)?);
            }
            // A later version of the notice may have dropped a field: nothing of it passes anyway.
            let notice = act.notice_in_force(deployment)?.ok_or(CaseError::Target)?;
            all.retain(|it| notice.field(it).is_some());
            act.suspend_fields(deployment, &all)?;
        }
        SanctionKind::QuarantineThings => {
            let mut held = BTreeSet::new();
            for it in of_kind(SanctionKind::QuarantineThings) {
                held.extend(things(&it.target)?);
            }
            for thing in things(&sanction.target)? {
                match act.quarantine_thing(&thing, holds || held.contains(&thing)) {
                    // It was removed since.
                    Ok(()) | Err(custody::ActError::NoThing(_)) => {}
                    Err(other) => return Err(other.into()),
                }
            }
        }
        SanctionKind::SuspendDeployment | SanctionKind::RevokeLicence => {
            let licence = act.licence(deployment)?;
            let rests = of_kind(SanctionKind::SuspendDeployment).next().is_some();
            let state = match (sanction.kind, licence.state) {
                (SanctionKind::RevokeLicence, _) => Some(LicenceState::Revoked),
                (_, LicenceState::Active) if holds => Some(LicenceState::Suspended),
                (_, LicenceState::Suspended) if !holds && !rests => Some(LicenceState::Active),
                _ => None,
            };
            if let Some(state) = state {
                act.set_licence(
                    deployment,
                    Licence {
                        state,
                        until: licence.until,
                    },
                )?;
            }
        }
    }
    Ok(())
}

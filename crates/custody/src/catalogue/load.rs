//! From the rows to what is in force: all of a deployment, or what an act has touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use model::{Cap, DeploymentId, PersonId, Problem, ThingId};
use rustc_hash::FxHashMap;
use store::Tx;

use super::bound::Stay;
use super::rules::Rules;
use super::state::{Delta, DeploymentState, ThingNumber};
use super::{Catalogue, ThingPeer};
use crate::rows::thing::ThingRow;
use crate::rows::{self, RowError};
use crate::secret::SubjectToken;

/// The most assignments of one thing, over all time.
pub(crate) const MAX_ASSIGNMENTS: usize = 1_000;
/// Touched things beyond this are looked up together.
const MANY: usize = 32;

/// A thing that has just appeared.
pub(crate) struct Appeared {
    pub(crate) row: ThingRow,
    pub(crate) number: ThingNumber,
}

/// What will be in force at a deployment.
pub(crate) struct Next {
    pub(crate) id: DeploymentId,
    pub(crate) state: DeploymentState,
    pub(crate) appeared: Vec<Appeared>,
    /// What the rows say of things that were there before.
    pub(crate) changed: Vec<ThingRow>,
}

/// What an act has changed in the rows of a deployment.
#[derive(Default)]
pub(crate) struct Touched {
    /// Everything: the notice is a new one.
    pub(crate) whole: bool,
    pub(crate) licence: bool,
    pub(crate) grants: bool,
    /// Which of its fields are suspended.
    pub(crate) suspended: bool,
    pub(crate) things: Vec<ThingRow>,
    /// Things whose credential, topic or dialect is another, or that were removed.
    pub(crate) changed: BTreeSet<ThingId>,
    pub(crate) assigned: BTreeSet<ThingId>,
    pub(crate) linked: Vec<(SubjectToken, PersonId)>,
    pub(crate) people: BTreeSet<PersonId>,
}

/// Why rows could not be put in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("the rows failed")]
    Rows(#[from] RowError),
    #[error("the notice cannot be enforced")]
    Notice(#[source] policy::CompileError),
    #[error("a thing has more than {MAX_ASSIGNMENTS} assignments")]
    Assignments,
    #[error("there are too many things")]
    Things,
}

/// All of a deployment; `None` when there is no such one. Things keep the numbers that they have in `catalogue`.
pub(crate) fn whole(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
    catalogue: &Catalogue,
    numbers: &Arc<AtomicU64>,
) -> Result<Option<Next>, LoadError> {
    let Some(row) = rows::deployment::one(tx, id)? else {
        return Ok(None);
    };
    tell(id, &row.problems, row.is_cut);
    let grants = rows::access::grants(tx, id)?;
    let caps = rows::cap::CapsByDeployment::read(tx)?.at(id);
    let orders = crate::lawful::lanes(rows::lawful_order::standing_at(tx, id)?)?;
    let notice = Arc::new(row.notice);
    let rules = Rules::compile(notice, orders, grants, caps, Arc::clone(numbers));
    let rules = rules.map_err(LoadError::Notice)?;
    let mut delta = Delta::default();
    rows::chosen::for_each_person(tx, id, |person, levels| {
        delta.chosen.push((person, list(&rules, levels)));
    })?;
    let standing = catalogue.deployments.get(id).map(|it| it.state.load_full());
    let mut end = standing.map_or(0, |it| it.thing_end());
    let (mut appeared, mut changed) = (Vec::new(), Vec::new());
    let mut places: FxHashMap<ThingId, ThingNumber> = FxHashMap::default();
    for row in rows::thing::of(tx, id)? {
        let standing = catalogue.things.get(&row.id).map(|it| it.number);
        let number = match standing {
            Some(number) => number,
            None => taken(&mut end)?,
        };
        delta.appeared.push(number);
        if row.removed_at.is_some() {
            delta.removed.push(number);
        }
        places.insert(row.id.clone(), number);
        match standing {
            Some(_) => changed.push(row),
            None => appeared.push(Appeared { row, number }),
        }
    }
    let mut assigned: BTreeMap<ThingNumber, Vec<Stay>> = BTreeMap::new();
    for assignment in rows::thing::assignments(tx, id)? {
        if let Some(number) = places.get(&assignment.thing) {
            assigned
                .entry(*number)
                .or_default()
                .push(Stay::of(assignment));
        }
    }
    delta.assigned = assigned.into_iter().collect();
    delta.linked = rows::thing::subject_tokens(tx, id)?;
    let state = DeploymentState::new(rules, row.licence, row.quarantined).derive(delta);
    Ok(Some(Next {
        id: id.clone(),
        state,
        appeared,
        changed,
    }))
}

/// Says which rules of today the published notice breaks: it is enforced, but no new version may be like that.
fn tell(id: &DeploymentId, problems: &[Problem], is_cut: bool) {
    let Some(first) = problems.first() else {
        return;
    };
    let means = match is_cut {
        true => "what cannot be understood is left out of it: nothing passes by that",
        false => "it is in force as it stands",
    };
    tracing::warn!(
        deployment.id = %id,
        notice.problems = problems.len(),
        notice.is_cut = is_cut,
        "the notice of `{id}` was published under older rules, line {}: {}; {means}; publish a new version that `amanat notice check` accepts",
        first.line,
        first.reason,
    );
}

/// What an act changes at a deployment that is in force; `caps` where they change.
pub(crate) fn derived(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
    standing: &DeploymentState,
    touched: Touched,
    caps: Option<Arc<[Cap]>>,
    peers: impl Fn(&ThingId) -> Option<Arc<ThingPeer>>,
) -> Result<Next, LoadError> {
    let mut delta = Delta {
        caps,
        linked: touched.linked,
        ..Delta::default()
    };
    if touched.licence {
        delta.licence = rows::deployment::licence(tx, id)?;
    }
    if touched.grants {
        delta.grants = Some(rows::access::grants(tx, id)?);
    }
    for person in touched.people {
        let levels = rows::chosen::of_person(tx, id, &person)?;
        let chosen = list(&standing.rules, levels);
        delta.chosen.push((person, chosen));
    }
    let mut appeared = Vec::new();
    let mut places: FxHashMap<ThingId, ThingNumber> = FxHashMap::default();
    let mut end = standing.thing_end();
    for row in touched.things {
        let number = taken(&mut end)?;
        places.insert(row.id.clone(), number);
        delta.appeared.push(number);
        appeared.push(Appeared { row, number });
    }
    let mut changed = Vec::new();
    for thing in touched.changed {
        let Some(row) = rows::thing::one(tx, &thing)? else {
            continue;
        };
        let number = places.get(&thing).copied();
        let number = number.or_else(|| peers(&thing).map(|it| it.number));
        delta
            .removed
            .extend(number.filter(|_| row.removed_at.is_some()));
        changed.push(row);
    }
    for (thing, stays) in stays(tx, id, touched.assigned)? {
        let number = places.get(&thing).copied();
        if let Some(number) = number.or_else(|| peers(&thing).map(|it| it.number)) {
            delta.assigned.push((number, stays));
        }
    }
    Ok(Next {
        id: id.clone(),
        state: standing.derive(delta),
        appeared,
        changed,
    })
}

/// All assignments of these things of a deployment.
fn stays(
    tx: &mut Tx<'_>,
    id: &DeploymentId,
    things: BTreeSet<ThingId>,
) -> Result<BTreeMap<ThingId, Vec<Stay>>, LoadError> {
    let mut stays: BTreeMap<ThingId, Vec<Stay>> = BTreeMap::new();
    let mut assignments = Vec::new();
    if things.len() > MANY {
        assignments = rows::thing::assignments(tx, id)?;
    } else {
        for thing in &things {
            assignments.extend(rows::thing::assignments_of(tx, thing)?);
        }
    }
    for thing in things {
        stays.insert(thing, Vec::new());
    }
    for assignment in assignments {
        if let Some(known) = stays.get_mut(&assignment.thing) {
            known.push(Stay::of(assignment));
        }
    }
    if stays.values().any(|it| it.len() > MAX_ASSIGNMENTS) {
        return Err(LoadError::Assignments);
    }
    Ok(stays)
}

fn list(rules: &Rules, levels: Vec<rows::chosen::ChosenLevel>) -> super::chosen::Chosen {
    let numbered = levels.into_iter().filter_map(|it| {
        let number = rules.slots.number(&it.field, &it.purpose, &it.recipient)?;
        Some((number, it.level))
    });
    rules.slots.list(numbered.collect())
}

fn taken(end: &mut ThingNumber) -> Result<ThingNumber, LoadError> {
    let number = *end;
    *end = end.checked_add(1).ok_or(LoadError::Things)?;
    Ok(number)
}

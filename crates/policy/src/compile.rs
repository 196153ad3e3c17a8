//! From a notice, caps, choices and grants to a [`Program`].
//!
//! The level of a field in a lane is the meet of what the notice declares, what the rulebook caps, and what the legal basis
//! makes of the choices of every person whom the thing senses. Where several declarations cover the same field, purpose and
//! recipient, the most restrictive counts, for the level and for the retention. A level that the field does not have becomes
//! the next lower one that it has, or off: so that lowering a level never reveals more.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Cap, CapTarget, Choice, Declaration, Grant, LegalBasis, Level, Notice, Pointer, PurposeId,
    RecipientId, Retention, Roles,
};
use smallvec::SmallVec;

use crate::decide::classes::Classes;
use crate::field_set::{FieldIndex, FieldSet};
use crate::program::{
    Factor, Keeping, Lane, LaneIndex, LaneVerdicts, Levels, Program, StoredPart, Verdict, View,
    Window, Windows, apart,
};
use crate::schema::{Schema, SchemaField};

/// What a program is compiled from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The notice in force.
    pub notice: &'a Notice,
    /// The schema of that notice.
    pub schema: &'a Arc<Schema>,
    /// Every person whom the thing senses; empty where nobody is assigned.
    pub people: &'a [Sensed<'a>],
    /// Who has access. Grants for other deployments are passed over.
    pub grants: &'a [Grant],
    /// The limits of the rulebook.
    pub caps: &'a [Cap],
    /// A number that tells this program from those before.
    pub generation: u64,
}

/// A person whom a thing senses.
#[derive(Debug, Clone, Copy)]
pub struct Sensed<'a> {
    /// In which roles. Their choice counts for fields that are about one of these.
    pub roles: Roles,
    /// What they chose.
    pub choices: &'a [Choice],
}

/// Compiles what may pass to whom.
#[must_use]
pub fn compile(inputs: &Inputs<'_>) -> Program {
    let (lanes, verdicts) = lanes(inputs);
    let windows = windows(inputs);
    let verdicts: Vec<_> = lanes
        .iter()
        .zip(verdicts)
        .map(|(lane, fields)| LaneVerdicts {
            windows: windows
                .get(&(&lane.recipient, &lane.purpose))
                .cloned()
                .unwrap_or_default(),
            fields: fields.into_iter().collect(),
        })
        .collect();
    let windowed = windowed(inputs.schema, &verdicts);
    let (views, view_of) = views(&verdicts, &windowed);
    let coarse = views
        .iter()
        .flat_map(|it| it.levels.iter().chain(&it.windowed));
    let coarse = coarse.filter(|it| it.0 != Level::ON);
    let coarse = coarse.fold(FieldSet::EMPTY, |all, it| all.or(it.1));
    let mut by_name: Vec<_> = (0..=u16::MAX).map(LaneIndex).take(lanes.len()).collect();
    by_name.sort_by_key(|it| lanes.get(usize::from(it.0)));
    Program {
        generation: inputs.generation,
        schema: Arc::clone(inputs.schema),
        by_name,
        stored: Classes::new(stored(&verdicts)),
        numeric: coarse.and(inputs.schema.numeric()),
        windowed,
        lanes,
        verdicts,
        view_of,
        views,
    }
}

type Verdicts = BTreeMap<FieldIndex, Verdict>;

/// Every lane of the declarations, with the verdict on every field that is declared for it.
fn lanes(inputs: &Inputs<'_>) -> (Vec<Lane>, Vec<Verdicts>) {
    let choices: Vec<_> = inputs
        .people
        .iter()
        .map(|it| Chosen::of(inputs.notice, it))
        .collect();
    let mut numbers: BTreeMap<(&RecipientId, &PurposeId), usize> = BTreeMap::new();
    let (mut lanes, mut verdicts) = (Vec::new(), Vec::<Verdicts>::new());
    for declaration in &inputs.notice.declarations {
        for recipient in &declaration.recipients {
            let purpose = &declaration.purpose;
            let number = *numbers.entry((recipient, purpose)).or_insert_with(|| {
                lanes.push(Lane {
                    recipient: recipient.clone(),
                    purpose: purpose.clone(),
                });
                verdicts.push(Verdicts::new());
                lanes.len() - 1
            });
            let Some(lane) = verdicts.get_mut(number) else {
                continue;
            };
            for pointer in &declaration.fields {
                if let Some(index) = inputs.schema.index_of(pointer)
                    && let Some(field) = inputs.schema.field(index)
                {
                    let verdict = judge(inputs, declaration, field, recipient, &choices);
                    let merged = lane
                        .get(&index)
                        .map_or(verdict, |it| stricter(*it, verdict));
                    lane.insert(index, merged);
                }
            }
        }
    }
    (lanes, verdicts)
}

/// What one person chose; where a choice stands twice, the more protective counts.
struct Chosen<'a> {
    roles: Roles,
    levels: BTreeMap<(&'a Pointer, &'a PurposeId, &'a RecipientId), Level>,
}

impl<'a> Chosen<'a> {
    fn of(notice: &Notice, person: &Sensed<'a>) -> Self {
        let mut chosen = BTreeMap::new();
        for choice in person.choices {
            if choice.deployment == notice.deployment {
                let key = (&choice.field, &choice.purpose, &choice.recipient);
                let level = chosen.entry(key).or_insert(choice.level);
                *level = level.meet(choice.level);
            }
        }
        Self {
            roles: person.roles,
            levels: chosen,
        }
    }
}

/// The verdict of one declaration on one field for one recipient.
fn judge(
    inputs: &Inputs<'_>,
    declaration: &Declaration,
    field: &SchemaField,
    recipient: &RecipientId,
    people: &[Chosen<'_>],
) -> Verdict {
    let declared = declaration.precision;
    let mut verdict = Verdict {
        level: match declared.coarse_number() {
            // What the notice declares must exist; people and rulebook may name a level in general.
            Some(number) if usize::from(number) > field.operators.len() => Level::OFF,
            _ => declared,
        },
        factor: Factor::Notice,
        retention: declaration.retention,
        keeping: if declaration.basis.can_choose() {
            Keeping::AsChosen
        } else {
            Keeping::ByLaw
        },
    };
    for cap in inputs.caps {
        if limits(cap, field, &declaration.purpose) {
            lower(&mut verdict, cap.most, Factor::Rulebook);
        }
    }
    let basis = Factor::LegalBasis(declaration.basis);
    let default = declaration.basis.default_level();
    let concerned = |it: &&Chosen<'_>| it.roles.meets(field.about);
    if !people.iter().any(|it| concerned(&it)) {
        lower(&mut verdict, default, basis);
    }
    for person in people.iter().filter(concerned) {
        let key = (&field.pointer, &declaration.purpose, recipient);
        let chosen = person.levels.get(&key).copied();
        match chosen {
            Some(level) if declaration.basis.can_choose() => {
                lower(&mut verdict, level, Factor::Choice);
            }
            Some(level) if level < verdict.level => verdict.factor = basis,
            Some(_) => {}
            None => lower(&mut verdict, default, basis),
        }
    }
    verdict.level = field.floor(verdict.level);
    verdict
}

/// Whether a cap limits a field for a purpose.
pub(crate) fn limits(cap: &Cap, field: &SchemaField, purpose: &PurposeId) -> bool {
    let meant = match &cap.target {
        CapTarget::Sensitivity(from) => field.sensitivity >= *from,
        CapTarget::Field(pointer) => field.pointer == *pointer,
    };
    meant && cap.purpose.as_ref().is_none_or(|it| it == purpose)
}

/// The declaration that decides the level of a field in a lane: of the strictest one that `factor` comes from, and of these
/// one that rests on consent, since that had to be given.
pub(crate) fn deciding<'a>(
    inputs: &Inputs<'a>,
    recipient: &RecipientId,
    purpose: &PurposeId,
    index: FieldIndex,
    factor: Factor,
) -> Option<&'a Declaration> {
    let field = inputs.schema.field(index)?;
    let people = inputs.people.iter();
    let people: Vec<_> = people.map(|it| Chosen::of(inputs.notice, it)).collect();
    let covering = inputs.notice.declarations.iter().filter(|it| {
        it.purpose == *purpose
            && it.recipients.contains(recipient)
            && it.fields.contains(&field.pointer)
    });
    covering.min_by_key(|it| {
        let verdict = judge(inputs, it, field, recipient, &people);
        let asked = it.basis == LegalBasis::Consent;
        (verdict.level, verdict.factor != factor, !asked)
    })
}

fn lower(verdict: &mut Verdict, level: Level, factor: Factor) {
    if level < verdict.level {
        verdict.level = level;
        verdict.factor = factor;
    }
}

/// Where two declarations cover the same: the lower level and the shorter retention.
fn stricter(first: Verdict, second: Verdict) -> Verdict {
    let lower = if second.level < first.level {
        second
    } else {
        first
    };
    Verdict {
        retention: first.retention.min(second.retention),
        keeping: first.keeping.max(second.keeping),
        ..lower
    }
}

/// When each lane is open: the union of its grants, as ascending windows that do not touch.
fn windows<'a>(inputs: &Inputs<'a>) -> BTreeMap<(&'a RecipientId, &'a PurposeId), Windows> {
    let mut all: BTreeMap<_, Windows> = BTreeMap::new();
    for grant in inputs.grants {
        let window = Window {
            from: grant.valid_from,
            until: grant.valid_until,
        };
        let empty = window.until.is_some_and(|it| it <= window.from);
        if grant.deployment == inputs.notice.deployment && !empty {
            let lane = all.entry((&grant.recipient, &grant.purpose));
            lane.or_default().push(window);
        }
    }
    for windows in all.values_mut() {
        *windows = joined(std::mem::take(windows));
    }
    all
}

fn joined(mut windows: Windows) -> Windows {
    windows.sort_by_key(|it| it.from);
    let mut joined = Windows::new();
    for window in windows {
        match joined.last_mut() {
            Some(last) if last.until.is_none_or(|it| window.from <= it) => {
                last.until = match (last.until, window.until) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    _ => None,
                };
            }
            _ => joined.push(window),
        }
    }
    joined
}

/// Lanes with equal levels and windows share a view.
fn views(lanes: &[LaneVerdicts], windowed: &Levels) -> (Vec<View>, Arc<[u16]>) {
    let mut known = BTreeMap::new();
    let mut views = Vec::new();
    let mut view_of = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let levels = levels(lane.fields.iter().map(|it| (it.0, it.1.level)));
        let number = *known
            .entry((levels.clone(), lane.windows.clone()))
            .or_insert_with(|| {
                let (levels, later) = apart(windowed, levels);
                views.push(View {
                    windows: lane.windows.clone(),
                    levels,
                    windowed: later,
                });
                // At most 512 declarations for 64 recipients: the number fits.
                u16::try_from(views.len() - 1).unwrap_or(u16::MAX)
            });
        view_of.push(number);
    }
    (views, view_of.into())
}

/// At which levels which fields pass as statistics over time, in some lane.
fn windowed(schema: &Schema, lanes: &[LaneVerdicts]) -> Levels {
    let verdicts = lanes.iter().flat_map(|it| &it.fields);
    let over_time = verdicts.filter(|(field, verdict)| {
        let operator = schema
            .field(*field)
            .and_then(|it| it.operator(verdict.level));
        operator.is_some_and(|it| it.window().is_some())
    });
    // A field may stand at two such levels, so each level is gathered on its own.
    let mut levels: BTreeMap<Level, FieldSet> = BTreeMap::new();
    for (field, verdict) in over_time {
        levels.entry(verdict.level).or_default().insert(*field);
    }
    levels.into_iter().rev().collect()
}

/// What is kept how long: one part for each way of keeping, retention and access.
fn stored(lanes: &[LaneVerdicts]) -> Vec<StoredPart> {
    let mut parts: BTreeMap<(Keeping, Retention, &Windows), BTreeMap<FieldIndex, Level>> =
        BTreeMap::new();
    for lane in lanes {
        for (field, verdict) in &lane.fields {
            if verdict.retention != Retention::LIVE_ONLY && verdict.level != Level::OFF {
                let key = (verdict.keeping, verdict.retention, &lane.windows);
                let part = parts.entry(key).or_default();
                let level = part.entry(*field).or_insert(Level::OFF);
                *level = level.join(verdict.level);
            }
        }
    }
    let longest_first = parts.into_iter().rev();
    longest_first
        .map(|((keeping, retention, windows), fields)| StoredPart {
            keeping,
            retention,
            windows: windows.clone(),
            levels: levels(fields.into_iter()),
        })
        .collect()
}

fn levels(fields: impl Iterator<Item = (FieldIndex, Level)>) -> Levels {
    let mut levels: BTreeMap<Level, FieldSet> = BTreeMap::new();
    for (field, level) in fields.filter(|it| it.1 != Level::OFF) {
        levels.entry(level).or_default().insert(field);
    }
    levels.into_iter().rev().collect::<SmallVec<_>>()
}

#[cfg(test)]
mod tests;

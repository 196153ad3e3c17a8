//! What passes to whom for what: how exact, on which basis, for how long.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeEffect, Changed, by_order, note};
use crate::notice::{Coarsening, LegalBasis, Notice, Retention};
use crate::{Level, Pointer, PurposeId, RecipientId, Text};

/// A field that passes to a recipient for a purpose.
type Flow<'a> = (&'a Pointer, &'a PurposeId, &'a RecipientId);

/// What holds for a field and a purpose, whoever receives.
#[derive(Clone, PartialEq)]
struct Terms<'a> {
    basis: LegalBasis,
    retention: Retention,
    stored_in: BTreeSet<&'a str>,
}

/// Notes what changes in the declarations.
pub(super) fn compare(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    let (was, now) = (flows(old), flows(new));
    let gone = order(old).into_iter().filter(|it| !now.contains_key(it));
    for flow in order(new).into_iter().chain(gone) {
        let (before, after) = (was.get(&flow).copied(), now.get(&flow).copied());
        precision(changes, old, new, flow, [before, after]);
    }
    let (was, now) = (terms(old), terms(new));
    basis(changes, new, &was, &now);
    retention(changes, new, &was, &now);
    let mut moved = BTreeSet::new();
    for (key, now) in &now {
        if was.get(key).is_some_and(|it| it.stored_in != now.stored_in) {
            moved.insert(key.1);
        }
    }
    for purpose in moved {
        note(
            changes,
            ChangeEffect::Other,
            Changed::StoredIn(Some(purpose.clone())),
        );
    }
}

/// Where several declarations name the same flow, the stricter counts.
fn flows(notice: &Notice) -> BTreeMap<Flow<'_>, Level> {
    let mut flows = BTreeMap::new();
    for declaration in &notice.declarations {
        for field in &declaration.fields {
            for recipient in &declaration.recipients {
                let flow = (field, &declaration.purpose, recipient);
                let level = flows.entry(flow).or_insert(declaration.precision);
                *level = level.meet(declaration.precision);
            }
        }
    }
    flows
}

/// Every flow once, in the order of the notice.
fn order(notice: &Notice) -> Vec<Flow<'_>> {
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    for declaration in &notice.declarations {
        for field in &declaration.fields {
            for recipient in &declaration.recipients {
                let flow = (field, &declaration.purpose, recipient);
                if seen.insert(flow) {
                    order.push(flow);
                }
            }
        }
    }
    order
}

fn precision(
    changes: &mut Vec<Change>,
    old: &Notice,
    new: &Notice,
    (field, purpose, recipient): Flow<'_>,
    [was, now]: [Option<Level>; 2],
) {
    let coarsening = |notice: &Notice, level: Option<Level>| {
        let number = usize::from(level?.coarse_number()?);
        notice.field(field)?.coarse.get(number - 1).cloned()
    };
    let effect = match (was, now) {
        (None, None) => return,
        (None, Some(_)) => ChangeEffect::More,
        (Some(_), None) => ChangeEffect::Less,
        (Some(was), Some(now)) => match [coarsening(old, Some(was)), coarsening(new, Some(now))] {
            [Some(was), Some(now)] if was == now => return,
            [Some(was), Some(now)] => finer(&was, &now),
            _ if was == now => return,
            _ => by_order(&was, &now),
        },
    };
    let what = Changed::Precision {
        field: field.clone(),
        purpose: purpose.clone(),
        recipient: recipient.clone(),
        was,
        now,
    };
    note(changes, effect, what);
}

/// Whether the new coarsening shows more than the old one.
fn finer(was: &Coarsening, now: &Coarsening) -> ChangeEffect {
    use Coarsening::{Grid, Round, Window};
    match (was, now) {
        (Round(was), Round(now)) | (Grid(was), Grid(now)) if now < was => ChangeEffect::More,
        (Round(_), Round(_)) | (Grid(_), Grid(_)) => ChangeEffect::Less,
        (Window(was), Window(now)) if was.of == now.of && now.seconds < was.seconds => {
            ChangeEffect::More
        }
        _ if was.is_no_finer_than(now) => ChangeEffect::More,
        _ if now.is_no_finer_than(was) => ChangeEffect::Less,
        _ => ChangeEffect::Other,
    }
}

/// For each field and purpose: the basis that leaves people most to choose, the longest retention, every place of storage.
fn terms(notice: &Notice) -> BTreeMap<(&Pointer, &PurposeId), Terms<'_>> {
    let mut all = BTreeMap::new();
    for declaration in &notice.declarations {
        let here = declaration.stored_in.as_ref().unwrap_or(&notice.stored_in);
        for field in &declaration.fields {
            let terms = all
                .entry((field, &declaration.purpose))
                .or_insert_with(|| Terms {
                    basis: declaration.basis,
                    retention: declaration.retention,
                    stored_in: BTreeSet::new(),
                });
            if bound(declaration.basis) < bound(terms.basis) {
                terms.basis = declaration.basis;
            }
            terms.retention = terms.retention.max(declaration.retention);
            // What follows the notice moves with the notice.
            if *here != notice.stored_in {
                terms.stored_in.extend(texts(here));
            }
        }
    }
    all
}

fn texts(text: &Text) -> [&str; 2] {
    [&text.en, &text.ur]
}

/// How little a basis leaves people to choose.
const fn bound(basis: LegalBasis) -> u8 {
    match basis {
        LegalBasis::Consent => 0,
        LegalBasis::Contract | LegalBasis::LegitimateInterest | LegalBasis::PublicTask => 1,
        LegalBasis::LegalObligation | LegalBasis::VitalInterest => 2,
    }
}

type AllTerms<'a> = BTreeMap<(&'a Pointer, &'a PurposeId), Terms<'a>>;

fn basis(changes: &mut Vec<Change>, new: &Notice, was: &AllTerms<'_>, now: &AllTerms<'_>) {
    for ((purpose, was, now), fields) in grouped(new, was, now, |it| it.basis) {
        let effect = by_order(&bound(was), &bound(now));
        let purpose = purpose.clone();
        note(
            changes,
            effect,
            Changed::Basis {
                fields,
                purpose,
                was,
                now,
            },
        );
    }
}

fn retention(changes: &mut Vec<Change>, new: &Notice, was: &AllTerms<'_>, now: &AllTerms<'_>) {
    for ((purpose, was, now), fields) in grouped(new, was, now, |it| it.retention) {
        let effect = by_order(&was, &now);
        let purpose = purpose.clone();
        note(
            changes,
            effect,
            Changed::Retention {
                fields,
                purpose,
                was,
                now,
            },
        );
    }
}

/// Fields that change in the same way for the same purpose stand together, in the order of the notice.
fn grouped<'a, T: Ord + Copy>(
    new: &Notice,
    was: &AllTerms<'a>,
    now: &AllTerms<'a>,
    of: impl Fn(&Terms<'a>) -> T,
) -> BTreeMap<(&'a PurposeId, T, T), Vec<Pointer>> {
    let mut groups: BTreeMap<_, Vec<Pointer>> = BTreeMap::new();
    for ((field, purpose), after) in now {
        let Some(before) = was.get(&(*field, *purpose)) else {
            continue;
        };
        let (before, after) = (of(before), of(after));
        if before != after {
            let fields = groups.entry((*purpose, before, after)).or_default();
            fields.push((*field).clone());
        }
    }
    for fields in groups.values_mut() {
        fields.sort_by_cached_key(|it| new.fields.iter().position(|field| field.pointer == *it));
    }
    groups
}

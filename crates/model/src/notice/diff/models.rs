//! Automated models: which there are, what they are fed with, what they work out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeEffect, Changed, note};
use crate::notice::Notice;
use crate::{ModelId, Pointer};

pub(super) fn compare(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    for now in &new.models {
        match old.models.iter().find(|it| it.id == now.id) {
            None => note(
                changes,
                ChangeEffect::More,
                Changed::ModelAdded(now.id.clone()),
            ),
            Some(was) if was != now => {
                note(
                    changes,
                    ChangeEffect::Other,
                    Changed::ModelChanged(now.id.clone()),
                );
            }
            Some(_) => {}
        }
    }
    for was in &old.models {
        if new.models.iter().all(|it| it.id != was.id) {
            note(
                changes,
                ChangeEffect::Less,
                Changed::ModelRemoved(was.id.clone()),
            );
        }
    }
    let (was, now) = (fed(old), fed(new));
    for (model, fields) in &now {
        let before = was.get(model).cloned().unwrap_or_default();
        let fields: Vec<_> = fields.difference(&before).cloned().collect();
        if !fields.is_empty() {
            note(
                changes,
                ChangeEffect::More,
                Changed::Fed {
                    model: model.clone(),
                    fields,
                },
            );
        }
    }
    let (made, makes) = (made(old), made(new));
    for (model, fields) in makes {
        let before = made.get(&model).cloned().unwrap_or_default();
        let fields: Vec<_> = fields.difference(&before).cloned().collect();
        if !fields.is_empty() {
            let what = Changed::Makes { model, fields };
            note(changes, ChangeEffect::More, what);
        }
    }
    for (model, fields) in &was {
        let after = now.get(model).cloned().unwrap_or_default();
        let fields: Vec<_> = fields.difference(&after).cloned().collect();
        // A model that is gone is fed with nothing: once is enough.
        if !fields.is_empty() && now.contains_key(model) {
            note(
                changes,
                ChangeEffect::Less,
                Changed::NotFed {
                    model: model.clone(),
                    fields,
                },
            );
        }
    }
}

/// The fields that each model works out.
fn made(notice: &Notice) -> BTreeMap<ModelId, BTreeSet<Pointer>> {
    let mut made: BTreeMap<ModelId, BTreeSet<Pointer>> = BTreeMap::new();
    for field in &notice.fields {
        if let Some(model) = &field.made_by {
            let fields = made.entry(model.clone()).or_default();
            fields.insert(field.pointer.clone());
        }
    }
    made
}

/// The fields that each model is fed with.
fn fed(notice: &Notice) -> BTreeMap<ModelId, BTreeSet<Pointer>> {
    let mut fed: BTreeMap<ModelId, BTreeSet<Pointer>> = BTreeMap::new();
    for declaration in &notice.declarations {
        for model in &declaration.models {
            let fields = fed.entry(model.clone()).or_default();
            fields.extend(declaration.fields.iter().cloned());
        }
    }
    fed
}

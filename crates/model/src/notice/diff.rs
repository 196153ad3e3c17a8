//! What a change of a notice means for people: data, to be put into words by whoever shows it.

use std::collections::BTreeSet;

use super::{Coarsening, Field, LegalBasis, Notice, Party, Range, Retention, Sensitivity};
use crate::{CommandName, Level, MemberId, ModelId, Pointer, PurposeId, RecipientId, Roles};

mod commands;
mod flows;
mod models;

/// One difference between two versions of a notice.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whether it reveals more about people.
    pub effect: ChangeEffect,
    /// What changes.
    pub what: Changed,
}

/// What a change does to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeEffect {
    /// More is revealed, or there is less to choose.
    More,
    /// Something else changes, or it cannot be said in general.
    Other,
    /// Less is revealed, or there is more to choose.
    Less,
}

/// What changes. Names that were removed are those of the old notice.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// Another member answers for the deployment.
    Controller {
        /// Before.
        was: MemberId,
        /// From now on.
        now: MemberId,
    },
    /// A field is collected that was not.
    FieldAdded(Pointer),
    /// A field is not collected any more.
    FieldRemoved(Pointer),
    /// How exactly a field passes to a recipient for a purpose; `None` is not at all.
    Precision {
        /// The field.
        field: Pointer,
        /// For which purpose.
        purpose: PurposeId,
        /// To whom.
        recipient: RecipientId,
        /// A level of the field in the old notice.
        was: Option<Level>,
        /// A level of the field in the new notice.
        now: Option<Level>,
    },
    /// A new purpose.
    PurposeAdded(PurposeId),
    /// A purpose is gone.
    PurposeRemoved(PurposeId),
    /// A purpose is described otherwise.
    PurposeChanged(PurposeId),
    /// A new recipient.
    RecipientAdded(RecipientId),
    /// A recipient is gone.
    RecipientRemoved(RecipientId),
    /// A recipient's name or terms.
    RecipientChanged(RecipientId),
    /// How a recipient stands to the accountable member.
    Party {
        /// The recipient.
        recipient: RecipientId,
        /// Before.
        was: Party,
        /// From now on.
        now: Party,
    },
    /// Where a recipient processes.
    Country {
        /// The recipient.
        recipient: RecipientId,
        /// Before.
        was: Option<String>,
        /// From now on.
        now: Option<String>,
    },
    /// The legal basis, and with it what people can choose.
    Basis {
        /// The fields.
        fields: Vec<Pointer>,
        /// For which purpose.
        purpose: PurposeId,
        /// Before.
        was: LegalBasis,
        /// From now on.
        now: LegalBasis,
    },
    /// How long fields are kept for a purpose.
    Retention {
        /// The fields.
        fields: Vec<Pointer>,
        /// For which purpose.
        purpose: PurposeId,
        /// Before.
        was: Retention,
        /// From now on.
        now: Retention,
    },
    /// Where data is stored; for one purpose, or in general.
    StoredIn(Option<PurposeId>),
    /// What is said about people nearby: whether there was something, whether there is.
    Bystanders {
        /// Before.
        was: bool,
        /// From now on.
        now: bool,
    },
    /// A model is new, and fed.
    ModelAdded(ModelId),
    /// A model is gone.
    ModelRemoved(ModelId),
    /// A model's name or what it decides.
    ModelChanged(ModelId),
    /// A model is fed with more fields.
    Fed {
        /// The model.
        model: ModelId,
        /// The fields.
        fields: Vec<Pointer>,
    },
    /// A model works out more fields.
    Makes {
        /// The model.
        model: ModelId,
        /// The fields.
        fields: Vec<Pointer>,
    },
    /// A model is not fed with these fields any more.
    NotFed {
        /// The model.
        model: ModelId,
        /// The fields.
        fields: Vec<Pointer>,
    },
    /// How much a field is said to tell about a person.
    Sensitivity {
        /// The field.
        field: Pointer,
        /// Before.
        was: Sensitivity,
        /// From now on.
        now: Sensitivity,
    },
    /// Which values of a field are let in.
    Range(Pointer),
    /// People in these roles have no say over a field any more.
    RolesLost {
        /// The field.
        field: Pointer,
        /// The roles.
        roles: Roles,
    },
    /// People in these roles have a say over a field, and it is kept for them.
    RolesGained {
        /// The field.
        field: Pointer,
        /// The roles.
        roles: Roles,
    },
    /// A coarse level (of the old notice) cannot be chosen any more.
    LevelLost {
        /// The field.
        field: Pointer,
        /// The level.
        level: Level,
    },
    /// A coarse level (of the new notice) can be chosen.
    LevelGained {
        /// The field.
        field: Pointer,
        /// The level.
        level: Level,
    },
    /// A field's name, unit, type or kind of data.
    FieldChanged(Pointer),
    /// The field that says whom a message is about.
    SubjectField {
        /// Before.
        was: Option<Pointer>,
        /// From now on.
        now: Option<Pointer>,
    },
    /// These fields can be stopped in the thing itself.
    SwitchAdded(Vec<Pointer>),
    /// These fields cannot be stopped in the thing itself any more.
    SwitchRemoved(Vec<Pointer>),
    /// How these fields are stopped in the thing.
    SwitchChanged(Vec<Pointer>),
    /// The things can be told to do something that they could not be told before.
    CommandAdded(CommandName),
    /// The things cannot be told to do something any more.
    CommandRemoved(CommandName),
    /// What a command does, who may send it, or when it is refused.
    CommandChanged(CommandName),
    /// Whom to ask.
    Contact,
    /// The name, the summary or the place.
    Description,
    /// What messages are written in.
    Format,
}

/// What changes from `old` to `new`: what reveals more first, what reveals less last.
#[must_use]
pub fn notice_diff(old: &Notice, new: &Notice) -> Vec<Change> {
    let mut changes = Vec::new();
    people(&mut changes, old, new);
    purposes(&mut changes, old, new);
    recipients(&mut changes, old, new);
    fields(&mut changes, old, new);
    flows::compare(&mut changes, old, new);
    models::compare(&mut changes, old, new);
    switches(&mut changes, old, new);
    commands::compare(&mut changes, old, new);
    description(&mut changes, old, new);
    changes.sort_by_key(|it| it.effect);
    changes
}

fn note(changes: &mut Vec<Change>, effect: ChangeEffect, what: Changed) {
    changes.push(Change { effect, what });
}

/// More where the new is greater, less where it is smaller.
fn by_order<T: Ord>(was: &T, now: &T) -> ChangeEffect {
    match now.cmp(was) {
        std::cmp::Ordering::Greater => ChangeEffect::More,
        std::cmp::Ordering::Less => ChangeEffect::Less,
        std::cmp::Ordering::Equal => ChangeEffect::Other,
    }
}

fn people(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    if old.subject_field != new.subject_field {
        let effect = by_order(&old.subject_field.is_some(), &new.subject_field.is_some());
        let (was, now) = (old.subject_field.clone(), new.subject_field.clone());
        note(changes, effect, Changed::SubjectField { was, now });
    }
    if old.bystanders != new.bystanders {
        let (was, now) = (old.bystanders.is_some(), new.bystanders.is_some());
        note(
            changes,
            by_order(&was, &now),
            Changed::Bystanders { was, now },
        );
    }
    if old.controller != new.controller {
        let (was, now) = (old.controller.clone(), new.controller.clone());
        note(
            changes,
            ChangeEffect::Other,
            Changed::Controller { was, now },
        );
    }
}

fn purposes(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    for now in &new.purposes {
        match old.purpose(&now.id) {
            None => note(
                changes,
                ChangeEffect::More,
                Changed::PurposeAdded(now.id.clone()),
            ),
            Some(was) if was != now => {
                note(
                    changes,
                    ChangeEffect::Other,
                    Changed::PurposeChanged(now.id.clone()),
                );
            }
            Some(_) => {}
        }
    }
    for was in old
        .purposes
        .iter()
        .filter(|it| new.purpose(&it.id).is_none())
    {
        note(
            changes,
            ChangeEffect::Less,
            Changed::PurposeRemoved(was.id.clone()),
        );
    }
}

fn recipients(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    for now in &new.recipients {
        let recipient = || now.id.clone();
        let Some(was) = old.recipient(&now.id) else {
            note(
                changes,
                ChangeEffect::More,
                Changed::RecipientAdded(recipient()),
            );
            continue;
        };
        if was.party != now.party {
            let (effect, recipient) = (by_order(&was.party, &now.party), recipient());
            let (was, now) = (was.party, now.party);
            note(
                changes,
                effect,
                Changed::Party {
                    recipient,
                    was,
                    now,
                },
            );
        }
        if was.country != now.country {
            let effect = by_order(&was.country.is_some(), &now.country.is_some());
            let recipient = recipient();
            let (was, now) = (was.country.clone(), now.country.clone());
            note(
                changes,
                effect,
                Changed::Country {
                    recipient,
                    was,
                    now,
                },
            );
        }
        if (&was.title, &was.terms) != (&now.title, &now.terms) {
            note(
                changes,
                ChangeEffect::Other,
                Changed::RecipientChanged(recipient()),
            );
        }
    }
    for was in old
        .recipients
        .iter()
        .filter(|it| new.recipient(&it.id).is_none())
    {
        note(
            changes,
            ChangeEffect::Less,
            Changed::RecipientRemoved(was.id.clone()),
        );
    }
}

fn fields(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    for now in &new.fields {
        match old.field(&now.pointer) {
            None => note(
                changes,
                ChangeEffect::More,
                Changed::FieldAdded(now.pointer.clone()),
            ),
            Some(was) => one_field(changes, was, now),
        }
    }
    for was in old
        .fields
        .iter()
        .filter(|it| new.field(&it.pointer).is_none())
    {
        note(
            changes,
            ChangeEffect::Less,
            Changed::FieldRemoved(was.pointer.clone()),
        );
    }
}

fn one_field(changes: &mut Vec<Change>, was: &Field, now: &Field) {
    let field = || now.pointer.clone();
    if was.sensitivity != now.sensitivity {
        // What is said to tell less is held back less by the rulebook.
        let effect = by_order(&now.sensitivity, &was.sensitivity);
        let (was, now) = (was.sensitivity, now.sensitivity);
        note(
            changes,
            effect,
            Changed::Sensitivity {
                field: field(),
                was,
                now,
            },
        );
    }
    if was.range != now.range {
        let effect = match (covers(now.range, was.range), covers(was.range, now.range)) {
            (true, false) => ChangeEffect::More,
            (false, true) => ChangeEffect::Less,
            _ => ChangeEffect::Other,
        };
        note(changes, effect, Changed::Range(field()));
    }
    roles(changes, was, now);
    levels(changes, was, now);
    let names = |it: &Field| (it.title.clone(), it.kind, it.unit.clone(), it.data);
    if names(was) != names(now) {
        note(changes, ChangeEffect::Other, Changed::FieldChanged(field()));
    }
}

fn covers(wide: Option<Range>, narrow: Option<Range>) -> bool {
    let Some(wide) = wide else { return true };
    let Some(narrow) = narrow else { return false };
    let below = wide
        .min
        .is_none_or(|it| narrow.min.is_some_and(|other| it <= other));
    let above = wide
        .max
        .is_none_or(|it| narrow.max.is_some_and(|other| it >= other));
    below && above
}

fn roles(changes: &mut Vec<Change>, was: &Field, now: &Field) {
    let without = |all: Roles, some: Roles| {
        let rest = all.iter().filter(|it| !some.contains(*it));
        rest.fold(Roles::NONE, Roles::with)
    };
    let (lost, gained) = (without(was.about, now.about), without(now.about, was.about));
    let field = || now.pointer.clone();
    if lost != Roles::NONE {
        note(
            changes,
            ChangeEffect::More,
            Changed::RolesLost {
                field: field(),
                roles: lost,
            },
        );
    }
    if gained != Roles::NONE {
        note(
            changes,
            ChangeEffect::Other,
            Changed::RolesGained {
                field: field(),
                roles: gained,
            },
        );
    }
}

fn levels(changes: &mut Vec<Change>, was: &Field, now: &Field) {
    for (level, coarsening) in numbered(&was.coarse) {
        if !now.coarse.contains(coarsening) {
            let field = now.pointer.clone();
            note(
                changes,
                ChangeEffect::More,
                Changed::LevelLost { field, level },
            );
        }
    }
    for (level, coarsening) in numbered(&now.coarse) {
        if !was.coarse.contains(coarsening) {
            let field = now.pointer.clone();
            note(
                changes,
                ChangeEffect::Less,
                Changed::LevelGained { field, level },
            );
        }
    }
}

fn numbered(coarse: &[Coarsening]) -> impl Iterator<Item = (Level, &Coarsening)> {
    let levels = (1..=Level::MAX_COARSE).filter_map(Level::coarse);
    levels.zip(coarse)
}

fn switches(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    let stoppable = |notice: &Notice| -> BTreeSet<Pointer> {
        let switches = notice.source_switches.iter();
        switches.flat_map(|it| it.fields.clone()).collect()
    };
    let (was, now) = (stoppable(old), stoppable(new));
    let still = |it: &&Pointer| new.field(it).is_some();
    let lost: Vec<_> = was.difference(&now).filter(still).cloned().collect();
    let gained: Vec<_> = now.difference(&was).cloned().collect();
    if !lost.is_empty() {
        note(changes, ChangeEffect::More, Changed::SwitchRemoved(lost));
    }
    if !gained.is_empty() {
        note(changes, ChangeEffect::Less, Changed::SwitchAdded(gained));
    }
    for switch in &new.source_switches {
        let same = |it: &&super::SourceSwitch| it.fields == switch.fields;
        if let Some(before) = old.source_switches.iter().find(same)
            && before != switch
        {
            note(
                changes,
                ChangeEffect::Other,
                Changed::SwitchChanged(switch.fields.clone()),
            );
        }
    }
}

fn description(changes: &mut Vec<Change>, old: &Notice, new: &Notice) {
    let same = |it: bool, what: Changed, changes: &mut Vec<Change>| {
        if !it {
            note(changes, ChangeEffect::Other, what);
        }
    };
    same(
        old.stored_in == new.stored_in,
        Changed::StoredIn(None),
        changes,
    );
    same(old.contact == new.contact, Changed::Contact, changes);
    let texts = |it: &Notice| (it.title.clone(), it.summary.clone(), it.place.clone());
    let described = texts(old) == texts(new) && old.position == new.position;
    same(described, Changed::Description, changes);
    same(old.format == new.format, Changed::Format, changes);
}

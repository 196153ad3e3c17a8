//! What must pass, worked out the slow way from the words of the design and without the crate under test:
//! over `serde_json::Value`, field by field, with `Value::pointer`.

use std::collections::BTreeMap;

use model::{Cap, CapTarget};
use model::{Coarsening, Declaration, Field, FieldKind, LegalBasis, Level, LicenceState};
use serde_json::{Value, json};

use crate::world::World;

/// What is shown of one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) level: Level,
    pub(crate) value: Value,
    /// `None` where the value is exact; `Some(Null)` where no bound can be given.
    pub(crate) accuracy: Option<Value>,
}

/// By pointer.
pub(crate) type Output = BTreeMap<String, Shown>;

/// What a lane gets.
pub(crate) fn delivered(world: &World, recipient: &str, purpose: &str, message: &Value) -> Output {
    if !admitted(world) || !granted(world, recipient, purpose) {
        return Output::new();
    }
    let fields = world.notice.fields.iter();
    fields
        .filter_map(|field| {
            let (level, ..) = level(world, field, recipient, purpose)?;
            let mut shown = show(field, level, message)?;
            if is_subject(world, field) && level == Level::ON {
                shown.value = pseudonym(&shown.value);
            }
            Some((field.pointer.to_string(), shown))
        })
        .collect()
}

/// What is kept, by days.
/// By whether a law wants it kept, and days.
pub(crate) fn stored(world: &World, message: &Value) -> BTreeMap<(bool, u16), Output> {
    let mut stored: BTreeMap<(bool, u16), Output> = BTreeMap::new();
    if !admitted(world) {
        return stored;
    }
    for field in &world.notice.fields {
        let mut classes: BTreeMap<(bool, u16), Level> = BTreeMap::new();
        for (recipient, purpose) in World::lanes() {
            if granted(world, recipient, purpose)
                && let Some((level, days, by_law)) = level(world, field, recipient, purpose)
                && days > 0
            {
                let class = classes.entry((by_law, days)).or_insert(Level::OFF);
                *class = (*class).max(level);
            }
        }
        for (class, level) in &classes {
            let longer = classes
                .iter()
                .filter(|it| it.0 > class && it.0.1 >= class.1);
            let covered = longer.map(|it| *it.1).max().unwrap_or(Level::OFF);
            if *level > covered
                && let Some(shown) = show(field, *level, message)
            {
                let class = stored.entry(*class).or_default();
                if !is_subject(world, field) {
                    class.insert(field.pointer.to_string(), shown);
                }
            }
        }
    }
    stored
}

fn is_subject(world: &World, field: &Field) -> bool {
    world.notice.subject_field.as_ref() == Some(&field.pointer)
}

/// The test's pseudonym; the real one is made by a keyed hash elsewhere.
pub(crate) fn pseudonym(token: &Value) -> Value {
    match token {
        Value::String(token) => json!(format!("~{token}~")),
        other => json!(format!("~{other}~")),
    }
}

fn admitted(world: &World) -> bool {
    world.facts.licence == LicenceState::Active && !world.facts.quarantined
}

fn granted(world: &World, recipient: &str, purpose: &str) -> bool {
    let now = world.facts.now.as_millis();
    world.grants.iter().any(|it| {
        it.recipient.as_str() == recipient
            && it.purpose.as_str() == purpose
            && it.deployment == world.notice.deployment
            && it.valid_from.as_millis() <= now
            && it.valid_until.is_none_or(|until| now < until.as_millis())
    })
}

/// The level and the days of a field in a lane; `None` where it is not declared.
fn level(
    world: &World,
    field: &Field,
    recipient: &str,
    purpose: &str,
) -> Option<(Level, u16, bool)> {
    let covering = world.notice.declarations.iter().filter(|it| {
        it.fields.contains(&field.pointer)
            && it.purpose.as_str() == purpose
            && it.recipients.iter().any(|it| it.as_str() == recipient)
    });
    let (mut levels, mut days, mut by_law) = (vec![], vec![], false);
    for declaration in covering {
        levels.push(declaration.precision);
        levels.extend(caps(&world.caps, field, purpose));
        levels.extend(wishes(world, declaration, field, recipient));
        days.push(declaration.retention.as_days());
        by_law |= !declaration.basis.can_choose();
    }
    let lowest = levels.into_iter().min()?;
    Some((
        existing(world, field, lowest),
        days.into_iter().min()?,
        by_law,
    ))
}

fn caps(caps: &[Cap], field: &Field, purpose: &str) -> Vec<Level> {
    let mut levels = vec![];
    for cap in caps {
        let meant = match &cap.target {
            CapTarget::Field(pointer) => *pointer == field.pointer,
            CapTarget::Sensitivity(sensitivity) => field.sensitivity >= *sensitivity,
        };
        if meant && cap.purpose.as_ref().is_none_or(|it| it.as_str() == purpose) {
            levels.push(cap.most);
        }
    }
    levels
}

fn wishes(world: &World, declaration: &Declaration, field: &Field, recipient: &str) -> Vec<Level> {
    match declaration.basis {
        LegalBasis::LegalObligation | LegalBasis::VitalInterest => return vec![],
        LegalBasis::Consent if world.people.is_empty() => return vec![Level::OFF],
        _ => {}
    }
    let mut levels = vec![];
    for person in &world.people {
        let chosen: Vec<_> = person
            .iter()
            .filter(|it| {
                it.field == field.pointer
                    && it.purpose == declaration.purpose
                    && it.recipient.as_str() == recipient
                    && it.deployment == world.notice.deployment
            })
            .map(|it| it.level)
            .collect();
        if chosen.is_empty() && declaration.basis == LegalBasis::Consent {
            levels.push(Level::OFF);
        }
        levels.extend(chosen);
    }
    levels
}

/// The next lower level that the field has.
fn existing(world: &World, field: &Field, level: Level) -> Level {
    let Some(number) = level.coarse_number() else {
        return level;
    };
    for number in (1..=number).rev() {
        let coarsening = field.coarse.get(usize::from(number) - 1);
        let usable = match coarsening {
            None => false,
            Some(it) => *it == Coarsening::Presence || !is_subject(world, field),
        };
        if usable {
            return Level::coarse(number).unwrap();
        }
    }
    Level::OFF
}

/// The value of a field, if it came with the declared type.
pub(crate) fn arrived<'a>(field: &Field, message: &'a Value) -> Option<&'a Value> {
    let value = message.pointer(field.pointer.as_str())?;
    let fits = match field.kind {
        FieldKind::Number => value.is_number(),
        FieldKind::Text => value.is_string(),
        FieldKind::Boolean => value.is_boolean(),
    };
    fits.then_some(value)
}

fn show(field: &Field, level: Level, message: &Value) -> Option<Shown> {
    let value = arrived(field, message)?;
    if level == Level::ON {
        return Some(Shown {
            level,
            value: value.clone(),
            accuracy: None,
        });
    }
    let number = level.coarse_number()?;
    if let Some(number) = value.as_f64() {
        let lost = field.coarse.iter().any(|it| coarse(it, number).is_none());
        if lost {
            return None;
        }
    }
    let coarsening = field.coarse.get(usize::from(number) - 1)?;
    let (value, accuracy) = match value.as_f64() {
        Some(number) => coarse(coarsening, number)?,
        None => (json!(true), Value::Null),
    };
    Some(Shown {
        level,
        value,
        accuracy: Some(accuracy),
    })
}

fn coarse(coarsening: &Coarsening, value: f64) -> Option<(Value, Value)> {
    match coarsening {
        Coarsening::Presence => Some((json!(true), Value::Null)),
        Coarsening::Round(step) => {
            let steps = value / step;
            (steps.abs() <= 1e13).then(|| (json!(steps.round() * step), json!(step / 2.0)))
        }
        Coarsening::Grid(cell) => {
            let cells = value / cell;
            let middle = (cells.floor() + 0.5) * cell;
            (cells.abs() <= 1e13).then(|| (json!(middle), json!(cell / 2.0)))
        }
        Coarsening::Bucket(bounds) => {
            let lower = bounds.iter().copied().rfind(|it| *it <= value)?;
            let upper = bounds.iter().copied().find(|it| *it > value);
            Some((
                json!(lower),
                upper.map_or(Value::Null, |it| json!(it - lower)),
            ))
        }
        _ => None,
    }
}

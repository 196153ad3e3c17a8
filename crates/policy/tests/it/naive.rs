//! What must pass, worked out the slow way from the words of the design and without the crate under test:
//! over `serde_json::Value`, field by field, walking the message along each pointer.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Cap, CapTarget, Category, Coarsening, Declaration, Field, FieldKind, LegalBasis, Level,
    LicenceState, RecipientId,
};
use serde_json::{Map, Value, json};

use crate::world::{Person, World};

/// What is shown of a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Output {
    /// Of each field of which something passes, how much; by pointer.
    pub(crate) levels: BTreeMap<String, Level>,
    /// The message; `{}` where nothing is written.
    pub(crate) message: Value,
    /// The accuracy of what is coarse; `Null` where no bound can be given.
    pub(crate) marks: BTreeMap<String, Value>,
    /// The bounds of what is shown as reached or not.
    pub(crate) thresholds: BTreeMap<String, Value>,
}

/// What a lane gets at once.
pub(crate) fn delivered(world: &World, recipient: &str, purpose: &str, message: &Value) -> Output {
    let mut levels = vec![];
    if admitted(world) && granted(world, recipient, purpose) {
        for field in &world.notice.fields {
            if let Some((level, ..)) = level(world, field, recipient, purpose) {
                levels.push((field, level));
            }
        }
    }
    show(world, &levels, message, For::Lane)
}

/// What is kept at once, by whether a law wants it kept, and days.
pub(crate) fn stored(world: &World, message: &Value) -> BTreeMap<(bool, u16), Output> {
    let mut levels: BTreeMap<(bool, u16), Vec<(&Field, Level)>> = BTreeMap::new();
    for field in &world.notice.fields {
        for (class, level) in kept(world, field) {
            levels.entry(class).or_default().push((field, level));
        }
    }
    let shown = levels
        .into_iter()
        .map(|(class, levels)| (class, show(world, &levels, message, For::Store)));
    shown.filter(|it| !it.1.levels.is_empty()).collect()
}

/// At which level a field is kept in which class, time windows included.
pub(crate) fn kept(world: &World, field: &Field) -> Vec<((bool, u16), Level)> {
    let mut classes: BTreeMap<(bool, u16), Level> = BTreeMap::new();
    for (recipient, purpose) in World::lanes() {
        if admitted(world)
            && granted(world, recipient, purpose)
            && let Some((level, days, by_law)) = level(world, field, recipient, purpose)
            && days > 0
        {
            let class = classes.entry((by_law, days)).or_insert(Level::OFF);
            *class = (*class).max(level);
        }
    }
    let uncovered = classes.iter().filter(|(class, level)| {
        let longer = classes
            .iter()
            .filter(|it| it.0 > *class && it.0.1 >= class.1);
        let covered = longer.map(|it| *it.1).max().unwrap_or(Level::OFF);
        **level > covered
    });
    uncovered.map(|(class, level)| (*class, *level)).collect()
}

fn is_subject(world: &World, field: &Field) -> bool {
    world.notice.subject_field.as_ref() == Some(&field.pointer)
}

/// The test's pseudonym; the real one is made by a keyed hash elsewhere.
fn pseudonym(token: &Value) -> Value {
    match token {
        Value::String(token) => json!(format!("~{token}~")),
        other => json!(format!("~{other}~")),
    }
}

pub(crate) fn admitted(world: &World) -> bool {
    world.facts.licence == LicenceState::Active && !world.facts.quarantined
}

pub(crate) fn granted(world: &World, recipient: &str, purpose: &str) -> bool {
    let now = world.facts.now.as_millis();
    world.grants.iter().any(|it| {
        it.recipient.as_str() == recipient
            && it.purpose.as_str() == purpose
            && it.deployment == world.notice.deployment
            && it.valid_from.as_millis() <= now
            && it.valid_until.is_none_or(|until| now < until.as_millis())
    })
}

/// The declarations that cover a field in a lane.
pub(crate) fn covering<'a>(
    world: &'a World,
    field: &Field,
    recipient: &str,
    purpose: &str,
) -> Vec<&'a Declaration> {
    let all = world.notice.declarations.iter();
    all.filter(|it| {
        it.fields.contains(&field.pointer)
            && it.purpose.as_str() == purpose
            && it.recipients.iter().any(|it| it.as_str() == recipient)
    })
    .collect()
}

/// The level and the days of a field in a lane, and whether a law wants it kept; `None` where it is not declared.
pub(crate) fn level(
    world: &World,
    field: &Field,
    recipient: &str,
    purpose: &str,
) -> Option<(Level, u16, bool)> {
    let (mut levels, mut days, mut by_law) = (vec![], vec![], false);
    for declaration in covering(world, field, recipient, purpose) {
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

pub(crate) fn caps(caps: &[Cap], field: &Field, purpose: &str) -> Vec<Level> {
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

/// Who is in a role that the field is about.
pub(crate) fn concerned<'a>(world: &'a World, field: &Field) -> Vec<&'a Person> {
    let people = world.people.iter();
    people
        .filter(|person| person.roles.iter().any(|role| field.about.contains(role)))
        .collect()
}

/// What somebody chose about a field in a lane.
pub(crate) fn chosen(
    world: &World,
    person: &Person,
    declaration: &Declaration,
    field: &Field,
    recipient: &RecipientId,
) -> Vec<Level> {
    let choices = person.choices.iter().filter(|it| {
        it.field == field.pointer
            && it.purpose == declaration.purpose
            && it.recipient == *recipient
            && it.deployment == world.notice.deployment
    });
    choices.map(|it| it.level).collect()
}

fn wishes(world: &World, declaration: &Declaration, field: &Field, recipient: &str) -> Vec<Level> {
    let people = concerned(world, field);
    match declaration.basis {
        LegalBasis::LegalObligation | LegalBasis::VitalInterest => return vec![],
        LegalBasis::Consent if people.is_empty() => return vec![Level::OFF],
        _ => {}
    }
    let recipient = RecipientId::parse(recipient).unwrap();
    let mut levels = vec![];
    for person in people {
        let chosen = chosen(world, person, declaration, field, &recipient);
        if chosen.is_empty() && declaration.basis == LegalBasis::Consent {
            levels.push(Level::OFF);
        }
        levels.extend(chosen);
    }
    levels
}

/// The next lower level that the field has.
pub(crate) fn existing(world: &World, field: &Field, level: Level) -> Level {
    let Some(number) = level.coarse_number() else {
        return level;
    };
    for number in (1..=number).rev() {
        let usable = match field.coarse.get(usize::from(number) - 1) {
            None => false,
            Some(it) => *it == Coarsening::Presence || !is_subject(world, field),
        };
        if usable {
            return Level::coarse(number).unwrap();
        }
    }
    Level::OFF
}

/// The coarsening of a level.
pub(crate) fn coarsening(field: &Field, level: Level) -> Option<&Coarsening> {
    field.coarse.get(usize::from(level.coarse_number()?) - 1)
}

/// Every value that stands where a pointer leads; `*` leads to every element of a list.
pub(crate) fn found<'a>(message: &'a Value, tokens: &[String]) -> Vec<&'a Value> {
    let Some((token, rest)) = tokens.split_first() else {
        return vec![message];
    };
    if token == "*" {
        let elements = message.as_array().into_iter().flatten();
        return elements.flat_map(|it| found(it, rest)).collect();
    }
    let child = match message {
        Value::Object(members) => members.get(token),
        Value::Array(items) => position(token).and_then(|it| items.get(it)),
        _ => None,
    };
    child.map_or_else(Vec::new, |it| found(it, rest))
}

fn position(token: &str) -> Option<usize> {
    let number: usize = token.parse().ok()?;
    (number.to_string() == token).then_some(number)
}

/// Every value of a field that came with the declared type, and in the declared range.
pub(crate) fn arrived<'a>(field: &Field, message: &'a Value) -> Vec<&'a Value> {
    let tokens: Vec<_> = field.pointer.tokens().collect();
    let found = found(message, &tokens).into_iter();
    found.filter(|it| fits(field, it)).collect()
}

fn fits(field: &Field, value: &Value) -> bool {
    match field.kind {
        FieldKind::Number => value.as_f64().is_some_and(|value| {
            let range = field.range.as_ref();
            let min = range.and_then(|it| it.min);
            let max = range.and_then(|it| it.max);
            min.is_none_or(|it| value >= it) && max.is_none_or(|it| value <= it)
        }),
        FieldKind::Text => value.is_string(),
        FieldKind::Boolean => value.is_boolean(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum For {
    Lane,
    Store,
}

/// A field on its way down the message.
struct Down<'a> {
    rest: &'a [String],
    field: &'a Field,
    level: Level,
}

fn show(world: &World, levels: &[(&Field, Level)], message: &Value, to: For) -> Output {
    let mut output = Output::default();
    let mut shown = vec![];
    for (field, level) in levels {
        let values = arrived(field, message);
        let coarsening = coarsening(field, *level);
        let waits = matches!(coarsening, Some(Coarsening::Window(_)));
        let lost = coarsening.is_some() && !values.iter().all(|it| can_coarsen(field, it));
        if *level == Level::OFF || values.is_empty() || waits || lost {
            continue;
        }
        output.levels.insert(field.pointer.to_string(), *level);
        if to == For::Store && is_subject(world, field) {
            continue;
        }
        if let Some(coarsening) = coarsening {
            let pointer = field.pointer.to_string();
            let accuracies = values
                .iter()
                .map(|it| coarse(field, coarsening, it).unwrap().1);
            output.marks.insert(pointer.clone(), worst(accuracies));
            if let Coarsening::Threshold(bound) = coarsening {
                output.thresholds.insert(pointer, json!(bound));
            }
        }
        shown.push((field.pointer.tokens().collect::<Vec<_>>(), *field, *level));
    }
    let down = shown.iter().map(|(rest, field, level)| Down {
        rest,
        field,
        level: *level,
    });
    let message = walk(world, message, down.collect(), &mut BTreeSet::new());
    output.message = message.unwrap_or_else(|| json!({}));
    output
}

/// What is left of a place: containers with something in them, and values as they are shown. Of a field in a list that passes
/// as presence there is one `true`; `present` holds those that were shown.
fn walk(
    world: &World,
    value: &Value,
    fields: Vec<Down<'_>>,
    present: &mut BTreeSet<String>,
) -> Option<Value> {
    if let [
        Down {
            rest: [],
            field,
            level,
        },
    ] = fields.as_slice()
    {
        if !fits(field, value) {
            return None;
        }
        let in_list = field.pointer.tokens().any(|it| it == "*");
        return match coarsening(field, *level) {
            Some(Coarsening::Presence) if in_list && !present.insert(field.pointer.to_string()) => {
                None
            }
            Some(coarsening) => Some(coarse(field, coarsening, value)?.0),
            None if is_subject(world, field) => Some(pseudonym(value)),
            None => Some(value.clone()),
        };
    }
    let mut by_token: BTreeMap<&str, Vec<Down<'_>>> = BTreeMap::new();
    for Down { rest, field, level } in fields {
        let (token, rest) = rest.split_first()?;
        let down = Down { rest, field, level };
        by_token.entry(token).or_default().push(down);
    }
    match value {
        Value::Array(items) if by_token.contains_key("*") => {
            let below = |item| {
                let again = by_token["*"].iter().map(|it| Down { ..*it });
                walk(world, item, again.collect(), present)
            };
            let kept: Vec<_> = items.iter().filter_map(below).collect();
            (!kept.is_empty()).then(|| Value::from(kept))
        }
        Value::Array(items) => {
            let mut kept = vec![Value::Null; items.len()];
            for (token, fields) in by_token {
                if let Some(place) = position(token)
                    && let Some(item) = items.get(place)
                    && let Some(below) = walk(world, item, fields, present)
                {
                    kept[place] = below;
                }
            }
            while kept.last() == Some(&Value::Null) {
                kept.pop();
            }
            (!kept.is_empty()).then(|| Value::from(kept))
        }
        Value::Object(members) => {
            let mut kept = Map::new();
            for (token, fields) in by_token {
                if token != "*"
                    && let Some(member) = members.get(token)
                    && let Some(below) = walk(world, member, fields, present)
                {
                    kept.insert(token.to_owned(), below);
                }
            }
            (!kept.is_empty()).then(|| Value::from(kept))
        }
        _ => None,
    }
}

/// The least that is promised of several values.
fn worst(accuracies: impl Iterator<Item = Value>) -> Value {
    let mut worst = 0.0_f64;
    for accuracy in accuracies {
        match accuracy.as_f64() {
            Some(accuracy) => worst = worst.max(accuracy),
            None => return Value::Null,
        }
    }
    json!(worst)
}

/// Whether every coarse level of a field can show a value.
pub(crate) fn can_coarsen(field: &Field, value: &Value) -> bool {
    field.coarse.iter().all(|it| match it {
        Coarsening::Window(_) => value.as_f64().is_some_and(|it| it.abs() < 1e15),
        it => coarse(field, it, value).is_some(),
    })
}

/// What a coarsening shows of a value, and how accurate that is.
fn coarse(field: &Field, coarsening: &Coarsening, value: &Value) -> Option<(Value, Value)> {
    match (coarsening, value) {
        (Coarsening::Presence, _) => Some((json!(true), Value::Null)),
        (Coarsening::Geohash(characters), Value::String(text)) => {
            let characters = usize::from(*characters);
            let alphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
            let fits = (characters..=12).contains(&text.chars().count())
                && text.chars().all(|it| alphabet.contains(it));
            let start: String = text.chars().take(characters).collect();
            fits.then(|| (json!(start), Value::Null))
        }
        (Coarsening::Category(category), Value::String(text)) => {
            Some((json!(label(category, text)?), Value::Null))
        }
        (_, Value::Number(number)) => number_shown(field, coarsening, number.as_f64()?),
        _ => None,
    }
}

fn label<'a>(category: &'a Category, text: &str) -> Option<&'a String> {
    for group in &category.groups {
        if group.members.iter().any(|it| it == text) {
            return Some(&group.label);
        }
    }
    category.otherwise.as_ref()
}

fn number_shown(field: &Field, coarsening: &Coarsening, value: f64) -> Option<(Value, Value)> {
    match coarsening {
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
            let width = upper.map_or(Value::Null, |it| json!(it - lower));
            Some((json!(lower), width))
        }
        Coarsening::Threshold(bound) => Some((json!(value >= *bound), Value::Null)),
        Coarsening::Geohash(characters) => {
            let bits = i32::from(*characters) * 5;
            let (half, bits) = match field.unit.as_deref() {
                Some("lat") => (90.0, bits / 2),
                _ => (180.0, bits - bits / 2),
            };
            if value.abs() > half {
                return None;
            }
            let (mut low, mut high) = (-half, half);
            for _ in 0..bits {
                let middle = (low + high) / 2.0;
                if value < middle {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            Some((json!((low + high) / 2.0), json!((high - low) / 2.0)))
        }
        _ => None,
    }
}

//! From a notice back to a file: the same notice, written in one way.

use super::json::Json;
use super::shape::{Kind, NOTICE, Shape};
use super::{
    Argument, ArgumentKind, Category, Coarsening, Confirm, Declaration, DeclaredCommand, Field,
    Format, Interlock, Notice, Party, Purpose, Recipient, SourceSwitch,
};
use crate::{Model, Roles, Text};

/// The notice as JSON text.
pub(crate) fn to_json(notice: &Notice) -> String {
    tree(notice).pretty()
}

/// The notice as TOML text.
pub(crate) fn to_toml(notice: &Notice) -> String {
    let mut out = String::new();
    if let Json::Object(members) = tree(notice) {
        table(&mut out, &members, &NOTICE, "");
    }
    out
}

fn both(text: &Text) -> Option<Json> {
    Some(Json::object([
        ("en", Some(Json::text(&text.en))),
        ("ur", Some(Json::text(&text.ur))),
    ]))
}

fn word(word: impl ToString) -> Option<Json> {
    Some(Json::Text(word.to_string()))
}

fn whole(number: impl Into<i64>) -> Option<Json> {
    Some(Json::Whole(number.into()))
}

fn list<T>(items: &[T], write: impl FnMut(&T) -> Json) -> Option<Json> {
    (!items.is_empty()).then(|| Json::List(items.iter().map(write).collect()))
}

/// In the order of the table of shapes.
fn tree(notice: &Notice) -> Json {
    let position = notice.position.map(|it| {
        Json::object([
            ("lat", Some(Json::Real(it.lat))),
            ("lon", Some(Json::Real(it.lon))),
        ])
    });
    let contact = Json::object([
        ("name", both(&notice.contact.name)),
        ("email", word(&notice.contact.email)),
        ("phone", word(&notice.contact.phone)),
    ]);
    Json::object([
        ("deployment", word(&notice.deployment)),
        ("version", whole(notice.version)),
        ("controller", word(&notice.controller)),
        ("title", both(&notice.title)),
        ("summary", both(&notice.summary)),
        ("place", both(&notice.place)),
        ("stored-in", both(&notice.stored_in)),
        ("bystanders", notice.bystanders.as_ref().and_then(both)),
        (
            "subject-field",
            notice.subject_field.as_ref().and_then(word),
        ),
        (
            "format",
            (notice.format != Format::Json).then(|| Json::text(notice.format.as_str())),
        ),
        ("position", position),
        ("contact", Some(contact)),
        ("fields", list(&notice.fields, field)),
        ("purposes", list(&notice.purposes, purpose)),
        ("recipients", list(&notice.recipients, recipient)),
        ("models", list(&notice.models, model)),
        ("declarations", list(&notice.declarations, declaration)),
        (
            "source-switches",
            list(&notice.source_switches, source_switch),
        ),
        ("commands", list(&notice.commands, command)),
    ])
}

fn field(field: &Field) -> Json {
    let range = field.range.map(|it| {
        Json::object([
            ("min", it.min.map(Json::Real)),
            ("max", it.max.map(Json::Real)),
        ])
    });
    let about =
        (field.about != Roles::ALL).then(|| Json::texts(field.about.iter().map(|it| it.as_str())));
    Json::object([
        ("pointer", word(&field.pointer)),
        ("title", both(&field.title)),
        ("kind", word(field.kind)),
        ("unit", field.unit.as_ref().and_then(word)),
        ("range", range),
        ("sensitivity", word(field.sensitivity)),
        ("data", field.data.and_then(word)),
        ("about", about),
        (
            "tells-presence",
            field.tells_presence.then_some(Json::Boolean(true)),
        ),
        ("made-by", field.made_by.as_ref().and_then(word)),
        ("coarse", list(&field.coarse, coarsening)),
    ])
}

pub(super) fn coarsening(coarsening: &Coarsening) -> Json {
    let (key, value) = match coarsening {
        Coarsening::Round(step) => ("round", Json::Real(*step)),
        Coarsening::Grid(cell) => ("grid", Json::Real(*cell)),
        Coarsening::Bucket(bounds) => (
            "bucket",
            Json::List(bounds.iter().copied().map(Json::Real).collect()),
        ),
        Coarsening::Geohash(characters) => ("geohash", Json::Whole(i64::from(*characters))),
        Coarsening::Threshold(bound) => ("threshold", Json::Real(*bound)),
        Coarsening::Category(it) => ("category", category(it)),
        Coarsening::Window(window) => (
            "window",
            Json::object([
                ("seconds", whole(window.seconds)),
                ("of", word(window.of)),
                ("least", whole(window.least)),
            ]),
        ),
        Coarsening::Presence => ("presence", Json::Boolean(true)),
    };
    Json::object([(key, Some(value))])
}

fn category(category: &Category) -> Json {
    let groups = list(&category.groups, |it| {
        Json::object([
            ("label", word(&it.label)),
            ("members", Some(Json::texts(&it.members))),
        ])
    });
    Json::object([
        ("groups", groups),
        ("otherwise", category.otherwise.as_ref().and_then(word)),
    ])
}

fn purpose(purpose: &Purpose) -> Json {
    Json::object([
        ("id", word(&purpose.id)),
        ("dpv", word(&purpose.dpv)),
        ("title", both(&purpose.title)),
        ("why", both(&purpose.why)),
    ])
}

fn recipient(recipient: &Recipient) -> Json {
    let party =
        (recipient.party != Party::ThirdParty).then(|| Json::text(recipient.party.as_str()));
    Json::object([
        ("id", word(&recipient.id)),
        ("title", both(&recipient.title)),
        ("terms", both(&recipient.terms)),
        ("party", party),
        ("country", recipient.country.as_ref().and_then(word)),
    ])
}

fn model(model: &Model) -> Json {
    Json::object([
        ("id", word(&model.id)),
        ("title", both(&model.title)),
        ("decides", both(&model.decides)),
        ("version", model.version.as_ref().and_then(word)),
        ("in-force", model.in_force.as_ref().and_then(word)),
        (
            "version-before",
            model.version_before.as_ref().and_then(word),
        ),
    ])
}

fn declaration(declaration: &Declaration) -> Json {
    Json::object([
        ("fields", Some(Json::texts(&declaration.fields))),
        ("purpose", word(&declaration.purpose)),
        ("basis", word(declaration.basis)),
        ("source", declaration.source.as_ref().and_then(both)),
        ("recipients", Some(Json::texts(&declaration.recipients))),
        ("retention-days", whole(declaration.retention.as_days())),
        ("precision", word(declaration.precision)),
        ("stored-in", declaration.stored_in.as_ref().and_then(both)),
        (
            "models",
            list(&declaration.models, |it| Json::text(it.as_str())),
        ),
    ])
}

pub(super) fn source_switch(switch: &SourceSwitch) -> Json {
    Json::object([
        ("fields", Some(Json::texts(&switch.fields))),
        ("topic", word(&switch.topic)),
        ("off", word(&switch.off)),
        ("on", word(&switch.on)),
        ("slow", switch.slow.as_ref().and_then(word)),
        ("confirm", switch.confirm.as_ref().map(confirm)),
        ("patience-seconds", whole(switch.patience_seconds)),
    ])
}

fn confirm(confirm: &Confirm) -> Json {
    Json::object([
        ("field", word(&confirm.field)),
        ("off", word(&confirm.off)),
        ("on", word(&confirm.on)),
    ])
}

pub(super) fn command(command: &DeclaredCommand) -> Json {
    let confirm = command
        .confirm
        .as_ref()
        .map(|it| Json::object([("field", word(&it.field)), ("is", word(&it.is))]));
    Json::object([
        ("id", word(&command.id)),
        ("title", both(&command.title)),
        ("does", both(&command.does)),
        ("topic", word(&command.topic)),
        ("payload", word(&command.payload)),
        ("recipients", Some(Json::texts(&command.recipients))),
        ("purpose", word(&command.purpose)),
        ("touches", Some(Json::texts(&command.touches))),
        ("expires-seconds", whole(command.expires_seconds)),
        (
            "least-seconds-between",
            whole(command.least_seconds_between),
        ),
        ("confirm", confirm),
        ("arguments", list(&command.arguments, argument)),
        ("interlocks", list(&command.interlocks, interlock)),
    ])
}

fn argument(argument: &Argument) -> Json {
    let (kind, min, max, is_whole, unit, words) = match &argument.kind {
        ArgumentKind::Number {
            min,
            max,
            whole,
            unit,
        } => (
            "number",
            Some(Json::Real(*min)),
            Some(Json::Real(*max)),
            whole.then_some(Json::Boolean(true)),
            unit.as_ref().and_then(word),
            None,
        ),
        ArgumentKind::Boolean => ("boolean", None, None, None, None, None),
        ArgumentKind::Choice(words) => ("choice", None, None, None, None, Some(Json::texts(words))),
    };
    Json::object([
        ("name", word(&argument.name)),
        ("kind", word(kind)),
        ("min", min),
        ("max", max),
        ("whole", is_whole),
        ("unit", unit),
        ("words", words),
    ])
}

fn interlock(interlock: &Interlock) -> Json {
    Json::object([
        ("when", word(&interlock.when)),
        ("max-age-seconds", whole(interlock.max_age_seconds)),
        ("why", both(&interlock.why)),
    ])
}

/// Plain values first, then one `[table]` for each table that has to stand alone, then one `[[table]]` for each entry of a list.
fn table(out: &mut String, members: &[(String, Json)], shape: &Shape, path: &str) {
    let alone = |key: &str| match shape.key(key).map(|it| &it.kind) {
        Some(Kind::Table(_)) => key == "contact",
        Some(Kind::List { of, .. }) => matches!(of, Kind::Table(_)),
        _ => false,
    };
    for (key, value) in members.iter().filter(|it| !alone(&it.0)) {
        out.push_str(&format!("{key} = {}\n", inline(value)));
    }
    for (key, value) in members.iter().filter(|it| alone(&it.0)) {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (value, shape.key(key).map(|it| &it.kind)) {
            (Json::Object(members), Some(Kind::Table(shape))) => {
                out.push_str(&format!("\n[{path}]\n"));
                table(out, members, shape, &path);
            }
            (
                Json::List(items),
                Some(Kind::List {
                    of: Kind::Table(shape),
                    ..
                }),
            ) => {
                for item in items {
                    let blank = if path.contains('.') { "" } else { "\n" };
                    out.push_str(&format!("{blank}[[{path}]]\n"));
                    if let Json::Object(members) = item {
                        table(out, members, shape, &path);
                    }
                }
            }
            _ => {}
        }
    }
}

fn inline(value: &Json) -> String {
    match value {
        Json::Boolean(it) => it.to_string(),
        Json::Real(it) => format!("{it:?}"),
        Json::Whole(it) => it.to_string(),
        Json::Text(it) => toml::Value::String(it.clone()).to_string(),
        Json::List(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, it)| format!("{key} = {}", inline(it)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
    }
}

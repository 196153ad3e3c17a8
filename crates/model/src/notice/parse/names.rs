//! Every name that is used must be declared, once; what is declared must be used.

use std::collections::{BTreeMap, BTreeSet};

use super::build::texts;
use super::conform::shown;
use super::fields::place;
use super::reader::{Reader, meant};
use super::tree::Node;
use crate::Condition;

/// What a notice declares, by name.
struct Declared {
    fields: BTreeSet<String>,
    purposes: BTreeSet<String>,
    recipients: BTreeSet<String>,
    models: BTreeSet<String>,
}

/// Checks all names of a notice.
pub(super) fn check(reader: &mut Reader<'_>, root: &Node) {
    let ids = |reader: &mut Reader<'_>, key: &str, what| {
        let ids = root.list(key).iter();
        let ids = ids.filter_map(|it| Some((it.get("id")?, it.get("id")?.text()?.to_owned())));
        unique(reader, ids, what)
    };
    let fields = root.list("fields").iter().filter_map(place);
    let declared = Declared {
        fields: unique(reader, fields, "field"),
        purposes: ids(reader, "purposes", "purpose"),
        recipients: ids(reader, "recipients", "recipient"),
        models: ids(reader, "models", "model"),
    };
    ids(reader, "commands", "command");
    let mut used = used(reader, root, &declared);
    for command in root.list("commands") {
        // What keeps people safe, or shows what was done, may be declared for nobody.
        used.fields.extend(commanded(reader, command, &declared));
    }
    for (node, field) in root.list("fields").iter().filter_map(place) {
        if !used.fields.contains(&field) {
            let reason = format!(
                "field `{}` is in no declaration, so it would never pass",
                shown(&field)
            );
            reader.form(
                node,
                reason,
                "name it in a declaration, or remove the field",
            );
        }
    }
    for field in root.list("fields") {
        if let Some((node, id)) = field.get("made-by").and_then(|it| Some((it, it.text()?))) {
            known(reader, node, id, &declared.models, "model");
            used.models.insert(id.to_owned());
        }
    }
    for model in root.list("models") {
        if let Some((node, id)) = model.get("id").and_then(|it| Some((it, it.text()?)))
            && !used.models.contains(id)
        {
            let reason = format!(
                "model `{}` is in no declaration and makes no field, so it does nothing",
                shown(id)
            );
            reader.form(
                node,
                reason,
                "name it in a declaration or as made-by of a field, or remove the model",
            );
        }
    }
}

/// The names, each of which may stand once.
fn unique<'a>(
    reader: &mut Reader<'_>,
    names: impl Iterator<Item = (&'a Node, String)>,
    what: &str,
) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, &Node> = BTreeMap::new();
    for (node, name) in names {
        if let Some(first) = seen.get(&name) {
            let reason = format!("{what} `{}` stands twice", shown(&name));
            reader.wrong(node, reason, "remove or rename one of them");
            reader.doubt(first);
        } else {
            seen.insert(name, node);
        }
    }
    seen.into_keys().collect()
}

struct Used {
    fields: BTreeSet<String>,
    models: BTreeSet<String>,
}

fn used(reader: &mut Reader<'_>, root: &Node, declared: &Declared) -> Used {
    let mut used = Used {
        fields: BTreeSet::new(),
        models: BTreeSet::new(),
    };
    for declaration in root.list("declarations") {
        used.fields.extend(every(
            reader,
            declaration,
            "fields",
            &declared.fields,
            "field",
        ));
        every(
            reader,
            declaration,
            "recipients",
            &declared.recipients,
            "recipient",
        );
        used.models.extend(every(
            reader,
            declaration,
            "models",
            &declared.models,
            "model",
        ));
        if let Some((node, purpose)) = declaration
            .get("purpose")
            .and_then(|it| Some((it, it.text()?)))
        {
            known(reader, node, purpose, &declared.purposes, "purpose");
        }
    }
    for switch in root.list("source-switches") {
        every(reader, switch, "fields", &declared.fields, "field");
        // What a thing says about its switch may be declared for nobody.
        let confirm = switch.get("confirm").and_then(|it| it.get("field"));
        if let Some((node, field)) = confirm.and_then(|it| Some((it, it.text()?))) {
            known(reader, node, field, &declared.fields, "field");
            used.fields.insert(field.to_owned());
        }
    }
    if let Some((node, field)) = root
        .get("subject-field")
        .and_then(|it| Some((it, it.text()?)))
    {
        known(reader, node, field, &declared.fields, "field");
    }
    used
}

/// What a command names; gives the fields that it reads.
fn commanded(reader: &mut Reader<'_>, command: &Node, declared: &Declared) -> BTreeSet<String> {
    every(
        reader,
        command,
        "recipients",
        &declared.recipients,
        "recipient",
    );
    every(reader, command, "touches", &declared.fields, "field");
    if let Some((node, purpose)) = command.get("purpose").and_then(|it| Some((it, it.text()?))) {
        known(reader, node, purpose, &declared.purposes, "purpose");
    }
    let mut read = BTreeSet::new();
    let confirm = command.get("confirm").and_then(|it| it.get("field"));
    if let Some((node, field)) = confirm.and_then(|it| Some((it, it.text()?))) {
        known(reader, node, field, &declared.fields, "field");
        read.insert(field.to_owned());
    }
    // Whether the fields of a condition are declared is said where the condition is read.
    for interlock in command.list("interlocks") {
        let when = interlock.get("when").and_then(Node::text);
        let when = when.and_then(|it| it.parse::<Condition>().ok());
        read.extend(
            when.iter()
                .flat_map(Condition::places)
                .map(|it| it.0.to_string()),
        );
    }
    read
}

/// Every name of a list, each known and only once.
fn every(
    reader: &mut Reader<'_>,
    node: &Node,
    key: &str,
    declared: &BTreeSet<String>,
    what: &str,
) -> BTreeSet<String> {
    for (node, name) in texts(node, key) {
        known(reader, node, name, declared, what);
    }
    let names = texts(node, key).map(|(node, name)| (node, name.to_owned()));
    unique(reader, names, what)
}

fn known(
    reader: &mut Reader<'_>,
    node: &Node,
    name: &str,
    declared: &BTreeSet<String>,
    what: &str,
) {
    if declared.contains(name) {
        return;
    }
    let remedy = meant(name, declared.iter().map(String::as_str), || {
        format!("add it under [[{what}s]], or correct the name")
    });
    let reason = format!("{what} `{}` is not declared", shown(name));
    reader.wrong(node, reason, remedy);
}

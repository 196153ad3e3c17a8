//! From the checked tree to a notice: what is of the right shape is read, what is not was reported by `conform`.

use super::reader::{Reader, meant};
use super::tree::{Node, Value};
use super::{commands, fields, names, places, switches};
use crate::notice::{
    Contact, Declaration, Field, Format, LegalBasis, Model, Notice, Party, Position, Purpose,
    Recipient, Retention, dpv,
};
use crate::{Level, Pointer, RecipientId, Text, Timestamp};

/// Reads a whole notice and checks what it means.
pub(super) fn notice(reader: &mut Reader<'_>, root: &Node) -> Option<Notice> {
    names::check(reader, root);
    let format = match root.get("format") {
        Some(it) => it.text().and_then(Format::parse),
        None => Some(Format::Json),
    };
    let fields: Vec<_> = root
        .list("fields")
        .iter()
        .filter_map(|it| Some((it, fields::field(reader, it, format)?)))
        .collect();
    places::check(reader, &fields);
    let subject_field = root.get("subject-field").and_then(pointer);
    subject(reader, root, subject_field.as_ref());
    let fields: Vec<_> = fields.into_iter().map(|it| it.1).collect();
    let declarations = collect(reader, root, "declarations", |reader, it| {
        declaration(reader, it, &fields)
    });
    flows(reader, root, &declarations);
    let purposes = collect(reader, root, "purposes", purpose);
    let recipients = collect(reader, root, "recipients", recipient);
    let source_switches = collect(reader, root, "source-switches", switches::source_switch);
    let commands = collect(reader, root, "commands", |reader, it| {
        commands::command(reader, it, &fields, &source_switches)
    });
    Some(Notice {
        deployment: parsed(root, "deployment")?,
        version: whole(root, "version")?,
        controller: parsed(root, "controller")?,
        title: text(root, "title")?,
        summary: text(root, "summary")?,
        place: text(root, "place")?,
        stored_in: text(root, "stored-in")?,
        contact: contact(reader, root.get("contact")?)?,
        bystanders: text(root, "bystanders"),
        subject_field,
        format: format?,
        position: root.get("position").and_then(position),
        fields,
        purposes,
        recipients,
        declarations,
        models: collect(reader, root, "models", model),
        source_switches,
        commands,
    })
}

/// Every entry of a list that can be read; the others were reported.
fn collect<T>(
    reader: &mut Reader<'_>,
    root: &Node,
    key: &str,
    mut read: impl FnMut(&mut Reader<'_>, &Node) -> Option<T>,
) -> Vec<T> {
    let items = root.list(key).iter();
    items.filter_map(|it| read(reader, it)).collect()
}

/// The text of `key`, read by its type.
pub(super) fn parsed<T: std::str::FromStr>(node: &Node, key: &str) -> Option<T> {
    node.get(key)?.text()?.parse().ok()
}

/// The whole number at `key`.
pub(super) fn whole<T: TryFrom<i64>>(node: &Node, key: &str) -> Option<T> {
    T::try_from(node.get(key)?.number()?.whole?).ok()
}

/// The text in both languages at `key`.
pub(super) fn text(node: &Node, key: &str) -> Option<Text> {
    let both = node.get(key)?;
    let of = |language| Some(both.get(language)?.text()?.to_owned());
    Some(Text {
        en: of("en")?,
        ur: of("ur")?,
    })
}

/// The owned text at `key`.
pub(super) fn plain(node: &Node, key: &str) -> Option<String> {
    Some(node.get(key)?.text()?.to_owned())
}

/// The node as a pointer.
pub(super) fn pointer(node: &Node) -> Option<Pointer> {
    Pointer::parse(node.text()?).ok()
}

fn subject(reader: &mut Reader<'_>, root: &Node, subject: Option<&Pointer>) {
    if let (Some(node), Some(pointer)) = (root.get("subject-field"), subject)
        && pointer.has_wildcard()
    {
        let reason = format!("`{pointer}` stands for many values, and cannot identify one person");
        reader.wrong(node, reason, "name one place of the message");
    }
}

fn contact(reader: &mut Reader<'_>, node: &Node) -> Option<Contact> {
    if let Some((it, email)) = node.get("email").and_then(|it| Some((it, it.text()?))) {
        let plausible = email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !email.contains(char::is_whitespace)
        });
        if !plausible {
            let reason = format!("`{}` is not a mail address", super::conform::shown(email));
            reader.form(it, reason, "write one such as privacy@city.example");
        }
    }
    if let Some((it, phone)) = node.get("phone").and_then(|it| Some((it, it.text()?))) {
        let digits = phone.bytes().filter(u8::is_ascii_digit).count();
        let only = |it: char| it.is_ascii_digit() || " -()".contains(it);
        let rest = phone.strip_prefix('+');
        if !rest.is_some_and(|it| it.chars().all(only)) || !(5..=15).contains(&digits) {
            let reason = format!(
                "`{}` is not an international telephone number",
                super::conform::shown(phone)
            );
            reader.form(it, reason, "write one such as +92 42 0000000");
        }
    }
    Some(Contact {
        name: text(node, "name")?,
        email: plain(node, "email")?,
        phone: plain(node, "phone")?,
    })
}

fn position(node: &Node) -> Option<Position> {
    Some(Position {
        lat: node.get("lat")?.number()?.real,
        lon: node.get("lon")?.number()?.real,
    })
}

fn purpose(reader: &mut Reader<'_>, node: &Node) -> Option<Purpose> {
    if let Some((it, term)) = node.get("dpv").and_then(|it| Some((it, it.text()?))) {
        let name = term.strip_prefix(dpv::PREFIX);
        if !name.is_some_and(dpv::is_purpose) {
            let reason = format!("`{}` is not a DPV purpose", super::conform::shown(term));
            let bare = name.unwrap_or(term);
            let remedy = meant(bare, dpv::purpose_names(), || {
                "write one such as dpv:PublicBenefit; w3id.org/dpv lists them".to_owned()
            });
            reader.form(it, reason, remedy.replace("mean `", "mean `dpv:"));
        }
    }
    Some(Purpose {
        id: parsed(node, "id")?,
        dpv: plain(node, "dpv")?,
        title: text(node, "title")?,
        why: text(node, "why")?,
    })
}

fn recipient(reader: &mut Reader<'_>, node: &Node) -> Option<Recipient> {
    if let Some((it, country)) = node.get("country").and_then(|it| Some((it, it.text()?)))
        && !(country.len() == 2 && country.bytes().all(|it| it.is_ascii_uppercase()))
    {
        let reason = format!("`{}` is not a country", super::conform::shown(country));
        reader.form(
            it,
            reason,
            "write the two letters of ISO 3166-1, such as PK",
        );
    }
    Some(Recipient {
        id: parsed(node, "id")?,
        title: text(node, "title")?,
        terms: text(node, "terms")?,
        party: match node.get("party") {
            Some(it) => Party::parse(it.text()?)?,
            None => Party::ThirdParty,
        },
        country: plain(node, "country"),
    })
}

fn model(reader: &mut Reader<'_>, node: &Node) -> Option<Model> {
    // Of form alone: notices were published before this was asked for.
    for (key, remedy) in [
        ("version", "add version = \"1.0\", as its maker counts"),
        (
            "in-force",
            "add in-force = \"2026-12-10T00:00:00+05:00\", from when on this version is at work",
        ),
    ] {
        if node.get(key).is_none() {
            reader.form(node, format!("a model needs `{key}`"), remedy);
        }
    }
    Some(Model {
        id: parsed(node, "id")?,
        title: text(node, "title")?,
        decides: text(node, "decides")?,
        version: plain(node, "version"),
        in_force: node
            .get("in-force")
            .and_then(|it| Timestamp::parse(it.text()?).ok()),
        version_before: plain(node, "version-before"),
    })
}

fn declaration(reader: &mut Reader<'_>, node: &Node, fields: &[Field]) -> Option<Declaration> {
    let basis = node
        .get("basis")
        .and_then(|it| Some((it, LegalBasis::parse(it.text()?)?)));
    if let Some((it, basis)) = basis
        && node.get("source").is_none()
        && !basis.can_choose()
    {
        let reason = format!("`{basis}` takes the choice from people, so it needs a source");
        let remedy = "add source = { en = \"…\", ur = \"…\" } with the law and section";
        reader.wrong(it, reason, remedy);
    }
    let pointers: Vec<_> = node.list("fields").iter().filter_map(pointer).collect();
    let precision = node
        .get("precision")
        .and_then(|it| Some((it, Level::parse(it.text()?)?)));
    if let Some((it, number)) = precision.and_then(|(it, level)| Some((it, level.coarse_number()?)))
    {
        let lacking = |field: &&Field| {
            pointers.contains(&field.pointer) && field.coarse.len() < usize::from(number)
        };
        for field in fields.iter().filter(lacking) {
            let reason = format!("field `{}` has no level coarse-{number}", field.pointer);
            let remedy = "add it under [[fields.coarse]], or choose another precision";
            reader.wrong(it, reason, remedy);
        }
    }
    let ids = |key| {
        let items = node.list(key).iter();
        items.filter_map(|it| it.text()).collect::<Vec<_>>()
    };
    let recipients: Vec<RecipientId> = ids("recipients")
        .iter()
        .filter_map(|it| it.parse().ok())
        .collect();
    Some(Declaration {
        fields: pointers,
        purpose: parsed(node, "purpose")?,
        basis: basis?.1,
        source: text(node, "source"),
        recipients,
        retention: Retention::from_days(whole(node, "retention-days")?),
        precision: precision?.1,
        stored_in: text(node, "stored-in"),
        models: ids("models")
            .iter()
            .filter_map(|it| it.parse().ok())
            .collect(),
    })
}

/// How often a field goes to a recipient for a purpose, over the whole notice, at most.
const MAX_FLOWS: usize = 65_536;

fn flows(reader: &mut Reader<'_>, root: &Node, declarations: &[Declaration]) {
    let flows: usize = declarations
        .iter()
        .map(|it| it.fields.len() * it.recipients.len())
        .sum();
    if flows > MAX_FLOWS {
        let reason = format!(
            "the declarations name {flows} pairs of field and recipient, at most {MAX_FLOWS} are allowed"
        );
        let at = root.get("declarations").map_or(0, |it| it.at);
        reader.problem(at, reason, "split the deployment in two");
    }
}

/// The text of a node that is one; for lists of texts.
pub(super) fn texts<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a Node, &'a str)> {
    let items = node.list(key).iter();
    items.filter_map(|it| match &it.value {
        Value::Text(text) => Some((it, text.as_str())),
        _ => None,
    })
}

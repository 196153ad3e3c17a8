//! A notice as linked data (JSON-LD 1.1), and the context that says what its words mean.
//!
//! What is done with the data stands in the terms of the W3C Data Privacy Vocabulary (DPV 2). The atomic dataflows stand in the
//! terms of the IETF privacy preference declaration taxonomy (PPD, draft-dsmullen-ppd-taxonomy), see [`dataflow`]. What neither
//! has a word for is a term of the site itself: `{site}/schema/notice.jsonld#…`.

use super::dpv::PREFIX;
use super::json::Json;
use super::{
    Declaration, Field, LegalBasis, Model, Notice, Party, Purpose, Recipient, Retention,
    Sensitivity, write,
};
use crate::{Pointer, Roles, Text};

mod context;
mod dataflow;

pub use context::notice_context;

/// Where a site serves the context.
const CONTEXT_PATH: &str = "/schema/notice.jsonld";

/// The notice as a JSON-LD document.
pub(crate) fn to_json_ld(notice: &Notice, site: &str) -> String {
    let page = Page {
        site: site.trim_end_matches('/'),
        notice,
    };
    document(&page).pretty()
}

/// The page of a notice, on which everything that the notice names has its address.
struct Page<'a> {
    site: &'a str,
    notice: &'a Notice,
}

impl Page<'_> {
    fn address(&self) -> String {
        format!("{}/d/{}", self.site, self.notice.deployment)
    }

    fn node(&self, kind: &str, name: &str) -> String {
        format!("{}#{kind}-{}", self.address(), escaped(name))
    }

    fn field(&self, pointer: &Pointer) -> String {
        self.node("field", pointer.as_str())
    }
}

/// Percent-encodes what cannot stand in the fragment of an address (RFC 3986 section 3.5).
fn escaped(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~/:@".contains(&it);
    let bytes = text.bytes().map(|it| {
        if plain(it) {
            char::from(it).to_string()
        } else {
            format!("%{it:02X}")
        }
    });
    bytes.collect()
}

fn word(word: impl Into<String>) -> Option<Json> {
    Some(Json::text(word))
}

fn both(text: &Text) -> Option<Json> {
    Some(Json::object([
        ("en", word(&text.en)),
        ("ur", word(&text.ur)),
    ]))
}

fn refer(id: String) -> Json {
    Json::object([("id", word(id))])
}

fn list<T>(items: &[T], write: impl FnMut(&T) -> Json) -> Option<Json> {
    (!items.is_empty()).then(|| Json::List(items.iter().map(write).collect()))
}

fn document(page: &Page<'_>) -> Json {
    let notice = page.notice;
    let contact = Json::object([
        ("title", both(&notice.contact.name)),
        ("email", word(&notice.contact.email)),
        ("phone", word(&notice.contact.phone)),
    ]);
    let place = Json::object([
        ("type", word("dpv:Location")),
        ("title", both(&notice.place)),
        ("lat", notice.position.map(|it| Json::Real(it.lat))),
        ("lon", notice.position.map(|it| Json::Real(it.lon))),
    ]);
    let controller = Json::object([
        ("id", word(format!("{}/m/{}", page.site, notice.controller))),
        ("type", word("dpv:DataController")),
    ]);
    let subject = notice.subject_field.as_ref();
    Json::object([
        ("@context", word(format!("{}{CONTEXT_PATH}", page.site))),
        ("id", word(page.address())),
        ("type", word("dpv:PrivacyNotice")),
        ("version", Some(Json::Whole(i64::from(notice.version)))),
        ("title", both(&notice.title)),
        ("description", both(&notice.summary)),
        ("controller", Some(controller)),
        ("contact", Some(contact)),
        ("place", Some(place)),
        ("storage", Some(storage_location(&notice.stored_in))),
        ("bystanders", notice.bystanders.as_ref().and_then(both)),
        ("format", word(notice.format.as_str())),
        ("subjectField", subject.map(|it| refer(page.field(it)))),
        ("data", list(&notice.fields, |it| field(page, it))),
        ("purposes", list(&notice.purposes, |it| purpose(page, it))),
        (
            "recipients",
            list(&notice.recipients, |it| recipient(page, it)),
        ),
        ("models", list(&notice.models, |it| model(page, it))),
        (
            "processes",
            list(&notice.declarations, |it| process(page, it)),
        ),
        (
            "sourceSwitches",
            list(&notice.source_switches, write::source_switch),
        ),
        ("commands", list(&notice.commands, write::command)),
        ("dataflows", Some(Json::List(dataflow::dataflows(notice)))),
    ])
}

fn storage_location(text: &Text) -> Json {
    Json::object([("type", word("dpv:StorageLocation")), ("title", both(text))])
}

fn field(page: &Page<'_>, field: &Field) -> Json {
    let class = match field.sensitivity {
        Sensitivity::None => "dpv:NonPersonalData",
        Sensitivity::VeryHigh => "dpv:SensitivePersonalData",
        _ => "dpv:PersonalData",
    };
    let about =
        (field.about != Roles::ALL).then(|| Json::texts(field.about.iter().map(|it| it.as_str())));
    Json::object([
        ("id", word(page.field(&field.pointer))),
        ("type", word(class)),
        ("title", both(&field.title)),
        ("pointer", word(field.pointer.as_str())),
        ("kind", word(field.kind.as_str())),
        ("unit", field.unit.as_ref().and_then(word)),
        ("min", field.range.and_then(|it| it.min).map(Json::Real)),
        ("max", field.range.and_then(|it| it.max).map(Json::Real)),
        (
            "madeBy",
            field
                .made_by
                .as_ref()
                .map(|it| refer(page.node("model", it.as_str()))),
        ),
        ("sensitivity", word(field.sensitivity.as_str())),
        (
            "dataType",
            word(dataflow::data_type(page.notice, field).ppd()),
        ),
        ("about", about),
        ("coarse", list(&field.coarse, write::coarsening)),
    ])
}

fn purpose(page: &Page<'_>, purpose: &Purpose) -> Json {
    Json::object([
        ("id", word(page.node("purpose", purpose.id.as_str()))),
        ("type", word(&purpose.dpv)),
        ("title", both(&purpose.title)),
        ("description", both(&purpose.why)),
    ])
}

fn recipient(page: &Page<'_>, recipient: &Recipient) -> Json {
    let class = match recipient.party {
        Party::Controller => Some("dpv:DataController"),
        Party::Processor => Some("dpv:DataProcessor"),
        Party::ThirdParty => Some("dpv:ThirdParty"),
        Party::Public => None,
    };
    let country = recipient.country.as_ref();
    Json::object([
        ("id", word(page.node("recipient", recipient.id.as_str()))),
        (
            "type",
            Some(Json::texts(["dpv:Recipient"].into_iter().chain(class))),
        ),
        ("title", both(&recipient.title)),
        ("terms", both(&recipient.terms)),
        ("party", word(recipient.party.as_str())),
        (
            "country",
            country.map(|it| refer(format!("https://w3id.org/dpv/loc#{it}"))),
        ),
    ])
}

fn model(page: &Page<'_>, model: &Model) -> Json {
    Json::object([
        ("id", word(page.node("model", model.id.as_str()))),
        ("type", word("dpv:Technology")),
        ("title", both(&model.title)),
        ("description", both(&model.decides)),
        ("version", model.version.as_ref().and_then(word)),
        (
            "inForce",
            model.in_force.and_then(|it| word(it.to_string())),
        ),
    ])
}

const fn legal_basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "Consent",
        LegalBasis::Contract => "Contract",
        LegalBasis::LegitimateInterest => "LegitimateInterest",
        LegalBasis::PublicTask => "PublicInterest",
        LegalBasis::LegalObligation => "LegalObligation",
        LegalBasis::VitalInterest => "VitalInterest",
    }
}

/// How long something is kept, as an XML Schema duration.
fn duration(retention: Retention) -> String {
    format!("P{}D", retention.as_days())
}

fn process(page: &Page<'_>, declaration: &Declaration) -> Json {
    let mut storage = vec![Json::object([
        ("type", word("dpv:StorageDuration")),
        ("duration", word(duration(declaration.retention))),
    ])];
    storage.extend(declaration.stored_in.as_ref().map(storage_location));
    let purpose = refer(page.node("purpose", declaration.purpose.as_str()));
    Json::object([
        ("type", word("dpv:Process")),
        (
            "data",
            list(&declaration.fields, |it| refer(page.field(it))),
        ),
        ("purposes", Some(Json::List(vec![purpose]))),
        (
            "legalBasis",
            Some(refer(format!("{PREFIX}{}", legal_basis(declaration.basis)))),
        ),
        ("law", declaration.source.as_ref().and_then(both)),
        (
            "recipients",
            list(&declaration.recipients, |it| {
                refer(page.node("recipient", it.as_str()))
            }),
        ),
        ("storage", Some(Json::List(storage))),
        ("precision", word(declaration.precision.to_string())),
        (
            "models",
            list(&declaration.models, |it| {
                refer(page.node("model", it.as_str()))
            }),
        ),
    ])
}

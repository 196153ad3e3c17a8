//! What each word of the linked data means: the JSON-LD context that a site serves.

use super::CONTEXT_PATH;
use crate::notice::json::Json;

/// Vocabularies that others keep, by prefix. The PPD taxonomy reserves its prefix and gives it no address; ours is the draft's.
const PREFIXES: [(&str, &str); 6] = [
    ("dpv", "https://w3id.org/dpv#"),
    (
        "ppd",
        "https://datatracker.ietf.org/doc/draft-dsmullen-ppd-taxonomy/#",
    ),
    ("dct", "http://purl.org/dc/terms/"),
    ("geo", "http://www.w3.org/2003/01/geo/wgs84_pos#"),
    ("schema", "https://schema.org/"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// How the value of a word is read.
enum Value {
    /// As it stands.
    Plain,
    /// A text in every language.
    Bilingual,
    /// A node or its address.
    Node,
    /// A list of nodes.
    Nodes,
    /// A term of a vocabulary.
    Term,
    /// Of this type.
    Typed(&'static str),
    /// JSON that is not linked data.
    Json,
}

use Value::{Bilingual, Node, Nodes, Plain, Term, Typed};

/// Each word, with what it means. `amanat:` is the site's own vocabulary.
const WORDS: [(&str, &str, Value); 37] = [
    ("version", "schema:version", Plain),
    ("title", "dct:title", Bilingual),
    ("description", "dct:description", Bilingual),
    ("controller", "dpv:hasDataController", Node),
    ("contact", "dpv:hasContact", Node),
    ("email", "schema:email", Plain),
    ("phone", "schema:telephone", Plain),
    ("place", "dpv:hasLocation", Node),
    ("lat", "geo:lat", Typed("xsd:double")),
    ("lon", "geo:long", Typed("xsd:double")),
    ("storage", "dpv:hasStorageCondition", Nodes),
    ("duration", "dpv:hasDuration", Typed("xsd:duration")),
    ("bystanders", "amanat:bystanders", Bilingual),
    ("format", "dct:format", Plain),
    ("subjectField", "amanat:subjectField", Node),
    ("data", "dpv:hasData", Nodes),
    ("pointer", "amanat:pointer", Plain),
    ("kind", "amanat:kind", Plain),
    ("unit", "schema:unitText", Plain),
    ("min", "schema:minValue", Typed("xsd:double")),
    ("max", "schema:maxValue", Typed("xsd:double")),
    ("sensitivity", "amanat:sensitivity", Plain),
    ("dataType", "ppd:data_type", Term),
    ("about", "amanat:about", Plain),
    ("coarse", "amanat:coarse", Value::Json),
    ("purposes", "dpv:hasPurpose", Nodes),
    ("recipients", "dpv:hasRecipient", Nodes),
    ("terms", "dct:rights", Bilingual),
    ("party", "amanat:party", Plain),
    ("country", "dpv:hasCountry", Node),
    ("models", "dpv:isImplementedUsingTechnology", Nodes),
    ("inForce", "schema:validFrom", Typed("xsd:dateTime")),
    ("madeBy", "amanat:madeBy", Node),
    ("processes", "dpv:hasProcess", Nodes),
    ("legalBasis", "dpv:hasLegalBasis", Node),
    ("law", "amanat:law", Bilingual),
    ("precision", "amanat:precision", Plain),
];

/// Words that mean something only in a dataflow, where some of them hide a word of the notice.
const DATAFLOW: [(&str, &str, Value); 10] = [
    ("statement_id", "dct:identifier", Plain),
    ("data_type", "ppd:data_type", Term),
    ("purpose", "ppd:purpose", Term),
    ("action", "ppd:action", Term),
    ("source", "ppd:source", Term),
    ("handling_context", "ppd:handling_context", Term),
    ("constraints", "ppd:constraints", Node),
    ("retention", "ppd:retention", Term),
    ("processing_boundary", "ppd:processing_boundary", Term),
    (
        "retention_period",
        "amanat:retentionPeriod",
        Typed("xsd:duration"),
    ),
];

/// The JSON-LD context of notices on `site`, such as `https://amanat.example`.
#[must_use]
pub fn notice_context(site: &str) -> String {
    let own = format!("{}{CONTEXT_PATH}#", site.trim_end_matches('/'));
    let mut members = vec![
        ("@version".to_owned(), Json::Real(1.1)),
        ("amanat".to_owned(), Json::text(own)),
    ];
    for (prefix, address) in PREFIXES {
        members.push((prefix.to_owned(), Json::text(address)));
    }
    for (word, keyword) in [("id", "@id"), ("type", "@type")] {
        members.push((word.to_owned(), Json::text(keyword)));
    }
    members.extend(WORDS.iter().map(definition));
    let switches = ("sourceSwitches", "amanat:sourceSwitches", Value::Json);
    members.push(definition(&switches));
    members.push(definition(&("commands", "amanat:commands", Value::Json)));
    members.push(("dataflows".to_owned(), dataflows()));
    let context = Json::object([("@context", Some(Json::Object(members)))]);
    context.pretty()
}

fn definition((word, means, value): &(&str, &str, Value)) -> (String, Json) {
    let (kind, container) = match value {
        Plain => (None, None),
        Bilingual => (None, Some("@language")),
        Node => (Some("@id"), None),
        Nodes => (Some("@id"), Some("@set")),
        Term => (Some("@vocab"), None),
        Typed(kind) => (Some(*kind), None),
        Value::Json => (Some("@json"), None),
    };
    let definition = Json::object([
        ("@id", Some(Json::text(*means))),
        ("@type", kind.map(Json::text)),
        ("@container", container.map(Json::text)),
    ]);
    ((*word).to_owned(), definition)
}

fn dataflows() -> Json {
    let mut words: Vec<_> = DATAFLOW.iter().map(definition).collect();
    // `jurisdiction` is a structure of the taxonomy, with codes that are no addresses.
    words.push(definition(&(
        "jurisdiction",
        "ppd:jurisdiction",
        Value::Json,
    )));
    Json::object([
        ("@id", Some(Json::text("amanat:dataflow"))),
        ("@type", Some(Json::text("@id"))),
        ("@container", Some(Json::text("@set"))),
        ("@context", Some(Json::Object(words))),
    ])
}

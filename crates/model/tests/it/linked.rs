//! The linked data: every word is in the context, every DPV term exists, every PPD term is a core term.

use std::collections::BTreeSet;

use model::{Notice, notice_context};
use serde_json::Value;

use crate::corpus::{notices, read};

const SITE: &str = "https://amanat.example";
/// Where the context is published in the repository, for the site `https://amanat.example`.
const FILE: &str = "docs/reference/notice.context.jsonld";

/// The core terms of draft-dsmullen-ppd-taxonomy, by name, and the fields of its dataflows.
const PPD: &str = "identifierData profileData sensorData contentData locationData deviceAndNetworkData usageData \
    coreFunctionality personalization communicationsAndNotifications security diagnosticsAndMaintenance \
    analyticsAndImprovement legalCompliance advertisingAndMarketing collection use transfer inference \
    userProvided participantObserved participantGenerated householdProvided vendorProvided thirdPartyProvided \
    derivedFromPriorData householdContext vendorContext thirdPartyContext publicAudience ephemeral indefinite \
    onDeviceOnly inHomeOnly approvedRemoteProcessing \
    data_type purpose action source handling_context constraints retention processing_boundary jurisdiction";

fn dpv() -> BTreeSet<String> {
    let terms = read("crates/model/src/notice/dpv/terms.txt");
    let terms = terms.lines().filter(|it| !it.starts_with('#'));
    terms.map(str::to_owned).collect()
}

fn check_term(term: &str, dpv: &BTreeSet<String>) {
    if let Some(name) = term.strip_prefix("dpv:") {
        assert!(dpv.contains(name), "{term} is no DPV term");
    }
    if let Some(name) = term.strip_prefix("ppd:") {
        assert!(
            PPD.split_whitespace().any(|it| it == name),
            "{term} is no PPD term"
        );
    }
}

/// Every text value in a document, at any depth.
fn texts<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => out.push(text),
        Value::Array(items) => items.iter().for_each(|it| texts(it, out)),
        Value::Object(members) => members.values().for_each(|it| texts(it, out)),
        _ => {}
    }
}

/// Every key, and whether its value is a bag of languages or of plain JSON, below which keys are free.
fn keys(value: &Value, context: &Value, path: &str) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| keys(it, context, path)),
        Value::Object(members) => {
            for (key, value) in members.iter().filter(|it| it.0 != "@context") {
                let definition = &context[key];
                assert!(!definition.is_null(), "{path}/{key} is not in the context");
                let free =
                    definition["@container"] == "@language" || definition["@type"] == "@json";
                if !free {
                    let scoped = definition.get("@context").map(|scoped| {
                        let mut merged = context.as_object().unwrap().clone();
                        merged.extend(scoped.as_object().unwrap().clone());
                        Value::Object(merged)
                    });
                    keys(
                        value,
                        scoped.as_ref().unwrap_or(context),
                        &format!("{path}/{key}"),
                    );
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_published_context_is_what_a_site_serves() {
    let help = format!("write the file again: amanat notice context > {FILE}");
    assert_eq!(read(FILE), notice_context(SITE), "{help}");
}

#[test]
fn every_term_of_the_context_exists() {
    let dpv = dpv();
    let context: Value = serde_json::from_str(&notice_context(SITE)).unwrap();
    let mut terms = Vec::new();
    texts(&context, &mut terms);
    assert!(terms.iter().filter(|it| it.starts_with("dpv:")).count() > 5);
    terms.iter().for_each(|it| check_term(it, &dpv));
    // A compact address must have a prefix that the context itself defines.
    let context = &context["@context"];
    for (prefix, rest) in terms.iter().filter_map(|it| it.split_once(':')) {
        assert!(
            rest.starts_with("//") || context.get(prefix).is_some(),
            "{prefix}"
        );
    }
}

#[test]
fn every_notice_of_the_corpus_is_linked_data_in_known_words() {
    let dpv = dpv();
    let context: Value = serde_json::from_str(&notice_context(SITE)).unwrap();
    for (name, text) in notices("valid") {
        let notice = Notice::parse(&text).unwrap();
        let document: Value = serde_json::from_str(&notice.to_json_ld(SITE)).unwrap();
        assert_eq!(
            document["@context"],
            "https://amanat.example/schema/notice.jsonld"
        );
        keys(&document, &context["@context"], &name);
        let mut values = Vec::new();
        texts(&document, &mut values);
        values.iter().for_each(|it| check_term(it, &dpv));
        let flows = document["dataflows"].as_array().unwrap();
        assert!(!flows.is_empty(), "{name}");
        for flow in flows {
            for field in [
                "data_type",
                "purpose",
                "action",
                "source",
                "handling_context",
            ] {
                assert!(
                    flow[field].as_str().is_some_and(|it| it.contains(':')),
                    "{name}: {flow}"
                );
            }
        }
    }
}

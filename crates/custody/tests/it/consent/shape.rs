//! The must-fields of the open JSON profile of ISO/IEC TS 27560, as a check.

use serde_json::Value;

/// The must-fields of the profile that a record lacks.
pub(super) fn shape_problems(record: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for key in [
        "dct:conformsTo",
        "dpv:hasIdentifier",
        "dct:created",
        "dct:creator",
        "dct:language",
    ] {
        if !record[key].is_string() {
            problems.push(format!("{key} is no text"));
        }
    }
    if !record["dpv:hasDataSubject"]["dpv:hasIdentifier"].is_string() {
        problems.push("the person has no identifier".to_owned());
    }
    let entities = &record["dpv:hasEntity"];
    if !entities[record["dct:creator"].as_str().unwrap_or("?")].is_object() {
        problems.push("the creator is no entity".to_owned());
    }
    for (name, entity) in entities.as_object().into_iter().flatten() {
        for key in [
            "@type",
            "dpv:hasIdentifier",
            "dpv:hasName",
            "dpv:hasAddress",
            "dpv:hasContact",
        ] {
            if entity[key].is_null() {
                problems.push(format!("{name} lacks {key}"));
            }
        }
    }
    let notices = record["dpv:hasNotice"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_notice =
        |it: &Value| it["dpv:hasIdentifier"].is_string() && it["amanat:sha256"].is_string();
    if notices.is_empty() || !notices.iter().all(is_notice) {
        problems.push("a notice has no identifier or hash".to_owned());
    }
    let processes = record["dpv:hasProcess"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if processes.is_empty() {
        problems.push("there is no process".to_owned());
    }
    for process in &processes {
        process_problems(process, &Value::Null, entities, &mut problems);
    }
    problems
}

/// A process inherits what the one around it says; only those without processes of their own have a status.
fn process_problems(process: &Value, outer: &Value, entities: &Value, problems: &mut Vec<String>) {
    let get = |key: &str| {
        if process[key].is_null() {
            &outer[key]
        } else {
            &process[key]
        }
    };
    if let Some(inner) = process["dpv:hasProcess"].as_array() {
        if !process["dpv:hasConsentStatus"].is_null() {
            problems.push("a process has a status and processes".to_owned());
        }
        for it in inner {
            process_problems(it, process, entities, problems);
        }
        return;
    }
    let arrays = [
        "dpv:hasPurpose",
        "dpv:hasPersonalData",
        "dpv:hasProcessing",
        "dpv:hasDataController",
        "dpv:hasDataSource",
        "dpv:hasStorageCondition",
        "dpv:hasRecipient",
        "dpv:hasLegalBasis",
        "dpv:hasJurisdiction",
        "dpv:hasNotice",
        "dpv:hasConsentControl",
        "dpv:hasRight",
        "dpv:hasConsentStatus",
    ];
    for key in arrays {
        if get(key).as_array().is_none_or(Vec::is_empty) {
            problems.push(format!("a process lacks {key}"));
        }
    }
    if get("dpv:hasPurpose")
        .as_array()
        .is_some_and(|it| it.len() != 1)
    {
        problems.push("a process has several purposes".to_owned());
    }
    let list = |key: &str| get(key).as_array().cloned().unwrap_or_default();
    for purpose in list("dpv:hasPurpose") {
        if !purpose["skos:broader"].is_string() || !purpose["skos:prefLabel"].is_string() {
            problems.push("a purpose has no class or label".to_owned());
        }
    }
    for party in list("dpv:hasRecipient")
        .iter()
        .chain(&list("dpv:hasDataController"))
    {
        if !entities[party.as_str().unwrap_or("?")].is_object() {
            problems.push(format!("{party} is no entity"));
        }
    }
    storage_and_data_problems(&list, problems);
    for status in list("dpv:hasConsentStatus") {
        let kind = status["@type"][0].as_str().unwrap_or_default();
        let complete = status["dpv:isIndicatedAtTime"].is_string()
            && status["dpv:isExercisedAt"].is_string()
            && status["dpv:isIndicatedBy"].is_string()
            && status["dpv:hasDuration"]["rdf:value"].is_string();
        if !kind.starts_with("dpv:Consent") || !complete {
            problems.push(format!("a status of type `{kind}` is incomplete"));
        }
    }
}

fn storage_and_data_problems(list: &dyn Fn(&str) -> Vec<Value>, problems: &mut Vec<String>) {
    let storage = Value::from(list("dpv:hasStorageCondition")).to_string();
    if !storage.contains("dpv:StorageLocation") || !storage.contains("\"rdf:value\":\"P") {
        problems.push("storage has no place or time".to_owned());
    }
    for data in list("dpv:hasPersonalData") {
        if !data["@type"][0].is_string() || !data["skos:broader"][0].is_string() {
            problems.push("personal data has no type".to_owned());
        }
    }
}

#[test]
fn the_check_of_the_shape_sees_what_is_missing() {
    assert!(shape_problems(&serde_json::json!({})).len() > 5);
    let mut problems = Vec::new();
    let process = serde_json::json!({"dpv:hasRecipient": ["nobody"], "dpv:hasConsentStatus": [{"@type": ["x"]}]});
    process_problems(&process, &Value::Null, &Value::Null, &mut problems);
    assert!(
        problems.iter().any(|it| it.contains("no entity")),
        "{problems:?}"
    );
    assert!(
        problems.iter().any(|it| it.contains("incomplete")),
        "{problems:?}"
    );
}

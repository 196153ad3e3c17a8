use model::Notice;
use serde_json::Value;

use super::*;
use crate::{Adapter, State, take};

/// What a person fills in: everything that is missing, in the plainest way.
fn completed(draft: &str, pointers: &[String]) -> String {
    let text = r#"{ en = "x", ur = "ا" }"#;
    let head = format!(
        "deployment = \"d\"\ncontroller = \"m\"\ntitle = {text}\nsummary = {text}\nplace = {text}\nstored-in = {text}\n"
    );
    let contact =
        format!("[contact]\nname = {text}\nemail = \"a@b.example\"\nphone = \"+92 42 0000000\"\n");
    let uses = format!(
        "[[purposes]]\nid = \"p\"\ndpv = \"dpv:PublicBenefit\"\ntitle = {text}\nwhy = {text}\n\
         [[recipients]]\nid = \"r\"\ntitle = {text}\nterms = {text}\n\
         [[declarations]]\nfields = {pointers:?}\npurpose = \"p\"\nbasis = \"consent\"\nrecipients = [\"r\"]\nretention-days = 0\nprecision = \"on\"\n"
    );
    let body = draft
        .replace("\" }   # ur = \"…\" is missing", "\", ur = \"ا\" }")
        .replace("# kind = \"…\"", "kind = \"number\"")
        .replace("# [contact]\n", &contact);
    format!("{head}{body}{uses}")
}

/// The draft; it never passes as it is, and passes once a person has filled it in.
#[track_caller]
fn sound(draft: &Draft) -> String {
    let toml = draft.to_toml().unwrap();
    let problems = Notice::parse(&toml).unwrap_err().problems;
    for missing in [
        "deployment",
        "controller",
        "title",
        "contact",
        "purposes",
        "recipients",
        "declarations",
    ] {
        let is_said = problems
            .iter()
            .any(|it| it.reason.contains(&format!("`{missing}`")));
        assert!(is_said, "`{missing}` is not said: {problems:?}");
    }
    let pointers: Vec<_> = draft.pointers().map(ToString::to_string).collect();
    for pointer in &pointers {
        let unused = format!("field `{pointer}` is in no declaration");
        assert!(
            problems.iter().any(|it| it.reason.contains(&unused)),
            "{unused}: {problems:?}"
        );
    }
    let whole = completed(&toml, &pointers);
    match Notice::parse(&whole) {
        Ok(notice) => assert_eq!(notice.fields.len(), pointers.len()),
        Err(err) => panic!("{:?}\n{whole}", err.problems),
    }
    toml
}

fn observed(adapter: Adapter, topic: &str, payload: &str) -> Draft {
    let mut draft = Draft::new(Format::Json);
    for taken in take(adapter, &mut State::default(), topic, payload.as_bytes()).unwrap() {
        draft.observe(&taken.body).unwrap();
    }
    draft
}

fn fields(toml: &str) -> &str {
    let start = toml.find("\n[[fields]]").unwrap();
    let start = toml[..start].rfind("\n\n").unwrap();
    toml[start..toml.find("\n# 3.").unwrap()].trim()
}

#[test]
fn a_message_shows_names_types_and_guesses_and_no_values() {
    let payload =
        r#"{"temperature":19.52,"occupancy":true,"battery":97,"action":"Zainab","zorblax":7777}"#;
    let toml = sound(&observed(Adapter::Zigbee2Mqtt, "zigbee2mqtt/hall", payload));
    for value in ["19.52", "97", "Zainab", "7777"] {
        assert!(!toml.contains(value), "{value} is in the draft");
    }
    let expected = r#"# it tells what somebody does
[[fields]]
pointer = "/action"
title = { en = "Button or action", ur = "بٹن یا عمل" }
kind = "text"
sensitivity = "medium"
data = "usage"

# about the device
[[fields]]
pointer = "/battery"
title = { en = "Battery", ur = "بیٹری" }
kind = "number"
unit = "%"
range = { min = 0.0, max = 100.0 }
sensitivity = "low"
data = "device-and-network"

# it tells who is at home and when
[[fields]]
pointer = "/occupancy"
title = { en = "Somebody is there", ur = "کوئی موجود ہے" }
kind = "boolean"
sensitivity = "high"
data = "sensor"

# in a dwelling it follows its people
[[fields]]
pointer = "/temperature"
title = { en = "Temperature", ur = "درجۂ حرارت" }
kind = "number"
unit = "Cel"
sensitivity = "low"
data = "sensor"
[[fields.coarse]]
round = 2.0
[[fields.coarse]]
round = 0.5

[[fields]]
pointer = "/zorblax"
title = { en = "Zorblax" }   # ur = "…" is missing
kind = "number"
sensitivity = "medium"   # not known by its name"#;
    assert_eq!(fields(&toml), expected);
}

#[test]
fn every_sample_of_every_dialect_makes_a_sound_draft() {
    let samples = [
        (
            Adapter::Zigbee2Mqtt,
            include_str!("../../samples/zigbee2mqtt.jsonl"),
        ),
        (
            Adapter::Tasmota,
            include_str!("../../samples/tasmota.jsonl"),
        ),
        (
            Adapter::ShellyGen1,
            include_str!("../../samples/shelly-gen1.jsonl"),
        ),
        (
            Adapter::ShellyGen2,
            include_str!("../../samples/shelly-gen2.jsonl"),
        ),
        (
            Adapter::Esphome,
            include_str!("../../samples/esphome.jsonl"),
        ),
        (Adapter::Homie, include_str!("../../samples/homie.jsonl")),
        (
            Adapter::OwnTracks,
            include_str!("../../samples/owntracks.jsonl"),
        ),
    ];
    for (adapter, lines) in samples {
        let mut state = State::default();
        let mut drafts = 0;
        for line in lines.lines() {
            let sample: Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| sample[key].as_str().unwrap();
            let Ok(all) = take(
                adapter,
                &mut state,
                text("topic"),
                text("payload").as_bytes(),
            ) else {
                continue;
            };
            for taken in all {
                let mut draft = Draft::new(Format::Json);
                draft.observe(&taken.body).unwrap();
                if draft.pointers().next().is_some() {
                    sound(&draft);
                    drafts += 1;
                }
            }
        }
        assert!(drafts >= 8, "{adapter:?}: {drafts}");
    }
}

#[test]
fn several_messages_make_one_draft_and_what_does_not_fit_is_remarked() {
    let mut draft = Draft::new(Format::Json);
    draft
        .observe(br#"{"a":null,"rooms":[{"t":1},{"h":2}],"x":1}"#)
        .unwrap();
    draft.observe(br#"{"a":"text","x":"one"}"#).unwrap();
    let toml = sound(&draft);
    let pointers: Vec<_> = draft.pointers().map(Pointer::as_str).collect();
    assert_eq!(pointers, ["/a", "/rooms/*/h", "/rooms/*/t", "/x"]);
    assert!(
        toml.contains("# Note: a field came with values of two types"),
        "{toml}"
    );
}

#[test]
fn a_field_inside_another_is_said_in_the_draft_and_by_the_check() {
    let mut draft = Draft::new(Format::Json);
    draft.observe(br#"{"light":{"0":"on"}}"#).unwrap();
    draft.observe(br#"{"light":{"0":{"power":1}}}"#).unwrap();
    let toml = draft.to_toml().unwrap();
    assert!(
        toml.contains("# It lies inside of \"/light/0\": keep one of them."),
        "{toml}"
    );
    assert!(Notice::parse(&toml).is_err());
}

#[test]
fn a_senml_pack_names_its_fields_by_senml_name() {
    let mut draft = Draft::new(Format::SenmlJson);
    let pack = br#"[{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},{"n":"open","vb":true},{"n":"s","s":1}]"#;
    draft.observe(pack).unwrap();
    let toml = sound(&draft);
    assert!(
        toml.contains("senml = \"voltage\"") && toml.contains("format = \"senml-json\""),
        "{toml}"
    );
    assert_eq!(draft.pointers().count(), 2);
}

#[test]
fn a_thing_description_tells_types_ranges_and_titles() {
    let draft = |text: &str| {
        let mut draft = Draft::new(Format::Json);
        draft.describe(text.as_bytes()).unwrap();
        sound(&draft)
    };
    let coffee = draft(include_str!(
        "../../samples/thing-descriptions/smart-home-simple-coffee-machine.td.json"
    ));
    assert!(
        coffee.contains("pointer = \"/resources/water\""),
        "{coffee}"
    );
    assert!(
        coffee.contains("range = { min = 0.0, max = 1000.0 }"),
        "{coffee}"
    );
    let presence = draft(include_str!(
        "../../samples/thing-descriptions/smart-home-presence-sensor.td.json"
    ));
    assert!(
        presence.contains("pointer = \"/presenceDetected\"\ntitle = { en = \"Distance\" }")
            && presence.contains("sensitivity = \"high\""),
        "{presence}"
    );
    let clock = draft(include_str!(
        "../../samples/thing-descriptions/smart-home-smart-clock.td.json"
    ));
    assert!(clock.contains("pointer = \"/time/hour\""), "{clock}");
    let lamp = draft(include_str!(
        "../../samples/thing-descriptions/data-schema-serialization.td.jsonld"
    ));
    assert!(
        lamp.contains("pointer = \"/rgb/*\"") && lamp.contains("also names actions"),
        "{lamp}"
    );
    let written = draft(include_str!(
        "../../samples/thing-descriptions/readOnly-and-writeOnly.td.jsonld"
    ));
    assert!(
        written.contains("/status/latestStatus") && !written.contains("newStatusValue"),
        "{written}"
    );
    let languages = draft(include_str!(
        "../../samples/thing-descriptions/multilanguage-title-description.td.jsonld"
    ));
    assert!(
        languages.contains("# title = { en = \"MyThing\"") && languages.contains("en = \"On/Off\""),
        "{languages}"
    );
}

#[test]
fn what_is_no_description_says_so() {
    let mut draft = Draft::new(Format::Json);
    assert_eq!(
        draft.describe(b"{\"title\":\"x\"}"),
        Err(DraftError::NotAThing)
    );
    assert_eq!(
        draft.describe(b"{\n\"title\""),
        Err(DraftError::NotJson(2, 7))
    );
    assert_eq!(draft.discover(b" \n", None), Err(DraftError::Deletes));
    assert_eq!(
        draft.discover(b"{\"a\":1}", None),
        Err(DraftError::NotADiscovery)
    );
    assert_eq!(draft.discover(b"[]", None), Err(DraftError::NotADiscovery));
    assert_eq!(
        draft.observe(&vec![b' '; MAX_DOCUMENT_BYTES + 1]),
        Err(DraftError::TooLarge)
    );
    assert_eq!(draft.to_toml(), Err(DraftError::NoField));
}

#[test]
fn discovery_documents_of_single_components_make_one_draft() {
    let mut draft = Draft::new(Format::Json);
    let temperature = br#"{"device_class":"temperature","state_topic":"homeassistant/sensor/bed/state","unit_of_measurement":"\u00b0C","value_template":"{{ value_json.temp }}","device":{"name":"Bedroom","identifiers":["b1"]}}"#;
    let motion = br#"{"name":null,"dev_cla":"motion","stat_t":"~/state","~":"homeassistant/binary_sensor/garden","dev":{"ids":["01ad"],"name":"Garden"}}"#;
    let esphome = br#"{"dev_cla":"humidity","unit_of_meas":"%","name":"Humidity","stat_t":"livingroom/sensor/humidity/state"}"#;
    draft
        .discover(temperature, Some("homeassistant/sensor/bedT/config"))
        .unwrap();
    draft
        .discover(motion, Some("homeassistant/binary_sensor/garden/config"))
        .unwrap();
    draft.discover(esphome, None).unwrap();
    let toml = sound(&draft);
    let pointers: Vec<_> = draft.pointers().map(Pointer::as_str).collect();
    assert_eq!(pointers, ["/sensor/humidity/state", "/state", "/temp"]);
    assert!(toml.contains("# title = { en = \"Bedroom\""), "{toml}");
    assert!(
        toml.contains("unit = \"Cel\"") && toml.contains("title = { en = \"Somebody is there\""),
        "{toml}"
    );
}

#[test]
fn a_discovery_document_of_a_device_has_a_field_for_each_component() {
    let mut draft = Draft::new(Format::Json);
    let device = br#"{"dev":{"ids":"ea33","name":"Kitchen"},"o":{"name":"x2mqtt"},"stat_t":"kitchen/state","cmps":{
        "t":{"p":"sensor","dev_cla":"temperature","unit_of_meas":"\u00b0C","val_tpl":"{{ value_json.temperature }}"},
        "d":{"p":"binary_sensor","dev_cla":"door","pl_on":true,"val_tpl":"{{ value_json.door }}"},
        "n":{"p":"number","name":"Wanted","min":5,"max":30,"val_tpl":"{{ value_json.wanted }}"},
        "s":{"p":"sensor","val_tpl":"{% if value_json.a %}1{% endif %}"}}}"#;
    draft
        .discover(device, Some("homeassistant/device/x/config"))
        .unwrap();
    let toml = sound(&draft);
    let pointers: Vec<_> = draft.pointers().map(Pointer::as_str).collect();
    assert_eq!(pointers, ["/door", "/temperature", "/wanted"]);
    assert!(toml.contains("range = { min = 5.0, max = 30.0 }"), "{toml}");
    assert!(
        toml.contains("a template that is more than a name"),
        "{toml}"
    );
    assert!(
        toml.contains("pointer = \"/door\"\ntitle = { en = \"Open or closed\""),
        "{toml}"
    );
}

#[test]
fn what_a_source_says_cannot_write_keys_of_its_own() {
    let mut draft = Draft::new(Format::Json);
    let evil = r#"{"title":"a\"\n[[declarations]]","properties":{
        "x\"]\ny":{"type":"number","title":"t\" }\nsensitivity = \"none\"","unit":"u\"\nk = 1","description":"d\r\n[[declarations]]\nfields = []"},
        "del\u007f":{"type":"string"}}}"#;
    draft.describe(evil.as_bytes()).unwrap();
    let toml = draft.to_toml().unwrap();
    let problems = Notice::parse(&toml).unwrap_err().problems;
    let is_known =
        |reason: &str| reason.contains("has no") || reason.contains("is in no declaration");
    assert!(
        problems.iter().all(|it| is_known(&it.reason)),
        "{problems:?}"
    );
    assert!(
        !toml
            .lines()
            .any(|it| it.starts_with("[[declarations]]") || it.starts_with("fields =")),
        "{toml}"
    );
}

#[test]
fn a_document_with_too_many_fields_is_cut_where_a_notice_ends() {
    let mut draft = Draft::new(Format::Json);
    let members: Vec<_> = (0..400).map(|it| format!("\"f{it}\":1")).collect();
    draft
        .observe(format!("{{{},\"@x\":1}}", members.join(",")).as_bytes())
        .unwrap();
    let toml = sound(&draft);
    assert_eq!(draft.pointers().count(), MAX_FIELDS);
    assert!(
        toml.contains("more fields were found") && toml.contains("begins with `@`"),
        "{toml}"
    );
}

//! Fields from the discovery documents of Home Assistant: of a single component, or of a device with its components.
//!
//! See <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>: keys may be abbreviated, and `~` stands for the
//! base topic. Where a component reads its value with a template, the template names the pointer; without one, the message is
//! the value, and the pointer is that of the adapters `esphome` or `scalar`. Lights with `schema: json` say in their document
//! which members their state has. Climates, covers, fans and others have more topics than one, see [`MORE_STATES`].

use model::{FieldKind, Range};
use serde_json::{Map, Value};

use super::{Draft, DraftError, Says};
use crate::draft::facts::standard_unit;
use crate::esphome;

/// What components tell beside their state: the topic, short and long, the template, short and long, and the type.
const MORE_STATES: [([&str; 2], [&str; 2], FieldKind); 17] = [
    (
        ["curr_temp_t", "current_temperature_topic"],
        ["curr_temp_tpl", "current_temperature_template"],
        FieldKind::Number,
    ),
    (
        ["temp_stat_t", "temperature_state_topic"],
        ["temp_stat_tpl", "temperature_state_template"],
        FieldKind::Number,
    ),
    (
        ["temp_hi_stat_t", "temperature_high_state_topic"],
        ["temp_hi_stat_tpl", "temperature_high_state_template"],
        FieldKind::Number,
    ),
    (
        ["temp_lo_stat_t", "temperature_low_state_topic"],
        ["temp_lo_stat_tpl", "temperature_low_state_template"],
        FieldKind::Number,
    ),
    (
        ["curr_hum_t", "current_humidity_topic"],
        ["curr_hum_tpl", "current_humidity_template"],
        FieldKind::Number,
    ),
    (
        ["hum_stat_t", "target_humidity_state_topic"],
        ["hum_state_tpl", "target_humidity_state_template"],
        FieldKind::Number,
    ),
    (
        ["mode_stat_t", "mode_state_topic"],
        ["mode_stat_tpl", "mode_state_template"],
        FieldKind::Text,
    ),
    (
        ["act_t", "action_topic"],
        ["act_tpl", "action_template"],
        FieldKind::Text,
    ),
    (
        ["fan_mode_stat_t", "fan_mode_state_topic"],
        ["fan_mode_stat_tpl", "fan_mode_state_template"],
        FieldKind::Text,
    ),
    (
        ["swing_mode_stat_t", "swing_mode_state_topic"],
        ["swing_mode_stat_tpl", "swing_mode_state_template"],
        FieldKind::Text,
    ),
    (
        ["pr_mode_stat_t", "preset_mode_state_topic"],
        ["pr_mode_val_tpl", "preset_mode_value_template"],
        FieldKind::Text,
    ),
    (
        ["pos_t", "position_topic"],
        ["pos_tpl", "position_template"],
        FieldKind::Number,
    ),
    (
        ["tilt_status_t", "tilt_status_topic"],
        ["tilt_status_tpl", "tilt_status_template"],
        FieldKind::Number,
    ),
    (
        ["bri_stat_t", "brightness_state_topic"],
        ["bri_val_tpl", "brightness_value_template"],
        FieldKind::Number,
    ),
    (
        ["clr_temp_stat_t", "color_temp_state_topic"],
        ["clr_temp_val_tpl", "color_temp_value_template"],
        FieldKind::Number,
    ),
    (
        ["pct_stat_t", "percentage_state_topic"],
        ["pct_val_tpl", "percentage_value_template"],
        FieldKind::Number,
    ),
    (
        ["osc_stat_t", "oscillation_state_topic"],
        ["osc_val_tpl", "oscillation_value_template"],
        FieldKind::Text,
    ),
];
/// What the state of a light with `schema: json` has for each of its colour modes.
const COLORS: [(&str, &[&str]); 5] = [
    ("color_temp", &["color_temp"]),
    ("hs", &["color/h", "color/s"]),
    ("xy", &["color/x", "color/y"]),
    ("rgb", &["color/r", "color/g", "color/b"]),
    ("rgbw", &["color/r", "color/g", "color/b", "color/w"]),
];

/// The most components of a device that are read.
const MAX_COMPONENTS: usize = 256;

/// Reads a document.
pub(super) fn discover(
    draft: &mut Draft,
    document: &Value,
    topic: Option<&str>,
) -> Result<(), DraftError> {
    let document = document.as_object().ok_or(DraftError::NotADiscovery)?;
    let device = get(document, "dev", "device").and_then(Value::as_object);
    let name = device.and_then(|it| it.get("name")).and_then(Value::as_str);
    draft.title = draft.title.take().or_else(|| name.map(str::to_owned));
    if let Some(components) = get(document, "cmps", "components").and_then(Value::as_object) {
        for (id, component) in components.iter().take(MAX_COMPONENTS) {
            let Some(own) = component.as_object() else {
                continue;
            };
            // What stands on the device counts for its components.
            let mut whole = document.clone();
            whole.extend(own.iter().map(|it| (it.0.clone(), it.1.clone())));
            let platform = get(own, "p", "platform").and_then(Value::as_str);
            read(draft, &whole, platform, id);
        }
        return Ok(());
    }
    let has_more = |(topic, ..): &([&str; 2], _, _)| get(document, topic[0], topic[1]).is_some();
    if get(document, "stat_t", "state_topic").is_none() && !MORE_STATES.iter().any(has_more) {
        return Err(DraftError::NotADiscovery);
    }
    let mut levels = topic.into_iter().flat_map(|it| it.split('/')).skip(1);
    let of_topic = levels.next();
    let platform = get(document, "p", "platform").and_then(Value::as_str);
    read(draft, document, of_topic.or(platform), "");
    Ok(())
}

fn get<'a>(document: &'a Map<String, Value>, short: &str, long: &str) -> Option<&'a Value> {
    document.get(short).or_else(|| document.get(long))
}

fn read(draft: &mut Draft, component: &Map<String, Value>, platform: Option<&str>, id: &str) {
    let text = |short, long| get(component, short, long).and_then(Value::as_str);
    if get(component, "json_attr_t", "json_attributes_topic").is_some() {
        draft.remark("a component has attributes, which its document does not name: look at a message for them");
    }
    if text("schema", "schema") == Some("json") {
        return light(draft, component);
    }
    let more = more_states(draft, component);
    let state = place(
        component,
        ["stat_t", "state_topic"],
        ["val_tpl", "value_template"],
    );
    let Some(place) = state else {
        if more == 0 || get(component, "stat_t", "state_topic").is_some() {
            draft.remark("a component has no state, or a template that is more than a name: look at a message and add its field by hand");
        }
        return;
    };
    let class = text("dev_cla", "device_class");
    let unit = text("unit_of_meas", "unit_of_measurement");
    let number = |short, long| get(component, short, long).and_then(Value::as_f64);
    let kind = kind(component, platform, class, unit);
    let is_range = kind == Some(FieldKind::Number) && platform == Some("number");
    let range = Range {
        min: number("min", "min"),
        max: number("max", "max"),
    };
    let has_end = range.min.is_some() || range.max.is_some();
    // A component without a name is called by what it measures.
    let name = text("name", "name").or(class.is_none().then_some(id));
    let says = Says {
        kind,
        unit: unit.map(|it| standard_unit(it).to_owned()),
        range: (is_range && has_end).then_some(range),
        english: name.filter(|it| !it.is_empty()).map(str::to_owned),
        class: class.map(str::to_owned),
        ..Says::default()
    };
    draft.add(&place, None, says);
}

/// The members of the JSON that a light sends.
fn light(draft: &mut Draft, component: &Map<String, Value>) {
    let mut add = |place: &str, kind| {
        let place: Vec<_> = place.split('/').map(str::to_owned).collect();
        let kind = Some(kind);
        draft.add(
            &place,
            None,
            Says {
                kind,
                ..Says::default()
            },
        );
    };
    add("state", FieldKind::Text);
    if get(component, "bri", "brightness").and_then(Value::as_bool) == Some(true) {
        add("brightness", FieldKind::Number);
    }
    let modes = get(component, "sup_clrm", "supported_color_modes").and_then(Value::as_array);
    let modes: Vec<_> = modes
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (mode, places) in COLORS {
        if modes.contains(&mode) {
            places.iter().for_each(|it| add(it, FieldKind::Number));
        }
    }
}

/// What a component tells beside its state; gives how much that is.
fn more_states(draft: &mut Draft, component: &Map<String, Value>) -> usize {
    let mut found = 0;
    for (topic, template, kind) in MORE_STATES {
        if get(component, topic[0], topic[1]).is_none() {
            continue;
        }
        let Some(place) = place(component, topic, template) else {
            draft.remark("a component has no state, or a template that is more than a name: look at a message and add its field by hand");
            continue;
        };
        let says = Says {
            kind: Some(kind),
            ..Says::default()
        };
        draft.add(&place, None, says);
        found += 1;
    }
    found
}

/// The type of a component's values.
fn kind(
    component: &Map<String, Value>,
    platform: Option<&str>,
    class: Option<&str>,
    unit: Option<&str>,
) -> Option<FieldKind> {
    if platform == Some("binary_sensor") || get(component, "pl_on", "payload_on").is_some() {
        return Some(match get(component, "pl_on", "payload_on") {
            Some(Value::Bool(_)) => FieldKind::Boolean,
            Some(Value::Number(_)) => FieldKind::Number,
            _ => FieldKind::Text,
        });
    }
    let is_number = unit.is_some()
        || get(component, "stat_cla", "state_class").is_some()
        || platform == Some("number");
    match (class, platform) {
        (Some("timestamp" | "date" | "enum"), _) => Some(FieldKind::Text),
        _ if is_number => Some(FieldKind::Number),
        (_, Some("sensor") | None) => None,
        _ => Some(FieldKind::Text),
    }
}

/// Where a value stands in a message, by its topic and template, each short and long.
fn place(
    component: &Map<String, Value>,
    topic: [&str; 2],
    template: [&str; 2],
) -> Option<Vec<String>> {
    let template = get(component, template[0], template[1]).and_then(Value::as_str);
    if let Some(template) = template
        && template_name(template) != Some("value")
    {
        return template_place(template);
    }
    let topic = get(component, topic[0], topic[1])?.as_str()?;
    let topic = topic.strip_prefix("~/").unwrap_or(topic);
    if let Some(path) = esphome::path(topic) {
        return Some(path.map(str::to_owned).collect());
    }
    let (_, last) = topic.rsplit_once('/').unwrap_or(("", topic));
    (!last.is_empty()).then(|| vec![last.to_owned()])
}

/// What stands between the braces, without filters.
fn template_name(template: &str) -> Option<&str> {
    let inner = template.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let name = inner.split('|').next().unwrap_or(inner).trim();
    (!name.contains(['{', '}', ' ', '+', '*', '('])).then_some(name)
}

/// `value_json.ENERGY.Power`, `value_json['a'][0]`.
fn template_place(template: &str) -> Option<Vec<String>> {
    let mut rest = template_name(template)?.strip_prefix("value_json")?;
    let mut place = Vec::new();
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let (inner, after) = bracket.split_once(']')?;
            place.push(inner.trim_matches(['\'', '"']).to_owned());
            rest = after;
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (part, after) = name.split_at(end);
            place.push(part.to_owned());
            rest = after;
        }
    }
    let is_whole = !place.is_empty() && place.iter().all(|it| !it.is_empty());
    is_whole.then_some(place)
}

#[cfg(test)]
mod tests {
    use model::Format;

    use super::*;

    #[track_caller]
    fn found(document: &str) -> String {
        let mut draft = Draft::new(Format::Json);
        draft.discover(document.as_bytes(), None).unwrap();
        let pointers: Vec<_> = draft.pointers().map(ToString::to_string).collect();
        pointers.join(" ")
    }

    /// As Zigbee2MQTT announces a bulb and a radiator valve.
    #[test]
    fn lights_and_climates_have_the_members_of_their_messages() {
        assert_eq!(
            found(
                r#"{"schema":"json","state_topic":"zigbee2mqtt/bulb","command_topic":"zigbee2mqtt/bulb/set","brightness":true,"supported_color_modes":["xy","color_temp"]}"#
            ),
            "/brightness /color/x /color/y /color_temp /state"
        );
        assert_eq!(
            found(
                r#"{"curr_temp_t":"zigbee2mqtt/trv","curr_temp_tpl":"{{ value_json.local_temperature }}","temperature_state_topic":"zigbee2mqtt/trv","temperature_state_template":"{{ value_json.current_heating_setpoint }}","mode_stat_t":"zigbee2mqtt/trv","mode_stat_tpl":"{{ value_json.system_mode }}"}"#
            ),
            "/current_heating_setpoint /local_temperature /system_mode"
        );
        assert_eq!(
            found(
                r#"{"pos_t":"zigbee2mqtt/cover","pos_tpl":"{{ value_json.position }}","stat_t":"zigbee2mqtt/cover","val_tpl":"{{ value_json.state }}"}"#
            ),
            "/position /state"
        );
        assert_eq!(
            found(
                r#"{"current_temperature_topic":"attic/climate/heater/current_temperature/state","mode_state_topic":"attic/climate/heater/mode/state"}"#
            ),
            "/climate/heater/current_temperature/state /climate/heater/mode/state"
        );
    }

    #[test]
    fn a_template_that_is_a_name_is_a_place() {
        for (template, place) in [
            ("{{ value_json.temperature }}", Some("temperature")),
            ("{{value_json.ENERGY.Power|round(1)}}", Some("ENERGY/Power")),
            (
                "{{ value_json['switch:0']['apower'] }}",
                Some("switch:0/apower"),
            ),
            ("{{ value_json[\"rooms\"][0].t }}", Some("rooms/0/t")),
            ("{{ value_json.a + value_json.b }}", None),
            ("{% if value_json.a %}1{% endif %}", None),
            ("{{ value_json }}", None),
            ("{{ states('x') }}", None),
        ] {
            let found = template_place(template).map(|it| it.join("/"));
            assert_eq!(found.as_deref(), place, "{template}");
        }
    }
}

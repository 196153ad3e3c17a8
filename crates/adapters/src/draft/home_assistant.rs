//! Fields from the discovery documents of Home Assistant: of a single component, or of a device with its components.
//!
//! See <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>: keys may be abbreviated, and `~` stands for the
//! base topic. Where a component reads its value with a template, the template names the pointer; without one, the message is
//! the value, and the pointer is that of the adapters `esphome` or `scalar`.

use model::{FieldKind, Range};
use serde_json::{Map, Value};

use super::{Draft, DraftError, Says};
use crate::draft::facts::standard_unit;

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
    if get(document, "stat_t", "state_topic").is_none() {
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
    let Some(place) = place(component) else {
        return draft.remark("a component has no state, or a template that is more than a name: look at a message and add its field by hand");
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

/// Where the value stands in a message.
fn place(component: &Map<String, Value>) -> Option<Vec<String>> {
    let template = get(component, "val_tpl", "value_template").and_then(Value::as_str);
    if let Some(template) = template
        && template_name(template) != Some("value")
    {
        return template_place(template);
    }
    let topic = get(component, "stat_t", "state_topic")?.as_str()?;
    let topic = topic.strip_prefix("~/").unwrap_or(topic);
    let levels: Vec<_> = topic.split('/').collect();
    match levels.as_slice() {
        [.., component, id, state] if *state == "state" && !component.is_empty() => Some(
            [component, id, state]
                .iter()
                .map(|it| (**it).to_owned())
                .collect(),
        ),
        [.., last] if !last.is_empty() => Some(vec![(*last).to_owned()]),
        _ => None,
    }
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
    use super::*;

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

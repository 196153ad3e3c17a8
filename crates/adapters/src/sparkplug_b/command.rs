//! Commands to edge nodes and their devices: NCMD and DCMD (Sparkplug 3.0.0 sections 6.4.24 and 6.4.25).
//!
//! A notice says them as it does for any product, in text, and here they become what Sparkplug has:
//!
//! ```text
//! spBv1.0/{device}                   {"Outputs/Heater": true, "Set point": 21.5}
//! spBv1.0/GROUP/DCMD/NODE/DEVICE     the metrics, each with the type and the alias that the birth gave it
//! spBv1.0/GROUP/NCMD/NODE            the same, where the name of the thing is GROUP/NODE
//! ```
//!
//! Which type a metric has is known from the birth of its device, and from nowhere else: a metric that the last birth did
//! not have, or a value that is not of its type, is never sent, and an edge node whose birth was not seen is asked for it
//! ([`super::rebirth`]).

use serde_json::{Map, Value as Json};

use model::Timestamp;

use super::encode::{self, KnownBy, Metric, Value};
use super::{Birth, Memory};
use crate::command::SpeakError;

const NAMESPACE: &str = "spBv1.0/";
/// Above this, not every whole number of a JSON text with a point in it is one.
const MAX_WHOLE_DOUBLE: f64 = 9_007_199_254_740_992.0;

/// Whom a command is for.
struct Target<'a> {
    group: &'a str,
    node: &'a str,
    /// Empty for the edge node itself.
    device: &'a str,
}

impl<'a> Target<'a> {
    /// Of the topic that the notice has, or of one that is written as Sparkplug has it.
    fn of(topic: &'a str) -> Option<Self> {
        let levels: Vec<&str> = topic.strip_prefix(NAMESPACE)?.split('/').collect();
        if levels.iter().any(|it| it.is_empty()) {
            return None;
        }
        let (group, node, device) = match levels.as_slice() {
            [group, "NCMD", node] => (*group, *node, ""),
            [group, "DCMD", node, device] => (*group, *node, *device),
            [group, node] => (*group, *node, ""),
            [group, node, device] => (*group, *node, *device),
            _ => return None,
        };
        Some(Self {
            group,
            node,
            device,
        })
    }

    fn topic(&self) -> String {
        let Self {
            group,
            node,
            device,
        } = self;
        match device.is_empty() {
            true => format!("{NAMESPACE}{group}/NCMD/{node}"),
            false => format!("{NAMESPACE}{group}/DCMD/{node}/{device}"),
        }
    }
}

/// The topic on which a command goes; nothing where it names nobody.
pub(crate) fn topic(topic: &str) -> Option<String> {
    Target::of(topic).map(|it| it.topic())
}

/// A command as its edge node reads it.
pub(crate) fn speak(
    memory: &mut Memory,
    topic: &str,
    payload: &str,
    now: Timestamp,
) -> Result<(String, Vec<u8>), SpeakError> {
    let target = Target::of(topic).ok_or(SpeakError::Topic)?;
    let metrics: Map<String, Json> =
        serde_json::from_str(payload).map_err(|_| SpeakError::NotAnObject)?;
    if metrics.is_empty() {
        return Err(SpeakError::NotAnObject);
    }
    let node = format!("{}/{}", target.group, target.node);
    let birth = memory.nodes.get(&node);
    let Some(birth) = birth.and_then(|it| it.births.get(target.device)) else {
        memory.rebirths.want(&node);
        return Err(SpeakError::Unborn);
    };
    let metrics = metrics
        .iter()
        .map(|(name, value)| metric(birth, name, value));
    let metrics = metrics.collect::<Result<Vec<_>, _>>()?;
    Ok((target.topic(), encode::payload(&metrics, now)))
}

fn metric<'a>(birth: &Birth, name: &'a str, value: &'a Json) -> Result<Metric<'a>, SpeakError> {
    let datatype = *birth.types.get(name).ok_or(SpeakError::NoMetric)?;
    let alias = birth.aliases.iter().find(|it| **it.1 == *name);
    Ok(Metric {
        known_by: alias.map_or(KnownBy::Name(name), |it| KnownBy::Alias(*it.0)),
        datatype,
        value: of_type(datatype, value).ok_or(SpeakError::Type)?,
    })
}

/// A value of the notice in a type of the birth (section 6.4.16); nothing where it does not fit.
fn of_type(datatype: u32, value: &Json) -> Option<Value<'_>> {
    Some(match (datatype, value) {
        (1, _) => Value::Int(extended(i8::try_from(whole(value)?).ok()?.into())),
        (2, _) => Value::Int(extended(i16::try_from(whole(value)?).ok()?.into())),
        (3, _) => Value::Int(extended(i32::try_from(whole(value)?).ok()?)),
        (4, _) => Value::Long(u64::from_le_bytes(
            i64::try_from(whole(value)?).ok()?.to_le_bytes(),
        )),
        (5, _) => Value::Int(u8::try_from(whole(value)?).ok()?.into()),
        (6, _) => Value::Int(u16::try_from(whole(value)?).ok()?.into()),
        (7, _) => Value::Int(u32::try_from(whole(value)?).ok()?),
        (8 | 13, _) => Value::Long(u64::try_from(whole(value)?).ok()?),
        (9, Json::Number(it)) => {
            let near: f32 = it.to_string().parse().ok()?;
            Value::Float(Some(near).filter(|it| it.is_finite())?)
        }
        (10, Json::Number(it)) => Value::Double(it.as_f64().filter(|it| it.is_finite())?),
        (11, Json::Bool(it)) => Value::Boolean(*it),
        (12 | 14 | 15, Json::String(it)) => Value::Text(it),
        _ => return None,
    })
}

/// Two's complement, as `int_value` has a signed number.
fn extended(value: i32) -> u32 {
    u32::from_le_bytes(value.to_le_bytes())
}

/// A whole number, also one that is written as `21.0`.
fn whole(value: &Json) -> Option<i128> {
    let Json::Number(number) = value else {
        return None;
    };
    if let Some(it) = number.as_i64() {
        return Some(it.into());
    }
    if let Some(it) = number.as_u64() {
        return Some(it.into());
    }
    let it = number.as_f64()?;
    let is_whole = it.fract() == 0.0 && it.abs() <= MAX_WHOLE_DOUBLE;
    format!("{it:.0}").parse().ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_fit_into_the_type_of_the_birth_or_are_not_sent() {
        let check = |datatype, value: Json, expected: Option<Value<'_>>| {
            assert_eq!(of_type(datatype, &value), expected, "{datatype} {value}");
        };
        check(1, json!(-128), Some(Value::Int(0xffff_ff80)));
        check(1, json!(128), None);
        check(2, json!(-32_768), Some(Value::Int(0xffff_8000)));
        check(3, json!(-1), Some(Value::Int(u32::MAX)));
        check(3, json!(2_147_483_648_u32), None);
        check(4, json!(-1), Some(Value::Long(u64::MAX)));
        check(4, json!(u64::MAX), None);
        check(5, json!(255), Some(Value::Int(255)));
        check(5, json!(-1), None);
        check(6, json!(65_536), None);
        check(7, json!(u32::MAX), Some(Value::Int(u32::MAX)));
        check(8, json!(u64::MAX), Some(Value::Long(u64::MAX)));
        check(8, json!(-1), None);
        check(
            13,
            json!(1_486_144_502_122_i64),
            Some(Value::Long(1_486_144_502_122)),
        );
        check(3, json!(21.0), Some(Value::Int(21)));
        check(3, json!(21.5), None);
        check(4, json!(1e300), None);
        check(9, json!(21.5), Some(Value::Float(21.5)));
        check(9, json!(21), Some(Value::Float(21.0)));
        check(9, json!(1e300), None);
        check(10, json!(-0.1), Some(Value::Double(-0.1)));
        check(11, json!(true), Some(Value::Boolean(true)));
        check(11, json!(1), None);
        check(11, json!("true"), None);
        check(12, json!("slow"), Some(Value::Text("slow")));
        check(14, json!(""), Some(Value::Text("")));
        check(12, json!(1), None);
        for none in [json!(null), json!([1]), json!({}), json!("1")] {
            check(3, none, None);
        }
        // Bytes, data sets, files, templates and arrays are not commanded.
        for datatype in [0, 16, 17, 18, 19, 22, 34, 99] {
            check(datatype, json!(1), None);
        }
    }

    #[test]
    fn a_command_goes_on_the_topic_of_its_edge_node_or_device_section_4() {
        let check = |from: &str, to: Option<&str>| {
            assert_eq!(topic(from).as_deref(), to, "{from}");
        };
        check(
            "spBv1.0/plant/press/oven",
            Some("spBv1.0/plant/DCMD/press/oven"),
        );
        check("spBv1.0/plant/press", Some("spBv1.0/plant/NCMD/press"));
        let as_it_is = "spBv1.0/plant/DCMD/press/oven";
        check(as_it_is, Some(as_it_is));
        check("spBv1.0/plant/NCMD/press", Some("spBv1.0/plant/NCMD/press"));
        for none in [
            "spBv1.0/plant",
            "spBv1.0/a/b/c/d",
            "spBv1.0/a//c",
            "plant/press",
            "spBv1.0/",
        ] {
            check(none, None);
        }
    }
}

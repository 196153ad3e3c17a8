//! Topics that recipients subscribe to and receive on.
//!
//! ```text
//! for/<purpose>/<deployment|+>/<thing|+>      both versions; also for/<purpose>/# and
//! for/<purpose>/<deployment>/#                for/<purpose>/<deployment>/#
//!   delivered on for/<purpose>/<deployment>/<thing>
//!
//! <deployment|+>/<thing|+>, #, <deployment>/#  MQTT 5 with the user property purpose=<purpose>
//!   delivered on <deployment>/<thing>
//! ```
//!
//! Whoever named a purpose at the door (user name `<recipient>?purpose=<purpose>`) subscribes to the topics that
//! the things have in their own dialect, with all wildcards of section 4.7, and receives on them.
//!
//! `$share/<group>/` may stand before each of these (5.0, 4.8.2; taken from MQTT 3.1.1 clients too).
//!
//! In MQTT 5 the user property `where=<condition>` asks for less, see [`custody::Condition`].
//!
//! The topic a thing publishes on is not identity, is not declared, and is never delivered.

use custody::Condition;
use model::{DeploymentId, PurposeId, ThingId};
use mqtt_proto::v5::SubscribeReasonCode;
use smallvec::SmallVec;

use super::backend::Label;
use crate::Counter;

/// The first level of topics that name their purpose.
const FOR: &str = "for";

/// Which form a subscription has; deliveries come in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `for/<purpose>/<deployment>/<thing>`.
    WithPurpose,
    /// `<deployment>/<thing>`.
    Plain,
    /// The topic of the thing in its own dialect.
    Native,
}

/// What a recipient asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) purpose: PurposeId,
    pub(crate) deployment: Option<DeploymentId>,
    pub(crate) thing: Option<ThingId>,
    /// A filter over the native topics of things.
    pub(crate) native: Option<Box<str>>,
    pub(crate) condition: Option<Condition>,
    /// The name of a shared subscription (5.0, 4.8.2).
    pub(crate) group: Option<Box<str>>,
}

/// Why a filter is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FilterRefusal {
    /// What an MQTT 5 client is told; MQTT 3.1.1 knows 0x80 only.
    pub(crate) code: SubscribeReasonCode,
    pub(crate) counter: Counter,
    pub(crate) text: &'static str,
}

const NO_PURPOSE: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::NotAuthorized,
    counter: Counter::SubscriptionsDenied,
    text: "name one purpose: subscribe to for/<purpose>/<deployment>/<thing>, or in MQTT 5 send the user property purpose",
};

const NO_SUCH_TOPIC: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::TopicFilterInvalid,
    counter: Counter::SubscriptionsInvalid,
    text: "after the purpose a filter is <deployment>/<thing>, where + and # may stand for any",
};

const NO_GROUP: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::TopicFilterInvalid,
    counter: Counter::SubscriptionsInvalid,
    text: "a shared subscription is $share/<group>/<filter>",
};

const TOO_LONG: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::TopicFilterInvalid,
    counter: Counter::SubscriptionsInvalid,
    text: "the filter is too long or too deep",
};

/// How filters are read: what the client said about its purpose, and the limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a, P> {
    /// The purpose named at the door.
    pub(crate) door: Option<&'a PurposeId>,
    /// The values of the user property `purpose`.
    pub(crate) purposes: &'a [P],
    pub(crate) max_bytes: usize,
    pub(crate) max_levels: usize,
}

/// Reads a filter.
pub(crate) fn parse_filter<P: AsRef<str>>(
    filter: &str,
    reading: Reading<'_, P>,
) -> Result<(Wanted, Form), FilterRefusal> {
    check_filter(filter, reading.max_bytes, reading.max_levels)?;
    let (group, filter) = split_group(filter)?;
    let (mut wanted, form) = match (reading.door, reading.purposes) {
        (Some(purpose), []) => (native(purpose.clone(), filter), Form::Native),
        (_, purposes) => placed(filter, purposes)?,
    };
    wanted.group = group.map(Box::from);
    Ok((wanted, form))
}

fn native(purpose: PurposeId, filter: &str) -> Wanted {
    Wanted {
        purpose,
        deployment: None,
        thing: None,
        native: Some(filter.into()),
        condition: None,
        group: None,
    }
}

/// A filter that names deployment and thing.
fn placed<P: AsRef<str>>(filter: &str, purposes: &[P]) -> Result<(Wanted, Form), FilterRefusal> {
    let parts: SmallVec<[&str; 6]> = filter.split('/').collect();
    let (purpose, place, form) = match (purposes, parts.as_slice()) {
        ([purpose], place) => (purpose.as_ref(), place, Form::Plain),
        ([], [first, purpose, place @ ..]) if *first == FOR => (*purpose, place, Form::WithPurpose),
        _ => return Err(NO_PURPOSE),
    };
    let purpose = PurposeId::parse(purpose).map_err(|_| NO_PURPOSE)?;
    let (deployment, thing) = match place {
        ["#"] => ("+", "+"),
        [deployment, "#"] => (*deployment, "+"),
        [deployment, thing] => (*deployment, *thing),
        _ => return Err(NO_SUCH_TOPIC),
    };
    let wanted = Wanted {
        purpose,
        deployment: any_or(deployment, DeploymentId::parse)?,
        thing: any_or(thing, ThingId::parse)?,
        native: None,
        condition: None,
        group: None,
    };
    Ok((wanted, form))
}

/// Takes `$share/<group>/` off a filter.
fn split_group(filter: &str) -> Result<(Option<&str>, &str), FilterRefusal> {
    let Some(rest) = filter.strip_prefix(mqtt_proto::SHARED_PREFIX) else {
        return Ok((None, filter));
    };
    match rest.split_once('/') {
        // 4.8.2-1 and 4.8.2-2
        Some((group, shared))
            if !group.is_empty() && !group.contains(['+', '#']) && !shared.is_empty() =>
        {
            Ok((Some(group), shared))
        }
        _ => Err(NO_GROUP),
    }
}

impl Wanted {
    /// Whether a delivery is one of those that are asked for, its condition aside.
    pub(crate) fn covers(&self, label: &Label<'_>) -> bool {
        self.purpose == *label.purpose
            && self
                .deployment
                .as_ref()
                .is_none_or(|it| it == label.deployment)
            && self.thing.as_ref().is_none_or(|it| it == label.thing)
            && match (&self.native, label.native_topic) {
                (None, _) => true,
                (Some(filter), Some(topic)) => matches(filter, topic),
                (Some(_), None) => false,
            }
    }
}

const NO_CONDITION: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::ImplementationSpecificError,
    counter: Counter::SubscriptionsInvalid,
    text: "where is one condition such as /power >= 1000 and /state = \"on\"",
};

/// Reads the condition; `conditions` are the values of the user property `where`.
pub(crate) fn parse_condition<C: AsRef<str>>(
    conditions: &[C],
) -> Result<Option<Condition>, FilterRefusal> {
    match conditions {
        [] => Ok(None),
        [one] => one.as_ref().parse().map(Some).map_err(|_| NO_CONDITION),
        _ => Err(NO_CONDITION),
    }
}

/// Checks what holds for every filter, whoever sends it.
pub(crate) fn check_filter(
    filter: &str,
    max_bytes: usize,
    max_levels: usize,
) -> Result<(), FilterRefusal> {
    match filter.len() > max_bytes || levels(filter) > max_levels {
        true => Err(TOO_LONG),
        false => Ok(()),
    }
}

/// Whether a filter matches a topic name (4.7).
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    let mut is_first = true;
    loop {
        let (wanted, level) = (filter.next(), topic.next());
        // 4.7.2-1: a wildcard in the first place does not stand for a level that begins with $.
        let is_special = is_first && level.is_some_and(|it| it.starts_with('$'));
        is_first = false;
        match (wanted, level) {
            (Some("#"), _) => return !is_special,
            (Some("+"), Some(_)) if !is_special => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Whether a filter may match the topic that becomes of a template, in which names in braces stand for others: `{device}` for
/// one level or more, all else for one.
pub(crate) fn may_match(filter: &str, template: &str) -> bool {
    let (mut filter, mut template) = (filter.split('/'), template.split('/'));
    loop {
        match (filter.next(), template.next()) {
            (Some("#"), _) => return true,
            (Some(_), Some(level)) if level.contains("{device}") => return true,
            (Some("+"), Some(_)) => {}
            (Some(_), Some(level)) if level.contains('{') => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

fn any_or<T, E>(
    level: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, FilterRefusal> {
    match level {
        "+" => Ok(None),
        _ => parse(level).map(Some).map_err(|_| NO_SUCH_TOPIC),
    }
}

/// How many levels a topic name or filter has.
pub(crate) fn levels(topic: &str) -> usize {
    topic.bytes().filter(|it| *it == b'/').count() + 1
}

/// The topic of a delivery: at most three identifiers, so it fits on the stack.
pub(crate) type TopicBytes = SmallVec<[u8; 224]>;

/// Writes the topic of a delivery.
pub(crate) fn delivery_topic(form: Form, label: &Label<'_>) -> TopicBytes {
    let mut topic = TopicBytes::new();
    if let (Form::Native, Some(native)) = (form, label.native_topic) {
        topic.extend_from_slice(native.as_bytes());
        return topic;
    }
    if form == Form::WithPurpose {
        topic.extend_from_slice(FOR.as_bytes());
        topic.push(b'/');
        topic.extend_from_slice(label.purpose.as_str().as_bytes());
        topic.push(b'/');
    }
    topic.extend_from_slice(label.deployment.as_str().as_bytes());
    topic.push(b'/');
    topic.extend_from_slice(label.thing.as_str().as_bytes());
    topic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_section_4_7_says() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a/b", true),
            ("+/+", "a/b", true),
            ("+/b", "/b", true),
            ("#", "$sys/a", false),
            ("+/a", "$sys/a", false),
            ("$sys/+", "$sys/a", true),
            ("zigbee2mqtt/+/set", "zigbee2mqtt/hall/set", true),
            ("a/b/", "a/b", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn a_filter_is_compared_with_a_template_before_its_names_are_known() {
        let matching = |filter: &str, template: &str, expected: bool| {
            assert_eq!(may_match(filter, template), expected, "{filter} {template}");
        };
        matching("zigbee2mqtt/#", "zigbee2mqtt/{device}/set", true);
        matching("zigbee2mqtt/+/set", "zigbee2mqtt/{device}/set", true);
        matching(
            "zigbee2mqtt/hall/lamp/set",
            "zigbee2mqtt/{device}/set",
            true,
        );
        matching("tasmota/+/set", "zigbee2mqtt/{device}/set", false);
        matching(
            "v1/devices/me/rpc/request/+",
            "v1/devices/me/rpc/request/{number}",
            true,
        );
        matching(
            "v1/devices/me/rpc/request/+/x",
            "v1/devices/me/rpc/request/{number}",
            false,
        );
        matching("lamp/set", "lamp/set", true);
        matching("lamp", "lamp/set", false);
    }

    fn reading<'a>(door: Option<&'a PurposeId>, purposes: &'a [&'a str]) -> Reading<'a, &'a str> {
        Reading {
            door,
            purposes,
            max_bytes: 1_024,
            max_levels: 32,
        }
    }

    fn parsed(filter: &str, purposes: &[&str]) -> Result<String, SubscribeReasonCode> {
        parse_filter(filter, reading(None, purposes))
            .map(|(wanted, form)| {
                format!(
                    "{} {} {} {form:?}",
                    wanted.purpose,
                    wanted
                        .deployment
                        .map_or("any".to_owned(), |it| it.to_string()),
                    wanted.thing.map_or("any".to_owned(), |it| it.to_string()),
                )
            })
            .map_err(|it| it.code)
    }

    #[test]
    fn a_filter_names_a_purpose_a_deployment_and_a_thing() {
        for (filter, purposes, expected) in [
            (
                "for/research/home-1/meter-7",
                &[][..],
                "research home-1 meter-7 WithPurpose",
            ),
            (
                "for/research/home-1/+",
                &[],
                "research home-1 any WithPurpose",
            ),
            (
                "for/research/+/meter-7",
                &[],
                "research any meter-7 WithPurpose",
            ),
            (
                "for/research/home-1/#",
                &[],
                "research home-1 any WithPurpose",
            ),
            ("for/research/#", &[], "research any any WithPurpose"),
            (
                "home-1/meter-7",
                &["research"],
                "research home-1 meter-7 Plain",
            ),
            ("+/+", &["research"], "research any any Plain"),
            ("#", &["research"], "research any any Plain"),
            ("for/#", &["research"], "research for any Plain"),
        ] {
            assert_eq!(
                parsed(filter, purposes).as_deref(),
                Ok(expected),
                "{filter}"
            );
        }
    }

    #[test]
    fn without_one_purpose_there_is_no_subscription() {
        use SubscribeReasonCode::{NotAuthorized, TopicFilterInvalid};
        for (filter, purposes, code) in [
            ("#", &[][..], NotAuthorized),
            ("home-1/meter-7", &[], NotAuthorized),
            ("for/#", &[], NotAuthorized),
            ("for/+/home-1/meter-7", &[], NotAuthorized),
            ("for/", &[], NotAuthorized),
            ("#", &["a", "b"], NotAuthorized),
            ("#", &["Not An Id"], NotAuthorized),
            ("for/research", &[], TopicFilterInvalid),
            ("for/research/+", &[], TopicFilterInvalid),
            ("for/research/a/b/c", &[], TopicFilterInvalid),
            ("for/research/A/b", &[], TopicFilterInvalid),
            ("for/research/#/b", &[], TopicFilterInvalid),
            ("$share/g/#", &[], NotAuthorized),
            ("$share//for/research/#", &[], TopicFilterInvalid),
            ("$share/g/", &[], TopicFilterInvalid),
            ("$share/g", &[], TopicFilterInvalid),
            ("$share/+/for/research/#", &[], TopicFilterInvalid),
        ] {
            assert_eq!(parsed(filter, purposes), Err(code), "{filter}");
        }
        let long = format!("for/research/{}", "a".repeat(2_000));
        assert_eq!(parsed(&long, &[]), Err(TopicFilterInvalid));
        assert_eq!(parsed(&"/".repeat(40), &[]), Err(TopicFilterInvalid));
    }

    #[test]
    fn a_shared_subscription_names_its_group_section_4_8_2() {
        let (wanted, form) =
            parse_filter("$share/g/for/research/home-1/#", reading(None, &[])).unwrap();
        assert_eq!(form, Form::WithPurpose);
        assert_eq!(wanted.group.as_deref(), Some("g"));
        assert_eq!(wanted.deployment.unwrap().as_str(), "home-1");
    }

    #[test]
    fn with_a_purpose_from_the_door_filters_are_native() {
        let purpose = PurposeId::parse("care").unwrap();
        for (filter, native) in [
            ("zigbee2mqtt/+", "zigbee2mqtt/+"),
            ("#", "#"),
            ("for/research/#", "for/research/#"),
            ("$share/g/a/#", "a/#"),
        ] {
            let (wanted, form) = parse_filter(filter, reading(Some(&purpose), &[])).unwrap();
            assert_eq!(form, Form::Native);
            assert_eq!(wanted.purpose, purpose);
            assert_eq!(wanted.native.as_deref(), Some(native));
        }
        let (_, form) = parse_filter("#", reading(Some(&purpose), &["research"])).unwrap();
        assert_eq!(form, Form::Plain, "a purpose in the packet is nearer");
    }

    #[test]
    fn a_subscription_covers_what_its_filter_matches() {
        let (purpose, deployment, thing) = (
            PurposeId::parse("care").unwrap(),
            DeploymentId::parse("home-1").unwrap(),
            ThingId::parse("meter-7").unwrap(),
        );
        let label = Label {
            purpose: &purpose,
            deployment: &deployment,
            thing: &thing,
            native_topic: Some("zigbee2mqtt/kitchen"),
            coarse: false,
            at: model::Timestamp::from_millis(0),
        };
        for (filter, door, expected) in [
            ("for/care/#", false, true),
            ("for/care/home-1/meter-7", false, true),
            ("for/care/home-1/meter-8", false, false),
            ("for/care/home-2/+", false, false),
            ("for/research/#", false, false),
            ("zigbee2mqtt/+", true, true),
            ("zigbee2mqtt/hall", true, false),
        ] {
            let door = door.then_some(&purpose);
            let (wanted, _) = parse_filter(filter, reading(door, &[])).unwrap();
            assert_eq!(wanted.covers(&label), expected, "{filter}");
        }
        assert_eq!(
            delivery_topic(Form::Native, &label).as_slice(),
            b"zigbee2mqtt/kitchen"
        );
    }

    #[test]
    fn the_longest_topic_of_a_delivery_needs_no_allocation() {
        let id = "x".repeat(model::MAX_ID_BYTES);
        let label = Label {
            purpose: &PurposeId::parse(&id).unwrap(),
            deployment: &DeploymentId::parse(&id).unwrap(),
            thing: &ThingId::parse(&id).unwrap(),
            native_topic: None,
            coarse: false,
            at: model::Timestamp::from_millis(0),
        };
        let topic = delivery_topic(Form::WithPurpose, &label);
        assert!(!topic.spilled());
        assert_eq!(topic.as_slice(), format!("for/{id}/{id}/{id}").as_bytes());
    }
}

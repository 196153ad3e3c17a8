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
//! In MQTT 5 the user property `where=<condition>` asks for less, see [`custody::Condition`].
//!
//! The topic a thing publishes on is not identity, is not declared, and is never delivered.

use custody::Condition;
use model::{DeploymentId, PurposeId, ThingId};
use mqtt_proto::v5::SubscribeReasonCode;
use smallvec::SmallVec;

use crate::Counter;

/// The first level of topics that name their purpose.
const FOR: &str = "for";

/// Which of the two forms a subscription has; deliveries come in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `for/<purpose>/<deployment>/<thing>`.
    WithPurpose,
    /// `<deployment>/<thing>`.
    Plain,
}

/// What a recipient asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) purpose: PurposeId,
    pub(crate) deployment: Option<DeploymentId>,
    pub(crate) thing: Option<ThingId>,
    pub(crate) condition: Option<Condition>,
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

const SHARED: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::SharedSubscriptionNotSupported,
    counter: Counter::SubscriptionsInvalid,
    text: "shared subscriptions are not supported",
};

const TOO_LONG: FilterRefusal = FilterRefusal {
    code: SubscribeReasonCode::TopicFilterInvalid,
    counter: Counter::SubscriptionsInvalid,
    text: "the filter is too long or too deep",
};

/// Reads a filter; `purposes` are the values of the user property `purpose`.
pub(crate) fn parse_filter<P: AsRef<str>>(
    filter: &str,
    purposes: &[P],
    max_bytes: usize,
    max_levels: usize,
) -> Result<(Wanted, Form), FilterRefusal> {
    check_filter(filter, max_bytes, max_levels)?;
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
    Ok((
        Wanted {
            purpose,
            deployment: any_or(deployment, DeploymentId::parse)?,
            thing: any_or(thing, ThingId::parse)?,
            condition: None,
        },
        form,
    ))
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
    if filter.len() > max_bytes || levels(filter) > max_levels {
        return Err(TOO_LONG);
    }
    match filter.starts_with(mqtt_proto::SHARED_PREFIX) {
        true => Err(SHARED),
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
pub(crate) fn delivery_topic(
    form: Form,
    purpose: &PurposeId,
    deployment: &DeploymentId,
    thing: &ThingId,
) -> TopicBytes {
    let mut topic = TopicBytes::new();
    if form == Form::WithPurpose {
        topic.extend_from_slice(FOR.as_bytes());
        topic.push(b'/');
        topic.extend_from_slice(purpose.as_str().as_bytes());
        topic.push(b'/');
    }
    topic.extend_from_slice(deployment.as_str().as_bytes());
    topic.push(b'/');
    topic.extend_from_slice(thing.as_str().as_bytes());
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

    fn parsed(filter: &str, purposes: &[&str]) -> Result<String, SubscribeReasonCode> {
        parse_filter(filter, purposes, 1_024, 32)
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
        use SubscribeReasonCode::{
            NotAuthorized, SharedSubscriptionNotSupported, TopicFilterInvalid,
        };
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
            (
                "$share/g/for/research/#",
                &[],
                SharedSubscriptionNotSupported,
            ),
        ] {
            assert_eq!(parsed(filter, purposes), Err(code), "{filter}");
        }
        let long = format!("for/research/{}", "a".repeat(2_000));
        assert_eq!(parsed(&long, &[]), Err(TopicFilterInvalid));
        assert_eq!(parsed(&"/".repeat(40), &[]), Err(TopicFilterInvalid));
    }

    #[test]
    fn the_longest_topic_of_a_delivery_needs_no_allocation() {
        let id = "x".repeat(model::MAX_ID_BYTES);
        let topic = delivery_topic(
            Form::WithPurpose,
            &PurposeId::parse(&id).unwrap(),
            &DeploymentId::parse(&id).unwrap(),
            &ThingId::parse(&id).unwrap(),
        );
        assert!(!topic.spilled());
        assert_eq!(topic.as_slice(), format!("for/{id}/{id}/{id}").as_bytes());
    }
}

//! Topics on which devices publish by nature, filters over them, and the names of shared subscriptions.
//!
//! Behaviour is that of MQTT 5.0 section 4.7: `+` stands for one level, `#` at the end for any number of levels, the parent
//! included; a filter that begins with a wildcard matches no topic that begins with `$`. A native topic is registered with its
//! thing, so it is held to stricter rules than the standard's: it begins neither with `$` nor with `for/`, and has no control
//! characters, which the standard lets a server refuse; it is bounded by [`MAX_TOPIC_BYTES`] and [`MAX_TOPIC_LEVELS`].

use std::fmt;
use std::sync::Arc;

/// The longest native topic, and the longest filter over such topics, in bytes.
pub const MAX_TOPIC_BYTES: usize = 256;
/// The most levels of a native topic or of a filter over such topics.
pub const MAX_TOPIC_LEVELS: usize = 32;
/// The longest name of a shared subscription, in bytes.
pub const MAX_SHARE_NAME_BYTES: usize = 64;

/// Why a text is not a native topic, a filter over such topics or the name of a shared subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// There is nothing.
    #[error("a topic cannot be empty")]
    Empty,
    /// It is longer than it may be.
    #[error("a topic has at most {MAX_TOPIC_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// It has more levels than it may have.
    #[error("a topic has at most {MAX_TOPIC_LEVELS} levels, separated by `/`")]
    TooDeep,
    /// A control character.
    #[error("a topic cannot hold control characters")]
    Control,
    /// A wildcard in a topic, or in a filter where none can stand.
    #[error("`+` stands for a whole level and `#` at the end for the rest, in filters only")]
    Wildcard,
    /// It begins like a topic of this product or of a server.
    #[error("a topic of a thing begins neither with `for/` nor with `$`: those are the server's")]
    Reserved,
    /// The name of a shared subscription.
    #[error(
        "the name of a shared subscription has 1 to {MAX_SHARE_NAME_BYTES} bytes and none of `/`, `+`, `#`"
    )]
    ShareName,
}

/// The topic on which a device publishes by nature, such as `zigbee2mqtt/kitchen`: unique in its deployment. Recipients that
/// speak the dialect of the device get its messages on it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NativeTopic(Arc<str>);

/// A filter over native topics.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NativeFilter(Arc<str>);

/// The name of a shared subscription: who gives the same name for the same filter shares its messages.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShareName(Arc<str>);

impl NativeTopic {
    /// Parses a topic.
    ///
    /// # Errors
    /// See [`TopicError`].
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text)?;
        if text.contains(['+', '#']) {
            return Err(TopicError::Wildcard);
        }
        if text.starts_with('$') || text == "for" || text.starts_with("for/") {
            return Err(TopicError::Reserved);
        }
        Ok(Self(Arc::from(text)))
    }

    /// The topic as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NativeFilter {
    /// Parses a filter.
    ///
    /// # Errors
    /// See [`TopicError`].
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text)?;
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let stands_well = match level {
                "+" => true,
                "#" => levels.peek().is_none(),
                level => !level.contains(['+', '#']),
            };
            if !stands_well {
                return Err(TopicError::Wildcard);
            }
        }
        Ok(Self(Arc::from(text)))
    }

    /// The filter as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can match more than one topic.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.0.contains(['+', '#'])
    }

    /// Whether it matches a topic.
    #[must_use]
    pub fn matches(&self, topic: &NativeTopic) -> bool {
        matches(&self.0, &topic.0)
    }
}

impl ShareName {
    /// Parses what stands between `$share/` and the next `/`.
    ///
    /// # Errors
    /// See [`TopicError`].
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        let is_long = text.is_empty() || text.len() > MAX_SHARE_NAME_BYTES;
        if is_long || text.contains(['/', '+', '#']) || text.chars().any(char::is_control) {
            return Err(TopicError::ShareName);
        }
        Ok(Self(Arc::from(text)))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > MAX_TOPIC_BYTES {
        return Err(TopicError::TooLong(text.len()));
    }
    if text.split('/').count() > MAX_TOPIC_LEVELS {
        return Err(TopicError::TooDeep);
    }
    if text.chars().any(char::is_control) {
        return Err(TopicError::Control);
    }
    Ok(())
}

/// Whether a filter that is one matches a topic that is one.
fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut names = topic.split('/');
    for level in filter.split('/') {
        match (level, names.next()) {
            // Also where the topic has ended: the parent level is included.
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (level, Some(name)) if level == name => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }
    )*};
}

shown!(NativeTopic, NativeFilter, ShareName);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_match(filter: &str, topic: &str, expected: bool) {
        assert!(NativeFilter::parse(filter).is_ok(), "{filter}");
        assert_eq!(matches(filter, topic), expected, "{filter} on {topic}");
    }

    #[test]
    fn filters_match_as_mqtt_5_section_4_7_says() {
        for topic in [
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/wimbledon",
        ] {
            check_match("sport/tennis/player1/#", topic, true);
            check_match("#", topic, true);
        }
        check_match("sport/#", "sport", true);
        check_match("sport/tennis/+", "sport/tennis/player1", true);
        check_match("sport/tennis/+", "sport/tennis/player1/ranking", false);
        check_match("sport/+", "sport", false);
        check_match("sport/+", "sport/", true);
        check_match("+/+", "/finance", true);
        check_match("/+", "/finance", true);
        check_match("+", "/finance", false);
        check_match("+/tennis/#", "sport/tennis", true);
        check_match("sport", "Sport", false);
        check_match("/finance", "finance", false);
        check_match("a//b", "a//b", true);
        check_match("a/+/b", "a//b", true);
    }

    #[test]
    fn a_wildcard_at_the_start_matches_no_topic_with_a_dollar_as_mqtt_5_section_4_7_2_says() {
        check_match("#", "$SYS/monitor", false);
        check_match("+/monitor/Clients", "$SYS/monitor/Clients", false);
        check_match("$SYS/#", "$SYS/monitor", true);
        check_match("$SYS/monitor/+", "$SYS/monitor/Clients", true);
    }

    #[test]
    fn what_is_no_topic_or_filter_is_refused() {
        let topic = |text: &str| NativeTopic::parse(text).map(|_| ());
        let filter = |text: &str| NativeFilter::parse(text).map(|_| ());
        type Parse = fn(&str) -> Result<(), TopicError>;
        for parse in [topic as Parse, filter as Parse] {
            assert_eq!(parse("zigbee2mqtt/0x00158d00/état"), Ok(()));
            assert_eq!(parse(""), Err(TopicError::Empty));
            assert_eq!(parse("a\0b"), Err(TopicError::Control));
            assert_eq!(parse("a\nb"), Err(TopicError::Control));
            assert_eq!(parse(&"a".repeat(256)), Ok(()));
            assert_eq!(parse(&"a".repeat(257)), Err(TopicError::TooLong(257)));
            assert_eq!(parse(&"/".repeat(31)), Ok(()));
            assert_eq!(parse(&"/".repeat(32)), Err(TopicError::TooDeep));
        }
        for text in ["a/+", "#", "a+b"] {
            assert_eq!(topic(text), Err(TopicError::Wildcard), "{text}");
        }
        for text in ["$SYS/x", "for", "for/billing/home/meter-1"] {
            assert_eq!(topic(text), Err(TopicError::Reserved), "{text}");
        }
        assert_eq!(topic("forest/fire"), Ok(()));
        for text in [
            "sport/tennis#",
            "sport/tennis/#/ranking",
            "sport+",
            "a/b+/c",
        ] {
            assert_eq!(filter(text), Err(TopicError::Wildcard), "{text}");
        }
    }

    #[test]
    fn the_name_of_a_shared_subscription_is_as_mqtt_5_section_4_8_2_says() {
        assert!(ShareName::parse("consumer1").is_ok());
        for text in ["", "a/b", "a+", "#", "a\n", &"a".repeat(65)] {
            assert_eq!(ShareName::parse(text), Err(TopicError::ShareName), "{text}");
        }
    }

    /// The same by recursion over levels, as the standard tells it.
    fn naive(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) => true,
            ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => naive(filter, topic),
            ([level, filter @ ..], [name, topic @ ..]) => level == name && naive(filter, topic),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn filters_match_as_the_naive_reading(
            filter in prop::collection::vec(prop::sample::select(vec!["", "a", "b", "+"]), 1..5),
            rest in any::<bool>(),
            topic in prop::collection::vec(prop::sample::select(vec!["", "a", "b"]), 1..5),
        ) {
            let mut filter = filter;
            if rest {
                filter.push("#");
            }
            let (written, name) = (filter.join("/"), topic.join("/"));
            prop_assume!(!written.is_empty() && !name.is_empty());
            prop_assert_eq!(matches(&written, &name), naive(&filter, &topic));
        }
    }
}

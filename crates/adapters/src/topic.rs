//! Topics, cut at their levels (OASIS MQTT 5.0 section 4.7.1.1).

/// What stands after `base` and a slash.
pub(crate) fn below<'a>(topic: &'a str, base: &str) -> Option<&'a str> {
    topic.strip_prefix(base)?.strip_prefix('/')
}

/// All levels but the last, and the last.
pub(crate) fn parent(topic: &str) -> Option<(&str, &str)> {
    topic.rsplit_once('/')
}

/// What stands before and after the first level for which `is_it` holds; nothing where there is nothing.
pub(crate) fn around(
    topic: &str,
    mut is_it: impl FnMut(&str) -> bool,
) -> Option<(&str, &str, &str)> {
    let mut start = 0;
    for level in topic.split('/') {
        let end = start + level.len();
        if is_it(level) {
            let before = topic.get(..start)?.strip_suffix('/').unwrap_or("");
            let after = topic.get(end..)?.strip_prefix('/').unwrap_or("");
            return Some((before, level, after));
        }
        start = end + 1;
    }
    None
}

/// Whether it is the topic of a Home Assistant discovery document (`homeassistant/…/config`) or status.
///
/// See <https://www.home-assistant.io/integrations/mqtt/#discovery-topic>.
pub(crate) fn is_discovery(topic: &str) -> bool {
    below(topic, "homeassistant").is_some_and(|it| it == "status" || it.ends_with("/config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_whole() {
        let tele = |topic| around(topic, |it| it == "tele");
        assert_eq!(tele("tele/a/SENSOR"), Some(("", "tele", "a/SENSOR")));
        assert_eq!(tele("a/b/tele/SENSOR"), Some(("a/b", "tele", "SENSOR")));
        assert_eq!(tele("a/tele"), Some(("a", "tele", "")));
        assert_eq!(tele("television/x"), None);
        assert_eq!(tele("/tele/x"), Some(("", "tele", "x")));
    }

    #[test]
    fn discovery_is_told_from_readings() {
        assert!(is_discovery("homeassistant/sensor/a/temperature/config"));
        assert!(is_discovery("homeassistant/status"));
        assert!(!is_discovery("homeassistant/sensor/a/state"));
        assert!(!is_discovery("home/sensor/a/config"));
    }
}

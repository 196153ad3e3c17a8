//! The state of the host application (Sparkplug 3.0.0 sections 5.6 and 6.4.30): `spBv1.0/STATE/{host}`.
//!
//! An edge node with a *primary host* subscribes to the state of that host and sends nothing until the host is online. Whoever
//! that host is called for an edge node, here it is this server: nobody else is behind its connection. So a subscription to
//! the state of one host, without wildcards, is answered with a retained message that it is online; of the moment of the
//! subscription, because from then on it hears. That the server goes is told by the connection, which ends with it.
//!
//! ```text
//! spBv1.0/STATE/{host}     {"online":true,"timestamp":1486144502122}
//! STATE/{host}             ONLINE                                        before version 3
//! ```

use model::Timestamp;

use crate::take::Answer;

/// The most states that wait to be told; each is fetched after the subscription that asked for it.
const MAX_STATES: usize = 16;
/// The longest name of a host, in bytes.
const MAX_HOST_BYTES: usize = 256;

/// The states that were asked for and not told yet.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    wanted: Vec<Box<str>>,
}

impl Hosts {
    /// The connection has subscribed to a filter.
    pub(super) fn subscribed(&mut self, filter: &str) {
        let host = filter
            .strip_prefix("spBv1.0/STATE/")
            .or_else(|| filter.strip_prefix("STATE/"));
        let is_one =
            |it: &&str| (1..=MAX_HOST_BYTES).contains(&it.len()) && !it.contains(['/', '+', '#']);
        if host.filter(is_one).is_some() && self.wanted.len() < MAX_STATES {
            self.wanted.push(filter.into());
        }
    }

    /// What is to be told now.
    pub(super) fn told(&mut self, now: Timestamp, into: &mut Vec<Answer>) {
        for topic in self.wanted.drain(..) {
            let payload = match topic.starts_with("spBv1.0/") {
                true => format!("{{\"online\":true,\"timestamp\":{}}}", now.as_millis()),
                false => "ONLINE".to_owned(),
            };
            into.push(Answer {
                topic: topic.into(),
                payload: payload.into_bytes(),
                is_retained: true,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_subscribes_to_the_state_of_its_host_hears_that_it_is_online() {
        let told = |filters: &[&str]| {
            let mut hosts = Hosts::default();
            filters.iter().for_each(|it| hosts.subscribed(it));
            let mut all = Vec::new();
            hosts.told(Timestamp::from_millis(1_486_144_502_122), &mut all);
            let mut again = Vec::new();
            hosts.told(Timestamp::EPOCH, &mut again);
            assert!(again.is_empty());
            assert!(all.iter().all(|it| it.is_retained));
            let text =
                |it: Answer| format!("{} {}", it.topic, String::from_utf8_lossy(&it.payload));
            all.into_iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&["spBv1.0/STATE/scada", "STATE/scada"]),
            [
                r#"spBv1.0/STATE/scada {"online":true,"timestamp":1486144502122}"#,
                "STATE/scada ONLINE"
            ]
        );
        let none: [&str; 0] = [];
        for filter in [
            "spBv1.0/STATE/+",
            "spBv1.0/STATE/#",
            "spBv1.0/STATE/",
            "spBv1.0/STATE/a/b",
            "spBv1.0/plant/NCMD/press/#",
            "#",
        ] {
            assert_eq!(told(&[filter]), none, "{filter}");
        }
        assert_eq!(told(&["STATE/a"; 50]).len(), MAX_STATES);
    }
}

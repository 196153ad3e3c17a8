//! Topic aliases (5.0, 3.3.2.3.4): those that the client has set, and those that we have set for it.
//! Both belong to the connection, never to the session, and most connections have none.

/// How many topic aliases a client may set, and how many we set for one.
pub(super) const TOPIC_ALIASES: u16 = 16;

/// What aliases of the client stand for.
#[derive(Debug, Default)]
pub(super) struct FromClient {
    topics: Option<Box<[Option<Box<str>>; TOPIC_ALIASES as usize]>>,
}

impl FromClient {
    /// The client sets an alias from 1 to [`TOPIC_ALIASES`].
    pub(super) fn set(&mut self, alias: u16, topic: &str) {
        let topics = self.topics.get_or_insert_default();
        if let Some(place) = topics.get_mut(usize::from(alias) - 1)
            && place.as_deref() != Some(topic)
        {
            *place = Some(topic.into());
        }
    }

    /// What an alias stands for.
    pub(super) fn topic(&self, alias: u16) -> Option<&str> {
        let place = usize::from(alias).checked_sub(1)?;
        self.topics.as_ref()?.get(place)?.as_deref()
    }
}

/// How a topic is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alias {
    /// In full, without an alias.
    None,
    /// In full, and from now on the alias stands for it.
    New(u16),
    /// By its alias.
    Known(u16),
}

/// The aliases that the client knows of us.
#[derive(Debug, Default)]
pub(super) struct ToClient {
    topics: Option<Box<Known>>,
}

#[derive(Debug)]
struct Known {
    most: usize,
    topics: Vec<Box<[u8]>>,
}

impl ToClient {
    /// The client takes aliases up to `most`; at 0 it takes none.
    pub(super) fn new(most: u16) -> Self {
        let topics = Vec::new();
        let most = usize::from(most.min(TOPIC_ALIASES));
        Self {
            topics: (most > 0).then(|| Box::new(Known { most, topics })),
        }
    }

    /// The alias of a topic. The first topics get one and keep it.
    pub(super) fn alias(&mut self, topic: &[u8]) -> Alias {
        let Some(known) = &mut self.topics else {
            return Alias::None;
        };
        let number = |idx: usize| u16::try_from(idx + 1).unwrap_or(u16::MAX);
        if let Some(idx) = known.topics.iter().position(|it| **it == *topic) {
            return Alias::Known(number(idx));
        }
        if known.topics.len() >= known.most {
            return Alias::None;
        }
        known.topics.push(topic.into());
        Alias::New(number(known.topics.len() - 1))
    }

    /// The packet that would have told the last new alias was not sent.
    pub(super) fn take_back(&mut self) {
        if let Some(known) = &mut self.topics {
            known.topics.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_written_once_and_an_alias_that_was_not_sent_is_forgotten() {
        let mut aliases = ToClient::new(2);
        assert_eq!(aliases.alias(b"a"), Alias::New(1));
        assert_eq!(aliases.alias(b"b"), Alias::New(2));
        assert_eq!(aliases.alias(b"a"), Alias::Known(1));
        assert_eq!(aliases.alias(b"c"), Alias::None);
        aliases.take_back();
        assert_eq!(aliases.alias(b"c"), Alias::New(2));
        assert_eq!(ToClient::new(0).alias(b"a"), Alias::None);
    }

    #[test]
    fn an_alias_of_the_client_may_be_set_again() {
        let mut aliases = FromClient::default();
        assert_eq!(aliases.topic(1), None);
        aliases.set(1, "a");
        aliases.set(TOPIC_ALIASES, "b");
        aliases.set(1, "c");
        assert_eq!(aliases.topic(1), Some("c"));
        assert_eq!(aliases.topic(TOPIC_ALIASES), Some("b"));
        assert_eq!(aliases.topic(2), None);
        assert_eq!(aliases.topic(0), None);
    }
}

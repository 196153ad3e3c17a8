//! The dialects there are.

/// How the messages of a connection are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Adapter {
    /// As they are: one message of the thing that owns the connection, in the format of its notice.
    #[default]
    Plain,
}

impl Adapter {
    /// All of them, in the order in which they are shown.
    pub const ALL: &'static [Self] = &[Self::Plain];

    /// Its word in configuration and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
        }
    }

    /// Reads such a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for adapter in Adapter::ALL {
            assert_eq!(Adapter::parse(adapter.as_str()), Some(*adapter));
        }
        assert_eq!(Adapter::parse("telepathy"), None);
    }
}

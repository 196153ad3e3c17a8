//! Identifiers: short lower-case tokens that are safe in a URL, a topic, a file name and a log line.

use std::fmt;
use std::sync::Arc;

/// The longest identifier, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has no characters.
    #[error("an identifier cannot be empty")]
    Empty,
    /// The text has more than [`MAX_ID_BYTES`] bytes.
    #[error("an identifier has at most {MAX_ID_BYTES} characters, this one has {0}")]
    TooLong(usize),
    /// A character other than `a-z`, `0-9` and `-`, or a hyphen at the start.
    #[error(
        "`{0}` cannot stand here in an identifier: use a-z, 0-9 and hyphens, starting with a letter or digit"
    )]
    Character(char),
}

fn parse(text: &str) -> Result<Arc<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong(text.len()));
    }
    if text.starts_with('-') {
        return Err(IdError::Character('-'));
    }
    match text
        .chars()
        .find(|it| !matches!(it, 'a'..='z' | '0'..='9' | '-'))
    {
        Some(bad) => Err(IdError::Character(bad)),
        None => Ok(Arc::from(text)),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an identifier: 1 to [`MAX_ID_BYTES`] bytes of `a-z`, `0-9` and `-`.
            ///
            /// # Errors
            /// See [`IdError`].
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

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

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    )*};
}

ids! {
    /// An organisation that joined the alliance.
    MemberId;
    /// A deployment: products put to use at places, by one accountable member.
    DeploymentId;
    /// One device. It is also the MQTT user name of the device.
    ThingId;
    /// A natural person with an account. Random: it says nothing about the person.
    PersonId;
    /// A party that receives data. It is also the MQTT user name of the recipient.
    RecipientId;
    /// A peer that speaks for several things. It is also the MQTT user name of the bridge.
    BridgeId;
    /// Why a field is processed.
    PurposeId;
    /// An automated model that is fed with fields.
    ModelId;
    /// Something that a thing can be told to do.
    CommandName;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_lower_case_tokens() {
        assert_eq!(ThingId::parse("meter-7").unwrap().as_str(), "meter-7");
        assert_eq!(ThingId::parse(""), Err(IdError::Empty));
        assert_eq!(ThingId::parse("-a"), Err(IdError::Character('-')));
        assert_eq!(ThingId::parse("Meter"), Err(IdError::Character('M')));
        assert_eq!(ThingId::parse("a/b"), Err(IdError::Character('/')));
        assert_eq!(ThingId::parse(&"a".repeat(65)), Err(IdError::TooLong(65)));
    }
}

//! Receipts of acts of choosing, and the statement that their hash covers.

use model::{PersonId, Timestamp};

use super::{Change, How};
use crate::Token;
use crate::act::ActError;

/// The name of an act of choosing and of its receipt. Random: it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptId(String);

impl ReceiptId {
    const CHARACTERS: usize = 26;

    /// Parses 26 characters of `a-z` and `2-7`.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, ReceiptIdError> {
        let fits = text.len() == Self::CHARACTERS
            && text
                .bytes()
                .all(|it| matches!(it, b'a'..=b'z' | b'2'..=b'7'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReceiptIdError)
        }
    }

    pub(super) fn random() -> Result<Self, ActError> {
        let token = Token::random()?;
        let characters = token.expose_secret().chars().take(Self::CHARACTERS);
        Ok(Self(characters.collect()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is not the name of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a receipt has 26 characters of a-z and 2-7")]
pub struct ReceiptIdError;

/// One act of choosing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceAct {
    /// Its name, and that of its receipt.
    pub id: ReceiptId,
    /// Counted from 1, per person.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// How it came about.
    pub how: How,
    /// The hash of the person's act before; empty at the first.
    pub previous_sha256: String,
    /// The hash of the statement, in hexadecimal.
    pub sha256: String,
}

impl ChoiceAct {
    /// What the hash is over: see the module.
    #[must_use]
    pub fn statement(&self, person: &PersonId, changes: &[Change]) -> String {
        let mut text = format!(
            "amanat choices receipt 1\nreceipt {}\nperson {person}\nat {}\nhow {} {}\nprevious {}\n",
            self.id.as_str(),
            self.at,
            self.how.way().as_str(),
            self.how.detail(),
            self.previous_sha256,
        );
        text.extend(changes.iter().map(Change::line));
        text
    }
}

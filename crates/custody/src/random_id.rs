//! Identifiers that are random and say nothing: one form for all of them.
//!
//! As text: the bytes in base32 (RFC 4648 section 6), in lower case and without padding. They go into rows, paths and the names of files.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;

/// A new identifier of so many bytes, as text.
pub(crate) fn text<const BYTES: usize>() -> Result<Arc<str>, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(Arc::from(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()))
}

/// Whether a text has the form of an identifier of so many bytes.
pub(crate) fn fits<const BYTES: usize>(text: &str) -> bool {
    let is_letter = |it: u8| matches!(it, b'a'..=b'z' | b'2'..=b'7');
    text.len() == (BYTES * 8).div_ceil(5) && text.bytes().all(is_letter)
}

/// Makes a type of such identifiers: its documentation, its name, and how many bytes one has.
macro_rules! random_id {
    ($(#[$documentation:meta])* $name:ident, $bytes:literal) => {
        $(#[$documentation])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// A new one.
            pub(crate) fn random() -> Result<Self, getrandom::Error> {
                $crate::random_id::text::<$bytes>().map(Self)
            }

            /// Reads an identifier that this server made.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let fits = $crate::random_id::fits::<$bytes>(text);
                fits.then(|| Self(std::sync::Arc::from(text)))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

pub(crate) use random_id;

#[cfg(test)]
mod tests {
    use crate::{DestinationId, EraseId, WebhookId};

    #[test]
    fn identifiers_keep_the_form_that_rows_and_paths_have() {
        let erase = EraseId::random().unwrap();
        let webhook = WebhookId::random().unwrap();
        let destination = DestinationId::random().unwrap();
        assert_eq!((erase.as_str().len(), webhook.as_str().len()), (26, 16));
        assert_eq!(destination.as_str().len(), 26);
        assert_eq!(EraseId::parse(erase.as_str()), Some(erase.clone()));
        assert_eq!(
            WebhookId::parse(&webhook.to_string()),
            Some(webhook.clone())
        );
        assert_ne!(EraseId::random().unwrap(), erase);
        assert_eq!(format!("{erase:?}"), format!("EraseId({erase})"));
        assert_eq!(format!("{webhook:?}"), format!("WebhookId({webhook})"));
        let fixed = "abcdefghijklmnopqrstuvwx27";
        assert_eq!(DestinationId::parse(fixed).unwrap().as_str(), fixed);
        for bad in [
            "",
            "abcdefghijklmnopqrstuvwx2",
            "abcdefghijklmnopqrstuvwx277",
        ] {
            assert_eq!(DestinationId::parse(bad), None, "{bad}");
        }
        for bad in [
            "ABCDEFGHIJKLMNOP",
            "abcdefghijklmno1",
            "abcdefghijklmno/",
            "abcdefghijklmnö",
        ] {
            assert_eq!(WebhookId::parse(bad), None, "{bad}");
        }
    }
}

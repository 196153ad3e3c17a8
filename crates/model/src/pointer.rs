//! JSON Pointer (RFC 6901): how a field names its place in a message.

use std::fmt;
use std::sync::Arc;

/// The longest pointer, in bytes.
pub const MAX_POINTER_BYTES: usize = 256;
/// The most reference tokens in a pointer; also how deep a message may nest.
pub const MAX_POINTER_DEPTH: usize = 16;

/// A parsed JSON Pointer. `""` is the whole message (a device that sends a bare number).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(Arc<str>);

/// Why a text is not a JSON Pointer that a field can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// A pointer starts with `/` or is empty (RFC 6901 section 3).
    #[error("a JSON Pointer starts with `/`: write `/{0}`")]
    NoSlash(String),
    /// `~` is followed by neither `0` nor `1` (RFC 6901 section 3).
    #[error("`~` must be written `~0`, and `/` inside a name `~1`")]
    Escape,
    /// A name that starts with `@` is reserved for what the platform itself adds to a message.
    #[error("`{0}`: names that start with `@` are reserved")]
    Reserved(String),
    /// Longer than [`MAX_POINTER_BYTES`].
    #[error("a pointer has at most {MAX_POINTER_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// Deeper than [`MAX_POINTER_DEPTH`].
    #[error("a pointer has at most {MAX_POINTER_DEPTH} parts, this one has {0}")]
    TooDeep(usize),
}

impl Pointer {
    /// Parses a JSON Pointer.
    ///
    /// # Errors
    /// See [`PointerError`].
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.len() > MAX_POINTER_BYTES {
            return Err(PointerError::TooLong(text.len()));
        }
        if !text.is_empty() && !text.starts_with('/') {
            return Err(PointerError::NoSlash(text.to_owned()));
        }
        let mut escaped = text.split('~');
        escaped.next();
        if escaped.any(|it| !it.starts_with(['0', '1'])) {
            return Err(PointerError::Escape);
        }
        let depth = text.matches('/').count();
        if depth > MAX_POINTER_DEPTH {
            return Err(PointerError::TooDeep(depth));
        }
        let pointer = Self(Arc::from(text));
        let reserved = pointer.tokens().find(|it| it.starts_with('@'));
        match reserved {
            Some(token) => Err(PointerError::Reserved(token)),
            None => Ok(pointer),
        }
    }

    /// The pointer as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a part is `*`, which stands for every position of an array.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.0.split('/').skip(1).any(|it| it == Self::WILDCARD)
    }

    /// Whether it means this place of a message, which is named by positions: part by part, with `*` for any position.
    #[must_use]
    pub fn covers(&self, place: &str) -> bool {
        let (mut own, mut parts) = (self.0.split('/'), place.split('/'));
        loop {
            match (own.next(), parts.next()) {
                (None, None) => return true,
                (Some(own), Some(part)) if own == part => {}
                (Some(Self::WILDCARD), Some(part))
                    if !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()) => {}
                _ => return false,
            }
        }
    }

    /// The part that stands for every position of an array. A message cannot have a declared key of this name.
    pub const WILDCARD: &'static str = "*";

    /// The reference tokens, unescaped, outermost first.
    pub fn tokens(&self) -> impl Iterator<Item = String> + '_ {
        self.0
            .split('/')
            .skip(1)
            .map(|it| it.replace("~1", "/").replace("~0", "~"))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pointer({})", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_covers_every_position_and_nothing_else() {
        let covers = |pointer: &str, place: &str| Pointer::parse(pointer).unwrap().covers(place);
        assert!(covers("/a/*/b", "/a/0/b"));
        assert!(covers("/*/*", "/12/3"));
        assert!(covers("", ""));
        assert!(covers("/a/b", "/a/b"));
        for place in [
            "/a/0", "/a/0/b/c", "/a/x/b", "/a//b", "/a/0/c", "", "/a/-1/b",
        ] {
            assert!(!covers("/a/*/b", place), "{place}");
        }
    }

    #[test]
    fn pointers_follow_rfc_6901() {
        let tokens = |it: &str| Pointer::parse(it).unwrap().tokens().collect::<Vec<_>>();
        assert_eq!(tokens(""), Vec::<String>::new());
        assert_eq!(tokens("/a~1b/m~0n/0"), ["a/b", "m~n", "0"]);
        assert_eq!(tokens("/"), [""]);
        assert_eq!(Pointer::parse("a"), Err(PointerError::NoSlash("a".into())));
        assert_eq!(Pointer::parse("/a~2"), Err(PointerError::Escape));
        assert_eq!(
            Pointer::parse("/@x"),
            Err(PointerError::Reserved("@x".into()))
        );
        assert_eq!(
            Pointer::parse(&"/a".repeat(17)),
            Err(PointerError::TooDeep(17))
        );
    }
}

//! Where in a maker's certificate the identifier of a thing stands.

use std::fmt;

use model::ThingId;

use super::x509::Leaf;

/// Where the identifier goes.
const SLOT: &str = "{thing}";
/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 256;

/// A part of a certificate and the text around the identifier, such as `cn:{thing}`, `uri:urn:dev:mac:{thing}` or
/// `dns:{thing}.devices.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPattern {
    part: Part,
    before: String,
    after: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    CommonName,
    Uri,
    Dns,
}

/// A text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write cn:, uri: or dns: and the name with {SLOT} once where the identifier stands, such as cn:{SLOT} or dns:{SLOT}.devices.example"
)]
pub struct PatternError;

impl SubjectPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the text has no part in front, or not exactly one place for the identifier.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN_BYTES || text.chars().any(char::is_control) {
            return Err(PatternError);
        }
        let (part, name) = text.split_once(':').ok_or(PatternError)?;
        let part = match part {
            "cn" => Part::CommonName,
            "uri" => Part::Uri,
            "dns" => Part::Dns,
            _ => return Err(PatternError),
        };
        let (before, after) = name.split_once(SLOT).ok_or(PatternError)?;
        if after.contains(SLOT) {
            return Err(PatternError);
        }
        Ok(Self {
            part,
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The thing that a certificate names; nothing unless exactly one of its names has this form.
    pub(super) fn thing(&self, leaf: &Leaf) -> Option<ThingId> {
        let names = match self.part {
            Part::CommonName => &leaf.common_names,
            Part::Uri => &leaf.uris,
            Part::Dns => &leaf.dns_names,
        };
        let mut found = names.iter().filter_map(|it| self.slot(it));
        let thing = found.next()?;
        // Two names of the form could name two things; that the second is the first again is no excuse.
        found.next().is_none().then_some(thing)
    }

    fn slot(&self, name: &str) -> Option<ThingId> {
        let rest = name.strip_prefix(self.before.as_str())?;
        let id = rest.strip_suffix(self.after.as_str())?;
        ThingId::parse(id).ok()
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::CommonName => "cn",
            Part::Uri => "uri",
            Part::Dns => "dns",
        };
        write!(f, "{part}:{}{SLOT}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_read_back_as_written() {
        for text in [
            "cn:{thing}",
            "uri:urn:dev:mac:{thing}",
            "dns:{thing}.a.example",
            "cn:SN-{thing}-x",
        ] {
            assert_eq!(SubjectPattern::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "cn:",
            "cn:box",
            "{thing}",
            "ou:{thing}",
            "cn:{thing}{thing}",
            "cn:{thing}\n",
        ] {
            assert_eq!(SubjectPattern::parse(text), Err(PatternError), "{text}");
        }
        assert!(SubjectPattern::parse(&format!("cn:{}{{thing}}", "a".repeat(300))).is_err());
    }

    #[test]
    fn exactly_one_name_of_the_form_names_a_thing() {
        let pattern = SubjectPattern::parse("cn:SN-{thing}").unwrap();
        let named = |names: &[&str]| {
            let leaf = Leaf {
                common_names: names.iter().map(ToString::to_string).collect(),
                ..Leaf::default()
            };
            pattern.thing(&leaf).map(|it| it.to_string())
        };
        assert_eq!(named(&["SN-box-1"]).as_deref(), Some("box-1"));
        assert_eq!(named(&["else", "SN-box-1"]).as_deref(), Some("box-1"));
        for names in [
            &[][..],
            &["box-1"],
            &["SN-"],
            &["SN-BOX"],
            &["sn-box-1"],
            &["SN-box-1", "SN-box-2"],
            &["SN-box-1", "SN-box-1"],
            &["SN-box-1\0"],
        ] {
            assert_eq!(named(names), None, "{names:?}");
        }
    }
}

//! Whether a command can say given words, with some values of its arguments.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{ArgumentKind, DeclaredCommand, parts};

impl DeclaredCommand {
    /// Whether the payload is these words with some values of the arguments. Blanks between the parts of JSON do not count.
    pub(in crate::notice) fn can_say(&self, words: &str) -> bool {
        let plainly = self.matches(&self.payload, words);
        plainly || self.matches(&without_blanks(&self.payload), &without_blanks(words))
    }

    fn matches(&self, template: &str, words: &str) -> bool {
        let (found, rest) = parts(template);
        // How far the words can be said already.
        let mut said = BTreeSet::from([0]);
        for (before, name) in found {
            let left = said
                .iter()
                .filter_map(|at| words.get(*at..)?.strip_prefix(before));
            let next = left.flat_map(|left| {
                let at = words.len() - left.len();
                self.values(name, left).into_iter().map(move |it| at + it)
            });
            said = next.collect();
        }
        said.iter().any(|at| words.get(*at..) == Some(rest))
    }

    /// How long the values are that a place can have at the beginning of a text, in bytes.
    fn values(&self, name: &str, text: &str) -> Vec<usize> {
        let kind = self.arguments.iter().find(|it| it.name == name);
        let fits = |it: &&str| text.starts_with(*it);
        match kind.map(|it| &it.kind) {
            Some(ArgumentKind::Choice(words)) => {
                let words = words.iter().map(String::as_str).filter(fits);
                words.map(str::len).collect()
            }
            Some(ArgumentKind::Boolean) => {
                let words = ["true", "false"].into_iter().filter(|it| fits(it));
                words.map(str::len).collect()
            }
            Some(ArgumentKind::Number { min, max, .. }) => {
                let of_numbers = |it: &char| it.is_ascii_digit() || matches!(it, '-' | '.');
                let longest = text.chars().take_while(of_numbers).count();
                let is_one = |it: &usize| {
                    let number = text.get(..*it).and_then(|it| it.parse::<f64>().ok());
                    number.is_some_and(|it| (*min..=*max).contains(&it))
                };
                (1..=longest).filter(is_one).collect()
            }
            // The name of the thing, or the number of the command: anything.
            None => {
                let ends = text.char_indices().map(|(at, it)| at + it.len_utf8());
                ends.collect()
            }
        }
    }
}

/// JSON without what may stand between its parts (RFC 8259 section 2); another text as it is.
fn without_blanks(text: &str) -> Cow<'_, str> {
    if !text.trim_start().starts_with(['{', '[']) {
        return Cow::Borrowed(text);
    }
    let (mut in_text, mut is_escaped) = (false, false);
    let kept = text.chars().filter(|it| {
        let is_blank = !in_text && matches!(it, ' ' | '\t' | '\n' | '\r');
        match it {
            '"' if !is_escaped => in_text = !in_text,
            _ => {}
        }
        is_escaped = in_text && !is_escaped && *it == '\\';
        !is_blank
    });
    Cow::Owned(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::command;

    #[test]
    fn words_that_some_arguments_make_are_found() {
        for (payload, words, can) in [
            ("{effect}", "slow", true),
            ("{effect}", "blink", true),
            ("{effect}", "slo", false),
            ("{effect}", "OFF", false),
            ("OFF", "OFF", true),
            (r#"{"state": "{effect}"}"#, r#"{"state":"blink"}"#, true),
            (r#"{"state":"{effect}"}"#, r#"{ "state" : "blink" }"#, true),
            (r#"{"state":"{effect}"}"#, r#"{"state":" blink"}"#, false),
            (r#"{"lit": {lit}}"#, r#"{"lit":false}"#, true),
            ("set {level}", "set 25.50", true),
            ("set {level}", "set 255", false),
            ("{level}{level}{effect}", "1227slow", true),
            ("{thing}/{effect}", "anything/at/all/slow", true),
            ("{number}", "", false),
        ] {
            assert_eq!(command(payload).can_say(words), can, "{payload}: {words}");
        }
    }
}

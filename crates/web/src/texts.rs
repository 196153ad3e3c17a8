//! Every text that a person reads: Fluent messages in `locales/<language>/*.ftl`, built into the binary.
//!
//! [`Texts`] is a language and a time zone. A page says `texts.say("home-title")` or, with values,
//! `texts.with("record-count").set("count", 3)`; both are plain text and escaped like any other by the template.
//! In Urdu every value is wrapped in bidi isolates (U+2068, U+2069), so that ids and numbers keep their order.
//! Digits are Latin in both languages, grouped by threes.

use std::fmt;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::types::FluentNumber;
use fluent_bundle::{FluentArgs, FluentError, FluentResource, FluentValue};
use jiff::tz::TimeZone;
use model::{Language, Text};

mod cases;
mod consent;
mod dates;
mod explain;
mod limits;
mod notice_diff;
mod places;
mod recorded;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use dates::{UNIX_SECONDS, instant};
pub use explain::{Asker, Sentences};
pub(crate) use notice_diff::first_changes;
pub use notice_diff::{ChangeLine, notice_changes, notice_changes_heading, notice_unchanged};
pub(crate) use words::symbol;

type Bundle = FluentBundle<FluentResource>;

const ENGLISH: [&str; 28] = [
    include_str!("../locales/en/shell.ftl"),
    include_str!("../locales/en/words.ftl"),
    include_str!("../locales/en/explain.ftl"),
    include_str!("../locales/en/alliance.ftl"),
    include_str!("../locales/en/notice.ftl"),
    include_str!("../locales/en/notice-diff.ftl"),
    include_str!("../locales/en/record.ftl"),
    include_str!("../locales/en/claim.ftl"),
    include_str!("../locales/en/cases.ftl"),
    include_str!("../locales/en/office-acts.ftl"),
    include_str!("../locales/en/orders.ftl"),
    include_str!("../locales/en/incidents.ftl"),
    include_str!("../locales/en/safety.ftl"),
    include_str!("../locales/en/deliveries.ftl"),
    include_str!("../locales/en/keeping.ftl"),
    include_str!("../locales/en/me.ftl"),
    include_str!("../locales/en/nearby.ftl"),
    include_str!("../locales/en/why.ftl"),
    include_str!("../locales/en/office.ftl"),
    include_str!("../locales/en/consent.ftl"),
    include_str!("../locales/en/destinations.ftl"),
    include_str!("../locales/en/sources.ftl"),
    include_str!("../locales/en/commands.ftl"),
    include_str!("../locales/en/erase.ftl"),
    include_str!("../locales/en/export.ftl"),
    include_str!("../locales/en/commons.ftl"),
    include_str!("../locales/en/own-key.ftl"),
    include_str!("../locales/en/statistics.ftl"),
];

const URDU: [&str; 28] = [
    include_str!("../locales/ur/shell.ftl"),
    include_str!("../locales/ur/words.ftl"),
    include_str!("../locales/ur/explain.ftl"),
    include_str!("../locales/ur/alliance.ftl"),
    include_str!("../locales/ur/notice.ftl"),
    include_str!("../locales/ur/notice-diff.ftl"),
    include_str!("../locales/ur/record.ftl"),
    include_str!("../locales/ur/claim.ftl"),
    include_str!("../locales/ur/cases.ftl"),
    include_str!("../locales/ur/office-acts.ftl"),
    include_str!("../locales/ur/orders.ftl"),
    include_str!("../locales/ur/incidents.ftl"),
    include_str!("../locales/ur/safety.ftl"),
    include_str!("../locales/ur/deliveries.ftl"),
    include_str!("../locales/ur/keeping.ftl"),
    include_str!("../locales/ur/me.ftl"),
    include_str!("../locales/ur/nearby.ftl"),
    include_str!("../locales/ur/why.ftl"),
    include_str!("../locales/ur/office.ftl"),
    include_str!("../locales/ur/consent.ftl"),
    include_str!("../locales/ur/destinations.ftl"),
    include_str!("../locales/ur/sources.ftl"),
    include_str!("../locales/ur/commands.ftl"),
    include_str!("../locales/ur/erase.ftl"),
    include_str!("../locales/ur/export.ftl"),
    include_str!("../locales/ur/commons.ftl"),
    include_str!("../locales/ur/own-key.ftl"),
    include_str!("../locales/ur/statistics.ftl"),
];

static ENGLISH_BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::En));
static URDU_BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Ur));

const fn sources(language: Language) -> &'static [&'static str] {
    match language {
        Language::En => &ENGLISH,
        Language::Ur => &URDU,
    }
}

fn bundle(language: Language) -> Bundle {
    let tag = match language {
        Language::En => unic_langid::langid!("en-PK"),
        Language::Ur => unic_langid::langid!("ur-PK"),
    };
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    bundle.set_use_isolating(language == Language::Ur);
    bundle.set_formatter(Some(|value, _| match value {
        FluentValue::Number(number) => Some(grouped(number)),
        _ => None,
    }));
    for source in sources(language) {
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(resource) => resource,
            Err((resource, errors)) => {
                tracing::error!("broken messages in `{}`: {errors:?}", language.tag());
                resource
            }
        };
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::error!("messages of `{}` defined twice: {errors:?}", language.tag());
        }
    }
    bundle
}

/// Whole numbers grouped by threes: `1234567` becomes `1,234,567`.
fn grouped(number: &FluentNumber) -> String {
    let text = number.as_string().into_owned();
    let digits = text.trim_start_matches('-');
    if digits.len() < 4 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + digits.len() / 3);
    if text.starts_with('-') {
        out.push('-');
    }
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A value for a message.
pub(crate) trait Arg {
    /// As Fluent takes it.
    fn value(&self) -> FluentValue<'static>;
}

impl<T: Arg + ?Sized> Arg for &T {
    fn value(&self) -> FluentValue<'static> {
        (**self).value()
    }
}

impl Arg for str {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::String(self.to_owned().into())
    }
}

impl Arg for String {
    fn value(&self) -> FluentValue<'static> {
        self.as_str().value()
    }
}

macro_rules! number_args {
    ($($kind:ty),*) => {$(
        impl Arg for $kind {
            fn value(&self) -> FluentValue<'static> {
                FluentValue::from(*self)
            }
        }
    )*};
}

number_args!(u8, i8, u16, u32, u64, usize, i64);

/// A language and a time zone: what turns keys and times into text.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    language: Language,
    zone: TimeZone,
}

impl Texts {
    /// Texts in `language`, with times shown in `zone`.
    pub(crate) const fn new(language: Language, zone: TimeZone) -> Self {
        Self { language, zone }
    }

    /// The language.
    pub(crate) const fn language(&self) -> Language {
        self.language
    }

    /// The same in another language.
    pub(crate) fn in_language(&self, language: Language) -> Self {
        Self::new(language, self.zone.clone())
    }

    /// The message without values.
    pub(crate) fn say(&self, key: &'static str) -> String {
        self.with(key).to_string()
    }

    /// The message with values: `.with("record-count").set("count", 3)`.
    pub(crate) fn with(&self, key: &'static str) -> Message {
        Message {
            language: self.language,
            key,
            args: FluentArgs::new(),
        }
    }

    /// A text that was written in every language, such as a title in a notice.
    pub(crate) fn of<'a>(&self, text: &'a Text) -> &'a str {
        text.get(self.language)
    }

    /// A count, grouped by threes.
    pub(crate) fn number(&self, count: &i64) -> String {
        grouped(&FluentNumber::from(*count))
    }

    /// Several titles as one enumeration.
    pub(crate) fn titles(&self, titles: &[Text]) -> String {
        self.list(titles.iter().map(|it| self.of(it)))
    }

    /// Several names as one enumeration: `a, b, c`.
    pub(crate) fn list<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> String {
        let comma = self.say("list-comma");
        names.into_iter().collect::<Vec<_>>().join(&comma)
    }
}

/// A message and its values, ready to be shown.
pub(crate) struct Message {
    language: Language,
    key: &'static str,
    args: FluentArgs<'static>,
}

impl Message {
    /// Sets the value of `$name`.
    pub(crate) fn set(mut self, name: &'static str, value: impl Arg) -> Self {
        self.args.set(name, value.value());
        self
    }

    fn format(&self) -> Result<String, Vec<FluentError>> {
        let bundle: &Bundle = match self.language {
            Language::En => &ENGLISH_BUNDLE,
            Language::Ur => &URDU_BUNDLE,
        };
        let Some(pattern) = bundle.get_message(self.key).and_then(|it| it.value()) else {
            return Err(Vec::new());
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&self.args), &mut errors);
        if errors.is_empty() {
            Ok(text.into_owned())
        } else {
            Err(errors)
        }
    }
}

impl fmt::Display for Message {
    /// The text; the key itself where the message is missing, which the tests rule out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format() {
            Ok(text) => f.write_str(&text),
            Err(errors) => {
                debug_assert!(false, "message `{}` failed: {errors:?}", self.key);
                tracing::error!("message `{}` failed: {errors:?}", self.key);
                f.write_str(self.key)
            }
        }
    }
}

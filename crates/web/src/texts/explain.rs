//! Why a value passes as it does, in one plain sentence: for pages, the API and the command line.

use jiff::tz::TimeZone;
use model::{
    Because, CapTarget, Dropped, Explanation, KeptBecause, KeptFor, Language, LegalBasis, Level,
    LicenceState, Notice, Pointer, PurposeId, Shown, Text, Voices,
};

use super::Texts;

/// Explanations in words, in one language and with times in one time zone.
#[derive(Debug, Clone)]
pub struct Sentences {
    texts: Texts,
}

impl Sentences {
    /// Sentences in `language`, with times shown in `zone`.
    #[must_use]
    pub const fn new(language: Language, zone: TimeZone) -> Self {
        Self {
            texts: Texts::new(language, zone),
        }
    }

    /// Why a field passes as it does.
    #[must_use]
    pub fn why(&self, notice: &Notice, explanation: &Explanation, asker: Asker) -> String {
        self.texts.why(notice, explanation, asker)
    }

    /// Why something of a message was dropped.
    #[must_use]
    pub fn dropped(&self, notice: &Notice, dropped: &Dropped) -> String {
        let what = self.texts.say("explain-dropped");
        let reason = self.texts.reason(notice, &dropped.because, Asker::Anybody);
        self.texts.sentence(&what, &reason)
    }

    /// Why something is kept, and how long.
    #[must_use]
    pub fn kept(&self, notice: &Notice, kept: &KeptFor) -> String {
        self.texts.kept(notice, kept)
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// One of the people whom the device senses: told what they decided, and never who else did, nor that there is
    /// somebody else.
    Sensed,
    /// Anybody else.
    Anybody,
}

impl Texts {
    /// Why a field passes as it does, in one sentence.
    pub(crate) fn why(&self, notice: &Notice, explanation: &Explanation, asker: Asker) -> String {
        let Explanation {
            field,
            level,
            shown,
            because,
        } = explanation;
        let what = match shown {
            Shown::Nothing => self.say("explain-nothing"),
            Shown::Exact => self.say("explain-exact"),
            Shown::CoverName => self.say("explain-cover"),
            Shown::Coarse(_) => self
                .with("explain-coarse")
                .set("level", self.level_inside(notice, field, *level))
                .to_string(),
        };
        // A notice that promises less than everything is the reason for the rest, whatever the basis is.
        let reason = match because {
            Because::Declared { .. } if *level != Level::ON => self.say("explain-notice"),
            because => self.reason(notice, because, asker),
        };
        self.sentence(&what, &reason)
    }

    fn kept(&self, notice: &Notice, kept: &KeptFor) -> String {
        let period = self.period(&kept.retention.as_days());
        let what = match kept.level {
            Level::ON => self.with("explain-kept-exact"),
            level => self
                .with("explain-kept-coarse")
                .set("level", self.level_inside(notice, &kept.field, level)),
        };
        let reason = match &kept.because {
            KeptBecause::AsChosen => self.say("explain-kept-chosen"),
            KeptBecause::ByLaw { basis, source } => self.sourced(by_law(*basis), source.as_ref()),
        };
        self.sentence(&what.set("period", period).to_string(), &reason)
    }

    /// What, and because of what.
    pub(crate) fn sentence(&self, what: &str, reason: &str) -> String {
        self.with("explain-sentence")
            .set("what", what)
            .set("reason", reason)
            .to_string()
    }

    /// A level in words that can stand inside a sentence.
    fn level_inside(&self, notice: &Notice, field: &Pointer, level: Level) -> String {
        let words = notice.field(field).map(|it| self.level(it, &level));
        let words = words.unwrap_or_default();
        let mut letters = words.chars();
        let first = letters.next().into_iter().flat_map(char::to_lowercase);
        first.chain(letters).collect()
    }

    fn reason(&self, notice: &Notice, because: &Because, asker: Asker) -> String {
        match because {
            Because::Declared {
                basis,
                source,
                people,
            } => self.declared(*basis, source.as_ref(), *people, asker),
            Because::Fixed { basis, source } => self.sourced(
                match basis {
                    LegalBasis::VitalInterest => {
                        ["explain-life-fixed", "explain-life-fixed-source"]
                    }
                    _ => ["explain-law-fixed", "explain-law-fixed-source"],
                },
                source.as_ref(),
            ),
            Because::Chosen(voices) => self.chosen(*voices, asker),
            Because::NotConsented(voices) => self.silent(*voices, asker),
            Because::Capped { target, purpose } => self.capped(notice, target, purpose.as_ref()),
            Because::AccessFrom(at) => self.at("explain-access-from", *at),
            Because::AccessEnded(at) => self.at("explain-access-ended", *at),
            Because::Licence(state) => self.say(match state {
                LicenceState::None | LicenceState::Active => "explain-licence-none",
                LicenceState::Suspended => "explain-licence-suspended",
                LicenceState::Revoked => "explain-licence-revoked",
                LicenceState::Expired => "explain-licence-expired",
            }),
            other => self.say(plain(other)),
        }
    }

    fn at(&self, key: &'static str, at: model::Timestamp) -> String {
        self.with(key).set("when", self.moment(&at)).to_string()
    }

    fn declared(
        &self,
        basis: LegalBasis,
        source: Option<&Text>,
        people: Voices,
        asker: Asker,
    ) -> String {
        self.say(match basis {
            // Whether anybody else is linked to the device is not theirs to know.
            LegalBasis::Consent if people.you => "explain-you-agreed",
            LegalBasis::Consent if asker == Asker::Sensed => "explain-agreed",
            LegalBasis::Consent => "explain-all-agreed",
            LegalBasis::Contract => "explain-contract",
            LegalBasis::LegitimateInterest => "explain-legitimate-interest",
            LegalBasis::PublicTask => "explain-public-task",
            LegalBasis::LegalObligation | LegalBasis::VitalInterest => {
                return self.sourced(by_law(basis), source);
            }
        })
    }

    /// A message without and one with the law or reason.
    fn sourced(&self, [without, with]: [&'static str; 2], source: Option<&Text>) -> String {
        match source {
            Some(source) => self.with(with).set("source", self.of(source)).to_string(),
            None => self.say(without),
        }
    }

    fn chosen(&self, voices: Voices, asker: Asker) -> String {
        self.voices(
            voices,
            match asker {
                _ if voices.you => "explain-you-chose",
                Asker::Sensed => "explain-other",
                Asker::Anybody if voices.of == 1 => "explain-one-chose",
                Asker::Anybody => "explain-some-chose",
            },
        )
    }

    fn silent(&self, voices: Voices, asker: Asker) -> String {
        self.voices(
            voices,
            match asker {
                _ if voices.of == 0 => "explain-nobody",
                _ if voices.you => "explain-you-silent",
                Asker::Sensed => "explain-other",
                Asker::Anybody if voices.of == voices.count => "explain-one-silent",
                Asker::Anybody => "explain-some-silent",
            },
        )
    }

    fn voices(&self, voices: Voices, key: &'static str) -> String {
        self.with(key)
            .set("count", voices.count)
            .set("of", voices.of)
            .to_string()
    }

    fn capped(&self, notice: &Notice, target: &CapTarget, purpose: Option<&PurposeId>) -> String {
        let [every, one] = match target {
            CapTarget::Sensitivity(_) => {
                ["explain-cap-sensitivity", "explain-cap-sensitivity-purpose"]
            }
            CapTarget::Field(_) => ["explain-cap-field", "explain-cap-field-purpose"],
        };
        let Some(id) = purpose else {
            return self.say(every);
        };
        let title = notice.purpose(id).map(|it| self.of(&it.title));
        let title = title.unwrap_or_else(|| id.as_str());
        self.with(one).set("purpose", title).to_string()
    }
}

/// The messages of a basis that leaves no choice: without and with the law or reason.
const fn by_law(basis: LegalBasis) -> [&'static str; 2] {
    match basis {
        LegalBasis::VitalInterest => ["explain-life", "explain-life-source"],
        _ => ["explain-law", "explain-law-source"],
    }
}

/// The message of a reason that needs no values.
const fn plain(because: &Because) -> &'static str {
    match because {
        Because::NoSuchLevel => "explain-no-level",
        Because::NotDeclared => "explain-not-declared",
        Because::NoAccess => "explain-no-access",
        Because::Quarantined => "explain-quarantined",
        Because::OtherNotice => "explain-other-notice",
        Because::Absent => "explain-absent",
        Because::CannotBeCoarsened => "explain-not-coarsenable",
        Because::WrongType => "explain-wrong-type",
        Because::OutOfRange => "explain-out-of-range",
        Because::NotYet => "explain-not-yet",
        // All but the first carry values, and `reason` has told them.
        Because::Unknown
        | Because::Declared { .. }
        | Because::Fixed { .. }
        | Because::Chosen(_)
        | Because::NotConsented(_)
        | Because::Capped { .. }
        | Because::AccessFrom(_)
        | Because::AccessEnded(_)
        | Because::Licence(_) => "explain-unknown",
    }
}

#[cfg(test)]
mod tests;

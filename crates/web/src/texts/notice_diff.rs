//! What a new version of a notice changes, in plain sentences: what shows more first.

use jiff::tz::TimeZone;
use model::{
    Change, ChangeEffect, Changed, CommandName, Language, LegalBasis, Level, Notice, Party,
    Pointer, PurposeId, RecipientId, Role, Roles, Text,
};

use super::{Message, Texts};

/// A change of a notice in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLine {
    /// What it does to people.
    pub effect: ChangeEffect,
    /// The sentence.
    pub text: String,
}

/// The changes from `old` to `new` in `language`, in the order of [`model::notice_diff`].
#[must_use]
pub fn notice_changes(old: &Notice, new: &Notice, language: Language) -> Vec<ChangeLine> {
    first_changes(old, new, language, usize::MAX).0
}

/// The first `most` of these changes, and how many more there are.
pub(crate) fn first_changes(
    old: &Notice,
    new: &Notice,
    language: Language,
    most: usize,
) -> (Vec<ChangeLine>, usize) {
    let writer = Writer {
        texts: &Texts::new(language, TimeZone::UTC),
        old,
        new,
    };
    let changes = model::notice_diff(old, new);
    let lines = changes.iter().take(most).map(|it| ChangeLine {
        effect: it.effect,
        text: writer.sentence(it),
    });
    (lines.collect(), changes.len().saturating_sub(most))
}

/// The heading over changes with this effect.
#[must_use]
pub fn notice_changes_heading(effect: ChangeEffect, language: Language) -> String {
    let texts = Texts::new(language, TimeZone::UTC);
    texts.say(match effect {
        ChangeEffect::More => "diff-heading-more",
        ChangeEffect::Other => "diff-heading-other",
        ChangeEffect::Less => "diff-heading-less",
    })
}

/// What stands in place of a list without changes.
#[must_use]
pub fn notice_unchanged(language: Language) -> String {
    Texts::new(language, TimeZone::UTC).say("diff-none")
}

struct Writer<'a> {
    texts: &'a Texts,
    old: &'a Notice,
    new: &'a Notice,
}

/// The same thing before and from now on.
struct Turn<'a, T> {
    was: &'a T,
    now: &'a T,
}

impl Writer<'_> {
    fn sentence(&self, change: &Change) -> String {
        let effect = change.effect;
        let message = match &change.what {
            Changed::Precision {
                field,
                purpose,
                recipient,
                was,
                now,
            } => self
                .precision(effect, field, Turn { was, now })
                .set("recipient", self.recipient(recipient))
                .set("purpose", self.purpose(purpose)),
            Changed::Basis {
                fields,
                purpose,
                was,
                now,
            } => self.basis(effect, fields, purpose, Turn { was, now }),
            Changed::Retention {
                fields,
                purpose,
                was,
                now,
            } => {
                let key = if now > was {
                    "diff-kept-longer"
                } else {
                    "diff-kept-shorter"
                };
                let message = self.texts.with(key).set("purpose", self.purpose(purpose));
                let message = message.set("fields", self.fields(fields));
                message
                    .set("now", self.texts.retention(now))
                    .set("was", self.texts.retention(was))
            }
            Changed::StoredIn(None) => {
                let place = self.texts.of(&self.new.stored_in);
                self.texts.with("diff-stored").set("place", place)
            }
            Changed::StoredIn(Some(purpose)) => self
                .texts
                .with("diff-stored-for")
                .set("purpose", self.purpose(purpose)),
            Changed::Bystanders { .. } => self.bystanders(),
            Changed::Controller { was, now } => {
                let message = self.texts.with("diff-controller");
                message.set("now", now.as_str()).set("was", was.as_str())
            }
            Changed::Contact => {
                let contact = &self.new.contact;
                let message = self
                    .texts
                    .with("diff-contact")
                    .set("name", self.texts.of(&contact.name));
                message.set("email", &contact.email)
            }
            Changed::Description => self.texts.with("diff-description"),
            Changed::Format => self.texts.with("diff-format"),
            other => self.named(effect, other),
        };
        message.to_string()
    }

    /// Changes of one field, purpose, recipient or model.
    fn named(&self, effect: ChangeEffect, changed: &Changed) -> Message {
        match changed {
            Changed::PurposeAdded(it) => self.described_purpose("diff-purpose-added", it),
            Changed::PurposeChanged(it) => self.described_purpose("diff-purpose-changed", it),
            Changed::PurposeRemoved(it) => self
                .texts
                .with("diff-purpose-removed")
                .set("purpose", self.purpose(it)),
            Changed::RecipientAdded(it) => self.described_recipient("diff-recipient-added", it),
            Changed::RecipientChanged(it) => self.described_recipient("diff-recipient-changed", it),
            Changed::RecipientRemoved(it) => self
                .texts
                .with("diff-recipient-removed")
                .set("recipient", self.recipient(it)),
            Changed::Party {
                recipient,
                was,
                now,
            } => {
                let message = self
                    .texts
                    .with("diff-party")
                    .set("recipient", self.recipient(recipient));
                message
                    .set("now", self.party(*now))
                    .set("was", self.party(*was))
            }
            Changed::Country { recipient, now, .. } => {
                let recipient = self.recipient(recipient);
                match now {
                    Some(country) => self
                        .texts
                        .with("diff-country-new")
                        .set("recipient", recipient)
                        .set("country", country),
                    None => self
                        .texts
                        .with("diff-country-gone")
                        .set("recipient", recipient),
                }
            }
            Changed::ModelAdded(it) => self.model("diff-model-added", it.as_str(), true),
            Changed::ModelChanged(it) => self.model("diff-model-changed", it.as_str(), true),
            Changed::ModelRemoved(it) => self.model("diff-model-removed", it.as_str(), false),
            Changed::Fed { model, fields } => self
                .model("diff-fed", model.as_str(), false)
                .set("fields", self.fields(fields)),
            Changed::Makes { model, fields } => self
                .model("diff-makes", model.as_str(), false)
                .set("fields", self.fields(fields)),
            Changed::NotFed { model, fields } => self
                .model("diff-not-fed", model.as_str(), false)
                .set("fields", self.fields(fields)),
            Changed::SwitchAdded(it) => self
                .texts
                .with("diff-switch-added")
                .set("fields", self.fields(it)),
            Changed::SwitchRemoved(it) => self
                .texts
                .with("diff-switch-removed")
                .set("fields", self.fields(it)),
            Changed::SwitchChanged(it) => self
                .texts
                .with("diff-switch-changed")
                .set("fields", self.fields(it)),
            Changed::CommandAdded(it) => self.command("diff-command-added", it),
            Changed::CommandRemoved(it) => self.command("diff-command-removed", it),
            Changed::CommandChanged(it) => self.command("diff-command-changed", it),
            other => self.of_field(effect, other),
        }
    }

    fn of_field(&self, effect: ChangeEffect, changed: &Changed) -> Message {
        let about = |key, field| self.texts.with(key).set("field", self.field(field));
        match changed {
            Changed::FieldAdded(it) => about("diff-field-added", it),
            Changed::FieldRemoved(it) => about("diff-field-removed", it),
            Changed::FieldChanged(it) => about("diff-field-changed", it),
            Changed::Sensitivity { field, was, now } => {
                let message = about("diff-sensitivity", field);
                message
                    .set("now", self.texts.sensitivity(now))
                    .set("was", self.texts.sensitivity(was))
            }
            Changed::Range(it) => about(
                match effect {
                    ChangeEffect::More => "diff-range-wider",
                    ChangeEffect::Less => "diff-range-narrower",
                    ChangeEffect::Other => "diff-range-other",
                },
                it,
            ),
            Changed::RolesLost { field, roles } => {
                about("diff-roles-lost", field).set("roles", self.roles(*roles))
            }
            Changed::RolesGained { field, roles } => {
                about("diff-roles-gained", field).set("roles", self.roles(*roles))
            }
            Changed::LevelLost { field, level } => about("diff-level-lost", field)
                .set("level", self.level(self.old, field, Some(*level))),
            Changed::LevelGained { field, level } => about("diff-level-gained", field)
                .set("level", self.level(self.new, field, Some(*level))),
            Changed::SubjectField { now: Some(it), .. } => about("diff-subject-new", it),
            Changed::SubjectField { was: Some(it), .. } => about("diff-subject-gone", it),
            _ => self.texts.with("diff-description"),
        }
    }

    fn precision(
        &self,
        effect: ChangeEffect,
        field: &Pointer,
        turn: Turn<'_, Option<Level>>,
    ) -> Message {
        let key = match (turn.was, turn.now, effect) {
            (None, _, _) => "diff-flow-new",
            (_, None, _) => "diff-flow-gone",
            (_, Some(Level::ON), _) => "diff-becomes-exact",
            (_, _, ChangeEffect::More) => "diff-more-exact",
            (_, _, ChangeEffect::Less) => "diff-less-exact",
            (_, _, ChangeEffect::Other) => "diff-shown-otherwise",
        };
        let message = self.texts.with(key).set("field", self.field(field));
        let message = message.set("was", self.level(self.old, field, *turn.was));
        message.set("now", self.level(self.new, field, *turn.now))
    }

    fn basis(
        &self,
        effect: ChangeEffect,
        fields: &[Pointer],
        purpose: &PurposeId,
        turn: Turn<'_, LegalBasis>,
    ) -> Message {
        let key = match (effect, turn.now) {
            (ChangeEffect::Other, _) => "diff-basis-other",
            (_, LegalBasis::Consent) => "diff-basis-consent",
            (ChangeEffect::More, now) if !now.can_choose() => "diff-basis-bound",
            (ChangeEffect::More, _) => "diff-basis-on",
            (ChangeEffect::Less, _) => "diff-basis-free",
        };
        let message = self.texts.with(key).set("purpose", self.purpose(purpose));
        let message = message.set("fields", self.fields(fields));
        message.set("basis", self.texts.basis(turn.now))
    }

    fn bystanders(&self) -> Message {
        match (&self.old.bystanders, &self.new.bystanders) {
            (_, None) => self.texts.with("diff-bystanders-gone"),
            (None, Some(text)) => self
                .texts
                .with("diff-bystanders-new")
                .set("text", self.texts.of(text)),
            (Some(_), Some(text)) => self
                .texts
                .with("diff-bystanders-changed")
                .set("text", self.texts.of(text)),
        }
    }

    fn described_purpose(&self, key: &'static str, id: &PurposeId) -> Message {
        let why = self.new.purpose(id).map_or("", |it| self.texts.of(&it.why));
        self.texts
            .with(key)
            .set("purpose", self.purpose(id))
            .set("why", why)
    }

    fn described_recipient(&self, key: &'static str, id: &RecipientId) -> Message {
        let terms = self
            .new
            .recipient(id)
            .map_or("", |it| self.texts.of(&it.terms));
        self.texts
            .with(key)
            .set("recipient", self.recipient(id))
            .set("terms", terms)
    }

    fn model(&self, key: &'static str, id: &str, decides: bool) -> Message {
        let models = self.new.models.iter().chain(&self.old.models);
        let found = models.clone().find(|it| it.id.as_str() == id);
        let title = found.map_or(id, |it| self.texts.of(&it.title));
        let message = self.texts.with(key).set("model", title);
        match found {
            Some(it) if decides => {
                let when = match (&it.version, it.in_force) {
                    (Some(version), Some(at)) => {
                        let words = self.texts.with("diff-model-when").set("version", version);
                        let day = at.to_string();
                        let day = day.split('T').next().unwrap_or_default().to_owned();
                        words.set("day", day).to_string()
                    }
                    _ => String::new(),
                };
                let message = message.set("decides", self.texts.of(&it.decides));
                message.set("when", when)
            }
            _ => message,
        }
    }

    /// The title in the new notice, or else in the old one.
    fn title<'a>(&'a self, titles: [Option<&'a Text>; 2], name: &'a str) -> &'a str {
        let found = titles.into_iter().flatten().next();
        found.map_or(name, |it| self.texts.of(it))
    }

    fn field(&self, pointer: &Pointer) -> String {
        let titles = [self.new, self.old].map(|it| it.field(pointer).map(|it| &it.title));
        self.title(titles, pointer.as_str()).to_owned()
    }

    fn fields(&self, pointers: &[Pointer]) -> String {
        let titles: Vec<_> = pointers.iter().map(|it| self.field(it)).collect();
        self.texts.list(titles.iter().map(String::as_str))
    }

    fn purpose(&self, id: &PurposeId) -> String {
        let titles = [self.new, self.old].map(|it| it.purpose(id).map(|it| &it.title));
        self.title(titles, id.as_str()).to_owned()
    }

    fn command(&self, key: &'static str, id: &CommandName) -> Message {
        let titles = [self.new, self.old].map(|it| it.command(id).map(|it| &it.title));
        self.texts
            .with(key)
            .set("command", self.title(titles, id.as_str()))
    }

    fn recipient(&self, id: &RecipientId) -> String {
        let titles = [self.new, self.old].map(|it| it.recipient(id).map(|it| &it.title));
        self.title(titles, id.as_str()).to_owned()
    }

    fn party(&self, party: Party) -> String {
        self.texts.say(match party {
            Party::Controller => "diff-party-controller",
            Party::Processor => "diff-party-processor",
            Party::ThirdParty => "diff-party-third-party",
            Party::Public => "diff-party-public",
        })
    }

    fn roles(&self, roles: Roles) -> String {
        let words: Vec<_> = roles
            .iter()
            .map(|it| match it {
                Role::Holder => self.texts.say("diff-role-holder"),
                Role::Household => self.texts.say("diff-role-household"),
                Role::Occupant => self.texts.say("diff-role-occupant"),
            })
            .collect();
        self.texts.list(words.iter().map(String::as_str))
    }

    fn level(&self, notice: &Notice, field: &Pointer, level: Option<Level>) -> String {
        match notice.field(field) {
            Some(field) => self.texts.level(field, &level.unwrap_or(Level::OFF)),
            None => self.texts.say("level-off"),
        }
    }
}

#[cfg(test)]
mod tests;

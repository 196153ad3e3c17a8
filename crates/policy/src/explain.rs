//! Why a value passes as it does: every outcome of the engine as an [`Explanation`] from which one plain sentence can be made.
//!
//! [`explain`] answers the question that stands before any message came; [`explain_message`] answers for one message.
//! Neither decides anything: the level is the program's, and what is told beside it is looked up in the inputs that the
//! program was compiled from. The reason is the first in this order that holds a value back as far as it is held back:
//! licence, quarantine, the message itself, access, then what [`Program::why`] names.

use model::{
    Because, Cap, Declaration, Dropped, Explanation, Field, KeptBecause, KeptFor, LegalBasis,
    Level, PurposeId, RecipientId, Shown, Voices,
};

use crate::compile::{Inputs, deciding, limits};
use crate::decide::{Decision, Effect, EvaluationError, Facts, Refusal};
use crate::field_set::FieldIndex;
use crate::payload::{Payload, Reason};
use crate::program::{Factor, Keeping, Program, Why};

/// Who asks, about what is in force, and when.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What the program was compiled from.
    pub inputs: &'a Inputs<'a>,
    /// The program.
    pub program: &'a Program,
    /// The position of the person who asks among the people of the inputs; `None` where somebody else asks.
    pub asker: Option<usize>,
    /// What holds at the moment.
    pub facts: Facts,
}

/// Why a field passes to a recipient for a purpose as it does, for any message that comes now.
/// `None` when the field is not one of the notice.
#[must_use]
pub fn explain(
    question: &Question<'_>,
    recipient: &RecipientId,
    purpose: &PurposeId,
    field: FieldIndex,
) -> Option<Explanation> {
    let place = Place::find(question, recipient, purpose, field)?;
    let facts = question.facts;
    if !facts.licence.in_force() {
        return Some(place.nothing(Because::Licence(facts.licence)));
    }
    if facts.quarantined {
        return Some(place.nothing(Because::Quarantined));
    }
    let schema = question.program.schema();
    let maker = schema.field(field).and_then(|it| it.made_by.as_ref());
    if maker.is_some_and(|it| it.label_at(facts.now).is_none()) {
        return Some(place.nothing(Because::NotYet));
    }
    Some(place.ruled())
}

/// Why a field of this message passes to a recipient for a purpose as it does.
/// `None` when the field is not one of the notice.
#[must_use]
pub fn explain_message(
    question: &Question<'_>,
    payload: &Payload,
    decision: &Decision,
    recipient: &RecipientId,
    purpose: &PurposeId,
    field: FieldIndex,
) -> Option<Explanation> {
    let place = Place::find(question, recipient, purpose, field)?;
    if let Effect::Refuse(refusal) = decision.effect() {
        return Some(place.nothing(match refusal {
            Refusal::Licence(state) => Because::Licence(state),
            Refusal::Quarantined => Because::Quarantined,
            Refusal::Schema => Because::OtherNotice,
        }));
    }
    let ruled = place.ruled();
    if !payload.present().contains(field) {
        return Some(place.nothing(missing(payload, place.field)));
    }
    let failed =
        |it: &EvaluationError| matches!(it, EvaluationError::NotCoarsenable(it) if *it == field);
    let coarse = ruled.level != Level::OFF && ruled.level != Level::ON;
    if coarse && decision.errors().iter().any(failed) {
        return Some(place.nothing(Because::CannotBeCoarsened));
    }
    Some(ruled)
}

/// What of a message was dropped because nobody declared it.
#[must_use]
pub fn explain_dropped(payload: &Payload) -> Vec<Dropped> {
    let dropped = payload.undeclared().iter().map(|it| Dropped {
        place: it.pointer.clone(),
        because: because_of(it.reason),
    });
    dropped.collect()
}

/// What of a message is kept, how long and why: longest first as in [`Decision::stored`], fields in the order of the notice.
#[must_use]
pub fn explain_kept(question: &Question<'_>, decision: &Decision) -> Vec<KeptFor> {
    let notice = question.inputs.notice;
    let schema = question.program.schema();
    let mut all = Vec::new();
    for kept in decision.stored() {
        let fields = kept.outcome.fields();
        // The field that identifies people is not in what is kept: the reading lies under their own key.
        let named = fields
            .iter()
            .filter(|it| Some(*it) != schema.subject_field());
        for (level, field) in named.filter_map(|it| {
            let field = notice.field(schema.pointer(it)?)?;
            Some((kept.outcome.level(it), field))
        }) {
            let law = || {
                let fixed = notice.declarations.iter().find(|it| {
                    it.fields.contains(&field.pointer)
                        && !it.basis.can_choose()
                        && it.retention >= kept.retention
                });
                let basis = fixed.map_or(LegalBasis::LegalObligation, |it| it.basis);
                KeptBecause::ByLaw {
                    basis,
                    source: fixed.and_then(|it| it.source.clone()),
                }
            };
            all.push(KeptFor {
                field: field.pointer.clone(),
                level,
                shown: shown(question, field, level),
                retention: kept.retention,
                because: match kept.keeping {
                    Keeping::AsChosen => KeptBecause::AsChosen,
                    Keeping::ByLaw => law(),
                },
            });
        }
    }
    all
}

/// One field on its way to one recipient for one purpose.
struct Place<'a> {
    question: &'a Question<'a>,
    recipient: &'a RecipientId,
    purpose: &'a PurposeId,
    index: FieldIndex,
    field: &'a Field,
}

impl<'a> Place<'a> {
    fn find(
        question: &'a Question<'a>,
        recipient: &'a RecipientId,
        purpose: &'a PurposeId,
        index: FieldIndex,
    ) -> Option<Self> {
        let pointer = question.program.schema().pointer(index)?;
        Some(Self {
            question,
            recipient,
            purpose,
            index,
            field: question.inputs.notice.field(pointer)?,
        })
    }

    fn nothing(&self, because: Because) -> Explanation {
        Explanation {
            field: self.field.pointer.clone(),
            level: Level::OFF,
            shown: Shown::Nothing,
            because,
        }
    }

    /// What notice, rulebook, people and grants come to.
    fn ruled(&self) -> Explanation {
        let program = self.question.program;
        let lane = program.lane(self.recipient, self.purpose);
        let why = lane.map_or(
            Why {
                level: Level::OFF,
                factor: Factor::Undeclared,
            },
            |it| program.why(it, self.index, self.question.facts.now),
        );
        Explanation {
            field: self.field.pointer.clone(),
            level: why.level,
            shown: shown(self.question, self.field, why.level),
            because: self.because(why),
        }
    }

    fn because(&self, why: Why) -> Because {
        match why.factor {
            Factor::NoGrant => Because::NoAccess,
            Factor::GrantNotYet(from) => Because::AccessFrom(from),
            Factor::GrantOver(at) => Because::AccessEnded(at),
            Factor::Undeclared => Because::NotDeclared,
            Factor::Notice | Factor::Rulebook | Factor::LegalBasis(_) | Factor::Choice => {
                let inputs = self.question.inputs;
                let factor = why.factor;
                match deciding(inputs, self.recipient, self.purpose, self.index, factor) {
                    Some(declaration) => self.within(declaration, why),
                    None => Because::NotDeclared,
                }
            }
        }
    }

    /// What of one declaration, the rulebook and the choices decided.
    fn within(&self, declaration: &Declaration, why: Why) -> Because {
        let off = why.level == Level::OFF;
        match why.factor {
            Factor::Rulebook => match self.cap(declaration) {
                Some(cap) if off && cap.most != Level::OFF => Because::NoSuchLevel,
                Some(cap) => Because::Capped {
                    target: cap.target.clone(),
                    purpose: cap.purpose.clone(),
                },
                None => Because::NotDeclared,
            },
            Factor::LegalBasis(basis) if basis.can_choose() => {
                Because::NotConsented(self.voices(|chosen| chosen.is_none(), declaration))
            }
            Factor::LegalBasis(basis) => Because::Fixed {
                basis,
                source: declaration.source.clone(),
            },
            Factor::Choice => {
                let floor = |it| self.floor(it);
                let lowest = self.chosen(declaration).flatten().min();
                if off && lowest.is_some_and(|it| it != Level::OFF) {
                    return Because::NoSuchLevel;
                }
                let asked = |it: Option<Level>| it.is_some_and(|it| floor(it) <= why.level);
                Because::Chosen(self.voices(asked, declaration))
            }
            _ if off && declaration.precision != Level::OFF => Because::NoSuchLevel,
            _ => Because::Declared {
                basis: declaration.basis,
                source: declaration.source.clone(),
                people: self.voices(|_| true, declaration),
            },
        }
    }

    /// The first of the lowest caps.
    fn cap(&self, declaration: &Declaration) -> Option<&Cap> {
        let field = self.question.program.schema().field(self.index)?;
        let caps = self.question.inputs.caps.iter();
        caps.filter(|it| limits(it, field, &declaration.purpose))
            .min_by_key(|it| it.most)
    }

    /// What each person whom the field tells about chose; where a choice stands twice, the more protective counts.
    fn chosen(&self, declaration: &'a Declaration) -> impl Iterator<Item = Option<Level>> {
        self.asked(declaration).map(|it| it.1)
    }

    /// The same, with the person's position.
    fn asked(&self, declaration: &'a Declaration) -> impl Iterator<Item = (usize, Option<Level>)> {
        let deployment = &self.question.inputs.notice.deployment;
        let people = self.question.inputs.people.iter().enumerate();
        let concerned = people.filter(|(_, it)| it.roles.meets(self.field.about));
        concerned.map(move |(position, person)| {
            let choices = person.choices.iter().filter(|it| {
                it.deployment == *deployment
                    && it.field == self.field.pointer
                    && it.purpose == declaration.purpose
                    && it.recipient == *self.recipient
            });
            (position, choices.map(|it| it.level).min())
        })
    }

    fn voices(
        &self,
        counts: impl Fn(Option<Level>) -> bool,
        declaration: &'a Declaration,
    ) -> Voices {
        let mut voices = Voices {
            you: false,
            count: 0,
            of: 0,
        };
        for (position, chosen) in self.asked(declaration) {
            voices.of += 1;
            if counts(chosen) {
                voices.count += 1;
                voices.you |= Some(position) == self.question.asker;
            }
        }
        voices
    }

    fn floor(&self, level: Level) -> Level {
        let field = self.question.program.schema().field(self.index);
        field.map_or(Level::OFF, |it| it.floor(level))
    }
}

fn shown(question: &Question<'_>, field: &Field, level: Level) -> Shown {
    let Some(number) = level.coarse_number() else {
        return match level {
            Level::OFF => Shown::Nothing,
            _ if question.inputs.notice.subject_field.as_ref() == Some(&field.pointer) => {
                Shown::CoverName
            }
            _ => Shown::Exact,
        };
    };
    let operator = usize::from(number)
        .checked_sub(1)
        .and_then(|it| field.coarse.get(it));
    operator.map_or(Shown::Nothing, |it| Shown::Coarse(it.clone()))
}

/// Why a field did not come with a value that counts: it or a container of it is of another kind, or it did not come.
fn missing(payload: &Payload, field: &Field) -> Because {
    let pointer = field.pointer.as_str();
    let encloses = |it: &str| {
        let below = pointer.strip_prefix(it);
        below.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    let mut noted = payload.undeclared().iter();
    let noted = noted.find(|it| it.reason != Reason::Unknown && encloses(&it.pointer));
    noted.map_or(Because::Absent, |it| because_of(it.reason))
}

fn because_of(reason: Reason) -> Because {
    match reason {
        Reason::Unknown => Because::Unknown,
        Reason::WrongType => Because::WrongType,
        Reason::OutOfRange => Because::OutOfRange,
        Reason::NotYet => Because::NotYet,
    }
}

#[cfg(test)]
mod tests;

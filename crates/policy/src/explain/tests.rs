use model::{
    CapTarget, Choice, Declaration, DeploymentId, Grant, LegalBasis, LicenceState, Notice,
    PersonId, Pointer, PurposeId, RecipientId, Role, Roles, Sensitivity, Timestamp,
};

use super::*;
use crate::compile::{Sensed, compile};
use crate::schema::Schema;

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

/// A notice whose first field goes to the power utility for billing on one basis, and what holds beside.
struct World {
    notice: Notice,
    people: Vec<(Roles, Vec<Choice>)>,
    grants: Vec<Grant>,
    caps: Vec<Cap>,
    licence: LicenceState,
    quarantined: bool,
}

impl World {
    fn new(basis: LegalBasis) -> Self {
        let mut notice = Notice::parse(NOTICE).unwrap();
        notice.fields.truncate(1);
        notice.declarations.truncate(1);
        let field = &mut notice.fields[0];
        field.coarse = vec![model::Coarsening::Presence, model::Coarsening::Round(500.0)];
        notice.declarations[0] = Declaration {
            fields: vec![field.pointer.clone()],
            purpose: purpose(),
            basis,
            source: None,
            recipients: vec![recipient()],
            retention: model::Retention::from_days(30),
            precision: Level::ON,
            stored_in: None,
            models: vec![],
        };
        let grant = Grant {
            recipient: recipient(),
            purpose: purpose(),
            deployment: notice.deployment.clone(),
            valid_from: Timestamp::from_millis(10),
            valid_until: Some(Timestamp::from_millis(20)),
        };
        Self {
            notice,
            people: vec![],
            grants: vec![grant],
            caps: vec![],
            licence: LicenceState::Active,
            quarantined: false,
        }
    }

    fn person(mut self, role: Role, levels: &[Level]) -> Self {
        let choice = |level: &Level| Choice {
            person: PersonId::parse("somebody").unwrap(),
            deployment: self.notice.deployment.clone(),
            field: self.notice.fields[0].pointer.clone(),
            purpose: purpose(),
            recipient: recipient(),
            level: *level,
        };
        let choices = levels.iter().map(choice).collect();
        self.people.push((Roles::NONE.with(role), choices));
        self
    }

    fn ask<T>(&self, asker: Option<usize>, millis: i64, ask: impl FnOnce(&Question<'_>) -> T) -> T {
        let schema = Schema::compile(&self.notice).unwrap();
        let people: Vec<_> = self
            .people
            .iter()
            .map(|(roles, choices)| Sensed {
                roles: *roles,
                choices,
            })
            .collect();
        let inputs = Inputs {
            notice: &self.notice,
            schema: &schema,
            people: &people,
            grants: &self.grants,
            caps: &self.caps,
            generation: 1,
        };
        ask(&Question {
            inputs: &inputs,
            program: &compile(&inputs),
            asker,
            facts: Facts {
                now: Timestamp::from_millis(millis),
                licence: self.licence,
                quarantined: self.quarantined,
            },
        })
    }

    #[track_caller]
    fn check(&self, asker: Option<usize>, level: &str, because: Because) {
        self.check_at(asker, 15, level, because);
    }

    #[track_caller]
    fn check_at(&self, asker: Option<usize>, millis: i64, level: &str, because: Because) {
        let found = self.ask(asker, millis, |it| {
            explain(it, &recipient(), &purpose(), FieldIndex(0)).unwrap()
        });
        assert_eq!(
            (found.level.to_string().as_str(), found.because),
            (level, because)
        );
    }
}

fn recipient() -> RecipientId {
    RecipientId::parse("power-utility").unwrap()
}

fn purpose() -> PurposeId {
    PurposeId::parse("billing").unwrap()
}

fn coarse(number: u8) -> Level {
    Level::coarse(number).unwrap()
}

fn voices(you: bool, count: usize, of: usize) -> Voices {
    Voices { you, count, of }
}

#[test]
fn a_person_is_told_what_they_decided_and_never_who_else_did() {
    let one = |levels: &[Level]| World::new(LegalBasis::Contract).person(Role::Holder, levels);
    one(&[coarse(2)]).check(Some(0), "coarse-2", Because::Chosen(voices(true, 1, 1)));
    let two = || one(&[coarse(2)]).person(Role::Holder, &[Level::OFF]);
    two().check(Some(0), "off", Because::Chosen(voices(false, 1, 2)));
    two().check(Some(1), "off", Because::Chosen(voices(true, 1, 2)));
    two().check(None, "off", Because::Chosen(voices(false, 1, 2)));
    let same = one(&[Level::OFF]).person(Role::Holder, &[Level::OFF]);
    same.check(Some(0), "off", Because::Chosen(voices(true, 2, 2)));
}

#[test]
fn a_yes_that_is_missing_is_named_as_missing() {
    let world = || World::new(LegalBasis::Consent);
    world().check(None, "off", Because::NotConsented(voices(false, 0, 0)));
    let one = || world().person(Role::Holder, &[]);
    one().check(Some(0), "off", Because::NotConsented(voices(true, 1, 1)));
    let two = || one().person(Role::Holder, &[Level::ON]);
    two().check(Some(1), "off", Because::NotConsented(voices(false, 1, 2)));
    let yes = world().person(Role::Holder, &[Level::ON]);
    yes.check(
        Some(0),
        "on",
        Because::Declared {
            basis: LegalBasis::Consent,
            source: None,
            people: voices(true, 1, 1),
        },
    );
}

#[test]
fn only_people_whom_the_field_tells_about_count() {
    let mut world = World::new(LegalBasis::Contract)
        .person(Role::Occupant, &[Level::OFF])
        .person(Role::Holder, &[coarse(1)]);
    world.notice.fields[0].about = Roles::NONE.with(Role::Holder);
    world.check(Some(0), "coarse-1", Because::Chosen(voices(false, 1, 1)));
    world.check(Some(1), "coarse-1", Because::Chosen(voices(true, 1, 1)));
}

#[test]
fn a_choice_that_cannot_count_is_answered_with_the_law() {
    let world = World::new(LegalBasis::VitalInterest).person(Role::Holder, &[Level::OFF]);
    world.check(
        Some(0),
        "on",
        Because::Fixed {
            basis: LegalBasis::VitalInterest,
            source: None,
        },
    );
}

#[test]
fn the_cap_that_counts_is_named() {
    let mut world = World::new(LegalBasis::Contract);
    let cap = |target: &CapTarget, most| Cap {
        target: target.clone(),
        purpose: None,
        most,
    };
    let every = CapTarget::Sensitivity(Sensitivity::None);
    let field = CapTarget::Field(world.notice.fields[0].pointer.clone());
    world.caps = vec![cap(&every, coarse(2)), cap(&field, coarse(1))];
    let capped = |target: &CapTarget| Because::Capped {
        target: target.clone(),
        purpose: None,
    };
    world.check(None, "coarse-1", capped(&field));
    world.caps.pop();
    world.check(None, "coarse-2", capped(&every));
}

#[test]
fn access_licence_and_quarantine_come_before_what_people_chose() {
    let world = || World::new(LegalBasis::Contract).person(Role::Holder, &[coarse(1)]);
    let at = |millis| Timestamp::from_millis(millis);
    world().check_at(None, 9, "off", Because::AccessFrom(at(10)));
    world().check_at(None, 20, "off", Because::AccessEnded(at(20)));
    let mut other = world();
    other.grants.clear();
    other.check(None, "off", Because::NoAccess);
    other.quarantined = true;
    other.check(None, "off", Because::Quarantined);
    other.licence = LicenceState::Revoked;
    other.check(None, "off", Because::Licence(LicenceState::Revoked));
    let mut elsewhere = world();
    elsewhere.notice.deployment = DeploymentId::parse("elsewhere").unwrap();
    elsewhere.check(None, "off", Because::NoAccess);
}

#[test]
fn a_level_that_a_field_lacks_is_not_blamed_on_the_law() {
    let mut world = World::new(LegalBasis::Contract).person(Role::Holder, &[coarse(1)]);
    world.notice.fields[0].coarse.clear();
    world.check(Some(0), "off", Because::NoSuchLevel);
}

#[test]
fn a_message_without_the_field_says_so() {
    let world = World::new(LegalBasis::Contract).person(Role::Holder, &[coarse(2)]);
    let pointer = world.notice.fields[0].pointer.as_str().to_owned();
    let check = |message: &str, expected: Because| {
        let found = world.ask(Some(0), 15, |question| {
            let payload = question
                .program
                .schema()
                .decode(message.as_bytes())
                .unwrap();
            let decision = crate::decide(question.program, &payload, &question.facts);
            let place = FieldIndex(0);
            explain_message(
                question,
                &payload,
                &decision,
                &recipient(),
                &purpose(),
                place,
            )
        });
        assert_eq!(found.unwrap().because, expected, "{message}");
    };
    let name = &pointer[1..];
    check("{}", Because::Absent);
    check(&format!(r#"{{"{name}":"x"}}"#), Because::WrongType);
    check(
        &format!(r#"{{"{name}":1e300}}"#),
        Because::CannotBeCoarsened,
    );
    check(
        &format!(r#"{{"{name}":700}}"#),
        Because::Chosen(voices(true, 1, 1)),
    );
}

#[test]
fn what_is_kept_and_what_is_dropped_have_reasons() {
    let mut world = World::new(LegalBasis::LegalObligation);
    let law = model::Text {
        en: "The law".into(),
        ur: "قانون".into(),
    };
    world.notice.declarations[0].source = Some(law.clone());
    let pointer = world.notice.fields[0].pointer.clone();
    let message = format!(r#"{{"{}":700,"ssid":1}}"#, &pointer.as_str()[1..]);
    let (kept, dropped) = world.ask(None, 15, |question| {
        let payload = question
            .program
            .schema()
            .decode(message.as_bytes())
            .unwrap();
        let decision = crate::decide(question.program, &payload, &question.facts);
        (explain_kept(question, &decision), explain_dropped(&payload))
    });
    assert_eq!(kept.len(), 1);
    let because = KeptBecause::ByLaw {
        basis: LegalBasis::LegalObligation,
        source: Some(law),
    };
    assert_eq!(kept[0].because, because);
    assert_eq!(kept[0].retention.as_days(), 30);
    assert_eq!(dropped[0].place, "/ssid");
    assert_eq!(dropped[0].because, Because::Unknown);
}

#[test]
fn whoever_is_named_by_a_field_gets_a_cover_name() {
    let mut world = World::new(LegalBasis::Contract);
    world.notice.subject_field =
        Some(Pointer::parse(world.notice.fields[0].pointer.as_str()).unwrap());
    let found = world.ask(None, 15, |it| {
        explain(it, &recipient(), &purpose(), FieldIndex(0)).unwrap()
    });
    assert_eq!(found.shown, Shown::CoverName);
}

use std::collections::BTreeSet;

use model::{Coarsening, Retention, Sensitivity, Timestamp};

use super::*;
use crate::page::sample;

fn sentences(language: Language) -> Sentences {
    Sentences::new(language, TimeZone::get("Asia/Karachi").unwrap())
}

/// Every reason there is, as different people are told it.
fn every_reason() -> Vec<Because> {
    let voices = |you, count, of| Voices { you, count, of };
    let law = Text {
        en: "Energy Act, section 4".into(),
        ur: "توانائی کا قانون، دفعہ 4".into(),
    };
    let some = [
        voices(true, 1, 1),
        voices(true, 2, 2),
        voices(false, 1, 1),
        voices(false, 1, 2),
        voices(false, 0, 0),
    ];
    let mut all = vec![
        Because::NoSuchLevel,
        Because::NotDeclared,
        Because::NoAccess,
        Because::AccessFrom(Timestamp::from_millis(1_763_800_000_000)),
        Because::AccessEnded(Timestamp::from_millis(1_763_800_000_000)),
        Because::Quarantined,
        Because::OtherNotice,
        Because::Absent,
        Because::CannotBeCoarsened,
        Because::WrongType,
        Because::OutOfRange,
        Because::NotYet,
        Because::Unknown,
    ];
    all.extend(some.map(Because::Chosen));
    all.extend(some.map(Because::NotConsented));
    let stopped = LicenceState::ALL.into_iter().filter(|it| !it.in_force());
    all.extend(stopped.map(Because::Licence));
    for source in [None, Some(law)] {
        for basis in LegalBasis::ALL {
            all.push(Because::Declared {
                basis: *basis,
                source: source.clone(),
                people: voices(true, 1, 1),
            });
        }
        for basis in [LegalBasis::LegalObligation, LegalBasis::VitalInterest] {
            let source = source.clone();
            all.push(Because::Fixed { basis, source });
        }
    }
    for target in [
        CapTarget::Sensitivity(Sensitivity::High),
        CapTarget::Field(Pointer::parse("/energy").unwrap()),
    ] {
        for purpose in [None, PurposeId::parse("billing").ok()] {
            let target = target.clone();
            all.push(Because::Capped { target, purpose });
        }
    }
    all
}

#[test]
fn every_reason_is_one_sentence_in_both_languages() {
    let notice = sample::home();
    let field = notice.fields[0].pointer.clone();
    for (language, end) in [(Language::En, '.'), (Language::Ur, '۔')] {
        let sentences = sentences(language);
        for because in every_reason() {
            for asker in [Asker::Sensed, Asker::Anybody] {
                let explanation = Explanation {
                    field: field.clone(),
                    level: Level::ON,
                    shown: Shown::Exact,
                    because: because.clone(),
                };
                let text = sentences.why(&notice, &explanation, asker);
                assert!(text.ends_with(end), "{text}");
                assert_eq!(text.matches(end).count(), 1, "{text}");
                assert!(!text.contains("explain-"), "{text}");
            }
        }
    }
}

#[test]
fn different_reasons_read_differently() {
    let notice = sample::home();
    for language in Language::ALL {
        let sentences = sentences(language);
        let mut seen = BTreeSet::new();
        let plain = every_reason()
            .into_iter()
            .filter(|it| !matches!(it, Because::Chosen(_) | Because::NotConsented(_)));
        for because in plain {
            let dropped = Dropped {
                place: String::new(),
                because,
            };
            let text = sentences.dropped(&notice, &dropped);
            let source = matches!(&dropped.because, Because::Declared { source: Some(_), basis, .. } if basis.can_choose());
            assert!(seen.insert(text.clone()) || source, "{text}");
        }
    }
}

#[test]
fn sentences_read_as_people_speak() {
    let notice = sample::home();
    let field = notice.fields[0].pointer.clone();
    let level = Level::coarse(1).unwrap();
    let explanation = |because| Explanation {
        field: field.clone(),
        level,
        shown: Shown::Coarse(Coarsening::Presence),
        because,
    };
    let voices = Voices {
        you: false,
        count: 1,
        of: 2,
    };
    let say = |asker, because| {
        let text = sentences(Language::En).why(&notice, &explanation(because), asker);
        text.replace('\u{a0}', " ")
    };
    let words = sentences(Language::En)
        .texts
        .level(&notice.fields[0], &level);
    let words = words.replace('\u{a0}', " ").to_lowercase();
    let other = say(Asker::Sensed, Because::Chosen(voices));
    let start = "It passes less exact (";
    assert!(
        other
            .to_lowercase()
            .starts_with(&format!("{}{words}", start.to_lowercase()))
    );
    let neutral =
        "because another person's choice may hold here too: the one that protects most counts.";
    assert!(other.ends_with(neutral));
    assert!(say(Asker::Sensed, Because::NotConsented(voices)).ends_with(neutral));
    let count = say(Asker::Anybody, Because::Chosen(voices));
    assert!(count.ends_with("because 1 of the 2 people whom it tells about chose so."));
    let declared = Because::Declared {
        basis: LegalBasis::Contract,
        source: None,
        people: voices,
    };
    assert!(say(Asker::Anybody, declared).ends_with("because the notice allows no more."));
}

#[test]
fn who_said_yes_is_not_told_whether_others_did() {
    let notice = sample::home();
    let agreed = |you, of, language| {
        let people = Voices { you, count: of, of };
        let explanation = Explanation {
            field: notice.fields[0].pointer.clone(),
            level: Level::ON,
            shown: Shown::Exact,
            because: Because::Declared {
                basis: LegalBasis::Consent,
                source: None,
                people,
            },
        };
        sentences(language).why(&notice, &explanation, Asker::Sensed)
    };
    for language in Language::ALL {
        for you in [true, false] {
            let told: BTreeSet<_> = (1..9).map(|of| agreed(you, of, language)).collect();
            assert_eq!(told.len(), 1, "{told:?}");
        }
    }
    assert!(agreed(true, 2, Language::En).ends_with("because you said yes."));
}

#[test]
fn a_sentence_never_tells_a_person_how_many_others_decided() {
    let notice = sample::home();
    let field = notice.fields[0].pointer.clone();
    for because in [Because::Chosen, Because::NotConsented] {
        let told: BTreeSet<_> = (1..9)
            .map(|count| {
                let explanation = Explanation {
                    field: field.clone(),
                    level: Level::OFF,
                    shown: Shown::Nothing,
                    because: because(Voices {
                        you: false,
                        count,
                        of: 9,
                    }),
                };
                sentences(Language::Ur).why(&notice, &explanation, Asker::Sensed)
            })
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

#[test]
fn what_is_kept_says_how_long() {
    let notice = sample::home();
    let kept = KeptFor {
        field: notice.fields[0].pointer.clone(),
        level: Level::ON,
        shown: Shown::Exact,
        retention: Retention::from_days(30),
        because: KeptBecause::AsChosen,
    };
    assert_eq!(
        sentences(Language::En).kept(&notice, &kept),
        "It is kept as measured for 30 days, because the notice says so and people let it pass."
    );
    let law = KeptFor {
        level: Level::coarse(1).unwrap(),
        because: KeptBecause::ByLaw {
            basis: LegalBasis::LegalObligation,
            source: None,
        },
        ..kept
    };
    let text = sentences(Language::En).kept(&notice, &law);
    assert!(text.starts_with("It is kept less exact ("));
    assert!(text.ends_with("because the law asks for it."));
}

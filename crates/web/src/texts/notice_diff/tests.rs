//! Sentences about changes, in both languages.

use super::*;

const BUSES: &str = include_str!("../../../../../corpus/notice/valid/bus-tickets.json");
const ROOMS: &str = include_str!("../../../../../corpus/notice/valid/rooms.toml");
const CARTS: &str = include_str!("../../../../../corpus/notice/valid/source-switches.toml");

/// The sentences of what changes, each with what it does.
fn said(source: &str, language: Language, change: impl FnOnce(&mut Notice)) -> String {
    let old = Notice::parse(source).unwrap();
    let mut new = old.clone();
    change(&mut new);
    let lines = notice_changes(&old, &new, language);
    let lines = lines
        .iter()
        .map(|it| format!("{:?}: {}\n", it.effect, it.text));
    lines.collect::<String>().replace('\u{a0}', " ")
}

#[test]
fn a_place_that_becomes_exact_is_said_first() {
    let said = |language| {
        said(BUSES, language, |it| {
            for declaration in &mut it.declarations {
                if declaration.purpose.as_str() == "route-planning" {
                    declaration.precision = Level::ON;
                    declaration.retention = model::Retention::from_days(7);
                }
            }
        })
    };
    let text = said(Language::En);
    insta::assert_snapshot!(text);
    assert!(said(Language::Ur).contains("بالکل درست"));
}

#[test]
fn a_basis_says_what_people_can_still_choose() {
    let text = said(BUSES, Language::En, |it| {
        for declaration in &mut it.declarations {
            declaration.basis = match declaration.basis {
                LegalBasis::Contract => LegalBasis::LegalObligation,
                LegalBasis::LegalObligation => LegalBasis::Contract,
                LegalBasis::Consent => LegalBasis::PublicTask,
                LegalBasis::PublicTask => LegalBasis::Consent,
                other => other,
            };
        }
    });
    insta::assert_snapshot!(text);
}

#[test]
fn what_comes_and_what_goes_is_said() {
    let forwards = said(ROOMS, Language::En, |it| {
        *it = Notice::parse(CARTS).unwrap()
    });
    insta::assert_snapshot!(forwards);
    let backwards = said(CARTS, Language::En, |it| {
        *it = Notice::parse(ROOMS).unwrap()
    });
    insta::assert_snapshot!(backwards);
}

#[test]
fn what_is_said_of_a_field_or_a_party_is_said_when_it_changes() {
    let text = said(ROOMS, Language::En, |it| {
        let field = &mut it.fields[0];
        field.about = Roles::NONE.with(Role::Holder);
        field.range = None;
        field.sensitivity = model::Sensitivity::Low;
        field.unit = Some("K".to_owned());
        field.coarse.remove(1);
        it.recipients[1].party = Party::Public;
        it.recipients[1].country = None;
        it.recipients[0].terms.en.push_str(" And for sale.");
        it.purposes[0].why.en.push_str(" Or not.");
        it.models[0].decides.en.push_str(" And for whom.");
        it.stored_in.en = "In a cloud".to_owned();
        it.declarations[0].stored_in = None;
        it.declarations[1].models = it.declarations[0].models.clone();
        it.declarations[0].models.clear();
        it.bystanders = None;
        it.format = model::Format::Json;
        it.title.en = "Rooms".to_owned();
        it.contact.email = "new@rooms.example".to_owned();
        it.subject_field = Some(it.fields[2].pointer.clone());
        it.controller = "city-buses".parse().unwrap();
    });
    insta::assert_snapshot!(text);
}

#[test]
fn every_sentence_stands_in_urdu_too() {
    for (old, new) in [(ROOMS, CARTS), (CARTS, BUSES), (BUSES, ROOMS)] {
        let (old, new) = (Notice::parse(old).unwrap(), Notice::parse(new).unwrap());
        let counts = Language::ALL.map(|it| notice_changes(&old, &new, it).len());
        assert_eq!(counts[0], counts[1]);
        for line in notice_changes(&old, &new, Language::Ur) {
            assert!(
                line.text
                    .contains(|it| ('\u{600}'..='\u{6ff}').contains(&it)),
                "{}",
                line.text
            );
            assert!(!line.text.starts_with("diff-"), "{}", line.text);
        }
    }
    let notice = Notice::parse(ROOMS).unwrap();
    assert_eq!(notice_changes(&notice, &notice, Language::Ur), []);
    assert_eq!(
        notice_unchanged(Language::En),
        "Nothing changes for people."
    );
}

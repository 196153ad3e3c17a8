//! Acts of choosing: history, receipts, records, presets, copies, files, the browser's signal.

mod bulk;
mod shape;

use std::collections::BTreeMap;

use custody::{BulkRequest, ChooseError, ConsentState, How, Preset, RecordFrame, Way};
use model::{Assignment, Language, LegalBasis, Level, Notice, Role, ThingId, Timestamp};
use serde_json::Value;

use self::shape::shape_problems;
use crate::fixture::{House, NOW, choice, deployment, on_both, person};

const LATER: Timestamp = NOW.plus_millis(60_000);

pub(super) fn coarse() -> Level {
    Level::coarse(1).unwrap()
}

pub(super) fn power(level: Level) -> model::Choice {
    choice("/power", "billing", "utility-desk", level)
}

pub(super) fn levels(house: &House, id: &str) -> Vec<String> {
    let sheet = house
        .custody
        .choice_sheet(&person("p-resident"), &deployment(id), NOW)
        .unwrap();
    let row = |it: &custody::SheetRow| {
        let mark = if it.decided { "!" } else { "" };
        format!("{} {} {}{mark}", it.field, it.purpose, it.chosen)
    };
    sheet.rows.iter().map(row).collect()
}

pub(super) fn publish(house: &House, source: &str) {
    let notice = Notice::parse(source).unwrap();
    house
        .custody
        .act(NOW, |act| act.publish_notice(&notice, source))
        .unwrap();
}

#[test]
fn every_choice_leaves_a_line_with_what_it_rests_on() {
    on_both(|house| {
        let me = person("p-resident");
        let first = house.custody.choose(&[power(Level::OFF)], NOW).unwrap();
        let consent = choice("/power", "research", "university", coarse());
        let refusal = choice("/room/temperature", "research", "university", Level::OFF);
        let second = house.custody.choose(&[consent, refusal], LATER).unwrap();
        assert_eq!((first.len(), second.len()), (1, 1));
        assert!(
            house
                .custody
                .choose(&[power(Level::OFF)], LATER)
                .unwrap()
                .is_empty(),
            "it held already"
        );
        let history = house
            .custody
            .choice_history(&me, &deployment("home"), None, 10)
            .unwrap();
        assert_eq!(history.older, None);
        let [newest, oldest] = &history.acts[..] else {
            panic!("{history:?}");
        };
        assert_eq!((newest.act.at, oldest.act.at), (LATER, NOW));
        assert_eq!(newest.act.how, How::ByHand);
        let objection = &oldest.changes[0];
        assert_eq!(objection.basis, LegalBasis::Contract);
        assert_eq!(
            (objection.before.level, objection.before.way),
            (Level::ON, None)
        );
        assert_eq!(
            (objection.after.level, objection.after.way),
            (Level::OFF, Some(Way::ByHand))
        );
        assert_eq!(
            (objection.notice_version, objection.notice_sha256.len()),
            (1, 64)
        );
        assert_eq!(objection.state(), ConsentState::Objected);
        let states: Vec<_> = newest.changes.iter().map(custody::Change::state).collect();
        assert_eq!(states, [ConsentState::Given, ConsentState::Refused]);
        let page = house
            .custody
            .choice_history(&me, &deployment("home"), None, 1)
            .unwrap();
        assert_eq!(page.older, Some(2));
        let page = house
            .custody
            .choice_history(&me, &deployment("home"), page.older, 1)
            .unwrap();
        assert_eq!((page.acts[0].act.number, page.older), (1, None));
        let others = house
            .custody
            .choice_history(&person("p-other"), &deployment("home"), None, 9);
        assert!(others.unwrap().acts.is_empty());
    });
}

#[test]
fn a_choice_that_is_refused_leaves_no_line() {
    on_both(|house| {
        let bad = [
            power(Level::OFF),
            choice(
                "/power",
                "billing",
                "utility-desk",
                Level::coarse(7).unwrap(),
            ),
        ];
        assert!(matches!(
            house.custody.choose(&bad, NOW),
            Err(ChooseError::NoSuchLevel { .. })
        ));
        let mut stranger = power(Level::OFF);
        stranger.person = person("p-other");
        assert!(matches!(
            house.custody.choose(&[stranger], NOW),
            Err(ChooseError::NotConcerned(_))
        ));
        let history =
            house
                .custody
                .choice_history(&person("p-resident"), &deployment("home"), None, 9);
        assert!(history.unwrap().acts.is_empty());
        assert_eq!(levels(&house, "home")[0], "/power billing on");
    });
}

#[test]
fn receipts_form_a_chain_that_shows_what_was_changed_later() {
    on_both(|house| {
        let me = person("p-resident");
        let first = house
            .custody
            .choose(&[power(Level::OFF)], NOW)
            .unwrap()
            .remove(0);
        let second = house
            .custody
            .choose(&[power(coarse())], LATER)
            .unwrap()
            .remove(0);
        assert_eq!(second.previous_sha256, first.sha256);
        let facts = house.custody.receipt(&me, &first.id).unwrap().unwrap();
        assert!(facts.intact);
        let sha256 = ring_sha256(facts.statement.as_bytes());
        assert_eq!(sha256, first.sha256, "anybody can check the statement");
        assert!(
            facts.statement.contains("home 1 ")
                && facts.statement.ends_with("on - off by-hand \"/power\"\n")
        );
        assert!(
            house
                .custody
                .receipt(&person("p-other"), &first.id)
                .unwrap()
                .is_none()
        );
        assert!(house.custody.broken_receipts(&me).unwrap().is_empty());
        let tamper = "UPDATE choice_event SET level_after = 'on' WHERE number = 1";
        house.db.write(|tx| tx.execute(tamper, &[])).unwrap();
        assert!(
            !house
                .custody
                .receipt(&me, &first.id)
                .unwrap()
                .unwrap()
                .intact
        );
        assert_eq!(house.custody.broken_receipts(&me).unwrap(), [1]);
        let drop = [
            "DELETE FROM choice_event WHERE number = 1",
            "DELETE FROM choice_act WHERE number = 1",
        ];
        for sql in drop {
            house.db.write(|tx| tx.execute(sql, &[])).unwrap();
        }
        assert_eq!(
            house.custody.broken_receipts(&me).unwrap(),
            [1],
            "one is missing"
        );
    });
}

fn ring_sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

#[test]
fn an_act_is_put_back_as_far_as_nobody_changed_it_since() {
    on_both(|house| {
        let me = person("p-resident");
        let consent = choice("/power", "research", "university", Level::ON);
        let first = house
            .custody
            .choose(&[power(Level::OFF), consent.clone()], NOW)
            .unwrap()
            .remove(0);
        let withdrawn = choice("/power", "research", "university", Level::OFF);
        house.custody.choose(&[withdrawn], NOW).unwrap();
        let undone = house
            .custody
            .put_back(&me, &first.id, None, LATER)
            .unwrap()
            .unwrap();
        assert_eq!(undone.how, How::Undone(first.id.clone()));
        assert_eq!(
            levels(&house, "home")[..2],
            ["/power billing on", "/power research off!"]
        );
        let again = house.custody.put_back(&me, &first.id, None, LATER).unwrap();
        assert_eq!(again, None, "the second press changes nothing");
        let redone = house
            .custody
            .put_back(&me, &undone.id, Some(&deployment("home")), LATER)
            .unwrap();
        assert!(redone.is_some());
        assert_eq!(levels(&house, "home")[0], "/power billing off!");
        let elsewhere = house
            .custody
            .put_back(&me, &undone.id, Some(&deployment("bus")), LATER);
        assert_eq!(elsewhere.unwrap(), None);
        let stranger = house
            .custody
            .put_back(&person("p-other"), &first.id, None, LATER);
        assert!(matches!(stranger, Err(ChooseError::NoReceipt)));
    });
}

#[track_caller]
pub(super) fn take(house: &House, request: &BulkRequest) -> Option<custody::ChoiceAct> {
    let me = person("p-resident");
    let plan = house.custody.plan_choices(&me, request, NOW).unwrap();
    house
        .custody
        .apply_choices(&me, request, &plan.digest, NOW)
        .unwrap()
}

#[test]
fn a_choice_that_a_new_notice_moves_says_so() {
    on_both(|house| {
        house.custody.choose(&[power(coarse())], NOW).unwrap();
        let source = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replace(
                "[[fields.coarse]]\nround = 500.0",
                "[[fields.coarse]]\npresence = true\n[[fields.coarse]]\nround = 500.0",
            );
        publish(&house, &source);
        assert_eq!(levels(&house, "home")[0], "/power billing coarse-2!");
        let me = person("p-resident");
        let history = house
            .custody
            .choice_history(&me, &deployment("home"), None, 9)
            .unwrap();
        let newest = &history.acts[0];
        assert_eq!(newest.act.how, How::CarriedOver(2));
        assert_eq!(
            (newest.changes[0].notice_version, newest.changes.len()),
            (2, 1)
        );
        assert!(house.custody.broken_receipts(&me).unwrap().is_empty());
        let past = house
            .custody
            .past_notice(&deployment("home"), 1)
            .unwrap()
            .unwrap();
        assert_eq!(past.version, 1);
    });
}

#[test]
fn what_others_chose_shows_only_as_a_level() {
    on_both(|house| {
        house
            .custody
            .act(NOW, |act| {
                act.assign(&Assignment {
                    thing: ThingId::parse("meter-1").unwrap(),
                    person: person("p-other"),
                    role: Role::Household,
                    valid_from: Timestamp::EPOCH,
                    valid_until: None,
                })
            })
            .unwrap();
        let mut theirs = power(coarse());
        theirs.person = person("p-other");
        house.custody.choose(&[theirs], NOW).unwrap();
        let me = person("p-resident");
        let sheet = house
            .custody
            .choice_sheet(&me, &deployment("home"), NOW)
            .unwrap();
        let row = &sheet.rows[0];
        assert_eq!(
            (row.chosen, row.effective, row.together),
            (Level::ON, Level::ON, coarse())
        );
        let act = take(&house, &BulkRequest::Preset(Preset::AllOff, None)).unwrap();
        let changes = house
            .custody
            .receipt(&me, &act.id)
            .unwrap()
            .unwrap()
            .changes;
        assert!(!changes.is_empty());
        let sheet = house
            .custody
            .choice_sheet(&person("p-other"), &deployment("home"), NOW)
            .unwrap();
        assert_eq!(
            (sheet.rows[0].chosen, sheet.rows[0].decided),
            (coarse(), true),
            "nobody decides for another"
        );
    });
}

#[test]
fn hundreds_of_choices_are_one_act() {
    on_both(|house| {
        let field = |number: usize| {
            format!(
                "[[fields]]\npointer = \"/f{number}\"\ntitle = {{ en = \"F\", ur = \"ف\" }}\nkind = \"number\"\nsensitivity = \"low\"\n"
            )
        };
        let fields: String = (0..240).map(field).collect();
        let names: Vec<_> = (0..240)
            .map(|it| format!("\"/f{it}\""))
            .chain(["\"/room/temperature\"".to_owned()])
            .collect();
        let source = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replacen("[[purposes]]", &format!("{fields}\n[[purposes]]"), 1)
            .replace(
                "fields = [\"/power\", \"/room/temperature\"]",
                &format!("fields = [{}]", names.join(",")),
            );
        publish(&house, &source);
        let act = take(&house, &BulkRequest::Preset(Preset::AllOff, None)).unwrap();
        let me = person("p-resident");
        let facts = house.custody.receipt(&me, &act.id).unwrap().unwrap();
        assert!(facts.intact && facts.changes.len() > 240);
        assert_eq!(house.custody.broken_receipts(&me).unwrap(), [0_i64; 0]);
    });
}

pub(crate) fn frame(language: Language) -> RecordFrame {
    RecordFrame {
        base: "https://amanat.example".to_owned(),
        language,
        country: "PK".to_owned(),
        keeper: "The alliance".to_owned(),
        controllers: BTreeMap::new(),
        rights: vec![("See".to_owned(), "/me".to_owned())],
        valid: "until decided anew".to_owned(),
        withdrawal: "Set it to off.".to_owned(),
        now: LATER,
    }
}

#[test]
fn the_record_has_the_shape_of_iso_iec_ts_27560() {
    on_both(|house| {
        let me = person("p-resident");
        let consent = choice("/power", "research", "university", coarse());
        house
            .custody
            .choose(&[power(Level::OFF), consent], NOW)
            .unwrap();
        let withdrawn = choice("/power", "research", "university", Level::OFF);
        let act = house.custody.choose(&[withdrawn], LATER).unwrap().remove(0);
        for language in Language::ALL {
            for only in [None, Some(deployment("home"))] {
                let record = house
                    .custody
                    .consent_record(&me, only.as_ref(), &frame(language));
                let record: Value = serde_json::from_str(&record.unwrap().unwrap()).unwrap();
                assert_eq!(shape_problems(&record), [""; 0]);
                assert_eq!(record["dct:conformsTo"], "dpv-27560:record-2");
                assert_eq!(record["dct:language"], language.tag());
            }
        }
        let record =
            house
                .custody
                .consent_record(&me, Some(&deployment("home")), &frame(Language::En));
        let record: Value = serde_json::from_str(&record.unwrap().unwrap()).unwrap();
        let research = &record["dpv:hasProcess"][1]["dpv:hasProcess"];
        let statuses = research[0]["dpv:hasConsentStatus"].as_array().unwrap();
        let types: Vec<_> = statuses
            .iter()
            .map(|it| it["@type"][0].as_str().unwrap())
            .collect();
        assert_eq!(types, ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]);
        assert_eq!(
            research[1]["dpv:hasConsentStatus"][0]["@type"][0],
            "dpv:ConsentRequested"
        );
        let receipt = house
            .custody
            .consent_receipt(&me, &act.id, &frame(Language::En))
            .unwrap()
            .unwrap();
        let receipt: Value = serde_json::from_str(&receipt).unwrap();
        assert_eq!(shape_problems(&receipt), [""; 0]);
        let seal = &receipt["amanat:seal"];
        let statement = seal["amanat:statement"].as_str().unwrap();
        assert_eq!(
            ring_sha256(statement.as_bytes()),
            seal["amanat:sha256"].as_str().unwrap()
        );
        let leaves = receipt["dpv:hasProcess"][0]["dpv:hasProcess"]
            .as_array()
            .unwrap();
        assert_eq!(leaves.len(), 1, "a receipt is about its act only");
        let stranger = house
            .custody
            .consent_record(&person("p-other"), None, &frame(Language::En));
        assert_eq!(stranger.unwrap(), None);
    });
}

//! A person's own keys: they are taken and proved, days that are over are sealed to them, and nobody here reads those again.

use std::io::{Cursor, Read as _};
use std::ops::ControlFlow;

use custody::{
    ActError, AddOwnKeyError, BeginSealingError, ExportFrame, ExportRequest, MAX_WORD_TRIES,
    OWN_KEY_DELAY_MILLIS, OWN_KEY_PROOF_MILLIS, OwnFile, OwnIdentities, OwnKeyError, OwnKeyState,
    OwnKeysError, Place, WhyLeftOut, WhyUnfit, WordSaid, verify_export,
};
use model::{Grant, Level, Notice, PersonId, PurposeId, RecipientId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const RECOVERY: &str = include_str!("../../../vault/tests/vectors/own/ed.pub");
const QUANTUM: &str = include_str!("../../../vault/tests/vectors/own/pq.pub");
const DAY_MS: i64 = 86_400_000;

fn resident() -> PersonId {
    person("p-resident")
}

fn opened(sealed: &[u8]) -> String {
    let identities = OwnIdentities::read(SECRET.as_bytes(), &mut || None).unwrap();
    let mut text = String::new();
    let mut reader = identities.open(sealed).unwrap();
    reader.read_to_string(&mut text).unwrap();
    text
}

/// The moment at which the day of `NOW` is sealed.
pub(crate) fn sealed_at() -> Timestamp {
    let end = Timestamp::from_millis((NOW.day() + 1) * DAY_MS);
    end.plus_millis(OWN_KEY_DELAY_MILLIS)
}

impl House {
    fn add(&self, key: &str, is_recovery: bool) -> Result<(), AddOwnKeyError> {
        self.custody.add_own_key(&resident(), key, is_recovery, NOW)
    }

    fn asked(&self) -> (String, String) {
        let view = self.custody.own_keys(&resident(), NOW).unwrap();
        let asked = view.keys.into_iter().find_map(|it| match it.state {
            OwnKeyState::Asked { challenge } if !it.is_recovery => Some((it.id, challenge)),
            _ => None,
        });
        asked.unwrap()
    }

    fn say(&self, id: &str, word: &str) -> WordSaid {
        let said = self.custody.prove_own_key(&resident(), id, word, NOW);
        said.unwrap()
    }

    pub(crate) fn proved(&self) {
        self.add(PUBLIC, false).unwrap();
        let (id, challenge) = self.asked();
        assert_eq!(
            self.say(&id, &opened(challenge.as_bytes())),
            WordSaid::Right
        );
    }

    fn readings(&self, now: Timestamp) -> usize {
        let place = Place::before(now.plus_millis(1));
        let timeline = self.custody.timeline(&resident(), place, 500, now);
        timeline.unwrap().readings.len()
    }

    pub(crate) fn sealed(&self, now: Timestamp) -> Vec<OwnFile> {
        let page = self.custody.sealed_files(&resident(), None, 500, now);
        page.unwrap().files
    }

    fn bytes(&self, file: &OwnFile, now: Timestamp) -> Vec<u8> {
        let opened = self.custody.sealed_file(&resident(), file.id, now).unwrap();
        let mut opened = opened.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = opened.next_piece().unwrap() {
            bytes.extend(piece);
        }
        bytes
    }
}

#[test]
fn gp_b2_a_key_counts_once_its_person_has_opened_the_file_that_was_made_for_it() {
    on_both(|house| {
        let begin = || house.custody.begin_sealing(&resident(), false, true, NOW);
        house.add(PUBLIC, false).unwrap();
        assert!(matches!(begin(), Err(BeginSealingError::NoKey)));
        let (id, challenge) = house.asked();
        assert_eq!(house.say(&id, "abcd-efgh-ijkl-mnop"), WordSaid::Wrong);
        assert_eq!(house.say("another", "x"), WordSaid::Gone);
        let word = opened(challenge.as_bytes());
        assert_eq!(word.trim().len(), 19, "{word}");
        let typed = word.trim().replace('-', " ").to_uppercase();
        assert_eq!(house.say(&id, &typed), WordSaid::Right);
        let alone = house.custody.begin_sealing(&resident(), false, false, NOW);
        assert!(matches!(alone, Err(BeginSealingError::OneKey)));
        house.add(RECOVERY, true).unwrap();
        house
            .custody
            .begin_sealing(&resident(), false, false, NOW)
            .unwrap();
        let view = house.custody.own_keys(&resident(), NOW).unwrap();
        assert_eq!((view.used(), view.since_day), (2, Some(NOW.day())));
        let nobody = house.custody.own_keys(&person("p-stranger"), NOW).unwrap();
        assert!(nobody.keys.is_empty());
    });
}

#[test]
fn gp_b2_keys_that_cannot_be_used_or_stand_together_are_refused_and_nothing_is_kept() {
    on_both(|house| {
        let secret = house.add(SECRET, false);
        assert!(matches!(
            secret,
            Err(AddOwnKeyError::Key(OwnKeyError::Secret))
        ));
        house.add(PUBLIC, false).unwrap();
        let twice = house.add(PUBLIC, true);
        assert!(matches!(
            twice,
            Err(AddOwnKeyError::Keys(OwnKeysError::Twice))
        ));
        let mixed = house.add(QUANTUM, false);
        assert!(matches!(
            mixed,
            Err(AddOwnKeyError::Keys(OwnKeysError::Mixed))
        ));
        let (id, _) = house.asked();
        for _ in 0..MAX_WORD_TRIES {
            assert_eq!(house.say(&id, "wrong"), WordSaid::Wrong);
        }
        assert_eq!(house.say(&id, "wrong"), WordSaid::Gone);
        house.add(QUANTUM, false).unwrap();
        let late = NOW.plus_millis(OWN_KEY_PROOF_MILLIS);
        let view = house.custody.own_keys(&resident(), late).unwrap();
        assert!(view.keys.is_empty(), "nobody said the word in time");
    });
}

#[test]
fn gp_b2_after_the_day_only_the_persons_key_opens_it_and_the_timeline_says_so() {
    on_both(|house| {
        house.proved();
        house
            .custody
            .begin_sealing(&resident(), false, true, NOW)
            .unwrap();
        house.measure(r#"{"power":1210}"#);
        house.measure(r#"{"power":1211}"#);
        let before = house.readings(NOW);
        assert!(before > 0);
        house.custody.tick(NOW).unwrap();
        let early = sealed_at().plus_millis(-1);
        house.custody.tick(early).unwrap();
        assert_eq!(
            house.readings(early),
            before,
            "the day may be read until then"
        );
        let now = sealed_at().plus_millis(600_000);
        house.custody.tick(now).unwrap();
        assert_eq!(house.readings(now), 0);
        let place = Place::before(now);
        let timeline = house
            .custody
            .timeline(&resident(), place, 500, now)
            .unwrap();
        assert_eq!(
            (timeline.sealed.days, timeline.sealed.readings),
            (1, before as u64)
        );
        let mut lines = String::new();
        for file in house.sealed(now) {
            assert_eq!((file.thing.as_str(), file.day), ("meter-1", NOW.day()));
            lines.push_str(&opened(&house.bytes(&file, now)));
            let other = house
                .custody
                .sealed_file(&person("p-stranger"), file.id, now);
            assert!(other.unwrap().is_none());
        }
        assert_eq!(lines.lines().count(), before);
        let line: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(
            (&line["deployment"], &line["thing"]),
            (&"home".into(), &"meter-1".into())
        );
        assert!(lines.contains(r#""body":{"power":1210}"#), "{lines}");
    });
}

#[test]
fn gp_b2_what_lies_before_is_sealed_only_when_its_person_wishes() {
    on_both(|house| {
        house.measure(r#"{"power":1210}"#);
        house.custody.tick(NOW).unwrap();
        house.proved();
        let tomorrow = NOW.plus_millis(DAY_MS);
        let begin = |past| {
            let begun = house
                .custody
                .begin_sealing(&resident(), past, true, tomorrow);
            begun.unwrap();
        };
        begin(false);
        let now = NOW.plus_millis(2 * DAY_MS);
        house.custody.tick(now).unwrap();
        house.custody.tick(now.plus_millis(700_000)).unwrap();
        assert!(house.sealed(now).is_empty());
        let before = house.readings(now);
        assert!(before > 0);
        begin(true);
        house.custody.tick(now.plus_millis(1_500_000)).unwrap();
        assert_eq!(house.readings(now), 0);
        let sealed: u64 = house.sealed(now).iter().map(|it| it.readings).sum();
        assert_eq!(sealed, before as u64);
    });
}

#[test]
fn gp_b2_a_retired_key_gets_nothing_new_and_the_last_one_ends_the_sealing() {
    on_both(|house| {
        house.proved();
        house.add(RECOVERY, true).unwrap();
        house
            .custody
            .begin_sealing(&resident(), false, false, NOW)
            .unwrap();
        let view = house.custody.own_keys(&resident(), NOW).unwrap();
        let first = view.keys.iter().find(|it| !it.is_recovery).unwrap();
        assert!(
            house
                .custody
                .retire_own_key(&resident(), &first.id, NOW)
                .unwrap()
        );
        assert!(
            !house
                .custody
                .retire_own_key(&resident(), &first.id, NOW)
                .unwrap()
        );
        let view = house.custody.own_keys(&resident(), NOW).unwrap();
        assert_eq!(
            (view.used(), view.since_day),
            (1, None),
            "nobody proved the recovery key"
        );
        house.measure(r#"{"power":1210}"#);
        house.custody.tick(NOW).unwrap();
        let now = NOW.plus_millis(2 * DAY_MS);
        house.custody.tick(now).unwrap();
        assert!(house.sealed(now).is_empty() && house.readings(now) > 0);
    });
}

#[test]
fn gp_b2_an_export_holds_the_sealed_files_as_they_are_and_says_that_nobody_else_opens_them() {
    on_both(|house| {
        house.proved();
        house
            .custody
            .begin_sealing(&resident(), false, true, NOW)
            .unwrap();
        house.measure(r#"{"power":1210}"#);
        house.custody.tick(NOW).unwrap();
        let now = NOW.plus_millis(2 * DAY_MS);
        house.custody.tick(now).unwrap();
        let frame = ExportFrame {
            records: vec![crate::consent::frame(model::Language::En)],
            pages: &|_| Vec::new(),
        };
        let request = ExportRequest {
            person: resident(),
            only: None,
            formats: Vec::new(),
        };
        let mut zip = Vec::new();
        let mut watch = |_| ControlFlow::Continue(());
        let made = house.custody.write_export(
            &request,
            &frame,
            &house.directory,
            &mut zip,
            &mut watch,
            now,
        );
        let (summary, _) = made.unwrap();
        assert_eq!(summary.readings, 0);
        assert!(
            summary
                .left_out
                .iter()
                .any(|it| it.why == WhyLeftOut::Sealed)
        );
        let names: Vec<_> = summary.files.iter().map(|it| it.0.as_str()).collect();
        let files = house.sealed(now);
        for file in &files {
            let end = format!("-{}.age", file.id);
            let found = summary
                .files
                .iter()
                .find(|it| it.0.ends_with(&end))
                .unwrap();
            assert!(found.0.starts_with("sealed/home/meter-1/20"), "{names:?}");
            assert_eq!(found.1, file.bytes);
        }
        assert!(names.contains(&"sealed/README.txt"));
        verify_export(Cursor::new(&zip), None).unwrap();
    });
}

#[test]
fn gp_b2_an_export_of_before_does_not_bring_a_sealed_day_back_in_clear() {
    on_both(|house| {
        house.proved();
        let begun = house.custody.begin_sealing(&resident(), false, true, NOW);
        begun.unwrap();
        house.measure(r#"{"power":1210}"#);
        let second = sealed_at();
        let granted = house.custody.act(second, |act| {
            act.grant(&Grant {
                recipient: RecipientId::parse("utility-desk").unwrap(),
                purpose: PurposeId::parse("billing").unwrap(),
                deployment: deployment("home"),
                valid_from: second,
                valid_until: None,
            })
        });
        granted.map_err(|err: ActError| err.to_string()).unwrap();
        let thing = house.thing("meter-1", &house.meter);
        let lsn = house.custody.ingest(&thing, br#"{"power":7}"#, second);
        house.custody.wait_durable(lsn.unwrap()).unwrap();
        let file = house
            .export(&crate::export::request(), second.plus_millis(1))
            .1;
        house.custody.tick(NOW).unwrap();
        let now = sealed_at().plus_millis(600_000);
        house.custody.tick(now).unwrap();
        assert_eq!(house.sealed(now).len(), 1, "the first day");
        let bring = || {
            let done = house
                .custody
                .import_export(Cursor::new(&file), None, &resident(), now);
            done.unwrap()
        };
        let done = bring();
        assert_eq!((done.readings, done.brought, done.known), (2, 0, 1));
        let [unfit] = &done.unfit[..] else {
            panic!("{done:?}");
        };
        assert_eq!((unfit.why, unfit.readings), (WhyUnfit::Sealed, 1));
        assert_eq!(
            house.readings(now),
            1,
            "of the first day nothing is in clear"
        );
        house.custody.tick(now.plus_millis(700_000)).unwrap();
        assert_eq!(house.sealed(now).len(), 1, "and nothing is sealed twice");
    });
}

#[test]
fn gp_b2_what_a_law_wants_kept_stays_readable_and_the_rest_is_sealed() {
    on_both(|house| {
        let source = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replace(
                "basis = \"contract\"",
                "basis = \"legal-obligation\"\nsource = { en = \"Act 1\", ur = \"ایکٹ 1\" }",
            );
        let notice = Notice::parse(&source).unwrap();
        let published = house
            .custody
            .act(NOW, |act| act.publish_notice(&notice, &source));
        published.unwrap();
        let wish = choice("/room/temperature", "research", "university", Level::ON);
        house.custody.choose(&[wish], NOW).unwrap();
        house.proved();
        house
            .custody
            .begin_sealing(&resident(), false, true, NOW)
            .unwrap();
        house.measure(r#"{"power":1,"room":{"temperature":2}}"#);
        assert_eq!(house.readings(NOW), 2, "one for the law, one for research");
        house.custody.tick(NOW).unwrap();
        let now = NOW.plus_millis(2 * DAY_MS);
        house.custody.tick(now).unwrap();
        assert_eq!(house.readings(now), 1);
        let files = house.sealed(now);
        let [file] = files.as_slice() else {
            panic!("{files:?}")
        };
        let line = opened(&house.bytes(file, now));
        assert!(
            line.contains(r#""body":{"room":{"temperature":2}}"#),
            "{line}"
        );
        house.custody.tick(now.plus_millis(DAY_MS)).unwrap();
        assert_eq!(house.readings(now), 1, "it stays");
    });
}

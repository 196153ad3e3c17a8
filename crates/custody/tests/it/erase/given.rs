//! What is given to the commons leaves the account as what is erased does.

use std::io::Cursor;

use custody::{DataSetId, EraseCause, EraseState, GiftAsk, GiftPreview, GiveError, Given, Grace};
use model::{Notice, Timestamp};

use super::crash::sql;
use super::{
    after, erase, everything, history, measure, page, plan, ready, retained, send, timeline, view,
};
use crate::export_import::elsewhere;
use crate::fixture::{House, NOW, on_both, person};

const SOURCE: &str = include_str!("../home_energy.toml");
const HOUR: i64 = 3_600_000;

fn declare(house: &House, source: &str) {
    let declare = |act: &mut custody::Act<'_, '_>| act.declare_data_set(source).map(|_| ());
    house.custody.act(NOW, declare).unwrap();
}

fn ask() -> GiftAsk {
    GiftAsk {
        person: person("p-resident"),
        data_set: DataSetId::parse("home-energy").unwrap(),
        thing: None,
        from: None,
        until: None,
    }
}

/// A moment at which what the tests measure can be given.
fn later() -> Timestamp {
    NOW.plus_millis(2 * HOUR)
}

fn shown(house: &House) -> GiftPreview {
    house.custody.preview_gift(&ask(), later()).unwrap()
}

fn give(house: &House) -> Result<Given, GiveError> {
    let digest = shown(house).digest;
    house.custody.give(&ask(), &digest, later())
}

fn gifts(house: &House) -> i64 {
    let sql = "SELECT COUNT(*) FROM commons_gift WHERE is_ready = 1";
    let row = house.db.read(|tx| tx.query_one(sql, &[])).unwrap();
    row.unwrap().get(0).unwrap()
}

#[test]
fn gp_b4b_what_is_given_is_gone_from_every_exit_told_to_recipients_and_proved() {
    on_both(|house| {
        let house = ready(house);
        declare(&house, SOURCE);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        send(&house, r#"{"power":1}"#, custody::Retain::Keep, after(1));
        utility.next(after(1)).unwrap();
        measure(&house, r#"{"power":2}"#, after(2));
        let waits = page(&house, "billing", later());
        assert_eq!(waits.len(), 2);
        crate::export::made(&house, later());
        give(&house).unwrap();
        assert_eq!(utility.next(later()), None, "what waited is not delivered");
        assert!(super::left(&house, &waits, later()).is_empty());
        assert!(history(&house, "billing", later()).is_empty());
        assert!(retained(&house, later()).is_empty());
        assert!(timeline(&house, later()).is_empty());
        let export = house.custody.export_of(&person("p-resident"), later());
        assert_eq!(export.unwrap(), None, "it had the readings");
        let view = view(&house);
        assert_eq!(
            (view.cause, view.state),
            (EraseCause::Given, EraseState::Erased)
        );
        assert_eq!(view.notices.len(), 1, "who had one of them is told");
        let (proof, position) = view.proof.unwrap();
        let entry = house.custody.record_entry(position.unwrap()).unwrap();
        let entry = entry.unwrap().0.entry;
        let sha256 = custody::document_sha256(proof.as_bytes());
        assert_eq!(entry.document_sha256, Some(sha256));
        assert!(!format!("{entry:?}").contains("home"), "{entry:?}");
        assert_eq!(gifts(&house), 1, "and the rows wait");
        for seconds in [60, 70] {
            let soon = later().plus_millis(seconds * 1_000);
            house.custody.tick(soon).unwrap();
        }
        let view = super::view(&house);
        assert!(view.finished_at.is_some(), "what was left is sealed anew");
        measure(&house, r#"{"power":3}"#, later());
        assert_eq!(timeline(&house, later()).len(), 1, "life goes on");
    });
}

#[test]
fn gp_b4b_a_gift_that_is_unlinked_again_after_a_restore_is_no_erasure_that_was_asked_for() {
    on_both(|house| {
        let house = ready(house);
        declare(&house, SOURCE);
        measure(&house, r#"{"power":1}"#, after(1));
        house.custody.tick(after(1)).unwrap();
        give(&house).unwrap();
        house.custody.tick(later()).unwrap();
        // The rows of a backup from before; the file of erasures is in no backup.
        for table in ["erasure", "erasure_notice", "vault_erasure", "commons_gift"] {
            sql(&house, &format!("DELETE FROM {table}"));
        }
        // A subject that the vault knows again.
        measure(&house, r#"{"power":2}"#, after(2));
        let house = house.reopened(false);
        assert!(timeline(&house, later()).is_empty(), "erased again");
        house.custody.tick(later()).unwrap();
        let view = view(&house);
        assert_eq!(
            (view.cause, view.state),
            (EraseCause::Given, EraseState::Erased)
        );
        assert_eq!(gifts(&house), 0, "the rows are lost with the backup");
    });
}

#[test]
fn gp_b4b_a_gift_that_was_broken_off_is_finished_by_the_erasures() {
    on_both(|house| {
        let house = ready(house);
        declare(&house, SOURCE);
        measure(&house, r#"{"power":1}"#, after(1));
        give(&house).unwrap();
        // As it is behind the first transaction.
        sql(&house, "UPDATE commons_gift SET is_ready = 0");
        sql(
            &house,
            "INSERT INTO commons_unlinking (gift, person, deployment, ends_at, erasure)
             SELECT g.id, e.person, 'home', e.until_at, e.id FROM commons_gift g, erasure e",
        );
        sql(
            &house,
            "UPDATE erasure SET state = 'at-work', finished_at = NULL, proof = NULL, vault_id = NULL",
        );
        let house = house.reopened(false);
        measure(&house, r#"{"power":1}"#, after(1));
        assert_eq!((gifts(&house), timeline(&house, later()).len()), (0, 1));
        house.custody.tick(later()).unwrap();
        assert_eq!((gifts(&house), timeline(&house, later()).len()), (1, 0));
        assert_eq!(view(&house).state, EraseState::Erased);
        let sql = "SELECT gift FROM commons_unlinking";
        let left = house.db.read(|tx| tx.query(sql, &[])).unwrap();
        assert!(left.is_empty(), "nothing names who gave");
    });
}

#[test]
fn gp_b4b_what_a_law_wants_kept_stays_and_no_row_shows_it() {
    on_both(|house| {
        let source = include_str!("../home.toml")
            .replace("version = 1", "version = 2")
            .replace(
                "basis = \"contract\"",
                "basis = \"legal-obligation\"\nsource = { en = \"Act 1\", ur = \"ایکٹ 1\" }",
            );
        // A data set from before the law shows what the law wants kept.
        declare(&house, SOURCE);
        let notice = Notice::parse(&source).unwrap();
        let publish = |act: &mut custody::Act<'_, '_>| act.publish_notice(&notice, &source);
        house.custody.act(NOW, publish).unwrap();
        let house = ready(house);
        measure(&house, r#"{"power":1,"room":{"temperature":2}}"#, after(1));
        let refused = house.custody.preview_gift(&ask(), later());
        assert!(matches!(refused, Err(GiveError::KeptByLaw)), "{refused:?}");
        let other = SOURCE
            .replace("home-energy", "home-warmth")
            .replace("\"power\"", "\"warmth\"")
            .replace("/power", "/room/temperature");
        declare(&house, &other);
        let ask = GiftAsk {
            data_set: DataSetId::parse("home-warmth").unwrap(),
            ..ask()
        };
        let shown = house.custody.preview_gift(&ask, later()).unwrap();
        assert_eq!((shown.readings, shown.kept_by_law), (1, 1));
        house.custody.give(&ask, &shown.digest, later()).unwrap();
        assert_eq!(timeline(&house, later()), ["/power=1"], "the law's stays");
        assert_eq!(history(&house, "billing", later()), [r#"{"power":1}"#]);
        assert!(history(&house, "research", later()).is_empty());
    });
}

#[test]
fn gp_b4b_what_an_earlier_version_of_the_notice_wanted_kept_by_law_is_not_given_either() {
    on_both(|house| {
        let publish = |version: u32, basis: &str| {
            let source = include_str!("../home.toml")
                .replace("version = 1", &format!("version = {version}"))
                .replace("basis = \"contract\"", basis);
            let notice = Notice::parse(&source).unwrap();
            let publish = |act: &mut custody::Act<'_, '_>| act.publish_notice(&notice, &source);
            house.custody.act(NOW, publish).unwrap();
        };
        let law = "basis = \"legal-obligation\"\nsource = { en = \"Act 1\", ur = \"ایکٹ 1\" }";
        declare(&house, SOURCE);
        publish(2, law);
        measure(&house, r#"{"power":1}"#, after(1));
        publish(3, "basis = \"contract\"");
        let refused = house.custody.preview_gift(&ask(), later());
        assert!(matches!(refused, Err(GiveError::KeptByLaw)), "{refused:?}");
        assert_eq!(timeline(&house, later()), ["/power=1"]);
    });
}

#[test]
fn gp_b4b_what_was_brought_back_from_an_export_is_not_given_and_stays() {
    on_both(|house| {
        let house = ready(house);
        declare(&house, SOURCE);
        measure(&house, r#"{"power":1}"#, after(1));
        let file = house.export(&crate::export::request(), after(2)).1;
        elsewhere(|other| {
            let other = ready(other);
            declare(&other, SOURCE);
            let me = person("p-resident");
            let custody = &other.custody;
            let brought = custody.import_export(Cursor::new(&file), None, &me, after(4));
            let brought = usize::try_from(brought.unwrap().brought).unwrap();
            let nothing = custody.preview_gift(&ask(), later());
            assert!(matches!(nothing, Err(GiveError::Nothing)), "{nothing:?}");
            measure(&other, r#"{"power":5}"#, after(5));
            let before = timeline(&other, later()).len();
            let found = shown(&other);
            assert!(brought > 0);
            assert_eq!(
                (found.imported, found.readings),
                (brought, before - brought)
            );
            give(&other).unwrap();
            assert_eq!(timeline(&other, later()).len(), brought);
            other.custody.tick(later()).unwrap();
            assert_eq!(timeline(&other, later()).len(), brought, "sealed anew");
        });
    });
}

#[test]
fn gp_b4a_who_erases_everything_takes_back_what_waits_for_the_commons() {
    on_both(|house| {
        let house = ready(house);
        declare(&house, SOURCE);
        measure(&house, r#"{"power":1}"#, after(1));
        give(&house).unwrap();
        let now = later().plus_millis(1_000);
        let planned = plan(&house, &everything(), now);
        assert_eq!(planned.gifts, 1);
        measure(&house, r#"{"power":2}"#, later());
        let part = super::between(NOW, now);
        let planned = plan(&house, &part, now);
        assert_eq!(planned.gifts, 0, "a time is not everything");
        erase(&house, &part, Grace::None, now);
        assert_eq!(gifts(&house), 1);
        erase(&house, &everything(), Grace::None, now);
        assert_eq!(gifts(&house), 0);
        let waiting = house.custody.gifts_waiting(&person("p-resident"), now);
        assert!(waiting.unwrap().is_empty());
    });
}

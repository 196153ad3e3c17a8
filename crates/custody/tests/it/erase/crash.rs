//! The process ends between the steps of an erasure, and a backup from before comes back.

use custody::{EraseState, Grace};

use super::{after, erase, everything, history, measure, ready, retained, send, timeline, view};
use crate::fixture::{House, on_both, person};

/// Changes rows as a process leaves them that ends at a certain step, or as a backup has them.
pub(super) fn sql(house: &House, statement: &str) {
    house.db.write(|tx| tx.execute(statement, &[])).unwrap();
}

#[test]
fn an_erasure_that_was_broken_off_is_finished_after_the_start() {
    on_both(|house| {
        let house = ready(house);
        send(&house, r#"{"power":1}"#, custody::Retain::Keep, after(1));
        house.custody.tick(after(1)).unwrap();
        erase(&house, &everything(), Grace::Week, after(2));
        // It had just begun: nothing was erased yet.
        sql(&house, "UPDATE erasure SET state = 'at-work', due_at = 0");
        let house = house.reopened(false);
        assert!(history(&house, "billing", after(3)).is_empty());
        assert!(retained(&house, after(3)).is_empty());
        measure(&house, r#"{"power":2}"#, after(3));
        house.custody.tick(after(4)).unwrap();
        assert_eq!(view(&house).state, EraseState::Erased);
        assert!(timeline(&house, after(5)).iter().all(|it| it == "/power=2"));
        // The vault had erased, and nobody was told yet.
        let notices = view(&house).notices.len();
        sql(&house, "DELETE FROM erasure_notice");
        sql(
            &house,
            "UPDATE erasure SET state = 'at-work', finished_at = NULL",
        );
        let house = house.reopened(false);
        house.custody.tick(after(6)).unwrap();
        let view = view(&house);
        assert_eq!(
            (view.state, view.notices.len()),
            (EraseState::Erased, notices)
        );
        assert!(timeline(&house, after(7)).contains(&"/power=2".to_owned()));
    });
}

#[test]
fn a_backup_from_before_comes_back_without_what_was_erased() {
    on_both(|house| {
        let house = ready(house);
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        send(&house, r#"{"power":1}"#, custody::Retain::Keep, after(1));
        utility.next(after(1)).unwrap();
        drop(utility);
        house.custody.tick(after(1)).unwrap();
        let kept: Vec<(String, String, Vec<u8>)> = house
            .db
            .read(|tx| {
                let rows = tx.query("SELECT thing, deployment, sealed FROM retained", &[])?;
                let all = rows
                    .iter()
                    .map(|it| Ok((it.get(0)?, it.get(1)?, it.get(2)?)));
                all.collect::<Result<_, store::DbError>>()
            })
            .unwrap();
        assert_eq!(kept.len(), 1);
        erase(&house, &everything(), Grace::None, after(2));
        house.custody.tick(after(3)).unwrap();
        // The rows are those of a backup from before, as far as this test can make them so; the file of erasures is not in a backup.
        for table in ["erasure", "erasure_notice", "vault_erasure"] {
            sql(&house, &format!("DELETE FROM {table}"));
        }
        // A subject that the vault knows again.
        measure(&house, r#"{"power":2}"#, after(2));
        for (thing, deployment, sealed) in &kept {
            let statement = "INSERT INTO retained (thing, deployment, sealed) VALUES ($1, $2, $3)";
            let values = [
                thing.as_str().into(),
                deployment.as_str().into(),
                sealed.as_slice().into(),
            ];
            house.db.write(|tx| tx.execute(statement, &values)).unwrap();
        }
        let house = house.reopened(false);
        assert!(
            timeline(&house, after(4)).is_empty(),
            "the vault erased again"
        );
        assert!(retained(&house, after(4)).is_empty());
        assert!(history(&house, "billing", after(4)).is_empty());
        house.custody.tick(after(4)).unwrap();
        let view = view(&house);
        assert_eq!(view.state, EraseState::Erased);
        assert_eq!(view.notices.len(), 1, "they are told again");
        let house = house.reopened(true);
        house.custody.tick(after(5)).unwrap();
        let all = house.custody.erasures(&person("p-resident")).unwrap();
        assert_eq!(all.len(), 1, "taken up once");
    });
}

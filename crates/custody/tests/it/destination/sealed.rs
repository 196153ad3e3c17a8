//! What is sealed in rows: it tells nobody anything, and where it does not open it holds up nobody else.

use custody::{
    Bucket, BucketStyle, DestinationId, DestinationState, FailureClass, Left, NewDestination,
    PlaceError, Placing, Secret,
};
use model::{Grant, PurposeId, RecipientId, Timestamp};

use super::{DAY, after, checked, due, measure, place, resident, values, view, webhook};
use crate::fixture::{House, NOW, deployment, on_both, person};

#[test]
fn one_destination_that_cannot_be_opened_holds_up_nobody_else() {
    on_both(|house| {
        let custody = &house.custody;
        let other = person("p-other");
        let (broken, _) = custody.add_destination(&other, webhook(), NOW).unwrap();
        let whole = house.db.write(|tx| {
            let sql = "UPDATE destination SET sealed = $2 WHERE id = $1";
            tx.execute(sql, &[broken.as_str().into(), (&b"broken"[..]).into()])
        });
        assert_eq!(whole.unwrap(), 1);
        let (id, _) = custody
            .add_destination(&resident(), webhook(), NOW)
            .unwrap();
        let parcel = due(custody, NOW).unwrap();
        assert_eq!(*parcel.destination(), id);
        let noted = house.db.read(|tx| {
            let sql = "SELECT last_failure, next_attempt_at FROM destination WHERE id = $1";
            tx.query_one(sql, &[broken.as_str().into()])
        });
        let noted = noted.unwrap().unwrap();
        let failure: Option<String> = noted.get(0).unwrap();
        assert_eq!(
            failure.as_deref(),
            Some(FailureClass::Unopened.as_str()),
            "also after a restart"
        );
        let next: i64 = noted.get(1).unwrap();
        assert!(next > NOW.as_millis());
        drop(parcel);
        assert!(due(custody, after(200)).is_some(), "nor later");
    });
}

#[test]
fn no_row_shows_where_somebodys_readings_go() {
    on_both(|house| {
        let bucket = Bucket::parse(
            "https://s3.secret-host.example",
            "eu-1",
            "mine",
            "",
            BucketStyle::Path,
            "AKIA",
        );
        let wanted = NewDestination::Bucket(bucket.unwrap(), Secret::new("hush-hush".to_owned()));
        let shown = house.custody.add_destination(&resident(), wanted, NOW);
        let (id, shown) = shown.unwrap();
        assert!(shown.is_none(), "only what we made is shown");
        let sealed: Vec<u8> = house
            .db
            .read(|tx| {
                let sql = "SELECT sealed FROM destination WHERE id = $1";
                tx.query_one(sql, &[id.as_str().into()])
            })
            .unwrap()
            .unwrap()
            .get(0)
            .unwrap();
        let text = String::from_utf8_lossy(&sealed);
        assert!(!text.contains("hush") && !text.contains("secret-host"));
        for _ in 1..custody::MAX_DESTINATIONS {
            let made = house.custody.add_destination(&resident(), webhook(), NOW);
            made.unwrap();
        }
        let refused = house.custody.add_destination(&resident(), webhook(), NOW);
        assert!(matches!(
            refused,
            Err(custody::AddDestinationError::TooMany)
        ));
    });
}

/// Something else in the place of what was sealed.
fn damage(house: &House, id: &DestinationId) {
    let damaged = house.db.write(|tx| {
        let sql = "UPDATE destination SET sealed = $2 WHERE id = $1";
        tx.execute(sql, &[id.as_str().into(), (&b"broken"[..]).into()])
    });
    assert_eq!(damaged.unwrap(), 1);
}

#[test]
fn an_address_that_does_not_open_hides_no_other_and_can_be_removed() {
    on_both(|house| {
        let custody = &house.custody;
        let broken = checked(&house);
        place(&house, &Placing::OwnEndpoint(broken.clone()));
        let (whole, _) = custody
            .add_destination(&resident(), webhook(), after(1))
            .unwrap();
        damage(&house, &broken);
        let found = custody.destinations(&resident(), after(1)).unwrap();
        let readable: Vec<_> = found
            .iter()
            .map(|it| (&it.id, it.endpoint.is_some()))
            .collect();
        assert_eq!(readable, [(&broken, false), (&whole, true)]);
        // What goes there waits, and the other one has its turn.
        measure(&house, r#"{"power":1}"#, after(1));
        let parcel = due(custody, after(200)).unwrap();
        assert_eq!(*parcel.destination(), whole);
        custody.parcel_delivered(parcel, after(200)).unwrap();
        let shown = view(custody, &broken, after(200));
        assert_eq!(shown.state, DestinationState::Paused);
        assert_eq!(shown.last_failure, Some(FailureClass::Unopened));
        // To be asked for it changes nothing, and says so.
        let pause = custody::ASK_PAUSE_SECONDS * 1_000;
        custody
            .check_destination(&resident(), &broken, after(pause))
            .unwrap();
        assert!(due(custody, after(pause)).is_none());
        assert!(!view(custody, &broken, after(pause)).is_being_checked);
        let home = deployment("home");
        let placed = custody.place(
            &resident(),
            Some(&home),
            &Placing::VaultAndCopy(broken.clone()),
            NOW,
        );
        assert!(matches!(placed, Err(PlaceError::NoDestination(_))));
        // What waited too long is counted, and then it can be removed.
        custody.tick(after(DAY + 1)).unwrap();
        let letters = view(custody, &broken, after(DAY + 1)).letters;
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].readings, 1);
        assert_eq!(letters[0].reason, Some(FailureClass::Unopened));
        assert_eq!(letters[0].left, Left::Gone);
        custody
            .delete_destination(&resident(), &broken, after(DAY + 1))
            .unwrap();
        let found = custody.destinations(&resident(), after(DAY + 1)).unwrap();
        assert_eq!(found.len(), 1);
        let placed = custody.placements(&resident()).unwrap();
        assert_eq!(placed, [(Some(home), Placing::Vault)]);
    });
}

#[test]
fn readings_that_do_not_open_are_counted_and_hold_up_nothing() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        // Three before midnight, whose key is then damaged, and two after it.
        let endless = Grant {
            recipient: RecipientId::parse("utility-desk").unwrap(),
            purpose: PurposeId::parse("billing").unwrap(),
            deployment: deployment("home"),
            valid_from: NOW,
            valid_until: None,
        };
        house.custody.act(NOW, |act| act.grant(&endless)).unwrap();
        let midnight = Timestamp::from_millis((NOW.day() + 1) * DAY);
        let early = midnight.plus_millis(-3_000);
        for number in 0..3 {
            let at = early.plus_millis(number);
            measure(&house, &format!(r#"{{"power":{number}}}"#), at);
        }
        for number in 3..5 {
            let at = midnight.plus_millis(number);
            measure(&house, &format!(r#"{{"power":{number}}}"#), at);
        }
        let damaged = house.db.write(|tx| {
            let sql = "UPDATE vault_epoch_key SET wrapped = $1 WHERE epoch = $2";
            tx.execute(sql, &[(&b"broken"[..]).into(), early.day().into()])
        });
        assert_eq!(damaged.unwrap(), 1);
        let now = midnight.plus_millis(1_000);
        let parcel = due(&house.custody, now).unwrap();
        assert_eq!(values(&parcel), [r#"{"power":3}"#, r#"{"power":4}"#]);
        let class = FailureClass::Connect;
        house.custody.parcel_failed(parcel, class, 0, now).unwrap();
        let letters = view(&house.custody, &id, now).letters;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!(letters[0].readings, 3);
        assert_eq!(letters[0].reason, Some(FailureClass::Unopened));
        assert_eq!(letters[0].left, Left::Unopened);
        // The others become too late: their number stays exact, in a letter of their own.
        let late = midnight.plus_millis(DAY + 10);
        // A damaged key stops the maintenance of the vault, not this.
        let _ = house.custody.tick(late);
        let letters = view(&house.custody, &id, late).letters;
        let told: Vec<_> = letters.iter().map(|it| (it.readings, it.reason)).collect();
        let expected = [
            (2, Some(FailureClass::Connect)),
            (3, Some(FailureClass::Unopened)),
        ];
        assert_eq!(told, expected);
    });
}

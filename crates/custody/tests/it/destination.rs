//! People's own destinations: where readings go, what is kept on the way, and what becomes of what does not arrive.

use custody::{
    Bucket, BucketStyle, Contents, Custody, DestinationId, DestinationState, DestinationView,
    FailureClass, Left, NewDestination, Parcel, Place, PlaceError, Placing, Secret, Timeline,
    WebAddress,
};
use model::{Choice, Grant, Level, PersonId, PurposeId, RecipientId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, open, person};

/// Grants of the fixture end after a quarter of an hour.
const STEP: i64 = 300_000;
const DAY: i64 = 86_400_000;

fn resident() -> PersonId {
    person("p-resident")
}

fn after(millis: i64) -> Timestamp {
    NOW.plus_millis(millis)
}

fn webhook() -> NewDestination {
    NewDestination::Webhook(WebAddress::parse("https://data.example/in").unwrap())
}

fn due(custody: &Custody, now: Timestamp) -> Option<Parcel> {
    let mut due = custody.parcels_due(now, 10).unwrap();
    assert!(due.len() <= 1);
    due.pop()
}

/// A destination that has passed its check.
fn checked(house: &House) -> DestinationId {
    let custody = &house.custody;
    let (id, key) = custody
        .add_destination(&resident(), webhook(), NOW)
        .unwrap();
    let key = key.unwrap();
    assert!(key.expose_secret().starts_with("whsec_"));
    let parcel = due(custody, NOW).unwrap();
    assert!(matches!(parcel.contents(), Contents::Check { token } if token.len() == 52));
    assert_eq!(parcel.secret().expose_secret(), key.expose_secret());
    custody.parcel_delivered(parcel, NOW).unwrap();
    assert_eq!(view(custody, &id, NOW).state, DestinationState::Working);
    id
}

fn view(custody: &Custody, id: &DestinationId, now: Timestamp) -> DestinationView {
    let found = custody.destinations(&resident(), now).unwrap();
    found.into_iter().find(|it| it.id == *id).unwrap()
}

fn place(house: &House, placing: &Placing) {
    let home = deployment("home");
    house
        .custody
        .place(&resident(), Some(&home), placing, NOW)
        .unwrap();
}

fn measure(house: &House, payload: &str, now: Timestamp) {
    let thing = house.thing("meter-1", &house.meter);
    let lsn = house.custody.ingest(&thing, payload.as_bytes(), now);
    house.custody.wait_durable(lsn.unwrap()).unwrap();
}

fn timeline(custody: &Custody, now: Timestamp) -> Timeline {
    let until = Place::before(now.plus_millis(1));
    custody.timeline(&resident(), until, 100, now).unwrap()
}

/// The readings of a parcel: identifier and values.
fn readings(parcel: &Parcel) -> Vec<(String, String)> {
    let Contents::Readings(readings) = parcel.contents() else {
        panic!("no readings");
    };
    readings
        .iter()
        .map(|it| {
            let values = String::from_utf8(it.values.clone()).unwrap();
            (it.id.clone(), values)
        })
        .collect()
}

fn values(parcel: &Parcel) -> Vec<String> {
    readings(parcel).into_iter().map(|(_, it)| it).collect()
}

#[test]
fn gp_b0a_a_placement_is_in_force_for_the_very_next_message() {
    on_both(|house| {
        let id = checked(&house);
        measure(&house, r#"{"power":1}"#, NOW);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        measure(&house, r#"{"power":2}"#, after(1));
        place(&house, &Placing::VaultAndCopy(id.clone()));
        measure(&house, r#"{"power":3}"#, after(2));
        place(&house, &Placing::Vault);
        measure(&house, r#"{"power":4}"#, after(3));
        let parcel = due(&house.custody, after(200)).unwrap();
        assert_eq!(values(&parcel), [r#"{"power":2}"#, r#"{"power":3}"#]);
        let kept: Vec<_> = timeline(&house.custody, after(3))
            .readings
            .iter()
            .map(|it| {
                let days = (it.vanishes_at.as_millis() - it.at.as_millis()) / DAY;
                (it.fields[0].value.clone(), days)
            })
            .collect();
        let expected = [("4", 365), ("3", 365), ("2", 1), ("1", 365)];
        assert_eq!(kept, expected.map(|(value, days)| (value.to_owned(), days)));
    });
}

#[test]
fn what_is_live_only_leaves_nothing_behind() {
    on_both(|house| {
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        house
            .custody
            .place(&resident(), None, &Placing::LiveOnly, NOW)
            .unwrap();
        measure(&house, r#"{"power":1210.5}"#, NOW);
        assert_eq!(utility.next(NOW).as_deref(), Some(r#"{"power":1210.5}"#));
        house.custody.tick(NOW).unwrap();
        assert!(timeline(&house.custody, NOW).readings.is_empty());
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            let row = house.db.read(|tx| tx.query_one(&sql, &[])).unwrap();
            row.unwrap().get(0).unwrap()
        };
        assert_eq!(count("vault_block") + count("vault_epoch_key"), 0);
        // The same after a restart: the rows say so, not the process.
        house.custody.close().unwrap();
        drop(utility);
        let House {
            custody,
            db,
            directory,
            ..
        } = house;
        drop(custody);
        let custody = open(&db, &directory);
        assert_eq!(
            custody.placements(&resident()).unwrap(),
            [(None, Placing::LiveOnly)]
        );
    });
}

#[test]
fn what_a_law_wants_kept_is_kept_wherever_the_rest_goes() {
    on_both(|house| {
        let source = include_str!("home.toml")
            .replace("version = 1", "version = 2")
            .replace(r#"basis = "contract""#, r#"basis = "legal-obligation""#)
            .replace(
                "retention-days = 365",
                "retention-days = 365\nsource = { en = \"Act\", ur = \"قانون\" }",
            );
        let notice = model::Notice::parse(&source).unwrap();
        house
            .custody
            .act(NOW, |act| act.publish_notice(&notice, &source))
            .unwrap();
        let wish = |field: &str| choice(field, "research", "university", Level::ON);
        let wishes: Vec<Choice> = vec![wish("/power"), wish("/room/temperature")];
        house.custody.choose(&wishes, NOW).unwrap();
        let id = checked(&house);
        place(&house, &Placing::LiveOnly);
        measure(&house, r#"{"power":1,"room":{"temperature":21}}"#, NOW);
        place(&house, &Placing::OwnEndpoint(id));
        measure(&house, r#"{"power":2,"room":{"temperature":22}}"#, after(1));
        let kept: Vec<_> = timeline(&house.custody, after(1))
            .readings
            .iter()
            .map(|it| {
                let days = (it.vanishes_at.as_millis() - it.at.as_millis()) / DAY;
                (it.fields[0].value.clone(), days)
            })
            .collect();
        let mut kept: Vec<_> = kept.iter().map(|it| (it.0.as_str(), it.1)).collect();
        kept.sort_unstable();
        assert_eq!(kept, [("1", 365), ("2", 365), ("22", 1)]);
        let parcel = due(&house.custody, after(200)).unwrap();
        assert_eq!(values(&parcel).len(), 2, "the endpoint gets both parts");
    });
}

#[test]
fn a_parcel_comes_again_with_the_same_identifiers_until_it_is_taken() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        for power in 0..3 {
            measure(&house, &format!(r#"{{"power":{power}}}"#), after(power));
        }
        let first = due(&house.custody, after(200)).unwrap();
        assert!(due(&house.custody, after(900)).is_none(), "one at a time");
        let sent = readings(&first);
        // The process ends between the answer of the endpoint and the cursor.
        drop(first);
        house.custody.close().unwrap();
        let House {
            custody,
            db,
            directory,
            ..
        } = house;
        drop(custody);
        let custody = open(&db, &directory);
        let again = due(&custody, after(2_000)).unwrap();
        assert_eq!(readings(&again), sent);
        custody.parcel_delivered(again, after(2_000)).unwrap();
        assert!(due(&custody, after(5_000)).is_none());
        custody.tick(after(5_000)).unwrap();
        assert!(view(&custody, &id, after(5_000)).letters.is_empty());
    });
}

#[test]
fn an_endpoint_that_is_away_for_a_while_gets_everything_in_order() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        let mut now = after(1_000);
        let mut expected = Vec::new();
        let mut attempts = 0;
        for power in 0..60 {
            measure(&house, &format!(r#"{{"power":{power}}}"#), now);
            expected.push(format!(r#"{{"power":{power}}}"#));
            if let Some(parcel) = due(&house.custody, now) {
                attempts += 1;
                let class = FailureClass::Connect;
                house.custody.parcel_failed(parcel, class, 0, now).unwrap();
            }
            now = now.plus_millis(10_000);
        }
        assert_eq!(attempts, 8, "pauses grow");
        let shown = view(&house.custody, &id, now);
        assert_eq!(shown.state, DestinationState::Paused);
        assert_eq!(shown.last_failure, Some(FailureClass::Connect));
        assert!(due(&house.custody, now).is_none());
        house
            .custody
            .try_destination_now(&resident(), &id, now)
            .unwrap();
        let refused = house.custody.try_destination_now(&resident(), &id, now);
        let pause = custody::ASK_PAUSE_SECONDS * 1_000;
        assert!(
            matches!(refused, Err(custody::BookError::TooSoon(when)) if when == now.plus_millis(pause))
        );
        let mut got = Vec::new();
        while let Some(parcel) = due(&house.custody, now) {
            got.extend(values(&parcel));
            house.custody.parcel_delivered(parcel, now).unwrap();
            now = now.plus_millis(100);
        }
        assert_eq!(got, expected);
        assert_eq!(
            view(&house.custody, &id, now).state,
            DestinationState::Working
        );
    });
}

#[test]
fn a_large_backlog_travels_in_parcels_of_a_size() {
    on_both(|house| {
        let id = checked(&house);
        let thing = house.thing("meter-1", &house.meter);
        let mut last = custody::Lsn::START;
        for power in 0..1_200 {
            // Every other hundred is not for the endpoint.
            match power % 200 {
                0 => place(&house, &Placing::OwnEndpoint(id.clone())),
                100 => place(&house, &Placing::Vault),
                _ => {}
            }
            let payload = format!(r#"{{"power":{power}}}"#);
            let lsn = house
                .custody
                .ingest(&thing, payload.as_bytes(), after(power));
            last = lsn.unwrap();
        }
        house.custody.wait_durable(last).unwrap();
        let mut now = after(2_000_000);
        let mut got = Vec::new();
        for _ in 0..20 {
            if let Some(parcel) = due(&house.custody, now) {
                assert!(values(&parcel).len() <= 200);
                got.extend(values(&parcel));
                house.custody.parcel_delivered(parcel, now).unwrap();
            }
            now = now.plus_millis(100);
        }
        let expected: Vec<_> = (0..1_200)
            .filter(|it| it % 200 < 100)
            .map(|it| format!(r#"{{"power":{it}}}"#))
            .collect();
        assert_eq!(got, expected);
    });
}

#[test]
fn what_does_not_arrive_in_a_day_is_a_dead_letter_and_gone() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        for power in 0..3 {
            measure(
                &house,
                &format!(r#"{{"power":{power}}}"#),
                after(power * STEP),
            );
        }
        let parcel = due(&house.custody, after(3 * STEP)).unwrap();
        let class = FailureClass::Tls;
        house
            .custody
            .parcel_failed(parcel, class, 0, after(3 * STEP))
            .unwrap();
        // The first two become too late while the endpoint is away; housekeeping finds them one after the other.
        house.custody.tick(after(DAY)).unwrap();
        house.custody.tick(after(DAY + STEP)).unwrap();
        let letters = view(&house.custody, &id, after(DAY + STEP)).letters;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!(letters[0].readings, 2);
        assert_eq!(
            (letters[0].first_at, letters[0].last_at),
            (NOW, after(STEP))
        );
        assert_eq!(letters[0].reason, Some(FailureClass::Tls));
        assert_eq!(letters[0].left, Left::Gone);
        let parcel = due(&house.custody, after(DAY + STEP)).unwrap();
        assert_eq!(values(&parcel), [r#"{"power":2}"#]);
        drop(parcel);
        assert_eq!(
            timeline(&house.custody, after(DAY + STEP)).readings.len(),
            1
        );
    });
}

#[test]
fn a_server_that_was_away_longer_counts_what_it_could_not_send() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        measure(&house, r#"{"power":1}"#, NOW);
        house.custody.close().unwrap();
        let House {
            custody,
            db,
            directory,
            ..
        } = house;
        drop(custody);
        let custody = open(&db, &directory);
        let now = after(9 * DAY);
        custody.tick(now).unwrap();
        assert!(due(&custody, now).is_none());
        let letters = view(&custody, &id, now).letters;
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].readings, letters[0].reason), (1, None));
    });
}

#[test]
fn a_copy_that_is_still_in_the_vault_can_be_sent_again() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::VaultAndCopy(id.clone()));
        measure(&house, r#"{"power":1}"#, NOW);
        let late = after(2 * DAY);
        house.custody.tick(late).unwrap();
        let letters = view(&house.custody, &id, late).letters;
        assert_eq!(letters[0].left, Left::There);
        assert!(due(&house.custody, late).is_none());
        let other = house
            .custody
            .send_again(&person("p-other"), &id, &letters[0].number, late);
        assert!(other.is_err());
        house
            .custody
            .send_again(&resident(), &id, &letters[0].number, late)
            .unwrap();
        let parcel = due(&house.custody, late).unwrap();
        assert_eq!(values(&parcel), [r#"{"power":1}"#]);
        house.custody.parcel_delivered(parcel, late).unwrap();
        assert!(view(&house.custody, &id, late).letters.is_empty());
    });
}

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
fn nothing_goes_where_nobody_has_shown_that_it_is_theirs() {
    on_both(|house| {
        let custody = &house.custody;
        let (id, _) = custody
            .add_destination(&resident(), webhook(), NOW)
            .unwrap();
        let home = deployment("home");
        let place = |who: &PersonId, id: &DestinationId| {
            custody.place(who, Some(&home), &Placing::OwnEndpoint(id.clone()), NOW)
        };
        let refused = place(&resident(), &id);
        assert!(matches!(refused, Err(PlaceError::NoDestination(_))));
        let parcel = due(custody, NOW).unwrap();
        let class = FailureClass::Challenge;
        custody.parcel_failed(parcel, class, 0, NOW).unwrap();
        assert_eq!(view(custody, &id, NOW).state, DestinationState::Unverified);
        assert!(due(custody, after(DAY)).is_none(), "asked for once");
        custody
            .check_destination(&resident(), &id, after(DAY))
            .unwrap();
        let parcel = due(custody, after(DAY)).unwrap();
        custody.parcel_delivered(parcel, after(DAY)).unwrap();
        place(&resident(), &id).unwrap();
        assert!(matches!(
            place(&person("p-other"), &id),
            Err(PlaceError::NotConcerned(_))
        ));
        let theirs = custody.place(
            &person("p-other"),
            None,
            &Placing::OwnEndpoint(id.clone()),
            NOW,
        );
        assert!(matches!(theirs, Err(PlaceError::NoDestination(_))));
        let stranger = person("p-other");
        assert!(custody.delete_destination(&stranger, &id, NOW).is_err());
        assert!(custody.check_destination(&stranger, &id, NOW).is_err());
    });
}

#[test]
fn what_went_to_a_deleted_destination_goes_into_the_vault() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        measure(&house, r#"{"power":1}"#, NOW);
        house
            .custody
            .delete_destination(&resident(), &id, after(1))
            .unwrap();
        measure(&house, r#"{"power":2}"#, after(2));
        assert!(due(&house.custody, after(200)).is_none());
        assert!(
            house
                .custody
                .destinations(&resident(), NOW)
                .unwrap()
                .is_empty()
        );
        let newest = timeline(&house.custody, after(2)).readings[0].clone();
        assert_eq!(newest.vanishes_at, after(2 + 365 * DAY));
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

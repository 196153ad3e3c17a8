//! People's own destinations: where readings go, what is kept on the way, and what becomes of what does not arrive.

mod away;
mod sealed;

use custody::{
    Contents, Custody, DestinationId, DestinationState, DestinationView, FailureClass,
    NewDestination, Parcel, Place, PlaceError, Placing, Timeline, WebAddress,
};
use model::{Choice, Level, PersonId, Timestamp};

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

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
        drop(utility);
        let custody = house.reopened(true).custody;
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

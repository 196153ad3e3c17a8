//! What a person changed about where their readings go can be looked at afterwards.

use custody::{MAX_PLACEMENT_CHANGES, NewDestination, PlacementChange, Placing, WebAddress};

use crate::fixture::{House, NOW, deployment, on_both, person};

fn place(house: &House, at: Option<&str>, placing: &Placing, millis: i64) {
    let at = at.map(deployment);
    let now = NOW.plus_millis(millis);
    house
        .custody
        .place(&person("p-resident"), at.as_ref(), placing, now)
        .unwrap();
}

fn changes(house: &House, who: &str) -> Vec<PlacementChange> {
    let found = house
        .custody
        .placement_changes(&person(who), MAX_PLACEMENT_CHANGES);
    found.unwrap()
}

fn change(millis: i64, at: Option<&str>, before: &Placing, after: &Placing) -> PlacementChange {
    PlacementChange {
        at: NOW.plus_millis(millis),
        deployment: at.map(deployment),
        before: before.clone(),
        after: after.clone(),
    }
}

#[test]
fn each_change_is_written_down_with_what_was_before() {
    on_both(|house| {
        let (vault, live) = (Placing::Vault, Placing::LiveOnly);
        place(&house, None, &vault, 1);
        assert_eq!(changes(&house, "p-resident"), [], "nothing has changed");
        place(&house, Some("home"), &live, 2);
        place(&house, Some("home"), &live, 3);
        let first = change(2, Some("home"), &vault, &live);
        assert_eq!(changes(&house, "p-resident"), std::slice::from_ref(&first));
        // What is said for all takes the place of what was said for one: for that one nothing changes.
        place(&house, None, &live, 4);
        let second = change(4, None, &vault, &live);
        assert_eq!(changes(&house, "p-resident"), [second, first]);
        assert_eq!(changes(&house, "p-guest"), []);
    });
}

#[test]
fn what_ends_with_an_endpoint_is_written_down_too() {
    on_both(|house| {
        let url = WebAddress::parse("https://data.example.org/in").unwrap();
        let who = person("p-resident");
        let added = house
            .custody
            .add_destination(&who, NewDestination::Webhook(url), NOW);
        let (id, _) = added.unwrap();
        let parcel = house.custody.parcels_due(NOW, 1).unwrap().pop().unwrap();
        house.custody.parcel_delivered(parcel, NOW).unwrap();
        let own = Placing::OwnEndpoint(id.clone());
        place(&house, Some("home"), &own, 1);
        let deleted = house
            .custody
            .delete_destination(&who, &id, NOW.plus_millis(2));
        deleted.unwrap();
        let ended = change(2, Some("home"), &own, &Placing::Vault);
        let began = change(1, Some("home"), &Placing::Vault, &own);
        assert_eq!(changes(&house, "p-resident"), [ended, began]);
    });
}

#[test]
fn only_the_newest_changes_are_kept() {
    on_both(|house| {
        let last = i64::from(MAX_PLACEMENT_CHANGES) + 3;
        for millis in 1..=last {
            let placing = match millis % 2 {
                0 => Placing::Vault,
                _ => Placing::LiveOnly,
            };
            place(&house, Some("home"), &placing, millis);
        }
        let found = changes(&house, "p-resident");
        assert_eq!(found.len(), usize::from(MAX_PLACEMENT_CHANGES));
        assert_eq!(found[0].at, NOW.plus_millis(last));
        assert!(found.is_sorted_by(|a, b| a.at > b.at));
    });
}

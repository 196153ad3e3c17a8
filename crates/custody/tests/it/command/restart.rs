//! Commands that wait when the server stops.

use super::*;

/// The same home after its server has gone and come again.
pub(super) fn restarted(home: Home) -> Home {
    let Home { house, .. } = home;
    let House {
        custody,
        db,
        directory,
        meter,
        validator,
        utility,
        university,
    } = house;
    drop(custody);
    let custody = open(&db, &directory);
    let house = House {
        custody,
        db,
        directory,
        meter,
        validator,
        utility,
        university,
    };
    Home {
        meter: house.thing("meter-1", &house.meter),
        utility: house.recipient("utility-desk", &house.utility),
        university: house.recipient("university", &house.university),
        house,
    }
}

#[test]
fn an_orderly_stop_ends_what_waits() {
    on_both(|house| {
        let home = Home::new(house);
        home.safe(NOW);
        let id = home.heat(NOW).unwrap();
        home.house.custody.close().unwrap();
        assert_eq!(
            restarted(home).status(id, after(1)),
            CommandOutcome::Expired
        );
    });
}

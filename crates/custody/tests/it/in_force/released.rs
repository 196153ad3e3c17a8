//! Who is released from a thing: somebody who moved out, or took what is not theirs.

use custody::ActError;
use model::Role;

use super::{METER, NOW, after, assign, measure_at, on_both, person, readings, stay, thing};

#[test]
fn who_is_released_gets_nothing_more_and_the_next_one_does() {
    on_both(|house| {
        assign(&house, &stay("p-guest", Role::Occupant, NOW, None));
        assign(&house, &stay("p-guest", Role::Holder, after(90), None));
        measure_at(&house, after(1));
        let meter = thing(METER);
        let people = |at| house.custody.people_sensed(&meter, at).unwrap();
        assert_eq!(people(after(1)), 2);
        let release = |who: Option<&str>, at| {
            let who = who.map(person);
            let released = house
                .custody
                .act(at, |act| act.release(&meter, who.as_ref()));
            house.custody.check_in_force(at).unwrap();
            released
        };
        let nobody = release(Some("p-next"), after(2));
        assert!(matches!(nobody, Err(ActError::NotAssigned(_))));
        assert_eq!(release(Some("p-guest"), after(2)).unwrap(), 1);
        measure_at(&house, after(2));
        assert_eq!(readings(&house, "p-guest").len(), 1, "from then on nothing");
        assert_eq!(readings(&house, "p-resident").len(), 2, "others stay");
        assert_eq!(release(None, after(3)).unwrap(), 1);
        assert_eq!(release(None, after(3)).unwrap(), 0);
        assert_eq!((people(after(3)), people(after(95))), (0, 0));
        measure_at(&house, after(4));
        assign(&house, &stay("p-next", Role::Household, after(5), None));
        measure_at(&house, after(5));
        assert_eq!(readings(&house, "p-guest").len(), 1);
        assert_eq!(
            readings(&house, "p-resident").len(),
            2,
            "what was theirs stays"
        );
        let next: Vec<_> = readings(&house, "p-next")
            .into_iter()
            .map(|it| it.0)
            .collect();
        assert_eq!(next, [5], "and nothing from before they came");
    });
}

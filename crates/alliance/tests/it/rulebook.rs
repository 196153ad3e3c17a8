//! Limits of the rulebook: in force everywhere, public, with a reason. Assignments: in force, and never public.

use alliance::{Actor, AllianceError};
use custody::{ActError, MAX_CAPS};
use model::{
    Assignment, Cap, CapTarget, EntryKind, Level, PersonId, Pointer, PurposeId, Role, Sensitivity,
    ThingId, Timestamp,
};

use crate::fixture::{NOW, Town, home, on_both};

fn limit(purpose: Option<&str>, most: Level) -> Cap {
    Cap {
        target: CapTarget::Sensitivity(Sensitivity::Low),
        purpose: purpose.map(|it| PurposeId::parse(it).unwrap()),
        most,
    }
}

fn in_force(town: &Town) -> Vec<Cap> {
    let in_force = town.alliance.custody().in_force_at(&home(), NOW);
    in_force.unwrap().limits
}

#[test]
fn a_limit_is_in_force_public_and_can_be_lifted() {
    on_both(|town| {
        let (alliance, officer) = (&town.alliance, &town.officer);
        let (off, coarse) = (limit(None, Level::OFF), Level::coarse(1).unwrap());
        alliance
            .set_limit(officer, &off, "nobody needs it", NOW)
            .unwrap();
        assert_eq!(in_force(&town), std::slice::from_ref(&off));
        let softer = limit(None, coarse);
        alliance
            .set_limit(officer, &softer, "  roughly is fine ", NOW)
            .unwrap();
        let limits = alliance.limits().unwrap();
        assert_eq!(limits.len(), 1, "one limit for one target and purpose");
        assert_eq!(
            (&limits[0].cap, limits[0].reason.as_str()),
            (&softer, "roughly is fine")
        );
        alliance
            .lift_limit(officer, &off.target, None, "over", NOW)
            .unwrap();
        assert_eq!(
            (in_force(&town), alliance.limits().unwrap()),
            (vec![], vec![])
        );
        let entries = alliance
            .custody()
            .record_about("rulebook:limits", 9)
            .unwrap();
        let entries: Vec<_> = entries
            .iter()
            .map(|it| (it.entry.kind, it.entry.reason.as_str()))
            .collect();
        assert_eq!(
            entries,
            [
                (
                    EntryKind::LimitLifted,
                    "sensitivity:low every purpose at most:coarse-1\nover"
                ),
                (
                    EntryKind::LimitSet,
                    "sensitivity:low every purpose at most:coarse-1\nroughly is fine"
                ),
                (
                    EntryKind::LimitSet,
                    "sensitivity:low every purpose at most:off\nnobody needs it"
                ),
            ]
        );
        alliance.custody().check_in_force(NOW).unwrap();
    });
}

#[test]
fn what_is_no_limit_or_has_no_reason_changes_nothing() {
    on_both(|town| {
        let (alliance, officer) = (&town.alliance, &town.officer);
        let set = |cap: &Cap, reason| alliance.set_limit(officer, cap, reason, NOW);
        let off = limit(None, Level::OFF);
        assert!(matches!(set(&off, " "), Err(AllianceError::Reason)));
        let open = limit(None, Level::ON);
        assert!(matches!(set(&open, "why"), Err(AllianceError::NoLimit)));
        let lifted = alliance.lift_limit(officer, &off.target, None, "why", NOW);
        assert!(matches!(lifted, Err(AllianceError::NotFound { .. })));
        assert_eq!(in_force(&town), []);
    });
}

#[test]
fn an_assignment_begins_and_ends_and_never_stands_in_the_record() {
    on_both(|town| {
        let alliance = &town.alliance;
        let operator = &Actor::Operator;
        let thing = ThingId::parse("meter-1").unwrap();
        let person = PersonId::parse("p-1").unwrap();
        alliance
            .register_thing(operator, &thing, &home(), NOW)
            .unwrap();
        let size = alliance.custody().record_size().unwrap().0;
        let assignment = Assignment {
            thing: thing.clone(),
            person: person.clone(),
            role: Role::Occupant,
            valid_from: Timestamp::EPOCH,
            valid_until: None,
        };
        alliance.assign(operator, &assignment, NOW).unwrap();
        let end =
            |at| alliance.end_assignment(operator, (&thing, &person, Role::Occupant), at, NOW);
        let past = end(NOW.plus_millis(-1));
        assert!(matches!(past, Err(AllianceError::Act(ActError::Past))));
        end(NOW.plus_millis(5)).unwrap();
        let told = alliance.custody().assignments(&person, &home()).unwrap();
        assert_eq!(told[0].valid_until, Some(NOW.plus_millis(5)));
        assert_eq!(alliance.custody().record_size().unwrap().0, size);
    });
}

mod slow {
    use super::*;

    #[test]
    fn a_rulebook_has_a_bound_of_limits() {
        on_both(|town| {
            let set = |cap: &Cap| town.alliance.set_limit(&town.officer, cap, "why", NOW);
            let off = limit(None, Level::OFF);
            for number in 0..MAX_CAPS {
                let field = Pointer::parse(&format!("/field-{number}")).unwrap();
                let target = CapTarget::Field(field);
                set(&Cap {
                    target,
                    ..off.clone()
                })
                .unwrap();
            }
            let refused = set(&off);
            assert!(matches!(
                refused,
                Err(AllianceError::Act(ActError::TooManyCaps))
            ));
            assert_eq!(town.alliance.limits().unwrap().len(), MAX_CAPS);
        });
    }
}

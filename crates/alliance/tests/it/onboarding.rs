//! Devices are brought in, and residents take them with a code.

use alliance::{
    Actor, AllianceError, Claim, ClaimCode, Joining, MAX_CLAIM_MILLIS, MAX_WRONG_CODES,
    ThingChange, WRONG_CODES_MILLIS,
};
use custody::{ActError, Identity, NewThing};
use model::{Assignment, BridgeId, PersonId, Role, ThingId, Timestamp};

use crate::fixture::{NOW, Town, home, on_both};

const BY: Actor = Actor::Operator;
const DAY: i64 = 86_400_000;

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

fn joining(id: &str, name: Option<&str>) -> Joining {
    let bridge = BridgeId::parse("hub-1").unwrap();
    Joining {
        thing: NewThing::plain(thing(id)),
        names: name.map(|it| (bridge, it.to_owned())).into_iter().collect(),
    }
}

impl Town {
    fn account(&self) -> &alliance::Account {
        match &self.resident {
            Actor::Account(account) => account,
            Actor::Operator | Actor::Agreed(_) => panic!("the resident has an account"),
        }
    }

    fn code(&self, id: &str, end: Timestamp) -> ClaimCode {
        self.alliance
            .make_claim_code(&BY, &thing(id), Role::Holder, end, NOW)
            .unwrap()
    }

    fn take(&self, code: &ClaimCode, now: Timestamp) -> Claim {
        self.alliance
            .claim(self.account(), Some(code), now)
            .unwrap()
    }
}

#[test]
fn things_come_in_all_or_none() {
    on_both(|town| {
        let hub = BridgeId::parse("hub-1").unwrap();
        town.alliance
            .register_bridge(&BY, &hub, &home(), "zigbee2mqtt", NOW)
            .unwrap();
        let wrong = [joining("plug-1", Some("a")), joining("plug-1", None)];
        let refused = town.alliance.bring_in(&BY, &wrong, &home(), NOW);
        assert!(matches!(
            refused,
            Err(AllianceError::Act(ActError::Taken(_)))
        ));
        assert!(town.alliance.custody().things_of(&home()).is_empty());
        let right = [joining("plug-1", Some("a")), joining("plug-2", Some("b"))];
        let tokens = town.alliance.bring_in(&BY, &right, &home(), NOW).unwrap();
        assert_eq!(tokens.len(), 2);
        let custody = town.alliance.custody();
        assert_eq!(custody.things_of(&home()).len(), 2);
        assert_eq!(
            custody.bridges()[0].thing("b").unwrap().id(),
            &thing("plug-2")
        );
        custody.check_in_force(NOW).unwrap();
    });
}

#[test]
fn residents_and_the_licensing_office_bring_nothing_in() {
    on_both(|town| {
        let hub = BridgeId::parse("hub-1").unwrap();
        let one = Identity::Thing(thing("plug-1"));
        for by in [&town.resident, &town.officer] {
            let change = ThingChange::default();
            let outcomes = [
                town.alliance
                    .bring_in(by, &[joining("plug-1", None)], &home(), NOW)
                    .map(drop),
                town.alliance
                    .register_bridge(by, &hub, &home(), "tasmota", NOW)
                    .map(drop),
                town.alliance.link(by, &hub, "a", None, NOW),
                town.alliance
                    .change_thing(by, &thing("plug-1"), &change, NOW),
                town.alliance.remove_thing(by, &thing("plug-1"), NOW),
                town.alliance
                    .release_thing(by, &thing("plug-1"), None, NOW)
                    .map(drop),
                town.alliance.tie(by, &one, None, NOW),
                town.alliance.renew_token(by, &one, NOW, NOW).map(drop),
                town.alliance.revoke_token(by, &one, NOW),
                town.alliance
                    .make_claim_code(by, &thing("plug-1"), Role::Holder, NOW.plus_millis(1), NOW)
                    .map(drop),
            ];
            for outcome in outcomes {
                assert!(
                    matches!(outcome, Err(AllianceError::Forbidden { .. })),
                    "{outcome:?}"
                );
            }
        }
    });
}

#[test]
fn a_claim_code_works_once_until_its_end_and_for_things_that_are_there() {
    on_both(|town| {
        let all = [joining("plug-1", None), joining("plug-2", None)];
        town.alliance.bring_in(&BY, &all, &home(), NOW).unwrap();
        let code = town.code("plug-1", NOW.plus_millis(DAY));
        let late = NOW.plus_millis(DAY);
        assert_eq!(town.take(&code, late), Claim::Unknown, "it is over");
        assert!(matches!(town.take(&code, NOW), Claim::Open(_)));
        assert_eq!(town.take(&code, NOW), Claim::Unknown, "it was used");
        let theirs = town
            .alliance
            .custody()
            .assignments(&town.account().id, &home())
            .unwrap();
        assert_eq!(theirs.len(), 1);
        assert_eq!((theirs[0].role, theirs[0].valid_from), (Role::Holder, NOW));
        let code = town.code("plug-2", NOW.plus_millis(DAY));
        town.alliance
            .remove_thing(&BY, &thing("plug-2"), NOW)
            .unwrap();
        assert_eq!(town.take(&code, NOW), Claim::Unknown, "the thing is gone");
        for (id, end) in [
            ("plug-1", NOW),
            ("plug-1", NOW.plus_millis(MAX_CLAIM_MILLIS + 1)),
            ("plug-2", NOW.plus_millis(DAY)),
            ("nothing", NOW.plus_millis(DAY)),
        ] {
            let made = town
                .alliance
                .make_claim_code(&BY, &thing(id), Role::Holder, end, NOW);
            assert!(
                matches!(
                    made,
                    Err(AllianceError::ClaimEnd | AllianceError::NotFound { .. })
                ),
                "{id}: {made:?}"
            );
        }
        town.alliance.custody().check_in_force(NOW).unwrap();
    });
}

#[test]
fn wrong_codes_are_counted_for_an_hour() {
    on_both(|town| {
        town.alliance
            .bring_in(&BY, &[joining("plug-1", None)], &home(), NOW)
            .unwrap();
        let code = town.code("plug-1", NOW.plus_millis(DAY));
        for _ in 0..MAX_WRONG_CODES {
            let wrong = town.alliance.claim(town.account(), None, NOW).unwrap();
            assert_eq!(wrong, Claim::Unknown);
        }
        assert_eq!(town.take(&code, NOW), Claim::Wait);
        let later = NOW.plus_millis(WRONG_CODES_MILLIS);
        assert!(matches!(town.take(&code, later), Claim::Open(_)));
    });
}

#[test]
fn a_resident_gives_up_what_is_theirs_and_nothing_of_others() {
    on_both(|town| {
        let joined = [joining("plug-1", None), joining("plug-2", None)];
        town.alliance.bring_in(&BY, &joined, &home(), NOW).unwrap();
        let custody = town.alliance.custody();
        town.take(&town.code("plug-1", NOW.plus_millis(DAY)), NOW);
        let other = PersonId::parse("p-other").unwrap();
        for (id, person) in [("plug-1", &other), ("plug-2", &other)] {
            let theirs = Assignment {
                thing: thing(id),
                person: person.clone(),
                role: Role::Holder,
                valid_from: NOW,
                valid_until: None,
            };
            town.alliance.assign(&BY, &theirs, NOW).unwrap();
        }
        let later = NOW.plus_millis(1);
        let give_up = |id: &str| town.alliance.give_up(town.account(), &thing(id), later);
        for not_theirs in ["plug-2", "nothing"] {
            let refused = give_up(not_theirs);
            assert!(matches!(refused, Err(AllianceError::NotFound { .. })));
        }
        let people = |id: &str| custody.people_sensed(&thing(id), later).unwrap();
        assert_eq!((people("plug-1"), people("plug-2")), (2, 1));
        give_up("plug-1").unwrap();
        assert_eq!((people("plug-1"), people("plug-2")), (1, 1));
        assert!(give_up("plug-1").is_err(), "it is over already");
        // The operator ends the rest, and with it a code that is not used yet.
        let code = town.code("plug-1", NOW.plus_millis(DAY));
        let one = town
            .alliance
            .release_thing(&BY, &thing("plug-2"), Some(&other), later);
        assert_eq!(one.unwrap(), 1);
        let all = town
            .alliance
            .release_thing(&BY, &thing("plug-1"), None, later);
        assert_eq!(all.unwrap(), 1);
        assert_eq!(town.take(&code, later), Claim::Unknown);
        assert_eq!((people("plug-1"), people("plug-2")), (0, 0));
        custody.check_in_force(later).unwrap();
    });
}

#[test]
fn a_claim_code_is_read_however_people_type_it_and_nothing_else_is() {
    on_both(|town| {
        town.alliance
            .bring_in(&BY, &[joining("plug-1", None)], &home(), NOW)
            .unwrap();
        let code = town.code("plug-1", NOW.plus_millis(DAY));
        assert_eq!(format!("{code:?}"), "ClaimCode(…)");
        let written = code.expose_secret();
        assert_eq!(written.len(), alliance::CODE_CHARS + 3);
        for typed in [
            written.clone(),
            written.to_uppercase(),
            written.replace('-', " "),
            written.replace('-', ""),
        ] {
            let read = ClaimCode::from_text(&typed).unwrap();
            assert_eq!(read.expose_secret(), written);
        }
        for bad in ["", "abcd", "0000-1111-8888-9999", "é".repeat(16).as_str()] {
            assert!(ClaimCode::from_text(bad).is_none(), "{bad}");
        }
    });
}

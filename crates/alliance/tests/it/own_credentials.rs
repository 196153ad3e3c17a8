//! Who owns a device gives it a new credential, or ends it; nobody else does.

use alliance::{Actor, AllianceError, EventKind};
use custody::{Identity, Peer};
use model::{Assignment, RecipientId, Role, ThingId};

use crate::fixture::{NOW, Town, home, on_both};
use crate::safety::{account_of, first, proved};

fn opens(town: &Town, thing: &str, token: &str) -> bool {
    let custody = town.alliance.custody();
    let peer = custody.authenticate(thing, token.as_bytes(), NOW.plus_millis(1));
    matches!(peer, Some(Peer::Thing(_)))
}

#[test]
fn a_holder_renews_and_ends_the_credential_of_a_device_of_their_own() {
    on_both(|town| {
        let (alliance, operator) = (&town.alliance, Actor::Operator);
        let (own, shared) = (
            ThingId::parse("plug-9").unwrap(),
            ThingId::parse("meter-1").unwrap(),
        );
        let resident = account_of(&town.resident);
        let mut tokens = Vec::new();
        for (thing, role) in [(&own, Role::Holder), (&shared, Role::Household)] {
            let token = alliance.register_thing(&operator, thing, &home(), NOW);
            tokens.push(token.unwrap().expose_secret().to_owned());
            let assignment = Assignment {
                thing: thing.clone(),
                person: resident.id.clone(),
                role,
                valid_from: NOW,
                valid_until: None,
            };
            alliance.assign(&operator, &assignment, NOW).unwrap();
        }
        let things = || alliance.own_things(&resident.id, NOW).unwrap();
        assert_eq!(things().len(), 1);
        assert_eq!((&things()[0].id, things()[0].is_barred), (&own, false));
        let session = first(alliance, &resident, NOW);
        let by = proved(alliance, &session, NOW);
        let new = alliance.renew_own_thing(&by, &own).unwrap();
        assert!(!opens(&town, "plug-9", &tokens[0]), "the former one ended");
        assert!(opens(&town, "plug-9", new.expose_secret()));
        alliance.revoke_own_thing(&by, &own).unwrap();
        assert!(!opens(&town, "plug-9", new.expose_secret()));
        assert!(things()[0].is_barred);
        let refused = alliance.renew_own_thing(&by, &shared);
        assert!(matches!(refused, Err(AllianceError::NotFound { .. })));
        let refused = alliance.revoke_own_thing(&by, &shared);
        assert!(matches!(refused, Err(AllianceError::NotFound { .. })));
        assert!(opens(&town, "meter-1", &tokens[1]));
        let officer = account_of(&town.officer);
        let theirs = first(alliance, &officer, NOW);
        let by = proved(alliance, &theirs, NOW);
        assert!(alliance.renew_own_thing(&by, &own).is_err());
        let events = alliance.security_events(&resident.id, NOW).unwrap();
        let kinds: Vec<_> = events.iter().map(|it| it.kind).collect();
        assert!(kinds.contains(&EventKind::CredentialRenewed));
        assert!(kinds.contains(&EventKind::CredentialRevoked));
    });
}

#[test]
fn nobody_gets_what_a_recipient_gets_by_renewing_a_device_that_receives_as_it() {
    on_both(|town| {
        let (alliance, operator) = (&town.alliance, Actor::Operator);
        let hub = ThingId::parse("hub-9").unwrap();
        let recipient = RecipientId::parse("hub-reader").unwrap();
        let resident = account_of(&town.resident);
        alliance
            .register_thing(&operator, &hub, &home(), NOW)
            .unwrap();
        alliance
            .register_recipient(&operator, &recipient, NOW)
            .unwrap();
        let assignment = Assignment {
            thing: hub.clone(),
            person: resident.id.clone(),
            role: Role::Holder,
            valid_from: NOW,
            valid_until: None,
        };
        alliance.assign(&operator, &assignment, NOW).unwrap();
        let session = first(alliance, &resident, NOW);
        let by = proved(alliance, &session, NOW);
        let identity = Identity::Thing(hub.clone());
        let tie = |it| alliance.tie(&operator, &identity, it, NOW).unwrap();
        tie(Some(&recipient));
        let refused = alliance.renew_own_thing(&by, &hub);
        assert!(matches!(refused, Err(AllianceError::NotFound { .. })));
        assert!(alliance.own_things(&resident.id, NOW).unwrap().is_empty());
        tie(None);
        alliance.renew_own_thing(&by, &hub).unwrap();
    });
}

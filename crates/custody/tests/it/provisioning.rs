//! One key for a fleet, one token for each device.

use custody::{ActError, IdPattern, Peer, ProvisionError, ProvisioningKey};
use model::ThingId;

use crate::fixture::{House, NOW, deployment, on_both};

const END: i64 = 1_000;

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

fn key(uses: i64) -> ProvisioningKey {
    ProvisioningKey {
        id: "factory-1".to_owned(),
        deployment: deployment("home"),
        pattern: IdPattern::parse("plug-*").unwrap(),
        adapter: Some("tasmota".into()),
        uses_left: uses,
        expires_at: NOW.plus_millis(END),
    }
}

impl House {
    fn key(&self, uses: i64) -> String {
        let made = self
            .custody
            .act(NOW, |act| act.make_provisioning_key(&key(uses)));
        made.unwrap().expose_secret().to_owned()
    }

    fn bring_in(&self, secret: &str, id: &str) -> Result<custody::Token, ProvisionError> {
        self.custody
            .provision("factory-1", secret.as_bytes(), &thing(id), NOW)
    }
}

#[test]
fn a_device_exchanges_the_key_once_for_a_token_of_its_own() {
    on_both(|house| {
        let secret = house.key(10);
        let token = house.bring_in(&secret, "plug-1").unwrap();
        let password = token.expose_secret().as_bytes();
        let Some(Peer::Thing(plug)) = house.custody.authenticate("plug-1", password, NOW) else {
            panic!("the plug is known");
        };
        assert_eq!(plug.adapter().as_deref(), Some("tasmota"));
        let again = house.bring_in(&secret, "plug-1");
        assert!(matches!(
            again,
            Err(ProvisionError::Act(ActError::Taken(_)))
        ));
        assert!(
            house
                .custody
                .authenticate("plug-1", password, NOW)
                .is_some()
        );
        let left = house.custody.provisioning_keys().unwrap();
        assert_eq!(left[0].uses_left, 9, "what was refused is no use");
        let came = house.custody.provisioned("factory-1").unwrap();
        assert_eq!(came, [(thing("plug-1"), NOW)]);
        house.custody.check_in_force(NOW).unwrap();
    });
}

#[test]
fn a_key_brings_in_so_many_until_a_moment_and_only_what_it_is_for() {
    on_both(|house| {
        let secret = house.key(2);
        for id in ["meter-9", "plug-", "xplug-1"] {
            let refused = house.bring_in(&secret, id);
            assert!(matches!(refused, Err(ProvisionError::Pattern)), "{id}");
        }
        for wrong in ["", "aaaa", &secret[1..]] {
            let refused = house.bring_in(wrong, "plug-1");
            assert!(matches!(refused, Err(ProvisionError::Key)));
        }
        let (id, secret_bytes) = (thing("plug-1"), secret.as_bytes());
        let late = NOW.plus_millis(END);
        for refused in [
            house.custody.provision("factory-2", secret_bytes, &id, NOW),
            house.custody.provision("factory-2", b"", &id, NOW),
            house
                .custody
                .provision("factory-1", secret_bytes, &id, late),
        ] {
            assert!(matches!(refused, Err(ProvisionError::Key)));
        }
        house.bring_in(&secret, "plug-1").unwrap();
        house.bring_in(&secret, "plug-2").unwrap();
        let refused = house.bring_in(&secret, "plug-3");
        assert!(matches!(refused, Err(ProvisionError::Key)), "it is used up");
        assert!(house.custody.thing(&thing("plug-3")).is_none());
    });
}

#[test]
fn a_key_that_was_ended_brings_nothing_in_and_one_without_limits_is_not_made() {
    on_both(|house| {
        let secret = house.key(5);
        let ended = house
            .custody
            .act(NOW, |act| act.end_provisioning_key("factory-1"));
        assert!(ended.unwrap());
        assert!(matches!(
            house.bring_in(&secret, "plug-1"),
            Err(ProvisionError::Key)
        ));
        let make = |key: ProvisioningKey| {
            house
                .custody
                .act(NOW, |act| act.make_provisioning_key(&key))
                .unwrap_err()
        };
        assert!(matches!(make(key(1)), ActError::Taken(_)));
        let other = |change: &dyn Fn(&mut ProvisioningKey)| {
            let mut other = key(1);
            other.id = "factory-2".to_owned();
            change(&mut other);
            make(other)
        };
        for refused in [
            other(&|it| it.uses_left = 0),
            other(&|it| it.uses_left = custody::MAX_PROVISIONED + 1),
            other(&|it| it.expires_at = NOW),
            other(&|it| it.expires_at = NOW.plus_millis(custody::MAX_PROVISIONING_MILLIS + 1)),
            other(&|it| it.id = "Not an id".to_owned()),
        ] {
            assert!(matches!(refused, ActError::ProvisioningKey), "{refused}");
        }
        let nowhere = other(&|it| it.deployment = deployment("moon"));
        assert!(matches!(nowhere, ActError::NoDeployment(_)));
    });
}

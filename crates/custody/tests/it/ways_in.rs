//! Bridges, native topics, dialects, and credentials that are renewed or end.

use custody::{
    ActError, Custody, Identity, IngestError, NativeTopic, NewThing, Peer, Token, Transport,
};
use model::{BridgeId, RecipientId, ThingId};

use crate::fixture::{House, NOW, deployment, on_both, open, person};

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

fn bridge(id: &str) -> BridgeId {
    BridgeId::parse(id).unwrap()
}

fn topic(text: &str) -> NativeTopic {
    NativeTopic::parse(text).unwrap()
}

impl House {
    fn who(&self, user_name: &str, token: &Token) -> Option<Peer> {
        let password = token.expose_secret().as_bytes();
        self.custody.authenticate(user_name, password, NOW)
    }

    /// The same data, opened again.
    fn reopen(&self) -> Custody {
        self.custody.close().unwrap();
        open(&self.db, &self.directory)
    }

    fn with_bridge(&self) -> Token {
        self.custody
            .act(NOW, |act| {
                let token =
                    act.register_bridge(&bridge("hub-1"), &deployment("home"), "zigbee2mqtt")?;
                act.bridge_speaks_for(&bridge("hub-1"), "Küche", &thing("meter-1"))?;
                Ok::<_, ActError>(token)
            })
            .unwrap()
    }
}

#[test]
fn a_bridge_speaks_for_the_things_it_was_given_and_after_a_restart_too() {
    on_both(|house| {
        let token = house.with_bridge();
        let check = |custody: &Custody| {
            let password = token.expose_secret().as_bytes();
            let Some(Peer::Bridge(hub)) = custody.authenticate("hub-1", password, NOW) else {
                panic!("the bridge is known");
            };
            assert_eq!(hub.adapter().as_ref(), "zigbee2mqtt");
            assert_eq!(hub.thing("Küche").unwrap().id().as_str(), "meter-1");
            assert!(hub.thing("kitchen").is_none());
        };
        check(&house.custody);
        house.custody.check_in_force(NOW).unwrap();
        check(&house.reopen());
    });
}

#[test]
fn how_a_bridge_comes_in_is_noted_for_its_things_and_not_with_each_request() {
    on_both(|house| {
        let token = house.with_bridge();
        let hub = house.who("hub-1", &token).unwrap();
        let note = |transport, seconds: i64| {
            let at = NOW.plus_millis(seconds * 1_000);
            house.custody.note_transport(&hub, transport, at);
            house.custody.transport_of(&thing("meter-1")).unwrap()
        };
        let at = |seconds: i64| NOW.plus_millis(seconds * 1_000);
        assert_eq!(note(Transport::Plain, 0), (Transport::Plain, at(0)));
        assert_eq!(note(Transport::Plain, 59), (Transport::Plain, at(0)));
        assert_eq!(note(Transport::Plain, 60), (Transport::Plain, at(60)));
        assert_eq!(note(Transport::Local, 61), (Transport::Local, at(61)));
        assert_eq!(note(Transport::Plain, 62), (Transport::Plain, at(62)));
        assert_eq!(house.custody.plain_things(&deployment("home")), 1);
    });
}

#[test]
fn a_bridge_cannot_speak_for_things_of_another_deployment() {
    on_both(|house| {
        house.with_bridge();
        let hub = bridge("hub-1");
        let refused = |name: &str, id: &str| {
            house
                .custody
                .act(NOW, |act| act.bridge_speaks_for(&hub, name, &thing(id)))
                .unwrap_err()
        };
        assert!(matches!(
            refused("bus", "validator-1"),
            ActError::OtherDeployment { .. }
        ));
        assert!(matches!(refused("x", "nothing"), ActError::NoThing(_)));
        for name in ["", "a\u{0}b", "a\nb", &"x".repeat(129)] {
            assert!(matches!(refused(name, "meter-1"), ActError::DeviceName));
        }
    });
}

#[test]
fn identifiers_are_taken_by_things_bridges_and_recipients_alike() {
    on_both(|house| {
        house.with_bridge();
        let act = |run: &(dyn Fn(&mut custody::Act<'_, '_>) -> Result<Token, ActError> + Sync)| {
            house.custody.act(NOW, |act| run(act)).unwrap_err()
        };
        for id in ["meter-1", "utility-desk", "hub-1"] {
            let home = deployment("home");
            for refused in [
                act(&|it| it.register_thing(&thing(id), &home)),
                act(&|it| it.register_bridge(&bridge(id), &home, "tasmota")),
                act(&|it| it.register_recipient(&RecipientId::parse(id).unwrap())),
            ] {
                assert!(matches!(refused, ActError::Taken(_)), "{id}: {refused}");
            }
        }
        let nowhere = act(&|it| it.register_bridge(&bridge("b"), &deployment("moon"), "tasmota"));
        assert!(matches!(nowhere, ActError::NoDeployment(_)));
        for word in ["", "Tasmota", "a b", &"x".repeat(33)] {
            let refused = act(&|it| it.register_bridge(&bridge("b"), &deployment("home"), word));
            assert!(matches!(refused, ActError::AdapterWord));
        }
    });
}

#[test]
fn what_a_bridge_names_and_nobody_registered_is_remembered_within_bounds() {
    on_both(|house| {
        let token = house.with_bridge();
        let Some(Peer::Bridge(hub)) = house.who("hub-1", &token) else {
            panic!("the bridge is known");
        };
        hub.saw_unregistered("lamp", NOW);
        hub.saw_unregistered("lamp", NOW.plus_millis(5));
        let (seen, unlisted) = hub.seen();
        assert_eq!((seen.len(), unlisted), (1, 0));
        assert_eq!((seen[0].first, seen[0].last), (NOW, NOW.plus_millis(5)));
        assert_eq!(seen[0].times, 2);
        for number in 0..100_000 {
            hub.saw_unregistered(&format!("bomb-{number}"), NOW);
        }
        hub.saw_unregistered("bad\u{7}name", NOW);
        let (seen, unlisted) = hub.seen();
        assert_eq!(seen.len(), custody::MAX_SEEN_DEVICES);
        assert_eq!(unlisted, 100_001 - (custody::MAX_SEEN_DEVICES as u64 - 1));
        house
            .custody
            .act(NOW, |act| {
                act.bridge_speaks_for(&bridge("hub-1"), "lamp", &thing("meter-1"))
            })
            .unwrap();
        assert!(hub.seen().0.iter().all(|it| it.name != "lamp"));
        assert_eq!(hub.thing("lamp").unwrap().id().as_str(), "meter-1");
        house
            .custody
            .act(NOW, |act| act.bridge_forgets(&bridge("hub-1"), "lamp"))
            .unwrap();
        assert!(hub.thing("lamp").is_none());
    });
}

#[test]
fn a_topic_belongs_to_one_thing_of_a_deployment() {
    on_both(|house| {
        let new = |id: &str, name: &str| NewThing {
            topic: Some(topic(name)),
            adapter: Some("tasmota".into()),
            ..NewThing::plain(thing(id))
        };
        let home = deployment("home");
        let token = house
            .custody
            .act(NOW, |act| {
                act.register_new_thing(&new("plug-1", "tele/plug/SENSOR"), &home)
            })
            .unwrap();
        let Some(Peer::Thing(plug)) = house.who("plug-1", &token) else {
            panic!("the plug is known");
        };
        assert_eq!(plug.topic(), Some(topic("tele/plug/SENSOR")));
        assert_eq!(plug.adapter().as_deref(), Some("tasmota"));
        let twice = house.custody.act(NOW, |act| {
            act.register_new_thing(&new("plug-2", "tele/plug/SENSOR"), &home)
        });
        assert!(
            matches!(twice, Err(ActError::TopicTaken { thing, .. }) if thing.as_str() == "plug-1")
        );
        assert!(NativeTopic::parse("for/billing/home").is_err());
        // In another deployment the same topic is another.
        house
            .custody
            .act(NOW, |act| {
                act.set_topic(&thing("validator-1"), Some(&topic("tele/plug/SENSOR")))
            })
            .unwrap();
        // In force at once, for whoever is connected.
        house
            .custody
            .act(NOW, |act| {
                act.set_topic(&thing("plug-1"), None)?;
                act.set_adapter(&thing("plug-1"), None)?;
                act.set_topic(&thing("meter-1"), Some(&topic("tele/plug/SENSOR")))
            })
            .unwrap();
        assert_eq!((plug.topic(), plug.adapter()), (None, None));
        house.custody.check_in_force(NOW).unwrap();
        let again = house.reopen();
        assert_eq!(
            again.thing(&thing("meter-1")).unwrap().topic(),
            Some(topic("tele/plug/SENSOR"))
        );
    });
}

#[test]
fn a_renewed_token_and_the_one_before_are_both_taken_for_the_overlap() {
    on_both(|house| {
        let identities = [
            Identity::Thing(thing("meter-1")),
            Identity::Recipient(RecipientId::parse("utility-desk").unwrap()),
        ];
        let old = [house.meter.expose_secret(), house.utility.expose_secret()];
        let until = NOW.plus_millis(1_000);
        let long = NOW.plus_millis(custody::MAX_OVERLAP_MILLIS + 1);
        let refused = house
            .custody
            .act(NOW, |act| act.renew_token(&identities[0], long));
        assert!(matches!(refused, Err(ActError::Overlap)));
        let new = house
            .custody
            .act(NOW, |act| {
                let new = identities.iter().map(|it| act.renew_token(it, until));
                new.collect::<Result<Vec<_>, ActError>>()
            })
            .unwrap();
        let check = |custody: &Custody| {
            for ((identity, new), old) in identities.iter().zip(&new).zip(old) {
                let opens = |token: &str, at| {
                    custody
                        .authenticate(identity.as_str(), token.as_bytes(), at)
                        .is_some()
                };
                let (new, last) = (new.expose_secret(), NOW.plus_millis(999));
                assert!(opens(new, NOW) && opens(old, NOW) && opens(old, last));
                assert!(opens(new, until) && !opens(old, until));
            }
        };
        check(&house.custody);
        house.custody.check_in_force(NOW).unwrap();
        check(&house.reopen());
    });
}

#[test]
fn a_revoked_token_opens_nothing_and_stops_who_is_connected() {
    on_both(|house| {
        let meter = house.thing("meter-1", &house.meter);
        let mut desk = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(r#"{"energy": 1}"#);
        let (thing, recipient) = (
            Identity::Thing(thing("meter-1")),
            Identity::Recipient(RecipientId::parse("utility-desk").unwrap()),
        );
        house
            .custody
            .act(NOW, |act| {
                act.revoke(&thing)?;
                act.revoke(&recipient)
            })
            .unwrap();
        assert!(house.who("meter-1", &house.meter).is_none());
        assert!(house.who("utility-desk", &house.utility).is_none());
        let refused = house.custody.ingest(&meter, b"{}", NOW);
        assert!(matches!(refused, Err(IngestError::Unregistered)));
        assert_eq!(desk.next(NOW), None, "what waited may not leave any more");
        house.custody.check_in_force(NOW).unwrap();
        // A new token opens again, and the revoked one is not taken beside it.
        let new = house
            .custody
            .act(NOW, |act| act.renew_token(&thing, NOW.plus_millis(1_000)))
            .unwrap();
        assert!(house.who("meter-1", &new).is_some());
        assert!(house.who("meter-1", &house.meter).is_none());
        house.custody.ingest(&meter, b"{}", NOW).unwrap();
    });
}

#[test]
fn a_removed_thing_is_gone_for_good_and_what_it_sensed_stays_its_persons() {
    on_both(|house| {
        house.measure(r#"{"energy": 1}"#);
        house.with_bridge();
        let meter = house.thing("meter-1", &house.meter);
        house
            .custody
            .act(NOW, |act| {
                act.set_topic(&thing("meter-1"), Some(&topic("m/1")))?;
                act.remove_thing(&thing("meter-1"))
            })
            .unwrap();
        assert!(matches!(
            house.custody.ingest(&meter, b"{}", NOW),
            Err(IngestError::Unregistered)
        ));
        assert!(house.who("meter-1", &house.meter).is_none());
        let home = deployment("home");
        assert_eq!(house.custody.in_force_at(&home, NOW).unwrap().things, 0);
        assert!(house.custody.bridges()[0].thing("Küche").is_none());
        assert!(house.custody.concerns(&person("p-resident"), &home));
        house.custody.check_in_force(NOW).unwrap();
        let again = house
            .custody
            .act(NOW, |act| act.register_thing(&thing("meter-1"), &home));
        assert!(matches!(again, Err(ActError::Taken(_))));
        for refused in [
            house
                .custody
                .act(NOW, |act| act.remove_thing(&thing("meter-1"))),
            house
                .custody
                .act(NOW, |act| act.revoke(&Identity::Thing(thing("meter-1")))),
            house
                .custody
                .act(NOW, |act| act.set_topic(&thing("meter-1"), None)),
        ] {
            assert!(matches!(refused, Err(ActError::NoThing(_))), "{refused:?}");
        }
        // Its topic is free again.
        house
            .custody
            .act(NOW, |act| {
                act.register_thing(&thing("meter-2"), &home)?;
                act.set_topic(&thing("meter-2"), Some(&topic("m/1")))
            })
            .unwrap();
        assert_eq!(house.reopen().in_force_at(&home, NOW).unwrap().things, 1);
    });
}

#[test]
fn a_hub_publishes_and_receives_with_one_token() {
    on_both(|house| {
        let token = house.with_bridge();
        let (hub, desk) = (
            Identity::Bridge(bridge("hub-1")),
            RecipientId::parse("utility-desk").unwrap(),
        );
        assert!(house.who("hub-1?purpose=billing", &token).is_none());
        house
            .custody
            .act(NOW, |act| act.tie(&hub, Some(&desk)))
            .unwrap();
        let check = |custody: &Custody| {
            let password = token.expose_secret().as_bytes();
            let peer = custody.authenticate("hub-1?purpose=billing", password, NOW);
            let peer = peer.unwrap();
            assert_eq!(peer.bridge().unwrap().id().as_str(), "hub-1");
            assert_eq!(peer.recipient().unwrap().id(), &desk);
            assert_eq!(peer.purpose().unwrap().as_str(), "billing");
            assert!(peer.publisher().is_some());
        };
        check(&house.custody);
        assert!(house.who("hub-1", &token).unwrap().purpose().is_none());
        let back = house.custody.act(NOW, |act| {
            act.tie(&Identity::Recipient(desk.clone()), Some(&desk))
        });
        assert!(matches!(back, Err(ActError::NoPublisher(_))));
        let untied = |custody: &Custody| {
            let password = token.expose_secret().as_bytes();
            custody.authenticate("hub-1", password, NOW)
        };
        house.custody.act(NOW, |act| act.tie(&hub, None)).unwrap();
        assert!(matches!(untied(&house.custody), Some(Peer::Bridge(_))));
        house
            .custody
            .act(NOW, |act| act.tie(&hub, Some(&desk)))
            .unwrap();
        check(&house.reopen());
    });
}

#[test]
fn a_recipient_names_its_purpose_at_the_door_or_not_at_all() {
    on_both(|house| {
        let who = |name: &str| house.who(name, &house.utility);
        assert!(matches!(who("utility-desk"), Some(Peer::Recipient(_))));
        assert!(matches!(
            who("utility-desk?purpose=billing"),
            Some(Peer::RecipientFor(_, purpose)) if purpose.as_str() == "billing"
        ));
        for bad in [
            "utility-desk?",
            "utility-desk?purpose=",
            "utility-desk?purpose=A",
            "utility-desk?purpose=a&purpose=b",
            "utility-desk?x=1",
            "?purpose=billing",
        ] {
            assert!(who(bad).is_none(), "{bad}");
        }
        let meter = house.who("meter-1?purpose=billing", &house.meter);
        assert!(meter.is_none(), "who only publishes has no purpose to name");
    });
}

//! What the demo's alliance consists of. Where the messages come from says `demo/ATTRIBUTION.md`.

use model::Chamber;

/// A member of the demo.
pub(crate) struct DemoMember {
    pub(crate) id: &'static str,
    pub(crate) chamber: Chamber,
    pub(crate) name: [&'static str; 2],
    pub(crate) about: [&'static str; 2],
}

/// Who joined; texts in English and Urdu.
pub(crate) const MEMBERS: [DemoMember; 5] = [
    DemoMember {
        id: "city-environment-agency",
        chamber: Chamber::Government,
        name: ["City environment agency", "شہری محکمۂ ماحولیات"],
        about: [
            "Measures the air of the city and warns when it is bad.",
            "شہر کی ہوا کا معیار ناپتا ہے اور خراب ہونے پر خبردار کرتا ہے۔",
        ],
    },
    DemoMember {
        id: "city-bus-company",
        chamber: Chamber::Vendors,
        name: ["City bus company", "شہری بس کمپنی"],
        about: [
            "Runs the buses of the city and their ticket validators.",
            "شہر کی بسیں اور ان کی ٹکٹ مشینیں چلاتی ہے۔",
        ],
    },
    DemoMember {
        id: "university-research-group",
        chamber: Chamber::Academia,
        name: ["University research group", "یونیورسٹی کا تحقیقی گروہ"],
        about: [
            "Studies energy, travel and air, and publishes what it finds.",
            "توانائی، سفر اور ہوا پر تحقیق کرتا ہے اور نتائج شائع کرتا ہے۔",
        ],
    },
    DemoMember {
        id: "consumer-rights-society",
        chamber: Chamber::Ngos,
        name: ["Consumer rights society", "انجمن حقوقِ صارفین"],
        about: [
            "Helps people who were treated unfairly.",
            "ان لوگوں کی مدد کرتی ہے جن کے ساتھ ناانصافی ہوئی۔",
        ],
    },
    DemoMember {
        id: "residents-association",
        chamber: Chamber::Communities,
        name: ["Residents' association", "رہائشیوں کی انجمن"],
        about: [
            "Speaks for the people who live beside the devices.",
            "ان لوگوں کی آواز ہے جو آلات کے ساتھ رہتے ہیں۔",
        ],
    },
];

/// A deployment of the demo.
pub(crate) struct DemoDeployment {
    pub(crate) id: &'static str,
    /// The notice in force (TOML).
    pub(crate) notice: &'static str,
    /// Why the licence was issued: stands in the public record.
    pub(crate) licence_reason: &'static str,
    pub(crate) things: &'static [DemoThing],
}

/// A thing of the demo.
pub(crate) struct DemoThing {
    pub(crate) id: &'static str,
    /// The topic that such a device uses.
    pub(crate) topic: &'static str,
    /// Its messages, one a line.
    pub(crate) messages: &'static str,
    pub(crate) senses: Senses,
    pub(crate) obeys: Obeys,
}

/// What a thing of the demo does when it is told to stop a measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obeys {
    /// It does not listen.
    Deaf,
    /// It listens on a topic, and leaves out the fields that the command names with `false`.
    Stops(&'static str),
    /// It listens on a topic, says that it has the command, and does nothing.
    Never(&'static str),
}

/// Whom a thing of the demo senses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Senses {
    /// Nobody, or whom its messages name.
    NobodyAssigned,
    /// The resident, as a member of the household.
    Household,
    /// The resident, who holds it.
    Holder,
}

/// The number in the messages of the buses that is the resident's card.
pub(crate) const RESIDENT_CARD: &str = "10";
/// The deployment whose messages name people by card.
pub(crate) const CARD_DEPLOYMENT: &str = "city-buses";

macro_rules! thing {
    ($id:literal, $topic:literal, $senses:ident) => {
        thing!($id, $topic, $senses, Obeys::Deaf)
    };
    ($id:literal, $topic:literal, $senses:ident, $obeys:expr) => {
        DemoThing {
            id: $id,
            topic: $topic,
            messages: include_str!(concat!("../../demo/", $id, ".jsonl")),
            senses: Senses::$senses,
            obeys: $obeys,
        }
    };
}

/// What is put to use.
pub(crate) const DEPLOYMENTS: [DemoDeployment; 3] = [
    DemoDeployment {
        id: "street-air",
        notice: include_str!("../../demo/notices/street-air.toml"),
        licence_reason: "No person is sensed; the notice is complete.",
        things: &[
            thing!("air-dust", "air/dust/up", NobodyAssigned),
            thing!("air-co2", "air/co2/up", NobodyAssigned),
            thing!("air-weather", "air/weather/up", NobodyAssigned),
            thing!("air-hall", "air/hall/up", NobodyAssigned),
        ],
    },
    DemoDeployment {
        id: "city-buses",
        notice: include_str!("../../demo/notices/city-buses.toml"),
        licence_reason: "Research needs consent; planning receives coarse places only.",
        things: &[
            thing!("bus-validator-1", "validators/1", NobodyAssigned),
            thing!("bus-validator-2", "validators/2", NobodyAssigned),
            thing!("bus-validator-3", "validators/3", NobodyAssigned),
        ],
    },
    DemoDeployment {
        id: "family-home",
        notice: include_str!("../../demo/notices/family-home.toml"),
        licence_reason: "The household takes part of its own free will and can leave at any time.",
        things: &[
            thing!(
                "home-meter",
                "home/meter",
                Household,
                Obeys::Stops("home-meter/set")
            ),
            thing!(
                "home-plug",
                "shellyplusplugs/status",
                Household,
                Obeys::Never("home-plug/rpc")
            ),
            thing!("home-tracker", "owntracks/family/car", Holder),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::Notice;

    use super::*;

    #[test]
    fn notices_name_their_deployment_and_a_member() {
        for deployment in &DEPLOYMENTS {
            let notice = Notice::parse(deployment.notice).unwrap();
            assert_eq!(notice.deployment.as_str(), deployment.id);
            assert!(MEMBERS.iter().any(|it| it.id == notice.controller.as_str()));
        }
    }

    #[test]
    fn every_message_is_an_object_and_every_declared_field_arrives() {
        for deployment in &DEPLOYMENTS {
            let notice = Notice::parse(deployment.notice).unwrap();
            let mut arrived = BTreeSet::new();
            for thing in deployment.things {
                for line in thing.messages.lines() {
                    let message: serde_json::Value = serde_json::from_str(line).unwrap();
                    assert!(message.is_object(), "{}", thing.id);
                    for field in &notice.fields {
                        if message.pointer(field.pointer.as_str()).is_some() {
                            arrived.insert(field.pointer.to_string());
                        }
                    }
                }
            }
            for field in &notice.fields {
                assert!(
                    arrived.contains(field.pointer.as_str()),
                    "{}",
                    field.pointer
                );
            }
        }
    }

    #[test]
    fn things_that_listen_are_told_on_the_topic_on_which_they_listen() {
        for deployment in &DEPLOYMENTS {
            let notice = Notice::parse(deployment.notice).unwrap();
            for thing in deployment.things {
                let (Obeys::Stops(topic) | Obeys::Never(topic)) = thing.obeys else {
                    continue;
                };
                let mut switches = notice.source_switches.iter();
                assert!(switches.any(|it| it.topic.replace("{thing}", thing.id) == topic));
            }
        }
    }

    #[test]
    fn something_undeclared_arrives_in_every_deployment() {
        for (deployment, undeclared) in
            DEPLOYMENTS
                .iter()
                .zip(["Room_Occupancy_Count", "track_id", "ssid"])
        {
            assert!(
                deployment
                    .things
                    .iter()
                    .any(|it| it.messages.contains(&format!("\"{undeclared}\":")))
            );
            assert!(!deployment.notice.contains(&format!("/{undeclared}\"")));
        }
    }

    #[test]
    fn the_material_stays_small_and_gives_credit() {
        let credit = include_str!("../../demo/ATTRIBUTION.md");
        let mut bytes = 0;
        for thing in DEPLOYMENTS.iter().flat_map(|it| it.things) {
            bytes += thing.messages.len();
            assert!(credit.contains(&format!("`{}.jsonl`", thing.id)));
        }
        assert!(bytes < 400_000, "{bytes} bytes");
    }
}

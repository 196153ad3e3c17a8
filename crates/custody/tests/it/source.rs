//! Off means off at the source: what is wanted of things, what they are told, and what they do.

mod connection;
mod slow;

use std::sync::Arc;

use custody::{
    ActError, CommandAck, Happening, MAX_EVENTS_PER_HOUR, PublicCount, Setting, SourceListener,
    SourceState, Standing, ThingPeer,
};
use model::{
    Assignment, DeploymentId, Grant, Level, Licence, LicenceState, Notice, PersonId, PurposeId,
    RecipientId, Role, ThingId, Timestamp,
};

use crate::fixture::{House, NOW, choice, deployment, licence, on_both, open, person};

/// Two switches for the home: power can be slowed down, temperature is confirmed.
const SWITCHES: &str = r#"
[[source-switches]]
fields = ["/power"]
topic = "cmnd/{thing}/TelePeriod"
off = "0"
on = "10"
slow = "3600"
patience-seconds = 60

[[source-switches]]
fields = ["/room/temperature"]
topic = "zigbee2mqtt/{thing}/set"
off = '{"temperature_report": false}'
on = '{"temperature_report": true}'
confirm = { field = "/report", off = "false", on = "true" }
patience-seconds = 60
"#;

/// The field in which the temperature switch is confirmed, as fields stand in a notice.
const REPORT: &str = r#"
[[fields]]
pointer = "/report"
title = { en = "Reporting", ur = "اطلاع" }
kind = "boolean"
sensitivity = "low"
"#;

fn after(seconds: i64) -> Timestamp {
    NOW.plus_millis(seconds * 1_000)
}

/// The notice of the home with its switches, as the version that follows.
fn switched(version: u32) -> String {
    let home = include_str!("home.toml").replace("version = 1", &format!("version = {version}"));
    let home = home.replace(
        "[[purposes]]\nid = \"billing\"",
        &format!("{REPORT}\n[[purposes]]\nid = \"billing\""),
    );
    format!("{home}\n{SWITCHES}")
}

fn publish(house: &House, source: &str) {
    let notice = Notice::parse(source).unwrap();
    let published = house
        .custody
        .act(NOW, |act| act.publish_notice(&notice, source));
    published.unwrap();
}

/// A home whose meter listens, where nothing is off but what nobody allowed.
struct Home {
    house: House,
    meter: Arc<ThingPeer>,
    listener: Option<SourceListener>,
}

impl Home {
    fn new(house: House) -> Self {
        publish(&house, &switched(2));
        let meter = house.thing("meter-1", &house.meter);
        let listener = Some(house.custody.listen(&meter, |_| true));
        Self {
            house,
            meter,
            listener,
        }
    }

    fn tick(&self, seconds: i64) {
        self.house.custody.tick(after(seconds)).unwrap();
    }

    /// Ticks and takes what the meter is told.
    fn told(&mut self, seconds: i64) -> Vec<String> {
        self.tick(seconds);
        let texts = self.take(seconds, CommandAck::Never);
        self.tick(seconds);
        texts
    }

    fn take(&mut self, seconds: i64, ack: CommandAck) -> Vec<String> {
        let Some(listener) = &mut self.listener else {
            return Vec::new();
        };
        let mut texts = Vec::new();
        while let Some(command) = listener.take_command() {
            if command.is_current(after(seconds)) {
                listener.sent(&command, ack, after(seconds));
                texts.push(format!("{} {}", command.topic(), command.payload()));
            }
        }
        texts.sort();
        texts
    }

    fn choose(&self, field: &str, level: Level) {
        let all = [("billing", "utility-desk"), ("research", "university")];
        let all = all
            .iter()
            .filter(|it| field == "/power" || it.0 == "research");
        let choices: Vec<_> = all.map(|it| choice(field, it.0, it.1, level)).collect();
        self.house.custody.choose(&choices, NOW).unwrap();
    }

    fn send(&self, payload: &str, seconds: i64) {
        let sent = self
            .house
            .custody
            .ingest(&self.meter, payload.as_bytes(), after(seconds));
        sent.unwrap();
    }

    fn states(&self, seconds: i64) -> Vec<SourceState> {
        let (who, home) = (person("p-resident"), deployment("home"));
        let states = self
            .house
            .custody
            .source_states(&who, &home, after(seconds));
        states.unwrap()
    }

    /// Power and temperature.
    fn standing(&self, seconds: i64) -> [(Setting, Standing); 2] {
        let states = self.states(seconds);
        [&states[0], &states[1]].map(|it| (it.wanted, it.standing))
    }
}

const POWER_OFF: &str = "cmnd/meter-1/TelePeriod 0";
const POWER_SLOW: &str = "cmnd/meter-1/TelePeriod 3600";
const POWER_ON: &str = "cmnd/meter-1/TelePeriod 10";
const TEMPERATURE_OFF: &str = r#"zigbee2mqtt/meter-1/set {"temperature_report": false}"#;
const TEMPERATURE_ON: &str = r#"zigbee2mqtt/meter-1/set {"temperature_report": true}"#;

#[test]
fn a_thing_is_told_what_choices_come_to_and_only_when_that_changes() {
    on_both(|house| {
        let mut home = Home::new(house);
        // Nobody allowed the temperature yet: it is off from the first moment. Power goes to billing.
        assert_eq!(home.told(0), [TEMPERATURE_OFF]);
        assert!(home.told(1).is_empty());
        home.choose("/power", Level::coarse(1).unwrap());
        assert_eq!(home.told(2), [POWER_SLOW]);
        home.choose("/power", Level::OFF);
        assert_eq!(home.told(3), [POWER_OFF]);
        home.choose("/power", Level::ON);
        home.choose("/room/temperature", Level::ON);
        assert_eq!(home.told(4), [POWER_ON, TEMPERATURE_ON]);
        assert!(home.told(5).is_empty());
        assert_eq!(home.standing(5), [(Setting::On, Standing::Told); 2]);
    });
}

#[test]
fn a_thing_that_changes_its_mind_each_second_does_not_fill_the_database() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.told(0);
        for second in 70..200 {
            let says = r#"{"report":false}"#;
            let contradicts = r#"{"report":true}"#;
            home.send(if second % 2 == 0 { says } else { contradicts }, second);
            home.tick(second);
        }
        let custody = &home.house.custody;
        let (who, id) = (person("p-resident"), deployment("home"));
        let shown = |limit| {
            let events = custody.source_events(&who, &id, limit).unwrap();
            let shown = |it: &Happening| matches!(it, Happening::Obeyed | Happening::Disobeyed);
            let of_temperature = events.iter().filter(|it| it.fields[0].as_str() != "/power");
            of_temperature.filter(|it| shown(&it.what)).count()
        };
        assert_eq!(shown(500), usize::from(MAX_EVENTS_PER_HOUR));
        let before = custody.unwritten_source_events();
        assert!(before > 0, "the rest is counted");
        // The next hour has its own.
        home.send(r#"{"report":false}"#, 4_000);
        home.tick(4_000);
        home.send(r#"{"report":true}"#, 4_001);
        home.tick(4_001);
        assert!(shown(500) > usize::from(MAX_EVENTS_PER_HOUR));
    });
}

#[test]
fn the_licence_and_the_end_of_a_grant_switch_too() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.choose("/room/temperature", Level::ON);
        assert!(home.told(0).is_empty());
        let suspended = licence(LicenceState::Suspended);
        let act = |licence| {
            home.house
                .custody
                .act(NOW, |act| act.set_licence(&deployment("home"), licence))
        };
        act(suspended).unwrap();
        act(Licence {
            state: LicenceState::Active,
            until: None,
        })
        .unwrap();
        assert!(
            home.told(1).is_empty(),
            "what was over before it was told is not told"
        );
        let home_id = deployment("home");
        home.house
            .custody
            .act(NOW, |act| act.set_licence(&home_id, suspended))
            .unwrap();
        assert_eq!(home.told(2), [POWER_OFF, TEMPERATURE_OFF]);
        let active = licence(LicenceState::Active);
        home.house
            .custody
            .act(NOW, |act| act.set_licence(&home_id, active))
            .unwrap();
        assert_eq!(home.told(3), [POWER_ON, TEMPERATURE_ON]);
        // All grants end at second 1000: nobody acts then.
        assert!(home.told(999).is_empty());
        assert_eq!(home.told(1_000), [POWER_OFF, TEMPERATURE_OFF]);
    });
}

#[test]
fn the_beginning_of_an_assignment_switches_in_time() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.choose("/room/temperature", Level::ON);
        assert!(home.told(0).is_empty());
        // A second person moves in at second 100, who allows no research.
        home.house
            .custody
            .act(NOW, |act| {
                act.assign(&Assignment {
                    thing: ThingId::parse("meter-1").unwrap(),
                    person: person("p-second"),
                    role: Role::Household,
                    valid_from: after(100),
                    valid_until: Some(after(200)),
                })
            })
            .map_err(|it: ActError| it)
            .unwrap();
        assert!(home.told(99).is_empty());
        assert_eq!(home.told(100), [TEMPERATURE_OFF]);
        // Who was not there when the thing was told does not see when that was.
        let (second, home_id) = (person("p-second"), deployment("home"));
        let states = home
            .house
            .custody
            .source_states(&second, &home_id, after(101))
            .unwrap();
        assert_eq!(states[1].told_at, Some(after(100)));
        assert_eq!(home.told(200), [TEMPERATURE_ON]);
        let states = home
            .house
            .custody
            .source_states(&second, &home_id, after(201))
            .unwrap();
        assert!(states.is_empty(), "the thing does not sense them any more");
    });
}

#[test]
fn it_is_seen_whether_a_thing_obeys() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.choose("/power", Level::OFF);
        assert_eq!(home.told(0), [POWER_OFF, TEMPERATURE_OFF]);
        assert_eq!(home.standing(0), [(Setting::Off, Standing::Told); 2]);
        assert_eq!(home.states(0)[0].told_at, Some(NOW));
        // Power goes on; the temperature is confirmed.
        home.send(r#"{"power":5,"report":false}"#, 61);
        home.tick(61);
        assert_eq!(
            home.standing(61),
            [
                (Setting::Off, Standing::Disobeyed),
                (Setting::Off, Standing::Obeyed)
            ]
        );
        // Told again after 30 seconds, and it obeys: other messages come without it.
        assert!(home.told(90).is_empty());
        assert_eq!(home.told(91), [POWER_OFF]);
        home.send(r#"{"report":false}"#, 152);
        home.tick(152);
        assert_eq!(home.standing(152), [(Setting::Off, Standing::Obeyed); 2]);
        // It says that it obeys and measures all the same.
        home.send(r#"{"room":{"temperature":21},"report":false}"#, 300);
        home.tick(300);
        assert_eq!(home.standing(300)[1], (Setting::Off, Standing::Disobeyed));
        let (who, id) = (person("p-resident"), deployment("home"));
        let events = home.house.custody.source_events(&who, &id, 5).unwrap();
        let found: Vec<_> = events
            .iter()
            .map(|it| (it.at, it.setting, it.what))
            .collect();
        let off = |at, what| (after(at), Setting::Off, what);
        assert_eq!(
            found[..3],
            [
                off(300, Happening::Disobeyed),
                off(152, Happening::Obeyed),
                off(91, Happening::Told)
            ]
        );
        let both = [off(61, Happening::Obeyed), off(61, Happening::Disobeyed)];
        assert!(both.iter().all(|it| found[3..].contains(it)), "{found:?}");
        assert_eq!((events.len(), events[0].fields.len()), (5, 1));
        let counts = home
            .house
            .custody
            .source_counts(&deployment("home"))
            .unwrap();
        assert_eq!(
            counts.disobey,
            PublicCount::FewerThan(5),
            "a small count would tell on people"
        );
    });
}

#[test]
fn a_restart_keeps_what_things_were_told_and_what_came_of_it() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.choose("/power", Level::OFF);
        assert_eq!(home.told(0).len(), 2);
        home.send(r#"{"power":5,"report":false}"#, 61);
        home.tick(61);
        let before = home.states(61);
        home.listener = None;
        home.house.custody.close().unwrap();
        let custody = open(&home.house.db, &home.house.directory);
        custody.tick(after(62)).unwrap();
        let (who, id) = (person("p-resident"), deployment("home"));
        assert_eq!(custody.source_states(&who, &id, after(62)).unwrap(), before);
        // What was to be told again is.
        let token = home.house.meter.expose_secret().as_bytes();
        let Some(custody::Peer::Thing(meter)) = custody.authenticate("meter-1", token, NOW) else {
            panic!("the meter is gone");
        };
        let mut listener = custody.listen(&meter, |_| true);
        custody.tick(after(91)).unwrap();
        let told: Vec<_> = std::iter::from_fn(|| listener.take_command()).collect();
        let told: Vec<_> = told.iter().map(|it| it.payload()).collect();
        assert_eq!(told, ["0"]);
    });
}

#[test]
fn a_new_notice_with_other_words_is_told_and_one_without_switches_ends_it() {
    on_both(|house| {
        let mut home = Home::new(house);
        assert_eq!(home.told(0), [TEMPERATURE_OFF]);
        let other = switched(3).replace(
            "temperature_report\": false",
            "temperature_periodic\": false",
        );
        publish(&home.house, &other);
        let told = home.told(1);
        assert_eq!(
            told,
            [r#"zigbee2mqtt/meter-1/set {"temperature_periodic": false}"#]
        );
        home.send(r#"{"report":false}"#, 2);
        home.tick(2);
        assert_eq!(home.standing(2)[1], (Setting::Off, Standing::Obeyed));
        publish(&home.house, &switched(4));
        assert!(home.told(3).is_empty(), "it obeys, whatever the words");
        let none = include_str!("home.toml").replace("version = 1", "version = 5");
        publish(&home.house, &none);
        home.tick(4);
        assert!(home.states(4).is_empty());
        assert_eq!(home.house.custody.source_counts(&deployment("home")), None);
        assert!(home.house.custody.command_topics(&home.meter).is_empty());
    });
}

#[test]
fn where_messages_name_people_a_source_stays_on_while_anyone_of_them_shares() {
    on_both(|house| {
        let switches = r#"
[[source-switches]]
fields = ["/power"]
topic = "{thing}/rpc"
off = '{"id": 1, "src": "amanat", "method": "Script.Start", "params": {"id": 1}}'
on = '{"id": 1, "src": "amanat", "method": "Script.Stop", "params": {"id": 1}}'
patience-seconds = 60
"#;
        let bus = include_str!("bus.toml").replace("version = 1", "version = 2");
        publish(&house, &format!("{bus}\n{switches}"));
        let validator = house.thing("validator-1", &house.validator);
        let mut listener = house.custody.listen(&validator, |_| true);
        house.custody.tick(NOW).unwrap();
        assert!(
            listener.take_command().is_none(),
            "a grant and a legal basis let it on"
        );
        withdraw(&house, "bus");
        house.custody.tick(after(1)).unwrap();
        let told = listener.take_command().unwrap();
        assert_eq!(told.topic(), "validator-1/rpc");
        assert!(told.payload().contains("Script.Start"));
    });
}

/// Ends every access to a deployment.
fn withdraw(house: &House, id: &str) {
    let id: DeploymentId = deployment(id);
    let who: PersonId = person("p-resident");
    assert!(house.custody.concerns(&who, &id));
    house
        .custody
        .act(NOW, |act| {
            for (recipient, purpose) in [("utility-desk", "billing"), ("university", "research")] {
                act.grant(&Grant {
                    recipient: RecipientId::parse(recipient).unwrap(),
                    purpose: PurposeId::parse(purpose).unwrap(),
                    deployment: id.clone(),
                    valid_from: NOW.plus_millis(-1),
                    valid_until: Some(NOW),
                })?;
            }
            Ok::<_, ActError>(())
        })
        .unwrap();
}

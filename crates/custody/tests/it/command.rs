//! Commands to things: who may send one, when it is refused, that it never comes too late or twice, and what is kept of it.

use std::sync::Arc;

use custody::{
    Command, CommandAck, CommandEvent, CommandId, CommandOutcome, CommandRefusal, CommandRequest,
    MAX_COMMANDS_PER_MINUTE, MAX_WAITING_PER_THING, PublicCount, RecipientPeer, RefusedBecause,
    SourceListener, ThingPeer,
};
use model::{
    CommandName, Grant, Level, LicenceState, Notice, PurposeId, RecipientId, ThingId, Timestamp,
};

use crate::fixture::{House, NOW, choice, deployment, house, licence, on_both, open, person};

mod naive;
mod restart;
mod told;
mod unread;

use restart::restarted;

/// A heater that gets hot, and a wish to measure.
const COMMANDS: &str = r#"
[[source-switches]]
fields = ["/room/temperature"]
topic = "{thing}/set"
off = "off"
on = "on"

[[commands]]
id = "heat"
title = { en = "Heat", ur = "گرم کرنا" }
does = { en = "The heater gets hot.", ur = "ہیٹر گرم ہوتا ہے۔" }
topic = "{thing}/heat"
payload = '{"heat": {watts}, "how": "{how}"}'
recipients = ["utility-desk"]
purpose = "billing"
expires-seconds = 30
least-seconds-between = 0
confirm = { field = "/heating", is = "{watts}" }
[[commands.arguments]]
name = "watts"
kind = "number"
min = 0
max = 2000
[[commands.arguments]]
name = "how"
kind = "choice"
words = ["slow", "fast"]
[[commands.interlocks]]
when = "/power > 2000"
max-age-seconds = 60
why = { en = "The wires would burn.", ur = "تاریں جل جائیں گی۔" }
[[commands.interlocks]]
when = '/lid = "open"'
max-age-seconds = 60
why = { en = "Somebody has a hand in it.", ur = "کسی کا ہاتھ اندر ہے۔" }

[[commands]]
id = "measure"
title = { en = "Measure", ur = "ناپنا" }
does = { en = "The meter measures once.", ur = "میٹر ایک بار ناپتا ہے۔" }
topic = "{thing}/set"
payload = "once"
recipients = ["university"]
purpose = "research"
touches = ["/room/temperature"]
expires-seconds = 5
least-seconds-between = 10
"#;

/// Fields that nobody receives.
const FIELDS: &str = r#"
[[fields]]
pointer = "/lid"
title = { en = "Lid", ur = "ڈھکن" }
kind = "text"
sensitivity = "low"

[[fields]]
pointer = "/heating"
title = { en = "Heating", ur = "گرمی" }
kind = "number"
sensitivity = "low"
"#;

fn notice(version: u32) -> String {
    let home = include_str!("home.toml").replace("version = 1", &format!("version = {version}"));
    let before = "[[purposes]]\nid = \"billing\"";
    let home = home.replace(before, &format!("{FIELDS}\n{before}"));
    format!("{home}\n{COMMANDS}")
}

fn publish(house: &House, source: &str) {
    let notice = Notice::parse(source).unwrap();
    let published = house
        .custody
        .act(NOW, |act| act.publish_notice(&notice, source));
    published.unwrap();
}

fn after(millis: i64) -> Timestamp {
    NOW.plus_millis(millis)
}

/// A home with commands, and those who have to do with it.
struct Home {
    house: House,
    meter: Arc<ThingPeer>,
    utility: Arc<RecipientPeer>,
    university: Arc<RecipientPeer>,
}

impl Home {
    fn new(house: House) -> Self {
        publish(&house, &notice(2));
        Self {
            meter: house.thing("meter-1", &house.meter),
            utility: house.recipient("utility-desk", &house.utility),
            university: house.recipient("university", &house.university),
            house,
        }
    }

    fn listen(&self) -> SourceListener {
        self.house.custody.listen(&self.meter, |_| true)
    }

    fn send(&self, payload: &str, at: Timestamp) {
        let sent = self
            .house
            .custody
            .ingest(&self.meter, payload.as_bytes(), at);
        sent.unwrap();
    }

    /// What the heater says when it is safe.
    fn safe(&self, at: Timestamp) {
        self.send(r#"{"power": 100, "lid": "shut"}"#, at);
    }

    fn heat(&self, at: Timestamp) -> Result<CommandId, CommandRefusal> {
        self.ask(
            &self.utility,
            "heat",
            "billing",
            r#"{"watts": 900, "how": "slow"}"#,
            at,
        )
    }

    fn measure(&self, at: Timestamp) -> Result<CommandId, CommandRefusal> {
        self.ask(&self.university, "measure", "research", "{}", at)
    }

    fn ask(
        &self,
        who: &Arc<RecipientPeer>,
        command: &str,
        purpose: &str,
        arguments: &str,
        at: Timestamp,
    ) -> Result<CommandId, CommandRefusal> {
        let request = CommandRequest {
            thing: ThingId::parse("meter-1").unwrap(),
            command: CommandName::parse(command).unwrap(),
            arguments: serde_json::from_str(arguments).unwrap(),
            purpose: PurposeId::parse(purpose).unwrap(),
            deployment: None,
            within_seconds: None,
        };
        self.house.custody.command(who, &request, at)
    }

    fn status(&self, id: CommandId, at: Timestamp) -> CommandOutcome {
        let custody = &self.house.custody;
        let found = custody.command_status(&self.utility, id, at).unwrap();
        found.unwrap().outcome
    }

    fn tick(&self, at: Timestamp) {
        self.house.custody.tick(at).unwrap();
    }

    /// What the resident sees.
    fn seen(&self, at: Timestamp) -> Vec<CommandEvent> {
        let (who, home) = (person("p-resident"), deployment("home"));
        self.house
            .custody
            .commands_about(&who, &home, 10, at)
            .unwrap()
    }

    fn grant(&self, recipient: &str, purpose: &str, until: Option<Timestamp>) {
        let grant = Grant {
            recipient: RecipientId::parse(recipient).unwrap(),
            purpose: PurposeId::parse(purpose).unwrap(),
            deployment: deployment("home"),
            valid_from: NOW,
            valid_until: until,
        };
        self.house
            .custody
            .act(NOW, |act| act.grant(&grant))
            .unwrap();
    }
}

/// What a listener may hand over now; what it may not is dead.
fn taken(listener: &mut SourceListener, ack: CommandAck, at: Timestamp) -> Vec<Arc<Command>> {
    let mut taken = Vec::new();
    while let Some(command) = listener.take_command() {
        if command.is_current(at) {
            listener.sent(&command, ack, at);
            taken.push(command);
        }
    }
    taken
}

fn words(taken: &[Arc<Command>]) -> Vec<String> {
    let words = taken
        .iter()
        .map(|it| format!("{} {}", it.topic(), it.payload()));
    words.collect()
}

const HEAT: &str = r#"meter-1/heat {"heat": 900, "how": "slow"}"#;

#[test]
fn a_command_goes_to_a_thing_that_listens_and_its_way_is_in_the_log() {
    on_both(|house| {
        let home = Home::new(house);
        let mut listener = home.listen();
        home.safe(NOW);
        let id = home.heat(NOW).unwrap();
        assert_eq!(home.status(id, NOW), CommandOutcome::Queued);
        let sent = taken(&mut listener, CommandAck::Within(30_000), after(5));
        assert_eq!(words(&sent), [HEAT]);
        assert_eq!(home.status(id, after(5)), CommandOutcome::Sent);
        listener.received(sent[0].id(), after(6));
        assert_eq!(home.status(id, after(6)), CommandOutcome::Acknowledged);
        home.send(r#"{"heating": 900.0}"#, after(7));
        // Nobody receives `/heating`, so the recipient is not told what follows from it. The resident is.
        assert_eq!(home.status(id, after(7)), CommandOutcome::Acknowledged);
        home.tick(after(8));
        let seen = home.seen(after(9));
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].outcome, CommandOutcome::Confirmed);
        assert_eq!(seen[0].arguments, r#"{"watts":900,"how":"slow"}"#);
        assert_eq!(seen[0].recipient.as_str(), "utility-desk");
        assert_eq!(
            (seen[0].sent_at, seen[0].outcome_at),
            (Some(after(5)), after(7))
        );
        // The same from the rows, and as long as the log is kept.
        let day = 86_400_000;
        home.tick(after(2 * day));
        assert_eq!(home.seen(after(2 * day)), seen);
        let counts = home
            .house
            .custody
            .command_counts(&deployment("home"))
            .unwrap();
        assert_eq!(counts.unwrap().sent, PublicCount::FewerThan(5));
        home.tick(after(91 * day));
        assert_eq!(home.seen(after(91 * day)), []);
    });
}

#[test]
fn a_command_is_dead_to_the_millisecond() {
    on_both(|house| {
        let home = Home::new(house);
        home.safe(NOW);
        let id = home.heat(NOW).unwrap();
        assert!(taken(&mut home.listen(), CommandAck::Never, after(29_999)).len() == 1);
        assert_eq!(home.status(id, after(30_000)), CommandOutcome::Sent);
        home.safe(after(30_000));
        let id = home.heat(after(30_000)).unwrap();
        let mut listener = home.listen();
        assert!(taken(&mut listener, CommandAck::Never, after(60_000)).is_empty());
        assert_eq!(home.status(id, after(60_000)), CommandOutcome::Expired);
        // Nor does it come to anybody later, whatever the clock says.
        drop(listener);
        home.tick(after(40_000));
        assert!(taken(&mut home.listen(), CommandAck::Never, after(40_000)).is_empty());
        // Nobody listens: time alone ends it.
        let id = home.heat(after(60_000)).unwrap();
        home.tick(after(89_999));
        assert_eq!(home.status(id, after(89_999)), CommandOutcome::Queued);
        home.tick(after(90_000));
        assert_eq!(home.status(id, after(90_000)), CommandOutcome::Expired);
    });
}

#[test]
fn what_is_not_known_refuses() {
    on_both(|house| {
        let home = Home::new(house);
        let interlock = |it: Result<CommandId, CommandRefusal>| match it {
            Err(CommandRefusal::Interlock { number, why }) => Some((number, why.en)),
            Err(CommandRefusal::SomeInterlock) => Some((0, String::new())),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        };
        let burn = || Some((1, "The wires would burn.".to_owned()));
        let hidden = || Some((0, String::new()));
        // Nothing was said yet.
        assert_eq!(interlock(home.heat(NOW)), burn());
        home.send(r#"{"power": 2000}"#, NOW);
        assert_eq!(interlock(home.heat(NOW)), hidden());
        home.send(r#"{"lid": "shut"}"#, NOW);
        assert_eq!(interlock(home.heat(after(60_000))), None);
        // Too old by a millisecond.
        assert_eq!(interlock(home.heat(after(60_001))), burn());
        home.send(r#"{"power": 2000.5}"#, after(60_001));
        home.send(r#"{"lid": "shut"}"#, after(60_001));
        assert_eq!(interlock(home.heat(after(60_001))), burn());
        home.safe(after(60_002));
        assert_eq!(interlock(home.heat(after(60_002))), None);
        // A value that cannot be read was a value all the same.
        home.send(r#"{"power": "2001 W"}"#, after(60_003));
        assert_eq!(interlock(home.heat(after(60_003))), burn());
        home.safe(after(60_004));
        home.send(r#"{"lid": {"is": "open"}}"#, after(60_005));
        assert_eq!(interlock(home.heat(after(60_005))), hidden());
        // From the future, as far as a clock says that was set back.
        home.safe(after(70_000));
        assert_eq!(interlock(home.heat(after(69_000))), None);
        assert_eq!(interlock(home.heat(after(68_999))), burn());
        // Under a new notice nothing was said yet.
        home.safe(after(60_006));
        publish(&home.house, &notice(3));
        assert_eq!(interlock(home.heat(after(60_006))), burn());
    });
}

#[test]
fn an_interlock_on_what_a_recipient_may_not_know_is_not_named_to_it() {
    on_both(|house| {
        let home = Home::new(house);
        home.send(r#"{"power": 100, "lid": "open"}"#, NOW);
        assert!(matches!(home.heat(NOW), Err(CommandRefusal::SomeInterlock)));
        let custody = &home.house.custody;
        let told = custody.commands_of(&home.utility, 10, NOW).unwrap();
        let some = CommandOutcome::Refused(RefusedBecause::SomeInterlock);
        assert_eq!(told[0].outcome, some);
        let second = CommandOutcome::Refused(RefusedBecause::Interlock(2));
        assert_eq!(home.seen(NOW)[0].outcome, second);
        // Nobody else is told anything at all.
        assert_eq!(custody.commands_of(&home.university, 10, NOW).unwrap(), []);
        let other = custody
            .command_status(&home.university, told[0].id, NOW)
            .unwrap();
        assert_eq!(other, None);
    });
}

#[test]
fn an_interlock_is_asked_again_when_the_command_is_handed_over() {
    on_both(|house| {
        let home = Home::new(house);
        let mut listener = home.listen();
        home.safe(NOW);
        let id = home.heat(NOW).unwrap();
        home.send(r#"{"power": 2001}"#, after(10));
        assert!(taken(&mut listener, CommandAck::Never, after(10)).is_empty());
        // What was refused once is dead, also when it would be safe again.
        home.safe(after(11));
        drop(listener);
        let mut listener = home.listen();
        home.tick(after(12));
        let sent = taken(&mut listener, CommandAck::Never, after(12));
        assert_eq!(words(&sent), ["meter-1/set off"]);
        let refused = CommandOutcome::Refused(RefusedBecause::Interlock(1));
        assert_eq!(home.status(id, after(12)), refused);
    });
}

#[test]
fn a_right_that_ends_while_a_command_waits_ends_the_command() {
    on_both(|house| {
        let home = Home::new(house);
        home.safe(NOW);
        let ends = |end: &dyn Fn(), at: Timestamp, because: RefusedBecause| {
            home.safe(at.plus_millis(-1));
            let id = home.heat(at.plus_millis(-1)).unwrap();
            end();
            assert!(taken(&mut home.listen(), CommandAck::Never, at).is_empty());
            assert_eq!(home.status(id, at), CommandOutcome::Refused(because));
        };
        home.grant("utility-desk", "billing", Some(after(500)));
        ends(&|| {}, after(500), RefusedBecause::NotAllowed);
        assert!(matches!(
            home.heat(after(501)),
            Err(CommandRefusal::NotAllowed)
        ));
        home.grant("utility-desk", "billing", None);
        let home_id = deployment("home");
        let set = |state| {
            let set = home
                .house
                .custody
                .act(NOW, |act| act.set_licence(&home_id, licence(state)));
            set.unwrap();
        };
        ends(
            &|| set(LicenceState::Suspended),
            after(600),
            RefusedBecause::NotAllowed,
        );
        assert!(matches!(
            home.heat(after(601)),
            Err(CommandRefusal::Unlicensed)
        ));
        set(LicenceState::Active);
        ends(
            &|| publish(&home.house, &notice(3)),
            after(700),
            RefusedBecause::NoticeChanged,
        );
    });
}

#[test]
fn nothing_undoes_what_a_person_has_turned_off() {
    on_both(|house| {
        let home = Home::new(house);
        let listener = || {
            home.house
                .custody
                .listen(&home.meter, |it| it == "meter-1/set")
        };
        let choose = |level| {
            let all = [choice("/room/temperature", "research", "university", level)];
            home.house.custody.choose(&all, NOW).unwrap();
        };
        // Consent was never given.
        assert!(matches!(home.measure(NOW), Err(CommandRefusal::TurnedOff)));
        choose(Level::ON);
        let id = home.measure(NOW).unwrap();
        choose(Level::OFF);
        let mut ear = listener();
        home.tick(after(1));
        // The word of the switch goes, the command does not.
        let sent = taken(&mut ear, CommandAck::Never, after(1));
        assert_eq!(words(&sent), ["meter-1/set off"]);
        let custody = &home.house.custody;
        let found = custody
            .command_status(&home.university, id, after(1))
            .unwrap();
        let refused = CommandOutcome::Refused(RefusedBecause::TurnedOff);
        assert_eq!(found.unwrap().outcome, refused);
    });
}

#[test]
fn the_word_of_a_switch_goes_before_any_command() {
    on_both(|house| {
        let home = Home::new(house);
        let mut listener = home.listen();
        home.safe(NOW);
        for _ in 0..3 {
            home.heat(NOW).unwrap();
        }
        home.tick(after(1));
        let sent = taken(&mut listener, CommandAck::Never, after(1));
        assert_eq!(words(&sent), ["meter-1/set off", HEAT, HEAT, HEAT]);
    });
}

#[test]
fn a_command_is_handed_over_once() {
    on_both(|house| {
        let home = Home::new(house);
        home.safe(NOW);
        // Nobody listens yet; then somebody does, and goes without having looked.
        let id = home.heat(NOW).unwrap();
        let first = home.listen();
        drop(first);
        let mut second = home.listen();
        let sent = taken(&mut second, CommandAck::Within(30_000), after(1));
        assert_eq!(words(&sent), [HEAT]);
        // The connection breaks before the thing says that it has it: nobody knows, and it is not sent again.
        drop(second);
        home.tick(after(2));
        let mut third = home.listen();
        home.tick(after(3));
        let sent_then = taken(&mut third, CommandAck::Never, after(3));
        assert_eq!(words(&sent_then), ["meter-1/set off"]);
        assert_eq!(home.status(id, after(3)), CommandOutcome::Sent);
        // Not even by who still holds it.
        assert!(!sent[0].is_current(after(3)));
    });
}

#[test]
fn only_who_is_declared_and_granted_may_ask_and_arguments_stay_inside() {
    on_both(|house| {
        let home = Home::new(house);
        home.safe(NOW);
        let good = r#"{"watts": 900, "how": "slow"}"#;
        let check = |who: &Arc<RecipientPeer>, command: &str, purpose: &str| {
            let refused = home.ask(who, command, purpose, good, NOW);
            assert!(
                matches!(refused, Err(CommandRefusal::NotAllowed)),
                "{command} {purpose}"
            );
        };
        check(&home.university, "heat", "billing");
        check(&home.university, "heat", "research");
        check(&home.utility, "heat", "research");
        check(&home.utility, "cool", "billing");
        for wrong in [
            r#"{"watts": 2001, "how": "slow"}"#,
            r#"{"watts": 900, "how": "slow\", \"x\": \"y"}"#,
            r#"{"watts": "900", "how": "slow"}"#,
            r#"{"watts": 900}"#,
            r#"{"watts": 900, "how": "slow", "topic": "other"}"#,
        ] {
            let refused = home.ask(&home.utility, "heat", "billing", wrong, NOW);
            assert!(
                matches!(refused, Err(CommandRefusal::Arguments(_))),
                "{wrong}"
            );
        }
        // The log says that somebody tried, and nothing of what was sent.
        let seen = home.seen(NOW);
        assert_eq!(seen.len(), 5);
        for event in seen {
            assert_eq!(event.arguments, "{}");
            assert_eq!(
                event.outcome,
                CommandOutcome::Refused(RefusedBecause::Arguments)
            );
        }
    });
}

#[test]
fn a_thing_has_peace_and_a_recipient_has_a_limit() {
    on_both(|house| {
        let home = Home::new(house);
        home.house
            .custody
            .choose(
                &[choice(
                    "/room/temperature",
                    "research",
                    "university",
                    Level::ON,
                )],
                NOW,
            )
            .unwrap();
        home.measure(NOW).unwrap();
        let soon = home.measure(after(9_001));
        assert!(matches!(soon, Err(CommandRefusal::TooSoon(1))), "{soon:?}");
        let id = home.measure(after(10_000)).unwrap();
        home.safe(NOW);
        for _ in 0..MAX_WAITING_PER_THING - 2 {
            home.heat(NOW).unwrap();
        }
        assert!(matches!(
            home.heat(NOW),
            Err(CommandRefusal::TooManyWaiting)
        ));
        home.tick(after(50_000));
        for _ in MAX_WAITING_PER_THING..MAX_COMMANDS_PER_MINUTE as usize + 1 {
            let _ = home.heat(after(50_000));
        }
        assert!(matches!(
            home.heat(after(50_000)),
            Err(CommandRefusal::TooMany)
        ));
        let next = home.ask(&home.utility, "cool", "billing", "{}", after(60_000));
        assert!(matches!(next, Err(CommandRefusal::NotAllowed)), "{next:?}");
        // A restart takes nothing of the peace, and forgets nothing that was under way.
        let again = restarted(home);
        let soon = again.measure(after(19_999));
        assert!(matches!(soon, Err(CommandRefusal::TooSoon(1))), "{soon:?}");
        let custody = &again.house.custody;
        let found = custody.command_status(&again.university, id, after(60_000));
        // It was over before the stop.
        let found = found.unwrap().unwrap();
        assert_eq!(found.outcome, CommandOutcome::Expired);
        let told = custody.commands_of(&again.utility, 1, after(60_000));
        assert_eq!(told.unwrap()[0].outcome, CommandOutcome::Unknown);
    });
}

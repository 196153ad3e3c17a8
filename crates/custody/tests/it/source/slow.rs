//! Many things at once.

use std::sync::Arc;

use custody::{ActError, COMMANDS_PER_SECOND, Command, CommandAck, SourceListener, Token};
use model::{Assignment, Level, Role, ThingId, Timestamp};

use super::{after, publish, switched};
use crate::fixture::{NOW, choice, deployment, on_both, person};

/// One person's choice switches ten thousand things: the act waits for none of them.
#[test]
fn ten_thousand_things_are_told_without_anybody_waiting() {
    const THINGS: u32 = 10_000;
    on_both(|house| {
        publish(&house, &switched(2));
        let things: Vec<(ThingId, Token)> = house
            .custody
            .act(NOW, |act| {
                let register = |number: u32| {
                    let thing = ThingId::parse(&format!("sensor-{number}")).unwrap();
                    let token = act.register_thing(&thing, &deployment("home"))?;
                    act.assign(&Assignment {
                        thing: thing.clone(),
                        person: person("p-resident"),
                        role: Role::Household,
                        valid_from: Timestamp::EPOCH,
                        valid_until: None,
                    })?;
                    Ok::<_, ActError>((thing, token))
                };
                (0..THINGS).map(register).collect()
            })
            .unwrap();
        let mut listeners: Vec<_> = things
            .iter()
            .map(|(id, token)| {
                let thing = house.thing(id.as_str(), token);
                house
                    .custody
                    .listen(&thing, |topic| topic.starts_with("cmnd/"))
            })
            .collect();
        house.custody.tick(NOW).unwrap();
        let off = choice("/power", "billing", "utility-desk", Level::OFF);
        house.custody.choose(&[off], NOW).unwrap();
        let waiting = take_all(&mut listeners, NOW);
        assert_eq!(waiting, 0, "the choice is in force before anything is told");
        let (mut told, mut seconds) = (0, 0);
        while told < THINGS {
            seconds += 1;
            let limit = i64::from(THINGS / COMMANDS_PER_SECOND) + 2;
            assert!(seconds <= limit, "{told} were told");
            house.custody.tick(after(seconds)).unwrap();
            let taken = take_all(&mut listeners, after(seconds));
            assert!(taken <= COMMANDS_PER_SECOND, "{taken} in one second");
            told += taken;
        }
        let states = house
            .custody
            .source_states(&person("p-resident"), &deployment("home"), after(seconds))
            .unwrap();
        assert_eq!(states.len(), 100, "a page does not list ten thousand");
    });
}

fn take_all(listeners: &mut [SourceListener], now: Timestamp) -> u32 {
    let mut taken = 0;
    for listener in listeners {
        while let Some(command) = listener.take_command() {
            let command: &Arc<Command> = &command;
            assert_eq!(command.payload(), "0");
            listener.sent(command, CommandAck::Never, now);
            taken += 1;
        }
    }
    taken
}

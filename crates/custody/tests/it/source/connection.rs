//! Things that listen on a connection, that ask, and that do both: a command is given once.

use custody::{CommandAck, Setting, Standing};
use model::Level;

use super::{Home, POWER_OFF, POWER_ON, TEMPERATURE_OFF, after};
use crate::fixture::on_both;

#[test]
fn a_thing_that_is_away_is_told_when_it_listens_and_only_the_newest() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.listener = None;
        home.choose("/power", Level::OFF);
        home.tick(0);
        assert_eq!(
            home.standing(0),
            [(Setting::Off, Standing::AsMade); 2],
            "it never measured this"
        );
        home.send(r#"{"power":5,"room":{"temperature":21}}"#, 0);
        assert_eq!(home.standing(0), [(Setting::Off, Standing::Deaf); 2]);
        home.choose("/power", Level::coarse(1).unwrap());
        home.tick(1);
        let listener = home
            .house
            .custody
            .listen(&home.meter, |topic| topic.starts_with("cmnd/"));
        home.listener = Some(listener);
        home.tick(2);
        assert_eq!(
            home.standing(2),
            [
                (Setting::Slow, Standing::Waiting),
                (Setting::Off, Standing::Deaf)
            ]
        );
        // What waits in the connection is void once something else is wanted, or when it is a minute old.
        home.choose("/power", Level::OFF);
        assert_eq!(home.told(3), [POWER_OFF]);
        home.choose("/power", Level::ON);
        home.tick(4);
        home.tick(64);
        assert_eq!(
            home.told(64),
            [POWER_ON],
            "the old one is void, the new one is there once"
        );
    });
}

#[test]
fn a_thing_that_has_asked_once_is_told_on_its_connection_all_the_same() {
    on_both(|house| {
        let mut home = Home::new(house);
        let mut asking = home.house.custody.listen_by_asking(&home.meter);
        assert_eq!(home.told(0), [TEMPERATURE_OFF]);
        assert!(asking.take_command().is_none());
        home.listener = None;
        home.choose("/power", Level::OFF);
        home.tick(1);
        assert!(
            asking.take_command().is_some(),
            "without a connection, it is told when it asks"
        );
    });
}

#[test]
fn a_connection_takes_over_what_a_thing_that_asks_does_not_come_back_for() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.listener = None;
        let mut asking = home.house.custody.listen_by_asking(&home.meter);
        home.tick(0);
        // It fetches one command and says nothing more; a second one it does not fetch at all.
        let fetched = asking.take_command().unwrap();
        asking.sent(&fetched, CommandAck::Within(900_000), after(0));
        home.choose("/power", Level::OFF);
        home.tick(1);
        home.listener = Some(home.house.custody.listen(&home.meter, |_| true));
        assert_eq!(home.told(2), [POWER_OFF], "what it did not fetch, at once");
        let late = asking.take_command().unwrap();
        assert!(!late.is_current(after(2)), "and not twice");
        let silence = custody::ASKER_SILENCE_MS / 1_000;
        assert!(home.told(silence - 1).is_empty(), "it may come back");
        assert_eq!(home.told(silence), [TEMPERATURE_OFF]);
        // The connection has it: that the thing comes back after all changes nothing.
        asking.received(fetched.id(), after(silence + 1));
        assert!(home.told(silence + 1).is_empty());
        assert!(home.told(silence + 60).is_empty());
    });
}

#[test]
fn a_thing_that_confirms_in_time_is_not_told_again_on_a_connection() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.listener = None;
        let mut asking = home.house.custody.listen_by_asking(&home.meter);
        home.tick(0);
        let fetched = asking.take_command().unwrap();
        asking.sent(&fetched, CommandAck::Within(900_000), after(0));
        home.tick(1);
        asking.received(fetched.id(), after(5));
        home.tick(5);
        home.listener = Some(home.house.custody.listen(&home.meter, |_| true));
        assert!(home.told(6).is_empty());
        assert!(home.told(custody::ASKER_SILENCE_MS / 1_000 + 1).is_empty());
    });
}

#[test]
fn a_command_that_a_silent_asker_never_fetched_is_there_when_it_asks_again() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.listener = None;
        let mut asking = home.house.custody.listen_by_asking(&home.meter);
        home.tick(0);
        // It goes back after a minute, and is made anew.
        for seconds in [60, 120, 180] {
            home.tick(seconds);
            home.tick(seconds + 1);
        }
        let mut current = 0;
        while let Some(command) = asking.take_command() {
            current += usize::from(command.is_current(after(181)));
        }
        assert_eq!(current, 1, "once, however often it was made anew");
    });
}

#[test]
fn a_command_whose_connection_ends_is_given_to_the_next_one() {
    on_both(|house| {
        let mut home = Home::new(house);
        home.tick(0);
        assert_eq!(home.take(0, CommandAck::Within(30_000)), [TEMPERATURE_OFF]);
        home.tick(1);
        home.listener = Some(home.house.custody.listen(&home.meter, |_| true));
        home.tick(2);
        assert!(
            home.take(31, CommandAck::Never).is_empty(),
            "it may have it: not at once"
        );
        assert_eq!(home.told(32), [TEMPERATURE_OFF]);
    });
}

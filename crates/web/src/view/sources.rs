//! How the sources stand, in words.

use custody::{Happening, PublicCount, Setting, SourceEvent, SourceState, Standing};
use model::{Notice, Pointer};

use crate::shell::Shell;

/// Where the switches for a field stand, over all things that sense a person; `None` where there is nothing to say.
/// Of several things the one is told of that is farthest from what is wanted.
pub(crate) fn line(shell: &Shell, states: &[SourceState], field: &Pointer) -> Option<String> {
    let about = states.iter().filter(|it| it.fields.contains(field));
    let worst = about.max_by_key(|it| rank(it.standing))?;
    let mut words = shell.say(key(worst)?);
    let is_told = !matches!(worst.standing, Standing::Waiting | Standing::Deaf);
    if is_told && let Some(at) = &worst.told_at {
        words.push(' ');
        let when = shell.with("source-when").set("moment", shell.moment(at));
        words.push_str(&when.to_string());
    }
    if worst.is_given_up && worst.standing == Standing::Disobeyed {
        words.push(' ');
        words.push_str(&shell.say("source-given-up"));
    }
    Some(words)
}

fn rank(standing: Standing) -> u8 {
    match standing {
        Standing::AsMade => 0,
        Standing::Obeyed => 1,
        Standing::Told => 2,
        Standing::Waiting => 3,
        Standing::Deaf => 4,
        Standing::Disobeyed => 5,
    }
}

fn key(state: &SourceState) -> Option<&'static str> {
    Some(match (state.wanted, state.standing) {
        (_, Standing::AsMade) | (Setting::On, Standing::Obeyed) => return None,
        (Setting::Off, Standing::Waiting) => "source-off-waiting",
        (Setting::Off, Standing::Deaf) => "source-off-deaf",
        (Setting::Off, Standing::Told) => "source-off-told",
        (Setting::Off, Standing::Obeyed) => "source-off-obeyed",
        (Setting::Off, Standing::Disobeyed) => "source-off-disobeyed",
        (Setting::Slow, Standing::Waiting) => "source-slow-waiting",
        (Setting::Slow, Standing::Deaf) => "source-slow-deaf",
        // Whether a thing measures less cannot be seen.
        (Setting::Slow, _) => "source-slow-told",
        (Setting::On, Standing::Waiting) => "source-on-waiting",
        (Setting::On, Standing::Deaf) => "source-on-deaf",
        (Setting::On, Standing::Told) => "source-on-told",
        (Setting::On, Standing::Disobeyed) => "source-on-disobeyed",
    })
}

/// What happened at the switches of a person's things, a line each.
pub(crate) fn log(shell: &Shell, notice: &Notice, events: &[SourceEvent]) -> Vec<String> {
    let line = |it: &SourceEvent| {
        let fields = it.fields.iter().filter_map(|it| notice.field(it));
        let titles: Vec<_> = fields.map(|it| shell.of(&it.title)).collect();
        let line = shell.with("source-log-line");
        let line = line.set("moment", shell.moment(&it.at));
        let line = line.set("fields", shell.list(titles));
        line.set("what", shell.say(happened(it))).to_string()
    };
    events.iter().map(line).collect()
}

fn happened(event: &SourceEvent) -> &'static str {
    match (event.what, event.setting) {
        (Happening::Told, Setting::Off) => "source-log-told-off",
        (Happening::Told, Setting::Slow) => "source-log-told-slow",
        (Happening::Told, Setting::On) => "source-log-told-on",
        (Happening::Received, _) => "source-log-received",
        (Happening::Obeyed, _) => "source-log-obeyed",
        (Happening::Disobeyed, _) => "source-log-disobeyed",
    }
}

/// How many things do not obey, for everybody.
pub(crate) fn disobey(shell: &Shell, count: &PublicCount) -> String {
    counted(
        shell,
        count,
        ["notice-source-disobey-few", "notice-source-disobey"],
    )
}

/// How many things cannot be told, for everybody.
pub(crate) fn deaf(shell: &Shell, count: &PublicCount) -> String {
    counted(
        shell,
        count,
        ["notice-source-deaf-few", "notice-source-deaf"],
    )
}

fn counted(shell: &Shell, count: &PublicCount, [few, many]: [&'static str; 2]) -> String {
    let (key, count) = match *count {
        PublicCount::FewerThan(count) => (few, count),
        PublicCount::Exactly(count) => (many, count),
    };
    shell.with(key).set("count", count).to_string()
}

/// One state of each kind, for samples.
pub(crate) fn samples(field: &Pointer, at: model::Timestamp) -> Vec<SourceState> {
    let thing = model::ThingId::parse("home-plug").ok();
    let settings = Setting::ALL.iter();
    let standings = [
        Standing::Waiting,
        Standing::Deaf,
        Standing::Told,
        Standing::Obeyed,
        Standing::Disobeyed,
    ];
    let all = settings.flat_map(|it| standings.map(|standing| (*it, standing)));
    all.filter_map(|(wanted, standing)| {
        Some(SourceState {
            thing: thing.clone()?,
            fields: vec![field.clone()],
            wanted,
            standing,
            told_at: Some(at),
            is_given_up: standing == Standing::Disobeyed,
        })
    })
    .collect()
}

/// One event of each kind, for samples.
pub(crate) fn sample_events(field: &Pointer, at: model::Timestamp) -> Vec<SourceEvent> {
    let happened = [
        (Happening::Disobeyed, Setting::Off),
        (Happening::Told, Setting::Off),
        (Happening::Told, Setting::On),
        (Happening::Obeyed, Setting::Slow),
        (Happening::Received, Setting::Slow),
        (Happening::Told, Setting::Slow),
    ];
    let events = happened
        .into_iter()
        .zip(0..)
        .filter_map(|((what, setting), number)| {
            Some(SourceEvent {
                thing: model::ThingId::parse("home-plug").ok()?,
                fields: vec![field.clone()],
                at: at.plus_millis(-60_000 * number),
                what,
                setting,
            })
        });
    events.collect()
}

#[cfg(test)]
mod tests {
    use model::{Language, Timestamp};

    use super::*;
    use crate::page::sample;
    use crate::shell::Files;

    #[test]
    fn the_thing_that_is_farthest_from_what_is_wanted_is_told_of() {
        let shell = sample::shell(Language::En, Files::Served);
        let field = Pointer::parse("/power").unwrap();
        let other = Pointer::parse("/voltage").unwrap();
        let at = Timestamp::parse("2026-11-23T05:03:00Z").unwrap();
        let states = samples(&field, at);
        let off = |standing: Standing| {
            let found = states
                .iter()
                .find(|it| it.wanted == Setting::Off && it.standing == standing);
            found.unwrap().clone()
        };
        let told = |of: &[Standing]| {
            let states: Vec<_> = of.iter().map(|it| off(*it)).collect();
            line(&shell, &states, &field)
        };
        let obeyed = told(&[Standing::Obeyed]).unwrap();
        assert!(
            obeyed.starts_with("The device was told to stop, and it obeys. Last told: "),
            "{obeyed}"
        );
        let worst = told(&[Standing::Obeyed, Standing::Disobeyed, Standing::Told]).unwrap();
        assert!(
            worst.contains("still sends this") && worst.ends_with("It is not told again."),
            "{worst}"
        );
        assert!(told(&[Standing::Deaf]).unwrap().contains("does not listen"));
        assert_eq!(told(&[]), None);
        assert_eq!(line(&shell, &states, &other), None);
    }
}

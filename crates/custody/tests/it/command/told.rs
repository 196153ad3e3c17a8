//! What a recipient is told while it listens, what a device answers, and the log for who runs the server.

use custody::{CommandsWanted, OutcomeListener};
use std::task::{Context, Poll, Waker};

use super::*;

fn heard(listener: &mut OutcomeListener) -> Vec<CommandOutcome> {
    let mut all = Vec::new();
    while let Poll::Ready(it) = listener.poll_outcome(&mut Context::from_waker(Waker::noop())) {
        all.push(it.outcome);
    }
    all
}

#[test]
fn who_listens_is_told_what_the_status_says_and_no_more() {
    on_both(|house| {
        let home = Home::new(house);
        let custody = &home.house.custody;
        let mut utility = custody.hear_outcomes(&home.utility);
        let mut university = custody.hear_outcomes(&home.university);
        let mut listener = home.listen();
        home.safe(NOW);
        let hot = home.heat(NOW).unwrap();
        assert_eq!(heard(&mut utility), [CommandOutcome::Queued]);
        let sent = taken(&mut listener, CommandAck::Within(30_000), after(5));
        listener.received(sent[0].id(), after(6));
        let expected = [CommandOutcome::Sent, CommandOutcome::Acknowledged];
        assert_eq!(heard(&mut utility), expected);
        // Nobody receives `/heating`: that it was confirmed is not told, to nobody.
        home.send(r#"{"heating": 900.0}"#, after(7));
        home.tick(after(8));
        assert_eq!(heard(&mut utility), []);
        let status = custody.command_status(&home.utility, hot, after(9));
        let status = status.unwrap().unwrap();
        let told = (status.outcome, status.outcome_at);
        assert_eq!(
            told,
            (CommandOutcome::Acknowledged, after(6)),
            "not by a moment either"
        );
        // The same of the interlock on `/lid`: that there is one, and not which.
        let waits = home.heat(after(10)).unwrap();
        home.send(r#"{"lid": "open"}"#, after(11));
        let sent = taken(&mut listener, CommandAck::Never, after(12));
        assert!(!words(&sent).iter().any(|it| it == HEAT), "{sent:?}");
        let refused = CommandOutcome::Refused(RefusedBecause::SomeInterlock);
        assert_eq!(heard(&mut utility), [CommandOutcome::Queued, refused]);
        assert_eq!(home.status(waits, after(12)), refused);
        assert_eq!(heard(&mut university), []);
        drop(utility);
        home.safe(after(20));
        home.heat(after(20)).unwrap();
        let mut later = custody.hear_outcomes(&home.utility);
        assert_eq!(heard(&mut later), [], "what was before is asked for");
    });
}

#[test]
fn an_answer_confirms_only_what_was_sent_and_only_where_the_notice_names_no_field() {
    on_both(|house| {
        let home = Home::new(house);
        let custody = &home.house.custody;
        let all = [choice(
            "/room/temperature",
            "research",
            "university",
            Level::ON,
        )];
        custody.choose(&all, NOW).unwrap();
        let mut listener = home.listen();
        home.safe(NOW);
        let heat = home.heat(NOW).unwrap();
        let number = u64::from_str_radix(&heat.to_string(), 16).unwrap() & 0x7fff_ffff;
        let number = u32::try_from(number).unwrap();
        custody.command_answered(&home.meter, number, true, after(1));
        assert_eq!(home.status(heat, after(1)), CommandOutcome::Queued);
        let sent = taken(&mut listener, CommandAck::Never, after(2));
        assert_eq!(sent[0].number(), Some(number));
        custody.command_answered(&home.meter, number, true, after(3));
        // It has a field that shows whether it was done.
        assert_eq!(home.status(heat, after(3)), CommandOutcome::Acknowledged);
        let measure = home.measure(after(4)).unwrap();
        let sent = taken(&mut listener, CommandAck::Never, after(5));
        let number = sent[0].number().unwrap();
        custody.command_answered(&home.meter, number, false, after(6));
        let status = |at| {
            let found = custody.command_status(&home.university, measure, at);
            found.unwrap().unwrap().outcome
        };
        assert_eq!(status(after(6)), CommandOutcome::Acknowledged);
        custody.command_answered(&home.meter, number, true, after(7));
        assert_eq!(status(after(7)), CommandOutcome::Confirmed);
    });
}

#[test]
fn the_log_is_read_a_page_at_a_time_with_everything_that_it_says() {
    on_both(|house| {
        let home = Home::new(house);
        let custody = &home.house.custody;
        home.send(r#"{"power": 100, "lid": "open"}"#, NOW);
        home.heat(NOW).unwrap_err();
        home.safe(NOW);
        let one = home.heat(NOW).unwrap();
        let two = home.heat(after(1)).unwrap();
        let read = |deployment: &str, thing: Option<&str>, behind, limit| {
            let (deployment, thing) = (deployment_id(deployment), thing.map(thing_id));
            let wanted = CommandsWanted {
                deployment: Some(&deployment),
                thing: thing.as_ref(),
                after: behind,
                limit,
            };
            let (events, all) = custody.commands_logged(&wanted, after(2)).unwrap();
            (events, all)
        };
        let (all, count) = read("home", None, None, 10);
        assert_eq!((all.len(), count), (3, 3));
        assert_eq!(all[0].id, two);
        assert!(all.iter().any(|it| it.id == one));
        // Who runs the server sees which interlock it was.
        let interlocks: Vec<_> = all.iter().filter_map(|it| it.outcome.interlock()).collect();
        assert_eq!(interlocks, [2]);
        let mut pages = Vec::new();
        let mut behind = None;
        loop {
            let (page, count) = read("home", Some("meter-1"), behind, 1);
            assert_eq!(count, 3);
            let Some(it) = page.first() else {
                break;
            };
            behind = Some(it.id);
            pages.extend(page);
        }
        assert_eq!(pages, all);
        assert_eq!(read("home", Some("meter-2"), None, 10), (Vec::new(), 0));
        assert_eq!(read("elsewhere", None, None, 10), (Vec::new(), 0));
        assert_eq!(
            custody
                .commands_logged(
                    &CommandsWanted {
                        limit: 9,
                        ..CommandsWanted::default()
                    },
                    after(2)
                )
                .unwrap()
                .0,
            all
        );
    });
}

fn deployment_id(id: &str) -> model::DeploymentId {
    model::DeploymentId::parse(id).unwrap()
}

fn thing_id(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

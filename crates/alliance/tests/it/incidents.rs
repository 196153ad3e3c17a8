//! Incidents: the clock, whom they reached, and who was told when.

use alliance::incidents::{IncidentDraft, IncidentError, REPORT_MILLIS};
use alliance::{Actor, Alliance};
use model::{Assignment, EntryKind, Grant, PurposeId, RecipientId, Role, Text, ThingId, Timestamp};

use crate::fixture::{NOW, Town, home, on_both};

const HOUR: i64 = 3_600_000;

/// A moment as the form has it, in the calendar of Lahore.
fn form(hours: i64) -> (String, String) {
    let at = NOW.plus_millis(hours * HOUR).as_millis();
    let at = jiff::Timestamp::from_millisecond(at).unwrap();
    let zone = jiff::tz::TimeZone::get("Asia/Karachi").unwrap();
    let at = zone.to_datetime(at);
    (
        at.date().to_string(),
        at.strftime("%Y-%m-%dT%H:%M").to_string(),
    )
}

fn both(en: &str) -> Text {
    Text {
        en: en.to_owned(),
        ur: "کچھ ہوا".to_owned(),
    }
}

fn draft() -> IncidentDraft {
    IncidentDraft {
        exposure: "deployment".to_owned(),
        party: home().to_string(),
        from: form(-24).0,
        until: form(0).0,
        aware: form(-2).1,
        what: both("A disk was lost."),
        done: both("The keys were changed."),
    }
}

/// The resident lives in the home, and something was measured there.
fn live(town: &Town) {
    let (alliance, operator) = (&town.alliance, &Actor::Operator);
    let thing = ThingId::parse("meter-1").unwrap();
    let token = alliance
        .register_thing(operator, &thing, &home(), NOW)
        .unwrap();
    alliance
        .issue_licence(&town.officer, &home(), None, "complete", NOW)
        .unwrap();
    let Actor::Account(resident) = &town.resident else {
        panic!("the resident has an account");
    };
    let assignment = Assignment {
        thing,
        person: resident.id.clone(),
        role: Role::Holder,
        valid_from: Timestamp::EPOCH,
        valid_until: None,
    };
    alliance.assign(operator, &assignment, NOW).unwrap();
    // What nobody may receive is not kept either.
    let utility = RecipientId::parse("power-utility").unwrap();
    alliance
        .register_recipient(operator, &utility, NOW)
        .unwrap();
    let grant = Grant {
        recipient: utility,
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: home(),
        valid_from: NOW,
        valid_until: None,
    };
    alliance.grant(operator, &grant, NOW).unwrap();
    let custody = alliance.custody();
    let secret = token.expose_secret().as_bytes();
    let Some(custody::Peer::Thing(meter)) = custody.authenticate("meter-1", secret, NOW) else {
        panic!("the meter is a thing");
    };
    let lsn = custody
        .ingest(&meter, br#"{"power":1210,"energy":7}"#, NOW)
        .unwrap();
    custody.wait_durable(lsn).unwrap();
}

fn kind(alliance: &Alliance) -> (EntryKind, String) {
    let entry = alliance
        .custody()
        .record_before(u64::MAX, 1)
        .unwrap()
        .remove(0)
        .entry;
    (entry.kind, entry.reason)
}

#[test]
fn the_clock_runs_from_when_the_office_noticed_and_the_people_are_computed() {
    on_both(|town| {
        live(&town);
        let (alliance, officer) = (&town.alliance, &town.officer);
        let number = alliance.open_incident(officer, &draft(), NOW).unwrap();
        assert_eq!(kind(alliance).0, EntryKind::IncidentOpened);
        let view = alliance.incident(officer, number).unwrap();
        assert_eq!(view.affected.people.len(), 1);
        let due = view.incident.due_at();
        assert!(due <= NOW.plus_millis(REPORT_MILLIS - 2 * HOUR));
        assert_eq!(view.incident.was_in_time(due), None);
        assert_eq!(view.incident.was_in_time(due.plus_millis(1)), Some(false));

        let reword =
            |what: &Text| alliance.reword_incident(officer, number, (what, &both("x")), NOW);
        reword(&both("Two disks were lost.")).unwrap();
        assert!(matches!(reword(&both("")), Err(IncidentError::Words)));
        alliance.report_incident(officer, number, due).unwrap();
        assert_eq!(
            kind(alliance),
            (EntryKind::IncidentReported, "within 72 hours".to_owned())
        );
        assert!(matches!(
            alliance.report_incident(officer, number, due),
            Err(IncidentError::Done)
        ));

        let Actor::Account(resident) = &town.resident else {
            panic!("the resident has an account");
        };
        assert!(alliance.incidents_about(resident).unwrap().is_empty());
        assert_eq!(alliance.incidents_in_the_open().unwrap()[0].people, None);
        assert_eq!(alliance.tell_people(officer, number, due).unwrap(), 1);
        assert_eq!(
            kind(alliance),
            (EntryKind::IncidentTold, "people:1".to_owned())
        );
        let told = alliance.incidents_about(resident).unwrap();
        assert_eq!(told[0].0.what.en, "Two disks were lost.");
        assert_eq!(alliance.incidents_in_the_open().unwrap()[0].people, Some(1));
        assert!(matches!(reword(&both("y")), Err(IncidentError::Done)));
        assert!(matches!(
            alliance.tell_people(officer, number, due),
            Err(IncidentError::Done)
        ));
    });
}

#[test]
fn an_authority_that_was_told_late_is_seen() {
    on_both(|town| {
        let (alliance, officer) = (&town.alliance, &town.officer);
        let number = alliance.open_incident(officer, &draft(), NOW).unwrap();
        let late = NOW.plus_millis(REPORT_MILLIS);
        alliance.report_incident(officer, number, late).unwrap();
        assert_eq!(kind(alliance).1, "later than 72 hours");
        let line = alliance.incidents_in_the_open().unwrap().remove(0);
        assert_eq!(line.incident.was_in_time(late), Some(false));
    });
}

#[test]
fn what_makes_no_sense_opens_nothing() {
    on_both(|town| {
        let alliance = &town.alliance;
        let wrong = |change: &dyn Fn(&mut IncidentDraft)| {
            let mut draft = draft();
            change(&mut draft);
            alliance
                .open_incident(&town.officer, &draft, NOW)
                .unwrap_err()
        };
        use IncidentError as E;
        assert!(matches!(
            wrong(&|it| it.exposure = "nowhere".to_owned()),
            E::Exposure
        ));
        assert!(matches!(
            wrong(&|it| it.party = "nope".to_owned()),
            E::Exposure
        ));
        assert!(matches!(
            wrong(&|it| it.exposure = "recipient".to_owned()),
            E::Exposure
        ));
        assert!(matches!(wrong(&|it| it.from = form(72).0), E::Days));
        assert!(matches!(wrong(&|it| it.until = form(-72).0), E::Days));
        assert!(matches!(wrong(&|it| it.aware = form(2).1), E::Days));
        assert!(matches!(wrong(&|it| it.aware = form(-72).1), E::Days));
        assert!(matches!(wrong(&|it| it.aware = "now".to_owned()), E::Days));
        assert!(matches!(wrong(&|it| it.done.ur = " ".to_owned()), E::Words));
        assert!(matches!(
            wrong(&|it| it.what.en = "x".repeat(2_001)),
            E::Words
        ));
        let refused = alliance.open_incident(&town.resident, &draft(), NOW);
        assert!(matches!(refused, Err(E::Alliance(_))));
        assert!(alliance.incidents(&town.officer).unwrap().is_empty());
    });
}

//! What the gateway finds opens a case by itself, where the rulebook says so.

use alliance::cases::{CaseKind, CaseRole, EventKind, Stage};
use custody::Peer;
use model::{EntryKind, ThingId};

use super::*;

/// A message with a value that nobody declared.
fn drift(court: &Court, token: &str, now: Timestamp) {
    let custody = court.alliance().custody();
    let Some(Peer::Thing(meter)) = custody.authenticate("meter-1", token.as_bytes(), now) else {
        panic!("the meter is known");
    };
    let _ = custody.ingest(&meter, br#"{"secret":1}"#, now);
    custody.tick(now).unwrap();
}

#[expect(
    clippy::too_many_lines,
    reason = "one finding, from the rule until it begins again"
)]
#[test]
fn undeclared_values_open_one_case_once_they_go_on_for_as_long_as_the_rulebook_says() {
    on_both(|town| {
        let court = Court::new(town);
        let (alliance, officer) = (court.alliance(), &court.town.officer);
        let meter = ThingId::parse("meter-1").unwrap();
        let token = alliance
            .register_thing(&Actor::Operator, &meter, &home(), NOW)
            .unwrap();
        drift(&court, token.expose_secret(), NOW);
        assert_eq!(
            alliance.open_findings(after(1)).unwrap(),
            0,
            "the rulebook says nothing"
        );
        assert!(
            alliance
                .set_drift_rule(&court.town.resident, Some(2), "two days", NOW)
                .is_err()
        );
        assert!(matches!(
            alliance.set_drift_rule(officer, Some(366), "a year", NOW),
            Err(CaseError::Days)
        ));
        alliance
            .set_drift_rule(officer, Some(2), "two days are enough to correct it", NOW)
            .unwrap();
        let newest = alliance.custody().record_before(u64::MAX, 1).unwrap();
        assert_eq!(newest[0].entry.kind, EntryKind::FindingRuleSet);
        drift(&court, token.expose_secret(), after(1));
        assert_eq!(alliance.open_findings(after(1)).unwrap(), 0);
        drift(&court, token.expose_secret(), after(3));
        assert_eq!(alliance.open_findings(after(3)).unwrap(), 1);
        assert_eq!(
            alliance.open_findings(after(4)).unwrap(),
            0,
            "one that stands is enough"
        );
        let seen = court.see(&court.accountable, 1);
        assert_eq!(
            (seen.file.kind, seen.role),
            (CaseKind::Drift, CaseRole::Accountable)
        );
        assert!(
            seen.steps[0].text.as_deref().unwrap().contains("/secret"),
            "{:?}",
            seen.steps
        );
        court
            .step(
                &court.accountable,
                1,
                EventKind::Answered,
                "Corrected.",
                after(5),
            )
            .unwrap();
        assert_eq!(court.see(officer, 1).role, CaseRole::Complainant);
        court
            .step(officer, 1, EventKind::Satisfied, "", after(6))
            .unwrap();
        assert_eq!(court.see(officer, 1).file.stage, Stage::Settled);
        assert_eq!(
            alliance.open_findings(after(7)).unwrap(),
            0,
            "it was corrected"
        );
        for day in [8, 10] {
            drift(&court, token.expose_secret(), after(day));
        }
        assert_eq!(
            alliance.open_findings(after(10)).unwrap(),
            1,
            "it began again"
        );
    });
}

//! Licences: states, reasons, ends, and the record beside each decision.

use alliance::{Actor, AllianceError};
use custody::ActError;
use model::{EntryKind, LicenceState};

use crate::fixture::{NOTICE, NOW, Town, home, on_both};

fn state(town: &Town) -> LicenceState {
    town.alliance
        .custody()
        .in_force_at(&home(), NOW)
        .unwrap()
        .licence
}

#[test]
fn a_licence_goes_through_its_states_and_each_step_is_public() {
    on_both(|town| {
        let (alliance, officer) = (&town.alliance, &town.officer);
        assert_eq!(state(&town), LicenceState::None);
        alliance
            .issue_licence(officer, &home(), None, "dossier complete", NOW)
            .unwrap();
        alliance
            .suspend_licence(officer, &home(), "undeclared fields", NOW)
            .unwrap();
        assert_eq!(state(&town), LicenceState::Suspended);
        alliance
            .reinstate_licence(officer, &home(), "corrected", NOW)
            .unwrap();
        assert_eq!(state(&town), LicenceState::Active);
        alliance
            .revoke_licence(officer, &home(), "again", NOW)
            .unwrap();
        assert_eq!(state(&town), LicenceState::Revoked);
        let page = alliance.deployment_page(&home(), NOW).unwrap().unwrap();
        let kinds: Vec<_> = page.entries.iter().map(|it| it.entry.kind).collect();
        assert_eq!(
            kinds,
            [
                EntryKind::LicenceRevoked,
                EntryKind::LicenceReinstated,
                EntryKind::LicenceSuspended,
                EntryKind::LicenceIssued,
                EntryKind::NoticePublished,
                EntryKind::DeploymentRegistered,
            ]
        );
        assert_eq!(page.entries[2].entry.reason, "undeclared fields");
        assert_eq!(page.entries[2].entry.by, "office:licensing");
    });
}

#[test]
fn a_decision_from_the_wrong_state_or_without_a_reason_changes_nothing() {
    on_both(|town| {
        let (alliance, officer) = (&town.alliance, &town.officer);
        let suspended = alliance.suspend_licence(officer, &home(), "why", NOW);
        assert!(matches!(suspended, Err(AllianceError::LicenceState { .. })));
        alliance
            .issue_licence(officer, &home(), None, "ok", NOW)
            .unwrap();
        for reason in [
            "",
            "  \n",
            "a\0b",
            &"x".repeat(alliance::MAX_REASON_CHARS + 1),
        ] {
            let suspended = alliance.suspend_licence(officer, &home(), reason, NOW);
            assert!(matches!(suspended, Err(AllianceError::Reason)));
        }
        assert_eq!(state(&town), LicenceState::Active);
        assert_eq!(alliance.custody().record_size().unwrap().0, 5);
    });
}

#[test]
fn a_suspension_does_not_make_a_licence_longer() {
    on_both(|town| {
        let (alliance, officer) = (&town.alliance, &town.officer);
        let end = NOW.plus_millis(1_000);
        alliance
            .issue_licence(officer, &home(), Some(end), "for a second", NOW)
            .unwrap();
        alliance
            .suspend_licence(officer, &home(), "pause", NOW)
            .unwrap();
        alliance
            .reinstate_licence(officer, &home(), "go on", NOW)
            .unwrap();
        let at = |now| {
            alliance
                .custody()
                .in_force_at(&home(), now)
                .unwrap()
                .licence
        };
        assert_eq!(
            (at(end.plus_millis(-1)), at(end)),
            (LicenceState::Active, LicenceState::Expired)
        );
        alliance
            .issue_licence(officer, &home(), None, "again", end)
            .unwrap();
        assert_eq!(at(end), LicenceState::Active);
    });
}

#[test]
fn a_notice_needs_a_member_and_the_next_version() {
    on_both(|town| {
        let publish = |source: &str| town.alliance.publish_notice(&Actor::Operator, source, NOW);
        let stranger = NOTICE.replace("controller = \"lahore-power\"", "controller = \"nobody\"");
        assert!(matches!(
            publish(&stranger),
            Err(AllianceError::NotFound { .. })
        ));
        let skipped = NOTICE.replace("version = 1", "version = 3");
        let outcome = publish(&skipped);
        assert!(matches!(
            outcome,
            Err(AllianceError::Act(ActError::NoticeVersion { .. }))
        ));
        publish(&NOTICE.replace("version = 1", "version = 2")).unwrap();
    });
}

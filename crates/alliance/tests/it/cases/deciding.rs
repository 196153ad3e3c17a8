//! Panels, their decisions, and what the gateway does then.

use super::*;

#[test]
fn a_decision_is_taken_by_more_than_half_of_the_panel_and_carried_out_at_once() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let number = court.before_panel();
        let draft = DecisionDraft {
            outcome: Outcome::Upheld,
            reasons: "The licence rests until it is cured.".to_owned(),
            sanction: Some(SanctionKind::SuspendDeployment),
            target: String::new(),
        };
        assert!(
            alliance
                .propose_decision(&court.accountable, number, &draft, after(3))
                .is_err()
        );
        alliance
            .propose_decision(&court.panel[0], number, &draft, after(3))
            .unwrap();
        alliance
            .vote_on_decision(&court.panel[1], number, 1, true, after(3))
            .unwrap();
        alliance
            .vote_on_decision(&court.panel[2], number, 1, false, after(3))
            .unwrap();
        assert_eq!(
            licence(alliance, after(3)),
            LicenceState::Active,
            "two of four are no majority"
        );
        alliance
            .vote_on_decision(&court.panel[3], number, 1, true, after(4))
            .unwrap();
        assert_eq!(licence(alliance, after(4)), LicenceState::Suspended);
        let entries = alliance.custody().record_before(u64::MAX, 2).unwrap();
        let kinds: Vec<_> = entries.iter().map(|it| it.entry.kind).collect();
        assert_eq!(kinds, [EntryKind::SanctionImposed, EntryKind::CaseDecided]);
        assert_eq!(entries[1].entry.about, format!("case:{number}"));
        // Cured: said by who answers for it, lifted by two of the panel.
        let sanction = court.see(&court.accountable, number).sanctions[0].clone();
        assert!(
            alliance
                .lift_sanction(&court.accountable, sanction.id, after(5))
                .is_err()
        );
        alliance
            .say_cured(&court.accountable, sanction.id, after(5))
            .unwrap();
        assert!(
            !alliance
                .lift_sanction(&court.panel[0], sanction.id, after(6))
                .unwrap()
        );
        assert!(
            !alliance
                .lift_sanction(&court.panel[0], sanction.id, after(6))
                .unwrap(),
            "nobody lifts alone"
        );
        assert_eq!(licence(alliance, after(6)), LicenceState::Suspended);
        assert!(
            alliance
                .lift_sanction(&court.panel[1], sanction.id, after(6))
                .unwrap()
        );
        assert_eq!(licence(alliance, after(6)), LicenceState::Active);
        let newest = alliance.custody().record_before(u64::MAX, 1).unwrap();
        assert_eq!(newest[0].entry.kind, EntryKind::SanctionLifted);
    });
}

#[test]
fn a_suspended_field_is_in_force_at_once_and_stays_so_over_a_restart() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let number = court.before_panel();
        let field = alliance
            .custody()
            .in_force_at(&home(), NOW)
            .unwrap()
            .notice
            .fields[0]
            .pointer
            .clone();
        court.decide(
            number,
            Some(SanctionKind::SuspendFields),
            field.as_str(),
            after(3),
        );
        let limits = || alliance.custody().in_force_at(&home(), NOW).unwrap().limits;
        assert_eq!(limits().len(), 1, "{:?}", limits());
        alliance.custody().check_in_force(after(4)).unwrap();
        let sanction = court.see(&court.accountable, number).sanctions[0].clone();
        assert_eq!(
            (sanction.kind, sanction.target.as_str()),
            (SanctionKind::SuspendFields, field.as_str())
        );
        for actor in &court.panel[..2] {
            alliance
                .lift_sanction(actor, sanction.id, after(4))
                .unwrap();
        }
        assert_eq!(limits().len(), 0);
        alliance.custody().check_in_force(after(4)).unwrap();
    });
}

#[test]
fn a_sanction_about_what_is_not_there_is_refused_when_it_is_proposed() {
    on_both(|town| {
        let court = Court::new(town);
        let number = court.before_panel();
        for (kind, target) in [
            (SanctionKind::SuspendFields, "/no/such/field"),
            (SanctionKind::SuspendFields, ""),
            (SanctionKind::QuarantineThings, "nobody-s-thing"),
            (SanctionKind::Condition, " "),
        ] {
            let draft = DecisionDraft {
                outcome: Outcome::Upheld,
                reasons: "As said.".to_owned(),
                sanction: Some(kind),
                target: target.to_owned(),
            };
            let outcome =
                court
                    .alliance()
                    .propose_decision(&court.panel[0], number, &draft, after(3));
            assert!(
                matches!(outcome, Err(CaseError::Target | CaseError::Text)),
                "{kind} {target}: {outcome:?}"
            );
        }
        assert!(court.see(&court.panel[0], number).decisions.is_empty());
    });
}

#[test]
fn nd_5_the_office_cannot_undo_what_a_panel_decided() {
    on_both(|town| {
        let court = Court::new(town);
        let (alliance, number) = (court.alliance(), court.before_panel());
        court.decide(number, Some(SanctionKind::SuspendDeployment), "", after(3));
        let officer = &court.town.officer;
        assert!(matches!(
            alliance.reinstate_licence(officer, &crate::fixture::home(), "why", after(4)),
            Err(alliance::AllianceError::Sanctioned)
        ));
        assert_eq!(licence(alliance, after(4)), LicenceState::Suspended);
    });
}

#[test]
fn an_appeal_is_decided_by_others_and_takes_the_place_of_the_first_decision() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let number = court.before_panel();
        court.decide(number, Some(SanctionKind::SuspendDeployment), "", after(3));
        assert_eq!(licence(alliance, after(3)), LicenceState::Suspended);
        court
            .step(
                &court.accountable,
                number,
                EventKind::Appealed,
                "We had cured it.",
                after(10),
            )
            .unwrap();
        let view = court.see(&court.accountable, number);
        assert_eq!(view.file.stage, Stage::Appeal);
        assert!(
            view.seats.iter().all(|it| it.round == 1),
            "nobody sits twice"
        );
        // More delegates come, and the second panel is filled.
        let more = ["m-government", "m-academia", "m-ngos"];
        let second: Vec<_> = more
            .iter()
            .map(|it| {
                let id = MemberId::parse(it).unwrap();
                Actor::Account(
                    alliance
                        .create_delegate(&Actor::Operator, &id, after(10))
                        .unwrap(),
                )
            })
            .collect();
        alliance.tend_cases(after(11)).unwrap();
        let draft = DecisionDraft {
            outcome: Outcome::Dismissed,
            reasons: "It was cured before.".to_owned(),
            sanction: None,
            target: String::new(),
        };
        assert!(
            alliance
                .propose_decision(&court.panel[0], number, &draft, after(12))
                .is_err()
        );
        alliance
            .propose_decision(&second[0], number, &draft, after(12))
            .unwrap();
        alliance
            .vote_on_decision(&second[1], number, 1, true, after(12))
            .unwrap();
        assert_eq!(licence(alliance, after(12)), LicenceState::Active);
        assert_eq!(
            court.see(&court.accountable, number).file.stage,
            Stage::Final
        );
    });
}

#[test]
fn a_protected_reporter_is_hidden_from_everybody_but_the_panel() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let mut complaint = complaint();
        complaint.is_protected = true;
        let by = account(&court.town.resident);
        let number = alliance
            .file_case(Some(by), &complaint, NOW)
            .unwrap()
            .number;
        for nobody in [
            CaseViewer::Anyone,
            viewer(&court.accountable),
            viewer(&court.town.officer),
        ] {
            assert!(
                alliance.case(&nobody, number).unwrap().is_none(),
                "{nobody:?}"
            );
            assert_eq!(alliance.case_photo(&nobody, number, 0).unwrap(), None);
            assert!(matches!(
                alliance.step_case(&nobody, number, EventKind::Answered, "x", after(1)),
                Err(CaseError::NotFound)
            ));
        }
        assert!(alliance.cases(u64::MAX, None).unwrap().lines.is_empty());
        assert!(
            alliance
                .cases_to_answer(&court.accountable)
                .unwrap()
                .is_empty()
        );
        assert!(alliance.kept_times().unwrap().is_empty());
        assert_eq!(alliance.own_cases(by).unwrap().len(), 1);
        let seen = court.see(&court.panel[0], number);
        assert_eq!(
            (seen.role, seen.contact.as_deref()),
            (CaseRole::Panel, Some("0300 1234567"))
        );
        court.decide(number, Some(SanctionKind::Warning), "", after(3));
        let public = alliance
            .case(&viewer(&court.accountable), number)
            .unwrap()
            .unwrap();
        assert_eq!((public.role, public.contact), (CaseRole::Public, None));
        assert!(public.steps.iter().all(|it| it.text.is_none()));
        assert_eq!(public.decisions.len(), 1);
    });
}

#[test]
fn nobody_acts_on_a_case_that_they_filed() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let own = account(&court.panel[0]);
        let number = alliance
            .file_case(Some(own), &complaint(), NOW)
            .unwrap()
            .number;
        alliance.tend_cases(after(41)).unwrap();
        let view = court.see(&court.panel[0], number);
        assert_eq!((view.role, view.sits), (CaseRole::Complainant, false));
        assert!(view.seats.iter().all(|it| it.account != own.id));
        // Who speaks for the accountable member cannot answer an own complaint either.
        let own = account(&court.accountable);
        let number = alliance
            .file_case(Some(own), &complaint(), NOW)
            .unwrap()
            .number;
        assert!(matches!(
            court.step(
                &court.accountable,
                number,
                EventKind::Answered,
                "x",
                after(1)
            ),
            Err(CaseError::NotNow(Stage::Filed))
        ));
    });
}

#[test]
fn who_leaves_a_panel_is_replaced_by_lot_and_does_not_come_back() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let number = court.before_panel();
        alliance
            .leave_panel(&court.panel[0], number, after(3))
            .unwrap();
        alliance.tend_cases(after(3)).unwrap();
        let seats = court.see(&court.panel[1], number).seats;
        assert_eq!(seats.iter().filter(|it| !it.is_dismissed).count(), 3);
        assert!(
            alliance
                .leave_panel(&court.panel[0], number, after(3))
                .is_err()
        );
        let office = alliance
            .create_account(&Actor::Operator, Office::Resident, NOW)
            .unwrap();
        assert!(
            alliance
                .leave_panel(&Actor::Account(office), number, after(3))
                .is_err()
        );
    });
}

#[test]
fn a_complaint_that_cannot_be_taken_says_why_and_leaves_nothing() {
    on_both(|town| {
        let alliance = &town.alliance;
        let file = |change: &dyn Fn(&mut Complaint)| {
            let mut it = complaint();
            change(&mut it);
            alliance.file_case(None, &it, NOW).map(|it| it.number)
        };
        assert!(matches!(
            file(&|it| it.text = "  ".to_owned()),
            Err(CaseError::Text)
        ));
        assert!(matches!(
            file(&|it| it.text = "x".repeat(4_001)),
            Err(CaseError::Text)
        ));
        assert!(matches!(
            file(&|it| it.contact = "x".repeat(201)),
            Err(CaseError::Contact)
        ));
        assert!(matches!(
            file(&|it| it.photos = vec![Vec::new(); 4]),
            Err(CaseError::Photos)
        ));
        assert!(matches!(
            file(&|it| it.photos = vec![b"GIF89a".to_vec()]),
            Err(CaseError::Photo(_))
        ));
        let nowhere = model::DeploymentId::parse("nowhere").unwrap();
        assert!(matches!(
            file(&|it| it.deployment = Some(nowhere.clone())),
            Err(CaseError::Alliance(_))
        ));
        assert_eq!(file(&|_| ()).unwrap(), 1, "numbers follow each other");
        assert_eq!(file(&|it| it.deployment = None).unwrap(), 2);
        let sides: Vec<_> = alliance
            .case(&CaseViewer::Anyone, 2)
            .unwrap()
            .unwrap()
            .steps
            .iter()
            .map(|it| it.step.side)
            .collect();
        assert_eq!(sides, [Side::Complainant]);
    });
}

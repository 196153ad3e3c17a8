//! Who files, who sees, and which clocks run.

use super::*;

#[test]
fn who_answers_is_found_by_the_deployment_and_what_was_written_is_for_the_parties() {
    on_both(|town| {
        let court = Court::new(town);
        let number = court.filed();
        let theirs = court.see(&court.town.resident, number);
        assert_eq!(theirs.role, CaseRole::Complainant);
        assert_eq!(theirs.file.accountable.unwrap().as_str(), "lahore-power");
        let answers = court.see(&court.accountable, number);
        assert_eq!(answers.role, CaseRole::Accountable);
        assert_eq!(
            answers.steps[0].text.as_deref(),
            Some("The meter tells when we sleep.")
        );
        // How to reach somebody is for the panel.
        assert_eq!(answers.contact, None);
        let public = court
            .alliance()
            .case(&CaseViewer::Anyone, number)
            .unwrap()
            .unwrap();
        assert_eq!(
            (
                public.steps[0].text.clone(),
                public.contact,
                public.may.len()
            ),
            (None, None, 0)
        );
        assert_eq!(court.see(&court.panel[0], number).role, CaseRole::Public);
        assert!(matches!(
            court.step(&court.panel[0], number, EventKind::Answered, "x", after(1)),
            Err(CaseError::NotFound)
        ));
    });
}

#[test]
fn a_receipt_code_opens_one_case_and_no_other() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let other = court.filed();
        let filed = alliance.file_case(None, &complaint(), NOW).unwrap();
        let typed = filed.code.expose_secret().to_lowercase().replace('-', " ");
        let code = || alliance::cases::CaseCode::parse(&typed).unwrap();
        assert_eq!(alliance.case_by_code(&code()).unwrap(), Some(filed.number));
        let view = alliance
            .case(&CaseViewer::Code(code()), filed.number)
            .unwrap()
            .unwrap();
        assert_eq!(
            (view.role, view.contact.as_deref()),
            (CaseRole::Complainant, Some("0300 1234567"))
        );
        let strange = alliance
            .case(&CaseViewer::Code(code()), other)
            .unwrap()
            .unwrap();
        assert_eq!(strange.role, CaseRole::Public);
        let wrong = alliance::cases::CaseCode::parse("AAAAA-BBBBB-CCCCC-DDDDD").unwrap();
        assert_eq!(alliance.case_by_code(&wrong).unwrap(), None);
        alliance
            .step_case(
                &CaseViewer::Code(code()),
                filed.number,
                EventKind::Withdrawn,
                "",
                after(1),
            )
            .unwrap();
        let closed = alliance
            .case(&CaseViewer::Code(code()), filed.number)
            .unwrap()
            .unwrap();
        assert_eq!(
            (closed.file.stage, closed.clocks.len()),
            (Stage::Withdrawn, 0)
        );
    });
}

#[test]
fn a_holiday_that_is_added_later_moves_the_clock_that_runs_and_the_record_says_so() {
    on_both(|town| {
        let court = Court::new(town);
        let number = court.filed();
        let due = || {
            let view = court.see(&court.accountable, number);
            let clock = view
                .clocks
                .into_iter()
                .find(|it| it.kind == ClockKind::Acknowledge)
                .unwrap();
            clock.deadline
        };
        let before = due();
        let holiday = Holiday {
            day: before.last_day().unwrap(),
            name: Text {
                en: "Iqbal Day".to_owned(),
                ur: "یومِ اقبال".to_owned(),
            },
        };
        assert!(
            court
                .alliance()
                .add_holiday(&court.town.resident, &holiday, NOW)
                .is_err()
        );
        court
            .alliance()
            .add_holiday(&court.town.officer, &holiday, NOW)
            .unwrap();
        let moved = due();
        assert!(moved.due > before.due, "{moved:?}");
        assert!(moved.lines.len() > before.lines.len());
        let newest = court
            .alliance()
            .custody()
            .record_before(u64::MAX, 1)
            .unwrap();
        assert_eq!(newest[0].entry.kind, EntryKind::CalendarChanged);
        court
            .alliance()
            .remove_holiday(&court.town.officer, holiday.day, NOW)
            .unwrap();
        assert_eq!(due(), before);
    });
}

#[test]
fn a_case_that_is_not_answered_goes_to_a_panel_on_day_41_and_counts_as_late() {
    on_both(|town| {
        let court = Court::new(town);
        let alliance = court.alliance();
        let number = court.filed();
        assert_eq!(alliance.tend_cases(after(40)).unwrap(), 0);
        assert_eq!(alliance.tend_cases(after(41)).unwrap(), 1);
        assert_eq!(alliance.tend_cases(after(41)).unwrap(), 0);
        let view = court.see(&court.town.resident, number);
        assert_eq!(view.file.stage, Stage::Panel);
        let seats: Vec<_> = view.seats.iter().map(|it| it.chamber).collect();
        assert_eq!(
            seats.len(),
            4,
            "one of each chamber but that of the party: {seats:?}"
        );
        assert!(!seats.contains(&Chamber::Vendors));
        let kept = alliance.kept_times().unwrap();
        assert_eq!(
            (kept[0].cases, kept[0].acknowledged, kept[0].answered),
            (1, (0, 1), (0, 1))
        );
    });
}

#[test]
fn while_the_complainant_is_asked_no_clock_runs_out() {
    on_both(|town| {
        let court = Court::new(town);
        let number = court.filed();
        court
            .step(
                &court.accountable,
                number,
                EventKind::Asked,
                "Which meter?",
                after(1),
            )
            .unwrap();
        assert_eq!(court.alliance().tend_cases(after(90)).unwrap(), 0);
        court
            .step(
                &court.town.resident,
                number,
                EventKind::Replied,
                "The one at the door.",
                after(90),
            )
            .unwrap();
        court
            .step(
                &court.accountable,
                number,
                EventKind::Answered,
                "Corrected.",
                after(91),
            )
            .unwrap();
        let kept = court.alliance().kept_times().unwrap();
        assert_eq!(kept[0].answered, (1, 1));
        assert_eq!(court.alliance().tend_cases(after(125)).unwrap(), 1);
        assert_eq!(
            court.see(&court.town.resident, number).file.stage,
            Stage::Lapsed
        );
    });
}

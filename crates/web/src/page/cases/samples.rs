//! The pages of cases in every state.

use jiff::civil::date;

use super::*;

fn clock(kind: ClockKind, days: Days, due: i64) -> CaseClock {
    let line = |day: i8, kind| DayLine {
        date: date(2026, 11, day),
        kind,
    };
    let name = Text {
        en: "Public holiday".to_owned(),
        ur: "عام تعطیل".to_owned(),
    };
    CaseClock {
        kind,
        days,
        deadline: Deadline {
            due: Some(sample::NOW.plus_millis(due)),
            lines: vec![
                line(20, DayKind::Begun),
                line(21, DayKind::Weekend),
                line(22, DayKind::Weekend),
                line(23, DayKind::Counted(1)),
                line(24, DayKind::Holiday(name)),
                line(25, DayKind::Waiting),
                line(26, DayKind::Counted(2)),
            ],
        },
    }
}

fn row(number: u64, stage: Stage) -> CaseRow {
    let notice = sample::home();
    let clocks = match stage {
        Stage::Filed => vec![
            clock(ClockKind::Acknowledge, Days::Working(2), -1),
            clock(ClockKind::Answer, Days::Working(10), 86_400_000),
            clock(ClockKind::Escalate, Days::Calendar(40), 86_400_000),
        ],
        Stage::Panel => vec![clock(ClockKind::Decide, Days::Calendar(60), 86_400_000)],
        _ => Vec::new(),
    };
    CaseRow {
        number,
        kind: CaseKind::Recording,
        harm: Harm::Privacy,
        about: Some((notice.deployment.clone(), notice.title.clone())),
        accountable: Some(sample::controller(&notice).title),
        stage,
        filed_at: sample::NOW.plus_millis(-172_800_000),
        clocks,
        now: sample::NOW,
    }
}

impl Page for CasesPage {
    const NAME: &'static str = "cases";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |shell: Shell, mine: [Vec<CaseRow>; 3], rows: Vec<CaseRow>| Self {
            shell,
            form: FormToken::sample(),
            wrong_code: false,
            mine,
            older: (rows.len() > 1).then_some(Route::Cases { before: Some(3) }),
            times: rows
                .first()
                .map(|it| TimesRow {
                    member: it.accountable.clone(),
                    cases: 4,
                    acknowledged: (3, 4),
                    answered: (2, 3),
                })
                .into_iter()
                .chain([TimesRow {
                    member: None,
                    cases: 1,
                    acknowledged: (0, 0),
                    answered: (0, 0),
                }])
                .filter(|_| !rows.is_empty())
                .collect(),
            rows,
        };
        let here = || sample::at(shell, Route::cases());
        let mut office = row(3, Stage::Final);
        (office.about, office.accountable) = (None, None);
        let rows = || vec![row(5, Stage::Filed), row(4, Stage::Panel), office.clone()];
        let mut wrong = page(here(), Default::default(), Vec::new());
        wrong.wrong_code = true;
        let mine = [
            vec![row(5, Stage::Filed)],
            vec![row(4, Stage::Panel)],
            vec![row(2, Stage::Appeal)],
        ];
        vec![
            ("full", page(here(), Default::default(), rows())),
            (
                "mine",
                page(sample::signed_in(shell, Route::cases()), mine, rows()),
            ),
            ("empty", page(here(), Default::default(), Vec::new())),
            ("error", wrong),
        ]
    }
}

impl Page for NewCasePage {
    const NAME: &'static str = "new-case";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |input: CaseInput, errors: &[CaseFormError]| Self {
            shell: sample::at(shell, Route::NewCase(None)),
            form: FormToken::sample(),
            places: sample::cards()
                .into_iter()
                .map(|it| (it.id, it.title))
                .collect(),
            input,
            errors: errors.to_vec(),
        };
        let typed = CaseInput {
            kind: "device".to_owned(),
            harm: "safety".to_owned(),
            about: "gulberg-homes".to_owned(),
            text: "It sparks.".to_owned(),
            contact: "0300 1234567".to_owned(),
            is_protected: true,
        };
        use CaseFormError as E;
        vec![
            ("empty", page(CaseInput::default(), &[])),
            ("typed", page(typed.clone(), &[])),
            (
                "errors",
                page(typed.clone(), &[E::Text, E::Contact, E::Photo]),
            ),
            ("error-photos", page(typed.clone(), &[E::Photos])),
            ("error-full", page(typed, &[E::Full])),
        ]
    }
}

impl Page for FiledCasePage {
    const NAME: &'static str = "filed-case";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |who: Option<Text>, is_protected| Self {
            shell: sample::at(shell, Route::NewCase(None)),
            number: 5,
            code: "ABCDE-FGHIJ-KLMNO-PQRST".to_owned(),
            who,
            is_protected,
        };
        let member = sample::controller(&sample::home()).title;
        vec![
            ("member", page(Some(member), false)),
            ("office", page(None, false)),
            ("protected", page(None, true)),
        ]
    }
}

fn step(kind: EventKind, side: Side, text: &str) -> StepView {
    StepView {
        step: Step {
            at: sample::NOW.plus_millis(-86_400_000),
            side,
            kind,
        },
        text: (!text.is_empty()).then(|| text.to_owned()),
    }
}

fn seats() -> Vec<Seat> {
    let chambers = [Chamber::Government, Chamber::Academia, Chamber::Communities];
    let seat = |(nth, chamber): (usize, &Chamber)| {
        Some(Seat {
            round: 1,
            account: PersonId::parse(&format!("p-{nth}")).ok()?,
            chamber: *chamber,
            is_dismissed: nth == 2,
        })
    };
    chambers.iter().enumerate().filter_map(seat).collect()
}

fn decision(decided: bool) -> ProposedDecision {
    ProposedDecision {
        round: 1,
        id: 1,
        outcome: Outcome::PartlyUpheld,
        reasons: "More was recorded than was declared.".to_owned(),
        sanction: Some(SanctionKind::SuspendFields),
        target: "/power".to_owned(),
        decided_at: decided.then_some(sample::NOW),
        agree: 1,
        disagree: 1,
    }
}

fn sanction(kind: SanctionKind, lifted: bool) -> SanctionRow {
    SanctionRow {
        id: 1,
        kind,
        target: match kind {
            SanctionKind::SuspendFields => "/power".to_owned(),
            SanctionKind::Condition => "Label the meters anew.".to_owned(),
            _ => String::new(),
        },
        imposed_at: sample::NOW,
        cured_at: Some(sample::NOW),
        lifted_at: lifted.then_some(sample::NOW),
    }
}

impl CasePage {
    fn sample(shell: &Shell, stage: Stage, role: CaseRole, may: &[EventKind]) -> Self {
        let here = Route::Case(5);
        let words = |text: &'static str| if role == CaseRole::Public { "" } else { text };
        Self {
            shell: match role {
                CaseRole::Public => sample::at(shell, here),
                _ => sample::signed_in(shell, here),
            },
            form: FormToken::sample(),
            row: row(5, stage),
            role,
            steps: vec![
                step(
                    EventKind::Filed,
                    Side::Complainant,
                    words("The meter tells when we sleep."),
                ),
                step(EventKind::Acknowledged, Side::Accountable, ""),
                step(
                    EventKind::Asked,
                    Side::Accountable,
                    words("Which meter is it?"),
                ),
            ],
            photos: u64::from(role != CaseRole::Public),
            contact: matches!(role, CaseRole::Panel | CaseRole::Complainant)
                .then(|| "0300 1234567".to_owned()),
            seats: if stage == Stage::Filed {
                Vec::new()
            } else {
                seats()
            },
            decisions: Vec::new(),
            sanctions: Vec::new(),
            may: may.to_vec(),
            sits: false,
            error: None,
            done: false,
        }
    }
}

impl Page for CasePage {
    const NAME: &'static str = "case";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        use EventKind as E;
        let page = |stage, role, may: &[E]| Self::sample(shell, stage, role, may);
        let answers = [E::Acknowledged, E::Extended, E::Asked, E::Answered];
        let mut waits = page(
            Stage::Acknowledged,
            CaseRole::Complainant,
            &[E::Replied, E::Withdrawn],
        );
        waits.row.clocks = vec![clock(ClockKind::Answer, Days::Working(10), 0)];
        for it in &mut waits.row.clocks {
            it.deadline.due = None;
        }
        waits.done = true;
        let mut panel = page(Stage::Panel, CaseRole::Panel, &[E::Asked]);
        (panel.sits, panel.decisions) = (true, vec![decision(false)]);
        let wrong = |error| {
            let mut wrong = page(Stage::Panel, CaseRole::Panel, &[E::Asked]);
            (wrong.sits, wrong.error) = (true, Some(error));
            wrong
        };
        let mut decided = page(Stage::Decided, CaseRole::Accountable, &[E::Appealed]);
        decided.decisions = vec![decision(true)];
        decided.sanctions = vec![sanction(SanctionKind::SuspendFields, false)];
        let mut public = page(Stage::Final, CaseRole::Public, &[]);
        public.steps.push(step(E::Decided, Side::Panel, ""));
        public.decisions = vec![decision(true)];
        public.sanctions = vec![
            sanction(SanctionKind::Condition, true),
            sanction(SanctionKind::RevokeLicence, false),
        ];
        let mut lift = page(Stage::Decided, CaseRole::Panel, &[]);
        lift.sanctions = vec![sanction(SanctionKind::SuspendDeployment, false)];
        let mut missing = page(Stage::Filed, CaseRole::Accountable, &answers);
        missing.error = Some(CaseFormError::Text);
        vec![
            ("public", page(Stage::Filed, CaseRole::Public, &[])),
            (
                "answers",
                page(Stage::Filed, CaseRole::Accountable, &answers),
            ),
            ("waits", waits),
            (
                "answered",
                page(
                    Stage::Answered,
                    CaseRole::Complainant,
                    &[E::Satisfied, E::NotSatisfied, E::Withdrawn],
                ),
            ),
            ("panel", panel),
            ("decided", decided),
            ("final", public),
            ("lift", lift),
            ("error-text", missing),
            ("error-now", wrong(CaseFormError::Now)),
            ("error-own", wrong(CaseFormError::Own)),
            ("error-panel", wrong(CaseFormError::Panel)),
            ("error-target", wrong(CaseFormError::Target)),
        ]
    }
}

impl Page for HolidaysPage {
    const NAME: &'static str = "holidays";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |holidays: Vec<Holiday>| Self {
            shell: sample::in_office(shell, Route::OfficeHolidays),
            form: FormToken::sample(),
            holidays,
            input: Default::default(),
            wrong: false,
            done: false,
        };
        let holiday = Holiday {
            day: date(2026, 12, 25),
            name: Text {
                en: "Quaid-e-Azam Day".to_owned(),
                ur: "یومِ قائدِ اعظم".to_owned(),
            },
        };
        let mut done = page(vec![holiday]);
        done.done = true;
        let mut wrong = page(Vec::new());
        wrong.wrong = true;
        wrong.input = ["2026-13-01".to_owned(), "Eid".to_owned(), String::new()];
        vec![
            ("full", done),
            ("empty", page(Vec::new())),
            ("error", wrong),
        ]
    }
}

impl Page for FindingsPage {
    const NAME: &'static str = "findings";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |days| Self {
            shell: sample::in_office(shell, Route::OfficeFindings),
            form: FormToken::sample(),
            days,
            input: Default::default(),
            wrong: false,
            done: false,
        };
        let mut done = page(Some(7));
        done.done = true;
        let mut wrong = page(None);
        wrong.wrong = true;
        wrong.input = ["a week".to_owned(), String::new()];
        vec![("never", page(None)), ("set", done), ("error", wrong)]
    }
}

//! The clocks of a case: which times run, and until when.

use super::calendar::{Calendar, Days, Deadline};
use super::stage::{Stage, Standing};
use super::{CaseFile, Harm};
use crate::words::words;

words! {
    /// What a time is for.
    ClockKind {
        /// To say that the case was seen.
        Acknowledge = "acknowledge",
        /// To answer.
        Answer = "answer",
        /// Until the case goes to a panel by itself.
        Escalate = "escalate",
        /// To say whether the answer is enough.
        Reply = "reply",
        /// For the panel to decide.
        Decide = "decide",
        /// To ask for a second panel.
        Appeal = "appeal",
        /// For the second panel to decide.
        DecideAppeal = "decide-appeal",
    }
}

const ACKNOWLEDGE: Days = Days::Working(2);
const ANSWER: Days = Days::Working(10);
const ANSWER_SAFETY: Days = Days::Working(3);
const ANSWER_EXTENDED: Days = Days::Working(20);
const ANSWER_SAFETY_EXTENDED: Days = Days::Working(13);
/// After so many days it is day 41.
const ESCALATE: Days = Days::Calendar(40);
const REPLY: Days = Days::Calendar(30);
const DECIDE: Days = Days::Calendar(60);
const APPEAL: Days = Days::Calendar(30);

/// One clock of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseClock {
    /// What for.
    pub kind: ClockKind,
    /// How many days of which kind.
    pub days: Days,
    /// When it is over, and why then.
    pub deadline: Deadline,
}

/// The clocks that run.
pub(super) fn running(file: &CaseFile, standing: &Standing, calendar: &Calendar) -> Vec<CaseClock> {
    let kinds: &[ClockKind] = match standing.stage {
        Stage::Filed => &[
            ClockKind::Acknowledge,
            ClockKind::Answer,
            ClockKind::Escalate,
        ],
        Stage::Acknowledged => &[ClockKind::Answer, ClockKind::Escalate],
        Stage::Answered => &[ClockKind::Reply],
        Stage::Panel => &[ClockKind::Decide],
        Stage::Decided => &[ClockKind::Appeal],
        Stage::Appeal => &[ClockKind::DecideAppeal],
        Stage::Settled | Stage::Lapsed | Stage::Withdrawn | Stage::Final => &[],
    };
    let clock = |kind: &ClockKind| one(*kind, file, standing, calendar);
    kinds.iter().filter_map(clock).collect()
}

/// One clock, whether it still runs or not; `None` when it never began.
pub(super) fn one(
    kind: ClockKind,
    file: &CaseFile,
    standing: &Standing,
    calendar: &Calendar,
) -> Option<CaseClock> {
    let (from, days) = match kind {
        ClockKind::Acknowledge => (Some(standing.filed_at), ACKNOWLEDGE),
        ClockKind::Answer => (
            Some(standing.filed_at),
            match (file.harm == Harm::Safety, standing.is_extended) {
                (false, false) => ANSWER,
                (false, true) => ANSWER_EXTENDED,
                (true, false) => ANSWER_SAFETY,
                (true, true) => ANSWER_SAFETY_EXTENDED,
            },
        ),
        ClockKind::Escalate => (Some(standing.filed_at), ESCALATE),
        ClockKind::Reply => (standing.answered_at, REPLY),
        ClockKind::Decide => (standing.panel_at, DECIDE),
        ClockKind::Appeal => (standing.decided_at, APPEAL),
        ClockKind::DecideAppeal => (standing.appealed_at, APPEAL),
    };
    Some(CaseClock {
        kind,
        days,
        deadline: calendar.deadline(from?, days, &standing.pauses),
    })
}

//! Cases in words.

use alliance::cases::{
    CaseKind, ClockKind, DayKind, Days, EventKind, Harm, Outcome, SanctionKind, Side, Stage,
};
use jiff::civil::Date;
use model::Timestamp;

use super::Texts;

impl Texts {
    /// What is wrong.
    pub(crate) fn case_kind(&self, kind: &CaseKind) -> String {
        self.say(match kind {
            CaseKind::Recording => "case-kind-recording",
            CaseKind::Sharing => "case-kind-sharing",
            CaseKind::WrongData => "case-kind-wrong-data",
            CaseKind::Access => "case-kind-access",
            CaseKind::Automated => "case-kind-automated",
            CaseKind::Device => "case-kind-device",
            CaseKind::Security => "case-kind-security",
            CaseKind::Drift => "case-kind-drift",
            CaseKind::Other => "case-kind-other",
        })
    }

    /// What harm it does.
    pub(crate) fn harm(&self, harm: &Harm) -> String {
        self.say(match harm {
            Harm::None => "case-harm-none",
            Harm::Privacy => "case-harm-privacy",
            Harm::Money => "case-harm-money",
            Harm::Unfair => "case-harm-unfair",
            Harm::Safety => "case-harm-safety",
        })
    }

    /// How far a case has come.
    pub(crate) fn stage(&self, stage: &Stage) -> String {
        self.say(match stage {
            Stage::Filed => "case-stage-filed",
            Stage::Acknowledged => "case-stage-acknowledged",
            Stage::Answered => "case-stage-answered",
            Stage::Panel => "case-stage-panel",
            Stage::Decided => "case-stage-decided",
            Stage::Appeal => "case-stage-appeal",
            Stage::Settled => "case-stage-settled",
            Stage::Lapsed => "case-stage-lapsed",
            Stage::Withdrawn => "case-stage-withdrawn",
            Stage::Final => "case-stage-final",
        })
    }

    /// What happened, and by whom.
    pub(crate) fn case_step(&self, kind: &EventKind, side: &Side) -> String {
        let key = match kind {
            EventKind::Filed => "case-step-filed",
            EventKind::Acknowledged => "case-step-acknowledged",
            EventKind::Extended => "case-step-extended",
            EventKind::Asked => "case-step-asked",
            EventKind::Replied => "case-step-replied",
            EventKind::Answered => "case-step-answered",
            EventKind::Satisfied => "case-step-satisfied",
            EventKind::NotSatisfied => "case-step-not-satisfied",
            EventKind::Escalated => "case-step-escalated",
            EventKind::Decided => "case-step-decided",
            EventKind::Appealed => "case-step-appealed",
            EventKind::Withdrawn => "case-step-withdrawn",
            EventKind::Lapsed => "case-step-lapsed",
            EventKind::BecameFinal => "case-step-became-final",
        };
        self.with(key).set("by", self.side(side)).to_string()
    }

    fn side(&self, side: &Side) -> String {
        self.say(match side {
            Side::Complainant => "case-side-complainant",
            Side::Accountable => "case-side-accountable",
            Side::Panel => "case-side-panel",
            Side::Clock => "case-side-clock",
        })
    }

    /// What somebody can do next.
    pub(crate) fn case_act(&self, kind: &EventKind) -> String {
        self.say(match kind {
            EventKind::Acknowledged => "case-act-acknowledge",
            EventKind::Extended => "case-act-extend",
            EventKind::Asked => "case-act-ask",
            EventKind::Replied => "case-act-reply",
            EventKind::Answered => "case-act-answer",
            EventKind::Satisfied => "case-act-satisfied",
            EventKind::NotSatisfied => "case-act-not-satisfied",
            EventKind::Appealed => "case-act-appeal",
            EventKind::Filed
            | EventKind::Withdrawn
            | EventKind::Escalated
            | EventKind::Decided
            | EventKind::Lapsed
            | EventKind::BecameFinal => "case-act-withdraw",
        })
    }

    /// What a time is for.
    pub(crate) fn clock(&self, kind: &ClockKind) -> String {
        self.say(match kind {
            ClockKind::Acknowledge => "case-clock-acknowledge",
            ClockKind::Answer => "case-clock-answer",
            ClockKind::Escalate => "case-clock-escalate",
            ClockKind::Reply => "case-clock-reply",
            ClockKind::Decide => "case-clock-decide",
            ClockKind::Appeal => "case-clock-appeal",
            ClockKind::DecideAppeal => "case-clock-decide-appeal",
        })
    }

    /// So many days, of which kind.
    pub(crate) fn clock_days(&self, days: &Days) -> String {
        let key = match days {
            Days::Working(_) => "case-days-working",
            Days::Calendar(_) => "case-days-calendar",
        };
        self.with(key).set("days", days.count()).to_string()
    }

    /// What a day was for a clock.
    pub(crate) fn clock_day(&self, kind: &DayKind) -> String {
        match kind {
            DayKind::Begun => self.say("case-day-begun"),
            DayKind::Counted(nth) => self.with("case-day-counted").set("nth", *nth).to_string(),
            DayKind::Weekend => self.say("case-day-weekend"),
            DayKind::Holiday(name) => self
                .with("case-day-holiday")
                .set("name", self.of(name))
                .to_string(),
            DayKind::Waiting => self.say("case-day-waiting"),
        }
    }

    /// A date with the name of its day.
    pub(crate) fn date(&self, date: &Date) -> String {
        let noon = date.at(12, 0, 0, 0).to_zoned(self.zone.clone());
        noon.map_or_else(
            |_| date.to_string(),
            |it| self.weekday(&Timestamp::from_millis(it.timestamp().as_millisecond())),
        )
    }

    /// What a panel found.
    pub(crate) fn outcome(&self, outcome: &Outcome) -> String {
        self.say(match outcome {
            Outcome::Upheld => "case-outcome-upheld",
            Outcome::PartlyUpheld => "case-outcome-partly-upheld",
            Outcome::Dismissed => "case-outcome-dismissed",
        })
    }

    /// What a decision does.
    pub(crate) fn sanction(&self, kind: &SanctionKind) -> String {
        self.say(match kind {
            SanctionKind::Warning => "sanction-warning",
            SanctionKind::Condition => "sanction-condition",
            SanctionKind::SuspendFields => "sanction-suspend-fields",
            SanctionKind::QuarantineThings => "sanction-quarantine-things",
            SanctionKind::SuspendDeployment => "sanction-suspend-deployment",
            SanctionKind::RevokeLicence => "sanction-revoke-licence",
        })
    }
}

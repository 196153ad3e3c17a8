//! Where a case stands: one table of what may happen to it, by whom, and what it becomes.

use model::Timestamp;

use super::calendar::Pause;
use crate::words::words;

words! {
    /// How far a case has come.
    Stage {
        /// Nobody has said yet that it was seen.
        Filed = "filed",
        /// The accountable member has seen it.
        Acknowledged = "acknowledged",
        /// The accountable member has answered; who complained says whether that is enough.
        Answered = "answered",
        /// A panel decides.
        Panel = "panel",
        /// The panel has decided; for a time there may be an appeal.
        Decided = "decided",
        /// A second panel decides.
        Appeal = "appeal",
        /// The answer was enough.
        Settled = "settled",
        /// Nobody said whether the answer was enough.
        Lapsed = "lapsed",
        /// Who complained took it back.
        Withdrawn = "withdrawn",
        /// Decided for good.
        Final = "final",
    }
}

impl Stage {
    /// Whether anything can still happen.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Filed
                | Self::Acknowledged
                | Self::Answered
                | Self::Panel
                | Self::Decided
                | Self::Appeal
        )
    }

    /// Which panel decides now, the first or the second.
    #[must_use]
    pub const fn round(self) -> Option<u8> {
        match self {
            Self::Panel => Some(1),
            Self::Appeal => Some(2),
            _ => None,
        }
    }
}

words! {
    /// On whose behalf something is done.
    Side {
        /// Who complained.
        Complainant = "complainant",
        /// The member who answers for the deployment.
        Accountable = "accountable",
        /// The panel.
        Panel = "panel",
        /// Nobody: a time was over.
        Clock = "clock",
    }
}

words! {
    /// What happens to a case.
    EventKind {
        /// It was filed.
        Filed = "filed",
        /// It was seen.
        Acknowledged = "acknowledged",
        /// The accountable member needs longer to answer.
        Extended = "extended",
        /// Who complained is asked something: the clock stands still.
        Asked = "asked",
        /// The reply: the clock goes on.
        Replied = "replied",
        /// The answer.
        Answered = "answered",
        /// The answer is enough.
        Satisfied = "satisfied",
        /// The answer is not enough.
        NotSatisfied = "not-satisfied",
        /// The time for an answer is over, or the case goes to a panel at once.
        Escalated = "escalated",
        /// The panel decided.
        Decided = "decided",
        /// One side wants a second panel.
        Appealed = "appealed",
        /// Taken back.
        Withdrawn = "withdrawn",
        /// The time for a reply to the answer is over.
        Lapsed = "lapsed",
        /// The time for an appeal is over.
        BecameFinal = "became-final",
    }
}

/// One line of the history of a case, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// On whose behalf.
    pub side: Side,
    /// What.
    pub kind: EventKind,
}

/// Where a case stands, folded from its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How far it has come.
    pub stage: Stage,
    /// Since when each clock runs; when it was filed.
    pub filed_at: Timestamp,
    /// When it was seen.
    pub acknowledged_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// Whether the time for the answer was made longer.
    pub is_extended: bool,
    /// When it went to the panel.
    pub panel_at: Option<Timestamp>,
    /// When the first panel decided.
    pub decided_at: Option<Timestamp>,
    /// When it went to a second panel.
    pub appealed_at: Option<Timestamp>,
    /// When nothing more could happen.
    pub closed_at: Option<Timestamp>,
    /// When clocks stood still.
    pub pauses: Vec<Pause>,
}

impl Standing {
    const fn new(filed_at: Timestamp) -> Self {
        Self {
            stage: Stage::Filed,
            filed_at,
            acknowledged_at: None,
            answered_at: None,
            is_extended: false,
            panel_at: None,
            decided_at: None,
            appealed_at: None,
            closed_at: None,
            pauses: Vec::new(),
        }
    }

    /// Folds a history, oldest first; `None` when it does not begin with a case that is filed, or holds what cannot happen.
    #[must_use]
    pub fn of(history: &[Step]) -> Option<Self> {
        let (first, rest) = history.split_first()?;
        if (first.side, first.kind) != (Side::Complainant, EventKind::Filed) {
            return None;
        }
        rest.iter()
            .try_fold(Self::new(first.at), |standing, step| standing.after(*step))
    }

    /// Whether something was asked of who complained, and not replied to.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.pauses.last().is_some_and(|it| it.until.is_none())
    }

    /// Whether this side may do that now.
    #[must_use]
    pub fn may(&self, side: Side, kind: EventKind) -> bool {
        next(self.stage, side, kind).is_some()
            && !(kind == EventKind::Extended && self.is_extended)
            && (kind == EventKind::Replied) == (kind == EventKind::Replied && self.is_waiting())
            && !(kind == EventKind::Asked && self.is_waiting())
            // A clock that stands still runs out for nobody.
            && !(side == Side::Clock && self.is_waiting())
    }

    /// What it becomes; `None` when that cannot happen now.
    #[must_use]
    pub fn after(mut self, step: Step) -> Option<Self> {
        if !self.may(step.side, step.kind) {
            return None;
        }
        self.stage = next(self.stage, step.side, step.kind)?;
        match step.kind {
            EventKind::Filed => return None,
            EventKind::Acknowledged => self.acknowledged_at = Some(step.at),
            EventKind::Extended => self.is_extended = true,
            EventKind::Asked => self.pauses.push(Pause {
                from: step.at,
                until: None,
            }),
            EventKind::Answered => {
                self.acknowledged_at = self.acknowledged_at.or(Some(step.at));
                self.answered_at = Some(step.at);
            }
            EventKind::NotSatisfied | EventKind::Escalated => self.panel_at = Some(step.at),
            EventKind::Appealed => self.appealed_at = Some(step.at),
            EventKind::Decided => self.decided_at = self.decided_at.or(Some(step.at)),
            EventKind::Replied
            | EventKind::Satisfied
            | EventKind::Withdrawn
            | EventKind::Lapsed
            | EventKind::BecameFinal => {}
        }
        // Whatever else happens, nobody is waited for any more than this.
        let ends_wait = step.kind != EventKind::Asked && step.kind != EventKind::Extended;
        if ends_wait && let Some(open) = self.pauses.last_mut().filter(|it| it.until.is_none()) {
            open.until = Some(step.at);
        }
        if !self.stage.is_open() {
            self.closed_at = Some(step.at);
        }
        Some(self)
    }
}

/// The table. What is not in it cannot happen.
const fn next(stage: Stage, side: Side, kind: EventKind) -> Option<Stage> {
    use EventKind as E;
    use Side as Who;
    use Stage as S;
    Some(match (stage, side, kind) {
        (S::Filed, Who::Accountable, E::Acknowledged) => S::Acknowledged,
        (S::Filed | S::Acknowledged, Who::Accountable, E::Extended)
        | (S::Filed | S::Acknowledged, Who::Accountable, E::Asked)
        | (S::Filed | S::Acknowledged, Who::Complainant, E::Replied)
        | (S::Panel | S::Appeal, Who::Panel, E::Asked)
        | (S::Panel | S::Appeal, Who::Complainant, E::Replied) => stage,
        (S::Filed | S::Acknowledged, Who::Accountable, E::Answered) => S::Answered,
        (S::Answered, Who::Complainant, E::Satisfied) => S::Settled,
        (S::Answered, Who::Complainant, E::NotSatisfied)
        | (S::Filed | S::Acknowledged, Who::Clock, E::Escalated) => S::Panel,
        (S::Answered, Who::Clock, E::Lapsed) => S::Lapsed,
        (S::Panel, Who::Panel, E::Decided) => S::Decided,
        (S::Decided, Who::Complainant | Who::Accountable, E::Appealed) => S::Appeal,
        (S::Decided, Who::Clock, E::BecameFinal) | (S::Appeal, Who::Panel, E::Decided) => S::Final,
        (
            S::Filed | S::Acknowledged | S::Answered | S::Panel | S::Appeal,
            Who::Complainant,
            E::Withdrawn,
        ) => S::Withdrawn,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line of the table, and that there is no other.
    #[test]
    fn what_may_happen_to_a_case_is_this_table() {
        let mut lines = String::new();
        for stage in Stage::ALL {
            for side in Side::ALL {
                for kind in EventKind::ALL {
                    if let Some(to) = next(*stage, *side, *kind) {
                        lines.push_str(&format!("{stage} | {side} | {kind} -> {to}\n"));
                    }
                }
            }
        }
        insta::assert_snapshot!(lines, @r"
        filed | complainant | replied -> filed
        filed | complainant | withdrawn -> withdrawn
        filed | accountable | acknowledged -> acknowledged
        filed | accountable | extended -> filed
        filed | accountable | asked -> filed
        filed | accountable | answered -> answered
        filed | clock | escalated -> panel
        acknowledged | complainant | replied -> acknowledged
        acknowledged | complainant | withdrawn -> withdrawn
        acknowledged | accountable | extended -> acknowledged
        acknowledged | accountable | asked -> acknowledged
        acknowledged | accountable | answered -> answered
        acknowledged | clock | escalated -> panel
        answered | complainant | satisfied -> settled
        answered | complainant | not-satisfied -> panel
        answered | complainant | withdrawn -> withdrawn
        answered | clock | lapsed -> lapsed
        panel | complainant | replied -> panel
        panel | complainant | withdrawn -> withdrawn
        panel | panel | asked -> panel
        panel | panel | decided -> decided
        decided | complainant | appealed -> appeal
        decided | accountable | appealed -> appeal
        decided | clock | became-final -> final
        appeal | complainant | replied -> appeal
        appeal | complainant | withdrawn -> withdrawn
        appeal | panel | asked -> appeal
        appeal | panel | decided -> final
        ");
    }

    fn history(text: &[(Side, EventKind)]) -> Vec<Step> {
        let step = |(at, (side, kind)): (i64, &(Side, EventKind))| Step {
            at: Timestamp::from_millis(at),
            side: *side,
            kind: *kind,
        };
        (0..).zip(text).map(step).collect()
    }

    #[test]
    fn a_clock_that_waits_for_the_complainant_runs_out_for_nobody_and_asking_twice_is_not_possible()
    {
        let mut text = vec![
            (Side::Complainant, EventKind::Filed),
            (Side::Accountable, EventKind::Asked),
        ];
        let standing = Standing::of(&history(&text)).unwrap();
        assert!(standing.is_waiting());
        assert!(!standing.may(Side::Clock, EventKind::Escalated));
        assert!(!standing.may(Side::Accountable, EventKind::Asked));
        assert!(standing.may(Side::Complainant, EventKind::Replied));
        text.push((Side::Complainant, EventKind::Replied));
        let standing = Standing::of(&history(&text)).unwrap();
        assert!(!standing.is_waiting() && standing.may(Side::Clock, EventKind::Escalated));
        assert!(!standing.may(Side::Complainant, EventKind::Replied));
        assert_eq!(standing.pauses.len(), 1);
    }

    #[test]
    fn more_time_is_taken_once() {
        let standing = Standing::of(&history(&[
            (Side::Complainant, EventKind::Filed),
            (Side::Accountable, EventKind::Extended),
        ]));
        assert!(
            !standing
                .unwrap()
                .may(Side::Accountable, EventKind::Extended)
        );
    }

    #[test]
    fn a_history_that_cannot_be_is_none() {
        assert_eq!(Standing::of(&[]), None);
        for wrong in [
            vec![(Side::Panel, EventKind::Filed)],
            vec![
                (Side::Complainant, EventKind::Filed),
                (Side::Complainant, EventKind::Filed),
            ],
            vec![
                (Side::Complainant, EventKind::Filed),
                (Side::Complainant, EventKind::Replied),
            ],
            vec![
                (Side::Complainant, EventKind::Filed),
                (Side::Panel, EventKind::Decided),
            ],
        ] {
            assert_eq!(Standing::of(&history(&wrong)), None, "{wrong:?}");
        }
    }

    proptest::proptest! {
        /// However a case goes on: a closed one stays closed, and its times follow each other.
        #[test]
        fn a_closed_case_stays_closed(steps in proptest::collection::vec((0usize..4, 0usize..14), 0..60)) {
            let mut standing = Standing::new(Timestamp::from_millis(0));
            for (at, (side, kind)) in (1..).zip(steps) {
                let step = Step { at: Timestamp::from_millis(at), side: Side::ALL[side], kind: EventKind::ALL[kind] };
                let was_open = standing.stage.is_open();
                if let Some(next) = standing.clone().after(step) {
                    proptest::prop_assert!(was_open);
                    standing = next;
                }
            }
            proptest::prop_assert_eq!(standing.closed_at.is_some(), !standing.stage.is_open());
            let times = [Some(standing.filed_at), standing.panel_at, standing.decided_at, standing.appealed_at, standing.closed_at];
            let times: Vec<_> = times.into_iter().flatten().collect();
            proptest::prop_assert!(times.is_sorted());
        }
    }
}

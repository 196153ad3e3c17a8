//! Cases: from what is wrong to the sanction that the gateway carries out, and back.

mod deciding;
mod filing;
mod findings;

use alliance::cases::{
    CaseError, CaseKind, CaseRole, CaseViewer, ClockKind, Complaint, DecisionDraft, EventKind,
    Harm, Holiday, Outcome, SanctionKind, Side, Stage,
};
use alliance::{Account, Actor, Alliance, Member, Office};
use model::{Chamber, EntryKind, LicenceState, MemberId, Text, Timestamp};

use crate::fixture::{NOW, Town, home, member, on_both};

pub(super) const DAY: i64 = 86_400_000;

pub(super) fn complaint() -> Complaint {
    Complaint {
        kind: CaseKind::Recording,
        harm: Harm::Privacy,
        deployment: Some(home()),
        text: "The meter tells when we sleep.".to_owned(),
        contact: "0300 1234567".to_owned(),
        is_protected: false,
        photos: Vec::new(),
    }
}

pub(super) fn after(days: i64) -> Timestamp {
    NOW.plus_millis(days * DAY)
}

/// A town with delegates: one of the accountable member, and one of each other chamber.
pub(super) struct Court {
    pub(super) town: Town,
    pub(super) accountable: Actor,
    pub(super) panel: Vec<Actor>,
}

impl Court {
    pub(super) fn new(town: Town) -> Self {
        let (alliance, operator) = (&town.alliance, &Actor::Operator);
        let delegate =
            |id: &MemberId| Actor::Account(alliance.create_delegate(operator, id, NOW).unwrap());
        let panel = [
            Chamber::Government,
            Chamber::Academia,
            Chamber::Ngos,
            Chamber::Communities,
        ];
        let panel = panel.iter().map(|chamber| {
            let joined = Member {
                chamber: *chamber,
                ..member(&format!("m-{chamber}"))
            };
            alliance.register_member(operator, &joined).unwrap();
            delegate(&joined.id)
        });
        let panel = panel.collect();
        let accountable = delegate(&MemberId::parse("lahore-power").unwrap());
        alliance
            .issue_licence(&town.officer, &home(), None, "complete", NOW)
            .unwrap();
        Self {
            accountable,
            panel,
            town,
        }
    }

    pub(super) fn alliance(&self) -> &Alliance {
        &self.town.alliance
    }

    pub(super) fn step(
        &self,
        actor: &Actor,
        number: u64,
        kind: EventKind,
        text: &str,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        self.alliance()
            .step_case(&viewer(actor), number, kind, text, now)
    }

    pub(super) fn see(&self, actor: &Actor, number: u64) -> alliance::cases::CaseView {
        self.alliance()
            .case(&viewer(actor), number)
            .unwrap()
            .unwrap()
    }

    pub(super) fn filed(&self) -> u64 {
        let by = account(&self.town.resident);
        self.alliance()
            .file_case(Some(by), &complaint(), NOW)
            .unwrap()
            .number
    }

    /// The case before the panel, because the answer was not enough.
    pub(super) fn before_panel(&self) -> u64 {
        let number = self.filed();
        self.step(
            &self.accountable,
            number,
            EventKind::Answered,
            "It is declared.",
            after(1),
        )
        .unwrap();
        self.step(
            &self.town.resident,
            number,
            EventKind::NotSatisfied,
            "It is not.",
            after(2),
        )
        .unwrap();
        number
    }

    /// Three panellists decide.
    pub(super) fn decide(
        &self,
        number: u64,
        sanction: Option<SanctionKind>,
        target: &str,
        now: Timestamp,
    ) {
        let draft = DecisionDraft {
            outcome: Outcome::Upheld,
            reasons: "More was recorded than was declared.".to_owned(),
            sanction,
            target: target.to_owned(),
        };
        let sits = |it: &&Actor| self.see(it, number).sits;
        let panel: Vec<&Actor> = self.panel.iter().filter(sits).collect();
        let (first, others) = panel.split_first().unwrap();
        self.alliance()
            .propose_decision(first, number, &draft, now)
            .unwrap();
        for other in others {
            match self
                .alliance()
                .vote_on_decision(other, number, 1, true, now)
            {
                Ok(()) | Err(CaseError::NotFound | CaseError::NotNow(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

pub(super) fn account(actor: &Actor) -> &Account {
    match actor {
        Actor::Account(account) => account,
        Actor::Operator | Actor::Agreed(_) => panic!("the operator has no account"),
    }
}

pub(super) fn viewer(actor: &Actor) -> CaseViewer {
    CaseViewer::Account(account(actor).clone())
}

pub(super) fn licence(alliance: &Alliance, now: Timestamp) -> LicenceState {
    alliance
        .custody()
        .in_force_at(&home(), now)
        .unwrap()
        .licence
}

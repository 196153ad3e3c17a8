//! What takes two officers, in the office.

use alliance::{ActOutcome, LicenceDecision, OfficeAct, ProposedAct};
use askama::Template;
use model::{DeploymentId, Text};

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// Who proposed something, as seen by who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActProposer {
    /// Who looks.
    You,
    /// Another officer.
    Other,
    /// Whoever runs the server.
    Operator,
}

/// What became of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ActsNews {
    /// Carried out.
    Done,
    /// It is over.
    Refused,
    /// It does not wait any more.
    Gone,
    /// Who looks proposed it.
    Own,
    /// The officer has nothing of their own that is old enough.
    NotOwnWay,
    /// It cannot be carried out: why, in the words of the machine.
    Impossible(String),
}

impl ActsNews {
    const fn is_good(&self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }

    fn words(&self, shell: &Shell) -> String {
        shell.say(match self {
            Self::Done => "acts-done",
            Self::Refused => "acts-refused",
            Self::Gone => "acts-gone",
            Self::Own => "acts-own",
            Self::NotOwnWay => "acts-not-own-way",
            Self::Impossible(_) => "acts-impossible",
        })
    }

    fn why(&self) -> Option<&str> {
        match self {
            Self::Impossible(why) => Some(why),
            _ => None,
        }
    }
}

/// An act, as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct ActCard {
    /// It.
    pub(crate) act: ProposedAct,
    /// Who proposed it.
    pub(crate) proposer: ActProposer,
    /// Where.
    pub(crate) deployment: Option<(DeploymentId, Text)>,
}

impl ActCard {
    fn title(&self, shell: &Shell) -> String {
        shell.say(match &self.act.act {
            OfficeAct::Licence { decision, .. } => match decision {
                LicenceDecision::Issue => "acts-issue-licence",
                LicenceDecision::Suspend => "acts-suspend-licence",
                LicenceDecision::Reinstate => "acts-reinstate-licence",
                LicenceDecision::Revoke => "acts-revoke-licence",
            },
            OfficeAct::SetLimit { .. } => "acts-set-limit",
            OfficeAct::LiftLimit { .. } => "acts-lift-limit",
            OfficeAct::AddHoliday { .. } => "acts-add-holiday",
            OfficeAct::RemoveHoliday { .. } => "acts-remove-holiday",
            OfficeAct::SetDriftRule { .. } => "acts-set-drift-rule",
            OfficeAct::DeclareStatistic { .. } => "acts-declare-statistic",
            OfficeAct::EndStatistic { .. } => "acts-end-statistic",
            OfficeAct::DeclareDataSet { .. } => "acts-declare-data-set",
            OfficeAct::AddMember { .. } => "acts-add-member",
            OfficeAct::PublishNotice { .. } => "acts-publish-notice",
            OfficeAct::Grant { .. } => "acts-grant",
            OfficeAct::EndGrant { .. } => "acts-end-grant",
            OfficeAct::BeginDeviceAuthority { .. } => "acts-begin-device-authority",
            OfficeAct::TrustMaker { .. } => "acts-trust-maker",
            OfficeAct::DistrustMaker { .. } => "acts-distrust-maker",
        })
    }

    fn proposed(&self, shell: &Shell) -> String {
        let key = match self.proposer {
            ActProposer::You => "acts-by-you",
            ActProposer::Other => "acts-by-other",
            ActProposer::Operator => "acts-by-operator",
        };
        let at = shell.moment(&self.act.proposed_at);
        shell.with(key).set("at", at).to_string()
    }

    fn until(&self, shell: &Shell) -> String {
        let key = match self.act.is_provisional {
            true => "acts-provisional",
            false => "acts-until",
        };
        let at = shell.moment(&self.act.ends_at);
        shell.with(key).set("at", at).to_string()
    }

    fn is_own(&self) -> bool {
        self.proposer == ActProposer::You
    }

    fn ended(&self, shell: &Shell) -> String {
        let outcome = shell.say(match self.act.outcome {
            ActOutcome::Waiting => "acts-outcome-waiting",
            ActOutcome::Done => "acts-outcome-done",
            ActOutcome::Refused => "acts-outcome-refused",
            ActOutcome::Withdrawn => "acts-outcome-withdrawn",
            ActOutcome::Lapsed => "acts-outcome-lapsed",
            ActOutcome::Overtaken => "acts-outcome-overtaken",
        });
        let at = self.act.ended_at.unwrap_or(self.act.proposed_at);
        let words = shell.with("acts-ended-on").set("outcome", outcome);
        words.set("at", shell.moment(&at)).to_string()
    }
}

/// What takes two.
#[derive(Template)]
#[template(path = "office_acts.html")]
pub(crate) struct OfficeActsPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// What waits.
    pub(crate) waiting: Vec<ActCard>,
    /// What became of the last ones.
    pub(crate) ended: Vec<ActCard>,
    /// Whether there are two.
    pub(crate) takes_two: bool,
    /// What a form did.
    pub(crate) news: Option<ActsNews>,
}

impl OfficeActsPage {
    fn failed(&self) -> bool {
        self.news.as_ref().is_some_and(|it| !it.is_good())
    }
}

/// What waits and what is over, for samples.
fn sample_cards() -> (Vec<ActCard>, [ActCard; 5]) {
    let bus = sample::bus();
    let card = |id, act: OfficeAct, proposer, outcome, is_provisional| ActCard {
        deployment: act
            .deployment()
            .map(|_| (bus.deployment.clone(), bus.title.clone())),
        act: ProposedAct {
            id,
            act,
            proposed_by: None,
            proposed_at: sample::NOW,
            ends_at: sample::NOW.plus_millis(alliance::PROPOSAL_MILLIS),
            is_provisional,
            outcome,
            ended_at: (outcome != ActOutcome::Waiting).then_some(sample::NOW),
        },
        proposer,
    };
    let licence = |decision| OfficeAct::Licence {
        deployment: bus.deployment.to_string(),
        decision,
        until: None,
        reason: "The dossier is complete.".to_owned(),
    };
    let limit = OfficeAct::SetLimit {
        of: "sensitivity".to_owned(),
        name: "high".to_owned(),
        purpose: None,
        most: "off".to_owned(),
        reason: "Nobody needs it.".to_owned(),
    };
    let notice = OfficeAct::PublishNotice {
        source: "deployment = \"city-bus\"\nversion = 2\n".to_owned(),
    };
    let waiting = vec![
        card(
            7,
            licence(LicenceDecision::Suspend),
            ActProposer::Other,
            ActOutcome::Waiting,
            true,
        ),
        card(
            8,
            limit.clone(),
            ActProposer::You,
            ActOutcome::Waiting,
            false,
        ),
        card(9, notice, ActProposer::Operator, ActOutcome::Waiting, false),
    ];
    let ended = [
        ActOutcome::Done,
        ActOutcome::Refused,
        ActOutcome::Withdrawn,
        ActOutcome::Lapsed,
        ActOutcome::Overtaken,
    ];
    let ended = ended.map(|it| {
        card(
            3,
            licence(LicenceDecision::Issue),
            ActProposer::Other,
            it,
            false,
        )
    });
    (waiting, ended)
}

impl Page for OfficeActsPage {
    const NAME: &'static str = "office-acts";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let (waiting, ended) = sample_cards();
        let page = |waiting: &[ActCard], ended: &[ActCard], news| Self {
            shell: sample::in_office(shell, Route::OfficeActs),
            form: FormToken::sample(),
            waiting: waiting.to_vec(),
            ended: ended.to_vec(),
            takes_two: !waiting.is_empty(),
            news,
        };
        let why = "the licence is revoked, so it cannot be made active".to_owned();
        vec![
            ("full", page(&waiting, &ended, None)),
            ("empty", page(&[], &[], None)),
            ("done", page(&[], &ended, Some(ActsNews::Done))),
            ("refused", page(&[], &[], Some(ActsNews::Refused))),
            ("error-gone", page(&[], &[], Some(ActsNews::Gone))),
            ("error-own", page(&waiting, &[], Some(ActsNews::Own))),
            ("error-way", page(&waiting, &[], Some(ActsNews::NotOwnWay))),
            (
                "error-impossible",
                page(&waiting, &[], Some(ActsNews::Impossible(why))),
            ),
        ]
    }
}

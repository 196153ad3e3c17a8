//! The pages: one struct each, which is exactly what its template knows. Every page shows itself in
//! [`Page::samples`], in all its states, so that tests and people can look at it without a database.

use custody::DataSetId;
use model::{Cap, DeploymentId, EntryKind, LicenceState, MemberId, Text, Timestamp};

use crate::shell::Shell;

mod access;
mod cases;
mod changes;
mod choices;
mod claim;
mod commons;
mod consent;
mod deliveries;
mod destinations;
mod drift;
mod erase;
mod error;
mod export;
mod feed;
mod home;
mod incidents;
mod keeping;
mod limits;
mod me;
mod member;
mod nearby;
mod notice;
mod office;
mod office_acts;
mod office_commands;
mod office_statistics;
mod open;
mod orders;
mod own_key;
mod publish;
mod record;
mod safety;
pub(crate) mod sample;
mod sign_in;
mod statistics;
mod stay;
#[cfg(test)]
mod tests;
mod unlink;
mod why;

pub(crate) use access::{
    AccessNews, AccessPage, ApproveNews, MAX_ACCESS_DEPLOYMENTS, MAX_ACCESS_READERS,
    OfficeAccessPage, OwnTokenPage, PersonReader, PersonReading,
};
pub(crate) use cases::{
    CaseFormError, CaseInput, CasePage, CaseRow, CasesPage, FiledCasePage, FindingsPage,
    HolidaysPage, NewCasePage, SanctionRow, TimesRow,
};
pub(crate) use changes::{ChangesPage, Story, VersionLine};
pub(crate) use choices::{
    ChoiceChange, ChoiceLane, ChoiceRow, ChoicesPage, News, Saved, SheetPage,
};
pub(crate) use claim::{ClaimDevice, ClaimError, ClaimPage, ClaimStep};
pub use claim::{LabelError, claim_label};
pub(crate) use commons::{CommonsCard, CommonsPage, DataSetPage};
pub(crate) use consent::{
    DeploymentChanges, HistoryLine, HistoryPage, ImportError, ImportPage, MyChoicesPage,
    MyDeployment, PreviewPage, PreviewTitle, ReceiptBanner, ReceiptLine, ReceiptPage, misfit,
};
pub(crate) use deliveries::{DeliveriesPage, DeliveryLine, HeldFast};
pub(crate) use destinations::{
    DestinationsDone, DestinationsPage, EndpointCard, EndpointError, EndpointInput, EndpointPlace,
    MadeDestinationPage, NewDestinationPage, PlaceChange, PlaceRow, PlaceWish,
};
pub(crate) use drift::{DriftLine, DriftName, DriftPage, DriftReason};
pub(crate) use erase::{
    EraseCard, EraseNews, ErasePage, ErasePlace, ErasePreviewPage, EraseTold, EraseWhat,
    PreviewNews,
};
pub(crate) use error::{ErrorKind, ErrorPage};
pub(crate) use export::{ExportNews, ExportPage, TakeAwayPage};
pub(crate) use feed::CommonsFeed;
pub(crate) use home::HomePage;
pub(crate) use incidents::{
    IncidentInput, IncidentNews, IncidentPage, IncidentsPage, MyIncidentsPage, OfficeIncidentsPage,
};
pub(crate) use keeping::KeepingPage;
pub(crate) use limits::{LimitDone, LimitError, LimitInput, LimitLine, LimitsPage};
pub(crate) use me::{Day, LinkedDeployment, MePage, Part, Reading, Received, Value};
pub(crate) use member::MemberPage;
pub(crate) use nearby::{NearbyLine, NearbyPage, PresenceLine, PublishedLine, Start};
pub(crate) use notice::{Licence, NoticePage, Reader, SignPage};
pub(crate) use office::{Done, OfficePage, OfficeRow, REASON_LIMIT, ReasonError};
pub(crate) use office_acts::{ActCard, ActProposer, ActsNews, OfficeActsPage};
pub(crate) use office_commands::{CommandRow, OfficeCommandsPage};
pub(crate) use office_statistics::{
    AskInput, AskNews, FIGURES, OfficeStatisticPage, OfficeStatisticsPage,
};
pub(crate) use open::OpenPage;
pub(crate) use orders::{DeskNews, MyOrdersPage, OrderCard, OrdersDeskPage, OrdersPage};
pub(crate) use own_key::{OwnKeyNews, OwnKeyPage, SealedDay, SealedPage};
pub(crate) use publish::{PublishNews, PublishPage};
pub(crate) use record::{EntryPage, Proof, RecordFeed, RecordPage, RecordSearchPage};
pub(crate) use safety::{PasskeyAsk, RecoveryCodesPage, SafetyEventsPage, SafetyNews, SafetyPage};
pub(crate) use sample::samples;
pub(crate) use sign_in::{SignInError, SignInGonePage, SignInOncePage, SignInPage};
pub(crate) use statistics::{
    MyStatisticsPage, StatisticCard, StatisticPage, StatisticWords, StatisticsPage,
};
pub(crate) use stay::{MAX_STAYS, Stay};
pub(crate) use unlink::{GiftChoice, GiftNews, GiftPage, UnlinkPage};
pub(crate) use why::{WhyGroup, WhyPage};

/// A page that can show itself in every state.
pub(crate) trait Page: askama::Template + Sized {
    /// Its name in file names of samples.
    const NAME: &'static str;

    /// Every state, named, in the language of `shell`.
    fn samples(shell: &Shell) -> Vec<(&'static str, Self)>;
}

/// A member, as links show it.
#[derive(Debug, Clone)]
pub(crate) struct MemberLink {
    /// Its identifier.
    pub(crate) id: MemberId,
    /// What people call it.
    pub(crate) title: Text,
}

/// A deployment, as lists show it.
#[derive(Debug, Clone)]
pub(crate) struct DeploymentCard {
    /// Its identifier.
    pub(crate) id: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// What it does.
    pub(crate) summary: Text,
    /// Where it is.
    pub(crate) place: Text,
    /// Who answers for it.
    pub(crate) controller: MemberLink,
    /// Whether it may run.
    pub(crate) licence: LicenceState,
}

/// What an entry of the record is about, as far as the site knows it.
#[derive(Debug, Clone)]
pub(crate) enum About {
    /// A deployment.
    Deployment(DeploymentId, Text),
    /// A member.
    Member(MemberId, Text),
    /// An open data set.
    DataSet(DataSetId, Text),
    /// A limit of the rulebook.
    Limit(Cap),
    /// Something that has no page.
    Other(String),
}

/// An entry of the record, as lists show it.
#[derive(Debug, Clone)]
pub(crate) struct EntryLine {
    /// Its place in the record, from 0.
    pub(crate) index: u64,
    /// When.
    pub(crate) at: Timestamp,
    /// What kind of act.
    pub(crate) kind: EntryKind,
    /// What it is about.
    pub(crate) about: About,
    /// Who acted.
    pub(crate) by: By,
    /// Who may receive, where the act is about access.
    pub(crate) grant: Option<GrantLine>,
    /// Why, as written in the record; empty where nothing was.
    pub(crate) reason: String,
}

/// What an act about access is about.
#[derive(Debug, Clone)]
pub(crate) struct GrantLine {
    /// Who receives.
    pub(crate) recipient: Text,
    /// What for.
    pub(crate) purpose: Text,
    /// When it ends, where that was still to come.
    pub(crate) ends_at: Option<Timestamp>,
}

/// Who acted, as the record names it.
#[derive(Debug, Clone)]
pub(crate) enum By {
    /// The licensing office.
    Licensing,
    /// Whoever runs the server.
    Operator,
    /// Two officers of the licensing office.
    TwoOfficers,
    /// Whoever runs the server, and an officer who agreed.
    OperatorAndOfficer,
    /// The person whom it is about.
    Person,
    /// The platform, by itself at set times.
    Itself,
    /// A member.
    Member(Text),
    /// Another word of the record.
    Other(String),
}

impl EntryLine {
    /// The act in plain words.
    pub(crate) fn words(&self, shell: &Shell) -> String {
        let limit;
        let about = match &self.about {
            About::Deployment(_, title) | About::Member(_, title) | About::DataSet(_, title) => {
                shell.of(title)
            }
            About::Limit(cap) => {
                limit = shell.limit(cap);
                limit.as_str()
            }
            About::Other(text) => text.as_str(),
        };
        let Some(grant) = &self.grant else {
            return shell.act(&self.kind, about, None);
        };
        let parties = (shell.of(&grant.recipient), shell.of(&grant.purpose));
        match &grant.ends_at {
            None => shell.act(&self.kind, about, Some(parties)),
            Some(at) => shell.access_ends(about, parties, at),
        }
    }

    /// Who acted, in words.
    pub(crate) fn actor(&self, shell: &Shell) -> String {
        match &self.by {
            By::Licensing => shell.say("record-by-licensing"),
            By::Operator => shell.say("record-by-operator"),
            By::TwoOfficers => shell.say("record-by-two"),
            By::OperatorAndOfficer => shell.say("record-by-operator-and-officer"),
            By::Person => shell.say("record-by-person"),
            By::Itself => shell.say("record-by-itself"),
            By::Member(title) => shell.of(title).to_owned(),
            By::Other(word) => word.clone(),
        }
    }
}

//! Who may do what: one table, asked by every use case. A change here shows in the golden matrix of the tests.

use std::fmt;

use crate::AllianceError;
use crate::accounts::Account;
use crate::four_eyes::Agreed;

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Office {
    /// A person who lives with the devices.
    Resident,
    /// The alliance's licensing office.
    Licensing,
    /// Somebody who speaks for a member: answers its cases, and sits in panels on those of others.
    Delegate,
}

impl Office {
    /// Every office.
    pub const ALL: [Self; 3] = [Self::Resident, Self::Licensing, Self::Delegate];

    /// The word that rows and entries use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resident => "resident",
            Self::Licensing => "licensing",
            Self::Delegate => "delegate",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    /// Whether this office may.
    #[must_use]
    pub fn may(self, action: Action) -> bool {
        match self {
            Self::Resident => RESIDENT.contains(&action),
            Self::Licensing => LICENSING.contains(&action),
            Self::Delegate => DELEGATE.contains(&action),
        }
    }
}

/// Who acts.
#[derive(Debug, Clone)]
pub enum Actor {
    /// Whoever runs the server, at its command line.
    Operator,
    /// A signed-in account.
    Account(Account),
    /// Two of whom one proposed and the other, an officer, agreed.
    Agreed(Agreed),
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $words:literal,)*) => {
        /// What may be asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// In words, for error texts.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

actions! {
    /// See one's own timeline and choices.
    ReadOwn = "read its own timeline",
    /// Decide what is recorded and who receives it.
    Choose = "choose",
    /// Add a member.
    RegisterMember = "register a member",
    /// Publish a notice, register things and people of a deployment.
    ManageDeployment = "manage a deployment",
    /// Give a recipient access.
    ManageAccess = "manage access",
    /// Put a licence in force.
    IssueLicence = "issue a licence",
    /// Stop a licence for a time, or put it in force again.
    SuspendLicence = "suspend or reinstate a licence",
    /// Take a licence away.
    RevokeLicence = "revoke a licence",
    /// Limit in the rulebook what may pass anywhere, or lift a limit.
    SetLimits = "set limits of the rulebook",
    /// Begin the authority for devices, certify things, say which makers are believed.
    ManageCertificates = "manage certificates of things",
    /// Declare statistical data sets, end them, ask for figures.
    ReleaseStatistics = "release statistics",
    /// Agree, as the second person, that the operator gets a way into somebody's account.
    ApproveAccess = "agree to access to an account",
    /// Declare open data sets, and decide on what people gave to them.
    PublishCommons = "publish open data",
    /// See the log of commands to things, at every deployment.
    ReadCommands = "read the log of commands",
    /// Answer cases: those of the own member, or of the alliance's office.
    AnswerCases = "answer cases",
    /// Sit in panels that decide cases.
    SitOnPanels = "sit in panels",
    /// Keep the table of days off.
    SetCalendar = "change the days off",
    /// Agree, as the second one, to what an officer or the operator proposed.
    AgreeToActs = "agree to acts of the office",
    /// File orders of authorities, and end them.
    FileOrders = "file orders of authorities",
    /// Agree to orders of authorities, or refuse them.
    DecideOrders = "decide on orders of authorities",
    /// Open incidents, tell authorities and people of them.
    HandleIncidents = "handle incidents",
    /// Make accounts and one-time sign-in links.
    ManageAccounts = "manage accounts",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const RESIDENT: &[Action] = &[Action::ReadOwn, Action::Choose];
const LICENSING: &[Action] = &[
    Action::ReadOwn,
    Action::Choose,
    Action::IssueLicence,
    Action::SuspendLicence,
    Action::RevokeLicence,
    Action::SetLimits,
    Action::ReleaseStatistics,
    Action::ApproveAccess,
    Action::PublishCommons,
    Action::ReadCommands,
    Action::AnswerCases,
    Action::SetCalendar,
    Action::AgreeToActs,
    Action::FileOrders,
    Action::HandleIncidents,
];
const DELEGATE: &[Action] = &[
    Action::ReadOwn,
    Action::Choose,
    Action::AnswerCases,
    Action::SitOnPanels,
    Action::DecideOrders,
];

impl Actor {
    /// The office, for entries and error texts; never a person.
    #[must_use]
    pub const fn office(&self) -> &'static str {
        match self {
            Self::Operator => "office:operator",
            Self::Account(account) => match account.office {
                Office::Resident => "a resident",
                Office::Licensing => "office:licensing",
                Office::Delegate => "a delegate",
            },
            Self::Agreed(agreed) => agreed.office(),
        }
    }

    /// Whether the actor may.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        match self {
            Self::Operator => !matches!(
                action,
                Action::ReadOwn
                    | Action::Choose
                    | Action::ApproveAccess
                    | Action::AnswerCases
                    | Action::SitOnPanels
                    | Action::AgreeToActs
                    | Action::FileOrders
                    | Action::DecideOrders
                    | Action::HandleIncidents
            ),
            Self::Account(account) => account.office.may(action),
            Self::Agreed(agreed) => agreed.may(action),
        }
    }

    /// Denies unless the actor may.
    pub(crate) fn must(&self, action: Action) -> Result<(), AllianceError> {
        if self.may(action) {
            return Ok(());
        }
        Err(AllianceError::Forbidden {
            actor: self.office(),
            action,
        })
    }
}

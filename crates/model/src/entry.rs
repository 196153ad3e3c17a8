//! What stands in the public record: acts of institutions, never personal data.

use crate::Timestamp;

/// What kind of act an entry records. The word is part of the public format: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// An organisation joined.
    MemberJoined,
    /// A deployment was registered.
    DeploymentRegistered,
    /// A notice, or a new version of one, was published.
    NoticePublished,
    /// A licence came into force.
    LicenceIssued,
    /// A licence was suspended.
    LicenceSuspended,
    /// A suspended licence came into force again.
    LicenceReinstated,
    /// A licence was taken away for good.
    LicenceRevoked,
    /// A recipient was given access for a purpose.
    GrantIssued,
    /// A recipient's access was withdrawn.
    GrantWithdrawn,
    /// The rulebook limits from now on what may pass anywhere, or limits it differently.
    LimitSet,
    /// A limit of the rulebook was lifted.
    LimitLifted,
    /// The alliance has an authority of its own that certifies devices.
    DeviceAuthorityBegun,
    /// A maker's authority is believed about the things of a deployment.
    MakerTrusted,
    /// A maker's authority is not believed any more.
    MakerDistrusted,
    /// The operator asked for a way into somebody's account.
    AccessAsked,
    /// A second person agreed to that.
    AccessApproved,
    /// The owner of the account refused it.
    AccessRefused,
    /// The operator made a link with it.
    AccessUsed,
    /// A statistical data set was declared: figures about people may be released, with noise.
    StatisticDeclared,
    /// A figure about people was released, with noise.
    StatisticReleased,
    /// Nothing more of a statistical data set is released.
    StatisticEnded,
    /// Somebody has had readings about them erased: nothing says who, or what.
    DataErased,
    /// An open data set was declared: people may give to it.
    CommonsDeclared,
    /// What people gave to an open data set was published.
    CommonsAdmitted,
    /// What people gave to an open data set was not published.
    CommonsRefused,
    /// A case was decided.
    CaseDecided,
    /// A decision is carried out against a deployment.
    SanctionImposed,
    /// What led to a sanction was cured, and it ended.
    SanctionLifted,
    /// The days off that clocks go by are others.
    CalendarChanged,
    /// The rulebook says anew when a finding opens a case by itself.
    FindingRuleSet,
    /// Somebody was given an account of an office, or to speak for a member: nothing says who.
    OfficerAppointed,
    /// Two chambers agreed to an order of an authority.
    OrderApproved,
    /// Two chambers refused an order of an authority.
    OrderRefused,
    /// An order of an authority is over.
    OrderEnded,
    /// An order of an authority is no secret any more.
    OrderDisclosed,
    /// Something may have got out; the office looks into it.
    IncidentOpened,
    /// The authority was told of an incident.
    IncidentReported,
    /// The people whom an incident may have reached were told.
    IncidentTold,
    /// Receipts of hours that are over are held fast: the SHA-256 is the root of a tree of salted commitments.
    ReceiptsCommitted,
    /// There is a new root key, and everything is sealed under it: the record's own key stays.
    KeysRotated,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 40] = [
        Self::MemberJoined,
        Self::DeploymentRegistered,
        Self::NoticePublished,
        Self::LicenceIssued,
        Self::LicenceSuspended,
        Self::LicenceReinstated,
        Self::LicenceRevoked,
        Self::GrantIssued,
        Self::GrantWithdrawn,
        Self::LimitSet,
        Self::LimitLifted,
        Self::DeviceAuthorityBegun,
        Self::MakerTrusted,
        Self::MakerDistrusted,
        Self::AccessAsked,
        Self::AccessApproved,
        Self::AccessRefused,
        Self::AccessUsed,
        Self::StatisticDeclared,
        Self::StatisticReleased,
        Self::StatisticEnded,
        Self::DataErased,
        Self::CommonsDeclared,
        Self::CommonsAdmitted,
        Self::CommonsRefused,
        Self::CaseDecided,
        Self::SanctionImposed,
        Self::SanctionLifted,
        Self::CalendarChanged,
        Self::FindingRuleSet,
        Self::OfficerAppointed,
        Self::OrderApproved,
        Self::OrderRefused,
        Self::OrderEnded,
        Self::OrderDisclosed,
        Self::IncidentOpened,
        Self::IncidentReported,
        Self::IncidentTold,
        Self::ReceiptsCommitted,
        Self::KeysRotated,
    ];

    /// The word in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MemberJoined => "member-joined",
            Self::DeploymentRegistered => "deployment-registered",
            Self::NoticePublished => "notice-published",
            Self::LicenceIssued => "licence-issued",
            Self::LicenceSuspended => "licence-suspended",
            Self::LicenceReinstated => "licence-reinstated",
            Self::LicenceRevoked => "licence-revoked",
            Self::GrantIssued => "grant-issued",
            Self::GrantWithdrawn => "grant-withdrawn",
            Self::LimitSet => "limit-set",
            Self::LimitLifted => "limit-lifted",
            Self::DeviceAuthorityBegun => "device-authority-begun",
            Self::MakerTrusted => "maker-trusted",
            Self::MakerDistrusted => "maker-distrusted",
            Self::AccessAsked => "access-asked",
            Self::AccessApproved => "access-approved",
            Self::AccessRefused => "access-refused",
            Self::AccessUsed => "access-used",
            Self::StatisticDeclared => "statistic-declared",
            Self::StatisticReleased => "statistic-released",
            Self::StatisticEnded => "statistic-ended",
            Self::DataErased => "data-erased",
            Self::CommonsDeclared => "commons-declared",
            Self::CommonsAdmitted => "commons-admitted",
            Self::CommonsRefused => "commons-refused",
            Self::CaseDecided => "case-decided",
            Self::SanctionImposed => "sanction-imposed",
            Self::SanctionLifted => "sanction-lifted",
            Self::CalendarChanged => "calendar-changed",
            Self::FindingRuleSet => "finding-rule-set",
            Self::OfficerAppointed => "officer-appointed",
            Self::OrderApproved => "order-approved",
            Self::OrderRefused => "order-refused",
            Self::OrderEnded => "order-ended",
            Self::OrderDisclosed => "order-disclosed",
            Self::IncidentOpened => "incident-opened",
            Self::IncidentReported => "incident-reported",
            Self::IncidentTold => "incident-told",
            Self::ReceiptsCommitted => "receipts-committed",
            Self::KeysRotated => "keys-rotated",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// One public act. Its bytes in the record are made by the crate that writes the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What kind of act.
    pub kind: EntryKind,
    /// What it is about: `deployment:lahore-air`, `member:epa-punjab`.
    pub about: String,
    /// Which member or office acted: `member:…` or `office:…`, never a person.
    pub by: String,
    /// In plain words, why; public, so without personal data. Empty where no reason is asked for.
    pub reason: String,
    /// Lower-case hex SHA-256 of the document that the act is about, where there is one.
    pub document_sha256: Option<String>,
}

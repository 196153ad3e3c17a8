//! Every URL of the site. Templates and handlers name a [`Route`]; nobody writes a path as text.

use std::fmt;

use custody::{
    CommandId, CommonsFile, DataSetId, EraseId, OwnFileId, Place, Preset, ReceiptId, ReceiptsFrom,
    RecordQuery, StatisticId,
};
use model::{DeploymentId, Language, MemberId, Pointer, ThingId};

mod deliveries;
mod make;

pub(crate) use deliveries::DeliveriesFile;

/// The path patterns, as the router takes them.
pub(crate) mod pattern {
    pub(crate) const HOME: &str = "/";
    pub(crate) const NOTICE: &str = "/d/{deployment}";
    pub(crate) const NOTICE_FILE: &str = "/d/{deployment}/notice.toml";
    pub(crate) const NOTICE_CHANGES: &str = "/d/{deployment}/changes";
    pub(crate) const NOTICE_LINKED: &str = "/d/{deployment}/notice.jsonld";
    pub(crate) const NOTICE_SCHEMA: &str = "/schema/notice.json";
    pub(crate) const NOTICE_CONTEXT: &str = "/schema/notice.jsonld";
    pub(crate) const WHY: &str = "/d/{deployment}/why";
    pub(crate) const NOTICE_WHY: &str = "/d/{deployment}/why.json";
    pub(crate) const DRIFT: &str = "/d/{deployment}/drift";
    pub(crate) const SIGN: &str = "/d/{deployment}/sign";
    pub(crate) const QR: &str = "/d/{deployment}/qr.svg";
    pub(crate) const NEARBY: &str = "/nearby";
    pub(crate) const MEMBER: &str = "/m/{member}";
    pub(crate) const RECORD: &str = "/record";
    pub(crate) const RECORD_ENTRY: &str = "/record/entry/{index}";
    pub(crate) const RECORD_LOG: &str = "/record/log/{*path}";
    pub(crate) const SIGN_IN: &str = "/sign-in";
    pub(crate) const SIGN_IN_ONCE: &str = "/sign-in/once/{token}";
    pub(crate) const SIGN_OUT: &str = "/sign-out";
    pub(crate) const CLAIM: &str = "/claim";
    pub(crate) const ME: &str = "/me";
    pub(crate) const NOT_MINE: &str = "/me/not-mine";
    pub(crate) const SAFETY: &str = "/me/safety";
    pub(crate) const SAFETY_EVENTS: &str = "/me/safety/events";
    pub(crate) const ACCESS: &str = "/me/access";
    pub(crate) const CHOICES: &str = "/me/choices/{deployment}";
    pub(crate) const ALL_CHOICES: &str = "/me/choices";
    pub(crate) const CHOICES_HISTORY: &str = "/me/choices/{deployment}/history";
    pub(crate) const CHOICES_WHY: &str = "/me/choices/{deployment}/why.json";
    pub(crate) const CHOICES_RECORD: &str = "/me/choices/{deployment}/record.json";
    pub(crate) const ALL_CHOICES_RECORD: &str = "/me/choices/record.json";
    pub(crate) const CHOICES_FILE: &str = "/me/choices/choices.json";
    pub(crate) const RECEIPT: &str = "/me/choices/receipt/{receipt}";
    pub(crate) const PREVIEW: &str = "/me/decide/preview";
    pub(crate) const IMPORT: &str = "/me/decide/import";
    pub(crate) const PUT_BACK: &str = "/me/decide/put-back/{receipt}";
    pub(crate) const DESTINATIONS: &str = "/me/destinations";
    pub(crate) const NEW_DESTINATION: &str = "/me/destinations/new";
    pub(crate) const DELIVERIES: &str = "/me/deliveries";
    pub(crate) const DELIVERIES_FILE: &str = "/me/deliveries/{file}";
    pub(crate) const KEEPING: &str = "/me/keeping";
    pub(crate) const KEEPING_FILE: &str = "/me/keeping.json";
    pub(crate) const EXPORT: &str = "/me/export";
    pub(crate) const EXPORT_FILE: &str = "/me/export/{id}";
    pub(crate) const ERASE: &str = "/me/erase";
    pub(crate) const ERASE_PREVIEW: &str = "/me/erase/preview";
    pub(crate) const ERASE_PROOF: &str = "/me/erase/{id}/proof.json";
    pub(crate) const STATISTICS: &str = "/commons/statistics";
    pub(crate) const STATISTIC: &str = "/commons/statistics/{id}";
    pub(crate) const MY_STATISTICS: &str = "/me/statistics";
    pub(crate) const OWN_KEY: &str = "/me/key";
    pub(crate) const OPEN: &str = "/open";
    pub(crate) const SEALED: &str = "/me/sealed";
    pub(crate) const SEALED_FILE: &str = "/me/sealed/{id}";
    pub(crate) const COMMONS: &str = "/commons";
    pub(crate) const COMMONS_CATALOGUE: &str = "/commons/catalog.jsonld";
    pub(crate) const COMMONS_FEED: &str = "/commons/feed.atom";
    pub(crate) const DATA_SET: &str = "/commons/{id}";
    pub(crate) const DATA_SET_FILE: &str = "/commons/{id}/{file}";
    pub(crate) const UNLINK: &str = "/me/unlink";
    pub(crate) const CASES: &str = "/cases";
    pub(crate) const NEW_CASE: &str = "/cases/new";
    pub(crate) const OPEN_CASE: &str = "/cases/open";
    pub(crate) const CASE: &str = "/cases/{number}";
    pub(crate) const CASE_PHOTO: &str = "/cases/{number}/photo/{nth}";
    pub(crate) const OFFICE_HOLIDAYS: &str = "/office/holidays";
    pub(crate) const OFFICE_FINDINGS: &str = "/office/findings";
    pub(crate) const OFFICE_ACTS: &str = "/office/acts";
    pub(crate) const RECORD_SEARCH: &str = "/record/search";
    pub(crate) const RECORD_FEED: &str = "/record/feed.atom";
    pub(crate) const RECORD_ENTRIES: &str = "/record/entries.json";
    pub(crate) const ENTRY_SCHEMA: &str = "/schema/record-entry.json";
    pub(crate) const INCIDENTS: &str = "/incidents";
    pub(crate) const OFFICE_INCIDENTS: &str = "/office/incidents";
    pub(crate) const OFFICE_INCIDENT: &str = "/office/incidents/{number}";
    pub(crate) const MY_INCIDENTS: &str = "/me/incidents";
    pub(crate) const ORDERS: &str = "/orders";
    pub(crate) const ORDERS_FILE: &str = "/orders.json";
    pub(crate) const ORDERS_DESK: &str = "/orders/desk";
    pub(crate) const MY_ORDERS: &str = "/me/orders";
    pub(crate) const GPC: &str = "/.well-known/gpc.json";
    pub(crate) const OFFICE: &str = "/office";
    pub(crate) const OFFICE_LIMITS: &str = "/office/limits";
    pub(crate) const OFFICE_ACCESS: &str = "/office/access";
    pub(crate) const OFFICE_COMMANDS: &str = "/office/commands";
    pub(crate) const OFFICE_COMMONS: &str = "/office/commons";
    pub(crate) const OFFICE_STATISTICS: &str = "/office/statistics";
    pub(crate) const OFFICE_STATISTIC: &str = "/office/statistics/{id}";
    pub(crate) const OFFICE_SUSPEND: &str = "/office/{deployment}/suspend";
    pub(crate) const OFFICE_REINSTATE: &str = "/office/{deployment}/reinstate";
    pub(crate) const LANGUAGE: &str = "/lang/{language}";
    pub(crate) const STATIC: &str = "/static/{name}";
    pub(crate) const LIVE: &str = "/health/live";
    pub(crate) const READY: &str = "/health/ready";

    /// Every pattern; the authorization test holds a line for each.
    #[cfg(test)]
    pub(crate) const ALL: [&str; 95] = [
        HOME,
        NOTICE,
        NOTICE_FILE,
        NOTICE_CHANGES,
        NOTICE_LINKED,
        NOTICE_SCHEMA,
        NOTICE_CONTEXT,
        WHY,
        NOTICE_WHY,
        DRIFT,
        SIGN,
        QR,
        NEARBY,
        MEMBER,
        RECORD,
        RECORD_ENTRY,
        RECORD_LOG,
        CASES,
        NEW_CASE,
        OPEN_CASE,
        CASE,
        CASE_PHOTO,
        OFFICE_HOLIDAYS,
        OFFICE_FINDINGS,
        OFFICE_ACTS,
        RECORD_SEARCH,
        RECORD_FEED,
        RECORD_ENTRIES,
        ENTRY_SCHEMA,
        INCIDENTS,
        OFFICE_INCIDENTS,
        OFFICE_INCIDENT,
        MY_INCIDENTS,
        ORDERS,
        ORDERS_FILE,
        ORDERS_DESK,
        MY_ORDERS,
        SIGN_IN,
        SIGN_IN_ONCE,
        SIGN_OUT,
        CLAIM,
        ME,
        NOT_MINE,
        SAFETY,
        SAFETY_EVENTS,
        ACCESS,
        CHOICES,
        ALL_CHOICES,
        CHOICES_HISTORY,
        CHOICES_WHY,
        CHOICES_RECORD,
        ALL_CHOICES_RECORD,
        CHOICES_FILE,
        RECEIPT,
        PREVIEW,
        IMPORT,
        PUT_BACK,
        DESTINATIONS,
        NEW_DESTINATION,
        DELIVERIES,
        DELIVERIES_FILE,
        KEEPING,
        KEEPING_FILE,
        EXPORT,
        EXPORT_FILE,
        ERASE,
        ERASE_PREVIEW,
        ERASE_PROOF,
        OWN_KEY,
        SEALED,
        SEALED_FILE,
        OPEN,
        STATISTICS,
        STATISTIC,
        MY_STATISTICS,
        COMMONS,
        COMMONS_CATALOGUE,
        COMMONS_FEED,
        DATA_SET,
        DATA_SET_FILE,
        UNLINK,
        GPC,
        OFFICE,
        OFFICE_LIMITS,
        OFFICE_ACCESS,
        OFFICE_COMMONS,
        OFFICE_STATISTICS,
        OFFICE_STATISTIC,
        OFFICE_COMMANDS,
        OFFICE_SUSPEND,
        OFFICE_REINSTATE,
        LANGUAGE,
        STATIC,
        LIVE,
        READY,
    ];
}

/// What is asked for many choices at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A preset, at one deployment or all.
    Preset(Preset, Option<DeploymentId>),
    /// What was chosen at one deployment, for all others; all of it or one row, by the name of its control.
    Same(DeploymentId, Option<String>),
    /// The file that was brought.
    File,
}

/// What a person wants erased, as the address says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EraseAsk {
    /// Of this deployment only.
    pub place: Option<DeploymentId>,
    /// Of this thing only.
    pub thing: Option<ThingId>,
    /// This field only.
    pub field: Option<Pointer>,
    /// From this day on, as the browser says it.
    pub from: Option<String>,
    /// Up to this day.
    pub until: Option<String>,
}

impl EraseAsk {
    fn query(&self) -> String {
        let place = self.place.as_ref().map(ToString::to_string);
        let thing = self.thing.as_ref().map(ToString::to_string);
        let field = self.field.as_ref().map(ToString::to_string);
        let parts = [
            ("place", place),
            ("thing", thing),
            ("field", field),
            ("from", self.from.clone()),
            ("until", self.until.clone()),
        ];
        let parts = parts.into_iter().filter_map(|(name, value)| {
            let value = value?;
            Some(format!("{name}={}", escape(&value, true)))
        });
        parts.collect::<Vec<_>>().join("&")
    }
}

/// A kind of endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKind {
    /// A web server.
    Webhook,
    /// An MQTT broker.
    Broker,
    /// An S3-compatible bucket.
    Bucket,
}

impl EndpointKind {
    /// Every kind, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Broker, Self::Bucket];

    /// The word of rows and URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Broker => "broker",
            Self::Bucket => "bucket",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// A page or file of the site. `Display` writes its path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The alliance: members and deployments.
    Home,
    /// The public notice of a deployment.
    Notice(DeploymentId),
    /// The notice as the file that was published.
    NoticeFile(DeploymentId),
    /// One version of the notice as the file that was published.
    NoticeVersion {
        /// The deployment.
        deployment: DeploymentId,
        /// Which version.
        version: u32,
    },
    /// The versions of the notice and what each changed, newest first.
    NoticeChanges {
        /// The deployment.
        deployment: DeploymentId,
        /// Only versions with a smaller number; `None` for the newest page.
        before: Option<u32>,
    },
    /// The notice as linked data.
    NoticeLinked(DeploymentId),
    /// The JSON Schema of notices.
    NoticeSchema,
    /// What the words of the linked data mean.
    NoticeContext,
    /// Everything that came in to a deployment without having been declared.
    Drift {
        /// The deployment.
        deployment: DeploymentId,
        /// How many values stand on the pages before.
        skip: u16,
    },
    /// The sign to print and put beside the devices.
    Sign(DeploymentId),
    /// The QR code on the sign.
    Qr(DeploymentId),
    /// What else senses people, near a deployment.
    Nearby {
        /// Near which one; anywhere when `None`.
        from: Option<DeploymentId>,
    },
    /// A member's page.
    Member(MemberId),
    /// The public record, newest entries first, older than `before`.
    Record {
        /// The first entry that is too new to show; `None` for the newest page.
        before: Option<u64>,
    },
    /// One entry of the record with its proof.
    RecordEntry(u64),
    /// A file of the record in C2SP form, such as `checkpoint`.
    RecordLog(String),
    /// How to sign in.
    SignIn,
    /// A one-time sign-in link.
    SignInOnce(String),
    /// Ends the session (POST).
    SignOut,
    /// Takes a device with the code from its label.
    Claim,
    /// The same, with the code, as the link of the label has it.
    ClaimLink(String),
    /// What was recorded about the person who is signed in, older than `before`.
    Me {
        /// Where the page begins; `None` for the newest page.
        before: Option<Place>,
    },
    /// Ends that a device senses the person who is signed in (POST).
    NotMine,
    /// How the person signs in, and where they are signed in.
    Safety,
    /// What happened to the person's account.
    SafetyEvents,
    /// Who may read the person's data, and the credentials of their own devices.
    Access,
    /// A person's choices for a deployment.
    Choices(DeploymentId),
    /// A person's choices for a deployment, from a row on.
    ChoicesFrom {
        /// The deployment.
        deployment: DeploymentId,
        /// How many rows stand on the pages before.
        from: u32,
    },
    /// All choices of a person, and what can be done with them at once.
    AllChoices,
    /// What a person chose for a deployment, over time.
    ChoicesHistory {
        /// The deployment.
        deployment: DeploymentId,
        /// Only acts with a smaller number; `None` for the newest page.
        before: Option<i64>,
    },
    /// What holds at a deployment before any choice and why.
    Why {
        /// The deployment.
        deployment: DeploymentId,
        /// How many values stand on the pages before.
        skip: u32,
    },
    /// What holds at a deployment before any choice and why, for programs.
    NoticeWhy(DeploymentId),
    /// Why a person's values pass as they do, for programs.
    ChoicesWhy(DeploymentId),
    /// The record of a person's choices, for one deployment or all.
    ChoicesRecord(Option<DeploymentId>),
    /// A person's choices as a file to take along.
    ChoicesFile,
    /// A receipt of an act of choosing.
    Receipt(ReceiptId),
    /// The same receipt as a file.
    ReceiptFile(ReceiptId),
    /// What an act of many choices would change (POST puts it in force).
    Preview {
        /// What is asked for.
        ask: Ask,
        /// How many changes stand on the pages before.
        from: u32,
    },
    /// A file of choices is brought.
    Import,
    /// Puts an act of choosing back, at one deployment or everywhere (POST).
    PutBack {
        /// The receipt of the act.
        receipt: ReceiptId,
        /// Where.
        only: Option<DeploymentId>,
    },
    /// Where a person's readings go, and their own endpoints.
    Destinations,
    /// The form for a new endpoint.
    NewDestination(EndpointKind),
    /// Who received what about a person, hour by hour, from a place on.
    Deliveries(Option<ReceiptsFrom>),
    /// The same as a file, or the proof of one line.
    DeliveriesFile(DeliveriesFile),
    /// How long what is kept about a person is kept.
    Keeping,
    /// The same, from a device on.
    KeepingFrom(u32),
    /// The same for programs.
    KeepingFile,
    /// Everything that is kept about a person, to take along.
    Export,
    /// The file of an export.
    ExportFile(String),
    /// What a person has erased, and the form for more; of a part of one deployment or of all.
    Erase(Option<DeploymentId>),
    /// What an erasure would take away (POST does it).
    ErasePreview(Box<EraseAsk>),
    /// The proof of an erasure.
    EraseProof(EraseId),
    /// A person's own keys.
    OwnKey,
    /// What is sealed to a person's own keys, from a place on.
    Sealed {
        /// Behind which file of which day; `None` for the newest.
        before: Option<(i64, OwnFileId)>,
    },
    /// Opens sealed files in the browser.
    Open,
    /// One sealed file.
    SealedFile(OwnFileId),
    /// Figures about many people.
    Statistics,
    /// Figures of one statistical data set.
    Statistic(StatisticId),
    /// The same with how they were made, for programs.
    StatisticFile(StatisticId),
    /// In which figures a person is counted.
    MyStatistics,
    /// Open data sets.
    Commons,
    /// All of them for programs, as a DCAT catalogue.
    CommonsCatalogue,
    /// What is new in them, as an Atom feed.
    CommonsFeed(Language),
    /// One open data set.
    DataSet(DataSetId),
    /// A file of it.
    DataSetFile(DataSetId, CommonsFile),
    /// Where a person gives to them without their name.
    Unlink,
    /// That the site heeds Global Privacy Control.
    Gpc,
    /// The alliance's office: licences.
    Office,
    /// Cases in the open, and those of who looks.
    Cases {
        /// Only cases with smaller numbers.
        before: Option<u64>,
    },
    /// The form to say that something is wrong, about a deployment where one is named.
    NewCase(Option<DeploymentId>),
    /// Takes a receipt code.
    OpenCase,
    /// One case.
    Case(u64),
    /// A photo in a case.
    CasePhoto(u64, u64),
    /// The days off that clocks go by.
    OfficeHolidays,
    /// When a finding opens a case by itself.
    OfficeFindings,
    /// What waits for a second officer.
    OfficeActs,
    /// Entries of the record that fit.
    RecordSearch(RecordQuery),
    /// The newest entries, for readers of feeds.
    RecordFeed(Language),
    /// Entries for programs, from a position on.
    RecordEntries {
        /// The first position.
        from: u64,
    },
    /// What an entry of the record looks like.
    EntrySchema,
    /// Incidents: what everybody may know.
    Incidents,
    /// The register of incidents.
    OfficeIncidents,
    /// One of them.
    OfficeIncident(u64),
    /// Incidents that may have reached who looks.
    MyIncidents,
    /// Orders of authorities: what everybody may know.
    Orders,
    /// The same for programs.
    OrdersFile,
    /// Where orders are filed and decided on.
    OrdersDesk,
    /// Orders about who looks.
    MyOrders,
    /// The rulebook's limits: what is in force, and the forms to change it.
    OfficeLimits,
    /// Requests of the operator for access to accounts, which the office agrees to.
    OfficeAccess,
    /// The log of commands to devices.
    OfficeCommands {
        /// Of one deployment; of all without it.
        deployment: Option<DeploymentId>,
        /// Those that were asked for before this one.
        after: Option<CommandId>,
    },
    /// Open data: the forms to declare and publish it.
    OfficeCommons,
    /// Figures about many people: whose data set an officer asks.
    OfficeStatistics,
    /// One of them: the form to ask for a figure, and what is left.
    OfficeStatistic(StatisticId),
    /// Suspends a licence (POST).
    OfficeSuspend(DeploymentId),
    /// Puts a suspended licence in force again (POST).
    OfficeReinstate(DeploymentId),
    /// Sets the language and goes back.
    Language {
        /// The language to set.
        language: Language,
        /// A local path to go back to.
        back: String,
    },
    /// A file of the site itself: style, fonts.
    Static(String),
    /// Whether the process runs.
    Live,
    /// Whether the process can do its work.
    Ready,
}

impl Route {
    /// The pattern that this route matches.
    #[expect(clippy::too_many_lines, reason = "one line for each address")]
    pub(crate) const fn pattern(&self) -> &'static str {
        match self {
            Self::Home => pattern::HOME,
            Self::Notice(_) => pattern::NOTICE,
            Self::NoticeFile(_) | Self::NoticeVersion { .. } => pattern::NOTICE_FILE,
            Self::NoticeChanges { .. } => pattern::NOTICE_CHANGES,
            Self::NoticeLinked(_) => pattern::NOTICE_LINKED,
            Self::NoticeSchema => pattern::NOTICE_SCHEMA,
            Self::NoticeContext => pattern::NOTICE_CONTEXT,
            Self::Drift { .. } => pattern::DRIFT,
            Self::Sign(_) => pattern::SIGN,
            Self::Qr(_) => pattern::QR,
            Self::Nearby { .. } => pattern::NEARBY,
            Self::Member(_) => pattern::MEMBER,
            Self::Record { .. } => pattern::RECORD,
            Self::RecordEntry(_) => pattern::RECORD_ENTRY,
            Self::RecordLog(_) => pattern::RECORD_LOG,
            Self::SignIn => pattern::SIGN_IN,
            Self::SignInOnce(_) => pattern::SIGN_IN_ONCE,
            Self::SignOut => pattern::SIGN_OUT,
            Self::Claim | Self::ClaimLink(_) => pattern::CLAIM,
            Self::Me { .. } => pattern::ME,
            Self::NotMine => pattern::NOT_MINE,
            Self::Safety => pattern::SAFETY,
            Self::SafetyEvents => pattern::SAFETY_EVENTS,
            Self::Access => pattern::ACCESS,
            Self::Choices(_) | Self::ChoicesFrom { .. } => pattern::CHOICES,
            Self::AllChoices => pattern::ALL_CHOICES,
            Self::ChoicesHistory { .. } => pattern::CHOICES_HISTORY,
            Self::Why { .. } => pattern::WHY,
            Self::NoticeWhy(_) => pattern::NOTICE_WHY,
            Self::ChoicesWhy(_) => pattern::CHOICES_WHY,
            Self::ChoicesRecord(Some(_)) => pattern::CHOICES_RECORD,
            Self::ChoicesRecord(None) => pattern::ALL_CHOICES_RECORD,
            Self::ChoicesFile => pattern::CHOICES_FILE,
            Self::Receipt(_) | Self::ReceiptFile(_) => pattern::RECEIPT,
            Self::Preview { .. } => pattern::PREVIEW,
            Self::Import => pattern::IMPORT,
            Self::PutBack { .. } => pattern::PUT_BACK,
            Self::Destinations => pattern::DESTINATIONS,
            Self::NewDestination(_) => pattern::NEW_DESTINATION,
            Self::Deliveries(_) => pattern::DELIVERIES,
            Self::DeliveriesFile(_) => pattern::DELIVERIES_FILE,
            Self::Keeping | Self::KeepingFrom(_) => pattern::KEEPING,
            Self::KeepingFile => pattern::KEEPING_FILE,
            Self::Export => pattern::EXPORT,
            Self::ExportFile(_) => pattern::EXPORT_FILE,
            Self::Erase(_) => pattern::ERASE,
            Self::ErasePreview(_) => pattern::ERASE_PREVIEW,
            Self::EraseProof(_) => pattern::ERASE_PROOF,
            Self::OwnKey => pattern::OWN_KEY,
            Self::Sealed { .. } => pattern::SEALED,
            Self::SealedFile(_) => pattern::SEALED_FILE,
            Self::Open => pattern::OPEN,
            Self::Statistics => pattern::STATISTICS,
            Self::Statistic(_) | Self::StatisticFile(_) => pattern::STATISTIC,
            Self::MyStatistics => pattern::MY_STATISTICS,
            Self::Commons => pattern::COMMONS,
            Self::CommonsCatalogue => pattern::COMMONS_CATALOGUE,
            Self::CommonsFeed(_) => pattern::COMMONS_FEED,
            Self::DataSet(_) => pattern::DATA_SET,
            Self::DataSetFile(..) => pattern::DATA_SET_FILE,
            Self::Unlink => pattern::UNLINK,
            Self::Gpc => pattern::GPC,
            Self::Office => pattern::OFFICE,
            Self::Cases { .. } => pattern::CASES,
            Self::NewCase(_) => pattern::NEW_CASE,
            Self::OpenCase => pattern::OPEN_CASE,
            Self::Case(_) => pattern::CASE,
            Self::CasePhoto(..) => pattern::CASE_PHOTO,
            Self::OfficeHolidays => pattern::OFFICE_HOLIDAYS,
            Self::OfficeFindings => pattern::OFFICE_FINDINGS,
            Self::OfficeActs => pattern::OFFICE_ACTS,
            Self::RecordSearch(_) => pattern::RECORD_SEARCH,
            Self::RecordFeed(_) => pattern::RECORD_FEED,
            Self::RecordEntries { .. } => pattern::RECORD_ENTRIES,
            Self::EntrySchema => pattern::ENTRY_SCHEMA,
            Self::Incidents => pattern::INCIDENTS,
            Self::OfficeIncidents => pattern::OFFICE_INCIDENTS,
            Self::OfficeIncident(_) => pattern::OFFICE_INCIDENT,
            Self::MyIncidents => pattern::MY_INCIDENTS,
            Self::Orders => pattern::ORDERS,
            Self::OrdersFile => pattern::ORDERS_FILE,
            Self::OrdersDesk => pattern::ORDERS_DESK,
            Self::MyOrders => pattern::MY_ORDERS,
            Self::OfficeLimits => pattern::OFFICE_LIMITS,
            Self::OfficeAccess => pattern::OFFICE_ACCESS,
            Self::OfficeCommands { .. } => pattern::OFFICE_COMMANDS,
            Self::OfficeCommons => pattern::OFFICE_COMMONS,
            Self::OfficeStatistics => pattern::OFFICE_STATISTICS,
            Self::OfficeStatistic(_) => pattern::OFFICE_STATISTIC,
            Self::OfficeSuspend(_) => pattern::OFFICE_SUSPEND,
            Self::OfficeReinstate(_) => pattern::OFFICE_REINSTATE,
            Self::Language { .. } => pattern::LANGUAGE,
            Self::Static(_) => pattern::STATIC,
            Self::Live => pattern::LIVE,
            Self::Ready => pattern::READY,
        }
    }

    /// What stands in place of the `{…}` of the pattern; empty where it has none.
    fn parameter(&self) -> String {
        match self {
            Self::Notice(it)
            | Self::NoticeFile(it)
            | Self::NoticeVersion { deployment: it, .. }
            | Self::NoticeChanges { deployment: it, .. }
            | Self::NoticeLinked(it)
            | Self::Drift { deployment: it, .. }
            | Self::Why { deployment: it, .. }
            | Self::Sign(it)
            | Self::Qr(it)
            | Self::Choices(it)
            | Self::ChoicesFrom { deployment: it, .. }
            | Self::ChoicesHistory { deployment: it, .. }
            | Self::NoticeWhy(it)
            | Self::ChoicesWhy(it)
            | Self::ChoicesRecord(Some(it))
            | Self::OfficeSuspend(it)
            | Self::OfficeReinstate(it) => it.to_string(),
            Self::EraseProof(it) => it.to_string(),
            Self::Member(it) => it.to_string(),
            Self::RecordEntry(it) | Self::Case(it) | Self::OfficeIncident(it) => it.to_string(),
            Self::SignInOnce(it) | Self::Static(it) | Self::ExportFile(it) => escape(it, false),
            Self::SealedFile(it) => it.to_string(),
            Self::DeliveriesFile(it) => it.name(),
            Self::RecordLog(it) => escape(it, true),
            Self::Language { language, .. } => language.tag().to_owned(),
            Self::Receipt(it) | Self::PutBack { receipt: it, .. } => it.as_str().to_owned(),
            Self::ReceiptFile(it) => format!("{}.json", it.as_str()),
            Self::Statistic(it) | Self::OfficeStatistic(it) => it.to_string(),
            Self::StatisticFile(it) => format!("{it}.json"),
            Self::DataSet(it) => it.to_string(),
            _ => String::new(),
        }
    }

    /// The query, without `?`; empty where there is none.
    fn query(&self) -> String {
        match self {
            Self::Record {
                before: Some(index),
            } => format!("before={index}"),
            Self::Cases {
                before: Some(number),
            } => format!("before={number}"),
            Self::NewCase(Some(deployment)) => format!("about={deployment}"),
            Self::KeepingFrom(from) => format!("from={from}"),
            Self::Deliveries(Some(at)) => format!("hour={}&skip={}", at.hour, at.skip),
            Self::NoticeVersion { version, .. } => format!("version={version}"),
            Self::NoticeChanges {
                before: Some(version),
                ..
            } => format!("before={version}"),
            Self::Drift { skip, .. } if *skip > 0 => format!("skip={skip}"),
            Self::Why { skip, .. } if *skip > 0 => format!("skip={skip}"),
            Self::Me { before: Some(at) } => {
                format!("before={}&skip={}", at.until.as_millis(), at.skip)
            }
            Self::Sealed {
                before: Some((day, id)),
            } => format!("before={day}.{id}"),
            Self::CommonsFeed(language) | Self::RecordFeed(language) => {
                format!("lang={}", language.tag())
            }
            Self::RecordEntries { from } if *from > 0 => format!("from={from}"),
            Self::RecordSearch(query) => make::search(query),
            Self::Nearby { from: Some(from) } => format!("from={from}"),
            Self::OfficeCommands {
                deployment: Some(at),
                after: Some(id),
            } => format!("deployment={at}&after={id}"),
            Self::OfficeCommands {
                deployment: Some(at),
                ..
            } => format!("deployment={at}"),
            Self::OfficeCommands {
                after: Some(id), ..
            } => format!("after={id}"),
            Self::Language { back, .. } => format!("back={}", escape(back, true)),
            Self::ChoicesFrom { from, .. } if *from > 0 => format!("from={from}"),
            Self::ChoicesHistory {
                before: Some(number),
                ..
            } => format!("before={number}"),
            Self::PutBack {
                only: Some(deployment),
                ..
            } => format!("at={deployment}"),
            Self::ClaimLink(code) => format!("code={}", escape(code, false)),
            Self::NewDestination(kind) => format!("kind={}", kind.as_str()),
            Self::Erase(Some(place)) => format!("place={place}"),
            Self::ErasePreview(ask) => ask.query(),
            Self::Preview { ask, from: 0 } => ask.query(),
            Self::Preview { ask, from } => format!("{}&from={from}", ask.query()),
            _ => String::new(),
        }
    }
}

impl Ask {
    fn query(&self) -> String {
        match self {
            Self::Preset(preset, None) => format!("preset={}", preset.as_str()),
            Self::Preset(preset, Some(at)) => format!("preset={}&at={at}", preset.as_str()),
            Self::Same(from, None) => format!("same={from}"),
            Self::Same(from, Some(row)) => format!("same={from}&row={}", escape(row, true)),
            Self::File => "file=1".to_owned(),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::DataSetFile(id, file) = self {
            return write!(f, "{}/{id}/{}", pattern::COMMONS, file.name());
        }
        if let Self::CasePhoto(number, nth) = self {
            return write!(f, "{}/{number}/photo/{nth}", pattern::CASES);
        }
        let pattern = self.pattern();
        match (pattern.split_once('{'), pattern.split_once('}')) {
            (Some((before, _)), Some((_, after))) => {
                write!(f, "{before}{}{after}", self.parameter())?;
            }
            _ => f.write_str(pattern)?,
        }
        let query = self.query();
        if query.is_empty() {
            Ok(())
        } else {
            write!(f, "?{query}")
        }
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3) and, where asked, `/`.
fn escape(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if plain || (keep_slash && byte == b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Whether `path` leads to this site and nowhere else: one slash at the start, no second, no backslash, no control.
pub(crate) fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;

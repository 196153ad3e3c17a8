//! Data held in trust: the one place where policy, vault and record meet.
//!
//! Owns the use cases on data: [`Custody::ingest`], [`Custody::permit`], [`Custody::choose`], the timeline of a person,
//! and [`Act`], the transaction in which institutions change what is in force.
//! Must not know a protocol, a page, a clock or a member's role. Institutions act *on* it; it does not know them.
//!
//! Start reading at `ingest` (a message comes in), then `deliver` (it may leave), then `act` (the rules change).
//!
//! # One choke point
//! A payload enters through [`Custody::ingest`] and leaves through a [`Permit`] (live) or
//! [`Custody::timeline`] (a person's own readings). Both run on what `policy::decide` let through; the raw
//! message is dropped inside `ingest` and never reaches a log, an error or a counter.

mod act;
mod affected;
mod backup;
mod case_box;
mod catalogue;
mod certificate;
mod choose;
mod codecs;
mod collateral;
mod command;
mod commons;
mod condition;
mod consent;
mod deliver;
mod destination;
mod drift;
mod durable;
mod erase;
mod explain;
mod export;
mod history;
mod housekeeping;
mod ingest;
mod keeping;
mod lawful;
mod ledger;
mod models;
mod open;
mod outbox;
mod own_key;
mod pages;
mod parquet;
mod provisioning;
mod published;
mod push;
mod random_id;
mod receipts;
mod release;
mod retained;
mod root_key;
mod row_box;
mod rows;
mod secret;
mod source;
mod timeline;
mod topic;
mod transport;
mod watch;
mod windows;
mod witnesses;

pub use act::{
    Act, ActError, Identity, InForceError, MAX_ADAPTER_BYTES, MAX_BRIDGE_THINGS, MAX_CAPS,
    MAX_OVERLAP_MILLIS, NewThing,
};
pub use affected::{Affected, AffectedPerson, Exposure};
pub use backup::{BACKUP_ORDERS, MIGRATION_SETS, carried_out_erasures};
pub use catalogue::{
    BridgePeer, InForce, MAX_ASSIGNMENTS_SHOWN, MAX_DEVICE_NAME_BYTES, MAX_SEEN_DEVICES, Opened,
    Peer, Publisher, RecipientPeer, Registered, SeenDevice, ThingPeer,
};
pub use certificate::{
    AuthorityId, CertificateError, CertificateRefusal, CertificateRow, CertifiedThing,
    DEFAULT_CERTIFICATE_DAYS, DeviceAuthority, IssuedCertificate, MAX_CERTIFICATE_BYTES,
    MAX_CERTIFICATE_DAYS, MAX_CERTIFICATES_PER_THING, MAX_CERTIFICATES_SHOWN, MAX_CHAIN,
    MAX_MAKER_REVOCATIONS, MAX_MAKERS, MakerRow, NewCertificate, PatternError, RequestError,
    Serial, SubjectPattern,
};
pub use choose::{ChoiceSheet, ChooseError, SheetRow};
pub use codecs::{MAX_CODEC_BYTES, SetCodecError};
pub use collateral::{
    CollateralError, LEAST_OF_EACH, LEAST_READINGS, MOST_READINGS, PresenceFact, Sign,
    WORTH_SAYING, distance_m, published_fact,
};
pub use command::{
    BridgeListener, CLOCK_SLACK_MS, COMMAND_LOG_DAYS, COMMAND_WATCH_MS, CommandCounts,
    CommandEvent, CommandId, CommandOutcome, CommandRefusal, CommandRequest, CommandsWanted,
    MAX_COMMANDS_PER_MINUTE, MAX_FOLLOWED_COMMANDS, MAX_WAITING_OUTCOMES, MAX_WAITING_PER_THING,
    OutcomeListener, RefusedBecause,
};
pub use commons::{
    CommonsFile, DataSet, DataSetColumn, DataSetError, DataSetId, DataSetView, DecideError,
    Decided, DeclareDataSetError, GiftAsk, GiftPreview, GiveError, Given, MAX_BARS, MAX_BATCH_ROWS,
    MAX_DATA_SET_BYTES, MAX_DATA_SETS, MAX_DECISIONS_SHOWN, MAX_EVERY_DAYS, MAX_GIFT_READINGS,
    MAX_GIFT_ROWS, OpenLicence, PARQUET_MEDIA_TYPE, PlotBar, PlotPlan, Source, WAIT_DAYS,
    WaitingGifts, catalogue_json_ld, draft_data_set,
};
pub use condition::{Condition, ConditionError, MAX_CONDITION_BYTES, MAX_CONDITION_TERMS};
pub use consent::{
    BulkChange, BulkError, BulkPlan, BulkRequest, Change, ChoiceAct, ChoicesFile, ChoicesFileError,
    ConsentState, Held, History, HistoryAct, How, MAX_CHOICES_FILE_BYTES, MAX_CHOICES_FILE_ROWS,
    Matter, Misfit, Preset, ReceiptFacts, ReceiptId, ReceiptIdError, RecordFrame, SignalOutcome,
    Unmatched, Way,
};
pub use deidentify::attack::{
    MOST_INFERRED_PERMILLE, MOST_LINKED_PERMILLE, MOST_SINGLED_OUT_PERMILLE,
};
pub use deidentify::cell::decimal as commons_decimal;
pub use deidentify::{
    Apart, Attacks, Column, Figure, Ladder, Refusal, Role as ColumnRole, TimeStep,
};
pub use deliver::{
    Delivery, DeliveryGuard, Filter, MAX_HELD_BYTES, Permit, Receipt, SubscribeError, Subscription,
};
pub use destination::{
    ASK_PAUSE_SECONDS, AddDestinationError, AddressError, BookError, Broker, Bucket, BucketStyle,
    Contents, DeadLetter, DestinationId, DestinationState, DestinationView, Endpoint, FailureClass,
    Host, Left, MAX_ASKS_PER_DAY, MAX_DESTINATIONS, MAX_PLACEMENT_CHANGES, NewDestination, Parcel,
    ParcelError, ParcelReading, PlaceError, PlacementChange, Placing, Secret, WebAddress,
    may_connect,
};
pub use drift::DriftRow;
pub use durable::{DurableWait, NeverDurable};
pub use erase::{
    ERASURE_NOTICE_DAYS, EraseCause, EraseError, EraseId, ErasePart, ErasePlan, EraseScope,
    EraseScopeError, EraseState, ErasedFor, ErasureNotice, ErasureView, Grace, KeptByLaw,
    MAX_COUNTED_READINGS, MAX_ERASURES_PER_DAY, MAX_ERASURES_SHOWN, MAX_NOTICES_LISTED,
};
pub use explain::Told;
pub use export::{
    AskExportError, EXPORT_KEEP_MILLIS, EXPORT_VERSION, ExportError, ExportField, ExportFormat,
    ExportFrame, ExportJob, ExportPage, ExportProgress, ExportRequest, ExportState, ExportSummary,
    ExportThing, ImportError, ImportedExport, LEAST_EXPORT_MILLIS, LeftOut, MAX_ALL_EXPORTS_BYTES,
    MAX_BUCKETS, MAX_EXPORT_BYTES, MAX_EXPORT_FILES, MAX_EXPORTS, MAX_KEPT_EXPORT_BYTES,
    MAX_PLOTTED_FIELDS, MAX_UNFIT, OpenExportError, OpenedExport, Plot, PlotBucket, SealedExport,
    UnfitReadings, VerifiedExport, VerifyExportError, Watcher, WhyLeftOut, WhyUnfit,
    open_sealed_export, verify_export,
};
pub use history::{
    HistoryError, HistoryPage, HistoryQuery, MAX_HISTORY_BYTES, MAX_HISTORY_DAYS,
    MAX_HISTORY_READINGS, MAX_HISTORY_READS, MAX_HISTORY_SCANNED, SETTLE_MILLIS,
};
pub use housekeeping::TickError;
pub use ingest::{Arrival, IngestError, Retain};
pub use keeping::{Keeping, KeepingError, KeptClass, KeptPart, KeptThing, MAX_KEPT_SCANNED};
pub use lawful::{
    LawfulOrder, MAX_ORDER_FIELDS, MAX_ORDER_PEOPLE, MAX_TRAFFIC_FACTS, OrderData, OrderError,
    TrafficFact, order_purpose,
};
pub use ledger::{EntryProof, LedgerError, RecordQuery, RecordedEntry, record_entry_schema};
pub use models::{MODEL_NOTICE_MILLIS, ModelAhead};
pub use open::{Custody, CustodyOptions, OpenError, rotate_root_key};
pub use outbox::{Hold, Inbox, MAX_OUTBOX_BYTES, Outbox, outbox, outbox_of};
pub use own_key::{
    AddOwnKeyError, BeginSealingError, MAX_KEPT_OWN_KEYS, MAX_WORD_TRIES, OWN_KEY_DELAY_MILLIS,
    OWN_KEY_PROOF_MILLIS, OwnFilesPage, OwnKeyPassError, OwnKeyState, OwnKeyView, OwnKeysView,
    SealedFile, WordSaid,
};
pub use policy::WindowMark;
pub use provisioning::{
    IdPattern, IdPatternError, MAX_PROVISIONED, MAX_PROVISIONED_SHOWN, MAX_PROVISIONING_MILLIS,
    ProvisionError, ProvisioningKey,
};
pub use published::{MAX_NOTICE_VERSIONS, NoticeNews, NoticeVersion};
pub use push::{
    LastFailure, MAX_PUSH_AGE_MILLIS, MAX_PUSH_BYTES, MAX_PUSH_ERASURES, MAX_PUSH_READINGS,
    MAX_PUSHES_PER_RECIPIENT, MAX_WEBHOOKS, MAX_WEBHOOKS_PER_RECIPIENT, NewWebhook,
    PUSH_SLACK_MILLIS, Push, PushContents, PushError, PushFailure, PushPage, PushRoom, PushTurn,
    WebhookError, WebhookId, WebhookState, WebhookView,
};
pub use receipts::commit::{CommitReceiptsError, MAX_BATCH_RECEIPTS, RECEIPT_DELAY_MILLIS};
pub use receipts::commitment::{
    LEAST_RECEIPT_LEAVES, RECEIPT_SALT_BYTES, ReceiptCommitment, ReceiptTree, receipt_decoys,
};
pub use receipts::proof::{
    MAX_RECEIPT_PROOF_BYTES, MAX_RECEIPTS_LISTED, ProveReceiptError, ProvenReceipt, ReceiptProof,
    ReceiptProofError, ReceiptText, ReceiptsFrom, ReceiptsPage,
};
pub use receipts::{CommittedAs, ReceiptRow};
pub use release::{
    AskReleaseError, Asked, CountedIn, DeclareStatisticError, DeclaredStatistic, DrawError, Drawn,
    Each, LEAST_EPSILON_MICRO, LEAST_PEOPLE, MAX_COUNTED_SHOWN, MAX_DECIMALS,
    MAX_READINGS_PER_THING, MAX_REGULAR, MAX_RELEASES_SHOWN, MAX_STATISTIC_BOUND, MAX_STATISTICS,
    MAX_STEPS, Measure, Noisy, PERSON_YEAR_EPSILON, PERSON_YEAR_MILLIS, Period, PersonStatistics,
    Regular, ReleaseView, Released, StatisticError, StatisticId, StatisticView,
};
pub use retained::{
    MAX_RETAINED_BYTES, MAX_RETAINED_MESSAGE_BYTES, RetainedCounts, RetainedCursor,
};
pub use root_key::{protect_root_key, root_key_opens, root_key_state};
pub use rows::RowError;
pub use secret::{Token, document_sha256};
pub use source::{
    ASKER_SILENCE_MS, COMMANDS_PER_SECOND, Command, CommandAck, Happening,
    MAX_COMMAND_EVENTS_PER_HOUR, MAX_EVENTS_PER_HOUR, PublicCount, Setting, SourceCounts,
    SourceEvent, SourceListener, SourceState, Standing,
};
pub use statistics::budget::{Budget, Epsilon, EpsilonError, Overrun};
pub use timeline::{
    Accuracy, MAX_READINGS, MAX_SKIP, MadeBy, Place, Timeline, TimelineError, TimelineField,
    TimelineReading,
};
pub use topic::{
    MAX_SHARE_NAME_BYTES, MAX_TOPIC_BYTES, MAX_TOPIC_LEVELS, NativeFilter, NativeTopic, ShareName,
    TopicError,
};
pub use transport::Transport;
pub use vault::{
    ErasureFile, KeyError, Lsn, MAX_OWN_KEY_BYTES, MAX_OWN_KEYS, MAX_RSA_BITS, MIN_RSA_BITS,
    OpenOwnError, OwnFile, OwnFileId, OwnFormat, OwnIdentities, OwnIdentityError, OwnKey,
    OwnKeyError, OwnKeyKind, OwnKeysError, OwnTotal, Passphrase, PassphraseError, Protection,
    ProtectionError, RootKeyError, RootKeyState, Rotated, Transit, TransitError, TransitOptions,
};
pub use watch::Watch;
pub use windows::{MAX_OPEN_WINDOWS, MAX_OPEN_WINDOWS_PER_DEPLOYMENT, WindowCounts};
pub use witnesses::{CosignedError, MAX_RECORD_WITNESSES, RecordWitness, WitnessAlarm};

//! Why an act did not happen, and what to do about it.

use model::{BridgeId, DeploymentId, ModelId, PurposeId, RecipientId, ThingId, Timestamp};
use store::DbError;

use super::MAX_CAPS;
use super::ways_in::{MAX_ADAPTER_BYTES, MAX_BRIDGE_THINGS, MAX_OVERLAP_MILLIS};
use crate::NativeTopic;
use crate::catalogue::MAX_DEVICE_NAME_BYTES;
use crate::ledger::LedgerError;
use crate::rows::RowError;

/// Why an act did not happen. Nothing has changed, except with [`ActError::Unsettled`].
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The notice in force has no such field.
    #[error("the notice of `{deployment}` declares no field `{field}`")]
    NoField {
        /// The deployment.
        deployment: DeploymentId,
        /// The field.
        field: model::Pointer,
    },
    /// The rows failed.
    #[error("the rows failed")]
    Rows(#[from] RowError),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbError),
    /// The record failed.
    #[error("the record could not be written, so the act did not happen")]
    Record(#[from] LedgerError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
    /// What would be in force cannot be enforced.
    #[error("the notice of `{deployment}` cannot be enforced: {reason}")]
    Unenforceable {
        /// The deployment.
        deployment: DeploymentId,
        /// Why not.
        reason: String,
    },
    /// The database lost the connection while it committed. What the rows say is in force and in the record.
    #[error("the database did not say whether the act happened; look it up before trying again")]
    Unsettled,
    /// There is no such deployment.
    #[error("there is no deployment `{0}`")]
    NoDeployment(DeploymentId),
    /// The version of a notice must grow.
    #[error("the next version of the notice of `{deployment}` is {}", published.saturating_add(1))]
    NoticeVersion {
        /// The deployment.
        deployment: DeploymentId,
        /// The version in force; 0 where there is none.
        published: u32,
    },
    /// A model would be at work before people had the time to know of it.
    #[error(
        "the model `{model}` is new or changed, and people have to know of it {} days before: set in-force to {earliest} or later",
        crate::models::MODEL_NOTICE_MILLIS / 86_400_000
    )]
    ModelTooSoon {
        /// The model.
        model: ModelId,
        /// When it can be at work.
        earliest: Timestamp,
    },
    /// The version that is said to be at work until then is another one.
    #[error(
        "the version of the model `{model}` that is at work now is {}: write that as version-before, or leave it out, then nothing that the model works out comes in until it is in force",
        at_work.as_deref().map_or_else(|| "none".to_owned(), |it| format!("`{it}`"))
    )]
    ModelBefore {
        /// The model.
        model: ModelId,
        /// Its version now, if it is at work.
        at_work: Option<String>,
    },
    /// The identifier is taken, by a thing or a recipient.
    #[error("`{0}` is taken: choose another identifier")]
    Taken(String),
    /// There is no such thing.
    #[error("there is no thing `{0}`")]
    NoThing(ThingId),
    /// There is no such bridge.
    #[error("there is no bridge `{0}`")]
    NoBridge(BridgeId),
    /// There is no such recipient.
    #[error("there is no recipient `{0}`")]
    NoRecipient(RecipientId),
    /// A recipient where somebody who publishes is asked for.
    #[error("`{0}` is a recipient: name the thing or the bridge that publishes")]
    NoPublisher(String),
    /// Another thing of the deployment has this topic.
    #[error(
        "the topic `{topic}` is that of `{thing}`: choose another, or take it from that thing first"
    )]
    TopicTaken {
        /// The topic.
        topic: NativeTopic,
        /// Whose it is.
        thing: ThingId,
    },
    /// A bridge speaks for things of its own deployment only.
    #[error("`{thing}` is not of the deployment of the bridge `{bridge}`")]
    OtherDeployment {
        /// The thing.
        thing: ThingId,
        /// The bridge.
        bridge: BridgeId,
    },
    /// A name that no device has.
    #[error(
        "the name of a device has 1 to {MAX_DEVICE_NAME_BYTES} bytes and no control characters"
    )]
    DeviceName,
    /// The bridge has no such name.
    #[error("the bridge `{0}` has no thing of this name")]
    NotLinked(BridgeId),
    /// The bridge has all the names it may have.
    #[error(
        "the bridge `{0}` speaks for {MAX_BRIDGE_THINGS} things, which is the most: register another bridge"
    )]
    BridgeFull(BridgeId),
    /// Not the word of a dialect.
    #[error(
        "the word of a dialect has 1 to {MAX_ADAPTER_BYTES} characters of a-z, 0-9 and hyphens"
    )]
    AdapterWord,
    /// A provisioning key without sense.
    #[error(
        "a provisioning key has a name like an identifier, brings in between 1 and {} devices, and ends within a year",
        crate::provisioning::MAX_PROVISIONED
    )]
    ProvisioningKey,
    /// Two credentials side by side for too long.
    #[error("the former token can be taken for at most {} days more", MAX_OVERLAP_MILLIS / 86_400_000)]
    Overlap,
    /// An assignment that would hold at no moment.
    #[error("an assignment must end after it begins")]
    NoTime,
    /// What was is not changed.
    #[error("this moment is over: choose now or a later one")]
    Past,
    /// There is no such grant to end.
    #[error(
        "`{recipient}` has no access to `{deployment}` for the purpose `{purpose}` that lasts longer: see which it has with `amanat recipient show {recipient}`"
    )]
    NotGranted {
        /// The recipient.
        recipient: RecipientId,
        /// The purpose.
        purpose: PurposeId,
        /// The deployment.
        deployment: DeploymentId,
    },
    /// There is no such assignment to end.
    #[error("`{0}` is not assigned to this person in this role then")]
    NotAssigned(ThingId),
    /// More limits than a rulebook may have.
    #[error("the rulebook has at most {MAX_CAPS} limits: remove one first")]
    TooManyCaps,
    /// The deployment does not know people by a field.
    #[error("the notice of `{0}` declares no field that identifies people")]
    NoSubjectField(DeploymentId),
}

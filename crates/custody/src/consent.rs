//! Acts of choosing: what a person decided, how, under which notice, and how to put it back.
//!
//! A choice and the line about it in the person's history are one transaction. Everything that is decided at once, by one
//! press of a button, is one act; an act that changes something has a receipt. A person's receipts form a chain: the hash
//! of each covers its own statement and the hash of the one before, so nothing in between can be changed or left out later
//! without the person's downloaded receipts showing it.
//!
//! # The statement under the hash
//! UTF-8 lines, each ended by a line feed; SHA-256 over all of them, in lower-case hexadecimal:
//! ```text
//! amanat choices receipt 1
//! receipt ID
//! person ID
//! at RFC3339
//! how WAY DETAIL                   (detail may be empty; the space stays)
//! previous SHA256                  (empty at the first act; the space stays)
//! DEPLOYMENT VERSION SHA256 PURPOSE RECIPIENT BASIS BEFORE WAY AFTER WAY "POINTER"
//! ```
//! with one last line per change, `-` where a level was not decided but held by default, and the pointer as JSON text.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Choice, DeploymentId, LegalBasis, Level, Notice, PersonId, Pointer, PurposeId, RecipientId,
    Timestamp,
};
use store::Tx;

use crate::Custody;
use crate::act::{Act, ActError};
use crate::choose::{self, ChooseError};
use crate::rows::{self, RowError};
use crate::secret::document_sha256;

mod bulk;
mod file;
mod history;
mod receipt;
mod record;
mod signal;

pub use bulk::{BulkChange, BulkError, BulkPlan, BulkRequest, Preset, Unmatched};
pub use file::{
    ChoicesFile, ChoicesFileError, MAX_CHOICES_FILE_BYTES, MAX_CHOICES_FILE_ROWS, Misfit,
};
pub use history::{History, HistoryAct, ReceiptFacts};
pub use receipt::{ChoiceAct, ReceiptId, ReceiptIdError};
pub use record::RecordFrame;
pub use signal::SignalOutcome;

/// What a choice is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Matter {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The field.
    pub field: Pointer,
    /// The purpose.
    pub purpose: PurposeId,
    /// The recipient.
    pub recipient: RecipientId,
}

impl Matter {
    /// What `choice` is about.
    #[must_use]
    pub fn of(choice: &Choice) -> Self {
        Self {
            deployment: choice.deployment.clone(),
            field: choice.field.clone(),
            purpose: choice.purpose.clone(),
            recipient: choice.recipient.clone(),
        }
    }

    fn choice(&self, person: &PersonId, level: Level) -> Choice {
        Choice {
            person: person.clone(),
            deployment: self.deployment.clone(),
            field: self.field.clone(),
            purpose: self.purpose.clone(),
            recipient: self.recipient.clone(),
            level,
        }
    }
}

model::words! {
    /// By which way a choice came about.
    Way {
        /// The person set it, one row or one form at a time.
        ByHand = "by-hand",
        /// The person took a preset.
        Preset = "preset",
        /// The person took over what they had chosen elsewhere.
        Copied = "copied",
        /// The person brought a file of choices.
        Imported = "imported",
        /// The person's browser sends the Global Privacy Control signal.
        BrowserSignal = "browser-signal",
        /// A new notice numbers the levels differently; the choice moved to what shows no more.
        CarriedOver = "carried-over",
        /// The person put an earlier act back.
        Undone = "undone",
    }
}

/// How an act of choosing came about, with what it was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// One row or one form at a time.
    ByHand,
    /// A preset.
    Preset(Preset),
    /// From what was chosen at this deployment.
    Copied(DeploymentId),
    /// From a file of choices.
    Imported,
    /// The browser's signal.
    BrowserSignal,
    /// To this version of the notice.
    CarriedOver(u32),
    /// This act was put back.
    Undone(ReceiptId),
}

impl How {
    /// The way.
    #[must_use]
    pub const fn way(&self) -> Way {
        match self {
            Self::ByHand => Way::ByHand,
            Self::Preset(_) => Way::Preset,
            Self::Copied(_) => Way::Copied,
            Self::Imported => Way::Imported,
            Self::BrowserSignal => Way::BrowserSignal,
            Self::CarriedOver(_) => Way::CarriedOver,
            Self::Undone(_) => Way::Undone,
        }
    }

    /// What it was taken from; empty where there is nothing to say.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::ByHand | Self::Imported | Self::BrowserSignal => String::new(),
            Self::Preset(preset) => preset.as_str().to_owned(),
            Self::Copied(deployment) => deployment.to_string(),
            Self::CarriedOver(version) => version.to_string(),
            Self::Undone(receipt) => receipt.as_str().to_owned(),
        }
    }

    pub(crate) fn read(way: &str, detail: &str) -> Option<Self> {
        Some(match Way::parse(way)? {
            Way::ByHand => Self::ByHand,
            Way::Preset => Self::Preset(Preset::parse(detail)?),
            Way::Copied => Self::Copied(DeploymentId::parse(detail).ok()?),
            Way::Imported => Self::Imported,
            Way::BrowserSignal => Self::BrowserSignal,
            Way::CarriedOver => Self::CarriedOver(detail.parse().ok()?),
            Way::Undone => Self::Undone(ReceiptId::parse(detail).ok()?),
        })
    }
}

/// What held about a matter at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// How much could pass by the person's choice.
    pub level: Level,
    /// By which way it was decided; `None` where nothing was decided and the default held.
    pub way: Option<Way>,
}

/// What an act changed about one matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is about.
    pub matter: Matter,
    /// On which basis the recipient may have the field.
    pub basis: LegalBasis,
    /// What held before.
    pub before: Held,
    /// What holds from then on.
    pub after: Held,
    /// The version of the notice that was in force.
    pub notice_version: u32,
    /// The SHA-256 of that notice, in hexadecimal.
    pub notice_sha256: String,
}

/// What a change means in law, as records of consent tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentState {
    /// Consent was given, exact or coarse.
    Given,
    /// Consent was refused.
    Refused,
    /// Consent that had been given was withdrawn.
    Withdrawn,
    /// The person objected, to everything or to what is finer than a level.
    Objected,
    /// The person took an objection back.
    ObjectionWithdrawn,
    /// The person took the decision back: what holds by default holds again.
    Reset,
}

impl ConsentState {
    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Objected => "objected",
            Self::ObjectionWithdrawn => "objection-withdrawn",
            Self::Reset => "reset",
        }
    }
}

impl Change {
    /// What the change means in law.
    #[must_use]
    pub fn state(&self) -> ConsentState {
        let (before, after) = (self.before, self.after);
        let had = before.level > Level::OFF && before.way.is_some();
        match self.basis {
            LegalBasis::Consent if had && after.level == Level::OFF => ConsentState::Withdrawn,
            _ if after.way.is_none() => ConsentState::Reset,
            LegalBasis::Consent if after.level > Level::OFF => ConsentState::Given,
            LegalBasis::Consent => ConsentState::Refused,
            _ if after.level < before.level || after.level == Level::OFF => ConsentState::Objected,
            _ => ConsentState::ObjectionWithdrawn,
        }
    }

    fn line(&self) -> String {
        let way = |it: &Held| it.way.map_or("-", Way::as_str);
        format!(
            "{} {} {} {} {} {} {} {} {} {} {}\n",
            self.matter.deployment,
            self.notice_version,
            self.notice_sha256,
            self.matter.purpose,
            self.matter.recipient,
            self.basis,
            self.before.level,
            way(&self.before),
            self.after.level,
            way(&self.after),
            serde_json::Value::from(self.matter.field.as_str()),
        )
    }
}

/// What is wanted about one matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) matter: Matter,
    /// The level, or `None` to take the decision back.
    pub(crate) level: Option<Level>,
    pub(crate) way: Way,
}

/// What to do with a wish that cannot be fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Nothing is done at all.
    Refuse,
    /// The others are fulfilled.
    Skip,
}

/// A deployment during an act of choosing.
struct Ground {
    notice: Arc<Notice>,
    source: String,
    sha256: String,
    standing: BTreeMap<Matter, Held>,
}

impl Ground {
    fn load(
        act: &mut Act<'_, '_>,
        person: &PersonId,
        id: &DeploymentId,
    ) -> Result<Self, ChooseError> {
        let unknown = || ChooseError::NotConcerned(id.clone());
        if !act.concerns(person, id) {
            return Err(unknown());
        }
        let source = rows::consent::notice_in_force(act.tx(), id)?.ok_or_else(unknown)?;
        let notice = act.notice(id)?.ok_or_else(unknown)?;
        let standing = rows::person::standing_of(act.tx(), person, id)?;
        let standing = standing.into_iter().map(|it| {
            let held = Held {
                level: it.choice.level,
                way: Some(it.way),
            };
            (Matter::of(&it.choice), held)
        });
        Ok(Self {
            sha256: document_sha256(source.as_bytes()),
            standing: standing.collect(),
            notice,
            source,
        })
    }

    /// What changes when `wanted` is put in force; `None` where it holds already.
    fn change(&self, wanted: &Wanted) -> Result<Option<Change>, ChooseError> {
        let matter = &wanted.matter;
        let declared = choose::declared(&self.notice, matter)?;
        let default = choose::by_default(&declared);
        let before = self.standing.get(matter).copied().unwrap_or(Held {
            level: default,
            way: None,
        });
        let after = match wanted.level {
            Some(level) => {
                choose::check(&self.notice, &matter.field, &declared, level)?;
                Held {
                    level,
                    way: Some(wanted.way),
                }
            }
            None => Held {
                level: default,
                way: None,
            },
        };
        let same = before.level == after.level && before.way.is_some() == after.way.is_some();
        let by_signal = before.way == Some(Way::BrowserSignal) && after.way == Some(Way::ByHand);
        if same && !by_signal {
            return Ok(None);
        }
        Ok(Some(Change {
            matter: matter.clone(),
            basis: choose::strictest(&declared),
            before,
            after,
            notice_version: self.notice.version,
            notice_sha256: self.sha256.clone(),
        }))
    }
}

/// Puts in force what a person wants, with its history and one receipt; `None` when nothing changes.
pub(crate) fn decide(
    act: &mut Act<'_, '_>,
    person: &PersonId,
    wanted: &[Wanted],
    how: &How,
    unfit: Unfit,
) -> Result<Option<ChoiceAct>, ChooseError> {
    let mut grounds: BTreeMap<DeploymentId, Ground> = BTreeMap::new();
    let mut changes: BTreeMap<Matter, Change> = BTreeMap::new();
    for wish in wanted {
        let id = &wish.matter.deployment;
        if !grounds.contains_key(id) {
            match Ground::load(act, person, id) {
                Ok(ground) => drop(grounds.insert(id.clone(), ground)),
                Err(ChooseError::NotConcerned(_)) if unfit == Unfit::Skip => continue,
                Err(err) => return Err(err),
            }
        }
        let Some(ground) = grounds.get(id) else {
            continue;
        };
        match ground.change(wish) {
            Ok(Some(change)) => drop(changes.insert(wish.matter.clone(), change)),
            // The last wish about a matter counts.
            Ok(None) => drop(changes.remove(&wish.matter)),
            Err(ChooseError::Act(err)) => return Err(err.into()),
            Err(_) if unfit == Unfit::Skip => {}
            Err(err) => return Err(err),
        }
    }
    let changes: Vec<Change> = changes.into_values().collect();
    if changes.is_empty() {
        act.leave_all();
    }
    for change in &changes {
        let choice = change.matter.choice(person, change.after.level);
        match change.after.way {
            Some(way) => act.put_choice(&choice, way)?,
            None => act.drop_choice(&choice)?,
        }
    }
    for ground in grounds.values() {
        let touched = |it: &Change| it.matter.deployment == ground.notice.deployment;
        if changes.iter().any(touched) {
            let (notice, sha256) = (&ground.notice, &ground.sha256);
            let id = &notice.deployment;
            rows::consent::keep_notice(act.tx(), id, notice.version, sha256, &ground.source)?;
        }
    }
    let now = act.now();
    Ok(write(act.tx(), person, how, changes, now)?)
}

/// Writes an act with its receipt; `None` when it changes nothing.
fn write(
    tx: &mut Tx<'_>,
    person: &PersonId,
    how: &How,
    changes: Vec<Change>,
    now: Timestamp,
) -> Result<Option<ChoiceAct>, ActError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let newest = rows::consent::newest(tx, person)?;
    let mut act = ChoiceAct {
        id: ReceiptId::random()?,
        number: newest.as_ref().map_or(1, |it| it.number + 1),
        at: now,
        how: how.clone(),
        previous_sha256: newest.map(|it| it.sha256).unwrap_or_default(),
        sha256: String::new(),
    };
    act.sha256 = document_sha256(act.statement(person, &changes).as_bytes());
    rows::consent::insert(tx, person, &act, &changes)?;
    Ok(Some(act))
}

/// What a new notice does to the choices that stand: see [`Way::CarriedOver`]. Each person's moved choices are one act.
pub(crate) fn carry_over(
    tx: &mut Tx<'_>,
    old: &Notice,
    new: &Notice,
    source: &str,
    now: Timestamp,
) -> Result<(), ActError> {
    let sha256 = document_sha256(source.as_bytes());
    let mut moved: BTreeMap<PersonId, Vec<Change>> = BTreeMap::new();
    for mut standing in rows::person::standing(tx, &new.deployment)? {
        let level = choose::carried(&standing.choice, old, new);
        if level == standing.choice.level {
            continue;
        }
        let matter = Matter::of(&standing.choice);
        let basis =
            choose::declared(new, &matter).map_or(LegalBasis::Consent, |it| choose::strictest(&it));
        let before = Held {
            level: standing.choice.level,
            way: Some(standing.way),
        };
        standing.choice.level = level;
        rows::person::put_choice(tx, &standing.choice, Way::CarriedOver, now)?;
        let changes = moved.entry(standing.choice.person.clone()).or_default();
        changes.push(Change {
            matter,
            basis,
            before,
            after: Held {
                level,
                way: Some(Way::CarriedOver),
            },
            notice_version: new.version,
            notice_sha256: sha256.clone(),
        });
    }
    if !moved.is_empty() {
        rows::consent::keep_notice(tx, &new.deployment, new.version, &sha256, source)?;
    }
    for (person, changes) in moved {
        write(tx, &person, &How::CarriedOver(new.version), changes, now)?;
    }
    Ok(())
}

impl Custody {
    /// Puts choices that people made by hand in force, all or none, with one receipt per person. When it returns, no
    /// message is delivered against them, whether it is on its way, queued or new. Blocks on the database: not for an
    /// async worker.
    ///
    /// # Errors
    /// See [`ChooseError`].
    pub fn choose(
        &self,
        choices: &[Choice],
        now: Timestamp,
    ) -> Result<Vec<ChoiceAct>, ChooseError> {
        self.act(now, |act| {
            let mut wanted: BTreeMap<&PersonId, Vec<Wanted>> = BTreeMap::new();
            for choice in choices {
                wanted.entry(&choice.person).or_default().push(Wanted {
                    matter: Matter::of(choice),
                    level: Some(choice.level),
                    way: Way::ByHand,
                });
            }
            let acts = wanted
                .into_iter()
                .map(|(person, wanted)| decide(act, person, &wanted, &How::ByHand, Unfit::Refuse));
            acts.filter_map(Result::transpose).collect()
        })
    }

    /// Puts back what an act changed, at one deployment or everywhere: what held before holds again. What was changed since
    /// stays, and so does what the notice no longer offers. `None` when nothing is left to put back.
    ///
    /// # Errors
    /// See [`ChooseError`]; [`ChooseError::NoReceipt`] when the person has no such act.
    pub fn put_back(
        &self,
        person: &PersonId,
        receipt: &ReceiptId,
        only: Option<&DeploymentId>,
        now: Timestamp,
    ) -> Result<Option<ChoiceAct>, ChooseError> {
        self.act(now, |act| {
            let undone =
                rows::consent::one(act.tx(), person, receipt)?.ok_or(ChooseError::NoReceipt)?;
            let wanted = history::to_put_back(act.tx(), person, undone.number, only)?;
            decide(act, person, &wanted, &How::Undone(undone.id), Unfit::Skip)
        })
    }
}

impl From<RowError> for ChooseError {
    fn from(err: RowError) -> Self {
        Self::Act(ActError::Rows(err))
    }
}

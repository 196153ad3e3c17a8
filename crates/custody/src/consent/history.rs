//! What a person decided, looked at afterwards.

use std::collections::BTreeMap;

use model::{DeploymentId, Notice, PersonId, Timestamp};
use store::Tx;

use super::{Change, ChoiceAct, Matter, ReceiptId, Wanted, Way};
use crate::Custody;
use crate::act::ActError;
use crate::choose::ChooseError;
use crate::rows::{self, RowError};
use crate::secret::document_sha256;

/// A page of a person's history at one deployment.
#[derive(Debug, Clone)]
pub struct History {
    /// The acts, newest first, each with what it changed there.
    pub acts: Vec<HistoryAct>,
    /// The number before which older acts begin, if there are any.
    pub older: Option<i64>,
}

/// One act, as far as it is about one deployment.
#[derive(Debug, Clone)]
pub struct HistoryAct {
    /// The act.
    pub act: ChoiceAct,
    /// What it changed at the deployment.
    pub changes: Vec<Change>,
    /// Whether some of it still holds as the act left it, so that it can be put back.
    pub stands: bool,
}

/// A receipt as the rows have it.
#[derive(Debug, Clone)]
pub struct ReceiptFacts {
    /// The act.
    pub act: ChoiceAct,
    /// Everything that it changed.
    pub changes: Vec<Change>,
    /// What the hash is over.
    pub statement: String,
    /// Whether the rows still give the hash that was written with the act.
    pub intact: bool,
}

impl Custody {
    /// What a person decided at a deployment, newest first, before the act with number `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn choice_history(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
        before: Option<i64>,
        limit: u16,
    ) -> Result<History, ActError> {
        self.inner.db.read(|tx| {
            let before = before.unwrap_or(i64::MAX);
            let mut acts =
                rows::consent::acts(tx, person, deployment, before, limit.saturating_add(1))?;
            let is_more = acts.len() > usize::from(limit);
            acts.truncate(usize::from(limit));
            let last = last_changes(tx, person, deployment)?;
            let older = acts.last().filter(|_| is_more).map(|it| it.number);
            let acts = acts.into_iter().map(|act| {
                let changes = rows::consent::changes(tx, person, act.number)?;
                let here = |it: &Change| it.matter.deployment == *deployment;
                let changes: Vec<_> = changes.into_iter().filter(here).collect();
                let stands = changes
                    .iter()
                    .any(|it| last.get(&it.matter) == Some(&act.number));
                Ok(HistoryAct {
                    act,
                    changes,
                    stands,
                })
            });
            let acts = acts.collect::<Result<_, ActError>>()?;
            Ok(History { acts, older })
        })
    }

    /// A receipt of the person, checked against its hash; `None` when the person has no such receipt.
    ///
    /// # Errors
    /// When the database fails.
    pub fn receipt(
        &self,
        person: &PersonId,
        receipt: &ReceiptId,
    ) -> Result<Option<ReceiptFacts>, ActError> {
        self.inner.db.read(|tx| {
            let Some(act) = rows::consent::one(tx, person, receipt)? else {
                return Ok(None);
            };
            let changes = rows::consent::changes(tx, person, act.number)?;
            Ok(Some(ReceiptFacts::of(person, act, changes)))
        })
    }

    /// Whether every receipt of the person still has its hash and stands on the one before: the numbers of those that do
    /// not.
    ///
    /// # Errors
    /// When the database fails.
    pub fn broken_receipts(&self, person: &PersonId) -> Result<Vec<i64>, ActError> {
        self.inner.db.read(|tx| {
            let mut broken = Vec::new();
            let mut previous = String::new();
            for (number, act) in (1..).zip(rows::consent::all_acts(tx, person)?) {
                let changes = rows::consent::changes(tx, person, act.number)?;
                let facts = ReceiptFacts::of(person, act, changes);
                let follows = facts.act.number == number && facts.act.previous_sha256 == previous;
                if !facts.intact || !follows {
                    broken.push(number);
                }
                previous = facts.act.sha256;
            }
            Ok(broken)
        })
    }

    /// How each matter that a person decided at a deployment was decided, and when last.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ways(
        &self,
        person: &PersonId,
        deployment: &DeploymentId,
    ) -> Result<BTreeMap<Matter, Way>, ActError> {
        self.inner.db.read(|tx| {
            let standing = rows::person::standing_of(tx, person, deployment)?;
            let ways = standing
                .into_iter()
                .map(|it| (Matter::of(&it.choice), it.way));
            Ok(ways.collect())
        })
    }

    /// An earlier version of a notice, as long as choices rest on it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn past_notice(
        &self,
        deployment: &DeploymentId,
        version: u32,
    ) -> Result<Option<Notice>, ActError> {
        let find = |tx: &mut Tx<'_>| rows::consent::kept_notice(tx, deployment, version);
        let source = self.inner.db.read(find)?;
        Ok(source.and_then(|it| Some(Notice::parse_published(&it).ok()?.notice)))
    }

    /// Keeps a file of choices until its owner has seen what it would do and agreed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put_choices_draft(
        &self,
        person: &PersonId,
        body: &str,
        now: Timestamp,
    ) -> Result<(), ActError> {
        self.inner
            .db
            .write(|tx| rows::consent::put_draft(tx, person, body, now))
            .map_err(ActError::Rows)
    }

    /// The file of choices that a person has sent in the last day and not agreed to yet.
    ///
    /// # Errors
    /// When the database fails.
    pub fn choices_draft(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<Option<String>, ActError> {
        let since = now.plus_millis(-DRAFT_MILLIS);
        let found = self
            .inner
            .db
            .read(|tx| rows::consent::draft(tx, person, since));
        found.map_err(ActError::Rows)
    }
}

/// How long a file of choices waits for its owner: a day.
const DRAFT_MILLIS: i64 = 86_400_000;

impl ReceiptFacts {
    fn of(person: &PersonId, act: ChoiceAct, changes: Vec<Change>) -> Self {
        let statement = act.statement(person, &changes);
        Self {
            intact: document_sha256(statement.as_bytes()) == act.sha256,
            act,
            changes,
            statement,
        }
    }
}

/// The number of the act that last changed each matter.
fn last_changes(
    tx: &mut Tx<'_>,
    person: &PersonId,
    deployment: &DeploymentId,
) -> Result<BTreeMap<Matter, i64>, RowError> {
    let all = rows::consent::changes_at(tx, person, deployment)?;
    Ok(all
        .into_iter()
        .map(|(number, it)| (it.matter, number))
        .collect())
}

/// What held before an act about everything that it changed and nobody changed since.
pub(super) fn to_put_back(
    tx: &mut Tx<'_>,
    person: &PersonId,
    number: i64,
    only: Option<&DeploymentId>,
) -> Result<Vec<Wanted>, ChooseError> {
    let mut last: BTreeMap<DeploymentId, BTreeMap<Matter, i64>> = BTreeMap::new();
    let mut wanted = Vec::new();
    for change in rows::consent::changes(tx, person, number)? {
        let id = &change.matter.deployment;
        if only.is_some_and(|it| it != id) {
            continue;
        }
        if !last.contains_key(id) {
            last.insert(id.clone(), last_changes(tx, person, id)?);
        }
        let newest = last.get(id).and_then(|it| it.get(&change.matter));
        if newest == Some(&number) {
            wanted.push(Wanted {
                level: change.before.way.map(|_| change.before.level),
                way: change.before.way.unwrap_or(Way::Undone),
                matter: change.matter,
            });
        }
    }
    Ok(wanted)
}

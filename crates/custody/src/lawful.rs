//! Orders of authorities (lawful access): handed over through the same choke point, to a recipient like any other.
//!
//! An order opens one lane at one deployment: its recipient, for the purpose `lawful-order-<number>`, and only the fields that it names.
//! In that lane nothing passes by itself; it passes for the people whom the order names, as if they had switched it on. So a field that is
//! also about somebody else is not handed over, limits of the rulebook hold, a suspended licence stops it, and its end is the end of a
//! grant. Nothing is kept because of an order: it gets what comes while it stands, and of the past what lies in the vault anyway. What is
//! sealed to a person's own key stays sealed; the history says so (`sealed_before`).
//!
//! Traffic facts are apart: an order for traffic has no lane. It is told who received messages about its people, from what, when and how
//! many, and never what was in them.
//!
//! Until an embargo is over receipts of an order are shown to nobody. They are counted all the same.

use std::sync::Arc;

use model::{
    Declaration, DeploymentId, Grant, LegalBasis, Level, PersonId, Pointer, PurposeId, RecipientId,
    Retention, ThingId, Timestamp,
};

use crate::Custody;
use crate::act::{Act, ActError};
use crate::catalogue::RecipientPeer;
use crate::receipts::HOUR_MILLIS;
use crate::rows::{self, RowError};
use crate::secret;

/// With what the purpose of every order begins.
const PURPOSE: &str = "lawful-order-";
/// The most people whom one order names.
pub const MAX_ORDER_PEOPLE: usize = 50;
/// The most fields that one order names.
pub const MAX_ORDER_FIELDS: usize = 64;
/// The most traffic facts of one answer about one person.
pub const MAX_TRAFFIC_FACTS: usize = 5_000;

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderData {
    /// Values of fields.
    Content,
    /// Who received messages, when and how many; not what was in them.
    Traffic,
}

impl OrderData {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Content, Self::Traffic];

    /// The word in rows and forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Traffic => "traffic",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// An order that was agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawfulOrder {
    /// Its number.
    pub number: u64,
    /// Who receives.
    pub recipient: RecipientId,
    /// At which deployment.
    pub deployment: DeploymentId,
    /// What it is for.
    pub data: OrderData,
    /// Which fields; none for traffic.
    pub fields: Vec<Pointer>,
    /// About whom.
    pub people: Vec<PersonId>,
    /// The first moment of the past that it reaches.
    pub from: Timestamp,
    /// Since when it stands.
    pub began_at: Timestamp,
    /// The first moment at which it does not stand any more.
    pub until: Timestamp,
    /// Until when it is a secret.
    pub embargo_until: Option<Timestamp>,
    /// When it was ended before.
    pub ended_at: Option<Timestamp>,
    /// How often traffic facts were asked for.
    pub traffic_reads: u64,
}

/// Somebody received messages about somebody in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficFact {
    /// About whom: a pseudonym for this recipient.
    pub person: String,
    /// Hours since the Unix epoch, UTC.
    pub hour: i64,
    /// From which thing.
    pub thing: ThingId,
    /// Who received.
    pub recipient: RecipientId,
    /// For what.
    pub purpose: PurposeId,
    /// How many messages.
    pub deliveries: i64,
}

/// The purpose for which what an order is about is handed over.
///
/// # Errors
/// Never in practice: the name is an identifier.
pub fn order_purpose(number: u64) -> Result<PurposeId, RowError> {
    let text = format!("{PURPOSE}{number}");
    PurposeId::parse(&text).map_err(|_| RowError::Unreadable {
        table: "lawful_order",
        value: text,
    })
}

impl LawfulOrder {
    /// See [`order_purpose`].
    pub(crate) fn purpose(&self) -> Result<PurposeId, RowError> {
        order_purpose(self.number)
    }

    /// Whether it stands at a moment.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.began_at <= now && now < self.until
    }

    /// Whether it is no secret any more.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.embargo_until.is_none_or(|it| it <= now)
    }
}

/// What an order opens at a deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderLane {
    pub(crate) declaration: Declaration,
    /// Who receives, for which purpose, and when.
    pub(crate) grant: Grant,
    pub(crate) people: Vec<PersonId>,
    /// The first moment of the past that it reaches.
    pub(crate) from: Timestamp,
}

/// The lanes of orders for content; orders for traffic have none.
pub(crate) fn lanes(orders: Vec<LawfulOrder>) -> Result<Arc<[OrderLane]>, RowError> {
    let content = orders
        .into_iter()
        .filter(|it| it.data == OrderData::Content);
    let lane = |order: LawfulOrder| {
        let purpose = order.purpose()?;
        Ok(OrderLane {
            grant: Grant {
                recipient: order.recipient.clone(),
                purpose: purpose.clone(),
                deployment: order.deployment,
                valid_from: order.began_at,
                valid_until: Some(order.until),
            },
            declaration: Declaration {
                fields: order.fields,
                purpose,
                // Off, but for those for whom it is switched on: those whom the order names.
                basis: LegalBasis::Consent,
                source: None,
                recipients: vec![order.recipient],
                // Nothing is kept because of it.
                retention: Retention::LIVE_ONLY,
                precision: Level::ON,
                stored_in: None,
                models: Vec::new(),
            },
            people: order.people,
            from: order.from,
        })
    };
    content.map(lane).collect()
}

/// Why an order is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such order of this recipient, or it is for content.
    #[error("there is no such order for traffic facts that stands")]
    NoOrder,
    /// The rows.
    #[error("the rows could not be read")]
    Rows(#[from] RowError),
}

impl Act<'_, '_> {
    /// Carries an order out from now on.
    ///
    /// # Errors
    /// When there is no such deployment, field or recipient, or the database fails.
    pub fn put_order(&mut self, order: &LawfulOrder) -> Result<(), ActError> {
        let notice = self
            .notice_in_force(&order.deployment)?
            .ok_or_else(|| ActError::NoDeployment(order.deployment.clone()))?;
        if rows::access::recipient(self.tx(), &order.recipient)?.is_none() {
            return Err(ActError::NoRecipient(order.recipient.clone()));
        }
        for field in &order.fields {
            if notice.field(field).is_none() {
                return Err(ActError::NoField {
                    deployment: order.deployment.clone(),
                    field: field.clone(),
                });
            }
        }
        rows::lawful_order::put(self.tx(), order)?;
        self.touch_rules(&order.deployment);
        Ok(())
    }

    /// Ends an order; `false` when there is none that stands.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_order(&mut self, number: u64) -> Result<bool, ActError> {
        let now = self.now();
        let Some(order) = rows::lawful_order::one(self.tx(), number)? else {
            return Ok(false);
        };
        let ended = rows::lawful_order::end(self.tx(), number, now)?;
        self.touch_rules(&order.deployment);
        Ok(ended)
    }

    /// An order as it is carried out.
    ///
    /// # Errors
    /// When the database fails.
    pub fn order(&mut self, number: u64) -> Result<Option<LawfulOrder>, ActError> {
        Ok(rows::lawful_order::one(self.tx(), number)?)
    }

    /// Whether there is a recipient.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_recipient(&mut self, id: &RecipientId) -> Result<bool, ActError> {
        Ok(rows::access::recipient(self.tx(), id)?.is_some())
    }

    /// The person whom messages of a deployment name so.
    ///
    /// # Errors
    /// When there is no such deployment, or the database fails.
    pub fn person_named(
        &mut self,
        deployment: &DeploymentId,
        text: &str,
    ) -> Result<Option<PersonId>, ActError> {
        let Some(token) = self.subject_token(deployment, text)? else {
            return Ok(None);
        };
        Ok(rows::thing::subject(self.tx(), deployment, &token)?)
    }
}

impl Custody {
    /// An order as it is carried out.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lawful_order(&self, number: u64) -> Result<Option<LawfulOrder>, RowError> {
        self.inner.db.read(|tx| rows::lawful_order::one(tx, number))
    }

    /// The orders about a person that are no secret any more, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn orders_about(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<Vec<LawfulOrder>, RowError> {
        self.inner
            .db
            .read(|tx| rows::lawful_order::told_to(tx, person, now))
    }

    /// How many messages were handed over under an order so far, and about how many people.
    ///
    /// # Errors
    /// When the database fails.
    pub fn handed_over(&self, order: &LawfulOrder) -> Result<(u64, u64), RowError> {
        self.inner
            .db
            .read(|tx| rows::lawful_order::handed_over(tx, order))
    }

    /// How many messages about one person were handed over under an order so far.
    ///
    /// # Errors
    /// When the database fails.
    pub fn handed_over_about(
        &self,
        order: &LawfulOrder,
        person: &PersonId,
    ) -> Result<u64, RowError> {
        self.inner
            .db
            .read(|tx| rows::lawful_order::handed_over_about(tx, order, person))
    }

    /// Who received messages about the people of an order for traffic, by the hour; and that it was asked for. Blocks on the database.
    ///
    /// # Errors
    /// When this recipient has no such order that stands, or the database fails.
    pub fn order_traffic(
        &self,
        recipient: &RecipientPeer,
        number: u64,
        from: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Vec<TrafficFact>, OrderError> {
        self.inner.db.write(|tx| {
            let order = rows::lawful_order::one(tx, number)?;
            let is_its = |it: &LawfulOrder| {
                it.recipient == recipient.id
                    && it.data == OrderData::Traffic
                    && it.stands(now)
                    && !recipient.is_barred()
            };
            let order = order.filter(is_its).ok_or(OrderError::NoOrder)?;
            let from = from.unwrap_or(order.from).max(order.from);
            let hours = (
                from.as_millis().div_euclid(HOUR_MILLIS),
                now.as_millis().div_euclid(HOUR_MILLIS) + 1,
            );
            rows::lawful_order::note_read(tx, number, now)?;
            let name = |person: &PersonId| {
                let deployment = order.deployment.as_str();
                secret::pseudonym(&recipient.pseudonym_key, deployment, person.as_str())
            };
            let most = MAX_TRAFFIC_FACTS;
            Ok(rows::lawful_order::traffic(tx, &order, hours, most, name)?)
        })
    }
}

impl From<store::DbError> for OrderError {
    fn from(err: store::DbError) -> Self {
        Self::Rows(err.into())
    }
}

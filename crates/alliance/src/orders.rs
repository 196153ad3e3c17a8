//! Orders of authorities (lawful access): who asks by which law, who agrees, and what everybody learns of it.
//!
//! The licensing office files an order with the hash of its document. Two delegates of different chambers agree, none of whom speaks
//! for who answers for the deployment or for who asks; then `custody` carries it out through the same choke point as everything else.
//! Two refusals end it, and nobody's word within [`ORDER_WAIT_MILLIS`] does too.
//!
//! The record has an entry when it begins (without where and whom while an embargo stands) and when it ends; where there was an embargo,
//! another one when that is over. From then on the people whom it named see it on their pages. The report on `/orders` is counted from
//! the rows.

mod draft;
mod file;
mod report;

use std::collections::BTreeSet;

use custody::{Act, ActError, LawfulOrder, MAX_ORDER_FIELDS, MAX_ORDER_PEOPLE, RowError};
use model::{Chamber, DeploymentId, Entry, EntryKind, RecipientId, Timestamp};

use crate::accounts::Account;
use crate::authority::{Action, Actor};
use crate::rows::order as rows;
use crate::rulebook::public_reason;
use crate::{Alliance, AllianceError};

pub use file::{OrderDraft, OrderFile, OrderState, OrderVote};
pub use report::{OrderAboutMe, OrderFigures, OrderLine, OrderReport, OrderTold};

use draft::{Days, fields, people};

/// How long an order waits to be agreed to, in milliseconds: fourteen days.
pub const ORDER_WAIT_MILLIS: i64 = 14 * DAY_MILLIS;
/// The longest that an order stands, in days.
pub const MAX_ORDER_DAYS: i64 = 92;
/// The longest that it reaches back, in days.
pub const MAX_ORDER_PAST_DAYS: i64 = 366;
/// The longest that an embargo goes on after the order is over, in days.
pub const MAX_EMBARGO_DAYS: i64 = 366;
/// The most orders that wait at once.
pub const MAX_WAITING_ORDERS: u64 = 50;
/// The longest name of an authority, a statute or a section, in characters.
pub const MAX_ORDER_WORD_CHARS: usize = 160;
/// So many chambers have to agree.
const CHAMBERS: usize = 2;
const DAY_MILLIS: i64 = 86_400_000;

/// Why something about an order did not happen. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum OrderActError {
    /// There is no such order.
    #[error("there is no such order")]
    NotFound,
    /// It is past this point.
    #[error("this cannot be done now: the order is `{0}`")]
    NotNow(OrderState),
    /// Who asks has a part in it.
    #[error(
        "nobody decides on an order who speaks for who answers or asks, who filed it, or whom it is about"
    )]
    OwnCase,
    /// They have said what they think.
    #[error("you have said already whether you agree")]
    Twice,
    /// Authority, statute or section.
    #[error(
        "name the authority, the statute and the section, each in 1 to {MAX_ORDER_WORD_CHARS} characters"
    )]
    Words,
    /// The deployment.
    #[error("name a deployment that is there")]
    Deployment,
    /// The recipient.
    #[error(
        "name a recipient that is registered: the authority receives as any other recipient does"
    )]
    Recipient,
    /// What for.
    #[error("say whether the order is for content or for traffic")]
    Data,
    /// The fields.
    #[error("name 1 to {MAX_ORDER_FIELDS} fields that the notice declares, and none for traffic")]
    Fields,
    /// The people.
    #[error(
        "name 1 to {MAX_ORDER_PEOPLE} people whom the deployment senses, one a line; `{0}` is none"
    )]
    People(String),
    /// The days.
    #[error(
        "an order ends after today and within {MAX_ORDER_DAYS} days, reaches back at most {MAX_ORDER_PAST_DAYS}, and an embargo ends at most {MAX_EMBARGO_DAYS} days after it"
    )]
    Days,
    /// The document.
    #[error("give the SHA-256 of the document: 64 hexadecimal digits")]
    Document,
    /// Too many.
    #[error("{MAX_WAITING_ORDERS} orders wait: decide on some first")]
    TooMany,
    /// Something else.
    #[error(transparent)]
    Alliance(#[from] AllianceError),
}

impl From<ActError> for OrderActError {
    fn from(err: ActError) -> Self {
        Self::Alliance(err.into())
    }
}

impl From<RowError> for OrderActError {
    fn from(err: RowError) -> Self {
        Self::Alliance(err.into())
    }
}

impl From<store::DbError> for OrderActError {
    fn from(err: store::DbError) -> Self {
        Self::Alliance(err.into())
    }
}

impl Alliance {
    /// Files an order.
    ///
    /// # Errors
    /// When the actor may not, something is missing or makes no sense, or the database fails.
    pub fn file_order(
        &self,
        by: &Actor,
        draft: &OrderDraft,
        now: Timestamp,
    ) -> Result<u64, OrderActError> {
        by.must(Action::FileOrders)?;
        let Actor::Account(account) = by else {
            return Err(OrderActError::NotFound);
        };
        let word = |text: &str| {
            let text = text.trim();
            let fits = (1..=MAX_ORDER_WORD_CHARS).contains(&text.chars().count())
                && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned()).ok_or(OrderActError::Words)
        };
        let days = Days::read(draft, &self.time_zone, now)?;
        let hash = draft.document_sha256.trim().to_ascii_lowercase();
        if hash.len() != 64 || !hash.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(OrderActError::Document);
        }
        let data = draft.data.ok_or(OrderActError::Data)?;
        let deployment =
            DeploymentId::parse(draft.deployment.trim()).map_err(|_| OrderActError::Deployment)?;
        let recipient =
            RecipientId::parse(draft.recipient.trim()).map_err(|_| OrderActError::Recipient)?;
        let mut order = OrderFile {
            number: 0,
            authority: word(&draft.authority)?,
            statute: word(&draft.statute)?,
            section: word(&draft.section)?,
            deployment,
            recipient,
            data,
            fields: fields(draft, data)?,
            people: Vec::new(),
            from: days.from,
            until: days.until,
            embargo_until: days.embargo,
            document_sha256: hash,
            filed_by: account.id.clone(),
            filed_at: now,
            state: OrderState::Waiting,
            decided_at: None,
            ended_at: None,
            end_reason: None,
            disclosed_at: None,
            votes: Vec::new(),
        };
        self.custody.act(now, |act| {
            check(act, &order)?;
            order.people = people(act, &order.deployment, &draft.people)?;
            if rows::waiting_count(act.tx())? >= MAX_WAITING_ORDERS {
                return Err(OrderActError::TooMany);
            }
            order.number = rows::next(act.tx())?;
            rows::put(act.tx(), &order)?;
            Ok(order.number)
        })
    }

    /// A delegate says whether they agree; gives how far the order has come then.
    ///
    /// # Errors
    /// When the actor may not, has a part in it or spoke already, it does not wait, a refusal has no reason, or the database fails.
    pub fn vote_on_order(
        &self,
        by: &Actor,
        number: u64,
        agrees: bool,
        reason: &str,
        now: Timestamp,
    ) -> Result<OrderState, OrderActError> {
        by.must(Action::DecideOrders)?;
        let Actor::Account(account) = by else {
            return Err(OrderActError::NotFound);
        };
        let reason = match (agrees, reason.trim()) {
            (true, "") => String::new(),
            _ => public_reason(reason)?,
        };
        self.custody.act(now, |act| {
            let mut order = rows::one(act.tx(), number)?.ok_or(OrderActError::NotFound)?;
            if order.state != OrderState::Waiting
                || order.filed_at.plus_millis(ORDER_WAIT_MILLIS) <= now
            {
                return Err(OrderActError::NotNow(order.state));
            }
            let chamber = chamber_of(act, account, &order)?;
            if order.votes.iter().any(|it| it.account == account.id) {
                return Err(OrderActError::Twice);
            }
            let vote = OrderVote {
                account: account.id.clone(),
                chamber,
                agrees,
                reason,
                at: now,
            };
            rows::put_vote(act.tx(), number, &vote)?;
            order.votes.push(vote);
            let chambers = |agrees| {
                let votes = order.votes.iter().filter(move |it| it.agrees == agrees);
                let chambers: BTreeSet<&str> = votes.map(|it| it.chamber.as_str()).collect();
                chambers.len()
            };
            if chambers(true) >= CHAMBERS {
                begin(act, &mut order, now)?;
            } else if chambers(false) >= CHAMBERS {
                order.state = OrderState::Refused;
                order.decided_at = Some(now);
                act.record(entry(EntryKind::OrderRefused, &order, now));
            }
            rows::update(act.tx(), &order)?;
            Ok(order.state)
        })
    }

    /// Ends an order before its time.
    ///
    /// # Errors
    /// When the actor may not, no reason is given, it does not stand, or the database fails.
    pub fn end_order(
        &self,
        by: &Actor,
        number: u64,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), OrderActError> {
        by.must(Action::FileOrders)?;
        let reason = public_reason(reason)?;
        self.custody.act(now, |act| {
            let mut order = rows::one(act.tx(), number)?.ok_or(OrderActError::NotFound)?;
            if order.state != OrderState::Standing {
                return Err(OrderActError::NotNow(order.state));
            }
            order.end_reason = Some(reason);
            over(act, &mut order, OrderState::Ended, now)
        })
    }

    /// What is over by the clock ends, and what is no secret any more is told. Gives how many orders changed.
    ///
    /// # Errors
    /// When the database fails; what was done before stands.
    pub fn tend_orders(&self, now: Timestamp) -> Result<u64, OrderActError> {
        let all = self.db.read(rows::all)?;
        let mut changed = 0;
        for known in all {
            let lapses = known.filed_at.plus_millis(ORDER_WAIT_MILLIS) <= now;
            let is_due = match known.state {
                OrderState::Waiting => lapses,
                OrderState::Standing => known.until <= now || is_to_tell(&known, now),
                _ => is_to_tell(&known, now),
            };
            if !is_due {
                continue;
            }
            self.custody.act(now, |act| {
                let mut order =
                    rows::one(act.tx(), known.number)?.ok_or(OrderActError::NotFound)?;
                if order.state == OrderState::Waiting && lapses {
                    order.state = OrderState::Lapsed;
                    order.decided_at = Some(now);
                    return Ok(rows::update(act.tx(), &order)?);
                }
                if is_to_tell(&order, now) {
                    tell(act, &mut order, now)?;
                }
                match order.state == OrderState::Standing && order.until <= now {
                    true => over(act, &mut order, OrderState::Expired, now),
                    false => Ok(rows::update(act.tx(), &order)?),
                }
            })?;
            changed += 1;
        }
        Ok(changed)
    }

    /// The orders, newest first, for who files them or decides on them.
    ///
    /// # Errors
    /// When the actor may do neither, or the database fails.
    pub fn orders(&self, by: &Actor) -> Result<Vec<OrderFile>, OrderActError> {
        if !by.may(Action::FileOrders) {
            by.must(Action::DecideOrders)?;
        }
        Ok(self.db.read(rows::all)?)
    }
}

/// What has to be there before anybody decides.
fn check(act: &mut Act<'_, '_>, order: &OrderFile) -> Result<(), OrderActError> {
    let notice = act.notice_in_force(&order.deployment)?;
    let notice = notice.ok_or(OrderActError::Deployment)?;
    if !order.fields.iter().all(|it| notice.field(it).is_some()) {
        return Err(OrderActError::Fields);
    }
    match act.has_recipient(&order.recipient)? {
        true => Ok(()),
        false => Err(OrderActError::Recipient),
    }
}

/// For which chamber somebody decides; an error when they have a part in it.
fn chamber_of(
    act: &mut Act<'_, '_>,
    account: &Account,
    order: &OrderFile,
) -> Result<Chamber, OrderActError> {
    let notice = act.notice_in_force(&order.deployment)?;
    let answers = notice.map(|it| it.controller.clone());
    let member = account.member.as_ref().ok_or(OrderActError::OwnCase)?;
    let asks = member.as_str() == order.recipient.as_str();
    if answers.as_ref() == Some(member)
        || asks
        || order.filed_by == account.id
        || order.people.contains(&account.id)
    {
        return Err(OrderActError::OwnCase);
    }
    let member = crate::rows::member::one(act.tx(), member)?;
    member.map(|it| it.chamber).ok_or(OrderActError::OwnCase)
}

/// Two chambers agree: it is carried out from now on.
fn begin(
    act: &mut Act<'_, '_>,
    order: &mut OrderFile,
    now: Timestamp,
) -> Result<(), OrderActError> {
    if order.until <= now {
        return Err(OrderActError::Days);
    }
    act.put_order(&LawfulOrder {
        number: order.number,
        recipient: order.recipient.clone(),
        deployment: order.deployment.clone(),
        data: order.data,
        fields: order.fields.clone(),
        people: order.people.clone(),
        from: order.from,
        began_at: now,
        until: order.until,
        embargo_until: order.embargo_until,
        ended_at: None,
        traffic_reads: 0,
    })?;
    order.state = OrderState::Standing;
    order.decided_at = Some(now);
    act.record(entry(EntryKind::OrderApproved, order, now));
    if order.embargo_until.is_none() {
        tell(act, order, now)?;
    }
    Ok(())
}

fn over(
    act: &mut Act<'_, '_>,
    order: &mut OrderFile,
    state: OrderState,
    now: Timestamp,
) -> Result<(), OrderActError> {
    act.end_order(order.number)?;
    order.state = state;
    order.ended_at = Some(now);
    act.record(entry(EntryKind::OrderEnded, order, now));
    Ok(rows::update(act.tx(), order)?)
}

fn is_to_tell(order: &OrderFile, now: Timestamp) -> bool {
    order.disclosed_at.is_none() && order.is_open(now)
}

/// Where it is stands in the record from now on.
fn tell(act: &mut Act<'_, '_>, order: &mut OrderFile, now: Timestamp) -> Result<(), OrderActError> {
    order.disclosed_at = Some(now);
    let mut told = entry(EntryKind::OrderDisclosed, order, now);
    told.reason = format!(
        "deployment:{} {} people:{}",
        order.deployment,
        order.data.as_str(),
        order.people.len()
    );
    act.record(told);
    Ok(())
}

/// What everybody may know from the beginning: who asks by which law, and the hash of the document.
fn entry(kind: EntryKind, order: &OrderFile, now: Timestamp) -> Entry {
    Entry {
        at: now,
        kind,
        about: format!("order:{}", order.number),
        by: "office:delegates".to_owned(),
        reason: format!("{}: {}, {}", order.authority, order.statute, order.section),
        document_sha256: Some(order.document_sha256.clone()),
    }
}

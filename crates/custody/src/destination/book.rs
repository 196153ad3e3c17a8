//! What a person sees of their destinations, and changes.

use data_encoding::BASE64;
use model::{PersonId, Subject, Timestamp};
use vault::{FollowQuery, Followed, Position};

use super::change;
use super::handle::Handle;
use super::letter::MAX_LETTERS;
use super::placement::unmarked;
use super::{
    Broker, Bucket, DestinationId, DestinationState, Endpoint, FailureClass, Secret, WebAddress,
};
use crate::Custody;
use crate::act::ActError;
use crate::rows::RowError;
use crate::rows::destination::{self as table, Cursor, DestinationRow, LetterRow};

/// The most destinations of a person.
pub const MAX_DESTINATIONS: usize = 4;
/// The longest password or key, in bytes.
const MAX_SECRET_BYTES: usize = 512;
const SIGNING_KEY_BYTES: usize = 32;
/// What a signing key begins with, after the Standard Webhooks specification.
const SIGNING_KEY_PREFIX: &str = "whsec_";
/// How many readings are looked at to find one of a dead letter that is still there.
const LOOK_FOR: usize = 500;

/// A destination that a person wants.
#[derive(Debug)]
pub enum NewDestination {
    /// A webhook; we make its signing key.
    Webhook(WebAddress),
    /// A broker and the password of its user; empty for none.
    Broker(Broker, Secret),
    /// A bucket and its secret access key.
    Bucket(Bucket, Secret),
}

/// Why a destination was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddDestinationError {
    /// The person has as many as they may.
    #[error("a person has at most {MAX_DESTINATIONS} destinations: delete one first")]
    TooMany,
    /// The person had addresses tried as often as they may in a day.
    #[error("you had your destinations tried too often: add one after {0}")]
    TooSoon(Timestamp),
    /// A secret is missing or too long.
    #[error("the password or key has 1 to {MAX_SECRET_BYTES} characters")]
    Secret,
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] getrandom::Error),
    /// It could not be sealed.
    #[error("the address could not be sealed")]
    Seal,
    /// The rows.
    #[error("the destination could not be written")]
    Rows(#[from] RowError),
    /// The database.
    #[error("the destination could not be written")]
    Db(#[from] store::DbError),
}

/// Why a destination could not be seen or changed.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The person has no such destination or dead letter.
    #[error("there is no such destination of yours")]
    NotFound,
    /// The person asked for it a moment ago, or too often in a day.
    #[error("this destination was tried a moment ago or too often: try it again after {0}")]
    TooSoon(Timestamp),
    /// The rows.
    #[error("the destinations could not be read or written")]
    Rows(#[from] RowError),
    /// The database.
    #[error("the destinations could not be read or written")]
    Db(#[from] store::DbError),
    /// What was placed there could not be placed in the vault again.
    #[error("the change could not be put in force")]
    Act(#[from] ActError),
}

/// Readings that did not reach an endpoint in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The name of the entry: pass it to [`Custody::send_again`].
    pub number: String,
    /// How many readings; where the reason is [`FailureClass::Unopened`], no more than so many.
    pub readings: i64,
    /// When the first of them came in.
    pub first_at: Timestamp,
    /// When the last of them came in.
    pub last_at: Timestamp,
    /// What the endpoint failed with; `None` where the server did not get to ask it.
    pub reason: Option<FailureClass>,
    /// What is left of them.
    pub left: Left,
}

/// What is left of readings that did not reach an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Some of them can be sent again.
    There,
    /// Nothing.
    Gone,
    /// Some are there perhaps, but they do not open: to send them again helps once what is damaged was restored.
    Unopened,
}

/// A destination, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationView {
    /// The destination.
    pub id: DestinationId,
    /// Where it is; `None` where the sealed address does not open any more. Nothing can be sent there then: the person can delete
    /// it and add it again.
    pub endpoint: Option<Endpoint>,
    /// How it stands.
    pub state: DestinationState,
    /// Whether a check is under way.
    pub is_being_checked: bool,
    /// When it was added.
    pub made_at: Timestamp,
    /// When a parcel was last taken.
    pub last_success_at: Option<Timestamp>,
    /// Why the last one was not, since.
    pub last_failure: Option<FailureClass>,
    /// When it is tried again, where it is failing.
    pub next_attempt_at: Option<Timestamp>,
    /// What did not reach it, newest first.
    pub letters: Vec<DeadLetter>,
}

impl Custody {
    /// The destinations of a person, oldest first. Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// See [`BookError`].
    pub fn destinations(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<Vec<DestinationView>, BookError> {
        let found = self.inner.db.read(|tx| {
            let mut found = Vec::new();
            for row in table::of(tx, person)? {
                let letters = table::letters(tx, &row.id)?;
                found.push((row, letters));
            }
            Ok::<_, RowError>(found)
        })?;
        let view = |(row, letters): (DestinationRow, Vec<LetterRow>)| self.view(&row, letters, now);
        Ok(found.into_iter().map(view).collect())
    }

    fn view(
        &self,
        row: &DestinationRow,
        letters: Vec<LetterRow>,
        now: Timestamp,
    ) -> DestinationView {
        // One that does not open hides none of the others.
        let opened = self.inner.secrets.open(&row.id, &row.person, &row.sealed);
        let endpoint = opened.ok().map(|it| it.0);
        let handle = self.inner.couriers.handle(&row.id);
        let fails = matches!(
            row.state,
            DestinationState::Failing | DestinationState::Paused
        );
        let letters = letters
            .iter()
            .take(MAX_LETTERS)
            .map(|it| self.letter(row, it, now))
            .collect();
        DestinationView {
            id: row.id.clone(),
            endpoint,
            state: row.state,
            is_being_checked: handle.is_some_and(|it| it.is_being_checked()),
            made_at: row.made_at,
            last_success_at: row.last_success_at,
            last_failure: row.last_failure,
            next_attempt_at: fails.then_some(row.next_attempt_at),
            letters,
        }
    }

    fn letter(&self, row: &DestinationRow, letter: &LetterRow, now: Timestamp) -> DeadLetter {
        DeadLetter {
            number: number_of(letter.through),
            readings: letter.readings,
            first_at: letter.first_at,
            last_at: letter.last_at,
            reason: letter.reason,
            left: self.left_of(row, letter, now),
        }
    }

    fn left_of(&self, row: &DestinationRow, letter: &LetterRow, now: Timestamp) -> Left {
        let page = self.inner.vault.follow(&FollowQuery {
            subject: Subject::Person(row.person.clone()),
            after: letter.before,
            from: letter.first_at,
            until: letter.last_at,
            limit: LOOK_FOR,
            now,
        });
        // The vault does not answer now: the page says so, and shows what else it knows.
        let Ok(page) = page else {
            return Left::Unopened;
        };
        let mut left = Left::Gone;
        for (_, followed) in page.iter().take_while(|it| it.0 <= letter.through) {
            match followed {
                Followed::Reading(it) if unmarked(&it.body, &row.id).is_some() => {
                    return Left::There;
                }
                Followed::Reading(_) => {}
                Followed::Unopened { .. } => left = Left::Unopened,
            }
        }
        left
    }

    /// Adds a destination; it is checked before anything is sent there. For a webhook gives the signing key, which is shown this once.
    ///
    /// # Errors
    /// See [`AddDestinationError`].
    pub fn add_destination(
        &self,
        person: &PersonId,
        wanted: NewDestination,
        now: Timestamp,
    ) -> Result<(DestinationId, Option<Secret>), AddDestinationError> {
        let (endpoint, secret, is_shown) = sort_out(wanted)?;
        let id = DestinationId::random()?;
        let sealed = self.inner.secrets.seal(&id, person, &endpoint, &secret);
        let row = DestinationRow {
            sealed: sealed.map_err(|_| AddDestinationError::Seal)?,
            id: id.clone(),
            person: person.clone(),
            state: DestinationState::Unverified,
            made_at: now,
            cursor: Cursor {
                position: Position::START,
                at: now,
            },
            again_at: None,
            attempts: 0,
            next_attempt_at: Timestamp::EPOCH,
            last_failure: None,
            last_success_at: None,
        };
        if let Err(when) = self.inner.couriers.asking.ask(person, None, now) {
            return Err(AddDestinationError::TooSoon(when));
        }
        self.inner.db.write(|tx| {
            if table::of(tx, person)?.len() >= MAX_DESTINATIONS {
                return Err(AddDestinationError::TooMany);
            }
            Ok(table::insert(tx, &row)?)
        })?;
        self.inner.couriers.insert(Handle::of(&row));
        Ok((id, is_shown.then_some(secret)))
    }

    /// Asks the endpoint of a destination now whether it is there, if it was not asked for a moment ago.
    ///
    /// # Errors
    /// See [`BookError`].
    pub fn check_destination(
        &self,
        person: &PersonId,
        id: &DestinationId,
        now: Timestamp,
    ) -> Result<(), BookError> {
        self.asked(person, id, now)?.check();
        Ok(())
    }

    /// Tries a failing destination now instead of later.
    ///
    /// # Errors
    /// See [`BookError`].
    pub fn try_destination_now(
        &self,
        person: &PersonId,
        id: &DestinationId,
        now: Timestamp,
    ) -> Result<(), BookError> {
        self.asked(person, id, now)?.hurry();
        Ok(())
    }

    /// Sends what is still there of a dead letter again, and everything that came after it: an endpoint knows by the identifiers
    /// what it has already.
    ///
    /// # Errors
    /// See [`BookError`].
    pub fn send_again(
        &self,
        person: &PersonId,
        id: &DestinationId,
        number: &str,
        now: Timestamp,
    ) -> Result<(), BookError> {
        let handle = self.asked(person, id, now)?;
        let cursor = self.inner.db.write(|tx| {
            let letters = table::letters(tx, id)?;
            let wanted = letters.iter().find(|it| number_of(it.through) == number);
            let wanted = *wanted.ok_or(BookError::NotFound)?;
            let cursor = Cursor {
                position: wanted.before,
                at: wanted.first_at,
            };
            // Later ones lie behind the cursor too: what is still late of them is written down anew.
            for letter in letters.iter().filter(|it| it.through >= wanted.through) {
                table::delete_letter(tx, id, letter.through)?;
            }
            table::put_again(tx, id, now)?;
            table::put_cursor(tx, id, cursor)?;
            Ok::<_, BookError>(cursor)
        })?;
        handle.rewind(cursor, now);
        Ok(())
    }

    /// Removes a destination. What was placed there goes into the vault from now on; what waited for it is not sent.
    ///
    /// # Errors
    /// See [`BookError`].
    pub fn delete_destination(
        &self,
        person: &PersonId,
        id: &DestinationId,
        now: Timestamp,
    ) -> Result<(), BookError> {
        self.own(person, id)?;
        self.change_placements(person, || {
            self.act(now, |act| {
                let before = table::placements(act.tx(), Some(person))?;
                table::back_to_vault(act.tx(), id, now)?;
                table::delete(act.tx(), id)?;
                change::note(act.tx(), person, &before, now)?;
                Ok::<_, BookError>(())
            })?;
            self.inner.couriers.remove(id);
            Ok(())
        })
    }

    /// A destination of the person's that may be tried at once.
    fn asked(
        &self,
        person: &PersonId,
        id: &DestinationId,
        now: Timestamp,
    ) -> Result<std::sync::Arc<Handle>, BookError> {
        let handle = self.own(person, id)?;
        let asking = &self.inner.couriers.asking;
        asking
            .ask(person, Some(id), now)
            .map_err(BookError::TooSoon)?;
        Ok(handle)
    }

    fn own(
        &self,
        person: &PersonId,
        id: &DestinationId,
    ) -> Result<std::sync::Arc<Handle>, BookError> {
        let handle = self.inner.couriers.handle(id);
        handle
            .filter(|it| it.person() == person)
            .ok_or(BookError::NotFound)
    }
}

fn number_of(position: Position) -> String {
    format!("{}-{}", position.segment, position.index)
}

/// The endpoint, its secret, and whether we made the secret.
fn sort_out(wanted: NewDestination) -> Result<(Endpoint, Secret, bool), AddDestinationError> {
    let (endpoint, secret, needs_secret) = match wanted {
        NewDestination::Webhook(address) => {
            return Ok((Endpoint::Webhook(address), signing_key()?, true));
        }
        NewDestination::Broker(broker, secret) => {
            let needs_secret = !broker.user.is_empty();
            (Endpoint::Broker(broker), secret, needs_secret)
        }
        NewDestination::Bucket(bucket, secret) => (Endpoint::Bucket(bucket), secret, true),
    };
    let length = secret.expose_secret().len();
    if length > MAX_SECRET_BYTES || (needs_secret && length == 0) {
        return Err(AddDestinationError::Secret);
    }
    Ok((endpoint, secret, false))
}

fn signing_key() -> Result<Secret, getrandom::Error> {
    let mut bytes = zeroize::Zeroizing::new([0; SIGNING_KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice())?;
    let mut text = SIGNING_KEY_PREFIX.to_owned();
    BASE64.encode_append(bytes.as_slice(), &mut text);
    Ok(Secret::new(text))
}

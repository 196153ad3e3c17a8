//! Claim codes: how a resident takes a device that somebody put up for them.
//!
//! The operator makes a code for a thing and hands it over with the device, on a label. A resident who is signed in opens the
//! link, reads what the device measures, and says that it is theirs: from that moment on it senses them, in the role that
//! the operator chose. A code works once and for a time. It has [`CODE_CHARS`] characters, 80 random bits, so that it can be
//! typed; rows hold its SHA-256, so who reads the database has no code, and wrong codes of one account are counted: after
//! [`MAX_WRONG_CODES`] an account waits for [`WRONG_CODES_MILLIS`].

use std::fmt;

use custody::{ActError, Token};
use data_encoding::BASE32_NOPAD;
use model::{Assignment, DeploymentId, PersonId, Role, ThingId, Timestamp};

use crate::accounts::Account;
use crate::authority::{Action, Actor};
use crate::rows::claim::ClaimRow;
use crate::{Alliance, AllianceError, rows};

/// How many characters a claim code has, without the hyphens between them.
pub const CODE_CHARS: usize = 16;
/// How long a claim code can be used at most, in milliseconds: a year.
pub const MAX_CLAIM_MILLIS: i64 = 365 * 86_400_000;
/// How many wrong codes an account may try.
pub const MAX_WRONG_CODES: i64 = 10;
/// In which time, in milliseconds: an hour.
pub const WRONG_CODES_MILLIS: i64 = 3_600_000;

/// 80 bits.
const CODE_BYTES: usize = 10;

/// A claim code: a bearer secret until it is used.
pub struct ClaimCode(Token);

impl ClaimCode {
    /// Takes what somebody typed or a link says: hyphens, spaces and capitals do not matter.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let written = |it: &char| !matches!(it, '-' | ' ');
        if text.len() > CODE_CHARS * 2 {
            return None;
        }
        let code: String = text
            .chars()
            .filter(written)
            .map(|it| it.to_ascii_lowercase())
            .collect();
        let is_code =
            code.len() == CODE_CHARS && code.chars().all(|it| matches!(it, 'a'..='z' | '2'..='7'));
        is_code.then(|| Self(Token::from_text(&code)))
    }

    fn random() -> Result<Self, AllianceError> {
        let mut bytes = [0; CODE_BYTES];
        getrandom::fill(&mut bytes)?;
        let text = BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
        Ok(Self(Token::from_text(&text)))
    }

    /// The secret itself, in groups of four as people type it. Never log it.
    #[must_use]
    pub fn expose_secret(&self) -> String {
        let text = self.0.expose_secret();
        let mut out = String::with_capacity(CODE_CHARS + 3);
        for (index, it) in text.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                out.push('-');
            }
            out.push(it);
        }
        out
    }

    fn hash(&self) -> [u8; 32] {
        self.0.sha256()
    }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(…)")
    }
}

/// What a claim code is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimable {
    /// The thing.
    pub thing: ThingId,
    /// Its deployment.
    pub deployment: DeploymentId,
    /// As what it will sense whoever claims it.
    pub role: Role,
    /// The first moment at which the code does not work any more.
    pub expires_at: Timestamp,
}

/// What became of a claim code that somebody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is a code, and not used yet.
    Open(Claimable),
    /// It was never one, was used, is over, or its thing is gone: nobody is told which.
    Unknown,
    /// This account has tried too many wrong codes: it waits.
    Wait,
}

impl Alliance {
    /// Makes a claim code for a thing, shown this once. Codes made before for the thing do not work any more.
    ///
    /// # Errors
    /// When the actor may not, the end is over or too far, the thing is not known, or the database fails.
    pub fn make_claim_code(
        &self,
        by: &Actor,
        thing: &ThingId,
        role: Role,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<ClaimCode, AllianceError> {
        by.must(Action::ManageDeployment)?;
        if expires_at <= now || expires_at > now.plus_millis(MAX_CLAIM_MILLIS) {
            return Err(AllianceError::ClaimEnd);
        }
        let not_found = || AllianceError::NotFound {
            what: "thing",
            id: thing.to_string(),
        };
        let peer = self.custody.thing(thing).filter(|it| !it.is_removed());
        let row = ClaimRow {
            thing: thing.clone(),
            deployment: peer.ok_or_else(not_found)?.deployment_id().clone(),
            role,
            expires_at,
        };
        let code = ClaimCode::random()?;
        self.db.write(|tx| {
            rows::claim::remove_of(tx, thing)?;
            rows::claim::remove_expired(tx, now)?;
            rows::claim::insert(tx, &code.hash(), &row)
        })?;
        Ok(code)
    }

    /// What a code is for, without using it. A wrong one counts against the account.
    ///
    /// # Errors
    /// When the account may not choose, or the database fails.
    pub fn peek_claim(
        &self,
        by: &Account,
        code: Option<&ClaimCode>,
        now: Timestamp,
    ) -> Result<Claim, AllianceError> {
        Actor::Account(by.clone()).must(Action::Choose)?;
        Ok(self.db.write(|tx| {
            if rows::claim::wrong_since(tx, &by.id, now.plus_millis(-WRONG_CODES_MILLIS))?
                >= MAX_WRONG_CODES
            {
                return Ok::<_, custody::RowError>(Claim::Wait);
            }
            let row = match code {
                Some(code) => rows::claim::one(tx, &code.hash(), now)?,
                None => None,
            };
            match row {
                Some(row) => Ok(Claim::Open(row.claimable())),
                None => {
                    rows::claim::count_wrong(tx, &by.id, now)?;
                    Ok(Claim::Unknown)
                }
            }
        })?)
    }

    /// Uses a code up: from now on the thing senses whoever asks, in the role of the code. Gives what was claimed, or why
    /// nothing was.
    ///
    /// # Errors
    /// When the account may not choose, or the database fails.
    pub fn claim(
        &self,
        by: &Account,
        code: Option<&ClaimCode>,
        now: Timestamp,
    ) -> Result<Claim, AllianceError> {
        let claim = self.peek_claim(by, code, now)?;
        let (Claim::Open(open), Some(code)) = (&claim, code) else {
            return Ok(claim);
        };
        let claimed = self.custody.act(now, |act| {
            // Only one of two who come at once gets the thing.
            if !rows::claim::remove(act.tx(), &code.hash())? {
                return Ok::<_, AllianceError>(false);
            }
            act.assign(&Assignment {
                thing: open.thing.clone(),
                person: by.id.clone(),
                role: open.role,
                valid_from: now,
                valid_until: None,
            })?;
            Ok(true)
        })?;
        Ok(if claimed { claim } else { Claim::Unknown })
    }

    /// From now on a thing senses a person no more; without a person: nobody, and claim codes for it end. What was recorded
    /// stays theirs. Gives how many people it was. Personal: it does not stand in the public record.
    ///
    /// # Errors
    /// When the actor may not, the person is not assigned, the thing is not known, or the database fails.
    pub fn release_thing(
        &self,
        by: &Actor,
        thing: &ThingId,
        person: Option<&PersonId>,
        now: Timestamp,
    ) -> Result<usize, AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| {
            if person.is_none() {
                rows::claim::remove_of(act.tx(), thing)?;
            }
            Ok(act.release(thing, person)?)
        })
    }

    /// A person says that a thing is not theirs: from now on it does not sense them any more. What was recorded stays theirs.
    ///
    /// # Errors
    /// When the account may not choose, the thing does not sense them, or the database fails.
    pub fn give_up(
        &self,
        by: &Account,
        thing: &ThingId,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        Actor::Account(by.clone()).must(Action::Choose)?;
        self.custody.act(now, |act| {
            match act.release(thing, Some(&by.id)) {
                Ok(_) => Ok(()),
                // Nobody is told which devices there are.
                Err(ActError::NotAssigned(_) | ActError::NoThing(_)) => {
                    Err(AllianceError::NotFound {
                        what: "thing",
                        id: thing.to_string(),
                    })
                }
                Err(err) => Err(err.into()),
            }
        })
    }
}

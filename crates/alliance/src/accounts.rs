//! Accounts, and the one-time link that the operator hands over: the first way in, before somebody has one of their own.
//!
//! A link works once and for a time. Opening it only shows who would sign in, so that a preview of the link does not use
//! it up; using it makes a session. Rows hold hashes of tokens, never the tokens.

use std::fmt;

use custody::Token;
use data_encoding::BASE32_NOPAD;
use model::{Entry, EntryKind, MemberId, PersonId, Timestamp};

use crate::authority::{Action, Actor, Office};
use crate::operator_access::{self, Asked};
use crate::sessions::{self, Device, SignInWay, SignedIn};
use crate::{Alliance, AllianceError, rows};

/// How long a one-time link can be used, in milliseconds: one day.
pub const LINK_LIFETIME_MILLIS: i64 = 24 * 3_600_000;

/// An account of a natural person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who: random, says nothing about the person.
    pub id: PersonId,
    /// What the account is for.
    pub office: Office,
    /// For which member a delegate speaks.
    pub member: Option<MemberId>,
}

/// Whose an account will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// A person's.
    Person,
    /// Nobody's: a demo makes it up.
    Nobody,
}

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name(Token);

        impl $name {
            /// Takes what a browser or a command line sent.
            #[must_use]
            pub fn from_text(text: &str) -> Self {
                Self(Token::from_text(text))
            }

            /// The secret itself. Never log it.
            #[must_use]
            pub fn expose_secret(&self) -> &str {
                self.0.expose_secret()
            }

            pub(crate) fn random() -> Result<Self, AllianceError> {
                Ok(Self(Token::random()?))
            }

            pub(crate) fn hash(&self) -> [u8; 32] {
                self.0.sha256()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

tokens! {
    /// The secret of a one-time sign-in link.
    LinkToken;
    /// The secret of a session.
    SessionToken;
}

impl Alliance {
    /// Makes an account with a random identifier.
    ///
    /// # Errors
    /// When the actor may not, or the database fails.
    pub fn create_account(
        &self,
        by: &Actor,
        office: Office,
        now: Timestamp,
    ) -> Result<Account, AllianceError> {
        self.create(by, (office, None), Owner::Person, now)
    }

    /// Makes an account of somebody who speaks for a member.
    ///
    /// # Errors
    /// When the actor may not, there is no such member, or the database fails.
    pub fn create_delegate(
        &self,
        by: &Actor,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<Account, AllianceError> {
        if self.db.read(|tx| rows::member::one(tx, member))?.is_none() {
            return Err(AllianceError::NotFound {
                what: "member",
                id: member.to_string(),
            });
        }
        let whose = (Office::Delegate, Some(member.clone()));
        self.create(by, whose, Owner::Person, now)
    }

    fn create(
        &self,
        by: &Actor,
        (office, member): (Office, Option<MemberId>),
        owner: Owner,
        now: Timestamp,
    ) -> Result<Account, AllianceError> {
        by.must(Action::ManageAccounts)?;
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes)?;
        let id = format!("p-{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
        let account = Account {
            id: PersonId::parse(&id).map_err(|_| AllianceError::NotFound {
                what: "identifier",
                id,
            })?,
            office,
            member,
        };
        let appointed = match (office, &account.member) {
            (Office::Resident, _) => None,
            (Office::Delegate, Some(member)) => Some(format!("member:{member}")),
            (Office::Licensing | Office::Delegate, _) => {
                Some(format!("office:{}", office.as_str()))
            }
        };
        self.custody.act(now, |act| {
            rows::account::insert(act.tx(), &account, now)?;
            match (owner, appointed) {
                (Owner::Nobody, _) => rows::account::set_made_up(act.tx(), &account.id)?,
                (Owner::Person, None) => {}
                (Owner::Person, Some(about)) => act.record(Entry {
                    at: now,
                    kind: EntryKind::OfficerAppointed,
                    about,
                    by: by.office().to_owned(),
                    reason: String::new(),
                    document_sha256: None,
                }),
            }
            Ok::<_, AllianceError>(())
        })?;
        Ok(account)
    }

    /// The accounts of an office, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn accounts_of(&self, office: Office) -> Result<Vec<Account>, AllianceError> {
        Ok(self.db.read(|tx| rows::account::of_office(tx, office))?)
    }

    /// Makes an account of a demo, which no person owns: the operator makes links for it at any time. It stays one.
    ///
    /// # Errors
    /// When the actor may not, or the database fails.
    pub fn create_made_up_account(
        &self,
        by: &Actor,
        office: Office,
        now: Timestamp,
    ) -> Result<Account, AllianceError> {
        self.create(by, (office, None), Owner::Nobody, now)
    }

    /// Makes a link with which the account signs in once, within [`LINK_LIFETIME_MILLIS`]. For an account that a resident uses
    /// the first call only asks for access: see `operator_access`.
    ///
    /// # Errors
    /// When the actor may not, there is no such account, access waits ([`AllianceError::SecondPerson`]), or the database fails.
    pub fn one_time_link(
        &self,
        by: &Actor,
        account: &PersonId,
        now: Timestamp,
    ) -> Result<LinkToken, AllianceError> {
        by.must(Action::ManageAccounts)?;
        let token = LinkToken::random()?;
        let asked = self.custody.act(now, |act| {
            let Some(found) = rows::account::one(act.tx(), account)? else {
                return Err(AllianceError::NotFound {
                    what: "account",
                    id: account.to_string(),
                });
            };
            let asked = operator_access::ask(act, &found, by, now)?;
            if matches!(asked, Asked::Granted) {
                let expires_at = now.plus_millis(LINK_LIFETIME_MILLIS);
                rows::account::put_link(act.tx(), &token.hash(), account, expires_at)?;
            }
            Ok(asked)
        })?;
        match asked {
            Asked::Granted => Ok(token),
            Asked::Waits(access) => Err(AllianceError::SecondPerson(Box::new(access))),
        }
    }

    /// Who would sign in with a link, without using it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn peek_link(
        &self,
        link: &LinkToken,
        now: Timestamp,
    ) -> Result<Option<Account>, AllianceError> {
        Ok(self
            .db
            .read(|tx| rows::account::linked(tx, &link.hash(), now))?)
    }

    /// Uses a link up and starts a session; `None` when it was used, has expired or never was.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sign_in(
        &self,
        link: &LinkToken,
        device: Device,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, AllianceError> {
        self.write_tries()?;
        let hash = link.hash();
        self.db.write(|tx| {
            let Some(account) = rows::account::linked(tx, &hash, now)? else {
                return Ok(None);
            };
            if !rows::account::remove_link(tx, &hash)? {
                return Ok(None);
            }
            sessions::begin(tx, &account, SignInWay::Link, device, now).map(Some)
        })
    }
}

//! Sign-in names and passwords.
//!
//! A password has [`MIN_PASSWORD_CHARS`] characters at least, any characters, and is not one that everybody tries first
//! (`common`); nothing else is asked of it (NIST SP 800-63B-4, section 3.1.1.2). It is normalised (NFKC) and kept as
//! Argon2id (RFC 9106) with [`MEMORY_KIB`], [`ROUNDS`] and [`LANES`] under a salt of 16 random bytes. At most
//! [`MAX_HASHING`] are computed at once and [`MAX_WAITING`] wait, so that strangers cannot take all memory.
//!
//! A name that nobody has costs the same work and gets the same answer as a wrong password; tries are counted for either.

use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use model::{PersonId, Timestamp};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::accounts::SessionToken;
use crate::safety::{Asking, Attempt, Proved};
use crate::security_events::EventKind;
use crate::sessions::{SignInWay, SignedIn};
use crate::throttle::Watched;
use crate::{Alliance, AllianceError, rows};

mod common;

/// How many characters a password has at least, as it stands alone (NIST SP 800-63B-4, section 3.1.1.2).
pub const MIN_PASSWORD_CHARS: usize = 15;
/// How many characters a password has at most.
pub const MAX_PASSWORD_CHARS: usize = 128;
/// How many characters a sign-in name has at least.
pub const MIN_NAME_CHARS: usize = 3;
/// How many characters a sign-in name has at most.
pub const MAX_NAME_CHARS: usize = 32;
/// Memory of Argon2id, in KiB.
pub const MEMORY_KIB: u32 = 19_456;
/// Passes of Argon2id.
pub const ROUNDS: u32 = 2;
/// Lanes of Argon2id.
pub const LANES: u32 = 1;
/// How many passwords are hashed at once.
pub const MAX_HASHING: usize = 4;
/// How many wait for that.
pub const MAX_WAITING: usize = 32;

/// The word for how a hash was made.
const METHOD: &str = "argon2id-19456-2-1";
const MAX_PASSWORD_BYTES: usize = MAX_PASSWORD_CHARS * 4;

/// A name with which somebody signs in: private, chosen by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInName(String);

impl SignInName {
    /// Lower-case Latin letters, digits, `.`, `-` and `_`; capitals are made small.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim().to_ascii_lowercase();
        let fits = (MIN_NAME_CHARS..=MAX_NAME_CHARS).contains(&name.len());
        let plain = |it: u8| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        (fits && name.bytes().all(plain)).then_some(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password that somebody gave, normalised.
pub struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a new password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too few characters.
    #[error("a password has {MIN_PASSWORD_CHARS} characters or more")]
    Short,
    /// Too many.
    #[error("a password has {MAX_PASSWORD_CHARS} characters at most")]
    Long,
    /// One that everybody tries first, or made of the name.
    #[error("this password is among those that are tried first")]
    Common,
}

impl Password {
    /// What somebody gave to sign in; nothing that could be a password is longer than what is read.
    #[must_use]
    pub fn given(text: &str) -> Self {
        let mut end = text.len().min(MAX_PASSWORD_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        Self(Zeroizing::new(text.nfkc().collect()))
    }

    /// A new one for somebody with this name.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub fn new(text: &str, name: &SignInName) -> Result<Self, PasswordError> {
        if text.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordError::Long);
        }
        let password = Self::given(text);
        match password.0.chars().count() {
            0..MIN_PASSWORD_CHARS => Err(PasswordError::Short),
            MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS if common::is(&password.0, name.as_str()) => {
                Err(PasswordError::Common)
            }
            MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS => Ok(password),
            _ => Err(PasswordError::Long),
        }
    }

    fn hash(&self, salt: &[u8]) -> Result<[u8; 32], AllianceError> {
        let mut out = [0; 32];
        let params =
            Params::new(MEMORY_KIB, ROUNDS, LANES, Some(32)).map_err(|_| AllianceError::Hashing)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.0.as_bytes(), salt, &mut out)
            .map_err(|_| AllianceError::Hashing)?;
        Ok(out)
    }
}

/// The password of an account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordLine {
    /// The name that goes with it.
    pub name: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// When it signed in last.
    pub used_at: Option<Timestamp>,
}

/// What rows keep of a password.
pub(crate) struct Kept {
    pub(crate) account: PersonId,
    pub(crate) method: String,
    pub(crate) salt: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// Somebody else has the name.
    #[error("this name cannot be used")]
    NameTaken,
    /// Too many names were tried.
    #[error("too many names were tried; wait an hour")]
    Wait,
    /// Too many passwords are hashed at this moment, or the database failed.
    #[error(transparent)]
    Failed(#[from] AllianceError),
}

/// How many passwords are hashed at once.
#[derive(Default)]
pub(crate) struct Gate {
    /// Hashing, waiting.
    inside: Mutex<(usize, usize)>,
    freed: Condvar,
}

struct Turn<'a>(&'a Gate);

impl Gate {
    fn enter(&self) -> Option<Turn<'_>> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.0 >= MAX_HASHING {
            if inside.1 >= MAX_WAITING {
                return None;
            }
            inside.1 += 1;
            let waited = self.freed.wait_while(inside, |it| it.0 >= MAX_HASHING);
            inside = waited.unwrap_or_else(PoisonError::into_inner);
            inside.1 -= 1;
        }
        inside.0 += 1;
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut inside = self.0.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.0 = inside.0.saturating_sub(1);
        self.0.freed.notify_one();
    }
}

impl Alliance {
    /// Whether a password is the kept one; without a kept one the same work is done, and it is not.
    fn is_password(
        &self,
        kept: Option<&Kept>,
        given: &Password,
    ) -> Result<Option<bool>, AllianceError> {
        const NOBODY: [u8; 32] = [0; 32];
        let Some(_turn) = self.safety.gate.enter() else {
            return Ok(None);
        };
        let (salt, hash) = kept.map_or((NOBODY.as_slice(), NOBODY.as_slice()), |it| {
            (it.salt.as_slice(), it.hash.as_slice())
        });
        let same = bool::from(given.hash(salt)?.as_slice().ct_eq(hash));
        Ok(Some(same && kept.is_some_and(|it| it.method == METHOD)))
    }

    /// Signs in with name and password.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sign_in_with_password(
        &self,
        name: &str,
        given: &Password,
        asking: Asking,
        now: Timestamp,
    ) -> Result<Attempt<SignedIn>, AllianceError> {
        let name = SignInName::parse(name);
        let tried = name.as_ref().map_or("", SignInName::as_str);
        let watched = [Watched::Name(tried), Watched::Network(asking.network)];
        if !self.safety.throttle.begin(&watched, now) {
            return Ok(Attempt::Wait);
        }
        let kept = self.db.read(|tx| rows::password::named(tx, tried))?;
        let Some(same) = self.is_password(kept.as_ref(), given)? else {
            self.safety.throttle.forgive(&watched);
            return Ok(Attempt::Wait);
        };
        let Some(kept) = kept else {
            return Ok(Attempt::Wrong);
        };
        if !same {
            self.safety.note_try(&kept.account, asking.device, now);
            return Ok(Attempt::Wrong);
        }
        self.safety.throttle.forgive(&watched);
        let (id, from) = (&kept.account, (SignInWay::Password, asking.device));
        self.let_in(id, from, now, |tx| Ok(rows::password::used(tx, id, now)?))
    }

    /// Proves with the password who has a session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn prove_with_password(
        &self,
        session: &SessionToken,
        given: &Password,
        asking: Asking,
        now: Timestamp,
    ) -> Result<Attempt<()>, AllianceError> {
        let account = match self.proving(session, now)? {
            Ok(account) => account,
            Err(not) => return Ok(not),
        };
        let kept = self.db.read(|tx| rows::password::of(tx, &account.id))?;
        match self.is_password(kept.as_ref(), given)? {
            None => Ok(Attempt::Wait),
            Some(false) => {
                self.safety.note_try(&account.id, asking.device, now);
                Ok(Attempt::Wrong)
            }
            Some(true) => self.proof(session, &account, now),
        }
    }

    /// Sets name and password, in place of those that were; every other session ends.
    ///
    /// # Errors
    /// See [`SetPasswordError`].
    pub fn set_password(
        &self,
        by: &Proved,
        name: &SignInName,
        password: &Password,
    ) -> Result<(), SetPasswordError> {
        let watched = [Watched::Account(&by.account.id)];
        if !self.safety.throttle.begin(&watched, by.now) {
            return Err(SetPasswordError::Wait);
        }
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(AllianceError::from)?;
        let hash = {
            let turn = self.safety.gate.enter();
            let _turn = turn.ok_or(SetPasswordError::Wait)?;
            password.hash(&salt)?
        };
        let kept = Kept {
            account: by.account.id.clone(),
            method: METHOD.to_owned(),
            salt: salt.to_vec(),
            hash: hash.to_vec(),
        };
        let set = self.db.write(|tx| {
            let holder = rows::password::named(tx, name.as_str())?;
            if holder.is_some_and(|it| it.account != by.account.id) {
                return Ok::<_, AllianceError>(false);
            }
            rows::password::set(tx, name.as_str(), &kept, by.now)?;
            rows::session::end_others(tx, &by.account.id, &by.session)?;
            let kind = EventKind::PasswordSet;
            rows::security_event::put(tx, &by.account.id, kind, by.device, by.now)?;
            Ok(true)
        })?;
        if set {
            self.safety.throttle.forgive(&watched);
            Ok(())
        } else {
            Err(SetPasswordError::NameTaken)
        }
    }

    /// Removes the password; of the last way in only who says that they `understood` what that means. `false` when they did not,
    /// or there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_password(&self, by: &Proved, understood: bool) -> Result<bool, AllianceError> {
        if self.ways_in(&by.account.id)?.count() <= 1 && !understood {
            return Ok(false);
        }
        Ok(self.db.write(|tx| {
            let removed = rows::password::remove(tx, &by.account.id)?;
            if removed {
                let kind = EventKind::PasswordRemoved;
                rows::security_event::put(tx, &by.account.id, kind, by.device, by.now)?;
            }
            Ok::<_, custody::RowError>(removed)
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        let name = |it: &str| SignInName::parse(it).map(|it| it.0);
        assert_eq!(name(" Sana.K-7 "), Some("sana.k-7".to_owned()));
        for bad in ["", "ab", "with space", "ثنا خان", "a@b.c", &"a".repeat(33)] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Option<PasswordError>) {
        let name = SignInName::parse("sana.khan").unwrap();
        assert_eq!(Password::new(text, &name).err(), expected, "{text}");
    }

    #[test]
    fn a_password_is_long_and_not_the_first_that_everybody_tries() {
        check("kite mango seven rivers", None);
        check("آم کا درخت اور نیلی پتنگ", None);
        check("    kite    mango 7", None);
        check("fourteen chars", Some(PasswordError::Short));
        check(&"kite mango ".repeat(12), Some(PasswordError::Long));
        check(&"k".repeat(600), Some(PasswordError::Long));
        for common in [
            "aaaaaaaaaaaaaaaaaaaa",
            "123456789012345",
            "passwordpassword",
            "Password12345678!",
            "qwertyuiopasdfgh",
            "abcabcabcabcabcabc",
            "sana.khansana.khan",
            "sana.khan 12345678",
            "pakistanzindabad1",
        ] {
            check(common, Some(PasswordError::Common));
        }
    }

    #[test]
    fn the_same_letters_are_the_same_password_however_they_were_typed() {
        // U+0622 against U+0627 U+0653: alef with madda.
        let (one, two) = (
            Password::given("\u{622}م"),
            Password::given("\u{627}\u{653}م"),
        );
        assert_eq!(*one.0, *two.0);
        assert_eq!(Password::given(&"آ".repeat(5000)).0.chars().count(), 256);
        assert_eq!(format!("{one:?}"), "Password(…)");
    }

    #[test]
    fn a_hash_depends_on_its_salt_and_its_word_names_the_parameters() {
        let hash = |salt: &[u8]| Password::given("password").hash(salt).unwrap();
        let (one, other) = (hash(b"somesaltsomesalt"), hash(b"someothersalt123"));
        assert_ne!(one, other);
        assert_eq!(one, hash(b"somesaltsomesalt"));
        let parameters = format!("argon2id-{MEMORY_KIB}-{ROUNDS}-{LANES}");
        assert_eq!(METHOD, parameters);
    }

    #[test]
    fn only_so_many_hash_at_once_and_so_many_wait() {
        let gate = Gate::default();
        let turns: Vec<_> = (0..MAX_HASHING).map(|_| gate.enter().unwrap()).collect();
        gate.inside.lock().unwrap().1 = MAX_WAITING;
        assert!(gate.enter().is_none());
        drop(turns);
        assert!(gate.enter().is_some());
    }
}

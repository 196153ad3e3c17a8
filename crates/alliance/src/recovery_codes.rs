//! Recovery codes: how somebody signs in who has lost everything else, without asking anybody.
//!
//! [`RECOVERY_CODES`] at a time, shown once, each with 80 random bits, kept as SHA-256. A code works once; new ones end all that
//! were before. There are no questions that others could answer.

use std::fmt;

use custody::Token;
use data_encoding::BASE32_NOPAD;
use model::Timestamp;

use crate::accounts::SessionToken;
use crate::safety::{Asking, Attempt, Proved};
use crate::security_events::EventKind;
use crate::sessions::{self, SignInWay, SignedIn};
use crate::throttle::Watched;
use crate::{Alliance, AllianceError, rows};

/// How many recovery codes are made at a time.
pub const RECOVERY_CODES: usize = 8;
/// How many characters one has, without the hyphens between them.
const CHARS: usize = 16;
/// 80 bits.
const BYTES: usize = 10;

/// A recovery code.
pub struct RecoveryCode(Token);

impl RecoveryCode {
    /// Takes what somebody typed: hyphens, spaces and capitals do not matter.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if text.len() > CHARS * 2 {
            return None;
        }
        let code: String = text
            .chars()
            .filter(|it| !matches!(it, '-' | ' '))
            .map(|it| it.to_ascii_lowercase())
            .collect();
        let is_code =
            code.len() == CHARS && code.chars().all(|it| matches!(it, 'a'..='z' | '2'..='7'));
        is_code.then(|| Self(Token::from_text(&code)))
    }

    fn random() -> Result<Self, AllianceError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        let text = BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
        Ok(Self(Token::from_text(&text)))
    }

    /// The secret itself, in groups of four. Never log it.
    #[must_use]
    pub fn expose_secret(&self) -> String {
        let mut out = String::with_capacity(CHARS + 3);
        for (index, it) in self.0.expose_secret().chars().enumerate() {
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

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

impl Alliance {
    /// Makes new recovery codes, shown this once; all that were before end.
    ///
    /// # Errors
    /// When there is no randomness, or the database fails.
    pub fn make_recovery_codes(&self, by: &Proved) -> Result<Vec<RecoveryCode>, AllianceError> {
        let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::random());
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<_> = codes.iter().map(RecoveryCode::hash).collect();
        self.db.write(|tx| {
            rows::recovery_code::replace(tx, &by.account.id, &hashes, by.now)?;
            let kind = EventKind::CodesMade;
            rows::security_event::put(tx, &by.account.id, kind, by.device, by.now)
        })?;
        Ok(codes)
    }

    /// Signs in with a recovery code, which is used up.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sign_in_with_code(
        &self,
        code: Option<&RecoveryCode>,
        asking: Asking,
        now: Timestamp,
    ) -> Result<Attempt<SignedIn>, AllianceError> {
        let watched = [Watched::Network(asking.network)];
        if !self.safety.throttle.begin(&watched, now) {
            return Ok(Attempt::Wait);
        }
        let Some(code) = code else {
            return Ok(Attempt::Wrong);
        };
        self.write_tries()?;
        let signed_in = self.db.write(|tx| {
            let Some(id) = rows::recovery_code::take(tx, &code.hash())? else {
                return Ok::<_, AllianceError>(None);
            };
            let Some(account) = rows::account::one(tx, &id)? else {
                return Ok(None);
            };
            let way = SignInWay::RecoveryCode;
            sessions::begin(tx, &account, way, asking.device, now).map(Some)
        })?;
        Ok(match signed_in {
            None => Attempt::Wrong,
            Some(it) => {
                self.safety.throttle.forgive(&watched);
                Attempt::Done(it)
            }
        })
    }

    /// Proves with a recovery code, which is used up, who has a session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn prove_with_code(
        &self,
        session: &SessionToken,
        code: Option<&RecoveryCode>,
        now: Timestamp,
    ) -> Result<Attempt<()>, AllianceError> {
        let Some(account) = self.session(session, now)? else {
            return Ok(Attempt::Wrong);
        };
        let watched = [Watched::Account(&account.id)];
        if !self.safety.throttle.begin(&watched, now) {
            return Ok(Attempt::Wait);
        }
        let Some(code) = code else {
            return Ok(Attempt::Wrong);
        };
        let hash = session.hash();
        let proved = self.db.write(|tx| {
            if !rows::recovery_code::take_of(tx, &code.hash(), &account.id)? {
                return Ok::<_, custody::RowError>(false);
            }
            rows::session::proved(tx, &hash, now)?;
            Ok(true)
        })?;
        if proved {
            self.safety.throttle.forgive(&watched);
            return Ok(Attempt::Done(()));
        }
        Ok(Attempt::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = RecoveryCode::random().unwrap();
        let text = code.expose_secret();
        assert_eq!(text.len(), CHARS + 3);
        for typed in [text.clone(), text.to_uppercase(), text.replace('-', " ")] {
            let read = RecoveryCode::from_text(&typed).unwrap();
            assert_eq!(read.hash(), code.hash());
        }
        for bad in ["", "abcd", "abcd-efgh-ijkl-mno1", &"a".repeat(40)] {
            assert!(RecoveryCode::from_text(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
    }
}

//! Challenges: each is good for one answer, for one thing, from one browser, for a short time.
//!
//! A challenge is not kept while nobody has answered it: it carries its time and a MAC over what it is for and the secret of the
//! browser that asked, so that strangers cannot fill anything. Kept is only which ones were answered.
//!
//! ```text
//! challenge: milliseconds (8 bytes, big-endian) | nonce (16) | HMAC-SHA256 (32), as base64url without padding
//! ```

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use model::Timestamp;
use ring::hmac;

/// How long a challenge may be answered, in milliseconds: five minutes.
pub const CHALLENGE_MILLIS: i64 = 300_000;
/// How many answered challenges are remembered, until they would be too old anyway; while there are so many, none is taken.
const MAX_ANSWERED: usize = 10_000;
const LABEL: &[u8] = b"amanat passkey challenge v1";
const TIME_BYTES: usize = 8;
const NONCE_BYTES: usize = 16;

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeFor {
    /// Signing in.
    SigningIn,
    /// Adding a passkey.
    Adding,
    /// Proving again who one is.
    Proving,
}

impl ChallengeFor {
    const fn word(self) -> &'static [u8] {
        match self {
            Self::SigningIn => b"sign in",
            Self::Adding => b"add",
            Self::Proving => b"prove",
        }
    }
}

/// Makes challenges and takes each once.
pub(crate) struct Challenges {
    key: hmac::Key,
    answered: Mutex<HashMap<Vec<u8>, Timestamp>>,
}

impl Challenges {
    /// Nothing was asked yet. After a restart there is another key: challenges from before are not taken.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            answered: Mutex::default(),
        }
    }

    /// A new challenge, as text.
    pub(crate) fn make(
        &self,
        wanted: ChallengeFor,
        binding: &str,
        now: Timestamp,
    ) -> Result<String, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let mut challenge = now.as_millis().to_be_bytes().to_vec();
        challenge.extend_from_slice(&nonce);
        let mac = hmac::sign(&self.key, &message(&challenge, wanted, binding));
        challenge.extend_from_slice(mac.as_ref());
        Ok(BASE64URL_NOPAD.encode(&challenge))
    }

    /// Takes a challenge that was answered: `true` once, for what it was made for.
    pub(crate) fn take(
        &self,
        wanted: ChallengeFor,
        binding: &str,
        challenge: &str,
        now: Timestamp,
    ) -> bool {
        let Ok(bytes) = BASE64URL_NOPAD.decode(challenge.as_bytes()) else {
            return false;
        };
        let Some((asked, mac)) = bytes.split_at_checked(TIME_BYTES + NONCE_BYTES) else {
            return false;
        };
        if hmac::verify(&self.key, &message(asked, wanted, binding), mac).is_err() {
            return false;
        }
        let time = asked.first_chunk::<TIME_BYTES>().copied();
        let asked_at = Timestamp::from_millis(time.map_or(0, i64::from_be_bytes));
        let ends_at = asked_at.plus_millis(CHALLENGE_MILLIS);
        if now < asked_at || ends_at <= now {
            return false;
        }
        let answered = self.answered.lock();
        let mut answered = answered.unwrap_or_else(PoisonError::into_inner);
        answered.retain(|_, ends_at| now < *ends_at);
        answered.len() < MAX_ANSWERED && answered.insert(asked.to_vec(), ends_at).is_none()
    }
}

fn message(asked: &[u8], wanted: ChallengeFor, binding: &str) -> Vec<u8> {
    let binding = ring::digest::digest(&ring::digest::SHA256, binding.as_bytes());
    [LABEL, asked, binding.as_ref(), wanted.word()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    #[test]
    fn a_challenge_is_good_once_for_what_it_was_made_for_and_not_for_long() {
        let challenges = Challenges::new(&[1; 32]);
        let made = challenges
            .make(ChallengeFor::SigningIn, "visit", NOW)
            .unwrap();
        let end = NOW.plus_millis(CHALLENGE_MILLIS);
        let take = |wanted, binding: &str, now| challenges.take(wanted, binding, &made, now);
        assert!(!take(ChallengeFor::Proving, "visit", NOW));
        assert!(!take(ChallengeFor::SigningIn, "another visit", NOW));
        assert!(!take(ChallengeFor::SigningIn, "visit", end));
        assert!(!take(ChallengeFor::SigningIn, "visit", NOW.plus_millis(-1)));
        assert!(take(ChallengeFor::SigningIn, "visit", end.plus_millis(-1)));
        assert!(!take(ChallengeFor::SigningIn, "visit", NOW), "replayed");
        assert!(challenges.answered.lock().unwrap().len() == 1);
        let others = Challenges::new(&[2; 32]);
        assert!(!others.take(ChallengeFor::SigningIn, "visit", &made, NOW));
        for odd in ["", "AAAA", "not base64url!", &made.to_uppercase()] {
            assert!(!challenges.take(ChallengeFor::SigningIn, "visit", odd, NOW));
        }
    }
}

//! What opens an identity, and for how long what it has opened stays open.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use model::Timestamp;

use crate::rows::credential::CredentialRow;
use crate::secret::TokenHash;

/// What opens an identity, and whether anything does.
pub(crate) struct Credential {
    /// As it was when the identity came into force.
    first: TokenHash,
    /// As it is now, where it has changed since.
    changed: ArcSwapOption<CredentialRow>,
    /// Whether it is barred and what has happened to it, see [`Standing`]: one word, because it is asked for each message.
    standing: AtomicU64,
}

/// ```text
/// bit 0          nothing opens it any more
/// bits 1 to 31   how often that has come about: who was connected is not let back in by a new credential
/// bits 32 to 63  how often its token was renewed
/// ```
///
/// Both are counted since the server started, as connections are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing(u64);

const BARRED: u64 = 1;
const ENDED_ONCE: u64 = 1 << 1;
const RENEWED_ONCE: u64 = 1 << 32;

impl Standing {
    const fn is_barred(self) -> bool {
        self.0 & BARRED != 0
    }

    /// How often nothing has opened it any more.
    const fn times_ended(self) -> u64 {
        (self.0 & (RENEWED_ONCE - 1)) >> 1
    }

    const fn ended(self) -> Self {
        match self.is_barred() {
            true => self,
            // What does not fit is lost at the border of the two counts, after two thousand million revocations.
            false => Self(
                (self.0 & !(RENEWED_ONCE - 1))
                    | (self.0.wrapping_add(ENDED_ONCE) & (RENEWED_ONCE - 1))
                    | BARRED,
            ),
        }
    }

    /// Whether nothing opened it at some moment since then.
    const fn has_ended(self, then: Self) -> bool {
        self.is_barred() || self.times_ended() != then.times_ended()
    }

    const fn open(self) -> Self {
        Self(self.0 & !BARRED)
    }

    const fn renewed(self) -> Self {
        Self(self.0.wrapping_add(RENEWED_ONCE))
    }
}

/// That a credential opened an identity at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    then: Standing,
    by: Key,
}

/// With what it was opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Without a token: a certificate has its own end.
    Certificate,
    /// The token of that moment, by the start of its hash.
    Token(u64),
    /// The one before, which has an end.
    Former(u64),
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.by {
            Key::Certificate => "Opened(by a certificate)",
            Key::Token(_) => "Opened(by a token)",
            Key::Former(_) => "Opened(by the token before)",
        })
    }
}

impl Credential {
    pub(crate) fn new(row: &CredentialRow) -> Self {
        let credential = Self {
            first: row.token,
            changed: ArcSwapOption::empty(),
            standing: AtomicU64::new(0),
        };
        credential.set(row, false);
        credential
    }

    /// Puts in force what the rows say. Acts come one after the other, so nobody else writes meanwhile.
    pub(crate) fn set(&self, row: &CredentialRow, is_removed: bool) {
        let before = self.row();
        let is_first = *row == CredentialRow::new(self.first);
        self.changed.store((!is_first).then(|| Arc::new(*row)));
        let mut next = self.standing();
        if row.token != before.token {
            next = next.renewed();
        }
        next = match is_removed || row.revoked_at.is_some() {
            true => next.ended(),
            false => next.open(),
        };
        self.standing.store(next.0, Ordering::Release);
    }

    pub(crate) fn row(&self) -> CredentialRow {
        let changed = self.changed.load();
        changed
            .as_deref()
            .map_or_else(|| CredentialRow::new(self.first), |it| *it)
    }

    fn standing(&self) -> Standing {
        Standing(self.standing.load(Ordering::Acquire))
    }

    /// Whether a token opens it. In constant time, whether the identity is barred or not.
    pub(crate) fn opens(&self, offered: &TokenHash, now: Timestamp) -> Option<Opened> {
        // Before the row: who is let in by a row that is newer than this is looked at again, and stands.
        let then = self.standing();
        let row = self.row();
        let is_current = row.token.is(offered);
        let is_former = row
            .former
            .is_some_and(|(former, until)| former.is(offered) & (now < until));
        let by = match is_current {
            true => Key::Token(offered.start()),
            false => Key::Former(offered.start()),
        };
        let opened = Opened { then, by };
        ((is_current | is_former) & !then.is_barred()).then_some(opened)
    }

    /// Opened by a certificate, whose end is looked after elsewhere.
    pub(crate) fn opened_by_certificate(&self) -> Option<Opened> {
        let then = self.standing();
        let by = Key::Certificate;
        (!then.is_barred()).then_some(Opened { then, by })
    }

    /// Whether what has opened it still would: it was not revoked since, not even when another one was made afterwards, and
    /// was not renewed, unless both are taken now.
    pub(crate) fn still_opens(&self, since: Opened, now: Timestamp) -> bool {
        let standing = self.standing();
        if standing.has_ended(since.then) {
            return false;
        }
        match since.by {
            Key::Certificate => true,
            Key::Token(_) if standing == since.then => true,
            Key::Token(start) | Key::Former(start) => {
                let row = self.row();
                let is_former = |(former, until): (TokenHash, Timestamp)| {
                    former.start() == start && now < until
                };
                row.token.start() == start || row.former.is_some_and(is_former)
            }
        }
    }

    /// Whether nothing opened it any more at some moment since.
    pub(crate) fn has_ended(&self, since: Opened) -> bool {
        self.standing().has_ended(since.then)
    }

    /// When what has opened it ends although nobody acts.
    pub(crate) fn ends_at(&self, since: Opened) -> Option<Timestamp> {
        let (Key::Token(start) | Key::Former(start)) = since.by else {
            return None;
        };
        let (former, until) = self.row().former?;
        (former.start() == start).then_some(until)
    }

    pub(crate) fn is_barred(&self) -> bool {
        self.standing().is_barred()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000);

    fn hash(text: &str) -> TokenHash {
        TokenHash::of(text.as_bytes())
    }

    fn renewed(token: &str, former: &str, until: Timestamp) -> CredentialRow {
        CredentialRow {
            token: hash(token),
            former: Some((hash(former), until)),
            revoked_at: None,
        }
    }

    #[test]
    fn what_a_token_opened_stays_open_for_as_long_as_that_token_is_taken() {
        let credential = Credential::new(&CredentialRow::new(hash("one")));
        let one = credential.opens(&hash("one"), NOW).unwrap();
        assert!(credential.still_opens(one, LATER));
        assert_eq!(credential.ends_at(one), None);
        credential.set(&renewed("two", "one", LATER), false);
        let again = credential.opens(&hash("one"), NOW).unwrap();
        let two = credential.opens(&hash("two"), NOW).unwrap();
        for former in [one, again] {
            assert_eq!(credential.ends_at(former), Some(LATER));
            assert!(credential.still_opens(former, NOW));
            assert!(
                !credential.still_opens(former, LATER),
                "the overlap is over"
            );
        }
        assert!(credential.still_opens(two, LATER));
        assert_eq!(credential.ends_at(two), None);
        credential.set(&renewed("three", "two", NOW), false);
        assert!(
            !credential.still_opens(two, NOW),
            "without an overlap at once"
        );
        assert!(!credential.still_opens(one, NOW));
    }

    #[test]
    fn nothing_that_was_open_before_a_revocation_is_open_after_it() {
        let row = CredentialRow::new(hash("one"));
        let credential = Credential::new(&row);
        let by_token = credential.opens(&hash("one"), NOW).unwrap();
        let by_certificate = credential.opened_by_certificate().unwrap();
        credential.set(&renewed("two", "one", LATER), false);
        assert!(
            credential.still_opens(by_certificate, LATER),
            "it shows no token"
        );
        let revoked = CredentialRow {
            revoked_at: Some(NOW),
            former: None,
            ..renewed("two", "one", LATER)
        };
        credential.set(&revoked, false);
        assert!(credential.is_barred());
        assert_eq!(credential.opens(&hash("two"), NOW), None);
        assert_eq!(credential.opened_by_certificate(), None);
        credential.set(&CredentialRow::new(hash("three")), false);
        for before in [by_token, by_certificate] {
            assert!(!credential.still_opens(before, NOW));
        }
        let three = credential.opens(&hash("three"), NOW).unwrap();
        assert!(credential.still_opens(three, LATER));
    }

    #[test]
    fn what_is_removed_is_barred_whatever_its_token_is() {
        let row = CredentialRow::new(hash("one"));
        let credential = Credential::new(&row);
        let one = credential.opens(&hash("one"), NOW).unwrap();
        credential.set(&row, true);
        assert!(!credential.still_opens(one, NOW) && credential.is_barred());
    }

    #[test]
    fn how_often_something_ended_does_not_run_over_into_how_often_it_was_renewed() {
        let full = Standing((RENEWED_ONCE - 1) & !BARRED);
        let next = full.ended();
        assert!(next.is_barred());
        assert_eq!((next.times_ended(), next.0 >> 32), (0, 0));
        assert_eq!(next.ended(), next, "it ends once");
    }
}

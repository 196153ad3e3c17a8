//! How long publishers wait for a recipient whose own side takes nothing at the moment.
//!
//! Somebody who is behind is not somebody who is slow: over a line of 50 ms a window closes although everything is
//! acknowledged. The two are told apart by what the recipient takes. Each delivery that it takes buys it
//! [`EARNED_US`] of waiting, of which it saves up at most [`MOST_US`]; so whoever takes 5,000 a second or more is always
//! waited for, and whoever takes none is not. Beside that each recipient has, over all its connections, a hundredth of the time
//! without having earned it ([`Grace`]): a connection that has just begun can show what it takes.
//!
//! All waiting is paid for, to the microsecond and after the fact, so in any second publishers wait for the other side of
//! one recipient at most 10 ms, 200 µs for each delivery that it takes, and what it had saved up.

use std::sync::{Mutex, PoisonError};

/// How much waiting a delivery buys that the recipient takes, in microseconds.
const EARNED_US: i64 = 200;
/// How much waiting a connection saves up at most.
const MOST_US: i64 = 250_000;
/// How much of it a recipient has without having earned it.
const GRACE_US: i64 = 100_000;
/// How much of that comes back in a millisecond: a hundredth of the time.
const GRACE_US_PER_MS: u64 = 10;
/// Who is new or was slow is waited for from so much on, so that publishers are not stopped for every few messages.
const RESUMED_US: i64 = 20_000;

/// The account of one connection.
#[derive(Debug)]
pub(super) struct Patience {
    earned_us: i64,
    /// Since when somebody waits for the other side.
    waited_since_ms: Option<u64>,
    is_over: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            earned_us: 0,
            waited_since_ms: None,
            is_over: true,
        }
    }
}

/// What one recipient may be waited for without having earned it, over all its connections.
#[derive(Debug)]
pub(crate) struct Grace(Mutex<Left>);

#[derive(Debug)]
struct Left {
    us: i64,
    at_ms: u64,
}

impl Default for Grace {
    fn default() -> Self {
        Self(Mutex::new(Left {
            us: GRACE_US,
            at_ms: 0,
        }))
    }
}

impl Grace {
    /// Uses up at most so much, and gives how much that was.
    fn take(&self, wanted_us: i64, now_ms: u64) -> i64 {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now_ms.saturating_sub(left.at_ms);
        let passed = i64::try_from(passed.saturating_mul(GRACE_US_PER_MS)).unwrap_or(GRACE_US);
        left.us = left.us.saturating_add(passed).min(GRACE_US);
        left.at_ms = left.at_ms.max(now_ms);
        let taken = wanted_us.min(left.us);
        left.us -= taken;
        taken
    }

    /// How much there is.
    fn left(&self, now_ms: u64) -> i64 {
        self.take(0, now_ms);
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.us
    }
}

impl Patience {
    /// The connection has taken deliveries.
    pub(super) fn earn(&mut self, deliveries: u64) {
        let earned = i64::try_from(deliveries)
            .unwrap_or(MOST_US)
            .saturating_mul(EARNED_US);
        self.earned_us = self.earned_us.saturating_add(earned).min(MOST_US);
    }

    /// Pays for the waiting until now, and says whether there is any patience left.
    pub(super) fn pay(&mut self, grace: Option<&Grace>, now_ms: u64) -> bool {
        let since_ms = self.waited_since_ms.take().unwrap_or(now_ms);
        let waited_us = now_ms.saturating_sub(since_ms).saturating_mul(1_000);
        let waited_us = i64::try_from(waited_us).unwrap_or(i64::MAX / 2);
        let not_earned = (waited_us - self.earned_us.max(0)).max(0);
        let given = grace.map_or(0, |it| it.take(not_earned, now_ms));
        self.earned_us -= waited_us - given;
        let left = grace.map_or(0, |it| it.left(now_ms));
        let needed = if self.is_over { RESUMED_US } else { 1 };
        self.is_over = self.earned_us.saturating_add(left) < needed;
        !self.is_over
    }

    /// Somebody waits from now on. Gives when the patience is over.
    pub(super) fn wait(&mut self, grace: Option<&Grace>, now_ms: u64) -> u64 {
        self.waited_since_ms = Some(now_ms);
        let left = grace.map_or(0, |it| it.left(now_ms));
        let left_us = self.earned_us.saturating_add(left).max(0);
        now_ms + u64::try_from(left_us).unwrap_or(0).div_ceil(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long somebody waits in all within `span_ms`, when the recipient takes so many each `every_ms`.
    fn waited_ms(span_ms: u64, takes: u64, every_ms: u64, grace: &Grace) -> u64 {
        let mut patience = Patience::default();
        let (mut waited, mut since) = (0, None);
        for now_ms in 0..span_ms {
            if now_ms % every_ms == 0 {
                patience.earn(takes);
            }
            if let Some(since) = since.take() {
                waited += now_ms - since;
            }
            if patience.pay(Some(grace), now_ms) {
                patience.wait(Some(grace), now_ms);
                since = Some(now_ms);
            }
        }
        waited
    }

    #[test]
    fn who_takes_five_thousand_a_second_is_always_waited_for() {
        let waited = waited_ms(60_000, 250, 50, &Grace::default());
        assert!(waited >= 59_990, "{waited}");
    }

    #[test]
    fn who_takes_nothing_is_waited_for_a_hundredth_of_the_time() {
        let grace = Grace::default();
        let waited = waited_ms(60_000, 0, 1, &grace);
        assert!((600..=720).contains(&waited), "{waited}");
    }

    #[test]
    fn who_takes_little_is_waited_for_in_proportion() {
        let waited = waited_ms(60_000, 1, 2, &Grace::default());
        // 500 a second: a tenth of the time, and the hundredth.
        assert!((6_300..=6_900).contains(&waited), "{waited}");
    }

    #[test]
    fn connections_of_one_recipient_share_what_is_not_earned() {
        let grace = Grace::default();
        let mut all: Vec<_> = (0..50).map(|_| Patience::default()).collect();
        let mut waited = 0;
        for (at, patience) in all.iter_mut().enumerate() {
            let start = 10 * at as u64;
            if patience.pay(Some(&grace), start) {
                let until = patience.wait(Some(&grace), start);
                waited += until - start;
                assert!(!patience.pay(Some(&grace), until));
            }
        }
        assert!(waited <= 110, "a connection after the other: {waited}");
    }

    #[test]
    fn what_is_saved_up_has_an_end_and_debts_are_paid_first() {
        let mut patience = Patience::default();
        patience.earn(1_000_000);
        assert_eq!(patience.wait(None, 7), 7 + 250);
        assert!(!patience.pay(None, 7 + 400), "it woke late");
        patience.earn(849);
        assert!(!patience.pay(None, 500), "150 ms of debt, and 20 to go on");
        patience.earn(1);
        assert!(patience.pay(None, 500));
    }
}

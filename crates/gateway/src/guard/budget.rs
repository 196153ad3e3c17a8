//! How many bytes all connections hold together: the starts of packets that are not whole, what nobody has read yet, and
//! wills.
//!
//! Only what outlives a turn is counted; while a turn lasts, a worker holds one packet and one batch at most. Whoever
//! would go above the budget is the one that ends. Strangers have a smaller budget of their own, so that they cannot use
//! up that of devices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that may be held, and that are.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    most_of_strangers: usize,
    sessions: AtomicUsize,
    strangers: AtomicUsize,
}

impl Budget {
    pub(super) fn new(most: usize, most_of_strangers: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_strangers,
            sessions: AtomicUsize::new(0),
            strangers: AtomicUsize::new(0),
        })
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.sessions.load(Ordering::Relaxed) + self.strangers.load(Ordering::Relaxed)
    }

    fn part(&self, is_stranger: bool) -> (&AtomicUsize, usize) {
        match is_stranger {
            true => (&self.strangers, self.most_of_strangers),
            false => (&self.sessions, self.most),
        }
    }
}

/// What one connection holds; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
    is_stranger: bool,
}

impl Held {
    pub(super) fn of(budget: &Arc<Budget>) -> Self {
        Self {
            budget: Arc::clone(budget),
            bytes: 0,
            is_stranger: true,
        }
    }

    /// Says how much it holds now; false when that is too much, and then it should hold nothing soon.
    pub(crate) fn set(&mut self, bytes: usize, is_stranger: bool) -> bool {
        if bytes == self.bytes && is_stranger == self.is_stranger {
            return true;
        }
        let (before, _) = self.budget.part(self.is_stranger);
        before.fetch_sub(self.bytes, Ordering::Relaxed);
        let (now, most) = self.budget.part(is_stranger);
        let others = now.fetch_add(bytes, Ordering::Relaxed);
        let grows = bytes > self.bytes || is_stranger != self.is_stranger;
        self.bytes = bytes;
        self.is_stranger = is_stranger;
        !grows || bytes == 0 || others + bytes <= most
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (part, _) = self.budget.part(self.is_stranger);
        part.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_would_go_above_the_budget_is_told_and_nobody_else() {
        let budget = Budget::new(100, 10);
        let mut one = Held::of(&budget);
        let mut two = Held::of(&budget);
        assert!(one.set(60, false) && two.set(40, false));
        assert!(!two.set(41, false));
        assert!(one.set(59, false), "to hold less is never refused");
        drop(two);
        assert_eq!(budget.held(), 59);
        assert!(one.set(100, false));
        drop(one);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn strangers_do_not_use_up_what_devices_have() {
        let budget = Budget::new(100, 10);
        let mut strangers: Vec<_> = (0..20).map(|_| Held::of(&budget)).collect();
        let let_in = strangers
            .iter_mut()
            .filter_map(|it| it.set(2, true).then_some(()));
        assert_eq!(let_in.count(), 5);
        let mut device = Held::of(&budget);
        assert!(device.set(100, false));
        let mut admitted = strangers.remove(0);
        assert!(
            !admitted.set(2, false),
            "it counts as a device from then on"
        );
    }
}

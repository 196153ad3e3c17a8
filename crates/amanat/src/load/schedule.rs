//! When a publisher sends: as fast as its window allows, or at a fixed rate whatever the server does.
//!
//! At a fixed rate each message has an intended time, and its latency counts from there: a server that stalls
//! makes the waiting messages late, and the numbers say so.

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// The next message as soon as the window has room.
    Closed,
    /// A message every `gap` nanoseconds, the first after `offset`.
    Open {
        /// Nanoseconds between two messages.
        gap: f64,
        /// Nanoseconds before the first.
        offset: f64,
    },
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// After so many messages.
    Messages(u64),
    /// After so many nanoseconds.
    Nanos(u64),
}

/// The plan of one publisher and how far it is.
#[derive(Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    end: End,
    sent: u64,
}

impl Schedule {
    /// A plan of which nothing is done.
    pub(crate) const fn new(pace: Pace, end: End) -> Self {
        Self { pace, end, sent: 0 }
    }

    /// How many messages may go out at `now`, the window aside.
    pub(crate) fn due(&self, now: u64) -> u64 {
        match (self.pace, self.end) {
            (Pace::Closed, End::Messages(count)) => count.saturating_sub(self.sent),
            (Pace::Closed, End::Nanos(end)) if now >= end => 0,
            (Pace::Closed, End::Nanos(_)) => u64::MAX,
            (Pace::Open { .. }, End::Messages(count)) => {
                self.intended_by(now).min(count).saturating_sub(self.sent)
            }
            (Pace::Open { .. }, End::Nanos(end)) => self
                .intended_by(now.min(end.saturating_sub(1)))
                .saturating_sub(self.sent),
        }
    }

    /// The moment from which the latency of the next message counts.
    pub(crate) fn intended(&self, now: u64) -> u64 {
        match self.pace {
            Pace::Closed => now,
            Pace::Open { gap, offset } => nanos(offset + gap * count(self.sent)).min(now),
        }
    }

    /// Notes that the next message went out.
    pub(crate) const fn sent(&mut self) {
        self.sent += 1;
    }

    /// When the next message becomes due, for a plan that waits for a moment.
    pub(crate) fn wake_at(&self) -> Option<u64> {
        match self.pace {
            Pace::Closed => None,
            Pace::Open { gap, offset } => Some(nanos(offset + gap * count(self.sent))),
        }
    }

    /// When the plan is over, for a plan that ends at a moment.
    pub(crate) const fn end_at(&self) -> Option<u64> {
        match self.end {
            End::Nanos(end) => Some(end),
            End::Messages(_) => None,
        }
    }

    /// Whether nothing more is to be sent after what is due at `now`.
    pub(crate) const fn is_over(&self, now: u64) -> bool {
        match self.end {
            End::Messages(count) => self.sent >= count,
            End::Nanos(end) => now >= end,
        }
    }

    /// How many messages were intended until the end but did not go out.
    pub(crate) fn unsent(&self) -> u64 {
        match (self.pace, self.end) {
            (_, End::Messages(count)) => count.saturating_sub(self.sent),
            (Pace::Closed, End::Nanos(_)) => 0,
            (Pace::Open { .. }, End::Nanos(end)) => self
                .intended_by(end.saturating_sub(1))
                .saturating_sub(self.sent),
        }
    }

    fn intended_by(&self, now: u64) -> u64 {
        match self.pace {
            Pace::Closed => u64::MAX,
            Pace::Open { gap, offset } => {
                let since = float(now) - offset;
                if since < 0.0 {
                    0
                } else {
                    nanos(since / gap).saturating_add(1)
                }
            }
        }
    }
}

/// A run has far fewer than 2^53 messages.
const fn count(messages: u64) -> f64 {
    messages as f64
}

/// 2^53 nanoseconds are a hundred days.
const fn float(nanos: u64) -> f64 {
    nanos as f64
}

/// `as` saturates, and times are not negative.
const fn nanos(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Pace = Pace::Open {
        gap: 100.0,
        offset: 10.0,
    };

    #[test]
    fn a_closed_loop_sends_what_the_end_leaves() {
        let mut schedule = Schedule::new(Pace::Closed, End::Messages(2));
        assert_eq!(schedule.due(0), 2);
        schedule.sent();
        assert_eq!((schedule.due(5), schedule.intended(5)), (1, 5));
        schedule.sent();
        assert!(schedule.is_over(5));
        assert_eq!((schedule.due(5), schedule.unsent()), (0, 0));
    }

    #[test]
    fn an_open_loop_counts_latency_from_the_intended_time() {
        let mut schedule = Schedule::new(OPEN, End::Messages(10));
        assert_eq!((schedule.due(9), schedule.wake_at()), (0, Some(10)));
        assert_eq!(schedule.due(10), 1);
        // The server stalls until 250: three messages wait, and the first is 240 late.
        assert_eq!((schedule.due(250), schedule.intended(250)), (3, 10));
        schedule.sent();
        assert_eq!((schedule.due(250), schedule.intended(250)), (2, 110));
    }

    #[test]
    fn messages_that_a_stall_kept_back_are_counted_as_unsent() {
        let mut schedule = Schedule::new(OPEN, End::Nanos(1000));
        schedule.sent();
        assert!(!schedule.is_over(999) && schedule.is_over(1000));
        // Intended at 10, 110, …, 910: ten messages, one went out, and no more become due after the end.
        assert_eq!((schedule.due(1000), schedule.due(5000)), (9, 9));
        assert_eq!(schedule.unsent(), 9);
        assert_eq!(Schedule::new(Pace::Closed, End::Nanos(1000)).unsent(), 0);
    }

    #[test]
    fn only_a_plan_for_a_time_has_an_end_to_wake_at() {
        assert_eq!(Schedule::new(Pace::Closed, End::Nanos(7)).end_at(), Some(7));
        assert_eq!(Schedule::new(OPEN, End::Messages(7)).end_at(), None);
    }
}

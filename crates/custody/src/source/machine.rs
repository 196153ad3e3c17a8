//! One switch of one thing as a machine. No clock, no I/O: time comes in with every call.
//!
//! ```text
//!            want              offered          sent            received
//!   Rest ──────────► Due ──────────► Offered ────────► Sent ────────────► Watching
//!                     ▲                 │ lost, too old  │ lost, no answer    │ does not obey
//!                     └─────────────────┴────────────────┴────────────────────┘ (later and later, at most MAX_ATTEMPTS)
//! ```
//!
//! Beside the step stands the outcome: open, obeyed or disobeyed, each since when. It is judged by what messages show, at
//! any step, and stays while the thing is told again.

use model::Timestamp;

/// How often a thing is told the same thing before it is left at that.
pub(crate) const MAX_ATTEMPTS: u32 = 5;
/// How long after the first command that did nothing the second one goes; each pause is four times the one before.
const FIRST_PAUSE_MS: i64 = 30_000;
/// How old a command that no connection has taken may be.
pub(crate) const COMMAND_AGE_MS: i64 = 60_000;
/// A thing that obeyed for so long and then does not is told again as often as one that was never told.
const RELAPSE_MS: i64 = 3_600_000;

/// How a source is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// It measures nothing of what the switch is for.
    Off,
    /// It measures less often or less finely.
    Slow,
    /// It measures as it was made to.
    On,
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 3] = [Self::Off, Self::Slow, Self::On];

    /// The word that rows use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Slow => "slow",
            Self::On => "on",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// Where the command that is to be given stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is nothing to tell: the thing was never told anything, and measures as it was made to.
    Rest,
    /// To be told as soon as it listens, not before `at`.
    Due { at: Timestamp },
    /// With a connection, which has not sent it yet.
    Offered { command: u64, at: Timestamp },
    /// Sent; the thing should have said before `until` that it has received it.
    Sent { command: u64, until: Timestamp },
    /// Told; it is watched whether it obeys.
    Watching,
}

/// Whether the thing does as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing that it sent says so or otherwise.
    Open,
    /// It does.
    Obeyed { since: Timestamp },
    /// It does not.
    Disobeyed { since: Timestamp },
}

/// What is worth an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A command was sent to the thing.
    Told,
    /// The thing said that it has it.
    Received,
    /// It was seen that it obeys.
    Obeyed,
    /// It was seen that it does not.
    Disobeyed,
}

impl Happening {
    pub(crate) const ALL: [Self; 4] = [Self::Told, Self::Received, Self::Obeyed, Self::Disobeyed];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Received => "received",
            Self::Obeyed => "obeyed",
            Self::Disobeyed => "disobeyed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// What a thing says in the field in which it confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    On,
    Off,
    Other,
}

/// What the messages of a thing have shown of one switch, each with the time of the last such message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// With a field of the switch.
    pub(crate) fields_at: Option<Timestamp>,
    /// Without any of them.
    pub(crate) others_at: Option<Timestamp>,
    /// With the field in which it confirms.
    pub(crate) said: Option<(Said, Timestamp)>,
}

/// What the notice says about how to judge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How long the thing may take to obey.
    pub(crate) patience_ms: i64,
    /// Whether it confirms in a field.
    pub(crate) confirms: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    Obeys(Timestamp),
    Disobeys(Timestamp),
}

/// One switch of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) wanted: Setting,
    pub(crate) wanted_at: Timestamp,
    /// What it was told last, and when.
    pub(crate) told: Option<(Setting, Timestamp)>,
    /// When it said that it has received what it was told last.
    pub(crate) received_at: Option<Timestamp>,
    /// The last command that was sent.
    pub(crate) last_command: Option<u64>,
    /// How often it was told what is wanted now.
    pub(crate) attempts: u32,
    pub(crate) step: Step,
    pub(crate) outcome: Outcome,
}

impl State {
    /// A thing that was never told anything.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            wanted: Setting::On,
            wanted_at: now,
            told: None,
            received_at: None,
            last_command: None,
            attempts: 0,
            step: Step::Rest,
            outcome: Outcome::Open,
        }
    }

    /// Whether there is something to remember.
    pub(crate) fn is_fresh(&self) -> bool {
        self.told.is_none() && self.step == Step::Rest
    }

    /// Says what is wanted now; true when that is something else than before. A command on its way is void then.
    pub(crate) fn want(&mut self, wanted: Setting, now: Timestamp) -> bool {
        if wanted == self.wanted {
            return false;
        }
        self.wanted = wanted;
        self.wanted_at = now;
        self.attempts = 0;
        self.outcome = Outcome::Open;
        self.step = match (self.told, wanted) {
            (None, Setting::On) => Step::Rest,
            _ => Step::Due { at: now },
        };
        true
    }

    /// The notice words the command differently now: unless the thing obeys, it is told anew.
    pub(crate) fn reworded(&mut self, now: Timestamp) {
        let obeys = matches!(self.outcome, Outcome::Obeyed { .. });
        if !obeys && self.step != Step::Rest {
            self.attempts = 0;
            self.step = Step::Due { at: now };
        }
    }

    /// Whether a command is to go now.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.step, Step::Due { at } if at <= now)
    }

    /// A connection has the command.
    pub(crate) fn offered(&mut self, command: u64, now: Timestamp) {
        self.step = Step::Offered { command, at: now };
    }

    /// The command went to the thing, which should say before `until` that it has it; `None`: it will not say.
    /// A void one may have gone in the same moment: it is what the thing was told last all the same.
    pub(crate) fn sent(
        &mut self,
        command: u64,
        setting: Setting,
        until: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.told = Some((setting, now));
        self.received_at = until.is_none().then_some(now);
        self.last_command = Some(command);
        if setting != self.wanted {
            if matches!(self.step, Step::Rest | Step::Watching) {
                self.step = Step::Due { at: now };
            }
            return;
        }
        self.attempts = self.attempts.saturating_add(1);
        self.step = match until {
            Some(until) => Step::Sent { command, until },
            None => Step::Watching,
        };
    }

    /// The thing says that it has the command; true when it is the last one and this was not known.
    pub(crate) fn received(&mut self, command: u64, now: Timestamp) -> bool {
        if self.last_command != Some(command) || self.received_at.is_some() {
            return false;
        }
        self.received_at = Some(now);
        let is_current = self.told.is_some_and(|it| it.0 == self.wanted);
        if is_current && matches!(self.step, Step::Sent { .. } | Step::Due { .. }) {
            self.step = Step::Watching;
        }
        true
    }

    /// The connection that had the command is gone.
    pub(crate) fn lost(&mut self, command: u64, now: Timestamp) {
        match self.step {
            Step::Offered { command: it, .. } if it == command => self.step = Step::Due { at: now },
            Step::Sent { command: it, .. } if it == command => self.again(now),
            _ => {}
        }
    }

    /// A connection can take the command from a thing that asks: at once where the thing did not fetch it, and where it did,
    /// when it has said nothing for so long. True when the command is due again.
    pub(crate) fn taken_over(&mut self, command: u64, silence_ms: i64, now: Timestamp) -> bool {
        let told_at = self.told.map_or(now, |it| it.1);
        let is_taken = match self.step {
            Step::Offered { command: it, .. } => it == command,
            Step::Sent { command: it, .. } => {
                it == command && now >= told_at.plus_millis(silence_ms)
            }
            Step::Rest | Step::Due { .. } | Step::Watching => false,
        };
        if is_taken {
            self.step = Step::Due { at: now };
        }
        is_taken
    }

    /// Looks at the time and at what messages have shown. Gives what is new about whether the thing obeys.
    pub(crate) fn look(&mut self, seen: &Seen, terms: Terms, now: Timestamp) -> Option<Happening> {
        match self.step {
            Step::Offered { at, .. } if now >= at.plus_millis(COMMAND_AGE_MS) => {
                self.step = Step::Due { at: now };
            }
            Step::Sent { until, .. } if now >= until => self.again(now),
            _ => {}
        }
        match (self.evidence(seen, terms)?, self.outcome) {
            (Evidence::Obeys(_), Outcome::Obeyed { .. }) => None,
            (Evidence::Obeys(since), _) => {
                self.outcome = Outcome::Obeyed { since };
                self.step = Step::Watching;
                Some(Happening::Obeyed)
            }
            (Evidence::Disobeys(_), Outcome::Disobeyed { .. }) => {
                if self.step == Step::Watching {
                    self.again(now);
                }
                None
            }
            (Evidence::Disobeys(since), before) => {
                if matches!(before, Outcome::Obeyed { since: it } if since >= it.plus_millis(RELAPSE_MS))
                {
                    self.attempts = 0;
                }
                self.outcome = Outcome::Disobeyed { since };
                if self.step == Step::Watching {
                    self.again(now);
                }
                Some(Happening::Disobeyed)
            }
        }
    }

    /// Whether it was told as often as it is and does not do it.
    pub(crate) fn is_given_up(&self) -> bool {
        self.attempts >= MAX_ATTEMPTS && self.step == Step::Watching
    }

    /// To be told once more, later; unless that was often enough.
    fn again(&mut self, now: Timestamp) {
        self.step = match self.attempts {
            it if it >= MAX_ATTEMPTS => Step::Watching,
            it => Step::Due {
                at: now.plus_millis(pause_ms(it)),
            },
        };
    }

    /// What the messages since it was told say about whether it obeys.
    fn evidence(&self, seen: &Seen, terms: Terms) -> Option<Evidence> {
        let (told, told_at) = self.told?;
        if told != self.wanted {
            return None;
        }
        let from = self.received_at.unwrap_or(told_at);
        match told {
            Setting::Off => off(seen, terms, from),
            Setting::On => on(seen, terms, from),
            // How often is less often? A thing that is slow cannot be told from one that is not.
            Setting::Slow => None,
        }
    }
}

/// How long after the `attempt`-th command the next one goes.
fn pause_ms(attempt: u32) -> i64 {
    let doublings = 2 * attempt.saturating_sub(1).min(MAX_ATTEMPTS);
    FIRST_PAUSE_MS << doublings
}

/// It obeys when it says so after the command, or when its other messages go on and the fields do not come; either holds
/// only with no field since. A field that comes after the patience counts against it, whatever it says in words.
fn off(seen: &Seen, terms: Terms, from: Timestamp) -> Option<Evidence> {
    let settled = from.plus_millis(terms.patience_ms);
    let late = seen.fields_at.filter(|it| *it > settled);
    let quiet_since = seen.fields_at.map_or(from, |it| it.max(from));
    let quiet = quiet_since.plus_millis(terms.patience_ms);
    let confirmed = match seen.said {
        Some((Said::Off, at)) if at >= from && seen.fields_at.is_none_or(|it| it < at) => {
            (late.is_none() || at > quiet).then_some(at)
        }
        _ => None,
    };
    let watched = seen.others_at.filter(|it| !terms.confirms && *it > quiet);
    let contrary = match seen.said {
        Some((Said::On, at)) if at > settled => Some(at),
        _ => None,
    };
    let obeys = confirmed.or(watched).map(Evidence::Obeys);
    obeys.or(late.or(contrary).map(Evidence::Disobeys))
}

/// It obeys when a field comes after the command, or when it says so. It does not when it says so after the patience, or
/// when only other messages come.
fn on(seen: &Seen, terms: Terms, from: Timestamp) -> Option<Evidence> {
    let settled = from.plus_millis(terms.patience_ms);
    let fields = seen.fields_at.filter(|it| *it > from);
    let said = seen.said.filter(|it| it.1 >= from);
    let refused = match said {
        Some((Said::Off, at)) if at > settled => {
            let quiet = fields.map(|it| it.plus_millis(terms.patience_ms));
            quiet.is_none_or(|it| at > it).then_some(at)
        }
        _ => None,
    };
    if let Some(at) = refused {
        return Some(Evidence::Disobeys(at));
    }
    let confirmed = said.filter(|it| it.0 == Said::On).map(|it| it.1);
    if let Some(at) = fields.or(confirmed) {
        return Some(Evidence::Obeys(at));
    }
    let silent = seen.others_at.filter(|it| !terms.confirms && *it > settled);
    silent.map(Evidence::Disobeys)
}

#[cfg(test)]
mod tests;

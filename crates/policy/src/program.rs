//! A compiled program: what may pass to whom, ready to be asked once for every message.

use std::sync::Arc;

use model::{LegalBasis, Level, PurposeId, RecipientId, Retention, Timestamp};
use smallvec::SmallVec;

use crate::decide::classes::Classes;
use crate::field_set::{FieldIndex, FieldSet};
use crate::schema::Schema;

/// A recipient with a purpose: what the notice declares it for, and what a grant opens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// Who receives.
    pub recipient: RecipientId,
    /// Why.
    pub purpose: PurposeId,
}

/// The number of a lane in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneIndex(pub(crate) u16);

/// What a notice, the rulebook, people's choices and grants come to, for one thing.
#[derive(Debug)]
pub struct Program {
    pub(crate) generation: u64,
    pub(crate) schema: Arc<Schema>,
    /// In the order of the declarations.
    pub(crate) lanes: Vec<Lane>,
    /// Lane numbers by recipient and purpose.
    pub(crate) by_name: Vec<LaneIndex>,
    /// By lane.
    pub(crate) verdicts: Vec<LaneVerdicts>,
    /// The view of each lane.
    pub(crate) view_of: Arc<[u16]>,
    pub(crate) views: Vec<View>,
    /// What is kept.
    pub(crate) stored: Classes,
    /// Fields that some view coarsens by what their value is.
    pub(crate) numeric: FieldSet,
    /// At which levels which fields pass as statistics over time. Empty for most programs.
    pub(crate) windowed: Levels,
}

/// What was decided about a lane before any message came.
#[derive(Debug)]
pub(crate) struct LaneVerdicts {
    pub(crate) windows: Windows,
    /// By field, ascending; only fields that are declared for the lane.
    pub(crate) fields: Vec<(FieldIndex, Verdict)>,
}

/// What was decided about a field in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) level: Level,
    pub(crate) factor: Factor,
    pub(crate) retention: Retention,
    pub(crate) keeping: Keeping,
}

/// Who decides whether a reading is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Keeping {
    /// The person: they may have it kept elsewhere, or nowhere.
    AsChosen,
    /// A law or a vital interest: it is kept as the notice says.
    ByLaw,
}

/// Lanes with the same levels and the same access share a view.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) windows: Windows,
    /// What passes of a message.
    pub(crate) levels: Levels,
    /// What passes once a time window is over.
    pub(crate) windowed: Levels,
}

/// What lanes with the same access pass and keep equally long.
#[derive(Debug)]
pub(crate) struct StoredPart {
    pub(crate) keeping: Keeping,
    pub(crate) retention: Retention,
    pub(crate) windows: Windows,
    pub(crate) levels: Levels,
}

/// Disjoint sets of fields by level, highest level first. Never holds `off`.
pub(crate) type Levels = SmallVec<[(Level, FieldSet); 3]>;

/// When a lane is open: `[from, until)`, ascending and apart.
pub(crate) type Windows = SmallVec<[Window; 1]>;

/// `[from, until)`; without an end while `until` is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

impl Window {
    pub(crate) fn holds(self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|it| now < it)
    }
}

/// What decided a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// The field is not declared for this recipient and purpose.
    Undeclared,
    /// The precision that the notice declares.
    Notice,
    /// A limit of the rulebook.
    Rulebook,
    /// The legal basis: nobody chose, or nobody may choose.
    LegalBasis(LegalBasis),
    /// The choice of a person.
    Choice,
    /// The recipient has no access.
    NoGrant,
    /// The recipient's access begins then.
    GrantNotYet(Timestamp),
    /// The recipient's access ended then.
    GrantOver(Timestamp),
}

impl Factor {
    /// The word that rows and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undeclared => "undeclared",
            Self::Notice => "notice",
            Self::Rulebook => "rulebook",
            Self::LegalBasis(_) => "legal-basis",
            Self::Choice => "choice",
            Self::NoGrant => "no-grant",
            Self::GrantNotYet(_) => "grant-not-yet",
            Self::GrantOver(_) => "grant-over",
        }
    }
}

/// How much of a field passes, and what decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Why {
    /// How much passes.
    pub level: Level,
    /// What decided it.
    pub factor: Factor,
}

impl Program {
    /// The generation that it was compiled for.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The schema that messages must be read under.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Every lane, in the order of the declarations; the position is the lane's number.
    #[must_use]
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Every lane with its number.
    pub fn lane_indexes(&self) -> impl Iterator<Item = (LaneIndex, &Lane)> {
        (0..=u16::MAX).map(LaneIndex).zip(&self.lanes)
    }

    /// The number of a lane.
    #[must_use]
    pub fn lane(&self, recipient: &RecipientId, purpose: &PurposeId) -> Option<LaneIndex> {
        let name = |it: &LaneIndex| {
            let lane = self.lanes.get(usize::from(it.0));
            lane.map(|it| (&it.recipient, &it.purpose))
        };
        let wanted = Some((recipient, purpose));
        let found = self.by_name.binary_search_by(|it| name(it).cmp(&wanted));
        self.by_name.get(found.ok()?).copied()
    }

    /// The lane with a number.
    #[must_use]
    pub fn lane_at(&self, lane: LaneIndex) -> Option<&Lane> {
        self.lanes.get(usize::from(lane.0))
    }

    /// Whether the recipient of a lane has access now.
    #[must_use]
    pub fn is_open(&self, lane: LaneIndex, now: Timestamp) -> bool {
        self.lane_verdicts(lane)
            .is_some_and(|it| is_open(&it.windows, now))
    }

    /// How much of a field passes in a lane now.
    #[must_use]
    pub fn level(&self, lane: LaneIndex, field: FieldIndex, now: Timestamp) -> Level {
        self.why(lane, field, now).level
    }

    /// How much of a field passes in a lane now, and what decided it.
    ///
    /// Where several things hold a field back equally, the first in this order is named: notice, rulebook, legal basis,
    /// choice, grant. Where a choice would count for less if the person could choose, the legal basis is named.
    #[must_use]
    pub fn why(&self, lane: LaneIndex, field: FieldIndex, now: Timestamp) -> Why {
        let off = |factor| Why {
            level: Level::OFF,
            factor,
        };
        let Some(lane) = self.lane_verdicts(lane) else {
            return off(Factor::Undeclared);
        };
        let found = lane.fields.binary_search_by_key(&field, |it| it.0);
        let verdict = found.ok().and_then(|it| lane.fields.get(it));
        let Some((_, verdict)) = verdict else {
            return off(Factor::Undeclared);
        };
        if verdict.level != Level::OFF
            && let Some(closed) = closed(&lane.windows, now)
        {
            return off(closed);
        }
        Why {
            level: verdict.level,
            factor: verdict.factor,
        }
    }

    /// The best level at which anybody may have a field, now or later: in a lane that is open or will be, and with it in what
    /// is kept. Below it nothing is ever needed of the thing: it may measure less, or not at all.
    #[must_use]
    pub fn most(&self, field: FieldIndex, now: Timestamp) -> Level {
        let open = self.verdicts.iter().filter(|it| {
            let mut windows = it.windows.iter();
            windows.any(|it| it.until.is_none_or(|until| now < until))
        });
        let level = |lane: &LaneVerdicts| {
            let found = lane.fields.binary_search_by_key(&field, |it| it.0);
            let verdict = found.ok().and_then(|it| lane.fields.get(it));
            verdict.map_or(Level::OFF, |it| it.1.level)
        };
        open.map(level).max().unwrap_or(Level::OFF)
    }

    /// Whether anything passes as a statistic over time: only then can [`windowed`](crate::windowed()) have something to say.
    #[must_use]
    pub fn has_windows(&self) -> bool {
        !self.windowed.is_empty()
    }

    /// Levels taken apart: what passes of a message, and what passes once a time window is over.
    pub(crate) fn apart(&self, levels: Levels) -> (Levels, Levels) {
        apart(&self.windowed, levels)
    }

    fn lane_verdicts(&self, lane: LaneIndex) -> Option<&LaneVerdicts> {
        self.verdicts.get(usize::from(lane.0))
    }
}

/// See [`Program::apart`].
pub(crate) fn apart(windowed: &Levels, levels: Levels) -> (Levels, Levels) {
    let (mut live, mut later) = (Levels::new(), Levels::new());
    for (level, fields) in levels {
        let over_time = windowed.iter().find(|it| it.0 == level);
        let over_time = over_time.map_or(FieldSet::EMPTY, |it| it.1.and(fields));
        for (levels, fields) in [
            (&mut live, fields.without(over_time)),
            (&mut later, over_time),
        ] {
            if !fields.is_empty() {
                levels.push((level, fields));
            }
        }
    }
    (live, later)
}

pub(crate) fn is_open(windows: &[Window], now: Timestamp) -> bool {
    windows.iter().any(|it| it.holds(now))
}

/// Why a lane is closed now; `None` when it is open.
fn closed(windows: &[Window], now: Timestamp) -> Option<Factor> {
    if is_open(windows, now) {
        return None;
    }
    if let Some(next) = windows.iter().find(|it| now < it.from) {
        return Some(Factor::GrantNotYet(next.from));
    }
    let ended = windows.last().and_then(|it| it.until);
    Some(ended.map_or(Factor::NoGrant, Factor::GrantOver))
}

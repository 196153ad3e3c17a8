//! What people chose, kept small: a choice is the number of what it is about and a level.
//!
//! The declarations of a notice give every field × purpose × recipient a number. A person's choices are a sorted list of
//! such numbers with levels, and people who chose the same share one list. Choices about what the notice does not declare
//! (a version before did) decide nothing and are left in the rows.

use std::sync::{Arc, Mutex, PoisonError};

use model::{Choice, Level, Notice, PersonId, Pointer, PurposeId, RecipientId};
use rustc_hash::{FxHashMap, FxHashSet};

/// Choices of one person at one deployment: ascending numbers with levels.
pub(crate) type Chosen = Arc<[(u32, Level)]>;

/// What can be chosen at a deployment.
pub(crate) struct Slots {
    notice: Arc<Notice>,
    numbers: FxHashMap<Slot, u32>,
    /// By number.
    slots: Vec<Slot>,
    /// Every list of choices that somebody has; asked by the one writer only.
    lists: Mutex<Lists>,
}

type Slot = (Pointer, PurposeId, RecipientId);

#[derive(Default)]
struct Lists {
    known: FxHashSet<Chosen>,
    /// When there are so many, those that nobody has any more are forgotten.
    sweep_at: usize,
}

const MIN_SWEEP: usize = 1_024;

impl Slots {
    pub(crate) fn of(notice: &Arc<Notice>) -> Self {
        let mut made = Self {
            notice: Arc::clone(notice),
            numbers: FxHashMap::default(),
            slots: Vec::new(),
            lists: Mutex::default(),
        };
        for declaration in &notice.declarations {
            for field in &declaration.fields {
                for recipient in &declaration.recipients {
                    let purpose = declaration.purpose.clone();
                    let slot = (field.clone(), purpose, recipient.clone());
                    if let Ok(number) = u32::try_from(made.slots.len())
                        && !made.numbers.contains_key(&slot)
                    {
                        made.numbers.insert(slot.clone(), number);
                        made.slots.push(slot);
                    }
                }
            }
        }
        made
    }

    /// The number of what a choice is about; `None` where the notice does not declare it.
    pub(crate) fn number(
        &self,
        field: &Pointer,
        purpose: &PurposeId,
        recipient: &RecipientId,
    ) -> Option<u32> {
        // Three reference counts, and no text is copied.
        let slot = (field.clone(), purpose.clone(), recipient.clone());
        self.numbers.get(&slot).copied()
    }

    /// The list of these choices, shared with everybody who chose the same.
    pub(crate) fn list(&self, mut chosen: Vec<(u32, Level)>) -> Chosen {
        chosen.sort_unstable();
        // Where a choice stands twice, the more protective counts: it is the first.
        chosen.dedup_by_key(|it| it.0);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.known.get(chosen.as_slice()) {
            return Arc::clone(known);
        }
        if lists.known.len() >= lists.sweep_at {
            lists.known.retain(|it| Arc::strong_count(it) > 1);
            lists.sweep_at = (2 * lists.known.len()).max(MIN_SWEEP);
        }
        let list: Chosen = chosen.into();
        lists.known.insert(Arc::clone(&list));
        list
    }

    /// The list in words, as the compiler of programs and the pages want it.
    pub(crate) fn choices<'a>(
        &'a self,
        person: &'a PersonId,
        chosen: &'a [(u32, Level)],
    ) -> impl Iterator<Item = Choice> + 'a {
        let slot = |number: &u32| self.slots.get(usize::try_from(*number).ok()?);
        chosen.iter().filter_map(move |(number, level)| {
            let (field, purpose, recipient) = slot(number)?;
            Some(Choice {
                person: person.clone(),
                deployment: self.notice.deployment.clone(),
                field: field.clone(),
                purpose: purpose.clone(),
                recipient: recipient.clone(),
                level: *level,
            })
        })
    }
}

/// The level that was chosen.
pub(crate) fn level_of(chosen: &[(u32, Level)], number: u32) -> Option<Level> {
    let found = chosen.binary_search_by_key(&number, |it| it.0).ok()?;
    chosen.get(found).map(|it| it.1)
}

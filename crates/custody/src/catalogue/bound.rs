//! Whom a thing senses when, and the program that holds for them.

use std::sync::Arc;

use model::{Assignment, PersonId, Role, Roles, Subject, Timestamp};
use policy::Program;
use rustc_hash::FxHashMap;

use super::rules::Rules;
use super::state::People;

/// A program and the people under whose keys its readings are sealed. Things that sense the same people share one.
pub(crate) struct Bound {
    pub(crate) program: Arc<Program>,
    /// By person, each once.
    pub(crate) people: Arc<[Present]>,
}

/// A person whom a thing senses, in all the roles in which it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Present {
    /// A person, always: ready to be put on a reading.
    pub(crate) subject: Subject,
    pub(crate) roles: Roles,
}

impl Present {
    pub(crate) fn new(person: PersonId, roles: Roles) -> Self {
        Self {
            subject: Subject::Person(person),
            roles,
        }
    }

    pub(crate) fn person(&self) -> Option<&PersonId> {
        match &self.subject {
            Subject::Person(person) => Some(person),
            Subject::Thing(_) => None,
        }
    }
}

/// What holds for a thing, over time.
#[derive(Clone)]
pub(crate) enum Timeline {
    /// There is no such thing.
    Gone,
    /// The same people at all times, which is usual; also nobody.
    Always(Arc<Bound>),
    /// Ascending, the first one from the beginning of time.
    Parts(Arc<Vec<(Timestamp, Arc<Bound>)>>),
}

/// Before every message.
const BEGINNING: Timestamp = Timestamp::from_millis(i64::MIN);

impl Timeline {
    /// What holds at a moment, to the millisecond.
    pub(crate) fn at(&self, moment: Timestamp) -> Option<&Arc<Bound>> {
        match self {
            Self::Gone => None,
            Self::Always(bound) => Some(bound),
            Self::Parts(parts) => {
                let after = parts.partition_point(|it| it.0 <= moment);
                Some(&parts.get(after.checked_sub(1)?)?.1)
            }
        }
    }

    /// Each part with its beginning.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Timestamp, &Arc<Bound>)> {
        let (always, parts) = match self {
            Self::Gone => (None, [].as_slice()),
            Self::Always(bound) => (Some((BEGINNING, bound)), [].as_slice()),
            Self::Parts(parts) => (None, parts.as_slice()),
        };
        always
            .into_iter()
            .chain(parts.iter().map(|it| (it.0, &it.1)))
    }

    /// The same people at the same times, bound anew.
    pub(crate) fn map(&self, mut bind: impl FnMut(&Arc<Bound>) -> Arc<Bound>) -> Self {
        match self {
            Self::Gone => Self::Gone,
            Self::Always(bound) => Self::Always(bind(bound)),
            Self::Parts(parts) => {
                let parts = parts.iter().map(|it| (it.0, bind(&it.1))).collect();
                Self::Parts(Arc::new(parts))
            }
        }
    }
}

/// A person's assignment, without the thing.
#[derive(Clone)]
pub(crate) struct Stay {
    pub(crate) person: PersonId,
    pub(crate) role: Role,
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

impl Stay {
    pub(crate) fn of(assignment: Assignment) -> Self {
        Self {
            person: assignment.person,
            role: assignment.role,
            from: assignment.valid_from,
            until: assignment.valid_until,
        }
    }

    fn holds(&self, moment: Timestamp) -> bool {
        self.from <= moment && self.until.is_none_or(|it| moment < it)
    }
}

/// Who is there when: ascending beginnings of parts in which the same people are there.
pub(crate) fn presence(stays: &[Stay]) -> Vec<(Timestamp, Vec<Present>)> {
    let bounds = stays.iter().flat_map(|it| [Some(it.from), it.until]);
    // Nothing is measured before the epoch: who is there from then on was always there.
    let mut moments: Vec<_> = bounds
        .flatten()
        .filter(|it| *it > Timestamp::EPOCH)
        .collect();
    moments.push(Timestamp::EPOCH);
    moments.sort_unstable();
    moments.dedup();
    let mut parts: Vec<(Timestamp, Vec<Present>)> = Vec::new();
    for moment in moments {
        let mut roles: FxHashMap<&PersonId, Roles> = FxHashMap::default();
        for stay in stays.iter().filter(|it| it.holds(moment)) {
            let known = roles.entry(&stay.person).or_insert(Roles::NONE);
            *known = known.with(stay.role);
        }
        let present = roles.into_iter();
        let mut people: Vec<_> = present.map(|it| Present::new(it.0.clone(), it.1)).collect();
        people.sort_unstable();
        if parts.last().is_none_or(|it| it.1 != people) {
            let from = if parts.is_empty() { BEGINNING } else { moment };
            parts.push((from, people));
        }
    }
    parts
}

/// Binds people to programs while one state is derived; who is bound twice shares.
pub(crate) struct Binder<'a> {
    rules: &'a Rules,
    by_people: FxHashMap<Arc<[Present]>, Arc<Bound>>,
    /// By the address of what was bound before.
    by_former: FxHashMap<usize, Arc<Bound>>,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            by_people: FxHashMap::default(),
            by_former: FxHashMap::default(),
        }
    }

    pub(crate) fn bind(&mut self, people: Arc<[Present]>, known: &People) -> Arc<Bound> {
        if people.is_empty() {
            return Arc::clone(self.rules.nobody());
        }
        if let Some(bound) = self.by_people.get(&people) {
            return Arc::clone(bound);
        }
        let program = self.rules.program(&people, known);
        let bound = Arc::new(Bound {
            program,
            people: Arc::clone(&people),
        });
        self.by_people.insert(people, Arc::clone(&bound));
        bound
    }

    /// The same people under what holds now. `former` must live as long as the binder.
    pub(crate) fn rebind(&mut self, former: &Arc<Bound>, known: &People) -> Arc<Bound> {
        let address = Arc::as_ptr(former).addr();
        if let Some(bound) = self.by_former.get(&address) {
            return Arc::clone(bound);
        }
        let bound = self.bind(Arc::clone(&former.people), known);
        self.by_former.insert(address, Arc::clone(&bound));
        bound
    }

    pub(crate) fn timeline(&mut self, stays: &[Stay], known: &People) -> Timeline {
        let mut parts: Vec<_> = presence(stays)
            .into_iter()
            .map(|(from, people)| (from, self.bind(people.into(), known)))
            .collect();
        match (parts.pop(), parts.is_empty()) {
            (None, _) => Timeline::Always(Arc::clone(self.rules.nobody())),
            (Some((_, only)), true) => Timeline::Always(only),
            (Some(last), false) => {
                parts.push(last);
                parts.shrink_to_fit();
                Timeline::Parts(Arc::new(parts))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(person: &str, role: Role, from: i64, until: Option<i64>) -> Stay {
        Stay {
            person: PersonId::parse(person).unwrap(),
            role,
            from: Timestamp::from_millis(from),
            until: until.map(Timestamp::from_millis),
        }
    }

    #[track_caller]
    fn check(stays: &[Stay], expected: &str) {
        let parts = presence(stays).into_iter().map(|(from, people)| {
            let from = match from {
                BEGINNING => "-".to_owned(),
                from => from.as_millis().to_string(),
            };
            let people: Vec<_> = people
                .iter()
                .map(|it| {
                    let roles: Vec<_> = it.roles.iter().map(Role::as_str).collect();
                    format!("{}:{}", it.person().unwrap(), roles.join("+"))
                })
                .collect();
            format!("{from}[{}]", people.join(" "))
        });
        assert_eq!(parts.collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn people_come_and_go_to_the_millisecond() {
        check(&[], "-[]");
        check(&[stay("a", Role::Holder, 0, None)], "-[a:holder]");
        check(
            &[
                stay("a", Role::Holder, 5, Some(9)),
                stay("b", Role::Occupant, 7, None),
            ],
            "-[] 5[a:holder] 7[a:holder b:occupant] 9[b:occupant]",
        );
    }

    #[test]
    fn a_person_has_all_roles_of_the_moment() {
        check(
            &[
                stay("a", Role::Holder, 0, Some(9)),
                stay("a", Role::Household, 4, None),
            ],
            "-[a:holder] 4[a:holder+household] 9[a:household]",
        );
    }

    #[test]
    fn assignments_that_follow_each_other_are_one_part() {
        check(
            &[
                stay("a", Role::Holder, 0, Some(9)),
                stay("a", Role::Holder, 9, None),
            ],
            "-[a:holder]",
        );
    }
}

//! What decides about all things of a deployment alike: notice, grants, limits; and the programs compiled from it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use arc_swap::ArcSwap;
use model::{Cap, CapTarget, Choice, Grant, Level, Notice, PersonId, PurposeId, Role, Roles};
use policy::{FieldSet, Inputs, Program, Schema, Sensed};
use rustc_hash::FxHashMap;

use super::bound::{Bound, Present};
use super::chosen::{Chosen, Slots};
use super::state::People;
use crate::lawful::OrderLane;

/// Shared by all states of a deployment between two notices, changes of grants or changes of limits.
pub(crate) struct Rules {
    pub(crate) notice: Arc<Notice>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) grants: Vec<Grant>,
    /// What orders of authorities open; see `lawful`.
    pub(crate) orders: Arc<[OrderLane]>,
    /// The notice with these lanes: what programs are compiled from, and no page shows.
    ruled: Arc<Notice>,
    /// All grants with those of orders.
    opened: Vec<Grant>,
    pub(crate) caps: Arc<[Cap]>,
    /// By role: the fields that are about people in it.
    about: [FieldSet; Role::ALL.len()],
    /// Every field.
    everything: FieldSet,
    /// Gives every program its number.
    numbers: Arc<AtomicU64>,
    nobody: OnceLock<Arc<Bound>>,
    /// What holds for somebody in every role who has not chosen anything; made when it is first asked for.
    silent: OnceLock<Program>,
    /// Programs in use; asked by the one writer only.
    programs: Mutex<Programs>,
    both: Both,
}

/// What a program is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// What everybody may know: for explanations.
    Public,
    /// Orders of authorities too: for what passes.
    All,
}

/// The notice with what orders open.
fn with_orders(notice: &Arc<Notice>, orders: &[OrderLane]) -> Arc<Notice> {
    if orders.is_empty() {
        return Arc::clone(notice);
    }
    let mut ruled = Notice::clone(notice);
    let declarations = orders.iter().map(|it| it.declaration.clone());
    ruled.declarations.extend(declarations);
    Arc::new(ruled)
}

/// The people of a program, without their names: in the same order whoever they are, each once.
type ProgramKey = Vec<(Roles, Chosen)>;

#[derive(Default)]
struct Programs {
    known: FxHashMap<ProgramKey, Weak<Program>>,
    /// When there are so many, those that nothing uses any more are forgotten.
    sweep_at: usize,
}

const MIN_SWEEP: usize = 1_024;

impl Rules {
    pub(crate) fn compile(
        notice: Arc<Notice>,
        orders: Arc<[OrderLane]>,
        grants: Vec<Grant>,
        caps: Arc<[Cap]>,
        numbers: Arc<AtomicU64>,
    ) -> Result<Self, policy::CompileError> {
        let schema = Schema::compile(&notice)?;
        let ruled = with_orders(&notice, &orders);
        let slots = Arc::new(Slots::of(&ruled));
        let notices = (notice, ruled);
        Ok(Self::assemble(
            notices, schema, slots, orders, grants, caps, numbers,
        ))
    }

    fn assemble(
        (notice, ruled): (Arc<Notice>, Arc<Notice>),
        schema: Arc<Schema>,
        slots: Arc<Slots>,
        orders: Arc<[OrderLane]>,
        grants: Vec<Grant>,
        caps: Arc<[Cap]>,
        numbers: Arc<AtomicU64>,
    ) -> Self {
        let pointers = notice.fields.iter().map(|it| &it.pointer);
        Self {
            about: Role::ALL.map(|it| schema.about(Roles::NONE.with(it))),
            everything: pointers.filter_map(|it| schema.index_of(it)).collect(),
            notice,
            schema,
            slots,
            opened: grants
                .iter()
                .chain(orders.iter().map(|it| &it.grant))
                .cloned()
                .collect(),
            ruled,
            orders,
            grants,
            caps,
            numbers,
            nobody: OnceLock::new(),
            silent: OnceLock::new(),
            programs: Mutex::default(),
            both: Both::default(),
        }
    }

    /// The same notice under other grants or limits.
    pub(crate) fn with(&self, grants: Option<Vec<Grant>>, caps: Option<Arc<[Cap]>>) -> Self {
        Self::assemble(
            (Arc::clone(&self.notice), Arc::clone(&self.ruled)),
            Arc::clone(&self.schema),
            Arc::clone(&self.slots),
            Arc::clone(&self.orders),
            grants.unwrap_or_else(|| self.grants.clone()),
            caps.unwrap_or_else(|| Arc::clone(&self.caps)),
            Arc::clone(&self.numbers),
        )
    }

    /// What holds where nobody is sensed.
    pub(crate) fn nobody(&self) -> &Arc<Bound> {
        self.nobody.get_or_init(|| {
            Arc::new(Bound {
                program: Arc::new(self.compile_program(&[])),
                people: Arc::from([]),
            })
        })
    }

    /// The program for a message that senses exactly these people, shared with all who chose the same in the same roles.
    pub(crate) fn program(&self, people: &[Present], known: &People) -> Arc<Program> {
        let chosen = |it: &Present| (it.roles, self.chosen(it, known));
        let mut key: ProgramKey = people.iter().map(chosen).collect();
        key.sort_unstable();
        key.dedup();
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs.known.get(&key).and_then(Weak::upgrade) {
            return program;
        }
        let program = Arc::new(self.compile_program(&key));
        if programs.known.len() >= programs.sweep_at {
            programs.known.retain(|_, it| it.strong_count() > 0);
            programs.sweep_at = (2 * programs.known.len()).max(MIN_SWEEP);
        }
        programs.known.insert(key, Arc::downgrade(&program));
        program
    }

    /// A program that is not shared, for a page or for a meeting of people on the hot path.
    pub(crate) fn program_apart(&self, people: &[Present], known: &People) -> Program {
        let chosen = |it: &Present| (it.roles, self.chosen(it, known));
        let key: ProgramKey = people.iter().map(chosen).collect();
        self.compile_program(&key)
    }

    /// What holds for these people, with what it is compiled from.
    pub(crate) fn explain<T>(
        &self,
        people: &[Present],
        known: &People,
        then: impl FnOnce(&Inputs<'_>, &Program) -> T,
    ) -> T {
        let chosen = |it: &Present| (it.roles, known.chosen(it.person()));
        let people: Vec<_> = people.iter().map(chosen).collect();
        self.with_inputs(Told::Public, &people, |inputs| {
            then(inputs, &policy::compile(inputs))
        })
    }

    /// What holds for somebody in every role who has not chosen anything. Anybody may ask, so it is compiled once.
    pub(crate) fn explain_before_choices<T>(
        &self,
        then: impl FnOnce(&Inputs<'_>, &Program) -> T,
    ) -> T {
        let silent: Chosen = Arc::from([]);
        self.with_inputs(Told::Public, &[(Roles::ALL, silent)], |inputs| {
            then(inputs, self.silent.get_or_init(|| policy::compile(inputs)))
        })
    }

    /// The program for people in these roles who had chosen this; not shared.
    pub(crate) fn program_as(&self, people: &[(Roles, Chosen)]) -> Program {
        self.compile_program(people)
    }

    fn compile_program(&self, people: &[(Roles, Chosen)]) -> Program {
        self.with_inputs(Told::All, people, policy::compile)
    }

    /// What a person chose, and what orders of authorities switch on for them.
    fn chosen(&self, present: &Present, known: &People) -> Chosen {
        let chosen = known.chosen(present.person());
        let Some(person) = present.person().filter(|_| !self.orders.is_empty()) else {
            return chosen;
        };
        let named = self.orders.iter().filter(|it| it.people.contains(person));
        let mut ordered = named
            .flat_map(|it| it.declaration.fields.iter().map(move |field| (it, field)))
            .filter_map(|(it, field)| {
                let (purpose, recipient) = (&it.grant.purpose, &it.grant.recipient);
                self.slots.number(field, purpose, recipient)
            })
            .map(|it| (it, Level::ON))
            .peekable();
        match ordered.peek() {
            None => chosen,
            Some(_) => {
                let all = chosen.iter().copied().chain(ordered).collect();
                self.slots.list(all)
            }
        }
    }

    /// The order for which this purpose stands.
    pub(crate) fn order(&self, purpose: &PurposeId) -> Option<&OrderLane> {
        self.orders.iter().find(|it| it.grant.purpose == *purpose)
    }

    /// Every grant, those of orders too.
    pub(crate) fn opened(&self) -> &[Grant] {
        &self.opened
    }

    fn with_inputs<T>(
        &self,
        told: Told,
        people: &[(Roles, Chosen)],
        then: impl FnOnce(&Inputs<'_>) -> T,
    ) -> T {
        // Who chose does not matter to the program; the words of a choice want a name.
        let choices: Vec<Vec<Choice>> = match PersonId::parse("somebody") {
            Ok(somebody) => people
                .iter()
                .map(|(_, chosen)| self.slots.choices(&somebody, chosen).collect())
                .collect(),
            Err(_) => Vec::new(),
        };
        let sensed: Vec<_> = people
            .iter()
            .zip(&choices)
            .map(|((roles, _), choices)| Sensed {
                roles: *roles,
                choices,
            })
            .collect();
        let (notice, grants) = match told {
            Told::Public => (&self.notice, &self.grants),
            Told::All => (&self.ruled, &self.opened),
        };
        then(&Inputs {
            notice,
            schema: &self.schema,
            people: &sensed,
            grants,
            caps: &self.caps,
            generation: self.numbers.fetch_add(1, Ordering::Relaxed) + 1,
        })
    }

    /// The fields that are about people in these roles.
    pub(crate) fn about(&self, roles: Roles) -> FieldSet {
        let sets = Role::ALL.iter().zip(self.about);
        let sets = sets.filter(|it| roles.contains(*it.0));
        sets.fold(FieldSet::EMPTY, |all, it| all.or(it.1))
    }

    pub(crate) fn everything(&self) -> FieldSet {
        self.everything
    }

    /// The limits of the rulebook that touch something that the notice declares.
    pub(crate) fn limits(&self) -> Vec<Cap> {
        self.caps
            .iter()
            .filter(|it| self.meets(it))
            .cloned()
            .collect()
    }

    fn meets(&self, cap: &Cap) -> bool {
        self.notice.declarations.iter().any(|declaration| {
            let purpose = cap.purpose.as_ref();
            let limited = |pointer| match &cap.target {
                CapTarget::Field(field) => field == pointer,
                CapTarget::Sensitivity(from) => {
                    let field = self.notice.field(pointer);
                    field.is_some_and(|it| it.sensitivity >= *from)
                }
            };
            purpose.is_none_or(|it| *it == declaration.purpose)
                && declaration.fields.iter().any(limited)
        })
    }

    /// What holds for the people of two bounds together: those assigned to a thing and those whom a message names.
    pub(crate) fn both(
        &self,
        assigned: &Arc<Bound>,
        named: &Arc<Bound>,
        known: &People,
    ) -> Arc<Bound> {
        self.both.get_or_make(assigned, named, || {
            let mut people: Vec<Present> = named.people.to_vec();
            for present in assigned.people.iter() {
                if !people.iter().any(|it| it.subject == present.subject) {
                    people.push(present.clone());
                }
            }
            people.sort_unstable();
            Bound {
                program: Arc::new(self.program_apart(&people, known)),
                people: people.into(),
            }
        })
    }
}

/// The most meetings that are kept in one part; then they are made anew.
const MAX_MEETINGS: usize = 256;
const PARTS: usize = 64;

/// What holds for the people of a thing and the people whom a message names together, made when they first meet.
/// Read without a lock; found by the addresses of both, which it keeps alive, so a meeting outlives its state but not a
/// choice of one of its people.
struct Both {
    parts: [ArcSwap<FxHashMap<(usize, usize), Meeting>>; PARTS],
}

#[derive(Clone)]
struct Meeting {
    _met: [Arc<Bound>; 2],
    bound: Arc<Bound>,
}

impl Default for Both {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| ArcSwap::default()),
        }
    }
}

impl Both {
    fn get_or_make(
        &self,
        assigned: &Arc<Bound>,
        named: &Arc<Bound>,
        make: impl FnOnce() -> Bound,
    ) -> Arc<Bound> {
        let key = (Arc::as_ptr(assigned).addr(), Arc::as_ptr(named).addr());
        // Addresses are multiples of 16 at least; what is above tells them apart.
        let part = self.parts.get(((key.0 >> 4) ^ (key.1 >> 5)) % PARTS);
        let known = part.and_then(|it| it.load().get(&key).map(|it| Arc::clone(&it.bound)));
        if let Some(bound) = known {
            return bound;
        }
        let bound = Arc::new(make());
        let meeting = Meeting {
            _met: [Arc::clone(assigned), Arc::clone(named)],
            bound: Arc::clone(&bound),
        };
        if let Some(part) = part {
            part.rcu(|meetings| {
                let mut meetings = FxHashMap::clone(meetings);
                if meetings.len() >= MAX_MEETINGS {
                    meetings.clear();
                }
                meetings.insert(key, meeting.clone());
                meetings
            });
        }
        bound
    }
}

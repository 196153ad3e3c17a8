//! Everything that decides about the messages of a deployment at one moment, and how the next moment is derived from it.
//!
//! A state is never changed. An act derives the next one from the standing one, touching only what the act is about; at
//! the start, and after a new notice, it is derived from an empty one. There is no other way to make a state, so both say
//! the same; `Custody::check_in_force` compares them.

mod difference;

use std::sync::Arc;

use model::{
    Cap, Grant, Level, Licence, LicenceState, Notice, PersonId, Pointer, PurposeId, RecipientId,
    Roles, Subject, ThingId, Timestamp,
};
use policy::{Facts, FieldSet, Inputs, Program, Schema};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::bound::{Binder, Bound, Present, Stay, Timeline};
use super::chosen::{self, Chosen};
use super::rules::Rules;
use super::shards::{Chunks, Shards};
use crate::secret::SubjectToken;

/// The number of a thing in its deployment: given once, never to another thing.
pub(crate) type ThingNumber = u32;

/// Whom a message names, where its notice declares a field that identifies people.
#[derive(Clone)]
pub(crate) enum Named {
    /// The notice declares no such field, or the message does not have it.
    Nobody,
    /// By the keyed hash of what it says.
    Somebody(SubjectToken),
}

/// What holds for a message, for as long as the state is looked at.
pub(crate) enum Holding<'a> {
    /// As it stands in the state.
    Standing(&'a Arc<Bound>),
    /// For people who meet.
    Met(Arc<Bound>),
}

impl Holding<'_> {
    /// For who keeps it longer.
    pub(crate) fn shared(&self) -> Arc<Bound> {
        match self {
            Self::Standing(bound) => Arc::clone(bound),
            Self::Met(bound) => Arc::clone(bound),
        }
    }
}

impl std::ops::Deref for Holding<'_> {
    type Target = Bound;

    fn deref(&self) -> &Bound {
        match self {
            Self::Standing(bound) => bound,
            Self::Met(bound) => bound,
        }
    }
}

/// Whom a message is about, with the fields that are about them. What is about none of the people present, or where
/// there are none, is about the thing.
pub(crate) type Concerned = SmallVec<[(Subject, FieldSet); 1]>;

/// Everything that decides about a message of a deployment, at one moment.
#[derive(Clone)]
pub(crate) struct DeploymentState {
    pub(crate) notice: Arc<Notice>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) licence: Licence,
    quarantined: bool,
    /// By number.
    things: Chunks<Timeline>,
    thing_count: usize,
    /// Those of them that were removed, ascending. What they have sent still is about the people whom they sensed.
    removed: Arc<Vec<ThingNumber>>,
    /// The first number that no thing has had.
    thing_end: ThingNumber,
    people: People,
    /// By what a message says: the person known by a field.
    subjects: Shards<SubjectToken, Arc<Bound>>,
}

/// The people whom a deployment knows.
#[derive(Clone, Default)]
pub(crate) struct People(Shards<PersonId, Arc<Known>>);

/// What a deployment knows of a person.
#[derive(Clone, Default)]
struct Known {
    chosen: Option<Chosen>,
    /// The things that sense them, did or will.
    things: Vec<ThingNumber>,
    /// How messages name them.
    tokens: Vec<SubjectToken>,
}

impl People {
    /// What a person chose; nothing before the first choice.
    pub(crate) fn chosen(&self, person: Option<&PersonId>) -> Chosen {
        let known = person.and_then(|it| self.0.get(it));
        let chosen = known.and_then(|it| it.chosen.as_ref());
        chosen.map_or_else(|| Arc::from([]), Arc::clone)
    }

    /// Changes what is known of a person, whose identifier is kept once.
    fn change(&mut self, person: &PersonId, change: impl FnOnce(&mut Known)) -> PersonId {
        let (person, mut known) = match self.0.get_key_value(person) {
            Some((person, known)) => (person.clone(), Known::clone(known)),
            None => (person.clone(), Known::default()),
        };
        change(&mut known);
        known.things.shrink_to_fit();
        known.tokens.shrink_to_fit();
        self.0.insert(person.clone(), Arc::new(known));
        person
    }
}

/// What an act changes at a deployment.
#[derive(Default)]
pub(crate) struct Delta {
    /// The licence, and whether the deployment is quarantined.
    pub(crate) licence: Option<(Licence, bool)>,
    /// All grants.
    pub(crate) grants: Option<Vec<Grant>>,
    /// All limits of the rulebook.
    pub(crate) caps: Option<Arc<[Cap]>>,
    /// Things that were not there before.
    pub(crate) appeared: Vec<ThingNumber>,
    /// Things that are not there any more.
    pub(crate) removed: Vec<ThingNumber>,
    /// Things with all their assignments.
    pub(crate) assigned: Vec<(ThingNumber, Vec<Stay>)>,
    /// Names by which messages know people from now on.
    pub(crate) linked: Vec<(SubjectToken, PersonId)>,
    /// People with all their choices.
    pub(crate) chosen: Vec<(PersonId, Chosen)>,
}

impl DeploymentState {
    /// A state without things and people.
    pub(crate) fn new(rules: Rules, licence: Licence, quarantined: bool) -> Self {
        Self {
            notice: Arc::clone(&rules.notice),
            schema: Arc::clone(&rules.schema),
            rules: Arc::new(rules),
            licence,
            quarantined,
            things: Chunks::default(),
            thing_count: 0,
            removed: Arc::default(),
            thing_end: 0,
            people: People::default(),
            subjects: Shards::default(),
        }
    }

    /// The state after an act. Whatever the act is not about is shared with this one.
    pub(crate) fn derive(&self, delta: Delta) -> Self {
        let mut next = self.clone();
        if let Some((licence, quarantined)) = delta.licence {
            (next.licence, next.quarantined) = (licence, quarantined);
        }
        let anew = delta.grants.is_some() || delta.caps.is_some();
        if anew {
            next.rules = Arc::new(self.rules.with(delta.grants, delta.caps));
        }
        let changed = next.put_choices(delta.chosen);
        let rules = Arc::clone(&next.rules);
        let mut binder = Binder::new(&rules);
        for number in delta.appeared {
            let nobody = Timeline::Always(Arc::clone(rules.nobody()));
            next.put_thing(number, nobody);
        }
        if anew {
            next.rebind_all(&mut binder);
        } else {
            next.rebind(&changed, &mut binder);
        }
        if !delta.removed.is_empty() {
            let removed = Arc::make_mut(&mut next.removed);
            removed.extend(delta.removed);
            removed.sort_unstable();
            removed.dedup();
        }
        for (number, stays) in delta.assigned {
            next.put_stays(number, stays, &mut binder);
        }
        for (token, person) in delta.linked {
            next.put_name(token, &person, &mut binder);
        }
        next
    }

    fn put_thing(&mut self, number: ThingNumber, timeline: Timeline) {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        if matches!(self.things.get(index), None | Some(Timeline::Gone)) {
            self.thing_count += 1;
        }
        self.thing_end = self.thing_end.max(number.saturating_add(1));
        self.things.set(index, timeline, &Timeline::Gone);
    }

    /// Gives the people whose choices have changed.
    fn put_choices(&mut self, chosen: Vec<(PersonId, Chosen)>) -> Vec<PersonId> {
        let mut changed = Vec::new();
        for (person, chosen) in chosen {
            if self.people.chosen(Some(&person)) != chosen {
                changed.push(self.people.change(&person, |it| it.chosen = Some(chosen)));
            }
        }
        changed
    }

    /// Binds anew what these people are sensed by.
    fn rebind(&mut self, changed: &[PersonId], binder: &mut Binder<'_>) {
        let known = changed.iter().filter_map(|it| self.people.0.get(it));
        let known: Vec<_> = known.map(Arc::clone).collect();
        let mut things: Vec<_> = known.iter().flat_map(|it| &it.things).copied().collect();
        things.sort_unstable();
        things.dedup();
        let changed: FxHashSet<_> = changed.iter().collect();
        // Held until the binder is done: it knows them by their addresses.
        let mut former = Vec::with_capacity(things.len());
        for number in things {
            let index = usize::try_from(number).unwrap_or(usize::MAX);
            let Some(timeline) = self.things.get(index).cloned() else {
                continue;
            };
            let anew = timeline.map(|bound| {
                let mut people = bound.people.iter().filter_map(Present::person);
                match people.any(|it| changed.contains(it)) {
                    true => binder.rebind(bound, &self.people),
                    false => Arc::clone(bound),
                }
            });
            former.push(timeline);
            self.things.set(index, anew, &Timeline::Gone);
        }
        for token in known.iter().flat_map(|it| &it.tokens) {
            if let Some(bound) = self.subjects.get(token).cloned() {
                let anew = binder.bind(Arc::clone(&bound.people), &self.people);
                self.subjects.insert(token.clone(), anew);
            }
        }
    }

    fn rebind_all(&mut self, binder: &mut Binder<'_>) {
        let former = self.things.clone();
        for (index, timeline) in former.iter() {
            let anew = timeline.map(|it| binder.rebind(it, &self.people));
            self.things.set(index, anew, &Timeline::Gone);
        }
        let former = self.subjects.clone();
        for (token, bound) in former.iter() {
            let anew = binder.bind(Arc::clone(&bound.people), &self.people);
            self.subjects.insert(token.clone(), anew);
        }
    }

    /// Puts the assignments of a thing in place of those before.
    fn put_stays(&mut self, number: ThingNumber, mut stays: Vec<Stay>, binder: &mut Binder<'_>) {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(former) = self.things.get(index).cloned() else {
            return;
        };
        for stay in &mut stays {
            stay.person = self.people.change(&stay.person, |it| {
                if !it.things.contains(&number) {
                    it.things.push(number);
                }
            });
        }
        let people = former.parts().flat_map(|it| it.1.people.iter());
        for person in people.filter_map(Present::person) {
            if !stays.iter().any(|it| it.person == *person) {
                self.people
                    .change(person, |it| it.things.retain(|it| *it != number));
            }
        }
        let timeline = binder.timeline(&stays, &self.people);
        self.put_thing(number, timeline);
    }

    fn put_name(&mut self, token: SubjectToken, person: &PersonId, binder: &mut Binder<'_>) {
        let person = self.people.change(person, |it| {
            if !it.tokens.contains(&token) {
                it.tokens.push(token.clone());
            }
        });
        let named = Present::new(person, Roles::ALL);
        let bound = binder.bind(Arc::from([named]), &self.people);
        self.subjects.insert(token, bound);
    }
}

impl DeploymentState {
    /// The facts of a decision at `now`.
    pub(crate) fn facts(&self, now: Timestamp) -> Facts {
        Facts {
            now,
            licence: self.licence_at(now),
            quarantined: self.quarantined,
        }
    }

    pub(crate) fn licence_at(&self, now: Timestamp) -> LicenceState {
        self.licence.state_at(now)
    }

    /// The program and people for a message that came in at `at`: those assigned to the thing at that moment and whoever
    /// the message names, in all roles, together; so that the most protective choice of all of them wins.
    pub(crate) fn bound(
        &self,
        thing: ThingNumber,
        named: &Named,
        at: Timestamp,
    ) -> Option<Arc<Bound>> {
        let holding = self.holding(thing, named, at);
        holding.map(|it| it.shared())
    }

    /// The same for a moment, without counting who uses it: that counter is shared by all who send and receive.
    pub(crate) fn holding(
        &self,
        thing: ThingNumber,
        named: &Named,
        at: Timestamp,
    ) -> Option<Holding<'_>> {
        let index = usize::try_from(thing).ok()?;
        let assigned = self.things.get(index)?.at(at)?;
        let named = match named {
            Named::Nobody => None,
            Named::Somebody(token) => self.subjects.get(token),
        };
        match named {
            None => Some(Holding::Standing(assigned)),
            Some(named) if assigned.people.is_empty() => Some(Holding::Standing(named)),
            Some(named) => {
                let both = self.rules.both(assigned, named, &self.people);
                Some(Holding::Met(both))
            }
        }
    }

    /// Everybody whom a thing senses at some moment of a time, each once; what its messages name is not asked for.
    pub(crate) fn sensed_between(
        &self,
        thing: ThingNumber,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<Subject> {
        let index = usize::try_from(thing).unwrap_or(usize::MAX);
        let parts: Vec<_> = self
            .things
            .get(index)
            .into_iter()
            .flat_map(Timeline::parts)
            .collect();
        let ends = parts.iter().skip(1).map(|it| Some(it.0)).chain([None]);
        let there = parts
            .iter()
            .zip(ends)
            .filter(|(part, end)| part.0 < until && end.is_none_or(|end| from < end));
        let people = there.flat_map(|(part, _)| part.1.people.iter());
        let mut subjects: Vec<_> = people.map(|it| it.subject.clone()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }

    /// What a person chose here; nothing before the first choice.
    pub(crate) fn chosen_by(&self, person: &PersonId) -> Chosen {
        self.people.chosen(Some(person))
    }

    /// Whom a message of a thing is about, and with what.
    pub(crate) fn concerned(&self, bound: &Bound, thing: &ThingId) -> Concerned {
        let mut rest = self.rules.everything();
        let mut concerned = Concerned::new();
        for present in bound.people.iter() {
            let about = self.rules.about(present.roles);
            rest = rest.without(about);
            if !about.is_empty() {
                concerned.push((present.subject.clone(), about));
            }
        }
        if !rest.is_empty() {
            concerned.push((Subject::Thing(thing.clone()), rest));
        }
        concerned
    }

    /// Explains for a person alone, and for all people together with whom things sense them now: gives what each of these
    /// programs is compiled from, the program, and the position of the person among the people.
    pub(crate) fn explain_to(
        &self,
        person: &PersonId,
        now: Timestamp,
        mut then: impl FnMut(&Inputs<'_>, &Program, Option<usize>),
    ) {
        let alone = [Present::new(person.clone(), self.roles_of(person))];
        self.rules.explain(&alone, &self.people, |inputs, program| {
            then(inputs, program, Some(0));
        });
        for bound in self.shared_with(person, now) {
            let asker = bound
                .people
                .iter()
                .position(|it| it.person() == Some(person));
            self.rules
                .explain(&bound.people, &self.people, |inputs, program| {
                    then(inputs, program, asker);
                });
        }
    }

    /// The program for a message that senses only this person, in every role that they have or had here.
    pub(crate) fn program_for(&self, person: &PersonId) -> Program {
        let present = Present::new(person.clone(), self.roles_of(person));
        self.rules.program_apart(&[present], &self.people)
    }

    /// Every role in which something of the deployment senses, did sense or will sense this person.
    pub(crate) fn roles_of(&self, person: &PersonId) -> Roles {
        let Some(known) = self.people.0.get(person) else {
            return Roles::NONE;
        };
        if !known.tokens.is_empty() {
            return Roles::ALL;
        }
        let things = known
            .things
            .iter()
            .filter_map(|it| usize::try_from(*it).ok());
        let timelines = things.filter_map(|it| self.things.get(it));
        let people = timelines.flat_map(|it| it.parts().flat_map(|it| it.1.people.iter()));
        let theirs = people.filter(|it| it.person() == Some(person));
        theirs.flat_map(|it| it.roles.iter()).collect()
    }

    /// What holds at `now` for things that sense this person and somebody else, each once.
    pub(crate) fn shared_with(&self, person: &PersonId, now: Timestamp) -> Vec<Arc<Bound>> {
        let Some(known) = self.people.0.get(person) else {
            return Vec::new();
        };
        let numbers = known.things.iter();
        let things = numbers.filter_map(|it| self.things.get(usize::try_from(*it).ok()?));
        let mut shared: FxHashMap<usize, Arc<Bound>> = FxHashMap::default();
        for bound in things.filter_map(|it| it.at(now)) {
            let is_there = bound.people.iter().any(|it| it.person() == Some(person));
            if bound.people.len() > 1 && is_there {
                let address = Arc::as_ptr(bound).addr();
                shared.entry(address).or_insert_with(|| Arc::clone(bound));
            }
        }
        shared.into_values().collect()
    }

    /// The level that a person chose for one field × purpose × recipient.
    pub(crate) fn chosen(
        &self,
        person: &PersonId,
        field: &Pointer,
        purpose: &PurposeId,
        recipient: &RecipientId,
    ) -> Option<Level> {
        let number = self.rules.slots.number(field, purpose, recipient)?;
        chosen::level_of(&self.people.chosen(Some(person)), number)
    }

    /// Whether messages may be about people now: by a field that identifies them, or because somebody is assigned.
    pub(crate) fn senses_people(&self, now: Timestamp) -> bool {
        let somebody = |it: &Timeline| it.at(now).is_some_and(|it| !it.people.is_empty());
        self.notice.subject_field.is_some()
            || (!self.people.0.is_empty() && self.things.iter().any(|it| somebody(it.1)))
    }

    /// Whether any thing or field of the deployment concerns this person, did or will.
    pub(crate) fn concerns(&self, person: &PersonId) -> bool {
        let known = self.people.0.get(person);
        known.is_some_and(|it| !it.things.is_empty() || !it.tokens.is_empty())
    }

    /// Whether the field that says whom a message is about may name this person.
    pub(crate) fn may_name(&self, person: &PersonId) -> bool {
        let known = self.people.0.get(person);
        known.is_some_and(|it| !it.tokens.is_empty())
    }

    pub(crate) fn has_grant(
        &self,
        recipient: &RecipientId,
        purpose: &PurposeId,
        now: Timestamp,
    ) -> bool {
        self.rules.opened().iter().any(|it| {
            it.recipient == *recipient
                && it.purpose == *purpose
                && it.valid_until.is_none_or(|until| now < until)
        })
    }

    /// The next end of a grant or of the licence: until then access does not end by itself.
    pub(crate) fn access_ends_after(
        &self,
        recipient: &RecipientId,
        purpose: &PurposeId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let grants = self.rules.opened().iter();
        let theirs = grants.filter(|it| it.recipient == *recipient && it.purpose == *purpose);
        let ends = theirs.filter_map(|it| it.valid_until);
        ends.chain(self.licence.until).filter(|it| *it > now).min()
    }

    /// What holds for each person whom a message may name.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Arc<Bound>> {
        self.subjects.values()
    }

    /// The next moment at which something else may hold although nobody acts.
    pub(crate) fn changes_after(&self, now: Timestamp) -> Option<Timestamp> {
        let grants = self.rules.opened().iter();
        let grants = grants
            .flat_map(|it| [Some(it.valid_from), it.valid_until])
            .flatten();
        let stays = self
            .things
            .iter()
            .flat_map(|it| it.1.parts().map(|it| it.0));
        let all = grants.chain(self.licence.until).chain(stays);
        all.filter(|it| *it > now).min()
    }

    /// How many things there are.
    pub(crate) fn thing_count(&self) -> usize {
        self.thing_count.saturating_sub(self.removed.len())
    }

    /// The first number that no thing has had.
    pub(crate) fn thing_end(&self) -> ThingNumber {
        self.thing_end
    }
}

//! Which readings a person wants erased, and how the vault is told.
//!
//! The vault erases whole readings by time, thing and deployment. What it cannot see is in a description that it stores and gives back to
//! [`strip`]: one field of a body, and which readings a law wants kept.

use model::{DeploymentId, Pointer, ThingId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vault::{StoredReading, Strip};

use super::EraseCause;
use super::body::{self, Left};
use crate::export::is_imported;
use crate::timeline;

/// The version of the description.
const VERSION: u8 = 1;

/// Which readings of a person. The default is all of them; each part that is set leaves fewer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EraseScope {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    deployment: Option<DeploymentId>,
    thing: Option<ThingId>,
    field: Option<Pointer>,
}

/// Why a scope makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EraseScopeError {
    /// It ends before it begins.
    #[error("the time ends before it begins: give an end that is later")]
    Time,
    /// A thing or field without its deployment.
    #[error("name the deployment of the thing or field")]
    NoDeployment,
}

impl EraseScope {
    /// From a moment on, up to and without another; of one deployment, of one thing there, one field there.
    ///
    /// # Errors
    /// See [`EraseScopeError`].
    pub fn new(
        (from, until): (Option<Timestamp>, Option<Timestamp>),
        deployment: Option<DeploymentId>,
        thing: Option<ThingId>,
        field: Option<Pointer>,
    ) -> Result<Self, EraseScopeError> {
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            return Err(EraseScopeError::Time);
        }
        if deployment.is_none() && (thing.is_some() || field.is_some()) {
            return Err(EraseScopeError::NoDeployment);
        }
        Ok(Self {
            from,
            until,
            deployment,
            thing,
            field,
        })
    }

    /// From this moment on.
    #[must_use]
    pub fn from(&self) -> Option<Timestamp> {
        self.from
    }

    /// Up to and without this moment; up to the moment of asking where there is none.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Of this deployment only.
    #[must_use]
    pub fn deployment(&self) -> Option<&DeploymentId> {
        self.deployment.as_ref()
    }

    /// Of this thing only.
    #[must_use]
    pub fn thing(&self) -> Option<&ThingId> {
        self.thing.as_ref()
    }

    /// Of this field only; whole readings where there is none.
    #[must_use]
    pub fn field(&self) -> Option<&Pointer> {
        self.field.as_ref()
    }

    /// Whether it is everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is everything up to some moment: what a tombstone says of everything that was erased after a time to undo.
    pub(crate) fn is_everything_so_far(&self) -> bool {
        let all_times = Self {
            until: None,
            ..self.clone()
        };
        all_times.is_everything()
    }

    /// The last moment that is in it, for one that was asked for at a moment, exclusive.
    pub(crate) fn end(&self, asked_at: Timestamp) -> Timestamp {
        let now = asked_at.plus_millis(1);
        self.until.map_or(now, |it| it.min(now))
    }

    /// Whether something of a thing at a moment is in it, whatever the field; `end` is that of [`EraseScope::end`].
    pub(crate) fn covers(
        &self,
        end: Timestamp,
        deployment: &DeploymentId,
        thing: &ThingId,
        at: Timestamp,
    ) -> bool {
        self.overlaps(end, deployment, thing, (at, at))
    }

    /// The same of a range of time, both ends included.
    pub(crate) fn overlaps(
        &self,
        end: Timestamp,
        deployment: &DeploymentId,
        thing: &ThingId,
        (first, last): (Timestamp, Timestamp),
    ) -> bool {
        first < end
            && self.from.is_none_or(|it| last >= it)
            && self.deployment.as_ref().is_none_or(|it| it == deployment)
            && self.thing.as_ref().is_none_or(|it| it == thing)
    }

    /// What the vault is told.
    pub(crate) fn for_vault(
        &self,
        until: Option<Timestamp>,
        strip: Option<Vec<u8>>,
    ) -> vault::Scope {
        vault::Scope {
            from: self.from,
            until,
            thing: self.thing.clone(),
            deployment: self.deployment.clone(),
            // What is sealed to the person's own keys cannot be given: nobody here can read it.
            spares_own_files: (strip.as_deref().and_then(Description::parse))
                .is_some_and(|it| it.given),
            strip,
        }
    }

    /// What the vault was told once, read back, and why.
    pub(super) fn from_vault(scope: &vault::Scope) -> Option<(Self, EraseCause)> {
        let (field, cause) = match &scope.strip {
            None => (None, EraseCause::Asked),
            Some(strip) => {
                let description = Description::parse(strip)?;
                let cause = description.cause();
                (description.field, cause)
            }
        };
        let field = field.map(|it| Pointer::parse(&it)).transpose().ok()?;
        let scope = Self {
            from: scope.from,
            until: scope.until,
            deployment: scope.deployment.clone(),
            thing: scope.thing.clone(),
            field,
        };
        Some((scope, cause))
    }
}

/// What a law wants kept at a deployment: these fields for so many days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Law {
    pub(super) deployment: DeploymentId,
    pub(super) days: u16,
    pub(super) fields: Vec<Pointer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    law: Vec<LawLine>,
    /// The readings are given to the commons: those that were brought back from an export are not, and stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    given: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LawLine {
    deployment: String,
    days: u16,
    fields: Vec<String>,
}

impl Description {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(bytes).ok()?;
        (read.v == VERSION).then_some(read)
    }

    fn cause(&self) -> EraseCause {
        match self.given {
            true => EraseCause::Given,
            false => EraseCause::Asked,
        }
    }

    /// Whether a law wants a reading kept: it lies there as long as the law says, and has nothing but what the law names.
    fn is_by_law(&self, reading: &StoredReading) -> bool {
        let days = reading.retention.as_days();
        let is_its =
            |it: &&LawLine| it.deployment == reading.deployment.as_str() && it.days == days;
        let named = self.law.iter().filter(is_its).flat_map(|it| &it.fields);
        let named: Vec<Pointer> = named.filter_map(|it| Pointer::parse(it).ok()).collect();
        if named.is_empty() {
            return false;
        }
        let body: Option<&RawValue> = serde_json::from_slice(&reading.body).ok();
        let Some(fields) = body.and_then(|it| timeline::fields(it).ok()) else {
            return false;
        };
        fields
            .iter()
            .all(|it| named.iter().any(|named| named.covers(&it.pointer)))
    }
}

/// What the vault has to be told beside time, thing and deployment; `None` where that is all.
pub(super) fn description(
    field: Option<&Pointer>,
    laws: &[Law],
    cause: EraseCause,
) -> Option<Vec<u8>> {
    if field.is_none() && laws.is_empty() && cause == EraseCause::Asked {
        return None;
    }
    let line = |it: &Law| LawLine {
        deployment: it.deployment.to_string(),
        days: it.days,
        fields: it.fields.iter().map(ToString::to_string).collect(),
    };
    let description = Description {
        v: VERSION,
        field: field.map(ToString::to_string),
        law: laws.iter().map(line).collect(),
        given: cause == EraseCause::Given,
    };
    // Texts and numbers always have a JSON form.
    Some(serde_json::to_vec(&description).unwrap_or_default())
}

/// Takes out of a reading what a description says; see [`vault::Vault::strip_with`]. What cannot be read is erased whole.
pub(crate) fn strip(description: &[u8], reading: &StoredReading) -> Strip {
    let Some(description) = Description::parse(description) else {
        return Strip::Drop;
    };
    let is_not_given = description.given && is_imported(reading);
    if is_not_given || description.is_by_law(reading) {
        return Strip::Keep;
    }
    let Some(field) = &description.field else {
        return Strip::Drop;
    };
    let Ok(field) = Pointer::parse(field) else {
        return Strip::Drop;
    };
    match body::without(&reading.body, &field) {
        Left::Same => Strip::Keep,
        Left::Nothing => Strip::Drop,
        Left::Body(body) => Strip::Replace(body),
    }
}

#[cfg(test)]
mod tests {
    use model::{PersonId, Retention, Subject};

    use super::*;

    fn reading(days: u16, body: &str) -> StoredReading {
        StoredReading {
            subject: Subject::Person(PersonId::parse("p-a").unwrap()),
            thing: ThingId::parse("meter-1").unwrap(),
            deployment: DeploymentId::parse("home").unwrap(),
            at: Timestamp::EPOCH,
            retention: Retention::from_days(days),
            generation: 1,
            body: body.as_bytes().to_vec(),
        }
    }

    fn law() -> Law {
        Law {
            deployment: DeploymentId::parse("home").unwrap(),
            days: 365,
            fields: vec![Pointer::parse("/power").unwrap()],
        }
    }

    #[test]
    fn what_a_law_wants_kept_is_kept_and_nothing_else() {
        let told = description(None, &[law()], EraseCause::Asked).unwrap();
        let kept = reading(365, r#"{"power":1}"#);
        assert_eq!(strip(&told, &kept), Strip::Keep);
        let marked = reading(365, r#"{"@to":"x","power":1,"@coarse":{"/power":null}}"#);
        assert_eq!(strip(&told, &marked), Strip::Keep);
        assert_eq!(strip(&told, &reading(30, r#"{"power":1}"#)), Strip::Drop);
        let more = reading(365, r#"{"power":1,"t":2}"#);
        assert_eq!(strip(&told, &more), Strip::Drop);
    }

    #[test]
    fn a_field_is_taken_out_and_what_cannot_be_read_is_erased() {
        let field = Pointer::parse("/power").unwrap();
        let told = description(Some(&field), &[], EraseCause::Asked).unwrap();
        let left = strip(&told, &reading(30, r#"{"power":1,"t":2}"#));
        assert_eq!(left, Strip::Replace(br#"{"t":2}"#.to_vec()));
        assert_eq!(strip(&told, &reading(30, r#"{"t":2}"#)), Strip::Keep);
        assert_eq!(strip(b"?", &reading(30, "1")), Strip::Drop);
        let with_law = description(Some(&field), &[law()], EraseCause::Asked).unwrap();
        let kept = reading(365, r#"{"power":1}"#);
        assert_eq!(strip(&with_law, &kept), Strip::Keep);
    }

    #[test]
    fn what_was_brought_back_is_not_given_and_stays() {
        let told = description(None, &[], EraseCause::Given).unwrap();
        let own = reading(30, r#"{"power":1}"#);
        assert_eq!(strip(&told, &own), Strip::Drop);
        let imported = StoredReading {
            generation: u64::MAX,
            ..own
        };
        assert!(is_imported(&imported));
        assert_eq!(strip(&told, &imported), Strip::Keep);
    }

    #[test]
    fn a_scope_makes_sense_and_comes_back_from_the_vault() {
        let (one, two) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let home = || DeploymentId::parse("home").ok();
        let bad = EraseScope::new((Some(two), Some(two)), None, None, None);
        assert_eq!(bad, Err(EraseScopeError::Time));
        let thing = ThingId::parse("meter-1").ok();
        let bad = EraseScope::new((None, None), None, thing.clone(), None);
        assert_eq!(bad, Err(EraseScopeError::NoDeployment));
        let field = Pointer::parse("/power").ok();
        let scope = EraseScope::new((Some(one), Some(two)), home(), thing, field).unwrap();
        for cause in [EraseCause::Asked, EraseCause::Given] {
            let strip = description(scope.field(), &[law()], cause);
            let told = scope.for_vault(scope.until(), strip);
            let back = EraseScope::from_vault(&told);
            assert_eq!(back, Some((scope.clone(), cause)));
        }
        let plain = EraseScope::default().for_vault(None, None);
        let back = EraseScope::from_vault(&plain);
        assert_eq!(back, Some((EraseScope::default(), EraseCause::Asked)));
        assert_eq!(description(None, &[], EraseCause::Asked), None);
    }
}

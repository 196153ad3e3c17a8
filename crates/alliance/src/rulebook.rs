//! The rulebook's limits: what may pass nowhere, whatever a notice declares, a person chooses or a grant opens.
//!
//! A limit names a field, or every field that is at least so sensitive, for one purpose or for all, and the most that may
//! pass. It is in force at every deployment before the act returns, and stands in the public record with its reason.

use model::{Cap, CapTarget, Entry, EntryKind, Level, PurposeId, Timestamp};

use crate::authority::{Action, Actor};
use crate::four_eyes::OfficeAct;
use crate::{Alliance, AllianceError, MAX_REASON_CHARS, rows};

/// What the record says that such an entry is about.
const ABOUT: &str = "rulebook:limits";

/// A limit of the rulebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What it limits, and how far.
    pub cap: Cap,
    /// Why. Public.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl Alliance {
    /// Every limit of the rulebook, in the order of what is limited.
    ///
    /// # Errors
    /// When the database fails.
    pub fn limits(&self) -> Result<Vec<Limit>, AllianceError> {
        Ok(self.db.read(rows::limit::all)?)
    }

    /// Limits what may pass anywhere, publicly; a limit on the same for the same purpose is replaced.
    ///
    /// # Errors
    /// When the actor may not, no reason is given, the limit limits nothing, there are too many, or the database fails.
    pub fn set_limit(
        &self,
        by: &Actor,
        cap: &Cap,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::SetLimits)?;
        if cap.most == Level::ON {
            return Err(AllianceError::NoLimit);
        }
        let limit = Limit {
            cap: cap.clone(),
            reason: public_reason(reason)?,
            since: now,
        };
        let asked = OfficeAct::set_limit(cap, &limit.reason);
        self.in_two(by, asked, now, |act| {
            rows::limit::put(act.tx(), &limit)?;
            put_in_force(act)?;
            act.record(entry(EntryKind::LimitSet, cap, &limit.reason, by, now));
            Ok(())
        })
    }

    /// Lifts a limit, publicly.
    ///
    /// # Errors
    /// When the actor may not, no reason is given, there is no such limit, or the database fails.
    pub fn lift_limit(
        &self,
        by: &Actor,
        target: &CapTarget,
        purpose: Option<&PurposeId>,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::SetLimits)?;
        let reason = public_reason(reason)?;
        let asked = OfficeAct::LiftLimit {
            of: target.kind().to_owned(),
            name: target.name().to_owned(),
            purpose: purpose.map(ToString::to_string),
            reason: reason.clone(),
        };
        self.in_two(by, asked, now, |act| {
            let known = rows::limit::all(act.tx())?;
            let same = |it: &&Limit| it.cap.target == *target && it.cap.purpose.as_ref() == purpose;
            let missing = || AllianceError::NotFound {
                what: "limit on",
                id: target.to_string(),
            };
            let cap = known.iter().find(same).ok_or_else(missing)?.cap.clone();
            if !rows::limit::remove(act.tx(), target, purpose)? {
                return Err(missing());
            }
            put_in_force(act)?;
            act.record(entry(EntryKind::LimitLifted, &cap, &reason, by, now));
            Ok(())
        })
    }
}

/// What the rows of this transaction say is in force everywhere when the act returns.
fn put_in_force(act: &mut custody::Act<'_, '_>) -> Result<(), AllianceError> {
    let limits = rows::limit::all(act.tx())?;
    let caps: Vec<Cap> = limits.into_iter().map(|it| it.cap).collect();
    Ok(act.set_caps(&caps)?)
}

/// A reason that can stand in the public record.
pub(crate) fn public_reason(reason: &str) -> Result<String, AllianceError> {
    let reason = reason.trim();
    let is_plain = |it: char| !it.is_control() || it == '\n' || it == '\r';
    let is_long = reason.chars().count() > MAX_REASON_CHARS;
    if reason.is_empty() || is_long || !reason.chars().all(is_plain) {
        return Err(AllianceError::Reason);
    }
    Ok(reason.to_owned())
}

/// The reason in the record begins with what is limited, so that the entry says everything.
fn entry(kind: EntryKind, cap: &Cap, reason: &str, by: &Actor, at: Timestamp) -> Entry {
    let purpose = match &cap.purpose {
        Some(purpose) => format!("purpose:{purpose}"),
        None => "every purpose".to_owned(),
    };
    let (of, name, most) = (cap.target.kind(), cap.target.name(), cap.most);
    Entry {
        at,
        kind,
        about: ABOUT.to_owned(),
        by: by.office().to_owned(),
        reason: format!("{of}:{name} {purpose} at most:{most}\n{reason}"),
        document_sha256: None,
    }
}

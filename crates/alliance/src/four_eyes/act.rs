//! The acts of the office that take two, as rows keep them until somebody agrees.

use model::{Cap, Grant, Text, Timestamp};
use serde::{Deserialize, Serialize};

use crate::register::Member;

/// What is decided on a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenceDecision {
    /// It comes into force.
    Issue,
    /// It rests.
    Suspend,
    /// It comes into force again.
    Reinstate,
    /// It is taken away for good.
    Revoke,
}

/// An act of the office, as rows keep it until somebody agrees: everything in the words of forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OfficeAct {
    /// A decision on a licence.
    Licence {
        /// Of which deployment.
        deployment: String,
        /// What.
        decision: LicenceDecision,
        /// Until when, in milliseconds since 1970.
        until: Option<i64>,
        /// Why.
        reason: String,
    },
    /// A limit of the rulebook.
    SetLimit {
        /// What kind of thing is limited.
        of: String,
        /// Which one.
        name: String,
        /// For which purpose; for all where it is not said.
        purpose: Option<String>,
        /// The most that passes.
        most: String,
        /// Why.
        reason: String,
    },
    /// A limit ends.
    LiftLimit {
        /// What kind of thing was limited.
        of: String,
        /// Which one.
        name: String,
        /// For which purpose.
        purpose: Option<String>,
        /// Why.
        reason: String,
    },
    /// A day off.
    AddHoliday {
        /// The day.
        day: String,
        /// Its name in English.
        en: String,
        /// Its name in Urdu.
        ur: String,
    },
    /// A day is not off.
    RemoveHoliday {
        /// The day.
        day: String,
    },
    /// When drift opens a case.
    SetDriftRule {
        /// After so many days; never where it is not said.
        days: Option<u16>,
        /// Why.
        reason: String,
    },
    /// A statistical data set is declared.
    DeclareStatistic {
        /// The declaration.
        source: String,
    },
    /// A statistical data set ends.
    EndStatistic {
        /// Which.
        statistic: String,
        /// Why.
        reason: String,
    },
    /// An open data set is declared.
    DeclareDataSet {
        /// The declaration.
        source: String,
    },
    /// An organisation joins.
    AddMember {
        /// Its identifier.
        member: String,
        /// Its chamber.
        chamber: String,
        /// Its name, English and Urdu.
        name: [String; 2],
        /// What it does, English and Urdu.
        about: [String; 2],
    },
    /// A notice is published.
    PublishNotice {
        /// Its text.
        source: String,
    },
    /// A recipient is given access.
    Grant {
        /// Who.
        recipient: String,
        /// What for.
        purpose: String,
        /// Where.
        deployment: String,
        /// From when on, in milliseconds since 1970.
        from: i64,
        /// Until when.
        until: Option<i64>,
    },
    /// The authority for devices begins.
    BeginDeviceAuthority {
        /// Its name.
        name: String,
    },
    /// A maker's authority is believed about the things of a deployment.
    TrustMaker {
        /// Its certificate: base64 of the DER.
        certificate: String,
        /// Where.
        deployment: String,
        /// How its certificates name things.
        pattern: String,
    },
    /// A maker's authority is not believed any more.
    DistrustMaker {
        /// Which.
        maker: String,
        /// Where.
        deployment: String,
    },
    /// A recipient's access ends.
    EndGrant {
        /// Who.
        recipient: String,
        /// What for.
        purpose: String,
        /// Where.
        deployment: String,
        /// When, in milliseconds since 1970.
        at: i64,
    },
}

impl OfficeAct {
    /// The word for what kind of act it is.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Licence { decision, .. } => match decision {
                LicenceDecision::Issue => "issue-licence",
                LicenceDecision::Suspend => "suspend-licence",
                LicenceDecision::Reinstate => "reinstate-licence",
                LicenceDecision::Revoke => "revoke-licence",
            },
            Self::SetLimit { .. } => "set-limit",
            Self::LiftLimit { .. } => "lift-limit",
            Self::AddHoliday { .. } => "add-holiday",
            Self::RemoveHoliday { .. } => "remove-holiday",
            Self::SetDriftRule { .. } => "set-drift-rule",
            Self::DeclareStatistic { .. } => "declare-statistic",
            Self::EndStatistic { .. } => "end-statistic",
            Self::DeclareDataSet { .. } => "declare-data-set",
            Self::AddMember { .. } => "add-member",
            Self::PublishNotice { .. } => "publish-notice",
            Self::Grant { .. } => "grant",
            Self::EndGrant { .. } => "end-grant",
            Self::BeginDeviceAuthority { .. } => "begin-device-authority",
            Self::TrustMaker { .. } => "trust-maker",
            Self::DistrustMaker { .. } => "distrust-maker",
        }
    }

    /// At which deployment, where it is at one.
    #[must_use]
    pub fn deployment(&self) -> Option<&str> {
        match self {
            Self::Licence { deployment, .. }
            | Self::Grant { deployment, .. }
            | Self::TrustMaker { deployment, .. }
            | Self::DistrustMaker { deployment, .. }
            | Self::EndGrant { deployment, .. } => Some(deployment),
            _ => None,
        }
    }

    /// The reason that will stand in the record.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Licence { reason, .. }
            | Self::SetLimit { reason, .. }
            | Self::LiftLimit { reason, .. }
            | Self::SetDriftRule { reason, .. }
            | Self::EndStatistic { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// Everything else that has to be known to agree: one thing a line.
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        let of = |purpose: &Option<String>| {
            let every = "every purpose".to_owned();
            purpose
                .as_ref()
                .map_or(every, |it| format!("purpose: {it}"))
        };
        let moment = |millis: &i64| Timestamp::from_millis(*millis).to_string();
        match self {
            Self::Licence { until, .. } => until
                .iter()
                .map(|it| format!("until: {}", moment(it)))
                .collect(),
            Self::SetLimit {
                of: kind,
                name,
                purpose,
                most,
                ..
            } => vec![
                format!("{kind}: {name}"),
                of(purpose),
                format!("at most: {most}"),
            ],
            Self::LiftLimit {
                of: kind,
                name,
                purpose,
                ..
            } => vec![format!("{kind}: {name}"), of(purpose)],
            Self::AddHoliday { day, en, ur } => vec![day.clone(), en.clone(), ur.clone()],
            Self::RemoveHoliday { day } => vec![day.clone()],
            Self::SetDriftRule { days, .. } => {
                vec![days.map_or_else(|| "never".to_owned(), |it| format!("after days: {it}"))]
            }
            Self::EndStatistic { statistic, .. } => vec![statistic.clone()],
            Self::DeclareStatistic { source }
            | Self::DeclareDataSet { source }
            | Self::PublishNotice { source } => vec![source.clone()],
            _ => self.details_of_register(),
        }
    }

    /// The same of what is about the register.
    fn details_of_register(&self) -> Vec<String> {
        let moment = |millis: &i64| Timestamp::from_millis(*millis).to_string();
        match self {
            Self::BeginDeviceAuthority { name } => vec![name.clone()],
            Self::TrustMaker {
                certificate,
                pattern,
                ..
            } => vec![format!("things: {pattern}"), certificate.clone()],
            Self::DistrustMaker { maker, .. } => vec![maker.clone()],
            Self::AddMember {
                member,
                chamber,
                name,
                about,
            } => {
                let mut lines = vec![member.clone(), format!("chamber: {chamber}")];
                lines.extend(name.iter().chain(about).cloned());
                lines
            }
            Self::Grant {
                recipient,
                purpose,
                from,
                until,
                ..
            } => {
                let mut lines = vec![
                    format!("recipient: {recipient}"),
                    format!("purpose: {purpose}"),
                    format!("from: {}", moment(from)),
                ];
                lines.extend(until.iter().map(|it| format!("until: {}", moment(it))));
                lines
            }
            Self::EndGrant {
                recipient,
                purpose,
                at,
                ..
            } => vec![
                format!("recipient: {recipient}"),
                format!("purpose: {purpose}"),
                format!("at: {}", moment(at)),
            ],
            _ => Vec::new(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn grant(grant: &Grant) -> Self {
        Self::Grant {
            recipient: grant.recipient.to_string(),
            purpose: grant.purpose.to_string(),
            deployment: grant.deployment.to_string(),
            from: grant.valid_from.as_millis(),
            until: grant.valid_until.map(Timestamp::as_millis),
        }
    }

    pub(crate) fn set_limit(cap: &Cap, reason: &str) -> Self {
        Self::SetLimit {
            of: cap.target.kind().to_owned(),
            name: cap.target.name().to_owned(),
            purpose: cap.purpose.as_ref().map(ToString::to_string),
            most: cap.most.to_string(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn add_member(member: &Member) -> Self {
        let both = |it: &Text| [it.en.clone(), it.ur.clone()];
        Self::AddMember {
            member: member.id.to_string(),
            chamber: member.chamber.as_str().to_owned(),
            name: both(&member.name),
            about: both(&member.about),
        }
    }
}

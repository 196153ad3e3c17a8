//! What two agreed to is carried out, by the use case that was asked for.

use custody::{ActError, AuthorityId, DeclaredStatistic, StatisticId, SubjectPattern};
use data_encoding::BASE64;
use model::{
    Cap, CapTarget, Chamber, DeploymentId, Grant, Level, MemberId, PurposeId, RecipientId, Text,
    Timestamp,
};

use super::{AgreeError, LicenceDecision, OfficeAct};
use crate::authority::Actor;
use crate::cases::Holiday;
use crate::register::Member;
use crate::{Alliance, AllianceError};

impl Alliance {
    pub(super) fn carry_out(
        &self,
        by: &Actor,
        act: &OfficeAct,
        now: Timestamp,
    ) -> Result<(), AgreeError> {
        let done = self.try_to(by, act, now);
        done.map_err(|err| match err.downcast::<AllianceError>() {
            Ok(err) => match *err {
                AllianceError::NotFound {
                    what: "act that waits",
                    ..
                } => AgreeError::Gone,
                err @ AllianceError::Act(
                    ActError::Db(_) | ActError::Rows(_) | ActError::Unsettled,
                ) => AgreeError::Failed(err),
                other => AgreeError::Impossible(other.to_string()),
            },
            Err(other) => AgreeError::Impossible(other.to_string()),
        })
    }

    fn try_to(
        &self,
        by: &Actor,
        act: &OfficeAct,
        now: Timestamp,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let purpose = |it: &Option<String>| it.as_deref().map(PurposeId::parse).transpose();
        let target = |of: &str, name: &str| CapTarget::parse(of, name).ok_or("no such limit");
        match act {
            OfficeAct::Licence {
                deployment,
                decision,
                until,
                reason,
            } => {
                let id = DeploymentId::parse(deployment)?;
                let until = until.map(Timestamp::from_millis);
                match decision {
                    LicenceDecision::Issue => self.issue_licence(by, &id, until, reason, now)?,
                    LicenceDecision::Suspend => self.suspend_licence(by, &id, reason, now)?,
                    LicenceDecision::Reinstate => self.reinstate_licence(by, &id, reason, now)?,
                    LicenceDecision::Revoke => self.revoke_licence(by, &id, reason, now)?,
                }
            }
            OfficeAct::SetLimit {
                of,
                name,
                purpose: of_purpose,
                most,
                reason,
            } => {
                let cap = Cap {
                    target: target(of, name)?,
                    purpose: purpose(of_purpose)?,
                    most: Level::parse(most).ok_or("no such level")?,
                };
                self.set_limit(by, &cap, reason, now)?;
            }
            OfficeAct::LiftLimit {
                of,
                name,
                purpose: of_purpose,
                reason,
            } => {
                let purpose = purpose(of_purpose)?;
                self.lift_limit(by, &target(of, name)?, purpose.as_ref(), reason, now)?;
            }
            OfficeAct::AddHoliday { day, en, ur } => {
                let (en, ur) = (en.clone(), ur.clone());
                let holiday = Holiday {
                    day: day.parse()?,
                    name: Text { en, ur },
                };
                self.add_holiday(by, &holiday, now)?;
            }
            OfficeAct::RemoveHoliday { day } => self.remove_holiday(by, day.parse()?, now)?,
            OfficeAct::SetDriftRule { days, reason } => {
                self.set_drift_rule(by, *days, reason, now)?;
            }
            OfficeAct::DeclareStatistic { source } => {
                self.declare_statistic(by, &DeclaredStatistic::parse(source)?, now)?;
            }
            OfficeAct::EndStatistic { statistic, reason } => {
                self.end_statistic(by, &StatisticId::parse(statistic)?, reason, now)?;
            }
            OfficeAct::DeclareDataSet { source } => drop(self.declare_data_set(by, source, now)?),
            _ => self.register(by, act, now)?,
        }
        Ok(())
    }

    /// What is about who certifies devices.
    fn certify(
        &self,
        by: &Actor,
        act: &OfficeAct,
        now: Timestamp,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match act {
            OfficeAct::BeginDeviceAuthority { name } => {
                drop(self.begin_device_authority(by, name, now)?);
            }
            OfficeAct::TrustMaker {
                certificate,
                deployment,
                pattern,
            } => {
                let certificate = BASE64.decode(certificate.as_bytes())?;
                let deployment = DeploymentId::parse(deployment)?;
                let pattern = SubjectPattern::parse(pattern)?;
                let place = (&deployment, &pattern);
                self.trust_maker(by, &certificate.into(), place, now)?;
            }
            OfficeAct::DistrustMaker { maker, deployment } => {
                let maker = AuthorityId::parse(maker).ok_or("no such authority")?;
                self.distrust_maker(by, &maker, &DeploymentId::parse(deployment)?, now)?;
            }
            _ => return Err("this act takes no two".into()),
        }
        Ok(())
    }

    /// What is about the register.
    fn register(
        &self,
        by: &Actor,
        act: &OfficeAct,
        now: Timestamp,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let text = |[en, ur]: &[String; 2]| Text {
            en: en.clone(),
            ur: ur.clone(),
        };
        match act {
            OfficeAct::AddMember {
                member,
                chamber,
                name,
                about,
            } => {
                let member = Member {
                    id: MemberId::parse(member)?,
                    chamber: Chamber::parse(chamber).ok_or("no such chamber")?,
                    name: text(name),
                    about: text(about),
                    joined_at: now,
                };
                self.register_member(by, &member)?;
            }
            OfficeAct::PublishNotice { source } => drop(self.publish_notice(by, source, now)?),
            OfficeAct::Grant {
                recipient,
                purpose,
                deployment,
                from,
                until,
            } => {
                let grant = Grant {
                    recipient: RecipientId::parse(recipient)?,
                    purpose: PurposeId::parse(purpose)?,
                    deployment: DeploymentId::parse(deployment)?,
                    valid_from: Timestamp::from_millis(*from).max(now),
                    valid_until: until.map(Timestamp::from_millis),
                };
                self.grant(by, &grant, now)?;
            }
            OfficeAct::EndGrant {
                recipient,
                purpose,
                deployment,
                at,
            } => {
                let recipient = RecipientId::parse(recipient)?;
                let purpose = PurposeId::parse(purpose)?;
                let deployment = DeploymentId::parse(deployment)?;
                let at = Timestamp::from_millis(*at).max(now);
                self.end_grant(by, (&recipient, &purpose, &deployment), at, now)?;
            }
            _ => self.certify(by, act, now)?,
        }
        Ok(())
    }
}

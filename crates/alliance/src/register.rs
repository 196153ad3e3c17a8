//! The register: members, deployments with their notices and things, recipients with their grants.

use custody::Token;
use model::{
    Assignment, Chamber, DeploymentId, Entry, EntryKind, Grant, MemberId, Notice, PersonId,
    PurposeId, RecipientId, Role, Text, ThingId, Timestamp,
};

use crate::authority::{Action, Actor};
use crate::four_eyes::OfficeAct;
use crate::{Alliance, AllianceError, rows};

/// An organisation that joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its identifier.
    pub id: MemberId,
    /// Its one chamber.
    pub chamber: Chamber,
    /// Its name.
    pub name: Text,
    /// What it does, in a sentence.
    pub about: Text,
    /// Since when.
    pub joined_at: Timestamp,
}

impl Alliance {
    /// Adds a member, publicly.
    ///
    /// # Errors
    /// When the actor may not, the identifier is taken, or the database fails.
    pub fn register_member(&self, by: &Actor, member: &Member) -> Result<(), AllianceError> {
        by.must(Action::RegisterMember)?;
        let asked = OfficeAct::add_member(member);
        self.in_two(by, asked, member.joined_at, |act| {
            if rows::member::one(act.tx(), &member.id)?.is_some() {
                return Err(custody::ActError::Taken(member.id.to_string()).into());
            }
            rows::member::insert(act.tx(), member)?;
            act.record(Entry {
                at: member.joined_at,
                kind: EntryKind::MemberJoined,
                about: format!("member:{}", member.id),
                by: by.office().to_owned(),
                reason: String::new(),
                document_sha256: None,
            });
            Ok(())
        })
    }

    /// Publishes a notice. The first one registers the deployment, without a licence.
    ///
    /// # Errors
    /// When the actor may not, the notice has problems, its controller is no member, its version is not the next,
    /// or the database fails.
    pub fn publish_notice(
        &self,
        by: &Actor,
        source: &str,
        now: Timestamp,
    ) -> Result<Notice, AllianceError> {
        by.must(Action::ManageDeployment)?;
        let notice = Notice::parse(source)?;
        let asked = OfficeAct::PublishNotice {
            source: source.to_owned(),
        };
        self.in_two(by, asked, now, |act| {
            if rows::member::one(act.tx(), &notice.controller)?.is_none() {
                return Err(AllianceError::NotFound {
                    what: "member",
                    id: notice.controller.to_string(),
                });
            }
            let sha256 = act.publish_notice(&notice, source)?;
            let about = format!("deployment:{}", notice.deployment);
            let by = format!("member:{}", notice.controller);
            if notice.version == 1 {
                act.record(entry(
                    now,
                    EntryKind::DeploymentRegistered,
                    &about,
                    &by,
                    None,
                ));
            }
            act.record(entry(
                now,
                EntryKind::NoticePublished,
                &about,
                &by,
                Some(sha256),
            ));
            Ok(())
        })?;
        Ok(notice)
    }

    /// Registers a thing; its credential is shown this once.
    ///
    /// # Errors
    /// When the actor may not, the identifier is taken, the deployment is not known, or the database fails.
    pub fn register_thing(
        &self,
        by: &Actor,
        thing: &ThingId,
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Token, AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody
            .act(now, |act| Ok(act.register_thing(thing, deployment)?))
    }

    /// Registers many things of one deployment at once; credentials in the order of the things.
    ///
    /// # Errors
    /// Like [`Alliance::register_thing`]; none is registered then.
    pub fn register_things(
        &self,
        by: &Actor,
        things: &[ThingId],
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<Vec<Token>, AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| {
            things
                .iter()
                .map(|it| Ok(act.register_thing(it, deployment)?))
                .collect()
        })
    }

    /// Registers a recipient; its credential is shown this once.
    ///
    /// # Errors
    /// When the actor may not, the identifier is taken, or the database fails.
    pub fn register_recipient(
        &self,
        by: &Actor,
        recipient: &RecipientId,
        now: Timestamp,
    ) -> Result<Token, AllianceError> {
        by.must(Action::ManageAccess)?;
        self.custody
            .act(now, |act| Ok(act.register_recipient(recipient)?))
    }

    /// Gives a recipient purpose-bound access to a deployment, publicly.
    ///
    /// # Errors
    /// When the actor may not, a party is not known, or the database fails.
    pub fn grant(&self, by: &Actor, grant: &Grant, now: Timestamp) -> Result<(), AllianceError> {
        by.must(Action::ManageAccess)?;
        self.in_two(by, OfficeAct::grant(grant), now, |act| {
            act.grant(grant)?;
            let about = format!("deployment:{}", grant.deployment);
            let mut entry = entry(now, EntryKind::GrantIssued, &about, by.office(), None);
            entry.reason = format!("recipient:{} purpose:{}", grant.recipient, grant.purpose);
            act.record(entry);
            Ok(())
        })
    }

    /// Ends a recipient's access to a deployment for one purpose, now or at a moment to come, publicly.
    ///
    /// # Errors
    /// When the actor may not, the moment is over, there is no such access then, or the database fails.
    pub fn end_grant(
        &self,
        by: &Actor,
        (recipient, purpose, deployment): (&RecipientId, &PurposeId, &DeploymentId),
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageAccess)?;
        let asked = OfficeAct::EndGrant {
            recipient: recipient.to_string(),
            purpose: purpose.to_string(),
            deployment: deployment.to_string(),
            at: at.as_millis(),
        };
        self.in_two(by, asked, now, |act| {
            act.end_grant(recipient, purpose, deployment, at)?;
            let about = format!("deployment:{deployment}");
            let mut entry = entry(now, EntryKind::GrantWithdrawn, &about, by.office(), None);
            entry.reason = format!("recipient:{recipient} purpose:{purpose}");
            if at > now {
                entry.reason.push_str(&format!(" from:{at}"));
            }
            act.record(entry);
            Ok(())
        })
    }

    /// Says that a thing senses a person, in one role and for a time. Personal: it does not stand in the public record.
    ///
    /// # Errors
    /// When the actor may not, it ends before it begins, the thing is not known, or the database fails.
    pub fn assign(
        &self,
        by: &Actor,
        assignment: &Assignment,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody.act(now, |act| Ok(act.assign(assignment)?))
    }

    /// Says from when on a thing does not sense a person in this role any more; now, or a moment to come.
    ///
    /// # Errors
    /// When the actor may not, the moment is over, nothing is assigned then or later, the thing is not known, or the
    /// database fails.
    pub fn end_assignment(
        &self,
        by: &Actor,
        (thing, person, role): (&ThingId, &PersonId, Role),
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody
            .act(now, |act| Ok(act.end_assignment(thing, person, role, at)?))
    }

    /// Says which person a card number or plate in the messages of a deployment stands for.
    ///
    /// # Errors
    /// When the actor may not, the notice declares no such field, it was claimed before, or the database fails.
    pub fn link_subject(
        &self,
        by: &Actor,
        deployment: &DeploymentId,
        text: &str,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<(), AllianceError> {
        by.must(Action::ManageDeployment)?;
        self.custody
            .act(now, |act| Ok(act.link_subject(deployment, text, person)?))
    }
}

fn entry(
    at: Timestamp,
    kind: EntryKind,
    about: &str,
    by: &str,
    document_sha256: Option<String>,
) -> Entry {
    Entry {
        at,
        kind,
        about: about.to_owned(),
        by: by.to_owned(),
        reason: String::new(),
        document_sha256,
    }
}

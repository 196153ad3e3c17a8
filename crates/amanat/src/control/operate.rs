//! What the command line asks of the alliance in the operator's name, as one line of JSON each way.
//!
//! ```text
//! request:  operate {"do":"add-bridge","bridge":"hub-1","deployment":"home","adapter":"zigbee2mqtt"} \n
//! answer:   ok {"id":"hub-1","token":"…"} \n      or  error WORDS \n
//! ```

mod access;
mod commands;
mod commons;
mod erasures;
mod exports;
mod listing;
mod registering;
mod request;
mod statistics;

use std::sync::Arc;

use adapters::Adapter;
use alliance::{Actor, Alliance, Member, ThingChange};
use anyhow::{Context, bail};
use custody::{IdPattern, InForce, NativeTopic, ProvisioningKey};
use gateway::Guard;
use model::{
    BridgeId, Chamber, DeploymentId, MemberId, PersonId, RecipientId, Role, Text, ThingId,
    Timestamp,
};
use serde_json::{Value, json};
use web::PublicUrl;

use crate::clock;

pub(crate) use request::{Decision, OperatorRequest, PageRequest, ThingRequest, WhoRequest};

use registering::add_things;

/// The most things of one import.
pub(crate) const MAX_IMPORTED: usize = 100_000;
/// The most problems of one import that are told.
pub(crate) const MAX_PROBLEMS: usize = 100;
/// The most that one page of a list tells.
pub(crate) const MAX_LISTED: u32 = 100_000;

const BY: Actor = Actor::Operator;

/// What there is to ask and to change.
pub(crate) struct Site<'a> {
    pub(crate) alliance: &'a Alliance,
    /// Where its pages are.
    pub(crate) url: &'a PublicUrl,
    /// Who is connected, where a server runs.
    pub(crate) connected: Option<&'a Guard>,
}

impl Site<'_> {
    /// How many MQTT connections somebody has now; nothing where no server runs.
    fn connections_of(&self, id: &str) -> Option<usize> {
        self.connected.map(|it| it.connections_of(id))
    }
}

/// Does what is asked. What it gives is for the operator only: tokens and codes are in it.
pub(crate) fn act(site: &Site<'_>, request: &OperatorRequest) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    let (alliance, now) = (site.alliance, clock::now());
    match request {
        It::AddMember {
            member,
            chamber,
            name,
            about,
        } => add_member(alliance, (member, chamber), (name, about), now),
        It::PublishNotice { source } => {
            let notice = alliance.publish_notice(&BY, source, now)?;
            Ok(json!({ "deployment": notice.deployment.as_str(), "version": notice.version }))
        }
        It::Licence {
            deployment,
            decision,
            until,
            reason,
        } => licence(
            alliance,
            deployment,
            (*decision, until.as_deref(), reason),
            now,
        ),
        It::AddThings {
            deployment,
            things,
            dry_run,
        } => add_things(alliance, deployment, things, *dry_run, now),
        It::Link { .. } | It::AddBridge { .. } => about_bridges(alliance, request, now),
        It::AddKey { .. } | It::EndKey { .. } => about_keys(alliance, request, now),
        It::AddRecipient { .. }
        | It::Grant { .. }
        | It::EndGrant { .. }
        | It::Tie { .. }
        | It::SetCodec { .. }
        | It::Renew { .. }
        | It::Revoke { .. } => about_access(alliance, request, now),
        It::DeclareStatistic { .. }
        | It::EndStatistic { .. }
        | It::AskStatistic { .. }
        | It::ListStatistics { .. }
        | It::ShowStatistic { .. } => statistics::act(site, request, now),
        It::DeclareDataSet { .. }
        | It::DecideCommons { .. }
        | It::ListDataSets { .. }
        | It::ShowDataSet { .. } => commons::act(site, request, now),
        It::ChangeThing { .. }
        | It::RemoveThing { .. }
        | It::ReleaseThing { .. }
        | It::ClaimCode { .. } => about_things(alliance, site.url, request, now),
        It::ImportExport { file, person, key } => {
            exports::bring_back(alliance, (file, key.as_deref()), person, now)
        }
        // Everything else only asks.
        _ => listing::tell(site, request, now),
    }
}

fn about_bridges(
    alliance: &Alliance,
    request: &OperatorRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    match request {
        It::Link {
            bridge,
            name,
            thing,
        } => {
            let thing = thing.as_deref().map(ThingId::parse).transpose()?;
            alliance.link(&BY, &BridgeId::parse(bridge)?, name, thing.as_ref(), now)?;
            Ok(json!({}))
        }
        It::AddBridge {
            bridge,
            deployment,
            adapter,
        } => {
            let (id, deployment) = (BridgeId::parse(bridge)?, DeploymentId::parse(deployment)?);
            let word = dialect(adapter)?.as_str();
            let token = alliance.register_bridge(&BY, &id, &deployment, word, now)?;
            Ok(json!({ "id": bridge, "token": token.expose_secret() }))
        }
        _ => bail!("the request is not about a bridge"),
    }
}

fn about_keys(
    alliance: &Alliance,
    request: &OperatorRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    match request {
        It::AddKey {
            key,
            deployment,
            pattern,
            adapter,
            uses,
            days,
        } => {
            let made = ProvisioningKey {
                id: key.clone(),
                deployment: DeploymentId::parse(deployment)?,
                pattern: IdPattern::parse(pattern)?,
                adapter: adapter.as_deref().map_or(Ok(None), own_dialect)?,
                uses_left: *uses,
                expires_at: now.plus_millis(i64::from(*days).saturating_mul(86_400_000)),
            };
            let token = alliance.make_provisioning_key(&BY, &made, now)?;
            Ok(json!({ "id": key, "token": token.expose_secret() }))
        }
        It::EndKey { key } => {
            alliance.end_provisioning_key(&BY, key, now)?;
            Ok(json!({}))
        }
        _ => bail!("this request is not about a provisioning key"),
    }
}

fn about_access(
    alliance: &Alliance,
    request: &OperatorRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    match request {
        It::AddRecipient { recipient } => {
            let token = alliance.register_recipient(&BY, &RecipientId::parse(recipient)?, now)?;
            Ok(json!({ "id": recipient, "token": token.expose_secret() }))
        }
        It::Grant {
            recipient,
            deployment,
            purpose,
            until,
        } => access::grant(
            alliance,
            (recipient, purpose, deployment),
            until.as_deref(),
            now,
        ),
        It::EndGrant {
            recipient,
            deployment,
            purpose,
            at,
        } => access::end_grant(
            alliance,
            (recipient, purpose, deployment),
            at.as_deref(),
            now,
        ),
        It::Tie {
            publisher,
            recipient,
        } => {
            let recipient = recipient.as_deref().map(RecipientId::parse).transpose()?;
            alliance.tie(&BY, &publisher.identity()?, recipient.as_ref(), now)?;
            Ok(json!({}))
        }
        It::Renew { who, overlap_ms } => {
            let (who, until) = (who.identity()?, now.plus_millis((*overlap_ms).max(0)));
            let token = alliance.renew_token(&BY, &who, until, now)?;
            Ok(
                json!({ "id": who.as_str(), "token": token.expose_secret(), "until": until.to_string() }),
            )
        }
        It::SetCodec { who, source } => {
            alliance.set_codec(&BY, &who.identity()?, source.as_deref(), now)?;
            Ok(json!({}))
        }
        It::Revoke { who } => {
            alliance.revoke_token(&BY, &who.identity()?, now)?;
            Ok(json!({}))
        }
        _ => bail!("this request is not about access"),
    }
}

fn about_things(
    alliance: &Alliance,
    site: &PublicUrl,
    request: &OperatorRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    let custody = alliance.custody();
    match request {
        It::ChangeThing {
            thing,
            topic,
            adapter,
        } => {
            let change = ThingChange {
                topic: topic.as_deref().map(native).transpose()?,
                adapter: adapter.as_deref().map(own_dialect).transpose()?,
            };
            alliance.change_thing(&BY, &ThingId::parse(thing)?, &change, now)?;
            Ok(json!({}))
        }
        It::RemoveThing { thing } => {
            alliance.remove_thing(&BY, &ThingId::parse(thing)?, now)?;
            Ok(json!({}))
        }
        It::ReleaseThing { thing, person } => {
            let person = person.as_deref().map(PersonId::parse).transpose()?;
            let ended =
                alliance.release_thing(&BY, &ThingId::parse(thing)?, person.as_ref(), now)?;
            Ok(json!({ "thing": thing, "ended": ended }))
        }
        It::ClaimCode { thing, role, days } => {
            let id = ThingId::parse(thing)?;
            let role = Role::parse(role).context("a role is holder, household or occupant")?;
            let end = now.plus_millis(i64::from(*days).saturating_mul(86_400_000));
            let code = alliance.make_claim_code(&BY, &id, role, end, now)?;
            let people = custody.people_sensed(&id, now)?;
            let code = code.expose_secret();
            let link = format!("{}?code={code}", site.to(&web::Route::Claim));
            Ok(
                json!({ "thing": thing, "code": code, "link": link, "until": end.to_string(), "people": people }),
            )
        }
        _ => bail!("this request is not about a thing"),
    }
}

fn add_member(
    alliance: &Alliance,
    (id, chamber): (&str, &str),
    (name, about): (&[String; 2], &[String; 2]),
    now: Timestamp,
) -> anyhow::Result<Value> {
    let text = |[en, ur]: &[String; 2]| Text {
        en: en.clone(),
        ur: ur.clone(),
    };
    let chamber = Chamber::parse(chamber).with_context(|| {
        let words: Vec<_> = Chamber::ALL.iter().map(|it| it.as_str()).collect();
        format!("a chamber is one of: {}", words.join(", "))
    })?;
    let member = Member {
        id: MemberId::parse(id)?,
        chamber,
        name: text(name),
        about: text(about),
        joined_at: now,
    };
    alliance.register_member(&BY, &member)?;
    Ok(json!({ "member": id }))
}

fn licence(
    alliance: &Alliance,
    deployment: &str,
    (decision, until, reason): (Decision, Option<&str>, &str),
    now: Timestamp,
) -> anyhow::Result<Value> {
    let id = DeploymentId::parse(deployment)?;
    let until = until.map(Timestamp::parse).transpose()?;
    match decision {
        Decision::Issue => alliance.issue_licence(&BY, &id, until, reason, now),
        Decision::Suspend => alliance.suspend_licence(&BY, &id, reason, now),
        Decision::Reinstate => alliance.reinstate_licence(&BY, &id, reason, now),
        Decision::Revoke => alliance.revoke_licence(&BY, &id, reason, now),
    }?;
    Ok(json!({}))
}

fn known(alliance: &Alliance, id: &str, now: Timestamp) -> anyhow::Result<InForce> {
    let deployment = DeploymentId::parse(id)?;
    let in_force = alliance.custody().in_force_at(&deployment, now);
    in_force.with_context(|| {
        format!(
            "there is no deployment `{id}`: publish its notice first, `amanat deployment list` says which there are"
        )
    })
}

fn dialect(word: &str) -> anyhow::Result<Adapter> {
    Adapter::parse(word).with_context(|| {
        let words: Vec<_> = Adapter::ALL.iter().map(|it| it.as_str()).collect();
        format!("`{word}` is no dialect; it is one of: {}", words.join(", "))
    })
}

/// The dialect of a thing on a connection of its own; nothing is plain.
fn own_dialect(word: &str) -> anyhow::Result<Option<Arc<str>>> {
    let adapter = match word {
        "" => Adapter::Plain,
        word => dialect(word)?,
    };
    if adapter.needs_bridge() {
        bail!("with `{word}` one connection speaks for several devices: add a bridge for it");
    }
    Ok((adapter != Adapter::Plain).then(|| Arc::from(adapter.as_str())))
}

fn native(topic: &str) -> anyhow::Result<Option<NativeTopic>> {
    match topic {
        "" => Ok(None),
        topic => Ok(Some(NativeTopic::parse(topic)?)),
    }
}

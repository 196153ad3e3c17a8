//! What the command line asks of the alliance in the operator's name, as one line of JSON each way.
//!
//! ```text
//! request:  operate {"do":"add-bridge","bridge":"hub-1","deployment":"home","adapter":"zigbee2mqtt"} \n
//! answer:   ok {"id":"hub-1","token":"…"} \n      or  error WORDS \n
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adapters::Adapter;
use alliance::{Actor, Alliance, Joining, Member, ThingChange};
use anyhow::{Context, anyhow, bail};
use custody::{BridgePeer, Identity, NativeTopic, NewThing, Registered, ThingPeer};
use model::{
    BridgeId, Chamber, DeploymentId, Grant, MemberId, PurposeId, RecipientId, Role, Text, ThingId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use web::PublicUrl;

use crate::clock;

/// The word in front of a request.
const WORD: &str = "operate ";
/// The most things of one import.
pub(crate) const MAX_IMPORTED: usize = 100_000;
/// The most problems of one import that are told.
pub(crate) const MAX_PROBLEMS: usize = 100;
/// The most things that one list tells.
const MAX_LISTED: usize = 100_000;

/// What is asked.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum OperatorRequest {
    AddMember {
        member: String,
        chamber: String,
        name: [String; 2],
        about: [String; 2],
    },
    PublishNotice {
        source: String,
    },
    ListDeployments,
    Licence {
        deployment: String,
        decision: Decision,
        until: Option<String>,
        reason: String,
    },
    /// Registers things; with `dry_run` only says what is wrong.
    AddThings {
        deployment: String,
        things: Vec<ThingRequest>,
        dry_run: bool,
    },
    ListThings {
        deployment: String,
    },
    ShowThing {
        thing: String,
    },
    /// An empty text takes the topic or the dialect away.
    ChangeThing {
        thing: String,
        topic: Option<String>,
        adapter: Option<String>,
    },
    RemoveThing {
        thing: String,
    },
    /// A code with which a resident takes the thing.
    ClaimCode {
        thing: String,
        role: String,
        days: u32,
    },
    /// Without a script there is none any more.
    SetCodec {
        who: WhoRequest,
        source: Option<String>,
    },
    AddBridge {
        bridge: String,
        deployment: String,
        adapter: String,
    },
    ListBridges,
    /// Without a thing the bridge means none by the name any more.
    Link {
        bridge: String,
        name: String,
        thing: Option<String>,
    },
    Seen {
        bridge: String,
    },
    AddRecipient {
        recipient: String,
    },
    Grant {
        recipient: String,
        deployment: String,
        purpose: String,
        until: Option<String>,
    },
    /// Without a recipient the publisher only publishes.
    Tie {
        publisher: WhoRequest,
        recipient: Option<String>,
    },
    Renew {
        who: WhoRequest,
        overlap_ms: i64,
    },
    Revoke {
        who: WhoRequest,
    },
}

/// A decision on a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    Issue,
    Suspend,
    Reinstate,
    Revoke,
}

/// A thing that is to be registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThingRequest {
    pub(crate) id: String,
    pub(crate) topic: Option<String>,
    pub(crate) adapter: Option<String>,
    /// The bridge that speaks for it, and its name for it.
    pub(crate) bridge: Option<(String, String)>,
}

/// Whose credential it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhoRequest {
    Thing(String),
    Bridge(String),
    Recipient(String),
}

impl WhoRequest {
    fn identity(&self) -> anyhow::Result<Identity> {
        Ok(match self {
            Self::Thing(id) => Identity::Thing(ThingId::parse(id)?),
            Self::Bridge(id) => Identity::Bridge(BridgeId::parse(id)?),
            Self::Recipient(id) => Identity::Recipient(RecipientId::parse(id)?),
        })
    }
}

impl OperatorRequest {
    /// The request as a line.
    pub(crate) fn to_line(&self) -> anyhow::Result<String> {
        Ok(format!("{WORD}{}\n", serde_json::to_string(self)?))
    }

    /// Reads a line; nothing when it is a request of another kind.
    pub(crate) fn parse(line: &str) -> Option<anyhow::Result<Self>> {
        let rest = line.trim_end().strip_prefix(WORD)?;
        Some(serde_json::from_str(rest).context("this request is not known"))
    }
}

const BY: Actor = Actor::Operator;

/// Does what is asked. What it gives is for the operator only: tokens and codes are in it.
pub(crate) fn act(
    alliance: &Alliance,
    site: &PublicUrl,
    request: &OperatorRequest,
) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    let now = clock::now();
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
        It::ListDeployments => Ok(deployments(alliance, now)),
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
        It::ListBridges | It::Seen { .. } => bridges(alliance, request),
        It::AddRecipient { recipient } => {
            let token = alliance.register_recipient(&BY, &RecipientId::parse(recipient)?, now)?;
            Ok(json!({ "id": recipient, "token": token.expose_secret() }))
        }
        It::Grant { .. } => grant(alliance, request, now),
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
        It::ListThings { .. }
        | It::ShowThing { .. }
        | It::ChangeThing { .. }
        | It::RemoveThing { .. }
        | It::ClaimCode { .. } => about_things(alliance, site, request, now),
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
        It::ListThings { deployment } => {
            let deployment = known(alliance, deployment, now)?;
            let things = custody.things_of(&deployment);
            let listed: Vec<_> = things.iter().take(MAX_LISTED).map(|it| thing(it)).collect();
            Ok(json!({ "things": listed, "all": things.len() }))
        }
        It::ShowThing { thing: id } => {
            let peer = custody
                .thing(&ThingId::parse(id)?)
                .with_context(|| format!("there is no thing `{id}`"))?;
            let mut shown = thing(&peer);
            let names: Vec<_> = custody
                .bridges()
                .iter()
                .flat_map(|bridge| {
                    let theirs = bridge.things().into_iter().filter(|it| it.1 == *peer.id());
                    theirs
                        .map(|it| json!([bridge.id().as_str(), &*it.0]))
                        .collect::<Vec<_>>()
                })
                .collect();
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("bridges".to_owned(), Value::from(names));
            }
            Ok(shown)
        }
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
        It::ClaimCode { thing, role, days } => {
            let role = Role::parse(role).context("a role is holder, household or occupant")?;
            let end = now.plus_millis(i64::from(*days).saturating_mul(86_400_000));
            let code = alliance.make_claim_code(&BY, &ThingId::parse(thing)?, role, end, now)?;
            let code = code.expose_secret();
            let link = format!("{}?code={code}", site.to(&web::Route::Claim));
            Ok(json!({ "thing": thing, "code": code, "link": link, "until": end.to_string() }))
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

fn deployments(alliance: &Alliance, now: Timestamp) -> Value {
    let all = alliance.custody().in_force(now);
    let all = all.iter().map(|it| {
        json!({
            "id": it.id.as_str(),
            "version": it.notice.version,
            "licence": it.licence.as_str(),
            "things": it.things,
        })
    });
    json!({ "deployments": all.collect::<Vec<_>>() })
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

fn grant(alliance: &Alliance, request: &OperatorRequest, now: Timestamp) -> anyhow::Result<Value> {
    let OperatorRequest::Grant {
        recipient,
        deployment,
        purpose,
        until,
    } = request
    else {
        bail!("this request is not about a grant");
    };
    let deployment = known(alliance, deployment, now)?;
    if !alliance.custody().is_taken(recipient) {
        bail!("there is no recipient `{recipient}`: add it first");
    }
    let grant = Grant {
        recipient: RecipientId::parse(recipient)?,
        purpose: PurposeId::parse(purpose)?,
        deployment,
        valid_from: now,
        valid_until: until.as_deref().map(Timestamp::parse).transpose()?,
    };
    alliance.grant(&BY, &grant, now)?;
    Ok(json!({}))
}

fn known(alliance: &Alliance, id: &str, now: Timestamp) -> anyhow::Result<DeploymentId> {
    let deployment = DeploymentId::parse(id)?;
    match alliance.custody().in_force_at(&deployment, now) {
        Some(_) => Ok(deployment),
        None => Err(anyhow!(
            "there is no deployment `{id}`: publish its notice first"
        )),
    }
}

fn thing(peer: &Arc<ThingPeer>) -> Value {
    let mut shown = registered(&peer.registered());
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("id".to_owned(), peer.id().as_str().into());
        shown.insert(
            "deployment".to_owned(),
            peer.deployment_id().as_str().into(),
        );
        shown.insert("removed".to_owned(), peer.is_removed().into());
    }
    shown
}

fn registered(it: &Registered) -> Value {
    json!({
        "topic": it.topic.as_ref().map(NativeTopic::as_str),
        "adapter": it.adapter.as_deref().unwrap_or(Adapter::Plain.as_str()),
        "receives-as": it.receives_as.as_ref().map(RecipientId::as_str),
        "revoked-at": it.revoked_at.map(|it| it.to_string()),
        "former-token-until": it.former_until.map(|it| it.to_string()),
    })
}

fn bridges(alliance: &Alliance, request: &OperatorRequest) -> anyhow::Result<Value> {
    let all = alliance.custody().bridges();
    let OperatorRequest::Seen { bridge: id } = request else {
        let all = all.iter().map(|it| bridge(it));
        return Ok(json!({ "bridges": all.collect::<Vec<_>>() }));
    };
    let found = all.iter().find(|it| it.id().as_str() == id);
    let (seen, unlisted) = found
        .with_context(|| format!("there is no bridge `{id}`"))?
        .seen();
    let seen = seen.iter().map(|it| {
        json!({
            "name": it.name,
            "first": it.first.to_string(),
            "last": it.last.to_string(),
            "times": it.times,
        })
    });
    Ok(json!({ "seen": seen.collect::<Vec<_>>(), "unlisted": unlisted }))
}

fn bridge(peer: &Arc<BridgePeer>) -> Value {
    let mut shown = registered(&peer.registered());
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("topic");
        shown.insert("id".to_owned(), peer.id().as_str().into());
        shown.insert(
            "deployment".to_owned(),
            peer.deployment_id().as_str().into(),
        );
        shown.insert("things".to_owned(), peer.thing_count().into());
        shown.insert("seen".to_owned(), peer.seen().0.len().into());
    }
    shown
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

/// Registers all of them, or says everything that is wrong, each with the position of the thing.
fn add_things(
    alliance: &Alliance,
    deployment: &str,
    things: &[ThingRequest],
    dry_run: bool,
    now: Timestamp,
) -> anyhow::Result<Value> {
    if things.len() > MAX_IMPORTED {
        bail!("one import has at most {MAX_IMPORTED} things: make several");
    }
    let deployment = known(alliance, deployment, now)?;
    let mut check = Check::new(alliance, &deployment);
    let mut joining = Vec::with_capacity(things.len());
    let mut problems: Vec<(usize, String)> = Vec::new();
    for (position, thing) in things.iter().enumerate() {
        match check.thing(thing) {
            Ok(it) => joining.push(it),
            Err(err) => problems.push((position, format!("{err:#}"))),
        }
    }
    if !problems.is_empty() {
        let all = problems.len();
        problems.truncate(MAX_PROBLEMS);
        return Ok(json!({ "problems": problems, "all": all }));
    }
    if dry_run {
        return Ok(json!({ "tokens": [] }));
    }
    let tokens = alliance.bring_in(&BY, &joining, &deployment, now)?;
    let tokens: Vec<_> = tokens.iter().map(|it| it.expose_secret()).collect();
    Ok(json!({ "tokens": tokens }))
}

/// What is taken, by what is registered and by what the same import has before.
struct Check<'a> {
    alliance: &'a Alliance,
    deployment: &'a DeploymentId,
    ids: BTreeSet<String>,
    topics: BTreeMap<String, String>,
    bridges: BTreeMap<String, Arc<BridgePeer>>,
    names: BTreeSet<(String, String)>,
}

impl<'a> Check<'a> {
    fn new(alliance: &'a Alliance, deployment: &'a DeploymentId) -> Self {
        let custody = alliance.custody();
        let topics = custody.things_of(deployment).into_iter();
        Self {
            alliance,
            deployment,
            ids: BTreeSet::new(),
            topics: topics
                .filter_map(|it| Some((it.topic()?.as_str().to_owned(), it.id().to_string())))
                .collect(),
            bridges: custody
                .bridges()
                .into_iter()
                .map(|it| (it.id().to_string(), it))
                .collect(),
            names: BTreeSet::new(),
        }
    }

    fn thing(&mut self, asked: &ThingRequest) -> anyhow::Result<Joining> {
        let id = ThingId::parse(&asked.id)?;
        if !self.ids.insert(asked.id.clone()) {
            bail!("`{id}` stands above already");
        }
        if self.alliance.custody().is_taken(id.as_str()) {
            bail!("`{id}` is taken: choose another identifier");
        }
        let topic = asked.topic.as_deref().map_or(Ok(None), native)?;
        if let Some(topic) = &topic
            && let Some(other) = self.topics.insert(topic.to_string(), id.to_string())
        {
            bail!("the topic `{topic}` is that of `{other}`");
        }
        let adapter = asked.adapter.as_deref().map_or(Ok(None), own_dialect)?;
        let mut names = Vec::new();
        if let Some((bridge, name)) = &asked.bridge {
            names.push(self.name(bridge, name)?);
        }
        Ok(Joining {
            thing: NewThing { id, topic, adapter },
            names,
        })
    }

    fn name(&mut self, bridge: &str, name: &str) -> anyhow::Result<(BridgeId, String)> {
        let peer = self
            .bridges
            .get(bridge)
            .with_context(|| format!("there is no bridge `{bridge}`: add it first"))?;
        if peer.deployment_id() != self.deployment {
            bail!("the bridge `{bridge}` is of another deployment");
        }
        let is_sound = (1..=custody::MAX_DEVICE_NAME_BYTES).contains(&name.len())
            && !name.chars().any(char::is_control);
        if !is_sound {
            bail!(
                "the name of a device has 1 to {} bytes and no control characters",
                custody::MAX_DEVICE_NAME_BYTES
            );
        }
        if let Some(other) = peer.thing(name) {
            bail!("the bridge `{bridge}` means `{}` by this name", other.id());
        }
        if !self.names.insert((bridge.to_owned(), name.to_owned())) {
            bail!("this name of the bridge `{bridge}` stands above already");
        }
        Ok((peer.id().clone(), name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_as_written() {
        for request in [
            OperatorRequest::ListBridges,
            OperatorRequest::Revoke {
                who: WhoRequest::Bridge("hub-1".to_owned()),
            },
            OperatorRequest::AddThings {
                deployment: "home".to_owned(),
                things: vec![ThingRequest {
                    id: "plug-1".to_owned(),
                    topic: Some("a/\n\"b".to_owned()),
                    adapter: None,
                    bridge: Some(("hub-1".to_owned(), "Küche".to_owned())),
                }],
                dry_run: true,
            },
        ] {
            let line = request.to_line().unwrap();
            assert_eq!(line.lines().count(), 1);
            assert_eq!(OperatorRequest::parse(&line).unwrap().unwrap(), request);
        }
        assert!(OperatorRequest::parse("sign-in-link first licensing").is_none());
        let unknown = r#"operate {"do":"erase-everything"}"#;
        assert!(OperatorRequest::parse(unknown).unwrap().is_err());
        let more = r#"operate {"do":"list-bridges","quietly":true}"#;
        assert!(OperatorRequest::parse(more).unwrap().is_err());
    }
}

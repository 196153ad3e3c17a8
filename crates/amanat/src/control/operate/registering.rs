//! Things are registered: everything that is wrong is found before anything happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alliance::{Alliance, Joining};
use anyhow::{Context, bail};
use custody::{BridgePeer, NewThing};
use model::{BridgeId, DeploymentId, ThingId, Timestamp};
use serde_json::{Value, json};

use super::{BY, MAX_IMPORTED, MAX_PROBLEMS, ThingRequest, known, native, own_dialect};

/// Registers all of them, or says everything that is wrong, each with the position of the thing.
pub(super) fn add_things(
    alliance: &Alliance,
    deployment: &str,
    things: &[ThingRequest],
    dry_run: bool,
    now: Timestamp,
) -> anyhow::Result<Value> {
    if things.len() > MAX_IMPORTED {
        bail!("one import has at most {MAX_IMPORTED} things: make several");
    }
    let deployment = known(alliance, deployment, now)?.id;
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

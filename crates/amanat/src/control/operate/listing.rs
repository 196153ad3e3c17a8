//! What there is: lists a page at a time, and one of it in full. No secret is in it.

use std::sync::Arc;

use alliance::{Alliance, Member};
use anyhow::{Context, anyhow, bail};
use custody::{BridgePeer, InForce, NativeTopic, RecordedEntry, Registered, ThingPeer};
use model::{EntryKind, Grant, MemberId, RecipientId, Text, ThingId, Timestamp};
use serde_json::{Value, json};

use super::access::is_declared;
use super::request::{OperatorRequest, PageRequest};
use super::{Adapter, Site, commands, erasures, known};

/// The most grants of one recipient, or on one deployment, that are told.
const MAX_GRANTS: usize = 1_000;
/// The most entries of the record about one deployment that are told.
const MAX_ENTRIES: u16 = 50;

/// Tells what is asked for.
pub(super) fn tell(
    site: &Site<'_>,
    request: &OperatorRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    let alliance = site.alliance;
    match request {
        It::ListMembers { page } => {
            let all = alliance.overview(now)?.members;
            Ok(listed("members", &all, page, |it| it.id.as_str(), member))
        }
        It::ShowMember { member } => show_member(alliance, member, now),
        It::ListDeployments { page } => {
            let all = alliance.custody().in_force(now);
            Ok(listed(
                "deployments",
                &all,
                page,
                |it| it.id.as_str(),
                deployment,
            ))
        }
        It::ShowDeployment { deployment } => show_deployment(alliance, deployment, now),
        It::ShowLicence { deployment } => show_licence(alliance, deployment, now),
        It::ListRecipients { page } => Ok(recipients(alliance, page, now)),
        It::ShowRecipient { recipient } => show_recipient(alliance, recipient, now),
        It::ListThings { deployment, page } => {
            let deployment = known(alliance, deployment, now)?.id;
            let all = alliance.custody().things_of(&deployment);
            Ok(listed("things", &all, page, |it| it.id().as_str(), thing))
        }
        It::ShowThing { thing } => show_thing(site, thing, now),
        It::ListBridges { page } => {
            let all = alliance.custody().bridges();
            Ok(listed("bridges", &all, page, |it| it.id().as_str(), bridge))
        }
        It::Seen { bridge } => seen(alliance, bridge),
        It::ListCommands { .. } => commands::tell(site.alliance, request, now),
        It::ListErasures { page } => erasures::tell(site.alliance, page, now),
        It::ListKeys { page } => {
            let all = alliance.custody().provisioning_keys()?;
            Ok(listed(
                "keys",
                &all,
                page,
                |it| it.id.as_str(),
                |it| {
                    json!({
                        "id": it.id,
                        "deployment": it.deployment.as_str(),
                        "pattern": it.pattern.as_str(),
                        "adapter": it.adapter.as_deref().unwrap_or(Adapter::Plain.as_str()),
                        "uses-left": it.uses_left,
                        "until": it.expires_at.to_string(),
                    })
                },
            ))
        }
        It::ShowKey { key } => {
            let devices = alliance.custody().provisioned(key)?;
            let devices = devices
                .iter()
                .map(|(thing, at)| json!({ "thing": thing.as_str(), "at": at.to_string() }));
            Ok(json!({ "devices": devices.collect::<Vec<_>>() }))
        }
        _ => bail!("this request asks for something to be done"),
    }
}

/// One page of what is sorted by identifier, how many there are in all, and behind which one the next page begins.
pub(super) fn listed<T>(
    name: &str,
    all: &[T],
    page: &PageRequest,
    id: impl Fn(&T) -> &str,
    said: impl Fn(&T) -> Value,
) -> Value {
    let is_behind = |it: &&T| page.after.as_deref().is_none_or(|after| id(it) > after);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut behind = all.iter().filter(is_behind).peekable();
    let mut told = Vec::new();
    let mut last = None;
    while told.len() < limit
        && let Some(it) = behind.next()
    {
        told.push(said(it));
        last = Some(id(it));
    }
    let next = last.filter(|_| behind.peek().is_some());
    json!({ name: told, "all": all.len(), "next": next })
}

fn both(text: &Text) -> Value {
    json!({ "en": text.en, "ur": text.ur })
}

fn member(it: &Member) -> Value {
    json!({
        "id": it.id.as_str(),
        "chamber": it.chamber.as_str(),
        "name": both(&it.name),
        "joined": it.joined_at.to_string(),
    })
}

fn show_member(alliance: &Alliance, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let id = MemberId::parse(id)?;
    let found = alliance.member(&id)?.with_context(|| {
        format!("there is no member `{id}`: `amanat member list` says which there are")
    })?;
    let all = alliance.custody().in_force(now);
    let theirs = all.iter().filter(|it| it.notice.controller == id);
    let theirs: Vec<_> = theirs.map(deployment).collect();
    let about = both(&found.about);
    Ok(with(
        member(&found),
        [("about", about), ("deployments", theirs.into())],
    ))
}

fn deployment(it: &InForce) -> Value {
    json!({
        "id": it.id.as_str(),
        "title": both(&it.notice.title),
        "controller": it.notice.controller.as_str(),
        "version": it.notice.version,
        "licence": it.licence.as_str(),
        "licence-until": it.licence_until.map(|it| it.to_string()),
        "things": it.things,
    })
}

fn show_deployment(alliance: &Alliance, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let found = known(alliance, id, now)?;
    let custody = alliance.custody();
    let grants = custody.grants_on(&found.id);
    let of_deployment = |grant: &Grant| {
        let said = grant_of(grant, Some(&found), now);
        with(said, [("recipient", grant.recipient.as_str().into())])
    };
    let entries = custody.record_about(&format!("deployment:{}", found.id), MAX_ENTRIES)?;
    Ok(with(
        deployment(&found),
        [
            ("senses-people", found.senses_people.into()),
            (
                "purposes",
                ids(found.notice.purposes.iter().map(|it| it.id.as_str())),
            ),
            (
                "recipients",
                ids(found.notice.recipients.iter().map(|it| it.id.as_str())),
            ),
            (
                "grants",
                grants.iter().take(MAX_GRANTS).map(of_deployment).collect(),
            ),
            ("record", entries.iter().map(entry).collect()),
        ],
    ))
}

fn show_licence(alliance: &Alliance, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let found = known(alliance, id, now)?;
    let custody = alliance.custody();
    let entries = custody.record_about(&format!("deployment:{}", found.id), u16::MAX)?;
    let decisions = entries.iter().filter(|it| is_decision(it.entry.kind));
    let decisions = decisions
        .take(usize::from(MAX_ENTRIES))
        .map(entry)
        .collect();
    Ok(json!({
        "id": found.id.as_str(),
        "version": found.notice.version,
        "licence": found.licence.as_str(),
        "licence-until": found.licence_until.map(|it| it.to_string()),
        "decisions": Value::Array(decisions),
    }))
}

const fn is_decision(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::LicenceIssued
            | EntryKind::LicenceSuspended
            | EntryKind::LicenceReinstated
            | EntryKind::LicenceRevoked
    )
}

fn ids<'a>(all: impl Iterator<Item = &'a str>) -> Value {
    all.map(Value::from).collect()
}

fn entry(recorded: &RecordedEntry) -> Value {
    let entry = &recorded.entry;
    json!({
        "entry": recorded.position,
        "at": entry.at.to_string(),
        "kind": entry.kind.as_str(),
        "by": entry.by,
        "reason": entry.reason,
    })
}

/// What a grant says, and whether anything comes of it.
fn grant_of(grant: &Grant, at: Option<&InForce>, now: Timestamp) -> Value {
    let is_over = grant.valid_until.is_some_and(|it| it <= now);
    let state = match (is_over, grant.valid_from > now) {
        (true, _) => "ended",
        (false, true) => "not-yet",
        (false, false) => "in-force",
    };
    let declared = at.is_some_and(|it| is_declared(&it.notice, &grant.recipient, &grant.purpose));
    json!({
        "purpose": grant.purpose.as_str(),
        "from": grant.valid_from.to_string(),
        "until": grant.valid_until.map(|it| it.to_string()),
        "state": state,
        "declared": declared,
    })
}

fn recipients(alliance: &Alliance, page: &PageRequest, now: Timestamp) -> Value {
    let custody = alliance.custody();
    let grants = custody.all_grants();
    let holds =
        |it: &&Grant| it.valid_from <= now && it.valid_until.is_none_or(|until| now < until);
    let all = custody.recipients();
    listed(
        "recipients",
        &all,
        page,
        |it| it.id().as_str(),
        |it| {
            let theirs = grants.iter().filter(|grant| grant.recipient == *it.id());
            let registered = credential(&it.registered());
            with(
                registered,
                [
                    ("id", it.id().as_str().into()),
                    ("grants", theirs.filter(holds).count().into()),
                ],
            )
        },
    )
}

fn show_recipient(alliance: &Alliance, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let id = RecipientId::parse(id)?;
    let custody = alliance.custody();
    let found = custody.recipient(&id).with_context(|| {
        format!("there is no recipient `{id}`: `amanat recipient list` says which there are")
    })?;
    let grants = custody.grants_of(&id);
    let of_recipient = |grant: &Grant| {
        let at = custody.in_force_at(&grant.deployment, now);
        let said = grant_of(grant, at.as_ref(), now);
        with(said, [("deployment", grant.deployment.as_str().into())])
    };
    Ok(with(
        credential(&found.registered()),
        [
            ("id", id.as_str().into()),
            (
                "grants",
                grants.iter().take(MAX_GRANTS).map(of_recipient).collect(),
            ),
            ("all-grants", grants.len().into()),
        ],
    ))
}

fn thing(peer: &Arc<ThingPeer>) -> Value {
    with(
        registered(&peer.registered()),
        [
            ("id", peer.id().as_str().into()),
            ("deployment", peer.deployment_id().as_str().into()),
            ("removed", peer.is_removed().into()),
        ],
    )
}

fn show_thing(site: &Site<'_>, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let custody = site.alliance.custody();
    let peer = custody.thing(&ThingId::parse(id)?).with_context(|| {
        format!("there is no thing `{id}`: `amanat thing list` says which a deployment has")
    })?;
    let mut names = Vec::new();
    // A thing behind a bridge comes in over the connection of that.
    let mut connections = site.connections_of(id);
    for bridge in custody.bridges() {
        let theirs = bridge.things().into_iter().filter(|it| it.1 == *peer.id());
        let before = names.len();
        names.extend(theirs.map(|it| json!([bridge.id().as_str(), &*it.0])));
        if names.len() > before {
            let of_bridge = site.connections_of(bridge.id().as_str());
            connections = connections.zip(of_bridge).map(|(one, other)| one + other);
        }
    }
    let last = custody.transport_of(peer.id());
    let last = last.map(|(over, at)| json!({ "at": at.to_string(), "over": over.as_str() }));
    Ok(with(
        thing(&peer),
        [
            ("bridges", names.into()),
            ("connections", connections.into()),
            ("last-came", last.into()),
            ("people", custody.people_sensed(peer.id(), now)?.into()),
        ],
    ))
}

fn seen(alliance: &Alliance, id: &str) -> anyhow::Result<Value> {
    let all = alliance.custody().bridges();
    let found = all.iter().find(|it| it.id().as_str() == id);
    let (seen, unlisted) = found
        .ok_or_else(|| {
            anyhow!("there is no bridge `{id}`: `amanat bridge list` says which there are")
        })?
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
    let mut shown = with(
        registered(&peer.registered()),
        [
            ("id", peer.id().as_str().into()),
            ("deployment", peer.deployment_id().as_str().into()),
            ("things", peer.thing_count().into()),
            ("seen", peer.seen().0.len().into()),
        ],
    );
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("topic");
    }
    shown
}

/// What is registered of who publishes.
fn registered(it: &Registered) -> Value {
    with(
        credential(it),
        [
            ("topic", it.topic.as_ref().map(NativeTopic::as_str).into()),
            (
                "adapter",
                it.adapter
                    .as_deref()
                    .unwrap_or(Adapter::Plain.as_str())
                    .into(),
            ),
            (
                "receives-as",
                it.receives_as.as_ref().map(RecipientId::as_str).into(),
            ),
        ],
    )
}

/// What is registered of a token.
fn credential(it: &Registered) -> Value {
    json!({
        "revoked-at": it.revoked_at.map(|it| it.to_string()),
        "former-token-until": it.former_until.map(|it| it.to_string()),
    })
}

/// The same with more members.
fn with<const N: usize>(mut said: Value, more: [(&str, Value); N]) -> Value {
    if let Some(members) = said.as_object_mut() {
        members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: Option<&str>, limit: u32) -> PageRequest {
        PageRequest {
            after: after.map(str::to_owned),
            limit,
        }
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all = ["a", "b", "c", "d", "e"];
        let told = |page: &PageRequest| listed("all-of", &all, page, |it| *it, |it| json!(it));
        let first = told(&page(None, 2));
        assert_eq!(
            first,
            json!({ "all-of": ["a", "b"], "all": 5, "next": "b" })
        );
        let second = told(&page(Some("b"), 3));
        assert_eq!(
            second,
            json!({ "all-of": ["c", "d", "e"], "all": 5, "next": null })
        );
        // Also behind one that is not there any more.
        assert_eq!(told(&page(Some("bb"), 1))["all-of"], json!(["c"]));
        assert_eq!(told(&page(Some("e"), 3))["all-of"], json!([]));
    }
}

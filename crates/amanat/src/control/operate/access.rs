//! Who receives what for: grants are given and ended, and what a notice does not declare is said.

use alliance::Alliance;
use anyhow::{Context, bail};
use custody::InForce;
use model::{DeploymentId, Grant, Notice, PurposeId, RecipientId, Timestamp};
use serde_json::{Value, json};

use super::{BY, known};

/// Gives access; says what the notice of the deployment would have to declare for anything to pass.
pub(super) fn grant(
    alliance: &Alliance,
    (recipient, purpose, deployment): (&str, &str, &str),
    until: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<Value> {
    let in_force = known(alliance, deployment, now)?;
    let recipient = registered(alliance, recipient)?;
    let until = until.map(moment).transpose()?;
    if until.is_some_and(|it| it <= now) {
        bail!("the end of the grant is over already: name a later moment, or leave --until out");
    }
    let grant = Grant {
        recipient,
        purpose: PurposeId::parse(purpose)?,
        deployment: in_force.id.clone(),
        valid_from: now,
        valid_until: until,
    };
    alliance.grant(&BY, &grant, now)?;
    Ok(json!({ "warnings": warnings(&grant, &in_force) }))
}

/// Ends access, at once or at a moment to come.
pub(super) fn end_grant(
    alliance: &Alliance,
    (recipient, purpose, deployment): (&str, &str, &str),
    at: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<Value> {
    let recipient = registered(alliance, recipient)?;
    let (purpose, deployment) = (PurposeId::parse(purpose)?, DeploymentId::parse(deployment)?);
    let at = at.map_or(Ok(now), moment)?;
    if at < now {
        bail!("`{at}` is over: name a later moment, or leave --at out to end it now");
    }
    alliance.end_grant(&BY, (&recipient, &purpose, &deployment), at, now)?;
    Ok(json!({ "until": at.to_string() }))
}

fn moment(text: &str) -> anyhow::Result<Timestamp> {
    Timestamp::parse(text)
        .with_context(|| format!("`{text}` is no moment: write one such as 2030-01-01T00:00:00Z"))
}

fn registered(alliance: &Alliance, id: &str) -> anyhow::Result<RecipientId> {
    let recipient = RecipientId::parse(id)?;
    match alliance.custody().recipient(&recipient) {
        Some(_) => Ok(recipient),
        None => bail!(
            "there is no recipient `{id}`: add it first, `amanat recipient list` says which there are"
        ),
    }
}

/// What keeps a grant from having any effect. It is given all the same: a notice may come later.
fn warnings(grant: &Grant, in_force: &InForce) -> Vec<String> {
    let Grant {
        recipient,
        purpose,
        deployment,
        ..
    } = grant;
    let notice = &in_force.notice;
    let version = notice.version;
    let mut missing = Vec::new();
    if notice.recipient(recipient).is_none() {
        missing.push(format!("a [[recipients]] with id = \"{recipient}\""));
    }
    if notice.purpose(purpose).is_none() {
        missing.push(format!("a [[purposes]] with id = \"{purpose}\""));
    }
    let mut warnings = Vec::new();
    if !is_declared(notice, recipient, purpose) {
        missing.push(format!(
            "a [[declarations]] with purpose = \"{purpose}\" and \"{recipient}\" among its recipients"
        ));
        warnings.push(format!(
            "version {version} of the notice of `{deployment}` declares nothing for `{recipient}` and the purpose `{purpose}`, so nothing passes; a later version would have to declare {}",
            missing.join(", and ")
        ));
    }
    if !in_force.licence.in_force() {
        warnings.push(format!(
            "the licence of `{deployment}` is {}: nothing passes before it is in force",
            in_force.licence
        ));
    }
    warnings
}

/// Whether something is declared that may pass to a recipient for a purpose, or that it may have a thing do for it.
pub(super) fn is_declared(notice: &Notice, recipient: &RecipientId, purpose: &PurposeId) -> bool {
    let declared = notice
        .declarations
        .iter()
        .any(|it| it.purpose == *purpose && it.recipients.contains(recipient));
    let commanded = notice
        .commands
        .iter()
        .any(|it| it.purpose == *purpose && it.recipients.contains(recipient));
    declared || commanded
}

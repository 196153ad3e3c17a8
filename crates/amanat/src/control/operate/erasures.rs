//! What recipients were told of erasures, for operators: nothing names a person.

use alliance::Alliance;
use anyhow::Context;
use custody::{EraseId, ErasureNotice};
use model::Timestamp;
use serde_json::{Value, json};

use super::request::PageRequest;

/// A page of what was told, oldest first.
pub(super) fn tell(
    alliance: &Alliance,
    page: &PageRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    let after = page.after.as_deref().map(|it| {
        EraseId::parse(it).with_context(|| format!("`{it}` is no identifier of an erasure"))
    });
    let after = after.transpose()?;
    let custody = alliance.custody();
    let (notices, all) = custody.all_erasure_notices(after.as_ref(), page.limit)?;
    let is_full = u32::try_from(notices.len()).is_ok_and(|it| it >= page.limit);
    let next = notices.last().filter(|_| is_full);
    let told: Vec<_> = notices.iter().map(|it| one(it, now)).collect();
    let mut answer = json!({ "erasures": told, "all": all });
    if let (Some(next), Some(members)) = (next, answer.as_object_mut()) {
        members.insert("next".to_owned(), next.id.as_str().into());
    }
    Ok(answer)
}

fn one(it: &ErasureNotice, now: Timestamp) -> Value {
    let state = match it.acknowledged_at {
        Some(_) => "acknowledged",
        None if it.is_overdue(now) => "late",
        None => "waiting",
    };
    let time = |at: Option<Timestamp>| at.map(|it| it.to_string());
    json!({
        "id": it.id.as_str(),
        "recipient": it.recipient.as_str(),
        "deployment": it.deployment.as_str(),
        "thing": it.thing.as_str(),
        "told-at": it.told_at.to_string(),
        "fetched-at": time(it.fetched_at),
        "acknowledge-by": it.due_at.to_string(),
        "acknowledged-at": time(it.acknowledged_at),
        "state": state,
    })
}

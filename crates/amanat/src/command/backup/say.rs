//! What is printed about backups.

use backup::{Depth, Manifest, Pruned, Verified};
use serde_json::{Value, json};

use super::{ids, print};
use crate::command::listing::json_line;
use crate::ui;

/// A backup that was made, as the server or this process shows it.
pub(super) fn created(value: &Value, json: bool) {
    if json {
        ui::data(&json_line(value));
        return;
    }
    let members = value.as_object().into_iter().flatten();
    let mut members: Vec<(&str, Value)> = members
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    // Its name first: that is what a restore asks for.
    members.sort_by_key(|(name, _)| *name != "backup");
    print(members, false);
    ui::words(
        "not in it: the root key, what opens it, the configuration and TLS files; keep those apart",
    );
}

/// A line of the list.
pub(super) fn listed(manifest: &Manifest, json: bool) {
    if json {
        print(members(manifest), true);
        return;
    }
    ui::data(&format!(
        "{}  {}  {} rows  {} segments  {} bytes  {} new",
        manifest.id,
        manifest.at,
        manifest.rows,
        manifest.segments,
        manifest.bytes,
        manifest.new_bytes
    ));
}

fn members(manifest: &Manifest) -> Vec<(&'static str, Value)> {
    vec![
        ("backup", json!(manifest.id.as_str())),
        ("at", json!(manifest.at.to_string())),
        ("record", json!(manifest.origin)),
        ("program", json!(manifest.program)),
        ("rows", json!(manifest.rows)),
        ("segments", json!(manifest.segments)),
        ("bytes", json!(manifest.bytes)),
        ("new-bytes", json!(manifest.new_bytes)),
        ("erasures", json!(manifest.erasures)),
    ]
}

/// The latest backup and its age.
pub(super) fn status(latest: &Manifest, age_ms: i64, json: bool) {
    print(
        vec![
            ("backup", json!(latest.id.as_str())),
            ("at", json!(latest.at.to_string())),
            ("age-seconds", json!(age_ms / 1000)),
        ],
        json,
    );
}

/// What a check found.
pub(super) fn verified(found: &Verified, depth: Depth, json: bool) {
    if json {
        let backups: Vec<_> = found.backups.iter().map(|it| it.id.clone()).collect();
        let members = vec![
            ("backups", ids(&backups)),
            ("pieces", json!(found.chunks)),
            ("bytes", json!(found.bytes)),
            ("read", json!(depth == Depth::Contents)),
            ("problems", json!(found.problems)),
        ];
        return print(members, true);
    }
    for problem in &found.problems {
        ui::words(problem);
    }
    let how = match depth {
        Depth::Files => "there and as long as they say",
        Depth::Contents => "read and opened",
    };
    if found.problems.is_empty() {
        ui::data(&format!(
            "ok: {} backups, {} pieces, {} bytes: all {how}",
            found.backups.len(),
            found.chunks,
            found.bytes
        ));
    }
    if depth == Depth::Files {
        ui::words("with --deep every piece is read; `amanat backup drill` tries a restore");
    }
}

/// What was removed.
pub(super) fn pruned(pruned: &Pruned, is_rehearsal: bool, json: bool) {
    let members = vec![
        ("removed", ids(&pruned.removed)),
        ("kept", ids(&pruned.kept)),
        ("pieces", json!(pruned.chunks)),
        ("bytes", json!(pruned.bytes)),
        ("dry-run", json!(is_rehearsal)),
    ];
    if json {
        return print(members, true);
    }
    let verb = if is_rehearsal {
        "would remove"
    } else {
        "removed"
    };
    for id in &pruned.removed {
        ui::data(&format!("{verb}: {id}"));
    }
    for id in &pruned.kept {
        ui::data(&format!("kept: {id}"));
    }
    ui::data(&format!(
        "{verb} {} pieces, {} bytes",
        pruned.chunks, pruned.bytes
    ));
}

//! Source switches: commands that can be sent, answers that can be read.

use serde::de::IgnoredAny;

use super::build::{plain, pointer, whole};
use super::conform::shown;
use super::reader::Reader;
use super::tree::Node;
use crate::Pointer;
use crate::notice::shape::DEFAULT_PATIENCE_SECONDS;
use crate::notice::{Confirm, SourceSwitch};

const NAMES: Names = Names {
    known: &["{thing}"],
    remedy: "only {thing} stands for something",
};

/// The names in braces that a topic may have.
pub(super) struct Names {
    pub(super) known: &'static [&'static str],
    /// What is said about others.
    pub(super) remedy: &'static str,
}

/// Reads one source switch.
pub(super) fn source_switch(reader: &mut Reader<'_>, node: &Node) -> Option<SourceSwitch> {
    if let Some((it, topic)) = node.get("topic").and_then(|it| Some((it, it.text()?))) {
        check_topic(reader, it, topic, &NAMES);
    }
    let fields: Vec<_> = node.list("fields").iter().filter_map(pointer).collect();
    let confirm = node
        .get("confirm")
        .and_then(|it| confirm(reader, it, &fields));
    differ(reader, node, ["off", "on"]);
    differ(reader, node, ["off", "slow"]);
    differ(reader, node, ["on", "slow"]);
    Some(SourceSwitch {
        fields,
        topic: plain(node, "topic")?,
        off: plain(node, "off")?,
        on: plain(node, "on")?,
        slow: plain(node, "slow"),
        confirm,
        patience_seconds: whole(node, "patience-seconds").unwrap_or(DEFAULT_PATIENCE_SECONDS),
    })
}

/// A topic to which something can be sent.
pub(super) fn check_topic(reader: &mut Reader<'_>, node: &Node, topic: &str, names: &Names) {
    let mut wrong = |reason: &str, remedy: &str| {
        reader.wrong(
            node,
            format!("the topic `{}` {reason}", shown(topic)),
            remedy,
        );
    };
    if topic.contains(['+', '#']) {
        wrong(
            "has a wildcard",
            "a command goes to one topic: write it out",
        );
    }
    if topic.starts_with('$') || topic.starts_with('/') {
        wrong(
            "starts with `$` or `/`",
            "write a topic such as zigbee2mqtt/{thing}/set",
        );
    }
    let known = names.known.iter();
    let rest = known.fold(topic.to_owned(), |rest, it| rest.replace(it, ""));
    if rest.contains(['{', '}']) {
        wrong("has an unknown placeholder", names.remedy);
    }
}

fn differ(reader: &mut Reader<'_>, node: &Node, [one, other]: [&str; 2]) {
    if let (Some(a), Some(b)) = (node.get(one), node.get(other))
        && a.text().is_some()
        && a.text() == b.text()
    {
        let reason = format!("`{one}` and `{other}` are the same command");
        reader.wrong(
            b,
            reason,
            "write what the product's description says for each",
        );
    }
}

fn confirm(reader: &mut Reader<'_>, node: &Node, switched: &[Pointer]) -> Option<Confirm> {
    for (it, text) in ["off", "on"]
        .iter()
        .filter_map(|it| node.get(it))
        .filter_map(|it| Some((it, it.text()?)))
    {
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            let reason = format!("`{}` is not JSON", shown(text));
            reader.wrong(
                it,
                reason,
                "write the value as the thing sends it: false, 1, or \"OFF\" with its quotes",
            );
        }
    }
    differ(reader, node, ["off", "on"]);
    let field = pointer(node.get("field")?)?;
    if switched.contains(&field) {
        let reason = format!("field `{field}` is switched off itself, so it cannot confirm");
        reader.wrong(
            node,
            reason,
            "name a field that still comes, or remove `confirm`",
        );
    }
    Some(Confirm {
        field,
        off: plain(node, "off")?,
        on: plain(node, "on")?,
    })
}

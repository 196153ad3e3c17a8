//! Acts of choosing, plans and receipts, from custody to the pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use alliance::AllianceError;
use custody::{
    BulkChange, BulkPlan, Change, HistoryAct, Matter, ReceiptFacts, RecordFrame, Unmatched,
};
use model::{DeploymentId, Level, Notice, Text, Timestamp};

use super::word;
use crate::form::FormToken;
use crate::page::{
    ChoiceChange, DeploymentChanges, HistoryLine, ReceiptBanner, ReceiptLine, ReceiptPage, misfit,
};
use crate::route::Route;
use crate::shell::Shell;
use crate::site::Site;
use crate::texts::Texts;
use crate::visit::{Failure, Visit};

/// How many changes of one act a history shows.
const SHOWN_IN_HISTORY: usize = 5;
/// How many changes a receipt shows on its page; the file has all.
const SHOWN_ON_RECEIPT: usize = 20;
/// How many changes of a plan stand on one page.
pub(crate) const SHOWN_IN_PREVIEW: usize = 20;
/// How many lines that do not fit are shown.
const SHOWN_UNMATCHED: usize = 15;

/// The notices that changes rest on, each looked up once.
pub(crate) struct Notices<'a> {
    visit: &'a Visit,
    known: BTreeMap<(DeploymentId, Option<u32>), Option<Arc<Notice>>>,
}

impl<'a> Notices<'a> {
    pub(crate) const fn new(visit: &'a Visit) -> Self {
        Self {
            visit,
            known: BTreeMap::new(),
        }
    }

    /// The notice in force, or one of its earlier versions on which choices rest.
    fn get(&mut self, id: &DeploymentId, version: Option<u32>) -> Option<Arc<Notice>> {
        let custody = self.visit.site.custody();
        let find = || {
            let in_force = custody.in_force_at(id, self.visit.now).map(|it| it.notice);
            match version {
                Some(version) if in_force.as_ref().is_none_or(|it| it.version != version) => {
                    custody
                        .past_notice(id, version)
                        .ok()
                        .flatten()
                        .map(Arc::new)
                }
                _ => in_force,
            }
        };
        let known = self.known.entry((id.clone(), version));
        known.or_insert_with(find).clone()
    }

    /// What people call a deployment.
    pub(crate) fn title(&mut self, id: &DeploymentId) -> Text {
        let notice = self.get(id, None);
        notice.map_or_else(|| word(id.as_str()), |it| it.title.clone())
    }
}

/// The words of one matter.
fn line(
    shell: &Shell,
    notice: Option<&Notice>,
    matter: &Matter,
    levels: [Level; 2],
) -> ChoiceChange {
    let field = notice.and_then(|it| it.field(&matter.field));
    let recipient = notice.and_then(|it| it.recipient(&matter.recipient));
    let purpose = notice.and_then(|it| it.purpose(&matter.purpose));
    let covered = notice.is_some_and(|it| it.subject_field.as_ref() == Some(&matter.field));
    let or = |text: Option<&Text>, id: &str| text.map_or(id, |it| shell.of(it)).to_owned();
    let words = |level: Level| match field {
        Some(_) if covered && level == Level::ON => shell.say("notice-cover-name"),
        Some(field) => shell.level(field, &level),
        None => level.to_string(),
    };
    let [before, after] = levels;
    ChoiceChange {
        field: or(field.map(|it| &it.title), matter.field.as_str()),
        recipient: or(recipient.map(|it| &it.title), matter.recipient.as_str()),
        purpose: or(purpose.map(|it| &it.title), matter.purpose.as_str()),
        before: words(before),
        after: words(after),
    }
}

fn change(shell: &Shell, notices: &mut Notices<'_>, change: &Change) -> ChoiceChange {
    let matter = &change.matter;
    let notice = notices.get(&matter.deployment, Some(change.notice_version));
    let levels = [change.before.level, change.after.level];
    line(shell, notice.as_deref(), matter, levels)
}

/// The first changes of an act, in words, and how many more there are.
pub(crate) fn first_changes(
    shell: &Shell,
    notices: &mut Notices<'_>,
    changes: &[Change],
) -> (Vec<ChoiceChange>, usize) {
    let first = changes.iter().take(SHOWN_IN_HISTORY);
    let first = first.map(|it| change(shell, notices, it)).collect();
    (first, changes.len().saturating_sub(SHOWN_IN_HISTORY))
}

/// An act as a history shows it.
pub(crate) fn history_line(
    shell: &Shell,
    notices: &mut Notices<'_>,
    it: HistoryAct,
) -> HistoryLine {
    let (changes, more) = first_changes(shell, notices, &it.changes);
    HistoryLine {
        at: it.act.at,
        how: how(shell, notices, &it.act.how),
        changes,
        more,
        receipt: it.act.id,
        stands: it.stands,
    }
}

fn how(shell: &Shell, notices: &mut Notices<'_>, how: &custody::How) -> String {
    let title = match how {
        custody::How::Copied(id) => shell.of(&notices.title(id)).to_owned(),
        _ => String::new(),
    };
    shell.how(how, &title)
}

/// A receipt as its page shows it.
pub(crate) fn receipt_page(
    visit: &Visit,
    form: FormToken,
    facts: ReceiptFacts,
    banner: ReceiptBanner,
) -> ReceiptPage {
    let shell = visit.shell(Route::Receipt(facts.act.id.clone()));
    let mut notices = Notices::new(visit);
    let lines = facts
        .changes
        .iter()
        .take(SHOWN_ON_RECEIPT)
        .map(|it| ReceiptLine {
            change: change(&shell, &mut notices, it),
            state: it.state(),
        });
    let lines = lines.collect();
    ReceiptPage {
        form,
        banner,
        at: facts.act.at,
        how: how(&shell, &mut notices, &facts.act.how),
        lines,
        more: facts.changes.len().saturating_sub(SHOWN_ON_RECEIPT),
        receipt: facts.act.id,
        sha256: facts.act.sha256,
        previous_sha256: facts.act.previous_sha256,
        intact: facts.intact,
        shell,
    }
}

/// The changes of one page of a plan, by deployment.
pub(crate) fn parts(shell: &Shell, plan: &BulkPlan, from: usize) -> Vec<DeploymentChanges> {
    let mut parts: Vec<(&DeploymentId, DeploymentChanges)> = Vec::new();
    for it in plan.changes.iter().skip(from).take(SHOWN_IN_PREVIEW) {
        let id = &it.matter.deployment;
        let notice = plan.notices.get(id).map(AsRef::as_ref);
        let change = line(shell, notice, &it.matter, [it.before, it.after]);
        match parts.last_mut().filter(|(known, _)| *known == id) {
            Some((_, part)) => part.changes.push(change),
            None => {
                let title = notice.map_or_else(|| word(id.as_str()), |it| it.title.clone());
                let changes = vec![change];
                parts.push((id, DeploymentChanges { title, changes }));
            }
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// How many values of a plan change, and how many only have their decision written down or taken back.
pub(crate) fn counts(plan: &BulkPlan) -> (usize, usize) {
    let written = plan
        .changes
        .iter()
        .filter(|it| BulkChange::is_only_written_down(it));
    let written = written.count();
    (plan.changes.len() - written, written)
}

/// What does not fit, in words, and how much more there is.
pub(crate) fn unmatched(visit: &Visit, shell: &Shell, plan: &BulkPlan) -> (Vec<String>, usize) {
    let mut notices = Notices::new(visit);
    let lines = plan
        .unmatched
        .iter()
        .take(SHOWN_UNMATCHED)
        .map(|it| match it {
            Unmatched::NoCounterpart(matter) => {
                let notice = notices.get(&matter.deployment, None);
                let words = line(shell, notice.as_deref(), matter, [Level::OFF; 2]);
                let message = shell.with("preview-lonely").set("field", words.field);
                let message = message.set("recipient", words.recipient);
                message.set("purpose", words.purpose).to_string()
            }
            Unmatched::Row(number, matter, why) => {
                let notice = notices.get(&matter.deployment, None);
                let words = line(shell, notice.as_deref(), matter, [Level::OFF; 2]);
                let message = shell.with("preview-row").set("number", *number);
                let message = message.set("deployment", matter.deployment.as_str());
                let message = message
                    .set("field", words.field)
                    .set("recipient", words.recipient);
                message.set("reason", misfit(shell, *why)).to_string()
            }
        });
    let lines = lines.collect();
    (lines, plan.unmatched.len().saturating_sub(SHOWN_UNMATCHED))
}

/// The country whose law holds, in records of consent.
const COUNTRY: &str = "PK";

/// What a record of consent says beside what custody knows.
pub(crate) fn frame(visit: &Visit, shell: &Shell) -> Result<RecordFrame, Failure> {
    Ok(frame_of(&visit.site, &shell.texts, visit.now)?)
}

/// The same without somebody who asks.
pub(crate) fn frame_of(
    site: &Site,
    shell: &Texts,
    now: Timestamp,
) -> Result<RecordFrame, AllianceError> {
    let members = site.alliance().overview(now)?.members;
    let rights = [
        ("record-right-see", Route::me()),
        ("record-right-decide", Route::AllChoices),
        ("record-right-copy", Route::ChoicesFile),
    ];
    Ok(RecordFrame {
        base: site.public_url().origin().to_owned(),
        language: shell.language(),
        country: COUNTRY.to_owned(),
        keeper: shell.say("record-keeper"),
        controllers: members
            .into_iter()
            .map(|it| (it.id, shell.of(&it.name).to_owned()))
            .collect(),
        rights: rights
            .map(|(key, route)| (shell.say(key), route.to_string()))
            .into(),
        valid: shell.say("record-valid"),
        withdrawal: shell.say("record-withdrawal"),
        now,
    })
}

//! From what the use cases return to what the pages show.

use std::collections::BTreeMap;

use alliance::cases::SanctionKind;
use alliance::{Limit, Member, Overview};
use custody::{DataSetId, DriftRow, EntryProof, InForce, RecordedEntry};
use data_encoding::BASE64;
use model::{
    Cap, CapTarget, DeploymentId, Entry, EntryKind, Level, LicenceState, Notice, PurposeId,
    RecipientId, Text, Timestamp,
};

use crate::page::{
    About, By, DeploymentCard, Done, DriftLine, DriftName, DriftReason, EntryLine, GrantLine,
    Licence, LimitLine, MemberLink, OfficeRow, Proof,
};
use crate::visit::{Failure, Visit};

pub(crate) mod commands;
pub(crate) mod consent;
pub(crate) mod sheet;
pub(crate) mod sources;
pub(crate) mod timeline;

/// What people call a deployment.
pub(crate) fn title_of(visit: &Visit, deployment: &DeploymentId) -> Text {
    let in_force = visit.site.custody().in_force_at(deployment, visit.now);
    in_force.map_or_else(|| word(deployment.as_str()), |it| it.notice.title.clone())
}

/// The same word in every language: an identifier that nothing is known about.
pub(crate) fn word(text: &str) -> Text {
    Text {
        en: text.to_owned(),
        ur: text.to_owned(),
    }
}

/// A member as links show it.
pub(crate) fn member_link(member: &Member) -> MemberLink {
    MemberLink {
        id: member.id.clone(),
        title: member.name.clone(),
    }
}

/// Who answers for a notice; the identifier where the register does not know it.
pub(crate) fn controller(notice: &Notice, member: Option<&Member>) -> MemberLink {
    member.map_or_else(
        || MemberLink {
            id: notice.controller.clone(),
            title: word(notice.controller.as_str()),
        },
        member_link,
    )
}

fn controller_among(notice: &Notice, members: &[Member]) -> MemberLink {
    let member = members.iter().find(|it| it.id == notice.controller);
    controller(notice, member)
}

/// Deployments as lists show them.
pub(crate) fn cards(deployments: &[InForce], members: &[Member]) -> Vec<DeploymentCard> {
    let card = |it: &InForce| DeploymentCard {
        id: it.id.clone(),
        title: it.notice.title.clone(),
        summary: it.notice.summary.clone(),
        place: it.notice.place.clone(),
        controller: controller_among(&it.notice, members),
        licence: it.licence,
    };
    deployments.iter().map(card).collect()
}

/// The licence as it stands, with the act that brought it there; `entries` are about the deployment, newest first.
pub(crate) fn licence(in_force: &InForce, entries: &[RecordedEntry]) -> Licence {
    let act = entries
        .iter()
        .find(|it| licence_after(it.entry.kind).is_some());
    let fits = act.filter(|it| licence_after(it.entry.kind) == Some(in_force.licence));
    let since = match in_force.licence {
        LicenceState::Expired => in_force.licence_until,
        _ => fits.map(|it| it.entry.at),
    };
    Licence {
        state: in_force.licence,
        since,
        reason: fits.map(|it| it.entry.reason.clone()).unwrap_or_default(),
        entry: act.map(|it| it.position),
    }
}

/// The state that a licence is in after an act of this kind.
const fn licence_after(kind: EntryKind) -> Option<LicenceState> {
    match kind {
        EntryKind::LicenceIssued | EntryKind::LicenceReinstated => Some(LicenceState::Active),
        EntryKind::LicenceSuspended => Some(LicenceState::Suspended),
        EntryKind::LicenceRevoked => Some(LicenceState::Revoked),
        _ => None,
    }
}

/// What custody calls a value that nobody declared: a JSON Pointer, or a word in brackets for what it counts together.
fn drift_name(pointer: &str) -> DriftName {
    match pointer {
        "" => DriftName::Whole,
        "(names that are not shown)" => DriftName::Hidden,
        "(more fields)" => DriftName::Rest,
        other => DriftName::Pointer(other.to_owned()),
    }
}

/// A value that nobody declared.
pub(crate) fn drift_line(row: &DriftRow) -> DriftLine {
    DriftLine {
        name: drift_name(&row.pointer),
        reason: match row.reason.as_str() {
            "wrong-type" => DriftReason::WrongType,
            "out-of-range" => DriftReason::OutOfRange,
            "not-yet" => DriftReason::NotYet,
            _ => DriftReason::Unknown,
        },
        times: row.times,
        first_at: row.first_at,
        last_at: row.last_at,
    }
}

/// Entries as lists show them. Reads the members once, for their names.
pub(crate) fn entry_lines(
    visit: &Visit,
    entries: &[RecordedEntry],
) -> Result<Vec<EntryLine>, Failure> {
    let members = visit.site.alliance().overview(visit.now)?.members;
    let lines = entries.iter().map(|it| entry_line(visit, &members, it));
    Ok(lines.collect())
}

/// What panels decided against a deployment, as far as it stands: kind, what it is about, and the case.
pub(crate) fn sanctions(
    visit: &Visit,
    id: &DeploymentId,
) -> Result<Vec<(SanctionKind, String, u64)>, Failure> {
    let standing = visit.site.alliance().sanctions_at(id);
    let standing = standing.map_err(|err| Failure::internal(&err))?.into_iter();
    Ok(standing.map(|it| (it.kind, it.target, it.case)).collect())
}

/// Entries about a subject such as `member:epa-punjab`, newest first.
pub(crate) fn entries_about(
    visit: &Visit,
    about: &str,
    limit: u16,
) -> Result<Vec<EntryLine>, Failure> {
    let entries = visit.site.custody().record_about(about, limit);
    let entries = entries.map_err(|err| Failure::internal(&err))?;
    entry_lines(visit, &entries)
}

fn entry_line(visit: &Visit, members: &[Member], recorded: &RecordedEntry) -> EntryLine {
    let entry = &recorded.entry;
    let grant = grant(visit, entry);
    let reason = match grant {
        Some(_) => String::new(),
        None => entry.reason.clone(),
    };
    let (about, reason) = match limit(entry) {
        Some((cap, reason)) => (About::Limit(cap), reason),
        None => (about(visit, members, &entry.about), reason),
    };
    EntryLine {
        index: recorded.position,
        at: entry.at,
        kind: entry.kind,
        about,
        by: by(members, &entry.by),
        reason,
        grant,
    }
}

/// What an entry about a limit says: its reason begins with a line `field:/power every purpose at most:off`.
fn limit(entry: &Entry) -> Option<(Cap, String)> {
    if !matches!(entry.kind, EntryKind::LimitSet | EntryKind::LimitLifted) {
        return None;
    }
    let (head, reason) = entry.reason.split_once('\n')?;
    let (head, most) = head.rsplit_once(" at most:")?;
    let (target, purpose) = match head.strip_suffix(" every purpose") {
        Some(target) => (target, None),
        None => {
            let (target, purpose) = head.rsplit_once(" purpose:")?;
            (target, Some(PurposeId::parse(purpose).ok()?))
        }
    };
    let (kind, name) = target.split_once(':')?;
    let cap = Cap {
        target: CapTarget::parse(kind, name)?,
        purpose,
        most: Level::parse(most)?,
    };
    Some((cap, reason.to_owned()))
}

/// Limits as pages list them.
pub(crate) fn limits(limits: &[Limit]) -> Vec<LimitLine> {
    let line = |it: &Limit| LimitLine {
        cap: it.cap.clone(),
        reason: it.reason.clone(),
        since: it.since,
    };
    limits.iter().map(line).collect()
}

/// At most so many titles of one purpose are shown.
const MAX_TITLES: usize = 3;

/// The purposes of all notices, each once, by identifier; a purpose that notices call differently has all their titles.
pub(crate) fn purposes(in_force: &[InForce]) -> Vec<(PurposeId, Text)> {
    let mut named: BTreeMap<&PurposeId, Vec<&Text>> = BTreeMap::new();
    for purpose in in_force.iter().flat_map(|it| &it.notice.purposes) {
        let titles = named.entry(&purpose.id).or_default();
        if titles.len() < MAX_TITLES && !titles.contains(&&purpose.title) {
            titles.push(&purpose.title);
        }
    }
    let joined = |titles: &[&Text], text: fn(&Text) -> &str| {
        let titles: Vec<&str> = titles.iter().map(|it| text(it)).collect();
        titles.join(" / ")
    };
    let text = |titles: &[&Text]| Text {
        en: joined(titles, |it| &it.en),
        ur: joined(titles, |it| &it.ur),
    };
    let named = named.into_iter();
    named.map(|(id, it)| (id.clone(), text(&it))).collect()
}

fn notice_of(visit: &Visit, id: &str) -> Option<InForce> {
    let id = DeploymentId::parse(id).ok()?;
    visit.site.custody().in_force_at(&id, visit.now)
}

fn about(visit: &Visit, members: &[Member], about: &str) -> About {
    let found = match about.split_once(':') {
        Some(("deployment", id)) => {
            notice_of(visit, id).map(|it| About::Deployment(it.id, it.notice.title.clone()))
        }
        Some(("member", id)) => {
            let member = members.iter().find(|it| it.id.as_str() == id);
            member.map(|it| About::Member(it.id.clone(), it.name.clone()))
        }
        Some(("commons", id)) => data_set(visit, id),
        _ => None,
    };
    found.unwrap_or_else(|| About::Other(about.to_owned()))
}

fn data_set(visit: &Visit, id: &str) -> Option<About> {
    let id = DataSetId::parse(id).ok()?;
    let view = visit.site.custody().data_set(&id).ok()??;
    Some(About::DataSet(id, view.data_set.title))
}

fn by(members: &[Member], by: &str) -> By {
    let found = match by.split_once(':') {
        Some(("office", "licensing")) => Some(By::Licensing),
        Some(("office", "operator")) => Some(By::Operator),
        Some(("office", "licensing+licensing")) => Some(By::TwoOfficers),
        Some(("office", "operator+licensing")) => Some(By::OperatorAndOfficer),
        Some(("office", "commons" | "custody" | "statistics")) => Some(By::Itself),
        None if by == "person" => Some(By::Person),
        Some(("member", id)) => {
            let member = members.iter().find(|it| it.id.as_str() == id);
            member.map(|it| By::Member(it.name.clone()))
        }
        _ => None,
    };
    found.unwrap_or_else(|| By::Other(by.to_owned()))
}

/// What an entry about access says, whose reason is `recipient:… purpose:…`, and behind it `from:…` where the access ends later.
fn grant(visit: &Visit, entry: &Entry) -> Option<GrantLine> {
    if !matches!(
        entry.kind,
        EntryKind::GrantIssued | EntryKind::GrantWithdrawn
    ) {
        return None;
    }
    let (recipient, purpose) = entry.reason.split_once(' ')?;
    let recipient = recipient.strip_prefix("recipient:")?;
    let (purpose, ends_at) = match purpose.split_once(" from:") {
        Some((purpose, at)) => (purpose, Timestamp::parse(at).ok()),
        None => (purpose, None),
    };
    let purpose = purpose.strip_prefix("purpose:")?;
    let notice = notice_of(visit, entry.about.strip_prefix("deployment:")?);
    let notice = notice.as_ref().map(|it| &it.notice);
    let recipient_title = notice.and_then(|it| {
        let id = RecipientId::parse(recipient).ok()?;
        Some(it.recipient(&id)?.title.clone())
    });
    let purpose_title = notice.and_then(|it| {
        let id = PurposeId::parse(purpose).ok()?;
        Some(it.purpose(&id)?.title.clone())
    });
    Some(GrantLine {
        recipient: recipient_title.unwrap_or_else(|| word(recipient)),
        purpose: purpose_title.unwrap_or_else(|| word(purpose)),
        ends_at,
    })
}

/// A proof in words of base64, as checkpoints write hashes; `None` where the checkpoint cannot be read.
pub(crate) fn proof(proof: &EntryProof) -> Option<Proof> {
    let mut lines = proof.checkpoint.lines().skip(1);
    let size = lines.next()?.parse().ok()?;
    let root = lines.next()?.to_owned();
    let mut leaf = ring::digest::Context::new(&ring::digest::SHA256);
    // RFC 6962 section 2.1: a leaf is hashed with a zero before it.
    leaf.update(&[0]);
    leaf.update(&proof.bytes);
    Some(Proof {
        leaf: BASE64.encode(leaf.finish().as_ref()),
        path: proof.proof.path.iter().map(ToString::to_string).collect(),
        size,
        root,
        checkpoint: proof.checkpoint.clone(),
    })
}

/// The office's list.
pub(crate) fn office_rows(overview: &Overview) -> Vec<OfficeRow> {
    let row = |it: &InForce| OfficeRow {
        id: it.id.clone(),
        title: it.notice.title.clone(),
        controller: controller_among(&it.notice, &overview.members).title,
        licence: it.licence,
        reason: String::new(),
        error: None,
    };
    overview.deployments.iter().map(row).collect()
}

/// What an act of the office has done: the licence now and the newest entry about it.
pub(crate) fn done(visit: &Visit, id: &DeploymentId) -> Result<Option<Done>, Failure> {
    let newest = visit
        .site
        .custody()
        .record_about(&format!("deployment:{id}"), 1);
    let newest = newest.map_err(|err| Failure::internal(&err))?;
    let in_force = visit.site.custody().in_force_at(id, visit.now);
    Ok(in_force.zip(newest.first()).map(|(it, entry)| Done {
        title: it.notice.title.clone(),
        licence: it.licence,
        entry: entry.position,
    }))
}

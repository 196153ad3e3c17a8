//! Routes by what they lead to, as templates and handlers name them.

use custody::{DataSetId, OwnFileId, Preset, StatisticId};
use model::{DeploymentId, MemberId};

use super::{Ask, EndpointKind, Route};

impl Route {
    /// Cases, the newest first.
    pub(crate) const fn cases() -> Self {
        Self::Cases { before: None }
    }

    /// The form about something on the page at `here`: a page about a deployment hands it on.
    pub(crate) fn something_wrong(here: Option<&Self>) -> Self {
        let about = match here {
            Some(Self::Notice(it) | Self::Choices(it) | Self::Sign(it)) => Some(it.clone()),
            _ => None,
        };
        Self::NewCase(about)
    }

    /// The log of commands to devices, at all deployments.
    pub(crate) const fn office_commands() -> Self {
        Self::OfficeCommands {
            deployment: None,
            after: None,
        }
    }

    /// The log of commands to the devices of `deployment`.
    pub(crate) fn office_commands_of(deployment: &DeploymentId) -> Self {
        Self::OfficeCommands {
            deployment: Some(deployment.clone()),
            after: None,
        }
    }

    /// What is sealed to a person's own keys.
    pub(crate) fn sealed() -> Self {
        Self::Sealed { before: None }
    }

    /// One sealed file.
    pub(crate) fn sealed_file(id: &OwnFileId) -> Self {
        Self::SealedFile(*id)
    }

    /// The public notice of `deployment`.
    pub(crate) fn notice(deployment: &DeploymentId) -> Self {
        Self::Notice(deployment.clone())
    }

    /// The notice of `deployment` as the file that was published.
    pub(crate) fn notice_file(deployment: &DeploymentId) -> Self {
        Self::NoticeFile(deployment.clone())
    }

    /// Version `version` of the notice of `deployment` as the file that was published.
    pub(crate) fn notice_version(deployment: &DeploymentId, version: &u32) -> Self {
        Self::NoticeVersion {
            deployment: deployment.clone(),
            version: *version,
        }
    }

    /// What the newest versions of the notice of `deployment` changed.
    pub(crate) fn notice_changes(deployment: &DeploymentId) -> Self {
        Self::NoticeChanges {
            deployment: deployment.clone(),
            before: None,
        }
    }

    /// The notice of `deployment` as linked data.
    pub(crate) fn notice_linked(deployment: &DeploymentId) -> Self {
        Self::NoticeLinked(deployment.clone())
    }

    /// The first page of what came in to `deployment` without having been declared.
    pub(crate) fn drift(deployment: &DeploymentId) -> Self {
        Self::drift_from(deployment, 0)
    }

    /// The page of what came in to `deployment` without having been declared, after the first `skip` values.
    pub(crate) fn drift_from(deployment: &DeploymentId, skip: u16) -> Self {
        Self::Drift {
            deployment: deployment.clone(),
            skip,
        }
    }

    /// The sign of `deployment`.
    pub(crate) fn sign(deployment: &DeploymentId) -> Self {
        Self::Sign(deployment.clone())
    }

    /// Why values of `deployment` pass as they do before any choice.
    pub(crate) fn why(deployment: &DeploymentId) -> Self {
        Self::why_from(deployment, 0)
    }

    /// The same, after the first `skip` values.
    pub(crate) fn why_from(deployment: &DeploymentId, skip: u32) -> Self {
        Self::Why {
            deployment: deployment.clone(),
            skip,
        }
    }

    /// What senses people, near `from` or anywhere.
    pub(crate) fn nearby(from: Option<&DeploymentId>) -> Self {
        Self::Nearby {
            from: from.cloned(),
        }
    }

    /// What senses people near a deployment.
    pub(crate) fn nearby_to(from: &DeploymentId) -> Self {
        Self::nearby(Some(from))
    }

    /// What senses people, anywhere.
    pub(crate) const fn nearby_anywhere() -> Self {
        Self::Nearby { from: None }
    }

    /// The choices for `deployment`.
    pub(crate) fn choices(deployment: &DeploymentId) -> Self {
        Self::Choices(deployment.clone())
    }

    /// The form for a new endpoint of a kind.
    pub(crate) const fn new_destination(kind: &EndpointKind) -> Self {
        Self::NewDestination(*kind)
    }

    /// The newest page of what was chosen for `deployment`.
    pub(crate) fn history(deployment: &DeploymentId) -> Self {
        Self::ChoicesHistory {
            deployment: deployment.clone(),
            before: None,
        }
    }

    /// The record of the choices for `deployment`.
    pub(crate) fn choices_record(deployment: &DeploymentId) -> Self {
        Self::ChoicesRecord(Some(deployment.clone()))
    }

    /// The first page of what `ask` would change.
    pub(crate) const fn preview(ask: Ask) -> Self {
        Self::Preview { ask, from: 0 }
    }

    /// What `preset` would change at `deployment`.
    pub(crate) fn preset_at(preset: &Preset, deployment: &DeploymentId) -> Self {
        Self::preview(Ask::Preset(*preset, Some(deployment.clone())))
    }

    /// What `preset` would change everywhere.
    pub(crate) const fn preset(preset: &Preset) -> Self {
        Self::preview(Ask::Preset(*preset, None))
    }

    /// What the choices for `deployment` would change elsewhere.
    pub(crate) fn same(deployment: &DeploymentId) -> Self {
        Self::preview(Ask::Same(deployment.clone(), None))
    }

    /// What the choice in the row named `row` would change elsewhere.
    pub(crate) fn same_row(deployment: &DeploymentId, row: &str) -> Self {
        Self::preview(Ask::Same(deployment.clone(), Some(row.to_owned())))
    }

    /// The open data set `id`.
    pub(crate) fn data_set(id: &DataSetId) -> Self {
        Self::DataSet(id.clone())
    }

    /// The form that suspends the licence of `deployment`.
    pub(crate) fn suspend(deployment: &DeploymentId) -> Self {
        Self::OfficeSuspend(deployment.clone())
    }

    /// The form that puts the licence of `deployment` in force again.
    pub(crate) fn reinstate(deployment: &DeploymentId) -> Self {
        Self::OfficeReinstate(deployment.clone())
    }

    /// The page of `member`.
    pub(crate) fn member(member: &MemberId) -> Self {
        Self::Member(member.clone())
    }

    /// The entry at `index`.
    pub(crate) const fn entry(index: &u64) -> Self {
        Self::RecordEntry(*index)
    }

    /// The newest page of the record.
    pub(crate) const fn record() -> Self {
        Self::Record { before: None }
    }

    /// The newest page of the person's own data.
    pub(crate) const fn me() -> Self {
        Self::Me { before: None }
    }

    /// The link that signs in once with `token`.
    pub(crate) fn sign_in_once(token: &str) -> Self {
        Self::SignInOnce(token.to_owned())
    }

    /// The signed head of the record.
    pub(crate) fn checkpoint() -> Self {
        Self::RecordLog("checkpoint".to_owned())
    }

    /// Figures of one statistical data set.
    pub(crate) fn statistic(id: &StatisticId) -> Self {
        Self::Statistic(id.clone())
    }

    /// The same for programs.
    pub(crate) fn statistic_file(id: &StatisticId) -> Self {
        Self::StatisticFile(id.clone())
    }
}

/// The query of a search; what nobody asked for is left out.
pub(super) fn search(query: &custody::RecordQuery) -> String {
    let mut parts = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            parts.push(format!("{name}={}", super::escape(value, false)));
        }
    };
    add("kind", query.kind.map_or("", |it| it.as_str()));
    add("about", &query.about);
    add("words", &query.words);
    add(
        "before",
        &query.before.map_or_else(String::new, |it| it.to_string()),
    );
    parts.join("&")
}

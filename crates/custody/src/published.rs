//! Notices as they were published: every text whose hash stands in the record.

use model::{DeploymentId, PersonId, Timestamp};

use crate::rows::{RowError, deployment, notice_version};

/// The most versions of a notice that are read at once.
pub const MAX_NOTICE_VERSIONS: u16 = 16;

/// One version of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeVersion {
    /// Its number.
    pub version: u32,
    /// When it was published; `None` where it was published before this was kept, and the record does not tell.
    pub published_at: Option<Timestamp>,
    /// Lower-case hex SHA-256 of the text, as in the record.
    pub sha256: String,
    /// The entry of the record that says so, where there is one.
    pub entry: Option<u64>,
    /// The text, byte for byte.
    pub source: String,
}

/// A notice that changed since a person last chose under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeNews {
    /// The version in force.
    pub version: u32,
    /// When it was published, where that is known.
    pub published_at: Option<Timestamp>,
    /// The version under which the person last chose.
    pub chosen: u32,
}

impl crate::Custody {
    /// The notice in force as it was published, byte for byte; `None` when there is no such deployment.
    ///
    /// # Errors
    /// When the database fails.
    pub fn notice_source(&self, id: &DeploymentId) -> Result<Option<String>, RowError> {
        self.inner.db.read(|tx| deployment::notice_source(tx, id))
    }

    /// Versions of a notice, newest first: at most `limit` and never more than [`MAX_NOTICE_VERSIONS`], only smaller
    /// numbers than `before` where one is given. None when there is no such deployment. Versions that were replaced
    /// before versions were kept are missing, except those under which somebody chose.
    ///
    /// # Errors
    /// When the database fails.
    pub fn notice_versions(
        &self,
        id: &DeploymentId,
        before: Option<u32>,
        limit: u16,
    ) -> Result<Vec<NoticeVersion>, RowError> {
        let before = before.map_or(i64::MAX, i64::from);
        let limit = limit.min(MAX_NOTICE_VERSIONS);
        self.inner
            .db
            .read(|tx| notice_version::before(tx, id, before, limit))
    }

    /// The text of one version of a notice, byte for byte, if it is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub fn notice_version_source(
        &self,
        id: &DeploymentId,
        version: u32,
    ) -> Result<Option<String>, RowError> {
        self.inner
            .db
            .read(|tx| notice_version::source(tx, id, version))
    }

    /// Whether the notice has changed since a person last chose at a deployment; `None` where it has not, and where the
    /// person never chose.
    ///
    /// # Errors
    /// When the database fails.
    pub fn notice_news(
        &self,
        person: &PersonId,
        id: &DeploymentId,
    ) -> Result<Option<NoticeNews>, RowError> {
        let chosen_and_newest = self.inner.db.read(|tx| {
            let chosen = notice_version::last_chosen(tx, person, id)?;
            Ok::<_, RowError>(chosen.zip(notice_version::newest(tx, id)?))
        });
        let news = chosen_and_newest?.map(|(chosen, (version, published_at))| NoticeNews {
            version,
            published_at,
            chosen,
        });
        Ok(news.filter(|it| it.chosen < it.version))
    }
}

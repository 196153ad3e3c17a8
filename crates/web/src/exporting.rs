//! Makes the exports that people asked for, with the pages and records inside them in both languages.

use std::sync::atomic::AtomicBool;

use custody::{ExportFrame, ExportSummary};
use model::{Language, Timestamp};

use crate::page::TakeAwayPage;
use crate::site::{Site, SiteOptions};
use crate::texts::Texts;
use crate::view::consent;

mod account;

pub(crate) use account::ACCOUNT_FILE;

/// Why exports were not made.
#[derive(Debug, thiserror::Error)]
pub enum RunExportsError {
    /// Which one is next.
    #[error("the exports that people asked for could not be read")]
    Rows(#[from] custody::RowError),
    /// What they say about members.
    #[error("the members could not be read")]
    Alliance(#[from] alliance::AllianceError),
    /// What is kept about the account.
    #[error("what is kept about the account could not be read")]
    Account(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// One could not be made; the person sees it.
    #[error("an export could not be made")]
    Export(#[from] custody::ExportError),
}

/// Deletes exports that are past their time, and makes the one whose turn it is. Gives whether there was one. Blocks for long; `stop` ends
/// it early, and the export is made again another time.
///
/// # Errors
/// See [`RunExportsError`].
pub fn run_exports(options: &SiteOptions, stop: &AtomicBool) -> Result<bool, RunExportsError> {
    let site = Site::new(options.clone());
    let now = site.now();
    let custody = site.custody();
    custody.sweep_exports(now)?;
    let Some(job) = custody.next_export()? else {
        return Ok(false);
    };
    let texts = Texts::new(Language::En, site.time_zone());
    let account = account::file(&site, &job.request.person, now)?;
    let pages = |summary: &ExportSummary| {
        let mut pages = TakeAwayPage::all(&texts, summary);
        pages.push(account.clone());
        pages
    };
    let frame = ExportFrame {
        records: records(&site, &texts, now)?,
        pages: &pages,
    };
    custody.run_export(&job, &frame, stop, now)?;
    Ok(true)
}

fn records(
    site: &Site,
    texts: &Texts,
    now: Timestamp,
) -> Result<Vec<custody::RecordFrame>, alliance::AllianceError> {
    let frame = |language| consent::frame_of(site, &texts.in_language(language), now);
    Language::ALL.into_iter().map(frame).collect()
}

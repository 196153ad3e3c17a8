//! Sealed files are listed and handed out as they are.

use model::{PersonId, Subject, Timestamp};
use vault::{OwnFile, OwnFileId};

use crate::Custody;
use crate::rows::RowError;

/// Sealed files of a person, the newest day first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnFilesPage {
    /// The files.
    pub files: Vec<OwnFile>,
    /// Where the next page begins; `None` behind the last one.
    pub next: Option<(i64, OwnFileId)>,
}

/// A sealed file that is being read.
pub struct SealedFile {
    custody: Custody,
    file: OwnFile,
    next: u32,
}

impl SealedFile {
    /// What is known of it.
    #[must_use]
    pub const fn file(&self) -> &OwnFile {
        &self.file
    }

    /// The next bytes, at most 256 KiB; `None` at the end. Blocks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, RowError> {
        let piece = self.custody.inner.vault.own_piece(&self.file, self.next)?;
        self.next = self.next.saturating_add(1);
        Ok(piece)
    }
}

impl Custody {
    /// Sealed files of a person from a place on, at most `limit`. Only for that person: the caller has checked who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sealed_files(
        &self,
        person: &PersonId,
        from: Option<(i64, OwnFileId)>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnFilesPage, RowError> {
        let subject = Subject::Person(person.clone());
        let files = self.inner.vault.own_files(&subject, from, limit, now)?;
        let next = files.last().map(|it| (it.day, it.id));
        Ok(OwnFilesPage {
            next: next.filter(|_| files.len() == limit),
            files,
        })
    }

    /// Begins to read a sealed file of a person; `None` where there is none of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sealed_file(
        &self,
        person: &PersonId,
        id: OwnFileId,
        now: Timestamp,
    ) -> Result<Option<SealedFile>, RowError> {
        let subject = Subject::Person(person.clone());
        let file = self.inner.vault.own_file(&subject, id, now)?;
        Ok(file.map(|file| SealedFile {
            custody: self.clone(),
            file,
            next: 0,
        }))
    }
}

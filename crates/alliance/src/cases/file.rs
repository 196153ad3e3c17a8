//! Filing a case: with an account or without, and with what can be seen on a photo.

use model::{DeploymentId, Timestamp};

use super::photo;
use super::rows::Hidden;
use super::{
    Account, Alliance, AllianceError, CaseCode, CaseError, CaseFile, CaseKind, EventKind, Harm,
    Side, Stage, Step, Tx, rows, text_of,
};

/// The most photos in one case.
pub const MAX_PHOTOS: usize = 3;
/// The longest way to reach somebody, in characters.
pub const MAX_CONTACT_CHARS: usize = 200;
/// The most cases that are taken in a day.
pub const MAX_CASES_A_DAY: u64 = 2_000;
const DAY_MILLIS: i64 = 86_400_000;

/// What somebody says is wrong.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// What is wrong.
    pub kind: CaseKind,
    /// What harm it does.
    pub harm: Harm,
    /// Where.
    pub deployment: Option<DeploymentId>,
    /// In the words of who complains.
    pub text: String,
    /// How to reach them; empty where they did not say.
    pub contact: String,
    /// Whether who it is about must not learn who complained.
    pub is_protected: bool,
    /// Photos as they were sent: what they say about camera and place is dropped.
    pub photos: Vec<Vec<u8>>,
}

/// A case that was filed.
#[derive(Debug)]
pub struct FiledCase {
    /// Its number.
    pub number: u64,
    /// What opens it again; shown this once.
    pub code: CaseCode,
}

impl Alliance {
    /// Files a case. Who answers for it is found by the deployment; without one it is the alliance's own office.
    ///
    /// # Errors
    /// When a text or photo cannot be taken, there is no such deployment, too many were filed, or the database fails.
    pub fn file_case(
        &self,
        by: Option<&Account>,
        complaint: &Complaint,
        now: Timestamp,
    ) -> Result<FiledCase, CaseError> {
        let text = text_of(&complaint.text)?;
        let contact = complaint.contact.trim();
        if contact.chars().count() > MAX_CONTACT_CHARS {
            return Err(CaseError::Contact);
        }
        if complaint.photos.len() > MAX_PHOTOS {
            return Err(CaseError::Photos);
        }
        let photos = complaint.photos.iter().map(|it| photo::cleaned(it));
        let photos = photos.collect::<Result<Vec<_>, _>>()?;
        let accountable = match &complaint.deployment {
            None => None,
            Some(id) => {
                let facts =
                    self.custody
                        .in_force_at(id, now)
                        .ok_or_else(|| AllianceError::NotFound {
                            what: "deployment",
                            id: id.to_string(),
                        })?;
                Some(facts.notice.controller.clone())
            }
        };
        let code = CaseCode::random()?;
        let _one_at_a_time = self.one_at_a_time();
        let number = self.db.write(|tx| {
            if rows::filed_since(tx, now.plus_millis(-DAY_MILLIS))? >= MAX_CASES_A_DAY {
                return Err(CaseError::TooMany);
            }
            let file = CaseFile {
                number: rows::next_number(tx)?,
                kind: complaint.kind,
                harm: complaint.harm,
                deployment: complaint.deployment.clone(),
                accountable,
                stage: Stage::Filed,
                is_protected: complaint.is_protected,
                filed_at: now,
                acknowledged_in_time: None,
                answered_in_time: None,
            };
            let hidden = Hidden {
                code: code.sha256(),
                complainant: by.map(|it| self.custody.mark("case", it.id.as_str())),
                contact: self.sealed_contact(file.number, contact)?,
            };
            rows::insert(tx, &file, &hidden)?;
            self.begin(tx, &file, text, &photos)?;
            Ok(file.number)
        })?;
        Ok(FiledCase { number, code })
    }

    /// Held while a case gets its number.
    pub(super) fn one_at_a_time(&self) -> std::sync::MutexGuard<'_, ()> {
        self.cases
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn sealed_contact(&self, number: u64, contact: &str) -> Result<Option<Vec<u8>>, CaseError> {
        if contact.is_empty() {
            return Ok(None);
        }
        let sealed = self
            .custody
            .seal_text(&format!("case/{number}/contact"), contact.as_bytes());
        sealed.map(Some).ok_or(CaseError::Contact)
    }

    /// The first step, or the first two: a protected reporter's case goes to a panel at once.
    fn begin(
        &self,
        tx: &mut Tx<'_>,
        file: &CaseFile,
        text: &str,
        photos: &[Vec<u8>],
    ) -> Result<(), CaseError> {
        let first = Step {
            at: file.filed_at,
            side: Side::Complainant,
            kind: EventKind::Filed,
        };
        let body = self.sealed_step(file.number, 0, text)?;
        rows::add_step(tx, file.number, 0, &first, Some(&body), Stage::Filed)?;
        for (nth, photo) in (0..).zip(photos) {
            let name = format!("case/{}/photo/{nth}", file.number);
            let sealed = self
                .custody
                .seal_text(&name, photo)
                .ok_or(CaseError::Photos)?;
            rows::put_photo(tx, file.number, nth, &sealed)?;
        }
        if file.is_protected {
            let at_once = Step {
                at: file.filed_at,
                side: Side::Clock,
                kind: EventKind::Escalated,
            };
            rows::add_step(tx, file.number, 1, &at_once, None, Stage::Panel)?;
            self.draw_panel(tx, file, file.filed_at, 1)?;
        }
        Ok(())
    }
}

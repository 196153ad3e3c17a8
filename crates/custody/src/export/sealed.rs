//! What is sealed to the person's own keys, as it lies here: nobody but they can look inside.

use model::Timestamp;

use super::spool::{PartId, Spool};
use super::{ExportError, ExportSummary, LeftOut, WhyLeftOut};
use crate::Custody;

/// How to open the files, in both languages.
const READ_ME: &str = include_str!("sealed.txt");
/// The most sealed files of one export; the rest is downloaded one by one.
const MAX_SEALED_FILES: usize = 10_000;
const PAGE: usize = 500;
const DAY_MILLIS: i64 = 86_400_000;

impl Custody {
    /// The sealed files, in no order.
    pub(super) fn sealed_papers(
        &self,
        spool: &mut Spool,
        summary: &mut ExportSummary,
    ) -> Result<Vec<PartId>, ExportError> {
        let mut parts = Vec::new();
        let mut place = None;
        let mut why = None;
        loop {
            let page = self.sealed_files(&summary.person, place, PAGE, summary.made_at)?;
            for file in &page.files {
                if summary
                    .only
                    .as_ref()
                    .is_some_and(|it| *it != file.deployment)
                {
                    continue;
                }
                if parts.len() >= MAX_SEALED_FILES {
                    why = Some(WhyLeftOut::SealedElsewhere);
                    break;
                }
                why = Some(WhyLeftOut::Sealed);
                summary.note_gone(file.vanishes_at);
                let begins = Timestamp::from_millis(file.day.saturating_mul(DAY_MILLIS));
                let name = format!(
                    "sealed/{}/{}/{}-{}.{}",
                    file.deployment,
                    file.thing,
                    begins.to_string().split('T').next().unwrap_or_default(),
                    file.id,
                    file.format.extension()
                );
                let part = spool.begin(name)?;
                parts.push(part);
                let opened = self.sealed_file(&summary.person, file.id, summary.made_at)?;
                // One whose time was over meanwhile is empty.
                let Some(mut opened) = opened else { continue };
                while let Some(piece) = opened.next_piece()? {
                    spool.write(part, 0, |it| it.extend_from_slice(&piece))?;
                }
            }
            place = page.next;
            if place.is_none() || why == Some(WhyLeftOut::SealedElsewhere) {
                break;
            }
        }
        if let Some(why) = why {
            parts.push(spool.whole("sealed/README.txt", READ_ME.as_bytes())?);
            let deployment = None;
            summary.left_out.push(LeftOut { deployment, why });
        }
        Ok(parts)
    }
}

//! A person's choices between the form and custody.
//!
//! A control is named `<purpose> <recipient> <pointer>`; neither identifier has a space, a pointer may have some.

use std::ops::Range;

use custody::{ChoiceSheet, Matter, SheetRow, Told};
use model::{Choice, DeploymentId, Level, Notice, PersonId, Pointer, PurposeId, RecipientId};

use super::word;
use crate::form::value_of;
use crate::page::{ChoiceLane, ChoiceRow, SheetPage};
use crate::route::Route;
use crate::shell::Shell;
use crate::texts::Asker;
use crate::visit::Failure;

/// What a form wishes: the levels it sent, and the one row it is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    only: Option<String>,
    levels: Vec<(String, String)>,
}

/// Whether a wish can be put in force.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// These choices.
    Good(Vec<Choice>),
    /// No: the rows with these names have no such level.
    Bad(Vec<String>),
}

impl Wish {
    /// Reads the pairs of the form.
    pub(crate) fn parse(pairs: Vec<(String, String)>) -> Self {
        let only = Some(value_of(&pairs, "only")).filter(|it| !it.is_empty());
        let levels = pairs
            .into_iter()
            .filter(|(name, _)| name != "only")
            .collect();
        Self { only, levels }
    }

    fn level_of(&self, name: &str) -> Option<&str> {
        let found = self.levels.iter().find(|(it, _)| it == name);
        found.map(|(_, level)| level.as_str())
    }

    fn concerns(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|it| it == name)
    }
}

fn name(row: &SheetRow) -> String {
    format!("{} {} {}", row.purpose, row.recipient, row.field)
}

/// What the form asks to put in force. A name that is not on the sheet makes the whole request a bad one:
/// the notice has changed since the page was made.
pub(crate) fn decide(
    sheet: &ChoiceSheet,
    wish: &Wish,
    person: &PersonId,
    deployment: &DeploymentId,
) -> Result<Decision, Failure> {
    let names: Vec<String> = sheet.rows.iter().map(name).collect();
    let sent = wish.levels.iter().map(|(name, _)| name).chain(&wish.only);
    if sent.into_iter().any(|it| !names.contains(it)) {
        return Err(Failure::BAD_REQUEST);
    }
    let mut choices = Vec::new();
    let mut bad = Vec::new();
    for (row, name) in sheet.rows.iter().zip(names) {
        if !row.basis.can_choose() || !wish.concerns(&name) {
            continue;
        }
        let offered = |level: &Level| row.options.iter().any(|(it, _)| it == level);
        match wish.level_of(&name).map(Level::parse) {
            None if wish.only.is_none() => {}
            Some(Some(level)) if offered(&level) => {
                if is_decided(row, level, wish.only.is_some()) {
                    choices.push(choice(row, level, person, deployment));
                }
            }
            _ => bad.push(name),
        }
    }
    Ok(if bad.is_empty() {
        Decision::Good(choices)
    } else {
        Decision::Bad(bad)
    })
}

/// Whether a level in a form is a decision to keep. A changed one is; so is a refusal, and a row that was saved
/// on its own. An untouched "exact" in a form that was saved as a whole is not: it must not outlive the default.
fn is_decided(row: &SheetRow, level: Level, alone: bool) -> bool {
    alone || level != row.chosen || level < Level::ON
}

fn choice(row: &SheetRow, level: Level, person: &PersonId, deployment: &DeploymentId) -> Choice {
    Choice {
        person: person.clone(),
        deployment: deployment.clone(),
        field: row.field.clone(),
        purpose: row.purpose.clone(),
        recipient: row.recipient.clone(),
        level,
    }
}

/// About how many bytes of HTML the rows of one page may have, so that the page fits into the first flight of packets.
const PAGE_BYTES: usize = 8_500;

/// About how many bytes of HTML a row has: Urdu has two bytes a letter.
fn weight(notice: &Notice, row: &SheetRow) -> usize {
    let title = notice.field(&row.field).map_or(0, |it| it.title.ur.len());
    let name = row.purpose.as_str().len() + row.recipient.as_str().len() + row.field.as_str().len();
    let per_option = 150 + name;
    420 + title + 2 * name + per_option * row.options.len()
}

/// About how many bytes the heading of a lane has.
fn heading(notice: &Notice, row: &SheetRow) -> usize {
    let recipient = notice.recipient(&row.recipient);
    let purpose = notice.purpose(&row.purpose);
    let recipient = recipient.map_or(0, |it| it.title.ur.len() + it.terms.ur.len());
    let purpose = purpose.map_or(0, |it| it.title.ur.len() + it.why.ur.len());
    300 + recipient + purpose
}

/// The pages of a sheet; none where one is enough. The one that holds row number `from` is here.
pub(crate) fn pages(sheet: &ChoiceSheet, id: &DeploymentId, from: u32) -> Vec<SheetPage> {
    let mut starts = vec![0];
    let mut used = 0;
    let mut lane = None;
    for (number, row) in sheet.rows.iter().enumerate() {
        let this = Some((&row.recipient, &row.purpose));
        let heading = if lane == this {
            0
        } else {
            heading(&sheet.notice, row)
        };
        let weight = weight(&sheet.notice, row);
        if used > 0 && used + weight + heading > PAGE_BYTES {
            starts.push(number);
            used = 0;
        }
        used += weight + heading;
        lane = this;
    }
    if starts.len() < 2 {
        return Vec::new();
    }
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let last_start = starts.iter().rposition(|it| *it <= from).unwrap_or(0);
    let ends = starts.iter().skip(1).copied().chain([sheet.rows.len()]);
    let pages = starts.iter().zip(ends).enumerate();
    let pages = pages.filter_map(|(number, (start, end))| {
        let rows = sheet.rows.get(*start..end)?;
        let runs = rows.chunk_by(|a, b| a.purpose == b.purpose);
        let title = |row: &SheetRow| {
            let purpose = sheet.notice.purpose(&row.purpose);
            purpose.map_or_else(|| word(row.purpose.as_str()), |it| it.title.clone())
        };
        Some(SheetPage {
            purposes: runs.filter_map(|it| it.first()).map(title).collect(),
            first: start + 1,
            last: end,
            route: Route::ChoicesFrom {
                deployment: id.clone(),
                from: u32::try_from(*start).unwrap_or(u32::MAX),
            },
            here: number == last_start,
        })
    });
    near(pages.collect(), last_start)
}

/// The most pages that a page links to.
const MAX_LINKS: usize = 6;

/// The pages around the one that is shown, and the first and the last.
fn near(pages: Vec<SheetPage>, here: usize) -> Vec<SheetPage> {
    let last = pages.len().saturating_sub(1);
    let start = here.saturating_sub(MAX_LINKS / 2);
    let near = start..start + MAX_LINKS;
    let numbered = pages.into_iter().enumerate();
    let kept =
        numbered.filter(|(number, _)| *number == 0 || *number == last || near.contains(number));
    kept.map(|(_, page)| page).collect()
}

/// The matter that a control is named for.
pub(crate) fn matter_of(deployment: &DeploymentId, name: &str) -> Option<Matter> {
    let mut parts = name.splitn(3, ' ');
    Some(Matter {
        deployment: deployment.clone(),
        purpose: PurposeId::parse(parts.next()?).ok()?,
        recipient: RecipientId::parse(parts.next()?).ok()?,
        field: Pointer::parse(parts.next()?).ok()?,
    })
}

/// Some rows of a sheet as the page shows them: by recipient and purpose, in the order of the notice.
pub(crate) fn lanes(sheet: &ChoiceSheet, rows: Range<usize>) -> Vec<ChoiceLane> {
    let mut lanes: Vec<(&SheetRow, ChoiceLane)> = Vec::new();
    for row in sheet.rows.get(rows).unwrap_or_default() {
        let same = |(it, _): &&mut (&SheetRow, ChoiceLane)| {
            it.recipient == row.recipient && it.purpose == row.purpose
        };
        let number = lanes.len();
        match lanes.iter_mut().find(same) {
            Some((_, lane)) => {
                let anchor = format!("{}-{}", lane.anchor, lane.rows.len());
                lane.rows.extend(shown(&sheet.notice, row, anchor));
            }
            None => {
                let mut lane = empty_lane(&sheet.notice, row, format!("c{number}"));
                lane.rows
                    .extend(shown(&sheet.notice, row, format!("c{number}-0")));
                lanes.push((row, lane));
            }
        }
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

fn empty_lane(notice: &Notice, row: &SheetRow, anchor: String) -> ChoiceLane {
    let recipient = notice.recipient(&row.recipient);
    let purpose = notice.purpose(&row.purpose);
    ChoiceLane {
        anchor,
        recipient: recipient.map_or_else(|| word(row.recipient.as_str()), |it| it.title.clone()),
        terms: recipient.map_or_else(|| word(""), |it| it.terms.clone()),
        purpose: purpose.map_or_else(|| word(row.purpose.as_str()), |it| it.title.clone()),
        why: purpose.map_or_else(|| word(""), |it| it.why.clone()),
        rows: Vec::new(),
    }
}

fn shown(notice: &Notice, row: &SheetRow, anchor: String) -> Option<ChoiceRow> {
    Some(ChoiceRow {
        name: name(row),
        anchor,
        field: notice.field(&row.field)?.clone(),
        covered: notice.subject_field.as_ref() == Some(&row.field),
        basis: row.basis,
        source: row.source.clone(),
        options: row.options.iter().map(|(level, _)| *level).collect(),
        chosen: row.chosen,
        effective: row.effective,
        together: row.together,
        way: None,
        why: None,
        source_state: None,
        bad: false,
    })
}

/// Why the row of this name passes as it does, in a sentence.
pub(crate) fn why(shell: &Shell, notice: &Notice, told: &[Told], name: &str) -> Option<String> {
    let named = |it: &&Told| {
        let field = &it.explanation.field;
        format!("{} {} {field}", it.purpose, it.recipient) == name
    };
    let told = told.iter().find(named)?;
    Some(shell.why(notice, &told.explanation, Asker::Sensed))
}

/// Puts what the form sent back into the page, and marks what was wrong.
pub(crate) fn keep_input(lanes: &mut [ChoiceLane], wish: &Wish, bad: &[String]) {
    for row in lanes.iter_mut().flat_map(|it| &mut it.rows) {
        row.bad = bad.contains(&row.name);
        let sent = wish.level_of(&row.name).and_then(Level::parse);
        if let Some(level) = sent.filter(|it| row.options.contains(it)) {
            row.chosen = level;
        }
    }
}

#[cfg(test)]
mod tests {
    use askama::Template as _;

    use super::*;
    use crate::page::{ChoicesPage, Page as _, sample};
    use model::{LegalBasis, LicenceState};

    fn sheet(basis: LegalBasis) -> ChoiceSheet {
        let options = [Level::OFF, Level::coarse(1).unwrap(), Level::ON];
        let chosen = basis.default_level();
        ChoiceSheet {
            notice: sample::home(),
            licence: LicenceState::Active,
            rows: vec![SheetRow {
                field: Pointer::parse("/energy").unwrap(),
                purpose: PurposeId::parse("billing").unwrap(),
                recipient: RecipientId::parse("power-utility").unwrap(),
                basis,
                source: None,
                options: options.map(|it| (it, None)).into(),
                default: chosen,
                chosen,
                decided: false,
                effective: chosen,
                together: chosen,
            }],
        }
    }

    const ROW: &str = "billing power-utility /energy";

    #[track_caller]
    fn check(
        basis: LegalBasis,
        pairs: &[(&str, &str)],
        expected: Result<Result<&[Level], usize>, Failure>,
    ) {
        let pairs = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        let person = PersonId::parse("p-1").unwrap();
        let deployment = DeploymentId::parse("gulberg-homes").unwrap();
        let decided = decide(&sheet(basis), &Wish::parse(pairs), &person, &deployment);
        let short = decided.map(|it| match it {
            Decision::Good(choices) => Ok(choices.iter().map(|it| it.level).collect::<Vec<_>>()),
            Decision::Bad(names) => Err(names.len()),
        });
        assert_eq!(short, expected.map(|it| it.map(<[Level]>::to_vec)));
    }

    #[test]
    fn one_row_or_the_whole_form_is_saved() {
        let coarse = Level::coarse(1).unwrap();
        check(
            LegalBasis::Contract,
            &[(ROW, "coarse-1")],
            Ok(Ok(&[coarse])),
        );
        check(
            LegalBasis::Contract,
            &[(ROW, "off"), ("only", ROW)],
            Ok(Ok(&[Level::OFF])),
        );
        check(LegalBasis::Contract, &[], Ok(Ok(&[])));
    }

    #[test]
    fn an_untouched_yes_is_not_a_decision_but_a_refusal_is() {
        check(LegalBasis::Contract, &[(ROW, "on")], Ok(Ok(&[])));
        check(
            LegalBasis::Contract,
            &[(ROW, "on"), ("only", ROW)],
            Ok(Ok(&[Level::ON])),
        );
        check(LegalBasis::Consent, &[(ROW, "off")], Ok(Ok(&[Level::OFF])));
    }

    #[test]
    fn what_the_law_fixes_is_not_touched() {
        check(LegalBasis::LegalObligation, &[(ROW, "off")], Ok(Ok(&[])));
    }

    /// A sheet with many values, each with as many levels as a field can have.
    fn long_sheet() -> ChoiceSheet {
        let coarse = (1..=Level::MAX_COARSE).filter_map(Level::coarse);
        let options = [Level::OFF].into_iter().chain(coarse).chain([Level::ON]);
        let options: Vec<_> = options.map(|it| (it, None)).collect();
        let mut sheet = sheet(LegalBasis::Contract);
        let row = sheet.rows.remove(0);
        for (purpose, recipient) in [("billing", "power-utility"), ("research", "energy-lab")] {
            for number in 0..100 {
                sheet.rows.push(SheetRow {
                    field: sheet.notice.fields[number % 4].pointer.clone(),
                    purpose: PurposeId::parse(purpose).unwrap(),
                    recipient: RecipientId::parse(recipient).unwrap(),
                    options: options.clone(),
                    ..row.clone()
                });
            }
        }
        sheet
    }

    #[test]
    fn every_page_of_a_long_sheet_is_light_and_together_they_show_all() {
        let sheet = long_sheet();
        let id = DeploymentId::parse("gulberg-homes").unwrap();
        for language in model::Language::ALL {
            let shell = sample::shell(language, crate::shell::Files::Served);
            let mut from = 0;
            let mut shown = 0;
            while shown < sheet.rows.len() {
                let pages = pages(&sheet, &id, u32::try_from(from).unwrap());
                let here = pages.iter().find(|it| it.here).unwrap().clone();
                assert!(pages.len() <= MAX_LINKS + 2 && here.first == shown + 1);
                let (_, mut page) = ChoicesPage::samples(&shell).remove(0);
                page.lanes = lanes(&sheet, shown..here.last);
                page.pages = pages;
                page.signal = 3;
                let html = page.render().unwrap();
                assert!(
                    html.len() <= 14 * 1024,
                    "{} bytes for {shown}..{}",
                    html.len(),
                    here.last
                );
                (from, shown) = (here.last, here.last);
            }
        }
    }

    #[test]
    fn a_short_sheet_has_one_page() {
        let id = DeploymentId::parse("gulberg-homes").unwrap();
        assert!(pages(&sheet(LegalBasis::Contract), &id, 0).is_empty());
    }

    #[test]
    fn levels_and_rows_that_do_not_exist_change_nothing() {
        check(LegalBasis::Contract, &[(ROW, "coarse-2")], Ok(Err(1)));
        check(LegalBasis::Contract, &[(ROW, "loud")], Ok(Err(1)));
        check(LegalBasis::Contract, &[("only", ROW)], Ok(Err(1)));
        check(
            LegalBasis::Contract,
            &[("billing spy /energy", "on")],
            Err(Failure::BAD_REQUEST),
        );
    }
}

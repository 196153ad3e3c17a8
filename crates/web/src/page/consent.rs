//! Everything about choices that is not one deployment's form: all of them at once, their history, receipts, files.

use askama::Template;
use custody::{ChoicesFileError, ConsentState, How, Misfit, Preset, ReceiptId};
use model::{DeploymentId, LicenceState, Text, Timestamp};

use super::{ChoiceChange, Page, sample};
use crate::form::FormToken;
use crate::route::{Ask, Route};
use crate::shell::{Shell, Viewer};

/// A deployment in the list of all choices.
#[derive(Debug, Clone)]
pub(crate) struct MyDeployment {
    /// Its identifier.
    pub(crate) id: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// Whether it may run.
    pub(crate) licence: LicenceState,
    /// How many values the person decided on.
    pub(crate) decided: usize,
    /// How many there are to decide on.
    pub(crate) all: usize,
}

/// All choices, and what can be done with them at once.
#[derive(Template)]
#[template(path = "my_choices.html")]
pub(crate) struct MyChoicesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The deployments about the person.
    pub(crate) deployments: Vec<MyDeployment>,
}

impl MyChoicesPage {
    fn presets(&self) -> [Preset; 4] {
        Preset::ALL
    }
}

impl Page for MyChoicesPage {
    const NAME: &'static str = "my-choices";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::signed_in(shell, Route::AllChoices);
        let linked = sample::linked().into_iter().map(|it| MyDeployment {
            id: it.id,
            title: it.title,
            licence: it.licence,
            decided: 2,
            all: 5,
        });
        let page = |deployments| Self {
            shell: shell.clone(),
            deployments,
        };
        vec![
            ("full", page(linked.collect())),
            ("empty", page(Vec::new())),
        ]
    }
}

/// One act in a history.
#[derive(Debug, Clone)]
pub(crate) struct HistoryLine {
    /// When.
    pub(crate) at: Timestamp,
    /// How it came about, in words.
    pub(crate) how: String,
    /// The first of what it changed here.
    pub(crate) changes: Vec<ChoiceChange>,
    /// How many more it changed here.
    pub(crate) more: usize,
    /// Its receipt.
    pub(crate) receipt: ReceiptId,
    /// Whether it can be put back.
    pub(crate) stands: bool,
}

/// What a person chose for a deployment, over time.
#[derive(Template)]
#[template(path = "history.html")]
pub(crate) struct HistoryPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// The deployment.
    pub(crate) deployment: DeploymentId,
    /// What people call it.
    pub(crate) title: Text,
    /// The acts, newest first.
    pub(crate) lines: Vec<HistoryLine>,
    /// Whether this is the newest page.
    pub(crate) newest: bool,
    /// The page of older acts.
    pub(crate) older: Option<Route>,
}

impl HistoryPage {
    fn put_back(&self, receipt: &ReceiptId) -> Route {
        Route::PutBack {
            receipt: receipt.clone(),
            only: Some(self.deployment.clone()),
        }
    }
}

impl Page for HistoryPage {
    const NAME: &'static str = "history";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let notice = sample::home();
        let shell = sample::signed_in(shell, Route::history(&notice.deployment));
        let line = |how: How, stands| {
            Some(HistoryLine {
                at: sample::NOW,
                how: shell.how(&how, shell.of(&notice.title)),
                changes: sample::changes(&shell, &notice),
                more: 2,
                receipt: sample::receipt_id()?,
                stands,
            })
        };
        let hows = [
            How::ByHand,
            How::Preset(Preset::ServiceOnly),
            How::Copied(notice.deployment.clone()),
            How::Imported,
            How::BrowserSignal,
            How::CarriedOver(3),
        ];
        let undone = sample::receipt_id().map(How::Undone);
        let lines: Vec<_> = hows.into_iter().chain(undone).collect();
        let page = |lines: Vec<HistoryLine>| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            deployment: notice.deployment.clone(),
            title: notice.title.clone(),
            newest: lines.is_empty(),
            older: (!lines.is_empty()).then(|| Route::ChoicesHistory {
                deployment: notice.deployment.clone(),
                before: Some(7),
            }),
            lines,
        };
        let full = lines.into_iter().enumerate();
        let full = full.filter_map(|(number, how)| line(how, number < 2));
        vec![("full", page(full.collect())), ("empty", page(Vec::new()))]
    }
}

/// What a receipt says about one matter.
#[derive(Debug, Clone)]
pub(crate) struct ReceiptLine {
    /// What changed.
    pub(crate) change: ChoiceChange,
    /// What that means in law.
    pub(crate) state: ConsentState,
}

/// What stands above a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiptBanner {
    /// It is looked up.
    None,
    /// It has just come into force.
    InForce,
    /// It was to be put back, and nothing was left to put back.
    NothingLeft,
}

/// A receipt, to be read and downloaded.
#[derive(Template)]
#[template(path = "receipt.html")]
pub(crate) struct ReceiptPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// What stands above it.
    pub(crate) banner: ReceiptBanner,
    /// Its name.
    pub(crate) receipt: ReceiptId,
    /// When.
    pub(crate) at: Timestamp,
    /// How it came about, in words.
    pub(crate) how: String,
    /// The first of what changed.
    pub(crate) lines: Vec<ReceiptLine>,
    /// How many more changed.
    pub(crate) more: usize,
    /// Its hash.
    pub(crate) sha256: String,
    /// The hash of the one before; empty at the first.
    pub(crate) previous_sha256: String,
    /// Whether the rows still match it.
    pub(crate) intact: bool,
}

impl ReceiptPage {
    fn put_back(&self) -> Route {
        Route::PutBack {
            receipt: self.receipt.clone(),
            only: None,
        }
    }
}

impl Page for ReceiptPage {
    const NAME: &'static str = "receipt";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let notice = sample::home();
        let states = [
            ConsentState::Given,
            ConsentState::Refused,
            ConsentState::Withdrawn,
            ConsentState::Objected,
            ConsentState::ObjectionWithdrawn,
            ConsentState::Reset,
        ];
        let page = |banner, intact| {
            let receipt = sample::receipt_id()?;
            let shell = sample::signed_in(shell, Route::Receipt(receipt.clone()));
            let changes = sample::changes(&shell, &notice).into_iter();
            let lines = changes.flat_map(|change| {
                states.map(|state| ReceiptLine {
                    change: change.clone(),
                    state,
                })
            });
            Some(Self {
                form: FormToken::sample(),
                banner,
                receipt,
                at: sample::NOW,
                how: shell.how(&How::ByHand, ""),
                lines: lines.collect(),
                more: 4,
                sha256: "5b2c1f0e".repeat(8),
                previous_sha256: if intact {
                    "a0b1c2d3".repeat(8)
                } else {
                    String::new()
                },
                intact,
                shell,
            })
        };
        let pages = [
            ("done", page(ReceiptBanner::InForce, true)),
            ("full", page(ReceiptBanner::None, true)),
            ("broken", page(ReceiptBanner::NothingLeft, false)),
        ];
        pages
            .into_iter()
            .filter_map(|(name, page)| Some((name, page?)))
            .collect()
    }
}

/// What is previewed.
#[derive(Debug, Clone)]
pub(crate) enum PreviewTitle {
    /// A preset, at one deployment or everywhere.
    Preset(Preset, Option<Text>),
    /// What was chosen at this deployment, for all others.
    Same(Text),
    /// The file that was brought.
    File,
}

/// Up to so many changes are shown opened.
const SHORT: usize = 6;

/// The changes at one deployment.
#[derive(Debug, Clone)]
pub(crate) struct DeploymentChanges {
    /// What people call it.
    pub(crate) title: Text,
    /// The changes on this page.
    pub(crate) changes: Vec<ChoiceChange>,
}

/// The changes at one deployment for one recipient and purpose.
struct LaneChanges<'a> {
    recipient: &'a str,
    purpose: &'a str,
    changes: Vec<&'a ChoiceChange>,
}

impl DeploymentChanges {
    /// The changes by recipient and purpose, in their order.
    fn lanes(&self) -> Vec<LaneChanges<'_>> {
        let same = |a: &ChoiceChange, b: &ChoiceChange| {
            a.recipient == b.recipient && a.purpose == b.purpose
        };
        let runs = self.changes.chunk_by(same).filter_map(|run| {
            let first = run.first()?;
            Some(LaneChanges {
                recipient: &first.recipient,
                purpose: &first.purpose,
                changes: run.iter().collect(),
            })
        });
        runs.collect()
    }
}

/// What an act of many choices would change.
#[derive(Template)]
#[template(path = "preview.html")]
pub(crate) struct PreviewPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// What is previewed.
    pub(crate) title: PreviewTitle,
    /// What is asked for.
    pub(crate) ask: Ask,
    /// Whether something changed since it was last looked at.
    pub(crate) stale: bool,
    /// How many values change.
    pub(crate) count: usize,
    /// How many stay and are written down.
    pub(crate) written: usize,
    /// How many stay as they are.
    pub(crate) same: usize,
    /// How many nobody can change.
    pub(crate) fixed: usize,
    /// The changes on this page, by deployment.
    pub(crate) parts: Vec<DeploymentChanges>,
    /// What does not fit, in words.
    pub(crate) unmatched: Vec<String>,
    /// How much more does not fit.
    pub(crate) unmatched_more: usize,
    /// The page before.
    pub(crate) before: Option<Route>,
    /// The next page.
    pub(crate) next: Option<Route>,
    /// Stands for all that was shown.
    pub(crate) digest: String,
}

impl PreviewPage {
    fn title_in(&self, shell: &Shell) -> String {
        match &self.title {
            PreviewTitle::Preset(preset, at) => {
                let everywhere = shell.say("preview-everywhere");
                let place = at.as_ref().map_or(everywhere.as_str(), |it| shell.of(it));
                let message = shell.with("preview-of-preset").set("where", place);
                message.set("preset", shell.preset(preset)).to_string()
            }
            PreviewTitle::Same(title) => {
                let message = shell.with("preview-of-same");
                message.set("title", shell.of(title)).to_string()
            }
            PreviewTitle::File => shell.say("preview-of-file"),
        }
    }

    fn explained(&self, shell: &Shell) -> Option<String> {
        match &self.title {
            PreviewTitle::Preset(preset, _) => Some(shell.preset_means(preset)),
            PreviewTitle::Same(title) => {
                let message = shell.with("same-lede");
                Some(message.set("title", shell.of(title)).to_string())
            }
            PreviewTitle::File => None,
        }
    }

    fn changes_anything(&self) -> bool {
        self.count + self.written > 0
    }

    /// Whether all of it can be read at a glance, so that nothing needs to be opened.
    fn is_short(&self) -> bool {
        self.count + self.written <= SHORT
    }

    fn action(&self) -> Route {
        Route::preview(self.ask.clone())
    }
}

/// Why a choice in a file does not fit, in words.
pub(crate) fn misfit(shell: &Shell, misfit: Misfit) -> String {
    shell.say(match misfit {
        Misfit::NoDeployment => "misfit-no-deployment",
        Misfit::NotDeclared => "misfit-not-declared",
        Misfit::NoChoice(_) => "misfit-no-choice",
        Misfit::NoSuchLevel => "misfit-no-level",
        Misfit::OtherNotice => "misfit-other-notice",
    })
}

impl Page for PreviewPage {
    const NAME: &'static str = "preview";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let notice = sample::home();
        let shell = sample::signed_in(shell, Route::AllChoices);
        let page = |title, ask, stale, count: usize| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            title,
            ask,
            stale,
            count,
            written: usize::from(count > 1),
            same: 3,
            fixed: 1,
            parts: vec![DeploymentChanges {
                title: notice.title.clone(),
                changes: sample::changes(&shell, &notice)
                    .into_iter()
                    .cycle()
                    .take(count.min(20))
                    .collect(),
            }],
            unmatched: Vec::new(),
            unmatched_more: 0,
            before: None,
            next: None,
            digest: "5b2c1f0e".repeat(8),
        };
        let preset = Ask::Preset(Preset::ServiceOnly, None);
        let mut full = page(
            PreviewTitle::Preset(Preset::ServiceOnly, None),
            preset.clone(),
            false,
            40,
        );
        full.next = Some(Route::Preview {
            ask: preset.clone(),
            from: 20,
        });
        full.before = Some(Route::preview(preset));
        let here = Some(notice.deployment.clone());
        let title = PreviewTitle::Preset(Preset::AllOff, Some(notice.title.clone()));
        let stale = page(title, Ask::Preset(Preset::AllOff, here), true, 1);
        let mut same = page(
            PreviewTitle::Same(notice.title.clone()),
            Ask::Same(notice.deployment.clone(), None),
            false,
            2,
        );
        same.unmatched = vec!["Power in use".to_owned()];
        let mut file = page(PreviewTitle::File, Ask::File, false, 0);
        file.parts.clear();
        let misfits = [
            Misfit::NoDeployment,
            Misfit::NotDeclared,
            Misfit::NoSuchLevel,
            Misfit::OtherNotice,
        ];
        file.unmatched = misfits.into_iter().map(|it| misfit(&shell, it)).collect();
        file.unmatched.push(misfit(
            &shell,
            Misfit::NoChoice(model::LegalBasis::LegalObligation),
        ));
        file.unmatched_more = 12;
        vec![
            ("full", full),
            ("stale", stale),
            ("same", same),
            ("nothing", file),
        ]
    }
}

/// Why a file was not taken.
#[derive(Debug)]
pub(crate) enum ImportError {
    /// No file was chosen.
    NoFile,
    /// It cannot be read.
    File(ChoicesFileError),
}

/// A file of choices is brought.
#[derive(Template)]
#[template(path = "import.html")]
pub(crate) struct ImportPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// Why the last file was not taken.
    pub(crate) error: Option<ImportError>,
    /// Whether a file waits for the person to agree: brought before, or out of an export that the operator brought back.
    pub(crate) waits: bool,
}

impl ImportError {
    fn words(&self, shell: &Shell) -> String {
        let Self::File(err) = self else {
            return shell.say("import-none");
        };
        match err {
            ChoicesFileError::TooLarge(_) | ChoicesFileError::TooMany(_) => {
                shell.say("import-large")
            }
            ChoicesFileError::Form { line, column } => {
                let message = shell.with("import-form").set("line", line);
                message.set("column", column).to_string()
            }
            ChoicesFileError::Version => shell.say("import-version"),
            ChoicesFileError::Name(number) | ChoicesFileError::Twice(number) => {
                shell.with("import-row").set("number", number).to_string()
            }
        }
    }
}

impl Page for ImportPage {
    const NAME: &'static str = "import";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::signed_in(shell, Route::Import);
        let page = |error| Self {
            shell: shell.clone(),
            form: FormToken::sample(),
            error,
            waits: false,
        };
        let mut waiting = page(None);
        waiting.waits = true;
        let file = |err| Some(ImportError::File(err));
        vec![
            ("full", page(None)),
            ("waits", waiting),
            ("no-file", page(Some(ImportError::NoFile))),
            (
                "form",
                page(file(ChoicesFileError::Form { line: 3, column: 7 })),
            ),
            ("large", page(file(ChoicesFileError::TooMany(5_000)))),
            ("version", page(file(ChoicesFileError::Version))),
            ("row", page(file(ChoicesFileError::Twice(9)))),
        ]
    }
}

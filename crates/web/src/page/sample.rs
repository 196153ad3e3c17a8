//! What samples show: three notices and a small alliance, and the list of all samples of all pages.

use std::sync::{Arc, LazyLock};

use custody::ReceiptId;
use data_encoding::BASE64;
use jiff::tz::TimeZone;
use model::{
    Chamber, EntryKind, Level, LicenceState, MemberId, Notice, Role, Text, ThingId, Timestamp,
};

use super::{
    About, By, CasePage, CasesPage, ChoiceChange, ChoiceLane, ChoiceRow, ChoicesPage, Day,
    DeploymentCard, DriftPage, EntryLine, EntryPage, ErrorPage, FiledCasePage, FindingsPage,
    GrantLine, HistoryPage, HolidaysPage, HomePage, ImportPage, Licence, LimitsPage,
    LinkedDeployment, MePage, MemberLink, MemberPage, MyChoicesPage, NearbyPage, NewCasePage,
    NoticePage, OfficePage, OfficeRow, Page, Part, PreviewPage, Proof, Reading, ReceiptPage,
    Received, RecordPage, SheetPage, SignInGonePage, SignInOncePage, SignInPage, SignPage, Stay,
    Value, WhyPage,
};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Files, Shell, Viewer};
use crate::texts::{Texts, UNIX_SECONDS, symbol};

mod drift;

pub(crate) use drift::{drift, long_drift};

/// 22 November 2026, 15:00 in Karachi.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_341_600_000);
/// The file in the folder of samples that holds a QR code.
pub(crate) const CODE_FILE: &str = "files/code.svg";
/// A verifier key in the form that the record has.
pub(crate) const VERIFIER: &str =
    "amanat.example/record+5b2c1f0e+AaFs4jYk0s0xq5m1oT8rX8mJ8d4mKJ0wqVQm3a1bS2cD";

/// A page in one state and one language.
pub(crate) struct Sample {
    /// The page, its state and the language: `home-full-en`.
    pub(crate) name: String,
    /// The HTML.
    pub(crate) html: String,
}

/// Every sample of every page in the language of `shell`.
pub(crate) fn samples(shell: &Shell) -> Result<Vec<Sample>, askama::Error> {
    let mut all = Vec::new();
    add::<HomePage>(shell, &mut all)?;
    add::<NoticePage>(shell, &mut all)?;
    add::<super::ChangesPage>(shell, &mut all)?;
    add::<DriftPage>(shell, &mut all)?;
    add::<SignPage>(shell, &mut all)?;
    add::<NearbyPage>(shell, &mut all)?;
    add::<WhyPage>(shell, &mut all)?;
    add::<MemberPage>(shell, &mut all)?;
    add::<RecordPage>(shell, &mut all)?;
    add::<EntryPage>(shell, &mut all)?;
    add::<SignInPage>(shell, &mut all)?;
    add::<SignInOncePage>(shell, &mut all)?;
    add::<SignInGonePage>(shell, &mut all)?;
    add::<super::ClaimPage>(shell, &mut all)?;
    add::<super::SafetyPage>(shell, &mut all)?;
    add::<super::RecoveryCodesPage>(shell, &mut all)?;
    add::<super::SafetyEventsPage>(shell, &mut all)?;
    add::<super::AccessPage>(shell, &mut all)?;
    add::<super::OwnTokenPage>(shell, &mut all)?;
    add::<super::OfficeAccessPage>(shell, &mut all)?;
    add::<super::OfficeCommandsPage>(shell, &mut all)?;
    add::<super::OfficeActsPage>(shell, &mut all)?;
    add::<super::RecordSearchPage>(shell, &mut all)?;
    add::<super::IncidentsPage>(shell, &mut all)?;
    add::<super::OfficeIncidentsPage>(shell, &mut all)?;
    add::<super::IncidentPage>(shell, &mut all)?;
    add::<super::MyIncidentsPage>(shell, &mut all)?;
    add::<super::OrdersPage>(shell, &mut all)?;
    add::<super::OrdersDeskPage>(shell, &mut all)?;
    add::<super::MyOrdersPage>(shell, &mut all)?;
    add::<super::ExportPage>(shell, &mut all)?;
    add::<super::ErasePage>(shell, &mut all)?;
    add::<super::ErasePreviewPage>(shell, &mut all)?;
    add::<super::DeliveriesPage>(shell, &mut all)?;
    add::<super::KeepingPage>(shell, &mut all)?;
    add::<super::TakeAwayPage>(shell, &mut all)?;
    add::<MePage>(shell, &mut all)?;
    add::<ChoicesPage>(shell, &mut all)?;
    add::<MyChoicesPage>(shell, &mut all)?;
    add::<super::OwnKeyPage>(shell, &mut all)?;
    add::<super::SealedPage>(shell, &mut all)?;
    add::<super::OpenPage>(shell, &mut all)?;
    add::<super::StatisticsPage>(shell, &mut all)?;
    add::<super::StatisticPage>(shell, &mut all)?;
    add::<super::MyStatisticsPage>(shell, &mut all)?;
    add::<super::CommonsPage>(shell, &mut all)?;
    add::<super::DataSetPage>(shell, &mut all)?;
    add::<super::UnlinkPage>(shell, &mut all)?;
    add::<super::GiftPage>(shell, &mut all)?;
    add::<HistoryPage>(shell, &mut all)?;
    add::<ReceiptPage>(shell, &mut all)?;
    add::<PreviewPage>(shell, &mut all)?;
    add::<ImportPage>(shell, &mut all)?;
    add::<super::DestinationsPage>(shell, &mut all)?;
    add::<super::NewDestinationPage>(shell, &mut all)?;
    add::<super::MadeDestinationPage>(shell, &mut all)?;
    add::<OfficePage>(shell, &mut all)?;
    add::<LimitsPage>(shell, &mut all)?;
    add::<CasesPage>(shell, &mut all)?;
    add::<NewCasePage>(shell, &mut all)?;
    add::<FiledCasePage>(shell, &mut all)?;
    add::<CasePage>(shell, &mut all)?;
    add::<HolidaysPage>(shell, &mut all)?;
    add::<FindingsPage>(shell, &mut all)?;
    add::<super::PublishPage>(shell, &mut all)?;
    add::<super::OfficeStatisticsPage>(shell, &mut all)?;
    add::<super::OfficeStatisticPage>(shell, &mut all)?;
    add::<ErrorPage>(shell, &mut all)?;
    Ok(all)
}

fn add<P: Page>(shell: &Shell, all: &mut Vec<Sample>) -> Result<(), askama::Error> {
    for (state, page) in P::samples(shell) {
        all.push(Sample {
            name: format!("{}-{state}-{}", P::NAME, shell.tag()),
            html: page.render()?,
        });
    }
    Ok(())
}

/// The frame of samples, without a server behind it.
pub(crate) fn shell(language: model::Language, files: Files) -> Shell {
    Shell {
        texts: Texts::new(language, TimeZone::fixed(jiff::tz::offset(5))),
        here: Some(Route::Home),
        viewer: Viewer::Anonymous,
        files,
    }
}

/// `shell` at another page.
pub(crate) fn at(shell: &Shell, here: Route) -> Shell {
    Shell {
        here: Some(here),
        ..shell.clone()
    }
}

/// `shell` at another page, seen by a resident.
pub(crate) fn signed_in(shell: &Shell, here: Route) -> Shell {
    seen_by(shell, here, false)
}

/// `shell` at another page, seen by an officer.
pub(crate) fn in_office(shell: &Shell, here: Route) -> Shell {
    seen_by(shell, here, true)
}

fn seen_by(shell: &Shell, here: Route, office: bool) -> Shell {
    let form = FormToken::sample();
    Shell {
        here: Some(here),
        viewer: Viewer::SignedIn { form, office },
        ..shell.clone()
    }
}

fn parsed(source: &str) -> Arc<Notice> {
    #[expect(
        clippy::expect_used,
        reason = "the three texts are part of the binary, and every test that renders a sample parses them"
    )]
    let notice = Notice::parse(source).expect("a notice in `samples/` has no problems");
    Arc::new(notice)
}

static HOME: LazyLock<Arc<Notice>> =
    LazyLock::new(|| parsed(include_str!("../../samples/home.toml")));
static BUS: LazyLock<Arc<Notice>> =
    LazyLock::new(|| parsed(include_str!("../../samples/bus.toml")));
static AIR: LazyLock<Arc<Notice>> =
    LazyLock::new(|| parsed(include_str!("../../samples/air.toml")));

/// A notice about assigned people.
pub(crate) fn home() -> Arc<Notice> {
    Arc::clone(&HOME)
}

/// A notice about people who are known by a field.
pub(crate) fn bus() -> Arc<Notice> {
    Arc::clone(&BUS)
}

/// A notice about nobody.
pub(crate) fn air() -> Arc<Notice> {
    Arc::clone(&AIR)
}

fn text(en: &str, ur: &str) -> Text {
    Text {
        en: en.to_owned(),
        ur: ur.to_owned(),
    }
}

/// What everybody may know of a deployment with many devices.
pub(crate) fn source_counts() -> Option<custody::SourceCounts> {
    Some(custody::SourceCounts {
        disobey: custody::PublicCount::Exactly(12),
        deaf: custody::PublicCount::FewerThan(5),
    })
}

fn ago(minutes: i64) -> Timestamp {
    NOW.plus_millis(-minutes * 60_000)
}

/// Who answers for a sample notice.
pub(crate) fn controller(notice: &Notice) -> MemberLink {
    member(&notice.controller)
}

fn member(id: &MemberId) -> MemberLink {
    let title = match id.as_str() {
        "lahore-power" => text("Lahore Power", "لاہور پاور"),
        "city-transport" => text("City transport company", "شہری ٹرانسپورٹ کمپنی"),
        _ => text("Clean air office", "صاف ہوا کا دفتر"),
    };
    MemberLink {
        id: id.clone(),
        title,
    }
}

/// Three deployments.
pub(crate) fn cards() -> Vec<DeploymentCard> {
    let card = |notice: &Notice, licence| DeploymentCard {
        id: notice.deployment.clone(),
        title: notice.title.clone(),
        summary: notice.summary.clone(),
        place: notice.place.clone(),
        controller: controller(notice),
        licence,
    };
    vec![
        card(&HOME, LicenceState::Active),
        card(&BUS, LicenceState::Suspended),
        card(&AIR, LicenceState::Active),
    ]
}

/// Three members in three chambers.
pub(crate) fn chambers() -> Vec<(Chamber, Vec<MemberLink>)> {
    vec![
        (Chamber::Government, vec![controller(&AIR)]),
        (Chamber::Vendors, vec![controller(&HOME), controller(&BUS)]),
    ]
}

/// A licence in `state`.
pub(crate) fn licence(state: LicenceState) -> Licence {
    let decided = state != LicenceState::None;
    let reason = match state {
        LicenceState::Suspended => "Readers sent card numbers that the notice does not name.",
        LicenceState::Revoked => "The operator went on after two suspensions.",
        _ => "",
    };
    Licence {
        state,
        since: decided.then(|| ago(3_000)),
        reason: reason.to_owned(),
        entry: decided.then_some(4),
    }
}

/// Six entries, newest first.
pub(crate) fn entries() -> Vec<EntryLine> {
    let deployment = |it: &Notice| About::Deployment(it.deployment.clone(), it.title.clone());
    let line = |index, kind, about, by, reason: &str| EntryLine {
        index,
        at: ago(i64::try_from(6 - index).unwrap_or(0) * 600),
        kind,
        about,
        by,
        grant: None,
        reason: reason.to_owned(),
    };
    let owner = controller(&HOME);
    let suspended = "Readers sent card numbers that the notice does not name.";
    let mut grant = line(
        2,
        EntryKind::GrantIssued,
        deployment(&HOME),
        By::Operator,
        "",
    );
    grant.grant = Some(GrantLine {
        recipient: text(
            "Energy lab of the university",
            "یونیورسٹی کی توانائی لیبارٹری",
        ),
        purpose: text("Research on saving power", "بجلی کی بچت پر تحقیق"),
        ends_at: None,
    });
    vec![
        line(
            5,
            EntryKind::LicenceSuspended,
            deployment(&BUS),
            By::Licensing,
            suspended,
        ),
        line(
            4,
            EntryKind::LicenceIssued,
            deployment(&HOME),
            By::Licensing,
            "All controls are met.",
        ),
        line(
            3,
            EntryKind::NoticePublished,
            deployment(&HOME),
            By::Member(owner.title.clone()),
            "",
        ),
        grant,
        line(
            1,
            EntryKind::DeploymentRegistered,
            deployment(&HOME),
            By::Other("office:sample".to_owned()),
            "",
        ),
        line(
            0,
            EntryKind::MemberJoined,
            About::Member(owner.id, owner.title),
            By::Operator,
            "",
        ),
    ]
}

/// A hash, as text.
pub(crate) fn hash(seed: u8) -> String {
    let bytes: Vec<u8> = (0..32).map(|it: u8| it.wrapping_mul(37) ^ seed).collect();
    BASE64.encode(&bytes)
}

/// The bytes of an entry, in the form that the record has.
pub(crate) fn raw_entry(entry: &EntryLine) -> String {
    format!(
        r#"{{"v":1,"at":"{}","kind":"{}","about":"deployment:city-bus","by":"office:licensing"}}"#,
        entry.at,
        entry.kind.as_str()
    )
}

/// A proof with `path` hashes.
pub(crate) fn proof(path: u8) -> Proof {
    Proof {
        leaf: hash(1),
        path: (2..2 + path).map(hash).collect(),
        size: 6,
        root: hash(99),
        checkpoint: format!(
            "amanat.example/record\n6\n{}\n\n— amanat.example/record {}\n",
            hash(99),
            hash(7)
        ),
    }
}

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;

/// Deployments that sense the reader.
pub(crate) fn linked() -> Vec<LinkedDeployment> {
    let link = |notice: &Notice, licence, stays| LinkedDeployment {
        id: notice.deployment.clone(),
        title: notice.title.clone(),
        licence,
        known_by: notice
            .subject_field
            .as_ref()
            .and_then(|it| notice.field(it))
            .map(|it| it.title.clone()),
        stays,
    };
    let stay = |id, role, from, until, is_over| {
        thing(id).map(|thing| Stay {
            thing,
            role,
            from,
            until,
            is_over,
        })
    };
    let (from, until) = (Some(NOW.plus_millis(-DAY)), Some(NOW.plus_millis(DAY)));
    let stays = [
        stay("meter-7", Role::Household, None, None, false),
        stay("plug-2", Role::Holder, from, None, false),
        stay("plug-3", Role::Occupant, None, until, false),
        stay("plug-4", Role::Occupant, from, until, false),
        stay("plug-5", Role::Occupant, None, from, true),
    ];
    let stays = stays.into_iter().flatten().collect();
    vec![
        link(&HOME, LicenceState::Active, stays),
        link(&BUS, LicenceState::Suspended, Vec::new()),
    ]
}

fn thing(id: &str) -> Option<ThingId> {
    ThingId::parse(id).ok()
}

/// A model with a new version in some weeks.
pub(crate) fn model() -> Option<model::Model> {
    let purpose = HOME.purposes.first()?;
    Some(model::Model {
        id: model::ModelId::parse("forecast").ok()?,
        title: purpose.title.clone(),
        decides: purpose.why.clone(),
        version: Some("2.1".to_owned()),
        in_force: Some(NOW.plus_millis(20 * 86_400_000)),
        version_before: Some("2.0".to_owned()),
    })
}

/// The same, as whom it is about is told.
pub(crate) fn models_ahead() -> Vec<custody::ModelAhead> {
    let ahead = |model: model::Model| custody::ModelAhead {
        deployment: HOME.deployment.clone(),
        title: HOME.title.clone(),
        model,
        at: NOW.plus_millis(20 * 86_400_000),
    };
    model().map(ahead).into_iter().collect()
}

/// What each recipient of a home received on one day.
pub(crate) fn received() -> Vec<Received> {
    let both = HOME.recipients.iter().zip(&HOME.purposes);
    let of = |(recipient, purpose): (&model::Recipient, &model::Purpose)| Received {
        recipient: recipient.title.clone(),
        purpose: purpose.title.clone(),
        deployment: HOME.title.clone(),
        fields: HOME
            .fields
            .iter()
            .take(2)
            .map(|it| it.title.clone())
            .collect(),
        times: 1_440,
        last_at: NOW.plus_millis(-60_000),
    };
    both.map(of).collect()
}

/// Two days of a timeline: one full, one on which nobody received anything.
pub(crate) fn days() -> Vec<Day> {
    let readings = |count: i64, first: i64| -> Vec<Reading> {
        let all = (0..count).filter_map(|it| {
            Some(Reading {
                at: ago(first + it * 7),
                deployment: HOME.deployment.clone(),
                title: HOME.title.clone(),
                thing: thing("meter-gulberg-17")?,
                parts: vec![Part {
                    vanishes_at: NOW.plus_millis(30 * 86_400_000),
                    values: values(it),
                }],
            })
        });
        all.collect()
    };
    let received = received();
    vec![
        Day {
            start: ago(15 * 60),
            readings: readings(8, 1),
            received,
        },
        Day {
            start: ago(39 * 60),
            readings: readings(2, 1_000),
            received: Vec::new(),
        },
        Day {
            start: ago(63 * 60),
            readings: Vec::new(),
            received: Vec::new(),
        },
    ]
}

fn values(step: i64) -> Vec<Value> {
    let amounts = [412 + step * 13, 2_310 + step];
    let declared = HOME
        .fields
        .iter()
        .zip(amounts)
        .map(|(field, amount)| Value {
            title: field.title.clone(),
            declared: true,
            text: amount.to_string(),
            exact: format!("{amount}.000000001"),
            unit: field
                .unit
                .as_deref()
                .map(symbol)
                .unwrap_or_default()
                .to_owned(),
            coarse: (step == 1).then(|| "± 250 W".to_owned()),
            made_by: None,
        });
    let measured = Value {
        title: text("When it measured", "پیمائش کا وقت"),
        declared: true,
        text: "1795338000".to_owned(),
        exact: "1795338000".to_owned(),
        unit: UNIX_SECONDS.to_owned(),
        coarse: None,
        made_by: None,
    };
    let gone = Value {
        title: text("/phase", "/phase"),
        declared: false,
        text: "L2".to_owned(),
        exact: "L2".to_owned(),
        unit: String::new(),
        coarse: None,
        made_by: None,
    };
    declared
        .chain([measured])
        .chain((step == 0).then_some(gone))
        .collect()
}

/// What a resident may choose under a notice; the first recipient has no access yet.
pub(crate) fn lanes(notice: &Notice) -> Vec<ChoiceLane> {
    let mut lanes = Vec::new();
    for declaration in &notice.declarations {
        let Some(purpose) = notice.purpose(&declaration.purpose) else {
            continue;
        };
        for recipient in declaration
            .recipients
            .iter()
            .filter_map(|it| notice.recipient(it))
        {
            let fields = declaration.fields.iter().filter_map(|it| notice.field(it));
            let rows = fields.enumerate().map(|(number, field)| {
                let coarse = (1..=Level::MAX_COARSE)
                    .filter_map(Level::coarse)
                    .take(field.coarse.len());
                let fixed = !declaration.basis.can_choose();
                let all = [Level::OFF].into_iter().chain(coarse).chain([Level::ON]);
                ChoiceRow {
                    name: format!("{} {} {}", purpose.id, recipient.id, field.pointer),
                    anchor: format!("c{}-{number}", lanes.len()),
                    field: field.clone(),
                    covered: notice.subject_field.as_ref() == Some(&field.pointer),
                    basis: declaration.basis,
                    source: declaration.source.clone(),
                    options: all.filter(|it| !fixed || *it == Level::ON).collect(),
                    chosen: declaration.basis.default_level(),
                    effective: if lanes.is_empty() {
                        Level::OFF
                    } else {
                        declaration.basis.default_level()
                    },
                    together: if lanes.is_empty() {
                        Level::OFF
                    } else {
                        declaration.basis.default_level()
                    },
                    way: None,
                    why: None,
                    source_state: None,
                    bad: false,
                }
            });
            let rows = rows.collect();
            lanes.push(ChoiceLane {
                anchor: format!("c{}", lanes.len()),
                recipient: recipient.title.clone(),
                terms: recipient.terms.clone(),
                purpose: purpose.title.clone(),
                why: purpose.why.clone(),
                rows,
            });
        }
    }
    lanes
}

/// A receipt's name.
pub(crate) fn receipt_id() -> Option<ReceiptId> {
    ReceiptId::parse("abcdefghijklmnopqrstuvwxyz").ok()
}

/// Three pages of values.
pub(crate) fn sheet_pages(notice: &Notice) -> Vec<SheetPage> {
    let page = |(number, purpose): (usize, &model::Purpose)| SheetPage {
        purposes: vec![purpose.title.clone()],
        first: number * 9 + 1,
        last: number * 9 + 9,
        route: Route::ChoicesFrom {
            deployment: notice.deployment.clone(),
            from: u32::try_from(number * 9).unwrap_or(0),
        },
        here: number == 0,
    };
    notice.purposes.iter().enumerate().map(page).collect()
}

/// One change, in words.
pub(crate) fn changes(shell: &Shell, notice: &Notice) -> Vec<ChoiceChange> {
    let first = notice
        .fields
        .iter()
        .zip(&notice.recipients)
        .zip(&notice.purposes);
    let change = first
        .take(1)
        .map(|((field, recipient), purpose)| ChoiceChange {
            field: shell.of(&field.title).to_owned(),
            recipient: shell.of(&recipient.title).to_owned(),
            purpose: shell.of(&purpose.title).to_owned(),
            before: shell.level(field, &Level::ON),
            after: shell.level(field, &Level::OFF),
        });
    change.collect()
}

/// The office's list: one licence in every state.
pub(crate) fn office_rows() -> Vec<OfficeRow> {
    let row = |notice: &Notice, licence| OfficeRow {
        id: notice.deployment.clone(),
        title: notice.title.clone(),
        controller: controller(notice).title,
        licence,
        reason: String::new(),
        error: None,
    };
    vec![
        row(&HOME, LicenceState::Active),
        row(&BUS, LicenceState::Suspended),
        row(&AIR, LicenceState::Revoked),
    ]
}

//! The words of the domain, in the reader's language: states, levels, bases, units.

use custody::Accuracy;
use model::{
    Chamber, Coarsening, EntryKind, Field, FieldKind, LegalBasis, Level, LicenceState, Retention,
    Sensitivity, Statistic, Timestamp, Window,
};

use super::Texts;
use super::dates::{UNIX_SECONDS, instant};

/// Length of one degree of latitude, in kilometres: what a grid cell is worth on the ground.
const DEGREE_KM: f64 = 111.2;

impl Texts {
    /// The state of a licence, in one or two words.
    pub(crate) fn licence(&self, state: &LicenceState) -> String {
        self.say(match state {
            LicenceState::None => "licence-none",
            LicenceState::Active => "licence-active",
            LicenceState::Suspended => "licence-suspended",
            LicenceState::Revoked => "licence-revoked",
            LicenceState::Expired => "licence-expired",
        })
    }

    /// What the state of a licence means for the devices, in a sentence.
    pub(crate) fn licence_means(&self, state: &LicenceState) -> String {
        self.say(match state {
            LicenceState::None => "licence-none-means",
            LicenceState::Active => "licence-active-means",
            LicenceState::Suspended => "licence-suspended-means",
            LicenceState::Revoked => "licence-revoked-means",
            LicenceState::Expired => "licence-expired-means",
        })
    }

    /// The name of a chamber.
    pub(crate) fn chamber(&self, chamber: &Chamber) -> String {
        self.say(match chamber {
            Chamber::Government => "chamber-government",
            Chamber::Academia => "chamber-academia",
            Chamber::Vendors => "chamber-vendors",
            Chamber::Startups => "chamber-startups",
            Chamber::Ngos => "chamber-ngos",
            Chamber::Communities => "chamber-communities",
        })
    }

    /// The legal basis in plain words.
    pub(crate) fn basis(&self, basis: &LegalBasis) -> String {
        self.say(match basis {
            LegalBasis::Consent => "basis-consent",
            LegalBasis::Contract => "basis-contract",
            LegalBasis::LegitimateInterest => "basis-legitimate-interest",
            LegalBasis::PublicTask => "basis-public-task",
            LegalBasis::LegalObligation => "basis-legal-obligation",
            LegalBasis::VitalInterest => "basis-vital-interest",
        })
    }

    /// What a person may choose under a legal basis.
    pub(crate) fn basis_choice(&self, basis: &LegalBasis) -> String {
        self.say(match basis {
            LegalBasis::Consent => "basis-choice-consent",
            LegalBasis::LegalObligation | LegalBasis::VitalInterest => "basis-choice-none",
            _ => "basis-choice-object",
        })
    }

    /// How much a field tells about a person.
    pub(crate) fn sensitivity(&self, sensitivity: &Sensitivity) -> String {
        self.say(match sensitivity {
            Sensitivity::None => "sensitivity-none",
            Sensitivity::Low => "sensitivity-low",
            Sensitivity::Medium => "sensitivity-medium",
            Sensitivity::High => "sensitivity-high",
            Sensitivity::VeryHigh => "sensitivity-very-high",
        })
    }

    /// How long something is kept.
    pub(crate) fn retention(&self, retention: &Retention) -> String {
        match retention.as_days() {
            0 => self.say("retention-live"),
            days => self.exact_period(days),
        }
    }

    /// A public act in plain words; `about` is the title of what it is about, `grant` the recipient and the purpose.
    pub(crate) fn act(&self, kind: &EntryKind, about: &str, grant: Option<(&str, &str)>) -> String {
        let key = match *kind {
            EntryKind::MemberJoined => "act-member-joined",
            EntryKind::DeploymentRegistered => "act-deployment-registered",
            EntryKind::NoticePublished => "act-notice-published",
            EntryKind::LicenceIssued => "act-licence-issued",
            EntryKind::LicenceSuspended => "act-licence-suspended",
            EntryKind::LicenceReinstated => "act-licence-reinstated",
            EntryKind::LicenceRevoked => "act-licence-revoked",
            EntryKind::GrantIssued => "act-grant-issued",
            EntryKind::GrantWithdrawn => "act-grant-withdrawn",
            EntryKind::LimitSet => "act-limit-set",
            EntryKind::LimitLifted => "act-limit-lifted",
            EntryKind::DeviceAuthorityBegun => "act-device-authority-begun",
            EntryKind::MakerTrusted => "act-maker-trusted",
            EntryKind::MakerDistrusted => "act-maker-distrusted",
            EntryKind::AccessAsked => "act-access-asked",
            EntryKind::AccessApproved => "act-access-approved",
            EntryKind::AccessRefused => "act-access-refused",
            EntryKind::AccessUsed => "act-access-used",
            EntryKind::StatisticDeclared => "act-statistic-declared",
            EntryKind::StatisticReleased => "act-statistic-released",
            EntryKind::StatisticEnded => "act-statistic-ended",
            EntryKind::DataErased => "act-data-erased",
            EntryKind::CommonsDeclared => "act-commons-declared",
            EntryKind::CommonsAdmitted => "act-commons-admitted",
            EntryKind::CommonsRefused => "act-commons-refused",
            EntryKind::CaseDecided => "act-case-decided",
            EntryKind::SanctionImposed => "act-sanction-imposed",
            EntryKind::SanctionLifted => "act-sanction-lifted",
            EntryKind::CalendarChanged => "act-calendar-changed",
            EntryKind::FindingRuleSet => "act-finding-rule-set",
            EntryKind::OfficerAppointed => "act-officer-appointed",
            EntryKind::OrderApproved => "act-order-approved",
            EntryKind::OrderRefused => "act-order-refused",
            EntryKind::OrderEnded => "act-order-ended",
            EntryKind::OrderDisclosed => "act-order-disclosed",
            EntryKind::IncidentOpened => "act-incident-opened",
            EntryKind::IncidentReported => "act-incident-reported",
            EntryKind::IncidentTold => "act-incident-told",
            EntryKind::ReceiptsCommitted => "act-receipts-committed",
            EntryKind::KeysRotated => "act-keys-rotated",
        };
        let (recipient, purpose) = grant.unwrap_or(("?", "?"));
        let message = self.with(key).set("about", about);
        message
            .set("recipient", recipient)
            .set("purpose", purpose)
            .to_string()
    }

    /// That the access of a recipient for a purpose will end.
    pub(crate) fn access_ends(
        &self,
        about: &str,
        (recipient, purpose): (&str, &str),
        at: &Timestamp,
    ) -> String {
        self.with("act-grant-ends")
            .set("recipient", recipient)
            .set("about", about)
            .set("purpose", purpose)
            .set("moment", self.moment(at))
            .to_string()
    }

    /// A level of a field with its accuracy: `± 250 W`, `exact`.
    pub(crate) fn level(&self, field: &Field, level: &Level) -> String {
        let Some(number) = level.coarse_number() else {
            return self.say(if *level == Level::OFF {
                "level-off"
            } else {
                "level-on"
            });
        };
        let Some(coarsening) = field.coarse.get(usize::from(number) - 1) else {
            return self.say("level-off");
        };
        let unit = field.unit.as_deref().map(symbol).unwrap_or_default();
        match coarsening {
            Coarsening::Round(step) => self
                .with("level-round")
                .set("accuracy", self.off_by(step / 2.0, unit))
                .to_string(),
            Coarsening::Grid(degrees) => self.grid(*degrees),
            Coarsening::Bucket(bounds) => {
                let bounds = self.bounds(bounds, unit);
                self.with("level-bucket").set("bounds", bounds).to_string()
            }
            Coarsening::Geohash(characters) if field.kind == FieldKind::Number => {
                self.grid(geohash_degrees(*characters))
            }
            Coarsening::Geohash(_) => self.say("level-area"),
            Coarsening::Threshold(bound) => {
                let bounds = self.bounds(&[*bound], unit);
                self.with("level-threshold")
                    .set("bound", bounds)
                    .to_string()
            }
            Coarsening::Category(category) => {
                let labels = category.groups.iter().map(|it| it.label.as_str());
                let labels = self.list(labels.chain(category.otherwise.as_deref()));
                self.with("level-category")
                    .set("labels", labels)
                    .to_string()
            }
            Coarsening::Window(window) => self.window(*window),
            Coarsening::Presence => self.say("level-presence"),
        }
    }

    /// A statistic over time windows: `Only the mean of each 15 minutes`, `Only the mean of each hour`.
    fn window(&self, window: Window) -> String {
        let key = match window.of {
            Statistic::Mean => "level-window-mean",
            Statistic::Min => "level-window-min",
            Statistic::Max => "level-window-max",
            Statistic::Count => "level-window-count",
            Statistic::Last => "level-window-last",
        };
        let period = self.each(window.seconds);
        self.with(key).set("period", period).to_string()
    }

    /// How coarse a recorded value is: `to within ± 250 W`.
    pub(crate) fn accuracy(&self, accuracy: Accuracy, unit: &str) -> String {
        match accuracy {
            Accuracy::Within(distance) => self
                .with("value-within")
                .set("accuracy", self.off_by(distance, unit))
                .to_string(),
            Accuracy::NotStated => self.say("value-coarse"),
        }
    }

    /// What a field is counted in, in words or as a symbol.
    pub(crate) fn unit(&self, unit: &str) -> String {
        if unit == UNIX_SECONDS {
            self.say("unit-date-and-time")
        } else {
            symbol(unit).to_owned()
        }
    }

    fn off_by(&self, distance: f64, unit: &str) -> String {
        let unit = match unit {
            "s" | UNIX_SECONDS => match self.minutes_off(distance) {
                Some(words) => return words,
                None => "s",
            },
            other => other,
        };
        quantity_text(&format!("±\u{a0}{distance}"), unit)
    }

    pub(super) fn bounds(&self, bounds: &[f64], unit: &str) -> String {
        let plain: Vec<String> = bounds.iter().map(ToString::to_string).collect();
        if unit != UNIX_SECONDS {
            return quantity_text(&self.list(plain.iter().map(String::as_str)), unit);
        }
        let moment = |it: String| instant(&it).map_or(it, |at| self.moment(&at));
        let moments: Vec<String> = plain.into_iter().map(moment).collect();
        self.list(moments.iter().map(String::as_str))
    }

    /// The style class of a level: `on`, `coarse`, `off`.
    pub(crate) fn level_class(&self, level: &Level) -> &'static str {
        match *level {
            Level::ON => "on",
            Level::OFF => "off",
            _ => "coarse",
        }
    }

    fn grid(&self, degrees: f64) -> String {
        let kilometres = degrees * DEGREE_KM;
        if kilometres < 1.0 {
            let metres = format!("{:.0}", kilometres * 100.0);
            return self
                .with("level-grid-m")
                .set("metres", format!("{metres}0"))
                .to_string();
        }
        let kilometres = if kilometres < 10.0 {
            format!("{kilometres:.1}")
        } else {
            format!("{kilometres:.0}")
        };
        self.with("level-grid-km")
            .set("kilometres", kilometres)
            .to_string()
    }
}

/// The longer side of a geohash cell, in degrees: each character halves the cell five times, longitude first.
fn geohash_degrees(characters: u8) -> f64 {
    let halvings = i32::from(characters) * 5;
    let (lat, lon) = (halvings / 2, halvings - halvings / 2);
    (180.0 / 2_f64.powi(lat)).max(360.0 / 2_f64.powi(lon))
}

fn quantity_text(value: &str, unit: &str) -> String {
    if unit.is_empty() {
        value.to_owned()
    } else {
        format!("{value}\u{a0}{unit}")
    }
}

/// How a UCUM or SenML unit is written for people; units that are their own symbol stay.
pub(crate) fn symbol(unit: &str) -> &str {
    match unit {
        "Cel" | "cel" => "°C",
        "ug/m3" | "ug.m-3" => "µg/m³",
        "mg/m3" => "mg/m³",
        "m3" => "m³",
        "m2" => "m²",
        "m/s2" => "m/s²",
        "deg" | "lat" | "lon" => "°",
        "ohm" | "Ohm" => "Ω",
        "%RH" | "%EL" => "%",
        "[ppm]" => "ppm",
        "[ppb]" => "ppb",
        "mm[Hg]" => "mmHg",
        "1" => "",
        other => other,
    }
}

//! From a notice file to a [`Notice`]: all problems at once, with line, reason and remedy.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{
    Coarsening, Contact, Declaration, Field, FieldKind, LegalBasis, MAX_DECLARATIONS, MAX_FIELDS,
    MAX_NOTICE_BYTES, MAX_RECIPIENTS, Notice, Purpose, Recipient, Retention, Sensitivity,
};
use crate::{DeploymentId, Level, MemberId, Pointer, PurposeId, RecipientId, Text};

/// One thing that is wrong with a notice file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}\n  {}", self.line, self.reason, self.remedy)
    }
}

/// A notice file has problems.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the notice has {} problem(s)", problems.len())]
pub struct NoticeError {
    /// Every problem found, by line.
    pub problems: Vec<Problem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawNotice {
    deployment: Spanned<String>,
    version: Spanned<u32>,
    controller: Spanned<String>,
    title: Spanned<Text>,
    summary: Spanned<Text>,
    place: Spanned<Text>,
    stored_in: Spanned<Text>,
    contact: RawContact,
    bystanders: Option<Spanned<Text>>,
    subject_field: Option<Spanned<String>>,
    fields: Vec<RawField>,
    purposes: Vec<RawPurpose>,
    recipients: Vec<RawRecipient>,
    declarations: Vec<RawDeclaration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContact {
    name: Spanned<Text>,
    email: Spanned<String>,
    phone: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    pointer: Spanned<String>,
    title: Spanned<Text>,
    kind: Spanned<String>,
    unit: Option<String>,
    sensitivity: Spanned<String>,
    #[serde(default)]
    coarse: Vec<Spanned<RawCoarsening>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCoarsening {
    round: Option<f64>,
    grid: Option<f64>,
    bucket: Option<Vec<f64>>,
    presence: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPurpose {
    id: Spanned<String>,
    dpv: Spanned<String>,
    title: Spanned<Text>,
    why: Spanned<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipient {
    id: Spanned<String>,
    title: Spanned<Text>,
    terms: Spanned<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDeclaration {
    fields: Spanned<Vec<Spanned<String>>>,
    purpose: Spanned<String>,
    basis: Spanned<String>,
    source: Option<Spanned<Text>>,
    recipients: Spanned<Vec<Spanned<String>>>,
    retention_days: Spanned<u16>,
    precision: Spanned<String>,
}

/// Collects problems; a reader that fails gives `None` and the rest goes on.
struct Reader<'a> {
    source: &'a str,
    problems: Vec<Problem>,
}

pub(super) fn parse(text: &str) -> Result<Notice, NoticeError> {
    let one = |line, reason: String, remedy: &str| NoticeError {
        problems: vec![Problem {
            line,
            reason,
            remedy: remedy.to_owned(),
        }],
    };
    if text.len() > MAX_NOTICE_BYTES {
        let reason = format!("the file has {} bytes", text.len());
        return Err(one(1, reason, "keep a notice under 256 KiB"));
    }
    let raw: RawNotice = toml::from_str(text).map_err(|err| {
        let line = err.span().map_or(1, |it| line_of(text, it.start));
        one(
            line,
            err.message().to_owned(),
            "correct the line and check again",
        )
    })?;
    let mut reader = Reader {
        source: text,
        problems: Vec::new(),
    };
    let notice = reader.notice(raw);
    reader.problems.sort_by_key(|it| it.line);
    match notice {
        Some(notice) if reader.problems.is_empty() => Ok(notice),
        _ => Err(NoticeError {
            problems: reader.problems,
        }),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|it| *it == b'\n').count() + 1
}

impl Reader<'_> {
    fn problem(
        &mut self,
        span: Range<usize>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(Problem {
            line: line_of(self.source, span.start),
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    fn parsed<T, E: fmt::Display>(
        &mut self,
        raw: &Spanned<String>,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(raw.get_ref())
            .map_err(|err| {
                let reason = format!("`{}` is not {what}", raw.get_ref());
                self.problem(raw.span(), reason, err.to_string());
            })
            .ok()
    }

    fn word<T: Copy>(
        &mut self,
        raw: &Spanned<String>,
        what: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let found = all.iter().copied().find(|it| name(*it) == raw.get_ref());
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|it| name(*it)).collect();
            let reason = format!("`{}` is not {what}", raw.get_ref());
            self.problem(
                raw.span(),
                reason,
                format!("write one of: {}", words.join(", ")),
            );
        }
        found
    }

    fn text(&mut self, raw: Spanned<Text>) -> Text {
        let span = raw.span();
        let text = raw.into_inner();
        for (language, value) in [("English", &text.en), ("Urdu", &text.ur)] {
            if value.trim().is_empty() {
                self.problem(
                    span.clone(),
                    format!("the {language} text is empty"),
                    "people read this in both languages: write both",
                );
            }
        }
        text
    }

    fn limit(&mut self, count: usize, max: usize, what: &str) {
        if count == 0 {
            self.problem(
                0..0,
                format!("the notice has no {what}"),
                format!("declare at least one of {what}"),
            );
        }
        if count > max {
            let reason = format!("the notice has {count} {what}, at most {max} are allowed");
            self.problem(0..0, reason, "split the deployment in two");
        }
    }

    fn unique<'a>(&mut self, ids: impl Iterator<Item = &'a Spanned<String>>, what: &str) {
        let mut seen = BTreeSet::new();
        for id in ids {
            if !seen.insert(id.get_ref()) {
                let reason = format!("{what} `{}` stands twice", id.get_ref());
                self.problem(id.span(), reason, "remove or rename one of them");
            }
        }
    }

    fn notice(&mut self, raw: RawNotice) -> Option<Notice> {
        self.limit(raw.fields.len(), MAX_FIELDS, "fields");
        self.limit(raw.recipients.len(), MAX_RECIPIENTS, "recipients");
        self.limit(raw.declarations.len(), MAX_DECLARATIONS, "declarations");
        self.unique(raw.fields.iter().map(|it| &it.pointer), "field");
        self.unique(raw.purposes.iter().map(|it| &it.id), "purpose");
        self.unique(raw.recipients.iter().map(|it| &it.id), "recipient");
        if *raw.version.get_ref() == 0 {
            self.problem(
                raw.version.span(),
                "versions count from 1",
                "write 1 for the first version",
            );
        }
        self.references(&raw);
        let deployment = self.parsed(&raw.deployment, "a deployment", DeploymentId::parse);
        let controller = self.parsed(&raw.controller, "a member", MemberId::parse);
        let contact = Contact {
            name: self.text(raw.contact.name),
            email: self.email(raw.contact.email),
            phone: raw.contact.phone.into_inner(),
        };
        let subject_field = raw
            .subject_field
            .as_ref()
            .and_then(|it| self.parsed(it, "a field", Pointer::parse));
        let fields: Vec<_> = raw
            .fields
            .into_iter()
            .filter_map(|it| self.field(it))
            .collect();
        let declarations: Vec<_> = raw
            .declarations
            .into_iter()
            .filter_map(|it| self.declaration(it, &fields))
            .collect();
        Some(Notice {
            deployment: deployment?,
            version: *raw.version.get_ref(),
            controller: controller?,
            title: self.text(raw.title),
            summary: self.text(raw.summary),
            place: self.text(raw.place),
            stored_in: self.text(raw.stored_in),
            contact,
            bystanders: raw.bystanders.map(|it| self.text(it)),
            subject_field,
            format: super::Format::Json,
            position: None,
            models: Vec::new(),
            source_switches: Vec::new(),
            fields,
            purposes: raw
                .purposes
                .into_iter()
                .filter_map(|it| self.purpose(it))
                .collect(),
            recipients: raw
                .recipients
                .into_iter()
                .filter_map(|it| self.recipient(it))
                .collect(),
            declarations,
        })
    }

    /// Every name that is used must be declared, and a field without declaration would never pass.
    fn references(&mut self, raw: &RawNotice) {
        let fields: BTreeSet<_> = raw
            .fields
            .iter()
            .map(|it| it.pointer.get_ref().as_str())
            .collect();
        let purposes: BTreeSet<_> = raw
            .purposes
            .iter()
            .map(|it| it.id.get_ref().as_str())
            .collect();
        let recipients: BTreeSet<_> = raw
            .recipients
            .iter()
            .map(|it| it.id.get_ref().as_str())
            .collect();
        let mut used = BTreeSet::new();
        for declaration in &raw.declarations {
            for field in declaration.fields.get_ref() {
                used.insert(field.get_ref().as_str());
                self.known(field, &fields, "field");
            }
            self.known(&declaration.purpose, &purposes, "purpose");
            for recipient in declaration.recipients.get_ref() {
                self.known(recipient, &recipients, "recipient");
            }
        }
        if let Some(field) = &raw.subject_field {
            self.known(field, &fields, "field");
        }
        for field in &raw.fields {
            if !used.contains(field.pointer.get_ref().as_str()) {
                self.problem(
                    field.pointer.span(),
                    format!(
                        "field `{}` is in no declaration, so it would never pass",
                        field.pointer.get_ref()
                    ),
                    "name it in a declaration, or remove the field",
                );
            }
        }
    }

    fn known(&mut self, name: &Spanned<String>, known: &BTreeSet<&str>, what: &str) {
        if !known.contains(name.get_ref().as_str()) {
            let reason = format!("{what} `{}` is not declared", name.get_ref());
            self.problem(
                name.span(),
                reason,
                format!("add it under [[{what}s]], or correct the name"),
            );
        }
    }

    fn email(&mut self, raw: Spanned<String>) -> String {
        let span = raw.span();
        let email = raw.into_inner();
        let plausible = email
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if !plausible {
            self.problem(
                span,
                format!("`{email}` is not a mail address"),
                "write one such as privacy@city.example",
            );
        }
        email
    }

    fn field(&mut self, raw: RawField) -> Option<Field> {
        let pointer = self.parsed(&raw.pointer, "a JSON Pointer", Pointer::parse);
        let kind = self.word(
            &raw.kind,
            "a type of field",
            FieldKind::ALL,
            FieldKind::as_str,
        );
        let sensitivity = self.word(
            &raw.sensitivity,
            "a sensitivity",
            Sensitivity::ALL,
            Sensitivity::as_str,
        );
        if raw.coarse.len() > usize::from(Level::MAX_COARSE) {
            self.problem(
                raw.pointer.span(),
                "a field has at most 8 coarse levels",
                "remove some",
            );
        }
        let number = kind.is_none_or(|it| it == FieldKind::Number);
        let title = self.text(raw.title);
        let coarse = raw
            .coarse
            .into_iter()
            .filter_map(|it| self.coarsening(it, number))
            .collect();
        Some(Field {
            pointer: pointer?,
            title,
            kind: kind?,
            unit: raw.unit,
            range: None,
            data: None,
            about: crate::Roles::ALL,
            sensitivity: sensitivity?,
            coarse,
        })
    }

    fn coarsening(&mut self, raw: Spanned<RawCoarsening>, number: bool) -> Option<Coarsening> {
        let span = raw.span();
        let coarsening = match raw.into_inner() {
            RawCoarsening {
                round: Some(step),
                grid: None,
                bucket: None,
                presence: None,
            } => Coarsening::Round(step),
            RawCoarsening {
                round: None,
                grid: Some(cell),
                bucket: None,
                presence: None,
            } => Coarsening::Grid(cell),
            RawCoarsening {
                round: None,
                grid: None,
                bucket: Some(bounds),
                presence: None,
            } => Coarsening::Bucket(bounds),
            RawCoarsening {
                round: None,
                grid: None,
                bucket: None,
                presence: Some(true),
            } => Coarsening::Presence,
            _ => {
                self.problem(
                    span,
                    "a coarse level has exactly one operator",
                    "write one of: round, grid, bucket, presence = true",
                );
                return None;
            }
        };
        let valid = match &coarsening {
            Coarsening::Round(step) => step.is_finite() && *step > 0.0,
            Coarsening::Grid(cell) => cell.is_finite() && *cell > 0.0 && *cell <= 90.0,
            Coarsening::Bucket(bounds) => {
                !bounds.is_empty()
                    && bounds.iter().all(|it| it.is_finite())
                    && bounds.is_sorted_by(|a, b| a < b)
            }
            _ => true,
        };
        if !valid {
            self.problem(
                span,
                "the numbers of this coarse level do not fit",
                "use steps above zero, a grid of at most 90 degrees, and ascending bounds",
            );
            return None;
        }
        if !number && coarsening != Coarsening::Presence {
            self.problem(
                span,
                "only numbers can be rounded or bucketed",
                "use presence = true, or make the field a number",
            );
            return None;
        }
        Some(coarsening)
    }

    fn purpose(&mut self, raw: RawPurpose) -> Option<Purpose> {
        if !raw.dpv.get_ref().starts_with("dpv:") {
            let reason = format!("`{}` is not a DPV purpose", raw.dpv.get_ref());
            self.problem(
                raw.dpv.span(),
                reason,
                "write one such as dpv:PublicBenefit",
            );
        }
        let id = self.parsed(&raw.id, "a purpose", PurposeId::parse);
        Some(Purpose {
            title: self.text(raw.title),
            why: self.text(raw.why),
            dpv: raw.dpv.into_inner(),
            id: id?,
        })
    }

    fn recipient(&mut self, raw: RawRecipient) -> Option<Recipient> {
        let id = self.parsed(&raw.id, "a recipient", RecipientId::parse);
        Some(Recipient {
            title: self.text(raw.title),
            terms: self.text(raw.terms),
            party: super::Party::ThirdParty,
            country: None,
            id: id?,
        })
    }

    fn declaration(&mut self, raw: RawDeclaration, fields: &[Field]) -> Option<Declaration> {
        let basis = self.word(
            &raw.basis,
            "a legal basis",
            LegalBasis::ALL,
            LegalBasis::as_str,
        );
        if raw.source.is_none() && basis.is_some_and(|it| !it.can_choose()) {
            self.problem(
                raw.basis.span(),
                format!(
                    "`{}` takes the choice from people, so it needs a source",
                    raw.basis.get_ref()
                ),
                "add source = { en = \"…\", ur = \"…\" } with the law and section",
            );
        }
        for (list, what) in [(&raw.fields, "field"), (&raw.recipients, "recipient")] {
            if list.get_ref().is_empty() {
                self.problem(
                    list.span(),
                    format!("a declaration without a {what}"),
                    format!("name at least one {what}"),
                );
            }
        }
        let precision = self.parsed(&raw.precision, "a precision", |it| {
            Level::parse(it).ok_or("write on, or coarse-1 (coarsest), coarse-2, …")
        });
        let pointers: Vec<_> = raw
            .fields
            .get_ref()
            .iter()
            .filter_map(|it| Pointer::parse(it.get_ref()).ok())
            .collect();
        if let Some(number) = precision.and_then(Level::coarse_number) {
            for field in fields.iter().filter(|it| pointers.contains(&it.pointer)) {
                if field.coarse.len() < usize::from(number) {
                    let reason = format!("field `{}` has no level coarse-{number}", field.pointer);
                    self.problem(
                        raw.precision.span(),
                        reason,
                        "add it under [[fields.coarse]], or choose another precision",
                    );
                }
            }
        }
        let purpose = self.parsed(&raw.purpose, "a purpose", PurposeId::parse);
        let recipients = raw
            .recipients
            .get_ref()
            .iter()
            .filter_map(|it| self.parsed(it, "a recipient", RecipientId::parse))
            .collect();
        Some(Declaration {
            fields: pointers,
            purpose: purpose?,
            basis: basis?,
            source: raw.source.map(|it| self.text(it)),
            recipients,
            retention: Retention::from_days(*raw.retention_days.get_ref()),
            precision: precision?,
            stored_in: None,
            models: Vec::new(),
        })
    }
}

//! Records and receipts of consent in the shape of ISO/IEC TS 27560, as JSON-LD with terms of the Data Privacy Vocabulary.
//!
//! The shape is that of the open JSON profile (`dpv-27560:record-2`): one person per record; every purpose a process of its
//! own; below it one process per recipient and field, with its legal basis, its storage and everything that happened to it;
//! refusals and objections are recorded like consent. A receipt is the same about the matters of one act, with the
//! statement and the hash that `consent` describes.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Declaration, DeploymentId, Field, Language, LegalBasis, Level, MemberId, Notice, Party,
    PersonId, PublishedNotice, PurposeId, Recipient, Sensitivity, Text, Timestamp,
};
use serde_json::{Map, Value, json};
use store::Tx;

use super::{Change, ChoiceAct, ConsentState, Matter, ReceiptFacts, ReceiptId};
use crate::Custody;
use crate::act::ActError;
use crate::choose;
use crate::rows;
use crate::secret::document_sha256;

/// What a record says beside what custody knows.
#[derive(Debug, Clone)]
pub struct RecordFrame {
    /// Where people reach the site, without a slash at the end.
    pub base: String,
    /// In which language its texts are.
    pub language: Language,
    /// The country whose law holds (ISO 3166-1 alpha-2).
    pub country: String,
    /// Who keeps the record.
    pub keeper: String,
    /// The names of the accountable members.
    pub controllers: BTreeMap<MemberId, String>,
    /// The rights of the person in words, each with the path where it is exercised.
    pub rights: Vec<(String, String)>,
    /// How long a decision holds, in words.
    pub valid: String,
    /// How a decision is taken back, in words.
    pub withdrawal: String,
    /// When the record is made.
    pub now: Timestamp,
}

/// Everything that happened to the matters of one deployment under one notice.
struct Chapter {
    notice: Notice,
    sha256: String,
    /// By matter, oldest first, each with its act.
    events: BTreeMap<Matter, Vec<(ChoiceAct, Change)>>,
    /// Only the matters with events, or everything that the notice declares.
    only_events: bool,
}

impl Custody {
    /// The record of everything that a person decided or left to the default, at one deployment or at all that are about
    /// them; `None` when nothing there is about them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consent_record(
        &self,
        person: &PersonId,
        only: Option<&DeploymentId>,
        frame: &RecordFrame,
    ) -> Result<Option<String>, ActError> {
        let about = self.deployments_about(person).into_iter();
        let about: Vec<_> = about
            .filter(|it| only.is_none_or(|only| only == it))
            .collect();
        if about.is_empty() {
            return Ok(None);
        }
        let chapters = self.inner.db.read(|tx| {
            let acts = rows::consent::all_acts(tx, person)?;
            let acts: BTreeMap<i64, ChoiceAct> =
                acts.into_iter().map(|it| (it.number, it)).collect();
            let mut chapters = Vec::new();
            for id in &about {
                chapters.extend(chapter(tx, person, id, &acts)?);
            }
            Ok::<_, ActError>(chapters)
        })?;
        let identifier = format!("urn:uuid:{}", uuid()?);
        let record = document(person, &chapters, frame, &identifier);
        Ok(Some(text(&Value::Object(record))))
    }

    /// The receipt of one act of a person; `None` when the person has no such act.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consent_receipt(
        &self,
        person: &PersonId,
        receipt: &ReceiptId,
        frame: &RecordFrame,
    ) -> Result<Option<String>, ActError> {
        let Some(facts) = self.receipt(person, receipt)? else {
            return Ok(None);
        };
        let chapters = self.inner.db.read(|tx| past_chapters(tx, &facts))?;
        let identifier = format!(
            "{}/me/choices/receipt/{}",
            frame.base,
            facts.act.id.as_str()
        );
        let mut document = document(person, &chapters, frame, &identifier);
        document.insert(
            "@type".to_owned(),
            json!(["dpv:ConsentReceipt", "dpv:ConsentRecord"]),
        );
        document.insert("dct:created".to_owned(), json!(facts.act.at.to_string()));
        let seal = json!({
            "amanat:statement": facts.statement,
            "amanat:sha256": facts.act.sha256,
            "amanat:previousSha256": facts.act.previous_sha256,
        });
        document.insert("amanat:seal".to_owned(), seal);
        Ok(Some(text(&Value::Object(document))))
    }
}

fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> Result<String, ActError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    Ok([
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-"))
}

fn chapter(
    tx: &mut Tx<'_>,
    person: &PersonId,
    id: &DeploymentId,
    acts: &BTreeMap<i64, ChoiceAct>,
) -> Result<Option<Chapter>, ActError> {
    let Some(source) = rows::consent::notice_in_force(tx, id)? else {
        return Ok(None);
    };
    let Ok(PublishedNotice { notice, .. }) = Notice::parse_published(&source) else {
        return Ok(None);
    };
    let mut events: BTreeMap<Matter, Vec<(ChoiceAct, Change)>> = BTreeMap::new();
    for (number, change) in rows::consent::changes_at(tx, person, id)? {
        if let Some(act) = acts.get(&number) {
            let known = events.entry(change.matter.clone()).or_default();
            known.push((act.clone(), change));
        }
    }
    Ok(Some(Chapter {
        notice,
        sha256: document_sha256(source.as_bytes()),
        events,
        only_events: false,
    }))
}

/// The matters of one act under the notices that were in force then.
fn past_chapters(tx: &mut Tx<'_>, facts: &ReceiptFacts) -> Result<Vec<Chapter>, ActError> {
    let mut chapters: BTreeMap<(DeploymentId, u32), Chapter> = BTreeMap::new();
    for change in &facts.changes {
        let key = (change.matter.deployment.clone(), change.notice_version);
        if !chapters.contains_key(&key) {
            let Some(source) = rows::consent::kept_notice(tx, &key.0, key.1)? else {
                continue;
            };
            let Ok(PublishedNotice { notice, .. }) = Notice::parse_published(&source) else {
                continue;
            };
            let sha256 = document_sha256(source.as_bytes());
            let events = BTreeMap::new();
            let chapter = Chapter {
                notice,
                sha256,
                events,
                only_events: true,
            };
            chapters.insert(key.clone(), chapter);
        }
        if let Some(chapter) = chapters.get_mut(&key) {
            let known = chapter.events.entry(change.matter.clone()).or_default();
            known.push((facts.act.clone(), change.clone()));
        }
    }
    Ok(chapters.into_values().collect())
}

fn document(
    person: &PersonId,
    chapters: &[Chapter],
    frame: &RecordFrame,
    identifier: &str,
) -> Map<String, Value> {
    let writer = Writer { frame, person };
    let mut entities = Map::new();
    entities.insert(
        KEEPER.to_owned(),
        json!({
            "@type": ["dpv:DataProcessor"],
            "dpv:hasIdentifier": frame.base,
            "dpv:hasName": frame.keeper,
            "dpv:hasAddress": "dpv:NotAvailable",
            "dpv:hasContact": frame.base,
        }),
    );
    entities.insert(
        subject_key(person),
        json!({
            "@type": ["dpv:DataSubject"],
            "dpv:hasIdentifier": person.as_str(),
            "dpv:hasName": "dpv:NotAvailable",
            "dpv:hasAddress": "dpv:NotAvailable",
            "dpv:hasContact": "dpv:NotAvailable",
        }),
    );
    let mut processes = Vec::new();
    for chapter in chapters {
        writer.entities(&chapter.notice, &mut entities);
        processes.extend(writer.processes(chapter));
    }
    let changed = chapters.iter().flat_map(|it| it.events.values().flatten());
    let changed: BTreeSet<Timestamp> = changed.map(|(act, _)| act.at).collect();
    let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
    let value = json!({
        "@context": context(),
        "@type": ["dpv:ConsentRecord"],
        "dct:conformsTo": "dpv-27560:record-2",
        "dpv:hasIdentifier": identifier,
        "dpv:hasDataSubject": {
            "@type": ["dpv:DataSubject"],
            "dpv:hasIdentifier": person.as_str(),
        },
        "dct:created": frame.now.to_string(),
        "dct:modified": changed,
        "dct:creator": KEEPER,
        "dct:language": frame.language.tag(),
        "dpv:hasNotice": chapters.iter().map(|it| writer.notice(it)).collect::<Vec<_>>(),
        "dpv:hasProcess": processes,
        "dpv:hasEntity": entities,
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

const KEEPER: &str = "party:keeper";

fn context() -> Value {
    json!({
        "dct": "http://purl.org/dc/terms/",
        "dpv": "https://w3id.org/dpv#",
        "dpv-27560": "https://w3id.org/dpv/schema/dpv-27560#",
        "pd": "https://w3id.org/dpv/pd#",
        "loc": "https://w3id.org/dpv/loc#",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "ppd": "urn:ietf:ppd:",
        "member": "urn:amanat:member:",
        "recipient": "urn:amanat:recipient:",
        "person": "urn:amanat:person:",
        "party": "urn:amanat:party:",
        "amanat": "urn:amanat:ns:",
    })
}

fn subject_key(person: &PersonId) -> String {
    format!("person:{person}")
}

/// Writes the parts of one record.
struct Writer<'a> {
    frame: &'a RecordFrame,
    person: &'a PersonId,
}

impl Writer<'_> {
    fn of<'t>(&self, text: &'t Text) -> &'t str {
        text.get(self.frame.language)
    }

    fn choices_url(&self, id: &DeploymentId) -> String {
        format!("{}/me/choices/{id}", self.frame.base)
    }

    fn notice(&self, chapter: &Chapter) -> Value {
        let notice = &chapter.notice;
        json!({
            "@type": ["dpv:PrivacyNotice", "dpv:ConsentNotice"],
            "dpv:hasIdentifier": notice_key(notice),
            "dpv:hasLocation": format!("{}/d/{}", self.frame.base, notice.deployment),
            "skos:prefLabel": self.of(&notice.title),
            "amanat:version": notice.version,
            "amanat:sha256": chapter.sha256,
        })
    }

    fn entities(&self, notice: &Notice, entities: &mut Map<String, Value>) {
        let contact = &notice.contact;
        let name = self.frame.controllers.get(&notice.controller);
        let known = entities.entry(format!("member:{}", notice.controller));
        known.or_insert_with(|| {
            json!({
                "@type": ["dpv:DataController"],
                "dpv:hasIdentifier": notice.controller.as_str(),
                "dpv:hasName": name.map_or(notice.controller.as_str(), String::as_str),
                "dpv:hasAddress": "dpv:NotAvailable",
                "dpv:hasContact": {
                    "skos:prefLabel": self.of(&contact.name),
                    "amanat:email": contact.email,
                    "amanat:phone": contact.phone,
                },
            })
        });
        for recipient in &notice.recipients {
            let known = entities.entry(format!("recipient:{}", recipient.id));
            known.or_insert_with(|| self.recipient(recipient));
        }
    }

    fn recipient(&self, recipient: &Recipient) -> Value {
        let role = match recipient.party {
            Party::Controller => "dpv:DataController",
            Party::Processor => "dpv:DataProcessor",
            Party::ThirdParty => "dpv:ThirdParty",
            Party::Public => "amanat:Public",
        };
        let country = recipient.country.as_deref().unwrap_or(&self.frame.country);
        json!({
            "@type": ["dpv:Recipient", role],
            "dpv:hasIdentifier": recipient.id.as_str(),
            "dpv:hasName": self.of(&recipient.title),
            "dpv:hasLocation": format!("loc:{country}"),
            "dpv:hasAddress": "dpv:NotAvailable",
            "dpv:hasContact": "dpv:NotAvailable",
            "skos:definition": self.of(&recipient.terms),
        })
    }

    /// One process per purpose.
    fn processes(&self, chapter: &Chapter) -> Vec<Value> {
        let mut leaves: BTreeMap<&PurposeId, Vec<Value>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for declaration in &chapter.notice.declarations {
            for (field, recipient) in pairs(declaration) {
                let matter = Matter {
                    deployment: chapter.notice.deployment.clone(),
                    field: field.clone(),
                    purpose: declaration.purpose.clone(),
                    recipient: recipient.clone(),
                };
                let meant = !chapter.only_events || chapter.events.contains_key(&matter);
                if meant && seen.insert(matter.clone()) {
                    let known = leaves.entry(&declaration.purpose).or_default();
                    known.extend(self.leaf(chapter, &matter));
                }
            }
        }
        let purposes = leaves.into_iter();
        purposes
            .map(|(id, leaves)| self.process(chapter, id, leaves))
            .collect()
    }

    fn process(&self, chapter: &Chapter, id: &PurposeId, leaves: Vec<Value>) -> Value {
        let notice = &chapter.notice;
        let purpose = notice.purpose(id);
        let label = purpose.map_or(id.as_str(), |it| self.of(&it.title));
        let rights = self.frame.rights.iter().map(|(label, path)| {
            json!({
                "@type": ["dpv:DataSubjectRight"],
                "skos:prefLabel": label,
                "dpv:isExercisedAt": format!("{}{path}", self.frame.base),
            })
        });
        json!({
            "@type": ["dpv:Process"],
            "dct:identifier": format!("{}/{id}", notice_key(notice)),
            "dpv:hasPurpose": [{
                "@type": ["dpv:Purpose"],
                "skos:broader": purpose.map_or("dpv:Purpose", |it| it.dpv.as_str()),
                "skos:prefLabel": label,
                "skos:definition": purpose.map_or("", |it| self.of(&it.why)),
            }],
            "dpv:hasDataController": [format!("member:{}", notice.controller)],
            "dpv:hasDataSource": [{
                "@type": ["dpv:DataSubjectDataSource", "dpv:NonPublicDataSource"],
                "skos:prefLabel": self.of(&notice.summary),
            }],
            "dpv:hasProcessing": ["dpv:Collect", "dpv:Store", "dpv:Share"],
            "dpv:hasJurisdiction": [format!("loc:{}", self.frame.country)],
            "dpv:hasNotice": [notice_key(notice)],
            "dpv:hasRight": rights.collect::<Vec<_>>(),
            "dpv:hasConsentControl": [{
                "@type": ["dpv:WithdrawConsent"],
                "skos:prefLabel": self.frame.withdrawal,
                "dpv:isExercisedAt": self.choices_url(&notice.deployment),
            }],
            "dpv:hasProcess": leaves,
        })
    }

    /// One recipient, one field.
    fn leaf(&self, chapter: &Chapter, matter: &Matter) -> Option<Value> {
        let notice = &chapter.notice;
        let declared = choose::declared(notice, matter).ok()?;
        let field = notice.field(&matter.field)?;
        let basis = choose::strictest(&declared);
        let days = declared.iter().map(|it| it.retention.as_days()).max();
        let stored = declared.iter().find_map(|it| it.stored_in.as_ref());
        Some(json!({
            "@type": ["dpv:Process"],
            "dpv:hasPersonalData": [self.personal_data(field)],
            "dpv:hasRecipient": [format!("recipient:{}", matter.recipient)],
            "dpv:hasLegalBasis": [legal_basis(basis)],
            "dpv:hasStorageCondition": [
                {
                    "@type": ["dpv:StorageLocation"],
                    "dpv:hasLocation": {
                        "skos:broader": format!("loc:{}", self.frame.country),
                        "skos:prefLabel": self.of(stored.unwrap_or(&notice.stored_in)),
                    },
                },
                {
                    "@type": ["dpv:StorageDuration"],
                    "dpv:hasDuration": {
                        "@type": "dpv:TemporalDuration",
                        "rdf:value": format!("P{}D", days.unwrap_or_default()),
                    },
                },
            ],
            "dpv:hasConsentStatus": self.statuses(chapter, matter, &declared),
        }))
    }

    fn personal_data(&self, field: &Field) -> Value {
        let kind = match field.sensitivity {
            Sensitivity::High | Sensitivity::VeryHigh => "dpv:SensitivePersonalData",
            _ => "dpv:PersonalData",
        };
        let broader = field.data.map_or("pd:Tracking", |it| match it {
            model::DataType::Identifier => "pd:Identifying",
            model::DataType::Profile => "pd:Profile",
            model::DataType::Location => "pd:Location",
            model::DataType::Content => "pd:Communication",
            model::DataType::DeviceAndNetwork => "pd:DeviceBased",
            model::DataType::Sensor | model::DataType::Usage => "pd:Tracking",
        });
        let mut broader = vec![broader];
        broader.extend(field.data.map(model::DataType::ppd));
        json!({
            "@type": [kind],
            "skos:broader": broader,
            "skos:prefLabel": self.of(&field.title),
            "dct:identifier": field.pointer.as_str(),
        })
    }

    fn statuses(
        &self,
        chapter: &Chapter,
        matter: &Matter,
        declared: &[&Declaration],
    ) -> Vec<Value> {
        let basis = choose::strictest(declared);
        let events = chapter.events.get(matter).map_or(&[][..], Vec::as_slice);
        if events.is_empty() {
            let level = choose::by_default(declared);
            return vec![self.status(matter, self.frame.now, &before_any(basis), "default", level)];
        }
        let statuses = events.iter().map(|(act, change)| {
            let way = act.how.way().as_str();
            let mut status = self.status(matter, act.at, &terms(change), way, change.after.level);
            if let Value::Object(map) = &mut status {
                map.insert("amanat:state".to_owned(), json!(change.state().as_str()));
                map.insert("amanat:from".to_owned(), json!(act.how.detail()));
                map.insert(
                    "amanat:levelBefore".to_owned(),
                    json!(change.before.level.to_string()),
                );
                map.insert("amanat:receipt".to_owned(), json!(act.id.as_str()));
                map.insert(
                    "dpv:hasNotice".to_owned(),
                    json!({
                        "@type": ["dpv:ConsentNotice"],
                        "dpv:hasIdentifier":
                            format!("{}#{}", matter.deployment, change.notice_version),
                        "amanat:sha256": change.notice_sha256,
                    }),
                );
            }
            status
        });
        statuses.collect()
    }

    fn status(
        &self,
        matter: &Matter,
        at: Timestamp,
        types: &[&str],
        way: &str,
        level: Level,
    ) -> Value {
        json!({
            "@type": types,
            "dpv:isIndicatedAtTime": at.to_string(),
            "dpv:isIndicatedBy": subject_key(self.person),
            "dpv:isExercisedAt": self.choices_url(&matter.deployment),
            "dpv:hasDuration": {
                "@type": ["dpv:UntilEventDuration"],
                "rdf:value": self.frame.valid,
            },
            "amanat:way": way,
            "amanat:level": level.to_string(),
        })
    }
}

fn pairs(
    declaration: &Declaration,
) -> impl Iterator<Item = (&model::Pointer, &model::RecipientId)> {
    let fields = declaration.fields.iter();
    fields.flat_map(|field| declaration.recipients.iter().map(move |it| (field, it)))
}

fn notice_key(notice: &Notice) -> String {
    format!("{}#{}", notice.deployment, notice.version)
}

const fn legal_basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "dpv:Consent",
        LegalBasis::Contract => "dpv:Contract",
        LegalBasis::LegitimateInterest => "dpv:LegitimateInterest",
        LegalBasis::PublicTask => "dpv:PublicInterest",
        LegalBasis::LegalObligation => "dpv:LegalObligation",
        LegalBasis::VitalInterest => "dpv:VitalInterest",
    }
}

/// What holds before a person decided anything. Only consent waits for an answer; the others do not rest on consent.
fn before_any(basis: LegalBasis) -> Vec<&'static str> {
    match basis {
        LegalBasis::Consent => vec!["dpv:ConsentRequested"],
        LegalBasis::LegitimateInterest => {
            vec!["dpv:ConsentUnknown", "dpv:LegitimateInterestInformed"]
        }
        LegalBasis::PublicTask => vec!["dpv:ConsentUnknown", "dpv:PublicInterestOngoing"],
        _ => vec!["dpv:ConsentUnknown"],
    }
}

/// What a change means, in terms of DPV: a status of consent first, as the profile wants one everywhere.
fn terms(change: &Change) -> Vec<&'static str> {
    let objected = match change.basis {
        LegalBasis::LegitimateInterest => "dpv:LegitimateInterestObjected",
        LegalBasis::PublicTask => "dpv:PublicInterestObjected",
        _ => "dpv:ObjectingToProcess",
    };
    match change.state() {
        ConsentState::Given => vec!["dpv:ConsentGiven", "dpv:ExpressedConsent"],
        ConsentState::Refused => vec!["dpv:ConsentRefused"],
        ConsentState::Withdrawn => vec!["dpv:ConsentWithdrawn"],
        ConsentState::Objected => vec!["dpv:ConsentStatusInvalidForProcessing", objected],
        ConsentState::ObjectionWithdrawn | ConsentState::Reset => before_any(change.basis),
    }
}

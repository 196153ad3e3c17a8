//! The atomic dataflows of a notice, in the terms of the IETF privacy preference declaration taxonomy.
//!
//! Each declaration gives: `ppd:collection` into the accountable member's own context (`ppd:vendorContext`), with the retention;
//! for each recipient `ppd:use` where it is that context (controller, processor) and `ppd:transfer` where it is another;
//! and `ppd:inference` where a model is fed. Fields of one kind of data make one dataflow.
//!
//! Two things have no core term. A purpose that none of the core purposes covers keeps its DPV term. A bounded retention stands
//! as `retention_period`, an XML Schema duration; `retention` is only ever `ppd:ephemeral`.

use std::collections::BTreeSet;

use super::duration;
use crate::notice::json::Json;
use crate::notice::{DataType, Declaration, Field, Notice, Party, Retention, dpv};

/// One dataflow; equal ones are one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dataflow {
    purpose: String,
    data_type: DataType,
    action: Action,
    handling_context: &'static str,
    country: Option<String>,
    retention: Retention,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Collection,
    Use,
    Transfer,
    Inference,
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Use => "use",
            Self::Transfer => "transfer",
            Self::Inference => "inference",
        }
    }
}

const OWN: &str = "ppd:vendorContext";

/// What kind of data a field is: what the notice says, or else what its use and unit tell.
pub(super) fn data_type(notice: &Notice, field: &Field) -> DataType {
    let told = if notice.subject_field.as_ref() == Some(&field.pointer) {
        DataType::Identifier
    } else if matches!(field.unit.as_deref(), Some("lat" | "lon")) {
        DataType::Location
    } else {
        DataType::Sensor
    };
    field.data.unwrap_or(told)
}

/// Every dataflow, as the taxonomy's declaration statements.
pub(super) fn dataflows(notice: &Notice) -> Vec<Json> {
    let mut found = BTreeSet::new();
    for declaration in &notice.declarations {
        of_declaration(&mut found, notice, declaration);
    }
    (1..)
        .zip(&found)
        .map(|(number, it)| statement(number, it))
        .collect()
}

fn of_declaration(found: &mut BTreeSet<Dataflow>, notice: &Notice, declaration: &Declaration) {
    let dpv = notice
        .purpose(&declaration.purpose)
        .map(|it| it.dpv.as_str());
    let purpose = dpv::ppd_purpose(dpv.unwrap_or_default());
    let fields = declaration.fields.iter().filter_map(|it| notice.field(it));
    let types: BTreeSet<_> = fields.map(|it| data_type(notice, it)).collect();
    for data_type in types {
        let mut add = |action, handling_context, country: Option<&String>| {
            found.insert(Dataflow {
                purpose: purpose.clone(),
                data_type,
                action,
                handling_context,
                country: country.map(|it| it.to_lowercase()),
                retention: declaration.retention,
            });
        };
        add(Action::Collection, OWN, None);
        for recipient in declaration
            .recipients
            .iter()
            .filter_map(|it| notice.recipient(it))
        {
            let (action, context) = match recipient.party {
                Party::Controller | Party::Processor => (Action::Use, OWN),
                Party::ThirdParty => (Action::Transfer, "ppd:thirdPartyContext"),
                Party::Public => (Action::Transfer, "ppd:publicAudience"),
            };
            add(action, context, recipient.country.as_ref());
        }
        if !declaration.models.is_empty() {
            add(Action::Inference, OWN, None);
        }
    }
}

fn statement(number: u32, flow: &Dataflow) -> Json {
    let source = match flow.data_type {
        DataType::DeviceAndNetwork | DataType::Usage => "ppd:participantGenerated",
        DataType::Profile => "ppd:userProvided",
        _ => "ppd:participantObserved",
    };
    let word = |it: &str| Some(Json::text(it));
    Json::object([
        (
            "statement_id",
            Some(Json::Text(format!(
                "{}-{}-{number}",
                flow.action.word(),
                flow.data_type
            ))),
        ),
        ("data_type", word(flow.data_type.ppd())),
        ("purpose", word(&flow.purpose)),
        (
            "action",
            Some(Json::Text(format!("ppd:{}", flow.action.word()))),
        ),
        ("source", word(source)),
        ("handling_context", word(flow.handling_context)),
        ("constraints", Some(constraints(flow))),
    ])
}

fn constraints(flow: &Dataflow) -> Json {
    let live_only = flow.retention == Retention::LIVE_ONLY;
    let within = matches!(flow.action, Action::Use | Action::Inference);
    let jurisdiction = flow.country.as_ref().map(|country| {
        let one = Json::object([
            ("scope", Some(Json::text(flow.action.word()))),
            ("countrycode", Some(Json::texts([country]))),
        ]);
        Json::List(vec![one])
    });
    Json::object([
        ("retention", live_only.then(|| Json::text("ppd:ephemeral"))),
        (
            "retention_period",
            (!live_only).then(|| Json::Text(duration(flow.retention))),
        ),
        (
            "processing_boundary",
            within.then(|| Json::text("ppd:approvedRemoteProcessing")),
        ),
        ("jurisdiction", jurisdiction),
    ])
}

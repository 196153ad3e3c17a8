//! What the command line asks about open data sets.

use anyhow::{Context, bail};
use custody::{DataSetId, DataSetView, Decided};
use model::Timestamp;
use serde_json::{Value, json};

use super::listing::listed;
use super::request::OperatorRequest;
use super::{BY, Site};

/// Does or tells what is asked.
pub(super) fn act(
    site: &Site<'_>,
    request: &OperatorRequest,
    now: Timestamp,
) -> anyhow::Result<Value> {
    use OperatorRequest as It;
    let alliance = site.alliance;
    let custody = alliance.custody();
    match request {
        It::DeclareDataSet { source } => {
            let data_set = alliance.declare_data_set(&BY, source, now)?;
            Ok(json!({ "id": data_set.id.as_str() }))
        }
        It::DecideCommons { data_set } => {
            let decided = alliance.decide_commons(&BY, &DataSetId::parse(data_set)?, now)?;
            Ok(told(&decided))
        }
        It::ListDataSets { page } => {
            let mut all = custody.data_sets()?;
            all.sort_by(|one, other| one.data_set.id.cmp(&other.data_set.id));
            let id = |it: &DataSetView| it.data_set.id.as_str().to_owned();
            let ids: Vec<(String, &DataSetView)> = all.iter().map(|it| (id(it), it)).collect();
            Ok(listed(
                "data-sets",
                &ids,
                page,
                |it| it.0.as_str(),
                |it| described(it.1),
            ))
        }
        It::ShowDataSet { data_set } => {
            let id = DataSetId::parse(data_set)?;
            let view = custody.data_set(&id)?;
            let view = view.with_context(|| {
                format!("there is no data set `{id}`: see `amanat commons list`")
            })?;
            let decisions: Vec<Value> = custody.commons_decisions(&id)?.iter().map(told).collect();
            let mut shown = described(&view);
            if let Some(members) = shown.as_object_mut() {
                members.insert("decisions".to_owned(), decisions.into());
            }
            Ok(shown)
        }
        _ => bail!("this request is not about the commons"),
    }
}

fn described(view: &DataSetView) -> Value {
    let data_set = &view.data_set;
    json!({
        "id": data_set.id.as_str(),
        "title": { "en": data_set.title.en, "ur": data_set.title.ur },
        "deployment": data_set.deployment.as_str(),
        "licence": data_set.licence.spdx(),
        "k": data_set.plan.k,
        "least-homes": data_set.plan.least_homes,
        "columns": data_set.plan.columns.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        "declared": view.declared_at.to_string(),
        "sha256": view.sha256,
    })
}

fn told(decided: &Decided) -> Value {
    let attacks = &decided.attacks;
    json!({
        "number": decided.number,
        "at": decided.at.to_string(),
        "state": decided.refusal.map_or("published", |it| it.as_str()),
        "step": decided.step,
        "rows": decided.rows - decided.left_out,
        "left-out": decided.left_out,
        "homes-at-least": decided.homes_at_least,
        "rarest": decided.rarest,
        "singling-out-permille": attacks.singling_out.permille(),
        "linkage-permille": attacks.linkage.permille(),
        "inference-permille": attacks.inference.permille(),
        "inference-without-permille": attacks.inference.baseline_permille(),
        "trajectory-permille": attacks.trajectory.permille(),
        "sha256": decided.table.as_ref().map(|it| it.1.as_str()),
    })
}

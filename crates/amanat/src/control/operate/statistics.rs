//! What the command line asks about statistical data sets.

use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use custody::{
    Asked, DeclaredStatistic, Epsilon, Measure, ReleaseView, StatisticId, StatisticView,
};
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
    match request {
        It::DeclareStatistic { source } => {
            let declared = DeclaredStatistic::parse(source)?;
            alliance.declare_statistic(&BY, &declared, now)?;
            Ok(json!({ "id": declared.id.as_str() }))
        }
        It::EndStatistic { statistic, reason } => {
            alliance.end_statistic(&BY, &StatisticId::parse(statistic)?, reason, now)?;
            Ok(json!({}))
        }
        It::AskStatistic {
            statistic,
            from,
            figure,
            epsilon,
        } => ask(site, (statistic, from), (figure, epsilon), now),
        It::ListStatistics { page } => {
            let all = alliance.custody().statistics()?;
            Ok(listed(
                "statistics",
                &all,
                page,
                |it| it.declared.id.as_str(),
                told,
            ))
        }
        It::ShowStatistic { statistic } => {
            let (custody, id) = (alliance.custody(), StatisticId::parse(statistic)?);
            let view = custody.statistic(&id)?;
            let view = view.with_context(|| {
                format!("there is no statistical data set `{id}`: see `amanat statistics list`")
            })?;
            let releases: Vec<_> = custody
                .releases(&id)?
                .iter()
                .map(|it| released(&view, it))
                .collect();
            let mut shown = told(&view);
            if let Some(members) = shown.as_object_mut() {
                let declaration: Value = serde_json::from_str(&view.declared.to_json())?;
                members.insert("declaration".to_owned(), declaration);
                members.insert("releases".to_owned(), releases.into());
            }
            Ok(shown)
        }
        _ => bail!("this request is not about statistics"),
    }
}

fn ask(
    site: &Site<'_>,
    (statistic, from): (&str, &str),
    (figure, epsilon): (&str, &str),
    now: Timestamp,
) -> anyhow::Result<Value> {
    let id = StatisticId::parse(statistic)?;
    let measure = Measure::parse(figure).with_context(|| {
        format!(
            "`{figure}` is no figure: people, sum, mean, histogram, or quantile-1 to quantile-99"
        )
    })?;
    let asked = (measure, Epsilon::parse(epsilon)?);
    let from = Timestamp::parse(from)?;
    let asked = site.alliance.ask_release(&BY, &id, from, asked, now)?;
    let is_new = matches!(asked, Asked::New(_));
    if site.connected.is_none() && is_new {
        // No server runs that would draw it.
        let custody = site.alliance.custody();
        custody.draw_releases(&AtomicBool::new(false), now)?;
    }
    let (Asked::New(number) | Asked::Before(number)) = asked;
    Ok(json!({ "number": number, "new": is_new }))
}

fn told(view: &StatisticView) -> Value {
    let declared = &view.declared;
    json!({
        "id": declared.id.as_str(),
        "title": { "en": declared.title.en, "ur": declared.title.ur },
        "deployment": declared.deployment.as_str(),
        "field": declared.field.as_str(),
        "period": declared.period.as_str(),
        "budget": declared.budget.to_string(),
        "least-people": declared.least_people,
        "declared": view.declared_at.to_string(),
        "ended": view.ended_at.map(|it| it.to_string()),
        "sha256": view.sha256,
    })
}

fn released(view: &StatisticView, release: &ReleaseView) -> Value {
    let drawn = release.released.as_ref().map(|it| &it.drawn);
    let shown = |it: &custody::Noisy| match release.measure {
        Measure::Histogram => it.value.to_string(),
        _ => view.declared.shown(it.value),
    };
    let within = drawn.and_then(|it| it.values.first()?.within_95);
    json!({
        "number": release.number,
        "from": release.from.to_string(),
        "figure": release.measure.to_string(),
        "epsilon": release.epsilon.to_string(),
        "state": match drawn {
            None => "waits",
            Some(it) if it.is_withheld => "withheld",
            Some(_) => "released",
        },
        "values": drawn.map(|it| it.values.iter().map(shown).collect::<Vec<_>>()),
        "within-95": within.map(|it| match release.measure {
            Measure::Histogram => it.to_string(),
            _ => view.declared.shown(it),
        }),
        "people": drawn.map(|it| it.people.value),
        "people-within-95": drawn.and_then(|it| it.people.within_95),
        "released": release.released.as_ref().map(|it| it.at.to_string()),
    })
}

//! What else senses people.

use std::sync::Arc;

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use custody::{InForce, PresenceFact, Sign, distance_m, published_fact};
use model::{DeploymentId, LicenceState, PersonId, Position};
use serde::Deserialize;

use crate::page::{NearbyLine, NearbyPage, PresenceLine, PublishedLine, Start};
use crate::route::Route;
use crate::visit::{Failure, Visit, page};

/// The query of `/nearby`.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    from: Option<String>,
}

/// `GET /nearby`
pub(crate) async fn show(visit: Visit, Query(query): Query<From>) -> Result<Response, Failure> {
    let from = match query.from.as_deref().map(DeploymentId::parse) {
        Some(Err(_)) => return Err(Failure::NOT_FOUND),
        Some(Ok(from)) => Some(from),
        None => None,
    };
    let shell = visit.shell(Route::nearby(from.as_ref()));
    let found = visit.blocking(move |it| {
        let all = it.site.custody().in_force(it.now);
        let standing = |id: &DeploymentId| all.iter().find(|it| it.id == *id);
        let from = match &from {
            Some(id) => Some(standing(id).ok_or(Failure::NOT_FOUND)?),
            None => None,
        };
        let facts = match from {
            Some(from) => facts(it, from)?,
            None => Vec::new(),
        };
        Ok(NearbyPage {
            shell,
            from: from.map(start),
            starts: starts(&all, from),
            nearby: nearby(&all, from.and_then(|it| it.notice.position)),
            facts,
            published: from.map_or_else(Vec::new, published),
        })
    });
    page(StatusCode::OK, &found.await?)
}

fn start(deployment: &InForce) -> Start {
    Start {
        id: deployment.id.clone(),
        title: deployment.notice.title.clone(),
    }
}

/// Deployments that have a place, or fields that tell presence.
fn starts(all: &[InForce], from: Option<&InForce>) -> Vec<Start> {
    let is_start = |it: &&InForce| {
        let notice = &it.notice;
        notice.position.is_some() || notice.fields.iter().any(|it| it.tells_presence)
    };
    let others = all.iter().filter(is_start);
    others
        .filter(|it| from.is_none_or(|from| from.id != it.id))
        .map(start)
        .collect()
}

/// Everything with a licence in force that senses bystanders: nearest first, then what has no place.
fn nearby(all: &[InForce], from: Option<Position>) -> Vec<NearbyLine> {
    let mut nearby: Vec<_> = all
        .iter()
        .filter(|it| it.licence == LicenceState::Active)
        .filter_map(|it| {
            Some(NearbyLine {
                bystanders: it.notice.bystanders.clone()?,
                notice: Arc::clone(&it.notice),
                distance_m: from
                    .zip(it.notice.position)
                    .map(|(from, at)| distance_m(from, at)),
            })
        })
        .collect();
    let far = |it: &NearbyLine| it.distance_m.unwrap_or(f64::INFINITY);
    nearby.sort_by(|a, b| far(a).total_cmp(&far(b)));
    nearby
}

/// What was kept of the person who asks; where the deployment senses nobody, what was kept of its things.
fn facts(visit: &Visit, from: &InForce) -> Result<Vec<PresenceLine>, Failure> {
    let custody = visit.site.custody();
    let person: Option<&PersonId> = visit.account.as_ref().map(|it| &it.id);
    let found = match person {
        _ if !from.senses_people => custody.presence_facts_at(&from.id, visit.now),
        Some(person) => custody.presence_facts_of(person, &from.id, visit.now),
        None => Ok(Vec::new()),
    };
    let found = found.map_err(|err| Failure::internal(&err))?;
    Ok(found.iter().filter_map(|it| line(from, it)).collect())
}

/// What the declared fields of a deployment may betray, by a published study.
fn published(from: &InForce) -> Vec<PublishedLine> {
    let fields = from.notice.fields.iter();
    let mut lines: Vec<_> = fields
        .filter_map(|it| {
            Some(PublishedLine {
                title: it.title.clone(),
                told_apart: published_fact(it.unit.as_deref()?)?,
            })
        })
        .collect();
    lines.sort_by_key(|it| std::cmp::Reverse(it.told_apart));
    lines
}

fn line(from: &InForce, fact: &PresenceFact) -> Option<PresenceLine> {
    Some(PresenceLine {
        title: from.notice.field(&fact.field)?.title.clone(),
        is_slope: fact.sign == Sign::Slope,
        told_apart: fact.told_apart,
        readings: fact.readings,
    })
}

//! The log of commands in the office. Hidden from everybody who may not read it.

use std::collections::HashMap;

use alliance::Action;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use custody::{CommandId, CommandsWanted, InForce};
use model::{DeploymentId, Text, Timestamp};
use serde::Deserialize;

use crate::page::{CommandRow, OfficeCommandsPage};
use crate::route::Route;
use crate::view::commands;
use crate::visit::{Failure, Visit, page};

/// How many commands a page lists.
const PAGE: u32 = 15;

/// Which part of the log.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    deployment: Option<String>,
    after: Option<String>,
}

/// What is in force at a deployment, and since when its notice is.
type Place = (InForce, Option<Timestamp>);

/// `GET /office/commands`
pub(crate) async fn show(
    visit: Visit,
    Query(Wanted { deployment, after }): Query<Wanted>,
) -> Result<Response, Failure> {
    visit.must(Action::ReadCommands)?;
    let deployment = deployment.map(|it| DeploymentId::parse(&it));
    let deployment = deployment.transpose().map_err(|_| Failure::NOT_FOUND)?;
    let after = match after {
        Some(text) => Some(CommandId::parse(&text).ok_or(Failure::NOT_FOUND)?),
        None => None,
    };
    let shown = visit.blocking(move |it| list(it, deployment, after));
    page(StatusCode::OK, &shown.await?)
}

fn list(
    visit: &Visit,
    deployment: Option<DeploymentId>,
    after: Option<CommandId>,
) -> Result<OfficeCommandsPage, Failure> {
    let custody = visit.site.custody();
    let wanted = CommandsWanted {
        deployment: deployment.as_ref(),
        thing: None,
        after,
        limit: PAGE + 1,
    };
    let (mut events, all) = custody
        .commands_logged(&wanted, visit.now)
        .map_err(|err| Failure::internal(&err))?;
    let has_older = events.len() > PAGE as usize;
    events.truncate(PAGE as usize);
    let route = |after| Route::OfficeCommands {
        deployment: deployment.clone(),
        after,
    };
    let older = events.last().filter(|_| has_older);
    let older = older.map(|it| route(Some(it.id)));
    let shell = visit.shell(route(after));
    let mut places = HashMap::new();
    let mut rows = Vec::with_capacity(events.len());
    for event in &events {
        let place = place_of(visit, &mut places, &event.deployment)?;
        let told = place.map(|(it, since)| (&*it.notice, *since));
        rows.push(CommandRow {
            deployment: event.deployment.clone(),
            place: place.map(title),
            told: commands::tell(&shell, told, event),
        });
    }
    let only = match deployment {
        Some(id) => {
            let place = place_of(visit, &mut places, &id)?.map(title);
            Some((id, place))
        }
        None => None,
    };
    Ok(OfficeCommandsPage {
        only,
        all,
        rows,
        newest: after.is_none(),
        older,
        shell,
    })
}

fn title(place: &Place) -> Text {
    place.0.notice.title.clone()
}

/// A deployment, looked up once.
fn place_of<'a>(
    visit: &Visit,
    places: &'a mut HashMap<DeploymentId, Option<Place>>,
    id: &DeploymentId,
) -> Result<Option<&'a Place>, Failure> {
    if !places.contains_key(id) {
        let in_force = visit.site.custody().in_force_at(id, visit.now);
        let place = match in_force {
            Some(it) => Some((it, commands::in_force_since(visit.site.custody(), id)?)),
            None => None,
        };
        places.insert(id.clone(), place);
    }
    Ok(places.get(id).and_then(Option::as_ref))
}

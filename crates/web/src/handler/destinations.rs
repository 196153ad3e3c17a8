//! A person's own destinations.

use alliance::{Account, Action};
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use custody::{
    AddDestinationError, AddressError, BookError, Broker, Bucket, BucketStyle, DestinationId,
    DestinationView, Endpoint, NewDestination, PlaceError, PlacementChange, Placing, Secret,
    WebAddress,
};
use model::DeploymentId;
use serde::Deserialize;

use super::Submission;
use crate::form::value_of;
use crate::page::{
    DestinationsDone, DestinationsPage, EndpointCard, EndpointError, EndpointInput, EndpointPlace,
    MadeDestinationPage, NewDestinationPage, PlaceChange, PlaceRow, PlaceWish,
};
use crate::route::{EndpointKind, Route};
use crate::visit::{Failure, Visit, page, see};

/// What stands for all deployments in the form.
const ALL: &str = "all";
/// How many dead letters of an endpoint are shown, newest first.
const SHOWN_LETTERS: usize = 3;
/// How many changes of where readings go are shown, newest first.
const SHOWN_CHANGES: u16 = 20;

fn shown(
    visit: &Visit,
    account: &Account,
    done: Option<DestinationsDone>,
) -> Result<DestinationsPage, Failure> {
    let custody = visit.site.custody();
    let endpoints = custody
        .destinations(&account.id, visit.now)
        .map_err(failed)?;
    Ok(DestinationsPage {
        shell: visit.shell(Route::Destinations),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        endpoints: endpoints.into_iter().map(card).collect(),
        places: places(visit, account)?,
        changes: changes(visit, account)?,
        done,
    })
}

fn card(view: DestinationView) -> EndpointCard {
    EndpointCard {
        id: view.id.to_string(),
        place: view.endpoint.map(|it| EndpointPlace {
            kind: match it {
                Endpoint::Webhook(_) => EndpointKind::Webhook,
                Endpoint::Broker(_) => EndpointKind::Broker,
                Endpoint::Bucket(_) => EndpointKind::Bucket,
            },
            label: it.label(),
        }),
        made_at: view.made_at,
        state: view.state,
        checking: view.is_being_checked,
        last_success_at: view.last_success_at,
        failure: view.last_failure,
        next_attempt_at: view.next_attempt_at,
        letters: view.letters.into_iter().take(SHOWN_LETTERS).collect(),
    }
}

fn places(visit: &Visit, account: &Account) -> Result<Vec<PlaceRow>, Failure> {
    let custody = visit.site.custody();
    let decided = custody.placements(&account.id);
    let decided = decided.map_err(|err| Failure::internal(&err))?;
    let of = |id: Option<&DeploymentId>| {
        let found = decided.iter().find(|(it, _)| it.as_ref() == id);
        found.map(|(_, placing)| wish_of(placing))
    };
    let all = of(None).unwrap_or(PlaceWish::Vault);
    let about = custody.deployments_about(&account.id);
    let mut rows = Vec::new();
    for id in about {
        let Some(found) = custody.in_force_at(&id, visit.now) else {
            continue;
        };
        let mut declared = found.notice.declarations.iter();
        rows.push(PlaceRow {
            chosen: of(Some(&id)).unwrap_or_else(|| all.clone()),
            title: Some(found.notice.title.clone()),
            law: declared.any(|it| !it.basis.can_choose()),
            deployment: Some(id),
        });
    }
    if !rows.is_empty() {
        let first = PlaceRow {
            deployment: None,
            title: None,
            chosen: all,
            law: false,
        };
        rows.insert(0, first);
    }
    Ok(rows)
}

fn changes(visit: &Visit, account: &Account) -> Result<Vec<PlaceChange>, Failure> {
    let custody = visit.site.custody();
    let found = custody.placement_changes(&account.id, SHOWN_CHANGES);
    let found = found.map_err(|err| Failure::internal(&err))?;
    let change = |it: PlacementChange| PlaceChange {
        at: it.at,
        title: it.deployment.as_ref().and_then(|it| {
            let found = custody.in_force_at(it, visit.now)?;
            Some(found.notice.title.clone())
        }),
        deployment: it.deployment,
        before: wish_of(&it.before),
        after: wish_of(&it.after),
    };
    Ok(found.into_iter().map(change).collect())
}

fn wish_of(placing: &Placing) -> PlaceWish {
    match placing {
        Placing::Vault => PlaceWish::Vault,
        Placing::VaultAndCopy(id) => PlaceWish::Copy(id.to_string()),
        Placing::OwnEndpoint(id) => PlaceWish::Own(id.to_string()),
        Placing::LiveOnly => PlaceWish::Live,
    }
}

fn placing_of(wish: PlaceWish) -> Option<Placing> {
    Some(match wish {
        PlaceWish::Vault => Placing::Vault,
        PlaceWish::Copy(id) => Placing::VaultAndCopy(DestinationId::parse(&id)?),
        PlaceWish::Own(id) => Placing::OwnEndpoint(DestinationId::parse(&id)?),
        PlaceWish::Live => Placing::LiveOnly,
    })
}

/// `GET /me/destinations`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::Choose)?;
    let found = visit.blocking(move |it| shown(it, &account, None)).await?;
    page(StatusCode::OK, &found)
}

/// What a form of the page asks for.
enum Wish {
    Place(Option<DeploymentId>, Placing),
    Check(DestinationId),
    Try(DestinationId),
    Delete(DestinationId),
    Again(DestinationId, String),
}

impl Wish {
    fn parse(pairs: &[(String, String)]) -> Option<Self> {
        // The button that was pressed says what is wanted, and of which endpoint.
        for (name, value) in pairs {
            match name.as_str() {
                "check" => return DestinationId::parse(value).map(Self::Check),
                "try" => return DestinationId::parse(value).map(Self::Try),
                "delete" => return DestinationId::parse(value).map(Self::Delete),
                "again" => {
                    let (id, letter) = value.split_once('.')?;
                    return Some(Self::Again(DestinationId::parse(id)?, letter.to_owned()));
                }
                _ => {}
            }
        }
        let deployment = match value_of(pairs, "deployment").as_str() {
            ALL => None,
            text => Some(DeploymentId::parse(text).ok()?),
        };
        let wish = PlaceWish::parse(&value_of(pairs, "where"))?;
        Some(Self::Place(deployment, placing_of(wish)?))
    }
}

/// `POST /me/destinations`: one of the forms of the page. What it did is in force when the answer is sent.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let wish = visit.open(submission.protect(|pairs| Wish::parse(&pairs)))?;
    let (account, _) = visit.must(Action::Choose)?;
    let wish = wish.ok_or(Failure::BAD_REQUEST)?;
    let done = visit.blocking(move |it| {
        let done = carry_out(it, &account, wish)?;
        shown(it, &account, Some(done))
    });
    let done = done.await?;
    let status = match done.done {
        Some(DestinationsDone::TooSoon(_)) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::OK,
    };
    page(status, &done)
}

fn carry_out(visit: &Visit, account: &Account, wish: Wish) -> Result<DestinationsDone, Failure> {
    let (custody, person) = (visit.site.custody(), &account.id);
    let (outcome, done) = match wish {
        Wish::Place(deployment, placing) => {
            let placed = custody.place(person, deployment.as_ref(), &placing, visit.now);
            placed.map_err(not_placed)?;
            return Ok(DestinationsDone::Placed);
        }
        Wish::Check(id) => {
            let outcome = custody.check_destination(person, &id, visit.now);
            (outcome, DestinationsDone::Checking)
        }
        Wish::Try(id) => {
            let outcome = custody.try_destination_now(person, &id, visit.now);
            (outcome, DestinationsDone::Trying)
        }
        Wish::Again(id, letter) => {
            let outcome = custody.send_again(person, &id, &letter, visit.now);
            (outcome, DestinationsDone::Trying)
        }
        Wish::Delete(id) => {
            let outcome = custody.delete_destination(person, &id, visit.now);
            (outcome, DestinationsDone::Deleted)
        }
    };
    match outcome {
        Err(BookError::TooSoon(when)) => Ok(DestinationsDone::TooSoon(when)),
        outcome => outcome.map(|()| done).map_err(failed),
    }
}

fn failed(err: BookError) -> Failure {
    match err {
        BookError::NotFound => Failure::NOT_FOUND,
        BookError::Act(err) => err.into(),
        other => Failure::internal(&other),
    }
}

fn not_placed(err: PlaceError) -> Failure {
    match err {
        PlaceError::NotConcerned(_) | PlaceError::NoDestination(_) => Failure::NOT_FOUND,
        PlaceError::Act(err) => err.into(),
    }
}

/// Which form.
#[derive(Deserialize)]
pub(crate) struct Kind {
    #[serde(default)]
    kind: String,
}

impl Kind {
    fn parse(&self) -> Result<EndpointKind, Failure> {
        EndpointKind::parse(&self.kind).ok_or(Failure::NOT_FOUND)
    }
}

fn form(
    visit: &Visit,
    kind: EndpointKind,
    input: EndpointInput,
    error: Option<EndpointError>,
) -> Result<NewDestinationPage, Failure> {
    Ok(NewDestinationPage {
        shell: visit.shell(Route::NewDestination(kind)),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        kind,
        input,
        error,
    })
}

/// `GET /me/destinations/new?kind=…`
pub(crate) async fn new(visit: Visit, Query(kind): Query<Kind>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    visit.must(Action::Choose)?;
    let empty = EndpointInput::default();
    page(StatusCode::OK, &form(&visit, kind.parse()?, empty, None)?)
}

/// What the form sent.
struct Sent {
    input: EndpointInput,
    secret: Secret,
}

impl Sent {
    fn of(pairs: &[(String, String)]) -> Self {
        let value = |name: &str| value_of(pairs, name);
        Self {
            input: EndpointInput {
                url: value("url"),
                topic: value("topic"),
                user: value("user"),
                region: value("region"),
                bucket: value("bucket"),
                prefix: value("prefix"),
                style: value("style"),
                key_id: value("key-id"),
            },
            secret: Secret::new(value("secret")),
        }
    }

    fn wanted(&self, kind: EndpointKind) -> Result<NewDestination, AddressError> {
        let (input, secret) = (&self.input, self.secret.clone());
        Ok(match kind {
            EndpointKind::Webhook => NewDestination::Webhook(WebAddress::parse(&input.url)?),
            EndpointKind::Broker => {
                let broker = Broker::parse(&input.url, &input.topic, &input.user)?;
                NewDestination::Broker(broker, secret)
            }
            EndpointKind::Bucket => {
                let style = BucketStyle::parse(&input.style).unwrap_or(BucketStyle::Path);
                let bucket = Bucket::parse(
                    &input.url,
                    &input.region,
                    &input.bucket,
                    &input.prefix,
                    style,
                    &input.key_id,
                );
                NewDestination::Bucket(bucket?, secret)
            }
        })
    }
}

fn endpoint_of(wanted: &NewDestination) -> Endpoint {
    match wanted {
        NewDestination::Webhook(it) => Endpoint::Webhook(it.clone()),
        NewDestination::Broker(it, _) => Endpoint::Broker(it.clone()),
        NewDestination::Bucket(it, _) => Endpoint::Bucket(it.clone()),
    }
}

/// `POST /me/destinations/new?kind=…`: the answer shows the signing key, this once.
pub(crate) async fn add(
    visit: Visit,
    Query(kind): Query<Kind>,
    submission: Submission,
) -> Result<Response, Failure> {
    let sent = visit.open(submission.protect(|pairs| Sent::of(&pairs)))?;
    let (account, _) = visit.must(Action::Choose)?;
    let kind = kind.parse()?;
    let added = visit.blocking(move |it| {
        let again = |error| {
            let page = form(it, kind, sent.input.clone(), Some(error));
            page.map(Err)
        };
        let wanted = match sent.wanted(kind) {
            Ok(wanted) => wanted,
            Err(err) => return again(EndpointError::Address(err)),
        };
        let endpoint = endpoint_of(&wanted);
        if !endpoint.host().may_be_named(it.site.private_destinations()) {
            return again(EndpointError::Local);
        }
        let (custody, label) = (it.site.custody(), endpoint.label());
        match custody.add_destination(&account.id, wanted, it.now) {
            Ok((_, key)) => Ok(Ok(MadeDestinationPage {
                shell: it.shell(Route::Destinations),
                label,
                key: key.map(|it| it.expose_secret().to_owned()),
            })),
            Err(AddDestinationError::TooMany) => again(EndpointError::TooMany),
            Err(AddDestinationError::TooSoon(when)) => again(EndpointError::TooSoon(when)),
            Err(AddDestinationError::Secret) => again(EndpointError::Secret),
            Err(err) => Err(Failure::internal(&err)),
        }
    });
    match added.await? {
        Ok(made) => page(StatusCode::OK, &made),
        Err(refused) => page(StatusCode::UNPROCESSABLE_ENTITY, &refused),
    }
}

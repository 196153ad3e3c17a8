//! A person gives to the commons: looks at what they would give, gives it, takes it back.

use alliance::{Account, Action};
use axum::http::StatusCode;
use axum::response::Response;
use custody::{DataSetId, DataSetView, GiftAsk, GiftPreview, GiveError};
use jiff::civil::Date;
use model::{PersonId, ThingId, Timestamp};

use super::Submission;
use crate::form::value_of;
use crate::page::{GiftChoice, GiftNews, GiftPage, UnlinkPage};
use crate::route::Route;
use crate::view::word;
use crate::visit::{Failure, Visit, page, see};

type Pairs = Vec<(String, String)>;

/// What a form leads to.
enum Shown {
    Start(StatusCode, Box<UnlinkPage>),
    Preview(StatusCode, Box<GiftPage>),
}

impl Shown {
    fn answer(&self) -> Result<Response, Failure> {
        match self {
            Self::Start(status, shown) => page(*status, shown.as_ref()),
            Self::Preview(status, shown) => page(*status, shown.as_ref()),
        }
    }
}

fn start(
    visit: &Visit,
    person: &PersonId,
    status: StatusCode,
    news: Option<GiftNews>,
) -> Result<Shown, Failure> {
    let custody = visit.site.custody();
    let choice = |view: DataSetView| {
        let data_set = view.data_set;
        let in_force = custody.in_force_at(&data_set.deployment, visit.now);
        let place = in_force.map(|it| it.notice.title.clone());
        GiftChoice {
            place: place.unwrap_or_else(|| word(data_set.deployment.as_str())),
            id: data_set.id,
            title: data_set.title,
        }
    };
    let views = custody.data_sets_for(person);
    let views = views.map_err(|err| Failure::internal(&err))?;
    let waiting = custody.gifts_waiting(person, visit.now);
    let shown = UnlinkPage {
        shell: visit.shell(Route::Unlink),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        choices: views.into_iter().map(choice).collect(),
        waiting: waiting.map_err(|err| Failure::internal(&err))?,
        news,
    };
    Ok(Shown::Start(status, Box::new(shown)))
}

fn preview(
    visit: &Visit,
    preview: GiftPreview,
    status: StatusCode,
    news: Option<GiftNews>,
) -> Result<Shown, Failure> {
    let deployment = &preview.data_set.deployment;
    let in_force = visit.site.custody().in_force_at(deployment, visit.now);
    let shown = GiftPage {
        shell: visit.shell(Route::Unlink),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        notice: in_force.map(|it| it.notice),
        preview,
        news,
    };
    Ok(Shown::Preview(status, Box::new(shown)))
}

/// `GET /me/unlink`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit.blocking(move |it| start(it, &account.id, StatusCode::OK, None));
    shown.await?.answer()
}

/// `POST /me/unlink`: what `act` says.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let pairs = visit.open(submission.protect(|pairs| pairs))?;
    let (account, _) = visit.must(Action::ReadOwn)?;
    let shown = visit.blocking(move |it| perform(it, &account, &pairs));
    shown.await?.answer()
}

fn perform(visit: &Visit, account: &Account, pairs: &Pairs) -> Result<Shown, Failure> {
    let person = &account.id;
    let data_set = DataSetId::parse(&value_of(pairs, "set")).map_err(|_| Failure::NOT_FOUND)?;
    let act = value_of(pairs, "act");
    if act == "back" {
        let back = visit
            .site
            .custody()
            .take_back_gifts(person, &data_set, visit.now);
        let news = match back.map_err(|err| Failure::internal(&err))? {
            0 => GiftNews::NothingWaits,
            _ => GiftNews::TakenBack,
        };
        return start(visit, person, StatusCode::OK, Some(news));
    }
    let thing = Some(value_of(pairs, "thing")).filter(|it| !it.is_empty());
    let thing = thing.map(|it| ThingId::parse(&it)).transpose();
    let span = match act.as_str() {
        "look" => dates(visit, pairs),
        "narrow" | "give" => moments(pairs),
        _ => return Err(Failure::BAD_REQUEST),
    };
    let Some((from, until)) = span else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return start(visit, person, status, Some(GiftNews::Dates));
    };
    let ask = GiftAsk {
        person: person.clone(),
        data_set,
        thing: thing.map_err(|_| Failure::NOT_FOUND)?,
        from,
        until,
    };
    if act == "give" {
        return give(visit, &ask, &value_of(pairs, "shown"));
    }
    match visit.site.custody().preview_gift(&ask, visit.now) {
        Ok(found) => preview(visit, found, StatusCode::OK, None),
        Err(err) => refused(visit, person, err),
    }
}

fn give(visit: &Visit, ask: &GiftAsk, shown: &str) -> Result<Shown, Failure> {
    let (alliance, now) = (visit.site.alliance(), visit.now);
    let session = visit.session().ok_or(Failure::NOT_FOUND)?;
    let again = |status, news| match visit.site.custody().preview_gift(ask, now) {
        Ok(found) => preview(visit, found, status, Some(news)),
        Err(err) => refused(visit, &ask.person, err),
    };
    let Some(proved) = alliance.proved(&session, visit.device, now)? else {
        return again(StatusCode::FORBIDDEN, GiftNews::NotProved);
    };
    match alliance.give_to_commons(&proved, ask, shown, now) {
        Ok(given) => start(
            visit,
            &ask.person,
            StatusCode::OK,
            Some(GiftNews::Given(given)),
        ),
        Err(GiveError::Stale) => again(StatusCode::CONFLICT, GiftNews::Stale),
        Err(err) => refused(visit, &ask.person, err),
    }
}

/// Why nothing can be given, on the page where one begins.
fn refused(visit: &Visit, person: &PersonId, err: GiveError) -> Result<Shown, Failure> {
    let (status, news) = match err {
        GiveError::NoDataSet(_) => return Err(Failure::NOT_FOUND),
        GiveError::Nothing => (StatusCode::UNPROCESSABLE_ENTITY, GiftNews::Nothing),
        GiveError::KeptByLaw => (StatusCode::CONFLICT, GiftNews::KeptByLaw),
        GiveError::TooMuch => (StatusCode::UNPROCESSABLE_ENTITY, GiftNews::TooMuch),
        GiveError::TooMany => (StatusCode::TOO_MANY_REQUESTS, GiftNews::TooMany),
        GiveError::Full => (StatusCode::CONFLICT, GiftNews::Full),
        GiveError::Unfinished(_) => (StatusCode::ACCEPTED, GiftNews::Unfinished),
        err => return Err(Failure::internal(&err)),
    };
    start(visit, person, status, Some(news))
}

type Span = (Option<Timestamp>, Option<Timestamp>);

/// Days of the site's own zone, both included; `None` when one does not read, or the end lies before the beginning.
fn dates(visit: &Visit, pairs: &Pairs) -> Option<Span> {
    let day = |name: &str| match value_of(pairs, name).as_str() {
        "" => Some(None),
        text => text.parse::<Date>().ok().map(Some),
    };
    let begins = |it: Date| {
        let zoned = it.to_zoned(visit.site.time_zone()).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    };
    let (from, until) = (day("from")?, day("until")?);
    let from = match from {
        None => None,
        Some(day) => Some(begins(day)?),
    };
    let until = match until {
        None => None,
        Some(day) => Some(begins(day.tomorrow().ok()?)?),
    };
    let is_sound = from.zip(until).is_none_or(|(from, until)| from < until);
    is_sound.then_some((from, until))
}

/// Moments as the page of a preview has them.
fn moments(pairs: &Pairs) -> Option<Span> {
    let moment = |name: &str| match value_of(pairs, name).as_str() {
        "" => Some(None),
        text => text.parse().ok().map(|it| Some(Timestamp::from_millis(it))),
    };
    Some((moment("from")?, moment("until")?))
}

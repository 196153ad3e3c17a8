//! Figures about many people in the office: whoever may release them asks, and sees why not.

use alliance::{Action, Actor, StatisticActError};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use custody::{AskReleaseError, Asked, Epsilon, Measure, StatisticId, StatisticView};
use model::Timestamp;

use super::Submission;
use super::statistics::cards;
use crate::form::value_of;
use crate::page::{AskInput, AskNews, FIGURES, OfficeStatisticPage, OfficeStatisticsPage};
use crate::route::Route;
use crate::view;
use crate::visit::{Failure, Visit, page};

/// So many periods can be chosen from.
const MAX_PERIODS: usize = 24;

/// `GET /office/statistics`
pub(crate) async fn list(visit: Visit) -> Result<Response, Failure> {
    visit.must(Action::ReleaseStatistics)?;
    let shown = visit.blocking(|it| {
        Ok(OfficeStatisticsPage {
            shell: it.shell(Route::OfficeStatistics),
            cards: cards(it)?,
        })
    });
    page(StatusCode::OK, &shown.await?)
}

fn one(visit: &Visit, id: &StatisticId) -> Result<OfficeStatisticPage, Failure> {
    let custody = visit.site.custody();
    let view = custody
        .statistic(id)
        .map_err(|err| Failure::internal(&err))?;
    let view = view.ok_or(Failure::NOT_FOUND)?;
    let asked = custody
        .releases(id)
        .map_err(|err| Failure::internal(&err))?;
    Ok(OfficeStatisticPage {
        shell: visit.shell(Route::OfficeStatistic(id.clone())),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        place: view::title_of(visit, &view.declared.deployment),
        periods: periods(visit, &view)?,
        asked,
        input: AskInput::default(),
        news: None,
        view,
    })
}

/// The newest periods that are over, back to the one in which the data set was declared, with their budgets.
fn periods(
    visit: &Visit,
    view: &StatisticView,
) -> Result<Vec<(Timestamp, custody::Budget)>, Failure> {
    let declared = &view.declared;
    let first = declared.period_of(view.declared_at);
    let running = declared.period_of(visit.now);
    let back = std::iter::successors(Some(declared.before(running)), |it| {
        Some(declared.before(*it))
    });
    let with = |from: Timestamp| {
        let budget = visit.site.custody().statistic_budget(declared, from);
        let budget = budget.map_err(|err| Failure::internal(&err))?;
        Ok((from, budget))
    };
    back.take(MAX_PERIODS)
        .take_while(|it| *it >= first)
        .map(with)
        .collect()
}

/// `GET /office/statistics/{id}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    visit.must(Action::ReleaseStatistics)?;
    let id = StatisticId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let shown = visit.blocking(move |it| one(it, &id));
    page(StatusCode::OK, &shown.await?)
}

/// `POST /office/statistics/{id}`: asks for a figure.
pub(crate) async fn ask(
    visit: Visit,
    Path(id): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::ReleaseStatistics)?;
    let id = StatisticId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let input = visit.open(submission.protect(|pairs| AskInput {
        from: value_of(&pairs, "from"),
        figure: value_of(&pairs, "figure"),
        percent: value_of(&pairs, "percent"),
        epsilon: value_of(&pairs, "epsilon"),
    }))?;
    let done = visit.blocking(move |it| {
        let (status, news) = perform(it, &actor, &id, &input)?;
        let mut shown = one(it, &id)?;
        // What was taken is not offered again.
        if status != StatusCode::OK {
            shown.input = input;
        }
        shown.news = Some(news);
        Ok((status, shown))
    });
    let (status, shown) = done.await?;
    page(status, &shown)
}

fn perform(
    visit: &Visit,
    by: &Actor,
    id: &StatisticId,
    input: &AskInput,
) -> Result<(StatusCode, AskNews), Failure> {
    let wrong = |news| Ok((StatusCode::UNPROCESSABLE_ENTITY, news));
    let from = input.from.parse().map_err(|_| Failure::BAD_REQUEST)?;
    let figure = FIGURES.iter().find(|it| it.0 == input.figure);
    let measure = match figure.ok_or(Failure::BAD_REQUEST)?.1 {
        Measure::Quantile(_) => {
            let found = Measure::parse(&format!("quantile-{}", input.percent.trim()));
            match found {
                Some(measure) => measure,
                None => return wrong(AskNews::Percent),
            }
        }
        other => other,
    };
    let Ok(epsilon) = Epsilon::parse(input.epsilon.trim()) else {
        return wrong(AskNews::Epsilon);
    };
    let asked = visit.site.alliance().ask_release(
        by,
        id,
        Timestamp::from_millis(from),
        (measure, epsilon),
        visit.now,
    );
    let refused = match asked {
        Ok(Asked::New(_)) => return Ok((StatusCode::OK, AskNews::New)),
        Ok(Asked::Before(_)) => return Ok((StatusCode::OK, AskNews::Before)),
        Err(StatisticActError::Ask(refused)) => refused,
        Err(StatisticActError::Alliance(err)) => return Err(err.into()),
        Err(other @ StatisticActError::Declare(_)) => return Err(Failure::internal(&other)),
    };
    let news = match refused {
        AskReleaseError::Overrun { overrun, next, .. } => AskNews::Overrun {
            asked: overrun.asked,
            left: overrun.left,
            next,
        },
        AskReleaseError::NotOver(at) => AskNews::NotOver(at),
        AskReleaseError::Restored { at, .. } => AskNews::Restored(at),
        AskReleaseError::TooSmall => AskNews::TooSmall,
        AskReleaseError::NoAccess { .. } => AskNews::NoAccess,
        AskReleaseError::NoStatistic(_) => return Err(Failure::NOT_FOUND),
        AskReleaseError::Period { .. } => return Err(Failure::BAD_REQUEST),
        other @ AskReleaseError::Act(_) => return Err(Failure::internal(&other)),
    };
    Ok((StatusCode::CONFLICT, news))
}

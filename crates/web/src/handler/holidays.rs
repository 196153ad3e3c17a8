//! The days off that clocks of cases go by.

use alliance::Action;
use alliance::cases::{CaseError, Holiday};
use axum::http::StatusCode;
use axum::response::Response;
use model::Text;

use super::Submission;
use crate::form::value_of;
use crate::page::HolidaysPage;
use crate::route::Route;
use crate::visit::{Failure, Visit, page};

/// `GET /office/holidays`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.must(Action::SetCalendar)?;
    show_holidays(visit, Default::default(), false, false).await
}

async fn show_holidays(
    visit: Visit,
    input: [String; 3],
    wrong: bool,
    done: bool,
) -> Result<Response, Failure> {
    let shell = visit.shell(Route::OfficeHolidays);
    let form = visit.form().ok_or(Failure::NOT_FOUND)?;
    let holidays = visit.blocking(|it| it.site.alliance().holidays().map_err(Failure::of_case));
    let status = match wrong {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let shown = HolidaysPage {
        shell,
        form,
        holidays: holidays.await?,
        input,
        wrong,
        done,
    };
    page(status, &shown)
}

/// `POST /office/holidays`
pub(crate) async fn change(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let (_, actor) = visit.must(Action::SetCalendar)?;
    let sent = submission.protect(|pairs| {
        let value = |name| value_of(&pairs, name);
        (value("remove"), [value("day"), value("en"), value("ur")])
    });
    let (remove, input) = visit.open(sent)?;
    let [day, en, ur] = input.clone();
    let changed = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let outcome = match (remove.parse(), day.parse()) {
            (Ok(day), _) => alliance.remove_holiday(&actor, day, it.now),
            (Err(_), Ok(day)) => {
                let name = Text { en, ur };
                alliance.add_holiday(&actor, &Holiday { day, name }, it.now)
            }
            (Err(_), Err(_)) => Err(CaseError::Text),
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(CaseError::Text | CaseError::Holidays) => Ok(false),
            Err(other) => Err(Failure::of_case(other)),
        }
    });
    match changed.await? {
        true => show_holidays(visit, Default::default(), false, true).await,
        false => show_holidays(visit, input, true, false).await,
    }
}

//! Cases: listing, filing, seeing, and every step in one.

use std::collections::HashMap;

use alliance::cases::{
    CaseCode, CaseError, CaseFile, CaseKind, CaseLine, CaseView, CaseViewer, Complaint,
    DecisionDraft, EventKind, Harm, Outcome, SanctionKind,
};
use alliance::{Action, Actor};
use axum::extract::{Path, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{DeploymentId, MemberId, Text};
use serde::Deserialize;

use super::{PictureUpload, Submission};
use crate::cookie::Cookie;
use crate::form::{FormToken, value_of};
use crate::page::{
    CaseFormError, CaseInput, CasePage, CaseRow, CasesPage, FiledCasePage, NewCasePage,
    SanctionRow, TimesRow,
};
use crate::route::Route;
use crate::visit::{Failure, Visit, fresh_secret, page, see, set_cookie};

/// Which page of the list.
#[derive(Deserialize)]
pub(crate) struct Place {
    before: Option<u64>,
}

/// Which deployment something is about.
#[derive(Deserialize)]
pub(crate) struct About {
    #[serde(default)]
    about: String,
}

impl Failure {
    /// What a visitor is told of an error that no form can show.
    pub(super) fn of_case(err: CaseError) -> Self {
        match err {
            CaseError::NotFound => Self::NOT_FOUND,
            CaseError::Alliance(err) => err.into(),
            other => Self::internal(&other),
        }
    }
}

/// The names that pages of cases show.
struct Names {
    members: HashMap<MemberId, Text>,
    deployments: HashMap<DeploymentId, Text>,
}

impl Names {
    fn read(visit: &Visit) -> Result<Self, Failure> {
        let all = visit.site.alliance().overview(visit.now)?;
        let deployments = all.deployments.into_iter();
        Ok(Self {
            members: all.members.into_iter().map(|it| (it.id, it.name)).collect(),
            deployments: deployments
                .map(|it| (it.id, it.notice.title.clone()))
                .collect(),
        })
    }

    fn member(&self, id: &MemberId) -> Text {
        let unknown = || Text {
            en: id.to_string(),
            ur: id.to_string(),
        };
        self.members.get(id).cloned().unwrap_or_else(unknown)
    }

    fn row(
        &self,
        visit: &Visit,
        file: CaseFile,
        clocks: Vec<alliance::cases::CaseClock>,
    ) -> CaseRow {
        let title = |id: DeploymentId| {
            let title = self.deployments.get(&id)?.clone();
            Some((id, title))
        };
        CaseRow {
            number: file.number,
            kind: file.kind,
            harm: file.harm,
            accountable: file.accountable.as_ref().map(|it| self.member(it)),
            about: file.deployment.and_then(title),
            stage: file.stage,
            filed_at: file.filed_at,
            clocks,
            now: visit.now,
        }
    }

    fn rows(&self, visit: &Visit, lines: Vec<CaseLine>) -> Vec<CaseRow> {
        lines
            .into_iter()
            .map(|it| self.row(visit, it.file, it.clocks))
            .collect()
    }
}

/// A page with forms for strangers too: who has no visit cookie yet gets one.
fn with_form<P: askama::Template>(
    visit: &Visit,
    status: StatusCode,
    make: impl FnOnce(FormToken) -> P,
) -> Result<Response, Failure> {
    if let Some(form) = visit.form() {
        return page(status, &make(form));
    }
    let secret = fresh_secret()?;
    let mut response = page(status, &make(FormToken::new(&secret)))?;
    set_cookie(
        &mut response,
        &Cookie::Visit.write(&secret, visit.site.transport()),
    );
    Ok(response)
}

/// Who looks: the account, or the receipt code that the browser was shown.
fn viewer(visit: &Visit, code: Option<&str>) -> CaseViewer {
    match (&visit.account, code.and_then(CaseCode::parse)) {
        (_, Some(code)) => CaseViewer::Code(code),
        (Some(account), None) => CaseViewer::Account(account.clone()),
        (None, None) => CaseViewer::Anyone,
    }
}

/// The code in the cookie, if it opens this very case: an account that answers other cases keeps its own eyes for them.
fn code_for(visit: &Visit, headers: &HeaderMap, number: u64) -> Result<Option<String>, Failure> {
    let Some(text) = Cookie::Case.read(headers, visit.site.transport()) else {
        return Ok(None);
    };
    let Some(code) = CaseCode::parse(&text) else {
        return Ok(None);
    };
    let found = visit
        .site
        .alliance()
        .case_by_code(&code)
        .map_err(Failure::of_case)?;
    Ok(Some(text).filter(|_| found == Some(number)))
}

/// `GET /cases`
pub(crate) async fn list(
    visit: Visit,
    Query(Place { before }): Query<Place>,
) -> Result<Response, Failure> {
    show_list(visit, before, false).await
}

async fn show_list(
    visit: Visit,
    before: Option<u64>,
    wrong_code: bool,
) -> Result<Response, Failure> {
    let shell = visit.shell(Route::Cases { before });
    let gathered = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let names = Names::read(it)?;
        let lines = alliance
            .cases(before.unwrap_or(u64::MAX), None)
            .map_err(Failure::of_case)?;
        let mut mine: [Vec<CaseRow>; 3] = Default::default();
        if let Some(account) = &it.account {
            let actor = Actor::Account(account.clone());
            let own = alliance.own_cases(account).map_err(Failure::of_case)?;
            let [filed, answer, decide] = &mut mine;
            *filed = names.rows(it, own);
            if actor.may(Action::AnswerCases) {
                *answer = names.rows(
                    it,
                    alliance.cases_to_answer(&actor).map_err(Failure::of_case)?,
                );
            }
            if actor.may(Action::SitOnPanels) {
                *decide = names.rows(
                    it,
                    alliance.cases_to_decide(&actor).map_err(Failure::of_case)?,
                );
            }
        }
        let kept = alliance.kept_times().map_err(Failure::of_case)?;
        let times = kept.into_iter().map(|it| TimesRow {
            member: it.member.as_ref().map(|id| names.member(id)),
            cases: it.cases,
            acknowledged: it.acknowledged,
            answered: it.answered,
        });
        Ok((
            mine,
            lines.older,
            names.rows(it, lines.lines),
            times.collect(),
        ))
    });
    let (mine, older, rows, times) = gathered.await?;
    let status = match wrong_code {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    with_form(&visit, status, |form| CasesPage {
        shell,
        form,
        wrong_code,
        mine,
        older: older.map(|it| Route::Cases { before: Some(it) }),
        rows,
        times,
    })
}

/// `POST /cases/open`: takes a receipt code, which the browser keeps until it is closed.
pub(crate) async fn open(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let typed = visit.open(submission.protect(|pairs| value_of(&pairs, "code")))?;
    let opened = visit.blocking(move |it| {
        let Some(code) = CaseCode::parse(&typed) else {
            return Ok(None);
        };
        let found = it
            .site
            .alliance()
            .case_by_code(&code)
            .map_err(Failure::of_case)?;
        Ok(found.map(|number| (number, code.expose_secret())))
    });
    let Some((number, code)) = opened.await? else {
        return show_list(visit, None, true).await;
    };
    let mut response = see(&Route::Case(number));
    set_cookie(
        &mut response,
        &Cookie::Case.write(&code, visit.site.transport()),
    );
    Ok(response)
}

/// `GET /cases/new`
pub(crate) async fn new(
    visit: Visit,
    Query(About { about }): Query<About>,
) -> Result<Response, Failure> {
    let input = CaseInput {
        about,
        ..CaseInput::default()
    };
    form(visit, StatusCode::OK, input, Vec::new()).await
}

async fn form(
    visit: Visit,
    status: StatusCode,
    input: CaseInput,
    errors: Vec<CaseFormError>,
) -> Result<Response, Failure> {
    let about = DeploymentId::parse(&input.about).ok();
    let shell = visit.shell(Route::NewCase(about));
    let places = visit.blocking(|it| {
        let in_force = it.site.custody().in_force(it.now).into_iter();
        Ok(in_force
            .map(|it| (it.id, it.notice.title.clone()))
            .collect())
    });
    let places = places.await?;
    with_form(&visit, status, |form| NewCasePage {
        shell,
        form,
        places,
        input,
        errors,
    })
}

/// `POST /cases/new`
pub(crate) async fn file(visit: Visit, upload: PictureUpload) -> Result<Response, Failure> {
    let sent = upload.protect(|pairs, photos| {
        let value = |name| value_of(&pairs, name);
        let input = CaseInput {
            kind: value("kind"),
            harm: value("harm"),
            about: value("about"),
            text: value("text"),
            contact: value("contact"),
            is_protected: value("protect") == "1",
        };
        (input, photos)
    });
    let (input, photos) = visit.open(sent)?;
    let deployment = match input.about.as_str() {
        "" => None,
        id => Some(DeploymentId::parse(id).map_err(|_| Failure::BAD_REQUEST)?),
    };
    let kind = CaseKind::parse(&input.kind).filter(|it| *it != CaseKind::Drift);
    let complaint = Complaint {
        kind: kind.ok_or(Failure::BAD_REQUEST)?,
        harm: Harm::parse(&input.harm).ok_or(Failure::BAD_REQUEST)?,
        deployment,
        text: input.text.clone(),
        contact: input.contact.clone(),
        is_protected: input.is_protected,
        photos,
    };
    let filed = visit.blocking(move |it| {
        let filed = it
            .site
            .alliance()
            .file_case(it.account.as_ref(), &complaint, it.now);
        let who = complaint
            .deployment
            .as_ref()
            .and_then(|id| it.site.custody().in_force_at(id, it.now));
        let who = match who {
            Some(at) => Some(Names::read(it)?.member(&at.notice.controller)),
            None => None,
        };
        match filed {
            Ok(filed) => Ok(Ok((filed, who))),
            Err(err) => in_form(err).map(Err),
        }
    });
    match filed.await? {
        Ok((filed, who)) => {
            let code = filed.code.expose_secret();
            let shown = FiledCasePage {
                shell: visit.shell(Route::NewCase(None)),
                number: filed.number,
                code: code.clone(),
                who,
                is_protected: input.is_protected,
            };
            let mut response = page(StatusCode::OK, &shown)?;
            set_cookie(
                &mut response,
                &Cookie::Case.write(&code, visit.site.transport()),
            );
            Ok(response)
        }
        Err(wrong) => form(visit, StatusCode::UNPROCESSABLE_ENTITY, input, vec![wrong]).await,
    }
}

/// What the form says about an error, if it can.
fn in_form(err: CaseError) -> Result<CaseFormError, Failure> {
    Ok(match err {
        CaseError::Text => CaseFormError::Text,
        CaseError::Contact => CaseFormError::Contact,
        CaseError::Photos => CaseFormError::Photos,
        CaseError::Photo(_) => CaseFormError::Photo,
        CaseError::TooMany => CaseFormError::Full,
        CaseError::NotNow(_) | CaseError::Steps => CaseFormError::Now,
        CaseError::OwnCase => CaseFormError::Own,
        CaseError::NoPanel => CaseFormError::Panel,
        CaseError::Target => CaseFormError::Target,
        CaseError::NotFound | CaseError::Days | CaseError::Holidays | CaseError::Alliance(_) => {
            return Err(Failure::of_case(err));
        }
    })
}

/// `GET /cases/{number}`
pub(crate) async fn show(
    visit: Visit,
    headers: HeaderMap,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number.parse().map_err(|_| Failure::NOT_FOUND)?;
    show_case(visit, headers, number, None, false).await
}

async fn show_case(
    visit: Visit,
    headers: HeaderMap,
    number: u64,
    error: Option<CaseFormError>,
    done: bool,
) -> Result<Response, Failure> {
    let shell = visit.shell(Route::Case(number));
    let found = visit.blocking(move |it| {
        let code = code_for(it, &headers, number)?;
        let viewer = viewer(it, code.as_deref());
        let view = it
            .site
            .alliance()
            .case(&viewer, number)
            .map_err(Failure::of_case)?;
        Ok((view.ok_or(Failure::NOT_FOUND)?, Names::read(it)?))
    });
    let (view, names) = found.await?;
    let status = match error {
        Some(CaseFormError::Now | CaseFormError::Panel) => StatusCode::CONFLICT,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let CaseView {
        file,
        role,
        clocks,
        steps,
        photos,
        contact,
        seats,
        decisions,
        sanctions,
        may,
        sits,
        ..
    } = view;
    let row = names.row(&visit, file, clocks);
    let sanctions = sanctions.into_iter().map(|it| SanctionRow {
        id: it.id,
        kind: it.kind,
        target: it.target,
        imposed_at: it.imposed_at,
        cured_at: it.cured_at,
        lifted_at: it.lifted_at,
    });
    let sanctions = sanctions.collect();
    with_form(&visit, status, |form| CasePage {
        shell,
        form,
        row,
        role,
        steps,
        photos,
        contact,
        seats,
        decisions,
        sanctions,
        may,
        sits,
        error,
        done,
    })
}

/// What somebody wants done in a case.
enum Wish {
    Step(EventKind, String),
    Propose(DecisionDraft),
    Vote(u64, bool),
    Leave,
    Cured(u64),
    Lift(u64),
}

impl Wish {
    fn parse(pairs: &[(String, String)]) -> Option<Self> {
        let value = |name| value_of(pairs, name);
        Some(match value("do").as_str() {
            "propose" => Self::Propose(DecisionDraft {
                outcome: Outcome::parse(&value("outcome"))?,
                reasons: value("text"),
                sanction: match value("sanction").as_str() {
                    "" => None,
                    kind => Some(SanctionKind::parse(kind)?),
                },
                target: value("target"),
            }),
            "agree" => Self::Vote(value("decision").parse().ok()?, true),
            "disagree" => Self::Vote(value("decision").parse().ok()?, false),
            "leave" => Self::Leave,
            "cured" => Self::Cured(value("sanction").parse().ok()?),
            "lift" => Self::Lift(value("sanction").parse().ok()?),
            step => Self::Step(EventKind::parse(step)?, value("text")),
        })
    }
}

/// `POST /cases/{number}`
pub(crate) async fn act(
    visit: Visit,
    headers: HeaderMap,
    Path(number): Path<String>,
    submission: Submission,
) -> Result<Response, Failure> {
    let wish = visit.open(submission.protect(|pairs| Wish::parse(&pairs)))?;
    let number: u64 = number.parse().map_err(|_| Failure::NOT_FOUND)?;
    let wish = wish.ok_or(Failure::BAD_REQUEST)?;
    let cookies = headers.clone();
    let outcome = visit.blocking(move |it| {
        let code = code_for(it, &cookies, number)?;
        let outcome = carry_out(it, &viewer(it, code.as_deref()), number, wish);
        match outcome {
            Ok(()) => Ok(None),
            Err(err) => in_form(err).map(Some),
        }
    });
    let error = outcome.await?;
    show_case(visit, headers, number, error, error.is_none()).await
}

fn carry_out(visit: &Visit, viewer: &CaseViewer, number: u64, wish: Wish) -> Result<(), CaseError> {
    let alliance = visit.site.alliance();
    let (kind, text) = match wish {
        Wish::Step(kind, text) => (kind, text),
        other => {
            let account = visit.account.clone().ok_or(CaseError::NotFound)?;
            return decide(visit, &Actor::Account(account), number, other);
        }
    };
    alliance.step_case(viewer, number, kind, &text, visit.now)
}

/// What panellists and those who answer do beside the steps.
fn decide(visit: &Visit, by: &Actor, number: u64, wish: Wish) -> Result<(), CaseError> {
    let (alliance, now) = (visit.site.alliance(), visit.now);
    match wish {
        Wish::Propose(draft) => alliance.propose_decision(by, number, &draft, now),
        Wish::Vote(id, agrees) => alliance.vote_on_decision(by, number, id, agrees, now),
        Wish::Leave => alliance.leave_panel(by, number, now),
        Wish::Cured(id) => alliance.say_cured(by, id, now),
        Wish::Lift(id) => alliance.lift_sanction(by, id, now).map(|_| ()),
        Wish::Step(..) => Err(CaseError::NotFound),
    }
}

/// `GET /cases/{number}/photo/{nth}`: for the parties of the case.
pub(crate) async fn photo(
    visit: Visit,
    headers: HeaderMap,
    Path((number, nth)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let place = number.parse::<u64>().ok().zip(nth.parse::<u64>().ok());
    let (number, nth) = place.ok_or(Failure::NOT_FOUND)?;
    let found = visit.blocking(move |it| {
        let code = code_for(it, &headers, number)?;
        let photo = it
            .site
            .alliance()
            .case_photo(&viewer(it, code.as_deref()), number, nth);
        photo.map_err(Failure::of_case)?.ok_or(Failure::NOT_FOUND)
    });
    let headers = [
        (CONTENT_TYPE, "image/jpeg"),
        (CONTENT_DISPOSITION, "inline; filename=\"photo.jpg\""),
        (CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, found.await?).into_response())
}

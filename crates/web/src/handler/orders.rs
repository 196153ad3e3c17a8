//! Orders of authorities: the report for everybody, the desk where they are filed and decided on, and those about who looks.

use alliance::orders::{OrderActError, OrderDraft, OrderFile, OrderReport};
use alliance::{Action, Actor, AllianceError};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::OrderData;
use serde_json::{Value, json};

use super::Submission;
use crate::form::value_of;
use crate::page::{DeskNews, MyOrdersPage, OrderCard, OrdersDeskPage, OrdersPage};
use crate::route::Route;
use crate::view::{self, word};
use crate::visit::{Failure, Visit, page, see};

impl Failure {
    /// What an act on an order fails with where there is no page for it.
    pub(super) fn of_order(err: OrderActError) -> Self {
        match err {
            OrderActError::NotFound => Self::NOT_FOUND,
            OrderActError::Alliance(err) => err.into(),
            other => Self::internal(&other),
        }
    }
}

fn card(visit: &Visit, file: OrderFile) -> OrderCard {
    let notice = visit
        .site
        .custody()
        .in_force_at(&file.deployment, visit.now);
    let named = |it: &model::Pointer| {
        let field = notice.as_ref().and_then(|known| known.notice.field(it));
        field.map_or_else(|| word(it.as_str()), |field| field.title.clone())
    };
    OrderCard {
        title: view::title_of(visit, &file.deployment),
        fields: file.fields.iter().map(named).collect(),
        told: None,
        said: {
            let who = visit.account.as_ref().map(|it| &it.id);
            file.votes.iter().any(|it| Some(&it.account) == who)
        },
        file,
    }
}

fn read(visit: &Visit) -> Result<OrderReport, Failure> {
    let report = visit.site.alliance().order_report(visit.now);
    report.map_err(Failure::of_order)
}

/// Whether somebody has business at the desk.
fn may(actor: &Actor) -> bool {
    actor.may(Action::FileOrders) || actor.may(Action::DecideOrders)
}

fn at_desk(visit: &Visit) -> Result<Actor, Failure> {
    let account = visit.account.clone().ok_or(Failure::NOT_FOUND)?;
    let actor = Actor::Account(account);
    match may(&actor) {
        true => Ok(actor),
        false => Err(Failure::NOT_FOUND),
    }
}

/// `GET /orders`
pub(crate) async fn report(visit: Visit) -> Result<Response, Failure> {
    let found = visit.blocking(|it| {
        let report = read(it)?;
        let cards = report.lines.into_iter().map(|line| OrderCard {
            told: line.told,
            ..card(it, line.file)
        });
        Ok(OrdersPage {
            shell: it.shell(Route::Orders),
            years: report.years,
            cards: cards.collect(),
            waiting: report.waiting,
            has_desk: at_desk(it).is_ok(),
        })
    });
    page(StatusCode::OK, &found.await?)
}

/// `GET /orders.json`
pub(crate) async fn file(visit: Visit) -> Result<Response, Failure> {
    let report = visit.blocking(read).await?;
    let year = |(year, it): &(i16, alliance::orders::OrderFigures)| {
        json!({
            "year": year, "filed": it.filed, "approved": it.approved, "refused": it.refused, "lapsed": it.lapsed,
            "content": it.content, "traffic": it.traffic, "under-embargo": it.embargo,
            "people": it.people, "handed-over": it.handed_over,
        })
    };
    let order = |it: &alliance::orders::OrderLine| {
        let file = &it.file;
        let mut order = json!({
            "number": file.number, "authority": file.authority, "statute": file.statute, "section": file.section,
            "state": file.state.as_str(), "document-sha256": file.document_sha256,
            "filed": file.filed_at.to_string(),
            "decided": file.decided_at.map(|it| it.to_string()),
            "ended": file.ended_at.map(|it| it.to_string()),
            "end-reason": file.end_reason,
            "embargo-until": file.embargo_until.map(|it| it.to_string()),
        });
        if let (Some(told), Some(members)) = (&it.told, order.as_object_mut()) {
            let fields: Vec<_> = file.fields.iter().map(|it| it.as_str()).collect();
            members.insert(
                "deployment".to_owned(),
                Value::from(file.deployment.as_str()),
            );
            members.insert("data".to_owned(), Value::from(file.data.as_str()));
            members.insert("fields".to_owned(), Value::from(fields));
            members.insert("from".to_owned(), Value::from(file.from.to_string()));
            members.insert("until".to_owned(), Value::from(file.until.to_string()));
            members.insert("people".to_owned(), Value::from(told.people));
            members.insert("handed-over".to_owned(), Value::from(told.handed_over));
        }
        order
    };
    let years: Vec<_> = report.years.iter().map(year).collect();
    let orders: Vec<_> = report.lines.iter().map(order).collect();
    let body = json!({ "waiting": report.waiting, "years": years, "orders": orders }).to_string();
    let mut response = body.into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// `GET /me/orders`
pub(crate) async fn mine(visit: Visit) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let found = visit.blocking(move |it| {
        let orders = it.site.alliance().orders_about(&account, it.now);
        let orders = orders.map_err(Failure::of_order)?.into_iter();
        Ok(MyOrdersPage {
            shell: it.shell(Route::MyOrders),
            orders: orders
                .map(|about| (card(it, about.file), about.handed_over))
                .collect(),
        })
    });
    page(StatusCode::OK, &found.await?)
}

fn shown(
    visit: &Visit,
    draft: OrderDraft,
    news: Option<DeskNews>,
) -> Result<OrdersDeskPage, Failure> {
    let actor = at_desk(visit)?;
    let orders = visit
        .site
        .alliance()
        .orders(&actor)
        .map_err(Failure::of_order)?;
    let in_force = visit.site.custody().in_force(visit.now).into_iter();
    Ok(OrdersDeskPage {
        shell: visit.shell(Route::OrdersDesk),
        form: visit.form().ok_or(Failure::NOT_FOUND)?,
        files: actor.may(Action::FileOrders),
        decides: actor.may(Action::DecideOrders),
        places: in_force
            .map(|it| (it.id, it.notice.title.clone()))
            .collect(),
        cards: orders.into_iter().map(|file| card(visit, file)).collect(),
        draft,
        news,
    })
}

/// `GET /orders/desk`
pub(crate) async fn desk(visit: Visit) -> Result<Response, Failure> {
    at_desk(&visit)?;
    let found = visit.blocking(|it| shown(it, OrderDraft::default(), None));
    page(StatusCode::OK, &found.await?)
}

/// What somebody wants at the desk.
enum Wish {
    File(Box<OrderDraft>),
    Say(u64, bool, String),
    End(u64, String),
}

impl Wish {
    fn parse(pairs: &[(String, String)]) -> Option<Self> {
        let value = |name| value_of(pairs, name);
        let number = || value("number").parse().ok();
        match value("act").as_str() {
            "file" => Some(Self::File(Box::new(OrderDraft {
                authority: value("authority"),
                statute: value("statute"),
                section: value("section"),
                deployment: value("deployment"),
                recipient: value("recipient"),
                data: OrderData::parse(&value("data")),
                fields: value("fields"),
                people: value("people"),
                from: value("from"),
                until: value("until"),
                embargo: value("embargo"),
                document_sha256: value("hash"),
            }))),
            "agree" => Some(Self::Say(number()?, true, value("reason"))),
            "refuse" => Some(Self::Say(number()?, false, value("reason"))),
            "end" => Some(Self::End(number()?, value("reason"))),
            _ => None,
        }
    }
}

/// `POST /orders/desk`: an order is filed, agreed to, refused or ended.
pub(crate) async fn act(visit: Visit, submission: Submission) -> Result<Response, Failure> {
    let actor = at_desk(&visit)?;
    let wish = visit.open(submission.protect(|pairs| Wish::parse(&pairs)))?;
    let wish = wish.ok_or(Failure::BAD_REQUEST)?;
    let done = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let (outcome, done, draft) = match wish {
            Wish::File(draft) => {
                let filed = alliance.file_order(&actor, &draft, it.now).map(drop);
                let draft = if filed.is_ok() {
                    OrderDraft::default()
                } else {
                    *draft
                };
                (filed, DeskNews::Filed, draft)
            }
            Wish::Say(number, agrees, reason) => {
                let said = alliance.vote_on_order(&actor, number, agrees, &reason, it.now);
                (said.map(drop), DeskNews::Voted, OrderDraft::default())
            }
            Wish::End(number, reason) => {
                let ended = alliance.end_order(&actor, number, &reason, it.now);
                (ended, DeskNews::Ended, OrderDraft::default())
            }
        };
        let (status, news) = match outcome {
            Ok(()) => (StatusCode::OK, done),
            Err(err) => refused(err)?,
        };
        Ok((status, shown(it, draft, Some(news))?))
    });
    let (status, shown) = done.await?;
    page(status, &shown)
}

fn refused(err: OrderActError) -> Result<(StatusCode, DeskNews), Failure> {
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(match err {
        OrderActError::NotNow(_) => (StatusCode::CONFLICT, DeskNews::NotNow),
        OrderActError::OwnCase => (StatusCode::FORBIDDEN, DeskNews::Own),
        OrderActError::Twice => (StatusCode::CONFLICT, DeskNews::Twice),
        OrderActError::Alliance(AllianceError::Reason) => (wrong, DeskNews::Reason),
        OrderActError::Words => (wrong, DeskNews::Words),
        OrderActError::Deployment => (wrong, DeskNews::Deployment),
        OrderActError::Recipient => (wrong, DeskNews::Recipient),
        OrderActError::Data => (wrong, DeskNews::Data),
        OrderActError::Fields => (wrong, DeskNews::Fields),
        OrderActError::People(line) => (wrong, DeskNews::People(line)),
        OrderActError::Days => (wrong, DeskNews::Days),
        OrderActError::Document => (wrong, DeskNews::Hash),
        OrderActError::TooMany => (StatusCode::CONFLICT, DeskNews::Full),
        other @ (OrderActError::NotFound | OrderActError::Alliance(_)) => {
            return Err(Failure::of_order(other));
        }
    })
}

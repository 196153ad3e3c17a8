//! Why values pass as they do, for programs: a person's own, and anybody's before any choice.

use alliance::Action;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use custody::Told;
use model::{DeploymentId, Language, Notice};
use serde_json::{Value, json};

use crate::route::Route;
use crate::shell::Shell;
use crate::texts::Asker;
use crate::visit::{Failure, Visit, see};

/// `GET /me/choices/{deployment}/why.json`: for each field × purpose × recipient the level, what decided it, and a
/// sentence in each language.
pub(crate) async fn file(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let told = visit.blocking(move |it| {
        let custody = it.site.custody();
        let told = custody.explain_to(&account.id, &id, it.now);
        let told = told.ok_or(Failure::NOT_FOUND)?;
        document(it, &id, &told, Asker::Sensed)
    });
    Ok(answer(&told.await?))
}

/// `GET /d/{deployment}/why.json`: the same before anybody has chosen anything, for everybody.
pub(crate) async fn before_choices(
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let told = visit.blocking(move |it| {
        let told = it.site.custody().explain_before_choices(&id, it.now);
        let told = told.ok_or(Failure::NOT_FOUND)?;
        document(it, &id, &told, Asker::Anybody)
    });
    Ok(answer(&told.await?))
}

fn document(
    visit: &Visit,
    id: &DeploymentId,
    told: &[Told],
    asker: Asker,
) -> Result<Value, Failure> {
    let in_force = visit.site.custody().in_force_at(id, visit.now);
    let notice = in_force.ok_or(Failure::NOT_FOUND)?.notice;
    let shell = visit.shell(Route::notice(id));
    let values = told.iter().map(|it| value(&shell, &notice, it, asker));
    Ok(json!({
        "deployment": id.as_str(),
        "notice": notice.version,
        "at": visit.now.to_string(),
        "values": values.collect::<Vec<_>>(),
    }))
}

fn answer(document: &Value) -> Response {
    let mut response = document.to_string().into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn value(shell: &Shell, notice: &Notice, told: &Told, asker: Asker) -> Value {
    let explanation = &told.explanation;
    let say = |language| {
        let texts = shell.texts.in_language(language);
        texts.why(notice, explanation, asker)
    };
    json!({
        "field": explanation.field.as_str(),
        "purpose": told.purpose.as_str(),
        "recipient": told.recipient.as_str(),
        "level": explanation.level.to_string(),
        "factor": explanation.because.as_str(),
        "en": say(Language::En),
        "ur": say(Language::Ur),
    })
}

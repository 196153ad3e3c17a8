//! Why values pass as they do, for programs: a person's own, and anybody's before any choice.

use alliance::Action;
use axum::extract::{Path, Query};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use custody::Told;
use model::{DeploymentId, Language, Notice, Text};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::{WhyGroup, WhyPage};
use crate::route::Route;
use crate::shell::Shell;
use crate::texts::Asker;
use crate::visit::{Failure, Visit, page, see};

/// How many values a page explains.
const PER_PAGE: usize = 40;
/// How many values a file explains; `next` says where the rest is.
const PER_FILE: usize = 500;

/// The query of `/d/{deployment}/why`.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    #[serde(default)]
    skip: u32,
}

/// `GET /d/{deployment}/why`: what holds before anybody has chosen anything, in words.
pub(crate) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(From { skip }): Query<From>,
) -> Result<Response, Failure> {
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let shell = visit.shell(Route::why_from(&id, skip));
    let found = visit.blocking(move |it| {
        let custody = it.site.custody();
        let first = usize::try_from(skip).unwrap_or(usize::MAX);
        // One more than is shown: whether there is another page.
        let told = custody.explain_before_choices(&id, (first, PER_PAGE + 1), it.now);
        let told = told.ok_or(Failure::NOT_FOUND)?;
        let in_force = custody.in_force_at(&id, it.now);
        let notice = in_force.ok_or(Failure::NOT_FOUND)?.notice;
        let page: Vec<_> = told.iter().take(PER_PAGE).collect();
        let pages = |skip: usize| u32::try_from(skip).ok();
        let has_more = told.len() > PER_PAGE;
        let next = pages(first.saturating_add(PER_PAGE)).filter(|_| has_more);
        let previous = pages(first.saturating_sub(PER_PAGE)).filter(|_| skip > 0);
        Ok(WhyPage {
            groups: groups(&shell, &notice, &page),
            previous: previous.map(|it| Route::why_from(&id, it)),
            next: next.map(|it| Route::why_from(&id, it)),
            notice,
            shell,
        })
    });
    page(StatusCode::OK, &found.await?)
}

/// By recipient and purpose, in the order of the notice.
fn groups(shell: &Shell, notice: &Notice, told: &[&Told]) -> Vec<WhyGroup> {
    let same = |a: &&Told, b: &&Told| (&a.recipient, &a.purpose) == (&b.recipient, &b.purpose);
    let groups = told.chunk_by(same).filter_map(|group| {
        let first = group.first()?;
        let line = |it: &&Told| {
            let explanation = &it.explanation;
            let title = notice.field(&explanation.field)?.title.clone();
            Some((title, shell.texts.why(notice, explanation, Asker::Anybody)))
        };
        let lines = by_sentence(group.iter().filter_map(line));
        Some(WhyGroup {
            recipient: notice.recipient(&first.recipient)?.title.clone(),
            purpose: notice.purpose(&first.purpose)?.title.clone(),
            lines,
        })
    });
    groups.collect()
}

/// Each sentence once, with the fields of which it holds, in the order in which they come.
fn by_sentence(lines: impl Iterator<Item = (Text, String)>) -> Vec<(Vec<Text>, String)> {
    let mut sentences: Vec<(Vec<Text>, String)> = Vec::new();
    for (field, why) in lines {
        match sentences.iter_mut().find(|it| it.1 == why) {
            Some((fields, _)) => fields.push(field),
            None => sentences.push((vec![field], why)),
        }
    }
    sentences
}

/// `GET /me/choices/{deployment}/why.json`: for each field × purpose × recipient the level, what decided it, and a
/// sentence in each language; `?skip=` begins further on.
pub(crate) async fn file(
    visit: Visit,
    Path(id): Path<String>,
    Query(From { skip }): Query<From>,
) -> Result<Response, Failure> {
    if visit.account.is_none() {
        return Ok(see(&Route::SignIn));
    }
    let (account, _) = visit.must(Action::ReadOwn)?;
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let told = visit.blocking(move |it| {
        let custody = it.site.custody();
        let told = custody.explain_to(&account.id, &id, it.now);
        let told = told.ok_or(Failure::NOT_FOUND)?;
        let first = usize::try_from(skip).unwrap_or(usize::MAX);
        let told = told.get(first..).unwrap_or_default();
        document(it, &id, (told, first), Asker::Sensed)
    });
    Ok(answer(&told.await?))
}

/// `GET /d/{deployment}/why.json`: the same before anybody has chosen anything, for everybody.
pub(crate) async fn before_choices(
    visit: Visit,
    Path(id): Path<String>,
    Query(From { skip }): Query<From>,
) -> Result<Response, Failure> {
    let id = DeploymentId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let told = visit.blocking(move |it| {
        let first = usize::try_from(skip).unwrap_or(usize::MAX);
        let custody = it.site.custody();
        let told = custody.explain_before_choices(&id, (first, PER_FILE + 1), it.now);
        let told = told.ok_or(Failure::NOT_FOUND)?;
        document(it, &id, (&told, first), Asker::Anybody)
    });
    Ok(answer(&told.await?))
}

/// The values that begin at the position `first`; `next` says where the rest is.
fn document(
    visit: &Visit,
    id: &DeploymentId,
    (told, first): (&[Told], usize),
    asker: Asker,
) -> Result<Value, Failure> {
    let in_force = visit.site.custody().in_force_at(id, visit.now);
    let notice = in_force.ok_or(Failure::NOT_FOUND)?.notice;
    let shell = visit.shell(Route::notice(id));
    let values = told.iter().take(PER_FILE);
    let values = values.map(|it| value(&shell, &notice, it, asker));
    let next = first.saturating_add(PER_FILE);
    let next = (told.len() > PER_FILE).then(|| format!("?skip={next}"));
    Ok(json!({
        "deployment": id.as_str(),
        "notice": notice.version,
        "at": visit.now.to_string(),
        "values": values.collect::<Vec<_>>(),
        "next": next,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::word;

    #[test]
    fn values_with_the_same_sentence_stand_together_in_the_order_of_the_notice() {
        let lines = [("a", "It passes."), ("b", "Nothing."), ("c", "It passes.")];
        let lines = lines.map(|(field, why)| (word(field), why.to_owned()));
        let found = by_sentence(lines.into_iter());
        let expected = vec![
            (vec![word("a"), word("c")], "It passes.".to_owned()),
            (vec![word("b")], "Nothing.".to_owned()),
        ];
        assert_eq!(found, expected);
    }
}

//! The first page and the members.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use model::{Chamber, MemberId};

use crate::page::{HomePage, MemberPage};
use crate::route::Route;
use crate::view;
use crate::visit::{Failure, Visit, page};

/// How many entries of the record a member's page lists.
const MEMBER_ENTRIES: u16 = 20;

/// `GET /`
pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    let overview = visit
        .blocking(|it| Ok(it.site.alliance().overview(it.now)?))
        .await?;
    let chambers = Chamber::ALL.iter().filter_map(|chamber| {
        let members = overview.members.iter().filter(|it| it.chamber == *chamber);
        let members: Vec<_> = members.map(view::member_link).collect();
        (!members.is_empty()).then_some((*chamber, members))
    });
    let home = HomePage {
        shell: visit.shell(Route::Home),
        deployments: view::cards(&overview.deployments, &overview.members),
        chambers: chambers.collect(),
    };
    page(StatusCode::OK, &home)
}

/// `GET /m/{member}`
pub(crate) async fn member(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = MemberId::parse(&id).map_err(|_| Failure::NOT_FOUND)?;
    let shell = visit.shell(Route::member(&id));
    let found = visit.blocking(move |it| {
        let alliance = it.site.alliance();
        let member = alliance.member(&id)?.ok_or(Failure::NOT_FOUND)?;
        let mut deployments = it.site.custody().in_force(it.now);
        deployments.retain(|it| it.notice.controller == id);
        Ok(MemberPage {
            shell,
            chamber: member.chamber,
            about: member.about.clone(),
            deployments: view::cards(&deployments, std::slice::from_ref(&member)),
            record: view::entries_about(it, &format!("member:{id}"), MEMBER_ENTRIES)?,
            member: view::member_link(&member),
        })
    });
    page(StatusCode::OK, &found.await?)
}

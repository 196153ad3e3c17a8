//! Who may reach what: every route, asked by everybody.

use alliance::Account;

use super::world::{HOME, World};
use crate::assets::ASSETS;
use crate::route::pattern;

/// A path for a pattern. A pattern without one fails the test: add the route here and look at the new lines.
fn path_for(pattern: &'static str, world: &World) -> String {
    match pattern {
        pattern::SIGN_IN_ONCE => world.link(&world.neighbour),
        pattern::STATIC => format!("/static/{}", ASSETS.style.name),
        _ => pattern
            .replace("{deployment}", HOME)
            .replace("{member}", "lahore-power")
            .replace("{index}", "0")
            .replace("{id}", "abcdefghijklmnopqrstuvwxyz")
            .replace("{*path}", "checkpoint")
            .replace("{receipt}", "abcdefghijklmnopqrstuvwxyz")
            .replace("{language}", "ur")
            .replace("{file}", "datapackage.json")
            .replace("{number}", "1")
            .replace("{nth}", "0"),
    }
}

/// One line: what the stranger, the resident, the neighbour, the officer and a delegate of the accountable member get.
async fn line(method: &str, pattern: &'static str, world: &World, delegate: &Account) -> String {
    let everybody = [&world.resident, &world.neighbour, &world.officer, delegate];
    let mut statuses = Vec::new();
    for account in [None].into_iter().chain(everybody.map(Some)) {
        let mut browser = match account {
            Some(account) => world.signed_in(account).await,
            None => world.stranger(),
        };
        browser.get("/").await;
        let path = path_for(pattern, world);
        assert!(!path.contains('{'), "{path}");
        let answer = match method {
            "GET" => browser.get(&path).await,
            _ => browser.post(&path, &[]).await,
        };
        statuses.push(answer.status.to_string());
    }
    format!("{method:4} {pattern:34} {}", statuses.join("  "))
}

#[expect(
    clippy::too_many_lines,
    reason = "one table with two lines for every route"
)]
#[tokio::test]
async fn every_route_answers_everybody_as_decided() {
    let world = World::new();
    let delegate = world.delegate("lahore-power");
    let mut lines = vec![
        "                                   stranger, resident, neighbour, officer, delegate"
            .to_owned(),
    ];
    for pattern in pattern::ALL {
        lines.push(line("GET", pattern, &world, &delegate).await);
        lines.push(line("POST", pattern, &world, &delegate).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
                                       stranger, resident, neighbour, officer, delegate
    GET  /                                  200  200  200  200  200
    POST /                                  405  405  405  405  405
    GET  /d/{deployment}                    200  200  200  200  200
    POST /d/{deployment}                    405  405  405  405  405
    GET  /d/{deployment}/notice.toml        200  200  200  200  200
    POST /d/{deployment}/notice.toml        405  405  405  405  405
    GET  /d/{deployment}/changes            200  200  200  200  200
    POST /d/{deployment}/changes            405  405  405  405  405
    GET  /d/{deployment}/notice.jsonld      200  200  200  200  200
    POST /d/{deployment}/notice.jsonld      405  405  405  405  405
    GET  /schema/notice.json                200  200  200  200  200
    POST /schema/notice.json                405  405  405  405  405
    GET  /schema/notice.jsonld              200  200  200  200  200
    POST /schema/notice.jsonld              405  405  405  405  405
    GET  /d/{deployment}/why                200  200  200  200  200
    POST /d/{deployment}/why                405  405  405  405  405
    GET  /d/{deployment}/why.json           200  200  200  200  200
    POST /d/{deployment}/why.json           405  405  405  405  405
    GET  /d/{deployment}/drift              200  200  200  200  200
    POST /d/{deployment}/drift              405  405  405  405  405
    GET  /d/{deployment}/sign               200  200  200  200  200
    POST /d/{deployment}/sign               405  405  405  405  405
    GET  /d/{deployment}/qr.svg             200  200  200  200  200
    POST /d/{deployment}/qr.svg             405  405  405  405  405
    GET  /nearby                            200  200  200  200  200
    POST /nearby                            405  405  405  405  405
    GET  /m/{member}                        200  200  200  200  200
    POST /m/{member}                        405  405  405  405  405
    GET  /record                            200  200  200  200  200
    POST /record                            405  405  405  405  405
    GET  /record/entry/{index}              200  200  200  200  200
    POST /record/entry/{index}              405  405  405  405  405
    GET  /record/log/{*path}                200  200  200  200  200
    POST /record/log/{*path}                405  405  405  405  405
    GET  /cases                             200  200  200  200  200
    POST /cases                             405  405  405  405  405
    GET  /cases/new                         200  200  200  200  200
    POST /cases/new                         400  400  400  400  400
    GET  /cases/open                        405  405  405  405  405
    POST /cases/open                        403  422  422  422  422
    GET  /cases/{number}                    404  404  404  404  404
    POST /cases/{number}                    403  400  400  400  400
    GET  /cases/{number}/photo/{nth}        404  404  404  404  404
    POST /cases/{number}/photo/{nth}        405  405  405  405  405
    GET  /office/holidays                   404  404  404  200  404
    POST /office/holidays                   404  404  404  422  404
    GET  /office/findings                   404  404  404  200  404
    POST /office/findings                   404  404  404  422  404
    GET  /office/acts                       404  404  404  200  404
    POST /office/acts                       404  404  404  400  404
    GET  /record/search                     200  200  200  200  200
    POST /record/search                     405  405  405  405  405
    GET  /record/feed.atom                  200  200  200  200  200
    POST /record/feed.atom                  405  405  405  405  405
    GET  /record/entries.json               200  200  200  200  200
    POST /record/entries.json               405  405  405  405  405
    GET  /schema/record-entry.json          200  200  200  200  200
    POST /schema/record-entry.json          405  405  405  405  405
    GET  /incidents                         200  200  200  200  200
    POST /incidents                         405  405  405  405  405
    GET  /office/incidents                  404  404  404  200  404
    POST /office/incidents                  404  404  404  422  404
    GET  /office/incidents/{number}         404  404  404  404  404
    POST /office/incidents/{number}         404  404  404  400  404
    GET  /me/incidents                      303  200  200  200  200
    POST /me/incidents                      405  405  405  405  405
    GET  /orders                            200  200  200  200  200
    POST /orders                            405  405  405  405  405
    GET  /orders.json                       200  200  200  200  200
    POST /orders.json                       405  405  405  405  405
    GET  /orders/desk                       404  404  404  200  200
    POST /orders/desk                       404  404  404  400  400
    GET  /me/orders                         303  200  200  200  200
    POST /me/orders                         405  405  405  405  405
    GET  /sign-in                           200  200  200  200  200
    POST /sign-in                           403  400  400  400  400
    GET  /sign-in/once/{token}              200  200  200  200  200
    POST /sign-in/once/{token}              403  303  303  303  303
    GET  /sign-out                          405  405  405  405  405
    POST /sign-out                          403  303  303  303  303
    GET  /claim                             200  200  200  200  200
    POST /claim                             403  200  200  200  200
    GET  /me                                303  200  200  200  200
    POST /me                                405  405  405  405  405
    GET  /me/not-mine                       405  405  405  405  405
    POST /me/not-mine                       403  404  404  404  404
    GET  /me/safety                         303  200  200  200  200
    POST /me/safety                         403  400  400  400  400
    GET  /me/safety/events                  303  200  200  200  200
    POST /me/safety/events                  405  405  405  405  405
    GET  /me/access                         303  200  200  200  200
    POST /me/access                         403  404  404  404  404
    GET  /me/choices/{deployment}           303  200  404  404  404
    POST /me/choices/{deployment}           403  200  404  404  404
    GET  /me/choices                        303  200  200  200  200
    POST /me/choices                        405  405  405  405  405
    GET  /me/choices/{deployment}/history   303  200  404  404  404
    POST /me/choices/{deployment}/history   405  405  405  405  405
    GET  /me/choices/{deployment}/why.json  303  200  404  404  404
    POST /me/choices/{deployment}/why.json  405  405  405  405  405
    GET  /me/choices/{deployment}/record.json 303  200  404  404  404
    POST /me/choices/{deployment}/record.json 405  405  405  405  405
    GET  /me/choices/record.json            303  200  404  404  404
    POST /me/choices/record.json            405  405  405  405  405
    GET  /me/choices/choices.json           303  200  200  200  200
    POST /me/choices/choices.json           405  405  405  405  405
    GET  /me/choices/receipt/{receipt}      303  404  404  404  404
    POST /me/choices/receipt/{receipt}      405  405  405  405  405
    GET  /me/decide/preview                 303  404  404  404  404
    POST /me/decide/preview                 403  404  404  404  404
    GET  /me/decide/import                  303  200  200  200  200
    POST /me/decide/import                  400  400  400  400  400
    GET  /me/decide/put-back/{receipt}      405  405  405  405  405
    POST /me/decide/put-back/{receipt}      403  404  404  404  404
    GET  /me/destinations                   303  200  200  200  200
    POST /me/destinations                   403  400  400  400  400
    GET  /me/destinations/new               303  404  404  404  404
    POST /me/destinations/new               403  404  404  404  404
    GET  /me/deliveries                     303  200  200  200  200
    POST /me/deliveries                     405  405  405  405  405
    GET  /me/deliveries/{file}              303  404  404  404  404
    POST /me/deliveries/{file}              405  405  405  405  405
    GET  /me/keeping                        303  200  200  200  200
    POST /me/keeping                        405  405  405  405  405
    GET  /me/keeping.json                   303  200  200  200  200
    POST /me/keeping.json                   405  405  405  405  405
    GET  /me/export                         303  200  200  200  200
    POST /me/export                         403  400  400  400  400
    GET  /me/export/{id}                    303  404  404  404  404
    POST /me/export/{id}                    405  405  405  405  405
    GET  /me/erase                          303  200  200  200  200
    POST /me/erase                          403  400  400  400  400
    GET  /me/erase/preview                  303  200  200  200  200
    POST /me/erase/preview                  403  400  400  400  400
    GET  /me/erase/{id}/proof.json          303  404  404  404  404
    POST /me/erase/{id}/proof.json          405  405  405  405  405
    GET  /me/key                            303  200  200  200  200
    POST /me/key                            400  400  400  400  400
    GET  /me/sealed                         303  200  200  200  200
    POST /me/sealed                         405  405  405  405  405
    GET  /me/sealed/{id}                    303  404  404  404  404
    POST /me/sealed/{id}                    405  405  405  405  405
    GET  /open                              200  200  200  200  200
    POST /open                              405  405  405  405  405
    GET  /commons/statistics                200  200  200  200  200
    POST /commons/statistics                405  405  405  405  405
    GET  /commons/statistics/{id}           404  404  404  404  404
    POST /commons/statistics/{id}           405  405  405  405  405
    GET  /me/statistics                     303  200  200  200  200
    POST /me/statistics                     405  405  405  405  405
    GET  /commons                           200  200  200  200  200
    POST /commons                           405  405  405  405  405
    GET  /commons/catalog.jsonld            200  200  200  200  200
    POST /commons/catalog.jsonld            405  405  405  405  405
    GET  /commons/feed.atom                 200  200  200  200  200
    POST /commons/feed.atom                 405  405  405  405  405
    GET  /commons/{id}                      404  404  404  404  404
    POST /commons/{id}                      405  405  405  405  405
    GET  /commons/{id}/{file}               404  404  404  404  404
    POST /commons/{id}/{file}               405  405  405  405  405
    GET  /me/unlink                         303  200  200  200  200
    POST /me/unlink                         403  404  404  404  404
    GET  /.well-known/gpc.json              200  200  200  200  200
    POST /.well-known/gpc.json              405  405  405  405  405
    GET  /office                            404  404  404  200  404
    POST /office                            405  405  405  405  405
    GET  /office/limits                     404  404  404  200  404
    POST /office/limits                     404  404  404  422  404
    GET  /office/access                     404  404  404  200  404
    POST /office/access                     404  404  404  409  404
    GET  /office/commons                    404  404  404  200  404
    POST /office/commons                    404  404  404  400  404
    GET  /office/statistics                 404  404  404  200  404
    POST /office/statistics                 405  405  405  405  405
    GET  /office/statistics/{id}            404  404  404  404  404
    POST /office/statistics/{id}            404  404  404  400  404
    GET  /office/commands                   404  404  404  200  404
    POST /office/commands                   405  405  405  405  405
    GET  /office/{deployment}/suspend       405  405  405  405  405
    POST /office/{deployment}/suspend       404  404  404  422  404
    GET  /office/{deployment}/reinstate     405  405  405  405  405
    POST /office/{deployment}/reinstate     404  404  404  422  404
    GET  /lang/{language}                   303  303  303  303  303
    POST /lang/{language}                   405  405  405  405  405
    GET  /static/{name}                     200  200  200  200  200
    POST /static/{name}                     405  405  405  405  405
    GET  /health/live                       200  200  200  200  200
    POST /health/live                       405  405  405  405  405
    GET  /health/ready                      200  200  200  200  200
    POST /health/ready                      405  405  405  405  405
    ");
}

#[tokio::test]
async fn what_may_not_be_seen_looks_like_what_is_not_there() {
    let world = World::new();
    let mut neighbour = world.signed_in(&world.neighbour).await;
    let hidden = neighbour.get("/office").await;
    let missing = neighbour.get("/no-such-page").await;
    assert_eq!(hidden.body, missing.body);
    let others = neighbour.get("/me/choices/gulberg-homes").await;
    let unknown = neighbour.get("/me/choices/no-such-deployment").await;
    assert_eq!(others.body, unknown.body);
}

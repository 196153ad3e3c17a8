//! `/metrics`: the counters of the gateway as Prometheus text. A closed list, no labels, nobody's name.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use gateway::Counters;

/// The routes of the metrics listener.
pub(super) fn router(counters: Arc<Counters>) -> Router {
    Router::new().route(
        "/metrics",
        get(move || {
            let page = page(&counters);
            async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response() }
        }),
    )
}

fn page(counters: &Counters) -> String {
    let mut page = String::new();
    for (counter, value) in counters.snapshot() {
        let name = counter.name();
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "# TYPE amanat_gateway_{name}_total counter\namanat_gateway_{name}_total {value}\n"
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use gateway::Counter;

    use super::*;

    #[test]
    fn every_counter_is_on_the_page() {
        let counters = Counters::default();
        counters.add_many(Counter::PublishesAccepted, 3);
        let page = page(&counters);
        assert!(page.contains("\namanat_gateway_publishes_accepted_total 3\n"));
        assert_eq!(page.lines().count(), 2 * Counter::ALL.len());
    }
}

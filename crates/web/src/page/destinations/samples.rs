//! What the page of destinations is shown with.

use custody::{DeadLetter, DestinationState, FailureClass, Left};
use model::Timestamp;

use super::{EndpointCard, EndpointPlace, PlaceChange, PlaceRow, PlaceWish};
use crate::page::sample;
use crate::route::EndpointKind;

pub(super) fn sample_cards() -> Vec<EndpointCard> {
    let at = |hours: i64| Timestamp::from_millis(1_790_000_000_000 + hours * 3_600_000);
    let letter = |readings, reason, left| DeadLetter {
        number: format!("7-{readings}"),
        readings,
        first_at: at(-40),
        last_at: at(-30),
        reason,
        left,
    };
    let place = |kind, label: &str| {
        let label = label.to_owned();
        Some(EndpointPlace { kind, label })
    };
    let working = EndpointCard {
        id: "a".repeat(26),
        place: place(EndpointKind::Webhook, "https://data.example.org"),
        made_at: at(-100),
        state: DestinationState::Working,
        checking: false,
        last_success_at: Some(at(0)),
        failure: None,
        next_attempt_at: None,
        letters: Vec::new(),
    };
    let failing = EndpointCard {
        id: "b".repeat(26),
        place: place(EndpointKind::Broker, "mqtts://home.example.org:8883"),
        state: DestinationState::Failing,
        failure: Some(FailureClass::Connect),
        next_attempt_at: Some(at(1)),
        letters: vec![
            letter(1_204, Some(FailureClass::Tls), Left::There),
            letter(1, None, Left::Gone),
        ],
        ..working.clone()
    };
    let fresh = EndpointCard {
        id: "c".repeat(26),
        place: place(EndpointKind::Bucket, "s3.example.org · readings"),
        state: DestinationState::Unverified,
        checking: true,
        last_success_at: None,
        ..working.clone()
    };
    vec![working, failing, fresh]
}

/// An endpoint whose address does not open, beside one that works, and readings that do not open.
pub(super) fn sample_sealed() -> Vec<EndpointCard> {
    let at = |hours: i64| Timestamp::from_millis(1_790_000_000_000 + hours * 3_600_000);
    let letter = |readings, left| DeadLetter {
        number: format!("9-{readings}"),
        readings,
        first_at: at(-40),
        last_at: at(-30),
        reason: Some(FailureClass::Unopened),
        left,
    };
    let mut cards: Vec<_> = sample_cards().into_iter().take(1).collect();
    let sealed = cards.first().cloned().map(|working| EndpointCard {
        id: "e".repeat(26),
        place: None,
        state: DestinationState::Paused,
        failure: Some(FailureClass::Unopened),
        next_attempt_at: Some(at(1)),
        letters: vec![letter(31, Left::Unopened), letter(1, Left::Gone)],
        ..working
    });
    cards.extend(sealed);
    cards
}

pub(super) fn sample_changes(places: &[PlaceRow]) -> Vec<PlaceChange> {
    let change = |row: &PlaceRow| PlaceChange {
        at: sample::NOW,
        deployment: row.deployment.clone(),
        title: row.title.clone(),
        before: PlaceWish::Copy("d".repeat(26)),
        after: row.chosen.clone(),
    };
    places.iter().map(change).collect()
}

pub(super) fn sample_places() -> Vec<PlaceRow> {
    let row = |notice: std::sync::Arc<model::Notice>, chosen, law| PlaceRow {
        deployment: Some(notice.deployment.clone()),
        title: Some(notice.title.clone()),
        chosen,
        law,
    };
    let all = PlaceRow {
        deployment: None,
        title: None,
        chosen: PlaceWish::Vault,
        law: false,
    };
    vec![
        all,
        row(sample::home(), PlaceWish::Own("a".repeat(26)), true),
        row(sample::bus(), PlaceWish::Live, false),
    ]
}

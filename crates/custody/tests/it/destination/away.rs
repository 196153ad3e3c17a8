//! Endpoints that are away: what comes again, in which order, and what becomes too late.

use custody::{DestinationState, FailureClass, Left, Placing};

use super::{
    DAY, STEP, after, checked, due, measure, place, readings, resident, timeline, values, view,
};
use crate::fixture::{NOW, on_both, person};

#[test]
fn a_parcel_comes_again_with_the_same_identifiers_until_it_is_taken() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        for power in 0..3 {
            measure(&house, &format!(r#"{{"power":{power}}}"#), after(power));
        }
        let first = due(&house.custody, after(200)).unwrap();
        assert!(due(&house.custody, after(900)).is_none(), "one at a time");
        let sent = readings(&first);
        // The process ends between the answer of the endpoint and the cursor.
        drop(first);
        let custody = house.reopened(true).custody;
        let again = due(&custody, after(2_000)).unwrap();
        assert_eq!(readings(&again), sent);
        custody.parcel_delivered(again, after(2_000)).unwrap();
        assert!(due(&custody, after(5_000)).is_none());
        custody.tick(after(5_000)).unwrap();
        assert!(view(&custody, &id, after(5_000)).letters.is_empty());
    });
}

#[test]
fn an_endpoint_that_is_away_for_a_while_gets_everything_in_order() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        let mut now = after(1_000);
        let mut expected = Vec::new();
        let mut attempts = 0;
        for power in 0..60 {
            measure(&house, &format!(r#"{{"power":{power}}}"#), now);
            expected.push(format!(r#"{{"power":{power}}}"#));
            if let Some(parcel) = due(&house.custody, now) {
                attempts += 1;
                let class = FailureClass::Connect;
                house.custody.parcel_failed(parcel, class, 0, now).unwrap();
            }
            now = now.plus_millis(10_000);
        }
        assert_eq!(attempts, 8, "pauses grow");
        let shown = view(&house.custody, &id, now);
        assert_eq!(shown.state, DestinationState::Paused);
        assert_eq!(shown.last_failure, Some(FailureClass::Connect));
        assert!(due(&house.custody, now).is_none());
        house
            .custody
            .try_destination_now(&resident(), &id, now)
            .unwrap();
        let refused = house.custody.try_destination_now(&resident(), &id, now);
        let pause = custody::ASK_PAUSE_SECONDS * 1_000;
        assert!(
            matches!(refused, Err(custody::BookError::TooSoon(when)) if when == now.plus_millis(pause))
        );
        let mut got = Vec::new();
        while let Some(parcel) = due(&house.custody, now) {
            got.extend(values(&parcel));
            house.custody.parcel_delivered(parcel, now).unwrap();
            now = now.plus_millis(100);
        }
        assert_eq!(got, expected);
        assert_eq!(
            view(&house.custody, &id, now).state,
            DestinationState::Working
        );
    });
}

#[test]
fn a_large_backlog_travels_in_parcels_of_a_size() {
    on_both(|house| {
        let id = checked(&house);
        let thing = house.thing("meter-1", &house.meter);
        let mut last = custody::Lsn::START;
        for power in 0..1_200 {
            // Every other hundred is not for the endpoint.
            match power % 200 {
                0 => place(&house, &Placing::OwnEndpoint(id.clone())),
                100 => place(&house, &Placing::Vault),
                _ => {}
            }
            let payload = format!(r#"{{"power":{power}}}"#);
            let lsn = house
                .custody
                .ingest(&thing, payload.as_bytes(), after(power));
            last = lsn.unwrap();
        }
        house.custody.wait_durable(last).unwrap();
        let mut now = after(2_000_000);
        let mut got = Vec::new();
        for _ in 0..20 {
            if let Some(parcel) = due(&house.custody, now) {
                assert!(values(&parcel).len() <= 200);
                got.extend(values(&parcel));
                house.custody.parcel_delivered(parcel, now).unwrap();
            }
            now = now.plus_millis(100);
        }
        let expected: Vec<_> = (0..1_200)
            .filter(|it| it % 200 < 100)
            .map(|it| format!(r#"{{"power":{it}}}"#))
            .collect();
        assert_eq!(got, expected);
    });
}

#[test]
fn what_does_not_arrive_in_a_day_is_a_dead_letter_and_gone() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        for power in 0..3 {
            measure(
                &house,
                &format!(r#"{{"power":{power}}}"#),
                after(power * STEP),
            );
        }
        let parcel = due(&house.custody, after(3 * STEP)).unwrap();
        let class = FailureClass::Tls;
        house
            .custody
            .parcel_failed(parcel, class, 0, after(3 * STEP))
            .unwrap();
        // The first two become too late while the endpoint is away; housekeeping finds them one after the other.
        house.custody.tick(after(DAY)).unwrap();
        house.custody.tick(after(DAY + STEP)).unwrap();
        let letters = view(&house.custody, &id, after(DAY + STEP)).letters;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!(letters[0].readings, 2);
        assert_eq!(
            (letters[0].first_at, letters[0].last_at),
            (NOW, after(STEP))
        );
        assert_eq!(letters[0].reason, Some(FailureClass::Tls));
        assert_eq!(letters[0].left, Left::Gone);
        let parcel = due(&house.custody, after(DAY + STEP)).unwrap();
        assert_eq!(values(&parcel), [r#"{"power":2}"#]);
        drop(parcel);
        assert_eq!(
            timeline(&house.custody, after(DAY + STEP)).readings.len(),
            1
        );
    });
}

#[test]
fn a_server_that_was_away_longer_counts_what_it_could_not_send() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::OwnEndpoint(id.clone()));
        measure(&house, r#"{"power":1}"#, NOW);
        let custody = house.reopened(true).custody;
        let now = after(9 * DAY);
        custody.tick(now).unwrap();
        assert!(due(&custody, now).is_none());
        let letters = view(&custody, &id, now).letters;
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].readings, letters[0].reason), (1, None));
    });
}

#[test]
fn a_copy_that_is_still_in_the_vault_can_be_sent_again() {
    on_both(|house| {
        let id = checked(&house);
        place(&house, &Placing::VaultAndCopy(id.clone()));
        measure(&house, r#"{"power":1}"#, NOW);
        let late = after(2 * DAY);
        house.custody.tick(late).unwrap();
        let letters = view(&house.custody, &id, late).letters;
        assert_eq!(letters[0].left, Left::There);
        assert!(due(&house.custody, late).is_none());
        let other = house
            .custody
            .send_again(&person("p-other"), &id, &letters[0].number, late);
        assert!(other.is_err());
        house
            .custody
            .send_again(&resident(), &id, &letters[0].number, late)
            .unwrap();
        let parcel = due(&house.custody, late).unwrap();
        assert_eq!(values(&parcel), [r#"{"power":1}"#]);
        house.custody.parcel_delivered(parcel, late).unwrap();
        assert!(view(&house.custody, &id, late).letters.is_empty());
    });
}

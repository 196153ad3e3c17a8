//! Messages that are no JSON objects: SenML packs, CBOR and lists, from the thing to recipients and timelines.

use custody::{IngestError, Place};
use model::{Notice, Timestamp};
use policy::DecodeError;

use crate::fixture::{House, NOW, on_both, person};

const LATER: Timestamp = NOW.plus_millis(1);

/// Publishes the notice of the home as its next version, in another format or with other places.
fn publish(house: &House, change: impl Fn(&str) -> String) {
    let source = include_str!("home.toml").replacen("version = 1", "version = 2", 1);
    let source = change(&source);
    let notice = Notice::parse(&source).unwrap();
    house
        .custody
        .act(NOW, |act| act.publish_notice(&notice, &source))
        .unwrap();
}

fn in_format(source: &str, format: &str) -> String {
    source.replacen(
        "version = 2",
        &format!("version = 2\nformat = \"{format}\""),
        1,
    )
}

/// Pointer, value and whether it is coarse, of every reading of the resident, newest first.
fn kept(house: &House) -> Vec<Vec<(String, String, bool)>> {
    let timeline = house
        .custody
        .timeline(&person("p-resident"), Place::before(LATER), 10, LATER)
        .unwrap();
    let reading = |it: &custody::TimelineReading| {
        let fields = it.fields.iter();
        let field = |it: &custody::TimelineField| {
            (it.pointer.clone(), it.value.clone(), it.coarse.is_some())
        };
        fields.map(field).collect()
    };
    timeline.readings.iter().map(reading).collect()
}

#[test]
fn a_pack_is_one_message_for_each_time_and_all_arrive_now() {
    on_both(|house| {
        publish(&house, |it| {
            in_format(it, "senml-json").replace("/room/temperature", "/temperature")
        });
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(
            r#"[{"bn":"urn:dev:mac:0024befffe804ff1:","bt":1700000000,"n":"power","u":"W","v":1200},
                {"n":"power","u":"W","v":1100.50,"t":-60},{"n":"ssid","vs":"secret"}]"#,
        );
        assert_eq!(utility.next(NOW).as_deref(), Some(r#"{"power":1100.50}"#));
        assert_eq!(utility.next(NOW).as_deref(), Some(r#"{"power":1200}"#));
        assert_eq!(utility.next(NOW), None);
        let power = |value: &str| vec![("/power".to_owned(), value.to_owned(), false)];
        assert_eq!(kept(&house), [power("1200"), power("1100.50")]);
    });
}

#[test]
fn a_pack_is_durable_with_all_its_messages_though_nothing_is_kept_of_the_last() {
    on_both(|house| {
        publish(&house, |it| {
            in_format(it, "senml-json").replace("/room/temperature", "/temperature")
        });
        let thing = house.thing("meter-1", &house.meter);
        // Consent for the temperature is off until chosen: it passes to nobody and is not kept.
        let pack = r#"[{"n":"power","v":1,"t":-5},{"n":"temperature","v":21}]"#;
        let position = house.custody.ingest(&thing, pack.as_bytes(), NOW).unwrap();
        assert!(position.as_u64() > 0, "acknowledged before it is kept");
        house.custody.wait_durable(position).unwrap();
        assert_eq!(kept(&house).len(), 1);
    });
}

#[test]
fn of_a_pack_everything_comes_in_or_nothing() {
    on_both(|house| {
        publish(&house, |it| {
            in_format(it, "senml-json").replace("/room/temperature", "/temperature")
        });
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let thing = house.thing("meter-1", &house.meter);
        for pack in [
            r#"[{"n":"power","v":1},{"n":"power","v":2,"t":-5,"must_":1}]"#,
            r#"[{"n":"power","v":1},{"n":"power","v":2,"t":-5},{"n":"power","v":3,"t":-5}]"#,
            r#"[{"n":"power","v":1},{"n":5}]"#,
            "[]",
            r#"{"power":1}"#,
        ] {
            let found = house.custody.ingest(&thing, pack.as_bytes(), NOW);
            assert!(matches!(found, Err(IngestError::Malformed(_))), "{pack}");
        }
        assert_eq!(utility.next(NOW), None);
        assert_eq!(kept(&house), Vec::<Vec<_>>::new());
    });
}

#[test]
fn of_a_pack_the_last_time_is_retained() {
    on_both(|house| {
        publish(&house, |it| {
            in_format(it, "senml-json").replace("/room/temperature", "/temperature")
        });
        let pack = r#"[{"n":"power","v":1,"t":1000},{"n":"power","v":2,"t":2000}]"#;
        house.retain(pack, NOW);
        assert_eq!(house.custody.retained_counts().messages, 1);
        assert_eq!(house.utility(NOW), [r#"{"power":2}"#]);
        let house = house.reopened(true);
        assert_eq!(house.utility(NOW), [r#"{"power":2}"#]);
    });
}

#[test]
fn recipients_get_json_whatever_came() {
    on_both(|house| {
        publish(&house, |it| in_format(it, "cbor"));
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        let thing = house.thing("meter-1", &house.meter);
        // {"power": 4([-1, 12105]), "ssid": "x"}
        let message = b"\xa2\x65power\xc4\x82\x20\x19\x2f\x49\x64ssid\x61x";
        house.custody.ingest(&thing, message, NOW).unwrap();
        assert_eq!(utility.next(NOW).as_deref(), Some(r#"{"power":12105e-1}"#));
        let found = house.custody.ingest(&thing, b"{}", NOW);
        let expected = DecodeError::NotCbor(0);
        assert!(matches!(found, Err(IngestError::Malformed(it)) if it == expected));
    });
}

#[test]
fn a_value_in_a_list_is_named_and_marked_in_the_timeline() {
    on_both(|house| {
        publish(&house, |it| {
            it.replace("\"/power\"", "\"/phases/*/power\"")
                .replace("precision = \"on\"", "precision = \"coarse-1\"")
                .replacen(
                    "kind = \"number\"\nsensitivity = \"low\"",
                    "kind = \"number\"\nsensitivity = \"low\"\n[[fields.coarse]]\nround = 1.0",
                    1,
                )
        });
        let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
        house.measure(r#"{"phases":[{"power":740},{"name":"L2"},{"power":1300}]}"#);
        let expected =
            r#"{"phases":[{"power":500},{"power":1500}],"@coarse":{"/phases/*/power":250}}"#;
        assert_eq!(utility.next(NOW).as_deref(), Some(expected));
        let value = |place: &str, value: &str| (place.to_owned(), value.to_owned(), true);
        let expected = vec![
            value("/phases/0/power", "500"),
            value("/phases/1/power", "1500"),
        ];
        assert_eq!(kept(&house), [expected]);
    });
}

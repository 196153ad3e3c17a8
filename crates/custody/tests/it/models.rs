//! Nobody meets a new model without having been told.

use custody::{ActError, MODEL_NOTICE_MILLIS, MadeBy, Place};
use model::{Grant, Notice, PurposeId, RecipientId, Timestamp};

use crate::fixture::{House, NOW, deployment, on_both, person};

const DAY: i64 = 86_400_000;

/// Version `number` of the home's notice, with a model that works out the power.
fn notice(number: u32, version: &str, in_force: Timestamp, before: Option<&str>) -> String {
    let source =
        include_str!("home.toml").replace("version = 1\n", &format!("version = {number}\n"));
    let place = "pointer = \"/power\"\n";
    let made = format!("{place}made-by = \"forecast\"\n");
    let before = before.map_or_else(String::new, |it| format!("version-before = \"{it}\"\n"));
    let model = format!(
        "[[models]]\nid = \"forecast\"\ntitle = {{ en = \"Forecast\", ur = \"پیش گوئی\" }}\ndecides = {{ en = \"It guesses.\", ur = \"اندازہ۔\" }}\nversion = \"{version}\"\nin-force = \"{in_force}\"\n{before}\n[[declarations]]\n"
    );
    source
        .replace(place, &made)
        .replacen("[[declarations]]\n", &model, 1)
}

fn publish(house: &House, source: &str, now: Timestamp) -> Result<String, ActError> {
    let notice = Notice::parse(source).unwrap_or_else(|err| panic!("{:#?}", err.problems));
    house
        .custody
        .act(now, |act| act.publish_notice(&notice, source))
}

#[test]
fn gp_b3_a_new_model_or_version_is_announced_two_weeks_before() {
    on_both(|house| {
        let soon = NOW.plus_millis(MODEL_NOTICE_MILLIS - 1);
        let refused = publish(&house, &notice(2, "1.0", soon, None), NOW).unwrap_err();
        assert!(
            matches!(refused, ActError::ModelTooSoon { .. }),
            "{refused}"
        );
        let text = refused.to_string();
        assert!(
            text.contains("14 days") && text.contains("set in-force to"),
            "{text}"
        );
        let at = NOW.plus_millis(MODEL_NOTICE_MILLIS);
        publish(&house, &notice(2, "1.0", at, None), NOW).unwrap();
        let resident = person("p-resident");
        let ahead = house.custody.models_ahead(&resident, NOW);
        assert_eq!((ahead.len(), ahead[0].at), (1, at));
        assert!(
            house
                .custody
                .models_ahead(&person("p-other"), NOW)
                .is_empty()
        );
        // Its words change and nothing else: nobody has to be told again.
        let reworded = notice(3, "1.0", at, None).replace("A meter.", "One meter.");
        publish(&house, &reworded, at).unwrap();
        assert!(house.custody.models_ahead(&resident, at).is_empty());
        // Another version, and more that it works out, are announced like a new one.
        let later = at.plus_millis(MODEL_NOTICE_MILLIS);
        let early = notice(4, "2.0", at.plus_millis(DAY), None);
        let refused = publish(&house, &early, at).unwrap_err();
        assert!(
            matches!(refused, ActError::ModelTooSoon { .. }),
            "{refused}"
        );
        let more = notice(4, "1.0", at, None).replace(
            "pointer = \"/room/temperature\"\n",
            "pointer = \"/room/temperature\"\nmade-by = \"forecast\"\n",
        );
        let refused = publish(&house, &more, at).unwrap_err();
        assert!(
            matches!(refused, ActError::ModelTooSoon { .. }),
            "{refused}"
        );
        let lying = publish(&house, &notice(4, "2.0", later, Some("0.9")), at).unwrap_err();
        assert!(matches!(lying, ActError::ModelBefore { .. }), "{lying}");
        publish(&house, &notice(4, "2.0", later, Some("1.0")), at).unwrap();
    });
}

#[test]
fn gp_b3_nothing_of_it_comes_in_before_and_then_it_is_marked() {
    on_both(|house| {
        let at = NOW.plus_millis(MODEL_NOTICE_MILLIS);
        let resident = person("p-resident");
        let lasting = Grant {
            recipient: RecipientId::parse("utility-desk").unwrap(),
            purpose: PurposeId::parse("billing").unwrap(),
            deployment: deployment("home"),
            valid_from: NOW,
            valid_until: None,
        };
        let granted = house.custody.act(NOW, |act| act.grant(&lasting));
        granted.unwrap();
        let meter = house.thing("meter-1", &house.meter);
        let message = br#"{"power":1210}"#;
        let kept = |now: Timestamp| {
            let lsn = house.custody.ingest(&meter, message, now).unwrap();
            house.custody.wait_durable(lsn).unwrap();
            let place = Place::before(now.plus_millis(1));
            let page = house.custody.timeline(&resident, place, 10, now).unwrap();
            let of_now = page.readings.into_iter().filter(|it| it.at == now);
            of_now.flat_map(|it| it.fields).collect::<Vec<_>>()
        };
        let measured = kept(NOW);
        let power = measured.iter().find(|it| it.pointer == "/power");
        assert_eq!(power.unwrap().made_by, None);
        publish(&house, &notice(2, "1.0", at, None), NOW).unwrap();
        let before = kept(NOW.plus_millis(1));
        assert_eq!(before, []);
        house.custody.tick(NOW).unwrap();
        let drift = house.custody.drift(&deployment("home"), 10).unwrap();
        assert!(drift.iter().any(|it| it.reason == "not-yet"), "{drift:?}");
        let after = kept(at);
        let made = after.iter().find(|it| it.pointer == "/power").unwrap();
        let by = MadeBy {
            id: "forecast".to_owned(),
            version: Some("1.0".to_owned()),
        };
        assert_eq!(made.made_by, Some(by));
    });
}

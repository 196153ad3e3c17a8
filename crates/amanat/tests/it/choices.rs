//! Journey 3: the resident sees what was recorded and who received it, turns one field off, and the next message obeys.

mod slow {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::thread;

    use crate::harness::{House, METER, PATIENCE, Page, Received, Version, Visitor, Wire};

    /// The row of the form: purpose, recipient, field.
    const ROW: &str = "energy-advice adviser /temperature";
    const CHOICES: &str = "/me/choices/test-home";

    /// Turns a row of the choices form to a level, with the button beside it.
    #[track_caller]
    fn choose(visitor: &mut Visitor, row: &str, level: &str) -> Page {
        let page = visitor.open(CHOICES);
        let mut form = page.form(CHOICES);
        form.set(row, level);
        let button = ("only".to_owned(), row.to_owned());
        assert!(form.buttons.contains(&button), "{:?}", form.buttons);
        form.fields.push(button);
        let page = visitor.submit_and_follow(&form);
        assert_eq!(page.status, 200, "{}", page.body);
        page
    }

    #[test]
    fn the_very_next_message_obeys_a_choice_at_the_subscriber_and_on_the_page() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let adviser = house.client(amanat.mqtt(), "mqttv5", "adviser");
        let adviser = adviser.subscribe(&["-t", "for/energy-advice/#"]);
        assert_eq!(adviser.subscribed(), 1);
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let mut resident = amanat.visitor("en");
        let page = resident.sign_in(&house.resident_link);
        page.shows(&["My data", "Meter in the kitchen", "Nothing was recorded"]);

        assert_eq!(
            meter
                .publish(1, br#"{"power":1001,"temperature":21.5}"#)
                .unwrap()
                .reason(),
            0
        );
        let received = adviser.wait_for("the first message", |it| it.value("power") == 1001);
        assert_eq!(received.value("temperature"), 21.5);
        let page = resident.open("/me");
        page.shows(&["Power in use: 1001 W", "Warmth of the kitchen: 21.5", METER]);
        testkit::wait_until("the page shows the receipt", PATIENCE, || {
            let text = resident.open("/me").text();
            text.contains("Energy adviser · for Advice to save energy")
        });

        choose(&mut resident, ROW, "off").shows(&["In force now", "Warmth of the kitchen"]);
        assert_eq!(
            meter
                .publish(2, br#"{"power":1002,"temperature":22.5}"#)
                .unwrap()
                .reason(),
            0
        );
        let received = adviser.wait_for("the second message", |it| it.value("power") == 1002);
        assert_eq!(received.payload, r#"{"power":1002}"#);
        let page = resident.open("/me");
        page.shows(&["Power in use: 1002 W"]);
        // Nobody else may have it, so it was not recorded either.
        assert!(!page.text().contains("22.5"), "{}", page.text());

        choose(&mut resident, ROW, "on");
        assert_eq!(
            meter
                .publish(3, br#"{"power":1003,"temperature":23.5}"#)
                .unwrap()
                .reason(),
            0
        );
        let received = adviser.wait_for("the third message", |it| it.value("power") == 1003);
        assert_eq!(received.value("temperature"), 23.5);
    }

    #[test]
    fn consent_opens_a_field_for_one_recipient_only() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let laboratory = house.client(amanat.mqtt(), "mqttv311", "laboratory");
        let laboratory = laboratory.subscribe(&["-t", "for/research/#"]);
        assert_eq!(laboratory.subscribed(), 1);
        let mut meter = Wire::session(amanat.mqtt(), Version::V311, METER, house.password(METER));
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        meter
            .publish(1, br#"{"power":101,"temperature":21.5}"#)
            .unwrap();
        choose(&mut resident, "research laboratory /temperature", "on");
        choose(&mut resident, "research laboratory /power", "off");
        meter
            .publish(2, br#"{"power":102,"temperature":22.5}"#)
            .unwrap();
        let received =
            laboratory.wait_for("the second message", |it| it.value("temperature") == 22.5);
        assert_eq!(received.payload, r#"{"temperature":22.5}"#);
        let first = laboratory.received().remove(0);
        assert_eq!(
            (first.value("power"), first.value("temperature")),
            (100.into(), ().into())
        );
    }

    #[test]
    fn no_message_sent_after_the_answer_breaks_a_choice_under_traffic() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let adviser = house.client(amanat.mqtt(), "mqttv5", "adviser");
        let adviser = adviser.subscribe(&["-t", "for/energy-advice/#"]);
        assert_eq!(adviser.subscribed(), 1);
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        let next = AtomicU64::new(1);
        let done = AtomicBool::new(false);
        // From the first number on, each level held until the second.
        let mut spans: Vec<(u64, u64, bool)> = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                let password = house.password(METER);
                let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, password);
                while !done.load(Ordering::Acquire) {
                    let number = next.fetch_add(1, Ordering::AcqRel);
                    let payload = format!("{{\"power\":{number},\"temperature\":20}}");
                    let id = u16::try_from(number % 60_000).unwrap() + 1;
                    let puback = meter.publish(id, payload.as_bytes());
                    assert_eq!(puback.map(|it| it.reason()), Some(0));
                }
            });
            for round in 0..6 {
                let on = round % 2 == 1;
                choose(&mut resident, ROW, if on { "on" } else { "off" });
                // Whatever has a higher number than this was sent after the answer was here.
                let from = next.load(Ordering::Acquire);
                testkit::wait_until("twenty messages passed", PATIENCE, || {
                    next.load(Ordering::Acquire) > from + 20
                });
                spans.push((from, next.load(Ordering::Acquire) - 1, on));
            }
            done.store(true, Ordering::Release);
        });
        let last = next.load(Ordering::Acquire) - 1;
        adviser.wait_for("the last message", |it| it.value("power") == last);
        let received = adviser.received();
        assert_eq!(
            received.len() as u64,
            last,
            "a message is missing or came twice"
        );
        for (from, until, on) in spans {
            let sent =
                |it: &&Received| (from..until).contains(&it.value("power").as_u64().unwrap());
            let span: Vec<_> = received.iter().filter(sent).collect();
            let with = span.iter().filter(|it| it.value("temperature").is_number());
            match (on, with.count()) {
                // The last ones may still have been on their way when the next choice took the field away.
                (true, with) => assert!(with > 0, "turned on again, and nothing came: {span:?}"),
                (false, with) => assert_eq!(with, 0, "against the choice: {span:?}"),
            }
        }
    }

    #[test]
    fn a_choice_is_made_only_by_the_person_it_is_about() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        let mut form = resident.open(CHOICES).form(CHOICES);
        form.set(ROW, "off");
        // A stranger and an officer who is no resident of the home.
        let mut stranger = amanat.visitor("en");
        assert_eq!(stranger.submit(&form).status, 403);
        let mut officer = amanat.visitor("en");
        officer.sign_in(&house.officer_link);
        assert_eq!(officer.get(CHOICES).status, 404);
        assert_eq!(officer.submit(&form).status, 403);
        // The resident, led there by another site, or with a token that is not theirs.
        let content_type = ("content-type", "application/x-www-form-urlencoded");
        let elsewhere = [content_type, ("origin", "https://evil.example")];
        assert_eq!(
            resident
                .send(CHOICES, &elsewhere, form.body().as_bytes())
                .status,
            403
        );
        let mut forged = form.clone();
        forged.set("form", "AAAA");
        assert_eq!(resident.submit(&forged).status, 403);
        let untouched = resident.open(CHOICES).form(CHOICES);
        let pair = (ROW.to_owned(), "on".to_owned());
        assert!(untouched.fields.contains(&pair), "{:?}", untouched.fields);
    }

    #[test]
    fn a_one_time_link_signs_in_once_and_a_preview_does_not_use_it_up() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let link = &house.resident_link;
        let mut preview = amanat.visitor("en");
        for _ in 0..3 {
            preview.open(link).shows(&["Sign me in"]);
        }
        assert_eq!(amanat.visitor("en").get("/me").status, 303);
        let mut resident = amanat.visitor("en");
        resident.sign_in(link).shows(&["My data"]);
        let mut second = amanat.visitor("en");
        assert_eq!(second.get(link).status, 410);
        // The form of the preview is still open somewhere.
        let form = crate::harness::Form {
            action: link.clone(),
            ..resident.open("/me").form("/sign-out")
        };
        assert_eq!(resident.submit(&form).status, 410);
        assert_eq!(second.get("/me").status, 303);
        assert_eq!(amanat.visitor("en").get("/sign-in/once/aaaa").status, 410);
        // Signing out ends the session on the server, not only in the browser.
        let cookies = resident.cookies.clone();
        let form = resident.open("/me").form("/sign-out");
        assert_eq!(resident.submit(&form).status, 303);
        resident.cookies = cookies;
        assert_eq!(resident.get("/me").status, 303);
    }
}

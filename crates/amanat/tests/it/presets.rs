//! Many choices at once, in a real browser: see what would change, agree, the next message obeys, put it back.

mod slow {
    use crate::harness::{Browser, House, METER, Scripts, Version, Viewport, Wire};

    #[test]
    fn a_preset_is_seen_agreed_to_obeyed_and_put_back() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let adviser = house.client(amanat.mqtt(), "mqttv5", "adviser");
        let adviser = adviser.subscribe(&["-t", "for/energy-advice/#"]);
        assert_eq!(adviser.subscribed(), 1);
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let mut send = |id: u16, power: u32| {
            let payload = format!("{{\"power\":{power},\"temperature\":21.5}}");
            let answer = meter.publish(id, payload.as_bytes()).unwrap();
            assert_eq!(answer.reason(), 0);
        };
        let browser = Browser::start("en", Scripts::Off);
        browser.resize(Viewport {
            height: 30_000,
            ..Viewport::PHONE
        });
        browser.open(&format!("{}{}", amanat.http(), house.resident_link));
        browser.leave_by("main form button");
        browser.leave_by("main a[href='/me/choices']");
        browser.leave_by("a[href='/me/decide/preview?preset=all-off']");
        let preview = browser.source();
        assert!(
            preview.contains("Energy adviser, for ") && preview.contains("Warmth of the kitchen: "),
            "{preview}"
        );
        send(1, 1_001);
        adviser.wait_for("a message while only looking", |it| {
            it.value("power") == 1_001
        });

        browser.leave_by("button[name='seen']");
        let done = browser.source();
        assert!(
            done.contains("In force now") && done.contains("Download the receipt"),
            "{done}"
        );
        send(2, 1_002);

        browser.leave_by("form[action^='/me/decide/put-back/'] button");
        let back = browser.source();
        assert!(back.contains("You put an earlier choice back."), "{back}");
        send(3, 1_003);
        adviser.wait_for("the message after it was put back", |it| {
            it.value("power") == 1_003
        });
        let powers: Vec<_> = adviser
            .received()
            .iter()
            .map(|it| it.value("power"))
            .collect();
        assert_eq!(powers, [1_001, 1_003], "nothing came against the choice");
    }
}

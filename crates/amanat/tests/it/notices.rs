//! Journey 2: the public page of each deployment of the demo says what its notice says, in two languages, and what drifts.

mod slow {
    use std::path::Path;

    use model::{LegalBasis, Notice, Text};

    use crate::harness::{Amanat, Client, PATIENCE, demo, publish};

    const NOTICES: [(&str, &str); 3] = [
        (
            "street-air",
            include_str!("../../demo/notices/street-air.toml"),
        ),
        (
            "city-buses",
            include_str!("../../demo/notices/city-buses.toml"),
        ),
        (
            "family-home",
            include_str!("../../demo/notices/family-home.toml"),
        ),
    ];

    /// A text as `text_of` gives it: single spaces.
    fn plain(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Everything that the page must say in one language.
    fn expected(notice: &Notice, of: impl Fn(&Text) -> String) -> Vec<String> {
        let mut parts = vec![
            of(&notice.title),
            of(&notice.summary),
            of(&notice.place),
            of(&notice.stored_in),
            of(&notice.contact.name),
            notice.contact.email.clone(),
            notice.contact.phone.clone(),
        ];
        parts.extend(notice.bystanders.iter().map(&of));
        parts.extend(notice.fields.iter().map(|it| of(&it.title)));
        for purpose in &notice.purposes {
            parts.extend([of(&purpose.title), of(&purpose.why)]);
        }
        for recipient in &notice.recipients {
            parts.extend([of(&recipient.title), of(&recipient.terms)]);
        }
        for model in &notice.models {
            parts.extend([of(&model.title), of(&model.decides)]);
        }
        for declaration in &notice.declarations {
            parts.extend(declaration.source.iter().map(&of));
        }
        parts.iter().map(|it| plain(it)).collect()
    }

    #[test]
    fn the_public_page_of_each_demo_deployment_says_everything_in_english_and_urdu() {
        let directory = testkit::temp_dir();
        let amanat = demo(directory.path());
        for (id, source) in NOTICES {
            let notice = Notice::parse(source).unwrap();
            let path = format!("/d/{id}");
            for language in ["en", "ur"] {
                let of = |it: &Text| {
                    if language == "en" {
                        it.en.clone()
                    } else {
                        it.ur.clone()
                    }
                };
                let mut anyone = amanat.visitor(language);
                let page = anyone.open(&path);
                let direction = if language == "ur" { "rtl" } else { "ltr" };
                let html = format!("<html lang=\"{language}\" dir=\"{direction}\">");
                assert!(page.body.contains(&html), "{path} in {language}");
                let parts = expected(&notice, of);
                page.shows(&parts.iter().map(String::as_str).collect::<Vec<_>>());
                for declaration in &notice.declarations {
                    let days = declaration.retention.as_days();
                    assert!(
                        says_days(&page.text(), days),
                        "{path} in {language} says nothing of {days} days"
                    );
                }
                drifts(&amanat, language, id);
                anyone
                    .open(&format!("{path}/drift"))
                    .shows(&[&plain(&of(&notice.title)), drifting(id)]);
                let sign = anyone.open(&format!("{path}/sign"));
                sign.shows(&[
                    &plain(&notice.title.en),
                    &plain(&notice.title.ur),
                    amanat.http(),
                ]);
                let code = anyone.open(&format!("{path}/qr.svg"));
                assert_eq!(code.header("content-type"), Some("image/svg+xml"));
            }
        }
    }

    /// Whether a number of days stands there, with or without a mark between thousands.
    fn says_days(text: &str, days: u16) -> bool {
        let marked: String = text.chars().filter(|it| !matches!(it, ',' | '٬')).collect();
        days == 0
            || marked
                .split(|it: char| !it.is_ascii_digit())
                .any(|it| it == days.to_string())
    }

    /// A field that the demo's devices send without having declared it.
    fn drifting(id: &str) -> &'static str {
        match id {
            "street-air" => "/rv1",
            "city-buses" => "/track_id",
            _ => "/RH_8",
        }
    }

    /// Waits until the page of all undeclared values shows a field that the demo's devices send without having declared it.
    fn drifts(amanat: &Amanat, language: &str, id: &str) {
        let field = drifting(id);
        let mut anyone = amanat.visitor(language);
        testkit::wait_until("the page shows the drift", PATIENCE, || {
            anyone
                .open(&format!("/d/{id}/drift"))
                .text()
                .contains(field)
        });
    }

    fn token(data: &Path, name: &str) -> String {
        let path = data.join("demo/tokens").join(name);
        std::fs::read_to_string(path).unwrap().trim_end().to_owned()
    }

    #[test]
    fn the_demo_lets_stock_clients_in_and_delivers_real_traffic_without_what_is_not_declared() {
        let directory = testkit::temp_dir();
        let data = directory.path().join("data");
        let amanat = demo(&data);
        for (id, source) in NOTICES {
            let notice = Notice::parse(source).unwrap();
            let declaration = notice
                .declarations
                .iter()
                .find(|it| it.basis != LegalBasis::Consent);
            let declaration = declaration.unwrap();
            let recipient = declaration.recipients[0].as_str();
            let password = token(&data, recipient);
            let client = Client {
                server: amanat.mqtt(),
                version: "mqttv5",
                user_name: recipient,
                password: &password,
                certificate: None,
                identity: None,
            };
            let topic = format!("for/{}/{id}/+", declaration.purpose);
            let subscriber = client.subscribe(&["-t", &topic]);
            assert_eq!(subscriber.subscribed(), 1, "{topic}");
            testkit::wait_until("three messages of the demo are here", PATIENCE, || {
                subscriber.received().len() >= 3
            });
            for received in subscriber.received() {
                let payload = serde_json::from_str(&received.payload).unwrap();
                only_declared(&payload, "", &notice);
            }
        }
        let mut resident = amanat.visitor("ur");
        let link = amanat.text("sign-in").to_owned();
        resident.sign_in(&link);
        testkit::wait_until("the resident sees readings and receipts", PATIENCE, || {
            let page = resident.open("/me");
            page.body.contains("<ol class=\"readings\">")
                && page.body.contains("<ul class=\"values\">")
        });
    }

    #[test]
    fn stock_clients_come_in_over_tls_and_check_the_certificate() {
        let directory = testkit::temp_dir();
        let data = directory.path().join("data");
        let amanat = demo(&data);
        let certificate = data.join("tls/certificate.pem");
        let other = testkit::temp_dir();
        let other = demo(&other.path().join("data"));
        let (meter, adviser) = (token(&data, "home-meter"), token(&data, "energy-adviser"));
        let client = |user_name, password| Client {
            server: amanat.text("mqtts").parse().unwrap(),
            version: "mqttv5",
            user_name,
            password,
            certificate: Some(&certificate),
            identity: None,
        };
        let adviser = client("energy-adviser", &adviser);
        let subscriber = adviser.subscribe(&["-t", "for/energy-advice/family-home/home-meter"]);
        assert_eq!(subscriber.subscribed(), 1);
        let meter = client("home-meter", &meter);
        let run = publish(&meter, "home/meter", r#"{"Appliances":987654}"#);
        assert_eq!(run.code, Some(0), "{run:?}");
        subscriber.wait_for("the message over TLS", |it| {
            it.payload == r#"{"Appliances":987654}"#
        });
        // The client does not talk to a server with another certificate.
        let stranger = Client {
            server: other.text("mqtts").parse().unwrap(),
            ..meter
        };
        let run = publish(&stranger, "home/meter", "{}");
        assert_ne!(run.code, Some(0), "{run:?}");
    }

    /// Every leaf of a delivery is declared, or is a note of the platform itself (`@…`).
    #[track_caller]
    fn only_declared(value: &serde_json::Value, pointer: &str, notice: &Notice) {
        match value {
            serde_json::Value::Object(members) => {
                for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    only_declared(value, &format!("{pointer}/{name}"), notice);
                }
            }
            _ => assert!(
                notice
                    .fields
                    .iter()
                    .any(|it| it.pointer.as_str() == pointer),
                "`{pointer}` was delivered and is not declared"
            ),
        }
    }
}

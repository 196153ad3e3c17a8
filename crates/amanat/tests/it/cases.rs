//! The journey complaint → decision → sanction → next message obeys → record → lifted, over the running program: people with browsers
//! and codes, a meter over MQTT.

mod slow {
    use crate::harness::{Amanat, Form, House, METER, Packet, Version, Visitor, Wire, run};

    /// A delegate of a member, signed in. The member joins where it is new.
    fn delegate(amanat: &Amanat, house: &House, member: &str, chamber: Option<&str>) -> Visitor {
        let data = house.directory.path().to_str().unwrap();
        if let Some(chamber) = chamber {
            let names = [
                "--name-en",
                "A member",
                "--name-ur",
                "ایک رکن",
                "--about-en",
                "Sits in panels.",
                "--about-ur",
                "پینل میں بیٹھتا ہے۔",
            ];
            let head = [
                "member",
                "add",
                member,
                "--chamber",
                chamber,
                "--data",
                data,
            ];
            let added = run(head.iter().chain(&names));
            assert_eq!(added.code, Some(0), "{added:?}");
        }
        let made = run(["sign-in-link", "--data", data, "--delegate", member]);
        assert_eq!(made.code, Some(0), "{made:?}");
        let link = made
            .data
            .lines()
            .find_map(|it| it.strip_prefix("sign-in: "))
            .unwrap();
        let mut visitor = amanat.visitor("en");
        visitor.sign_in(link);
        visitor
    }

    /// Says that something is wrong, without an account.
    fn complain(visitor: &mut Visitor) {
        let token = visitor
            .open("/cases/new?about=test-home")
            .form("/cases/new");
        let token = token
            .fields
            .iter()
            .find(|it| it.0 == "form")
            .unwrap()
            .1
            .clone();
        let parts = [
            ("form", token.as_str()),
            ("about", "test-home"),
            ("kind", "device"),
            ("harm", "safety"),
            ("text", "The meter sparks."),
            ("contact", ""),
        ];
        let part = |(name, value): &(&str, &str)| {
            format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body: String = parts
            .iter()
            .map(part)
            .chain(["--xx--\r\n".to_owned()])
            .collect();
        let headers = [("content-type", "multipart/form-data; boundary=xx")];
        let filed = visitor.send("/cases/new", &headers, body.as_bytes());
        assert_eq!(filed.status, 200, "{}", filed.body);
        filed.shows(&["We have it: case 1"]);
    }

    /// Sends one of the forms of the case.
    #[track_caller]
    fn act(visitor: &mut Visitor, pairs: &[(&str, &str)]) -> crate::harness::Page {
        let form = visitor.open("/cases/1").form("/cases/1");
        let token = form
            .fields
            .iter()
            .find(|it| it.0 == "form")
            .unwrap()
            .clone();
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let form = Form {
            fields: [token].into_iter().chain(pairs).collect(),
            ..form
        };
        let page = visitor.submit(&form);
        assert_eq!(page.status, 200, "{}", page.body);
        page
    }

    #[test]
    fn en_2_a_complaint_is_decided_and_the_next_message_obeys_until_it_is_cured() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let message = br#"{"power":5}"#;
        assert_eq!(meter.publish(1, message).unwrap().reason(), 0);
        let mut power = delegate(&amanat, &house, "power-company", None);
        let mut panel = [
            ("city", "government"),
            ("university", "academia"),
            ("rights", "ngos"),
        ]
        .map(|(member, chamber)| delegate(&amanat, &house, member, Some(chamber)));
        let mut stranger = amanat.visitor("en");
        complain(&mut stranger);

        power
            .open("/cases")
            .shows(&["Cases that you answer", "Case 1"]);
        act(&mut power, &[("do", "answered"), ("text", "It does not.")]);
        act(
            &mut stranger,
            &[("do", "not-satisfied"), ("text", "It does, every night.")],
        )
        .shows(&["Before a panel"]);
        let [first, second, _] = &mut panel;
        let proposal = [
            ("do", "propose"),
            ("outcome", "upheld"),
            ("text", "The meter has to be exchanged."),
            ("sanction", "quarantine-things"),
            ("target", METER),
        ];
        act(first, &proposal).shows(&["1 of 3 agree"]);
        assert_eq!(
            meter.publish(2, message).unwrap().reason(),
            0,
            "nobody decides alone"
        );
        act(second, &[("do", "agree"), ("decision", "1")])
            .shows(&["Nothing of these devices is taken"]);

        let refused = meter.publish(3, message).unwrap();
        assert_eq!((refused.kind, refused.reason()), (Packet::PUBACK, 0x87));
        for (language, words) in [
            ("en", "A panel decided against this deployment"),
            ("ur", "ایک پینل نے اس تنصیب کے خلاف فیصلہ دیا"),
        ] {
            let mut anyone = amanat.visitor(language);
            anyone.open("/d/test-home").shows(&[words]);
            let case = anyone.open("/cases/1");
            assert!(!case.text().contains("sparks"), "{}", case.text());
        }
        let verified = run(["record", "verify", amanat.http()]);
        assert_eq!(verified.code, Some(0), "{verified:?}");

        act(&mut power, &[("do", "cured"), ("sanction", "1")]).shows(&["was cured on"]);
        act(first, &[("do", "lift"), ("sanction", "1")]);
        act(second, &[("do", "lift"), ("sanction", "1")]).shows(&["Lifted on"]);
        assert_eq!(meter.publish(4, message).unwrap().reason(), 0);
        stranger.open("/record").shows(&["Sanction lifted"]);
    }
}

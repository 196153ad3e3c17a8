//! Journey 4: the office suspends a licence; the next packet is refused, everybody can see it, and the record proves it.

mod slow {
    use std::fs;
    use std::path::{Path, PathBuf};

    use crate::harness::{Amanat, House, METER, Packet, Version, Visitor, Wire, publish, run};

    const REASON: &str = "smoke came out of a meter";

    /// Presses the office's button for a licence, with a reason.
    #[track_caller]
    fn decide(officer: &mut Visitor, act: &str, reason: &str) -> crate::harness::Page {
        let action = format!("/office/test-home/{act}");
        let mut form = officer.open("/office").form(&action);
        form.set("reason", reason);
        officer.submit_and_follow(&form)
    }

    fn session(amanat: &Amanat, house: &House, version: Version) -> Wire {
        Wire::session(amanat.mqtt(), version, METER, house.password(METER))
    }

    #[test]
    fn after_a_suspension_the_next_packet_of_a_thing_is_refused() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut v5 = session(&amanat, &house, Version::V5);
        let mut v3 = session(&amanat, &house, Version::V311);
        let message = br#"{"power":5}"#;
        assert_eq!(v5.publish(1, message).unwrap().reason(), 0);
        assert_eq!(v3.publish(1, message).unwrap().reason(), 0);
        let mut officer = amanat.visitor("en");
        officer.sign_in(&house.officer_link);
        decide(&mut officer, "suspend", REASON).shows(&["is suspended"]);

        let refused = v5.publish(2, message).unwrap();
        assert_eq!((refused.kind, refused.reason()), (Packet::PUBACK, 0x87));
        assert_eq!(
            v3.publish(2, message),
            None,
            "MQTT 3.1.1 must close without an acknowledgement"
        );
        let meter = house.client(amanat.mqtt(), "mqttv5", METER);
        let run = publish(&meter, "a/b", r#"{"power":6}"#);
        assert!(run.words.contains("Not authorized"), "{run:?}");
        let bearer = format!("Bearer {METER}:{}", house.password(METER));
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        assert_eq!(
            amanat
                .visitor("en")
                .send("/ingest/v1", &headers, message)
                .status,
            403
        );

        decide(&mut officer, "reinstate", "the meter was exchanged").shows(&["is in force again"]);
        assert_eq!(v5.publish(3, message).unwrap().reason(), 0);
        let mut resident = amanat.visitor("en");
        let page = resident.sign_in(&house.resident_link);
        assert_eq!(
            page.text().matches("Power in use: 5 W").count(),
            3,
            "{}",
            page.text()
        );
    }

    #[test]
    fn everybody_sees_a_suspension_and_nobody_else_can_make_one() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        assert_eq!(resident.get("/office").status, 404);
        let mut officer = amanat.visitor("en");
        officer.sign_in(&house.officer_link);
        let mut form = officer.open("/office").form("/office/test-home/suspend");
        form.set("reason", REASON);
        let elsewhere = crate::harness::Form {
            action: "/office/nope/suspend".to_owned(),
            ..form.clone()
        };
        assert_eq!(officer.submit(&elsewhere).status, 404);
        assert_eq!(resident.submit(&form).status, 404);
        assert!(matches!(
            amanat.visitor("en").submit(&form).status,
            403 | 404
        ));
        amanat
            .visitor("en")
            .open("/d/test-home")
            .shows(&["Licensed"]);

        let page = officer.submit(&crate::harness::Form {
            fields: form
                .fields
                .iter()
                .filter(|(it, _)| it != "reason")
                .cloned()
                .collect(),
            ..form.clone()
        });
        assert_eq!(page.status, 422);
        page.shows(&["Write a reason"]);
        officer
            .submit_and_follow(&form)
            .shows(&["is suspended", "Meter in the kitchen"]);
        let again = officer.submit(&form);
        assert_eq!(again.status, 409);

        for (language, state) in [("en", "Suspended"), ("ur", "معطل")] {
            let mut anyone = amanat.visitor(language);
            anyone.open("/d/test-home").shows(&[state, REASON]);
            anyone.open("/record").shows(&[REASON]);
            anyone.open("/").shows(&[state]);
        }
    }

    fn files(directory: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => found.extend(files(&path)),
                false => found.push(path),
            }
        }
        found
    }

    #[test]
    fn the_record_verifies_from_both_sides_and_not_after_one_byte_of_any_tile_has_changed() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut officer = amanat.visitor("en");
        officer.sign_in(&house.officer_link);
        decide(&mut officer, "suspend", REASON);
        let directory = house.directory.path();
        let online = run(["record", "verify", amanat.http()]);
        assert_eq!(online.code, Some(0), "{online:?}");
        let offline = run(["record".as_ref(), "verify".as_ref(), directory.as_os_str()]);
        assert_eq!(offline.code, Some(0), "{offline:?}");
        assert!(
            offline.data.starts_with("ok: ") && online.data == offline.data,
            "{offline:?}"
        );

        let tiles = files(&directory.join("record/tile"));
        assert!(tiles.len() >= 2, "{tiles:?}");
        for tile in tiles {
            let good = fs::read(&tile).unwrap();
            let mut bad = good.clone();
            let middle = bad.len() / 2;
            bad[middle] ^= 1;
            fs::write(&tile, &bad).unwrap();
            let found = run(["record".as_ref(), "verify".as_ref(), directory.as_os_str()]);
            assert_eq!(found.code, Some(1), "{} changed: {found:?}", tile.display());
            fs::write(&tile, good).unwrap();
        }
        let offline = run(["record".as_ref(), "verify".as_ref(), directory.as_os_str()]);
        assert_eq!(offline.code, Some(0), "{offline:?}");
    }
}

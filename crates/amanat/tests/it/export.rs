//! A person takes their data along, checks it, and brings it to another server.

mod slow {
    use std::path::Path;
    use std::process::Command;

    use crate::harness::{Amanat, House, METER, PATIENCE, Run, Version, Visitor, Wire, run};

    const PAGE: &str = "/me/export";
    /// Opens the file with a reader that is not ours, and lists what is in it.
    const UNZIP: &str = "import zipfile,sys\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                         z.extractall(sys.argv[2])\nprint('\\n'.join(z.namelist()))";

    /// Asks for everything in every form, and waits for the file; gives where it is.
    fn asked(resident: &mut Visitor) -> String {
        let mut form = resident.open(PAGE).form(PAGE);
        for (name, value) in [
            ("act", "make"),
            ("csv", "1"),
            ("senml", "1"),
            ("parquet", "1"),
        ] {
            form.fields.retain(|it| it.0 != name);
            form.fields.push((name.to_owned(), value.to_owned()));
        }
        let page = resident.submit_and_follow(&form);
        assert_eq!(page.status, 200, "{}", page.body);
        let mut link = None;
        testkit::wait_until("the file is ready", PATIENCE, || {
            let body = resident.open(PAGE).body;
            let rest = body.split_once(&format!("href=\"{PAGE}/"));
            link = rest.and_then(|(_, it)| Some(format!("{PAGE}/{}", it.split_once('"')?.0)));
            link.is_some()
        });
        link.unwrap()
    }

    /// Some bytes of the file.
    fn part(amanat: &Amanat, resident: &Visitor, path: &str, range: &str) -> (u16, Vec<u8>) {
        let cookies = resident.cookies.iter();
        let cookies: Vec<_> = cookies.map(|(name, it)| format!("{name}={it}")).collect();
        let answer = ureq::get(format!("{}{path}", amanat.http()))
            .header("cookie", cookies.join("; "))
            .header("range", range)
            .call();
        let mut answer = answer.unwrap();
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec();
        (answer.status().as_u16(), body.unwrap())
    }

    fn measure(house: &House, amanat: &Amanat) {
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        for number in 1..=20 {
            let payload = format!(r#"{{"power":{},"temperature":21.50}}"#, 1_000 + number);
            let taken = meter.publish(number, payload.as_bytes()).unwrap();
            assert_eq!(taken.reason(), 0);
        }
    }

    /// An account of a resident on a server, with a link to it.
    fn account(amanat: &Amanat, data: &str) -> (String, Visitor) {
        let made = run(["sign-in-link", "--data", data, "--new", "resident"]);
        let value = |name: &str| {
            let found = made.data.lines().find_map(|it| it.strip_prefix(name));
            found.unwrap().to_owned()
        };
        let (account, link) = (value("account: "), value("sign-in: "));
        let mut visitor = amanat.visitor("en");
        visitor.sign_in(link.strip_prefix(amanat.http()).unwrap());
        (account, visitor)
    }

    fn imported(file: &Path, person: &str, data: &str) -> Run {
        let file = file.display().to_string();
        run([
            "export", "import", &file, "--person", person, "--data", data,
        ])
    }

    #[test]
    fn gp_b4a_a_person_takes_their_data_along_and_brings_it_to_another_server() {
        let house = House::new();
        let amanat = house.serve(&[]);
        measure(&house, &amanat);
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        let path = asked(&mut resident);
        let (status, mut file) = part(&amanat, &resident, &path, "bytes=0-999");
        assert_eq!((status, file.len()), (206, 1_000));
        let (status, rest) = part(&amanat, &resident, &path, "bytes=1000-");
        assert_eq!(status, 206);
        file.extend(rest);
        let place = testkit::temp_dir();
        let zip = place.path().join("my-data.zip");
        std::fs::write(&zip, &file).unwrap();
        let path = zip.display().to_string();
        let key = resident.open("/record/log.vkey").body;
        let verified = run(["export", "verify", &path, "--key", &key]);
        assert_eq!(verified.code, Some(0), "{}", verified.words);
        assert!(verified.data.starts_with("ok: "), "{}", verified.data);
        let unpacked = place.path().join("unpacked");
        let listed = Command::new("python3")
            .args(["-c", UNZIP, &path, &unpacked.display().to_string()])
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&listed.stderr);
        assert!(listed.status.success(), "{words}");
        let names = String::from_utf8(listed.stdout).unwrap();
        for name in [
            "index.html",
            "index.ur.html",
            "readings.parquet",
            "readings/test-home/test-meter.jsonl",
            "manifest.sig",
        ] {
            assert!(names.lines().any(|it| it == name), "{name}: {names}");
        }
        let lines = unpacked.join("readings/test-home/test-meter.jsonl");
        let lines = std::fs::read_to_string(lines).unwrap();
        assert!(lines.contains("\"power\":1020"), "{lines}");
        brought(&zip, lines.lines().count());
        let mut damaged = file.clone();
        damaged[700] ^= 1;
        std::fs::write(&zip, &damaged).unwrap();
        let refused = run(["export", "verify", &path]);
        assert_eq!(refused.code, Some(1), "{}", refused.data);
    }

    /// To another server, twice; the second time nothing is new.
    fn brought(zip: &Path, count: usize) {
        let other = House::new();
        let data = other.directory.path().display().to_string();
        let amanat = other.serve(&[]);
        let (person, mut visitor) = account(&amanat, &data);
        let first = imported(zip, &person, &data);
        assert_eq!(first.code, Some(0), "{}", first.words);
        let expected = format!("readings: {count} in the file, {count} brought back");
        assert!(first.data.starts_with(&expected), "{}", first.data);
        visitor.open("/me").shows(&["Power in use: 1020 W"]);
        visitor
            .open("/me/safety/events")
            .shows(&["brought a file of your data back into this account"]);
        let again = imported(zip, &person, &data);
        let expected = format!("here already: {count}");
        assert!(again.data.contains(&expected), "{}", again.data);
        let nobody = imported(zip, "p-nobody", &data);
        assert_eq!(nobody.code, Some(1), "{}", nobody.data);
        assert!(nobody.words.contains("no account"), "{}", nobody.words);
    }
}

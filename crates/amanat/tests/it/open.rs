//! `amanat open`: a person opens what is sealed to their key, without a server.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const QUANTUM_FILE: &[u8] = include_bytes!("../../../vault/tests/vectors/own/pq.age");
const QUANTUM_SECRET: &str = include_str!("../../../vault/tests/vectors/own/pq.id");

fn open(place: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_amanat"))
        .arg("open")
        .args(arguments)
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A text that is sealed in letters, as a person gets it to show that a key is theirs.
fn sealed(text: &str) -> String {
    let key = vault::OwnKey::from_kept(PUBLIC).unwrap();
    let keys = vault::OwnKeys::new(vec![key]).unwrap();
    keys.seal_text(text).unwrap()
}

#[test]
fn gp_b2_a_file_opens_with_the_key_it_is_sealed_to_and_with_no_other() {
    let place = testkit::temp_dir();
    let place = place.path();
    std::fs::write(place.join("key.txt"), format!("# mine\n{SECRET}\n")).unwrap();
    std::fs::write(place.join("pq.txt"), QUANTUM_SECRET).unwrap();
    std::fs::write(place.join("day.age"), sealed("{\"power\":1}\n")).unwrap();
    std::fs::write(place.join("pq.age"), QUANTUM_FILE).unwrap();
    let done = open(place, &["day.age", "--identity", "key.txt"], "");
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(done.stdout, b"{\"power\":1}\n");
    let done = open(place, &["pq.age", "--identity", "pq.txt"], "");
    assert_eq!(done.stdout, b"read by Amanat\n", "{}", said(&done));
    let other = open(place, &["pq.age", "--identity", "key.txt"], "");
    assert_eq!(other.status.code(), Some(1), "{}", said(&other));
    assert!(
        said(&other).contains("sealed to other keys"),
        "{}",
        said(&other)
    );
    assert!(other.stdout.is_empty());
}

#[test]
fn gp_b2_what_is_no_key_or_no_sealed_file_is_said_without_repeating_it() {
    let place = testkit::temp_dir();
    let place = place.path();
    std::fs::write(place.join("key.txt"), "not a key at all").unwrap();
    std::fs::write(place.join("good.txt"), SECRET).unwrap();
    std::fs::write(place.join("day.age"), "nothing").unwrap();
    let done = open(place, &["day.age", "--identity", "key.txt"], "");
    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
    assert!(said(&done).contains("line 1") && !said(&done).contains("not a key at all"));
    let done = open(place, &["day.age", "--identity", "good.txt"], "");
    assert_eq!(done.status.code(), Some(1));
    assert!(said(&done).contains("no age file"), "{}", said(&done));
    let done = open(place, &["gone.age", "--identity", "good.txt"], "");
    assert_eq!(done.status.code(), Some(3));
}

mod slow {
    use super::*;

    fn run(place: &Path, program: &str, arguments: &[&str]) {
        let done = Command::new(program)
            .args(arguments)
            .current_dir(place)
            .output()
            .unwrap_or_else(|err| panic!("`{program}` is missing, run `cargo xtask setup`: {err}"));
        assert!(done.status.success(), "{}", said(&done));
    }

    #[test]
    fn gp_b2_an_ssh_key_with_a_passphrase_opens_when_the_passphrase_is_given() {
        let place = testkit::temp_dir();
        let place = place.path();
        let make = [
            "-q",
            "-t",
            "ed25519",
            "-N",
            "four words of mine",
            "-f",
            "id",
        ];
        run(place, "ssh-keygen", &make);
        std::fs::write(place.join("plain"), "{\"power\":1}\n").unwrap();
        run(place, "age", &["-R", "id.pub", "-o", "day.age", "plain"]);
        let locked = open(place, &["day.age", "--identity", "id"], "");
        assert_eq!(locked.status.code(), Some(3));
        assert!(
            said(&locked).contains("--passphrase-file"),
            "{}",
            said(&locked)
        );
        let arguments = ["day.age", "--identity", "id", "--passphrase-file", "-"];
        let done = open(place, &arguments, "four words of mine\n");
        assert_eq!(done.stdout, b"{\"power\":1}\n", "{}", said(&done));
        let wrong = open(place, &arguments, "five words\n");
        assert_eq!(wrong.status.code(), Some(3), "{}", said(&wrong));
    }

    use std::io::Read as _;

    use custody::{Custody, CustodyOptions, OwnIdentities, OwnKeyState, WordSaid};
    use model::Timestamp;
    use store::Db;

    use crate::harness::{
        Amanat, Browser, House, METER, PATIENCE, Scripts, Version, Viewport, Visitor, Wire,
        run as amanat,
    };

    const DAY_MS: i64 = 86_400_000;
    const PAGE: &str = "/me/export";
    const HISTORY: &str = "/receive/v1/history?purpose=energy-advice&deployment=test-home";

    fn word_in(challenge: &str) -> String {
        let identities = OwnIdentities::read(SECRET.as_bytes(), &mut || None).unwrap();
        let mut word = String::new();
        let mut reader = identities.open(challenge.as_bytes()).unwrap();
        reader.read_to_string(&mut word).unwrap();
        word
    }

    /// The resident brings a key, and the day that is today is sealed to it: the clock is two days ahead for that.
    fn seal_today(house: &House) {
        let db = Db::open(&house.database).unwrap();
        let options = CustodyOptions {
            directory: house.directory.path().to_owned(),
            record_origin: "record.example/test".to_owned(),
        };
        let custody = Custody::open(&options, db).unwrap();
        let (resident, now) = (
            &house.resident,
            Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
        );
        custody.add_own_key(resident, PUBLIC, false, now).unwrap();
        let key = custody.own_keys(resident, now).unwrap().keys.remove(0);
        let OwnKeyState::Asked { challenge } = key.state else {
            panic!("{:?}", key.state);
        };
        let said = custody.prove_own_key(resident, &key.id, &word_in(&challenge), now);
        assert_eq!(said.unwrap(), WordSaid::Right);
        custody.begin_sealing(resident, true, true, now).unwrap();
        custody.tick(now.plus_millis(2 * DAY_MS)).unwrap();
        let sealed = custody.own_keys(resident, now).unwrap().sealed;
        assert!(sealed.readings > 0, "{sealed:?}");
        custody.close().unwrap();
    }

    fn measured() -> House {
        let house = House::settled(&testkit::sqlite());
        let amanat = house.serve(&[]);
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        for number in 1..=5 {
            let payload = format!(r#"{{"power":{},"temperature":21.50}}"#, 1_000 + number);
            assert_eq!(
                meter.publish(number, payload.as_bytes()).unwrap().reason(),
                0
            );
        }
        drop(meter);
        drop(amanat);
        house
    }

    /// Signs in again, for the first link was meant for the first server.
    fn resident(house: &House, amanat: &Amanat) -> Visitor {
        let data = house.directory.path().display().to_string();
        let made = amanat_link(&data, house.resident.as_str());
        let mut visitor = amanat.visitor("en");
        visitor.sign_in(made.strip_prefix(amanat.http()).unwrap());
        visitor
    }

    fn amanat_link(data: &str, account: &str) -> String {
        let made = amanat(["sign-in-link", account, "--data", data]);
        let link = made
            .data
            .lines()
            .find_map(|it| it.strip_prefix("sign-in: "));
        link.unwrap_or_else(|| panic!("{}{}", made.data, made.words))
            .to_owned()
    }

    fn bytes_of(amanat: &Amanat, visitor: &Visitor, path: &str) -> Vec<u8> {
        let cookies = visitor.cookies.iter();
        let cookies: Vec<_> = cookies.map(|(name, it)| format!("{name}={it}")).collect();
        let answer = ureq::get(format!("{}{path}", amanat.http()))
            .header("cookie", cookies.join("; "))
            .call();
        let mut answer = answer.unwrap();
        answer
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_vec()
            .unwrap()
    }

    fn after<'a>(text: &'a str, begin: &str) -> Option<&'a str> {
        Some(text.split_once(begin)?.1.split_once('"')?.0)
    }

    /// The export of everything, as the person downloads it.
    fn exported(amanat: &Amanat, resident: &mut Visitor) -> Vec<u8> {
        let mut form = resident.open(PAGE).form(PAGE);
        form.fields.retain(|it| it.0 != "act");
        form.fields.push(("act".to_owned(), "make".to_owned()));
        assert_eq!(resident.submit_and_follow(&form).status, 200);
        let mut path = None;
        testkit::wait_until("the file is ready", PATIENCE, || {
            let body = resident.open(PAGE).body;
            path = after(&body, &format!("href=\"{PAGE}/")).map(|it| format!("{PAGE}/{it}"));
            path.is_some()
        });
        bytes_of(amanat, resident, &path.unwrap())
    }

    #[test]
    fn gp_b2_an_export_with_sealed_days_opens_with_the_persons_key_and_here_nobody_reads_them() {
        let house = measured();
        seal_today(&house);
        let amanat = house.serve(&[]);
        let mut resident = resident(&house, &amanat);
        resident
            .open("/me")
            .shows(&["can be opened by you only. We cannot read this."]);
        assert!(!resident.open("/me").body.contains("1005 W"));
        let history = ureq::get(format!("{}{HISTORY}", amanat.http()))
            .header(
                "authorization",
                &format!("Bearer adviser:{}", house.password("adviser")),
            )
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap();
        let expected = "{\"readings\":[],\"sealed_before\":\"20";
        assert!(history.starts_with(expected), "{history}");

        let zip = exported(&amanat, &mut resident);
        let place = testkit::temp_dir();
        let place = place.path();
        std::fs::write(place.join("my-data.zip"), &zip).unwrap();
        std::fs::write(place.join("key.txt"), SECRET).unwrap();
        std::fs::write(place.join("other.txt"), QUANTUM_SECRET).unwrap();
        let done = open(place, &["my-data.zip", "--identity", "key.txt"], "");
        assert!(done.status.success(), "{}", said(&done));
        let text = String::from_utf8(done.stdout).unwrap();
        for power in 1_001..=1_005 {
            assert!(
                text.contains(&format!("\"power\":{power}")),
                "{power}: {text}"
            );
        }
        let other = open(place, &["my-data.zip", "--identity", "other.txt"], "");
        assert_eq!(other.status.code(), Some(1), "{}", said(&other));
        assert!(
            said(&other).contains("opens with this key"),
            "{}",
            said(&other)
        );
        assert!(other.stdout.is_empty());
    }

    const FILL: &str = "
        const [bytes, key] = arguments, all = new DataTransfer();
        all.items.add(new File([Uint8Array.from(atob(bytes), it => it.charCodeAt(0))], 'day.age'));
        document.querySelector('#file').files = all.files;
        document.querySelector('#key').value = key;";
    const SHOWN: &str = "return document.querySelector('output').textContent;";
    const LINES: &str = "return document.querySelector('pre').textContent;";
    /// Everything that the page asked for, and what it keeps. The icon is fetched by the browser, when it pleases.
    const LEFT: &str = "
        return {
            asked: performance.getEntriesByType('resource').map(it => it.name).filter(it => !it.startsWith('blob:') && !it.includes('/static/icon.')),
            kept: localStorage.length + sessionStorage.length
        };";
    const BROKEN: &str = "
        const done = arguments[arguments.length - 1];
        let said = '';
        document.addEventListener('securitypolicyviolation', it => said += it.effectiveDirective);
        fetch(location.href).then(() => done('it reached out'), () => setTimeout(() => done(said), 200));";

    #[test]
    fn gp_b2_a_sealed_file_is_opened_in_the_browser_without_the_server_and_without_a_word_to_it() {
        let house = measured();
        seal_today(&house);
        let amanat = house.serve(&[]);
        let mut resident = resident(&house, &amanat);
        let list = resident.open("/me/sealed").body;
        let file = after(&list, "href=\"/me/sealed/").unwrap();
        let sealed = bytes_of(&amanat, &resident, &format!("/me/sealed/{file}"));
        assert!(sealed.starts_with(b"age-encryption.org/v1\n"));
        let sealed = data_encoding::BASE64.encode(&sealed);

        let browser = Browser::start("en", Scripts::On);
        browser.resize(Viewport::PHONE);
        browser.open(&format!("{}/open", amanat.http()));
        let before = browser.run(LEFT, serde_json::json!([]));
        assert_eq!(browser.run_async(BROKEN), serde_json::json!("connect-src"));
        // From here on there is no server.
        drop(amanat);
        for (key, expected) in [
            (SECRET, "readings. The first 50 stand below."),
            ("wrong", "no age secret key"),
        ] {
            browser.run(FILL, serde_json::json!([sealed, key]));
            browser.press("fieldset[data-open] button");
            testkit::wait_until("the page says what became of it", PATIENCE, || {
                let said = browser.run(SHOWN, serde_json::json!([]));
                said.as_str().unwrap().contains(expected)
            });
            if key == SECRET {
                let lines = browser.run(LINES, serde_json::json!([]));
                assert!(
                    lines.as_str().unwrap().contains("\"power\":1005"),
                    "{lines}"
                );
            }
        }
        let left = browser.run(LEFT, serde_json::json!([]));
        assert_eq!(left["asked"], before["asked"]);
        assert_eq!(left["kept"], 0);
    }
}

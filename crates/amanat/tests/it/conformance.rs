//! The interoperability tests of Eclipse Paho (`conformance/paho`), each against a deployment of its own, some at once.
//!
//! They wait by the clock and expect what they wait for to be there, so nothing else runs beside them
//! (`.config/nextest.toml`), and one that fails may try again, alone, at most three times in all.
//!
//! Their clients publish and subscribe on the same connection, so each is a bridge and a recipient in one, and names its
//! purpose in its user name. Each of their topics is a device, of the dialect `value`. Nothing is let through undecided:
//! what passes is declared, licensed and granted like everything else.

mod slow {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Command;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use alliance::{Actor, Alliance, Joining, Member, Office};
    use custody::{Custody, CustodyOptions, Identity, NativeTopic, NewThing};
    use model::{
        BridgeId, Chamber, DeploymentId, Grant, MemberId, PurposeId, RecipientId, Text, ThingId,
        Timestamp,
    };
    use serde_json::Value;
    use store::Db;

    use crate::harness::serve;

    const NOTICE: &str = include_str!("conformance.toml");
    /// What came out, one line a test; `cargo xtask test` fails when it differs.
    const RESULTS: &str = include_str!("../../../../conformance/paho/results.txt");
    /// The topics of both suites. The one that begins with `$` is registered by nobody.
    const TOPICS: [&str; 6] = [
        "TopicA",
        "TopicA/B",
        "Topic/C",
        "TopicA/C",
        "/TopicA",
        "client_test5/x",
    ];
    const PURPOSE: &str = "testing";
    /// How long one of their tests may take, in seconds. The slowest waits 15 for a keep-alive.
    const LIMIT_S: &str = "150";
    /// How many of their tests run at once: most of the time they sleep.
    const AT_ONCE: usize = 6;
    /// How often a test may run.
    const TRIES: usize = 3;

    /// One test of a suite, and who its clients are.
    struct Case {
        suite: String,
        test: String,
        user: String,
        password: String,
    }

    /// The lines `SUITE TEST OUTCOME` of the checked-in results.
    fn expected() -> Vec<(String, String, String)> {
        let lines = RESULTS
            .lines()
            .filter(|it| !it.starts_with('#') && !it.is_empty());
        lines
            .map(|line| {
                let mut words = line.split_whitespace().map(str::to_owned);
                let mut next = || words.next().unwrap();
                (next(), next(), next())
            })
            .collect()
    }

    fn text(text: &str) -> Text {
        Text {
            en: text.to_owned(),
            ur: text.to_owned(),
        }
    }

    /// Registers a deployment whose things are the topics, and one credential for both sides of it.
    fn prepare(alliance: &Alliance, number: usize, now: Timestamp) -> (String, String) {
        let by = Actor::Operator;
        let deployment = DeploymentId::parse(&format!("paho-{number}")).unwrap();
        let recipient = RecipientId::parse(&format!("client-{number}")).unwrap();
        let bridge = BridgeId::parse(&format!("hub-{number}")).unwrap();
        let notice = NOTICE
            .replace("DEPLOYMENT", deployment.as_str())
            .replace("RECIPIENT", recipient.as_str());
        alliance.publish_notice(&by, &notice, now).unwrap();
        alliance
            .issue_licence(&by, &deployment, None, "to be tested", now)
            .unwrap();
        alliance.register_recipient(&by, &recipient, now).unwrap();
        let grant = Grant {
            recipient: recipient.clone(),
            purpose: PurposeId::parse(PURPOSE).unwrap(),
            deployment: deployment.clone(),
            valid_from: now,
            valid_until: None,
        };
        alliance.grant(&by, &grant, now).unwrap();
        let token = alliance
            .register_bridge(&by, &bridge, &deployment, "value", now)
            .unwrap();
        let joining: Vec<_> = (0..)
            .zip(TOPICS)
            .map(|(place, topic)| Joining {
                thing: NewThing {
                    id: ThingId::parse(&format!("topic-{number}-{place}")).unwrap(),
                    topic: Some(NativeTopic::parse(topic).unwrap()),
                    adapter: Some("value".into()),
                },
                names: vec![(bridge.clone(), topic.to_owned())],
            })
            .collect();
        alliance.bring_in(&by, &joining, &deployment, now).unwrap();
        alliance
            .tie(
                &by,
                &Identity::Bridge(bridge.clone()),
                Some(&recipient),
                now,
            )
            .unwrap();
        let user = format!("{bridge}?purpose={PURPOSE}");
        (user, token.expose_secret().to_owned())
    }

    /// Runs one of their tests and gives what came out, with all that it said where that is not `passed`.
    fn run(case: &Case, host: &str, port: &str) -> (String, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/paho");
        let output = Command::new("timeout")
            .args([LIMIT_S, "python3", "run.py", &case.suite, host, port])
            .args([&case.user, &case.password, &case.test])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let outcome = said.lines().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line.get("outcome")?.as_str()?.to_owned())
        });
        let said = said + &String::from_utf8_lossy(&output.stderr);
        (outcome.unwrap_or_else(|| "unfinished".to_owned()), said)
    }

    /// Runs all of them, some at once, and gives what came out in their order.
    fn run_all(cases: &[Case], host: &str, port: &str) -> BTreeMap<usize, (String, String)> {
        let next = AtomicUsize::new(0);
        let outcomes: Mutex<BTreeMap<usize, (String, String)>> = Mutex::default();
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::SeqCst);
                        let Some(case) = cases.get(place) else { break };
                        let outcome = run(case, host, port);
                        outcomes.lock().unwrap().insert(place, outcome);
                    }
                });
            }
        });
        outcomes.into_inner().unwrap()
    }

    #[test]
    fn the_interoperability_tests_of_eclipse_paho_come_out_as_they_are_listed() {
        let directory = testkit::temp_dir();
        let database = testkit::sqlite();
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let db = Db::open(&database).unwrap();
        let options = CustodyOptions {
            directory: directory.path().to_owned(),
            record_origin: "record.example/test".to_owned(),
        };
        let custody = Custody::open(&options, db.clone()).unwrap();
        let alliance = Alliance::open(custody.clone(), db).unwrap();
        let member = Member {
            id: MemberId::parse("testers").unwrap(),
            chamber: Chamber::Vendors,
            name: text("Testers"),
            about: text("Test."),
            joined_at: now,
        };
        alliance.register_member(&Actor::Operator, &member).unwrap();
        alliance
            .create_account(&Actor::Operator, Office::Licensing, now)
            .unwrap();
        let expected = expected();
        let cases: Vec<_> = (0..)
            .zip(&expected)
            .map(|(number, (suite, test, _))| {
                let (user, password) = prepare(&alliance, number, now);
                Case {
                    suite: suite.clone(),
                    test: test.clone(),
                    user,
                    password,
                }
            })
            .collect();
        drop(alliance);
        custody.close().unwrap();

        let server = serve(
            directory.path(),
            &database,
            // What one of their tests asks for, and no more unreleased QoS 2 publishes than another sends.
            &["limits.keep-alive-s=60", "limits.pending-acks=100"],
        );
        let address = server.mqtt();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let outcomes = run_all(&cases, &host, &port);
        let mut differing = String::new();
        for ((case, (_, _, wanted)), (_, first)) in cases.iter().zip(&expected).zip(outcomes) {
            let (mut outcome, mut said) = first;
            for _ in 1..TRIES {
                if outcome != *wanted {
                    (outcome, said) = run(case, &host, &port);
                }
            }
            if outcome != *wanted {
                differing += &format!(
                    "\n{} {}: {outcome}, listed as {wanted}\n{said}\n",
                    case.suite, case.test
                );
            }
        }
        assert!(differing.is_empty(), "{differing}");
    }
}

//! What the suites share: deployments whose devices are topics, and running many tests at once.

mod mosquitto;
#[cfg(feature = "paho-suite")]
mod paho;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io::Write, thread};

use alliance::{Actor, Alliance, Joining, Member, Office};
use custody::{Custody, CustodyOptions, Identity, NativeTopic, NewThing};
use model::{
    BridgeId, Chamber, DeploymentId, Grant, MemberId, PurposeId, RecipientId, Text, ThingId,
    Timestamp,
};
use serde_json::Value;
use store::Db;
use tempfile::TempDir;

use crate::harness::{Amanat, serve};

const NOTICE: &str = include_str!("topics.toml");
const PURPOSE: &str = "testing";
/// How many tests run at once: most of the time they sleep.
const AT_ONCE: usize = 6;

/// The data directory before the server starts.
struct World {
    directory: TempDir,
    database: String,
    custody: Custody,
    alliance: Alliance,
    now: Timestamp,
}

/// Who a client of a suite is.
struct Client {
    user: String,
    password: String,
}

/// What came of a test.
struct Outcome {
    /// `passed`, or another word.
    word: String,
    /// All that was said.
    said: String,
}

fn text(text: &str) -> Text {
    Text {
        en: text.to_owned(),
        ur: text.to_owned(),
    }
}

impl World {
    fn new() -> Self {
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
        Self {
            directory,
            database,
            custody,
            alliance,
            now,
        }
    }

    /// Registers a deployment whose things are the topics, with values of one kind, and one credential for both sides of it.
    fn prepare(&self, name: &str, kind: &str, topics: &[&str]) -> Client {
        let by = Actor::Operator;
        let deployment = DeploymentId::parse(name).unwrap();
        let recipient = RecipientId::parse(&format!("client-{name}")).unwrap();
        let bridge = BridgeId::parse(&format!("hub-{name}")).unwrap();
        let notice = NOTICE
            .replace("DEPLOYMENT", deployment.as_str())
            .replace("RECIPIENT", recipient.as_str())
            .replace("KIND", kind);
        let (alliance, now) = (&self.alliance, self.now);
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
            .zip(topics)
            .map(|(place, topic)| Joining {
                thing: NewThing {
                    id: ThingId::parse(&format!("topic-{name}-{place}")).unwrap(),
                    topic: Some(NativeTopic::parse(topic).unwrap()),
                    adapter: Some("value".into()),
                },
                names: vec![(bridge.clone(), (*topic).to_owned())],
            })
            .collect();
        alliance.bring_in(&by, &joining, &deployment, now).unwrap();
        let both = Identity::Bridge(bridge.clone());
        alliance.tie(&by, &both, Some(&recipient), now).unwrap();
        Client {
            user: format!("{bridge}?purpose={PURPOSE}"),
            password: token.expose_secret().to_owned(),
        }
    }

    /// Starts the server; the directory lasts as long as what is given beside it.
    fn serve(self, settings: &[&str]) -> (Amanat, TempDir) {
        drop(self.alliance);
        self.custody.close().unwrap();
        let server = serve(self.directory.path(), &self.database, settings);
        (server, self.directory)
    }
}

/// The lines of a checked-in list, without what says what they are.
fn lines(list: &str) -> impl Iterator<Item = &str> {
    list.lines()
        .filter(|it| !it.starts_with('#') && !it.is_empty())
}

fn folder(suite: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    all.join(suite)
}

/// Runs `run.py` of a suite with some input; what it says is one line of JSON among others.
fn python(suite: &str, limit_s: u32, arguments: &[&str], input: &str) -> Outcome {
    let mut child = Command::new("timeout")
        .args([&limit_s.to_string(), "python3", "run.py"])
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder(suite))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = said.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        Some(line.get("outcome")?.as_str()?.to_owned())
    });
    Outcome {
        word: word.unwrap_or_else(|| "unfinished".to_owned()),
        said: said + &String::from_utf8_lossy(&output.stderr),
    }
}

/// Runs all of them, some at once, and gives what came out in their order.
fn run_all<T: Sync>(cases: &[T], run: impl Fn(&T) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::SeqCst);
                    let Some(case) = cases.get(place) else { break };
                    let outcome = run(case);
                    outcomes.lock().unwrap().push((place, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|it| it.0);
    outcomes.into_iter().map(|it| it.1).collect()
}

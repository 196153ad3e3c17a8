//! The sandbox of codecs, with its real processes.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use codec::wire::{self, Answer, Call, Question, Refusal};
use gateway::codecs::{CodecError, CodecOptions, Codecs, KEPT_WORKERS};
use gateway::{Counter, Counters};
use model::DeploymentId;

use crate::harness::{Client, HOME, HOME_NOTICE, House, METER, Run, publish, run};

/// Stays in one built-in function for minutes, where no work is counted.
const STUCK: &str = "function decodeUplink() { 'a'.repeat(5e6).indexOf('a'.repeat(2.5e6) + 'b'); }";
const FINE: &str = "function decodeUplink(input) { return {data: {n: input.bytes[0]}}; }";

fn pool(workers: usize) -> (Arc<Codecs>, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let options = CodecOptions {
        program: env!("CARGO_BIN_EXE_amanat").into(),
        arguments: vec!["codec-worker".to_owned()],
        workers,
    };
    (Codecs::new(options, Arc::clone(&counters)), counters)
}

fn uplink(byte: u8) -> Call<'static> {
    Call::DecodeUplink {
        bytes: vec![byte].into(),
        f_port: 1,
        received_at: None,
    }
}

fn deployment(name: &str) -> DeploymentId {
    DeploymentId::parse(name).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_codec_that_is_stuck_is_ended_and_rests_while_others_are_served() {
    block_on(async {
        let (codecs, counters) = pool(2);
        let (bad, good) = (deployment("bad"), deployment("good"));
        let warm = codecs.ask(&bad, FINE, uplink(1)).await;
        assert_eq!(warm.as_deref(), Ok(r#"{"n":1}"#));

        let stuck: Vec<_> = (0..4)
            .map(|_| {
                let (codecs, bad) = (Arc::clone(&codecs), bad.clone());
                tokio::spawn(async move { codecs.ask(&bad, STUCK, uplink(1)).await })
            })
            .collect();
        for byte in 0..100 {
            let answer = codecs.ask(&good, FINE, uplink(byte)).await;
            assert_eq!(answer, Ok(format!(r#"{{"n":{byte}}}"#)));
        }
        let mut outcomes = Vec::new();
        for it in stuck {
            outcomes.push(it.await.unwrap().unwrap_err());
        }
        // Any of the four may have come first: that one was ended, the others found it resting.
        let of = |error: &CodecError| outcomes.iter().filter(|it| *it == error).count();
        assert_eq!(of(&CodecError::Ended), 1, "{outcomes:?}");
        assert_eq!(of(&CodecError::Resting), 3, "{outcomes:?}");
        assert!(CodecError::Resting.is_passing() && !CodecError::Ended.is_passing());

        // The place of the worker that was ended is free again.
        let other = deployment("other");
        let answer = codecs.ask(&other, FINE, uplink(7)).await;
        assert_eq!(answer.as_deref(), Ok(r#"{"n":7}"#));
        assert_eq!(counters.value(Counter::CodecWorkersEnded), 1);
        assert_eq!(counters.value(Counter::CodecFailures), 4);
        assert_eq!(counters.value(Counter::CodecAnswers), 102);
    });
}

#[test]
fn nothing_is_left_in_a_worker_for_the_next_message() {
    block_on(async {
        let (codecs, _) = pool(1);
        let spoil = "Object.prototype.data = {stolen: 1}; globalThis.kept = 'secret'; \
                     function decodeUplink() { return {data: {}}; }";
        let spoilt = codecs.ask(&deployment("one"), spoil, uplink(1)).await;
        assert_eq!(spoilt.as_deref(), Ok("{}"));
        let look = "function decodeUplink() { return {data: {kept: typeof kept, data: typeof ({}).data}}; }";
        for whose in ["one", "two"] {
            let found = codecs.ask(&deployment(whose), look, uplink(1)).await;
            assert_eq!(
                found.as_deref(),
                Ok(r#"{"kept":"undefined","data":"undefined"}"#)
            );
        }
    });
}

/// The processes that this one, which runs no other test, has started.
fn children() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of_one = |task: std::fs::DirEntry| {
        let children = std::fs::read_to_string(task.path().join("children"));
        children.unwrap_or_default().split_whitespace().count()
    };
    tasks.filter_map(Result::ok).map(of_one).sum()
}

#[test]
fn a_worker_serves_one_deployment_and_not_too_many_are_kept() {
    block_on(async {
        let (codecs, _) = pool(1);
        for number in 0..KEPT_WORKERS {
            for _ in 0..2 {
                let home = deployment(&format!("home-{number}"));
                let answer = codecs.ask(&home, FINE, uplink(1)).await;
                assert_eq!(answer.as_deref(), Ok(r#"{"n":1}"#));
            }
            assert_eq!(children(), number + 1, "one worker for each deployment");
        }
        let answer = codecs.ask(&deployment("more"), FINE, uplink(1)).await;
        assert_eq!(answer.as_deref(), Ok(r#"{"n":1}"#));
        for _ in 0..200 {
            if children() == KEPT_WORKERS {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} workers are kept", children());
    });
}

#[test]
fn limits_of_the_engine_are_refusals_and_the_worker_goes_on() {
    block_on(async {
        let (codecs, counters) = pool(1);
        let home = deployment("home");
        for (body, refusal) in [
            ("for (;;) {}", Refusal::TooLong),
            ("/(a+)+b/.test('a'.repeat(40));", Refusal::TooLong),
            (
                "const s = []; for (;;) s.push('x'.repeat(100000));",
                Refusal::TooMuchMemory,
            ),
            ("const f = () => f() + 1; f();", Refusal::Threw),
            ("return {data: {s: 'x'.repeat(100000)}};", Refusal::TooLarge),
        ] {
            let source = format!("function decodeUplink() {{ {body} }}");
            let answer = codecs.ask(&home, &source, uplink(1)).await;
            assert_eq!(answer, Err(CodecError::Refused(refusal)), "{body}");
        }
        let answer = codecs.ask(&home, FINE, uplink(3)).await;
        assert_eq!(answer.as_deref(), Ok(r#"{"n":3}"#));
        assert_eq!(counters.value(Counter::CodecWorkersEnded), 0);
    });
}

#[test]
fn a_worker_that_cannot_be_started_is_said() {
    block_on(async {
        for program in ["/nowhere/amanat", "/bin/true"] {
            let options = CodecOptions {
                program: program.into(),
                arguments: Vec::new(),
                workers: 1,
            };
            let codecs = Codecs::new(options, Arc::new(Counters::default()));
            let answer = codecs.ask(&deployment("home"), FINE, uplink(1)).await;
            assert_eq!(answer, Err(CodecError::Unavailable), "{program}");
        }
    });
}

struct Worker(Child);

impl Worker {
    fn start() -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_amanat"))
            .arg("codec-worker")
            .env("AMANAT_SECRET", "should not matter")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn ask(&mut self, source: &str) -> Answer {
        let question = Question {
            source: source.into(),
            call: uplink(1),
        };
        wire::write(self.0.stdin.as_mut().unwrap(), &question).unwrap();
        let answer = wire::read(self.0.stdout.as_mut().unwrap())
            .unwrap()
            .unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A worker has given up what it does not need before it reads its first question.
#[test]
fn a_worker_is_confined() {
    let mut worker = Worker::start();
    assert_eq!(worker.ask(FINE), Answer::Data(r#"{"n":1}"#.to_owned()));
    let status = worker.file("status");
    let line = |name: &str| {
        let line = status.lines().find(|it| it.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(line("Seccomp:"), "2", "a filter of system calls");
    assert_eq!(line("NoNewPrivs:"), "1");
    assert_eq!(line("Threads:"), "1");
    let limits = worker.file("limits");
    for (name, limit) in [
        ("Max open files", "0"),
        ("Max processes", "0"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max address space", "536870912"),
    ] {
        let line = limits.lines().find(|it| it.starts_with(name)).unwrap();
        let mut values = line[name.len()..].split_whitespace();
        assert_eq!(values.next(), Some(limit), "{name}");
        assert_eq!(values.next(), Some(limit), "{name}");
    }
    drop(worker.0.stdin.take());
    assert!(worker.0.wait().unwrap().success());
}

#[test]
fn what_is_no_question_ends_a_worker() {
    for bytes in [
        &b"\x02\0\0\0{}"[..],
        b"\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut worker = Worker::start();
        use std::io::Write as _;
        worker.0.stdin.as_mut().unwrap().write_all(bytes).unwrap();
        drop(worker.0.stdin.take());
        assert!(!worker.0.wait().unwrap().success(), "{bytes:?}");
    }
}

#[test]
fn a_codec_can_be_tried_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("codec.js");
    let tried = |source: &str, arguments: &[&str]| {
        std::fs::write(&file, source).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_amanat"))
            .args(["codec", "try"])
            .arg(&file)
            .args(arguments)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, out, _) = tried(FINE, &["--bytes", "2aFF", "--port", "3"]);
    assert_eq!((code, out.as_str()), (0, "{\"n\":42}\n"));
    let general = "const decode = (it) => ({data: {t: it.topic}})";
    let (code, out, _) = tried(general, &["--bytes", "", "--topic", "a/b"]);
    assert_eq!((code, out.as_str()), (0, "{\"t\":\"a/b\"}\n"));
    let (code, out, err) = tried("function decodeUplink() { null.x }", &["--bytes", "00"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("threw an error") && err.contains("null"),
        "{err}"
    );
}

/// How many messages a second one worker reads: a figure to look at, with a floor that only a broken pool misses.
#[test]
fn a_pool_is_quick_enough_for_a_network_server() {
    block_on(async {
        let (codecs, _) = pool(2);
        let home = deployment("home");
        let answers = tokio::time::timeout(Duration::from_secs(20), async {
            for byte in 0..200 {
                codecs.ask(&home, FINE, uplink(byte)).await.unwrap();
            }
        });
        assert!(answers.await.is_ok());
    });
}

const NETWORK_SERVER: &str = "lorawan-1";
const DEVICE: &str = "70b3d57ed0001234";
const UP: &str =
    "application/3f1c5a52-9d4b-4f4e-8f63-0a9b2f1f7c11/device/70b3d57ed0001234/event/up";

/// ChirpStack's event for an uplink that it did not decode: the temperature in tenths of a degree.
fn event(tenths: i16) -> String {
    let bytes = data_encoding::BASE64.encode(&tenths.to_be_bytes());
    format!(
        r#"{{"time":"2026-03-04T05:06:07Z","deviceInfo":{{"devEui":"{DEVICE}"}},"fPort":2,"data":"{bytes}"}}"#
    )
}

/// The operator's commands against a server that runs.
fn operate(house: &House, arguments: &[&str]) -> Run {
    let data = house.directory.path().display().to_string();
    let place = ["--set".to_owned(), format!("data.directory={data}")];
    run(arguments.iter().map(|it| (*it).to_owned()).chain(place))
}

/// The whole way: an operator registers a network server and sets a codec; what it sends over MQTT and as a webhook is
/// decoded in the sandbox, and the notice lets the declared field of it in.
#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one journey, told in the order in which it is walked"
)]
fn what_a_network_server_did_not_decode_is_decoded_by_the_codec_of_its_device() {
    let notice = HOME_NOTICE.replace("/temperature", "/object/temperature");
    let house = House::declaring(&testkit::sqlite(), &notice);
    let server = house.serve(&[]);
    let token_file = house.directory.path().join("bridge.token");
    let token_path = token_file.display().to_string();
    let added = operate(
        &house,
        &[
            "bridge",
            "add",
            NETWORK_SERVER,
            "--deployment",
            HOME,
            "--adapter",
            "chirpstack",
            "--token-file",
            &token_path,
        ],
    );
    assert_eq!(added.code, Some(0), "{added:?}");
    let token = std::fs::read_to_string(&token_file).unwrap();
    let token = token.trim();
    let linked = operate(&house, &["bridge", "link", NETWORK_SERVER, DEVICE, METER]);
    assert_eq!(linked.code, Some(0), "{linked:?}");
    let codec = house.directory.path().join("codec.js");
    std::fs::write(
        &codec,
        "function decodeUplink({bytes}) { \
         if (bytes[0] === 127) for (;;) {} \
         return {data: {temperature: (bytes[0] << 8 | bytes[1]) / 10, secret: 1}}; }",
    )
    .unwrap();
    let codec = codec.display().to_string();
    for broken in ["function decodeUplink(", "var unused = 1;"] {
        let file = house.directory.path().join("broken.js");
        std::fs::write(&file, broken).unwrap();
        let file = file.display().to_string();
        let set = operate(&house, &["codec", "set", "--thing", METER, &file]);
        assert_eq!(set.code, Some(3), "reads no message: {set:?}");
    }
    let nobody = operate(&house, &["codec", "set", "--bridge", "nobody", &codec]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    let set = operate(&house, &["codec", "set", "--thing", METER, &codec]);
    assert_eq!(set.code, Some(0), "{set:?}");

    let bridge = Client {
        server: server.mqtt(),
        version: "mqttv5",
        user_name: NETWORK_SERVER,
        password: token,
        certificate: None,
        identity: None,
    };
    for tenths in [215, 216] {
        let sent = publish(&bridge, UP, &event(tenths));
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }
    // Work without end: this message is refused, the next is read.
    let refused = publish(&bridge, UP, &event(0x7f00));
    assert!(refused.words.contains("works too long"), "{refused:?}");
    let sent = publish(&bridge, UP, &event(217));
    assert_eq!(sent.code, Some(0), "{sent:?}");

    let mut webhook = server.visitor("en");
    let header = format!("Bearer {NETWORK_SERVER}:{token}");
    let path = format!("/ways/v1/{NETWORK_SERVER}?event=up");
    let headers = [("authorization", header.as_str())];
    let page = webhook.send(&path, &headers, event(218).as_bytes());
    assert_eq!(page.status, 202, "{}", page.body);
    let page = webhook.send(&path, &headers, event(0x7f00).as_bytes());
    assert_eq!(page.status, 422, "{}", page.body);

    let counters = server.counters();
    assert_eq!(counters["codec_answers"], 4);
    assert_eq!(counters["codec_failures"], 2);
    assert_eq!(server.stop(), Some(0));
    let mut recorded = house.recorded("/object/temperature");
    recorded.sort();
    assert_eq!(recorded, ["21.5", "21.6", "21.7", "21.8"]);
}

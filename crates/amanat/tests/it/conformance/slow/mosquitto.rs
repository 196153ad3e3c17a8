//! The broker tests of mosquitto. Each case of a test has a deployment of its own, because mosquitto is started for each.

use std::collections::BTreeMap;

use super::{Client, Outcome, World, lines, python, run_all};

/// What came out, one line a test; `cargo xtask test` fails when it differs.
const RESULTS: &str = include_str!("../../../../../../conformance/mosquitto/results.txt");
/// How many servers each test starts, what kind of value its topics carry, and the topics.
const CASES: &str = include_str!("../../../../../../conformance/mosquitto/cases.txt");
/// How long one of their tests may take, in seconds. The slowest waits 9 for messages to expire.
const LIMIT_S: u32 = 60;
/// How often a test may run, each time as somebody new.
const TRIES: usize = 2;
/// One that starts more servers runs once: each of them is a deployment.
const FEW_SERVERS: usize = 8;

/// One test, what is expected of it, and who its clients are, try by try.
struct Case {
    test: &'static str,
    listed: &'static str,
    clients: Vec<Vec<Client>>,
}

impl Case {
    fn run(&self, clients: &[Client], host: &str, port: &str) -> Outcome {
        let identities: String = clients
            .iter()
            .map(|it| format!("{} {}\n", it.user, it.password))
            .collect();
        python("mosquitto", LIMIT_S, &[host, port, self.test], &identities)
    }

    fn run_until_as_listed(&self, host: &str, port: &str) -> Outcome {
        let mut outcomes = self.clients.iter().map(|it| self.run(it, host, port));
        let mut last = outcomes.next().unwrap();
        while last.word != self.listed {
            match outcomes.next() {
                Some(outcome) => last = outcome,
                None => break,
            }
        }
        last
    }
}

#[test]
fn the_broker_tests_of_mosquitto_come_out_as_they_are_listed() {
    let world = World::new();
    let topics: BTreeMap<&str, Vec<&str>> = lines(CASES)
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.collect())
        })
        .collect();
    let mut cases = Vec::new();
    for (number, line) in (0..).zip(lines(RESULTS)) {
        let (test, outcome) = line.split_once(' ').unwrap();
        // What differs wants something else than the standard does: it fails.
        let listed = match outcome.split(':').next().unwrap() {
            "not applicable" => continue,
            "differs" => "failed",
            listed => listed,
        };
        let [servers, kind, topics @ ..] = topics[test].as_slice() else {
            panic!("`{test}` has no line in cases.txt");
        };
        let servers: usize = servers.parse().unwrap();
        let prepare = |place: usize| world.prepare(&format!("case-{number}-{place}"), kind, topics);
        let tries = if servers > FEW_SERVERS { 1 } else { TRIES };
        let clients = (0..tries)
            .map(|attempt| {
                (0..servers)
                    .map(|it| prepare(attempt * servers + it))
                    .collect()
            })
            .collect();
        cases.push(Case {
            test,
            listed,
            clients,
        });
    }
    let (server, _directory) = world.serve(&[
        // What their tests ask for.
        "limits.keep-alive-s=60",
        "limits.session-expiry-s=4294967295",
    ]);
    let address = server.mqtt();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let outcomes = run_all(&cases, |it| it.run_until_as_listed(&host, &port));
    let mut differing = String::new();
    for (case, outcome) in cases.iter().zip(outcomes) {
        if outcome.word != case.listed {
            let Outcome { word, said } = outcome;
            differing += &format!(
                "\n{}: {word}, listed as {}\n{said}\n",
                case.test, case.listed
            );
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

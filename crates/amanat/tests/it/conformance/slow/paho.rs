//! The interoperability tests of Eclipse Paho. One that fails may try again, alone, at most three times in all.
//!
//! The suite is not in this repository: whoever has it lays it at `conformance/paho/suite` and sets the feature `paho-suite`.

use super::{Client, Outcome, World, lines, python, run_all};

/// What came out, one line a test.
const RESULTS: &str = include_str!("../../../../../../conformance/paho/results.txt");
/// The topics of both suites. The one that begins with `$` is registered by nobody.
const TOPICS: [&str; 6] = [
    "TopicA",
    "TopicA/B",
    "Topic/C",
    "TopicA/C",
    "/TopicA",
    "client_test5/x",
];
/// How long one of their tests may take, in seconds. The slowest waits 15 for a keep-alive.
const LIMIT_S: u32 = 150;
/// How often a test may run.
const TRIES: usize = 3;

/// One test of a suite, what is expected of it, and who its clients are.
struct Case {
    suite: &'static str,
    test: &'static str,
    listed: &'static str,
    client: Client,
}

impl Case {
    fn run(&self, host: &str, port: &str) -> Outcome {
        let Client { user, password } = &self.client;
        let arguments = [self.suite, host, port, user, password, self.test];
        python("paho", LIMIT_S, &arguments, "")
    }
}

#[test]
fn the_interoperability_tests_of_eclipse_paho_come_out_as_they_are_listed() {
    let world = World::new();
    let cases: Vec<_> = (0..)
        .zip(lines(RESULTS))
        .map(|(number, line)| {
            let mut words = line.split_whitespace();
            let mut next = || words.next().unwrap();
            Case {
                suite: next(),
                test: next(),
                listed: next(),
                client: world.prepare(&format!("paho-{number}"), "text", &TOPICS),
            }
        })
        .collect();
    // What one of their tests asks for, and no more unreleased QoS 2 publishes than another sends.
    let (server, _directory) = world.serve(&["limits.keep-alive-s=60", "limits.pending-acks=100"]);
    let address = server.mqtt();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let outcomes = run_all(&cases, |it| it.run(&host, &port));
    let mut differing = String::new();
    for (case, mut outcome) in cases.iter().zip(outcomes) {
        for _ in 1..TRIES {
            if outcome.word != case.listed {
                outcome = case.run(&host, &port);
            }
        }
        if outcome.word != case.listed {
            let Case {
                suite,
                test,
                listed,
                ..
            } = case;
            let Outcome { word, said } = outcome;
            differing += &format!("\n{suite} {test}: {word}, listed as {listed}\n{said}\n");
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

//! The journey with rumqttc.

mod peer;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::Site;
use crate::harness::METER;
use peer::{Delivery, Options, Peer};

const HOME: &str = "test-home/test-meter";
const ADVICE: &str = "for/energy-advice/test-home/+";
const RESEARCH: &str = "for/research/#";

/// A way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
    /// The meter shows a certificate and says no password.
    Certificate,
}

/// A message with a number of its own, and what nobody declared.
fn reading(number: u32) -> String {
    let power = 1234.5 + 100.0 * f64::from(number);
    format!(r#"{{"power":{power:.2},"temperature":21.5,"ssid":"home","gps":{{"lat":31.5}}}}"#)
}

fn advice(number: u32) -> Value {
    json!({"power": 1234.5 + 100.0 * f64::from(number), "temperature": 21.5})
}

/// Less precise, and without the temperature, for which there is no consent.
fn research(number: u32) -> Value {
    json!({"power": 1200 + 100 * number, "@coarse": {"/power": 50}})
}

/// One way and one version of the journey.
struct Journey<'a> {
    site: &'a Site,
    way: Way,
    is_v5: bool,
}

impl Journey<'_> {
    fn tls(&self, shows: bool) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let server = CertificateDer::from_pem_file(self.site.file("server.pem")).unwrap();
        roots.add(server).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(if shows {
            let chain = CertificateDer::pem_file_iter(self.site.file("device.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(self.site.file("device.key")).unwrap();
            let chain = chain.map(|it| it.unwrap()).collect();
            builder.with_client_auth_cert(chain, key).unwrap()
        } else {
            builder.with_no_client_auth()
        })
    }

    fn options(&self, name: &'static str, id: &str) -> Options {
        let shows = self.way == Way::Certificate && name == METER;
        let (address, tls) = match self.way {
            Way::Plain => ("mqtt", None),
            Way::Tls | Way::Certificate => ("mqtts", Some(self.tls(shows))),
        };
        let password = self.site.house.password(name).to_owned();
        Options {
            is_v5: self.is_v5,
            id: format!("{id}-{name}-{:?}-{}", self.way, self.is_v5),
            server: self.site.amanat.text(address).parse().unwrap(),
            credentials: (!shows).then_some((name, password)),
            tls,
            keeps: false,
            will: None,
        }
    }

    fn peer(&self, name: &'static str, id: &str) -> Peer {
        Peer::connect(self.options(name, id))
    }

    #[track_caller]
    fn check(&self, peer: &Peer, topic: &str, payload: &Value, qos: u8, is_retained: bool) {
        let Delivery {
            topic: found_topic,
            payload: found,
            qos: found_qos,
            is_retained: found_retained,
        } = peer.next();
        let found: Value = serde_json::from_slice(&found).unwrap();
        assert_eq!((found_topic.as_str(), &found), (topic, payload));
        assert_eq!((found_qos, found_retained), (qos, is_retained), "{found}");
    }

    #[track_caller]
    fn check_advice(&self, peer: &Peer, number: u32, qos: u8, is_retained: bool) {
        let topic = format!("for/energy-advice/{HOME}");
        self.check(peer, &topic, &advice(number), qos, is_retained);
    }

    fn every_quality_of_service(&self) {
        let meter = self.peer(METER, "qos");
        let adviser = self.peer("adviser", "qos");
        let laboratory = self.peer("laboratory", "qos");
        assert_eq!(adviser.subscribe(ADVICE, 2, None), Some(2));
        // With MQTT 5 the purpose may stand in a user property.
        let (filter, purpose, topic) = match self.is_v5 {
            true => ("test-home/+", Some("research"), HOME.to_owned()),
            false => (RESEARCH, None, format!("for/research/{HOME}")),
        };
        assert_eq!(laboratory.subscribe(filter, 2, purpose), Some(2));
        for qos in [0, 1, 2] {
            let number = u32::from(qos);
            meter.publish(&reading(number), qos, false);
            self.check_advice(&adviser, number, 2, false);
            self.check(&laboratory, &topic, &research(number), 2, false);
        }
        for qos in [0, 1] {
            assert_eq!(adviser.subscribe(ADVICE, qos, None), Some(qos));
            meter.publish(&reading(3), 2, false);
            self.check_advice(&adviser, 3, qos, false);
        }
        for it in [meter, adviser, laboratory] {
            it.leave();
        }
    }

    fn a_will(&self) {
        let adviser = self.peer("adviser", "will");
        adviser.subscribe(ADVICE, 1, None);
        let with_will = |number: u32| {
            let mut options = self.options(METER, "will");
            options.will = Some(reading(number));
            Peer::connect(options)
        };
        with_will(4).break_off();
        self.check_advice(&adviser, 4, 1, false);
        let meter = with_will(5);
        meter.publish(&reading(6), 1, false);
        meter.leave();
        self.check_advice(&adviser, 6, 1, false);
        let meter = self.peer(METER, "after-the-will");
        meter.publish(&reading(7), 1, false);
        // After DISCONNECT there was no will.
        self.check_advice(&adviser, 7, 1, false);
        adviser.leave();
        meter.leave();
    }

    fn what_is_retained(&self) {
        let meter = self.peer(METER, "retained");
        meter.publish(&reading(8), 1, true);
        let adviser = self.peer("adviser", "retained");
        adviser.subscribe(ADVICE, 1, None);
        self.check_advice(&adviser, 8, 1, true);
        let laboratory = self.peer("laboratory", "retained");
        laboratory.subscribe(RESEARCH, 1, None);
        let topic = format!("for/research/{HOME}");
        self.check(&laboratory, &topic, &research(8), 1, true);
        meter.publish("", 1, true);
        let later = self.peer("adviser", "later");
        later.subscribe(ADVICE, 1, None);
        meter.publish(&reading(9), 1, false);
        self.check_advice(&later, 9, 1, false);
        for it in [meter, adviser, laboratory, later] {
            it.leave();
        }
    }

    fn a_shared_subscription(&self) {
        let meter = self.peer(METER, "shared");
        let members = ["one", "two"].map(|it| self.peer("adviser", it));
        for it in &members {
            let filter = format!("$share/team/{ADVICE}");
            assert_eq!(it.subscribe(&filter, 1, None), Some(1));
        }
        for number in 10..20 {
            meter.publish(&reading(number), 1, false);
        }
        let mut powers = Vec::new();
        testkit::wait_until("the team has all of it", crate::harness::PATIENCE, || {
            let deliveries = members.iter().flat_map(Peer::so_far);
            powers.extend(deliveries.map(|it| {
                let found: Value = serde_json::from_slice(&it.payload).unwrap();
                found["power"].to_string()
            }));
            powers.len() >= 10
        });
        powers.sort_unstable();
        let expected: Vec<_> = (10..20)
            .map(|it| advice(it)["power"].to_string())
            .map(|it| format!("{it}0"))
            .collect();
        let found: Vec<_> = powers
            .iter()
            .map(|it| format!("{:.2}", it.parse::<f64>().unwrap()))
            .collect();
        assert_eq!(found, expected);
        for it in members {
            it.leave();
        }
        meter.leave();
    }

    fn a_session_that_is_kept(&self) {
        let meter = self.peer(METER, "kept");
        let keeping = || {
            let mut options = self.options("adviser", "kept");
            options.keeps = true;
            Peer::connect(options)
        };
        let adviser = keeping();
        assert!(!adviser.had_session);
        adviser.subscribe(ADVICE, 1, None);
        adviser.leave();
        for number in [20, 21] {
            meter.publish(&reading(number), 1, false);
        }
        let adviser = keeping();
        assert!(adviser.had_session);
        for number in [20, 21] {
            self.check_advice(&adviser, number, 1, false);
        }
        adviser.leave();
        meter.leave();
    }

    fn what_is_refused(&self) {
        let adviser = self.peer("adviser", "refused");
        for filter in [
            "for/marketing/#",
            "for/espionage/#",
            "for/research/test-home/+",
            "#",
        ] {
            assert_eq!(adviser.subscribe(filter, 1, None), None, "{filter}");
        }
        adviser.leave();
    }
}

#[test]
fn rumqttc_makes_the_journey_with_and_without_tls_with_both_versions() {
    let site = Site::new();
    for is_v5 in [false, true] {
        for way in [Way::Plain, Way::Tls, Way::Certificate] {
            let journey = Journey {
                site: &site,
                way,
                is_v5,
            };
            journey.every_quality_of_service();
            journey.a_will();
            journey.what_is_retained();
            journey.a_shared_subscription();
            journey.a_session_that_is_kept();
            journey.what_is_refused();
        }
    }
}

//! Journey 5: `kill -9` in the middle of traffic; every message that was acknowledged is there, and the record verifies.

mod slow {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use crate::harness::{Amanat, House, METER, Page, Version, Visitor, Wire, run, unescape};

    const ROUNDS: usize = 4;
    const PUBLISHERS: usize = 3;
    /// Unacknowledged messages per publisher.
    const WINDOW: usize = 20;
    /// How many acknowledgements a round waits for before it kills.
    const ACKS: usize = 400;
    const TRAFFIC_TIMEOUT: Duration = Duration::from_secs(60);

    /// Every message has its own number, whoever sends it and in whichever round.
    struct Traffic {
        next: AtomicU64,
        acknowledged: Mutex<BTreeSet<u64>>,
        count: AtomicUsize,
    }

    impl Traffic {
        fn new() -> Self {
            Self {
                next: AtomicU64::new(1),
                acknowledged: Mutex::new(BTreeSet::new()),
                count: AtomicUsize::new(0),
            }
        }

        /// Publishes until the connection breaks.
        fn publish(&self, mut wire: Wire) {
            let mut inbox = wire.twin();
            let mut pending: Vec<(u16, u64)> = Vec::new();
            let mut id = 0_u16;
            loop {
                while pending.len() < WINDOW {
                    id = id % 60_000 + 1;
                    let number = self.next.fetch_add(1, Ordering::Relaxed);
                    let payload = format!("{{\"power\":{number},\"temperature\":20.5}}");
                    let packet = wire.publish_packet("a", id, payload.as_bytes());
                    pending.push((id, number));
                    if !wire.send(&packet) {
                        return;
                    }
                }
                let Some(puback) = inbox.read() else {
                    return;
                };
                assert_eq!(puback.reason(), 0);
                let at = pending.iter().position(|(it, _)| *it == puback.id());
                let (_, number) = pending.remove(at.expect("a PUBACK for what was not sent"));
                self.acknowledged.lock().unwrap().insert(number);
                self.count.fetch_add(1, Ordering::Release);
            }
        }
    }

    fn verifies(amanat: &Amanat, house: &House) {
        let offline = run([
            "record".as_ref(),
            "verify".as_ref(),
            house.directory.path().as_os_str(),
        ]);
        assert_eq!(offline.code, Some(0), "{offline:?}");
        let online = run(["record", "verify", amanat.http()]);
        assert_eq!(online.code, Some(0), "{online:?}");
        assert_eq!(online.data, offline.data);
    }

    fn nothing_acknowledged_is_lost(house: &House) {
        let traffic = Traffic::new();
        for round in 1..=ROUNDS {
            let mut amanat = house.serve(&[]);
            let password = house.password(METER);
            // All are connected before the first sends, so that the kill meets traffic and no handshake.
            let wires: Vec<_> = (0..PUBLISHERS)
                .map(|it| {
                    let version = [Version::V5, Version::V311][it % 2];
                    Wire::session(amanat.mqtt(), version, METER, password)
                })
                .collect();
            thread::scope(|scope| {
                for wire in wires {
                    let traffic = &traffic;
                    scope.spawn(move || traffic.publish(wire));
                }
                testkit::wait_until("the traffic flows", TRAFFIC_TIMEOUT, || {
                    traffic.count.load(Ordering::Acquire) >= ACKS * round
                });
                amanat.kill();
            });
            // The next server finds what the killed one left.
            let amanat = house.serve(&[]);
            verifies(&amanat, house);
            assert_eq!(amanat.stop(), Some(0));
            let found = house.recorded("/power");
            let found: Vec<u64> = found.iter().map(|it| it.parse().unwrap()).collect();
            let distinct: BTreeSet<u64> = found.iter().copied().collect();
            let acknowledged = traffic.acknowledged.lock().unwrap();
            let lost: Vec<_> = acknowledged.difference(&distinct).collect();
            assert!(
                lost.is_empty(),
                "round {round}: {} of {} acknowledged messages are lost: {lost:?}",
                lost.len(),
                acknowledged.len()
            );
            assert_eq!(found.len(), distinct.len(), "round {round}: recorded twice");
            let sent = traffic.next.load(Ordering::Relaxed);
            assert!(
                distinct.iter().all(|it| *it < sent),
                "recorded, and nobody sent it"
            );
        }
    }

    #[test]
    fn kill_9_amid_traffic_loses_nothing_acknowledged_on_sqlite() {
        nothing_acknowledged_is_lost(&House::new());
    }

    #[test]
    fn kill_9_amid_traffic_loses_nothing_acknowledged_on_postgresql() {
        nothing_acknowledged_is_lost(&House::on(&testkit::postgres()));
    }

    #[test]
    fn what_an_act_answered_survives_kill_9() {
        let house = House::new();
        let mut amanat = house.serve(&[]);
        let mut officer = amanat.visitor("en");
        officer.sign_in(&house.officer_link);
        for act in ["suspend", "reinstate", "suspend"] {
            let action = format!("/office/test-home/{act}");
            let mut form = officer.open("/office").form(&action);
            form.set("reason", &format!("the reason to {act}"));
            assert_eq!(officer.submit(&form).status, 200);
            amanat.kill();
            amanat = house.serve(&[]);
            let cookies = std::mem::take(&mut officer.cookies);
            officer = amanat.visitor("en");
            officer.cookies = cookies;
            let state = if act == "suspend" {
                "Suspended"
            } else {
                "Licensed"
            };
            let reason = format!("the reason to {act}");
            officer.open("/d/test-home").shows(&[state]);
            officer.open("/record").shows(&[&reason]);
            verifies(&amanat, &house);
        }
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        assert_eq!(meter.publish(1, b"{}").unwrap().reason(), 0x87);
    }

    /// Every value of the power field in the person's timeline, from all its pages.
    fn shown(visitor: &mut Visitor) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut page: Page = visitor.open("/me");
        loop {
            numbers.extend(powers(&page));
            let older = page
                .body
                .split("<a ")
                .find(|it| it.contains("rel=\"next\""));
            let Some(older) = older else {
                return numbers;
            };
            let path = unescape(older.split('"').nth(1).unwrap());
            page = visitor.open(&path);
        }
    }

    fn powers(page: &Page) -> Vec<u64> {
        let text = page.text();
        let values = text.split("Power in use: ").skip(1);
        values
            .filter_map(|it| it.split(" W").next()?.parse().ok())
            .collect()
    }

    #[test]
    fn after_kill_9_the_pages_of_the_resident_show_every_acknowledged_message_once() {
        let house = House::new();
        let mut amanat = house.serve(&[]);
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        // A device that was offline sends what it kept, all at once: many readings of one moment.
        let count = 150;
        let burst = (1..=count).flat_map(|it: u16| {
            let payload = format!("{{\"power\":{it}}}");
            meter.publish_packet("a", it, payload.as_bytes())
        });
        let burst: Vec<u8> = burst.collect();
        assert!(meter.send(&burst));
        for _ in 0..count {
            assert_eq!(meter.read().map(|it| it.reason()), Some(0));
        }
        amanat.kill();
        let amanat = house.serve(&[]);
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        let mut shown = shown(&mut resident);
        shown.sort_unstable();
        let all: Vec<u64> = (1..=u64::from(count)).collect();
        assert_eq!(shown, all);
    }

    #[test]
    fn when_the_log_cannot_be_written_the_server_ends_and_says_why() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let kept = meter.publish(1, b"{\"power\":1}");
        assert_eq!(kept.map(|it| it.reason()), Some(0));
        assert_eq!(amanat.stop(), Some(0));
        let amanat = house.serve_on_full_disk();
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        let refused = meter.publish(1, b"{\"power\":2}");
        assert_ne!(
            refused.map(|it| it.reason()),
            Some(0),
            "acknowledged, and not kept"
        );
        let (code, words) = amanat.ended();
        assert_eq!(code, Some(1), "{words:?}");
        let says = |what: &str| words.iter().filter(|it| it.contains(what)).count();
        assert_eq!(says("ERROR"), 2, "{words:?}");
        assert_eq!(says("the vault stopped"), 1, "{words:?}");
        assert_eq!(says("no message can be kept any more"), 1, "{words:?}");
        assert_eq!(house.recorded("/power"), ["1"]);
    }
}

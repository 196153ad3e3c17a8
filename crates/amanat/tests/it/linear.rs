//! A choice is the law from its answer on, for every recipient at once: publishers, MQTT subscribers and an HTTP stream over real
//! sockets, while the resident turns a field off and on over the form.

mod slow {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};
    use std::thread;
    use std::time::Duration;

    use serde_json::Value;

    use crate::harness::{House, METER, PATIENCE, Version, Visitor, Wire};

    const ROW: &str = "energy-advice adviser /temperature";
    const CHOICES: &str = "/me/choices/test-home";
    const PUBLISHERS: usize = 3;
    /// Messages that a publisher sends before it waits for their acknowledgements.
    const BURST: u64 = 10;
    /// Numbers of a publisher begin at its place times this.
    const NUMBERS: u64 = 1_000_000_000;
    const TOGGLES: usize = 300;
    /// The messages of a span of a level that a publisher must have sent before the level changes.
    const LEAST: u64 = 3 * BURST;

    /// How far each publisher is.
    #[derive(Default)]
    struct Progress {
        started: [AtomicU64; PUBLISHERS],
        acknowledged: [AtomicU64; PUBLISHERS],
    }

    type Numbers = [u64; PUBLISHERS];

    fn of(counts: &[AtomicU64; PUBLISHERS]) -> Numbers {
        counts.each_ref().map(|it| it.load(Ordering::SeqCst))
    }

    /// The messages that came in wholly while a level held, as each publisher numbers them: after, up to.
    struct Span {
        after: Numbers,
        up_to: Numbers,
        on: bool,
    }

    impl Span {
        fn has(&self, power: u64) -> bool {
            let publisher = usize::try_from(power / NUMBERS).unwrap();
            let number = power % NUMBERS;
            (self.after[publisher] + 1..=self.up_to[publisher]).contains(&number)
        }
    }

    fn publish(mut wire: Wire, place: usize, progress: &Progress, done: &AtomicBool) {
        let mut number = 0;
        while !done.load(Ordering::SeqCst) {
            progress.started[place].store(number + BURST, Ordering::SeqCst);
            let burst: Vec<u8> = (1..=BURST)
                .flat_map(|it| {
                    let power = place as u64 * NUMBERS + number + it;
                    let payload = format!(r#"{{"power":{power},"temperature":21.5}}"#);
                    let id = u16::try_from(it).unwrap();
                    wire.publish_packet("a", id, payload.as_bytes())
                })
                .collect();
            assert!(wire.send(&burst));
            for _ in 0..BURST {
                assert_eq!(wire.read().unwrap().reason(), 0);
            }
            number += BURST;
            progress.acknowledged[place].store(number, Ordering::SeqCst);
        }
    }

    fn choose(resident: &mut Visitor, level: &str) {
        let mut form = resident.open(CHOICES).form(CHOICES);
        form.set(ROW, level);
        form.fields.push(("only".to_owned(), ROW.to_owned()));
        let answer = resident.submit(&form);
        assert!(matches!(answer.status, 200 | 303), "{}", answer.body);
    }

    /// Turns the field off and on, and notes what was sent in between.
    fn toggle(resident: &mut Visitor, progress: &Progress) -> Vec<Span> {
        let mut spans = Vec::new();
        for toggle in 0..TOGGLES {
            let on = toggle % 2 == 1;
            choose(resident, if on { "on" } else { "off" });
            // Whatever is started from now on comes in after the answer.
            let after = of(&progress.started);
            testkit::wait_until("each publisher has sent some", PATIENCE, || {
                let acknowledged = of(&progress.acknowledged).into_iter();
                acknowledged
                    .zip(after)
                    .all(|(it, after)| it >= after + LEAST)
            });
            let up_to = of(&progress.acknowledged);
            spans.push(Span { after, up_to, on });
        }
        spans
    }

    /// What a recipient got, message by message: the number, and whether the field was there.
    type Got = Vec<(u64, bool)>;

    fn got(reading: &Value) -> (u64, bool) {
        let power = reading["power"].as_u64().unwrap();
        (power, !reading["temperature"].is_null())
    }

    /// Reads a stream of events until it is told to end, and connects again when the server ends it.
    fn stream(address: &str, password: &str, done: &AtomicBool, all: &Mutex<Got>) {
        while !done.load(Ordering::SeqCst) {
            let mut socket = TcpStream::connect(address).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            let request = format!(
                "GET /receive/v1?purpose=energy-advice HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer adviser:{password}\r\n\r\n"
            );
            socket.write_all(request.as_bytes()).unwrap();
            let mut lines = BufReader::new(socket);
            let mut line = String::new();
            // A pause is an error too: then a new stream begins, or the end has come.
            while let Ok(1..) = lines.read_line(&mut line) {
                if let Some(data) = line.trim_end().strip_prefix("data: ") {
                    // The last piece of a stream that was cut may be half an event.
                    if let Ok(event) = serde_json::from_str::<Value>(data) {
                        all.lock().unwrap().push(got(&event["reading"]));
                    }
                }
                line.clear();
            }
        }
    }

    #[track_caller]
    fn obeys(who: &str, got: &Got, spans: &[Span]) {
        let (mut checked, mut with) = (0, 0);
        for (number, span) in spans.iter().enumerate() {
            for (power, has_field) in got.iter().filter(|it| span.has(it.0)) {
                checked += 1;
                with += usize::from(*has_field);
                assert!(
                    span.on || !has_field,
                    "{who}: {power} breaks choice {number}"
                );
            }
        }
        println!(
            "{who}: {} deliveries, {checked} in {} spans, {with} with the field",
            got.len(),
            spans.len()
        );
        // What waits for a recipient while the field is turned off again leaves without it, so a single span may have none.
        assert!(with > 0 && with < checked);
    }

    #[test]
    fn after_the_answer_nothing_breaks_a_choice_over_mqtt_or_http() {
        let house = House::new();
        let amanat = house.serve(&["limits.outbox-deliveries=100000"]);
        let subscribers = ["mqttv5", "mqttv311"].map(|version| {
            let client = house.client(amanat.mqtt(), version, "adviser");
            let subscriber = client.subscribe(&["-t", "for/energy-advice/#"]);
            assert_eq!(subscriber.subscribed(), 1);
            subscriber
        });
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        let address = amanat.http().trim_start_matches("http://").to_owned();
        let (progress, done, over) = (
            Progress::default(),
            AtomicBool::new(false),
            AtomicBool::new(false),
        );
        let streamed = Arc::new(Mutex::new(Got::new()));
        let spans = thread::scope(|scope| {
            scope.spawn(|| stream(&address, house.password("adviser"), &over, &streamed));
            testkit::wait_until("the stream is open", PATIENCE, || {
                let mut probe =
                    Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
                let sent = probe.publish(1, br#"{"power":0,"temperature":1}"#);
                assert_eq!(sent.unwrap().reason(), 0);
                !streamed.lock().unwrap().is_empty()
            });
            for place in 0..PUBLISHERS {
                let version = [Version::V5, Version::V311][place % 2];
                let wire = Wire::session(amanat.mqtt(), version, METER, house.password(METER));
                let (progress, done) = (&progress, &done);
                scope.spawn(move || publish(wire, place, progress, done));
            }
            let spans = toggle(&mut resident, &progress);
            done.store(true, Ordering::SeqCst);
            over.store(true, Ordering::SeqCst);
            spans
        });
        obeys("HTTP", &streamed.lock().unwrap(), &spans);
        for (who, subscriber) in ["MQTT 5", "MQTT 3.1.1"].iter().zip(&subscribers) {
            // The queue of a recipient that is behind may be full, so one message alone need not come.
            testkit::wait_until("a message behind all others", PATIENCE, || {
                let mut last =
                    Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
                let sent = last.publish(1, br#"{"power":0,"temperature":30}"#);
                assert_eq!(sent.unwrap().reason(), 0);
                let received = subscriber.received();
                received
                    .iter()
                    .any(|it| it.payload.contains("\"temperature\":30"))
            });
            let received = subscriber.received();
            let got: Got = received
                .iter()
                .map(|it| got(&serde_json::from_str(&it.payload).unwrap()))
                .collect();
            obeys(who, &got, &spans);
        }
    }
}

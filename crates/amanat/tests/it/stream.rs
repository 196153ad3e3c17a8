//! HTTP receiving: a purpose at the door, a stream of what it allows, and nothing against rules that changed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::{House, PATIENCE};

/// One stream of events.
struct Events {
    reader: BufReader<TcpStream>,
    status: String,
}

impl Events {
    fn open(address: &str, user: (&str, &str), query: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let (name, password) = user;
        let request = format!(
            "GET /receive/v1{query} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {name}:{password}\r\n{headers}\r\n"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut events = Self {
            reader: BufReader::new(socket),
            status: String::new(),
        };
        let head = events.lines_until_empty();
        events.status = head.first().unwrap().clone();
        events
    }

    fn status(&self) -> &str {
        self.status.split(' ').nth(1).unwrap()
    }

    /// The rest of an answer that ends with its length.
    fn problem(mut self) -> String {
        let mut body = vec![0; 4096];
        let length = self.reader.read(&mut body).unwrap();
        String::from_utf8_lossy(&body[..length]).into_owned()
    }

    fn lines_until_empty(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                return lines;
            }
            lines.push(line.trim().to_owned());
        }
    }

    /// The next event; `None` when the connection has ended.
    fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            match self.reader.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }
}

mod slow {
    use super::*;
    use crate::harness::{METER, Version, Visitor, Wire};

    const CHOICES: &str = "/me/choices/test-home";

    fn switch_off_temperature(resident: &mut Visitor) {
        let row = "energy-advice adviser /temperature";
        let page = resident.open(CHOICES);
        let mut form = page.form(CHOICES);
        form.set(row, "off");
        form.fields.push(("only".to_owned(), row.to_owned()));
        assert_eq!(resident.submit_and_follow(&form).status, 200);
    }

    #[test]
    fn a_recipient_that_names_its_purpose_receives_what_it_may_have() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let address = amanat.http().trim_start_matches("http://").to_owned();
        let adviser = ("adviser", house.password("adviser"));
        let mut by_parameter = Events::open(&address, adviser, "?purpose=energy-advice", "");
        assert_eq!(by_parameter.status(), "200");
        let header = "Amanat-Purpose: energy-advice\r\n";
        let mut asked = Events::open(&address, adviser, "?where=/temperature%20%3E%2022", header);
        assert_eq!(asked.status(), "200");
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        for (id, warmth) in [(1, 21.5), (2, 22.5)] {
            let message = format!(r#"{{"power":{},"temperature":{warmth}}}"#, 1000 + id);
            assert_eq!(meter.publish(id, message.as_bytes()).unwrap().reason(), 0);
        }
        let event = by_parameter.next().unwrap();
        assert_eq!(event["reading"]["temperature"], 21.5);
        assert_eq!(event["thing"], METER);
        assert_eq!(event["purpose"], "energy-advice");
        assert_eq!(by_parameter.next().unwrap()["reading"]["power"], 1002);
        assert_eq!(
            asked.next().unwrap()["reading"]["power"],
            1002,
            "21.5 is not above 22"
        );

        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        switch_off_temperature(&mut resident);
        for id in [3, 4] {
            let message = format!(r#"{{"power":{},"temperature":30}}"#, 1000 + id);
            assert_eq!(meter.publish(id, message.as_bytes()).unwrap().reason(), 0);
        }
        let event = by_parameter.next().unwrap();
        assert_eq!(event["reading"], serde_json::json!({"power": 1003}));
        // The condition asks for what is off now: it is absent, so nothing comes; the stream is told apart from a dead one
        // by what the other stream has received since.
        assert_eq!(by_parameter.next().unwrap()["reading"]["power"], 1004);
        asked
            .reader
            .get_ref()
            .set_read_timeout(Some(std::time::Duration::from_millis(300)))
            .unwrap();
        assert_eq!(asked.next(), None);
        testkit::wait_until("four and one deliveries are counted", PATIENCE, || {
            amanat.counters().get("deliveries_sent") == Some(&5)
        });
    }

    #[test]
    fn without_purpose_grant_or_right_there_is_no_data_and_the_answer_says_why() {
        let house = House::new();
        let amanat = house.serve(&[]);
        let address = amanat.http().trim_start_matches("http://").to_owned();
        let adviser = ("adviser", house.password("adviser"));
        let refused = |user, query: &str, headers, says: &str| {
            let events = Events::open(&address, user, query, headers);
            let answer = format!("{} {}", events.status().to_owned(), events.problem());
            let (status, text) = says.split_once(' ').unwrap();
            assert!(answer.starts_with(status), "{query}: {answer}");
            assert!(answer.contains(text), "{query}: {answer}");
        };
        let asks = |query, says| refused(adviser, query, "", says);
        asks("", "400 without a purpose there is no data");
        asks("?purpose=energy-advice&wher=/a", "400 the parameters are");
        asks(
            "?purpose=energy-advice&where=power",
            "400 write a JSON Pointer",
        );
        asks(
            "?purpose=energy-advice&deployment=A%20B",
            "400 `deployment` is not",
        );
        asks("?purpose=research", "403 has no grant for the purpose");
        asks(
            "?purpose=energy-advice&deployment=elsewhere",
            "403 has no grant",
        );
        let advice = "?purpose=energy-advice";
        refused(
            adviser,
            advice,
            "Amanat-Purpose: research\r\n",
            "400 name one purpose",
        );
        let meter = (METER, house.password(METER));
        refused(meter, advice, "", "403 a thing does not receive");
        refused(("adviser", "wrong"), advice, "", "401 Not authenticated");
    }

    #[test]
    fn a_recipient_has_so_many_streams_and_no_more_until_one_ends() {
        let house = House::new();
        let amanat = house.serve(&["limits.streams-per-recipient=1"]);
        let address = amanat.http().trim_start_matches("http://").to_owned();
        let adviser = ("adviser", house.password("adviser"));
        let first = Events::open(&address, adviser, "?purpose=energy-advice", "");
        assert_eq!(first.status(), "200");
        let second = Events::open(&address, adviser, "?purpose=energy-advice", "");
        assert_eq!(second.status(), "429");
        drop(first);
        testkit::wait_until("the place of a stream that ended is free", PATIENCE, || {
            Events::open(&address, adviser, "?purpose=energy-advice", "").status() == "200"
        });
    }

    #[test]
    fn what_waits_for_a_slow_reader_does_not_leave_after_a_choice() {
        let house = House::new();
        let amanat = house.serve(&["limits.outbox-deliveries=100000"]);
        let address = amanat.http().trim_start_matches("http://").to_owned();
        let adviser = ("adviser", house.password("adviser"));
        let mut events = Events::open(&address, adviser, "?purpose=energy-advice", "");
        assert_eq!(events.status(), "200");
        let mut meter = Wire::session(amanat.mqtt(), Version::V5, METER, house.password(METER));
        // More than the buffers of both sockets take: the rest waits in the server.
        let mut sent = 0_u64;
        let mut written = 0;
        loop {
            for _ in 0..2_000 {
                let message = format!(r#"{{"power":{sent},"temperature":21.5}}"#);
                assert!(meter.publish(1, message.as_bytes()).is_some());
                sent += 1;
            }
            let now = amanat.counters()["deliveries_sent"];
            if now == written && now < sent {
                break;
            }
            written = now;
            assert!(sent < 100_000, "the sockets took everything");
        }
        let mut resident = amanat.visitor("en");
        resident.sign_in(&house.resident_link);
        switch_off_temperature(&mut resident);
        let mut received = 0;
        while let Some(event) = events.next() {
            assert_eq!(event["reading"]["power"], received);
            received += 1;
        }
        assert!(received <= written, "{received} of {written}");
        let mut again = Events::open(&address, adviser, "?purpose=energy-advice", "");
        assert_eq!(again.status(), "200");
        assert!(
            meter
                .publish(1, br#"{"power":7,"temperature":21.5}"#)
                .is_some()
        );
        assert_eq!(
            again.next().unwrap()["reading"],
            serde_json::json!({"power": 7})
        );
    }
}

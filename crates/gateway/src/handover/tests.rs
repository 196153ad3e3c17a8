//! Sockets that note what they are given, below TLS and WebSocket, while the rules change.

mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use site::{CAPACITY, Site, WAYS, Way};

/// Stands once in each delivery.
const MARK: &[u8] = b"\"dust\":";

fn count(bytes: &[u8]) -> usize {
    bytes.windows(MARK.len()).filter(|it| *it == MARK).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_act_no_byte_of_what_was_decided_before_passes_the_socket() {
    for way in WAYS {
        let site = Site::new();
        let mut client = site.subscribe(way).await.expect("a grant");
        // One record of TLS is whole before it is full.
        site.publish(0..1);
        let has_one = || client.line.waiting() > 0;
        testkit::wait_until("one was written", Duration::from_secs(20), has_one);
        site.publish(1..600);
        let is_stuck = || client.line.waiting() == CAPACITY;
        testkit::wait_until("the socket is full", Duration::from_secs(20), is_stuck);
        site.allow(false);
        let at_the_act = client.line.given();
        let mut rest = Vec::new();
        // A connection that is cut has no proper end.
        let _ = client.stream.read_to_end(&mut rest).await;
        assert_eq!(client.line.given(), at_the_act, "{way:?}: not one byte");
        let delivered = count(&rest);
        assert!((1..600).contains(&delivered), "{way:?}: {delivered}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_taken_everything_stays_when_the_rules_change() {
    for way in WAYS {
        let site = Site::new();
        let mut client = site.subscribe(way).await.expect("a grant");
        for number in 0..5 {
            site.publish(number..number + 1);
            let mut read = Vec::new();
            while count(&read) == 0 || !read.ends_with(b"}") {
                let byte = client.stream.read_u8().await;
                read.push(byte.expect("the connection stays"));
            }
            // With HTTP and WebSocket a few bytes of the frame follow.
            let is_idle = || client.handover.is_free();
            testkit::wait_until("all is written", Duration::from_secs(20), is_idle);
            site.allow(false);
            site.allow(true);
            if way == Way::Mqtts {
                // PINGREQ, PINGRESP.
                client.stream.write_all(&[0xc0, 0]).await.unwrap();
                assert_eq!(client.stream.read_u16().await.unwrap(), 0xd000);
            }
        }
    }
}

/// What one connection was given, and when: the time after each write, and how many bytes it had then.
type Writes = Vec<(u64, u64)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_byte_passes_between_a_no_and_the_next_yes() {
    let mut connections = 0;
    for way in WAYS {
        let site = Arc::new(Site::new());
        let done = Arc::new(AtomicBool::new(false));
        let publisher = std::thread::spawn({
            let (site, done) = (Arc::clone(&site), Arc::clone(&done));
            move || {
                for number in 0.. {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    site.publish(number * 40..(number + 1) * 40);
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        let acts = std::thread::spawn({
            let (site, done) = (Arc::clone(&site), Arc::clone(&done));
            move || {
                let mut spans = Vec::new();
                for _ in 0..25 {
                    std::thread::sleep(Duration::from_millis(6));
                    site.allow(false);
                    let from = site.tick();
                    std::thread::sleep(Duration::from_millis(3));
                    spans.push((from, site.tick()));
                    site.allow(true);
                }
                done.store(true, Ordering::SeqCst);
                spans
            }
        });
        let mut seen: Vec<(Writes, Vec<u64>)> = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let Some(mut client) = site.subscribe(way).await else {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            };
            let mut ends = Vec::new();
            let mut read = Vec::new();
            loop {
                let byte = client.stream.read_u8();
                // Nothing comes while there is no grant.
                match tokio::time::timeout(Duration::from_millis(50), byte).await {
                    Ok(Ok(byte)) => read.push(byte),
                    Ok(Err(_)) => break,
                    Err(_) if done.load(Ordering::SeqCst) => break,
                    Err(_) => continue,
                }
                if read.ends_with(MARK) {
                    ends.push(client.line.read());
                }
                if read.len() % 4_096 == 0 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                if done.load(Ordering::SeqCst) {
                    break;
                }
            }
            seen.push((client.line.writes(), ends));
        }
        publisher.join().unwrap();
        let spans = acts.join().unwrap();
        let deliveries: usize = seen.iter().map(|it| it.1.len()).sum();
        println!(
            "{way:?}: {} connections, {deliveries} deliveries",
            seen.len()
        );
        assert!(deliveries > 100, "{way:?}: {deliveries}");
        connections += seen.len();
        for (writes, ends) in &seen {
            for end in ends {
                let write = writes.partition_point(|it| it.1 < *end);
                let (at, _) = writes[write];
                let broken = spans.iter().find(|it| (it.0..it.1).contains(&at));
                assert_eq!(broken, None, "{way:?}: {end} at {at}");
            }
        }
    }
    assert!(connections > WAYS.len(), "some were behind, and cut");
}

//! Sockets that note what they are given, below TLS and WebSocket, while the rules change.

mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use site::{CAPACITY, Client, Site, WAYS, Way};

const PATIENCE: Duration = Duration::from_secs(20);

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
        site.publish(0..1);
        let mut first = Vec::new();
        while !first.ends_with(MARK) {
            first.push(client.stream.read_u8().await.unwrap());
        }
        site.publish(1..600);
        let is_stuck = || client.line.waiting() == CAPACITY;
        testkit::wait_until("the socket is full", PATIENCE, is_stuck);
        site.allow(false);
        let at_the_act = client.line.given();
        let mut rest = Vec::new();
        // A connection that is cut has no proper end.
        let _ = client.stream.read_to_end(&mut rest).await;
        assert_eq!(client.line.given(), at_the_act, "{way:?}: not one byte");
        // Of TLS perhaps none: a record that is not whole cannot be read.
        assert!(count(&rest) < 599, "{way:?}: it was cut");
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
            testkit::wait_until("all is written", PATIENCE, is_idle);
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

/// How far those who publish and those who decide are.
#[derive(Default)]
struct Progress {
    published: AtomicU32,
    is_done: AtomicBool,
}

/// Nobody goes on once one of them has ended, well or not: a failure is told by who joins.
struct Done<'a>(&'a Progress);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.is_done.store(true, Ordering::SeqCst);
    }
}

fn publish_on(site: &Site, progress: &Progress) {
    let _done = Done(progress);
    while !progress.is_done.load(Ordering::SeqCst) {
        let from = progress.published.load(Ordering::SeqCst);
        site.publish(from..from + 20);
        progress.published.store(from + 20, Ordering::SeqCst);
    }
}

/// Says no and yes in turns; gives the times between them.
fn decide(site: &Site, progress: &Progress) -> Vec<(u64, u64)> {
    let wait_for = |more: u32| {
        let from = progress.published.load(Ordering::SeqCst);
        let is_reached = || progress.published.load(Ordering::SeqCst) >= from + more;
        testkit::wait_until("more was published", PATIENCE, is_reached);
    };
    let _done = Done(progress);
    let mut spans = Vec::new();
    for _ in 0..25 {
        // Some fill the socket.
        wait_for(100);
        site.allow(false);
        let from = site.tick();
        wait_for(40);
        spans.push((from, site.tick()));
        site.allow(true);
    }
    spans
}

/// Reads slowly until the connection is cut; gives with which byte each delivery came.
async fn read_slowly(client: &mut Client, progress: &Progress) -> Vec<u64> {
    let mut ends = Vec::new();
    let mut read = Vec::new();
    while !progress.is_done.load(Ordering::SeqCst) {
        // Nothing comes while there is no grant.
        let byte = client.stream.read_u8();
        match tokio::time::timeout(Duration::from_millis(50), byte).await {
            Ok(Ok(byte)) => read.push(byte),
            Ok(Err(_)) => break,
            Err(_) => continue,
        }
        if read.ends_with(MARK) {
            ends.push(client.line.read());
        }
        if read.len() % 4_096 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_byte_passes_between_a_no_and_the_next_yes() {
    let mut connections = 0;
    for way in WAYS {
        let site = Arc::new(Site::new());
        let progress = Arc::new(Progress::default());
        // A panic here too ends the two threads.
        let _done = Done(&progress);
        let publisher = std::thread::spawn({
            let (site, progress) = (Arc::clone(&site), Arc::clone(&progress));
            move || publish_on(&site, &progress)
        });
        let acts = std::thread::spawn({
            let (site, progress) = (Arc::clone(&site), Arc::clone(&progress));
            move || decide(&site, &progress)
        });
        let mut seen: Vec<(Writes, Vec<u64>)> = Vec::new();
        while !progress.is_done.load(Ordering::SeqCst) {
            let subscribed = tokio::time::timeout(PATIENCE, site.subscribe(way)).await;
            match subscribed.expect("the server answers or hangs up") {
                Some(mut client) => {
                    let ends = read_slowly(&mut client, &progress).await;
                    seen.push((client.line.writes(), ends));
                }
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        publisher.join().unwrap();
        let spans = acts.join().unwrap();
        let deliveries: usize = seen.iter().map(|it| it.1.len()).sum();
        println!(
            "{way:?}: {} connections, {deliveries} deliveries",
            seen.len()
        );
        assert!(deliveries > 20, "{way:?}: {deliveries}");
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

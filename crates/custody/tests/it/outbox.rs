//! Who waits for a recipient: nobody for a slow one, publishers for a starved one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use custody::{Delivery, Filter, Hold, Inbox, Subscription, ThingPeer};
use model::PurposeId;

use crate::fixture::{House, NOW, on_both};

const CAPACITY: usize = 16;

#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// One who publishes while there is room.
struct Publisher {
    thing: Arc<ThingPeer>,
    hold: Hold,
    woken: Arc<Woken>,
}

impl Publisher {
    fn new(house: &House) -> Self {
        Self {
            thing: house.thing("meter-1", &house.meter),
            hold: Hold::default(),
            woken: Arc::default(),
        }
    }

    fn poll_room(&mut self, house: &House) -> Poll<()> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let cx = Context::from_waker(&waker);
        house.custody.poll_room(&self.thing, &mut self.hold, &cx)
    }

    fn publish(&self, house: &House) {
        house
            .custody
            .ingest(&self.thing, br#"{"power":1}"#, NOW)
            .unwrap();
    }

    fn woken(&self) -> u64 {
        self.woken.0.load(Ordering::SeqCst)
    }
}

fn listen(house: &House) -> (Inbox, Subscription) {
    let (outbox, inbox) = custody::outbox(CAPACITY);
    let filter = Filter {
        purpose: PurposeId::parse("billing").unwrap(),
        deployment: None,
        thing: None,
        condition: None,
        native: None,
    };
    let recipient = house.recipient("utility-desk", &house.utility);
    let subscription = house
        .custody
        .subscribe(&recipient, filter, outbox, 1, NOW)
        .unwrap();
    (inbox, subscription)
}

fn take(inbox: &mut Inbox, limit: usize) -> VecDeque<Delivery> {
    let mut taken = VecDeque::new();
    let mut cx = Context::from_waker(Waker::noop());
    let _ = inbox.poll_take(&mut cx, limit, &mut taken);
    taken
}

fn settle(inbox: &mut Inbox, takes_nothing: bool, now_ms: u64) -> Option<u64> {
    let cx = Context::from_waker(Waker::noop());
    inbox.settle(takes_nothing, now_ms, &cx)
}

#[test]
fn a_starved_recipient_gets_everything() {
    on_both(|house| {
        let (mut inbox, _subscription) = listen(&house);
        let mut publisher = Publisher::new(&house);
        let (mut sent, mut received) = (0, 0);
        while sent < 10 * CAPACITY {
            while publisher.poll_room(&house).is_ready() && sent < 10 * CAPACITY {
                publisher.publish(&house);
                sent += 1;
            }
            received += take(&mut inbox, CAPACITY).len();
            settle(&mut inbox, false, 0);
        }
        received += take(&mut inbox, CAPACITY).len();
        assert_eq!(received, sent);
        assert_eq!(house.custody.dropped_deliveries(), 0);
        assert!(publisher.woken() > 0);
    });
}

#[test]
fn nobody_waits_for_a_recipient_that_is_away() {
    on_both(|house| {
        let (mut inbox, _subscription) = listen(&house);
        inbox.park(0);
        let mut publisher = Publisher::new(&house);
        for _ in 0..3 * CAPACITY {
            assert_eq!(publisher.poll_room(&house), Poll::Ready(()));
            publisher.publish(&house);
        }
        assert_eq!(house.custody.dropped_deliveries(), 2 * CAPACITY as u64);
        assert_eq!(publisher.woken(), 0);
        // It takes again, but has not had its turn: from now on it is waited for.
        assert_eq!(take(&mut inbox, 1).len(), 1);
        settle(&mut inbox, false, 0);
        assert_eq!(publisher.poll_room(&house), Poll::Pending);
    });
}

#[test]
fn who_waits_is_let_go_when_the_recipient_had_its_turn_or_is_slow_or_away_or_gone() {
    on_both(|house| {
        for (turn, released) in [
            ("nothing is taken", false),
            ("all is taken", true),
            ("its side takes nothing", false),
            ("it was waited for long enough", true),
            ("it is away", true),
            ("it is gone", true),
            ("its subscription has ended", false),
        ] {
            let (mut inbox, subscription) = listen(&house);
            let mut publisher = Publisher::new(&house);
            while publisher.poll_room(&house).is_ready() {
                publisher.publish(&house);
            }
            for _ in 0..3 {
                assert_eq!(publisher.poll_room(&house), Poll::Pending);
            }
            match turn {
                "nothing is taken" => {
                    settle(&mut inbox, false, 0);
                }
                "all is taken" => {
                    take(&mut inbox, CAPACITY);
                    settle(&mut inbox, false, 0);
                }
                "it is away" => inbox.park(0),
                "its side takes nothing" => {
                    settle(&mut inbox, true, 0);
                }
                "it was waited for long enough" => {
                    let until = settle(&mut inbox, true, 0).unwrap();
                    assert_eq!(settle(&mut inbox, true, until), None);
                }
                "it is gone" => drop(inbox),
                _ => drop(subscription),
            }
            assert_eq!(publisher.woken(), u64::from(released), "{turn}");
            let is_ready = released || turn == "its subscription has ended";
            assert_eq!(publisher.poll_room(&house).is_ready(), is_ready, "{turn}");
        }
    });
}

/// How much comes, and how much of it a recipient gets, when each millisecond its side takes so much, of what one thing sends
/// that sends `sends` a millisecond if it is read.
fn received_within(house: &House, span_ms: u64, takes: usize, sends: usize) -> (usize, usize) {
    let (mut inbox, _subscription) = listen(house);
    let mut publisher = Publisher::new(house);
    let (mut sent, mut received) = (0, 0);
    for now_ms in 0..span_ms {
        for _ in 0..sends {
            if publisher.poll_room(house).is_ready() {
                publisher.publish(house);
                sent += 1;
            }
        }
        received += take(&mut inbox, takes).len();
        settle(&mut inbox, true, now_ms);
    }
    received += take(&mut inbox, CAPACITY).len();
    (sent, received)
}

#[test]
fn who_acknowledges_steadily_gets_everything_although_its_window_is_always_closed() {
    on_both(|house| {
        let (sent, received) = received_within(&house, 3_000, 5, 12);
        assert_eq!(
            received,
            sent,
            "{} dropped",
            house.custody.dropped_deliveries()
        );
        assert!(
            sent >= 5 * 2_900,
            "{sent}: devices are slowed down no more than that"
        );
    });
}

#[test]
fn who_takes_nothing_slows_nobody_by_more_than_a_hundredth() {
    on_both(|house| {
        let (sent, received) = received_within(&house, 10_000, 0, 1);
        assert_eq!(received, CAPACITY);
        // A tenth of a second that it had, and the hundredth of ten.
        assert!((9_750..9_950).contains(&sent), "{sent}");
    });
}

#[test]
fn a_recipient_whose_side_takes_nothing_is_woken_when_somebody_begins_to_wait() {
    on_both(|house| {
        let (mut inbox, _subscription) = listen(&house);
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let cx = Context::from_waker(&waker);
        assert_eq!(inbox.settle(true, 5, &cx), None, "nobody waits");
        let mut publisher = Publisher::new(&house);
        while publisher.poll_room(&house).is_ready() {
            assert_eq!(woken.0.load(Ordering::SeqCst), 0);
            publisher.publish(&house);
        }
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert_eq!(inbox.settle(true, 9, &cx), Some(9 + 100));
        assert_eq!(house.custody.dropped_deliveries(), 0);
    });
}

#[test]
fn those_who_wait_are_let_go_in_order_and_nobody_is_forgotten() {
    on_both(|house| {
        let (mut inbox, _subscription) = listen(&house);
        let mut publishers: Vec<_> = (0..20).map(|_| Publisher::new(&house)).collect();
        while publishers[0].poll_room(&house).is_ready() {
            publishers[0].publish(&house);
        }
        for publisher in &mut publishers {
            assert_eq!(publisher.poll_room(&house), Poll::Pending);
        }
        take(&mut inbox, CAPACITY / 2);
        settle(&mut inbox, false, 0);
        let woken: Vec<_> = publishers.iter().map(Publisher::woken).collect();
        let first = woken.iter().sum::<u64>();
        assert!((1..20).contains(&first), "some at a time: {woken:?}");
        assert!(woken.is_sorted_by(|a, b| a >= b), "in order: {woken:?}");
        take(&mut inbox, CAPACITY);
        settle(&mut inbox, false, 0);
        assert!(publishers.iter().all(|it| it.woken() == 1));
    });
}

#[test]
fn a_stopped_store_wakes_those_who_wait_for_it() {
    on_both(|house| {
        let publisher = Publisher::new(&house);
        let lsn = house
            .custody
            .ingest(&publisher.thing, br#"{"power":1}"#, NOW)
            .unwrap();
        house.custody.close().unwrap();
        let mut wait = custody::DurableWait::default();
        let cx = Context::from_waker(Waker::noop());
        let polled = house.custody.poll_durable(lsn, &mut wait, &cx);
        assert_eq!(
            polled,
            Poll::Ready(Ok(lsn)),
            "closing keeps what is pending"
        );
        assert_eq!(house.custody.durable(), lsn);
        let refused = house
            .custody
            .ingest(&publisher.thing, br#"{"power":1}"#, NOW);
        assert!(refused.is_err());
    });
}

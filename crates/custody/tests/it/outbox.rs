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
            inbox.settle(false);
        }
        received += take(&mut inbox, CAPACITY).len();
        assert_eq!(received, sent);
        assert_eq!(house.custody.dropped_deliveries(), 0);
        assert!(publisher.woken() > 0);
    });
}

#[test]
fn nobody_waits_for_a_slow_recipient() {
    on_both(|house| {
        let (mut inbox, _subscription) = listen(&house);
        inbox.settle(true);
        let mut publisher = Publisher::new(&house);
        for _ in 0..3 * CAPACITY {
            assert_eq!(publisher.poll_room(&house), Poll::Ready(()));
            publisher.publish(&house);
        }
        assert_eq!(house.custody.dropped_deliveries(), 2 * CAPACITY as u64);
        assert_eq!(publisher.woken(), 0);
        // It takes again, but has not had its turn: from now on it is waited for.
        assert_eq!(take(&mut inbox, 1).len(), 1);
        inbox.settle(false);
        assert_eq!(publisher.poll_room(&house), Poll::Pending);
    });
}

#[test]
fn who_waits_is_let_go_when_the_recipient_had_its_turn_or_is_slow_or_gone() {
    on_both(|house| {
        for (turn, released) in [
            ("nothing is taken", false),
            ("all is taken", true),
            ("it is slow", true),
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
                "nothing is taken" => inbox.settle(false),
                "all is taken" => {
                    take(&mut inbox, CAPACITY);
                    inbox.settle(false);
                }
                "it is slow" => inbox.settle(true),
                "it is gone" => drop(inbox),
                _ => drop(subscription),
            }
            assert_eq!(publisher.woken(), u64::from(released), "{turn}");
            let is_ready = released || turn == "its subscription has ended";
            assert_eq!(publisher.poll_room(&house).is_ready(), is_ready, "{turn}");
        }
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
        inbox.settle(false);
        let woken: Vec<_> = publishers.iter().map(Publisher::woken).collect();
        let first = woken.iter().sum::<u64>();
        assert!((1..20).contains(&first), "some at a time: {woken:?}");
        assert!(woken.is_sorted_by(|a, b| a >= b), "in order: {woken:?}");
        take(&mut inbox, CAPACITY);
        inbox.settle(false);
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

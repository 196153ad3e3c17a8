use super::*;
use model::{Statistic, Window};

fn key() -> Key {
    let resident = PersonId::parse("p-resident").unwrap();
    Key {
        thing: ThingId::parse("meter-1").unwrap(),
        named: Some(SubjectToken([7; 32])),
        people: Arc::from([Present::new(resident, Roles::ALL)]),
        slot: Slot::Kept(Keeping::ByLaw, Retention::from_days(30)),
        field: Pointer::parse("/power").unwrap(),
    }
}

fn open(id: RowId) -> Open {
    let window = Window {
        seconds: 60,
        of: Statistic::Mean,
        least: 2,
    };
    let mut open = Open::begin(window, Timestamp::EPOCH, id);
    open.accumulator.add("21.5", Timestamp::EPOCH);
    open
}

#[test]
fn a_window_reads_back_as_it_was_sealed_also_in_the_next_process() {
    let sealer = WindowBox::new(&[1; 32]).unwrap();
    let id = sealer.row_id(&key(), Timestamp::EPOCH);
    let sealed = sealer.seal(&key(), &open(id)).unwrap();
    let next = WindowBox::new(&[1; 32]).unwrap();
    assert_eq!(next.row_id(&key(), Timestamp::EPOCH), id);
    let (found, opened) = next.open(&id, &sealed).unwrap();
    assert_eq!(found, key());
    assert_eq!(opened.accumulator, open(id).accumulator);
    let lane = Key {
        slot: Slot::Lane(Lane {
            recipient: RecipientId::parse("r").unwrap(),
            purpose: PurposeId::parse("p").unwrap(),
        }),
        named: None,
        ..key()
    };
    let sealed = sealer.seal(&lane, &open(id)).unwrap();
    assert_eq!(next.open(&id, &sealed).unwrap().0, lane);
}

#[test]
fn a_row_that_was_changed_or_moved_does_not_open() {
    let sealer = WindowBox::new(&[1; 32]).unwrap();
    let id = sealer.row_id(&key(), Timestamp::EPOCH);
    let sealed = sealer.seal(&key(), &open(id)).unwrap();
    assert!(sealer.open(&[0; 32], &sealed).is_none());
    assert!(
        WindowBox::new(&[2; 32])
            .unwrap()
            .open(&id, &sealed)
            .is_none()
    );
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert!(sealer.open(&id, &changed).is_none(), "byte {place}");
        assert!(sealer.open(&id, &sealed[..place]).is_none());
    }
}

#[test]
fn no_nonce_is_used_twice_and_nothing_can_be_read() {
    let sealer = WindowBox::new(&[1; 32]).unwrap();
    let id = sealer.row_id(&key(), Timestamp::EPOCH);
    let one = sealer.seal(&key(), &open(id)).unwrap();
    let other = sealer.seal(&key(), &open(id)).unwrap();
    assert_ne!(one[..25], other[..25]);
    assert!(!one.windows(8).any(|it| it == b"resident"));
}

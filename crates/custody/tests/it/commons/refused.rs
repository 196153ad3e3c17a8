//! A batch that was refused waits for more homes: nobody can have it drawn again until it passes.

use super::*;

/// A street of so many homes that measured a day: a batch of them passes.
fn measured(house: &House, homes: usize) -> Street<'_> {
    let street = Street::new(house, homes);
    street.day();
    street
}

/// As if the attacks on the batch had been drawn badly once, with so many homes.
fn refuse(house: &House, homes: i64) {
    let sql = "UPDATE commons_batch SET tried_homes = $1";
    let done = house.db.write(|tx| tx.execute(sql, &[homes.into()]));
    assert_eq!(done.unwrap(), 1);
}

fn tried(house: &House) -> i64 {
    let sql = "SELECT tried_homes FROM commons_batch";
    let row = house.db.read(|tx| tx.query_one(sql, &[])).unwrap();
    row.unwrap().get(0).unwrap()
}

#[test]
fn gp_b4b_a_refused_batch_is_not_drawn_again_without_more_homes_though_it_would_pass() {
    on_both(|house| {
        let street = measured(&house, 13);
        for number in 0..12 {
            street.gives(number).unwrap();
        }
        refuse(&house, 12);
        let decide = || house.custody.decide_commons(&set(), "office:test", later());
        for _ in 0..3 {
            assert!(matches!(decide(), Err(DecideError::Same)));
        }
        assert_eq!(street.kinds(), [], "nothing was published");
        street.gives(12).unwrap();
        let decided = decide().unwrap();
        assert_eq!(decided.refusal, None, "one more home, and it is tried");
    });
}

#[test]
fn gp_b4b_to_take_back_and_give_again_does_not_have_a_batch_tried_again() {
    on_both(|house| {
        let street = measured(&house, 12);
        for number in 0..12 {
            street.gives(number).unwrap();
        }
        refuse(&house, 12);
        let back = house
            .custody
            .take_back_gifts(street.who(3), &set(), later());
        assert_eq!(back.unwrap(), 1);
        let decide = || house.custody.decide_commons(&set(), "office:test", later());
        assert!(matches!(decide(), Err(DecideError::Same)));
        assert_eq!(tried(&house), 12, "it is no easier for it now");
        // The readings of the first gift are erased; others are given in their place.
        street.measure(3, 1_000.0, NOW.plus_millis(HOUR));
        street.gives(3).unwrap();
        assert!(matches!(decide(), Err(DecideError::Same)));
        assert_eq!(street.kinds(), []);
    });
}

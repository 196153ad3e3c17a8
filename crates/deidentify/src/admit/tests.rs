use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::plan::{Apart, Column, Ladder, MILLION, TimeStep};
use crate::seeded::seeded;
use crate::{PoolRow, attack};

fn column(name: &str, role: Role, ladder: Ladder, may_vanish: bool) -> Column {
    Column {
        name: name.to_owned(),
        role,
        ladder,
        may_vanish,
    }
}

fn plan() -> Plan {
    Plan {
        columns: vec![
            column(
                "hour",
                Role::Shared,
                Ladder::Time(vec![TimeStep::Hour, TimeStep::Day]),
                false,
            ),
            column(
                "level",
                Role::Shared,
                Ladder::Number(vec![MILLION, 10 * MILLION]),
                false,
            ),
        ],
        k: 5,
        least_homes: 10,
        most_left_out_percent: 60,
        utc_offset_minutes: 0,
        apart: Apart::Homes,
    }
}

fn row(source: u32, hour: i64, level: i64) -> PoolRow {
    PoolRow {
        source,
        cells: vec![Cell::Index(hour), Cell::Index(level)],
    }
}

fn gift(person: u32, rows: Vec<PoolRow>) -> Gift {
    Gift { person, rows }
}

#[test]
fn gp_b4b_a_thousand_rows_of_one_person_are_one_row_of_one_person() {
    let mut gifts: Vec<Gift> = (0..10).map(|it| gift(it, vec![row(it, 3, 7)])).collect();
    gifts[0].rows = (0..1_000).map(|_| row(0, 3, 7)).collect();
    gifts[1].rows.extend((0..1_000).map(|_| row(1, 4, 4)));
    let found = admit(&plan(), &gifts, &mut seeded(1)).unwrap();
    assert_eq!(found.refusal, None);
    assert_eq!(found.rows.len(), 10, "a row for each home");
    assert_eq!((found.counts.rows, found.counts.left_out), (11, 1));
    assert_eq!((found.counts.combinations, found.counts.rarest), (1, 10));
}

#[test]
fn gp_b4b_two_gifts_of_one_person_and_five_people_of_one_house_hide_nobody() {
    let mut gifts: Vec<Gift> = (0..10).map(|it| gift(it, vec![row(it, 3, 7)])).collect();
    // Five gifts of the same person, and five people around the same meter.
    gifts.extend((0..5).map(|it| gift(0, vec![row(100 + it, 9, 9)])));
    gifts.extend((0..5).map(|it| gift(50 + it, vec![row(200, 11, 11)])));
    let found = admit(&plan(), &gifts, &mut seeded(1)).unwrap();
    assert_eq!(found.counts.homes, 11);
    assert_eq!(found.rows.len(), 10);
    assert!(found.rows.iter().all(|it| it[1] == "7"));
    // Where messages say whom they are about, a shared device is no house.
    let people = Plan {
        apart: Apart::People,
        ..plan()
    };
    let found = admit(&people, &gifts, &mut seeded(1)).unwrap();
    assert_eq!((found.counts.homes, found.rows.len()), (15, 15));
}

#[test]
fn a_batch_waits_until_enough_have_given() {
    let gifts: Vec<Gift> = (0..9).map(|it| gift(it, vec![row(it, 3, 7)])).collect();
    let found = admit(&plan(), &gifts, &mut seeded(1));
    assert_eq!(found, Err(NotYet { homes: 9 }));
}

#[test]
fn what_is_too_fine_gets_a_step_coarser_before_it_is_refused() {
    // Each in another hour of the same day.
    let gifts: Vec<Gift> = (0..12)
        .map(|it| gift(it, vec![row(it, i64::from(it), 7)]))
        .collect();
    let found = admit(&plan(), &gifts, &mut seeded(1)).unwrap();
    assert_eq!((found.step, found.refusal, found.rows.len()), (1, None, 12));
    assert!(found.rows.iter().all(|it| it == &["1970-01-01", "0"]));
    // Each on another day: nothing helps.
    let gifts: Vec<Gift> = (0..12)
        .map(|it| gift(it, vec![row(it, i64::from(it) * 24, 7)]))
        .collect();
    let found = admit(&plan(), &gifts, &mut seeded(1)).unwrap();
    assert_eq!(found.refusal, Some(Refusal::LeftOut));
    assert_eq!((found.rows.len(), found.counts.left_out), (0, 12));
}

/// Everybody has the same shared values, and a number of their own beside them.
fn with_values(step: i64) -> (Plan, Vec<Gift>) {
    let mut plan = plan();
    plan.columns.push(column(
        "watts",
        Role::Value,
        Ladder::Number(vec![step]),
        false,
    ));
    let row = |it: u32, hour: i64| PoolRow {
        source: it,
        cells: vec![
            Cell::Index(hour),
            Cell::Index(7),
            Cell::Index((1_000 + i64::from(it) * 13 + hour * 7) * MILLION / step),
        ],
    };
    let gifts = (0..20).map(|it| gift(it, (0..6).map(|hour| row(it, hour)).collect()));
    (plan, gifts.collect())
}

#[test]
fn gp_b4b_a_set_that_is_not_coarse_is_refused_because_it_singles_out() {
    let (plan, gifts) = with_values(MILLION);
    let found = admit(&plan, &gifts, &mut seeded(1)).unwrap();
    assert_eq!(found.refusal, Some(Refusal::SinglingOut), "{found:?}");
    assert!(found.rows.is_empty());
    assert!(found.attacks.singling_out.permille() > 200, "{found:?}");
    assert!(found.attacks.linkage.permille() > 500, "{found:?}");
    let (plan, gifts) = with_values(1_000 * MILLION);
    let found = admit(&plan, &gifts, &mut seeded(1)).unwrap();
    assert_eq!(found.refusal, None, "{found:?}");
    assert_eq!(found.rows.len(), 120);
}

#[test]
fn gp_b4b_without_the_threshold_the_attacks_refuse_what_it_would_have_hidden() {
    // As many rows of a combination as `k`, but of one home: what a threshold of rows would let through.
    let line = |home: u32, text: &str| Line {
        home,
        cells: vec![text.to_owned(), "x".to_owned()],
    };
    let lines: Vec<Line> = (0..20)
        .flat_map(|home| (0..5).map(move |_| line(home, &format!("cell {home}"))))
        .collect();
    let attacks = attack::all(&lines, &lines, &mut seeded(3));
    assert_eq!(attacks.refusal(), Some(Refusal::SinglingOut));
    assert_eq!(attacks.linkage.hits, attacks.linkage.tries);
}

#[test]
fn rows_that_wait_say_nothing_about_how_often_somebody_was_measured() {
    let (plan, _) = with_values(MILLION);
    let value = |it| PoolRow {
        source: 1,
        cells: vec![Cell::Index(3), Cell::Index(7), it],
    };
    let rows = vec![
        value(Cell::Index(9)),
        value(Cell::Absent),
        value(Cell::Index(1)),
        value(Cell::Index(4)),
        value(Cell::Index(5)),
    ];
    assert_eq!(joined(&plan, rows), vec![value(Cell::Index(4))]);
    let only_absent = vec![value(Cell::Absent)];
    assert_eq!(joined(&plan, only_absent.clone()), only_absent);
}

#[test]
fn the_order_of_rows_says_nothing_about_whose_they_are() {
    let mut plan = plan();
    plan.columns.truncate(1);
    let all = |it: u32| {
        let rows = (0..20).map(|hour| PoolRow {
            source: it,
            cells: vec![Cell::Index(hour)],
        });
        gift(it, rows.collect())
    };
    let gifts: Vec<Gift> = (0..20).map(all).collect();
    let one = admit(&plan, &gifts, &mut seeded(1)).unwrap().rows;
    let other = admit(&plan, &gifts, &mut seeded(2)).unwrap().rows;
    assert_ne!(one, other);
    let sorted = |mut rows: Vec<Vec<String>>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(one), sorted(other));
}

fn gifts() -> impl Strategy<Value = Vec<Gift>> {
    let row = (0_u32..12, 0_i64..60, 0_i64..25)
        .prop_map(|(source, hour, level)| row(source, hour, level));
    let gift = (0_u32..25, prop::collection::vec(row, 0..30))
        .prop_map(|(person, rows)| gift(person, rows));
    prop::collection::vec(gift, 0..40)
}

proptest! {
    /// Counted again from the gifts, without any of the code above but what a cell shows.
    #[test]
    fn gp_b4b_behind_every_row_are_k_people_who_share_no_device(
        gifts in gifts(), homes in any::<bool>(), seed in any::<u64>(),
    ) {
        let plan = Plan { apart: if homes { Apart::Homes } else { Apart::People }, ..plan() };
        let Ok(found) = admit(&plan, &gifts, &mut seeded(seed)) else { return Ok(()) };
        prop_assert_eq!(found.rows.is_empty(), found.refusal.is_some());
        let mut people: BTreeMap<Vec<String>, BTreeSet<u32>> = BTreeMap::new();
        let mut sources: BTreeMap<Vec<String>, BTreeSet<u32>> = BTreeMap::new();
        for gift in &gifts {
            for row in &gift.rows {
                let text: Vec<String> = plan.columns.iter().zip(&row.cells)
                    .map(|(column, cell)| cell::shown(column, found.step, cell)).collect();
                people.entry(text.clone()).or_default().insert(gift.person);
                sources.entry(text).or_default().insert(row.source);
            }
        }
        let mut rows: BTreeMap<&Vec<String>, usize> = BTreeMap::new();
        for row in &found.rows {
            *rows.entry(row).or_default() += 1;
        }
        for (row, count) in rows {
            prop_assert!(people[row].len() >= 5, "{row:?}");
            prop_assert!(count >= 5 && count <= people[row].len());
            if homes {
                prop_assert!(sources[row].len() >= 5, "{row:?}");
            }
        }
        prop_assert_eq!(found.counts.rows - found.counts.left_out >= found.rows.len(), true);
        if found.refusal.is_none() {
            prop_assert_eq!(found.attacks.refusal(), None);
        }
    }
}

use super::*;
use crate::seeded::seeded;

fn line(home: u32, cells: &[&str]) -> Line {
    Line {
        home,
        cells: cells.iter().map(|it| (*it).to_owned()).collect(),
    }
}

#[test]
fn names_and_numbers_of_people_are_found() {
    // A column that names each home: the oldest mistake.
    let lines: Vec<Line> = (0..50)
        .flat_map(|home| {
            let name = format!("meter-{home}");
            ["a", "b"].map(|it| line(home, &[it, &name]))
        })
        .collect();
    let found = all(&lines, &lines, &mut seeded(1));
    assert_eq!(found.refusal(), Some(Refusal::SinglingOut));
    assert!(found.singling_out.permille() > 600, "{found:?}");
    assert_eq!(found.linkage.permille(), 1_000);
}

#[test]
fn where_all_are_alike_nothing_hits() {
    let lines: Vec<Line> = (0..50)
        .flat_map(|home| ["a", "b"].map(|it| line(home, &[it, "x"])))
        .collect();
    let found = all(&lines, &lines, &mut seeded(1));
    assert_eq!(found.refusal(), None);
    assert_eq!((found.singling_out.hits, found.linkage.hits), (0, 0));
    assert_eq!(
        found.inference.hits, found.inference.baseline,
        "giving changes no guess"
    );
    assert_eq!(
        found.trajectory,
        Figure::default(),
        "two rows are no trajectory"
    );
}

#[test]
fn a_guess_that_only_giving_makes_possible_is_an_inference() {
    // The last column is a secret of each home, and the first one is known to be theirs alone.
    let lines: Vec<Line> = (0..50)
        .map(|home| line(home, &[&format!("p{home}"), &format!("s{}", home % 7)]))
        .collect();
    let found = all(&lines, &lines, &mut seeded(1));
    assert!(found.inference.permille() > 450, "{found:?}");
    assert!(found.inference.baseline_permille() < 100, "{found:?}");
    let only = Attacks {
        inference: found.inference,
        ..Attacks::default()
    };
    assert_eq!(only.refusal(), Some(Refusal::Inference));
}

#[test]
fn what_a_whole_group_shares_is_no_inference_about_one() {
    let lines: Vec<Line> = (0..50)
        .map(|home| {
            line(
                home,
                &[&format!("line {}", home % 5), &format!("full {}", home % 5)],
            )
        })
        .collect();
    let found = all(&lines, &lines, &mut seeded(1));
    assert_eq!(found.inference.permille(), 1_000);
    assert_eq!(found.inference.baseline_permille(), 1_000);
    assert_eq!(found.refusal(), None);
}

#[test]
fn homes_with_rows_like_nobody_s_are_unique_as_trajectories() {
    let shared = |home: u32| ["a", "b", "c", "d"].map(|it| line(home, &[it]));
    let alike: Vec<Line> = (0..10).flat_map(shared).collect();
    let found = all(&alike, &alike, &mut seeded(1)).trajectory;
    assert_eq!((found.tries, found.hits), (10, 0));
    let own = |home: u32| {
        let cell = |it: u32| line(home, &[&format!("{}", home * 4 + it)]);
        (0..4).map(cell).collect::<Vec<_>>()
    };
    let apart: Vec<Line> = (0..10).flat_map(own).collect();
    let found = all(&apart, &apart, &mut seeded(1)).trajectory;
    assert_eq!((found.tries, found.hits), (10, 10));
}

#[test]
fn the_interval_is_wilson_s() {
    // Wilson 1927 for 10 of 100 at 95 %: 0.055 to 0.174.
    let figure = Figure {
        tries: 100,
        hits: 10,
        baseline: 0,
    };
    assert_eq!(figure.excess_permille(), 175);
    let none = Figure {
        tries: 1_000,
        hits: 0,
        baseline: 0,
    };
    assert_eq!(none.excess_permille(), 4);
    assert_eq!(Figure::default().excess_permille(), 0);
}

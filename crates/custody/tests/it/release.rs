//! Figures about many people: with noise, within budgets, in the record; who said no is not in them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use custody::{
    ActError, AskReleaseError, Asked, DeclareStatisticError, DeclaredStatistic, DrawError, Epsilon,
    Measure, PERSON_YEAR_EPSILON, ReleaseView, StatisticId, Token,
};
use model::{
    Assignment, Choice, EntryKind, Grant, Level, PersonId, PurposeId, RecipientId, Role, ThingId,
    Timestamp,
};

use crate::fixture::{House, NOW, choice, deployment, on_both, person};

mod restored;

const HOUR: i64 = 3_600_000;

/// 2026-09-21T15:00:00Z, the first whole hour of the house.
fn hour() -> Timestamp {
    Timestamp::from_millis(NOW.as_millis().div_euclid(HOUR) * HOUR + HOUR)
}

/// When that hour is over and settled.
fn after() -> Timestamp {
    hour().plus_millis(HOUR + 120_000)
}

fn epsilon(text: &str) -> Epsilon {
    Epsilon::parse(text).unwrap()
}

fn id(text: &str) -> StatisticId {
    StatisticId::parse(text).unwrap()
}

fn resident(number: u32) -> PersonId {
    person(&format!("p-{number:03}"))
}

fn meter(number: u32) -> ThingId {
    ThingId::parse(&format!("meter-{number:03}")).unwrap()
}

/// A data set of the power in the homes.
fn power(name: &str, budget: &str, releases: &str) -> DeclaredStatistic {
    let source = format!(
        r#"{{"id":"{name}","title":{{"en":"Power","ur":"بجلی"}},"deployment":"home","recipient":"university",
            "purpose":"research","field":"/power","each":"mean","decimals":0,"low":"0","high":"1000","steps":10,
            "period":"hour","budget":"{budget}","least-people":5,"releases":[{releases}]}}"#
    );
    DeclaredStatistic::parse(&source).unwrap()
}

fn agreement(of: &PersonId, level: Level) -> Choice {
    Choice {
        person: of.clone(),
        ..choice("/power", "research", "university", level)
    }
}

/// A street of people who each have a meter, and agreed to research.
struct Street {
    house: House,
    meters: Vec<(ThingId, Token)>,
}

impl Street {
    fn new(house: House, people: u32) -> Self {
        let meters = house.custody.act(NOW, |act| {
            act.grant(&Grant {
                recipient: RecipientId::parse("university").unwrap(),
                purpose: PurposeId::parse("research").unwrap(),
                deployment: deployment("home"),
                valid_from: NOW,
                valid_until: None,
            })?;
            let mut meters = Vec::new();
            for number in 0..people {
                let token = act.register_thing(&meter(number), &deployment("home"))?;
                act.assign(&lives_with(resident(number), meter(number)))?;
                meters.push((meter(number), token));
            }
            Ok::<_, ActError>(meters)
        });
        let street = Self {
            meters: meters.unwrap(),
            house,
        };
        for number in 0..people {
            street.choose(number, Level::ON, NOW);
        }
        street
    }

    fn choose(&self, number: u32, level: Level, at: Timestamp) {
        let chosen = agreement(&resident(number), level);
        self.house.custody.choose(&[chosen], at).unwrap();
    }

    /// Every meter says twice what it measures: 500, a little more or less.
    fn measure(&self, from: Timestamp) {
        let mut last = None;
        for (number, (thing, token)) in self.meters.iter().enumerate() {
            let thing = self.house.thing(thing.as_str(), token);
            for (minute, more) in [(5, 0), (30, 10)] {
                let payload = format!(r#"{{"power":{}}}"#, 480 + number + more);
                let at = from.plus_millis(minute * 60_000);
                let took = self.house.custody.ingest(&thing, payload.as_bytes(), at);
                last = Some(took.unwrap());
            }
        }
        self.house.custody.wait_durable(last.unwrap()).unwrap();
    }

    fn declare(&self, declared: &DeclaredStatistic) {
        let custody = &self.house.custody;
        let done = custody.act(NOW, |act| act.declare_statistic(declared, "office:test"));
        done.unwrap();
    }

    fn ask(
        &self,
        of: &str,
        measure: &str,
        cost: &str,
        at: Timestamp,
    ) -> Result<Asked, AskReleaseError> {
        let asked = (Measure::parse(measure).unwrap(), epsilon(cost));
        let custody = &self.house.custody;
        let from = Timestamp::from_millis(at.as_millis().div_euclid(HOUR) * HOUR - HOUR);
        custody.ask_release(&id(of), from, asked, "office:test", at)
    }

    fn draw(&self, at: Timestamp) -> u32 {
        let never = AtomicBool::new(false);
        self.house.custody.draw_releases(&never, at).unwrap()
    }

    fn releases(&self, of: &str) -> Vec<ReleaseView> {
        self.house.custody.releases(&id(of)).unwrap()
    }

    fn spent(&self, of: &PersonId, at: Timestamp) -> Epsilon {
        let found = self.house.custody.statistics_of(of, at).unwrap();
        found.budget.spent()
    }
}

fn lives_with(person: PersonId, thing: ThingId) -> Assignment {
    Assignment {
        thing,
        person,
        role: Role::Household,
        valid_from: Timestamp::EPOCH,
        valid_until: None,
    }
}

#[test]
fn gp_b4b_a_figure_is_released_with_noise_paid_for_and_in_the_record() {
    on_both(|house| {
        let street = Street::new(house, 40);
        street.declare(&power("homes", "4", ""));
        street.measure(hour());
        let at = after();
        assert!(matches!(
            street.ask("homes", "mean", "2", at),
            Ok(Asked::New(1))
        ));
        assert!(matches!(
            street.ask("homes", "people", "1", at),
            Ok(Asked::New(2))
        ));
        let waiting = street.releases("homes");
        assert!(
            waiting.iter().all(|it| it.released.is_none()),
            "the job has not drawn"
        );
        assert_eq!(street.spent(&resident(3), at), Epsilon::ZERO);
        assert_eq!(street.draw(at), 2);
        let released = street.releases("homes");
        let [mean, people] = released.as_slice() else {
            panic!("{released:?}")
        };
        let (mean, people) = (
            mean.released.as_ref().unwrap(),
            people.released.as_ref().unwrap(),
        );
        // The truth is 40; noise that is a hundred deviations off does not happen.
        assert!(people.drawn.people.value.abs_diff(40) < 100, "{people:?}");
        assert!((0..=1_000).contains(&mean.drawn.values[0].value));
        assert!(mean.drawn.values[0].within_95.unwrap() > 0);
        for number in 0..40 {
            assert_eq!(street.spent(&resident(number), at), epsilon("3"));
        }
        let mine = street
            .house
            .custody
            .statistics_of(&resident(3), at)
            .unwrap();
        assert_eq!((mine.counted.len(), mine.data_sets.len()), (2, 1));
        let entries = street
            .house
            .custody
            .record_about("statistics:homes", 9)
            .unwrap();
        let [people_entry, mean_entry, declared] = entries.as_slice() else {
            panic!("{entries:?}")
        };
        assert_eq!(declared.entry.kind, EntryKind::StatisticDeclared);
        assert_eq!(mean_entry.entry.kind, EntryKind::StatisticReleased);
        for (entry, released) in [(mean_entry, mean), (people_entry, people)] {
            let sha256 = custody::document_sha256(released.document.as_bytes());
            assert_eq!(entry.entry.document_sha256, Some(sha256));
        }
        let said = &mean_entry.entry.reason;
        for part in [
            "mean of /power",
            "epsilon 2 (1 for the people, 1 for the figure)",
            "discrete Laplace",
            "bounds 0 to 1000",
            "scale 1000",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("p-0"), "no person: {said}");
    });
}

#[test]
fn gp_b4b_the_same_question_again_gives_the_same_figure_and_costs_nothing() {
    on_both(|house| {
        let street = Street::new(house, 8);
        street.declare(&power("homes", "4", ""));
        street.measure(hour());
        let at = after();
        street.ask("homes", "mean", "1", at).unwrap();
        assert_eq!(street.draw(at), 1);
        let first = street.releases("homes");
        for cost in ["1", "3", "10"] {
            assert!(matches!(
                street.ask("homes", "mean", cost, at),
                Ok(Asked::Before(1))
            ));
        }
        assert_eq!(street.draw(at), 0);
        assert_eq!(street.releases("homes"), first);
        assert_eq!(street.spent(&resident(0), at), epsilon("1"));
    });
}

#[test]
fn gp_b4b_who_says_no_is_not_counted_and_nothing_changes_for_others() {
    on_both(|house| {
        let street = Street::new(house, 12);
        street.declare(&power("homes", "10", ""));
        street.measure(hour());
        let at = after();
        street.ask("homes", "mean", "0.5", at).unwrap();
        // Said between the question and the draw: it is in force for the next figure already.
        street.choose(4, Level::OFF, at);
        street.choose(7, Level::OFF, at);
        assert_eq!(street.draw(at), 1);
        for number in 0..12 {
            let expected = if [4, 7].contains(&number) { "0" } else { "0.5" };
            assert_eq!(
                street.spent(&resident(number), at).to_string(),
                expected,
                "{number}"
            );
        }
        // Back on, it does not reach back: what was measured while it was off stays out.
        street.choose(4, Level::ON, at.plus_millis(1_000));
        let later = at.plus_millis(HOUR);
        street.measure(hour().plus_millis(HOUR));
        street.ask("homes", "mean", "0.5", later).unwrap();
        assert_eq!(street.draw(later), 1);
        assert_eq!(street.spent(&resident(0), later), epsilon("1"));
        assert_eq!(street.spent(&resident(7), later), Epsilon::ZERO);
        assert_eq!(street.spent(&resident(4), later), epsilon("0.5"));
        // Nobody asked them: without a choice, consent is no.
        assert_eq!(street.spent(&person("p-resident"), later), Epsilon::ZERO);
    });
}

#[test]
fn gp_b4b_a_question_beyond_the_budget_is_refused_with_what_is_left() {
    on_both(|house| {
        let street = Arc::new(Street::new(house, 6));
        street.declare(&power("homes", "1", ""));
        street.measure(hour());
        let at = after();
        let asked: Vec<_> = std::thread::scope(|scope| {
            let ask = |measure: &'static str| {
                let street = Arc::clone(&street);
                scope.spawn(move || street.ask("homes", measure, "0.3", at))
            };
            let all = [
                "people",
                "sum",
                "mean",
                "histogram",
                "quantile-50",
                "quantile-90",
            ]
            .map(ask);
            all.map(|it| it.join().unwrap()).into_iter().collect()
        });
        let taken = asked.iter().filter(|it| it.is_ok()).count();
        assert_eq!(taken, 3, "{asked:?}");
        let refused = asked
            .iter()
            .find_map(|it| it.as_ref().err())
            .unwrap()
            .to_string();
        for part in [
            "costs 0.3",
            "0.1 of 1 is left",
            "does not renew",
            "2026-09-21T16:00:00Z",
        ] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert_eq!(street.draw(at), 3);
        assert_eq!(street.spent(&resident(0), at), epsilon("0.9"));
        // The next period has its own.
        street
            .ask("homes", "people", "1", at.plus_millis(HOUR))
            .unwrap();
    });
}

#[test]
fn gp_b4b_whose_budget_is_used_up_is_left_out_and_no_answer_says_so() {
    on_both(|house| {
        let street = Street::new(house, 12);
        for name in ["homes", "streets"] {
            street.declare(&power(name, "3", ""));
        }
        street.measure(hour());
        let at = after();
        street.ask("homes", "mean", "3", at).unwrap();
        assert_eq!(street.draw(at), 1);
        // One who came later has all of it still.
        street
            .house
            .custody
            .choose(&[agreement(&person("p-resident"), Level::ON)], hour())
            .unwrap();
        street
            .house
            .custody
            .ingest(
                &street.house.thing("meter-1", &street.house.meter),
                br#"{"power":300}"#,
                hour().plus_millis(HOUR + 300_000),
            )
            .unwrap();
        let next = at.plus_millis(HOUR);
        street.measure(hour().plus_millis(HOUR));
        // The sum over data sets counts: 3 of one, and 3 more of the other would be 6 of 4.
        assert!(matches!(
            street.ask("streets", "mean", "3", next),
            Ok(Asked::New(2))
        ));
        assert_eq!(street.draw(next), 1);
        assert_eq!(street.spent(&resident(0), next), epsilon("3"));
        assert_eq!(street.spent(&person("p-resident"), next), epsilon("3"));
        let drawn = street.releases("streets");
        let drawn = &drawn[0].released.as_ref().unwrap().drawn;
        assert!(drawn.people.value < 60, "one is left: {drawn:?}");
        let all = PERSON_YEAR_EPSILON;
        for number in 0..12 {
            assert!(street.spent(&resident(number), next) <= all);
        }
        // A year after, it has come back.
        let year = at.plus_millis(custody::PERSON_YEAR_MILLIS);
        assert_eq!(street.spent(&resident(0), year), Epsilon::ZERO);
        let mine = street
            .house
            .custody
            .statistics_of(&resident(0), next)
            .unwrap();
        assert_eq!(mine.renews_at, Some(year));
    });
}

#[test]
fn gp_b4b_people_who_share_a_device_are_one_and_each_of_them_pays() {
    on_both(|house| {
        let street = Street::new(house, 3);
        let custody = &street.house.custody;
        custody
            .act(NOW, |act| act.assign(&lives_with(resident(1), meter(0))))
            .map_err(|err: ActError| err)
            .unwrap();
        street.declare(&power("homes", "4", ""));
        street.measure(hour());
        let at = after();
        street.ask("homes", "mean", "1", at).unwrap();
        assert_eq!(street.draw(at), 1);
        for number in 0..3 {
            assert_eq!(street.spent(&resident(number), at), epsilon("1"));
        }
        // One of the two says no: what the shared device said is not used, what the other's own device said is.
        street.choose(1, Level::OFF, at);
        street.measure(hour().plus_millis(HOUR));
        let later = at.plus_millis(HOUR);
        street.ask("homes", "mean", "1", later).unwrap();
        assert_eq!(street.draw(later), 1);
        let spent: Vec<_> = (0..3)
            .map(|it| street.spent(&resident(it), later).to_string())
            .collect();
        assert_eq!(
            spent,
            ["1", "1", "2"],
            "all of what the two have in common is about them both"
        );
    });
}

#[test]
fn gp_b4b_a_draw_that_does_not_commit_is_never_seen() {
    on_both(|house| {
        let street = Street::new(house, 8);
        street.declare(&power("homes", "4", ""));
        street.measure(hour());
        let at = after();
        street.ask("homes", "mean", "1", at).unwrap();
        let rename = |from: &str, to: &str| {
            let sql = format!("ALTER TABLE {from} RENAME TO {to}");
            let done: Result<_, store::DbError> = street.house.db.write(|tx| tx.execute(&sql, &[]));
            done.unwrap();
        };
        let entries = || street.house.custody.record_size().unwrap().0;
        let before = entries();
        // The last thing that the transaction does fails: all before it, the draw too, has happened.
        rename("record_entry", "record_entry_away");
        let never = AtomicBool::new(false);
        let failed = street.house.custody.draw_releases(&never, at);
        assert!(matches!(failed, Err(DrawError::Act(_))), "{failed:?}");
        rename("record_entry_away", "record_entry");
        assert_eq!(entries(), before);
        assert_eq!(street.spent(&resident(0), at), Epsilon::ZERO);
        assert!(street.releases("homes")[0].released.is_none());
        // The end of the process changes nothing about it; the next draw is fresh.
        let Street { house, meters } = street;
        let street = Street {
            house: house.reopened(false),
            meters,
        };
        assert_eq!(street.draw(at), 1);
        assert_eq!(street.spent(&resident(0), at), epsilon("1"));
        assert_eq!(street.house.custody.record_size().unwrap().0, before + 1);
    });
}

#[test]
fn gp_b4b_too_few_people_have_no_figure() {
    on_both(|house| {
        let street = Street::new(house, 1);
        let declared = DeclaredStatistic {
            least_people: 500,
            ..power("homes", "4", "")
        };
        street.declare(&declared);
        street.measure(hour());
        let at = after();
        street.ask("homes", "histogram", "2", at).unwrap();
        street.draw(at);
        let released = street.releases("homes");
        let drawn = &released[0].released.as_ref().unwrap().drawn;
        assert!(drawn.is_withheld && drawn.values.is_empty());
        let entries = street
            .house
            .custody
            .record_about("statistics:homes", 1)
            .unwrap();
        assert!(
            entries[0]
                .entry
                .reason
                .contains("withheld, fewer than 500 people")
        );
    });
}

#[test]
fn gp_b4b_a_data_set_releases_by_itself_when_a_period_is_over_and_ends() {
    on_both(|house| {
        let street = Street::new(house, 8);
        let regular = r#"{"figure":"mean","epsilon":"0.2"},{"figure":"people","epsilon":"0.1"}"#;
        street.declare(&power("homes", "1", regular));
        street.measure(hour());
        assert_eq!(
            street.draw(hour().plus_millis(HOUR)),
            2,
            "the part of an hour in which it was declared"
        );
        assert_eq!(street.draw(after()), 2);
        assert_eq!(street.draw(after()), 0);
        assert_eq!(street.spent(&resident(0), after()), epsilon("0.3"));
        let later = after().plus_millis(100 * HOUR);
        assert_eq!(
            street.draw(later),
            2 * 7,
            "it catches up with a few periods"
        );
        let custody = &street.house.custody;
        custody
            .act(later, |act| {
                act.end_statistic(&id("homes"), "done", "office:test")
            })
            .unwrap();
        assert_eq!(street.draw(later.plus_millis(HOUR)), 0);
        let refused = street.ask("homes", "sum", "0.1", later);
        assert!(
            matches!(refused, Err(AskReleaseError::NoStatistic(_))),
            "{refused:?}"
        );
        custody.forget_statistics_of(&resident(0)).unwrap();
        assert_eq!(street.spent(&resident(0), later), Epsilon::ZERO);
    });
}

#[test]
fn what_cannot_be_released_is_refused_with_the_reason() {
    on_both(|house| {
        let street = Street::new(house, 1);
        let custody = &street.house.custody;
        let declare = |declared: &DeclaredStatistic| {
            custody
                .act(NOW, |act| act.declare_statistic(declared, "office:test"))
                .map_err(|err: DeclareStatisticError| err.to_string())
        };
        let homes = power("homes", "1", "");
        declare(&homes).unwrap();
        assert!(declare(&homes).unwrap_err().contains("choose another name"));
        let other = |change: &dyn Fn(&mut DeclaredStatistic)| {
            let mut declared = power("others", "1", "");
            change(&mut declared);
            declare(&declared).unwrap_err()
        };
        let said = other(&|it| it.deployment = deployment("bus"));
        assert!(said.contains("name people"), "{said}");
        let said = other(&|it| it.purpose = PurposeId::parse("billing").unwrap());
        assert!(said.contains("does not declare `/power`"), "{said}");
        let said = other(&|it| it.deployment = deployment("moon"));
        assert!(said.contains("no deployment `moon`"), "{said}");
        let refused = |from: Timestamp, at: Timestamp, cost: &str| {
            let asked = (Measure::People, epsilon(cost));
            let found = custody.ask_release(&id("homes"), from, asked, "office:test", at);
            found.unwrap_err().to_string()
        };
        let said = refused(hour().plus_millis(60_000), after(), "1");
        assert!(said.contains("begins at 2026-09-21T15:00:00Z"), "{said}");
        assert!(refused(hour(), hour().plus_millis(HOUR), "1").contains("not over"));
        assert!(refused(hour(), after(), "0.0001").contains("noise"));
        let (university, research) = (
            RecipientId::parse("university").unwrap(),
            PurposeId::parse("research").unwrap(),
        );
        let ended: Result<_, ActError> = custody.act(after(), |act| {
            act.end_grant(&university, &research, &deployment("home"), after())
        });
        ended.unwrap();
        assert!(refused(hour(), after(), "1").contains("may receive nothing"));
    });
}

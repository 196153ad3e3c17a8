//! What the pages about figures look like in every state.

use custody::{
    Budget, CountedIn, DeclaredStatistic, Drawn, Epsilon, Measure, Noisy, PersonStatistics,
    ReleaseView, Released, StatisticView,
};
use model::Text;

use super::{MyStatisticsPage, StatisticCard, StatisticPage, StatisticWords, StatisticsPage};
use crate::page::{Page, sample};
use crate::route::Route;
use crate::shell::Shell;

const DAY: i64 = 86_400_000;

fn declared() -> Option<DeclaredStatistic> {
    let source = format!(
        r#"{{"id":"home-power","title":{{"en":"Power in homes","ur":"گھروں میں بجلی"}},"deployment":"{}",
            "recipient":"energy-lab","purpose":"research","field":"/power","each":"mean","low":"0","high":"3000","steps":10,
            "period":"day","offset-minutes":300,"budget":"1","least-people":20}}"#,
        sample::home().deployment
    );
    DeclaredStatistic::parse(&source).ok()
}

fn epsilon(text: &str) -> Epsilon {
    Epsilon::parse(text).unwrap_or(Epsilon::ZERO)
}

/// A declared data set.
pub(in crate::page) fn view() -> Option<StatisticView> {
    Some(StatisticView {
        declared: declared()?,
        sha256: "0".repeat(64),
        declared_at: sample::NOW.plus_millis(-30 * DAY),
        ended_at: None,
    })
}

fn release(view: &StatisticView, measure: Measure, days: i64, drawn: Option<Drawn>) -> ReleaseView {
    let from = view
        .declared
        .period_of(sample::NOW.plus_millis(-days * DAY));
    ReleaseView {
        number: days,
        statistic: view.declared.id.clone(),
        from,
        measure,
        epsilon: epsilon("0.4"),
        asked_at: sample::NOW,
        released: drawn.map(|drawn| Released {
            at: view.declared.end_of(from),
            drawn,
            document: "{}".to_owned(),
        }),
    }
}

fn drawn(people: i64, values: &[i64], within: Option<i64>) -> Drawn {
    let noisy = |value: &i64| Noisy {
        value: *value,
        within_95: within,
    };
    Drawn {
        people: Noisy {
            value: people,
            within_95: Some(15),
        },
        values: values.iter().map(noisy).collect(),
        is_withheld: values.is_empty(),
    }
}

/// What was asked of it.
pub(in crate::page) fn releases(view: &StatisticView) -> Vec<ReleaseView> {
    let mut all = vec![
        release(view, Measure::Mean, 1, None),
        release(
            view,
            Measure::Histogram,
            2,
            Some(drawn(61, &[3, 22, 14, 9, 4, -2, 1, 0, 3, 1], Some(15))),
        ),
        release(
            view,
            Measure::Quantile(50),
            2,
            Some(drawn(58, &[600], None)),
        ),
        release(view, Measure::Mean, 3, Some(drawn(12, &[], None))),
    ];
    let days = [(4, 611), (5, 588), (6, 702), (7, 655), (8, 590)];
    all.extend(days.map(|(day, mean)| {
        release(
            view,
            Measure::Mean,
            day,
            Some(drawn(60, &[mean], Some(130))),
        )
    }));
    all
}

impl Page for StatisticsPage {
    const NAME: &'static str = "statistics";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::at(shell, Route::Statistics);
        let card = |ended: bool| {
            let view = view()?;
            Some(StatisticCard {
                place: sample::home().title.clone(),
                newest: (!ended).then_some(sample::NOW),
                view: StatisticView {
                    ended_at: ended.then_some(sample::NOW),
                    ..view
                },
            })
        };
        let page = |cards| Self {
            shell: shell.clone(),
            cards,
        };
        vec![
            (
                "full",
                page([card(false), card(true)].into_iter().flatten().collect()),
            ),
            ("empty", page(Vec::new())),
        ]
    }
}

impl Page for StatisticPage {
    const NAME: &'static str = "statistic";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let Some(view) = view() else {
            return Vec::new();
        };
        let same = |it: &str| Text {
            en: it.to_owned(),
            ur: it.to_owned(),
        };
        let home = sample::home();
        let field = home.fields.first();
        let page = |view: StatisticView, releases| Self {
            shell: sample::at(shell, Route::Statistic(view.declared.id.clone())),
            words: StatisticWords {
                place: home.title.clone(),
                field: field.map_or_else(|| same("/power"), |it| it.title.clone()),
                unit: "W".to_owned(),
                recipient: same("energy-lab"),
                purpose: same("research"),
            },
            view,
            releases,
        };
        let ended = StatisticView {
            ended_at: Some(sample::NOW),
            ..view.clone()
        };
        vec![
            ("full", page(view.clone(), releases(&view))),
            ("empty", page(view, Vec::new())),
            ("ended", page(ended, Vec::new())),
        ]
    }
}

impl Page for MyStatisticsPage {
    const NAME: &'static str = "my-statistics";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let Some(declared) = declared() else {
            return Vec::new();
        };
        let counted = |days: i64| {
            let from = declared.period_of(sample::NOW.plus_millis(-days * DAY));
            CountedIn {
                statistic: declared.id.clone(),
                title: declared.title.clone(),
                from,
                until: declared.end_of(from),
                measure: Measure::Mean,
                epsilon: epsilon("0.4"),
                at: declared.end_of(from),
            }
        };
        let home = sample::home();
        let page = |spent: &str, counted: Vec<CountedIn>, data_sets: Vec<DeclaredStatistic>| Self {
            shell: sample::signed_in(shell, Route::MyStatistics),
            mine: PersonStatistics {
                budget: Budget::new(custody::PERSON_YEAR_EPSILON, epsilon(spent)),
                total: custody::PERSON_YEAR_EPSILON,
                renews_at: (!counted.is_empty()).then(|| sample::NOW.plus_millis(300 * DAY)),
                restored_at: None,
                counted,
                data_sets,
            },
            places: [(home.deployment.clone(), home.title.clone())].into(),
        };
        vec![
            (
                "full",
                page(
                    "1.2",
                    vec![counted(2), counted(3), counted(4)],
                    vec![declared.clone()],
                ),
            ),
            (
                "used-up",
                page("4", vec![counted(2)], vec![declared.clone()]),
            ),
            ("restored", {
                let mut restored = page("4", vec![counted(2)], vec![declared.clone()]);
                restored.mine.restored_at = Some(sample::NOW);
                restored
            }),
            ("empty", page("0", Vec::new(), Vec::new())),
        ]
    }
}

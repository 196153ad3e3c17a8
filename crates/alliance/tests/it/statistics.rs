//! Statistical data sets: an office declares them, ends them and asks for figures; nobody else does.

use alliance::{Action, AllianceError, StatisticActError};
use custody::{AskReleaseError, DeclaredStatistic, Epsilon, Measure};
use model::EntryKind;

use crate::fixture::{NOW, home, on_both};

fn declared() -> DeclaredStatistic {
    let source = format!(
        r#"{{"id":"town","title":{{"en":"Town","ur":"شہر"}},"deployment":"{}","recipient":"power-utility","purpose":"billing",
            "field":"/power","each":"mean","low":"0","high":"100","steps":10,"period":"day","budget":"1","least-people":5}}"#,
        home()
    );
    DeclaredStatistic::parse(&source).unwrap()
}

#[test]
fn gp_b4b_only_an_office_declares_asks_and_ends() {
    on_both(|town| {
        let (alliance, declared) = (&town.alliance, declared());
        let asked = (Measure::People, Epsilon::parse("0.5").unwrap());
        let from = declared.period_of(NOW);
        let is_refused = |it: &StatisticActError| {
            let action = Action::ReleaseStatistics;
            matches!(it, StatisticActError::Alliance(AllianceError::Forbidden { action: it, .. }) if *it == action)
        };
        let refused = [
            alliance.declare_statistic(&town.resident, &declared, NOW),
            alliance.end_statistic(&town.resident, &declared.id, "why", NOW),
            alliance
                .ask_release(&town.resident, &declared.id, from, asked, NOW)
                .map(drop),
        ];
        for outcome in refused {
            assert!(is_refused(&outcome.unwrap_err()));
        }
        alliance
            .declare_statistic(&town.officer, &declared, NOW)
            .unwrap();
        let later = NOW.plus_millis(3 * 86_400_000);
        // No licence, no grant: nothing may leave, also not as a figure.
        let outcome = alliance.ask_release(&town.officer, &declared.id, from, asked, later);
        assert!(
            matches!(
                outcome,
                Err(StatisticActError::Ask(AskReleaseError::NoAccess { .. }))
            ),
            "{outcome:?}"
        );
        alliance
            .end_statistic(&town.officer, &declared.id, "It is over.", later)
            .unwrap();
        let entries = alliance
            .custody()
            .record_about("statistics:town", 9)
            .unwrap();
        let kinds: Vec<_> = entries.iter().map(|it| it.entry.kind).collect();
        assert_eq!(
            kinds,
            [EntryKind::StatisticEnded, EntryKind::StatisticDeclared]
        );
        assert!(entries.iter().all(|it| it.entry.by == "office:licensing"));
    });
}

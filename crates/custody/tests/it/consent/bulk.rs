//! Presets, copies, files and the browser's signal: many choices in one act.

use custody::{
    BulkError, BulkRequest, ChoicesFile, ChoicesFileError, ChooseError, How, Misfit, Preset,
    Unmatched, Way,
};
use model::Level;

use super::{LATER, coarse, levels, power, publish, take};
use crate::fixture::{NOW, choice, deployment, on_both, person};

#[test]
fn presets_follow_rules_over_all_deployments_in_one_act() {
    on_both(|house| {
        house
            .custody
            .choose(
                &[choice("/power", "research", "university", Level::ON)],
                NOW,
            )
            .unwrap();
        let everywhere = |preset| BulkRequest::Preset(preset, None);
        let plan = house
            .custody
            .plan_choices(&person("p-resident"), &everywhere(Preset::ServiceOnly), NOW)
            .unwrap();
        let lowered = plan
            .changes
            .iter()
            .filter(|it| !it.is_only_written_down())
            .count();
        assert_eq!(
            (plan.changes.len(), lowered, plan.same, plan.fixed),
            (4, 1, 3, 0)
        );
        let act = take(&house, &everywhere(Preset::ServiceOnly)).unwrap();
        assert_eq!(act.how, How::Preset(Preset::ServiceOnly));
        assert_eq!(
            levels(&house, "home"),
            [
                "/power billing on",
                "/power research off!",
                "/room/temperature research off!"
            ]
        );
        assert_eq!(levels(&house, "bus")[2], "/power research off!");
        assert_eq!(take(&house, &everywhere(Preset::ServiceOnly)), None);
        take(&house, &everywhere(Preset::Research)).unwrap();
        assert_eq!(
            levels(&house, "home"),
            [
                "/power billing on",
                "/power research coarse-1!",
                "/room/temperature research on!"
            ]
        );
        take(
            &house,
            &BulkRequest::Preset(Preset::AllOff, Some(deployment("home"))),
        )
        .unwrap();
        assert!(levels(&house, "home").iter().all(|it| it.ends_with("off!")));
        assert_eq!(
            levels(&house, "bus")[0],
            "/power billing on",
            "elsewhere nothing changed"
        );
        take(&house, &everywhere(Preset::AsBefore)).unwrap();
        assert_eq!(
            levels(&house, "home"),
            [
                "/power billing on",
                "/power research off",
                "/room/temperature research off"
            ]
        );
        let somewhere = BulkRequest::Preset(Preset::AllOff, Some(deployment("nowhere")));
        let refused = house
            .custody
            .plan_choices(&person("p-resident"), &somewhere, NOW);
        assert!(matches!(refused, Err(ChooseError::NotConcerned(_))));
    });
}

#[test]
fn only_what_was_shown_is_put_in_force() {
    on_both(|house| {
        let me = person("p-resident");
        let request = BulkRequest::Preset(Preset::AllOff, None);
        let shown = house.custody.plan_choices(&me, &request, NOW).unwrap();
        house.custody.choose(&[power(coarse())], NOW).unwrap();
        let stale = house
            .custody
            .apply_choices(&me, &request, &shown.digest, NOW);
        assert!(matches!(stale, Err(BulkError::Stale)), "{stale:?}");
        assert_eq!(levels(&house, "home")[0], "/power billing coarse-1!");
    });
}

#[test]
fn the_next_message_obeys_a_preset_and_its_undoing() {
    on_both(|house| {
        let mut listener = house.listen("utility-desk", &house.utility, "billing", 8);
        let act = take(&house, &BulkRequest::Preset(Preset::AllOff, None)).unwrap();
        house.measure(r#"{"power":1210}"#);
        assert_eq!(listener.next(NOW), None);
        house
            .custody
            .put_back(&person("p-resident"), &act.id, None, NOW)
            .unwrap();
        house.measure(r#"{"power":1211}"#);
        assert_eq!(listener.next(NOW).as_deref(), Some(r#"{"power":1211}"#));
    });
}

#[test]
fn choices_are_taken_over_where_recipient_purpose_and_kind_are_the_same() {
    on_both(|house| {
        let me = person("p-resident");
        let decided = [
            power(coarse()),
            choice("/room/temperature", "research", "university", Level::ON),
        ];
        house.custody.choose(&decided, NOW).unwrap();
        let request = BulkRequest::Copy(deployment("home"), None);
        let plan = house.custody.plan_choices(&me, &request, NOW).unwrap();
        assert!(plan.unmatched.is_empty(), "{:?}", plan.unmatched);
        let act = take(&house, &request).unwrap();
        assert_eq!(act.how, How::Copied(deployment("home")));
        // The card is as sensitive as the power, and has no coarse level: it shows no more when it is off.
        assert_eq!(
            levels(&house, "bus"),
            [
                "/power billing coarse-1!",
                "/card billing off!",
                "/power research off",
                "/room/temperature research on!"
            ]
        );
        let matter = custody::Matter::of(&power(coarse()));
        let one = BulkRequest::Copy(deployment("home"), Some(Box::new(matter)));
        assert_eq!(take(&house, &one), None, "it is like that already");
    });
}

#[test]
fn what_has_no_counterpart_elsewhere_is_said() {
    on_both(|house| {
        let source = include_str!("../home.toml")
            .replace("version = 1", "version = 2")
            .replace("sensitivity = \"low\"", "sensitivity = \"very-high\"");
        publish(&house, &source);
        let warm = choice("/room/temperature", "research", "university", Level::ON);
        house
            .custody
            .choose(std::slice::from_ref(&warm), NOW)
            .unwrap();
        let request = BulkRequest::Copy(deployment("home"), None);
        let plan = house
            .custody
            .plan_choices(&person("p-resident"), &request, NOW)
            .unwrap();
        assert!(plan.changes.is_empty());
        let expected = Unmatched::NoCounterpart(custody::Matter::of(&warm));
        assert_eq!(plan.unmatched, [expected]);
    });
}

#[test]
fn a_file_of_choices_comes_back_and_says_what_does_not_fit() {
    on_both(|house| {
        let me = person("p-resident");
        let chosen = [
            power(coarse()),
            choice("/power", "research", "university", Level::ON),
        ];
        house.custody.choose(&chosen, NOW).unwrap();
        let text = house.custody.choices_file(&me, NOW);
        take(&house, &BulkRequest::Preset(Preset::AsBefore, None)).unwrap();
        let file = ChoicesFile::parse(&text).unwrap();
        assert_eq!(file.count(), 2);
        house.custody.put_choices_draft(&me, &text, NOW).unwrap();
        assert_eq!(
            house.custody.choices_draft(&me, NOW).unwrap().as_deref(),
            Some(text.as_str())
        );
        let old = NOW.plus_millis(2 * 86_400_000);
        assert_eq!(house.custody.choices_draft(&me, old).unwrap(), None);
        let act = take(&house, &BulkRequest::Import(file)).unwrap();
        assert_eq!(act.how, How::Imported);
        assert_eq!(
            levels(&house, "home")[..2],
            ["/power billing coarse-1!", "/power research on!"]
        );
        assert_eq!(
            house.custody.choices_draft(&me, NOW).unwrap(),
            None,
            "used up"
        );

        let strange = text
            .replace("\"notice_version\": 1", "\"notice_version\": 7")
            .replace("\"research\"", "\"advertising\"");
        let file = ChoicesFile::parse(&strange).unwrap();
        let plan = house
            .custody
            .plan_choices(&me, &BulkRequest::Import(file), NOW)
            .unwrap();
        assert!(plan.changes.is_empty());
        let misfits = plan.unmatched.iter().map(|it| match it {
            Unmatched::Row(number, _, misfit) => (*number, *misfit),
            other => panic!("{other:?}"),
        });
        assert_eq!(
            misfits.collect::<Vec<_>>(),
            [(1, Misfit::OtherNotice), (2, Misfit::NotDeclared)]
        );
        let file = ChoicesFile::parse(&text.replace("\"home\"", "\"elsewhere\"")).unwrap();
        let plan = house
            .custody
            .plan_choices(&me, &BulkRequest::Import(file), NOW)
            .unwrap();
        assert!(matches!(
            plan.unmatched[0],
            Unmatched::Row(1, _, Misfit::NoDeployment)
        ));
    });
}

#[test]
fn files_that_are_none_are_refused_with_a_reason() {
    let check = |text: &str, expected: &str| {
        let err = ChoicesFile::parse(text).unwrap_err();
        assert_eq!(
            format!("{err:?}").split(['(', ' ']).next(),
            Some(expected),
            "{text}"
        );
    };
    let file = |version: &str, choices: &str| {
        format!(
            "{{\"format\":\"amanat-choices\",\"version\":{version},\"exported_at\":\"\",\"choices\":[{choices}]}}"
        )
    };
    let row = r#"{"deployment":"home","notice_version":1,"field":"/power","purpose":"a","recipient":"b","level":"on"}"#;
    assert_eq!(ChoicesFile::parse(&file("1", row)).unwrap().count(), 1);
    check("", "Form");
    check("[]", "Form");
    check(&file("1", &row.replace("level", "Level")), "Form");
    check(&file("2", row), "Version");
    check(&file("1", &row.replace("home", "Home")), "Name");
    check(&file("1", &row.replace("\"on\"", "\"loud\"")), "Name");
    check(&file("1", &format!("{row},{row}")), "Twice");
    let many = vec![row; custody::MAX_CHOICES_FILE_ROWS + 1].join(",");
    check(&file("1", &many), "TooMany");
    let large = " ".repeat(custody::MAX_CHOICES_FILE_BYTES + 1);
    assert!(matches!(
        ChoicesFile::parse(&large),
        Err(ChoicesFileError::TooLarge(_))
    ));
}

/// The next version of a notice, where the contract has become a legitimate interest.
fn open_to_objection(source: &str, version: &str) -> String {
    source
        .replace("version = 1", version)
        .replace("basis = \"contract\"", "basis = \"legitimate-interest\"")
}

#[test]
fn the_signal_of_a_browser_is_heard_once_and_a_choice_by_hand_wins() {
    on_both(|house| {
        let me = person("p-resident");
        publish(
            &house,
            &open_to_objection(include_str!("../home.toml"), "version = 2"),
        );
        publish(
            &house,
            &open_to_objection(include_str!("../bus.toml"), "version = 2"),
        );
        house
            .custody
            .choose(
                &[choice("/power", "research", "university", Level::ON)],
                NOW,
            )
            .unwrap();
        let heard = house.custody.hear_browser_signal(&me, NOW).unwrap();
        assert_eq!((heard.deployments, heard.switched_off), (2, 3));
        assert_eq!(
            levels(&house, "home"),
            [
                "/power billing off!",
                "/power research on!",
                "/room/temperature research off"
            ],
            "what was decided by hand stays, consent that was not given is no refusal"
        );
        let ways = house.custody.ways(&me, &deployment("home")).unwrap();
        let signal: Vec<_> = ways
            .values()
            .filter(|it| **it == Way::BrowserSignal)
            .collect();
        assert_eq!(signal.len(), 1);
        house.custody.choose(&[power(Level::ON)], LATER).unwrap();
        let again = house.custody.hear_browser_signal(&me, LATER).unwrap();
        assert_eq!((again.deployments, again.switched_off), (0, 0));
        assert_eq!(levels(&house, "home")[0], "/power billing on!");
        take(&house, &BulkRequest::Preset(Preset::AsBefore, None)).unwrap();
        house.custody.hear_browser_signal(&me, LATER).unwrap();
        assert_eq!(
            levels(&house, "home")[0],
            "/power billing on",
            "taking back is a decision too"
        );
        publish(
            &house,
            &open_to_objection(include_str!("../home.toml"), "version = 3"),
        );
        let heard = house.custody.hear_browser_signal(&me, LATER).unwrap();
        assert_eq!(
            (heard.deployments, heard.switched_off),
            (1, 1),
            "a new notice is a new situation"
        );
    });
}

#[test]
fn the_signal_leaves_alone_who_runs_the_service_or_works_for_it() {
    on_both(|house| {
        let source = open_to_objection(include_str!("../home.toml"), "version = 2");
        let party = "id = \"utility-desk\"\nparty = \"controller\"";
        publish(&house, &source.replacen("id = \"utility-desk\"", party, 1));
        house
            .custody
            .hear_browser_signal(&person("p-resident"), NOW)
            .unwrap();
        assert_eq!(levels(&house, "home")[0], "/power billing on");
    });
}

#[test]
fn the_signal_leaves_a_contract_of_the_person_alone() {
    on_both(|house| {
        let heard = house
            .custody
            .hear_browser_signal(&person("p-resident"), NOW)
            .unwrap();
        assert_eq!((heard.deployments, heard.switched_off), (2, 0));
        assert_eq!(levels(&house, "home")[0], "/power billing on");
    });
}

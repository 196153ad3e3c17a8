//! Who may do what: the golden matrix, and that use cases ask it.

use alliance::{Action, Actor, AllianceError, Office};
use custody::{AuthorityId, NewCertificate, Serial, SubjectPattern};
use model::{
    Assignment, Cap, CapTarget, Grant, Level, PersonId, PurposeId, RecipientId, Role, Sensitivity,
    ThingId,
};

use crate::fixture::{NOTICE, NOW, home, member, on_both};

#[test]
fn the_matrix_of_offices_and_actions_is_as_reviewed() {
    let mut matrix = String::new();
    for action in Action::ALL {
        let may = |yes: bool| if yes { "yes" } else { "-" };
        let offices: Vec<_> = Office::ALL.iter().map(|it| may(it.may(*action))).collect();
        let operator = may(Actor::Operator.may(*action));
        matrix += &format!(
            "{action}: operator {operator}, resident {}, licensing {}, delegate {}\n",
            offices[0], offices[1], offices[2]
        );
    }
    insta::assert_snapshot!(matrix, @r"
    read its own timeline: operator -, resident yes, licensing yes, delegate yes
    choose: operator -, resident yes, licensing yes, delegate yes
    register a member: operator yes, resident -, licensing -, delegate -
    manage a deployment: operator yes, resident -, licensing -, delegate -
    manage access: operator yes, resident -, licensing -, delegate -
    issue a licence: operator yes, resident -, licensing yes, delegate -
    suspend or reinstate a licence: operator yes, resident -, licensing yes, delegate -
    revoke a licence: operator yes, resident -, licensing yes, delegate -
    set limits of the rulebook: operator yes, resident -, licensing yes, delegate -
    manage certificates of things: operator yes, resident -, licensing -, delegate -
    release statistics: operator yes, resident -, licensing yes, delegate -
    agree to access to an account: operator -, resident -, licensing yes, delegate -
    publish open data: operator yes, resident -, licensing yes, delegate -
    read the log of commands: operator yes, resident -, licensing yes, delegate -
    answer cases: operator -, resident -, licensing yes, delegate yes
    sit in panels: operator -, resident -, licensing -, delegate yes
    change the days off: operator yes, resident -, licensing yes, delegate -
    agree to acts of the office: operator -, resident -, licensing yes, delegate -
    file orders of authorities: operator -, resident -, licensing yes, delegate -
    decide on orders of authorities: operator -, resident -, licensing -, delegate yes
    handle incidents: operator -, resident -, licensing yes, delegate -
    manage accounts: operator yes, resident -, licensing -, delegate -
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line for each use case")]
fn every_use_case_asks_before_it_acts() {
    on_both(|town| {
        let (alliance, resident) = (&town.alliance, &town.resident);
        let thing = ThingId::parse("meter-1").unwrap();
        let recipient = RecipientId::parse("power-utility").unwrap();
        let person = PersonId::parse("p-1").unwrap();
        let grant = Grant {
            recipient: recipient.clone(),
            purpose: PurposeId::parse("billing").unwrap(),
            deployment: home(),
            valid_from: NOW,
            valid_until: None,
        };
        let assignment = Assignment {
            thing: thing.clone(),
            person: person.clone(),
            role: Role::Holder,
            valid_from: model::Timestamp::EPOCH,
            valid_until: None,
        };
        let cap = Cap {
            target: CapTarget::Sensitivity(Sensitivity::High),
            purpose: None,
            most: Level::OFF,
        };
        let wanted = NewCertificate {
            thing: &thing,
            request: &[],
            days: 1,
        };
        let serial = Serial::parse("01").unwrap();
        let pattern = SubjectPattern::parse("cn:{thing}").unwrap();
        let maker = AuthorityId::parse(&"0".repeat(32)).unwrap();
        let refused: Vec<Result<(), AllianceError>> = vec![
            alliance.register_member(resident, &member("other")),
            alliance.publish_notice(resident, NOTICE, NOW).map(drop),
            alliance
                .register_thing(resident, &thing, &home(), NOW)
                .map(drop),
            alliance
                .register_things(resident, std::slice::from_ref(&thing), &home(), NOW)
                .map(drop),
            alliance
                .register_recipient(resident, &recipient, NOW)
                .map(drop),
            alliance.grant(resident, &grant, NOW),
            alliance.assign(resident, &assignment, NOW),
            alliance.end_assignment(resident, (&thing, &person, Role::Holder), NOW, NOW),
            alliance.set_limit(resident, &cap, "why", NOW),
            alliance.lift_limit(resident, &cap.target, None, "why", NOW),
            alliance.link_subject(resident, &home(), "card", &person, NOW),
            alliance.issue_licence(resident, &home(), None, "why", NOW),
            alliance.suspend_licence(resident, &home(), "why", NOW),
            alliance.reinstate_licence(resident, &home(), "why", NOW),
            alliance.revoke_licence(resident, &home(), "why", NOW),
            alliance
                .create_account(resident, Office::Licensing, NOW)
                .map(drop),
            alliance.one_time_link(resident, &person, NOW).map(drop),
            alliance.open_access(resident, NOW).map(drop),
            alliance
                .begin_device_authority(resident, "devices", NOW)
                .map(drop),
            alliance.issue_certificate(resident, wanted, NOW).map(drop),
            alliance
                .renew_certificate(resident, (&serial, &[], 1), NOW)
                .map(drop),
            alliance
                .revoke_certificate(resident, &serial, None, NOW)
                .map(drop),
            alliance
                .trust_maker(resident, &vec![].into(), (&home(), &pattern), NOW)
                .map(drop),
            alliance.distrust_maker(resident, &maker, &home(), NOW),
        ];
        for outcome in refused {
            assert!(
                matches!(outcome, Err(AllianceError::Forbidden { .. })),
                "{outcome:?}"
            );
        }
        assert_eq!(alliance.overview(NOW).unwrap().members.len(), 1);
    });
}

//! Orders of authorities: two chambers agree, nobody with a part in it, and everybody learns of it.

use alliance::orders::{ORDER_WAIT_MILLIS, OrderActError, OrderDraft, OrderState};
use alliance::{Actor, Member};
use custody::OrderData;
use model::{Assignment, Chamber, EntryKind, MemberId, RecipientId, Role, ThingId, Timestamp};

use crate::fixture::{NOW, Town, home, member, on_both};

const DAY: i64 = 86_400_000;
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn after(days: i64) -> Timestamp {
    NOW.plus_millis(days * DAY)
}

/// A town with delegates, whose resident has a meter.
struct Town2 {
    town: Town,
    person: String,
    /// Of the government, of academia, another one of academia.
    delegates: Vec<Actor>,
    /// Of who answers for the home.
    accountable: Actor,
}

impl Town2 {
    fn new(town: Town) -> Self {
        let (alliance, operator) = (&town.alliance, &Actor::Operator);
        let delegate =
            |id: &MemberId| Actor::Account(alliance.create_delegate(operator, id, NOW).unwrap());
        let join = |id: &str, chamber| {
            let joined = Member {
                chamber,
                ..member(id)
            };
            alliance.register_member(operator, &joined).unwrap();
            delegate(&joined.id)
        };
        let delegates = vec![
            join("ministry", Chamber::Government),
            join("university", Chamber::Academia),
            join("college", Chamber::Academia),
        ];
        let accountable = delegate(&MemberId::parse("lahore-power").unwrap());
        let thing = ThingId::parse("meter-1").unwrap();
        alliance
            .register_thing(operator, &thing, &home(), NOW)
            .unwrap();
        let Actor::Account(resident) = &town.resident else {
            panic!("the resident has an account");
        };
        let assignment = Assignment {
            thing,
            person: resident.id.clone(),
            role: Role::Holder,
            valid_from: Timestamp::EPOCH,
            valid_until: None,
        };
        alliance.assign(operator, &assignment, NOW).unwrap();
        let police = RecipientId::parse("investigators").unwrap();
        alliance.register_recipient(operator, &police, NOW).unwrap();
        Self {
            person: resident.id.to_string(),
            delegates,
            accountable,
            town,
        }
    }

    fn draft(&self) -> OrderDraft {
        OrderDraft {
            authority: "Cybercrime agency".to_owned(),
            statute: "PECA 2016".to_owned(),
            section: "34".to_owned(),
            deployment: home().to_string(),
            recipient: "investigators".to_owned(),
            data: Some(OrderData::Traffic),
            people: self.person.clone(),
            until: day(10),
            document_sha256: HASH.to_owned(),
            ..OrderDraft::default()
        }
    }

    fn file(&self, draft: &OrderDraft) -> Result<u64, OrderActError> {
        self.town
            .alliance
            .file_order(&self.town.officer, draft, NOW)
    }

    fn vote(&self, by: &Actor, agrees: bool, now: Timestamp) -> Result<OrderState, OrderActError> {
        let reason = if agrees { "" } else { "The scope is too wide." };
        self.town.alliance.vote_on_order(by, 1, agrees, reason, now)
    }

    fn kinds(&self, most: u16) -> Vec<EntryKind> {
        let entries = self.town.alliance.custody().record_before(u64::MAX, most);
        entries.unwrap().iter().map(|it| it.entry.kind).collect()
    }
}

/// A day of the calendar of Lahore, so many days after now.
fn day(days: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(after(days).as_millis()).unwrap();
    let zone = jiff::tz::TimeZone::get("Asia/Karachi").unwrap();
    zone.to_datetime(at).date().to_string()
}

#[test]
fn gp_d2_two_chambers_agree_and_then_it_stands_until_its_last_day() {
    on_both(|town| {
        let it = Town2::new(town);
        let alliance = &it.town.alliance;
        assert_eq!(it.file(&it.draft()).unwrap(), 1);
        assert_eq!(alliance.order_report(NOW).unwrap().waiting, 1);
        assert!(matches!(
            it.vote(&it.accountable, true, NOW),
            Err(OrderActError::OwnCase)
        ));
        assert!(it.vote(&it.town.officer, true, NOW).is_err());
        assert!(it.vote(&it.town.resident, true, NOW).is_err());
        let agreed = it.vote(&it.delegates[1], true, NOW).unwrap();
        assert_eq!(agreed, OrderState::Waiting);
        assert!(matches!(
            it.vote(&it.delegates[1], true, NOW),
            Err(OrderActError::Twice)
        ));
        let agreed = it.vote(&it.delegates[2], true, NOW).unwrap();
        assert_eq!(agreed, OrderState::Waiting, "two of one chamber are one");
        assert!(alliance.custody().lawful_order(1).unwrap().is_none());
        let agreed = it.vote(&it.delegates[0], true, NOW).unwrap();
        assert_eq!(agreed, OrderState::Standing);
        let known = alliance.custody().lawful_order(1).unwrap().unwrap();
        assert!(known.stands(NOW) && known.people[0].as_str() == it.person);
        assert_eq!(
            it.kinds(2),
            [EntryKind::OrderDisclosed, EntryKind::OrderApproved]
        );

        let Actor::Account(resident) = &it.town.resident else {
            panic!("the resident has an account");
        };
        let mine = alliance.orders_about(resident, NOW).unwrap();
        assert_eq!(mine[0].file.authority, "Cybercrime agency");
        assert_eq!(alliance.tend_orders(after(9)).unwrap(), 0);
        assert_eq!(alliance.tend_orders(after(12)).unwrap(), 1);
        assert_eq!(it.kinds(1), [EntryKind::OrderEnded]);
        let report = alliance.order_report(after(12)).unwrap();
        assert_eq!(report.lines[0].file.state, OrderState::Expired);
        let (_, figures) = report.years[0];
        assert_eq!(
            (
                figures.filed,
                figures.approved,
                figures.traffic,
                figures.people
            ),
            (1, 1, 1, 1)
        );
    });
}

#[test]
fn gp_d2_an_embargo_hides_where_and_whom_until_it_is_over() {
    on_both(|town| {
        let it = Town2::new(town);
        let alliance = &it.town.alliance;
        let draft = OrderDraft {
            embargo: day(20),
            ..it.draft()
        };
        it.file(&draft).unwrap();
        it.vote(&it.delegates[0], true, NOW).unwrap();
        it.vote(&it.delegates[1], true, NOW).unwrap();
        assert_eq!(it.kinds(1), [EntryKind::OrderApproved]);
        let entries = alliance.custody().record_before(u64::MAX, 1).unwrap();
        let entry = &entries[0].entry;
        assert!(!entry.reason.contains("gulberg") && entry.about == "order:1");
        assert_eq!(entry.document_sha256.as_deref(), Some(HASH));
        let report = alliance.order_report(NOW).unwrap();
        assert_eq!(report.lines[0].told, None);
        let figures = report.years[0].1;
        assert_eq!((figures.embargo, figures.people), (1, 0));
        let Actor::Account(resident) = &it.town.resident else {
            panic!("the resident has an account");
        };
        assert!(
            alliance
                .orders_about(resident, after(15))
                .unwrap()
                .is_empty()
        );
        alliance.tend_orders(after(15)).unwrap();
        assert_eq!(it.kinds(1), [EntryKind::OrderEnded]);
        alliance.tend_orders(after(22)).unwrap();
        assert_eq!(it.kinds(1), [EntryKind::OrderDisclosed]);
        assert_eq!(alliance.tend_orders(after(23)).unwrap(), 0);
        assert_eq!(alliance.orders_about(resident, after(22)).unwrap().len(), 1);
        let told = alliance
            .order_report(after(22))
            .unwrap()
            .lines
            .remove(0)
            .told;
        assert_eq!(told.unwrap().people, 1);
    });
}

#[test]
fn gp_d2_two_refusals_end_it_and_nobodys_word_does_too() {
    on_both(|town| {
        let it = Town2::new(town);
        let alliance = &it.town.alliance;
        it.file(&it.draft()).unwrap();
        let wordless = alliance.vote_on_order(&it.delegates[0], 1, false, " ", NOW);
        assert!(wordless.is_err(), "a refusal has a reason");
        it.vote(&it.delegates[0], false, NOW).unwrap();
        let refused = it.vote(&it.delegates[1], false, NOW).unwrap();
        assert_eq!(refused, OrderState::Refused);
        assert_eq!(it.kinds(1), [EntryKind::OrderRefused]);
        assert!(matches!(
            it.vote(&it.delegates[2], true, NOW),
            Err(OrderActError::NotNow(OrderState::Refused))
        ));
        it.file(&it.draft()).unwrap();
        let late = NOW.plus_millis(ORDER_WAIT_MILLIS);
        let outcome = alliance.vote_on_order(&it.delegates[0], 2, true, "", late);
        assert!(matches!(outcome, Err(OrderActError::NotNow(_))));
        alliance.tend_orders(late).unwrap();
        let figures = alliance.order_report(late).unwrap().years[0].1;
        assert_eq!((figures.refused, figures.lapsed), (1, 1));
    });
}

#[test]
fn an_officer_ends_an_order_before_its_time_with_a_reason() {
    on_both(|town| {
        let it = Town2::new(town);
        let alliance = &it.town.alliance;
        it.file(&it.draft()).unwrap();
        let end = |reason: &str| alliance.end_order(&it.town.officer, 1, reason, NOW);
        assert!(matches!(end("why"), Err(OrderActError::NotNow(_))));
        it.vote(&it.delegates[0], true, NOW).unwrap();
        it.vote(&it.delegates[1], true, NOW).unwrap();
        assert!(end("").is_err());
        end("A court quashed it.").unwrap();
        let known = alliance.custody().lawful_order(1).unwrap().unwrap();
        assert!(!known.stands(NOW));
        assert_eq!(it.kinds(1), [EntryKind::OrderEnded]);
        assert!(matches!(
            alliance.end_order(&it.delegates[0], 1, "why", NOW),
            Err(OrderActError::Alliance(_))
        ));
    });
}

#[test]
fn what_makes_no_sense_is_told_before_anybody_decides() {
    on_both(|town| {
        let it = Town2::new(town);
        let wrong = |change: &dyn Fn(&mut OrderDraft)| {
            let mut draft = it.draft();
            change(&mut draft);
            it.file(&draft).unwrap_err()
        };
        use OrderActError as E;
        assert!(matches!(
            wrong(&|it| it.authority = " ".to_owned()),
            E::Words
        ));
        assert!(matches!(
            wrong(&|it| it.section = "x".repeat(161)),
            E::Words
        ));
        assert!(matches!(
            wrong(&|it| it.deployment = "nope".to_owned()),
            E::Deployment
        ));
        assert!(matches!(
            wrong(&|it| it.recipient = "nope".to_owned()),
            E::Recipient
        ));
        assert!(matches!(wrong(&|it| it.data = None), E::Data));
        assert!(matches!(
            wrong(&|it| it.fields = "/power".to_owned()),
            E::Fields
        ));
        assert!(matches!(
            wrong(&|it| it.data = Some(OrderData::Content)),
            E::Fields
        ));
        assert!(matches!(
            wrong(&|it| {
                it.data = Some(OrderData::Content);
                it.fields = "/nope".to_owned();
            }),
            E::Fields
        ));
        assert!(matches!(
            wrong(&|it| it.people = String::new()),
            E::People(_)
        ));
        assert!(matches!(
            wrong(&|it| it.people = "p-nobody".to_owned()),
            E::People(_)
        ));
        assert!(matches!(wrong(&|it| it.until = day(-1)), E::Days));
        assert!(matches!(wrong(&|it| it.until = day(100)), E::Days));
        assert!(matches!(wrong(&|it| it.until = "soon".to_owned()), E::Days));
        assert!(matches!(wrong(&|it| it.from = day(2)), E::Days));
        assert!(matches!(wrong(&|it| it.from = day(-400)), E::Days));
        assert!(matches!(wrong(&|it| it.embargo = day(-2)), E::Days));
        assert!(matches!(wrong(&|it| it.embargo = day(500)), E::Days));
        assert!(matches!(
            wrong(&|it| it.document_sha256 = "abc".to_owned()),
            E::Document
        ));
        assert!(
            it.town
                .alliance
                .orders(&it.town.officer)
                .unwrap()
                .is_empty()
        );
        assert!(it.town.alliance.orders(&it.town.resident).is_err());
    });
}

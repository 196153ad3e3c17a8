//! An alliance with one member and one deployment.

use alliance::{Actor, Alliance, Member, Office};
use custody::{Custody, CustodyOptions};
use model::{Chamber, DeploymentId, MemberId, Text, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
pub(crate) const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

pub(crate) struct Town {
    pub(crate) alliance: Alliance,
    pub(crate) officer: Actor,
    pub(crate) resident: Actor,
}

pub(crate) fn home() -> DeploymentId {
    DeploymentId::parse("gulberg-home").unwrap()
}

pub(crate) fn member(id: &str) -> Member {
    let text = |it: &str| Text {
        en: it.to_owned(),
        ur: "ادارہ".to_owned(),
    };
    Member {
        id: MemberId::parse(id).unwrap(),
        chamber: Chamber::Vendors,
        name: text("Lahore Power"),
        about: text("Sells power."),
        joined_at: NOW,
    }
}

/// Runs a test on SQLite and PostgreSQL.
pub(crate) fn on_both(test: impl Fn(Town)) {
    let sets = [&custody::MIGRATION_SETS[..], &[&alliance::MIGRATIONS]].concat();
    for (_, db) in testkit::databases_with(&sets) {
        let directory = testkit::temp_dir();
        let options = CustodyOptions {
            directory: directory.path().to_owned(),
            record_origin: "record.example/test".to_owned(),
        };
        let custody = Custody::open(&options, db.clone()).unwrap();
        let alliance = Alliance::open(custody, db).unwrap();
        alliance
            .register_member(&Actor::Operator, &member("lahore-power"))
            .unwrap();
        alliance
            .publish_notice(&Actor::Operator, NOTICE, NOW)
            .unwrap();
        let account = |office| {
            Actor::Account(
                alliance
                    .create_account(&Actor::Operator, office, NOW)
                    .unwrap(),
            )
        };
        test(Town {
            officer: account(Office::Licensing),
            resident: account(Office::Resident),
            alliance,
        });
    }
}

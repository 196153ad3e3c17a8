//! A data directory with one home that a person lives in and one street without a licence, made through the
//! alliance's own use cases before the server starts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use alliance::{Actor, Alliance, Member, Office};
use custody::{Custody, CustodyOptions, MAX_READINGS, Place, TimelineReading};
use model::{
    Assignment, Chamber, DeploymentId, Grant, MemberId, PersonId, PurposeId, RecipientId, Role,
    Text, ThingId, Timestamp,
};
use store::Db;
use tempfile::TempDir;

use super::mosquitto::Client;
use super::process::{Amanat, serve, serve_on_full_disk};

/// The notice of the home.
pub(crate) const HOME_NOTICE: &str = include_str!("../home.toml");
const STREET_NOTICE: &str = include_str!("../street.toml");

/// The deployment with a person.
pub(crate) const HOME: &str = "test-home";
/// The thing in the home.
pub(crate) const METER: &str = "test-meter";

/// The data directory, and what was shown once when it was made.
pub(crate) struct House {
    pub(crate) directory: TempDir,
    pub(crate) database: String,
    passwords: BTreeMap<String, String>,
    pub(crate) resident: PersonId,
    /// The paths of one-time links.
    pub(crate) resident_link: String,
    pub(crate) officer_link: String,
}

impl House {
    /// On SQLite.
    pub(crate) fn new() -> Self {
        Self::on(&testkit::sqlite())
    }

    /// On any database.
    pub(crate) fn on(database: &str) -> Self {
        Self::declaring(database, HOME_NOTICE)
    }

    /// On any database, with a notice of the home.
    pub(crate) fn declaring(database: &str, home_notice: &str) -> Self {
        Self::declared(database, home_notice, now())
    }

    /// On any database; what was declared and granted holds for long enough to have a history.
    pub(crate) fn settled(database: &str) -> Self {
        let before = now().plus_millis(-2 * custody::SETTLE_MILLIS);
        Self::declared(database, HOME_NOTICE, before)
    }

    fn declared(database: &str, home_notice: &str, now: Timestamp) -> Self {
        let directory = testkit::temp_dir();
        let db = Db::open(database).unwrap();
        let custody = open(directory.path(), &db);
        let alliance = Alliance::open(custody.clone(), db).unwrap();
        let mut builder = Builder {
            alliance: &alliance,
            now,
            passwords: BTreeMap::new(),
        };
        builder.declare(home_notice);
        builder.register();
        let resident = builder.account(Office::Resident);
        let officer = builder.account(Office::Licensing);
        builder.assign(&resident);
        let resident_link = builder.link(&resident);
        let officer_link = builder.link(&officer);
        let passwords = builder.passwords;
        custody.close().unwrap();
        Self {
            directory,
            database: database.to_owned(),
            passwords,
            resident,
            resident_link,
            officer_link,
        }
    }

    /// Starts the server on it.
    pub(crate) fn serve(&self, settings: &[&str]) -> Amanat {
        serve(self.directory.path(), &self.database, settings)
    }

    /// The URL of its database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Starts the server where nothing more can be written to the log.
    pub(crate) fn serve_on_full_disk(&self) -> Amanat {
        serve_on_full_disk(self.directory.path(), &self.database)
    }

    /// Every value of `field` that is recorded about the person, read while no server runs.
    pub(crate) fn recorded(&self, field: &str) -> Vec<String> {
        let readings = self.timeline();
        let fields = readings.iter().flat_map(|it| &it.fields);
        let fields = fields.filter(|it| it.pointer == *field);
        fields.map(|it| it.value.clone()).collect()
    }

    /// Everything that is recorded about the person, read while no server runs.
    pub(crate) fn timeline(&self) -> Vec<TimelineReading> {
        let db = Db::open(&self.database).unwrap();
        let custody = open(self.directory.path(), &db);
        let now = now();
        let mut readings = Vec::new();
        let mut place = Some(Place::before(now.plus_millis(60_000)));
        while let Some(here) = place {
            let timeline = custody
                .timeline(&self.resident, here, MAX_READINGS, now)
                .unwrap();
            readings.extend(timeline.readings);
            place = timeline.older;
        }
        custody.close().unwrap();
        readings
    }

    /// The password of a thing or a recipient.
    #[track_caller]
    pub(crate) fn password(&self, user_name: &str) -> &str {
        &self.passwords[user_name]
    }

    /// A stock client of `user_name`.
    pub(crate) fn client<'a>(
        &'a self,
        server: SocketAddr,
        version: &'a str,
        user_name: &'a str,
    ) -> Client<'a> {
        Client {
            server,
            version,
            user_name,
            password: self.password(user_name),
            certificate: None,
            identity: None,
        }
    }
}

struct Builder<'a> {
    alliance: &'a Alliance,
    now: Timestamp,
    passwords: BTreeMap<String, String>,
}

impl Builder<'_> {
    fn declare(&self, home_notice: &str) {
        let text = |en: &str, ur: &str| Text {
            en: en.to_owned(),
            ur: ur.to_owned(),
        };
        let member = Member {
            id: MemberId::parse("power-company").unwrap(),
            chamber: Chamber::Vendors,
            name: text("Power company", "بجلی کمپنی"),
            about: text("Sells power.", "بجلی بیچتی ہے۔"),
            joined_at: self.now,
        };
        let by = Actor::Operator;
        self.alliance.register_member(&by, &member).unwrap();
        for notice in [home_notice, STREET_NOTICE] {
            self.alliance.publish_notice(&by, notice, self.now).unwrap();
        }
    }

    fn register(&mut self) {
        let by = Actor::Operator;
        for (thing, deployment) in [(METER, HOME), ("test-box", "test-street")] {
            let id = ThingId::parse(thing).unwrap();
            let token = self
                .alliance
                .register_thing(&by, &id, &deployment_id(deployment), self.now)
                .unwrap();
            self.keep(thing, &token);
        }
        for recipient in ["adviser", "laboratory"] {
            let id = RecipientId::parse(recipient).unwrap();
            let token = self
                .alliance
                .register_recipient(&by, &id, self.now)
                .unwrap();
            self.keep(recipient, &token);
        }
        // The adviser has no grant for marketing, which its notice declares.
        for (recipient, purpose, deployment) in [
            ("adviser", "energy-advice", HOME),
            ("laboratory", "research", HOME),
            ("laboratory", "research", "test-street"),
        ] {
            let grant = Grant {
                recipient: RecipientId::parse(recipient).unwrap(),
                purpose: PurposeId::parse(purpose).unwrap(),
                deployment: deployment_id(deployment),
                valid_from: self.now,
                valid_until: None,
            };
            self.alliance.grant(&by, &grant, self.now).unwrap();
        }
    }

    fn keep(&mut self, name: &str, token: &custody::Token) {
        self.passwords
            .insert(name.to_owned(), token.expose_secret().to_owned());
    }

    fn account(&self, office: Office) -> PersonId {
        let account = self
            .alliance
            .create_account(&Actor::Operator, office, self.now)
            .unwrap();
        if office == Office::Licensing {
            let officer = Actor::Account(account.clone());
            self.alliance
                .issue_licence(
                    &officer,
                    &deployment_id(HOME),
                    None,
                    "it is in order",
                    self.now,
                )
                .unwrap();
        }
        account.id
    }

    fn assign(&self, person: &PersonId) {
        let assignment = Assignment {
            thing: ThingId::parse(METER).unwrap(),
            person: person.clone(),
            role: Role::Household,
            valid_from: model::Timestamp::EPOCH,
            valid_until: None,
        };
        self.alliance
            .assign(&Actor::Operator, &assignment, self.now)
            .unwrap();
    }

    fn link(&self, person: &PersonId) -> String {
        let link = self
            .alliance
            .one_time_link(&Actor::Operator, person, self.now)
            .unwrap();
        format!("/sign-in/once/{}", link.expose_secret())
    }
}

fn open(directory: &Path, db: &Db) -> Custody {
    let options = CustodyOptions {
        directory: directory.to_owned(),
        record_origin: "record.example/test".to_owned(),
    };
    Custody::open(&options, db.clone()).unwrap()
}

fn deployment_id(id: &str) -> DeploymentId {
    DeploymentId::parse(id).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

//! A small alliance with the three deployments of the samples.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use alliance::{Account, Actor, Alliance, Member, Office};
use axum::Router;
use custody::{Custody, CustodyOptions, Filter, Peer, RecipientPeer};
use jiff::tz::TimeZone;
use model::{
    Assignment, Chamber, DeploymentId, Grant, MemberId, PurposeId, RecipientId, Role, Text,
    ThingId, Timestamp,
};
use tokio::sync::mpsc;

use super::browser::Browser;
use crate::{PublicUrl, SiteOptions};

/// 22 November 2026, 15:00 in Karachi.
pub(super) const NOW: Timestamp = crate::page::sample::NOW;
pub(super) const HOME: &str = "gulberg-homes";

const NOTICES: [&str; 3] = [
    include_str!("../../samples/home.toml"),
    include_str!("../../samples/bus.toml"),
    include_str!("../../samples/air.toml"),
];

pub(super) struct World {
    pub(super) alliance: Alliance,
    pub(super) router: Router,
    pub(super) resident: Account,
    pub(super) neighbour: Account,
    pub(super) officer: Account,
    /// How many milliseconds after [`NOW`] it is.
    pub(super) later: Arc<AtomicI64>,
    meter: String,
    lab: String,
    /// Lives as long as the world.
    directory: tempfile::TempDir,
}

fn text(en: &str) -> Text {
    Text {
        en: en.to_owned(),
        ur: "ادارہ".to_owned(),
    }
}

fn deployment() -> DeploymentId {
    DeploymentId::parse(HOME).unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        Self::at("http://127.0.0.1:8080")
    }

    pub(super) fn at(public_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("rows.db").display());
        let db = store::Db::open(&url).unwrap();
        let options = CustodyOptions {
            directory: directory.path().to_owned(),
            record_origin: "amanat.example/record".to_owned(),
        };
        let custody = Custody::open(&options, db.clone()).unwrap();
        let alliance = Alliance::open(custody, db).unwrap();
        let account = |office| {
            alliance
                .create_made_up_account(&Actor::Operator, office, NOW)
                .unwrap()
        };
        let (resident, neighbour) = (account(Office::Resident), account(Office::Resident));
        let officer = account(Office::Licensing);
        register(&alliance, &officer);
        let (meter, lab) = connect(&alliance, &resident);
        let later = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&later);
        Self {
            router: crate::router(SiteOptions {
                alliance: alliance.clone(),
                public_url: PublicUrl::parse(public_url).unwrap(),
                time_zone: TimeZone::get(crate::DEFAULT_TIME_ZONE).unwrap(),
                private_destinations: false,
                clock: Arc::new(move || NOW.plus_millis(clock.load(Ordering::Relaxed))),
                ready: Arc::new(|| true),
            }),
            alliance,
            later,
            resident,
            neighbour,
            officer,
            meter,
            lab,
            directory,
        }
    }

    pub(super) fn custody(&self) -> &Custody {
        self.alliance.custody()
    }

    /// The home's next notice: billing rests on a legitimate interest, to which people can object.
    pub(super) fn open_billing_to_objection(&self) {
        let next = include_str!("../../samples/home.toml")
            .replace("basis = \"contract\"", "basis = \"legitimate-interest\"");
        self.alliance
            .publish_notice(&Actor::Operator, &next, NOW)
            .unwrap();
    }

    /// Puts another text in the rows, as an older server may have accepted it.
    pub(super) fn rewrite_first_version(&self, source: &str) {
        let url = format!("sqlite:{}", self.directory.path().join("rows.db").display());
        let db = store::Db::open(&url).unwrap();
        let rewritten = db.write(|tx| {
            let sql = "UPDATE notice_version SET source = $1 WHERE deployment = $2 AND version = 1";
            tx.execute(sql, &[source.into(), HOME.into()])
        });
        assert_eq!(rewritten.unwrap(), 1);
    }

    /// A browser of nobody.
    pub(super) fn stranger(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// The path of a fresh one-time link.
    pub(super) fn link(&self, account: &Account) -> String {
        let link = self
            .alliance
            .one_time_link(
                &Actor::Operator,
                &account.id,
                NOW.plus_millis(self.later.load(Ordering::Relaxed)),
            )
            .unwrap();
        crate::Route::SignInOnce(link.expose_secret().to_owned()).to_string()
    }

    /// A browser in which the account is signed in, by the link and its button.
    pub(super) async fn signed_in(&self, account: &Account) -> Browser {
        let mut browser = self.stranger();
        let link = self.link(account);
        browser.get(&link).await;
        let answer = browser.post(&link, &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// The lab, as it is known with its token.
    pub(super) fn lab(&self, at: Timestamp) -> Arc<RecipientPeer> {
        let lab = self.lab.as_bytes();
        match self.custody().authenticate("energy-lab", lab, at) {
            Some(Peer::Recipient(lab)) => lab,
            _ => panic!("the lab is known"),
        }
    }

    /// One message of the meter, delivered to the lab if it may have anything; what the lab got.
    pub(super) fn send(&self, message: &str, at: Timestamp) -> Option<String> {
        let custody = self.custody();
        let lab = self.lab(at);
        let Some(Peer::Thing(meter)) = custody.authenticate("meter-17", self.meter.as_bytes(), at)
        else {
            panic!("the meter is known");
        };
        let (outbox, mut inbox) = mpsc::channel(4);
        let filter = Filter {
            purpose: PurposeId::parse("research").unwrap(),
            deployment: None,
            thing: None,
            condition: None,
            native: None,
        };
        let subscription = custody.subscribe(&lab, filter, outbox, 0, NOW).unwrap();
        let lsn = custody.ingest(&meter, message.as_bytes(), at).unwrap();
        custody.wait_durable(lsn).unwrap();
        let got = inbox.try_recv().ok().and_then(|delivery| {
            let permit = custody.permit(&delivery, at)?;
            let (payload, _receipt) = permit.into_payload();
            Some(String::from_utf8(payload.to_vec()).unwrap())
        });
        drop(subscription);
        custody.tick(at).unwrap();
        got
    }
}

fn register(alliance: &Alliance, officer: &Account) {
    for (id, name, chamber) in [
        ("lahore-power", "Lahore Power", Chamber::Vendors),
        ("city-transport", "City transport company", Chamber::Vendors),
        ("clean-air-office", "Clean air office", Chamber::Government),
    ] {
        let member = Member {
            id: MemberId::parse(id).unwrap(),
            chamber,
            name: text(name),
            about: text("Does its work."),
            joined_at: NOW,
        };
        alliance.register_member(&Actor::Operator, &member).unwrap();
    }
    for notice in NOTICES {
        let first = notice
            .replace("version = 2", "version = 1")
            .replace("version = 3", "version = 1");
        let notice = alliance
            .publish_notice(&Actor::Operator, &first, NOW)
            .unwrap();
        let officer = Actor::Account(officer.clone());
        let reason = "All controls are met.";
        alliance
            .issue_licence(&officer, &notice.deployment, None, reason, NOW)
            .unwrap();
    }
}

/// The meter of the resident and the lab that may receive from it: their credentials.
fn connect(alliance: &Alliance, resident: &Account) -> (String, String) {
    let meter = ThingId::parse("meter-17").unwrap();
    let lab = RecipientId::parse("energy-lab").unwrap();
    let operator = Actor::Operator;
    let meter_token = alliance
        .register_thing(&operator, &meter, &deployment(), NOW)
        .unwrap();
    let lab_token = alliance.register_recipient(&operator, &lab, NOW).unwrap();
    let grant = Grant {
        recipient: lab,
        purpose: PurposeId::parse("research").unwrap(),
        deployment: deployment(),
        valid_from: NOW.plus_millis(-86_400_000),
        valid_until: None,
    };
    alliance.grant(&operator, &grant, NOW).unwrap();
    let assignment = Assignment {
        thing: meter,
        person: resident.id.clone(),
        role: Role::Household,
        valid_from: model::Timestamp::EPOCH,
        valid_until: None,
    };
    alliance.assign(&operator, &assignment, NOW).unwrap();
    (
        meter_token.expose_secret().to_owned(),
        lab_token.expose_secret().to_owned(),
    )
}

//! One licensed home with a person, one bus line that knows people by a card, two recipients.

use std::path::PathBuf;
use std::sync::Arc;

use custody::{
    ActError, Custody, CustodyOptions, Delivery, Filter, Peer, RecipientPeer, Subscription,
    ThingPeer, Token,
};
use model::{
    Assignment, Choice, DeploymentId, Entry, EntryKind, Grant, Level, Licence, LicenceState,
    Notice, PersonId, Pointer, PurposeId, RecipientId, Role, ThingId, Timestamp,
};
use store::Db;
use tokio::sync::mpsc;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

pub(crate) struct House {
    pub(crate) custody: Custody,
    pub(crate) db: Db,
    pub(crate) directory: PathBuf,
    pub(crate) meter: Token,
    pub(crate) validator: Token,
    pub(crate) utility: Token,
    pub(crate) university: Token,
}

pub(crate) fn deployment(id: &str) -> DeploymentId {
    DeploymentId::parse(id).unwrap()
}

pub(crate) fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

/// Runs a test on SQLite and PostgreSQL.
pub(crate) fn on_both(test: impl Fn(House)) {
    for (name, db) in testkit::databases_with(&custody::MIGRATION_SETS) {
        println!("on {name}");
        let directory = testkit::temp_dir();
        test(house(db.clone(), directory.path().to_owned()));
    }
}

pub(crate) fn open(db: &Db, directory: &std::path::Path) -> Custody {
    let options = CustodyOptions {
        directory: directory.to_owned(),
        record_origin: "record.example/test".to_owned(),
    };
    Custody::open(&options, db.clone()).unwrap()
}

pub(crate) fn house(db: Db, directory: PathBuf) -> House {
    let custody = open(&db, &directory);
    let tokens = custody
        .act(NOW, |act| {
            for source in [include_str!("home.toml"), include_str!("bus.toml")] {
                act.publish_notice(&Notice::parse(source).unwrap(), source)?;
            }
            for id in ["home", "bus"] {
                act.set_licence(&deployment(id), licence(LicenceState::Active))?;
            }
            act.record(Entry {
                at: NOW,
                kind: EntryKind::LicenceIssued,
                about: "deployment:home".to_owned(),
                by: "office:test".to_owned(),
                reason: "first light".to_owned(),
                document_sha256: None,
            });
            let meter =
                act.register_thing(&ThingId::parse("meter-1").unwrap(), &deployment("home"))?;
            let validator =
                act.register_thing(&ThingId::parse("validator-1").unwrap(), &deployment("bus"))?;
            let utility = act.register_recipient(&RecipientId::parse("utility-desk").unwrap())?;
            let university = act.register_recipient(&RecipientId::parse("university").unwrap())?;
            for (recipient, purpose) in [("utility-desk", "billing"), ("university", "research")] {
                for id in ["home", "bus"] {
                    act.grant(&Grant {
                        recipient: RecipientId::parse(recipient).unwrap(),
                        purpose: PurposeId::parse(purpose).unwrap(),
                        deployment: deployment(id),
                        valid_from: NOW,
                        valid_until: Some(NOW.plus_millis(1_000_000)),
                    })?;
                }
            }
            act.assign(&Assignment {
                thing: ThingId::parse("meter-1").unwrap(),
                person: person("p-resident"),
                role: Role::Household,
                valid_from: model::Timestamp::EPOCH,
                valid_until: None,
            })?;
            act.link_subject(&deployment("bus"), "card-7", &person("p-resident"))?;
            Ok::<_, ActError>([meter, validator, utility, university])
        })
        .unwrap();
    let [meter, validator, utility, university] = tokens;
    House {
        custody,
        db,
        directory,
        meter,
        validator,
        utility,
        university,
    }
}

pub(crate) fn licence(state: LicenceState) -> Licence {
    Licence { state, until: None }
}

pub(crate) fn choice(field: &str, purpose: &str, recipient: &str, level: Level) -> Choice {
    Choice {
        person: person("p-resident"),
        deployment: deployment("home"),
        field: Pointer::parse(field).unwrap(),
        purpose: PurposeId::parse(purpose).unwrap(),
        recipient: RecipientId::parse(recipient).unwrap(),
        level,
    }
}

impl House {
    pub(crate) fn thing(&self, id: &str, token: &Token) -> Arc<ThingPeer> {
        match self
            .custody
            .authenticate(id, token.expose_secret().as_bytes(), NOW)
        {
            Some(Peer::Thing(thing)) => thing,
            other => panic!("{other:?} is no thing"),
        }
    }

    pub(crate) fn recipient(&self, id: &str, token: &Token) -> Arc<RecipientPeer> {
        match self
            .custody
            .authenticate(id, token.expose_secret().as_bytes(), NOW)
        {
            Some(Peer::Recipient(recipient)) => recipient,
            other => panic!("{other:?} is no recipient"),
        }
    }

    /// Subscribes to everything for a purpose, with an outbox of `capacity`.
    pub(crate) fn listen(
        &self,
        id: &str,
        token: &Token,
        purpose: &str,
        capacity: usize,
    ) -> Listener {
        let (outbox, inbox) = mpsc::channel(capacity);
        let filter = Filter {
            purpose: PurposeId::parse(purpose).unwrap(),
            deployment: None,
            thing: None,
            condition: None,
            native: None,
        };
        let subscription = self
            .custody
            .subscribe(&self.recipient(id, token), filter, outbox, 7, NOW)
            .unwrap();
        Listener {
            custody: self.custody.clone(),
            inbox,
            _subscription: subscription,
        }
    }

    /// Sends a message of the meter.
    pub(crate) fn measure(&self, payload: &str) {
        let thing = self.thing("meter-1", &self.meter);
        let lsn = self
            .custody
            .ingest(&thing, payload.as_bytes(), NOW)
            .unwrap();
        self.custody.wait_durable(lsn).unwrap();
    }

    /// The same house after its process has ended; cleanly or not.
    pub(crate) fn reopened(self, cleanly: bool) -> Self {
        if cleanly {
            self.custody.close().unwrap();
        }
        let Self {
            custody,
            db,
            directory,
            meter,
            validator,
            utility,
            university,
        } = self;
        drop(custody);
        Self {
            custody: open(&db, &directory),
            db,
            directory,
            meter,
            validator,
            utility,
            university,
        }
    }
}

pub(crate) struct Listener {
    custody: Custody,
    inbox: mpsc::Receiver<Delivery>,
    _subscription: Subscription,
}

impl Listener {
    /// Takes the next payload and does not hand it on after all.
    pub(crate) fn withdraw(&mut self, now: Timestamp) {
        let delivery = self.inbox.try_recv().unwrap();
        let (_, receipt) = self.custody.permit(&delivery, now).unwrap().into_payload();
        receipt.void();
    }

    /// When the right to the next payload ends by itself.
    pub(crate) fn ends_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let delivery = self.inbox.try_recv().unwrap();
        self.custody.permit(&delivery, now).unwrap().ends_at()
    }

    /// The next payload as it leaves now; `None` when nothing may leave or nothing is queued.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<String> {
        let delivery = self.inbox.try_recv().ok()?;
        let _gate = self.custody.delivery_gate();
        let permit = self.custody.permit(&delivery, now)?;
        let (payload, receipt) = permit.into_payload();
        drop(receipt);
        Some(String::from_utf8(payload.to_vec()).unwrap())
    }
}

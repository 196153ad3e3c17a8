//! One licensed deployment with two things, two recipients, and a gateway in front of it.

use std::net::SocketAddr;
use std::sync::Arc;

use custody::{ActError, Custody, CustodyOptions, Token};
use gateway::{Clock, Counter, Counters, Guard, Limits, Listener, PlainReach, ServeOptions};
use model::{
    DeploymentId, Grant, Licence, LicenceState, Notice, PurposeId, RecipientId, ThingId, Timestamp,
};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::Client;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Who may connect: two things and two recipients of the deployment `mall-road`.
pub(crate) struct Tokens {
    pub(crate) box_1: Token,
    pub(crate) box_2: Token,
    pub(crate) health_office: Token,
    pub(crate) university: Token,
}

pub(crate) struct House {
    pub(crate) custody: Custody,
    pub(crate) tokens: Tokens,
    _directory: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let directory = testkit::temp_dir();
        let db = store::Db::open(&testkit::sqlite_with(&custody::MIGRATION_SETS)).unwrap();
        let options = CustodyOptions {
            directory: directory.path().to_owned(),
            record_origin: "record.example/test".to_owned(),
        };
        let custody = Custody::open(&options, db).unwrap();
        let tokens = found(&custody);
        Self {
            custody,
            tokens,
            _directory: directory,
        }
    }

    pub(crate) fn set_licence(&self, state: LicenceState) {
        let licence = Licence { state, until: None };
        self.custody
            .act(NOW, |act| act.set_licence(&deployment(), licence))
            .unwrap();
    }

    /// Starts a gateway on a free port.
    pub(crate) fn serve(&self, limits: Limits) -> Served {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::plain(address, PlainReach::Private).unwrap();
        self.serve_on(listener, limits)
    }

    pub(crate) fn serve_on(&self, listener: Listener, limits: Limits) -> Served {
        let address = listener.local_address();
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let limits = Arc::new(limits);
        let guard = Guard::new(Arc::clone(&limits));
        let options = ServeOptions {
            guard: Arc::clone(&guard),
            limits,
            clock: Clock::start(),
            codecs: None,
        };
        let task = tokio::spawn(gateway::serve(
            vec![listener],
            self.custody.clone(),
            options,
            Arc::clone(&counters),
            async move {
                let _ = stopped.await;
            },
        ));
        Served {
            address,
            counters,
            guard,
            stop: Some(stop),
            task,
        }
    }
}

fn deployment() -> DeploymentId {
    DeploymentId::parse("mall-road").unwrap()
}

fn found(custody: &Custody) -> Tokens {
    let source = include_str!("air.toml");
    custody
        .act(NOW, |act| {
            act.publish_notice(&Notice::parse(source).unwrap(), source)?;
            let licence = Licence {
                state: LicenceState::Active,
                until: None,
            };
            act.set_licence(&deployment(), licence)?;
            let mut thing = |id| act.register_thing(&ThingId::parse(id).unwrap(), &deployment());
            let (box_1, box_2) = (thing("box-1")?, thing("box-2")?);
            let mut recipient = |id, purpose| {
                let recipient = RecipientId::parse(id).unwrap();
                let token = act.register_recipient(&recipient)?;
                act.grant(&Grant {
                    recipient,
                    purpose: PurposeId::parse(purpose).unwrap(),
                    deployment: deployment(),
                    valid_from: NOW,
                    valid_until: None,
                })?;
                Ok::<_, ActError>(token)
            };
            Ok::<_, ActError>(Tokens {
                box_1,
                box_2,
                health_office: recipient("health-office", "health")?,
                university: recipient("university", "research")?,
            })
        })
        .unwrap()
}

/// A gateway that runs.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    pub(crate) guard: Arc<Guard>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Served {
    /// A connection that has said nothing yet.
    pub(crate) async fn dial(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    pub(crate) fn begin_shutdown(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn finished(self) {
        self.task.await.unwrap();
    }

    /// The counters of refusals that are not zero.
    pub(crate) fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.counters
            .snapshot()
            .into_iter()
            .filter(|(counter, value)| counter.is_refusal() && *value > 0)
            .map(|(counter, value)| (counter.name(), value))
            .collect()
    }

    /// Waits until a counter stands at `value`.
    pub(crate) async fn counted(&self, counter: Counter, value: u64) {
        let reached = async {
            while self.counters.value(counter) < value {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::client::PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("{} never reached {value}", counter.name()));
    }
}

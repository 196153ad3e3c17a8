//! A device of a fleet that has no token yet and asks for one over MQTT, as those made for ThingsBoard do.
//!
//! <https://thingsboard.io/docs/user-guide/device-provisioning/>, MQTT API:
//!
//! ```text
//! CONNECT with the user name `provision` and no password
//! SUBSCRIBE /provision/response
//! PUBLISH   /provision/request    {"deviceName":"plug-17","provisionDeviceKey":"<key>","provisionDeviceSecret":"<secret>"}
//! answer    /provision/response   {"status":"SUCCESS","credentialsType":"ACCESS_TOKEN","credentialsValue":"plug-17:<token>"}
//!                                 {"status":"FAILURE","errorMsg":"…"}
//! ```
//!
//! Nobody has said who it is, so such a connection can do nothing else, holds no more than one whose CONNECT is not whole, lasts
//! [`connect_timeout_ms`](crate::Limits::connect_timeout_ms), and asks [`MAX_REQUESTS`] times at most. Its session is never
//! kept. A user name with a password, or a certificate, is looked up as ever.
//!
//! The keys are in the database, so the question is asked apart from the tasks that move bytes: until it is answered the
//! connection is not read, and the packet that asked comes again then.

use std::sync::Arc;
use std::task::{Context, Poll};

use adapters::Answer;
use custody::{ActError, ProvisionError, Transport};
use tokio::task::JoinSet;

use crate::Counter;
use crate::identity::Arrival;
use crate::provisioning::{self, NotProvisioned, Provisioner};
use crate::refusal::{Refusal, RefusalKind};

/// The user name of whoever has none.
const USER_NAME: &str = "provision";
/// Where it asks.
const REQUEST: [&str; 2] = ["/provision/request", "provision/request"];
/// Where it is answered.
const RESPONSE: [&str; 2] = ["/provision/response", "provision/response"];
/// How often it may ask.
const MAX_REQUESTS: u32 = 4;
/// The longest question, in bytes.
const MAX_REQUEST_BYTES: usize = 1_024;

/// Whoever asks for a token.
pub(super) struct Newcomer {
    provisioner: Arc<Provisioner>,
    arrival: Arrival,
    requests: u32,
    /// At most one.
    asking: JoinSet<String>,
    said: Option<String>,
    answers: Vec<Answer>,
}

/// Whether a connection is to be let in as one.
pub(super) fn is_one(user_name: Option<&str>, password: Option<&[u8]>, arrival: &Arrival) -> bool {
    user_name == Some(USER_NAME)
        && password.is_none_or(<[u8]>::is_empty)
        && arrival.identity().is_none()
        && arrival.transport() != Transport::Plain
}

impl Newcomer {
    pub(super) fn new(provisioner: Arc<Provisioner>, arrival: Arrival) -> Self {
        Self {
            provisioner,
            arrival,
            requests: 0,
            asking: JoinSet::new(),
            said: None,
            answers: Vec::new(),
        }
    }

    /// Asks for what a message wants; false until it is answered.
    pub(super) fn prepare(&mut self, topic: &str, payload: &[u8]) -> bool {
        let may_ask = REQUEST.contains(&topic)
            && payload.len() <= MAX_REQUEST_BYTES
            && self.requests < MAX_REQUESTS;
        if !may_ask || self.said.is_some() {
            return true;
        }
        self.requests += 1;
        let (provisioner, arrival) = (Arc::clone(&self.provisioner), self.arrival.clone());
        let payload = payload.to_vec();
        self.asking
            .spawn_blocking(move || answer(&provisioner, &arrival, &payload));
        false
    }

    pub(super) fn is_asking(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Ready when nothing is asked.
    pub(super) fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.asking.is_empty() {
            return Poll::Ready(());
        }
        let Poll::Ready(done) = self.asking.poll_join_next(cx) else {
            return Poll::Pending;
        };
        let said = done.and_then(Result::ok);
        self.said = Some(said.unwrap_or_else(|| failure("the server failed: try again later")));
        Poll::Ready(())
    }

    /// Takes the message that was asked about; it may say nothing else.
    pub(super) fn take(&mut self, topic: &str) -> Result<(), Refusal> {
        let place = REQUEST.iter().position(|it| *it == topic);
        let Some((topic, said)) = place.and_then(|it| RESPONSE.get(it)).zip(self.said.take())
        else {
            return Err(Refusal {
                kind: RefusalKind::Unregistered,
                text: "who connects as `provision` asks for a token on /provision/request, a few times and in few words"
                    .to_owned(),
            });
        };
        self.answers.push(Answer {
            topic: (*topic).to_owned(),
            payload: said.into_bytes(),
            is_retained: false,
        });
        Ok(())
    }

    pub(super) fn answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }
}

/// Blocks on the database.
fn answer(provisioner: &Provisioner, arrival: &Arrival, payload: &[u8]) -> String {
    let Some(wanted) = provisioning::as_thingsboard(payload) else {
        provisioner.count(Counter::ProvisionsRefused);
        return failure(
            "send deviceName, which is an identifier of small letters, digits and hyphens, provisionDeviceKey and provisionDeviceSecret",
        );
    };
    let refused = match provisioner.bring_in(&wanted, Some(arrival)) {
        Ok(token) => {
            provisioner.count(Counter::DevicesProvisioned);
            return provisioning::thingsboard_credentials(&wanted.device, &token);
        }
        Err(refused) => refused,
    };
    provisioner.count(match &refused {
        NotProvisioned::Refused(ProvisionError::Key) => Counter::BadCredentials,
        _ => Counter::ProvisionsRefused,
    });
    match refused {
        NotProvisioned::Refused(ProvisionError::Act(ActError::Taken(_))) => failure(
            "the device came in before: its token is not given twice, ask the operator to renew it",
        ),
        NotProvisioned::Refused(ProvisionError::Act(_)) => {
            failure("the device could not be registered: try again later")
        }
        refused => failure(&refused.to_string()),
    }
}

fn failure(words: &str) -> String {
    serde_json::json!({"status": "FAILURE", "errorMsg": words}).to_string()
}

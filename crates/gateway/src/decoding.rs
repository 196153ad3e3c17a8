//! What a codec is asked about a message, before the message is taken.
//!
//! Most messages need none, which is found out without looking at them: their sender speaks plainly, or nobody has a codec.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use adapters::{Adapter, AllTaken, Question, State, Taken};
use codec::wire::Call;
use custody::{Custody, Publisher};
use model::DeploymentId;

use crate::codecs::{CodecError, Codecs};
use crate::refusal::{Refusal, RefusalKind};
use crate::ways::Arriving;

/// A question that waits to be asked.
#[derive(Debug)]
pub(crate) struct Asking {
    deployment: DeploymentId,
    source: Arc<str>,
    call: Call<'static>,
    /// Of the message.
    fingerprint: u64,
}

/// What a codec said about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    said: Result<String, CodecError>,
    /// Of the message: what was said about one is never taken for another.
    fingerprint: u64,
}

impl Decoded {
    /// Nobody could be asked.
    pub(crate) fn unheard() -> Self {
        Self {
            said: Err(CodecError::Unavailable),
            fingerprint: 0,
        }
    }
}

fn fingerprint(message: &Arriving<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (message.topic, message.payload).hash(&mut hasher);
    hasher.finish()
}

impl Asking {
    /// What has to be asked about a message; nothing when it can be taken as it is.
    pub(crate) fn about(
        custody: &Custody,
        publisher: &Publisher,
        message: &Arriving<'_>,
    ) -> Option<Self> {
        let word = match publisher {
            Publisher::Thing(thing) => thing.adapter()?,
            Publisher::Bridge(bridge) => bridge.adapter(),
        };
        if !custody.has_codecs() {
            return None;
        }
        let adapter = Adapter::parse(&word).filter(|it| {
            matches!(
                it,
                Adapter::Codec | Adapter::TheThingsStack | Adapter::ChirpStack
            )
        })?;
        // These dialects remember nothing, so that a message may be taken apart twice.
        let taken = adapters::take(
            adapter,
            &mut State::default(),
            message.topic,
            message.payload,
        );
        let taken = taken.ok()?.into_iter().next()?;
        let source = source(custody, publisher, message.topic, &taken)?;
        let question = adapters::question(adapter, message.topic, &taken)?;
        let deployment = match publisher {
            Publisher::Thing(thing) => thing.deployment_id(),
            Publisher::Bridge(bridge) => bridge.deployment_id(),
        };
        Some(Self {
            deployment: deployment.clone(),
            source,
            call: call(question),
            fingerprint: fingerprint(message),
        })
    }

    /// Asks; without a pool nothing is decoded.
    pub(crate) async fn asked(self, codecs: Option<&Codecs>) -> Decoded {
        let said = match codecs {
            Some(codecs) => {
                let call = self.call;
                codecs.ask(&self.deployment, &self.source, call).await
            }
            None => Err(CodecError::Unavailable),
        };
        Decoded {
            said,
            fingerprint: self.fingerprint,
        }
    }
}

/// The codec of the thing that a message is about, or else of the bridge that sent it.
fn source(
    custody: &Custody,
    publisher: &Publisher,
    topic: &str,
    taken: &Taken<'_>,
) -> Option<Arc<str>> {
    match publisher {
        Publisher::Thing(thing) => custody.codec(thing.id().as_str()),
        Publisher::Bridge(bridge) => {
            let of_bridge = || custody.codec(bridge.id().as_str());
            let name = taken.device.as_deref().unwrap_or(topic);
            match (bridge.thing(name), &taken.device) {
                (Some(thing), _) => custody.codec(thing.id().as_str()).or_else(of_bridge),
                // The codec may say which devices it is about.
                (None, None) => of_bridge(),
                // What is about nobody's device is not kept, so it is not decoded either.
                (None, Some(_)) => None,
            }
        }
    }
}

fn call(question: Question<'_>) -> Call<'static> {
    match question {
        Question::Uplink(uplink) => Call::DecodeUplink {
            bytes: Cow::Owned(uplink.bytes),
            f_port: uplink.f_port,
            received_at: uplink.received_at.map(|it| Cow::Owned(it.into_owned())),
        },
        Question::Message { topic, bytes } => Call::Decode {
            topic: Cow::Owned(topic.to_owned()),
            bytes: Cow::Owned(bytes.to_vec()),
        },
    }
}

/// The messages with what a codec made of them. A dialect that is nothing without its codec needs one.
pub(crate) fn decoded<'a>(
    adapter: Adapter,
    message: &Arriving<'_>,
    taken: AllTaken<'a>,
    heard: Option<Decoded>,
) -> Result<AllTaken<'a>, Refusal> {
    let Some(it) = taken.first() else {
        return Ok(taken);
    };
    let heard = heard.map(|it| match it.fingerprint == fingerprint(message) {
        true => it.said,
        false => Err(CodecError::Unavailable),
    });
    match heard {
        Some(Ok(data)) => adapters::answered(adapter, it, &data).map_err(|err| Refusal {
            kind: RefusalKind::Malformed,
            text: err.to_string(),
        }),
        Some(Err(err)) => Err(Refusal {
            kind: match err.is_passing() {
                true => RefusalKind::Unavailable,
                false => RefusalKind::Malformed,
            },
            text: err.to_string(),
        }),
        None if adapter == Adapter::Codec => Err(Refusal {
            kind: RefusalKind::Malformed,
            text: "this sender has no codec yet: set one with `amanat codec set`".to_owned(),
        }),
        None => Ok(taken),
    }
}

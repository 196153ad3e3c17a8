//! What the command line asks about webhooks of recipients, as one line of JSON each way.
//!
//! ```text
//! request:  webhooks {"do":"add","recipient":"adviser","url":"https://…","purpose":"energy-advice"} \n
//! answer:   ok {"id":"…","key":"whsec_…"} \n      or  error WORDS \n
//! ```

use std::time::Duration;

use alliance::{Actor, Alliance};
use anyhow::{Context, bail};
use custody::{LastFailure, NewWebhook, WebAddress, WebhookId, WebhookView};
use model::{DeploymentId, PurposeId, RecipientId, ThingId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock;

/// The word in front of a request.
const WORD: &str = "webhooks ";
const BY: Actor = Actor::Operator;
/// How long a test is waited for.
const TEST_PATIENCE: Duration = Duration::from_secs(60);
const TEST_PERIOD: Duration = Duration::from_millis(100);

/// What is asked.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum WebhookRequest {
    Add {
        recipient: String,
        url: String,
        purpose: String,
        deployment: Option<String>,
        thing: Option<String>,
        condition: Option<String>,
    },
    /// Those of one recipient, or all.
    List {
        recipient: Option<String>,
    },
    /// Another signing key.
    Rotate {
        webhook: String,
        overlap_ms: i64,
    },
    Remove {
        webhook: String,
    },
    /// A request without a reading, now.
    Test {
        webhook: String,
    },
}

impl WebhookRequest {
    /// The request as a line.
    pub(crate) fn to_line(&self) -> anyhow::Result<String> {
        Ok(format!("{WORD}{}\n", serde_json::to_string(self)?))
    }

    /// Reads a line; nothing when it is a request of another kind.
    pub(crate) fn parse(line: &str) -> Option<anyhow::Result<Self>> {
        let rest = line.trim_end().strip_prefix(WORD)?;
        Some(serde_json::from_str(rest).context("this request is not known"))
    }
}

/// Does what is asked, and waits for a test; gives the line of the answer.
pub(super) async fn answer(request: anyhow::Result<WebhookRequest>, alliance: &Alliance) -> String {
    let tested = match &request {
        Ok(WebhookRequest::Test { webhook }) => WebhookId::parse(webhook),
        _ => None,
    };
    let own = alliance.clone();
    let done = tokio::task::spawn_blocking(move || act(&own, &request?)).await;
    let mut done = match done {
        Ok(done) => done,
        Err(_) => return "error the server failed\n".to_owned(),
    };
    if let (Ok(value), Some(id)) = (&mut done, tested) {
        *value = outcome(alliance, &id).await;
    }
    match done {
        Ok(value) => format!("ok {value}\n"),
        // A cause may have lines of its own, and an answer has one.
        Err(err) => format!("error {}\n", format!("{err:#}").replace('\n', "; ")),
    }
}

async fn outcome(alliance: &Alliance, id: &WebhookId) -> Value {
    let waited = tokio::time::timeout(TEST_PATIENCE, async {
        loop {
            if let Some(tested) = alliance.custody().webhook_tested(id) {
                return tested;
            }
            tokio::time::sleep(TEST_PERIOD).await;
        }
    });
    match waited.await {
        Ok(Ok(())) => json!({ "taken": true }),
        Ok(Err(failure)) => json!({ "taken": false, "failure": failed(&failure) }),
        Err(_) => json!({ "taken": false, "failure": Value::Null }),
    }
}

/// Does what is asked. What it gives is for the operator only: keys are in it.
pub(crate) fn act(alliance: &Alliance, request: &WebhookRequest) -> anyhow::Result<Value> {
    use WebhookRequest as It;
    let now = clock::now();
    match request {
        It::Add {
            recipient,
            url,
            purpose,
            deployment,
            thing,
            condition,
        } => {
            let wanted = NewWebhook {
                recipient: RecipientId::parse(recipient)?,
                address: WebAddress::parse(url)?,
                purpose: PurposeId::parse(purpose)?,
                deployment: deployment.as_deref().map(DeploymentId::parse).transpose()?,
                thing: thing.as_deref().map(ThingId::parse).transpose()?,
                condition: condition.clone(),
            };
            let (id, key) = alliance.add_webhook(&BY, &wanted, now)?;
            Ok(json!({ "id": id.as_str(), "key": key.expose_secret() }))
        }
        It::List { recipient } => {
            let recipient = recipient.as_deref().map(RecipientId::parse).transpose()?;
            let all = alliance.custody().webhooks(recipient.as_ref())?;
            let all: Vec<_> = all.iter().map(shown).collect();
            Ok(json!({ "webhooks": all }))
        }
        It::Rotate {
            webhook,
            overlap_ms,
        } => {
            let until = now.plus_millis((*overlap_ms).max(0));
            let key = alliance.rotate_webhook(&BY, &one(webhook)?, until, now)?;
            Ok(json!({ "id": webhook, "key": key.expose_secret(), "until": until.to_string() }))
        }
        It::Remove { webhook } => {
            alliance.remove_webhook(&BY, &one(webhook)?)?;
            Ok(json!({}))
        }
        It::Test { webhook } => {
            alliance.test_webhook(&BY, &one(webhook)?)?;
            Ok(json!({}))
        }
    }
}

fn one(id: &str) -> anyhow::Result<WebhookId> {
    match WebhookId::parse(id) {
        Some(id) => Ok(id),
        None => bail!("`{id}` is no identifier of a webhook: see `amanat webhook list`"),
    }
}

fn shown(it: &WebhookView) -> Value {
    let time = |it: Option<Timestamp>| it.map(|it| it.to_string());
    let tested = it.tested.map(|(at, outcome)| {
        let failure = outcome.err().as_ref().map(failed);
        json!({ "at": at.to_string(), "taken": outcome.is_ok(), "failure": failure })
    });
    json!({
        "id": it.id.as_str(),
        "recipient": it.recipient.as_str(),
        "purpose": it.purpose.as_str(),
        "deployment": it.deployment.as_ref().map(DeploymentId::as_str),
        "thing": it.thing.as_ref().map(ThingId::as_str),
        "where": it.condition,
        "origin": it.origin,
        "state": it.state.as_str(),
        "made": it.made_at.to_string(),
        "failures-in-a-row": it.attempts,
        "last-success": time(it.last_success_at),
        "last-failure": it.last_failure.as_ref().map(failed),
        "next-try": time(it.next_attempt_at),
        "waits-since": time(it.waits_since),
        "missed": it.missed.map(|(from, until)| json!({
            "from": from.to_string(),
            "until": until.to_string(),
        })),
        "tested": tested,
    })
}

fn failed(failure: &LastFailure) -> Value {
    json!({
        "at": failure.at.to_string(),
        "what": failure.class.as_str(),
        "status": failure.status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_as_written() {
        for request in [
            WebhookRequest::List { recipient: None },
            WebhookRequest::Add {
                recipient: "adviser".to_owned(),
                url: "https://a.example/in?token=1".to_owned(),
                purpose: "energy-advice".to_owned(),
                deployment: None,
                thing: Some("plug-1".to_owned()),
                condition: Some("/name = \"a\nb\"".to_owned()),
            },
        ] {
            let line = request.to_line().unwrap();
            assert_eq!(line.lines().count(), 1);
            assert_eq!(WebhookRequest::parse(&line).unwrap().unwrap(), request);
        }
        assert!(WebhookRequest::parse("operate {}").is_none());
        assert!(
            WebhookRequest::parse(r#"webhooks {"do":"steal"}"#)
                .unwrap()
                .is_err()
        );
        assert!(one("../x").is_err());
    }
}

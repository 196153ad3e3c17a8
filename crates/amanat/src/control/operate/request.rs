//! The requests, as they go over the socket.

use anyhow::Context;
use custody::Identity;
use model::{BridgeId, RecipientId, ThingId};
use serde::{Deserialize, Serialize};

/// The word in front of a request.
const WORD: &str = "operate ";
/// What is asked.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum OperatorRequest {
    AddMember {
        member: String,
        chamber: String,
        name: [String; 2],
        about: [String; 2],
    },
    PublishNotice {
        source: String,
    },
    ListMembers {
        page: PageRequest,
    },
    ShowMember {
        member: String,
    },
    ListDeployments {
        page: PageRequest,
    },
    ShowDeployment {
        deployment: String,
    },
    ShowLicence {
        deployment: String,
    },
    Licence {
        deployment: String,
        decision: Decision,
        until: Option<String>,
        reason: String,
    },
    /// Registers things; with `dry_run` only says what is wrong.
    AddThings {
        deployment: String,
        things: Vec<ThingRequest>,
        dry_run: bool,
    },
    ListThings {
        deployment: String,
        page: PageRequest,
    },
    ShowThing {
        thing: String,
    },
    /// An empty text takes the topic or the dialect away.
    ChangeThing {
        thing: String,
        topic: Option<String>,
        adapter: Option<String>,
    },
    RemoveThing {
        thing: String,
    },
    /// From now on the thing does not sense the person; without one: nobody.
    ReleaseThing {
        thing: String,
        person: Option<String>,
    },
    /// A code with which a resident takes the thing.
    ClaimCode {
        thing: String,
        role: String,
        days: u32,
    },
    /// Brings an export back into an account; the server reads the file.
    ImportExport {
        file: String,
        person: String,
        key: Option<String>,
    },
    /// Without a script there is none any more.
    SetCodec {
        who: WhoRequest,
        source: Option<String>,
    },
    AddBridge {
        bridge: String,
        deployment: String,
        adapter: String,
    },
    ListBridges {
        page: PageRequest,
    },
    /// Without a thing the bridge means none by the name any more.
    Link {
        bridge: String,
        name: String,
        thing: Option<String>,
    },
    Seen {
        bridge: String,
    },
    /// A key with which the devices of a fleet get tokens of their own.
    AddKey {
        key: String,
        deployment: String,
        pattern: String,
        adapter: Option<String>,
        uses: i64,
        days: u32,
    },
    ListKeys {
        page: PageRequest,
    },
    /// Which devices a key brought in.
    ShowKey {
        key: String,
    },
    EndKey {
        key: String,
    },
    AddRecipient {
        recipient: String,
    },
    ListRecipients {
        page: PageRequest,
    },
    ShowRecipient {
        recipient: String,
    },
    Grant {
        recipient: String,
        deployment: String,
        purpose: String,
        until: Option<String>,
    },
    /// Without a moment it ends now.
    EndGrant {
        recipient: String,
        deployment: String,
        purpose: String,
        at: Option<String>,
    },
    /// What recipients had things do, the newest first.
    ListCommands {
        deployment: Option<String>,
        thing: Option<String>,
        page: PageRequest,
    },
    /// Without a recipient the publisher only publishes.
    Tie {
        publisher: WhoRequest,
        recipient: Option<String>,
    },
    /// A statistical data set, as JSON.
    /// What recipients were told to erase too.
    ListErasures {
        page: PageRequest,
    },
    DeclareStatistic {
        source: String,
    },
    EndStatistic {
        statistic: String,
        reason: String,
    },
    /// A figure of a period that is over.
    AskStatistic {
        statistic: String,
        from: String,
        figure: String,
        epsilon: String,
    },
    ListStatistics {
        page: PageRequest,
    },
    ShowStatistic {
        statistic: String,
    },
    /// An open data set, as TOML or JSON.
    DeclareDataSet {
        source: String,
    },
    /// Decides on what people gave to it.
    DecideCommons {
        data_set: String,
    },
    ListDataSets {
        page: PageRequest,
    },
    ShowDataSet {
        data_set: String,
    },
    Renew {
        who: WhoRequest,
        overlap_ms: i64,
    },
    Revoke {
        who: WhoRequest,
    },
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageRequest {
    /// Behind this identifier.
    pub(crate) after: Option<String>,
    /// At most so many.
    pub(crate) limit: u32,
}

/// A decision on a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    Issue,
    Suspend,
    Reinstate,
    Revoke,
}

/// A thing that is to be registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThingRequest {
    pub(crate) id: String,
    pub(crate) topic: Option<String>,
    pub(crate) adapter: Option<String>,
    /// The bridge that speaks for it, and its name for it.
    pub(crate) bridge: Option<(String, String)>,
}

/// Whose credential it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhoRequest {
    Thing(String),
    Bridge(String),
    Recipient(String),
}

impl WhoRequest {
    /// Whose credential it is.
    pub(super) fn identity(&self) -> anyhow::Result<Identity> {
        Ok(match self {
            Self::Thing(id) => Identity::Thing(ThingId::parse(id)?),
            Self::Bridge(id) => Identity::Bridge(BridgeId::parse(id)?),
            Self::Recipient(id) => Identity::Recipient(RecipientId::parse(id)?),
        })
    }
}

impl OperatorRequest {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_as_written() {
        for request in [
            OperatorRequest::ListBridges {
                page: PageRequest {
                    after: Some("hub-1".to_owned()),
                    limit: 10,
                },
            },
            OperatorRequest::Revoke {
                who: WhoRequest::Bridge("hub-1".to_owned()),
            },
            OperatorRequest::AddThings {
                deployment: "home".to_owned(),
                things: vec![ThingRequest {
                    id: "plug-1".to_owned(),
                    topic: Some("a/\n\"b".to_owned()),
                    adapter: None,
                    bridge: Some(("hub-1".to_owned(), "Küche".to_owned())),
                }],
                dry_run: true,
            },
        ] {
            let line = request.to_line().unwrap();
            assert_eq!(line.lines().count(), 1);
            assert_eq!(OperatorRequest::parse(&line).unwrap().unwrap(), request);
        }
        assert!(OperatorRequest::parse("sign-in-link first licensing").is_none());
        let unknown = r#"operate {"do":"erase-everything"}"#;
        assert!(OperatorRequest::parse(unknown).unwrap().is_err());
        let more = r#"operate {"do":"show-thing","thing":"plug-1","quietly":true}"#;
        assert!(OperatorRequest::parse(more).unwrap().is_err());
    }
}

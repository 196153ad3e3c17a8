//! The form to add an endpoint, and the page that shows its key.

use askama::Template;
use custody::{AddressError, MAX_DESTINATIONS};
use model::Timestamp;

use crate::form::FormToken;
use crate::page::{Page, sample};
use crate::route::{EndpointKind, Route};
use crate::shell::{Shell, Viewer};

/// What is wrong with a new endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointError {
    /// The address or one of its parts.
    Address(AddressError),
    /// The host is in a network of its own, not on the internet.
    Local,
    /// The password or key.
    Secret,
    /// The person has as many as they may.
    TooMany,
    /// Addresses were tried too often for today.
    TooSoon(Timestamp),
}

impl EndpointError {
    fn words(self, shell: &Shell) -> String {
        let address = match self {
            Self::Address(address) => address,
            Self::Local => return shell.say("dest-error-local"),
            Self::Secret => return shell.say("dest-error-secret"),
            Self::TooSoon(when) => {
                let line = shell.with("dest-too-soon");
                return line.set("time", shell.moment(&when)).to_string();
            }
            Self::TooMany => {
                let line = shell.with("dest-full");
                return line.set("limit", MAX_DESTINATIONS).to_string();
            }
        };
        shell.say(match address {
            AddressError::Scheme => "dest-error-scheme",
            AddressError::UserInfo => "dest-error-user-info",
            AddressError::Host => "dest-error-host",
            AddressError::Punycode => "dest-error-punycode",
            AddressError::Port => "dest-error-port",
            AddressError::Path => "dest-error-path",
            AddressError::TooLong => "dest-error-long",
            AddressError::Topic => "dest-error-topic",
            AddressError::Word => "dest-error-word",
            AddressError::Empty => "dest-error-empty",
        })
    }
}

/// What a person wrote into the form; the password is never written back.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointInput {
    /// The address.
    pub(crate) url: String,
    /// The topic of a broker.
    pub(crate) topic: String,
    /// The user of a broker.
    pub(crate) user: String,
    /// The region of a bucket.
    pub(crate) region: String,
    /// The name of a bucket.
    pub(crate) bucket: String,
    /// The folder in a bucket.
    pub(crate) prefix: String,
    /// How a bucket is named.
    pub(crate) style: String,
    /// The id of the access key.
    pub(crate) key_id: String,
}

/// The form for a new endpoint.
#[derive(Template)]
#[template(path = "new_destination.html")]
pub(crate) struct NewDestinationPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// What kind.
    pub(crate) kind: EndpointKind,
    /// What was written.
    pub(crate) input: EndpointInput,
    /// What was wrong with it.
    pub(crate) error: Option<EndpointError>,
}

impl Page for NewDestinationPage {
    const NAME: &'static str = "new-destination";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |kind, url: &str, error| Self {
            shell: sample::signed_in(shell, Route::NewDestination(kind)),
            form: FormToken::sample(),
            kind,
            input: EndpointInput {
                url: url.to_owned(),
                ..EndpointInput::default()
            },
            error,
        };
        let scheme = EndpointError::Address(AddressError::Scheme);
        vec![
            ("webhook", page(EndpointKind::Webhook, "", None)),
            ("broker", page(EndpointKind::Broker, "", None)),
            ("bucket", page(EndpointKind::Bucket, "", None)),
            (
                "error",
                page(
                    EndpointKind::Webhook,
                    "http://data.example.org",
                    Some(scheme),
                ),
            ),
            (
                "secret",
                page(
                    EndpointKind::Bucket,
                    "https://s3.example.org",
                    Some(EndpointError::Secret),
                ),
            ),
        ]
    }
}

/// An endpoint was added; its key is shown this once.
#[derive(Template)]
#[template(path = "made_destination.html")]
pub(crate) struct MadeDestinationPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What the person knows it by.
    pub(crate) label: String,
    /// The signing key, where we made one.
    pub(crate) key: Option<String>,
}

impl Page for MadeDestinationPage {
    const NAME: &'static str = "made-destination";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |key: Option<&str>| Self {
            shell: sample::signed_in(shell, Route::Destinations),
            label: "https://data.example.org".to_owned(),
            key: key.map(str::to_owned),
        };
        vec![
            (
                "key",
                page(Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")),
            ),
            ("plain", page(None)),
        ]
    }
}

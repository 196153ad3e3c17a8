//! The record of a site, read over HTTP.

use std::time::Duration;

use record::LogStore;
use ureq::Agent;

/// The longest file of a record: a bundle of 256 entries of 64 KiB.
const MAX_FILE_BYTES: u64 = 256 * (64 * 1024 + 2);
/// How long one file may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A file of the record could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpStoreError {
    /// No answer.
    #[error("cannot read `{url}`")]
    Request {
        /// The file.
        url: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// An answer, but neither the file nor "not found".
    #[error("`{url}` answers with status {status}")]
    Status {
        /// The file.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A record elsewhere is only read.
    #[error("`{0}` cannot be written over HTTP")]
    ReadOnly(String),
}

/// Files below a URL.
#[derive(Debug)]
pub(crate) struct HttpStore {
    agent: Agent,
    base: String,
}

impl HttpStore {
    /// The files below `base`.
    pub(crate) fn new(base: String) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            agent: config.into(),
            base,
        }
    }

    /// The verifier key that the site publishes beside the files of the record.
    pub(crate) fn read_key(&mut self) -> Result<Option<Vec<u8>>, HttpStoreError> {
        self.get(format!("{}.vkey", self.base))
    }

    fn get(&self, url: String) -> Result<Option<Vec<u8>>, HttpStoreError> {
        let failed = |source| HttpStoreError::Request {
            url: url.clone(),
            source: Box::new(source),
        };
        let mut response = self.agent.get(&url).call().map_err(failed)?;
        match response.status().as_u16() {
            200 => response
                .body_mut()
                .with_config()
                .limit(MAX_FILE_BYTES)
                .read_to_vec()
                .map(Some)
                .map_err(failed),
            404 => Ok(None),
            status => Err(HttpStoreError::Status { url, status }),
        }
    }
}

impl LogStore for HttpStore {
    type Error = HttpStoreError;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, HttpStoreError> {
        self.get(format!("{}/{path}", self.base))
    }

    fn write(&mut self, path: &str, _: &[u8]) -> Result<(), HttpStoreError> {
        Err(HttpStoreError::ReadOnly(path.to_owned()))
    }
}

//! A root key under a key that stays in a key server: the Transit engine of HashiCorp Vault and of OpenBao, over their HTTP API.
//!
//! The file holds the name of the server's key and what the server made of the root key. At the start the server opens it once; the
//! root key is then in memory, as with every protection. Taking the token or the key away on the server keeps a stolen copy of the data
//! directory shut, and the server's own log says when it was opened.
//!
//! # What is written into the file
//! `KEY CIPHERTEXT`: the name of the key in the engine, and the text that `encrypt` gave (`vault:v1:…`). Requests: `POST
//! {address}/v1/{mount}/encrypt|decrypt/{key}` with `{"plaintext": base64}` or `{"ciphertext": text}`, header `X-Vault-Token`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use zeroize::{Zeroize as _, Zeroizing};

use super::private::{self, Unfit};
use super::{Protection, ProtectionError};
use crate::crypto::KEY_BYTES;

/// How long the server has for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
/// The longest text of a sealed key.
const MAX_CIPHERTEXT_BYTES: usize = 8 * 1024;
const MAX_TOKEN_BYTES: u64 = 8 * 1024;
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// Where the key server is and what we are there.
#[derive(Debug, Clone)]
pub struct TransitOptions {
    /// `https://host:port`; plain `http` only to this machine.
    pub address: String,
    /// Where the Transit engine is mounted; as a rule `transit`.
    pub mount: String,
    /// The name of the key in the engine: letters, digits, `-`, `_`, `.`.
    pub key: String,
    /// The file with the token, which only its owner may read. Read again for each request, so the token may be renewed.
    pub token_file: PathBuf,
    /// The namespace, where the server has several.
    pub namespace: Option<String>,
    /// The certificates that the server's is checked against, PEM; without it those that browsers trust.
    pub ca_file: Option<PathBuf>,
}

/// Protects a root key with a key server.
pub struct Transit {
    options: TransitOptions,
    agent: Agent,
}

/// The key server did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransitError {
    /// The settings make no sense.
    #[error("`{setting}` of the key server {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file could not be read.
    #[error("cannot read `{path}`")]
    File {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Others may read the token.
    #[error("the token file `{path}` is open to others (mode {mode:03o}): run `chmod 600 {path}`")]
    OpenToOthers {
        /// Where.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },
    /// There was no answer.
    #[error("the key server at {address} does not answer: check that it runs and can be reached")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// It refused.
    #[error("the key server at {address} answers {status} to `{act}`: {remedy}")]
    Refused {
        /// Where.
        address: String,
        /// `encrypt` or `decrypt`.
        act: &'static str,
        /// The HTTP status.
        status: u16,
        /// What to do.
        remedy: &'static str,
    },
    /// It said something else.
    #[error(
        "the key server at {address} answers to `{act}` with something that is no answer of a Transit engine"
    )]
    Answer {
        /// Where.
        address: String,
        /// `encrypt` or `decrypt`.
        act: &'static str,
    },
    /// The file was made with another key.
    #[error(
        "the root key file was made with the key `{found}` of the key server, the settings say `{wanted}`"
    )]
    OtherKey {
        /// In the file.
        found: String,
        /// In the settings.
        wanted: String,
    },
    /// The file is damaged.
    #[error("the root key file is damaged: restore it from its backup")]
    Malformed,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    plaintext: String,
    #[serde(default)]
    ciphertext: String,
}

impl Drop for Data {
    fn drop(&mut self) {
        self.plaintext.zeroize();
    }
}

impl TransitOptions {
    /// Looks at the settings alone: no file is read and nobody is asked.
    ///
    /// # Errors
    /// When one makes no sense.
    pub fn check(&self) -> Result<(), TransitError> {
        check_address(&self.address)?;
        check_path("mount", &self.mount, true)?;
        check_path("key", &self.key, false)
    }
}

impl Transit {
    /// With checked settings; the server is not asked yet.
    ///
    /// # Errors
    /// When a setting makes no sense, or the certificates cannot be read.
    pub fn new(options: TransitOptions) -> Result<Self, TransitError> {
        options.check()?;
        let tls = TlsConfig::builder();
        let tls = match &options.ca_file {
            Some(path) => tls.root_certs(certificates(path)?),
            None => tls,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .tls_config(tls.build())
            .build();
        Ok(Self {
            agent: config.into(),
            options,
        })
    }

    fn ask(&self, act: &'static str, body: &str) -> Result<Answer, TransitError> {
        let TransitOptions {
            address,
            mount,
            key,
            namespace,
            ..
        } = &self.options;
        let url = format!("{}/v1/{mount}/{act}/{key}", address.trim_end_matches('/'));
        let unreachable = |source| TransitError::Unreachable {
            address: address.clone(),
            source: Box::new(source),
        };
        let token = self.token()?;
        let mut request = self
            .agent
            .post(&url)
            .header("content-type", "application/json")
            .header("x-vault-request", "true")
            .header("x-vault-token", token.as_str());
        if let Some(namespace) = namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let mut response = request.send(body).map_err(unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(TransitError::Refused {
                address: address.clone(),
                act,
                status,
                remedy: remedy(status),
            });
        }
        let answer = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec()
            .map(Zeroizing::new)
            .map_err(unreachable)?;
        serde_json::from_slice(&answer).map_err(|_| self.no_answer(act))
    }

    fn no_answer(&self, act: &'static str) -> TransitError {
        TransitError::Answer {
            address: self.options.address.clone(),
            act,
        }
    }

    fn token(&self) -> Result<Zeroizing<String>, TransitError> {
        let path = &self.options.token_file;
        let failed = |source| TransitError::File {
            path: path.clone(),
            source,
        };
        let file = private::open(path).map_err(|unfit| match unfit {
            Unfit::Io(source) => failed(source),
            Unfit::OpenToOthers(mode) => TransitError::OpenToOthers {
                path: path.clone(),
                mode,
            },
        })?;
        let text = read(file, MAX_TOKEN_BYTES).map_err(failed)?;
        let token = Zeroizing::new(text.trim().to_owned());
        let is_token = !token.is_empty() && token.bytes().all(|it| it.is_ascii_graphic());
        if !is_token {
            return Err(TransitError::Setting {
                setting: "token-file",
                problem: "has no token in it: one line of printable characters",
            });
        }
        Ok(token)
    }
}

impl Protection for Transit {
    fn word(&self) -> &'static str {
        "transit"
    }

    fn protect(&self, root: &Zeroizing<[u8; KEY_BYTES]>) -> Result<String, ProtectionError> {
        let plaintext = Zeroizing::new(STANDARD.encode(root.as_slice()));
        let body = Zeroizing::new(format!("{{\"plaintext\":\"{}\"}}", plaintext.as_str()));
        let answer = self.ask("encrypt", &body)?;
        let sealed = &answer.data.ciphertext;
        if !is_sealed(sealed) {
            return Err(self.no_answer("encrypt").into());
        }
        Ok(format!("{} {sealed}", self.options.key))
    }

    fn open(&self, fields: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, ProtectionError> {
        let (key, sealed) = fields.split_once(' ').ok_or(TransitError::Malformed)?;
        if key != self.options.key {
            return Err(TransitError::OtherKey {
                found: key.to_owned(),
                wanted: self.options.key.clone(),
            }
            .into());
        }
        if !is_sealed(sealed) {
            return Err(TransitError::Malformed.into());
        }
        let answer = self.ask("decrypt", &format!("{{\"ciphertext\":\"{sealed}\"}}"))?;
        let bytes = STANDARD.decode(&answer.data.plaintext).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| self.no_answer("decrypt"))?;
        let mut root = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return Err(self.no_answer("decrypt").into());
        }
        root.copy_from_slice(&bytes);
        Ok(root)
    }
}

/// What goes into the file and into JSON as it is.
fn is_sealed(text: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b":+/=-_".contains(&it);
    (1..=MAX_CIPHERTEXT_BYTES).contains(&text.len()) && text.bytes().all(is_plain)
}

fn remedy(status: u16) -> &'static str {
    match status {
        400 => "the key there is not the one that the file was made with, or the file was changed",
        403 => "the token is not valid, or its policy does not allow this",
        404 => "there is no such engine or key; see `mount` and `key`",
        429 | 500..=599 => "it is sealed, on standby or overloaded; try again later",
        _ => "see its log",
    }
}

fn check_address(address: &str) -> Result<(), TransitError> {
    let problem = |problem| {
        Err(TransitError::Setting {
            setting: "address",
            problem,
        })
    };
    if let Some(host) = address.strip_prefix("https://") {
        return if host.is_empty() {
            problem("has no host")
        } else {
            Ok(())
        };
    }
    let Some(rest) = address.strip_prefix("http://") else {
        return problem("does not begin with https://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    match name {
        "127.0.0.1" | "[::1]" | "localhost" => Ok(()),
        _ => problem(
            "begins with http:// and is not this machine: the token and the root key would go there in clear",
        ),
    }
}

fn check_path(setting: &'static str, text: &str, may_have_slash: bool) -> Result<(), TransitError> {
    let is_plain = |it: u8| {
        it.is_ascii_alphanumeric() || b"-_.".contains(&it) || (may_have_slash && it == b'/')
    };
    let is_sane = !text.is_empty() && text.bytes().all(is_plain) && !text.contains("..");
    if is_sane {
        return Ok(());
    }
    let problem = "has other characters than letters, digits, `-`, `_` and `.`, or none";
    Err(TransitError::Setting { setting, problem })
}

fn certificates(path: &Path) -> Result<RootCerts, TransitError> {
    let failed = |source| TransitError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let text = read(file, MAX_PEM_BYTES).map_err(failed)?;
    let found: Vec<Certificate<'static>> = parse_pem(text.as_bytes())
        .filter_map(|it| match it {
            Ok(PemItem::Certificate(it)) => Some(it),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(TransitError::Setting {
            setting: "ca-file",
            problem: "has no certificate in it",
        });
    }
    Ok(RootCerts::from(found))
}

fn read(file: File, longest: u64) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    file.take(longest).read_to_string(&mut text)?;
    Ok(text)
}

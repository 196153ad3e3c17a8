//! `amanat ca …`: certificates of devices, by the authority of this installation or by a maker's. `amanat tls reload`.
//!
//! Only who may use the data directory can do this. While a server runs it is asked through its control socket, and what
//! is done is in force there when the command returns; otherwise the data directory is opened here.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use custody::{DEFAULT_CERTIFICATE_DAYS, MAX_CERTIFICATE_BYTES};
use data_encoding::BASE64;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use serde_json::Value;

use super::listing;
use super::operator::{self, Place};
use crate::control::{self, CertificatesRequest};
use crate::data_directory;
use crate::exit::{Exit, Stop};
use crate::server::Kept;
use crate::ui;

#[derive(Debug, Subcommand)]
pub(crate) enum Ca {
    /// Begin the authority that certifies devices of this installation
    Init(Init),
    /// Print the authority's certificate, PEM
    Certificate(Place),
    /// Give a thing a certificate
    Issue(Issue),
    /// Give the thing of a certificate the next one
    Renew(Renew),
    /// End a certificate before its time, and the connections that it opened
    Revoke(Revoke),
    /// List certificates that hold, and makers that are believed
    List(List),
    /// Believe a maker's authority about the things of a deployment
    Trust(Trust),
    /// Believe a maker's authority no more
    Distrust(Distrust),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tls {
    /// Read the server's certificate and key again, now
    Reload(Place),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The name in its certificate
    #[arg(long, default_value = "Amanat devices")]
    name: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
#[group(id = "key", required = true, multiple = false, args = ["request", "new_key"])]
pub(crate) struct KeyArguments {
    /// The device's signing request, PKCS #10 in PEM or DER: its key stays in the device
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Make a key here and write it to this new file: for devices that cannot make their own
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Wanted {
    #[command(flatten)]
    key: KeyArguments,
    /// For how many days it holds
    #[arg(long, default_value_t = DEFAULT_CERTIFICATE_DAYS)]
    days: u32,
    /// Write the certificate to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// The identifier of the thing
    thing: String,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The serial number of the certificate that holds now
    serial: String,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The serial number, hexadecimal
    serial: String,
    /// The maker whose certificate it is [default: one of ours]
    #[arg(long, value_name = "MAKER")]
    maker: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of this thing only
    #[arg(long)]
    thing: Option<String>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// The certificate of the maker's authority, PEM or DER
    certificate: PathBuf,
    /// For the things of this deployment
    #[arg(long)]
    deployment: String,
    /// Where the identifier of a thing stands, such as cn:{thing}, uri:urn:dev:mac:{thing} or dns:{thing}.maker.example
    #[arg(long, value_name = "PATTERN")]
    subject_pattern: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Distrust {
    /// The maker's authority, as `amanat ca list` shows it
    maker: String,
    /// At this deployment
    #[arg(long)]
    deployment: String,
    #[command(flatten)]
    place: Place,
}

const NAME_IT: &str = "name it with --data";
const NEXT: &str = "nothing was changed; see docs/how-to/use-certificates.md";

/// Does it and prints what came of it.
pub(crate) fn run(ca: Ca) -> Result<Exit, Stop> {
    match ca {
        Ca::Init(it) => {
            let answer = ask(it.place, &CertificatesRequest::Begin { name: it.name })?;
            ui::words(&format!("authority: {}", text(&answer, "authority")));
            ui::words(&format!("until: {}", text(&answer, "until")));
            print_certificate(&answer, None)
        }
        Ca::Certificate(place) => {
            let answer = ask(place, &CertificatesRequest::Authority)?;
            print_certificate(&answer, None)
        }
        Ca::Issue(it) => {
            let thing = it.thing;
            give(it.wanted, |request, days| CertificatesRequest::Issue {
                thing,
                request,
                days,
            })
        }
        Ca::Renew(it) => {
            let serial = it.serial;
            give(it.wanted, |request, days| CertificatesRequest::Renew {
                serial,
                request,
                days,
            })
        }
        Ca::Revoke(it) => {
            let (serial, maker) = (it.serial, it.maker);
            let answer = ask(it.place, &CertificatesRequest::Revoke { serial, maker })?;
            match text(&answer, "thing") {
                "" => ui::data("revoked"),
                thing => ui::data(&format!("revoked: {thing}")),
            }
            Ok(Exit::Ok)
        }
        Ca::List(it) => {
            let answer = ask(it.place, &CertificatesRequest::List { thing: it.thing })?;
            match it.json {
                true => ui::data(&listing::json_line(&answer)),
                false => print_list(&answer),
            }
            Ok(Exit::Ok)
        }
        Ca::Trust(it) => {
            let certificate =
                read_certificate(&it.certificate).map_err(|err| Stop::invalid(err, NEXT))?;
            let request = CertificatesRequest::Trust {
                certificate: BASE64.encode(&certificate),
                deployment: it.deployment,
                pattern: it.subject_pattern,
            };
            let answer = ask(it.place, &request)?;
            ui::data(&format!("maker: {}", text(&answer, "maker")));
            Ok(Exit::Ok)
        }
        Ca::Distrust(it) => {
            let (maker, deployment) = (it.maker, it.deployment);
            ask(
                it.place,
                &CertificatesRequest::Distrust { maker, deployment },
            )?;
            Ok(Exit::Ok)
        }
    }
}

/// Asks the running server to read its files again.
pub(crate) fn run_tls(Tls::Reload(place): Tls) -> Result<Exit, Stop> {
    let next = "nothing was changed; the server goes on with what it has";
    let config = place.config(NAME_IT).map_err(|it| it.with_next(next))?;
    let line = CertificatesRequest::Reload.to_line();
    let line = line.map_err(|err| Stop::failure(err, NEXT))?;
    match operator::answered(&config, &line) {
        Ok(Some(answer)) => {
            ui::data(text(&answer, "said"));
            Ok(Exit::Ok)
        }
        Ok(None) => Err(Stop::failure(
            anyhow!("no server uses this data directory"),
            NAME_IT,
        )),
        Err(err) => Err(Stop::failure(err, next)),
    }
}

fn ask(place: Place, request: &CertificatesRequest) -> Result<Value, Stop> {
    let config = place.config(NAME_IT)?;
    let failed = |err: anyhow::Error| Stop::failure(err, NEXT);
    let line = request.to_line().map_err(failed)?;
    if let Some(answer) = operator::answered(&config, &line).map_err(failed)? {
        return Ok(answer);
    }
    // Nobody answers: the data directory is free, or opening it says who has it.
    let kept = Kept::open(&config)?;
    let answer = control::certificates::act(&kept.alliance, None, request).map_err(failed);
    kept.close()?;
    answer
}

fn give(
    wanted: Wanted,
    request: impl FnOnce(String, u32) -> CertificatesRequest,
) -> Result<Exit, Stop> {
    let signing = signing_request(&wanted.key).map_err(|err| Stop::invalid(err, NEXT))?;
    let request = request(BASE64.encode(&signing), wanted.days);
    let answer = ask(wanted.place, &request).inspect_err(|_| {
        // No certificate holds for the key that was made here: the next try can have its name.
        let _ = wanted.key.new_key.as_deref().map(std::fs::remove_file);
    })?;
    ui::words(&format!("serial: {}", text(&answer, "serial")));
    ui::words(&format!("until: {}", text(&answer, "until")));
    print_certificate(&answer, wanted.out.as_deref())
}

/// The device's request, or one for a key that is made here and never leaves this process but to its file.
fn signing_request(key: &KeyArguments) -> anyhow::Result<Vec<u8>> {
    if let Some(path) = &key.request {
        let bytes = read(path)?;
        return Ok(match CertificateSigningRequestDer::from_pem_slice(&bytes) {
            Ok(request) => request.as_ref().to_vec(),
            Err(_) => bytes,
        });
    }
    let path = key.new_key.as_deref().context("name a signing request")?;
    let made = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&made)?;
    let secret = zeroize::Zeroizing::new(made.serialize_pem());
    data_directory::write_secret(path, secret.as_bytes())
        .with_context(|| format!("cannot write the key to the new file `{}`", path.display()))?;
    Ok(request.der().as_ref().to_vec())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read `{}`", path.display());
    let length = std::fs::metadata(path).with_context(context)?.len();
    // PEM is a third longer than what is in it.
    if length > 2 * u64::try_from(MAX_CERTIFICATE_BYTES)? {
        bail!("`{}` is too long", path.display());
    }
    std::fs::read(path).with_context(context)
}

fn read_certificate(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read(path)?;
    Ok(match CertificateDer::from_pem_slice(&bytes) {
        Ok(certificate) => certificate.as_ref().to_vec(),
        Err(_) => bytes,
    })
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn print_certificate(answer: &Value, out: Option<&Path>) -> Result<Exit, Stop> {
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in text(answer, "certificate").as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----");
    match out {
        None => ui::data(&pem),
        Some(path) => std::fs::write(path, format!("{pem}\n")).map_err(|err| {
            let err = anyhow!(err).context(format!("cannot write `{}`", path.display()));
            Stop::failure(
                err,
                "the certificate was issued: revoke it, or issue another",
            )
        })?,
    }
    Ok(Exit::Ok)
}

fn print_list(answer: &Value) {
    let rows = |name: &str| answer.get(name).and_then(Value::as_array).cloned();
    for row in rows("certificates").unwrap_or_default() {
        let state = match text(&row, "revoked") {
            "" => format!("until {}", text(&row, "until")),
            at => format!("revoked {at}"),
        };
        let (serial, thing) = (text(&row, "serial"), text(&row, "thing"));
        ui::data(&format!("{serial}  {thing}  {state}"));
    }
    for row in rows("makers").unwrap_or_default() {
        ui::data(&format!(
            "maker {}  {}  {}",
            text(&row, "maker"),
            text(&row, "deployment"),
            text(&row, "pattern")
        ));
    }
}

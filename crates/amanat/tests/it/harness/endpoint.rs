//! A person's own web server: HTTPS with a certificate of a test authority; it keeps the readings that it is sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use super::PATIENCE;

/// What the endpoint says to a parcel of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has them.
    Taken,
    /// It has them, but what it answers does not say so.
    Lost,
}

/// A web server that runs until the test process ends.
pub(crate) struct OwnEndpoint {
    /// Where readings go.
    pub(crate) url: String,
    readings: Arc<Mutex<Vec<Value>>>,
}

impl OwnEndpoint {
    /// Starts it, and writes the certificate of its authority into `roots`. `reply` is asked with the number of the parcel.
    pub(crate) fn serve(
        roots: &Path,
        reply: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let config = Arc::new(identity(roots));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "https://localhost:{}/in",
            listener.local_addr().unwrap().port()
        );
        let readings = Arc::new(Mutex::new(Vec::new()));
        let parcels = Arc::new(Mutex::new(0));
        let reply = Arc::new(reply);
        let kept = Arc::clone(&readings);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, kept) = (Arc::clone(&config), Arc::clone(&kept));
                let (parcels, reply) = (Arc::clone(&parcels), Arc::clone(&reply));
                thread::spawn(move || {
                    let next = || {
                        let mut parcels = parcels.lock().unwrap();
                        *parcels += 1;
                        reply(*parcels)
                    };
                    // The server may be killed in the middle of anything.
                    let _ = talk(stream.unwrap(), config, &kept, next);
                });
            }
        });
        Self { url, readings }
    }

    /// Every reading so far, in the order in which they came, those that came again too.
    pub(crate) fn readings(&self) -> Vec<Value> {
        self.readings.lock().unwrap().clone()
    }
}

fn identity(roots: &Path) -> ServerConfig {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Authority of a test");
    params.distinguished_name = name;
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(roots, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}

/// One request and its answer.
fn talk(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    kept: &Mutex<Vec<Value>>,
    next: impl FnOnce() -> Answer,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let Some(body) = body(&mut stream)? else {
        return Ok(());
    };
    let request: Value = serde_json::from_slice(&body).unwrap();
    let (status, text) = if request["type"] == json!("amanat.check") {
        (200, request["data"]["token"].as_str().unwrap())
    } else {
        let readings = request["data"].as_array();
        let readings = readings.map_or(&[][..], Vec::as_slice);
        kept.lock().unwrap().extend_from_slice(readings);
        let answer = match readings.is_empty() {
            // A test.
            true => Answer::Taken,
            false => next(),
        };
        match answer {
            Answer::Taken => (200, ""),
            Answer::Lost => (500, ""),
        }
    };
    let length = text.len();
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{text}");
    stream.write_all(answer.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// The body of a request; `None` when the connection ends before it is whole.
fn body(stream: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head
            .lines()
            .find_map(|it| it.strip_prefix("content-length: "));
        let length: usize = length.unwrap().parse().unwrap();
        if bytes.len() >= end + 4 + length {
            return Ok(Some(bytes.split_off(end + 4)));
        }
    }
}

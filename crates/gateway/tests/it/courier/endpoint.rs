//! A small HTTPS server with a certificate of a test authority: it keeps what it was asked, and answers what the test says.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A certificate authority that nobody else trusts.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "Authority of a test");
        params.distinguished_name = name;
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for `endpoint.test` and a name below it, with its key.
    pub(crate) fn issue(&self) -> (rcgen::Certificate, KeyPair) {
        let names = ["endpoint.test", "mine.endpoint.test"].map(str::to_owned);
        let params = CertificateParams::new(names.to_vec()).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(it, _)| it == name);
        &found.unwrap_or_else(|| panic!("no header {name}")).1
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub(crate) struct Endpoint {
    pub(crate) port: u16,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl Endpoint {
    pub(crate) async fn serve(
        authority: &Authority,
        reply: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let (certificate, key) = authority.issue();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tx, requests) = mpsc::unbounded_channel();
        let reply = Arc::new(reply);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, tx, reply) = (acceptor.clone(), tx.clone(), Arc::clone(&reply));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let request = read(&mut stream).await;
                    let answer = reply(&request);
                    let _ = tx.send(request);
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { port, requests }
    }

    pub(crate) async fn next(&mut self) -> Request {
        let next = tokio::time::timeout(Duration::from_secs(20), self.requests.recv());
        next.await.expect("a request in time").unwrap()
    }

    pub(crate) fn is_untouched(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Request {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at;
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    };
    let mut body = bytes.split_off(head_end + 4);
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.trim_end().lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap(), first.next().unwrap());
    let headers: Vec<_> = lines
        .map(|it| it.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while body.len() < length {
        assert!(stream.read_buf(&mut body).await.unwrap() > 0);
    }
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body,
    }
}

/// Checks an AWS Signature Version 4 from the text of the specification, header by header as the request names them.
pub(crate) fn is_signed_v4(request: &Request, key_id: &str, secret: &str, region: &str) -> bool {
    use ring::{digest, hmac};
    let hex = |it: &[u8]| it.iter().map(|it| format!("{it:02x}")).collect::<String>();
    let sha = |it: &[u8]| hex(digest::digest(&digest::SHA256, it).as_ref());
    let mac = |key: &[u8], text: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let given = request.header("authorization").to_owned();
    let part = |name: &str| {
        let rest = given.split(&format!("{name}=")).nth(1).unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    let (credential, names) = (part("Credential"), part("SignedHeaders"));
    let at = request.header("x-amz-date");
    let day = &at[..8];
    if credential != format!("{key_id}/{day}/{region}/s3/aws4_request")
        || sha(&request.body) != request.header("x-amz-content-sha256")
        || !["host", "x-amz-content-sha256", "x-amz-date"]
            .iter()
            .all(|it| names.split(';').any(|name| name == *it))
    {
        return false;
    }
    let headers: String = names
        .split(';')
        .map(|it| format!("{it}:{}\n", request.header(it)))
        .collect();
    let canonical = [
        request.method.as_str(),
        &request.path,
        "",
        &headers,
        &names,
        request.header("x-amz-content-sha256"),
    ]
    .join("\n");
    let text = format!(
        "AWS4-HMAC-SHA256\n{at}\n{day}/{region}/s3/aws4_request\n{}",
        sha(canonical.as_bytes())
    );
    let key = mac(format!("AWS4{secret}").as_bytes(), day);
    let key = mac(&mac(&mac(&key, region), "s3"), "aws4_request");
    part("Signature") == hex(&mac(&key, &text))
}

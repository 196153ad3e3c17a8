//! One HTTP/1.1 request on one connection, with an answer of a bounded size. Redirects are answers like any other.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use custody::{FailureClass, WebAddress};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The most bytes of an answer that are read; the rest is never asked for.
const MAX_ANSWER_BYTES: usize = 4 * 1024;
/// The most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const USER_AGENT: &str = "amanat-courier/1";

/// What a web server answered to what it took.
pub(super) struct Taken {
    /// The beginning of the body.
    pub(super) body: Bytes,
}

/// Ends the connection's task with the request, however that ends.
struct Ends(tokio::task::JoinHandle<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a request; anything but a success is a failure.
pub(super) async fn send(
    stream: TlsStream<TcpStream>,
    host: &str,
    request: Request<Body>,
) -> Result<Taken, FailureClass> {
    let (answer, _ends) = exchange(stream, host, request).await?;
    class_of(answer.status())?;
    // A body that is longer is cut off with its connection: what was taken is taken.
    let body = to_bytes(Body::new(answer.into_body()), MAX_ANSWER_BYTES).await;
    Ok(Taken {
        body: body.unwrap_or_default(),
    })
}

/// Sends a request and gives status and headers of the answer. Of its body nothing is read.
pub(super) async fn head(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    request: Request<Body>,
) -> Result<(StatusCode, HeaderMap), FailureClass> {
    let (answer, _ends) = exchange(stream, host, request).await?;
    Ok((answer.status(), answer.headers().clone()))
}

/// Sends a request; the answer's body can be read while the second part lives.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    mut request: Request<Body>,
) -> Result<(Response<Incoming>, Ends), FailureClass> {
    let host = HeaderValue::from_str(host).map_err(|_| FailureClass::Protocol)?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, host);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| FailureClass::Protocol)?;
    let ends = Ends(tokio::spawn(async move {
        // Its failure is the request's failure.
        let _ = connection.await;
    }));
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|err| match err.is_parse() {
        true => FailureClass::Protocol,
        false => FailureClass::Connect,
    })?;
    Ok((answer, ends))
}

/// What a status says.
pub(super) fn class_of(status: StatusCode) -> Result<(), FailureClass> {
    match status.as_u16() {
        200..=299 => Ok(()),
        300..=399 => Err(FailureClass::Redirect),
        401 | 403 => Err(FailureClass::Credentials),
        _ => Err(FailureClass::Refused),
    }
}

/// A request for a path on a web server.
pub(super) fn request(
    method: &str,
    path: &str,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<Request<Body>, FailureClass> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
        .map_err(|_| FailureClass::Protocol)
}

/// The `Host` header of an address.
pub(super) fn host_of(address: &WebAddress) -> String {
    address.authority()
}

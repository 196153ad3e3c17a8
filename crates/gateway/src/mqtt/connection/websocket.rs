//! MQTT over WebSocket (3.1.1 and 5.0 section 6, RFC 6455): packets in binary frames, which need not be whole packets.
//!
//! | what comes | what happens |
//! |---|---|
//! | a request of HTTP/1 that does not ask for WebSocket | 426 with a sentence (RFC 9110 section 15.5.22), then closed |
//! | another request that is no WebSocket handshake, or a head that is too long | closed |
//! | a handshake without the subprotocol `mqtt` | 400 with a sentence (6.0.0-3) |
//! | a handshake from a page of another site (`Origin`, RFC 6455 section 10.2) | let in, but a certificate of the browser counts for nothing: who comes so needs a password |
//! | binary frames | their bytes, one after the other (6.0.0-2) |
//! | a text frame, a frame above its limit, a frame that is not masked | closed (6.0.0-1) |
//! | ping | answered by the library |
//! | close | the end of the connection, with its will if there was no DISCONNECT |

#[cfg(test)]
pub(crate) mod any_bytes;
mod head;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::transport::Transport;
use crate::Limits;
use crate::handover::Handover;

/// The subprotocol (6.0.0-3).
const MQTT: &str = "mqtt";
/// How much the library reads at once; each connection holds as much.
const READ_BYTES: usize = 2 * 1024;
/// How long a frame may be that we write.
const FRAME_BYTES: usize = 64 * 1024;
/// How many bytes of frames may wait for the socket.
const WAITING_BYTES: usize = 256 * 1024;

/// A byte stream in binary frames.
pub(crate) struct WebSocket<T> {
    frames: WebSocketStream<Counted<T>>,
    /// How many of the bytes that were read belong to frames that were given on.
    given_bytes: usize,
    /// What is left of the frame that was read last.
    unread: Bytes,
    is_from_other_site: bool,
}

/// A masked control frame is so much longer than what it says (RFC 6455 section 5.2).
const CONTROL_BYTES: usize = 6;

/// Counts what is read.
struct Counted<T> {
    inner: T,
    read_bytes: usize,
    /// What was read of the handshake already, and is read again.
    head: Bytes,
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = match self.head.is_empty() {
            true => Pin::new(&mut self.inner).poll_read(cx, buffer),
            false => {
                let count = self.head.len().min(buffer.remaining());
                buffer.put_slice(&self.head.split_to(count));
                if self.head.is_empty() {
                    self.head = Bytes::new();
                }
                Poll::Ready(Ok(()))
            }
        };
        let read = buffer.filled().len().saturating_sub(before);
        self.read_bytes = self.read_bytes.saturating_add(read);
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Answers a handshake: only who asks for MQTT is let in. Notes whether a page of another site asks.
struct Handshake<'a> {
    is_from_other_site: &'a mut bool,
}

impl Callback for Handshake<'_> {
    fn on_request(
        self,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        *self.is_from_other_site = is_from_other_site(request);
        let asked = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let is_mqtt = |it: &HeaderValue| {
            let text = it.to_str().unwrap_or_default();
            text.split(',').any(|it| it.trim() == MQTT)
        };
        if asked.iter().any(is_mqtt) {
            let protocol = HeaderValue::from_static(MQTT);
            response
                .headers_mut()
                .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
            return Ok(response);
        }
        let text = "this is MQTT over WebSocket: ask for the subprotocol `mqtt`".to_owned();
        let mut refusal = ErrorResponse::new(Some(text));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        Err(refusal)
    }
}

/// Whether a browser says that a page asks which does not come from this host and port. Clients that are no browsers
/// send no `Origin`, or that of the server.
fn is_from_other_site(request: &Request) -> bool {
    let headers = request.headers();
    let text = |it: &HeaderValue| it.to_str().unwrap_or_default().to_ascii_lowercase();
    let host = headers.get(header::HOST).map(text).unwrap_or_default();
    // 443 is left out by some: only over TLS is there a certificate to protect.
    let host = host.strip_suffix(":443").unwrap_or(&host);
    headers.get_all(header::ORIGIN).iter().map(text).any(|it| {
        let origin = it.strip_prefix("https://").unwrap_or_default();
        host.is_empty() || origin.strip_suffix(":443").unwrap_or(origin) != host
    })
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Waits for the handshake; the caller bounds the time.
    pub(crate) async fn accept(mut transport: T, limits: &Limits) -> io::Result<Self> {
        let head = head::read(&mut transport).await?;
        if head::asks_for_a_page(&head) {
            head::answer(&mut transport).await?;
            let text = "a request that does not ask for WebSocket";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let longest = usize::try_from(limits.max_packet_bytes).unwrap_or(usize::MAX);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WAITING_BYTES)
            .max_frame_size(Some(longest))
            .max_message_size(Some(longest));
        let transport = Counted {
            inner: transport,
            read_bytes: 0,
            head: Bytes::from(head),
        };
        let mut is_from_other_site = false;
        let handshake = Handshake {
            is_from_other_site: &mut is_from_other_site,
        };
        let frames =
            tokio_tungstenite::accept_hdr_async_with_config(transport, handshake, Some(config))
                .await
                .map_err(as_io)?;
        let given_bytes = frames.get_ref().read_bytes;
        Ok(Self {
            frames,
            given_bytes,
            unread: Bytes::new(),
            is_from_other_site,
        })
    }

    /// Whether a page of another site made a browser open it.
    pub(crate) fn is_from_other_site(&self) -> bool {
        self.is_from_other_site
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => {
                    self.unread = bytes;
                    // The start of the next frame may be among what was read; it is less than one read.
                    self.given_bytes = self.frames.get_ref().read_bytes;
                }
                Some(Ok(Message::Text(_))) => {
                    let text = "MQTT comes in binary frames";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                // A ping has been answered by the library. It may come between the fragments of a message.
                Some(Ok(other)) => {
                    let bytes = other.len().saturating_add(CONTROL_BYTES);
                    let given = self.given_bytes.saturating_add(bytes);
                    self.given_bytes = given.min(self.frames.get_ref().read_bytes);
                }
                Some(Err(err)) => return Poll::Ready(Err(as_io(err))),
            }
        }
        let count = self.unread.len().min(buffer.remaining());
        buffer.put_slice(self.unread.get(..count).unwrap_or_default());
        self.unread.advance(count);
        if self.unread.is_empty() {
            // It may be a part of something longer.
            self.unread = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut frames = Pin::new(&mut self.frames);
        ready!(frames.as_mut().poll_ready(cx)).map_err(as_io)?;
        let count = bytes.len().min(FRAME_BYTES);
        let frame = Bytes::copy_from_slice(bytes.get(..count).unwrap_or_default());
        let sent = frames.start_send(Message::Binary(frame));
        Poll::Ready(sent.map(|()| count).map_err(as_io))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.frames).poll_flush(cx).map_err(as_io)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.frames).poll_close(cx).map_err(as_io)
    }
}

impl<T: Transport> Transport for WebSocket<T> {
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.frames.get_ref().inner.poll_writable(cx)
    }

    fn held_bytes(&self) -> usize {
        let read_bytes = self.frames.get_ref().read_bytes;
        read_bytes.saturating_sub(self.given_bytes) + self.unread.len()
    }

    fn handover(&self) -> Option<&Handover> {
        self.frames.get_ref().inner.handover()
    }
}

/// What the library says, as what a socket would.
fn as_io(error: Error) -> io::Error {
    match error {
        Error::Io(err) => err,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::UnexpectedEof.into(),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

//! One TCP connection to an MQTT server, with a buffer each way.
//!
//! The caller appends packets to [`Link::output`], gives the connection a [`Link::turn`], and walks over what came
//! with [`Link::take`]: one write and one read for as many packets as there are.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::Protocol;
use super::wire::{self, Connack, Connect, Incoming, WireError};

/// How long a connection may take until its CONNACK.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest packet that we take from a server, in bytes.
const MAX_INPUT_BYTES: usize = 4 * 1024 * 1024;

/// A connection could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// No TCP connection.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// Reading or writing failed.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The server closed the connection.
    #[error("closed by the server")]
    Closed,
    /// Nothing came in time.
    #[error("no answer to CONNECT in {} seconds", OPEN_TIMEOUT.as_secs())]
    Timeout,
    /// The server said no.
    #[error("{packet} 0x{code:02x} {name}{}", reason.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
    Refused {
        /// Which packet said so.
        packet: &'static str,
        /// The reason code.
        code: u8,
        /// What the code means.
        name: &'static str,
        /// What the server said about it.
        reason: Option<String>,
    },
    /// Messages stayed without an answer.
    #[error("no answer to {messages} message(s)")]
    Unanswered {
        /// How many.
        messages: usize,
    },
    /// What came is not MQTT.
    #[error("{0}")]
    Wire(#[from] WireError),
}

impl LinkError {
    /// The error that a code of at least 0x80 (or any CONNACK code but 0) stands for.
    pub(crate) const fn refused(
        protocol: Protocol,
        packet: &'static str,
        code: u8,
        reason: Option<String>,
    ) -> Self {
        Self::Refused {
            packet,
            code,
            name: wire::code_name(protocol, code),
            reason,
        }
    }
}

/// Where a connection goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkOptions {
    /// The server.
    pub(crate) server: SocketAddr,
    /// Our own address, where the choice of the system is not wanted.
    pub(crate) local: Option<IpAddr>,
    /// The size of the read buffer at the start, in bytes.
    pub(crate) input_bytes: usize,
}

/// What one turn of a connection brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// New bytes to read packets from.
    Read,
    /// Everything that waited is written.
    Wrote,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    protocol: Protocol,
    input: Vec<u8>,
    /// The unread part of `input` is `start..end`.
    start: usize,
    end: usize,
    /// What is to be written; append packets here.
    pub(crate) output: Vec<u8>,
    written: usize,
}

impl Link {
    /// Connects and waits for an accepting CONNACK.
    pub(crate) async fn open(
        options: &LinkOptions,
        hello: &Connect<'_>,
    ) -> Result<(Self, Connack), LinkError> {
        tokio::time::timeout(OPEN_TIMEOUT, Self::open_unlimited(options, hello))
            .await
            .map_err(|_| LinkError::Timeout)?
    }

    async fn open_unlimited(
        options: &LinkOptions,
        hello: &Connect<'_>,
    ) -> Result<(Self, Connack), LinkError> {
        let stream = tcp(options).await.map_err(LinkError::Connect)?;
        let mut link = Self {
            stream,
            protocol: hello.protocol,
            input: vec![0; options.input_bytes],
            start: 0,
            end: 0,
            output: Vec::with_capacity(128),
            written: 0,
        };
        wire::connect(&mut link.output, hello)?;
        let mut connack = None;
        while connack.is_none() {
            link.turn().await?;
            link.take(|incoming, _| {
                if let Incoming::Connack(it) = incoming {
                    connack = Some(it);
                }
            })?;
        }
        let connack = connack.ok_or(LinkError::Closed)?;
        if connack.code != 0 {
            return Err(LinkError::refused(
                hello.protocol,
                "CONNACK",
                connack.code,
                connack.reason,
            ));
        }
        Ok((link, connack))
    }

    /// The version that the connection speaks.
    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Writes what waits and reads what came, whichever is possible first.
    ///
    /// Safe to drop while waiting: bytes are either still in a buffer or on their way.
    pub(crate) async fn turn(&mut self) -> Result<Turn, LinkError> {
        std::future::poll_fn(|context| self.poll_turn(context)).await
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Result<Turn, LinkError>> {
        let wrote = self.poll_flush(context)?.is_ready();
        match self.poll_fill(context)? {
            Poll::Ready(()) => Poll::Ready(Ok(Turn::Read)),
            Poll::Pending if wrote => Poll::Ready(Ok(Turn::Wrote)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ready when bytes waited and all are out now.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if self.unwritten() == 0 {
            return Poll::Pending;
        }
        while let Some(rest) = self.output.get(self.written..).filter(|it| !it.is_empty()) {
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(err)) => return Poll::Ready(Err(LinkError::Broken(err))),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.output.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Ready when new bytes are in the input buffer.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.make_room()?;
        let Some(room) = self.input.get_mut(self.end..) else {
            return Poll::Pending;
        };
        let mut room = ReadBuf::new(room);
        match Pin::new(&mut self.stream).poll_read(context, &mut room) {
            Poll::Ready(Ok(())) if room.filled().is_empty() => Poll::Ready(Err(LinkError::Closed)),
            Poll::Ready(Ok(())) => {
                self.end += room.filled().len();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(err)) => Poll::Ready(Err(LinkError::Broken(err))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn make_room(&mut self) -> Result<(), LinkError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.input.len() {
            if self.input.len() >= MAX_INPUT_BYTES {
                return Err(WireError::PacketTooLong(self.end).into());
            }
            self.input.resize(self.input.len() * 2, 0);
        }
        Ok(())
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(mut self) -> Result<(), LinkError> {
        wire::disconnect(&mut self.output);
        let rest = self.output.get(self.written..).unwrap_or_default();
        self.stream.write_all(rest).await.map_err(LinkError::Broken)
    }

    /// Hands every complete packet that has arrived to `each`, with the buffer for answers.
    pub(crate) fn take(
        &mut self,
        mut each: impl FnMut(Incoming<'_>, &mut Vec<u8>),
    ) -> Result<(), LinkError> {
        while let Some(unread) = self.input.get(self.start..self.end) {
            let Some((incoming, length)) = wire::next(unread, self.protocol)? else {
                break;
            };
            each(incoming, &mut self.output);
            self.start += length;
        }
        Ok(())
    }

    /// The bytes that are not written yet.
    pub(crate) fn unwritten(&self) -> usize {
        self.output.len() - self.written
    }
}

async fn tcp(options: &LinkOptions) -> io::Result<TcpStream> {
    let socket = if options.server.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(local) = options.local {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let stream = socket.connect(options.server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

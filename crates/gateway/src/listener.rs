//! Sockets that listen: plain TCP for this machine and private networks, TLS for everywhere.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4_096;

/// From where a plain listener may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainReach {
    /// Loopback, private and link-local addresses only.
    Private,
    /// Any address: passwords and readings cross the network unencrypted.
    DangerPlainAnywhere,
}

/// Why a listener could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Plain MQTT on a public address.
    #[error(
        "`{0}` can be reached from outside, and without TLS everybody on the way can read and change what passes: use a loopback or private address, or TLS"
    )]
    PlainInPublic(SocketAddr),
    /// The operating system refused.
    #[error("cannot listen on `{address}`")]
    Socket {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// How MQTT comes over the stream of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    /// As it is.
    Mqtt,
    /// In the frames of WebSocket.
    WebSocket,
}

/// A bound socket that takes MQTT connections.
pub struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) carries: Carries,
    pub(crate) tls: Option<TlsAcceptor>,
    address: SocketAddr,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.tls.is_some() { "TLS" } else { "plain" };
        write!(f, "Listener({:?} {kind} {})", self.carries, self.address)
    }
}

impl Listener {
    /// Listens without encryption. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the address is public and `reach` does not say that this is meant, or when the
    /// operating system refuses.
    pub fn plain(address: SocketAddr, reach: PlainReach) -> Result<Self, BindError> {
        if reach == PlainReach::Private && !is_private(address.ip()) {
            return Err(BindError::PlainInPublic(address));
        }
        Self::bind(address, None)
    }

    /// Listens with TLS. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn tls(address: SocketAddr, config: Arc<ServerConfig>) -> Result<Self, BindError> {
        Self::bind(address, Some(TlsAcceptor::from(config)))
    }

    /// The same for MQTT over WebSocket, which is what browsers speak.
    #[must_use]
    pub fn over_websocket(mut self) -> Self {
        self.carries = Carries::WebSocket;
        self
    }

    /// Where it listens: the port that was found, when 0 was asked for.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self, BindError> {
        let failed = |source| BindError::Socket { address, source };
        let socket = listening(address).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self {
            socket,
            carries: Carries::Mqtt,
            tls,
            address,
        })
    }
}

fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Loopback, private and link-local. The unspecified address is none: it listens everywhere.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_loopback() || it.is_private() || it.is_link_local(),
        IpAddr::V6(it) => match it.to_ipv4_mapped() {
            Some(it) => is_private(IpAddr::V4(it)),
            None => it.is_loopback() || is_unique_local(it) || is_link_local(it),
        },
    }
}

/// fc00::/7, RFC 4193.
fn is_unique_local(address: Ipv6Addr) -> bool {
    address.octets()[0] & 0xfe == 0xfc
}

/// fe80::/10, RFC 4291.
fn is_link_local(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 0xfe && second & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn plain_listens_on_private_addresses_only_unless_told() {
        for (address, private) in [
            ("127.0.0.1:0", true),
            ("[::1]:0", true),
            ("10.1.2.3:0", true),
            ("192.168.0.9:0", true),
            ("169.254.3.4:0", true),
            ("[fd00::1]:0", true),
            ("[fe80::1]:0", true),
            ("[::ffff:10.0.0.1]:0", true),
            ("0.0.0.0:0", false),
            ("[::]:0", false),
            ("203.0.113.7:0", false),
            ("[2001:db8::1]:0", false),
            ("[::ffff:203.0.113.7]:0", false),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(is_private(address.ip()), private, "{address}");
        }
        let everywhere = "0.0.0.0:0".parse().unwrap();
        assert!(matches!(
            Listener::plain(everywhere, PlainReach::Private),
            Err(BindError::PlainInPublic(_))
        ));
        assert!(Listener::plain(everywhere, PlainReach::DangerPlainAnywhere).is_ok());
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_in_the_error() {
        let first = Listener::plain("127.0.0.1:0".parse().unwrap(), PlainReach::Private).unwrap();
        let address = first.local_address();
        let error = Listener::plain(address, PlainReach::Private).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()));
    }
}

//! A TLS connection to a host that somebody named: resolved once, checked, connected to exactly what was checked.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use custody::{FailureClass, Host};
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::reach::Reach;
use super::{Boxed, CourierOptions};

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;

/// How names become addresses.
pub trait Resolve: Send + Sync {
    /// Every address of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            // The port is of no use to the lookup; it is put in when connecting.
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|it| it.ip()).collect())
        })
    }
}

/// Connects.
pub(super) struct Dialer {
    reach: Reach,
    resolver: Arc<dyn Resolve>,
    connect_timeout: Duration,
    web: TlsConnector,
    mqtt: TlsConnector,
}

impl Dialer {
    pub(super) fn new(options: &CourierOptions) -> Result<Self, rustls::Error> {
        let provider = Arc::new(default_provider());
        let plain = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&options.roots))
            .with_no_client_auth();
        let mut web = plain.clone();
        web.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            reach: options.reach,
            resolver: Arc::clone(&options.resolver),
            connect_timeout: options.connect_timeout,
            web: TlsConnector::from(Arc::new(web)),
            mqtt: TlsConnector::from(Arc::new(plain)),
        })
    }

    /// A connection for HTTP/1.1.
    pub(super) async fn web(
        &self,
        host: &Host,
        port: u16,
    ) -> Result<TlsStream<TcpStream>, FailureClass> {
        self.dial(&self.web, host, port, |it| it).await
    }

    /// The same, with something between TLS and the socket.
    pub(super) async fn web_through<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &Host,
        port: u16,
        between: impl FnOnce(TcpStream) -> S,
    ) -> Result<TlsStream<S>, FailureClass> {
        self.dial(&self.web, host, port, between).await
    }

    /// A connection for MQTT.
    pub(super) async fn mqtt(
        &self,
        host: &Host,
        port: u16,
    ) -> Result<TlsStream<TcpStream>, FailureClass> {
        self.dial(&self.mqtt, host, port, |it| it).await
    }

    async fn dial<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        tls: &TlsConnector,
        host: &Host,
        port: u16,
        between: impl FnOnce(TcpStream) -> S,
    ) -> Result<TlsStream<S>, FailureClass> {
        self.reach.port(port)?;
        let dialed = async {
            let addresses = self.addresses(host).await?;
            let name = match host.address() {
                Some(address) => ServerName::IpAddress(address.into()),
                None => ServerName::try_from(host.to_string()).map_err(|_| FailureClass::Name)?,
            };
            let mut stream = Err(io::ErrorKind::AddrNotAvailable.into());
            for address in addresses {
                stream = TcpStream::connect(SocketAddr::new(address, port)).await;
                if stream.is_ok() {
                    break;
                }
            }
            let stream = stream.map_err(|_| FailureClass::Connect)?;
            let stream = tls.connect(name, between(stream)).await;
            stream.map_err(|_| FailureClass::Tls)
        };
        tokio::time::timeout(self.connect_timeout, dialed)
            .await
            .unwrap_or(Err(FailureClass::Timeout))
    }

    /// The addresses of a host, all of which may be connected to.
    async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, FailureClass> {
        let mut addresses = match host.address() {
            Some(address) => vec![address],
            None => {
                let found = self.resolver.resolve(&host.to_string()).await;
                found.map_err(|_| FailureClass::Name)?
            }
        };
        self.reach.addresses(&addresses)?;
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }
}

//! The head of the first request, looked at before the library does: who asks for a page here is told what this is, where
//! the library only closes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest head of a request. The library reads no more headers than fit.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How much is read at once.
const READ_BYTES: usize = 1_024;
const END: &[u8] = b"\r\n\r\n";
const WORDS: &str = "This is MQTT over WebSocket (RFC 6455). Connect an MQTT client to it that asks for the subprotocol mqtt; the pages are at another address.\n";

/// Reads the head of a request, and what came with it. What cannot be one is given back as soon as that is seen.
pub(super) async fn read<T: AsyncRead + Unpin>(transport: &mut T) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; READ_BYTES];
    loop {
        let count = transport.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let begun = begun(&head);
        let is_text = begun.first().is_none_or(u8::is_ascii_uppercase);
        if !is_text || begun.windows(END.len()).any(|it| it == END) {
            return Ok(head);
        }
        if head.len() > MAX_HEAD_BYTES {
            let text = "the head of the request is too long";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
    }
}

/// A request may have empty lines before it (RFC 9112 section 2.2).
fn begun(head: &[u8]) -> &[u8] {
    let empty = head.iter().take_while(|it| matches!(it, b'\r' | b'\n'));
    head.get(empty.count()..).unwrap_or_default()
}

/// Whether it is a request of HTTP/1 that does not ask for WebSocket.
pub(super) fn asks_for_a_page(head: &[u8]) -> bool {
    let mut lines = begun(head)
        .split(|it| *it == b'\n')
        .map(|it| it.trim_ascii_end())
        .take_while(|it| !it.is_empty());
    let is_http = lines
        .next()
        .and_then(|it| it.split(|it| *it == b' ').next_back())
        .is_some_and(|it| it.starts_with(b"HTTP/1."));
    let asks = |line: &[u8]| {
        let mut parts = line.splitn(2, |it| *it == b':');
        let name = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let mut protocols = value.split(|it| *it == b',').map(<[u8]>::trim_ascii);
        name.eq_ignore_ascii_case(b"upgrade")
            && protocols.any(|it| it.eq_ignore_ascii_case(b"websocket"))
    };
    is_http && !lines.any(asks)
}

/// Says what this is and closes: RFC 9110 section 15.5.22, with the version of RFC 6455 section 4.4.
pub(super) async fn answer<T: AsyncWrite + Unpin>(transport: &mut T) -> io::Result<()> {
    let length = WORDS.len();
    let answer = format!(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{WORDS}"
    );
    transport.write_all(answer.as_bytes()).await?;
    transport.flush().await?;
    transport.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_ask_for_websocket_asks_for_a_page() {
        for (head, expected) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("POST /x HTTP/1.0\r\n\r\n", true),
            ("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("\r\nGET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", true),
            (
                "GET / HTTP/1.1\r\nX-Upgrade: websocket\r\n\r\nUpgrade: websocket",
                true,
            ),
            ("GET / HTTP/1.1\r\nupgrade:WebSocket\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nUpgrade: h2c, websocket\r\n\r\n", false),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false),
            ("\u{10}\u{0c}", false),
            ("", false),
        ] {
            assert_eq!(asks_for_a_page(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[tokio::test]
    async fn a_head_has_an_end_and_what_is_none_is_not_waited_for() {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        client.write_all(b"\x10\x0c").await.unwrap();
        assert_eq!(read(&mut server).await.unwrap(), b"\x10\x0c");
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        client.write_all(b"Host: a\r\n\r\nmore").await.unwrap();
        let head = read(&mut server).await.unwrap();
        assert!(head.ends_with(b"\r\n\r\nmore"));
        for part in ["\r\n\r\n", "GET / HTTP/1.1\r\n", "Host: a\r\n\r\n"] {
            client.write_all(part.as_bytes()).await.unwrap();
        }
        let head = read(&mut server).await.unwrap();
        assert!(head.starts_with(b"\r\n\r\nGET") && head.ends_with(b"a\r\n\r\n"));
        client
            .write_all(&vec![b'A'; MAX_HEAD_BYTES + 1])
            .await
            .unwrap();
        assert_eq!(
            read(&mut server).await.unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        drop(client);
        let (client, mut server) = tokio::io::duplex(64);
        drop(client);
        assert_eq!(
            read(&mut server).await.unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}

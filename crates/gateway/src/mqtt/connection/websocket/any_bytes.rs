//! What the fuzz target `upgrade` does with the beginning of a connection over WebSocket; see `crate::any_bytes`.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::Request;
use tokio_tungstenite::tungstenite::http::header::UPGRADE;

use super::head;

/// What is read is what came; and nobody who asks for WebSocket, as the library reads it, is taken for somebody who asks for a page.
pub(crate) fn upgrade(input: &[u8]) {
    let mut source = input;
    let mut read = pin!(head::read(&mut source));
    // All of it is there, so nothing is waited for.
    let Poll::Ready(read) = read.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits for what is there");
    };
    let Ok(head) = read else {
        return;
    };
    assert!(input.starts_with(&head));
    if let Ok(Some((_, request))) = Request::try_parse(&head) {
        let asked = request.headers().get_all(UPGRADE).iter();
        let mut protocols = asked.flat_map(|it| it.as_bytes().split(|it| *it == b','));
        let asks = protocols.any(|it| it.trim_ascii().eq_ignore_ascii_case(b"websocket"));
        assert_eq!(head::asks_for_a_page(&head), !asks, "{request:?}");
    }
}

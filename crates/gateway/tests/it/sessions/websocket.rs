//! MQTT over WebSocket.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use gateway::{Counter, Limits, Listener, PlainReach};
use mqtt_proto::v3;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::client::{PATIENCE, password};
use crate::fixture::{House, Served};

/// The frames of MQTT 3.1.1 CONNECT of the first thing.
fn connect_v3(house: &House) -> Vec<u8> {
    let mut packet = v3::Connect::new("web".into(), 60);
    packet.username = Some("box-1".into());
    packet.password = Some(password(&house.tokens.box_1));
    let packet = v3::Packet::from(packet).encode().unwrap();
    packet.as_ref().to_vec()
}

fn over_websocket(house: &House) -> Served {
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::plain(address, PlainReach::Private).unwrap();
    house.serve_on(listener.over_websocket(), Limits::default())
}

#[tokio::test]
async fn mqtt_comes_over_websocket_in_frames_of_any_size_section_6() {
    let house = House::new();
    let served = over_websocket(&house);
    let mut request = format!("ws://{}/mqtt", served.address)
        .into_client_request()
        .unwrap();
    let protocols = HeaderValue::from_static("other, mqtt");
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", protocols);
    let stream = tokio::net::TcpStream::connect(served.address)
        .await
        .unwrap();
    let (mut socket, answer) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "mqtt");
    // A packet in two frames, then two packets in one (6.0.0-2).
    let connect = connect_v3(&house);
    let (one, two) = connect.split_at(5);
    for part in [one, two] {
        let frame = Message::Binary(Bytes::copy_from_slice(part));
        socket.send(frame).await.unwrap();
    }
    let mut frame = async || loop {
        match tokio::time::timeout(PATIENCE, socket.next())
            .await
            .expect("nothing came")
        {
            Some(Ok(Message::Binary(bytes))) => return Some(bytes.to_vec()),
            Some(Ok(Message::Pong(_))) => return Some(b"pong".to_vec()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    };
    assert_eq!(frame().await.unwrap(), [0x20, 2, 0, 0]);
    let publish = crate::client::publish_v3(7, r#"{"dust":1}"#);
    let publish = v3::Packet::from(publish).encode().unwrap();
    let both = [&[0xc0, 0], publish.as_ref()].concat();
    socket
        .send(Message::Binary(Bytes::from(both)))
        .await
        .unwrap();
    socket
        .send(Message::Ping(Bytes::from_static(b"x")))
        .await
        .unwrap();
    let mut got = Vec::new();
    while got.len() < 3 {
        match tokio::time::timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Binary(bytes))) => {
                got.extend(bytes.chunks(4).map(|it| it[0]));
            }
            Some(Ok(Message::Pong(_))) => got.push(0),
            it => panic!("{it:?}"),
        }
    }
    got.sort_unstable();
    assert_eq!(got, [0, 0x40, 0xd0]);
    // Text is not MQTT (6.0.0-1).
    socket.send(Message::text("x")).await.unwrap();
    while let Some(Ok(_)) = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap() {}
    served.counted(Counter::ConnectionsClosed, 1).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_ask_for_mqtt_is_refused_section_6_0_0_3() {
    let house = House::new();
    let served = over_websocket(&house);
    let request = format!("ws://{}/mqtt", served.address)
        .into_client_request()
        .unwrap();
    let stream = tokio::net::TcpStream::connect(served.address)
        .await
        .unwrap();
    let refused = tokio_tungstenite::client_async(request, stream).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(answer)) = refused else {
        panic!("let in");
    };
    assert_eq!(answer.status(), 400);
    let mut stranger = served.dial().await;
    stranger.send(&connect_v3(&house)).await;
    assert_eq!(stranger.next_v3().await, None);
    served.counted(Counter::ConnectionsClosed, 2).await;
    assert_eq!(served.refusals(), [("not_mqtt", 2)]);
}

/// What is answered to a request of HTTP, until the connection is closed.
async fn answered(
    stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
    request: &str,
) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

/// RFC 9110 section 15.5.22: with `Upgrade`, and what is meant.
pub(crate) async fn check_is_told_to_upgrade(
    stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
) {
    let answer = answered(stream, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{answer}"
    );
    for part in [
        "\r\nUpgrade: websocket\r\n",
        "\r\nConnection: Upgrade, close\r\n",
        "\r\nSec-WebSocket-Version: 13\r\n",
        "MQTT over WebSocket",
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
}

#[tokio::test]
async fn who_asks_for_a_page_is_told_what_this_is_rfc_9110_15_5_22() {
    let house = House::new();
    let served = over_websocket(&house);
    let mut stream = tokio::net::TcpStream::connect(served.address)
        .await
        .unwrap();
    check_is_told_to_upgrade(&mut stream).await;
    served.counted(Counter::ConnectionsClosed, 1).await;
    assert_eq!(served.refusals(), [("not_mqtt", 1)]);
}

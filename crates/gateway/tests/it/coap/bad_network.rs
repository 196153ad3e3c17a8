//! Over a network that loses, copies and reorders.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use coap::request::Packet;
use gateway::{Counter, Limits};
use tokio::net::UdpSocket;

use super::{Client, Station, local};

/// Between a client and a server: of the datagrams in each direction some are lost, some come twice, some late.
async fn bad_network(server: SocketAddr) -> SocketAddr {
    let socket = Arc::new(UdpSocket::bind(local()).await.unwrap());
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, mut counts) = (None, [0_u32; 2]);
        let mut buffer = [0; 4_096];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let to = match from == server {
                true => client,
                false => {
                    client = Some(from);
                    Some(server)
                }
            };
            let count = &mut counts[usize::from(from == server)];
            *count += 1;
            let delays: &[u64] = match *count % 7 {
                1 => &[],
                3 => &[0, 5],
                4 => &[120],
                6 => &[0, 300],
                _ => &[0],
            };
            for delay in delays {
                let (socket, datagram) = (Arc::clone(&socket), buffer[..length].to_vec());
                let delay = Duration::from_millis(*delay);
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    if let Some(to) = to {
                        let _ = socket.send_to(&datagram, to).await;
                    }
                });
            }
        }
    });
    address
}

/// Sends a request until it is answered, as section 4.2 has it but in less time.
async fn insist(client: &Client, request: &[u8]) -> Packet {
    for _ in 0..50 {
        client.send(request).await;
        let heard = async {
            loop {
                let packet = Packet::from_bytes(&client.hear().await).unwrap();
                if packet.header.message_id.to_be_bytes() == request[2..4] {
                    return packet;
                }
            }
        };
        if let Ok(packet) = tokio::time::timeout(Duration::from_millis(80), heard).await {
            return packet;
        }
    }
    panic!("never answered");
}

#[tokio::test]
async fn over_a_bad_network_each_message_is_taken_once() {
    let station = Station::new(Limits::default());
    let client = Client::new(bad_network(station.address).await).await;
    for id in 0..16 {
        let request = station.post(0, id, &[], br#"{"dust":1}"#);
        assert_eq!(insist(&client, &request).await.header.get_code(), "2.04");
    }
    // And in pieces: each has to come, in order, once.
    let message = format!(r#"{{"dust": 1, "padding": "{}"}}"#, "x".repeat(700));
    let pieces: Vec<_> = message.as_bytes().chunks(64).collect();
    for (number, bytes) in pieces.iter().enumerate() {
        let is_last = number + 1 == pieces.len();
        let value = (number << 4) as u32 | u32::from(!is_last) << 3 | 2;
        let value = &value.to_be_bytes()[2..];
        let id = 1_000 + u16::try_from(number).unwrap();
        let answer = insist(&client, &station.post(0, id, &[(27, value)], bytes)).await;
        let expected = if is_last { "2.04" } else { "2.31" };
        assert_eq!(answer.header.get_code(), expected);
    }
    assert_eq!(station.count(Counter::PublishesAccepted), 17);
    assert!(station.count(Counter::CoapDuplicates) > 0);
    assert!(station.refusals().is_empty());
}

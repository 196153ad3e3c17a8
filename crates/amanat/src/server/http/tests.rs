use axum::body::Bytes;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::lifecycle::Lifecycle;

const LARGE: usize = 64 * 1024 * 1024;
const ENOUGH: Duration = Duration::from_secs(30);

/// A server with one place; `/large` is more than any socket buffer takes.
async fn start(lifecycle: &mut Lifecycle) -> std::net::SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let large = Bytes::from(vec![b'x'; LARGE]);
    let router = Router::new()
        .route("/large", get(move || std::future::ready(large.clone())))
        .route("/small", get(|| std::future::ready("small")));
    let limits = HttpLimits {
        connections: 1,
        connections_per_address: 1,
        progress: Duration::from_millis(200),
        drain: Duration::from_millis(200),
    };
    lifecycle.spawn(
        "test",
        serve(
            Door::plain(socket),
            router,
            None,
            limits,
            lifecycle.stopping(),
        ),
    );
    address
}

async fn ask(address: std::net::SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_place() {
    let mut lifecycle = Lifecycle::new().unwrap();
    let address = start(&mut lifecycle).await;
    let _silent = ask(address, "/large").await;
    let mut other = ask(address, "/small").await;
    let mut answer = String::new();
    let read = other.read_to_string(&mut answer);
    tokio::time::timeout(ENOUGH, read).await.unwrap().unwrap();
    assert!(answer.ends_with("small"), "{answer}");
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything() {
    let mut lifecycle = Lifecycle::new().unwrap();
    let address = start(&mut lifecycle).await;
    let mut slow = ask(address, "/large").await;
    let mut buffer = vec![0; 1024 * 1024];
    let mut total = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        match slow.read(&mut buffer).await.unwrap() {
            0 => break,
            len => total += len,
        }
    }
    assert!(total > LARGE, "{total}");
}

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that accepts, answers every QoS 1 PUBLISH with `puback` and every PINGREQ, and counts nothing.
async fn server(puback: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 2];
                while stream.read_exact(&mut head).await.is_ok() {
                    let mut body = vec![0; usize::from(head[1])];
                    stream.read_exact(&mut body).await.unwrap();
                    match head[0] >> 4 {
                        1 => stream.write_all(&[0x20, 2, 0, 0]).await.unwrap(),
                        3 if head[0] & 0b10 != 0 => {
                            let topic = usize::from(body[1]);
                            let mut answer = vec![0x40, 2 + puback.len() as u8];
                            answer.extend_from_slice(&body[2 + topic..4 + topic]);
                            answer.extend_from_slice(puback);
                            stream.write_all(&answer).await.unwrap();
                        }
                        12 => stream.write_all(&[0xd0, 0]).await.unwrap(),
                        _ => (),
                    }
                }
            });
        }
    });
    address
}

fn options(server: SocketAddr, qos: Qos, length: Length, rate: Option<f64>) -> LoadOptions {
    LoadOptions {
        server,
        protocol: Protocol::V311,
        qos,
        connections: 3,
        credentials: Vec::new(),
        work: Work::Publish {
            window: 4,
            topic: "t/{i}".to_owned(),
            payloads: Arc::from(vec![b"{}".to_vec(), b"{\"a\":1}".to_vec()]),
            length,
            rate,
        },
        subscribers: None,
    }
}

async fn figures(options: &LoadOptions) -> (serde_json::Value, Verdict) {
    let report = run(options, |_| ()).await;
    let json = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    (json, report.verdict())
}

#[tokio::test]
async fn every_message_is_sent_once_and_acknowledged() {
    let server = server(&[]).await;
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
        let (json, verdict) = figures(&options(server, qos, Length::Messages(1000), None)).await;
        assert_eq!(json["messages_sent"], 1000);
        let acknowledged = if qos == Qos::AtMostOnce { 0 } else { 1000 };
        assert_eq!(json["messages_acknowledged"], acknowledged);
        assert_eq!(json["connections"], 3);
        assert_eq!(json["refusals"], serde_json::json!({}));
        assert_eq!(verdict, Verdict::Worked);
        assert!(json["messages_per_s"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn figures_that_hide_an_undeclared_payload_come_with_advice() {
    let server = server(&[]).await;
    let length = Length::Messages(30);
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
        let mut report = run(&options(server, qos, length, None), |_| ()).await;
        let advice = report.advice(false).unwrap();
        assert!(advice.contains("--payload FILE"), "{advice}");
        assert_eq!(report.advice(true), None);
        report.subscribed = 1;
        let advice = report.advice(true).unwrap();
        assert!(advice.contains("subscribers received nothing"), "{advice}");
    }
    let idle = LoadOptions {
        work: Work::ConnectOnly,
        ..options(server, Qos::AtLeastOnce, length, None)
    };
    assert_eq!(run(&idle, |_| ()).await.advice(false), None);
}

#[tokio::test]
async fn a_fixed_rate_takes_its_time() {
    let server = server(&[]).await;
    let length = Length::Messages(60);
    let (json, _) = figures(&options(server, Qos::AtLeastOnce, length, Some(300.0))).await;
    assert_eq!(json["messages_acknowledged"], 60);
    // 60 messages at 300 a second: the last is due after 59/300 s.
    assert!(json["run_seconds"].as_f64().unwrap() >= 0.19, "{json}");
}

#[tokio::test]
async fn a_run_for_a_time_ends() {
    let server = server(&[]).await;
    let length = Length::For(Duration::from_millis(100));
    let (json, _) = figures(&options(server, Qos::AtLeastOnce, length, None)).await;
    assert!(json["messages_acknowledged"].as_u64().unwrap() > 0);
    assert_eq!(json["messages_acknowledged"], json["messages_sent"]);
}

#[tokio::test]
async fn refusals_are_counted_by_reason_and_are_no_success() {
    let server = server(&[0x87]).await;
    let (json, verdict) = figures(&options(
        server,
        Qos::AtLeastOnce,
        Length::Messages(30),
        None,
    ))
    .await;
    assert_eq!(json["messages_acknowledged"], 0);
    assert_eq!(json["refusals"]["PUBACK 0x87 not authorized"], 30);
    assert_eq!(verdict, Verdict::Denied);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    drop(listener);
    let (json, verdict) = figures(&options(
        server,
        Qos::AtLeastOnce,
        Length::Messages(30),
        None,
    ))
    .await;
    assert_eq!(
        (&json["connections"], verdict),
        (&0.into(), Verdict::Failed)
    );
    assert_eq!(json["refusals"].as_object().unwrap().len(), 1);
}

#[test]
fn shares_add_up_to_the_whole() {
    for share in 1..10_u64 {
        let sum: u64 = (0..share)
            .map(
                |idx| match plan(Length::Messages(100), None, (idx, share)).1 {
                    End::Messages(count) => count,
                    End::Nanos(_) => 0,
                },
            )
            .sum();
        assert_eq!(sum, 100);
    }
}

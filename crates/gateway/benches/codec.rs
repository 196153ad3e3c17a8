//! What reading packets costs, ours and a codec's, and a broker that does nothing else.
//!
//! `cargo bench -p gateway --bench codec` prints the figures, one a line; with `-- --json` as one flat JSON object.
//!
//! | figure | meaning |
//! |---|---|
//! | `parse_publish_ns` | cutting a PUBLISH out of the bytes and reading it, as our sessions do |
//! | `codec_publish_ns` | the same by `mqtt-proto` |
//! | `codec_loop_ns` | a loop on one socket and one thread that reads PUBLISH, QoS 1, by `mqtt-proto` and writes each its PUBACK, as many at once as there are |

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use mqtt_proto::v5::{Packet, Puback, Publish, PublishProperties};
use mqtt_proto::{Pid, QosPid, TopicName};

const TOPIC: &str = "things/station-1";
/// 150 bytes.
const PAYLOAD: &[u8] = br#"{"seq":10482,"pm25":41.7,"pm10":88.2,"co2":611,"temperature":31.40,"humidity":48.5,"battery":3.61,"pressure":1007.2,"noise":57.3,"uptime":88123450000}"#;
/// How many packets are written at once.
const BATCH: usize = 350;
/// How many batches a round has.
const BATCHES: usize = 400;
const ROUNDS: usize = 7;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = if arguments.iter().any(|it| it == "--test") {
        1
    } else {
        ROUNDS
    };
    let Some(figures) = measure(rounds) else {
        let _ = std::io::stderr().write_all(b"the loopback socket or the codec failed\n");
        std::process::exit(1);
    };
    let text: String = if arguments.iter().any(|it| it == "--json") {
        let members: Vec<String> = figures
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        format!("{{{}}}\n", members.join(", "))
    } else {
        figures
            .iter()
            .map(|(name, value)| format!("{name:<20} {value:>8}\n"))
            .collect()
    };
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn measure(rounds: usize) -> Option<[(&'static str, u64); 3]> {
    let (batch, packet_bytes) = batch()?;
    let (mut ours, mut codec, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(per_packet(|| {
            (0..BATCHES).all(|_| gateway::measure::publishes(black_box(&batch)).0 == BATCH)
        })?);
        codec.push(per_packet(|| {
            let mut packets = (0..BATCHES).flat_map(|_| batch.chunks(packet_bytes));
            packets.all(|it| matches!(Packet::decode(black_box(it)), Ok(Some(_))))
        })?);
        whole.push(socket_loop(&batch, packet_bytes)?);
    }
    Some([
        ("parse_publish_ns", median(ours)),
        ("codec_publish_ns", median(codec)),
        ("codec_loop_ns", median(whole)),
    ])
}

/// Packets, and how many bytes each of them has.
fn batch() -> Option<(Vec<u8>, usize)> {
    let packet = Packet::from(Publish {
        dup: false,
        retain: false,
        qos_pid: QosPid::Level1(Pid::try_from(7).ok()?),
        topic_name: TopicName::try_from(TOPIC).ok()?,
        payload: PAYLOAD.into(),
        properties: PublishProperties::default(),
    });
    let bytes = packet.encode().ok()?;
    Some((bytes.as_ref().repeat(BATCH), bytes.as_ref().len()))
}

/// Nanoseconds a packet of all batches of a round.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn per_packet(work: impl FnOnce() -> bool) -> Option<u64> {
    let start = Instant::now();
    let worked = work();
    worked.then(|| nanos_per_packet(start.elapsed()))
}

fn nanos_per_packet(elapsed: Duration) -> u64 {
    let packets = u128::try_from(BATCH * BATCHES).unwrap_or(1);
    u64::try_from(elapsed.as_nanos() / packets).unwrap_or(u64::MAX)
}

/// One side writes batches, a second thread throws the answers away, and the loop is timed.
fn socket_loop(batch: &[u8], packet_bytes: usize) -> Option<u64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let mut client = TcpStream::connect(listener.local_addr().ok()?).ok()?;
    let (mut server, _) = listener.accept().ok()?;
    server.set_nodelay(true).ok()?;
    let mut answers = client.try_clone().ok()?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut discarded = vec![0; 64 * 1024];
            while answers.read(&mut discarded).is_ok_and(|it| it > 0) {}
        });
        scope.spawn(move || {
            for _ in 0..BATCHES {
                if client.write_all(batch).is_err() {
                    return;
                }
            }
        });
        let nanos = per_packet(|| answer_all(&mut server, packet_bytes).is_some());
        drop(server);
        nanos
    })
}

/// Reads packets and answers each.
fn answer_all(server: &mut TcpStream, packet_bytes: usize) -> Option<()> {
    let mut input = vec![0; 64 * 1024];
    let mut output = Vec::with_capacity(64 * 1024);
    let (mut filled, mut left) = (0, BATCH * BATCHES);
    while left > 0 {
        filled += server.read(input.get_mut(filled..)?).ok()?;
        let whole = filled - filled % packet_bytes;
        for packet in input.get(..whole)?.chunks(packet_bytes) {
            let Ok(Some(Packet::Publish(publish))) = Packet::decode(packet) else {
                return None;
            };
            let QosPid::Level1(pid) = publish.qos_pid else {
                return None;
            };
            let answer = Packet::from(Puback::new_success(pid)).encode().ok()?;
            output.extend_from_slice(answer.as_ref());
            left -= 1;
        }
        server.write_all(&output).ok()?;
        output.clear();
        input.copy_within(whole..filled, 0);
        filled -= whole;
    }
    Some(())
}

fn median(mut figures: Vec<u64>) -> u64 {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

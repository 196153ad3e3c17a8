//! Clients that come, do something of everything, and go without a word: MQTT 3.1.1 as bytes, so that what is sent
//! wrongly is sent on purpose.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use serde::{Serialize, Serializer};

use crate::bench::fixture::Fixture;

/// How many clients there are at once.
const WORKERS: usize = 8;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many rounds a client of the same name comes back to its session.
const ROUNDS_OF_A_NAME: u64 = 5;

/// A number that workers count up.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clone for Count {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.get()))
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

/// What the workers did.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Counts {
    /// Connections that were answered with success.
    pub(super) sessions: Count,
    /// Those to which the server said that it knows the session.
    pub(super) resumed: Count,
    /// Publishes that were acknowledged to the end.
    pub(super) published: Count,
    /// Rounds that ended otherwise than they should.
    pub(super) failed: Count,
}

/// The workers.
pub(super) struct Churn {
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl Churn {
    /// Starts them.
    pub(super) fn start(mqtt: &str, fixture: &Fixture) -> anyhow::Result<Self> {
        let server = mqtt.parse().context("the server's address")?;
        let read = |path| std::fs::read_to_string(path).context("cannot read a fixture");
        let things = read(&fixture.credentials)?;
        let (counts, stop) = (Arc::new(Counts::default()), Arc::default());
        let mut churn = Self {
            counts,
            stop,
            workers: Vec::new(),
        };
        let credential = |line: &str| line.split_once(':').map(|it| (it.0.into(), it.1.into()));
        let things: Vec<_> = things.lines().filter_map(credential).collect();
        let share = things.len().div_ceil(WORKERS).max(1);
        for (number, things) in (0..).zip(things.chunks(share)) {
            let worker = Worker {
                server,
                number,
                things: things.to_vec(),
                recipient: (fixture.recipient.clone(), read(&fixture.recipient_token)?),
                filter: fixture.filter.clone(),
                payload: read(&fixture.payload)?,
            };
            let (counts, stop) = (Arc::clone(&churn.counts), Arc::clone(&churn.stop));
            churn
                .workers
                .push(std::thread::spawn(move || worker.run(&counts, &stop)));
        }
        Ok(churn)
    }

    /// Ends them, and says what they did.
    pub(super) fn stop(self) -> Arc<Counts> {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            if worker.join().is_err() {
                self.counts.failed.add();
            }
        }
        self.counts
    }
}

struct Worker {
    server: SocketAddr,
    number: u64,
    things: Vec<(String, String)>,
    recipient: (String, String),
    filter: String,
    payload: String,
}

impl Worker {
    fn run(&self, counts: &Counts, stop: &AtomicBool) {
        for (round, thing) in (0..).zip(self.things.iter().cycle()) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let outcome = match round % 4 {
                0 => self.listen(round, counts),
                _ => self.publish(round, thing, counts),
            };
            if outcome.is_err() {
                counts.failed.add();
            }
        }
    }

    /// A recipient that subscribes, waits for a message, and breaks off.
    fn listen(&self, round: u64, counts: &Counts) -> io::Result<()> {
        let client_id = format!("soak-{}-{}", self.number, round / (4 * ROUNDS_OF_A_NAME));
        let mut client = Client::open(self.server, &client_id, &self.recipient, counts)?;
        let mut body = vec![0, 1];
        text(&mut body, self.filter.as_bytes());
        body.push(1);
        client.send(0x82, &body)?;
        client.until(0x90)?;
        if client.is_new {
            // In a session that goes on, the window may be full of what was never acknowledged.
            client.until(0x30)?;
        }
        // No PUBACK and no DISCONNECT: what was in flight is sent again when somebody of this name comes back.
        Ok(())
    }

    /// A thing that publishes with every QoS, and breaks off; sometimes in the middle of a packet.
    fn publish(&self, round: u64, thing: &(String, String), counts: &Counts) -> io::Result<()> {
        let mut client = Client::open(self.server, "soak", thing, counts)?;
        let message = |packet_id: Option<u8>| {
            let mut body = Vec::new();
            text(&mut body, b"soak");
            body.extend(packet_id.into_iter().flat_map(|it| [0, it]));
            body.extend_from_slice(self.payload.as_bytes());
            body
        };
        client.send(0x30, &message(None))?;
        client.send(0x32, &message(Some(1)))?;
        client.until(0x40)?;
        client.send(0x34, &message(Some(2)))?;
        client.until(0x50)?;
        if round % 4 == 1 {
            // Never released.
            return Ok(());
        }
        client.send(0x62, &[0, 2])?;
        client.until(0x70)?;
        counts.published.add();
        match round % 4 {
            2 => client.socket.write_all(&[0x32, 0xff, 0x7f, b'a']),
            _ => client.send(0xe0, &[]),
        }
    }
}

/// One connection.
struct Client {
    socket: TcpStream,
    is_new: bool,
}

impl Client {
    /// Connects to a session that outlives the connection.
    fn open(
        server: SocketAddr,
        client_id: &str,
        (user, token): &(String, String),
        counts: &Counts,
    ) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&server, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let mut client = Self {
            socket,
            is_new: true,
        };
        let mut body = Vec::new();
        text(&mut body, b"MQTT");
        // Version 4; user name and password, no clean session; keep alive of a minute.
        body.extend_from_slice(&[4, 0xc0, 0, 60]);
        for part in [client_id, user, token.trim_end()] {
            text(&mut body, part.as_bytes());
        }
        client.send(0x10, &body)?;
        let connack = client.until(0x20)?;
        if connack.get(1) != Some(&0) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        counts.sessions.add();
        if connack.first() == Some(&1) {
            counts.resumed.add();
            client.is_new = false;
        }
        Ok(client)
    }

    fn send(&mut self, first: u8, body: &[u8]) -> io::Result<()> {
        let mut packet = vec![first];
        let mut left = body.len();
        loop {
            let low = u8::try_from(left & 0x7f).unwrap_or(0);
            left >>= 7;
            packet.push(if left > 0 { low | 0x80 } else { low });
            if left == 0 {
                break;
            }
        }
        packet.extend_from_slice(body);
        self.socket.write_all(&packet)
    }

    /// The body of the next packet of this type; others are passed over.
    fn until(&mut self, kind: u8) -> io::Result<Vec<u8>> {
        loop {
            let first = self.byte()?;
            let (mut length, mut shift) = (0, 0);
            loop {
                let byte = self.byte()?;
                length |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
                if shift > 21 {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            let mut body = vec![0; length];
            self.socket.read_exact(&mut body)?;
            if first & 0xf0 == kind {
                return Ok(body);
            }
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.socket.read_exact(&mut byte)?;
        let [byte] = byte;
        Ok(byte)
    }
}

/// Appends a string with its length.
fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

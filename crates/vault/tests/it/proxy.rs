//! A way to PostgreSQL that can be cut, and on which a connection can be held up.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use store::Db;

/// What happens on the way.
#[derive(Default)]
struct Way {
    is_cut: bool,
    /// Who sends these bytes is held up, on either side.
    held: Option<Vec<u8>>,
    streams: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    way: Mutex<Way>,
    changed: Condvar,
    /// How many connections were refused, and how many are held up.
    refused: AtomicU64,
    holding: AtomicU64,
}

/// Stands between the vault and PostgreSQL.
pub(crate) struct Proxy(Arc<Shared>);

impl Proxy {
    /// A fresh database, reached through the proxy.
    pub(crate) fn open() -> (Self, Db) {
        let url = testkit::postgres();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let (account, place) = url.rsplit_once('@').unwrap();
        let (server, name) = place.split_once('/').unwrap();
        let server = server.to_owned();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                pass(&of_thread, client.unwrap(), &server);
            }
        });
        let db = Db::open(&format!("{account}@{here}/{name}")).unwrap();
        (Self(shared), db)
    }

    /// Breaks every connection, and refuses new ones.
    pub(crate) fn cut(&self) {
        let mut way = self.0.way.lock().unwrap();
        way.is_cut = true;
        for stream in way.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The way is free again.
    pub(crate) fn mend(&self) {
        self.0.way.lock().unwrap().is_cut = false;
    }

    /// From now on, who sends these bytes is held up until [`Proxy::release`].
    pub(crate) fn hold(&self, bytes: &[u8]) {
        self.0.way.lock().unwrap().held = Some(bytes.to_vec());
    }

    pub(crate) fn release(&self) {
        self.0.way.lock().unwrap().held = None;
        self.0.changed.notify_all();
    }

    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::SeqCst)
    }

    pub(crate) fn holding(&self) -> u64 {
        self.0.holding.load(Ordering::SeqCst)
    }
}

fn pass(shared: &Arc<Shared>, client: TcpStream, server: &str) {
    let mut way = shared.way.lock().unwrap();
    if way.is_cut {
        shared.refused.fetch_add(1, Ordering::SeqCst);
        return;
    }
    let server = TcpStream::connect(server).unwrap();
    for (from, to) in [(&client, &server), (&server, &client)] {
        way.streams.push(from.try_clone().unwrap());
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let shared = Arc::clone(shared);
        std::thread::spawn(move || copy(&shared, from, to));
    }
}

fn copy(shared: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        wait_while_held(shared, &buffer[..len]);
        if to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn wait_while_held(shared: &Shared, sent: &[u8]) {
    let mut way = shared.way.lock().unwrap();
    let is_held = |way: &mut Way| {
        let held = way.held.as_ref();
        held.is_some_and(|held| sent.windows(held.len()).any(|it| it == held))
    };
    if is_held(&mut way) {
        shared.holding.fetch_add(1, Ordering::SeqCst);
        drop(shared.changed.wait_while(way, is_held).unwrap());
        shared.holding.fetch_sub(1, Ordering::SeqCst);
    }
}

//! A commit whose answer is lost: nobody knows whether the act holds, so what is in force is what the rows say.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use custody::{ActError, IngestError};
use model::LicenceState;
use store::Db;

use crate::fixture::{House, NOW, deployment, house, licence};

const COMMIT: &[u8] = b"COMMIT\0";
const QUIET: u8 = 0;
/// The next commit does not reach the database.
const CUT_BEFORE: u8 = 1;
/// The next commit reaches the database, and its answer does not come back.
const CUT_AFTER: u8 = 2;

/// Stands between the store and PostgreSQL.
struct Between {
    url: String,
    cut: Arc<AtomicU8>,
}

impl Between {
    fn new() -> Self {
        let url = testkit::postgres();
        let (before, rest) = url.split_once('@').unwrap();
        let (target, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let cut = Arc::new(AtomicU8::new(QUIET));
        let (target, flag) = (target.to_owned(), Arc::clone(&cut));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(&target).unwrap();
                let flag = Arc::clone(&flag);
                thread::spawn(move || carry(client, server, &flag));
            }
        });
        Self {
            url: format!("{before}@{here}/{database}"),
            cut,
        }
    }
}

/// Carries bytes both ways until one side ends or a commit is cut.
fn carry(mut client: TcpStream, mut server: TcpStream, cut: &AtomicU8) {
    let (mut back, mut from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let lost = Arc::new(AtomicU8::new(QUIET));
    let is_lost = Arc::clone(&lost);
    let answers = thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            // The answer of the commit is here: it has happened.
            if is_lost.load(Ordering::SeqCst) == CUT_AFTER
                || back.write_all(&bytes[..read]).is_err()
            {
                break;
            }
        }
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = client.read(&mut bytes) {
        if bytes[..read].ends_with(COMMIT) {
            let how = cut.swap(QUIET, Ordering::SeqCst);
            lost.store(how, Ordering::SeqCst);
            if how == CUT_BEFORE {
                break;
            }
        }
        if server.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Read);
    let _ = server.shutdown(Shutdown::Write);
    answers.join().unwrap();
}

fn takes(house: &House) -> bool {
    let meter = house.thing("meter-1", &house.meter);
    match house.custody.ingest(&meter, b"{\"power\":1}", NOW) {
        Ok(_) => true,
        Err(IngestError::Unlicensed(_)) => false,
        Err(err) => panic!("{err}"),
    }
}

#[test]
fn after_a_commit_whose_answer_was_lost_the_rows_are_in_force() {
    for (cut, holds) in [(CUT_BEFORE, false), (CUT_AFTER, true)] {
        let between = Between::new();
        let directory = testkit::temp_dir();
        let house = house(Db::open(&between.url).unwrap(), directory.path().to_owned());
        assert!(takes(&house));
        let lost: Result<(), ActError> = house.custody.act(NOW, |act| {
            act.set_licence(&deployment("home"), licence(LicenceState::Suspended))?;
            between.cut.store(cut, Ordering::SeqCst);
            Ok(())
        });
        assert!(matches!(lost, Err(ActError::Unsettled)), "{lost:?}");
        assert_eq!(
            between.cut.load(Ordering::SeqCst),
            QUIET,
            "it was this commit"
        );
        house.custody.check_in_force(NOW).unwrap();
        assert_eq!(takes(&house), !holds);
        // Whoever does not know asks again; the second answer is certain.
        let again: Result<(), ActError> = house.custody.act(NOW, |act| {
            act.set_licence(&deployment("home"), licence(LicenceState::Suspended))
        });
        again.unwrap();
        assert!(!takes(&house));
        house.custody.check_in_force(NOW).unwrap();
    }
}

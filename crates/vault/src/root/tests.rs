//! The protections of a root key, and the change from one to another.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;

use super::*;

fn write_private(path: &Path, text: &str) {
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

fn key_of(file: &RootKeyFile) -> Vec<u8> {
    file.load_or_create().unwrap().0.expose_secret().to_vec()
}

fn passphrase(text: &str) -> Arc<dyn Protection> {
    Arc::new(Passphrase::cheap(text))
}

fn cause(error: &RootKeyError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        text = format!("{text}: {next}");
        source = next.source();
    }
    text
}

#[test]
fn a_key_goes_from_one_protection_to_the_other_and_stays_the_same() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let mut file = RootKeyFile::new(&path, Vec::new());
    let key = key_of(&file);
    let (one, two) = (
        passphrase("one two three four"),
        passphrase("five six seven eight"),
    );
    file.protect(Some(one.clone())).unwrap();
    assert_eq!(key_of(&RootKeyFile::new(&path, vec![one])), key);
    file.protect(Some(two.clone())).unwrap();
    assert_eq!(key_of(&RootKeyFile::new(&path, vec![two])), key);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("amanat-root-key-2 passphrase argon2id 32 1 1 "),
        "{text}"
    );
    file.protect(None).unwrap();
    assert_eq!(key_of(&RootKeyFile::new(&path, Vec::new())), key);
    assert_eq!(
        std::fs::read_dir(home.path()).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[test]
fn a_new_key_is_protected_from_the_beginning() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let file = RootKeyFile::new(&path, vec![passphrase("one two three four")]);
    let key = key_of(&file);
    assert_eq!(file.protection().unwrap().unwrap(), "passphrase");
    assert_eq!(key_of(&file), key);
}

#[test]
fn a_wrong_passphrase_and_a_changed_file_are_told_and_nothing_is_replaced() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let right = RootKeyFile::new(&path, vec![passphrase("one two three four")]);
    key_of(&right);
    let text = std::fs::read_to_string(&path).unwrap();
    let wrong = RootKeyFile::new(&path, vec![passphrase("one two three five")]);
    let error = wrong.load_or_create().unwrap_err();
    assert!(
        cause(&error).contains("the passphrase is wrong"),
        "{}",
        cause(&error)
    );
    let changes = [
        text.replace(" 32 1 1 ", " 33 1 1 "),
        text.replace(" 32 1 1 ", " 32 2 1 "),
        text.replace(" 32 1 1 ", " 9999999 1 1 "),
        text.replace("argon2id", "argon2i"),
        text.trim_end()
            .trim_end_matches(|it: char| it.is_ascii_hexdigit())
            .to_owned(),
    ];
    for changed in changes {
        write_private(&path, &changed);
        let error = right.load_or_create().unwrap_err();
        assert!(
            matches!(
                error,
                RootKeyError::Protection {
                    doing: "opened",
                    ..
                }
            ),
            "{changed}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), changed);
    }
    let digits: String = text.chars().rev().take(20).collect();
    assert!(!cause(&error).contains(&digits));
}

#[test]
fn a_passphrase_comes_from_a_file_that_is_its_owners_alone() {
    let home = testkit::temp_dir();
    let path = home.path().join("passphrase");
    write_private(&path, "one two three four\n");
    let from_file = Passphrase::from_file(&path).unwrap();
    let typed = Passphrase::new(Zeroizing::new("one two three four".to_owned())).unwrap();
    let sealed = from_file.protect(&Zeroizing::new([7; KEY_BYTES])).unwrap();
    assert!(sealed.starts_with("argon2id 65536 3 4 "), "{sealed}");
    assert_eq!(*typed.open(&sealed).unwrap(), [7; KEY_BYTES]);
    write_private(&path, "short\n");
    let error = Passphrase::from_file(&path).err().unwrap();
    assert!(
        matches!(error, PassphraseError::Length { size_bytes: 5 }),
        "{error}"
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = Passphrase::from_file(&path).err().unwrap();
    assert!(
        matches!(error, PassphraseError::OpenToOthers { .. }),
        "{error}"
    );
}

#[test]
fn the_protection_stays_while_a_change_of_the_key_is_not_finished() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let mut file = RootKeyFile::new(&path, Vec::new());
    assert_eq!(file.state().unwrap(), None);
    assert!(!file.opens().unwrap());
    assert!(!path.exists(), "no key is made by looking for one");
    file.load_or_create().unwrap();
    let state = file.state().unwrap().unwrap();
    assert_eq!(
        (state.protection.as_str(), state.version, state.is_rotating),
        ("plain", 1, false)
    );
    assert!(file.opens().unwrap());
    std::fs::copy(&path, home.path().join("root.key.next")).unwrap();
    assert!(file.state().unwrap().unwrap().is_rotating);
    let before = std::fs::read(&path).unwrap();
    let error = file
        .protect(Some(passphrase("one two three four")))
        .unwrap_err();
    assert!(matches!(error, RootKeyError::Unfinished { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    write_private(&home.path().join("root.key.next"), "damaged");
    assert!(file.opens().is_err());
}

#[test]
fn a_later_version_of_the_file_is_told_apart_from_a_damaged_one() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let file = RootKeyFile::new(&path, Vec::new());
    write_private(&path, "amanat-root-key-3 something new\n");
    let error = file.load_or_create().unwrap_err();
    assert!(matches!(error, RootKeyError::Version { .. }), "{error}");
    write_private(&path, "amanat-root-key-2 unheard x\n");
    let error = file.load_or_create().unwrap_err();
    assert!(matches!(error, RootKeyError::NotAtHand { .. }), "{error}");
}

/// The part of a Transit engine that we use: it "seals" by turning the base64 around, and answers as it was told to.
struct Server {
    address: String,
    status: Arc<std::sync::Mutex<u16>>,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            status: Arc::new(std::sync::Mutex::new(200)),
            seen: Arc::default(),
        };
        let (status, seen) = (Arc::clone(&server.status), Arc::clone(&server.seen));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), *status.lock().unwrap(), &seen);
            }
        });
        server
    }

    fn options(&self, home: &Path) -> TransitOptions {
        let token_file = home.join("token");
        write_private(&token_file, "hvs.a-token\n");
        TransitOptions {
            address: self.address.clone(),
            mount: "transit".to_owned(),
            key: "amanat".to_owned(),
            token_file,
            namespace: Some("city".to_owned()),
            ca_file: None,
        }
    }
}

fn answer(mut stream: TcpStream, status: u16, seen: &std::sync::Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let turned =
        |text: &serde_json::Value| text.as_str().unwrap().chars().rev().collect::<String>();
    let answer = if head.contains("/encrypt/") {
        format!(
            "{{\"data\":{{\"ciphertext\":\"vault:v1:{}\"}}}}",
            turned(&body["plaintext"])
        )
    } else {
        let sealed = body["ciphertext"]
            .as_str()
            .unwrap()
            .strip_prefix("vault:v1:")
            .unwrap();
        let plain: String = sealed.chars().rev().collect();
        format!("{{\"data\":{{\"plaintext\":\"{plain}\"}}}}")
    };
    seen.lock().unwrap().push(head);
    let len = answer.len();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(format!("{head}{answer}").as_bytes());
}

#[test]
fn a_key_server_opens_the_key_at_the_start_and_says_no_clearly() {
    let home = testkit::temp_dir();
    let path = home.path().join("root.key");
    let server = Server::start();
    let transit: Arc<dyn Protection> = Arc::new(Transit::new(server.options(home.path())).unwrap());
    let mut file = RootKeyFile::new(&path, Vec::new());
    let key = key_of(&file);
    file.protect(Some(Arc::clone(&transit))).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("amanat-root-key-2 transit amanat vault:v1:"),
        "{text}"
    );
    let file = RootKeyFile::new(&path, vec![transit]);
    assert_eq!(key_of(&file), key);
    let seen = server.seen.lock().unwrap().join("").to_lowercase();
    assert!(seen.contains("post /v1/transit/encrypt/amanat "), "{seen}");
    assert!(seen.contains("post /v1/transit/decrypt/amanat "), "{seen}");
    assert!(
        seen.contains("x-vault-token: hvs.a-token") && seen.contains("x-vault-namespace: city")
    );
    for (status, remedy) in [
        (403, "policy"),
        (404, "`mount`"),
        (503, "sealed"),
        (400, "changed"),
    ] {
        *server.status.lock().unwrap() = status;
        let error = cause(&file.load_or_create().unwrap_err());
        assert!(
            error.contains(&status.to_string()) && error.contains(remedy),
            "{error}"
        );
        assert!(!error.contains("hvs."), "{error}");
    }
    let mut options = server.options(home.path());
    options.key = "other".to_owned();
    let other = RootKeyFile::new(
        &path,
        vec![Arc::new(Transit::new(options.clone()).unwrap())],
    );
    assert!(cause(&other.load_or_create().unwrap_err()).contains("made with the key `amanat`"));
    options.key = "amanat".to_owned();
    options.address = format!("http://127.0.0.1:{}", testkit::free_port());
    let away = RootKeyFile::new(&path, vec![Arc::new(Transit::new(options).unwrap())]);
    let error = cause(&away.load_or_create().unwrap_err());
    assert!(error.contains("does not answer"), "{error}");
}

#[test]
fn settings_that_would_send_the_key_in_clear_or_elsewhere_are_refused() {
    let home = testkit::temp_dir();
    let options = Server::start().options(home.path());
    let cases = [
        TransitOptions {
            address: "http://vault.example".to_owned(),
            ..options.clone()
        },
        TransitOptions {
            address: "vault.example".to_owned(),
            ..options.clone()
        },
        TransitOptions {
            address: "http://127.0.0.1.example:80".to_owned(),
            ..options.clone()
        },
        TransitOptions {
            mount: "a/../b".to_owned(),
            ..options.clone()
        },
        TransitOptions {
            key: "a/b".to_owned(),
            ..options.clone()
        },
        TransitOptions {
            key: String::new(),
            ..options
        },
    ];
    for case in cases {
        let error = Transit::new(case.clone()).err();
        assert!(
            matches!(error, Some(TransitError::Setting { .. })),
            "{case:?}"
        );
    }
}

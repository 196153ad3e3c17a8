//! With `gpg`: it opens what is sealed to its keys, and what it seals opens here.

use std::fs::{DirBuilder, File, read_to_string, write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::*;

const NAME: &str = "one@example.org";
const TIME: [&str; 2] = ["--faked-system-time", "20241001T000000"];

/// The program, with a directory of its own.
struct Gpg<'a> {
    place: &'a Path,
    home: PathBuf,
    passphrase: &'a str,
}

impl<'a> Gpg<'a> {
    fn new(place: &'a Path, passphrase: &'a str) -> Self {
        let home = place.join("gnupg");
        DirBuilder::new().mode(0o700).create(&home).unwrap();
        Self {
            place,
            home,
            passphrase,
        }
    }

    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let home = self.home.to_str().unwrap();
        let own = ["--batch", "--quiet", "--homedir", home];
        let asked = [
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            self.passphrase,
        ];
        let all = [own.as_slice(), &asked, arguments].concat();
        run("gpg", &all, self.place)
    }

    /// The readings are of October 2024, and the key is to be older than they are.
    fn then(&self, arguments: &[&str]) -> Vec<u8> {
        self.run(&[TIME.as_slice(), arguments].concat())
    }

    /// Makes a pair, and says its public and its secret half.
    fn pair(&self, kind: &str, encrypts: &str) -> (String, Vec<u8>) {
        self.then(&[
            "--quick-gen-key",
            "One <one@example.org>",
            kind,
            "default",
            "1y",
        ]);
        if !encrypts.is_empty() {
            let listed = self.then(&["--list-keys", "--with-colons", NAME]);
            let listed = String::from_utf8(listed).unwrap();
            let line = listed.lines().find(|it| it.starts_with("fpr:")).unwrap();
            let fingerprint = line.split(':').nth(9).unwrap();
            self.then(&["--quick-add-key", fingerprint, encrypts, "encr", "1y"]);
        }
        let public = self.then(&["--armor", "--export", NAME]);
        let secret = self.then(&["--armor", "--export-secret-keys", NAME]);
        (String::from_utf8(public).unwrap(), secret)
    }
}

impl Drop for Gpg<'_> {
    /// Its agent goes with it.
    fn drop(&mut self) {
        let home = self.home.to_str().unwrap_or_default();
        let kill = ["--homedir", home, "--kill", "all"];
        let _ = Command::new("gpgconf").args(kill).status();
    }
}

fn text_of(identities: &OwnIdentities, path: &Path) -> String {
    let mut text = String::new();
    let mut reader = identities.open(File::open(path).unwrap()).unwrap();
    reader.read_to_string(&mut text).unwrap();
    text
}

fn both_ways(kind: &str, encrypts: &str, passphrase: &str) {
    on_each_database(|fixture| {
        let place = fixture.home.path();
        let gpg = Gpg::new(place, passphrase);
        let (public, secret) = gpg.pair(kind, encrypts);
        let key = OwnKey::parse(&public, at(2, 14)).unwrap();
        let keys = OwnKeys::new(vec![OwnKey::from_kept(key.text()).unwrap()]).unwrap();
        let identities = OwnIdentities::read(secret.as_slice(), &mut || {
            Some(passphrase.to_owned().into())
        });
        let identities = identities.unwrap();

        let vault = fixture.open();
        let subject = person("a1");
        three_days(&vault, &subject);
        let wanted = SealDays {
            subject: &subject,
            keys: &keys,
            from_day: FIRST_DAY,
            until_day: FIRST_DAY + 1,
        };
        let done = vault.seal_days(&wanted, FORM, at(2, 14)).unwrap();
        assert_eq!((done.files, done.readings), (2, 4));
        let mut lines = Vec::new();
        for file in files(&vault, &subject, at(2, 14)) {
            assert_eq!(file.format.extension(), "pgp");
            write(place.join("day.pgp"), bytes_of(&vault, &file)).unwrap();
            let plain = String::from_utf8(gpg.then(&["--decrypt", "day.pgp"])).unwrap();
            assert_eq!(text_of(&identities, &place.join("day.pgp")), plain);
            lines.extend(plain.lines().map(str::to_owned));
        }
        lines.sort();
        let expected = [
            "0 meter-7 01",
            "0 meter-7 13",
            "0 meter-8 01",
            "0 meter-8 13",
        ];
        assert_eq!(lines, expected);

        write(place.join("word.asc"), keys.seal_text("a word\n").unwrap()).unwrap();
        assert_eq!(gpg.then(&["--decrypt", "word.asc"]), b"a word\n");

        write(place.join("plain"), "sealed by gpg\n").unwrap();
        for (name, form) in [("theirs.pgp", "--no-armor"), ("theirs.asc", "--armor")] {
            let to = ["--trust-model", "always", "-r", NAME, form, "-o", name];
            gpg.then(&[to.as_slice(), &["--encrypt", "plain"]].concat());
            assert_eq!(text_of(&identities, &place.join(name)), "sealed by gpg\n");
        }
    });
}

#[test]
fn gp_b2_the_gpg_program_and_the_vault_open_each_others_messages() {
    both_ways("future-default", "", "");
    both_ways("rsa3072", "rsa3072", "four words of mine");
    both_ways("nistp384", "nistp384", "");
}

/// Longer than the pieces of a packet, which the program reads back to the last byte.
#[test]
fn gp_b2_the_gpg_program_opens_a_long_day() {
    let place = testkit::temp_dir();
    let place = place.path();
    let gpg = Gpg::new(place, "");
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/own/openpgp");
    let of = |name: &str| read_to_string(vectors.join(name)).unwrap();
    write(place.join("key.sec"), of("curve25519.sec")).unwrap();
    gpg.run(&["--import", "key.sec"]);
    let key = OwnKey::parse(&of("curve25519.pub"), at(600, 0)).unwrap();
    let keys = OwnKeys::new(vec![key]).unwrap();
    for size in [0, 1, 65_529, 65_530, 65_531, 131_066, 700_000] {
        let letters = (0..size).map(|it: u32| char::from(b'a' + (it % 26) as u8));
        let text: String = letters.collect();
        write(place.join("long.asc"), keys.seal_text(&text).unwrap()).unwrap();
        let plain = gpg.run(&["--decrypt", "long.asc"]);
        assert!(plain == text.as_bytes(), "{size} bytes");
    }
}

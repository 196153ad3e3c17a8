//! One TOML file an invocation (`tests/cmd/*.toml`): files, arguments, and what must come out.
//!
//! A line that ends in `[..]` stands for every line that begins with what is before it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::run::{amanat, stderr, stdout};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invocation {
    args: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    code: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

#[test]
fn every_invocation_says_and_returns_what_its_file_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let mut problems = String::new();
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        count += 1;
        if let Err(problem) = check(&path) {
            problems += &format!("{}: {problem}\n", path.display());
        }
    }
    assert!(count >= 12, "only {count} invocations found");
    assert!(problems.is_empty(), "{problems}");
}

fn check(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap();
    let invocation: Invocation = toml::from_str(&text).map_err(|err| err.to_string())?;
    let place = tempfile::tempdir().unwrap();
    for (name, content) in &invocation.files {
        let file = place.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let output = amanat(place.path())
        .args(&invocation.args)
        .envs(&invocation.variables)
        .output()
        .unwrap();
    let code = output.status.code();
    if code != Some(invocation.code) {
        return Err(format!(
            "code {code:?}, not {}\n{}",
            invocation.code,
            stderr(&output)
        ));
    }
    matches("stdout", &invocation.stdout, &stdout(&output))?;
    matches("stderr", &invocation.stderr, &stderr(&output))
}

fn matches(stream: &str, expected: &str, found: &str) -> Result<(), String> {
    let wanted: Vec<_> = expected.trim_end().lines().collect();
    let lines: Vec<_> = found.trim_end().lines().collect();
    let fits = wanted.len() == lines.len()
        && wanted
            .iter()
            .zip(&lines)
            .all(|(wanted, line)| match wanted.strip_suffix("[..]") {
                Some(begin) => line.starts_with(begin),
                None => wanted == line,
            });
    if fits {
        Ok(())
    } else {
        Err(format!("{stream} is\n{found}\nand not\n{expected}"))
    }
}

#[test]
fn a_notice_that_is_not_text_is_told_so() {
    let place = tempfile::tempdir().unwrap();
    fs::write(
        place.path().join("notice.toml"),
        b"version = 1\n\xff\xfe\x00",
    )
    .unwrap();
    let output = amanat(place.path())
        .args(["notice", "check", "notice.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        stderr(&output),
        "error: `notice.toml` is not UTF-8 text: byte 12 (counted from 0) begins no character\n\
         help: a notice is TOML or JSON: name such a file, or save it as UTF-8\n"
    );
}

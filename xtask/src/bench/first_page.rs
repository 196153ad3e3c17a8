//! How long after its start Amanat answers with a page, on a data directory that exists.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use super::fixture::Fixture;
use super::servers::serve;
use crate::clock;
use crate::workspace::Workspace;

const LIMIT: Duration = Duration::from_secs(30);
/// The front page may lead to the page of a language.
const MAX_REDIRECTS: usize = 3;

/// Starts the server, asks for the front page, stops the server.
pub(crate) fn milliseconds(
    workspace: &Workspace,
    amanat: &Path,
    fixture: &Fixture,
) -> anyhow::Result<f64> {
    let start = clock::now();
    let (process, addresses) = serve(workspace, amanat, &fixture.data)?;
    let address = addresses
        .http
        .trim_start_matches("http://")
        .trim_end_matches('/');
    fetch(address)?;
    let took = start.elapsed();
    process.stop()?;
    Ok(took.as_secs_f64() * 1000.0)
}

/// Gets the front page whole.
fn fetch(address: &str) -> anyhow::Result<()> {
    let mut path = "/".to_owned();
    for _ in 0..=MAX_REDIRECTS {
        match get(address, &path)? {
            Answer::Page => return Ok(()),
            Answer::Elsewhere(target) => path = target,
        }
    }
    bail!("the front page of {address} redirects without end")
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Page,
    Elsewhere(String),
}

fn get(address: &str, path: &str) -> anyhow::Result<Answer> {
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = Vec::new();
    stream
        .read_to_end(&mut response)
        .with_context(|| format!("no answer for {path} from {address}"))?;
    answer(&String::from_utf8_lossy(&response))
        .with_context(|| format!("no page at {path} of {address}"))
}

fn answer(response: &str) -> anyhow::Result<Answer> {
    let (head, body) = response
        .split_once("\r\n\r\n")
        .context("the answer is no HTTP")?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|it| it.split(' ').nth(1))
        .context("the answer has no status")?;
    match status {
        "200" if !body.is_empty() => Ok(Answer::Page),
        "302" | "303" | "307" | "308" => {
            let header = lines
                .filter_map(|it| it.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("location"));
            let (_, target) = header.context("the redirect leads nowhere")?;
            Ok(Answer::Elsewhere(target.trim().to_owned()))
        }
        _ => bail!("the status is {status}, with {} bytes", body.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_with_content_counts() {
        assert_eq!(
            answer("HTTP/1.1 200 OK\r\nA: b\r\n\r\n<html>").unwrap(),
            Answer::Page
        );
        let elsewhere = answer("HTTP/1.1 303 See Other\r\nlocation: /en\r\n\r\n").unwrap();
        assert_eq!(elsewhere, Answer::Elsewhere("/en".to_owned()));
        let error = answer("HTTP/1.1 500 Oops\r\n\r\nx").unwrap_err();
        assert_eq!(error.to_string(), "the status is 500, with 1 bytes");
        assert!(answer("HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(answer("").is_err());
    }
}

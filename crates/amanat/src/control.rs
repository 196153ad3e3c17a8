//! The control socket: how the command line asks a running server, which alone has the data directory.
//!
//! ```text
//! DATA/control.sock, a Unix stream socket of mode 0600 in a directory of mode 0700
//! request:  sign-in-link new OFFICE \n      or  sign-in-link first OFFICE \n      or  sign-in-link of ACCOUNT \n
//! answer:   ok ACCOUNT URL \n               or  error WORDS \n
//! ```
//!
//! or one line of JSON behind a word, and JSON behind `ok`: [`backups`], [`certificates`], [`operate`], [`webhooks`].
//!
//! One request a connection, at most [`MAX_LINE_BYTES`]. A socket without a server behind it is a leftover and replaced.

pub(crate) mod backups;
pub(crate) mod certificates;
pub(crate) mod operate;
pub(crate) mod webhooks;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alliance::{Actor, Alliance, Office};
use anyhow::{Context, anyhow, bail};
use gateway::Guard;
use model::{MemberId, PersonId};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use web::PublicUrl;

use crate::backup::Backups;
use crate::clock;
use crate::lifecycle::Stopping;
use crate::tls::Served;

pub(crate) use backups::BackupRequest;
pub(crate) use certificates::CertificatesRequest;
pub(crate) use operate::OperatorRequest;
pub(crate) use webhooks::WebhookRequest;

const SOCKET: &str = "control.sock";
/// An import of [`operate::MAX_IMPORTED`] things, and its tokens, fit into it.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;
/// How long a request may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long its answer may take: an import is one act.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// For whom a link is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkRequest {
    /// A new account for this office.
    New(Office),
    /// The oldest account of this office; made if there is none.
    First(Office),
    /// A new account of somebody who speaks for this member.
    Delegate(MemberId),
    /// An account that exists.
    Existing(PersonId),
}

impl LinkRequest {
    fn to_line(&self) -> String {
        match self {
            Self::New(office) => format!("sign-in-link new {}\n", office.as_str()),
            Self::First(office) => format!("sign-in-link first {}\n", office.as_str()),
            Self::Delegate(member) => format!("sign-in-link delegate {member}\n"),
            Self::Existing(account) => format!("sign-in-link of {account}\n"),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let rest = line.trim_end().strip_prefix("sign-in-link ")?;
        match rest.split_once(' ')? {
            ("new", office) => Office::parse(office).map(Self::New),
            ("first", office) => Office::parse(office).map(Self::First),
            ("delegate", member) => MemberId::parse(member).ok().map(Self::Delegate),
            ("of", account) => PersonId::parse(account).ok().map(Self::Existing),
            _ => None,
        }
    }
}

/// A link that was made.
pub(crate) struct Made {
    /// Whose.
    pub(crate) account: PersonId,
    /// The link: a secret until it is used.
    pub(crate) url: String,
}

/// Makes a link.
pub(crate) fn make(
    alliance: &Alliance,
    site: &PublicUrl,
    request: &LinkRequest,
) -> anyhow::Result<Made> {
    let now = clock::now();
    let account = match request {
        LinkRequest::New(office) => alliance.create_account(&Actor::Operator, *office, now)?.id,
        LinkRequest::First(office) => match alliance.accounts_of(*office)?.into_iter().next() {
            Some(account) => account.id,
            None => alliance.create_account(&Actor::Operator, *office, now)?.id,
        },
        LinkRequest::Delegate(member) => {
            alliance.create_delegate(&Actor::Operator, member, now)?.id
        }
        LinkRequest::Existing(account) => account.clone(),
    };
    let link = alliance.one_time_link(&Actor::Operator, &account, now)?;
    let route = web::Route::SignInOnce(link.expose_secret().to_owned());
    Ok(Made {
        account,
        url: site.to(&route),
    })
}

/// Asks the server that has the data directory; `None` when none runs.
pub(crate) fn ask(data: &Path, request: &LinkRequest) -> anyhow::Result<Option<Made>> {
    let mut stream = match StdUnixStream::connect(data.join(SOCKET)) {
        Ok(stream) => stream,
        // No socket, nobody behind it, or a path too long for one.
        Err(_) => return Ok(None),
    };
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(request.to_line().as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_LINE_BYTES))
        .read_line(&mut answer)
        .context("the server does not answer")?;
    match answer.trim_end().split_once(' ') {
        Some(("ok", made)) => {
            let (account, url) = made.split_once(' ').context("the answer is not complete")?;
            Ok(Some(Made {
                account: PersonId::parse(account)?,
                url: url.to_owned(),
            }))
        }
        Some(("error", words)) => Err(anyhow!("{words}")),
        _ => bail!("the server does not know this request"),
    }
}

/// Asks the server that has the data directory; `None` when none runs. Gives what stands behind `ok`.
pub(crate) fn ask_line(data: &Path, line: &str) -> anyhow::Result<Option<String>> {
    ask_within(data, line, Some(ANSWER_TIMEOUT))
}

/// As [`ask_line`], for an answer that may take hours. A server that ends answers by closing the socket.
pub(crate) fn ask_patiently(data: &Path, line: &str) -> anyhow::Result<Option<String>> {
    ask_within(data, line, None)
}

fn ask_within(
    data: &Path,
    line: &str,
    timeout: Option<Duration>,
) -> anyhow::Result<Option<String>> {
    let mut stream = match StdUnixStream::connect(data.join(SOCKET)) {
        Ok(stream) => stream,
        // No socket, nobody behind it, or a path too long for one.
        Err(_) => return Ok(None),
    };
    stream.set_read_timeout(timeout)?;
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_LINE_BYTES))
        .read_line(&mut answer)
        .context("the server does not answer")?;
    match answer.trim_end().split_once(' ') {
        Some(("ok", rest)) => Ok(Some(rest.to_owned())),
        Some(("error", words)) => Err(anyhow!("{words}")),
        _ => bail!("the server does not know this request"),
    }
}

/// Binds the control socket. The data directory must be locked by this process.
pub(crate) fn bind(data: &Path) -> io::Result<UnixListener> {
    let path = data.join(SOCKET);
    match fs::remove_file(&path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => (),
    }
    let listener = UnixListener::bind(&path)?;
    // Whoever may write to it may sign in as anybody; until here the mode of the directory protects it.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers requests until it is time to stop.
pub(crate) async fn serve(
    listener: UnixListener,
    alliance: Alliance,
    (site, guard): (PublicUrl, Arc<Guard>),
    (tls, backups): (Option<Arc<Served>>, Backups),
    mut stopping: Stopping,
) {
    loop {
        let accepted = tokio::select! {
            () = stopping.wait() => return,
            accepted = listener.accept() => accepted,
        };
        if let Ok((stream, _)) = accepted {
            // One at a time: whoever asks is the operator.
            let answered = answer(stream, &alliance, (&site, &guard), (tls.as_ref(), &backups));
            match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
                Ok(Err(err)) => tracing::warn!("a request on the control socket failed: {err}"),
                Err(_) => tracing::warn!("a request on the control socket took too long"),
                Ok(Ok(())) => (),
            }
        }
    }
}

async fn answer(
    stream: UnixStream,
    alliance: &Alliance,
    (site, guard): (&PublicUrl, &Arc<Guard>),
    (tls, backups): (Option<&Arc<Served>>, &Backups),
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = tokio::io::BufReader::new(read.take(MAX_LINE_BYTES));
    tokio::time::timeout(TIMEOUT, read.read_line(&mut line)).await??;
    if let Some(request) = BackupRequest::parse(&line) {
        // It may take hours: others are answered meanwhile.
        tokio::spawn(backups::answer(request, backups.clone(), write));
        return Ok(());
    }
    if let Some(request) = OperatorRequest::parse(&line) {
        let answer = operated(request, alliance, (site, guard)).await;
        return write.write_all(answer.as_bytes()).await;
    }
    if let Some(request) = WebhookRequest::parse(&line) {
        let answer = webhooks::answer(request, alliance).await;
        return write.write_all(answer.as_bytes()).await;
    }
    if let Some(request) = CertificatesRequest::parse(&line) {
        let answer = about_certificates(request, alliance, tls).await;
        return write.write_all(answer.as_bytes()).await;
    }
    let answer = match LinkRequest::parse(&line) {
        None => "error this request is not known\n".to_owned(),
        Some(request) => {
            let (alliance, site) = (alliance.clone(), site.clone());
            let made = tokio::task::spawn_blocking(move || make(&alliance, &site, &request)).await;
            match made {
                Ok(Ok(made)) => format!("ok {} {}\n", made.account, made.url),
                Ok(Err(err)) => format!("error {err:#}\n"),
                Err(_) => "error the server failed\n".to_owned(),
            }
        }
    };
    write.write_all(answer.as_bytes()).await
}

async fn operated(
    request: anyhow::Result<OperatorRequest>,
    alliance: &Alliance,
    (url, guard): (&PublicUrl, &Arc<Guard>),
) -> String {
    let (alliance, url, guard) = (alliance.clone(), url.clone(), Arc::clone(guard));
    let done = tokio::task::spawn_blocking(move || {
        let site = operate::Site {
            alliance: &alliance,
            url: &url,
            connected: Some(&guard),
        };
        operate::act(&site, &request?)
    });
    match done.await {
        Ok(Ok(value)) => format!("ok {value}\n"),
        // A cause may have lines of its own, and an answer has one.
        Ok(Err(err)) => format!("error {}\n", format!("{err:#}").replace('\n', "; ")),
        Err(_) => "error the server failed\n".to_owned(),
    }
}

async fn about_certificates(
    request: anyhow::Result<CertificatesRequest>,
    alliance: &Alliance,
    tls: Option<&Arc<Served>>,
) -> String {
    let (alliance, tls) = (alliance.clone(), tls.cloned());
    let done =
        tokio::task::spawn_blocking(move || certificates::act(&alliance, tls.as_ref(), &request?));
    match done.await {
        Ok(Ok(value)) => format!("ok {value}\n"),
        Ok(Err(err)) => format!("error {err:#}\n"),
        Err(_) => "error the server failed\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_as_written() {
        for request in [
            LinkRequest::New(Office::Licensing),
            LinkRequest::First(Office::Licensing),
            LinkRequest::Delegate(MemberId::parse("lahore-power").unwrap()),
            LinkRequest::Existing(PersonId::parse("p-abc").unwrap()),
        ] {
            assert_eq!(LinkRequest::parse(&request.to_line()), Some(request));
        }
        for bad in ["", "sign-in-link", "sign-in-link new king", "erase p-abc"] {
            assert_eq!(LinkRequest::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn the_socket_is_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let _listener = bind(place.path()).unwrap();
            let metadata = fs::metadata(place.path().join(SOCKET)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
    }
}

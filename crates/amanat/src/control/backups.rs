//! A backup that the running server makes, asked for by the command line.
//!
//! ```text
//! request:  backup {"directory":"/…","passphrase-file":"/…"} \n
//! answer:   ok {"backup":"…", …} \n      or  error WORDS \n, when it is done, however long that takes
//! ```
//!
//! Other requests are answered meanwhile.

use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;

use crate::backup::{Backups, Shelf, shown};

/// The word in front of a request.
const WORD: &str = "backup ";

/// Where the backup goes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct BackupRequest {
    /// The repository, as an absolute path.
    pub(crate) directory: PathBuf,
    /// The file with its passphrase, which the server reads.
    pub(crate) passphrase_file: PathBuf,
}

impl BackupRequest {
    /// As it goes over the socket.
    pub(crate) fn to_line(&self) -> anyhow::Result<String> {
        Ok(format!("{WORD}{}\n", serde_json::to_string(self)?))
    }

    /// Reads a line; nothing when it is about something else.
    pub(crate) fn parse(line: &str) -> Option<anyhow::Result<Self>> {
        let rest = line.strip_prefix(WORD)?;
        Some(serde_json::from_str(rest).context("this request is not known"))
    }
}

/// Makes the backup and answers when it is made.
pub(super) async fn answer(
    request: anyhow::Result<BackupRequest>,
    backups: Backups,
    mut write: OwnedWriteHalf,
) {
    let done = tokio::task::spawn_blocking(move || {
        let BackupRequest {
            directory,
            passphrase_file,
        } = request?;
        backups.make(&Shelf {
            directory,
            passphrase_file,
        })
    });
    let answer = match done.await {
        Ok(Ok(created)) => format!("ok {}\n", shown(&created)),
        Ok(Err(err)) => {
            tracing::warn!("a backup that was asked for was not made: {err:#}");
            format!("error {}\n", format!("{err:#}").replace('\n', "; "))
        }
        Err(_) => "error the server failed\n".to_owned(),
    };
    if write.write_all(answer.as_bytes()).await.is_err() {
        tracing::info!("whoever asked for a backup has gone; it is made all the same");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_as_written() {
        let request = BackupRequest {
            directory: PathBuf::from("/srv/with a space\nand more"),
            passphrase_file: PathBuf::from("/etc/amanat/backup"),
        };
        let line = request.to_line().unwrap();
        assert_eq!(line.lines().count(), 1);
        let read = BackupRequest::parse(&line).unwrap().unwrap();
        assert_eq!(read.directory, request.directory);
        assert!(BackupRequest::parse("webhooks {}").is_none());
        assert!(
            BackupRequest::parse("backup {\"from\":1}")
                .unwrap()
                .is_err()
        );
    }
}

//! The witness over HTTP, as C2SP `tlog-witness` has it.
//!
//! | request | answer |
//! |---|---|
//! | `POST /add-checkpoint` | the cosignature, one line; 409 with the size that was cosigned last, 400, 403, 404 and 422 as in the standard |
//! | `GET /<hash of the origin>/checkpoint` | the last checkpoint of a log, with the signatures of the log and of the witness |
//! | `GET /<hash of the origin>/split` | a checkpoint of the log that contradicts one that was cosigned; 404 while there is none |
//! | `GET /<hash of the origin>/refused` | the first checkpoint of the log whose proof did not hold; alone it proves nothing; 404 while there is none |
//! | `GET /` | the public key of the witness |
//!
//! Nobody signs in: what counts is the signature on the checkpoint.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use record::{
    AddCheckpoint, AddCheckpointError, DirStoreError, MAX_ADD_CHECKPOINT_BYTES, WitnessError,
    WitnessRefusal,
};

use super::{AddError, Witnesses};
use crate::clock;
use crate::lifecycle::Alarm;

/// What requests share.
#[derive(Clone)]
struct Service {
    witnesses: Arc<Witnesses>,
    alarm: Alarm,
}

/// The addresses of a witness. When what is signed cannot be kept, the alarm is raised: nothing more can be cosigned.
pub(crate) fn router(witnesses: Arc<Witnesses>, alarm: Alarm) -> Router {
    let key = format!("{}\n", witnesses.key());
    Router::new()
        .route("/", get(move || std::future::ready(key.clone())))
        .route("/add-checkpoint", post(add))
        .route("/{hash}/checkpoint", get(checkpoint))
        .route("/{hash}/split", get(split))
        .route("/{hash}/refused", get(not_grown))
        .layer(DefaultBodyLimit::max(MAX_ADD_CHECKPOINT_BYTES))
        .with_state(Service { witnesses, alarm })
}

async fn add(State(service): State<Service>, body: Bytes) -> Response {
    let request = match AddCheckpoint::parse(&body) {
        Ok(request) => request,
        Err(err) => {
            let status = match err {
                AddCheckpointError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                AddCheckpointError::Malformed | AddCheckpointError::Note(_) => {
                    StatusCode::BAD_REQUEST
                }
            };
            return said(status, &err.to_string());
        }
    };
    let witnesses = Arc::clone(&service.witnesses);
    let now = u64::try_from(clock::now().as_millis() / 1_000).unwrap_or(0);
    let added = tokio::task::spawn_blocking(move || witnesses.add(&request, now)).await;
    let Ok(added) = added else {
        return said(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed");
    };
    match added {
        Ok(signature) => said(StatusCode::OK, &signature.to_string()),
        Err(AddError::UnknownLog) => said(StatusCode::NOT_FOUND, &AddError::UnknownLog.to_string()),
        Err(AddError::Witness(err)) => refused(&service, &err),
    }
}

fn refused<E: std::error::Error + 'static>(service: &Service, err: &WitnessError<E>) -> Response {
    match err {
        WitnessError::Refused(WitnessRefusal::OldSize { size }) => {
            let kind = [(CONTENT_TYPE, "text/x.tlog.size")];
            (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response()
        }
        WitnessError::Refused(refusal) => {
            let status = StatusCode::from_u16(refusal.status());
            said(
                status.unwrap_or(StatusCode::BAD_REQUEST),
                &refusal.to_string(),
            )
        }
        WitnessError::Cosign(_) | WitnessError::Note(_) => {
            said(StatusCode::UNPROCESSABLE_ENTITY, &err.to_string())
        }
        WitnessError::Store(source) => {
            tracing::error!("what is cosigned could not be kept: {source}");
            service.alarm.raise();
            said(StatusCode::SERVICE_UNAVAILABLE, &err.to_string())
        }
        WitnessError::Broken => said(StatusCode::SERVICE_UNAVAILABLE, &err.to_string()),
    }
}

async fn checkpoint(State(service): State<Service>, Path(hash): Path<String>) -> Response {
    let witnesses = Arc::clone(&service.witnesses);
    let last = tokio::task::spawn_blocking(move || witnesses.last(&hash)).await;
    match last {
        Ok(Some(note)) => note.into_response(),
        _ => said(
            StatusCode::NOT_FOUND,
            "nothing was cosigned of a log whose origin has this hash",
        ),
    }
}

async fn split(State(service): State<Service>, Path(hash): Path<String>) -> Response {
    let witnesses = Arc::clone(&service.witnesses);
    let kept = tokio::task::spawn_blocking(move || witnesses.split(&hash)).await;
    evidence(kept, "nothing contradicts what was cosigned")
}

async fn not_grown(State(service): State<Service>, Path(hash): Path<String>) -> Response {
    let witnesses = Arc::clone(&service.witnesses);
    let kept = tokio::task::spawn_blocking(move || witnesses.refused(&hash)).await;
    evidence(kept, "every checkpoint followed from what was cosigned")
}

type Kept = Result<Result<Option<Vec<u8>>, DirStoreError>, tokio::task::JoinError>;

fn evidence(kept: Kept, none: &str) -> Response {
    match kept {
        Ok(Ok(Some(note))) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response(),
        Ok(Ok(None)) => said(StatusCode::NOT_FOUND, none),
        Ok(Err(_)) | Err(_) => said(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the witness cannot look up what it keeps",
        ),
    }
}

fn said(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}

//! What a form sent, before its token is checked.

use std::time::Duration;

use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;

use crate::form::{Pairs, ProtectedForm};
use crate::page::ErrorKind;
use crate::site::Site;
use crate::visit::Failure;

/// How long a browser may take to send a form.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pairs of a form, at most [`crate::MAX_FORM_BYTES`] long.
pub(crate) struct Submission(Pairs);

impl Submission {
    /// The form, locked until its token is checked.
    pub(crate) fn protect<T>(
        self,
        parse: impl FnOnce(Vec<(String, String)>) -> T,
    ) -> ProtectedForm<T> {
        self.0.protect(parse)
    }
}

impl FromRequest<Site> for Submission {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Failure> {
        let form = tokio::time::timeout(PATIENCE, Form::<Pairs>::from_request(request, site)).await;
        match form {
            Ok(Ok(Form(pairs))) => Ok(Self(pairs)),
            Ok(Err(refused)) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Failure(ErrorKind::TooLarge))
            }
            _ => Err(Failure::BAD_REQUEST),
        }
    }
}

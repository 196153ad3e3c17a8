//! The pages that say no. They tell what happened and what to do next, and nothing about what is hidden.

use askama::Template;

use super::Page;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// Why a request was not answered with its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The request could not be read.
    BadRequest,
    /// The form does not carry this session's token, or came from another site.
    Form,
    /// The account may see the page, but not do this.
    Denied,
    /// There is no such page, or it is hidden.
    NotFound,
    /// The page does not take this method.
    Method,
    /// What was asked for was changed in the meantime.
    Conflict,
    /// It takes two officers, and waits for the second one.
    Waits,
    /// The body is too large.
    TooLarge,
    /// Our bug.
    Internal,
    /// Try again.
    Busy,
    /// The database did not say whether it was done.
    Unsettled,
}

impl ErrorKind {
    /// Every kind.
    pub(crate) const ALL: [(&'static str, Self); 11] = [
        ("bad-request", Self::BadRequest),
        ("form", Self::Form),
        ("denied", Self::Denied),
        ("not-found", Self::NotFound),
        ("method", Self::Method),
        ("conflict", Self::Conflict),
        ("waits", Self::Waits),
        ("too-large", Self::TooLarge),
        ("internal", Self::Internal),
        ("busy", Self::Busy),
        ("unsettled", Self::Unsettled),
    ];

    /// The HTTP status.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Form | Self::Denied => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Conflict => 409,
            Self::Waits => 202,
            Self::TooLarge => 413,
            Self::Internal => 500,
            Self::Busy | Self::Unsettled => 503,
        }
    }

    fn title(self, shell: &Shell) -> String {
        shell.say(match self {
            Self::BadRequest => "error-bad-request-title",
            Self::Form => "error-form-title",
            Self::Denied => "error-denied-title",
            Self::NotFound => "error-not-found-title",
            Self::Method => "error-method-title",
            Self::Conflict => "error-conflict-title",
            Self::Waits => "error-waits-title",
            Self::TooLarge => "error-too-large-title",
            Self::Internal => "error-internal-title",
            Self::Busy => "error-busy-title",
            Self::Unsettled => "error-unsettled-title",
        })
    }

    fn text(self, shell: &Shell) -> String {
        shell.say(match self {
            Self::BadRequest => "error-bad-request",
            Self::Form => "error-form",
            Self::Denied => "error-denied",
            Self::NotFound => "error-not-found",
            Self::Method => "error-method",
            Self::Conflict => "error-conflict",
            Self::Waits => "error-waits",
            Self::TooLarge => "error-too-large",
            Self::Internal => "error-internal",
            Self::Busy => "error-busy",
            Self::Unsettled => "error-unsettled",
        })
    }
}

/// What an error page shows.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// What happened.
    pub(crate) kind: ErrorKind,
}

impl ErrorPage {
    /// Where what waits is seen.
    fn waits(&self) -> bool {
        self.kind == ErrorKind::Waits
    }

    /// Signing in may open a page that is hidden from strangers.
    const fn offers_sign_in(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound | ErrorKind::Form)
            && matches!(self.shell.viewer, Viewer::Anonymous)
    }
}

impl Page for ErrorPage {
    const NAME: &'static str = "error";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = Shell {
            here: None,
            ..shell.clone()
        };
        let page = |(name, kind)| {
            let shell = shell.clone();
            (name, Self { shell, kind })
        };
        ErrorKind::ALL.map(page).into()
    }
}

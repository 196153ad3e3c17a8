//! The handlers, one module a part of the site: extract, ask the use case, show the page.

pub(crate) mod choices;
pub(crate) mod files;
pub(crate) mod home;
pub(crate) mod me;
pub(crate) mod notice;
pub(crate) mod office;
pub(crate) mod record;
pub(crate) mod sign_in;
mod submission;

pub(crate) use submission::Submission;

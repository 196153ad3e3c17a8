//! The handlers, one module a part of the site: extract, ask the use case, show the page.

pub(crate) mod access;
pub(crate) mod bulk;
pub(crate) mod cases;
pub(crate) mod changes;
pub(crate) mod choices;
pub(crate) mod claim;
pub(crate) mod commons;
pub(crate) mod consent;
pub(crate) mod destinations;
pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod holidays;
pub(crate) mod home;
pub(crate) mod keeping;
pub(crate) mod limits;
pub(crate) mod me;
pub(crate) mod nearby;
pub(crate) mod notice;
pub(crate) mod notice_file;
pub(crate) mod office;
pub(crate) mod office_commands;
pub(crate) mod office_statistics;
pub(crate) mod own_key;
mod passkey;
pub(crate) mod publish;
pub(crate) mod record;
pub(crate) mod safety;
pub(crate) mod sign_in;
pub(crate) mod statistics;
mod submission;
pub(crate) mod unlink;
mod upload;
pub(crate) mod why;

pub(crate) use submission::Submission;
pub(crate) use upload::{PictureUpload, Upload};

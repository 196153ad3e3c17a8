//! The pages that people see: notices, choices, timelines, the public record, the office.
//!
//! Owns HTML, HTTP, languages and the look. Must not know SQL, keys, rules or MQTT: every page shows what a use case
//! of `alliance` or `custody` returned, and every form ends in one. No page needs JavaScript, and only the forms for passkeys use it;
//! every text goes through Fluent, in English and Urdu.
//!
//! Start reading at [`router`] (which handler answers which [`Route`]), then a handler, then its page.
//! [`write_samples`] writes every page in every state to files, to be looked at.
//!
//! # Limits
//! A form has at most [`MAX_FORM_BYTES`] and twenty seconds to arrive. Connections are the server's business.

mod assets;
mod compress;
mod cookie;
mod device;
mod exporting;
mod form;
mod handler;
mod headers;
mod page;
mod qr;
mod route;
mod samples;
mod shell;
mod site;
mod texts;
mod view;
mod visit;

#[cfg(test)]
mod tests;

pub use exporting::{RunExportsError, run_exports};
pub use page::{LabelError, claim_label};
pub use qr::CodeError;
pub use route::{Ask, EraseAsk, Route};
pub use samples::{SamplesError, write_samples};
pub use site::{
    CameFrom, DEFAULT_TIME_ZONE, MAX_CASE_BYTES, MAX_FORM_BYTES, MAX_UPLOAD_BYTES, PublicUrl,
    PublicUrlError, SiteOptions, router,
};
pub use texts::{
    Asker, ChangeLine, Sentences, notice_changes, notice_changes_heading, notice_unchanged,
};

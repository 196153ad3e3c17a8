//! The page that opens sealed files in the browser. It holds a script of ours, and works without the server once it is there.

use askama::Template;

use super::Page;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// Opens sealed files; the key does not leave the page.
#[derive(Template)]
#[template(path = "open.html")]
pub(crate) struct OpenPage {
    /// The frame.
    pub(crate) shell: Shell,
}

impl Page for OpenPage {
    const NAME: &'static str = "open";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = super::sample::signed_in(shell, Route::Open);
        vec![("new", Self { shell })]
    }
}

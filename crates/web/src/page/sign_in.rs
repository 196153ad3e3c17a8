//! Signing in with a link that works once. Opening the link changes nothing; the button uses it up.

use askama::Template;

use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// How to sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    /// The frame.
    pub(crate) shell: Shell,
}

impl Page for SignInPage {
    const NAME: &'static str = "sign-in";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::at(shell, Route::SignIn);
        vec![("full", Self { shell })]
    }
}

/// The button that uses a link up.
#[derive(Template)]
#[template(path = "sign_in_once.html")]
pub(crate) struct SignInOncePage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The form's token.
    pub(crate) form: FormToken,
    /// The token of the link.
    pub(crate) token: String,
}

impl Page for SignInOncePage {
    const NAME: &'static str = "sign-in-once";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let full = Self {
            shell: sample::at(shell, Route::sign_in_once("aaaa")),
            form: FormToken::sample(),
            token: "sample".to_owned(),
        };
        vec![("full", full)]
    }
}

/// The link was used, or is too old, or never was one.
#[derive(Template)]
#[template(path = "sign_in_gone.html")]
pub(crate) struct SignInGonePage {
    /// The frame.
    pub(crate) shell: Shell,
}

impl Page for SignInGonePage {
    const NAME: &'static str = "sign-in-gone";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let shell = sample::at(shell, Route::sign_in_once("aaaa"));
        vec![("full", Self { shell })]
    }
}

//! Signing in: with a passkey, with name and password, with a recovery code, or with a link that works once. Opening the link
//! changes nothing; the button uses it up.

use askama::Template;

use super::safety::PasskeyAsk;
use super::{Page, sample};
use crate::form::FormToken;
use crate::route::Route;
use crate::shell::{Shell, Viewer};

/// Why somebody was not signed in; which part was wrong is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInError {
    /// Name or password.
    Password,
    /// The recovery code.
    Code,
    /// The passkey.
    Passkey,
    /// Too many tries.
    Wait,
}

impl SignInError {
    const fn place(self) -> &'static str {
        match self {
            Self::Password | Self::Wait => "name",
            Self::Code => "code",
            Self::Passkey => "passkey",
        }
    }

    fn words(self, shell: &Shell) -> String {
        shell.say(match self {
            Self::Password => "sign-in-wrong",
            Self::Code => "sign-in-code-wrong",
            Self::Passkey => "passkey-not-taken",
            Self::Wait => "sign-in-wait",
        })
    }
}

/// How to sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The forms' token.
    pub(crate) form: FormToken,
    /// What the passkey form asks for.
    pub(crate) passkey: Option<PasskeyAsk>,
    /// The name that was written.
    pub(crate) name: String,
    /// What was wrong.
    pub(crate) error: Option<SignInError>,
}

impl Page for SignInPage {
    const NAME: &'static str = "sign-in";

    fn samples(shell: &Shell) -> Vec<(&'static str, Self)> {
        let page = |error| Self {
            shell: sample::at(shell, Route::SignIn),
            form: FormToken::sample(),
            passkey: Some(PasskeyAsk::sample()),
            name: String::new(),
            error,
        };
        let mut plain = page(None);
        plain.passkey = None;
        let mut wrong = page(Some(SignInError::Password));
        wrong.name = "sana.khan".to_owned();
        vec![
            ("full", page(None)),
            ("empty", plain),
            ("error", wrong),
            ("error-code", page(Some(SignInError::Code))),
            ("error-passkey", page(Some(SignInError::Passkey))),
            ("error-wait", page(Some(SignInError::Wait))),
        ]
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

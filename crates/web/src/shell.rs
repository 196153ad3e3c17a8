//! The frame around every page: language, menu, who is looking.

use std::borrow::Borrow;
use std::ops::Deref;

use model::Language;

use crate::assets::{ASSETS, Asset};
use crate::form::FormToken;
use crate::route::Route;
use crate::texts::Texts;

/// Who is looking at a page, as far as the menu cares.
#[derive(Debug, Clone)]
pub(crate) enum Viewer {
    /// Nobody who signed in.
    Anonymous,
    /// Somebody who signed in.
    SignedIn {
        /// What the sign-out form carries.
        form: FormToken,
        /// Whether the office is open to them.
        office: bool,
    },
}

/// Where the site's own files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    /// Under the site's own address.
    Served,
    /// In the folder `files` beside the page: samples that are looked at without a server.
    Beside,
}

/// The texts of a page, and what the frame around it shows.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// Language and time zone.
    pub(crate) texts: Texts,
    /// The page itself, where the language switch comes back to; `None` on a page that says no.
    pub(crate) here: Option<Route>,
    /// Who is looking.
    pub(crate) viewer: Viewer,
    /// Where style and icon are.
    pub(crate) files: Files,
}

impl Deref for Shell {
    type Target = Texts;

    fn deref(&self) -> &Texts {
        &self.texts
    }
}

impl Shell {
    /// The BCP 47 tag of the page.
    pub(crate) const fn tag(&self) -> &'static str {
        self.texts.language().tag()
    }

    /// The direction of the page.
    pub(crate) const fn direction(&self) -> &'static str {
        self.texts.language().direction()
    }

    /// The tag of the other language.
    pub(crate) const fn other_tag(&self) -> &'static str {
        self.other().tag()
    }

    /// The direction of the other language.
    pub(crate) const fn other_direction(&self) -> &'static str {
        self.other().direction()
    }

    const fn other(&self) -> Language {
        match self.texts.language() {
            Language::En => Language::Ur,
            Language::Ur => Language::En,
        }
    }

    /// The same frame in every language.
    pub(crate) fn in_every_language(&self) -> Vec<Self> {
        let shells = Language::ALL.into_iter().map(|language| Self {
            texts: self.texts.in_language(language),
            ..self.clone()
        });
        shells.collect()
    }

    /// The link that switches the language and comes back.
    pub(crate) fn switch(&self) -> Route {
        Route::Language {
            language: self.other(),
            back: self.here.as_ref().unwrap_or(&Route::Home).to_string(),
        }
    }

    /// Where to say that something is wrong here.
    pub(crate) fn something_wrong(&self) -> Route {
        Route::something_wrong(self.here.as_ref())
    }

    /// Whether the page is the one that a menu link leads to.
    pub(crate) fn is_at(&self, route: impl Borrow<Route>) -> bool {
        let here = self.here.as_ref().map(Route::pattern);
        here == Some(route.borrow().pattern())
    }

    /// The address of the style sheet.
    pub(crate) fn style(&self) -> String {
        self.file(&ASSETS.style)
    }

    /// The address of the icon.
    pub(crate) fn icon(&self) -> String {
        self.file(&ASSETS.icon)
    }

    /// The address of the script of the forms for passkeys.
    pub(crate) fn passkey_script(&self) -> String {
        self.file(&ASSETS.passkey)
    }

    /// The address of the script that opens sealed files.
    pub(crate) fn open_script(&self) -> String {
        self.file(&ASSETS.open)
    }

    /// The addresses of the fonts that the page needs at once: none in English.
    pub(crate) fn fonts(&self) -> Vec<String> {
        match self.texts.language() {
            Language::En => Vec::new(),
            Language::Ur => vec![self.file(&ASSETS.nastaliq), self.file(&ASSETS.naskh)],
        }
    }

    fn file(&self, asset: &Asset) -> String {
        match self.files {
            Files::Served => Route::Static(asset.name.clone()).to_string(),
            Files::Beside => format!("files/{}", asset.name),
        }
    }
}

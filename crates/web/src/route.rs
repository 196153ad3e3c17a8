//! Every URL of the site. Templates and handlers name a [`Route`]; nobody writes a path as text.

use std::fmt;

use custody::Place;
use model::{DeploymentId, Language, MemberId};

/// The path patterns, as the router takes them.
pub(crate) mod pattern {
    pub(crate) const HOME: &str = "/";
    pub(crate) const NOTICE: &str = "/d/{deployment}";
    pub(crate) const DRIFT: &str = "/d/{deployment}/drift";
    pub(crate) const SIGN: &str = "/d/{deployment}/sign";
    pub(crate) const QR: &str = "/d/{deployment}/qr.svg";
    pub(crate) const MEMBER: &str = "/m/{member}";
    pub(crate) const RECORD: &str = "/record";
    pub(crate) const RECORD_ENTRY: &str = "/record/entry/{index}";
    pub(crate) const RECORD_LOG: &str = "/record/log/{*path}";
    pub(crate) const SIGN_IN: &str = "/sign-in";
    pub(crate) const SIGN_IN_ONCE: &str = "/sign-in/once/{token}";
    pub(crate) const SIGN_OUT: &str = "/sign-out";
    pub(crate) const ME: &str = "/me";
    pub(crate) const CHOICES: &str = "/me/choices/{deployment}";
    pub(crate) const OFFICE: &str = "/office";
    pub(crate) const OFFICE_SUSPEND: &str = "/office/{deployment}/suspend";
    pub(crate) const OFFICE_REINSTATE: &str = "/office/{deployment}/reinstate";
    pub(crate) const LANGUAGE: &str = "/lang/{language}";
    pub(crate) const STATIC: &str = "/static/{name}";
    pub(crate) const LIVE: &str = "/health/live";
    pub(crate) const READY: &str = "/health/ready";

    /// Every pattern; the authorization test holds a line for each.
    #[cfg(test)]
    pub(crate) const ALL: [&str; 21] = [
        HOME,
        NOTICE,
        DRIFT,
        SIGN,
        QR,
        MEMBER,
        RECORD,
        RECORD_ENTRY,
        RECORD_LOG,
        SIGN_IN,
        SIGN_IN_ONCE,
        SIGN_OUT,
        ME,
        CHOICES,
        OFFICE,
        OFFICE_SUSPEND,
        OFFICE_REINSTATE,
        LANGUAGE,
        STATIC,
        LIVE,
        READY,
    ];
}

/// A page or file of the site. `Display` writes its path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The alliance: members and deployments.
    Home,
    /// The public notice of a deployment.
    Notice(DeploymentId),
    /// Everything that came in to a deployment without having been declared.
    Drift {
        /// The deployment.
        deployment: DeploymentId,
        /// How many values stand on the pages before.
        skip: u16,
    },
    /// The sign to print and put beside the devices.
    Sign(DeploymentId),
    /// The QR code on the sign.
    Qr(DeploymentId),
    /// A member's page.
    Member(MemberId),
    /// The public record, newest entries first, older than `before`.
    Record {
        /// The first entry that is too new to show; `None` for the newest page.
        before: Option<u64>,
    },
    /// One entry of the record with its proof.
    RecordEntry(u64),
    /// A file of the record in C2SP form, such as `checkpoint`.
    RecordLog(String),
    /// How to sign in.
    SignIn,
    /// A one-time sign-in link.
    SignInOnce(String),
    /// Ends the session (POST).
    SignOut,
    /// What was recorded about the person who is signed in, older than `before`.
    Me {
        /// Where the page begins; `None` for the newest page.
        before: Option<Place>,
    },
    /// A person's choices for a deployment.
    Choices(DeploymentId),
    /// The alliance's office: licences.
    Office,
    /// Suspends a licence (POST).
    OfficeSuspend(DeploymentId),
    /// Puts a suspended licence in force again (POST).
    OfficeReinstate(DeploymentId),
    /// Sets the language and goes back.
    Language {
        /// The language to set.
        language: Language,
        /// A local path to go back to.
        back: String,
    },
    /// A file of the site itself: style, fonts.
    Static(String),
    /// Whether the process runs.
    Live,
    /// Whether the process can do its work.
    Ready,
}

impl Route {
    /// The public notice of `deployment`.
    pub(crate) fn notice(deployment: &DeploymentId) -> Self {
        Self::Notice(deployment.clone())
    }

    /// The first page of what came in to `deployment` without having been declared.
    pub(crate) fn drift(deployment: &DeploymentId) -> Self {
        Self::drift_from(deployment, 0)
    }

    /// The page of what came in to `deployment` without having been declared, after the first `skip` values.
    pub(crate) fn drift_from(deployment: &DeploymentId, skip: u16) -> Self {
        Self::Drift {
            deployment: deployment.clone(),
            skip,
        }
    }

    /// The sign of `deployment`.
    pub(crate) fn sign(deployment: &DeploymentId) -> Self {
        Self::Sign(deployment.clone())
    }

    /// The choices for `deployment`.
    pub(crate) fn choices(deployment: &DeploymentId) -> Self {
        Self::Choices(deployment.clone())
    }

    /// The form that suspends the licence of `deployment`.
    pub(crate) fn suspend(deployment: &DeploymentId) -> Self {
        Self::OfficeSuspend(deployment.clone())
    }

    /// The form that puts the licence of `deployment` in force again.
    pub(crate) fn reinstate(deployment: &DeploymentId) -> Self {
        Self::OfficeReinstate(deployment.clone())
    }

    /// The page of `member`.
    pub(crate) fn member(member: &MemberId) -> Self {
        Self::Member(member.clone())
    }

    /// The entry at `index`.
    pub(crate) const fn entry(index: &u64) -> Self {
        Self::RecordEntry(*index)
    }

    /// The newest page of the record.
    pub(crate) const fn record() -> Self {
        Self::Record { before: None }
    }

    /// The newest page of the person's own data.
    pub(crate) const fn me() -> Self {
        Self::Me { before: None }
    }

    /// The link that signs in once with `token`.
    pub(crate) fn sign_in_once(token: &str) -> Self {
        Self::SignInOnce(token.to_owned())
    }

    /// The signed head of the record.
    pub(crate) fn checkpoint() -> Self {
        Self::RecordLog("checkpoint".to_owned())
    }

    /// The pattern that this route matches.
    pub(crate) const fn pattern(&self) -> &'static str {
        match self {
            Self::Home => pattern::HOME,
            Self::Notice(_) => pattern::NOTICE,
            Self::Drift { .. } => pattern::DRIFT,
            Self::Sign(_) => pattern::SIGN,
            Self::Qr(_) => pattern::QR,
            Self::Member(_) => pattern::MEMBER,
            Self::Record { .. } => pattern::RECORD,
            Self::RecordEntry(_) => pattern::RECORD_ENTRY,
            Self::RecordLog(_) => pattern::RECORD_LOG,
            Self::SignIn => pattern::SIGN_IN,
            Self::SignInOnce(_) => pattern::SIGN_IN_ONCE,
            Self::SignOut => pattern::SIGN_OUT,
            Self::Me { .. } => pattern::ME,
            Self::Choices(_) => pattern::CHOICES,
            Self::Office => pattern::OFFICE,
            Self::OfficeSuspend(_) => pattern::OFFICE_SUSPEND,
            Self::OfficeReinstate(_) => pattern::OFFICE_REINSTATE,
            Self::Language { .. } => pattern::LANGUAGE,
            Self::Static(_) => pattern::STATIC,
            Self::Live => pattern::LIVE,
            Self::Ready => pattern::READY,
        }
    }

    /// What stands in place of the `{…}` of the pattern; empty where it has none.
    fn parameter(&self) -> String {
        match self {
            Self::Notice(it)
            | Self::Drift { deployment: it, .. }
            | Self::Sign(it)
            | Self::Qr(it)
            | Self::Choices(it)
            | Self::OfficeSuspend(it)
            | Self::OfficeReinstate(it) => it.to_string(),
            Self::Member(it) => it.to_string(),
            Self::RecordEntry(it) => it.to_string(),
            Self::SignInOnce(it) | Self::Static(it) => escape(it, false),
            Self::RecordLog(it) => escape(it, true),
            Self::Language { language, .. } => language.tag().to_owned(),
            _ => String::new(),
        }
    }

    /// The query, without `?`; empty where there is none.
    fn query(&self) -> String {
        match self {
            Self::Record {
                before: Some(index),
            } => format!("before={index}"),
            Self::Drift { skip, .. } if *skip > 0 => format!("skip={skip}"),
            Self::Me { before: Some(at) } => {
                format!("before={}&skip={}", at.until.as_millis(), at.skip)
            }
            Self::Language { back, .. } => format!("back={}", escape(back, true)),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = self.pattern();
        match (pattern.split_once('{'), pattern.split_once('}')) {
            (Some((before, _)), Some((_, after))) => {
                write!(f, "{before}{}{after}", self.parameter())?;
            }
            _ => f.write_str(pattern)?,
        }
        let query = self.query();
        if query.is_empty() {
            Ok(())
        } else {
            write!(f, "?{query}")
        }
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3) and, where asked, `/`.
fn escape(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if plain || (keep_slash && byte == b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Whether `path` leads to this site and nowhere else: one slash at the start, no second, no backslash, no control.
pub(crate) fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_write_their_own_paths() {
        let deployment = DeploymentId::parse("lahore-air").unwrap();
        let check = |route: Route, path: &str| assert_eq!(route.to_string(), path);
        check(Route::Home, "/");
        check(Route::drift(&deployment), "/d/lahore-air/drift");
        check(
            Route::drift_from(&deployment, 25),
            "/d/lahore-air/drift?skip=25",
        );
        check(Route::Qr(deployment), "/d/lahore-air/qr.svg");
        check(Route::Record { before: Some(40) }, "/record?before=40");
        check(
            Route::RecordLog("tile/0/x001/067".into()),
            "/record/log/tile/0/x001/067",
        );
        check(Route::SignInOnce("a/b c".into()), "/sign-in/once/a%2Fb%20c");
        let language = Language::Ur;
        let back = "/record?before=40&x=1".into();
        check(
            Route::Language { language, back },
            "/lang/ur?back=/record%3Fbefore%3D40%26x%3D1",
        );
    }

    #[test]
    fn only_paths_of_this_site_are_local() {
        for good in ["/", "/d/lahore-air", "/record?before=3"] {
            assert!(is_local(good), "{good}");
        }
        for bad in [
            "",
            "d",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
        ] {
            assert!(!is_local(bad), "{bad}");
        }
    }
}

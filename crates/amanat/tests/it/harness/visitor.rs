//! A person with a browser that runs no scripts: pages, cookies, forms.

use std::collections::BTreeMap;

use super::PATIENCE;
use super::form::{Form, text_of};

/// Somebody who looks at the site.
pub(crate) struct Visitor {
    agent: ureq::Agent,
    base: String,
    language: String,
    /// Cookies by name.
    pub(crate) cookies: BTreeMap<String, String>,
}

/// An answer of the site.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Page {
    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Where it leads to.
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        match self.header("location") {
            Some(location) => location,
            None => panic!("{} leads nowhere: {}", self.status, self.body),
        }
    }

    /// What can be read on it.
    pub(crate) fn text(&self) -> String {
        text_of(&self.body)
    }

    /// The form that goes to `action`.
    #[track_caller]
    pub(crate) fn form(&self, action: &str) -> Form {
        let forms = Form::all(&self.body);
        let found = forms.iter().find(|it| it.action == action).cloned();
        match found {
            Some(form) => form,
            None => panic!("no form goes to `{action}`: {forms:?} in {}", self.body),
        }
    }

    /// Whether all of `parts` can be read on it.
    #[track_caller]
    pub(crate) fn shows(&self, parts: &[&str]) -> &Self {
        let text = self.text();
        for part in parts {
            assert!(text.contains(part), "`{part}` is not on the page: {text}");
        }
        self
    }
}

impl Visitor {
    pub(crate) fn new(base: &str, language: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build();
        Self {
            agent: config.new_agent(),
            base: base.trim_end_matches('/').to_owned(),
            language: language.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    fn cookie(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Path or URL of this site → URL.
    fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        }
    }

    #[track_caller]
    fn take(&mut self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Page {
        let mut answer = answer.unwrap();
        let headers: Vec<_> = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        for (_, cookie) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() || cookie.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = answer.body_mut().read_to_vec().unwrap();
        Page {
            status: answer.status().as_u16(),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Opens a page.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Page {
        let request = self
            .agent
            .get(self.url(path))
            .header("accept-language", &self.language)
            .header("cookie", self.cookie());
        let answer = request.call();
        self.take(answer)
    }

    /// Opens a page that must be there.
    #[track_caller]
    pub(crate) fn open(&mut self, path: &str) -> Page {
        let page = self.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        page
    }

    /// Sends bytes of a content type, with further headers.
    #[track_caller]
    pub(crate) fn send(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Page {
        let mut request = self
            .agent
            .post(self.url(path))
            .header("cookie", self.cookie());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send(body);
        self.take(answer)
    }

    /// Sends a form as a browser does.
    #[track_caller]
    pub(crate) fn submit(&mut self, form: &Form) -> Page {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept-language", &self.language.clone()),
            ("origin", &self.base.clone()),
        ];
        self.send(&form.action, &headers, form.body().as_bytes())
    }

    /// Sends a form and opens what it leads to.
    #[track_caller]
    pub(crate) fn submit_and_follow(&mut self, form: &Form) -> Page {
        let page = self.submit(form);
        if page.status == 303 {
            let location = page.location().to_owned();
            self.open(&location)
        } else {
            page
        }
    }

    /// Opens a one-time link and presses its button.
    #[track_caller]
    pub(crate) fn sign_in(&mut self, link: &str) -> Page {
        let page = self.open(link);
        let path = link.strip_prefix(&self.base).unwrap_or(link);
        let form = page.form(path);
        let page = self.submit(&form);
        assert_eq!(page.status, 303, "{}", page.body);
        let location = page.location().to_owned();
        self.open(&location)
    }
}

//! A browser without a window: keeps cookies, sends forms with the token of the page it saw last.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use tower::ServiceExt;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// How long the body was on the wire.
    pub(super) bytes: usize,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }

    #[track_caller]
    pub(super) fn has(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "no `{text}` in\n{}", self.body);
        self
    }

    #[track_caller]
    pub(super) fn lacks(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "`{text}` in\n{}", self.body);
        self
    }
}

#[derive(Clone)]
pub(super) struct Browser {
    router: Router,
    pub(super) cookies: BTreeMap<String, String>,
    pub(super) token: String,
    /// More headers for the next requests.
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Browser {
    pub(super) fn new(router: Router) -> Self {
        Self {
            router,
            cookies: BTreeMap::new(),
            token: String::new(),
            headers: Vec::new(),
        }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, String::new()).await
    }

    /// Sends a form with the token of the last page.
    pub(super) async fn post(&mut self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let token = self.token.clone();
        let pairs = pairs.iter().copied().chain([("form", token.as_str())]);
        let body: Vec<_> = pairs
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        self.send("POST", path, body.join("&")).await
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, body: String) -> Answer {
        self.send_bytes(method, path, body.into_bytes()).await
    }

    pub(super) async fn send_bytes(&mut self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder().method(method).uri(path);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let typed = self.headers.iter().any(|(name, _)| *name == "content-type");
        if method == "POST" && !typed {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let bytes = body.len();
        let body = String::from_utf8_lossy(&body).into_owned();
        self.keep(&parts.headers, &body);
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            bytes,
        }
    }

    fn keep(&mut self, headers: &HeaderMap, body: &str) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let token = body.split("name=\"form\" value=\"").nth(1);
        if let Some(token) = token.and_then(|it| it.split('"').next()) {
            token.clone_into(&mut self.token);
        }
    }
}

fn escape(text: &str) -> String {
    let byte = |it: u8| {
        if it.is_ascii_alphanumeric() {
            char::from(it).to_string()
        } else {
            format!("%{it:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

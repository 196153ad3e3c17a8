//! As much of a browser as the pages need without JavaScript: cookies, redirects, forms.

use std::collections::BTreeMap;

use ureq::Agent;
use ureq::http::Response;

pub(crate) struct Browser {
    agent: Agent,
    origin: String,
    cookies: BTreeMap<String, String>,
}

/// A page that was shown.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(origin: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            origin: origin.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a path or a link of the site.
    pub(crate) fn open(&mut self, place: &str) -> Page {
        let mut place = place.strip_prefix(&self.origin).unwrap_or(place).to_owned();
        for _ in 0..5 {
            let request = self.agent.get(format!("{}{place}", self.origin));
            let response = request.header("cookie", self.cookie()).call().unwrap();
            match self.read(response) {
                Ok(page) => return page,
                Err(next) => place = next,
            }
        }
        panic!("too many redirects");
    }

    /// Fills in the form that posts to `action` on `page` and sends it.
    pub(crate) fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let form = page
            .text
            .split("<form")
            .find(|it| it.contains(&format!("action=\"{action}\"")));
        let form = form.unwrap_or_else(|| panic!("no form posts to {action}: {}", page.text));
        let token = form.split("name=\"form\" value=\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap();
        let mut fields = fields.to_vec();
        fields.push(("form", token));
        let request = self.agent.post(format!("{}{action}", self.origin));
        let response = request
            .header("cookie", self.cookie())
            .header("origin", &self.origin)
            .send_form(fields)
            .unwrap();
        match self.read(response) {
            Ok(page) => page,
            Err(next) => self.open(&next),
        }
    }

    /// Signs in with a one-time link.
    pub(crate) fn sign_in(&mut self, link: &str) -> Page {
        let page = self.open(link);
        let action = link.strip_prefix(&self.origin).unwrap().to_owned();
        self.submit(&page, &action, &[])
    }

    fn cookie(&self) -> String {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// The page, or where it redirects to.
    fn read(&mut self, mut response: Response<ureq::Body>) -> Result<Page, String> {
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        if let Some(next) = response.headers().get("location") {
            return Err(next.to_str().unwrap().to_owned());
        }
        Ok(Page {
            status: response.status().as_u16(),
            text: response.body_mut().read_to_string().unwrap(),
        })
    }
}

//! A real browser: headless Chromium, driven over WebDriver by chromedriver.
//!
//! WebDriver is JSON over HTTP, and what these tests need of it is small: open, run a script, press, and three commands
//! of Chromium's own protocol (exact viewport, page without scripts, picture of the whole page).

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::lines::Lines;
use super::process::Guard;
use super::{PATIENCE, target};

/// How long one command may take; a picture of a long page is the slowest.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
/// The W3C name of an element reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What the browser has as its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Viewport {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Viewport {
    pub(crate) const PHONE: Self = Self {
        name: "360",
        width: 360,
        height: 800,
    };
    pub(crate) const DESKTOP: Self = Self {
        name: "1280",
        width: 1280,
        height: 900,
    };
}

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

/// One browser with a profile of its own.
pub(crate) struct Browser {
    agent: ureq::Agent,
    session: String,
    scripts: Scripts,
    // In this order they are dropped: the driver ends its browser, then the profile goes.
    _driver: Guard,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser whose pages ask for `language`.
    pub(crate) fn start(language: &str, scripts: Scripts) -> Self {
        let (driver, port) = start_driver();
        let profile = testkit::temp_dir();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(COMMAND_TIMEOUT))
            .proxy(None)
            .build();
        let mut browser = Self {
            agent: config.new_agent(),
            session: format!("http://127.0.0.1:{port}/session"),
            scripts,
            _driver: driver,
            _profile: profile,
        };
        let user_data = browser._profile.path().join("profile");
        let answer = browser.post("", &capabilities(&user_data, language, scripts));
        let id = answer["sessionId"].as_str().unwrap().to_owned();
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    #[track_caller]
    fn post(&self, command: &str, body: &Value) -> Value {
        let url = format!("{}{command}", self.session);
        let mut answer = self
            .agent
            .post(&url)
            .header("content-type", "application/json")
            .send(body.to_string())
            .unwrap();
        let text = answer
            .body_mut()
            .with_config()
            .limit(256 * 1024 * 1024)
            .read_to_string()
            .unwrap();
        assert!(answer.status().is_success(), "{command}: {text}");
        let mut value: Value = serde_json::from_str(&text).unwrap();
        value["value"].take()
    }

    /// A command of the Chrome DevTools Protocol.
    #[track_caller]
    fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", &body)
    }

    /// Sets the exact size of the page's window.
    pub(crate) fn resize(&self, viewport: Viewport) {
        let metrics = json!({
            "width": viewport.width,
            "height": viewport.height,
            "deviceScaleFactor": 1,
            "mobile": viewport == Viewport::PHONE,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Opens a page and waits until it is loaded.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs a script, whatever the page's own policy says about scripts, and gives what it returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str, arguments: Value) -> Value {
        self.post(
            "/execute/sync",
            &json!({ "script": script, "args": arguments }),
        )
    }

    /// Runs a script that gives its result to its last argument.
    #[track_caller]
    pub(crate) fn run_async(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Gives the browser a device that keeps passkeys and confirms at once (WebAuthn Level 3, section 11, "WebDriver Extension").
    #[track_caller]
    pub(crate) fn keep_passkeys(&self) {
        let device = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
        });
        self.post("/webauthn/authenticator", &device);
    }

    /// Presses the first element that matches, with the mouse; gives its reference.
    #[track_caller]
    pub(crate) fn press(&self, css: &str) -> String {
        let by = json!({ "using": "css selector", "value": css });
        let found = self.post("/element", &by);
        let id = found[ELEMENT].as_str().unwrap().to_owned();
        if self.scripts == Scripts::On {
            let scroll = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
            self.run(scroll, json!([found]));
        }
        self.post(&format!("/element/{id}/click"), &json!({}));
        id
    }

    /// Presses what leads to another page, and waits until this one is gone.
    #[track_caller]
    pub(crate) fn leave_by(&self, css: &str) {
        let id = self.press(css);
        let url = format!("{}/element/{id}/name", self.session);
        testkit::wait_until("the page is left", PATIENCE, || {
            !self.agent.get(&url).call().unwrap().status().is_success()
        });
    }

    /// Lets pages see which colours the reader prefers: `light` or `dark`.
    #[track_caller]
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
    }

    /// The address of the page.
    #[track_caller]
    pub(crate) fn address(&self) -> String {
        self.ask("url")
    }

    /// The title of the page.
    #[track_caller]
    pub(crate) fn title(&self) -> String {
        self.ask("title")
    }

    /// The page as it stands.
    #[track_caller]
    pub(crate) fn source(&self) -> String {
        self.ask("source")
    }

    #[track_caller]
    fn ask(&self, what: &str) -> String {
        let mut answer = self
            .agent
            .get(format!("{}/{what}", self.session))
            .call()
            .unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        value["value"].as_str().unwrap().to_owned()
    }

    /// Writes a picture of the whole page.
    #[track_caller]
    pub(crate) fn picture(&self, name: &str) {
        let options = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.devtools("Page.captureScreenshot", options);
        let bytes = BASE64
            .decode(picture["data"].as_str().unwrap().as_bytes())
            .unwrap();
        let directory = target().join("screenshots");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser; the guard ends the driver.
        let _ = self.agent.delete(&self.session).call();
    }
}

fn start_driver() -> (Guard, u16) {
    let spawned = Command::new("chromedriver")
        .args(["--port=0", "--allowed-ips=127.0.0.1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else {
        panic!(
            "chromedriver cannot be started: `cargo xtask setup` installs it (package chromium-driver)"
        );
    };
    let lines = Lines::of(child.stdout.take().unwrap());
    let guard = Guard(child);
    let said = lines.find("chromedriver says its port", PATIENCE, |it| {
        it.contains("successfully on port")
    });
    let port = said.rsplit(' ').next().unwrap().trim_end_matches('.');
    (guard, port.parse().unwrap())
}

fn capabilities(user_data: &Path, language: &str, scripts: Scripts) -> Value {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
        "--window-size=1280,900",
    ];
    let mut arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
    arguments.push(format!("--user-data-dir={}", user_data.display()));
    arguments.push(format!("--accept-lang={language}"));
    let mut preferences = json!({ "intl.accept_languages": language });
    if scripts == Scripts::Off {
        preferences["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "timeouts": { "script": 60_000, "pageLoad": 30_000 },
        "goog:chromeOptions": { "args": arguments, "prefs": preferences },
    } } })
}
